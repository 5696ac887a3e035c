#include "core/place/shares.h"

#include <stdlib.h>
#include <string.h>

#include "core/place/rules.h"
#include "core/place/tally.h"
#include "core/queue/need.h"

static uint64_t key_of(uint32_t tenant, uint32_t chain, uint32_t allot)
{
    if (DURE_CORE_MUTATED(MIXED_FRACTIONS))
        tenant = 0;
    return (uint64_t)tenant << 32 | (allot != NONE ? allot : 0x80000000u | chain);
}

uint32_t share_first(const struct dure_core *core, uint32_t tenant, uint32_t chain, uint32_t allot)
{
    uint64_t first;
    return dure_map_get(&core->share_map, key_of(tenant, chain, allot), &first) ? (uint32_t)first : NONE;
}

static void list_in(struct dure_core *core, uint32_t slot)
{
    struct shared *shared = shared_at(core, slot);
    shared->prev = NONE;
    shared->next = share_first(core, shared->tenant, shared->chain, shared->allot);
    if (shared->next != NONE)
        shared_at(core, shared->next)->prev = slot;
    DURE_ASSERT(dure_map_put(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot), slot));
    shared->is_listed = true;
}

static void list_out(struct dure_core *core, uint32_t slot)
{
    struct shared *shared = shared_at(core, slot);
    if (shared->next != NONE)
        shared_at(core, shared->next)->prev = shared->prev;
    if (shared->prev != NONE)
        shared_at(core, shared->prev)->next = shared->next;
    else if (shared->next != NONE)
        DURE_ASSERT(dure_map_put(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot), shared->next));
    else
        dure_map_remove(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot));
    shared->is_listed = false;
}

static void relist(struct dure_core *core, uint32_t slot)
{
    const struct shared *shared = shared_at(core, slot);
    const bool open = shared->free_milli > 0;
    if (open && !shared->is_listed)
        list_in(core, slot);
    if (!open && shared->is_listed)
        list_out(core, slot);
}

static uint64_t rank_of(const struct dure_core *core, uint32_t chain, uint32_t leaf, uint32_t allot)
{
    if (allot == NONE)
        return leaf;
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[chain].cells, leaf, &l);
    return (uint64_t)l.index << 32 | l.offset;
}

static uint32_t make(struct dure_core *core, uint32_t chain, uint32_t leaf, const struct request *ask, uint32_t allot)
{
    const uint32_t slot = dure_pool_take(&core->shareds);
    const uint32_t memory = core->fleet->models[core->fleet->chains[chain].model.v].memory_mib;
    *shared_at(core, slot) = (struct shared){.chain = chain,
                                             .leaf = leaf,
                                             .tenant = ask->tenant,
                                             .is_mig = ask->mig != 0,
                                             .allot = allot,
                                             .free_milli = 1000,
                                             .free_mib = memory,
                                             .next = NONE,
                                             .prev = NONE,
                                             .rank = rank_of(core, chain, leaf, allot)};
    return slot;
}

void share_free(struct shared *shared)
{
    free(shared->users.at);
    free(shared->claims.at);
}

static void drop_if_empty(struct dure_core *core, uint32_t slot)
{
    struct shared *shared = shared_at(core, slot);
    if (shared->users.count || shared->claims.count) {
        relist(core, slot);
        return;
    }
    if (shared->is_listed)
        list_out(core, slot);
    share_free(shared);
    dure_pool_give(&core->shareds, slot);
}

static void list_add(struct slot_list *list, uint32_t slot)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 4;
        list->at = dure_core_grow(list->at, sizeof *list->at, list->capacity);
    }
    list->at[list->count++] = slot;
}

/* By job and element, not by arrival, which a loaded core cannot know: several of one instant begin, or are given up, in this order. */
static void list_add_claim(const struct dure_core *core, struct slot_list *list, uint32_t slot)
{
    const struct claim_data *claim = &claim_at(core, slot)->d;
    list_add(list, slot);
    for (uint32_t at = list->count - 1; at > 0; at--) {
        const struct claim_data *before = &claim_at(core, list->at[at - 1])->d;
        if (before->job < claim->job || (before->job == claim->job && before->element < claim->element))
            return;
        list->at[at] = list->at[at - 1];
        list->at[at - 1] = slot;
    }
}

static void list_remove(struct slot_list *list, uint32_t slot)
{
    uint32_t at = 0;
    while (at < list->count && list->at[at] != slot)
        at++;
    DURE_ASSERT(at < list->count);
    memmove(list->at + at, list->at + at + 1, (--list->count - at) * sizeof *list->at);
}

