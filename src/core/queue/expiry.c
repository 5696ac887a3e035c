/* Latest starts: a job with a deadline that has not started by then can no longer end in time. */
#include "core/queue/queue.h"
#include "core/state/jobs.h"

void expiry_refresh(struct dure_core *core, uint32_t slot)
{
    const struct job *job = job_at(core, slot);
    const bool waits = job->d.deadline_us && (job->d.claims || job_pending_count(job));
    const int64_t latest_us = job->d.deadline_us - job_ask(core, job)->walltime_us;
    if (!waits && job->expiry_place != NONE)
        dure_heap_remove(&core->expiries, job->expiry_place);
    else if (waits && job->expiry_place == NONE)
        dure_heap_add(&core->expiries, latest_us, job->d.id, slot);
    else if (waits && core->expiries.at[job->expiry_place].key != latest_us)
        dure_heap_move(&core->expiries, job->expiry_place, latest_us);
}
