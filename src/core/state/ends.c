#include "core/state/ends.h"

#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

int64_t ends_at(const struct dure_core *core, const struct attempt *attempt)
{
    if (attempt->d.state == DURE_ATTEMPT_STOPPING)
        return INT64_MIN;
    if (attempt->d.state == DURE_ATTEMPT_WARNED)
        return attempt->d.deadline_us;
    return attempt->d.walltime_end_us + job_ask(core, attempt->job)->grace_us;
}

/* The list of those by the rights of this allotment's holder, or (NONE) of those that borrow on the chain. Its queue sees it move. */
static struct ends *list_of(struct dure_core *core, uint32_t allot, uint32_t chain)
{
    const uint32_t holder = allot == NONE ? NONE : core->allots[allot]->spec.tenant.v;
    queue_moved(core, allot == NONE ? queue_of_borrowed(core) : holder);
    return allot == NONE ? &core->chains[chain].ends : &core->tenant[holder].ends;
}

static uint32_t append(struct ends *list, int64_t at_us, uint32_t slot)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->at = dure_core_grow(list->at, sizeof *list->at, list->capacity);
    }
    list->at[list->count] = (struct ending){at_us, slot};
    return list->count++;
}

static void take_out(struct dure_core *core, struct ends *list, uint32_t place)
{
    const struct ending last = list->at[--list->count];
    list->at[place] = last;
    if (last.slot & END_CLAIM)
        claim_at(core, last.slot & ~END_CLAIM)->end_place = place;
    else
        core->stands[last.slot].end = place;
}

void ends_fetch(const struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct ends *list = attempt->d.allot == NONE
                                  ? &core->chains[attempt->d.chain].ends
                                  : &core->tenant[core->allots[attempt->d.allot]->spec.tenant.v].ends;
    __builtin_prefetch(&list->at[core->stands[slot].end], 1);
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
    core->stands[slot].end = append(list_of(core, attempt->d.allot, attempt->d.chain), ends_at(core, attempt), slot);
    if (attempt->d.allot == NONE)
        core->chains[attempt->d.chain].lent += leaves_of(attempt);
}

void ends_remove(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    take_out(core, list_of(core, attempt->d.allot, attempt->d.chain), core->stands[slot].end);
    if (attempt->d.allot == NONE)
        core->chains[attempt->d.chain].lent -= leaves_of(attempt);
}

void ends_move(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    list_of(core, attempt->d.allot, attempt->d.chain)->at[core->stands[slot].end].at_us = ends_at(core, attempt);
}

void ends_add_claim(struct dure_core *core, uint32_t slot)
{
    struct claim *claim = claim_at(core, slot);
    claim->end_place = append(list_of(core, claim->d.allot, claim->d.chain), 0, slot | END_CLAIM);
}

void ends_remove_claim(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    take_out(core, list_of(core, claim->d.allot, claim->d.chain), claim->end_place);
}
