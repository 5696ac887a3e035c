#pragma once
/* Making spec trees by hand: what options and CSV cells say, with the place where they were written. Everything lives in the arena;
 * NULL: out of memory, and every call on NULL gives NULL. */
#include "base/arena.h"
#include "model/tree.h"

struct dure_tree *dure_node_map(struct dure_arena *arena, uint32_t line, uint32_t column);
/* Adds `key: text` to a map. A number is written unquoted. */
struct dure_tree *dure_node_text(struct dure_arena *arena, struct dure_tree *map, const char *key, const char *text,
                                 bool quoted, uint32_t line, uint32_t column);
struct dure_tree *dure_node_child(struct dure_arena *arena, struct dure_tree *map, const char *key,
                                  enum dure_tree_kind kind);
