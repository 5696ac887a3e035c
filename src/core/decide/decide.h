#pragma once
/* Deciding: what follows from an input. Every decision is emitted, then applied, before the next is thought of. */
#include "core/place/plan.h"
#include "core/state/state.h"

void decide_emit(struct dure_core *core, const struct dure_record *decision);
/* One of this moment, to be filled. */
void decide_record(const struct dure_core *core, enum dure_record_kind kind, struct dure_record *ret_record);

/* What an applied input leads to, then all that time has brought due, then what follows from that. */
void decide_input(struct dure_core *core, const struct dure_record *input);
void decide_follow(struct dure_core *core);

void decide_pass(struct dure_core *core, int64_t starts_max);
/* Would a request start now, whoever is before it in the order? What is kept for a planned start is kept from it, unless it is this job that has
 * it (NULL: another), or one above it. */
bool decide_would_start(struct dure_core *core, const struct request *ask, const struct job *job, struct plan *plan);
void decide_due(struct dure_core *core);
/* Warned at the end of its walltime, and somebody waited for its leaves, who has gone. */
void decide_whole_grace(struct dure_core *core, uint32_t attempt);

/* An attempt is gone: END or REQUEUE by its cause and how it ended. */
void decide_ended(struct dure_core *core, uint32_t attempt, enum dure_report report, int32_t exit_code,
                  int32_t exit_signal);
/* Ends what of a job can no longer end by its deadline and has not started. */
void decide_expire(struct dure_core *core, uint32_t job_slot);
/* Every job whose latest start lies before this moment (with `now_too`: or at it, once a pass has looked at it). */
void decide_expired(struct dure_core *core, int64_t until_us);
static inline void decide_expiries(struct dure_core *core, bool now_too)
{
    if (core->expiries.count) /* mostly none has one */
        decide_expired(core, core->s.time_us + now_too);
}
void decide_requeue(struct dure_core *core, const struct dure_record *input); /* REQUEUE_JOB */
void decide_unreserve_all(struct dure_core *core, uint32_t job_slot);
/* Warned, and stopped after its grace (or sooner, where it is leaving already). */
void decide_end_attempt(struct dure_core *core, uint32_t attempt, enum dure_cause cause);
bool decide_comes_back(enum dure_cause cause); /* is an attempt that ends so put back? */
void decide_end_pending(struct dure_core *core, uint64_t job, uint32_t element, enum dure_cause cause);
void decide_cancel(struct dure_core *core, uint32_t job_slot, uint32_t element, enum dure_cause cause);
void decide_unplan(struct dure_core *core, uint32_t job_slot, enum dure_cause cause);
void decide_unreserve(struct dure_core *core, uint32_t claim);
/* What was to start on these GPUs cannot any more. */
void decide_unreserve_on(struct dure_core *core, uint32_t node, uint64_t mask);

/* Warns an attempt so that it is gone within its grace; nothing if it is leaving by then anyway. */
void decide_warn(struct dure_core *core, uint32_t attempt, enum dure_cause cause);
/* Is what it was warned for something that may pass, so that it stays? */
bool decide_may_be_spared(const struct attempt *attempt);
/* The same, and a notice that might be taken back is given again for this cause, which is not. */
void decide_send_away(struct dure_core *core, uint32_t attempt, enum dure_cause cause);
void decide_stop(struct dure_core *core, uint32_t attempt, enum dure_cause cause);
/* Takes back a warning that nothing calls for any more, and what was cut off a grace after the walltime. */
void decide_spare(struct dure_core *core, uint64_t attempt_id);
/* Warns all that stand on a plan's or claim's places. */
void decide_clear(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                  uint32_t count);
bool decide_is_clear(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count);

void decide_node(struct dure_core *core, uint32_t node);
/* Work outside dure came to some of the node's GPUs, or left them. */
void decide_foreign(struct dure_core *core, uint32_t node);
void decide_world(struct dure_core *core); /* hardware, allotments and lending terms as this moment has them */
void decide_lending(struct dure_core *core);
void decide_settle(struct dure_core *core, uint32_t chain);
void decide_end_allot(struct dure_core *core, uint32_t allot);
/* After a shrink: its own shortness may be over, and what it gave back may be owed to others again. */
void decide_shrunk(struct dure_core *core, uint32_t allot);
