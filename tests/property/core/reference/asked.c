/* What people ask of jobs that are there, and what becomes of those that wait for a time, or for others. */
#include "parts.h"

void reference_hold(struct reference *reference, const struct dure_record *input)
{
    reference->jobs[input->job.v].held = input->kind == DURE_REC_HOLD;
    reference_left_queue(reference, input->job.v);
    if (input->kind == DURE_REC_HOLD)
        reference_unreserve_all(reference, input->job.v);
}

/* ---- other fields ---- */

/* What runs is charged anew, and ends at once where it has run longer already. */
static void rewall(struct reference *reference, uint64_t id, int64_t walltime_us)
{
    for (uint32_t r = 0; r < reference->run_end; r++) {
        struct reference_run *run = &reference->runs[r];
        if (run->state <= RUN_RESERVED || run->job != id)
            continue;
        const int64_t ran = reference->input->time_us - run->since_us, lasts = walltime_us > ran ? walltime_us : ran;
        if (!run->borrowed && run->end_us - run->since_us != lasts) {
            const uint32_t tenant = reference->jobs[id].tenant, milli = reference_run_milli(run);
            reference_charge(reference, tenant, milli, run->end_us - run->since_us, run->charged_us, true);
            reference_charge(reference, tenant, milli, lasts, run->charged_us, false);
        }
        run->end_us = run->since_us + lasts;
    }
}

/* Places that are only reserved were for what it was. */
static void give_up_places(struct reference *reference, uint64_t id)
{
    const struct reference_job *job = &reference->jobs[id];
    for (uint32_t i = 0; i < (job->array_count > 0 ? job->array_count : 1); i++) {
        struct reference_run *run = reference_run_of(reference, id, i);
        if (run && run->state == RUN_RESERVED)
            reference_give_up(reference, run);
    }
}

void reference_modify(struct reference *reference, const struct dure_record *input)
{
    const uint64_t id = input->job.v, mask = (uint64_t)input->number;
    struct reference_job *job = &reference->jobs[id];
    const struct dure_job *asked = &input->submit;
    give_up_places(reference, id);
    if (reference->plans[reference_queue(reference, job)].job == id)
        reference_leave_to_do(reference, AFTER_UNPLAN, id, 0);
    if (mask & DURE_CHANGE_WALLTIME)
        rewall(reference, id, asked->walltime_us);
    job->walltime_us = mask & DURE_CHANGE_WALLTIME ? asked->walltime_us : job->walltime_us;
    job->priority = mask & DURE_CHANGE_PRIORITY ? asked->priority : job->priority;
    job->grace_us = mask & DURE_CHANGE_GRACE ? asked->grace_us : job->grace_us;
    job->begin_us = mask & DURE_CHANGE_BEGIN ? asked->begin_us : job->begin_us;
    job->deadline_us = mask & DURE_CHANGE_DEADLINE ? asked->deadline_us : job->deadline_us;
    job->requeue = mask & DURE_CHANGE_REQUEUE ? asked->requeue : job->requeue;
    job->held = mask & DURE_CHANGE_HOLD ? asked->hold : job->held;
    job->array_limit = mask & DURE_CHANGE_ARRAY_LIMIT ? asked->array_limit : job->array_limit;
    job->checkpoint_us = mask & DURE_CHANGE_CHECKPOINT ? asked->checkpoint_us : job->checkpoint_us;
    job->borrowed = mask & DURE_CHANGE_CLASS ? asked->job_class == DURE_BORROWED : job->borrowed;
    job->tasks = mask & DURE_CHANGE_TASKS ? asked->tasks : job->tasks;
}

void reference_requeue(struct reference *reference, const struct dure_record *input)
{
    const uint64_t id = input->job.v;
    struct reference_job *job = &reference->jobs[id];
    if (input->number) {
        job->held = true;
        reference_left_queue(reference, id);
        reference_unreserve_all(reference, id);
    }
    if (job->array_count > 0 && input->element != DURE_NONE32) {
        const uint32_t ordinal = (input->element - job->array_first) / job->array_step;
        reference_cancel_run(reference, reference_run_of(reference, id, ordinal), DURE_CAUSE_REQUEUED);
        return;
    }
    for (uint64_t attempt = reference->next_attempt; attempt-- > 1;) { /* the youngest first */
        struct reference_run *run = reference_attempt(reference, attempt);
        if (run && run->job == id && run->cause != DURE_CAUSE_REQUEUED && reference_comes_back(run->cause))
            reference_cancel_run(reference, run, DURE_CAUSE_REQUEUED);
    }
}

/* ---- deadlines ---- */

void reference_expire_one(struct reference *reference, uint64_t id)
{
    reference_unreserve_all(reference, id);
    reference_end_waiting(reference, id, DURE_CAUSE_DEADLINE);
}

static bool waits(const struct reference *reference, uint64_t id)
{
    const struct reference_job *job = &reference->jobs[id];
    bool found = false;
    for (uint32_t i = 0; i < (job->array_count > 0 ? job->array_count : 1); i++)
        found |= job->elements[i] == ELEMENT_WAITS;
    for (uint32_t r = 0; r < reference->run_end; r++)
        found |= reference->runs[r].state == RUN_RESERVED && reference->runs[r].job == id;
    return found;
}

/* Who had to start soonest goes first. */
void reference_expire(struct reference *reference, bool now_too)
{
    for (;;) {
        uint64_t first = 0;
        int64_t first_us = reference->input->time_us + now_too;
        for (uint64_t id = 1; id < reference->next_job; id++) {
            const struct reference_job *job = &reference->jobs[id];
            if (job->deadline_us > 0 && job->deadline_us - job->walltime_us < first_us && waits(reference, id)) {
                first = id;
                first_us = job->deadline_us - job->walltime_us;
            }
        }
        if (first == 0)
            return;
        reference_expire_one(reference, first);
    }
}

/* ---- dependencies ---- */

void reference_over(struct reference *reference, uint64_t id)
{
    const struct reference_job *job = &reference->jobs[id];
    if (reference_is_live(reference, id))
        return;
    const bool ok = !job->has_failed;
    for (uint64_t other = reference->next_job; other-- > 1;) { /* the youngest first */
        struct reference_job *waiter = &reference->jobs[other];
        for (uint32_t i = waiter->dep_count; i-- > 0;) {
            if (waiter->deps[i].job.v != id || waiter->dep_states[i] != DEP_WAITS)
                continue;
            const bool holds = waiter->deps[i].kind == DURE_DEP_ANY || ok == (waiter->deps[i].kind == DURE_DEP_OK);
            waiter->dep_states[i] = holds ? DEP_HOLDS : DEP_FAILED;
            if (!holds)
                reference_leave_to_do(reference, AFTER_DOOMED, other, 0);
        }
    }
}
