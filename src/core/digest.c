/* The digest of the whole state: the sum over all entities, kept as they change, and once more from nothing. */
#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/state/lasting.h"
#include "core/state/planned.h"

/* The part of a chain's cells: their own sum, times a number of the chain. */
static struct dure_digest cells_part(const struct dure_core *core, uint32_t chain, struct dure_digest of)
{
    const struct dure_digest factor = core->chains[chain].factor;
    return (struct dure_digest){{of.lane[0] * factor.lane[0], of.lane[1] * factor.lane[1]}};
}

static struct dure_digest with_scalars(const struct dure_core *core, struct dure_digest sum)
{
    dure_digest_add(&sum, dure_hash_words(DOMAIN_SCALARS, &core->s, sizeof core->s / 8));
    return sum;
}

static void settle_chain(struct dure_core *core, uint32_t at)
{
    struct chain_state *chain = &core->chains[at];
    struct dure_digest change = dure_cells_digest(chain->cells);
    dure_digest_sub(&change, chain->seen);
    dure_digest_add(&chain->seen, change);
    dure_digest_add(&core->digest, cells_part(core, at, change));
}

/* What changed since it was asked for last is hashed now, once, however often it changed: no change of the state, only of what is known of it. */
static void settle(struct dure_core *core)
{
    if (core->loose_job_count)
        job_settle(core);
    if (core->loose_tenants.count)
        tenant_settle(core);
    for (uint32_t word = 0; core->fleet && word <= core->fleet->chain_count / 64; word++)
        for (; core->loose_chains[word]; core->loose_chains[word] &= core->loose_chains[word] - 1)
            settle_chain(core, word * 64 + (uint32_t)__builtin_ctzll(core->loose_chains[word]));
}

struct dure_digest dure_core_digest(const struct dure_core *core)
{
    settle((struct dure_core *)core);
    return with_scalars(core, core->digest);
}

struct dure_digest dure_core_digest_full(const struct dure_core *core)
{
    struct dure_digest sum = {{0, 0}};
    job_digest_all(core, &sum);
    attempt_digest_all(core, &sum);
    claim_digest_all(core, &sum);
    planned_digest_all(core, &sum);
    for (uint32_t i = 0; core->fleet && i < core->fleet->node_count; i++)
        dure_digest_add(&sum, node_hash(core, i));
    for (uint32_t i = 0; i < core->booking_count; i++)
        dure_digest_add(&sum, booking_hash(core->bookings[i]));
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        dure_digest_add(&sum, allots_hash(core->allots[i], i));
        dure_digest_add(&sum, allot_use_hash(core->allots[i], i));
    }
    for (uint32_t i = 0; core->tenants && i < core->tenants->tenant_count; i++) {
        dure_digest_add(&sum, tenant_hash(core, i));
        dure_digest_add(&sum, lasting_hash(core, i));
    }
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++)
        dure_digest_add(&sum, cells_part(core, i, dure_cells_digest_full(core->chains[i].cells)));
    return with_scalars(core, sum);
}
