/* The tenants: their spec, whose logins become principals before it is journaled, and what each uses. */
#include <string.h>

#include "api/inner.h"
#include "api/logins.h"
#include "base/text.h"

static void roles_changed(struct call *call, const struct dure_answer *answer)
{
    call->api->generation++;
    answer_sequence(call, answer);
}

static void bound(void *context, enum dure_err err, const char *text)
{
    struct call *call = context;
    struct dure_tenants *tenants = call->data;

    if (err != DURE_OK) {
        dure_tenants_free(tenants);
        call_fail(call, err, "%s", text);
        return;
    }
    call->api->generation++;
    dure_record_init(&call->record, DURE_REC_TENANTS, 0, 0);
    call->record.text = dure_arena_strndup(call->arena, tenants->spec_json, tenants->spec_json_length);
    call->record.text_length = tenants->spec_json_length;
    dure_tenants_free(tenants);
    if (call->record.text == NULL)
        call_fail(call, DURE_E_MEMORY, "out of memory");
    else
        call_write(call, roles_changed);
}

static void preview_put(struct call *call, struct dure_tenants *next, const struct dure_tenants *now)
{
    uint32_t allotments_now = now != NULL ? now->allotment_count : 0;

    json_open(&call->out, NULL, '{');
    json_bool(&call->out, "preview", true);
    json_uint(&call->out, "tenants", next->tenant_count);
    json_uint(&call->out, "tenants_now", now != NULL ? now->tenant_count : 0);
    json_uint(&call->out, "allotments", next->allotment_count);
    json_uint(&call->out, "allotments_now", allotments_now);
    json_uint(&call->out, "roles", next->role_count);
    json_close(&call->out, '}');
    dure_tenants_free(next);
    call_answer(call, 200);
}

void handle_tenants_put(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *now = dure_core_tenants(call->api->core);
    struct dure_tenants *next = NULL;
    struct dure_problems problems;
    struct dure_tree *tree;
    bool preview = false;
    enum dure_err err;

    if (!param_bool(call, "preview", &preview) || !call_write_begin(call))
        return;
    if (fleet == NULL) {
        call_fail(call, DURE_E_STATE, "there is no fleet yet: PUT /v1/fleet first");
        return;
    }
    tree = call_body_tree(call);
    if (tree == NULL)
        return;
    problems.file = "body";
    problems.count = problems.total = 0;
    err = dure_tenants_parse(tree, fleet, &next, &problems);
    if (err == DURE_E_INVALID) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err == DURE_OK && now != NULL)
        err = dure_tenants_may_follow(now, next, &call->error);
    if (err != DURE_OK) {
        dure_tenants_free(next);
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
        return;
    }
    if (preview) {
        preview_put(call, next, now);
        return;
    }
    call->data = next;
    dure_logins_bind(call->api->loop, fleet, next, bound, call);
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

void handle_tenants_spec(struct call *call)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);

    if (tenants == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there are no tenants yet");
        return;
    }
    dure_buf_add(&call->out, tenants->spec_json, tenants->spec_json_length);
    call_when_durable(call, answer_now);
}

void handle_tenants_get(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_buf *out = &call->out;
    struct dure_tenant_view view;

    json_open(out, NULL, '{');
    json_open(out, "tenants", '[');
    for (uint32_t i = 0; tenants != NULL && fleet != NULL && i < tenants->tenant_count; i++) {
        const struct dure_tenant *tenant = &tenants->tenants[i];
        dure_core_tenant_view(call->api->core, (struct dure_tenant_id){i}, &view);
        json_open(out, NULL, '{');
        json_str(out, "path", tenant->path);
        json_str(out, "label", tenant->label);
        json_str(out, "owner", tenant->owner.v < fleet->owner_count ? fleet->owners[tenant->owner.v].name : NULL);
        json_uint(out, "weight", tenant->weight);
        json_uint(out, "pending", view.pending);
        json_uint(out, "running", view.running);
        json_uint(out, "gpus_used", view.gpus_used);
        json_uint(out, "gpus_borrowed", view.gpus_borrowed);
        json_uint(out, "gpus_promised", view.gpus_promised);
        json_uint(out, "gpu_hours_guaranteed", view.gpu_us_guaranteed / DURE_HOUR_US);
        json_uint(out, "gpu_hours_borrowed", view.gpu_us_borrowed / DURE_HOUR_US);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    call_when_durable(call, answer_now);
}
