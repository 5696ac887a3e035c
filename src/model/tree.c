#include "model/tree.h"

#include <stdlib.h>
#include <string.h>

static struct dure_tree *node_new(struct dure_arena *arena, enum dure_tree_kind kind, const char *text)
{
    struct dure_tree *node = DURE_ARENA_NEW(arena, struct dure_tree, 1);
    if (!node)
        return NULL;
    node->kind = kind;
    if (kind == DURE_TREE_SCALAR) {
        node->text = dure_arena_strdup(arena, text);
        if (!node->text)
            return NULL;
    }
    return node;
}

struct dure_tree *dure_tree_new(struct dure_arena *arena, enum dure_tree_kind kind)
{
    return node_new(arena, kind, "");
}

static bool append(struct dure_arena *arena, struct dure_tree *parent, struct dure_tree *node, const char *key)
{
    if (key) {
        node->key = dure_arena_strdup(arena, key);
        if (!node->key)
            return false;
    }
    node->parent = parent;
    node->index = parent->count;
    struct dure_tree **slot = &parent->first;
    while (*slot)
        slot = &(*slot)->next;
    *slot = node;
    parent->count++;
    return true;
}

struct dure_tree *dure_tree_add(struct dure_arena *arena, struct dure_tree *parent, enum dure_tree_kind kind,
                                const char *key)
{
    DURE_ASSERT(parent->kind != DURE_TREE_SCALAR && (parent->kind == DURE_TREE_MAP) == (key != NULL));
    struct dure_tree *node = node_new(arena, kind, "");
    return node && append(arena, parent, node, key) ? node : NULL;
}

struct dure_tree *dure_tree_set(struct dure_arena *arena, struct dure_tree *map, const char *key, const char *text,
                                bool quoted)
{
    DURE_ASSERT(map->kind == DURE_TREE_MAP);
    struct dure_tree *node = NULL;
    for (struct dure_tree *child = map->first; child && !node; child = child->next)
        if (strcmp(child->key, key) == 0)
            node = child;
    if (!node) {
        node = node_new(arena, DURE_TREE_SCALAR, text);
        if (!node || !append(arena, map, node, key))
            return NULL;
    } else {
        const char *copy = dure_arena_strdup(arena, text);
        if (!copy)
            return NULL;
        node->kind = DURE_TREE_SCALAR;
        node->first = NULL;
        node->count = 0;
        node->text = copy;
    }
    node->quoted = quoted;
    return node;
}

