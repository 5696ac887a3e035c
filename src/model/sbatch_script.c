/* The #SBATCH lines of a script, by sbatch's own rules: only before the first command; words apart by blanks, quotes and backslashes keep
 * them together; an unquoted # ends the line. */
#include "base/utf8.h"
#include "model/sbatch_build.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 256, SCRIPT_BYTES_MAX = 1024 * 1024 };
static const char marker[] = "#SBATCH";

struct words {
    const char *text[WORDS_MAX];
    uint32_t column[WORDS_MAX];
    unsigned count;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts text[from..length) into words. False: a problem was added. */
static bool cut(struct dure_sbatch *s, const char *line, size_t from, size_t length, uint32_t number,
                struct words *words)
{
    size_t at = from;
    for (;;) {
        while (at < length && blank(line[at]))
            at++;
        if (at == length || line[at] == '#')
            return true;
        char *word = DURE_ARENA_NEW(s->arena, char, length - at + 1);
        if (!word) {
            s->no_memory = true;
            return false;
        }
        if (words->count == WORDS_MAX) {
            dure_problem_at(s->problems, number, (uint32_t)at + 1, marker, "more words", "at most %d words in a line",
                            WORDS_MAX);
            return false;
        }
        words->column[words->count] = (uint32_t)at + 1;
        size_t used = 0;
        char quote = 0;
        for (; at < length && (quote || (!blank(line[at]) && line[at] != '#')); at++) {
            if (line[at] == '\\' && at + 1 < length)
                word[used++] = line[++at];
            else if (quote && line[at] == quote)
                quote = 0;
            else if (!quote && (line[at] == '"' || line[at] == '\''))
                quote = line[at];
            else
                word[used++] = line[at];
        }
        if (quote) {
            dure_problem_at(s->problems, number, words->column[words->count], marker, "a quote that is not closed",
                            "a closing %c", quote);
            return false;
        }
        words->text[words->count++] = word;
    }
}

static void unknown(struct dure_sbatch *s, const char *word, const char *name, uint32_t line, uint32_t column)
{
    char found[96];
    dure_problem_quote(found, sizeof found, word);
    const char *near = dure_sbatch_nearest(name);
    if (near)
        dure_problem_at(s->problems, line, column, marker, found, "an option of sbatch, such as --%s", near);
    else
        dure_problem_at(s->problems, line, column, marker, found, "an option of sbatch");
}

/* Takes the option at words[i], with the next word where it needs one; returns the last word used. */
static unsigned take_long(struct dure_sbatch *s, const struct words *words, unsigned i, uint32_t line)
{
    const char *word = words->text[i] + 2, *equals = strchr(word, '=');
    const char *name = equals ? dure_arena_strndup(s->arena, word, (size_t)(equals - word)) : word;
    if (!name) {
        s->no_memory = true;
        return i;
    }
    const struct dure_sbatch_known *known = dure_sbatch_find(name);
    if (!known)
        unknown(s, words->text[i], name, line, words->column[i]);
    else if (equals)
        dure_sbatch_take(s, name, equals + 1, line, words->column[i]);
    else if (known->value == DURE_SBV_NEEDED && i + 1 < words->count)
        dure_sbatch_take(s, name, words->text[i + 1], line, words->column[i]);
    else
        dure_sbatch_take(s, name, NULL, line, words->column[i]);
    return !equals && known && known->value == DURE_SBV_NEEDED ? i + 1 : i;
}

static unsigned take_short(struct dure_sbatch *s, const struct words *words, unsigned i, uint32_t line)
{
    for (const char *letter = words->text[i] + 1; *letter; letter++) {
        const struct dure_sbatch_known *known = dure_sbatch_find_letter(*letter);
        if (!known) {
            unknown(s, words->text[i], words->text[i] + 1, line, words->column[i]);
            return i;
        }
        if (known->value == DURE_SBV_NEEDED) {
            const char *value = letter[1] ? letter + 1 : i + 1 < words->count ? words->text[i + 1] : NULL;
            dure_sbatch_take(s, known->name, value, line, words->column[i]);
            return letter[1] ? i : i + 1;
        }
        dure_sbatch_take(s, known->name, NULL, line, words->column[i]);
    }
    return i;
}

static void read_line(struct dure_sbatch *s, const char *line, size_t length, uint32_t number)
{
    struct words words = {.count = 0};
    if (!cut(s, line, sizeof marker - 1, length, number, &words))
        return;
    if (words.count > 0 && (strcmp(words.text[0], "hetjob") == 0 || strcmp(words.text[0], "packjob") == 0)) {
        dure_problem_at(s->problems, number, words.column[0], marker, "a heterogeneous job",
                        "one kind of task for all: submit two jobs");
        return;
    }
    for (unsigned i = 0; i < words.count && !s->no_memory; i++) {
        const char *word = words.text[i];
        if (word[0] == '-' && word[1] == '-' && word[2])
            i = take_long(s, &words, i, number);
        else if (word[0] == '-' && word[1] && word[1] != '-')
            i = take_short(s, &words, i, number);
        else {
            char found[96];
            dure_problem_quote(found, sizeof found, word);
            dure_problem_at(s->problems, number, words.column[i], marker, found, "an option");
        }
    }
}

static bool is_marked(const char *line, size_t length)
{
    size_t marked = sizeof marker - 1;
    return length >= marked && memcmp(line, marker, marked) == 0 && (length == marked || blank(line[marked]));
}

static bool is_command(const char *line, size_t length)
{
    size_t at = 0;
    while (at < length && blank(line[at]))
        at++;
    return at < length && line[at] != '#';
}

/* A script travels as JSON, so it must be UTF-8: the first byte that is not, or `length`. */
static size_t bad_byte(const char *script, size_t length)
{
    size_t at = 0, step, bad;
    while (at < length && (step = dure_utf8_next(script + at, length - at, &bad)) != 0)
        at += step;
    return at;
}

static void refuse_at(struct dure_sbatch *s, const char *script, size_t offset, const char *found, const char *expected)
{
    uint32_t line, column;
    dure_problem_place(script, offset, &line, &column);
    dure_problem_at(s->problems, line, column, "", found, "%s", expected);
}

static bool acceptable(struct dure_sbatch *s, const char *script, size_t length)
{
    size_t bad;
    const char *nul = memchr(script, '\0', length), *end = memchr(script, '\r', length);
    if (length > SCRIPT_BYTES_MAX)
        dure_problem_at(s->problems, 0, 0, "", "a longer script", "at most 1 MiB");
    else if (!dure_sbatch_is_script(script, length))
        dure_problem_at(s->problems, 1, 1, "", "no interpreter", "a first line such as #!/bin/bash");
    else if (nul)
        refuse_at(s, script, (size_t)(nul - script), "a NUL character", "a script of text");
    else if (end && end + 1 < script + length && end[1] == '\n')
        refuse_at(s, script, (size_t)(end - script), "DOS line ends (CR LF)", "lines that end with LF: try dos2unix");
    else if ((bad = bad_byte(script, length)) < length)
        refuse_at(s, script, bad, "a byte that is not UTF-8", "a script of UTF-8 text");
    else
        return true;
    return false;
}

void dure_sbatch_read_script(struct dure_sbatch *s, const char *script, size_t length)
{
    if (!acceptable(s, script, length))
        return;
    bool commands = false;
    uint32_t number = 0;
    for (size_t at = 0; at < length && !s->no_memory;) {
        const char *line = script + at, *newline = memchr(line, '\n', length - at);
        size_t line_length = newline ? (size_t)(newline - line) : length - at;
        number++;
        at += line_length + 1;
        if (is_marked(line, line_length)) {
            if (!commands)
                read_line(s, line, line_length, number);
            else
                dure_buf_printf(s->ignored, "line %u: a #SBATCH line after the first command is not read\n", number);
        }
        commands |= is_command(line, line_length);
    }
}
