#include "core/place/ground.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/decide/after.h"
#include "core/place/price.h"
#include "core/place/shares.h"
#include "core/place/sight.h"
#include "core/place/tally.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

void ground_each(struct dure_core *core, uint32_t at, const struct dure_place *places, uint32_t count, leaf_fn each,
                 void *context)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            for (uint64_t mask = places[i].gpu_mask; mask; mask &= mask - 1) {
                const uint32_t node = places[i].node_first + k - chain->node_first;
                each(core, context, node * chain->node_gpus + (uint32_t)__builtin_ctzll(mask), &places[i]);
            }
}

void ground_each_node(struct dure_core *core, uint32_t at, const struct dure_place *places, uint32_t count,
                      node_fn each, void *context)
{
    const uint32_t first = core->fleet->chains[at].node_first;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            each(core, context, places[i].node_first + k - first, &places[i]);
}

static void fetch_node(const struct dure_core *core, uint32_t at, uint32_t node)
{
    const struct chain_state *chain = &core->chains[at];
    const struct dure_chain *c = &core->fleet->chains[at];
    __builtin_prefetch(&chain->occupant[node * c->node_gpus], 1);
    __builtin_prefetch(&chain->idle.idle[node], 1);
    __builtin_prefetch(&chain->away.idle[node], 1);
    __builtin_prefetch(&core->nodes[c->node_first + node], 1);
    dure_cells_fetch(chain->cells, node * c->node_gpus);
}

void ground_fetch(const struct dure_core *core, uint32_t at, const struct dure_place *places, uint32_t count)
{
    enum { AHEAD = 8 }; /* nodes: more would not fit into what a processor fetches at a time */
    const uint32_t first = core->fleet->chains[at].node_first;
    uint32_t left = AHEAD;
    for (uint32_t i = 0; i < count && left; i++)
        for (uint32_t k = 0; k < places[i].node_count && left; k++, left--)
            fetch_node(core, at, places[i].node_first + k - first);
}

/* ---- attempts ---- */

bool ground_is_obstructed(const struct dure_core *core, uint32_t chain, uint32_t leaf, bool fraction)
{
    const uint32_t occupant = core->chains[chain].occupant[leaf];
    if (occupant == NONE)
        return false;
    if (!fraction || !(occupant & OCCUPANT_SHARED))
        return true;
    const struct shared *shared = shared_at(core, occupant & ~OCCUPANT_SHARED);
    for (uint32_t i = 0; i < shared->users.count; i++)
        if (attempt_at(core, shared->users.at[i])->d.borrowed)
            return true;
    return false;
}

uint32_t ground_claims(const struct dure_core *core, uint32_t chain, uint32_t leaf, const uint32_t **ret_claims)
{
    const uint32_t *claim = &core->chains[chain].claim[leaf];
    if (*claim == NONE)
        return 0;
    if (!(*claim & OCCUPANT_SHARED)) {
        *ret_claims = claim;
        return 1;
    }
    const struct shared *shared = shared_at(core, *claim & ~OCCUPANT_SHARED);
    *ret_claims = shared->claims.at;
    return shared->claims.count;
}

static uint64_t claim_key(const struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    uint32_t ordinal;
    DURE_ASSERT(job_ordinal(job_at(core, claim->job_slot), claim->d.element, &ordinal));
    return DURE_RUN_KEY(claim->job_slot, ordinal);
}

static bool claim_before(const struct claim *a, const struct claim *b)
{
    return a->d.job != b->d.job ? a->d.job < b->d.job : a->d.element < b->d.element;
}

/* Nobody stands in the way on this leaf any more. */
static void clear_leaf(struct dure_core *core, uint32_t chain, uint32_t leaf)
{
    const uint32_t *claims = NULL;
    const uint32_t count = ground_claims(core, chain, leaf, &claims);
    for (uint32_t i = 0; i < count; i++)
        claim_at(core, claims[i])->open--;
    /* In the order of jobs: the list's own order is that in which they came, or were loaded. */
    const struct claim *last = NULL;
    for (;;) {
        uint32_t next = NONE;
        for (uint32_t i = 0; i < count; i++)
            if (!claim_at(core, claims[i])->open && (!last || claim_before(last, claim_at(core, claims[i]))) &&
                (next == NONE || claim_before(claim_at(core, claims[i]), claim_at(core, next))))
                next = claims[i];
        if (next == NONE)
            return;
        last = claim_at(core, next);
        after_add(core, AFTER_READY, claim_key(core, next));
    }
}

