/* GET /v1/jobs/{job}: one job with what stands in its body, and the rows of its elements if it is an array. */
#include <stdlib.h>
#include <string.h>

#include "api/row.h"

struct show {
    struct dure_job_id job;
    uint32_t element;
    bool found, visible, mine;
    struct dure_buf first, parts; /* members of the first row; whole rows of all */
    uint32_t part_count;
    uint32_t slot_count;
    struct row_slot slots[PAGE_MAX]; /* ended ones, still to be decoded */
    struct dure_body *body;
    enum dure_err err;
    struct dure_error error;
};

static void write_attempts(const struct call *call, const struct row *row, struct dure_buf *out)
{
    struct dure_buf nodes DURE_CLEANUP_BUF = {0}, note DURE_CLEANUP_BUF = {0};

    dure_buf_init(&note, 1024);
    json_open(out, "attempts", '[');
    if (row->attempt.v != DURE_NONE64 && row->attempt.v != 0) {
        dure_buf_init(&nodes, 1 << 20);
        row_nodes(call, row, &nodes);
        json_open(out, NULL, '{');
        json_uint(out, "attempt", row->attempt.v);
        json_str(out, "state", row->ended ? "ended" : dure_attempt_state_name(row->attempt_state));
        json_time(out, "started", row->started_us);
        json_time(out, "ended", row->ended_us);
        json_str(out, "nodes", nodes.data != NULL ? nodes.data : "");
        if (row->ended) {
            json_int(out, "exit_code", row->exit_code);
            json_int(out, "exit_signal", row->exit_signal);
        } else {
            json_none(out, "exit_code");
            json_none(out, "exit_signal");
        }
        json_str(out, "cause", row->cause != DURE_CAUSE_NONE ? dure_cause_name(row->cause) : NULL);
        if (!row->ended)
            call->api->host.attempt_note(call->api->host.context, row->attempt, &note);
        json_str(out, "note", note.length > 0 ? note.data : NULL);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_runs(const struct dure_fleet *fleet, const char *key, struct dure_node_runs runs,
                       struct dure_buf *out)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};

    dure_buf_init(&text, 1 << 20);
    if (runs.count > 0 && fleet != NULL)
        dure_node_runs_write(fleet, runs, &text);
    json_str(out, key, text.length > 0 ? text.data : NULL);
}

/* What it asks of its place beyond size and level. */
static void write_where(const struct dure_fleet *fleet, const struct dure_job *spec, struct dure_buf *out)
{
    json_open(out, "models", '[');
    for (unsigned rank = 0; rank <= DURE_MODEL_ORDER_MAX; rank++)
        for (uint32_t i = 0; fleet != NULL && i < fleet->model_count; i++)
            if ((spec->model_mask >> i & 1) != 0 &&
                (spec->model_order != 0 ? dure_job_model_rank(spec->model_order, (struct dure_gpu_model_id){i}) : 0) ==
                    rank)
                json_str(out, NULL, fleet->models[i].name);
    json_close(out, ']');
    json_str(out, "spread_level", spec->spread_max > 0 ? spec->spread_level : NULL);
    json_uint(out, "spread_max", spec->spread_max);
    write_runs(fleet, "nodes_allowed", spec->include, out);
    write_runs(fleet, "nodes_excluded", spec->exclude, out);
    json_str(out, "mig", spec->mig != NULL && *spec->mig != '\0' ? spec->mig : NULL);
}

