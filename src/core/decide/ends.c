/* Reports, cancellations, and what is left to do after them. */
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

static enum dure_job_state end_state(enum dure_cause cause)
{
    switch (cause) {
    case DURE_CAUSE_WALLTIME: return DURE_JOB_TIMEOUT;
    case DURE_CAUSE_CANCELLED: return DURE_JOB_CANCELLED;
    case DURE_CAUSE_NODE_LOST:
    case DURE_CAUSE_DRAINED: return DURE_JOB_NODE_FAIL;
    case DURE_CAUSE_LAUNCH_FAILED: return DURE_JOB_LAUNCH_FAILED;
    case DURE_CAUSE_DEADLINE: return DURE_JOB_DEADLINE;
    default: return DURE_JOB_EVICTED;
    }
}

/* Is it put back by this? What was cancelled, ran out of time or cannot be launched is not. */
bool decide_comes_back(enum dure_cause cause)
{
    return cause != DURE_CAUSE_WALLTIME && cause != DURE_CAUSE_CANCELLED && cause != DURE_CAUSE_LAUNCH_FAILED &&
           cause != DURE_CAUSE_FINISHED;
}

void decide_ended(struct dure_core *core, uint32_t slot, enum dure_report report, int32_t exit_code,
                  int32_t exit_signal)
{
    const struct attempt *attempt = attempt_at(core, slot);
    ground_fetch(core, attempt->d.chain, attempt->places, attempt->d.place_count);
    const struct job *job = attempt->job;
    enum dure_cause cause = attempt->d.cause;
    if (cause == DURE_CAUSE_NONE)
        cause = report == DURE_REPORT_ENDED     ? DURE_CAUSE_FINISHED
                : report == DURE_REPORT_REFUSED ? DURE_CAUSE_LAUNCH_FAILED
                                                : DURE_CAUSE_NODE_LOST;
    const bool back = decide_comes_back(cause) && (job->d.flags & JOB_REQUEUE) && !(job->d.flags & JOB_REST_GONE);
    struct dure_record r;
    decide_record(core, back ? DURE_REC_REQUEUE : DURE_REC_END, &r);
    r.job.v = job->d.id;
    r.element = attempt->d.element;
    r.attempt.v = attempt->d.id;
    r.cause = cause;
    if (!back) {
        r.exit_code = exit_code;
        r.exit_signal = exit_signal;
        r.state = cause != DURE_CAUSE_FINISHED ? end_state(cause)
                  : exit_code || exit_signal   ? DURE_JOB_FAILED
                                               : DURE_JOB_COMPLETED;
    }
    decide_emit(core, &r);
}

void decide_unreserve(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    struct dure_record r;
    decide_record(core, DURE_REC_UNRESERVE, &r);
    r.job.v = claim->d.job;
    r.element = claim->d.element;
    decide_emit(core, &r);
}

void decide_unreserve_on(struct dure_core *core, uint32_t node, uint64_t mask)
{
    const uint32_t at = core->nodes[node].chain;
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t first = (node - chain->node_first) * chain->node_gpus;
    for (; mask; mask &= mask - 1)
        for (const uint32_t *claims = NULL; ground_claims(core, at, first + (uint32_t)__builtin_ctzll(mask), &claims);)
            decide_unreserve(core, claims[0]);
}

void decide_end_pending(struct dure_core *core, uint64_t job, uint32_t element, enum dure_cause cause)
{
    struct dure_record r;
    decide_record(core, DURE_REC_END, &r);
    r.job.v = job;
    r.element = element;
    r.state = cause == DURE_CAUSE_DEADLINE ? DURE_JOB_DEADLINE : DURE_JOB_CANCELLED;
    r.cause = cause;
    decide_emit(core, &r);
}

