#include "core/why/never.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/place/plan.h"
#include "core/place/plan_more.h"

static struct verdict refuse(enum dure_rule rule, int64_t need, int64_t have, const char *unit)
{
    return (struct verdict){rule, need, have, unit};
}

static struct verdict rights_verdict(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    int64_t most = 0;
    bool any = false;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain)
            continue;
        if (plan_suits(core, ask, allot))
            return refuse(DURE_RULE_FITS, 0, 0, "");
        const int64_t gpus = (int64_t)allot->cells * allot->cell_leaves;
        any = true;
        most = gpus > most ? gpus : most;
    }
    if (any && plan_suits_together(core, ask, chain))
        return refuse(DURE_RULE_FITS, 0, 0, "");
    if (!any)
        return refuse(DURE_RULE_RIGHTS, (int64_t)request_gpus(ask), 0, "GPUs");
    return refuse(DURE_RULE_RIGHT_TOO_SMALL, (int64_t)request_gpus(ask), most, "GPUs in cells that suit it");
}

struct verdict never_verdict(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const struct verdict hardware = rule_hardware(core, ask, chain);
    if (hardware.rule != DURE_RULE_FITS)
        return hardware;
    if (ask->job_class == DURE_GUARANTEED)
        return rights_verdict(core, ask, chain);
    int64_t notice;
    if (!lend_terms(core, chain, ask->tenant, true, &notice))
        return refuse(DURE_RULE_NOT_LENT, 0, 0, "");
    if (ask->grace_us > notice)
        return refuse(DURE_RULE_NOTICE, ask->grace_us / DURE_SECOND_US, notice / DURE_SECOND_US, "s");
    return refuse(DURE_RULE_FITS, 0, 0, "");
}

static bool same(const struct verdict *a, const struct verdict *b)
{
    return a->rule == b->rule && a->need == b->need && a->have == b->have;
}

void never_proof(const struct dure_core *core, const struct request *ask, struct dure_buf *text)
{
    const char *between = "";
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        const struct dure_chain *chain = &core->fleet->chains[i];
        const struct verdict v = never_verdict(core, ask, i);
        if (i && core->fleet->chains[i - 1].group == chain->group) {
            const struct verdict before = never_verdict(core, ask, i - 1);
            if (same(&v, &before))
                continue; /* said already */
        }
        uint64_t gpus = chain->leaf_count;
        for (uint32_t k = i + 1; k < core->fleet->chain_count && core->fleet->chains[k].group == chain->group; k++)
            gpus += core->fleet->chains[k].leaf_count;
        dure_buf_printf(text, "%s%s (%llu GPUs): %s", between, chain->name, (unsigned long long)gpus,
                        dure_rule_text(v.rule));
        if (v.need || v.have)
            dure_buf_printf(text, " (needs %lld, %lld there: %s)", (long long)v.need, (long long)v.have, v.unit);
        between = "; ";
    }
}

enum dure_err never_check(const struct dure_core *core, const struct request *ask, struct dure_error *error)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    if (ask->job_class == DURE_GUARANTEED) {
        for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
             id = core->allots[id]->next_of_holder)
            if (plan_suits(core, ask, core->allots[id]) ||
                plan_suits_together(core, ask, core->allots[id]->spec.chain.v))
                return DURE_OK;
    } else {
        for (uint32_t i = 0; i < core->fleet->chain_count; i++)
            if (never_verdict(core, ask, i).rule == DURE_RULE_FITS)
                return DURE_OK;
    }
    if (!error)
        return DURE_E_NEVER;
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 16384);
    if (ask->job_class == DURE_GUARANTEED && holder == NONE)
        dure_buf_printf(&text, "neither '%s' nor a tenant above it holds an allotment, which a guaranteed job needs; ",
                        core->tenants->tenants[ask->tenant].path);
    never_proof(core, ask, &text);
    return dure_fail(error, DURE_E_NEVER, "no place for it: %s", text.data ? text.data : "");
}
