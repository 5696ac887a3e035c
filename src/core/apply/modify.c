/* Jobs changed after their submission: other fields, or back into the queue. A job keeps its id, and with it its age and place. */
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/decide/after.h"
#include "core/decide/decide.h"
#include "core/place/ground.h"
#include "core/place/price.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/why/never.h"

enum dure_err check_deadline(const struct dure_core *core, const struct dure_job *job, struct dure_error *error)
{
    const int64_t now = core->s.time_us, begin_us = job->begin_us > now ? job->begin_us : now;
    char deadline[DURE_TIME_TEXT_MAX], soonest[DURE_TIME_TEXT_MAX];
    if (!job->deadline_us || job->deadline_us - job->walltime_us >= begin_us)
        return DURE_OK;
    return dure_fail(error, DURE_E_NEVER,
                     "deadline: found %s, expected %s or later: the job begins %s and asks for "
                     "its walltime from then",
                     dure_time_format_utc(job->deadline_us, deadline),
                     dure_time_format_utc(begin_us + job->walltime_us, soonest),
                     begin_us > now ? "at its begin time" : "now at the soonest");
}

static enum dure_err check_live(const struct dure_core *core, uint64_t id, uint32_t *ret_slot, struct dure_error *error)
{
    const unsigned long long shown = id;
    *ret_slot = job_find(core, id);
    if (*ret_slot != NONE)
        return DURE_OK;
    return id && id < core->s.next_job ? dure_fail(error, DURE_E_STATE, "job %llu has ended", shown)
                                       : dure_fail(error, DURE_E_NOT_FOUND, "there is no job %llu", shown);
}

/* ---- other fields ---- */

/* The job as it would be. */
static enum dure_err changed(const struct dure_core *core, const struct job *job, const struct dure_record *record,
                             struct dure_job *ret_job, struct job_made *ret_data, struct dure_error *error)
{
    job_unpack(core, job, ret_job);
    dure_job_change(ret_job, &record->submit, (uint64_t)record->number);
    return job_pack(core, ret_job, ret_data, error);
}

static bool is_awaited(const struct dure_core *core, const struct attempt *attempt)
{
    const struct dure_chain *chain = &core->fleet->chains[attempt->d.chain];
    for (uint32_t i = 0; i < attempt->d.place_count; i++) {
        const struct dure_place *p = &attempt->places[i];
        for (uint32_t k = 0; k < p->node_count; k++)
            for (uint64_t mask = p->gpu_mask; mask; mask &= mask - 1) {
                const uint32_t leaf =
                    (p->node_first - chain->node_first + k) * chain->node_gpus + (uint32_t)__builtin_ctzll(mask);
                const uint32_t *claims = NULL;
                if (ground_claims(core, attempt->d.chain, leaf, &claims))
                    return true;
            }
    }
    return false;
}

/* A new walltime, for what of the job runs already. */
static enum dure_err check_running(const struct dure_core *core, const struct job *job, const struct dure_job *next,
                                   struct dure_error *error)
{
    const unsigned long long id = job->d.id;
    for (uint32_t at = job->first_run; at != NONE; at = attempt_at(core, at)->next_run) {
        const struct attempt *attempt = attempt_at(core, at);
        const int64_t end_us = attempt->d.started_us + next->walltime_us;
        const bool other = next->walltime_us != job_ask(core, job)->walltime_us;
        if (other && (attempt->d.state == DURE_ATTEMPT_WARNED || attempt->d.state == DURE_ATTEMPT_STOPPING))
            return dure_fail(error, DURE_E_STATE, "walltime: job %llu is being stopped (%s)", id,
                             dure_cause_name(attempt->d.cause));
        if (next->walltime_us > job_ask(core, job)->walltime_us && is_awaited(core, attempt))
            return dure_fail(error, DURE_E_STATE, "walltime: the GPUs of job %llu are awaited by another job", id);
        int64_t window_us;
        if (next->walltime_us > job_ask(core, job)->walltime_us &&
            window_touches(core, attempt->d.chain, attempt->places, attempt->d.place_count, end_us + next->grace_us,
                           &window_us))
            return dure_fail(error, DURE_E_STATE, "walltime: job %llu would reach into booked maintenance", id);
        if (next->deadline_us && end_us > next->deadline_us)
            return dure_fail(error, DURE_E_STATE, "deadline: job %llu runs, and its walltime would end after it", id);
    }
    return DURE_OK;
}

