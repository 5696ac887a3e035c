#pragma once
/* The rooms of the random histories: what is drawn, and the tries of what `why` offers. */
#include "model.h"
#include "tap.h"

/* The chances. Those that lives got later are drawn from a row of their own, so that what a seed means stays what it was. */
extern uint64_t history_seed, history_later, history_wishes;

static inline uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&history_seed, bound);
}

static inline uint32_t below_later(uint32_t bound)
{
    return (uint32_t)tap_random_below(&history_later, bound);
}

static inline uint32_t below_wishes(uint32_t bound)
{
    return (uint32_t)tap_random_below(&history_wishes, bound);
}

/* A rich life has MIG profiles, and more lists, spreads and work by right; history_fleet() is the caller's to free. */
extern bool history_is_rich;
extern bool history_is_even; /* the first site is run by a Slurm */
char *history_fleet(void);
void history_step(struct rig *rig, struct model *model);
/* What is in the way of a job with many wishes, which is only asked about. */
void history_ask_wishes(struct rig *rig);
/* Each change that is offered does let the job start. */
void history_try_change(struct rig *rig, struct dure_job_id asked, struct dure_job job,
                        const struct dure_why_change *change);
