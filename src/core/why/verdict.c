#include "core/why/verdict.h"

#include "core/allot/allots.h"
#include "core/place/plan.h"

static struct verdict refuse(enum dure_rule rule, int64_t need, int64_t have, const char *unit)
{
    return (struct verdict){rule, need, have, unit};
}

static int64_t seconds_until(const struct dure_core *core, int64_t at_us)
{
    return at_us > core->s.time_us ? (at_us - core->s.time_us) / DURE_SECOND_US : 0;
}

static struct verdict in_allot(struct dure_core *core, const struct request *ask, uint32_t id, struct plan *plan)
{
    const struct allot *allot = core->allots[id];
    if (allot->state == DURE_ALLOT_PROMISED)
        return refuse(DURE_RULE_NOT_YET, 0, seconds_until(core, allot->spec.from_us), "s to go");
    if (plan_allot(core, ask, id, ask->level_required, plan))
        return refuse(DURE_RULE_FITS, 0, 0, "");
    struct dure_cells_right_view right;
    const int64_t need = (int64_t)request_gpus(ask), idle = (int64_t)allot->slots.idle_total;
    if (dure_cells_right(core->chains[allot->spec.chain.v].cells, (struct dure_allot_id){id}, &right)) {
        if (right.suspended || right.served)
            return refuse(DURE_RULE_SUSPENDED, need, idle, "GPUs idle in it");
        if (idle + (int64_t)right.used < (int64_t)right.right.count * allot->cell_leaves)
            return refuse(DURE_RULE_LOST, need, idle, "GPUs idle in it");
    }
    return refuse(DURE_RULE_OWN_USE, need, idle, "GPUs idle in it");
}

static struct verdict guaranteed_now(struct dure_core *core, const struct request *ask, uint32_t chain, bool ahead)
{
    struct verdict best = refuse(DURE_RULE_RIGHTS, 0, 0, "");
    struct plan plan = {0};
    const uint32_t holder = core->tenant[ask->tenant].holder;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain || !plan_suits(core, ask, allot))
            continue;
        const struct verdict v = in_allot(core, ask, id, &plan);
        if (v.rule == DURE_RULE_FITS || best.rule == DURE_RULE_RIGHTS ||
            (best.rule == DURE_RULE_NOT_YET && v.rule != DURE_RULE_NOT_YET))
            best = v;
        if (v.rule == DURE_RULE_FITS)
            break;
    }
    plan_release(&plan);
    return best.rule == DURE_RULE_FITS && ahead ? refuse(DURE_RULE_ORDER, 0, 0, "") : best;
}

static struct verdict borrowed_now(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const int64_t from = core->fleet->chains[chain].available_from_us;
    int64_t notice;
    if (from > core->s.time_us)
        return refuse(DURE_RULE_NOT_YET, 0, seconds_until(core, from), "s to go");
    if (!lend_terms(core, chain, ask->tenant, false, &notice))
        return refuse(DURE_RULE_NOT_LENT, 0, 0, "");
    if (ask->grace_us > notice)
        return refuse(DURE_RULE_NOTICE, ask->grace_us / DURE_SECOND_US, notice / DURE_SECOND_US, "s");
    struct plan plan = {0};
    const bool fits = plan_chain(core, ask, chain, ask->level_required, &plan);
    plan_release(&plan);
    if (fits)
        return refuse(DURE_RULE_FITS, 0, 0, "");
    const struct dure_cells *cells = core->chains[chain].cells;
    const int64_t idle = (int64_t)core->chains[chain].idle.idle_total, need = (int64_t)request_gpus(ask);
    const bool by_loss = dure_cells_lost_count(cells) && idle < need && idle + dure_cells_lost_count(cells) >= need;
    return refuse(by_loss ? DURE_RULE_LOST : DURE_RULE_BUSY, need, idle, "GPUs idle");
}

struct verdict verdict_now(struct dure_core *core, const struct request *ask, uint32_t chain, bool ahead)
{
    const struct verdict never = never_verdict(core, ask, chain);
    if (never.rule != DURE_RULE_FITS)
        return never;
    return ask->job_class == DURE_GUARANTEED ? guaranteed_now(core, ask, chain, ahead) : borrowed_now(core, ask, chain);
}
