#pragma once
/* Lists of nodes that requests name, each kept once: a request carries a number for them, so that equal requests are equal bytes.
 *
 * The number follows from the lists (their hash, or the next free one after it), so it is the same after replay and after loading. What no
 * kept request holds is forgotten when the next lists come. */
#include "core/state/state.h"
#include "model/node_runs.h"

struct node_set {
    uint64_t key;
    uint32_t refs, include_count, exclude_count, allowed_count;
    struct dure_node_run *runs; /* include, exclude, and what both leave */
};

enum dure_err lists_new(struct lists **ret_lists);
void lists_free(struct lists *lists); /* NULL is fine */
/* The number of these lists; 0: both are empty. */
uint64_t lists_intern(struct lists *lists, struct dure_node_runs include, struct dure_node_runs exclude);
/* A request that is kept holds them, or no longer; with the digest. 0 is fine. */
void lists_hold(struct dure_core *core, uint64_t key);
void lists_release(struct dure_core *core, uint64_t key);
void lists_digest_all(const struct dure_core *core, struct dure_digest *sum);

struct dure_node_runs lists_include(const struct dure_core *core, uint64_t key);
struct dure_node_runs lists_exclude(const struct dure_core *core, uint64_t key);
/* The nodes that may be used; not to be asked of key 0. */
struct dure_node_runs lists_allowed(const struct dure_core *core, uint64_t key);
bool lists_known(const struct dure_core *core, uint64_t key);
