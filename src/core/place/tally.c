#include "core/place/tally.h"

#include "core/state/jobs.h"

struct tally tally_of(const struct dure_core *core, uint32_t tenant, uint32_t chain)
{
    const struct tenant_state *t = &core->tenant[tenant];
    return chain < t->tally_count ? t->tallies[chain] : (struct tally){0, 0};
}

/* Chains only ever come. */
static void widen(struct dure_core *core, struct tenant_state *t)
{
    const uint32_t before = t->tally_count;
    t->tally_count = core->fleet->chain_count;
    t->tallies = dure_core_grow(t->tallies, sizeof *t->tallies, t->tally_count);
    for (uint32_t i = before; i < t->tally_count; i++)
        t->tallies[i] = (struct tally){0, 0};
}

void tally_add(struct dure_core *core, uint32_t tenant, uint32_t chain, bool borrowed, int64_t leaves)
{
    struct tenant_state *t = &core->tenant[tenant];
    if (chain >= t->tally_count)
        widen(core, t);
    struct tally *own = &t->tallies[chain], *all = &core->chains[chain].tally;
    uint32_t *mine = borrowed ? &own->borrowed : &own->by_right, *sum = borrowed ? &all->borrowed : &all->by_right;
    DURE_ASSERT(leaves >= 0 || (*mine >= (uint64_t)-leaves && *sum >= (uint64_t)-leaves));
    *mine += (uint32_t)leaves;
    *sum += (uint32_t)leaves;
}

void tally_attempt(struct dure_core *core, const struct attempt *attempt, int sign)
{
    if (attempt->places[0].gpu_milli == 1000)
        tally_add(core, job_ask(core, attempt->job)->tenant, attempt->d.chain, attempt->d.borrowed,
                  (int64_t)sign * (attempt->d.gpus_milli / 1000));
}
