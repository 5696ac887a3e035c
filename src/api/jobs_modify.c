/* Modify and requeue: by who submitted the job, or an operator. Only an operator lengthens what runs. */
#include <jansson.h>

#include "api/inner.h"

/* The job by its number; false: answered. An ended job passes where the request may be one made before: the loop knows its first answer. */
static bool find(struct call *call, struct dure_job_id *ret_job, uint32_t *ret_element, struct dure_job_view *ret_view,
                 bool *ret_ended)
{
    struct dure_job_cursor cursor = {0};

    if (!part_job(call, ret_job, ret_element))
        return false;
    cursor.job = ret_job->v;
    if (ret_job->v >= dure_core_next_job(call->api->core).v) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no job %s", call->part[0]);
        return false;
    }
    if (!call_write_begin(call))
        return false;
    *ret_ended = !dure_core_job_next(call->api->core, &cursor, ret_view) || ret_view->id.v != ret_job->v;
    if (*ret_ended) {
        if (!call->has_key || call->who->principal.v == DURE_NONE32) {
            call_fail(call, DURE_E_STATE, "job %s has ended", call->part[0]);
            return false;
        }
        return true;
    }
    if (call->who->is_operator || ret_view->job->principal.v == call->who->principal.v)
        return true;
    call_fail(call, DURE_E_DENIED, "job %llu is not yours, and you are no operator", (unsigned long long)ret_job->v);
    return false;
}

static bool runs(const struct call *call, struct dure_job_id job)
{
    struct dure_job_cursor cursor = {.job = job.v};
    struct dure_job_view view;

    return dure_core_job_next(call->api->core, &cursor, &view) && view.id.v == job.v &&
           view.attempt.v != DURE_NONE64; /* what runs comes before what waits */
}

void handle_modify(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_problems problems;
    struct dure_job_view view;
    struct dure_job_id job;
    struct dure_job next;
    struct dure_tree *tree;
    uint32_t element;
    uint64_t mask = 0;
    bool ended;
    enum dure_err err;

    if (!find(call, &job, &element, &view, &ended))
        return;
    if (element != DURE_NONE32) {
        call_fail(call, DURE_E_INVALID, "job: found '%.64s', expected a whole job: elements cannot be changed alone",
                  call->part[0]);
        return;
    }
    tree = call_body_tree(call);
    if (tree == NULL)
        return;
    next = ended ? dure_job_blank() : *view.job;
    problems.file = "body";
    problems.count = problems.total = 0;
    err = dure_job_changes_parse(tree, fleet, call->arena, &next, &mask, &problems);
    if (err == DURE_E_INVALID) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err != DURE_OK) {
        call_fail(call, err, "%s", dure_err_sentence(err));
        return;
    }
    if (!ended && !call->who->is_operator && next.walltime_us > view.job->walltime_us && runs(call, job)) {
        call_fail(call, DURE_E_DENIED, "walltime: job %llu runs; only an operator lengthens what runs",
                  (unsigned long long)job.v);
        return;
    }
    dure_record_init(&call->record, DURE_REC_MODIFY, 0, 0);
    call->record.job = job;
    call->record.number = (int64_t)mask;
    call->record.submit = dure_job_blank();
    dure_job_change(&call->record.submit, &next, mask);
    call_write(call, answer_sequence);
}

void handle_requeue(struct call *call)
{
    static const char *const keys[] = {"hold", NULL};
    struct dure_job_view view;
    struct dure_job_id job;
    uint32_t element;
    json_t *json, *hold;
    bool ended;

    if (!find(call, &job, &element, &view, &ended))
        return;
    json = call_body_json(call, keys);
    if (json == NULL)
        return;
    dure_record_init(&call->record, DURE_REC_REQUEUE_JOB, 0, 0);
    call->record.job = job;
    call->record.element = element;
    hold = json_object_get(json, "hold");
    call->record.number = json_is_true(hold);
    if (hold == NULL || json_is_boolean(hold))
        call_write(call, answer_sequence);
    else
        call_fail(call, DURE_E_INVALID, "hold: expected true or false");
    json_decref(json);
}
