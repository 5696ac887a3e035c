#include "cli/node.h"

struct dure_tree *dure_node_map(struct dure_arena *arena, uint32_t line, uint32_t column)
{
    struct dure_tree *map = DURE_ARENA_NEW(arena, struct dure_tree, 1);
    if (map)
        *map = (struct dure_tree){.kind = DURE_TREE_MAP, .line = line, .column = column};
    return map;
}

static struct dure_tree *append(struct dure_tree *parent, struct dure_tree *child)
{
    struct dure_tree **last = &parent->first;
    while (*last)
        last = &(*last)->next;
    *last = child;
    child->parent = parent;
    child->index = parent->count++;
    return child;
}

struct dure_tree *dure_node_child(struct dure_arena *arena, struct dure_tree *map, const char *key,
                                  enum dure_tree_kind kind)
{
    struct dure_tree *node = map ? DURE_ARENA_NEW(arena, struct dure_tree, 1) : NULL;
    if (!node)
        return NULL;
    *node = (struct dure_tree){
        .kind = kind, .key = key ? dure_arena_strdup(arena, key) : NULL, .line = map->line, .column = map->column};
    if (key && !node->key)
        return NULL;
    return append(map, node);
}

struct dure_tree *dure_node_text(struct dure_arena *arena, struct dure_tree *map, const char *key, const char *text,
                                 bool quoted, uint32_t line, uint32_t column)
{
    const char *copy = dure_arena_strdup(arena, text);
    struct dure_tree *node = copy ? dure_node_child(arena, map, key, DURE_TREE_SCALAR) : NULL;
    if (!node)
        return NULL;
    node->text = copy;
    node->quoted = quoted;
    node->line = line;
    node->column = column;
    return node;
}
