/* Nodes: listing, one node with its jobs, drain and resume of hostlists. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/row.h"
#include "base/text.h"

enum { DRAIN_NODES_MAX = 65536, NODE_JOBS_MAX = 1000 };

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

static void write_node(const struct dure_fleet *fleet, const struct dure_node_view *view, struct dure_buf *out)
{
    const struct dure_chain *chain = dure_fleet_chain_of(fleet, view->id, NULL);
    char name[DURE_NAME_MAX + 1];

    dure_fleet_node_name(fleet, view->id, name);
    json_str(out, "name", name);
    json_str(out, "chain", chain->name);
    json_str(out, "owner", fleet->owners[chain->owner.v].name);
    json_str(out, "site", fleet->sites[chain->site.v].name);
    json_str(out, "model", fleet->models[chain->model.v].name);
    json_str(out, "state", dure_node_state_name(view->state));
    json_str(out, "reason", view->reason != NULL && *view->reason != '\0' ? view->reason : NULL);
    json_uint(out, "gpus", view->gpus);
    json_uint(out, "used", view->gpus_used);
    json_uint(out, "borrowed", view->gpus_borrowed);
    json_uint(out, "dark", view->gpus_dark);
    json_str(out, "dark_by", *view->dark_by != '\0' ? view->dark_by : NULL);
    json_uint(out, "foreign", view->gpus_foreign);
    json_str(out, "foreign_by", *view->foreign_reason != '\0' ? view->foreign_reason : NULL);
    json_bool(out, "emulated", fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED);
    json_bool(out, "virtual", fleet->models[chain->model.v].is_virtual);
}

struct filter {
    const char *site, *owner, *state, *after;
    uint64_t limit;
    uint32_t from;
};

static bool read_filter(struct call *call, struct filter *filter)
{
    char *end;

    filter->limit = PAGE_DEFAULT;
    if (!param_text(call, "site", &filter->site) || !param_text(call, "owner", &filter->owner) ||
        !param_text(call, "state", &filter->state) || !param_text(call, "after", &filter->after) ||
        !param_uint(call, "limit", PAGE_MAX, &filter->limit))
        return false;
    if (filter->limit == 0)
        filter->limit = 1;
    if (filter->after == NULL)
        return true;
    filter->from = (uint32_t)strtoul(filter->after, &end, 10);
    if (*filter->after >= '0' && *filter->after <= '9' && *end == '\0' && filter->from <= DURE_NODES_MAX)
        return true;
    call_fail(call, DURE_E_INVALID, "query parameter 'after': found '%.64s', expected the `next` of a page",
              filter->after);
    return false;
}

static bool wanted(const struct dure_fleet *fleet, const struct filter *filter, const struct dure_node_view *view)
{
    const struct dure_chain *chain = dure_fleet_chain_of(fleet, view->id, NULL);

    return (filter->site == NULL || strcmp(filter->site, fleet->sites[chain->site.v].name) == 0) &&
           (filter->owner == NULL || strcmp(filter->owner, fleet->owners[chain->owner.v].name) == 0) &&
           (filter->state == NULL || strcasecmp(filter->state, dure_node_state_name(view->state)) == 0);
}

void handle_nodes(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct filter filter = {0};
    struct dure_node_view view;
    struct dure_buf *out = &call->out;
    uint32_t at, scanned = 0, rows = 0, count = fleet != NULL ? fleet->node_count : 0;
    char next[16];

    if (!read_filter(call, &filter))
        return;
    json_open(out, NULL, '{');
    json_open(out, "nodes", '[');
    for (at = filter.from; at < count && rows < filter.limit && scanned < SCAN_MAX; at++, scanned++) {
        if (!dure_core_node_view(call->api->core, (struct dure_node_id){at}, &view) || !wanted(fleet, &filter, &view))
            continue;
        json_open(out, NULL, '{');
        write_node(fleet, &view, out);
        json_close(out, '}');
        rows++;
    }
    json_close(out, ']');
    if (at < count) {
        snprintf(next, sizeof next, "%u", at);
        json_str(out, "next", next);
    }
    json_close(out, '}');
    call_when_durable(call, answer_now);
}

static bool is_on(const struct dure_job_view *view, uint32_t node)
{
    for (uint32_t i = 0; i < view->place_count; i++)
        if (node >= view->places[i].node_first && node - view->places[i].node_first < view->places[i].node_count)
            return true;
    return false;
}

void handle_node(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_node_view view;
    struct dure_node_id node;
    struct dure_job_view job;
    struct row row;
    uint64_t cursor = 0;
    uint32_t rows = 0;

    if (fleet == NULL || !dure_fleet_node_find(fleet, call->part[0], &node) ||
        !dure_core_node_view(call->api->core, node, &view)) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no node '%.64s'", call->part[0]);
        return;
    }
    json_open(&call->out, NULL, '{');
    write_node(fleet, &view, &call->out);
    json_open(&call->out, "jobs", '[');
    while (view.gpus_used > 0 && rows < NODE_JOBS_MAX && dure_core_attempt_next(call->api->core, &cursor, &job)) {
        if (!is_on(&job, node.v))
            continue;
        rows++;
        row_of_view(&job, &row);
        json_open(&call->out, NULL, '{');
        row_write(call, &row, &call->out);
        json_close(&call->out, '}');
    }
    json_close(&call->out, ']');
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}

/* Many nodes, one record each; the answer comes when all are on disk. */
struct many {
    struct call *call;
    enum dure_record_kind kind;
    char reason[DURE_REASON_MAX + 1];
    uint32_t *nodes;
    uint32_t count;
    uint32_t outstanding, done;
    uint64_t sequence;
    enum dure_err err;
    char text[512];
};

