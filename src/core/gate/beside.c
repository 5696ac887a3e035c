/* Who stands beside a place that must not: the work itself, where the counts of fences say that there is any. */
#include <stdlib.h>

#include "core/decide/after.h"
#include "core/gate/fence.h"
#include "core/place/ground.h"
#include "core/place/timeline.h"
#include "core/state/attempts.h"
#include "core/state/ends.h"
#include "core/state/jobs.h"

/* The widest cell that any of the sides speaks of. */
static uint32_t widest(const struct fence_side *sides, uint32_t count, uint32_t chain)
{
    uint32_t nodes = 1;
    for (uint32_t i = 0; i < count; i++)
        nodes = sides[i].fence->chains[chain].cell_nodes > nodes ? sides[i].fence->chains[chain].cell_nodes : nodes;
    return nodes;
}

static uint32_t nodes_of(const struct dure_core *core, uint32_t at, enum dure_data_level level)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    if (level == DURE_DATA_ANYBODY)
        return 0;
    return dure_chain_leaves_at(chain, dure_chain_level(chain, dure_data_level_names[level])) / chain->node_gpus;
}

/* Do two nodes of a chain lie in one cell that the two requests may not share? */
static bool too_near(struct dure_core *core, const struct request *a, const struct request *b, uint32_t chain,
                     uint32_t node, uint32_t other)
{
    const uint32_t nodes = nodes_of(core, chain, fence_between(core, a, b));
    return nodes && node / nodes == other / nodes;
}

struct around {
    struct dure_core *core;
    const struct request *ask;
    uint32_t chain, node;
    bool by_right;
    int64_t at_us;
    fence_fn each; /* or, NULL, whether anybody is there then */
    void *context;
    bool found;
};

static void see_leaf(struct around *a, uint32_t node, uint32_t leaf)
{
    struct dure_core *core = a->core;
    const uint32_t *list = NULL;
    uint32_t count = ground_users(core, a->chain, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *attempt = attempt_at(core, list[i]);
        if ((a->by_right && attempt->d.borrowed) || ends_at(core, attempt) <= a->at_us ||
            !too_near(core, a->ask, job_ask(core, attempt->job), a->chain, a->node, node))
            continue;
        a->found = true;
        if (a->each)
            a->each(core, a->context, list[i]);
    }
    count = a->each ? 0 : ground_claims(core, a->chain, leaf, &list);
    for (uint32_t i = 0; i < count && !a->found; i++)
        a->found = timeline_claim_ends(core, list[i]) > a->at_us &&
                   too_near(core, a->ask, job_ask(core, job_at(core, claim_at(core, list[i])->job_slot)), a->chain,
                            a->node, node);
}

/* All GPUs of the cells around one node. */
static void look_around(struct around *a, uint32_t nodes)
{
    const struct dure_chain *chain = &a->core->fleet->chains[a->chain];
    const uint32_t first = a->node / nodes * nodes;
    for (uint32_t node = first; node < first + nodes && node < chain->node_count; node++)
        for (uint32_t gpu = 0; gpu < chain->node_gpus && (a->each || !a->found); gpu++)
            see_leaf(a, node, node * chain->node_gpus + gpu);
}

bool fence_is_on_at(struct dure_core *core, const struct request *ask, uint32_t chain, const struct fence_side *sides,
                    uint32_t count, uint32_t node, bool by_right, int64_t at_us)
{
    struct around around = {
        .core = core, .ask = ask, .chain = chain, .node = node, .by_right = by_right, .at_us = at_us};
    if (!fence_is_on(sides, count, node))
        return false;
    look_around(&around, widest(sides, count, chain));
    return around.found;
}

static bool on_any(const struct dure_chain *chain, const struct fence_side *sides, uint32_t side_count,
                   const struct dure_place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            if (fence_is_on(sides, side_count, places[i].node_first + k - chain->node_first))
                return true;
    return false;
}

bool fence_obstructs(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                     uint32_t count)
{
    struct fence_side *sides;
    if (!fence_touches(core, ask, false))
        return false;
    const uint32_t side_count = fence_sides(core, ask, chain, false, &sides);
    const bool on = on_any(&core->fleet->chains[chain], sides, side_count, places, count);
    free(sides);
    return on;
}