enum dure_err check_modify(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const unsigned long long id = record->job.v;
    const uint64_t mask = (uint64_t)record->number;
    uint32_t slot;
    struct dure_job next;
    struct job_made data;
    enum dure_err err = check_live(core, record->job.v, &slot, error);
    if (err != DURE_OK)
        return err;
    const struct job *job = job_at(core, slot);
    if (!mask || (mask & ~(uint64_t)DURE_CHANGE_ALL))
        return dure_fail(error, DURE_E_INVALID, "modify: found mask %llu, expected fields that can be changed",
                         (unsigned long long)mask);
    if (job->d.live && (mask & ~(uint64_t)DURE_CHANGE_RUNNING))
        return dure_fail(error, DURE_E_STATE,
                         "job %llu runs: only priority, walltime, begin, deadline, requeue, hold, array_limit and "
                         "checkpoint can still be changed",
                         id);
    if ((mask & DURE_CHANGE_ARRAY_LIMIT) && !job->d.array_count)
        return dure_fail(error, DURE_E_INVALID, "array_limit: job %llu is no array", id);
    if ((mask & DURE_CHANGE_HOLD) && !job_pending_count(job) && !job->d.claims)
        return dure_fail(error, DURE_E_STATE, "hold: nothing of job %llu is pending", id);
    err = changed(core, job, record, &next, &data, error);
    if (err == DURE_OK)
        err = check_running(core, job, &next, error);
    if (err == DURE_OK && (job_pending_count(job) || job->d.claims))
        err = check_deadline(core, &next, error);
    if (err == DURE_OK && (mask & ~(uint64_t)DURE_CHANGE_RUNNING))
        err = never_check(core, &data.ask, error);
    if (err == DURE_OK && (mask & ~(uint64_t)DURE_CHANGE_RUNNING))
        err = ceiling_check_size(core, &data.ask, error);
    return err;
}

/* What was charged for its walltime beforehand is charged anew. What has run longer already ends now, with its grace. */
static void rewall(struct dure_core *core, struct job *job, int64_t wanted_us)
{
    for (uint32_t at = job->first_run; at != NONE; at = attempt_at(core, at)->next_run) {
        const struct attempt_data *d = &attempt_at(core, at)->d;
        const int64_t was_us = d->walltime_end_us - d->started_us, run_us = core->s.time_us - d->started_us;
        const int64_t walltime_us = wanted_us > run_us ? wanted_us : run_us;
        if (!d->borrowed && was_us != walltime_us) {
            share_charge(core, job_ask(core, job)->tenant, share_cost(d->gpus_milli, was_us), d->charged_at_us, true);
            share_charge(core, job_ask(core, job)->tenant, share_cost(d->gpus_milli, walltime_us), d->charged_at_us,
                         false);
        }
        attempt_rewall(core, at, d->started_us + walltime_us);
    }
}

static void give_up_claims(struct dure_core *core, uint32_t slot)
{
    const struct job *job = job_at(core, slot);
    for (uint32_t ordinal = 0; job->d.claims && ordinal < job_ordinals(job); ordinal++) {
        const uint32_t claim = claim_of(core, slot, ordinal);
        if (claim != NONE)
            after_give_up_claim(core, claim);
    }
}