uint64_t ground_obstructed_on(const struct dure_core *core, uint32_t at, uint32_t node, const struct dure_place *place)
{
    const uint64_t used = node_of(core, at, node)->used & place->gpu_mask;
    if (place->gpu_milli == 1000 || !used)
        return used;
    const uint32_t leaf = node * core->fleet->chains[at].node_gpus + (uint32_t)__builtin_ctzll(place->gpu_mask);
    return ground_is_obstructed(core, at, leaf, true) ? used : 0;
}

static void put_on(uint32_t *leaves, uint64_t mask, uint32_t was, uint32_t is)
{
    if (!(mask & (mask + 1))) { /* the first so many: whole nodes */
        const uint32_t count = (uint32_t)__builtin_popcountll(mask);
        uint32_t differ = 0;
        for (uint32_t i = 0; i < count; i++) {
            differ |= leaves[i] ^ was;
            leaves[i] = is;
        }
        DURE_ASSERT(!differ);
        return;
    }
    for (; mask; mask &= mask - 1) {
        uint32_t *at = &leaves[__builtin_ctzll(mask)];
        DURE_ASSERT(*at == was);
        *at = is;
    }
}

/* The same GPUs of nodes beside each other. */
static void mark_used(struct dure_core *core, uint32_t at, uint32_t first, uint32_t nodes, uint64_t mask, bool used)
{
    struct node *n = node_of(core, at, first);
    const uint16_t count = (uint16_t)__builtin_popcountll(mask);
    for (uint32_t i = 0; i < nodes; i++) {
        n[i].used ^= mask;
        n[i].busy = (uint16_t)(used ? n[i].busy + count : n[i].busy - count);
    }
    sight_nodes(core, at, first, nodes);
    for (uint32_t i = 0; !used && i < nodes; i++)
        if (!n[i].busy && n[i].d.state == DURE_NODE_DRAINING)
            after_add(core, AFTER_NODE, core->fleet->chains[at].node_first + first + i);
}

/* Nodes of one place are handed on so many at a time that their leaves fit into a mask. */
struct nodes {
    uint32_t first, count; /* of the chain */
    uint64_t leaves;       /* of them all, from the first of the first on */
};

static bool next_nodes(const struct dure_chain *chain, const struct dure_place *place, struct nodes *nodes)
{
    const uint32_t first = place->node_first - chain->node_first, end = first + place->node_count;
    const bool alone = place->node_count == 1 || place->gpu_milli < 1000 || chain->node_gpus > 32;
    const uint32_t most = alone ? 1 : 64 / chain->node_gpus;
    nodes->first = nodes->count ? nodes->first + nodes->count : first;
    nodes->count = end - nodes->first < most ? end - nodes->first : most;
    nodes->leaves = place->gpu_mask;
    for (uint32_t i = 1; i < nodes->count; i++)
        nodes->leaves |= place->gpu_mask << (i * chain->node_gpus);
    return nodes->count;
}

static void occupy(struct dure_core *core, uint32_t slot, const struct attempt *attempt, const struct dure_place *place)
{
    const uint32_t at = attempt->d.chain;
    const struct dure_chain *c = &core->fleet->chains[at];
    struct chain_state *chain = &core->chains[at];
    for (struct nodes nodes = {0}; next_nodes(c, place, &nodes);) {
        const uint32_t first = nodes.first * c->node_gpus;
        uint64_t fresh = place->gpu_mask;
        if (place->gpu_milli == 1000) {
            put_on(chain->occupant + first, nodes.leaves, NONE, slot);
        } else {
            fresh &= ~node_of(core, at, nodes.first)->used;
            share_join(core, first + (uint32_t)__builtin_ctzll(place->gpu_mask), slot, place);
        }
        sight_count(core, at, first, nodes.leaves, attempt->d.borrowed, 1);
        if (fresh)
            mark_used(core, at, nodes.first, nodes.count, fresh, true);
    }
}

/* Nobody stands in the way on these leaves any more. */
static void clear_leaves(struct dure_core *core, uint32_t at, uint32_t node, uint64_t mask)
{
    const uint32_t first = node * core->fleet->chains[at].node_gpus;
    for (uint64_t left = mask & node_of(core, at, node)->claimed; left; left &= left - 1)
        clear_leaf(core, at, first + (uint32_t)__builtin_ctzll(left));
}

