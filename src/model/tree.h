#pragma once
/* A spec as a tree of scalars, lists and maps with the line and column of every node, from YAML 1.2 (libyaml events: no anchors,
 * no aliases, no tags, one document, duplicate keys refused) or from JSON (jansson, duplicates refused). One validator serves both.
 * Owned by its arena. Limits: 8 MiB of text, depth 16, 1,000,000 nodes. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum dure_tree_kind { DURE_TREE_SCALAR, DURE_TREE_LIST, DURE_TREE_MAP };

struct dure_tree {
    enum dure_tree_kind kind;
    bool quoted;       /* a quoted or block scalar, or a JSON string: never read as a number, null or boolean */
    const char *key;   /* in a map: this entry's key */
    const char *text;  /* of a scalar */
    uint32_t line;     /* from 1; 0 in JSON without positions */
    uint32_t column;   /* from 1 */
    uint32_t index;    /* in a list: from 0 */
    struct dure_tree *parent;
    struct dure_tree *first; /* children in file order */
    struct dure_tree *next;
    uint32_t count;
};

/* One fault in a spec: everything a person needs to mend it. */
struct dure_problem {
    uint32_t line;
    uint32_t column;
    char field[160];    /* "allotments[3].tenant" */
    char found[96];
    char expected[256];
};

enum { DURE_PROBLEMS_MAX = 20 };

/* Faults of one spec; `total` counts on past what is kept. */
struct dure_problems {
    const char *file; /* as the person named it; "-" for standard input */
    uint32_t count;
    uint32_t total;
    struct dure_problem at[DURE_PROBLEMS_MAX];
};

/* Parses one document. On failure exactly one problem says where, and E_INVALID (E_LIMIT, E_MEMORY) is returned. */
DURE_NODISCARD enum dure_err dure_tree_from_yaml(struct dure_arena *arena, const char *text, size_t length,
                                                 struct dure_tree **ret_tree, struct dure_problems *problems);
DURE_NODISCARD enum dure_err dure_tree_from_json(struct dure_arena *arena, const char *text, size_t length,
                                                 struct dure_tree **ret_tree, struct dure_problems *problems);
void dure_tree_to_json(const struct dure_tree *tree, struct dure_buf *buf);

const struct dure_tree *dure_tree_get(const struct dure_tree *map, const char *key);  /* NULL: absent */
const struct dure_tree *dure_tree_at(const struct dure_tree *root, const char *field); /* "allotments[3].tenant"; NULL: absent */
void dure_tree_path(const struct dure_tree *tree, char *field, size_t size);
/* Adds a problem at a node. `found` may be NULL: the node's own text. */
void dure_problem_add(struct dure_problems *problems, const struct dure_tree *tree, const char *found, const char *expected_format, ...)
    DURE_PRINTF(4, 5);
/* "korea.yaml:12:5: allotments[3].tenant: found 'x', expected a tenant declared above" a line each, then a count of the rest. */
void dure_problems_print(const struct dure_problems *problems, struct dure_buf *buf);