const struct dure_tree *dure_tree_get(const struct dure_tree *map, const char *key)
{
    if (!map || map->kind != DURE_TREE_MAP)
        return NULL;
    for (const struct dure_tree *child = map->first; child; child = child->next)
        if (child->key[0] == key[0] && strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

static const struct dure_tree *child_named(const struct dure_tree *map, const char *key, size_t length)
{
    if (map->kind != DURE_TREE_MAP)
        return NULL;
    for (const struct dure_tree *child = map->first; child; child = child->next)
        if (strlen(child->key) == length && memcmp(child->key, key, length) == 0)
            return child;
    return NULL;
}

const struct dure_tree *dure_tree_at(const struct dure_tree *root, const char *field)
{
    const struct dure_tree *node = root;
    while (node && *field) {
        if (*field == '[') {
            char *end;
            unsigned long index = strtoul(field + 1, &end, 10);
            if (node->kind != DURE_TREE_LIST || end == field + 1 || *end != ']')
                return NULL;
            field = end + 1;
            const struct dure_tree *child = node->first;
            while (child && child->index != index)
                child = child->next;
            node = child;
        } else {
            if (*field == '.')
                field++;
            size_t length = strcspn(field, ".[");
            if (length == 0)
                return NULL;
            node = child_named(node, field, length);
            field += length;
        }
    }
    return node;
}

void dure_tree_path(const struct dure_tree *tree, char *field, size_t size)
{
    const struct dure_tree *chain[DURE_TREE_DEPTH_MAX + 2];
    size_t depth = 0;
    for (; tree && tree->parent && depth < DURE_TREE_DEPTH_MAX + 2; tree = tree->parent)
        chain[depth++] = tree;
    struct dure_buf buf;
    dure_buf_init(&buf, 64 * 1024);
    while (depth > 0) {
        const struct dure_tree *step = chain[--depth];
        if (step->parent->kind == DURE_TREE_LIST)
            dure_buf_printf(&buf, "[%u]", step->index);
        else
            dure_buf_printf(&buf, "%s%.64s", buf.length ? "." : "", step->key);
    }
    size_t length = buf.length < size - 1 ? buf.length : size - 1;
    if (length)
        memcpy(field, buf.data, length);
    field[length] = '\0';
    for (char *c = field; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '.';
    dure_buf_release(&buf);
}

bool dure_tree_is_null(const struct dure_tree *tree)
{
    if (tree->kind != DURE_TREE_SCALAR || tree->quoted)
        return false;
    const char *t = tree->text;
    return !*t || !strcmp(t, "~") || !strcmp(t, "null") || !strcmp(t, "Null") || !strcmp(t, "NULL");
}

bool dure_tree_is_bool(const struct dure_tree *tree, bool *ret_value)
{
    if (tree->kind != DURE_TREE_SCALAR || tree->quoted)
        return false;
    const char *t = tree->text;
    bool yes = !strcmp(t, "true") || !strcmp(t, "True") || !strcmp(t, "TRUE");
    if (!yes && strcmp(t, "false") && strcmp(t, "False") && strcmp(t, "FALSE"))
        return false;
    *ret_value = yes;
    return true;
}

bool dure_tree_is_int(const struct dure_tree *tree, int64_t *ret_value)
{
    if (tree->kind != DURE_TREE_SCALAR || tree->quoted)
        return false;
    const char *digits = tree->text + (*tree->text == '-');
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 18 || digits[length] || (digits[0] == '0' && (length > 1 || digits != tree->text)))
        return false;
    *ret_value = strtoll(tree->text, NULL, 10);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct dure_tree *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static void write_scalar(const struct dure_tree *tree, struct dure_buf *buf)
{
    bool yes;
    int64_t number;
    if (dure_tree_is_null(tree))
        dure_buf_str(buf, "null");
    else if (dure_tree_is_bool(tree, &yes))
        dure_buf_str(buf, yes ? "true" : "false");
    else if (dure_tree_is_int(tree, &number))
        dure_buf_str(buf, tree->text);
    else
        dure_buf_json(buf, tree->text);
}

static void write_map(const struct dure_tree *tree, struct dure_buf *buf)
{
    const struct dure_tree *few[32];
    const struct dure_tree **sorted = tree->count <= 32 ? few : calloc(tree->count, sizeof *sorted);
    if (!sorted) {
        buf->failed = true;
        return;
    }
    uint32_t count = 0;
    for (const struct dure_tree *child = tree->first; child; child = child->next)
        sorted[count++] = child;
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, by_key);
    dure_buf_byte(buf, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            dure_buf_byte(buf, ',');
        dure_buf_json(buf, sorted[i]->key);
        dure_buf_byte(buf, ':');
        dure_tree_to_json(sorted[i], buf);
    }
    dure_buf_byte(buf, '}');
    if (sorted != few)
        free(sorted);
}

void dure_tree_to_json(const struct dure_tree *tree, struct dure_buf *buf)
{
    switch (tree->kind) {
    case DURE_TREE_SCALAR: write_scalar(tree, buf); break;
    case DURE_TREE_MAP: write_map(tree, buf); break;
    case DURE_TREE_LIST:
        dure_buf_byte(buf, '[');
        for (const struct dure_tree *child = tree->first; child; child = child->next) {
            if (child != tree->first)
                dure_buf_byte(buf, ',');
            dure_tree_to_json(child, buf);
        }
        dure_buf_byte(buf, ']');
        break;
    }
}