/* Instances come and go by their starts, fractions by their milli and memory. */
static void count_mig(struct dure_core *core, struct shared *shared, const struct request *ask,
                      const struct dure_place *place, bool come)
{
    const struct dure_mig_profile *profile = &core->fleet->migs[ask->mig - 1];
    for (uint32_t left = place->starts; left; left &= left - 1) {
        const unsigned start = (unsigned)__builtin_ctz(left);
        shared->mig = come ? mig_with(profile, shared->mig, start) : mig_without(profile, shared->mig, start);
    }
}

static void take_room(struct dure_core *core, uint32_t slot, uint32_t job_slot, const struct dure_place *place)
{
    struct shared *shared = shared_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, job_slot));
    const uint32_t mib = ask->mig ? 0 : place->tasks * fraction_mib(core, ask, shared->chain);
    const uint32_t milli = place->tasks * place->gpu_milli;
    DURE_ASSERT(shared->free_milli >= milli && shared->free_mib >= mib && shared->is_mig == (ask->mig != 0));
    if (ask->mig)
        count_mig(core, shared, ask, place, true);
    shared->free_mib -= mib;
    shared->free_milli -= milli;
    relist(core, slot);
}

static void give_room(struct dure_core *core, uint32_t slot, uint32_t job_slot, const struct dure_place *place)
{
    struct shared *shared = shared_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, job_slot));
    if (ask->mig)
        count_mig(core, shared, ask, place, false);
    else
        shared->free_mib += place->tasks * fraction_mib(core, ask, shared->chain);
    shared->free_milli += place->tasks * place->gpu_milli;
    if (shared->allot != NONE) /* its holder's may join now, or have the GPU, where nobody borrows on it any more */
        queue_moved(core, core->allots[shared->allot]->spec.tenant.v);
}

static bool has_room(const struct dure_core *core, const struct shared *shared, const struct request *ask,
                     const struct dure_place *place)
{
    const struct dure_gpu_model *model = &core->fleet->models[core->fleet->chains[shared->chain].model.v];
    if (ask->mig)
        return !(place->starts & ~mig_starts(core->fleet, model, ask->mig - 1u, shared->mig, DURE_MIG_SLICES_MAX));
    return shared->free_milli >= (uint64_t)place->tasks * place->gpu_milli &&
           shared->free_mib >= (uint64_t)place->tasks * fraction_mib(core, ask, shared->chain);
}

bool share_admits(const struct dure_core *core, uint32_t at, uint32_t leaf, const struct request *ask, uint32_t allot,
                  const struct dure_place *place, bool reserve, bool claimed)
{
    const uint32_t occupant = core->chains[at].occupant[leaf], claim = core->chains[at].claim[leaf];
    if (DURE_CORE_MUTATED(MIXED_FRACTIONS) || DURE_CORE_MUTATED(MIG_BESIDE_MILLI) || DURE_CORE_MUTATED(MIG_OVERLAP))
        return true;
    uint32_t on = occupant != NONE ? occupant : claim;
    if (reserve && claim != NONE)
        on = claim;
    else if (reserve && on != NONE &&
             (!(on & OCCUPANT_SHARED) || shared_at(core, on & ~OCCUPANT_SHARED)->allot == NONE))
        on = NONE; /* they leave */
    if (on == NONE)
        return (uint64_t)place->tasks * place->gpu_milli <= 1000;
    if (!(on & OCCUPANT_SHARED))
        return false;
    const struct shared *shared = shared_at(core, on & ~OCCUPANT_SHARED);
    return shared->tenant == ask->tenant && shared->allot == allot && shared->is_mig == (ask->mig != 0) &&
           (claimed || has_room(core, shared, ask, place));
}

/* The GPU itself, once, whoever shares it. */
static void count_in_use(struct dure_core *core, uint32_t slot, int sign)
{
    const struct shared *shared = shared_at(core, slot);
    tally_add(core, shared->tenant, shared->chain, shared->allot == NONE, sign);
}

/* Whose share it is from here on; its place among the tenant's follows. */
static void pass_to(struct dure_core *core, uint32_t slot, uint32_t allot)
{
    struct shared *shared = shared_at(core, slot);
    if (shared->is_listed)
        list_out(core, slot);
    count_in_use(core, slot, -1);
    shared->allot = allot;
    count_in_use(core, slot, 1);
    shared->rank = rank_of(core, shared->chain, shared->leaf, allot);
    relist(core, slot);
}

