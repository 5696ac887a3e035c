#include "core/place/ground.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/decide/after.h"
#include "core/gate/gate.h"
#include "core/place/rules.h"
#include "core/place/shares.h"
#include "core/place/tally.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

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

static void refresh(struct dure_core *core, uint32_t at, uint32_t node)
{
    struct chain_state *chain = &core->chains[at];
    const struct node *n = &core->nodes[core->fleet->chains[at].node_first + node];
    const uint64_t idle = n->d.state == DURE_NODE_UP && !n->d.lost
                              ? chain->idle.full & ~chain->used[node] & ~chain->claimed[node] & ~n->d.dark
                              : 0;
    dure_slots_set(&chain->idle, node, idle);
    dure_slots_set(&chain->away, node, chain->bound[node] ? 0 : idle);
}

void ground_refresh_bound(struct dure_core *core, uint32_t at, uint32_t leaf, uint32_t leaves)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    for (uint32_t node = leaf / chain->node_gpus; node <= (leaf + leaves - 1) / chain->node_gpus; node++) {
        core->chains[at].bound[node] =
            dure_cells_sum(core->chains[at].cells, (struct dure_cell){node, chain->node_level}).bound > 0;
        refresh(core, at, node);
    }
}

void ground_refresh_node(struct dure_core *core, uint32_t node)
{
    const struct dure_chain_id chain = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){node});
    refresh(core, chain.v, node - core->fleet->chains[chain.v].node_first);
}

/* ---- the private cluster ---- */

/* One leaf of the hardware as its holder sees it. */
static void sync_virtual(struct dure_core *core, uint32_t at, uint32_t leaf)
{
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    if (l.allot.v == NONE)
        return;
    struct allot *allot = core->allots[l.allot.v];
    if (!allot->slots.count)
        return;
    const uint32_t slot = l.index * allot->cell_slots + l.offset / allot->slot_gpus;
    const uint64_t bit = UINT64_C(1) << (l.offset % allot->slot_gpus), was = allot->slots.idle[slot];
    const bool used = l.used || (DURE_CORE_MUTATED(BORROWED_AS_USED) && l.borrowed);
    dure_slots_set(&allot->slots, slot, used || l.lost ? was & ~bit : was | bit);
}

static uint64_t slot_idle(const struct dure_core *core, const struct allot *allot,
                          const struct dure_cells_virtual *cell, uint32_t slot)
{
    if (cell->state == DURE_CELLS_UNBOUND)
        return allot->slots.full;
    if (cell->state != DURE_CELLS_BOUND && cell->state != DURE_CELLS_SERVED)
        return 0;
    const struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const uint32_t first = dure_cells_first_leaf(cells, cell->cell) + slot * allot->slot_gpus;
    uint64_t idle = 0;
    for (uint32_t i = 0; i < allot->slot_gpus; i++) {
        struct dure_cells_leaf l;
        dure_cells_leaf(cells, first + i, &l);
        idle |= (uint64_t)(!l.used && !l.lost) << i;
    }
    return idle;
}

void ground_refresh_cell(struct dure_core *core, uint32_t id, uint32_t index)
{
    struct allot *allot = core->allots[id];
    if (!allot->slots.count)
        return;
    struct dure_cells_virtual cell = {.state = DURE_CELLS_GONE};
    if (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT)
        dure_cells_virtual(core->chains[allot->spec.chain.v].cells, (struct dure_allot_id){id}, index, &cell);
    for (uint32_t i = 0; i < allot->cell_slots; i++)
        dure_slots_set(&allot->slots, index * allot->cell_slots + i, slot_idle(core, allot, &cell, i));
}

void ground_refresh_allot(struct dure_core *core, uint32_t id)
{
    const struct allot *allot = core->allots[id];
    for (uint32_t i = 0; allot->slots.count && i < allot->slots.count / allot->cell_slots; i++)
        ground_refresh_cell(core, id, i);
}

static void must(enum dure_err err)
{
    DURE_ASSERT(err == DURE_OK);
}

