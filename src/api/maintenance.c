/* Booked maintenance: what is booked, booking, cancelling. Operators, and owners for their own nodes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "base/text.h"

enum { BOOK_NODES_MAX = 1048576 };

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

static void write_booking(struct call *call, const struct dure_booking_view *view)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_buf names DURE_CLEANUP_BUF = {0};
    uint32_t *nodes = call_alloc(call, sizeof *nodes * (view->node_count + 1));
    uint32_t count = 0;

    dure_buf_init(&names, 1 << 20);
    for (uint32_t i = 0; nodes != NULL && i < view->run_count; i++)
        for (uint32_t k = 0; k < view->runs[i].node_count; k++)
            nodes[count++] = view->runs[i].node_first + k;
    if (nodes != NULL)
        dure_fleet_hostlist(fleet, nodes, count, &names);
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "maintenance", view->id);
    json_str(&call->out, "state", view->begun ? "begun" : "booked");
    json_time(&call->out, "from", view->from_us);
    json_time(&call->out, "until", view->until_us);
    json_str(&call->out, "nodes", names.data != NULL ? names.data : "");
    json_uint(&call->out, "node_count", view->node_count);
    json_uint(&call->out, "gpus", view->gpus);
    json_str(&call->out, "reason", view->reason);
    json_close(&call->out, '}');
}

void handle_maintenance(struct call *call)
{
    struct dure_booking_view view;

    json_open(&call->out, NULL, '{');
    json_open(&call->out, "maintenance", '[');
    for (uint32_t i = 0; dure_core_booking_view(call->api->core, i, &view); i++)
        write_booking(call, &view);
    json_close(&call->out, ']');
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}

/* ---- booking ---- */

/* The nodes meant, ascending; false: answered. */
struct chosen {
    uint32_t *nodes;
    uint32_t count;
};

static void add_chain(struct chosen *chosen, const struct dure_chain *chain)
{
    for (uint32_t i = 0; i < chain->node_count && chosen->count < BOOK_NODES_MAX; i++)
        chosen->nodes[chosen->count++] = chain->node_first + i;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool choose(struct call *call, const struct dure_fleet *fleet, const json_t *json, struct chosen *chosen)
{
    const char *nodes = json_string_value(json_object_get(json, "nodes"));
    const char *site = json_string_value(json_object_get(json, "site"));
    const char *group = json_string_value(json_object_get(json, "group"));
    struct dure_site_id site_id = {DURE_NONE32};
    struct dure_chain_id first = {0};
    uint32_t count = 0;
    enum dure_err err;

    if ((nodes != NULL) + (site != NULL) + (group != NULL) != 1) {
        call_fail(call, DURE_E_INVALID, "nodes: expected one of nodes (a hostlist), site and group");
        return false;
    }
    if (nodes != NULL) {
        err = dure_fleet_nodes(fleet, nodes, chosen->nodes, BOOK_NODES_MAX, &chosen->count, &call->error);
        if (err != DURE_OK) {
            call_fail_error(call, err, &call->error);
            return false;
        }
        qsort(chosen->nodes, chosen->count, sizeof *chosen->nodes, by_number);
        return true;
    }
    if (site != NULL ? !dure_fleet_site_find(fleet, site, &site_id)
                     : !dure_fleet_group_find(fleet, group, &first, &count)) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no %s '%.64s'", site != NULL ? "site" : "group",
                  site != NULL ? site : group);
        return false;
    }
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        if (site != NULL ? fleet->chains[i].site.v == site_id.v : i >= first.v && i < first.v + count)
            add_chain(chosen, &fleet->chains[i]);
    return true;
}

static bool may_book(struct call *call, const struct dure_fleet *fleet, const struct dure_place *runs, uint32_t count)
{
    for (uint32_t i = 0; i < count && !call->who->is_operator; i++) {
        const struct dure_chain *chain = dure_fleet_chain_of(fleet, (struct dure_node_id){runs[i].node_first}, NULL);
        if (identity_owns(call->who, chain->owner))
            continue;
        call_fail(call, DURE_E_DENIED, "%s is not an owner of all of these nodes", call->who->login);
        return false;
    }
    return true;
}

