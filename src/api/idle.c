/* GET /v1/fleet/idle: what was promised and is not used. Who holds what is public; how little they use it is for those concerned. */
#include "api/inner.h"

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

static bool may_see(const struct call *call, const struct dure_allotment *spec, const struct dure_chain *chain)
{
    return call->who->is_operator || call->who->is_auditor || identity_owns(call->who, chain->owner) ||
           identity_is_member(call->api, call->who, spec->tenant);
}

static void json_tenths(struct dure_buf *out, const char *key, uint64_t tenths)
{
    char text[32];

    snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
    json_raw(out, key, text);
}

static void write_row(struct call *call, const struct dure_allot_view *view, int64_t now_us)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    const struct dure_allotment *spec = view->spec;
    const struct dure_chain *chain = &fleet->chains[spec->chain.v];
    const int64_t idle_us = now_us - view->idle_since_us, age_us = now_us - view->active_us;
    const uint64_t tenth_us = (uint64_t)DURE_HOUR_US / 10;
    struct dure_buf *out = &call->out;

    json_open(out, NULL, '{');
    json_str(out, "name", spec->name);
    json_str(out, "tenant", tenants->tenants[spec->tenant.v].path);
    json_str(out, "owner", fleet->owners[chain->owner.v].name);
    json_str(out, "chain", chain->name);
    json_str(out, "site", fleet->sites[chain->site.v].name);
    json_str(out, "model", fleet->models[chain->model.v].name);
    json_str(out, "level", chain->levels[spec->level].name);
    json_uint(out, "cells", view->cells);
    json_uint(out, "bound", view->cells_bound);
    json_uint(out, "gpus", view->gpus);
    json_uint(out, "gpus_lent", view->gpus_lent);
    json_time(out, "active", view->active_us);
    json_time(out, "until", spec->until_us);
    json_time(out, "idle_since", view->idle_since_us);
    json_int(out, "idle_us", idle_us);
    json_tenths(out, "gpu_hours_unused", view->gpus * ((uint64_t)idle_us / 1000) / (tenth_us / 1000));
    json_tenths(out, "gpu_hours_used", view->gpu_us_used / tenth_us);
    json_tenths(out, "mean_use_percent",
                age_us > 1000 && view->gpus ? view->gpu_us_used / ((uint64_t)age_us / 1000) / view->gpus : 0);
    json_bool(out, "emulated", fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED);
    json_bool(out, "virtual", fleet->models[chain->model.v].is_virtual);
    json_close(out, '}');
}

void handle_fleet_idle(struct call *call)
{
    const struct dure_core *core = call->api->core;
    const struct dure_fleet *fleet = dure_core_fleet(core);
    const int64_t at_us = call_time_us(call);
    uint32_t count = fleet != NULL && dure_core_tenants(core) != NULL ? dure_core_allot_count(core) : 0;
    struct dure_allot_view view;
    uint64_t for_us = (uint64_t)DURE_DAY_US;

    if (!param_uint(call, "for_us", INT64_MAX, &for_us))
        return;
    json_open(&call->out, NULL, '{');
    json_open(&call->out, "allotments", '[');
    for (uint32_t i = 0; i < count; i++) {
        if (!dure_core_allot_view(core, (struct dure_allot_id){i}, &view) || view.idle_since_us == 0 ||
            at_us - view.idle_since_us < (int64_t)for_us ||
            !may_see(call, view.spec, &fleet->chains[view.spec->chain.v]))
            continue;
        write_row(call, &view, at_us);
    }
    json_close(&call->out, ']');
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}