void share_join(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place)
{
    const struct attempt *a = attempt_at(core, attempt);
    struct chain_state *chain = &core->chains[a->d.chain];
    uint32_t *occupant = &chain->occupant[leaf];
    if (*occupant == NONE) { /* first to stand here; a share by rights may have been reserved before */
        const bool reserved = chain->claim[leaf] != NONE && (chain->claim[leaf] & OCCUPANT_SHARED) && !a->d.borrowed;
        *occupant = reserved ? chain->claim[leaf]
                             : OCCUPANT_SHARED | make(core, a->d.chain, leaf, job_ask(core, job_at(core, a->job_slot)),
                                                      a->d.borrowed ? NONE : a->d.allot);
        count_in_use(core, *occupant & ~OCCUPANT_SHARED, 1);
    }
    DURE_ASSERT(*occupant & OCCUPANT_SHARED);
    const uint32_t slot = *occupant & ~OCCUPANT_SHARED;
    if (!a->d.borrowed && shared_at(core, slot)->allot == NONE)
        pass_to(core, slot, a->d.allot); /* loaded after one that has lost its right */
    take_room(core, slot, a->job_slot, place);
    list_add(&shared_at(core, slot)->users, attempt);
}

/* The last that stood or waited here by rights has gone, and only those who lost theirs are left: the private cluster has the GPU back, and
 * they borrow it like anybody. */
static void lend_if_left(struct dure_core *core, uint32_t slot)
{
    const struct shared *shared = shared_at(core, slot);
    if (shared->allot == NONE || shared->claims.count || !shared->users.count)
        return;
    for (uint32_t i = 0; i < shared->users.count; i++)
        if (!attempt_at(core, shared->users.at[i])->d.borrowed)
            return;
    pass_to(core, slot, NONE);
}

void share_part(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place)
{
    const struct attempt *a = attempt_at(core, attempt);
    uint32_t *occupant = &core->chains[a->d.chain].occupant[leaf];
    DURE_ASSERT(*occupant != NONE && (*occupant & OCCUPANT_SHARED));
    const uint32_t slot = *occupant & ~OCCUPANT_SHARED;
    list_remove(&shared_at(core, slot)->users, attempt);
    give_room(core, slot, a->job_slot, place);
    if (!shared_at(core, slot)->users.count) {
        count_in_use(core, slot, -1);
        *occupant = NONE;
    }
    lend_if_left(core, slot);
    drop_if_empty(core, slot);
}

void share_claim(struct dure_core *core, uint32_t leaf, uint32_t claim, const struct dure_place *place)
{
    const struct claim *c = claim_at(core, claim);
    struct chain_state *chain = &core->chains[c->d.chain];
    uint32_t found = chain->claim[leaf];
    if (found == NONE && chain->occupant[leaf] != NONE && (chain->occupant[leaf] & OCCUPANT_SHARED) &&
        shared_at(core, chain->occupant[leaf] & ~OCCUPANT_SHARED)->allot != NONE)
        found = chain->occupant[leaf]; /* its tenant's own fractions stand here */
    if (found == NONE)
        found = OCCUPANT_SHARED | make(core, c->d.chain, leaf, job_ask(core, job_at(core, c->job_slot)), c->d.allot);
    DURE_ASSERT(found & OCCUPANT_SHARED);
    chain->claim[leaf] = found;
    take_room(core, found & ~OCCUPANT_SHARED, c->job_slot, place);
    list_add_claim(core, &shared_at(core, found & ~OCCUPANT_SHARED)->claims, claim);
}

void share_unclaim(struct dure_core *core, uint32_t leaf, uint32_t claim, const struct dure_place *place)
{
    const struct claim *c = claim_at(core, claim);
    uint32_t *found = &core->chains[c->d.chain].claim[leaf];
    DURE_ASSERT(*found != NONE && (*found & OCCUPANT_SHARED));
    const uint32_t slot = *found & ~OCCUPANT_SHARED;
    list_remove(&shared_at(core, slot)->claims, claim);
    give_room(core, slot, c->job_slot, place);
    if (!shared_at(core, slot)->claims.count)
        *found = NONE;
    lend_if_left(core, slot);
    drop_if_empty(core, slot);
}

void share_follow(struct dure_core *core, uint32_t chain, uint32_t leaf)
{
    const uint32_t occupant = core->chains[chain].occupant[leaf];
    if (occupant == NONE || !(occupant & OCCUPANT_SHARED))
        return;
    const uint32_t slot = occupant & ~OCCUPANT_SHARED;
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[chain].cells, leaf, &l);
    if (shared_at(core, slot)->allot != NONE)
        pass_to(core, slot, l.used ? l.allot.v : NONE);
}