enum dure_err apply_modify(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const uint64_t mask = (uint64_t)record->number;
    uint32_t slot;
    struct dure_job next;
    struct job_made data;
    enum dure_err err = check_live(core, record->job.v, &slot, error);
    struct job *job = err == DURE_OK ? job_at(core, slot) : NULL;
    if (err == DURE_OK)
        err = changed(core, job, record, &next, &data, error);
    if (err != DURE_OK)
        return err;
    give_up_claims(core, slot); /* a place for what it was */
    queue_leave(core, slot);
    if (mask & DURE_CHANGE_WALLTIME)
        rewall(core, job, next.walltime_us);
    job_out(core, job);
    job->d.begin_us = data.data.begin_us;
    job->d.deadline_us = data.data.deadline_us;
    job->d.array_limit = data.data.array_limit;
    job_reask(core, job, &data.ask);
    job->d.flags = (uint8_t)((job->d.flags & ~JOB_REQUEUE) | (data.data.flags & JOB_REQUEUE));
    if (mask & DURE_CHANGE_HOLD)
        job->d.flags = (uint8_t)((job->d.flags & ~JOB_HELD) | (record->submit.hold ? JOB_HELD : 0));
    job_in(core, job);
    for (uint32_t at = job->first_run; at != NONE; at = attempt_at(core, at)->next_run) {
        attempt_lower_floors(core, at);
        price_change(core, at); /* its walltime or its checkpoints */
    }
    queue_refresh(core, slot);
    queue_wake(core, queue_of(core, job_ask(core, job)));
    return DURE_OK;
}

/* ---- back into the queue ---- */

static bool may_return(const struct attempt *attempt)
{
    return attempt->d.cause == DURE_CAUSE_NONE || decide_comes_back(attempt->d.cause);
}

enum dure_err check_requeue_job(const struct dure_core *core, const struct dure_record *record,
                                struct dure_error *error)
{
    const unsigned long long id = record->job.v;
    uint32_t slot, ordinal = 0, attempt = NONE;
    const enum dure_err err = check_live(core, record->job.v, &slot, error);
    if (err != DURE_OK)
        return err;
    const struct job *job = job_at(core, slot);
    const bool one = job->d.array_count && record->element != NONE;
    if (record->number < 0 || record->number > 1)
        return dure_fail(error, DURE_E_INVALID, "requeue: expected 0, or 1 to hold it as well");
    if (one && !job_ordinal(job, record->element, &ordinal))
        return dure_fail(error, DURE_E_NOT_FOUND, "job %llu has no element %u", id, record->element);
    if (one && record->number)
        return dure_fail(error, DURE_E_INVALID, "job %llu: elements cannot be held alone", id);
    if (!(job->d.flags & JOB_REQUEUE))
        return dure_fail(error, DURE_E_STATE, "job %llu is not to be requeued: it says requeue: false", id);
    if (job->d.flags & JOB_REST_GONE)
        return dure_fail(error, DURE_E_STATE, "job %llu: the rest of its array was cancelled", id);
    if (one)
        attempt = attempt_of(core, slot, ordinal);
    for (uint32_t at = one ? NONE : job->first_run; at != NONE && attempt == NONE; at = attempt_at(core, at)->next_run)
        attempt = may_return(attempt_at(core, at)) ? at : NONE;
    if (attempt == NONE && (one || !job->d.live))
        return dure_fail(error, DURE_E_STATE, "nothing of job %llu runs", id);
    if (attempt == NONE || !may_return(attempt_at(core, attempt)))
        return dure_fail(error, DURE_E_STATE, "job %llu is being stopped for good", id);
    return DURE_OK;
}

enum dure_err apply_requeue_job(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    const uint32_t slot = job_find(core, record->job.v);
    struct job *job = job_at(core, slot);
    if (!record->number)
        return DURE_OK;
    job_out(core, job);
    job->d.flags |= JOB_HELD;
    job_in(core, job);
    queue_refresh(core, slot);
    return DURE_OK;
}