/* Counts one job in or out of a leaf on behalf of its kind. */
static void count_leaf(struct dure_core *core, uint32_t chain, uint32_t leaf, bool borrowed, int delta)
{
    if (core->loading)
        return;
    if (borrowed) {
        must(dure_cells_borrowed(core->chains[chain].cells, leaf, delta, NULL));
        if (DURE_CORE_MUTATED(BORROWED_AS_USED))
            sync_virtual(core, chain, leaf);
        return;
    }
    must(dure_cells_use(core->chains[chain].cells, leaf, delta, NULL));
    sync_virtual(core, chain, leaf);
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

/* Nobody stands in the way on this leaf any more. */
static void clear_leaf(struct dure_core *core, uint32_t chain, uint32_t leaf)
{
    const uint32_t *claims = NULL;
    const uint32_t count = ground_claims(core, chain, leaf, &claims);
    for (uint32_t i = 0; i < count; i++)
        if (--claim_at(core, claims[i])->open == 0)
            after_add(core, AFTER_READY, claim_key(core, claims[i]));
}

static void occupy_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    const struct attempt *attempt = attempt_at(core, slot);
    const uint32_t at = attempt->d.chain, gpus = core->fleet->chains[at].node_gpus, node = leaf / gpus;
    struct chain_state *chain = &core->chains[at];
    const bool was_empty = chain->occupant[leaf] == NONE;
    if (place->gpu_milli == 1000) {
        DURE_ASSERT(was_empty);
        chain->occupant[leaf] = slot;
    } else {
        share_join(core, leaf, slot, place);
    }
    count_leaf(core, at, leaf, attempt->d.borrowed, 1);
    if (was_empty) {
        chain->used[node] |= UINT64_C(1) << (leaf % gpus);
        core->nodes[core->fleet->chains[at].node_first + node].busy++;
        refresh(core, at, node);
    }
}

static void vacate_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    const struct attempt *attempt = attempt_at(core, slot);
    const uint32_t at = attempt->d.chain, gpus = core->fleet->chains[at].node_gpus, node = leaf / gpus;
    struct chain_state *chain = &core->chains[at];
    const bool fractions = chain->claim[leaf] != NONE && (chain->claim[leaf] & OCCUPANT_SHARED);
    const bool was_obstructed = ground_is_obstructed(core, at, leaf, fractions);
    if (place->gpu_milli == 1000) {
        DURE_ASSERT(chain->occupant[leaf] == slot);
        chain->occupant[leaf] = NONE;
    } else {
        share_part(core, leaf, slot, place);
    }
    count_leaf(core, at, leaf, attempt->d.borrowed, -1);
    if (was_obstructed && !ground_is_obstructed(core, at, leaf, fractions))
        clear_leaf(core, at, leaf);
    if (chain->occupant[leaf] != NONE)
        return;
    chain->used[node] &= ~(UINT64_C(1) << (leaf % gpus));
    if (core->nodes[core->fleet->chains[at].node_first + node].d.dark >> (leaf % gpus) & 1)
        gate_vacated(core, at, node);
    core->nodes[core->fleet->chains[at].node_first + node].busy--;
    refresh(core, at, node);
    const struct node *n = &core->nodes[core->fleet->chains[at].node_first + node];
    if (!n->busy && n->d.state == DURE_NODE_DRAINING)
        after_add(core, AFTER_NODE, core->fleet->chains[at].node_first + node);
}

static void count_tenant(struct dure_core *core, const struct attempt *attempt, int sign)
{
    const uint32_t own = job_ask(core, job_at(core, attempt->job_slot))->tenant;
    const uint64_t milli = (uint64_t)(int64_t)sign * attempt->d.gpus_milli;
    tally_attempt(core, attempt, sign);
    if (attempt->d.borrowed)
        core->tenant[own].own_borrowed += milli;
    for (uint32_t t = own; t != NONE; t = core->tenants->tenants[t].parent.v) {
        core->tenant[t].milli_used += milli;
        if (attempt->d.borrowed)
            core->tenant[t].milli_borrowed += milli;
    }
}

