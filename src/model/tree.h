#pragma once
/* A spec as a tree of scalars, lists and maps with the line and column of every node, from YAML 1.2 (libyaml events: no anchors,
 * no aliases, no tags, one document, duplicate keys refused) or from JSON (duplicates refused, numbers kept as text). One validator serves both.
 * Owned by its arena. Limits: 8 MiB of text, depth 20, 1,000,000 nodes. */
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
    uint32_t column;   /* from 1, in characters */
    uint32_t key_line; /* of the key, in a map */
    uint32_t key_column;
    uint32_t index;    /* in a list: from 0 */
    struct dure_tree *parent;
    struct dure_tree *first; /* children in file order */
    struct dure_tree *next;
    uint32_t count;
};

enum { DURE_SPEC_BYTES_MAX = 8 * 1024 * 1024, DURE_TREE_DEPTH_MAX = 20, DURE_TREE_NODES_MAX = 1000000 };

/* One fault in a spec: everything a person needs to mend it. */
struct dure_problem {
    uint32_t line;
    uint32_t column;
    char field[160];    /* "allotments[3].tenant" */
    char found[96];     /* "'x'", or words such as "nothing" or "an unknown field" */
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
/* The same with the line and column of every node: for text that a person wrote. What travels has no lines to speak of. */
DURE_NODISCARD enum dure_err dure_tree_from_json_file(struct dure_arena *arena, const char *text, size_t length,
                                                      struct dure_tree **ret_tree, struct dure_problems *problems);
/* Compact JSON with the keys sorted by bytes. A plain whole number, true, false or null stays one; every other scalar becomes a string, so
 * that its text arrives exactly (1.50, 0x10). */
void dure_tree_to_json(const struct dure_tree *tree, struct dure_buf *buf);

/* YAML 1.2's core schema, narrowed to what one reader and JSON agree on: a whole number has no leading zero or plus and at most 18 digits.
 * Quoted scalars, lists and maps are none of these. */
bool dure_tree_is_null(const struct dure_tree *tree);
bool dure_tree_is_bool(const struct dure_tree *tree, bool *ret_value);
bool dure_tree_is_int(const struct dure_tree *tree, int64_t *ret_value);

/* Building: a new root, or a node at the end of `parent` (key NULL in a list). The texts are copied. NULL: the arena's limit. */
struct dure_tree *dure_tree_new(struct dure_arena *arena, enum dure_tree_kind kind);
struct dure_tree *dure_tree_add(struct dure_arena *arena, struct dure_tree *parent, enum dure_tree_kind kind, const char *key);
/* A scalar; `quoted` as in struct dure_tree. Replaces an entry of that key if there is one. */
struct dure_tree *dure_tree_set(struct dure_arena *arena, struct dure_tree *map, const char *key, const char *text, bool quoted);

const struct dure_tree *dure_tree_get(const struct dure_tree *map, const char *key);  /* NULL: absent */
const struct dure_tree *dure_tree_at(const struct dure_tree *root, const char *field); /* "allotments[3].tenant"; NULL: absent */
void dure_tree_path(const struct dure_tree *tree, char *field, size_t size);
/* Adds a problem at a node. `found` may be NULL: the node's own text. */
void dure_problem_add(struct dure_problems *problems, const struct dure_tree *tree, const char *found, const char *expected_format, ...)
    DURE_PRINTF(4, 5);
/* A field that should be there and is not; and a fault of the key itself (placed at the key). */
void dure_problem_missing(struct dure_problems *problems, const struct dure_tree *map, const char *key, const char *expected_format, ...)
    DURE_PRINTF(4, 5);
void dure_problem_key(struct dure_problems *problems, const struct dure_tree *tree, const char *found, const char *expected_format, ...)
    DURE_PRINTF(4, 5);
/* A fault at a place that has no node. */
void dure_problem_at(struct dure_problems *problems, uint32_t line, uint32_t column, const char *field, const char *found,
                     const char *expected_format, ...) DURE_PRINTF(6, 7);
/* Line and column, from 1 and in characters, of the byte at `offset`. */
void dure_problem_place(const char *text, size_t offset, uint32_t *ret_line, uint32_t *ret_column);
/* 'text' in quotes, control characters as dots, cut to fit. */
void dure_problem_quote(char *quoted, size_t size, const char *text);
/* The first problem as the text of an error, with the number of the others; E_INVALID. */
enum dure_err dure_problems_fail(const struct dure_problems *problems, struct dure_error *error);
/* "korea.yaml:12:5: allotments[3].tenant: found 'x', expected a tenant declared above" a line each, then a count of the rest. */
void dure_problems_print(const struct dure_problems *problems, struct dure_buf *buf);