static void many_done(struct many *many)
{
    struct call *call = many->call;

    if (many->outstanding > 0)
        return;
    if (many->err != DURE_OK && many->done == 0) {
        call_fail(call, many->err, "%s", many->text);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "nodes", many->done);
    json_uint(&call->out, "sequence", many->sequence);
    if (many->err != DURE_OK) {
        json_uint(&call->out, "unchanged", many->count - many->done);
        json_str(&call->out, "unchanged_because", many->text);
    }
    json_close(&call->out, '}');
    call_answer(call, 200);
}

static void on_node(void *context, const struct dure_answer *answer)
{
    struct many *many = context;

    if (answer->err == DURE_OK) {
        many->done++;
        if (answer->sequence > many->sequence)
            many->sequence = answer->sequence;
    } else if (many->err == DURE_OK) {
        many->err = answer->err;
        dure_text_copy(many->text, sizeof many->text, answer->text);
    }
    many->outstanding--;
    many_done(many);
}

static void write_many(struct call *call)
{
    struct many *many = call->data;
    struct dure_record record;
    char key[DURE_IDEM_KEY_MAX + 1];

    many->outstanding = 1; /* this walk itself: an answer may come at once */
    for (uint32_t i = 0, count = many->count; i < count; i++) {
        dure_record_init(&record, many->kind, 0, 0);
        record.node.v = many->nodes[i];
        record.principal = call->who->principal;
        dure_text_copy(record.reason, sizeof record.reason, many->reason);
        /* Each node's record has a key of its own, made from the request's. */
        snprintf(key, sizeof key, "%.96s#%u", call->key, i);
        many->outstanding++;
        call_input(call, &record, NULL, DURE_BODY_OF_JOB, call->has_key ? key : NULL, on_node, many);
    }
    many->outstanding--;
    many_done(many);
}

static bool expand(struct call *call, const struct dure_fleet *fleet, struct many *many)
{
    struct dure_error error = {0};
    enum dure_err err;

    many->nodes = dure_arena_array(call->arena, sizeof *many->nodes, DRAIN_NODES_MAX);
    if (many->nodes == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return false;
    }
    err = dure_fleet_nodes(fleet, call->part[0], many->nodes, DRAIN_NODES_MAX, &many->count, &error);
    if (err != DURE_OK) {
        call_fail_error(call, err, &error);
        return false;
    }
    for (uint32_t i = 0; i < many->count && !call->who->is_operator; i++) {
        const struct dure_chain *chain = dure_fleet_chain_of(fleet, (struct dure_node_id){many->nodes[i]}, NULL);
        if (identity_owns(call->who, chain->owner))
            continue;
        call_fail(call, DURE_E_DENIED, "%s is not an owner of all of these nodes", call->who->login);
        return false;
    }
    return true;
}

static void change(struct call *call, enum dure_record_kind kind, const char *reason)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct many *many = call_alloc(call, sizeof *many);

    if (fleet == NULL || many == NULL) {
        call_fail(call, fleet == NULL ? DURE_E_NOT_FOUND : DURE_E_MEMORY,
                  fleet == NULL ? "there is no fleet yet" : "out of memory");
        return;
    }
    *many = (struct many){.call = call, .kind = kind};
    dure_text_copy(many->reason, sizeof many->reason, reason);
    call->data = many;
    if (!expand(call, fleet, many) || !(kind == DURE_REC_DRAIN ? call_stop_begin(call) : call_write_begin(call)))
        return;
    call_with_principal(call, write_many);
}

void handle_drain(struct call *call)
{
    static const char *const keys[] = {"reason", NULL};
    json_t *json = call_body_json(call, keys);
    const char *text;
    char reason[DURE_REASON_MAX + 1] = "";
    bool good;

    if (json == NULL)
        return;
    text = json_string_value(json_object_get(json, "reason"));
    good = text != NULL && *text != '\0' && strlen(text) <= DURE_REASON_MAX;
    if (good)
        dure_text_copy(reason, sizeof reason, text);
    json_decref(json);
    if (good)
        change(call, DURE_REC_DRAIN, reason);
    else
        call_fail(call, DURE_E_INVALID,
                  "reason: expected why, in 1..%d bytes (it is journaled and not personal: name no one)",
                  DURE_REASON_MAX);
}

void handle_resume(struct call *call)
{
    change(call, DURE_REC_RESUME, "");
}
