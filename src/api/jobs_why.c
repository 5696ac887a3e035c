/* GET /v1/jobs/{job}/why. */
#include <string.h>

#include "api/row.h"

/* Who is on GPUs that are busy. */
static void write_users(uint64_t own, uint64_t guaranteed, uint64_t borrowed, uint64_t reserved, struct dure_buf *out)
{
    json_open(out, "busy", '{');
    json_uint(out, "own", own);
    json_uint(out, "guaranteed", guaranteed);
    json_uint(out, "borrowed", borrowed);
    json_uint(out, "reserved", reserved);
    json_close(out, '}');
}

static void write_row(const struct dure_fleet *fleet, const struct dure_why_row *row, struct dure_buf *out)
{
    const struct dure_chain *chain =
        fleet != NULL && row->chain.v < fleet->chain_count ? &fleet->chains[row->chain.v] : NULL;

    json_open(out, NULL, '{');
    json_str(out, "rule", dure_rule_wire(row->rule));
    json_str(out, "text", dure_rule_text(row->rule));
    json_str(out, "chain", chain != NULL ? chain->name : NULL);
    json_str(out, "owner", chain != NULL ? fleet->owners[chain->owner.v].name : NULL);
    json_str(out, "site", chain != NULL ? fleet->sites[chain->site.v].name : NULL);
    json_str(out, "model", chain != NULL ? fleet->models[chain->model.v].name : NULL);
    json_bool(out, "emulated", chain != NULL && fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED);
    json_bool(out, "virtual", chain != NULL && fleet->models[chain->model.v].is_virtual);
    json_uint(out, "gpus", row->gpus);
    json_uint(out, "nodes", row->nodes);
    json_int(out, "need", row->need);
    json_int(out, "have", row->have);
    json_str(out, "unit", row->unit);
    if (row->rule == DURE_RULE_BUSY)
        write_users(row->own, row->guaranteed, row->borrowed, row->reserved, out);
    json_close(out, '}');
}

static void write_group(const struct dure_fleet *fleet, const struct dure_why_group *group, struct dure_buf *out)
{
    json_open(out, NULL, '{');
    json_str(out, "rule", dure_rule_wire(group->rule));
    json_str(out, "text", dure_rule_text(group->rule));
    json_uint(out, "chains", group->chains);
    json_uint(out, "gpus", group->gpus);
    json_uint(out, "nodes", group->nodes);
    json_str(out, "nearest", fleet != NULL ? fleet->chains[group->nearest->chain.v].name : NULL);
    json_int(out, "need", group->nearest->need);
    json_int(out, "have", group->nearest->have);
    json_str(out, "unit", group->nearest->unit);
    if (group->rule == DURE_RULE_BUSY)
        write_users(group->own, group->guaranteed, group->borrowed, group->reserved, out);
    json_close(out, '}');
}

static void write_change(const struct dure_why_change *change, struct dure_buf *out)
{
    json_open(out, NULL, '{');
    json_str(out, "field", change->field);
    json_str(out, "value", change->value);
    json_str(out, "text", change->text);
    json_close(out, '}');
}

