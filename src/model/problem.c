/* Faults of a spec: collecting and printing them. */
#include "model/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts at the end of a whole UTF-8 character. */
static size_t whole_characters(const char *text, size_t length, size_t max)
{
    if (length <= max)
        return length;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

void dure_problem_place(const char *text, size_t offset, uint32_t *ret_line, uint32_t *ret_column)
{
    *ret_line = *ret_column = 1;
    for (size_t i = 0; i < offset; i++)
        if (text[i] == '\n') {
            ++*ret_line;
            *ret_column = 1;
        } else
            *ret_column += ((unsigned char)text[i] & 0xc0) != 0x80;
}

void dure_problem_quote(char *quoted, size_t size, const char *text)
{
    DURE_ASSERT(size >= 8);
    size_t length = strlen(text);
    size_t kept = whole_characters(text, length, size - 6); /* two quotes, an ellipsis of three bytes, a NUL */
    size_t out = 0;
    quoted[out++] = '\'';
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)text[i];
        quoted[out++] = c < 0x20 || c == 0x7f ? '.' : text[i];
    }
    if (kept < length) {
        memcpy(quoted + out, "\xe2\x80\xa6", 3);
        out += 3;
    }
    quoted[out++] = '\'';
    quoted[out] = '\0';
}

static struct dure_problem *problem_next(struct dure_problems *problems)
{
    problems->total++;
    if (problems->count == DURE_PROBLEMS_MAX)
        return NULL;
    struct dure_problem *problem = &problems->at[problems->count++];
    memset(problem, 0, sizeof *problem);
    return problem;
}

static void set_text(char *to, size_t size, const char *text)
{
    size_t kept = whole_characters(text, strlen(text), size - 1);
    memcpy(to, text, kept);
    to[kept] = '\0';
}

static void describe(const struct dure_tree *tree, char *found, size_t size)
{
    if (tree->kind == DURE_TREE_LIST)
        set_text(found, size, "a list");
    else if (tree->kind == DURE_TREE_MAP)
        set_text(found, size, "a map");
    else if (dure_tree_is_null(tree))
        set_text(found, size, "nothing");
    else
        dure_problem_quote(found, size, tree->text);
}

static void set_expected(struct dure_problem *problem, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    set_text(problem->expected, sizeof problem->expected, text);
}

void dure_problem_add(struct dure_problems *problems, const struct dure_tree *tree, const char *found,
                      const char *expected_format, ...)
{
    struct dure_problem *problem = problem_next(problems);
    if (!problem)
        return;
    problem->line = tree->line;
    problem->column = tree->column;
    dure_tree_path(tree, problem->field, sizeof problem->field);
    if (found)
        set_text(problem->found, sizeof problem->found, found);
    else
        describe(tree, problem->found, sizeof problem->found);
    va_list args;
    va_start(args, expected_format);
    set_expected(problem, expected_format, args);
    va_end(args);
}

void dure_problem_missing(struct dure_problems *problems, const struct dure_tree *map, const char *key,
                          const char *expected_format, ...)
{
    struct dure_problem *problem = problem_next(problems);
    if (!problem)
        return;
    problem->line = map->line;
    problem->column = map->column;
    dure_tree_path(map, problem->field, sizeof problem->field);
    size_t used = strlen(problem->field);
    snprintf(problem->field + used, sizeof problem->field - used, "%s%s", used ? "." : "", key);
    set_text(problem->found, sizeof problem->found, "nothing");
    va_list args;
    va_start(args, expected_format);
    set_expected(problem, expected_format, args);
    va_end(args);
}

void dure_problem_key(struct dure_problems *problems, const struct dure_tree *tree, const char *found,
                      const char *expected_format, ...)
{
    struct dure_problem *problem = problem_next(problems);
    if (!problem)
        return;
    problem->line = tree->key_line;
    problem->column = tree->key_column;
    dure_tree_path(tree, problem->field, sizeof problem->field);
    set_text(problem->found, sizeof problem->found, found);
    va_list args;
    va_start(args, expected_format);
    set_expected(problem, expected_format, args);
    va_end(args);
}

void dure_problem_at(struct dure_problems *problems, uint32_t line, uint32_t column, const char *field,
                     const char *found, const char *expected_format, ...)
{
    struct dure_problem *problem = problem_next(problems);
    if (!problem)
        return;
    problem->line = line;
    problem->column = column;
    set_text(problem->field, sizeof problem->field, field);
    set_text(problem->found, sizeof problem->found, found);
    va_list args;
    va_start(args, expected_format);
    set_expected(problem, expected_format, args);
    va_end(args);
}

static void print_one(const struct dure_problem *problem, const char *file, struct dure_buf *buf)
{
    if (file && *file)
        dure_buf_printf(buf, "%s:", file);
    if (problem->line)
        dure_buf_printf(buf, "%u:", problem->line);
    if (problem->column)
        dure_buf_printf(buf, "%u:", problem->column);
    if (buf->length && buf->data[buf->length - 1] == ':')
        dure_buf_byte(buf, ' ');
    if (problem->field[0])
        dure_buf_printf(buf, "%s: ", problem->field);
    dure_buf_printf(buf, "found %s, expected %s", problem->found, problem->expected);
}

void dure_problems_print(const struct dure_problems *problems, struct dure_buf *buf)
{
    for (uint32_t i = 0; i < problems->count; i++) {
        print_one(&problems->at[i], problems->file, buf);
        dure_buf_byte(buf, '\n');
    }
    uint32_t rest = problems->total - problems->count;
    if (rest)
        dure_buf_printf(buf, "and %u more problem%s\n", rest, rest == 1 ? "" : "s");
}

enum dure_err dure_problems_fail(const struct dure_problems *problems, struct dure_error *error)
{
    if (problems->count == 0)
        return dure_fail(error, DURE_E_INVALID, "the spec is not valid");
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    print_one(&problems->at[0], problems->file, &buf);
    if (problems->total > 1)
        dure_buf_printf(&buf, " (and %u more)", problems->total - 1);
    return dure_fail(error, DURE_E_INVALID, "%s", buf.failed || !buf.data ? "the spec is not valid" : buf.data);
}
