/* Where borrowed work stands: on what nobody uses or has reserved, away from bound rights if it can. */
#include <string.h>

#include "parts.h"

/* GPUs of a node that are idle, or will be: what borrowers leave behind. Reservations are others' work to come. */
static uint64_t idle_on(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    uint64_t idle = (UINT64_C(1) << reference->node_gpus) - 1;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (!run->borrowed || trial->later_us == INT64_MIN || reference_gone_by(reference, run) > trial->later_us)
            idle &= ~reference_gpus_on(run, node);
    }
    idle &= ~reference->nodes[node].lost;
    if (trial->beside_plan)
        idle &= ~reference->plans[reference->tenant_count].kept_nodes[node];
    return idle;
}

static void list_nodes(const struct reference *reference, const struct trial *trial, uint32_t chain, bool away,
                       struct slots *slots)
{
    slots->count = 0;
    for (uint32_t node = reference->chains[chain].first; node < reference->chains[chain].end; node++)
        slots->at[slots->count++] = (struct slot){
            .offset = node,
            .line = node,
            .idle = away && reference_is_bound(reference, trial, node) ? 0 : idle_on(reference, trial, node)};
}

/* In one chain, away from bound rights or anywhere. */
static bool borrow_in_as(const struct reference *reference, const struct reference_job *asks, uint32_t chain,
                         uint32_t span, bool away, struct trial *trial)
{
    const struct reference_job there = reference_there(reference, asks, chain), *job = &there;
    if (!reference_carries(reference, job, chain))
        return false;
    if (job->is_rack)
        span = reference->rack_nodes;
    struct gang gang = {.tasks = job->tasks, .gpus = job->gpus, .span = span, .each = job->tasks_per_node};
    struct slots slots;
    struct takes takes = {.count = 0};
    uint32_t left = job->tasks;
    trial->place_count = trial->binding_count = trial->noted_count = 0;
    if (job->milli < 1000) {
        if (trial->later_us == INT64_MIN && (span == 0 || left == 1))
            left = reference_fill(reference, job, chain, DURE_NONE32, trial);
        gang.tasks = (left + job->per_gpu - 1) / job->per_gpu;
    }
    list_nodes(reference, trial, chain, away, &slots);
    if (reference_is_limited(job)) {
        if (left > 0 && reference_fit_limited(reference, job, trial, &slots, span, left, &takes) < left)
            return false;
    } else if (gang.tasks > 0 && !reference_fit(&slots, &gang, reference->node_gpus, &takes)) {
        return false;
    }
    trial->virtual_count = takes.count;
    for (uint32_t t = 0; t < takes.count; t++) {
        const struct dure_place place = {.node_first = takes.at[t]->offset,
                                         .node_count = 1,
                                         .gpu_mask = reference_taken(job, takes.at[t]),
                                         .tasks = takes.at[t]->tasks,
                                         .gpu_milli = 1000};
        trial->virtuals[t] = place;
        uint32_t here = reference_is_limited(job) ? place.tasks : left;
        if (job->milli < 1000)
            reference_spread(reference, job, place.node_first, place.gpu_mask, &here, trial);
        else
            trial->places[trial->place_count++] = place;
        left = reference_is_limited(job) ? left - place.tasks : here;
    }
    return true;
}

static bool borrow_in(const struct reference *reference, const struct reference_job *job, uint32_t chain, uint32_t span,
                      bool away, struct trial *trial)
{
    struct reference_job shape;
    for (uint32_t each = UINT32_MAX; reference_next_shape(reference, job, chain, &each, &shape);)
        if (borrow_in_as(reference, &shape, chain, span, away, trial)) {
            trial->each = each;
            return true;
        }
    return false;
}

/* Are there GPUs enough beside all that the chain owes and has not bound yet? */
static bool has_spare(const struct reference *reference, const struct reference_job *asks, uint32_t chain,
                      const struct trial *trial)
{
    const struct reference_job fewest = reference_at_fewest(reference, asks), *job = &fewest;
    const uint32_t gpus = job->milli < 1000 ? 0 : job->tasks * job->gpus;
    uint32_t idle = 0, owed = 0;
    struct slots slots;
    list_nodes(reference, trial, chain, true, &slots);
    for (uint32_t i = 0; i < slots.count; i++)
        idle += reference_ones(slots.at[i].idle);
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            if (reference->rights[r].chain == chain && reference_is_owed(&reference->rights[r], i))
                owed += reference->rights[r].cell_nodes * reference->node_gpus;
    return idle >= gpus + owed;
}

/* First where nothing is owed, then where a right is owed but not bound, at last on what bound rights leave idle; each time the least promised chain
 * first. */
static bool borrow_at(const struct reference *reference, const struct reference_job *job, uint64_t rank, uint32_t span,
                      struct trial *trial)
{
    uint32_t order[REFERENCE_CHAINS];
    reference_lenders(reference, order);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < reference->chain_count; i++)
            if (reference_rank(reference, job, order[i]) == rank &&
                (round > 0 || has_spare(reference, job, order[i], trial)) &&
                borrow_in(reference, job, order[i], span, round < 2, trial))
                return true;
    return false;
}

static bool borrow_now(const struct reference *reference, const struct reference_job *job, uint64_t rank,
                       struct trial *trial)
{
    if (job->level_nodes > 0 && borrow_at(reference, job, rank, job->level_nodes, trial))
        return true;
    return (job->level_nodes == 0 || !job->level_required) && borrow_at(reference, job, rank, 0, trial);
}

/* A planned start, in one chain. */
static bool borrow_later(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    const uint32_t chain = trial->chain;
    if (job->level_nodes > 0 && (borrow_in(reference, job, chain, job->level_nodes, true, trial) ||
                                 borrow_in(reference, job, chain, job->level_nodes, false, trial)))
        return true;
    return (job->level_nodes == 0 || !job->level_required) &&
           (borrow_in(reference, job, chain, 0, true, trial) || borrow_in(reference, job, chain, 0, false, trial));
}

bool reference_borrow(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    uint64_t rank = 0;
    if (!reference_is_lent(reference, job->tenant, job->grace_us))
        return false;
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(trial->bound[r], reference->rights[r].bound, sizeof trial->bound[r]);
    if (trial->later_us != INT64_MIN)
        return borrow_later(reference, job, trial);
    for (bool first = true; reference_next_rank(reference, job, first, &rank); first = false)
        if (borrow_now(reference, job, rank, trial))
            return true;
    return false;
}
