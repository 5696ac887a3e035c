#pragma once
/* Where a task goes: one interface for all policies, one way to choose and to break ties. A policy scores a state of a node for a shape of task; scores are
 * kept for each pair until the state is gone or the policy's prices change, so that a decision costs a walk over the states. */
#include "sim/policy/field.h"
#include "sim/policy/work.h"

enum dure_tie { DURE_TIE_RANK, DURE_TIE_RANDOM, DURE_TIE_REVERSE };

struct dure_score {
    int64_t value;  /* the highest wins */
    int32_t second; /* among equals the lowest wins, before ties are broken by rank */
    uint32_t gpu;   /* of the state's node, for a task of one GPU */
};

struct dure_placer;

struct dure_place_policy {
    const char *name;
    bool keeps_kinds; /* looks at dure_field_state.kinds */
    bool keeps_order; /* looks at which GPU of a node comes first */
    bool by_chance;   /* takes any node and any GPU that fits */
    /* NULL: needs nothing. */
    enum dure_err (*begin)(struct dure_placer *placer, const struct dure_field *field, const struct dure_work *work);
    void (*end)(struct dure_placer *placer);
    /* Before each decision; true: all scores have changed. NULL: never. */
    bool (*refresh)(struct dure_placer *placer, const struct dure_field *field, uint32_t shape);
    /* The task fits. */
    struct dure_score (*score)(struct dure_placer *placer, const struct dure_field_state *state,
                               const struct dure_score_task *task);
};

extern const struct dure_place_policy dure_place_random, dure_place_dotprod, dure_place_clustering, dure_place_packing,
    dure_place_bestfit, dure_place_fgd, dure_place_dure;
extern const struct dure_place_policy *const dure_place_policies[]; /* as papers list them; ends with NULL */
const struct dure_place_policy *dure_place_find(const char *name);  /* NULL: none */

struct dure_kept {
    struct dure_score score;
    uint32_t serial; /* of the state; 0: nothing kept */
    uint32_t epoch : 31;
    uint32_t fits : 1;
};

struct dure_placer {
    const struct dure_place_policy *policy;
    enum dure_tie tie;
    uint64_t random; /* state of its draws */
    const struct dure_work *work;
    struct dure_kept *kept; /* [shape][slot] */
    uint32_t epoch;         /* scores of an earlier one are stale */
    uint32_t slots;
    void *own; /* the policy's */
};

/* `field` and `work` must outlive it. */
DURE_NODISCARD enum dure_err dure_placer_init(struct dure_placer *placer, const struct dure_place_policy *policy,
                                              const struct dure_field *field, const struct dure_work *work,
                                              enum dure_tie tie, uint64_t random);
void dure_placer_release(struct dure_placer *placer);
/* Where a task of that shape goes; false: no node fits it. */
bool dure_placer_choose(struct dure_placer *placer, const struct dure_field *field, uint32_t shape, uint32_t *ret_node,
                        uint32_t *ret_gpu);
/* The same among nodes of these models alone (bits), and, where `node_count` is not 0, among so many nodes from `node_first` on: O(those nodes). */
struct dure_placer_within {
    uint64_t models;
    uint32_t node_first, node_count;
};
bool dure_placer_choose_within(struct dure_placer *placer, const struct dure_field *field, uint32_t shape,
                               const struct dure_placer_within *within, uint32_t *ret_node, uint32_t *ret_gpu);
