#pragma once
/* Typed reading of a spec's fields. Every getter takes the map and the field's name, checks type and range, and adds a problem that says
 * what was expected; it then leaves `*value` (the default) alone and returns NULL. Absent and optional: NULL, no problem. Texts are copied
 * into the reader's arena. Not thread-safe. */
#include "model/tree.h"

enum dure_need { DURE_OPTIONAL, DURE_REQUIRED };

/* A time that was written in a zone, and the instant it means. */
struct dure_read_time {
    const struct dure_tree *at;
    int64_t us;
    const char *text; /* as written, kept while the canonical text is made */
    bool quoted;
};

struct dure_read {
    struct dure_arena *arena;
    struct dure_problems *problems;
    const char *zone; /* for dates; NULL = UTC */
    bool canonical;   /* reads what dure itself wrote: fields and names that people may not write are allowed */
    bool no_memory;   /* sticky: the arena's limit */
    uint32_t before;  /* problems there were at the start, */
    uint32_t kept;    /* and of those kept */
    struct dure_read_time *times; /* malloc'd; dure_read_end frees */
    size_t time_count, time_capacity;
};

void dure_read_begin(struct dure_read *read, struct dure_arena *arena, struct dure_problems *problems);
/* OK, E_INVALID (problems were added, and now stand in the order of the file), or E_MEMORY. */
enum dure_err dure_read_end(struct dure_read *read);
bool dure_read_clean(const struct dure_read *read); /* nothing wrong so far */

/* A map with these fields only (list ends with NULL); others are refused by name, the nearest known one named. False: not a map. */
bool dure_read_map(struct dure_read *read, const struct dure_tree *tree, const char *const *known);
/* The same; `hints` are pairs of a field that people bring from elsewhere and what to write here (ends with NULL). */
bool dure_read_map_hints(struct dure_read *read, const struct dure_tree *tree, const char *const *known,
                         const char *const *hints);
/* `kind` and `version: 1` of a root. */
void dure_read_kind(struct dure_read *read, const struct dure_tree *root, const char *kind);
/* A list of at most `max`; NULL if absent or wrong. */
const struct dure_tree *dure_read_list(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, uint32_t max);

const struct dure_tree *dure_read_name(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, const char **value);
const struct dure_tree *dure_read_text(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, size_t bytes_max, const char **value);
const struct dure_tree *dure_read_uint(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, uint32_t min, uint32_t max, uint32_t *value);
const struct dure_tree *dure_read_int(struct dure_read *read, const struct dure_tree *map, const char *key,
                                      enum dure_need need, int64_t min, int64_t max, int64_t *value);
const struct dure_tree *dure_read_bool(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       bool *value);
/* `names` ends with NULL; the value is the index. */
const struct dure_tree *dure_read_choice(struct dure_read *read, const struct dure_tree *map, const char *key,
                                         enum dure_need need, const char *const *names, unsigned *value);
const struct dure_tree *dure_read_memory(struct dure_read *read, const struct dure_tree *map, const char *key,
                                         enum dure_need need, uint32_t max_mib, uint32_t *value);
const struct dure_tree *dure_read_power(struct dure_read *read, const struct dure_tree *map, const char *key,
                                        enum dure_need need, uint32_t *value);
const struct dure_tree *dure_read_duration(struct dure_read *read, const struct dure_tree *map, const char *key,
                                           enum dure_need need, int64_t min_us, int64_t max_us, int64_t *value);
const struct dure_tree *dure_read_time(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       int64_t *value);
const struct dure_tree *dure_read_degrees(struct dure_read *read, const struct dure_tree *map, const char *key,
                                          unsigned max, int32_t *value);
/* The scalar itself as text (no null, no boolean), for elements of lists; NULL: a problem was added. */
const char *dure_read_scalar(struct dure_read *read, const struct dure_tree *tree, size_t bytes_max,
                             const char *expected);
bool dure_name_valid(const char *text); /* [A-Za-z0-9._+-], 1 to 63 bytes */

/* Names of a list for lookups and against repetition. */
struct dure_named {
    const char *name;
    uint32_t index;
    const struct dure_tree *at;
};
/* Sorts by name and adds a problem for each that stands there twice; then gives the sorted indices (in the arena; NULL: no memory). */
uint32_t *dure_read_unique(struct dure_read *read, struct dure_named *names, uint32_t count, const char *what);

/* The nearest of `known` within a small edit distance, or NULL. */
const char *dure_nearest(const char *text, const char *const *known);
/* As dure_tree_to_json, with every time that was read written as the UTC instant it means. */
void dure_read_to_json(struct dure_read *read, const struct dure_tree *tree, struct dure_buf *buf);
/* That text, kept in the arena; NULL, and no_memory, if there is no room. */
const char *dure_read_keep(struct dure_read *read, const struct dure_tree *tree, size_t *ret_length);
/* Reads a spec that dure itself wrote, named `what` in messages. `parse` gets its tree, which lives as long as the call. */
typedef enum dure_err dure_read_parse(void *context, const struct dure_tree *tree, struct dure_problems *problems);
enum dure_err dure_read_written(const char *what, size_t arena_max, const char *json, size_t length,
                                dure_read_parse *parse, void *context, struct dure_error *error);
