#include "core/place/tally.h"

#include "core/state/jobs.h"

static uint64_t key_of(uint32_t tenant, uint32_t chain)
{
    return (uint64_t)tenant << 32 | chain;
}

struct tally tally_of(const struct dure_core *core, uint32_t tenant, uint32_t chain)
{
    uint64_t packed = 0;
    (void)dure_map_get(&core->tally_map, key_of(tenant, chain), &packed);
    return (struct tally){(uint32_t)packed, (uint32_t)(packed >> 32)};
}

void tally_add(struct dure_core *core, uint32_t tenant, uint32_t chain, bool borrowed, int64_t leaves)
{
    uint64_t *kept = dure_map_at(&core->tally_map, key_of(tenant, chain), 0);
    DURE_ASSERT(kept);
    struct tally own = {(uint32_t)*kept, (uint32_t)(*kept >> 32)}, *all = &core->chains[chain].tally;
    uint32_t *mine = borrowed ? &own.borrowed : &own.by_right, *sum = borrowed ? &all->borrowed : &all->by_right;
    DURE_ASSERT(leaves >= 0 || (*mine >= (uint64_t)-leaves && *sum >= (uint64_t)-leaves));
    *mine += (uint32_t)leaves;
    *sum += (uint32_t)leaves;
    *kept = (uint64_t)own.borrowed << 32 | own.by_right;
}

void tally_attempt(struct dure_core *core, const struct attempt *attempt, int sign)
{
    if (attempt->places[0].gpu_milli == 1000)
        tally_add(core, job_ask(core, job_at(core, attempt->job_slot))->tenant, attempt->d.chain, attempt->d.borrowed,
                  (int64_t)sign * (attempt->d.gpus_milli / 1000));
}
