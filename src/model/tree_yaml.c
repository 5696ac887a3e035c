/* YAML 1.2 text → tree, from libyaml's events. */
#include "model/tree.h"
#include "model/tree_build.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct building {
    struct dure_arena *arena;
    struct dure_problems *problems;
    struct dure_tree *root;
    struct dure_tree *open[DURE_TREE_DEPTH_MAX + 1]; /* lists and maps not yet ended */
    struct dure_tree *last[DURE_TREE_DEPTH_MAX + 1]; /* the newest child of each */
    struct {
        const char *text;
        uint32_t line, column;
    } key[DURE_TREE_DEPTH_MAX + 1]; /* a key whose value is still to come */
    unsigned depth;
    uint32_t nodes;
};

static enum dure_err refuse(struct building *b, const yaml_mark_t *mark, const char *found, const char *expected)
{
    char field[160] = "";
    if (b->depth > 0)
        dure_tree_path(b->open[b->depth - 1], field, sizeof field);
    dure_problem_at(b->problems, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, field, found, "%s", expected);
    return DURE_E_INVALID;
}

static enum dure_err too_large(struct building *b, const yaml_mark_t *mark, const char *found, const char *expected)
{
    (void)refuse(b, mark, found, expected);
    return DURE_E_LIMIT;
}

static enum dure_err attach(struct building *b, struct dure_tree *node)
{
    if (b->depth == 0) {
        b->root = node;
        return DURE_OK;
    }
    struct dure_tree *parent = b->open[b->depth - 1], *before = b->last[b->depth - 1];
    node->parent = parent;
    node->index = parent->count++;
    if (before)
        before->next = node;
    else
        parent->first = node;
    b->last[b->depth - 1] = node;
    if (parent->kind == DURE_TREE_MAP) {
        node->key = b->key[b->depth - 1].text;
        node->key_line = b->key[b->depth - 1].line;
        node->key_column = b->key[b->depth - 1].column;
        b->key[b->depth - 1].text = NULL;
    }
    return DURE_OK;
}

static enum dure_err add_node(struct building *b, enum dure_tree_kind kind, const yaml_mark_t *mark,
                              struct dure_tree **ret_node)
{
    if (b->nodes == DURE_TREE_NODES_MAX)
        return too_large(b, mark, "more values", "at most 1,000,000 values in one spec");
    struct dure_tree *node = DURE_ARENA_NEW(b->arena, struct dure_tree, 1);
    if (!node)
        return too_large(b, mark, "more text", "a spec that fits the memory set aside for it");
    b->nodes++;
    node->kind = kind;
    node->line = (uint32_t)mark->line + 1;
    node->column = (uint32_t)mark->column + 1;
    *ret_node = node;
    return attach(b, node);
}

static bool awaits_key(const struct building *b)
{
    return b->depth > 0 && b->open[b->depth - 1]->kind == DURE_TREE_MAP && !b->key[b->depth - 1].text;
}

static enum dure_err on_scalar(struct building *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (event->data.scalar.anchor)
        return refuse(b, &event->start_mark, "an anchor (&)",
                      "the value itself: anchors and aliases are not supported");
    if (event->data.scalar.tag)
        return refuse(b, &event->start_mark, "a tag (!)", "a value without a tag");
    if (memchr(value, '\0', length))
        return refuse(b, &event->start_mark, "a NUL character", "text without NUL characters");
    const char *text = dure_arena_strndup(b->arena, value, length);
    if (!text)
        return too_large(b, &event->start_mark, "more text", "a spec that fits the memory set aside for it");
    if (awaits_key(b)) {
        b->key[b->depth - 1].text = text;
        b->key[b->depth - 1].line = (uint32_t)event->start_mark.line + 1;
        b->key[b->depth - 1].column = (uint32_t)event->start_mark.column + 1;
        return DURE_OK;
    }
    struct dure_tree *node;
    enum dure_err err = add_node(b, DURE_TREE_SCALAR, &event->start_mark, &node);
    if (err)
        return err;
    node->text = text;
    node->quoted =
        event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && event->data.scalar.style != YAML_ANY_SCALAR_STYLE;
    return DURE_OK;
}

