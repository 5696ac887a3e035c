/* What people ask of jobs that are there already, and deadlines that cannot be met. */
#include "core/decide/decide.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

void decide_expire(struct dure_core *core, uint32_t job_slot)
{
    const struct job *job = job_at(core, job_slot);
    const uint64_t id = job->d.id;
    decide_unreserve_all(core, job_slot);
    if (job_pending_count(job))
        decide_end_pending(core, id, job->d.array_count ? NONE : 0, DURE_CAUSE_DEADLINE);
}

void decide_expired(struct dure_core *core, int64_t until_us)
{
    while (!DURE_CORE_MUTATED(DEADLINES_MISSED) && core->expiries.count && core->expiries.at[0].key < until_us)
        decide_expire(core, core->expiries.at[0].slot);
}

void decide_requeue(struct dure_core *core, const struct dure_record *input)
{
    const uint32_t slot = job_find(core, input->job.v);
    const struct job *job = job_at(core, slot);
    uint32_t ordinal;
    if (input->number)
        decide_unreserve_all(core, slot); /* it is held from here on */
    const bool one = job->d.array_count && input->element != NONE && job_ordinal(job, input->element, &ordinal);
    if (one) {
        decide_end_attempt(core, attempt_of(core, slot, ordinal), DURE_CAUSE_REQUEUED);
        return;
    }
    for (uint32_t at = job->first_run; at != NONE;) {
        const uint32_t next = attempt_at(core, at)->next_run;
        const enum dure_cause cause = attempt_at(core, at)->d.cause;
        if (cause != DURE_CAUSE_REQUEUED && (cause == DURE_CAUSE_NONE || decide_comes_back(cause)))
            decide_end_attempt(core, at, DURE_CAUSE_REQUEUED);
        at = next;
    }
}