/* A fraction leaves its GPU, where others may go on. */
static void vacate_share(struct dure_core *core, uint32_t slot, uint32_t node, const struct dure_place *place)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const uint32_t at = attempt->d.chain;
    struct chain_state *chain = &core->chains[at];
    const uint32_t leaf = node * core->fleet->chains[at].node_gpus + (uint32_t)__builtin_ctzll(place->gpu_mask);
    const bool fractions = chain->claim[leaf] != NONE && (chain->claim[leaf] & OCCUPANT_SHARED);
    const bool was_obstructed = ground_is_obstructed(core, at, leaf, fractions);
    share_part(core, leaf, slot, place);
    sight_count(core, at, leaf, 1, attempt->d.borrowed, -1);
    if (was_obstructed && !ground_is_obstructed(core, at, leaf, fractions))
        clear_leaf(core, at, leaf);
    if (chain->occupant[leaf] == NONE)
        mark_used(core, at, node, 1, place->gpu_mask, false);
}

static void vacate(struct dure_core *core, uint32_t slot, const struct attempt *attempt, const struct dure_place *place)
{
    const uint32_t at = attempt->d.chain;
    const struct dure_chain *c = &core->fleet->chains[at];
    for (struct nodes nodes = {0}; next_nodes(c, place, &nodes);) {
        const uint32_t first = nodes.first * c->node_gpus;
        if (place->gpu_milli < 1000) {
            vacate_share(core, slot, nodes.first, place);
            continue;
        }
        put_on(core->chains[at].occupant + first, nodes.leaves, slot, NONE);
        sight_count(core, at, first, nodes.leaves, attempt->d.borrowed, -1);
        for (uint32_t i = 0; i < nodes.count; i++)
            clear_leaves(core, at, nodes.first + i, place->gpu_mask);
        mark_used(core, at, nodes.first, nodes.count, place->gpu_mask, false);
    }
}

static void count_tenant(struct dure_core *core, const struct attempt *attempt, int sign)
{
    const uint32_t own = job_ask(core, attempt->job)->tenant;
    const uint64_t milli = (uint64_t)(int64_t)sign * attempt->d.gpus_milli;
    tally_attempt(core, attempt, sign);
    if (attempt->d.borrowed)
        core->tenant[own].own_borrowed += milli;
    for (uint32_t at = own; at != NONE; at = core->tenant[at].parent) {
        struct tenant_state *t = &core->tenant[at];
        t->running += (uint64_t)(int64_t)sign;
        t->milli_used += milli;
        t->milli_borrowed += attempt->d.borrowed ? milli : 0;
    }
}

void ground_occupy(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        occupy(core, slot, attempt, &attempt->places[i]);
    count_tenant(core, attempt, 1);
    allot_use_begin(core, attempt);
    ceiling_count(core, attempt->job, attempt->d.gpus_milli, 1);
    price_enter(core, slot);
    attempt_lower_floors(core, slot);
}

void ground_wake_short(struct dure_core *core, uint32_t at)
{
    const bool any = dure_cells_any_suspended(core->chains[at].cells);
    for (uint32_t i = 0; any && i < core->s.allot_count; i++)
        if (core->allots[i]->state == DURE_ALLOT_SHORT && core->allots[i]->spec.chain.v == at)
            queue_wake(core, core->allots[i]->spec.tenant.v);
}

static void lose_leaf(struct dure_core *core, uint32_t at, uint32_t leaf, bool lost, enum dure_cause cause)
{
    struct dure_cells *cells = core->chains[at].cells;
    const enum dure_err err = lost ? dure_cells_lose(cells, leaf, NULL) : dure_cells_repair(cells, leaf, NULL);
    DURE_ASSERT(err == DURE_OK);
    if (lost)
        planned_void_leaf(core, at, leaf, cause);
    struct dure_cells_leaf l;
    dure_cells_leaf(cells, leaf, &l);
    if (l.allot.v != NONE)
        sight_cell(core, l.allot.v, l.index);
    if (l.allot.v != NONE && !lost)
        queue_wake(core, core->allots[l.allot.v]->spec.tenant.v);
}

