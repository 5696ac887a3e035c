#include "core/state/ends.h"

#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

static void moved(void *owner, uint32_t slot, uint32_t place)
{
    if (slot & END_CLAIM)
        claim_at(owner, slot & ~END_CLAIM)->end_place = place;
    else
        attempt_at(owner, slot)->end_place = place;
}

void ends_init(struct dure_core *core, struct dure_heap *ends)
{
    *ends = (struct dure_heap){.owner = core, .moved = moved};
}

int64_t ends_at(const struct dure_core *core, const struct attempt *attempt)
{
    if (attempt->d.state == DURE_ATTEMPT_STOPPING)
        return INT64_MIN;
    if (attempt->d.state == DURE_ATTEMPT_WARNED)
        return attempt->d.deadline_us;
    return attempt->d.walltime_end_us + job_ask(core, job_at(core, attempt->job_slot))->grace_us;
}

static struct dure_heap *heap_of(struct dure_core *core, uint32_t allot, uint32_t chain)
{
    return allot == NONE ? &core->chains[chain].ends : &core->tenant[core->allots[allot]->spec.tenant.v].ends;
}

static void moved_of(struct dure_core *core, uint32_t allot)
{
    queue_moved(core, allot == NONE ? queue_of_borrowed(core) : core->allots[allot]->spec.tenant.v);
}

static uint32_t leaves_of(const struct attempt *attempt)
{
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        leaves += attempt->places[i].node_count * (uint32_t)__builtin_popcountll(attempt->places[i].gpu_mask);
    return leaves;
}

void ends_add(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    dure_heap_add(heap_of(core, attempt->d.allot, attempt->d.chain), ends_at(core, attempt), attempt->d.id, slot);
    moved_of(core, attempt->d.allot);
    if (attempt->d.allot == NONE)
        core->chains[attempt->d.chain].lent += leaves_of(attempt);
}

void ends_remove(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    dure_heap_remove(heap_of(core, attempt->d.allot, attempt->d.chain), attempt->end_place);
    moved_of(core, attempt->d.allot);
    if (attempt->d.allot == NONE)
        core->chains[attempt->d.chain].lent -= leaves_of(attempt);
}

void ends_move(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    dure_heap_move(heap_of(core, attempt->d.allot, attempt->d.chain), attempt->end_place, ends_at(core, attempt));
    moved_of(core, attempt->d.allot);
}

void ends_add_claim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, claim->job_slot));
    dure_heap_add(heap_of(core, claim->d.allot, claim->d.chain), claim->d.made_us + ask->walltime_us + ask->grace_us,
                  claim->d.job, slot | END_CLAIM);
    moved_of(core, claim->d.allot);
}

void ends_remove_claim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    dure_heap_remove(heap_of(core, claim->d.allot, claim->d.chain), claim->end_place);
    moved_of(core, claim->d.allot);
}
