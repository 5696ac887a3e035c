#pragma once
/* The work of the recent past, once more: what a stretch of record says was submitted, each job as long as it worked then, comes again that much later, over
 * and over, in the same order and at the same hours. So a state that is played on has arrivals without a model of them.
 *
 * What is taken over is the request as it was, but for dependencies, holds, and personal fields. A job that has not ended lasts as it says (runs_for), or else
 * all of its walltime; an array as long as its elements did on average. Owns copies of all that it keeps. Limit: 1,000,000 submissions. */
#include "core/core.h"
#include "sim/run/sim.h"

enum { DURE_PAST_JOBS_MAX = 1000000 };

struct dure_past;
DURE_NODISCARD enum dure_err dure_past_new(struct dure_past **ret_past);
void dure_past_free(struct dure_past *past);
/* Records in their order. Those before `since_us` say only when the record begins. */
DURE_NODISCARD enum dure_err dure_past_take(struct dure_past *past, const struct dure_record *record, int64_t since_us);

/* All records are taken; `next_job` is the core's, `now_us` when the past ends. The stretch is `want_us` long, or as many whole days as there is record, and one at least. */
struct dure_past_sum {
    size_t jobs, unended;
    int64_t from_us, span_us;
};
DURE_NODISCARD enum dure_err dure_past_close(struct dure_past *past, struct dure_job_id next_job, int64_t now_us,
                                             int64_t want_us, struct dure_past_sum *ret_sum);

/* Plays it from its end on, as often as one asks. */
struct dure_past_player {
    const struct dure_past *past;
    int64_t until_us;
    size_t next;
    int64_t shift_us; /* 0: not begun */
};
bool dure_past_next(void *player, struct dure_sim_job *ret_job); /* a dure_sim_next_fn */