void decide_end_attempt(struct dure_core *core, uint32_t slot, enum dure_cause cause)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int64_t now = core->s.time_us, grace = job_ask(core, attempt->job)->grace_us;
    if (attempt->d.state == DURE_ATTEMPT_STOPPING || !grace) {
        if (attempt->d.cause != cause || attempt->d.state != DURE_ATTEMPT_STOPPING)
            decide_stop(core, slot, cause);
        return;
    }
    struct dure_record r;
    decide_record(core, DURE_REC_NOTICE, &r);
    r.attempt.v = attempt->d.id;
    r.cause = cause;
    r.deadline_us = attempt->d.state == DURE_ATTEMPT_WARNED && attempt->d.deadline_us < now + grace
                        ? attempt->d.deadline_us
                        : now + grace;
    decide_emit(core, &r);
}

void decide_unreserve_all(struct dure_core *core, uint32_t job_slot)
{
    const struct job *job = job_at(core, job_slot);
    for (uint32_t ordinal = 0; job->d.claims && ordinal < job_ordinals(job); ordinal++) {
        const uint32_t claim = claim_of(core, job_slot, ordinal);
        if (claim != NONE)
            decide_unreserve(core, claim);
    }
}

static void cancel_all(struct dure_core *core, uint32_t job_slot, enum dure_cause cause)
{
    const struct job *job = job_at(core, job_slot);
    const uint64_t id = job->d.id;
    decide_unreserve_all(core, job_slot);
    for (uint32_t at = job->first_run; at != NONE;) {
        const uint32_t next = attempt_at(core, at)->next_run;
        decide_end_attempt(core, at, cause);
        at = next;
    }
    if (job_pending_count(job))
        decide_end_pending(core, id, job->d.array_count ? NONE : 0, cause); /* the job may be gone after this */
}

void decide_cancel(struct dure_core *core, uint32_t job_slot, uint32_t element, enum dure_cause cause)
{
    const struct job *job = job_at(core, job_slot);
    uint32_t ordinal;
    if (element == NONE || !job->d.array_count || !job_ordinal(job, element, &ordinal)) {
        cancel_all(core, job_slot, cause);
        return;
    }
    const uint32_t claim = claim_of(core, job_slot, ordinal), attempt = attempt_of(core, job_slot, ordinal);
    if (claim != NONE)
        decide_unreserve(core, claim);
    if (attempt != NONE)
        decide_end_attempt(core, attempt, cause);
    else
        decide_end_pending(core, job->d.id, element, cause);
}

/* A held job waits without a place. */
static void hold(struct dure_core *core, uint32_t job_slot)
{
    decide_unreserve_all(core, job_slot);
}

void decide_input(struct dure_core *core, const struct dure_record *input)
{
    switch (input->kind) {
    case DURE_REC_CANCEL:
        decide_cancel(core, job_find(core, input->job.v), input->element, DURE_CAUSE_CANCELLED);
        break;
    case DURE_REC_REQUEUE_JOB: decide_requeue(core, input); break;
    case DURE_REC_BOOK: decide_bookings(core); break;
    case DURE_REC_UNBOOK: decide_booking(core, (uint64_t)input->number, BOOKING_OVER); break;
    case DURE_REC_HOLD: hold(core, job_find(core, input->job.v)); break;
    case DURE_REC_ATTEMPT_REPORT:
        if (input->report != DURE_REPORT_STARTED)
            decide_ended(core, attempt_find(core, input->attempt.v), input->report, input->exit_code,
                         input->exit_signal);
        break;
    case DURE_REC_DRAIN:
    case DURE_REC_RESUME:
    case DURE_REC_NODE_REPORT: decide_node(core, input->node.v); break;
    case DURE_REC_FOREIGN: decide_foreign(core, input->node.v); break;
    case DURE_REC_FLEET:
    case DURE_REC_GRANT: decide_world(core); break;
    case DURE_REC_TENANTS:
        decide_world(core);
        decide_lending(core);
        break;
    case DURE_REC_DATA: decide_data(core); break;
    case DURE_REC_SHRINK: decide_shrunk(core, input->allot.v); break;
    case DURE_REC_END_ALLOT: decide_end_allot(core, input->allot.v); break;
    case DURE_REC_PASS:
        decide_expiries(core, false);
        decide_pass(core, input->number);
        decide_expiries(core, true); /* whoever could start at this moment at the latest has had its chance */
        break;
    default: break;
    }
}
