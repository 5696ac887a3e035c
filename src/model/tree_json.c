/* JSON text → tree. jansson refuses duplicate keys, NUL characters and bad UTF-8; its numbers keep their text through the tree. */
#include "model/tree.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct converting {
    struct dure_arena *arena;
    struct dure_problems *problems;
    uint32_t nodes;
};

static enum dure_err fill(struct converting *c, struct dure_tree *node, const json_t *value, unsigned depth);

static enum dure_err over(struct converting *c, const struct dure_tree *node, const char *found, const char *expected)
{
    dure_problem_add(c->problems, node, found, "%s", expected);
    return DURE_E_LIMIT;
}

static enum dure_err fill_child(struct converting *c, struct dure_tree *parent, struct dure_tree **last,
                                const char *key, const json_t *value, unsigned depth)
{
    if (c->nodes == DURE_TREE_NODES_MAX)
        return over(c, parent, "more values", "at most 1,000,000 values in one spec");
    struct dure_tree *node = DURE_ARENA_NEW(c->arena, struct dure_tree, 1);
    if (node && key)
        node->key = dure_arena_strdup(c->arena, key);
    if (!node || (key && !node->key))
        return over(c, parent, "more text", "a spec that fits the memory set aside for it");
    c->nodes++;
    node->parent = parent;
    node->index = parent->count++;
    if (*last)
        (*last)->next = node;
    else
        parent->first = node;
    *last = node;
    return fill(c, node, value, depth + 1);
}

static enum dure_err fill_text(struct converting *c, struct dure_tree *node, const char *text, bool quoted)
{
    node->kind = DURE_TREE_SCALAR;
    node->quoted = quoted;
    node->text = dure_arena_strdup(c->arena, text);
    return node->text ? DURE_OK
                      : over(c, node->parent ? node->parent : node, "more text",
                             "a spec that fits the memory set aside for it");
}

static enum dure_err fill(struct converting *c, struct dure_tree *node, const json_t *value, unsigned depth)
{
    char number[40];
    struct dure_tree *last = NULL;
    enum dure_err err = DURE_OK;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        node->kind = json_is_object(value) ? DURE_TREE_MAP : DURE_TREE_LIST;
        if (depth >= DURE_TREE_DEPTH_MAX)
            return over(c, node, "another level of nesting", "at most 20 levels");
        if (json_is_array(value)) {
            for (size_t i = 0; i < json_array_size(value) && !err; i++)
                err = fill_child(c, node, &last, NULL, json_array_get(value, i), depth);
            return err;
        }
        for (void *at = json_object_iter((json_t *)value); at && !err; at = json_object_iter_next((json_t *)value, at))
            err = fill_child(c, node, &last, json_object_iter_key(at), json_object_iter_value(at), depth);
        return err;
    case JSON_STRING: return fill_text(c, node, json_string_value(value), true);
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        return fill_text(c, node, number, false);
    case JSON_REAL:
        snprintf(number, sizeof number, "%.15g", json_real_value(value));
        return fill_text(c, node, number, false);
    case JSON_TRUE: return fill_text(c, node, "true", false);
    case JSON_FALSE: return fill_text(c, node, "false", false);
    case JSON_NULL: break;
    }
    return fill_text(c, node, "null", false);
}

/* More values than a tree may hold? Counted before anything is allocated for them. */
static bool too_many_values(const char *text, size_t length)
{
    if (length < DURE_TREE_NODES_MAX)
        return false;
    size_t values = 1;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
            values++;
    }
    return values > DURE_TREE_NODES_MAX;
}

enum dure_err dure_tree_from_json(struct dure_arena *arena, const char *text, size_t length,
                                  struct dure_tree **ret_tree, struct dure_problems *problems)
{
    if (length > DURE_SPEC_BYTES_MAX) {
        dure_problem_at(problems, 0, 0, "", "a longer text", "at most 8 MiB");
        return DURE_E_LIMIT;
    }
    if (too_many_values(text, length)) {
        dure_problem_at(problems, 0, 0, "", "more values", "at most 1,000,000 values in one spec");
        return DURE_E_LIMIT;
    }
    json_error_t wrong;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!json) {
        if (json_error_code(&wrong) == json_error_out_of_memory)
            return DURE_E_MEMORY;
        char found[96];
        snprintf(found, sizeof found, "bad JSON (%.80s)", wrong.text);
        dure_problem_at(problems, wrong.line > 0 ? (uint32_t)wrong.line : 0,
                        wrong.column > 0 ? (uint32_t)wrong.column : 0, "", found,
                        "one JSON object without duplicate keys");
        return DURE_E_INVALID;
    }
    struct converting c = {.arena = arena, .problems = problems};
    struct dure_tree *root = DURE_ARENA_NEW(arena, struct dure_tree, 1);
    enum dure_err err = DURE_E_MEMORY;
    if (root)
        err = fill(&c, root, json, 0);
    json_decref(json);
    if (err == DURE_OK)
        *ret_tree = root;
    return err;
}
