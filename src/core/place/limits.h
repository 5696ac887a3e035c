#pragma once
/* The limits that one request carries beyond its size: the nodes it may use, at most so many tasks in one cell of a level (its spread), and work that
 * it may not have beside it (gate/fence.h). Requests without any never come here. */
#include "core/gate/fence.h"
#include "core/state/state.h"
#include "model/node_runs.h"

struct limits {
    uint32_t chain, node_first, node_gpus;
    bool listed;
    struct dure_node_runs allowed; /* when listed */
    uint32_t spread_max;           /* 0: no spread */
    uint32_t spread_leaves;        /* leaves of one cell of its level */
    struct dure_map tally;         /* tasks so far in each cell of it */
    struct fence_side *sides;      /* where there is work that it must keep clear of */
    uint32_t side_count;
    bool by_right;
    struct dure_core *core;
    const struct request *ask;
};

static inline bool limits_any(const struct request *ask)
{
    return ask->lists || ask->spread_max;
}

/* Are there any now? */
static inline bool limits_hold(struct dure_core *core, const struct request *ask, bool by_right)
{
    return limits_any(ask) || fence_touches(core, ask, by_right);
}

void limits_init(struct dure_core *core, const struct request *ask, uint32_t chain, bool by_right,
                 struct limits *limits);
void limits_release(struct limits *limits);
/* Tasks that may still be put where this leaf is. */
uint32_t limits_room(const struct limits *limits, uint32_t leaf);
/* Is there work beside this node, counted within the chain, that it must keep clear of: now, or at the moment that is looked at? */
bool limits_fenced(const struct limits *limits, uint32_t node);
void limits_add(struct limits *limits, uint32_t leaf, uint32_t tasks);
void limits_take_back(struct limits *limits, uint32_t leaf, uint32_t tasks);

/* A field of slots under limits: the nodes of a chain, or the private cluster of an allotment. */
struct field {
    const struct dure_slots *slots;
    const struct dure_cells *cells; /* of an allotment whose places are told by hardware, else NULL */
    const struct dure_cells *bound; /* of any allotment: what its cells stand on, if on anything; else NULL */
    struct dure_allot_id allot;
    uint32_t cell_slots;
};

/* Does a slot stand on hardware, and there beside work that the request must keep clear of? What stands on nothing yet is clear of all work by right. */
bool field_fenced(const struct field *field, const struct limits *limits, uint32_t slot);
/* Where a slot's first GPU stands: on the hardware (of a chain's field, or with `cells`), else in the private cluster. False: the slot's
 * virtual cell has no hardware yet. */
bool field_leaf(const struct field *field, uint32_t slot, uint32_t *ret_leaf);

/* As many of `tasks` as there is room for; `per_gpu` fractions go on one GPU (0: whole GPUs). What is taken is in the takes, with the tasks
 * of each, and counted in the limits. Each task's GPUs are in one slot; `ask` gives its GPUs, tasks of a slot, and level. With a level it is
 * all tasks in one cell or nothing. Cost: the slots taken, and for each a step over the nodes it may not use: O(runs), not O(nodes), in a
 * chain's field; O(slots of bound cells) in an allotment's. With a level above the node, O(slots of the field). */
uint32_t fit_limited(const struct field *field, const struct dure_ask *ask, uint32_t per_gpu, struct limits *limits,
                     uint32_t tasks, struct dure_takes *takes);
/* Takes after the first `since` are undone, with their tasks. */
void fit_undo(const struct field *field, struct limits *limits, struct dure_takes *takes, uint32_t since);