void fence_each(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                uint32_t count, fence_fn each, void *context)
{
    struct fence_side *sides;
    if (!fence_touches(core, ask, false))
        return;
    const uint32_t side_count = fence_sides(core, ask, chain, false, &sides),
                   first = core->fleet->chains[chain].node_first;
    const uint32_t nodes = widest(sides, side_count, chain);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++) {
            struct around around = {.core = core,
                                    .ask = ask,
                                    .chain = chain,
                                    .node = places[i].node_first + k - first,
                                    .at_us = INT64_MIN,
                                    .each = each,
                                    .context = context};
            if (fence_is_on(sides, side_count, around.node))
                look_around(&around, nodes);
        }
    free(sides);
}

/* ---- reservations that wait for it to go ---- */

struct waiting {
    struct dure_core *core;
    const struct request *ask; /* of what is in their way */
    uint32_t chain, node, nodes;
    struct slot_list *claims;
};

static void see_claims(const struct waiting *w, uint32_t node, uint32_t leaf)
{
    struct dure_core *core = w->core;
    const uint32_t *claims = NULL;
    const uint32_t count = ground_claims(core, w->chain, leaf, &claims);
    for (uint32_t i = 0; i < count; i++)
        if (too_near(core, w->ask, job_ask(core, job_at(core, claim_at(core, claims[i])->job_slot)), w->chain, w->node,
                     node))
            slot_list_add(w->claims, claims[i]);
}

/* Reservations that the attempt keeps waiting for want of a neighbour less, more than once each. */
static void find_waiting(struct dure_core *core, uint32_t slot, struct slot_list *claims)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct dure_chain *chain = &core->fleet->chains[attempt->d.chain];
    struct waiting w = {core, job_ask(core, attempt->job), attempt->d.chain, 0, 1, claims};
    struct fence_side *sides;
    if (!fence_touches(core, w.ask, false))
        return;
    const uint32_t side_count = fence_sides(core, w.ask, w.chain, false, &sides);
    w.nodes = widest(sides, side_count, w.chain);
    free(sides);
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        for (uint32_t k = 0; k < attempt->places[i].node_count; k++) {
            w.node = attempt->places[i].node_first + k - chain->node_first;
            const uint32_t first = w.node / w.nodes * w.nodes;
            for (uint32_t node = first; node < first + w.nodes && node < chain->node_count; node++)
                for (uint32_t gpu = 0; gpu < chain->node_gpus; gpu++)
                    see_claims(&w, node, node * chain->node_gpus + gpu);
        }
}

int64_t fence_waited_since_us(struct dure_core *core, uint32_t slot)
{
    struct slot_list claims = {0};
    int64_t since_us = DURE_NEVER_US;
    if (core->fences.listed)
        find_waiting(core, slot, &claims);
    for (uint32_t i = 0; i < claims.count; i++)
        if (claim_at(core, claims.at[i])->d.made_us < since_us)
            since_us = claim_at(core, claims.at[i])->d.made_us;
    free(claims.at);
    return since_us;
}

bool fence_holds_up(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    return fence_obstructs(core, job_ask(core, job_at(core, claim->job_slot)), claim->d.chain, claim->places,
                           claim->d.place_count);
}

static uint64_t key_of(const struct dure_core *core, const struct claim *claim)
{
    uint32_t ordinal;
    DURE_ASSERT(job_ordinal(job_at(core, claim->job_slot), claim->d.element, &ordinal));
    return DURE_RUN_KEY(claim->job_slot, ordinal);
}

static bool is_before(const struct claim *a, const struct claim *b)
{
    return a->d.job != b->d.job ? a->d.job < b->d.job : a->d.element < b->d.element;
}

void fence_gone(struct dure_core *core, uint32_t slot)
{
    struct slot_list claims = {0};
    find_waiting(core, slot, &claims);
    /* In the order of jobs, each once. */
    for (const struct claim *last = NULL, *next = NULL;; last = next, next = NULL) {
        for (uint32_t i = 0; i < claims.count; i++) {
            const struct claim *claim = claim_at(core, claims.at[i]);
            if ((!last || is_before(last, claim)) && (!next || is_before(claim, next)))
                next = claim;
        }
        if (!next)
            break;
        after_add(core, AFTER_READY, key_of(core, next));
    }
    free(claims.at);
}
