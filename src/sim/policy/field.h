#pragma once
/* Nodes in use, grouped by what is left of them: nodes that are alike (CPU, memory, GPUs whatever their order, class) share one state, so that a policy
 * looks at states, not at nodes. Names never count: which node of a state is taken goes by rank. Owns its memory. */
#include "core/score/score.h"

struct dure_field_state {
    struct dure_score_node node; /* its GPUs by what is left, most first, unless their order is kept */
    uint8_t kinds;               /* bits of the kinds of GPU work on it, where the field keeps them */
    uint32_t members;            /* 0: the slot is free */
    int32_t first;               /* a node; then field->next */
    int32_t chain;
    int64_t gpu_left; /* milli */
    uint32_t serial;  /* never used again once the state is gone */
};

struct dure_field_node {
    struct dure_score_node left, all;
    uint32_t kinds[5]; /* tasks on it: share, 1, 2, 4, 8 GPUs */
    uint32_t tasks;
    uint32_t rank;
    uint32_t state;
    int32_t next, before;
};

struct dure_field {
    struct dure_field_node *nodes;
    uint32_t node_count;
    struct dure_field_state *states;
    uint32_t state_count, state_capacity; /* slots in use at most; slots */
    int32_t free_slot;
    int32_t *buckets;
    uint32_t serial;
    bool keeps_kinds, keeps_order;
    int64_t gpu_milli_all, gpu_milli_used;
    int64_t gpu_milli_taken, gpu_milli_given; /* all in all */
};

/* Where a task stands: which GPUs it holds. */
struct dure_field_place {
    uint32_t node;
    uint32_t gpus; /* bits */
};

/* `nodes` are copied; ranks are 0, 1, ... in that order until dure_field_reset says otherwise. */
DURE_NODISCARD enum dure_err dure_field_init(struct dure_field *field, const struct dure_score_node *nodes,
                                             uint32_t count, bool keeps_kinds, bool keeps_order);
void dure_field_release(struct dure_field *field);
/* Empties all nodes and gives them new ranks (a permutation). */
void dure_field_reset(struct dure_field *field, const uint32_t *ranks);
/* `gpu`: of the state's node, for a task of one GPU. */
void dure_field_take(struct dure_field *field, uint32_t node, const struct dure_score_task *task, uint32_t gpu,
                     struct dure_field_place *ret_place);
void dure_field_give(struct dure_field *field, const struct dure_field_place *place,
                     const struct dure_score_task *task);
/* The very place that was given; it must be free. */
void dure_field_retake(struct dure_field *field, const struct dure_field_place *place,
                       const struct dure_score_task *task);
/* A node goes away, empty, and comes back: nothing fits it meanwhile. */
void dure_field_close(struct dure_field *field, uint32_t node);
void dure_field_open(struct dure_field *field, uint32_t node);
unsigned dure_field_kind(const struct dure_score_task *task); /* 0..4; of a task with GPUs */