static void write_spec(const struct call *call, const struct row *row, struct dure_buf *out)
{
    const struct dure_job *spec = row->spec;
    static const char *const kinds[] = {"ok", "any", "failed"};

    json_uint(out, "task_gpus", spec->task_gpus);
    json_uint(out, "gpu_memory_mib", spec->gpu_memory_mib);
    json_uint(out, "task_cpu_milli", spec->task_cpu_milli);
    json_uint(out, "task_memory_mib", spec->task_memory_mib);
    json_uint(out, "tasks_per_node", spec->tasks_per_node);
    json_bool(out, "level_required", spec->level_required);
    write_where(dure_core_fleet(call->api->core), spec, out);
    json_time(out, "begin", spec->begin_us);
    json_time(out, "must_end_by", spec->deadline_us != 0 ? spec->deadline_us : DURE_NEVER_US);
    json_bool(out, "requeue", spec->requeue);
    json_open(out, "after", '[');
    for (uint32_t i = 0; i < spec->dep_count; i++) {
        json_open(out, NULL, '{');
        json_uint(out, "job", spec->deps[i].job.v);
        json_str(out, "kind", kinds[spec->deps[i].kind <= DURE_DEP_FAILED ? spec->deps[i].kind : DURE_DEP_ANY]);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void add_row(struct call *call, struct show *show, const struct row *row)
{
    if (!show->found) {
        show->found = true;
        show->visible = row_visible(call, row);
        show->mine = call->who->is_operator ||
                     (row->spec->principal.v != DURE_NONE32 && row->spec->principal.v == call->who->principal.v);
        dure_buf_byte(&show->first, '{');
        row_write(call, row, &show->first);
        write_spec(call, row, &show->first);
        write_attempts(call, row, &show->first);
    }
    if (row->spec->array_count == 0 || show->part_count >= PAGE_MAX)
        return;
    show->part_count++;
    json_open(&show->parts, NULL, '{');
    row_write(call, row, &show->parts);
    json_close(&show->parts, '}');
}

static void gather_live(struct call *call, struct show *show)
{
    struct dure_job_cursor cursor = {.job = show->job.v};
    struct dure_job_view view;
    struct row row;

    if (show->element != DURE_NONE32) {
        if (dure_core_job_view(call->api->core, show->job, show->element, &view)) {
            row_of_view(&view, &row);
            add_row(call, show, &row);
        }
        return;
    }
    while (show->part_count < PAGE_MAX && dure_core_job_next(call->api->core, &cursor, &view) &&
           view.id.v == show->job.v) {
        row_of_view(&view, &row);
        add_row(call, show, &row);
    }
}

static bool keep(struct call *call, struct show *show, uint32_t element, const void *bytes, size_t length)
{
    void *copy = call_alloc(call, length + 1);

    if (copy == NULL) {
        show->err = DURE_E_MEMORY;
        return false;
    }
    memcpy(copy, bytes, length);
    show->slots[show->slot_count++] =
        (struct row_slot){.job = show->job.v, .element = element, .summary = copy, .summary_length = length};
    return show->slot_count < PAGE_MAX;
}

static bool take(void *context, const struct dure_history_row *row)
{
    struct call *call = context;
    struct show *show = call->data;

    return row->job == show->job.v && keep(call, show, row->element, row->summary.data, row->summary.length);
}

static void read_show(struct call *call, struct dure_journal *journal)
{
    struct show *show = call->data;
    struct dure_buf bytes DURE_CLEANUP_BUF = {0};
    enum dure_err err;

    dure_buf_init(&bytes, 4 << 20);
    if (show->element != DURE_NONE32 && !show->found) {
        err = dure_journal_history_one(journal, show->job.v, show->element, &bytes, &show->error);
        if (err == DURE_OK)
            (void)keep(call, show, show->element, bytes.data, bytes.length);
        else if (err != DURE_E_NOT_FOUND)
            show->err = err;
    } else if (show->element == DURE_NONE32) {
        struct dure_history_query query = {.before_job = show->job.v + 1,
                                           .before_element = 0,
                                           .principal = DURE_NONE32,
                                           .limit = PAGE_MAX,
                                           .since_us = 0};
        show->err = dure_journal_history(journal, &query, take, call, &show->error);
    }
    dure_buf_clear(&bytes);
    err = dure_journal_body(journal, DURE_BODY_OF_JOB, show->job.v, &bytes, NULL);
    if (err == DURE_OK)
        err = dure_body_decode(bytes.data, bytes.length, &show->body, NULL);
}

static void write_texts(struct dure_buf *out, const char *key, const struct dure_body *body, enum dure_body_field field)
{
    const char *at = body->field[field].value;
    const char *end = at != NULL ? at + body->field[field].length : NULL;

    json_open(out, key, '[');
    for (; at != NULL && at < end; at += strnlen(at, (size_t)(end - at)) + 1)
        json_str(out, NULL, at);
    json_close(out, ']');
}

static void write_body(const struct show *show, struct dure_buf *out)
{
    static const enum dure_body_field texts[] = {DURE_BODY_NAME,   DURE_BODY_SCRIPT, DURE_BODY_WORKDIR,
                                                 DURE_BODY_STDOUT, DURE_BODY_STDERR, DURE_BODY_COMMENT,
                                                 DURE_BODY_IMAGE};
    const struct dure_body *body = show->visible ? show->body : NULL;

    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = body != NULL ? dure_body_text(body, texts[i]) : "";
        json_str(out, dure_body_field_name(texts[i]), *text != '\0' ? text : NULL);
    }
    if (body == NULL)
        return;
    write_texts(out, "command", body, DURE_BODY_COMMAND);
    if (show->mine) /* may hold secrets: for who submitted it */
        write_texts(out, "environment", body, DURE_BODY_ENVIRONMENT);
    json_open(out, "erased", '[');
    for (unsigned i = 1; i < DURE_BODY_FIELD_COUNT; i++)
        if (body->field[i].erased)
            json_str(out, NULL, dure_body_field_name((enum dure_body_field)i));
    json_close(out, ']');
}

static void finish(struct call *call, struct show *show)
{
    struct dure_buf *out = &call->out;

    dure_buf_add(out, show->first.data, show->first.length);
    write_body(show, out);
    json_open(out, "parts", '[');
    if (show->parts.length > 0)
        json_raw(out, NULL, show->parts.data + (show->parts.data[0] == ',' ? 1 : 0));
    json_close(out, ']');
    json_close(out, '}');
    call_answer(call, 200);
}

static void answer_show(struct call *call)
{
    struct show *show = call->data;
    struct dure_summary summary;
    struct row row;

    for (uint32_t i = 0; i < show->slot_count && show->err == DURE_OK; i++) {
        const struct row_slot *slot = &show->slots[i];
        show->err = dure_summary_decode(slot->summary, slot->summary_length, call->arena, &summary, &show->error);
        if (show->err != DURE_OK)
            break;
        row_of_summary(&summary, slot->job, slot->element, &row);
        add_row(call, show, &row);
    }
    if (show->err != DURE_OK)
        call_fail_error(call, show->err, &show->error);
    else if (!show->found)
        call_fail(call, DURE_E_NOT_FOUND, "there is no job %s", call->part[0]);
    else
        finish(call, show);
    /* The call may be another's by now; the show lives in memory of its own. */
    dure_body_free(show->body);
    dure_buf_release(&show->first);
    dure_buf_release(&show->parts);
    free(show);
}

void handle_job(struct call *call)
{
    struct dure_job_id job;
    uint32_t element;
    struct show *show;

    if (!part_job(call, &job, &element))
        return;
    show = calloc(1, sizeof *show);
    if (show == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    show->job = job;
    show->element = element;
    dure_buf_init(&show->first, ANSWER_MAX);
    dure_buf_init(&show->parts, ANSWER_MAX);
    call->data = show;
    gather_live(call, show);
    call_durable_read(call, read_show, answer_show);
}
