/* JSON text (RFC 8259) → tree, in one pass into the arena: every submission comes this way. Stricter than it need be: no duplicate keys, no
 * NUL characters, a list or an object at the root. Numbers keep their text, so that no decimal is rounded on the way. */
#include "model/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/tree_build.h"

struct json {
    struct dure_arena *arena;
    struct dure_problems *problems;
    const char *begin, *at, *end;
    uint32_t nodes;
    bool places;        /* nodes get their line and column: */
    const char *placed; /* up to here, the text was counted */
    uint32_t line, column;
};

/* The place of `json->at`, which only moves on. Columns count characters. */
static void place(struct json *json, uint32_t *line, uint32_t *column)
{
    if (!json->places)
        return;
    for (; json->placed < json->at; json->placed++)
        if (*json->placed == '\n') {
            json->line++;
            json->column = 1;
        } else
            json->column += ((unsigned char)*json->placed & 0xc0) != 0x80;
    *line = json->line;
    *column = json->column;
}

static enum dure_err wrong(struct json *json, const char *at, const char *what)
{
    uint32_t line, column;
    dure_problem_place(json->begin, (size_t)(at - json->begin), &line, &column);
    char found[96];
    snprintf(found, sizeof found, "bad JSON (%s)", what);
    dure_problem_at(json->problems, line, column, "", found, "one JSON object without duplicate keys");
    return DURE_E_INVALID;
}

static enum dure_err over(struct json *json, const char *found, const char *expected)
{
    dure_problem_at(json->problems, 0, 0, "", found, "%s", expected);
    return DURE_E_LIMIT;
}

static enum dure_err no_room(struct json *json)
{
    return over(json, "more text", "a spec that fits the memory set aside for it");
}

