/* Cancel, hold, release, and word of a checkpoint: by who submitted the job, or an operator. */
#include "api/inner.h"

static void act(struct call *call, enum dure_record_kind kind)
{
    struct dure_job_view view;
    struct dure_job_cursor cursor = {0};
    struct dure_job_id job;
    uint32_t element;

    if (!part_job(call, &job, &element))
        return;
    if (element != DURE_NONE32 && kind != DURE_REC_CANCEL && kind != DURE_REC_CHECKPOINT) {
        call_fail(call, DURE_E_INVALID,
                  "job: found '%.64s', expected a whole job: elements cannot be held or released alone", call->part[0]);
        return;
    }
    cursor.job = job.v;
    if (job.v >= dure_core_next_job(call->api->core).v) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no job %s", call->part[0]);
        return;
    }
    if (!(kind == DURE_REC_RELEASE ? call_write_begin(call) : call_stop_begin(call)))
        return;
    if (!dure_core_job_next(call->api->core, &cursor, &view) || view.id.v != job.v) {
        /* With a key it may be the same request once more: the loop knows its first answer. */
        if (!call->has_key || call->who->principal.v == DURE_NONE32) {
            call_fail(call, DURE_E_STATE, "job %s has ended", call->part[0]);
            return;
        }
    } else if (!call->who->is_operator && view.job->principal.v != call->who->principal.v) {
        call_fail(call, DURE_E_DENIED, "job %llu is not yours, and you are no operator", (unsigned long long)job.v);
        return;
    }
    dure_record_init(&call->record, kind, 0, 0);
    if (kind == DURE_REC_CHECKPOINT) {
        if (!dure_core_job_view(call->api->core, job, element, &view) || view.attempt.v == DURE_NONE64) {
            call_fail(call, DURE_E_STATE, "job %s does not run: only what runs can have kept its work%s", call->part[0],
                      element == DURE_NONE32 ? "; of an array, name the element" : "");
            return;
        }
        call->record.attempt = view.attempt;
    } else {
        call->record.job = job;
        call->record.element = element;
    }
    call_write(call, answer_sequence);
}

void handle_checkpointed(struct call *call)
{
    act(call, DURE_REC_CHECKPOINT);
}

void handle_cancel(struct call *call)
{
    act(call, DURE_REC_CANCEL);
}

void handle_hold(struct call *call)
{
    act(call, DURE_REC_HOLD);
}

void handle_release(struct call *call)
{
    act(call, DURE_REC_RELEASE);
}
