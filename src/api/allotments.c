/* Allotments: what was promised to whom; grant, shrink, end. */
#include <jansson.h>
#include <string.h>

#include "api/inner.h"

static const char *const state_text[] = {"", "promised", "active", "short", "ended"};

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

static void write_row(const struct dure_fleet *fleet, const struct dure_tenants *tenants,
                      const struct dure_allot_view *view, struct dure_buf *out)
{
    const struct dure_allotment *spec = view->spec;
    const struct dure_chain *chain = &fleet->chains[spec->chain.v];

    json_open(out, NULL, '{');
    json_uint(out, "id", view->id.v);
    json_str(out, "name", spec->name);
    json_str(out, "tenant", tenants->tenants[spec->tenant.v].path);
    json_str(out, "owner", fleet->owners[chain->owner.v].name);
    json_str(out, "chain", chain->name);
    json_str(out, "site", fleet->sites[chain->site.v].name);
    json_str(out, "model", fleet->models[chain->model.v].name);
    json_str(out, "level", chain->levels[spec->level].name);
    json_uint(out, "cells", view->cells);
    json_uint(out, "gpus", view->gpus);
    json_time(out, "from", spec->from_us);
    json_time(out, "until", spec->until_us);
    json_str(out, "state", view->state <= DURE_ALLOT_ENDED ? state_text[view->state] : NULL);
    json_uint(out, "bound", view->cells_bound);
    json_uint(out, "suspended", view->cells_suspended);
    json_uint(out, "gpus_used", view->gpus_used);
    json_uint(out, "gpus_lent", view->gpus_lent);
    json_close(out, '}');
}

void handle_allotments(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    uint32_t count = fleet != NULL && tenants != NULL ? dure_core_allot_count(call->api->core) : 0;
    struct dure_allot_view view;

    json_open(&call->out, NULL, '{');
    json_open(&call->out, "allotments", '[');
    for (uint32_t i = 0; i < count; i++)
        if (dure_core_allot_view(call->api->core, (struct dure_allot_id){i}, &view))
            write_row(fleet, tenants, &view, &call->out);
    json_close(&call->out, ']');
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}

static void preview_or_write(struct call *call, bool preview)
{
    if (preview)
        call_preview(call, dure_core_allot_preview);
    else
        call_write(call, answer_sequence);
}

void handle_grant(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_allotment *rows = NULL;
    struct dure_problems problems;
    struct dure_tree *tree;
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    bool preview = false;
    uint32_t count = 0;
    enum dure_err err;

    dure_buf_init(&text, DURE_API_BODY_MAX);
    if (!param_bool(call, "preview", &preview) || !call_write_begin(call))
        return;
    if (fleet == NULL || tenants == NULL) {
        call_fail(call, DURE_E_STATE, "there is no %s yet", fleet == NULL ? "fleet" : "tenant");
        return;
    }
    tree = call_body_tree(call);
    if (tree == NULL)
        return;
    problems.file = "body";
    problems.count = problems.total = 0;
    err = dure_allotment_parse(tree, fleet, tenants, call->arena, dure_room_any, NULL, &rows, &count, &problems);
    if (err == DURE_E_INVALID) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err != DURE_OK) {
        call_fail(call, err, "%s", dure_err_sentence(err));
        return;
    }
    dure_allotments_to_json(rows, count, fleet, tenants, &text);
    dure_record_init(&call->record, DURE_REC_GRANT, 0, 0);
    call->record.text = text.failed ? NULL : dure_arena_strndup(call->arena, text.data, text.length);
    call->record.text_length = text.length;
    if (call->record.text == NULL)
        call_fail(call, DURE_E_MEMORY, "out of memory");
    else
        preview_or_write(call, preview);
}

static bool begin_change(struct call *call, enum dure_record_kind kind, bool *preview)
{
    struct dure_allot_id allot;

    if (!param_bool(call, "preview", preview) || !call_write_begin(call))
        return false;
    if (!dure_core_allot_find(call->api->core, call->part[0], &allot)) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no allotment '%.64s'", call->part[0]);
        return false;
    }
    dure_record_init(&call->record, kind, 0, 0);
    call->record.allot = allot;
    return true;
}

void handle_shrink(struct call *call)
{
    static const char *const keys[] = {"cells", NULL};
    bool preview = false;
    json_t *json, *cells;
    bool good;

    if (!begin_change(call, DURE_REC_SHRINK, &preview))
        return;
    json = call_body_json(call, keys);
    if (json == NULL)
        return;
    cells = json_object_get(json, "cells");
    good = json_is_integer(cells) && json_integer_value(cells) >= 0 && json_integer_value(cells) <= UINT32_MAX;
    call->record.count = good ? (uint32_t)json_integer_value(cells) : 0;
    json_decref(json);
    if (good)
        preview_or_write(call, preview);
    else
        call_fail(call, DURE_E_INVALID, "cells: expected how many cells stay, a number of 0..%u", UINT32_MAX);
}

void handle_allot_end(struct call *call)
{
    bool preview = false;

    if (begin_change(call, DURE_REC_END_ALLOT, &preview))
        preview_or_write(call, preview);
}