static enum dure_err on_open(struct building *b, const yaml_event_t *event, enum dure_tree_kind kind,
                             const void *anchor, const void *tag)
{
    if (anchor)
        return refuse(b, &event->start_mark, "an anchor (&)",
                      "the value itself: anchors and aliases are not supported");
    if (tag)
        return refuse(b, &event->start_mark, "a tag (!)", "a value without a tag");
    if (awaits_key(b))
        return refuse(b, &event->start_mark, kind == DURE_TREE_LIST ? "a list as a key" : "a map as a key",
                      "a plain name as the key");
    if (b->depth == DURE_TREE_DEPTH_MAX)
        return too_large(b, &event->start_mark, "another level of nesting", "at most 20 levels");
    struct dure_tree *node;
    enum dure_err err = add_node(b, kind, &event->start_mark, &node);
    if (err)
        return err;
    b->open[b->depth] = node;
    b->last[b->depth] = NULL;
    b->key[b->depth].text = NULL;
    b->depth++;
    return DURE_OK;
}

static enum dure_err on_close(struct building *b)
{
    const struct dure_tree *closed = b->open[--b->depth];
    if (closed->kind != DURE_TREE_MAP)
        return DURE_OK;
    const struct dure_tree *twice;
    if (!dure_tree_duplicate(closed, &twice))
        return DURE_E_MEMORY;
    if (!twice)
        return DURE_OK;
    dure_problem_key(b->problems, twice, "the same field again", "each field once");
    return DURE_E_INVALID;
}

static enum dure_err on_event(struct building *b, const yaml_event_t *event, unsigned *documents)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
            return refuse(b, &event->start_mark, "a %TAG directive", "a document without tags");
        return ++*documents > 1 ? refuse(b, &event->start_mark, "a second document", "one document in a file")
                                : DURE_OK;
    case YAML_ALIAS_EVENT:
        return refuse(b, &event->start_mark, "an alias (*)", "the value itself: anchors and aliases are not supported");
    case YAML_SCALAR_EVENT: return on_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, event, DURE_TREE_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, event, DURE_TREE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return on_close(b);
    default: return DURE_OK;
    }
}

/* libyaml's words for what went wrong, or plainer ones where people stumble most. */
static enum dure_err parser_failed(struct building *b, const yaml_parser_t *parser, const char *text, size_t length)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return DURE_E_MEMORY;
    if (parser->error == YAML_READER_ERROR) {
        uint32_t line, column;
        dure_problem_place(text, parser->problem_offset < length ? parser->problem_offset : length, &line, &column);
        dure_problem_at(b->problems, line, column, "", "a byte that is not text",
                        "UTF-8 without control characters (%s)", parser->problem);
        return DURE_E_INVALID;
    }
    yaml_mark_t mark = parser->problem_mark;
    bool tab = mark.index < length && text[mark.index] == '\t' && strstr(parser->problem, "cannot start any token");
    if (tab || strstr(parser->problem, "tab character"))
        return refuse(b, &mark, "a tab", "spaces: YAML is indented with spaces only");
    char found[96], expected[128];
    snprintf(found, sizeof found, "bad YAML (%.80s)", parser->problem);
    snprintf(expected, sizeof expected, "well-formed YAML 1.2%s%.80s", parser->context ? ", " : "",
             parser->context ? parser->context : "");
    return refuse(b, &mark, found, expected);
}

static enum dure_err run(struct building *b, yaml_parser_t *parser, const char *text, size_t length)
{
    unsigned documents = 0;
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(b, parser, text, length);
        enum dure_err err = on_event(b, &event, &documents);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (err)
            return err;
    }
    if (!b->root) {
        dure_problem_at(b->problems, 1, 1, "", "nothing", "a spec (kind: Fleet, Tenants or Job)");
        return DURE_E_INVALID;
    }
    return DURE_OK;
}

enum dure_err dure_tree_from_yaml(struct dure_arena *arena, const char *text, size_t length,
                                  struct dure_tree **ret_tree, struct dure_problems *problems)
{
    if (length > DURE_SPEC_BYTES_MAX) {
        dure_problem_at(problems, 0, 0, "", "a longer text", "at most 8 MiB");
        return DURE_E_LIMIT;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return DURE_E_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    struct building b = {.arena = arena, .problems = problems};
    enum dure_err err = run(&b, &parser, text, length);
    yaml_parser_delete(&parser);
    if (err == DURE_OK)
        *ret_tree = b.root;
    return err;
}