/* Runs of consecutive nodes, each inside one chain. */
static uint32_t make_runs(const struct dure_fleet *fleet, const struct chosen *chosen, struct dure_place *runs)
{
    uint32_t count = 0, chain = DURE_NONE32;

    for (uint32_t i = 0; i < chosen->count; i++) {
        const uint32_t node = chosen->nodes[i];
        const uint32_t at = dure_fleet_chain_id_of(fleet, (struct dure_node_id){node}).v;
        struct dure_place *last = count > 0 ? &runs[count - 1] : NULL;
        if (last != NULL && at == chain && node == last->node_first + last->node_count)
            last->node_count++;
        else
            runs[count++] = (struct dure_place){.node_first = node, .node_count = 1};
        chain = at;
    }
    return count;
}

static bool read_time(struct call *call, const json_t *json, const char *key, const char *zone, int64_t *ret_us)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (text != NULL && dure_time_parse(text, zone, ret_us))
        return true;
    call_fail(call, DURE_E_INVALID,
              "%s: found '%.64s', expected a date such as 2026-03-01 or a time such as 2026-03-01T09:00:00+09:00", key,
              text != NULL ? text : "nothing");
    return false;
}

static bool read_book(struct call *call, const struct dure_fleet *fleet, const json_t *json)
{
    const char *reason = json_string_value(json_object_get(json, "reason"));
    struct chosen chosen = {.nodes = dure_arena_array(call->arena, sizeof *chosen.nodes, fleet->node_count + 1)};
    struct dure_place *runs;

    dure_record_init(&call->record, DURE_REC_BOOK, 0, 0);
    if (chosen.nodes == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return false;
    }
    if (reason == NULL || *reason == '\0' || strlen(reason) > DURE_REASON_MAX) {
        call_fail(call, DURE_E_INVALID,
                  "reason: expected why, in 1..%d bytes (it is journaled and not personal: name no one)",
                  DURE_REASON_MAX);
        return false;
    }
    if (!read_time(call, json, "from", fleet->zone, &call->record.number) ||
        !read_time(call, json, "until", fleet->zone, &call->record.deadline_us) || !choose(call, fleet, json, &chosen))
        return false;
    runs = dure_arena_array(call->arena, sizeof *runs, chosen.count + 1);
    if (runs == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return false;
    }
    dure_text_copy(call->record.reason, sizeof call->record.reason, reason);
    call->record.places = runs;
    call->record.place_count = make_runs(fleet, &chosen, runs);
    return may_book(call, fleet, runs, call->record.place_count);
}

static void booked(struct call *call, const struct dure_answer *answer)
{
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "maintenance", answer->job.v); /* the loop's answer carries its number so */
    json_uint(&call->out, "sequence", answer->sequence);
    json_close(&call->out, '}');
    call_answer(call, call->route->status);
}

void handle_book(struct call *call)
{
    static const char *const keys[] = {"nodes", "site", "group", "from", "until", "reason", NULL};
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    bool only_preview = false, good;
    json_t *json;

    if (!param_bool(call, "preview", &only_preview) || !call_write_begin(call))
        return;
    if (fleet == NULL || dure_core_tenants(call->api->core) == NULL) {
        call_fail(call, DURE_E_STATE, "there is no %s yet", fleet == NULL ? "fleet" : "tenant");
        return;
    }
    json = call_body_json(call, keys);
    if (json == NULL)
        return;
    good = read_book(call, fleet, json);
    json_decref(json);
    if (good && only_preview)
        call_preview(call, dure_core_booking_preview);
    else if (good)
        call_write(call, booked);
}

void handle_unbook(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_booking_view view;
    char *end;
    const unsigned long long id = strtoull(call->part[0], &end, 10);

    if (*call->part[0] < '1' || *call->part[0] > '9' || *end != '\0' || id > INT64_MAX) {
        call_fail(call, DURE_E_INVALID, "maintenance: found '%.64s', expected its number", call->part[0]);
        return;
    }
    if (!call_write_begin(call))
        return;
    for (uint32_t i = 0; dure_core_booking_view(call->api->core, i, &view); i++)
        if (view.id == id && !may_book(call, fleet, view.runs, view.run_count))
            return;
    dure_record_init(&call->record, DURE_REC_UNBOOK, 0, 0);
    call->record.number = (int64_t)id;
    call_write(call, answer_sequence);
}
