#include "core/decide/after.h"

#include "core/gate/fence.h"
#include "core/place/ground.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

void after_add(struct dure_core *core, enum after_kind kind, uint64_t what)
{
    if (!core->emit)
        return;
    struct after *after = &core->after[kind];
    if (after->count == after->capacity) {
        after->capacity = after->capacity ? after->capacity * 2 : 16;
        after->at = dure_core_grow(after->at, sizeof *after->at, after->capacity);
    }
    after->at[after->count++] = what;
    core->after_count++;
}

bool after_take(struct dure_core *core, enum after_kind kind, uint64_t *ret_what)
{
    struct after *after = &core->after[kind];
    if (!after->count)
        return false;
    *ret_what = after->at[after->first++];
    core->after_count--;
    if (after->first == after->count)
        after->first = after->count = 0;
    return true;
}

void after_clear(struct dure_core *core)
{
    core->after_count = 0;
    for (unsigned i = 0; i < AFTER_KINDS; i++)
        core->after[i].first = core->after[i].count = 0;
}

static void spare(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    (void)place;
    const uint32_t *users = NULL;
    const uint32_t count = ground_users(core, *(const uint32_t *)context, leaf, &users);
    for (uint32_t i = 0; i < count; i++)
        after_add(core, AFTER_SPARED, attempt_at(core, users[i])->d.id);
}

static void spare_neighbour(struct dure_core *core, void *context, uint32_t slot)
{
    (void)context;
    after_add(core, AFTER_SPARED, attempt_at(core, slot)->d.id);
}

void after_give_up_claim(struct dure_core *core, uint32_t slot)
{
    struct claim *claim = claim_at(core, slot);
    const uint32_t job_slot = claim->job_slot;
    struct job *job = job_at(core, job_slot);
    uint32_t ordinal;
    DURE_ASSERT(job_ordinal(job, claim->d.element, &ordinal));
    ground_unclaim(core, slot);
    ground_each(core, claim->d.chain, claim->places, claim->d.place_count, spare, &claim->d.chain);
    for (uint32_t i = 0; i < claim->d.binding_count; i++)
        after_add(core, AFTER_EMPTY, (uint64_t)claim->bindings[i].allot.v << 32 | claim->bindings[i].virtual_index);
    fence_each(core, job_ask(core, job), claim->d.chain, claim->places, claim->d.place_count, spare_neighbour, NULL);
    share_charge(core, job_ask(core, job)->tenant, share_cost(claim->d.gpus_milli, job_ask(core, job)->walltime_us),
                 claim->d.made_us, true);
    claim_drop(core, slot);
    job_out(core, job);
    job->d.claims--;
    job_back_ordinal(core, job, ordinal);
    job_in(core, job);
    queue_refresh(core, job_slot);
}
