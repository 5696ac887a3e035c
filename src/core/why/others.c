#include "core/why/others.h"

#include "core/allot/allots.h"
#include "core/place/ground.h"
#include "core/place/plan.h"
#include "core/why/never.h"

struct count {
    const struct plan *plan;
    uint64_t evicts;
};

static void count_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct count *count = context;
    count->evicts += ground_is_obstructed(core, count->plan->chain, leaf, place->gpu_milli < 1000);
}

/* Idle GPUs that stay on the nodes it would take: the fewer, the tighter. */
static uint64_t left_over(const struct dure_core *core, const struct plan *plan)
{
    const struct dure_slots *idle = &core->chains[plan->chain].idle;
    const uint32_t first = core->fleet->chains[plan->chain].node_first;
    uint64_t left = 0;
    for (uint32_t i = 0; i < plan->place_count; i++)
        for (uint32_t k = 0; k < plan->places[i].node_count; k++)
            left += (uint64_t)__builtin_popcountll(idle->idle[plan->places[i].node_first - first + k] &
                                                   ~plan->places[i].gpu_mask);
    return left;
}

/* What a right has taken over before it begins is of no use yet. */
static uint64_t idle_by(const struct allot *allot)
{
    return allot->state == DURE_ALLOT_PROMISED ? 0 : allot->slots.idle_total;
}

static void add(struct dure_core *core, struct dure_why *why, uint32_t chain, uint32_t allot, bool here, bool fits,
                const struct plan *plan)
{
    const struct chain_state *state = &core->chains[chain];
    struct dure_why_other *other = &why->others[why->other_count];
    *other = (struct dure_why_other){
        .chain = {chain},
        .allot = {allot},
        .rank = ++why->other_count,
        .here = here,
        .fits = fits,
        .promised_permille = (uint32_t)((uint64_t)state->owed_leaves * 1000 / core->fleet->chains[chain].leaf_count),
        .idle = allot == NONE ? state->idle.idle_total : idle_by(core->allots[allot])};
    if (!fits)
        return;
    struct count count = {.plan = plan};
    ground_each(core, chain, plan->places, plan->place_count, count_leaf, &count);
    other->evicts = allot == NONE ? 0 : count.evicts; /* who borrows sends nobody away */
    other->left_over = left_over(core, plan);
}

static void rank_rights(struct dure_core *core, const struct request *ask, uint32_t source, struct plan *plan,
                        struct dure_why *why)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot;
         id != NONE && why->other_count < DURE_WHY_OTHERS_MAX; id = core->allots[id]->next_of_holder) {
        const bool suits = plan_suits(core, ask, core->allots[id]),
                   begun = core->allots[id]->state != DURE_ALLOT_PROMISED;
        if (!suits && id != source)
            continue;
        const bool fits = suits && begun && plan_allot(core, ask, id, ask->level_required, plan);
        add(core, why, core->allots[id]->spec.chain.v, id, id == source, fits, plan);
    }
}

static void rank_lent(struct dure_core *core, const struct request *ask, uint32_t own, struct plan *plan,
                      struct dure_why *why)
{
    for (uint32_t i = 0; i < core->fleet->chain_count && why->other_count < DURE_WHY_OTHERS_MAX; i++) {
        const uint32_t chain = core->borrow_order[i];
        int64_t notice;
        if (chain != own && never_verdict(core, ask, chain).rule != DURE_RULE_FITS)
            continue;
        const bool lent = lend_terms(core, chain, ask->tenant, false, &notice) && ask->grace_us <= notice;
        const bool fits = lent && plan_chain(core, ask, chain, ask->level_required, plan);
        add(core, why, chain, NONE, chain == own, fits, plan);
    }
}

enum dure_err others_rank(struct dure_core *core, const struct request *ask, const struct dure_job_view *job,
                          struct dure_arena *arena, struct dure_why *why, struct dure_error *error)
{
    struct request now = *ask;
    struct plan plan = {0};
    why->others = DURE_ARENA_NEW(arena, struct dure_why_other, DURE_WHY_OTHERS_MAX);
    if (!why->others)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    if (job->source_allot.v == NONE) {
        now.job_class = DURE_BORROWED; /* it may have lost its right */
        const uint32_t own = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){job->places[0].node_first}).v;
        rank_lent(core, &now, own, &plan, why);
    } else {
        rank_rights(core, &now, job->source_allot.v, &plan, why);
    }
    plan_release(&plan);
    return DURE_OK;
}