void ground_occupy(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, occupy_leaf, &slot);
    count_tenant(core, attempt, 1);
    allot_use_begin(core, attempt);
    ceiling_count(core, job_at(core, attempt->job_slot), attempt->d.gpus_milli, 1);
    const int32_t priority = job_ask(core, job_at(core, attempt->job_slot))->priority;
    for (uint32_t i = 0; i < attempt->d.binding_count; i++) {
        struct allot *allot = core->allots[attempt->bindings[i].allot.v];
        if (priority < allot->priority_floor)
            allot->priority_floor = priority;
    }
}

void ground_wake_short(struct dure_core *core, uint32_t at)
{
    uint32_t suspended = 0;
    for (unsigned level = 1; level <= core->fleet->chains[at].level_count; level++)
        suspended += dure_cells_suspended(core->chains[at].cells, level);
    for (uint32_t i = 0; suspended && i < core->s.allot_count; i++)
        if (core->allots[i]->state == DURE_ALLOT_SHORT && core->allots[i]->spec.chain.v == at)
            queue_wake(core, core->allots[i]->spec.tenant.v);
}

void ground_vacate(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, vacate_leaf, &slot);
    count_tenant(core, attempt, -1);
    allot_use_end(core, attempt);
    ceiling_count(core, job_at(core, attempt->job_slot), attempt->d.gpus_milli, -1);
    if (!attempt->d.borrowed)
        queue_wake(core, core->allots[attempt->d.allot]->spec.tenant.v);
    queue_wake(core, queue_of_borrowed(core));
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
            count_leaf(core, attempt->d.chain, leaf, false, -1); /* this cell stays its holder's */
            count_leaf(core, attempt->d.chain, leaf, true, 1);
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
}

/* ---- claims ---- */

static void claim_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    struct claim *claim = claim_at(core, slot);
    struct chain_state *chain = &core->chains[claim->d.chain];
    const uint32_t gpus = core->fleet->chains[claim->d.chain].node_gpus;
    if (place->gpu_milli == 1000) {
        DURE_ASSERT(chain->claim[leaf] == NONE);
        chain->claim[leaf] = slot;
    } else {
        share_claim(core, leaf, slot, place);
    }
    chain->claimed[leaf / gpus] |= UINT64_C(1) << (leaf % gpus);
    if (ground_is_obstructed(core, claim->d.chain, leaf, place->gpu_milli < 1000))
        claim->open++;
    count_leaf(core, claim->d.chain, leaf, false, 1);
    refresh(core, claim->d.chain, leaf / gpus);
}

static void unclaim_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    const uint32_t slot = *(const uint32_t *)context;
    const struct claim *claim = claim_at(core, slot);
    struct chain_state *chain = &core->chains[claim->d.chain];
    const uint32_t gpus = core->fleet->chains[claim->d.chain].node_gpus;
    if (place->gpu_milli == 1000) {
        DURE_ASSERT(chain->claim[leaf] == slot);
        chain->claim[leaf] = NONE;
    } else {
        share_unclaim(core, leaf, slot, place);
    }
    if (chain->claim[leaf] == NONE)
        chain->claimed[leaf / gpus] &= ~(UINT64_C(1) << (leaf % gpus));
    count_leaf(core, claim->d.chain, leaf, false, -1);
    refresh(core, claim->d.chain, leaf / gpus);
}

void ground_claim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    ground_each(core, claim->d.chain, claim->places, claim->d.place_count, claim_leaf, &slot);
    ceiling_count(core, job_at(core, claim->job_slot), claim->d.gpus_milli, 1);
}

void ground_unclaim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    ground_each(core, claim->d.chain, claim->places, claim->d.place_count, unclaim_leaf, &slot);
    ceiling_count(core, job_at(core, claim->job_slot), claim->d.gpus_milli, -1);
    queue_wake(core, core->allots[claim->d.allot]->spec.tenant.v);
    queue_wake(core, queue_of_borrowed(core));
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
