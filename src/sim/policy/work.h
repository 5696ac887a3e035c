#pragma once
/* The work to come, as far as a policy may know it: shapes of tasks and how often each is asked for. */
#include "core/score/score.h"

struct dure_work {
    const struct dure_score_shape *shapes; /* distinct, in dure_work_order */
    uint32_t count;
};

/* The larger before the smaller: CPU, then GPUs, share of a GPU, memory, models. */
int dure_work_order(const struct dure_score_task *a, const struct dure_score_task *b);
/* Sorts shapes and adds up the weights of those that are alike; returns how many are left. */
uint32_t dure_work_merge(struct dure_score_shape *shapes, uint32_t count);
/* Which shape a task has; it must be there. */
uint32_t dure_work_find(const struct dure_work *work, const struct dure_score_task *task);
/* The most frequent shapes, memory left aside, until `percent` of all tasks are among them; among equals the larger first. At most
 * DURE_SCORE_SHAPES_MAX. The caller frees *ret_shapes. */
DURE_NODISCARD enum dure_err dure_work_typical(const struct dure_work *work, uint32_t percent,
                                               struct dure_score_shape **ret_shapes, uint32_t *ret_count);