void ground_lose(struct dure_core *core, uint32_t id, uint64_t was, enum dure_cause cause)
{
    const struct node *node = &core->nodes[id];
    const struct dure_chain *chain = &core->fleet->chains[node->chain];
    const uint32_t first = (id - chain->node_first) * chain->node_gpus;
    const uint64_t lost = node_lost(core, node), changed = lost ^ was;
    for (uint64_t mask = changed; mask; mask &= mask - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(mask);
        lose_leaf(core, node->chain, first + i, lost >> i & 1, cause);
    }
    sight_nodes(core, node->chain, id - chain->node_first, 1);
    if (changed & was)
        ground_wake_short(core, node->chain);
}

void ground_vacate(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    price_leave(core, slot);
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        vacate(core, slot, attempt, &attempt->places[i]);
    count_tenant(core, attempt, -1);
    allot_use_end(core, attempt);
    ceiling_count(core, attempt->job, attempt->d.gpus_milli, -1);
    ground_wake_short(core, attempt->d.chain);
}

static void demote_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    (void)place;
    const struct attempt *attempt = attempt_at(core, *(const uint32_t *)context);
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[attempt->d.chain].cells, leaf, &l);
    for (uint32_t i = 0; i < attempt->d.binding_count; i++)
        if (l.allot.v == attempt->bindings[i].allot.v && l.index == attempt->bindings[i].virtual_index) {
            sight_count(core, attempt->d.chain, leaf, 1, false, -1); /* this cell stays its holder's */
            sight_count(core, attempt->d.chain, leaf, 1, true, 1);
        }
    share_follow(core, attempt->d.chain, leaf);
}

void ground_demote(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, demote_leaf, &slot);
    for (uint32_t i = 0; i < attempt->d.binding_count; i++)
        after_add(core, AFTER_EMPTY, (uint64_t)attempt->bindings[i].allot.v << 32 | attempt->bindings[i].virtual_index);
    count_tenant(core, attempt, -1);
    share_close(core, attempt);
    allot_use_end(core, attempt);
    attempt_unbind(core, slot);
    count_tenant(core, attempt, 1);
    price_enter(core, slot);
}

/* ---- claims ---- */

static void claim_node(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    struct claim *claim = claim_at(core, slot);
    const uint32_t at = claim->d.chain, first = node * core->fleet->chains[at].node_gpus;
    struct chain_state *chain = &core->chains[at];
    if (place->gpu_milli == 1000)
        put_on(chain->claim + first, place->gpu_mask, NONE, slot);
    else
        share_claim(core, first + (uint32_t)__builtin_ctzll(place->gpu_mask), slot, place);
    node_of(core, at, node)->claimed |= place->gpu_mask;
    claim->open += (uint32_t)__builtin_popcountll(ground_obstructed_on(core, at, node, place));
    sight_count(core, at, first, place->gpu_mask, false, 1);
    sight_nodes(core, at, node, 1);
}

static void unclaim_node(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    const struct claim *claim = claim_at(core, slot);
    const uint32_t at = claim->d.chain, first = node * core->fleet->chains[at].node_gpus;
    struct chain_state *chain = &core->chains[at];
    const uint32_t leaf = first + (uint32_t)__builtin_ctzll(place->gpu_mask);
    if (place->gpu_milli == 1000)
        put_on(chain->claim + first, place->gpu_mask, slot, NONE);
    else
        share_unclaim(core, leaf, slot, place);
    if (chain->claim[leaf] == NONE)
        node_of(core, at, node)->claimed &= ~place->gpu_mask;
    sight_count(core, at, first, place->gpu_mask, false, -1);
    sight_nodes(core, at, node, 1);
}

void ground_claim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    ground_each_node(core, claim->d.chain, claim->places, claim->d.place_count, claim_node, &slot);
    ceiling_count(core, job_at(core, claim->job_slot), claim->d.gpus_milli, 1);
}

void ground_unclaim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    ground_each_node(core, claim->d.chain, claim->places, claim->d.place_count, unclaim_node, &slot);
    ceiling_count(core, job_at(core, claim->job_slot), claim->d.gpus_milli, -1);
}

uint32_t ground_users(const struct dure_core *core, uint32_t chain, uint32_t leaf, const uint32_t **ret_users)
{
    const uint32_t *occupant = &core->chains[chain].occupant[leaf];
    if (*occupant == NONE)
        return 0;
    if (!(*occupant & OCCUPANT_SHARED)) {
        *ret_users = occupant;
        return 1;
    }
    const struct shared *shared = shared_at(core, *occupant & ~OCCUPANT_SHARED);
    *ret_users = shared->users.at;
    return shared->users.count;
}
