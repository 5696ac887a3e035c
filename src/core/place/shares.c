#include "core/place/shares.h"

#include <stdlib.h>
#include <string.h>

#include "core/place/rules.h"

static uint64_t key_of(uint32_t tenant, uint32_t chain, uint32_t allot)
{
    return (uint64_t)tenant << 32 | (allot != NONE ? allot : 0x80000000u | chain);
}

uint32_t share_first(const struct dure_core *core, uint32_t tenant, uint32_t chain, uint32_t allot)
{
    uint64_t first;
    return dure_map_get(&core->share_map, key_of(tenant, chain, allot), &first) ? (uint32_t)first : NONE;
}

static bool is_open(const struct shared *shared)
{
    return shared->free_milli > 0;
}

static void list_in(struct dure_core *core, uint32_t slot)
{
    struct shared *shared = shared_at(core, slot);
    shared->prev = NONE;
    shared->next = share_first(core, shared->tenant, shared->chain, shared->allot);
    if (shared->next != NONE)
        shared_at(core, shared->next)->prev = slot;
    DURE_ASSERT(dure_map_put(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot), slot));
}

static void list_out(struct dure_core *core, uint32_t slot)
{
    const struct shared *shared = shared_at(core, slot);
    if (shared->next != NONE)
        shared_at(core, shared->next)->prev = shared->prev;
    if (shared->prev != NONE)
        shared_at(core, shared->prev)->next = shared->next;
    else if (shared->next != NONE)
        DURE_ASSERT(dure_map_put(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot), shared->next));
    else
        dure_map_remove(&core->share_map, key_of(shared->tenant, shared->chain, shared->allot));
}

static uint32_t memory_of(const struct dure_core *core, const struct shared *shared, uint32_t attempt, uint32_t tasks)
{
    const struct job *job = job_at(core, attempt_at(core, attempt)->job_slot);
    return tasks * fraction_mib(core, &job->d.ask, shared->chain);
}

void share_join(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place)
{
    const struct attempt_data *a = &attempt_at(core, attempt)->d;
    uint32_t *occupant = &core->chains[a->chain].occupant[leaf];
    if (*occupant == NONE) {
        const uint32_t made = dure_pool_take(&core->shareds);
        const uint32_t memory = core->fleet->models[core->fleet->chains[a->chain].model.v].memory_mib;
        *shared_at(core, made) = (struct shared){.chain = a->chain, .leaf = leaf, .allot = a->borrowed ? NONE : a->allot,
                                                 .tenant = job_at(core, attempt_at(core, attempt)->job_slot)->d.ask.tenant,
                                                 .free_milli = 1000, .free_mib = memory, .next = NONE, .prev = NONE};
        list_in(core, made);
        *occupant = OCCUPANT_SHARED | made;
    }
    const uint32_t slot = *occupant & ~OCCUPANT_SHARED;
    struct shared *shared = shared_at(core, slot);
    const uint32_t mib = memory_of(core, shared, attempt, place->tasks), milli = place->tasks * place->gpu_milli;
    DURE_ASSERT((*occupant & OCCUPANT_SHARED) && shared->free_milli >= milli && shared->free_mib >= mib);
    shared->free_mib -= mib;
    shared->free_milli -= milli;
    if (!is_open(shared))
        list_out(core, slot);
    if (shared->user_count == shared->user_capacity) {
        shared->user_capacity = shared->user_capacity ? shared->user_capacity * 2 : 4;
        shared->users = dure_core_grow(shared->users, sizeof *shared->users, shared->user_capacity);
    }
    shared->users[shared->user_count++] = attempt;
}

void share_part(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place)
{
    uint32_t *occupant = &core->chains[attempt_at(core, attempt)->d.chain].occupant[leaf];
    DURE_ASSERT(*occupant != NONE && (*occupant & OCCUPANT_SHARED));
    const uint32_t slot = *occupant & ~OCCUPANT_SHARED;
    struct shared *shared = shared_at(core, slot);
    uint32_t at = 0;
    while (at < shared->user_count && shared->users[at] != attempt)
        at++;
    DURE_ASSERT(at < shared->user_count);
    memmove(shared->users + at, shared->users + at + 1, (--shared->user_count - at) * sizeof *shared->users);
    const bool was_open = is_open(shared);
    shared->free_mib += memory_of(core, shared, attempt, place->tasks);
    shared->free_milli += place->tasks * place->gpu_milli;
    if (!was_open)
        list_in(core, slot);
    if (shared->user_count)
        return;
    list_out(core, slot);
    free(shared->users);
    dure_pool_give(&core->shareds, slot);
    *occupant = NONE;
}

void share_demote(struct dure_core *core, uint32_t chain, uint32_t leaf)
{
    const uint32_t occupant = core->chains[chain].occupant[leaf];
    if (occupant == NONE || !(occupant & OCCUPANT_SHARED))
        return;
    const uint32_t slot = occupant & ~OCCUPANT_SHARED;
    struct shared *shared = shared_at(core, slot);
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[chain].cells, leaf, &l);
    if (shared->allot == NONE || l.used)
        return;
    if (is_open(shared))
        list_out(core, slot);
    shared->allot = NONE;
    if (is_open(shared))
        list_in(core, slot);
}