/* Jobs by number and tenant, which every listing shows to all; names stay with those who may see them. */
static void write_estimate(const struct dure_api *api, const struct dure_why_estimate *estimate, struct dure_buf *out)
{
    const struct dure_tenants *tenants = dure_core_tenants(api->core);

    if (estimate->latest_us == 0) {
        json_none(out, "estimate");
        return;
    }
    json_open(out, "estimate", '{');
    json_time(out, "earliest", estimate->earliest_us);
    json_time(out, "likely", estimate->likely_us);
    json_time(out, "latest", estimate->latest_us);
    json_bool(out, "rough", estimate->is_rough);
    json_open(out, "waits_for", '[');
    for (uint32_t i = 0; i < estimate->awaited_count; i++) {
        const struct dure_why_awaited *a = &estimate->awaited[i];
        json_open(out, NULL, '{');
        if (a->job.v == 0) {
            json_uint(out, "maintenance", a->booking);
        } else {
            json_uint(out, "job", a->job.v);
            if (a->element != DURE_NONE32)
                json_uint(out, "element", a->element);
            json_str(out, "project", tenants != NULL ? tenants->tenants[a->tenant.v].path : NULL);
        }
        json_time(out, "ends", a->ends_us);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
}

/* Of a running job: what else the core ranks for it, as it is now. */
static void write_others(const struct dure_api *api, const struct dure_why *why, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(api->core);
    struct dure_allot_view allot;

    json_open(out, "alternatives", '[');
    for (uint32_t i = 0; i < why->other_count && fleet != NULL; i++) {
        const struct dure_why_other *other = &why->others[i];
        json_open(out, NULL, '{');
        json_uint(out, "rank", other->rank);
        json_str(out, "chain", fleet->chains[other->chain.v].name);
        json_str(out, "allotment", dure_core_allot_view(api->core, other->allot, &allot) ? allot.spec->name : NULL);
        json_bool(out, "here", other->here);
        json_bool(out, "fits", other->fits);
        json_uint(out, "promised_permille", other->promised_permille);
        json_uint(out, "idle", other->idle);
        json_uint(out, "evicts", other->evicts);
        json_uint(out, "left_over", other->left_over);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_crossing(const struct dure_fleet *fleet, const struct dure_why *why, struct dure_buf *out)
{
    json_open(out, "crossing", '[');
    for (uint32_t i = 0; i < why->crossing_count && fleet != NULL; i++) {
        json_open(out, NULL, '{');
        json_str(out, "rule", dure_rule_wire(why->crossing[i].rule));
        json_str(out, "text", dure_rule_text(why->crossing[i].rule));
        json_uint(out, "leaves", why->crossing[i].leaves);
        json_str(out, "first", fleet->chains[why->crossing[i].first.v].name);
        json_str(out, "site", fleet->sites[fleet->chains[why->crossing[i].first.v].site.v].name);
        json_str(out, "what", why->crossing[i].what);
        json_close(out, '}');
    }
    json_close(out, ']');
    if (why->opening.rule == DURE_RULE_FITS || fleet == NULL) {
        json_none(out, "opening");
        return;
    }
    json_open(out, "opening", '{');
    json_str(out, "rule", dure_rule_wire(why->opening.rule));
    json_str(out, "text", dure_rule_text(why->opening.rule));
    json_str(out, "chain", fleet->chains[why->opening.chain.v].name);
    json_uint(out, "places", why->opening.places);
    json_int(out, "need", why->opening.need);
    json_int(out, "have", why->opening.have);
    json_str(out, "unit", why->opening.unit);
    json_str(out, "what", why->opening.what);
    if (why->opening.more_mw > 0) {
        json_uint(out, "more_w", (why->opening.more_mw + 999) / 1000);
        json_uint(out, "more_gpus", why->opening.more_gpus);
        json_uint(out, "more_limits", why->opening.more_limits);
    }
    json_close(out, '}');
}

void api_why_write(const struct dure_api *api, const struct dure_why *why, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(api->core);

    json_str(out, "wait", dure_wait_name(why->wait));
    json_str(out, "sentence", why->sentence);
    json_uint(out, "ahead", why->ahead);
    if (why->kept_for.v)
        json_uint(out, "kept_for", why->kept_for.v);
    else
        json_none(out, "kept_for");
    json_time(out, "start_estimate", why->start_estimate_us);
    write_estimate(api, &why->estimate, out);
    json_open(out, "rows", '[');
    for (uint32_t i = 0; i < why->row_count; i++)
        write_row(fleet, &why->rows[i], out);
    json_close(out, ']');
    json_open(out, "groups", '[');
    for (uint32_t i = 0; i < why->group_count; i++)
        write_group(fleet, &why->groups[i], out);
    json_close(out, ']');
    write_others(api, why, out);
    write_crossing(fleet, why, out);
    json_open(out, "changes", '[');
    for (uint32_t i = 0; i < why->change_count; i++)
        write_change(&why->changes[i], out);
    json_close(out, ']');
}

struct ended {
    struct dure_job_id job;
    uint32_t element;
    const void *bytes; /* NULL: not found */
    size_t length;
    uint32_t found_element;
};

static bool take(void *context, const struct dure_history_row *row)
{
    struct call *call = context;
    struct ended *ended = call->data;
    void *copy;

    if (row->job != ended->job.v)
        return false;
    if (ended->element != DURE_NONE32 && row->element != ended->element)
        return true;
    copy = call_alloc(call, row->summary.length + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, row->summary.data, row->summary.length);
    ended->bytes = copy;
    ended->length = row->summary.length;
    ended->found_element = row->element;
    return false;
}

static void read_ended(struct call *call, struct dure_journal *journal)
{
    struct ended *ended = call->data;
    struct dure_history_query query = {.before_job = ended->job.v + 1, .principal = DURE_NONE32, .limit = PAGE_MAX};

    if (ended->element != DURE_NONE32 && ended->element < UINT32_MAX - 1) {
        query.before_job = ended->job.v;
        query.before_element = ended->element + 1;
        query.limit = 1;
    }
    call->err = dure_journal_history(journal, &query, take, call, &call->error);
}

static void answer_ended(struct call *call)
{
    struct ended *ended = call->data;
    struct dure_summary summary;
    char time[DURE_TIME_TEXT_MAX];

    if (call->err == DURE_OK && ended->bytes == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no job %s", call->part[0]);
        return;
    }
    if (call->err == DURE_OK)
        call->err = dure_summary_decode(ended->bytes, ended->length, call->arena, &summary, &call->error);
    if (call->err != DURE_OK) {
        call_fail_error(call, call->err, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "job", ended->job.v);
    json_str(&call->out, "state", dure_job_state_name(summary.end.state));
    json_str(&call->out, "wait", dure_wait_name(DURE_WAIT_NONE));
    struct dure_buf sentence DURE_CLEANUP_BUF = {0};
    dure_buf_init(&sentence, 1024);
    dure_buf_printf(&sentence, "It ended at %s: %s (%s%s%s).", dure_time_format_utc(summary.end.time_us, time),
                    dure_job_state_name(summary.end.state), dure_cause_name(summary.end.cause),
                    summary.reason[0] != '\0' ? ": " : "", summary.reason);
    json_str(&call->out, "sentence", sentence.data);
    json_uint(&call->out, "ahead", 0);
    json_none(&call->out, "kept_for");
    json_none(&call->out, "start_estimate");
    json_none(&call->out, "estimate");
    json_raw(&call->out, "rows", "[]");
    json_raw(&call->out, "groups", "[]");
    json_raw(&call->out, "alternatives", "[]");
    json_raw(&call->out, "crossing", "[]");
    json_none(&call->out, "opening");
    json_raw(&call->out, "changes", "[]");
    json_close(&call->out, '}');
    call_answer(call, 200);
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

void handle_why(struct call *call)
{
    struct ended *ended = call_alloc(call, sizeof *ended);
    struct dure_job_id job;
    struct dure_why why = {0};
    uint32_t element;
    enum dure_err err;

    if (!part_job(call, &job, &element))
        return;
    if (ended == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    err = dure_core_why(call->api->core, job, element, call->arena, &why, &call->error);
    if (err == DURE_E_NOT_FOUND) {
        *ended = (struct ended){.job = job, .element = element};
        call->data = ended;
        call_durable_read(call, read_ended, answer_ended);
        return;
    }
    if (err != DURE_OK) {
        call_fail_error(call, err, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "job", job.v);
    if (element != DURE_NONE32)
        json_uint(&call->out, "element", element);
    json_str(&call->out, "state", dure_job_state_name(why.job.state));
    api_why_write(call->api, &why, &call->out);
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}