static void skip_blanks(struct json *json)
{
    while (json->at < json->end && (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        json->at++;
}

static bool take(struct json *json, char c)
{
    if (json->at == json->end || *json->at != c)
        return false;
    json->at++;
    return true;
}

static bool hex4(const char *at, const char *end, unsigned *ret_unit)
{
    unsigned unit = 0;
    if (end - at < 4)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return false;
        unit = unit << 4 | digit;
    }
    *ret_unit = unit;
    return true;
}

static size_t put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* \uXXXX at `at` (after the u), with its second half if it is half of a pair. 0: not a character. */
static unsigned escaped_character(const char **at, const char *end)
{
    unsigned high, low;
    if (!hex4(*at, end, &high))
        return 0;
    *at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !hex4(*at + 2, end, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Decodes what stands between the quotes into `to`; an escape never grows. Returns the length, or SIZE_MAX with `at` at the fault. */
static size_t unescape(const char **at, const char *end, char *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    size_t used = 0;
    for (const char *c = *at; c < end;) {
        if (*c != '\\') {
            to[used++] = *c++;
            continue;
        }
        const char *known = c[1] ? strchr(from, c[1]) : NULL;
        if (known) {
            to[used++] = into[known - from];
            c += 2;
            continue;
        }
        const char *escape = c;
        c += 2;
        unsigned code = escape[1] == 'u' ? escaped_character(&c, end) : 0;
        if (code == 0) {
            *at = escape;
            return SIZE_MAX;
        }
        used += put_utf8(to + used, code);
    }
    return used;
}

/* A string whose opening quote was taken. */
static enum dure_err read_string(struct json *json, const char **ret_text)
{
    const char *begin = json->at, *c = begin;
    bool escapes = false;
    for (; c < json->end && *c != '"'; c++) {
        if ((unsigned char)*c < 0x20)
            return wrong(json, c, "a control character in a string");
        if (*c == '\\') {
            escapes = true;
            if (++c == json->end)
                break;
        }
    }
    if (c == json->end)
        return wrong(json, begin - 1, "a string that is not closed");
    json->at = c + 1;
    char *text;
    if (!escapes) {
        text = dure_arena_strndup(json->arena, begin, (size_t)(c - begin));
        if (!text)
            return no_room(json);
    } else {
        text = DURE_ARENA_NEW(json->arena, char, c - begin + 1);
        if (!text)
            return no_room(json);
        if (unescape(&begin, c, text) == SIZE_MAX)
            return wrong(json, begin, "a bad escape");
    }
    *ret_text = text;
    return DURE_OK;
}

static size_t digits(struct json *json)
{
    const char *begin = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - begin);
}

static enum dure_err read_number(struct json *json, struct dure_tree *node)
{
    const char *begin = json->at;
    (void)take(json, '-');
    bool zero = json->at < json->end && *json->at == '0';
    size_t whole = digits(json);
    if (whole == 0 || (zero && whole > 1) || (take(json, '.') && digits(json) == 0))
        return wrong(json, begin, "not a value");
    if (take(json, 'e') || take(json, 'E')) {
        if (!take(json, '+'))
            (void)take(json, '-');
        if (digits(json) == 0)
            return wrong(json, begin, "not a value");
    }
    node->text = dure_arena_strndup(json->arena, begin, (size_t)(json->at - begin));
    return node->text ? DURE_OK : no_room(json);
}

static enum dure_err read_word(struct json *json, struct dure_tree *node)
{
    static const char *const words[] = {"true", "false", "null"};
    for (unsigned i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= length && memcmp(json->at, words[i], length) == 0) {
            json->at += length;
            node->text = words[i];
            return DURE_OK;
        }
    }
    return wrong(json, json->at, json->at == json->end ? "it ends too early" : "not a value");
}

static enum dure_err read_value(struct json *json, struct dure_tree *node, unsigned depth);

static enum dure_err read_child(struct json *json, struct dure_tree *parent, struct dure_tree **last, unsigned depth)
{
    if (json->nodes == DURE_TREE_NODES_MAX)
        return over(json, "more values", "at most 1,000,000 values in one spec");
    struct dure_tree *node = DURE_ARENA_NEW(json->arena, struct dure_tree, 1);
    if (!node)
        return no_room(json);
    json->nodes++;
    if (parent->kind == DURE_TREE_MAP) {
        skip_blanks(json);
        place(json, &node->key_line, &node->key_column);
        if (!take(json, '"'))
            return wrong(json, json->at, "a key in quotes is missing");
        enum dure_err err = read_string(json, &node->key);
        if (err)
            return err;
        skip_blanks(json);
        if (!take(json, ':'))
            return wrong(json, json->at, "a colon is missing");
    }
    node->parent = parent;
    node->index = parent->count++;
    if (*last)
        (*last)->next = node;
    else
        parent->first = node;
    *last = node;
    return read_value(json, node, depth + 1);
}

/* A list or an object whose opening bracket was taken. */
static enum dure_err read_children(struct json *json, struct dure_tree *node, unsigned depth)
{
    const char *opened = json->at - 1;
    char close = node->kind == DURE_TREE_MAP ? '}' : ']';
    struct dure_tree *last = NULL;
    if (depth >= DURE_TREE_DEPTH_MAX)
        return over(json, "another level of nesting", "at most 20 levels");
    skip_blanks(json);
    if (take(json, close))
        return DURE_OK;
    do {
        enum dure_err err = read_child(json, node, &last, depth);
        if (err)
            return err;
        skip_blanks(json);
    } while (take(json, ','));
    if (!take(json, close))
        return wrong(json, json->at, "a comma or a closing bracket is missing");
    const struct dure_tree *twice = NULL;
    if (node->kind == DURE_TREE_MAP && !dure_tree_duplicate(node, &twice))
        return DURE_E_MEMORY;
    if (!twice)
        return DURE_OK;
    char what[80], quoted[64];
    dure_problem_quote(quoted, sizeof quoted, twice->key);
    snprintf(what, sizeof what, "%s twice", quoted);
    return wrong(json, opened, what);
}

static enum dure_err read_value(struct json *json, struct dure_tree *node, unsigned depth)
{
    skip_blanks(json);
    place(json, &node->line, &node->column);
    char c = json->at < json->end ? *json->at : '\0';
    node->kind = c == '{' ? DURE_TREE_MAP : c == '[' ? DURE_TREE_LIST : DURE_TREE_SCALAR;
    if (node->kind != DURE_TREE_SCALAR) {
        json->at++;
        return read_children(json, node, depth);
    }
    if (depth == 0)
        return wrong(json, json->at, "no object");
    if (c == '"') {
        json->at++;
        node->quoted = true;
        return read_string(json, &node->text);
    }
    return c == '-' || (c >= '0' && c <= '9') ? read_number(json, node) : read_word(json, node);
}

static enum dure_err read_text(struct json *json, struct dure_tree **ret_tree)
{
    const size_t length = (size_t)(json->end - json->begin);
    if (length > DURE_SPEC_BYTES_MAX)
        return over(json, "a longer text", "at most 8 MiB");
    for (size_t at = 0, bad, step; at < length; at += step)
        if ((signed char)json->begin[at] >= 0)
            step = 1;
        else if ((step = dure_utf8_next(json->begin + at, length - at, &bad)) == 0)
            return wrong(json, json->begin + at, "a byte that is not UTF-8");
    struct dure_tree *root = DURE_ARENA_NEW(json->arena, struct dure_tree, 1);
    if (!root)
        return no_room(json);
    enum dure_err err = read_value(json, root, 0);
    if (err)
        return err;
    skip_blanks(json);
    if (json->at < json->end)
        return wrong(json, json->at, "something after the end");
    *ret_tree = root;
    return DURE_OK;
}

enum dure_err dure_tree_from_json(struct dure_arena *arena, const char *text, size_t length,
                                  struct dure_tree **ret_tree, struct dure_problems *problems)
{
    struct json json = {.arena = arena, .problems = problems, .begin = text, .at = text, .end = text + length};
    return read_text(&json, ret_tree);
}

enum dure_err dure_tree_from_json_file(struct dure_arena *arena, const char *text, size_t length,
                                       struct dure_tree **ret_tree, struct dure_problems *problems)
{
    struct json json = {.arena = arena,
                        .problems = problems,
                        .begin = text,
                        .at = text,
                        .end = text + length,
                        .places = true,
                        .placed = text,
                        .line = 1,
                        .column = 1};
    return read_text(&json, ret_tree);
}
