#pragma once
/* Jobs in the core's memory: by id, with their array elements and dependencies. */
#include "core/state/state.h"

#define DURE_RUN_KEY(job_slot, ordinal) ((uint64_t)(job_slot) << 32 | (ordinal))

/* Around every change: the job's hash leaves the digest with the first and comes back, once, when the digest is asked for. */
void job_out(struct dure_core *core, struct job *job);
void job_in(struct dure_core *core, struct job *job);
void job_settle(struct dure_core *core);

uint32_t job_find(const struct dure_core *core, uint64_t id); /* slot; NONE */
uint32_t job_add(struct dure_core *core, const struct job_made *made,
                 uint32_t class); /* class: of its request, where that is known; NONE */
/* It asks for something else; out of the queue and the digest meanwhile. */
void job_reask(struct dure_core *core, struct job *job, const struct request *ask);
void job_drop(struct dure_core *core, uint32_t slot); /* nothing of it runs, waits or is queued */
/* The live job with the lowest id >= from; NONE. O(log jobs). */
uint32_t job_next(const struct dure_core *core, uint64_t from);

/* Its request names another user (a ceiling counts users now, or none does any more). The job is not queued. */
void job_ask_user(struct dure_core *core, uint32_t slot, uint32_t user);

/* Array elements. An ordinal counts from 0; an element is array_first + ordinal * array_step (0 for a batch job). */
bool job_ordinal(const struct job *job, uint32_t element, uint32_t *ret_ordinal);
static inline uint32_t job_ordinals(const struct job *job)
{
    return job->d.array_count ? job->d.array_count : 1;
}
static inline uint32_t job_element(const struct job *job, uint32_t ordinal)
{
    return job->d.array_count ? job->d.array_first + ordinal * job->d.array_step : 0;
}
/* Of a job with elements that do not follow the cursor: the next; is this one such; how many more they make pending. Most have none. */
bool job_next_exceptional(const struct job *job, uint32_t *ret_ordinal);
bool job_is_exception(const struct job *job, uint32_t ordinal);
uint32_t job_exceptions(const struct job *job);
/* The next to run; false: none is pending. */
static inline bool job_next_ordinal(const struct job *job, uint32_t *ret_ordinal)
{
    if (job->elements)
        return job_next_exceptional(job, ret_ordinal);
    if (job->d.cursor >= job_ordinals(job))
        return false;
    *ret_ordinal = job->d.cursor;
    return true;
}
static inline bool job_is_pending(const struct job *job, uint32_t ordinal)
{
    const bool is_exception = job->elements && job_is_exception(job, ordinal);
    return ordinal < job->d.cursor ? is_exception : ordinal < job_ordinals(job) && !is_exception;
}
static inline uint32_t job_pending_count(const struct job *job)
{
    return job_ordinals(job) - job->d.cursor + (job->elements ? job_exceptions(job) : 0);
}
/* Takes a pending ordinal out (it runs, or is cancelled), or puts it back. */
void job_take_ordinal(struct dure_core *core, struct job *job, uint32_t ordinal);
void job_back_ordinal(struct dure_core *core, struct job *job, uint32_t ordinal);
/* As they are loaded; the lists are taken over. */
void job_set_elements(struct dure_core *core, struct job *job, const struct elements *elements);
void job_take_rest(struct dure_core *core, struct job *job);

/* Dependencies. */
void dep_add(struct dure_core *core, uint32_t owner, struct dure_dep dep, unsigned state);
/* The job has ended so: its waiters are told; those that can never run any more are handed to `doomed`. */
void dep_resolve(struct dure_core *core, uint64_t job, unsigned outcome,
                 void (*changed)(struct dure_core *core, uint32_t slot, bool doomed));
unsigned dep_verdict(unsigned kind, unsigned outcome); /* enum dep_state */

unsigned outcome_get(const struct dure_core *core, uint64_t job); /* 0: live, or forgotten */
bool outcome_known(const struct dure_core *core, uint64_t job);   /* in the window */
void outcome_set(struct dure_core *core, uint64_t job, unsigned outcome);
/* Everything that a full recomputation of the digest adds for jobs. */
void job_digest_all(const struct dure_core *core, struct dure_digest *sum);
