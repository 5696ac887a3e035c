/* Where borrowed work stands: on what nobody uses or has reserved, away from bound rights if it can. */
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

static void list_nodes(const struct reference *reference, const struct trial *trial, bool away, struct slots *slots)
{
    slots->count = reference->node_count;
    for (uint32_t node = 0; node < reference->node_count; node++)
        slots->at[node] = (struct slot){
            .offset = node,
            .line = node,
            .idle = away && reference_is_bound(reference, trial, node) ? 0 : idle_on(reference, trial, node)};
}

static bool borrow_in(const struct reference *reference, const struct reference_job *job, uint32_t span, bool away,
                      struct trial *trial)
{
    if (job->is_rack)
        span = reference->rack_nodes;
    struct gang gang = {.tasks = job->tasks, .gpus = job->gpus, .span = span, .each = job->tasks_per_node};
    struct slots slots;
    struct takes takes = {.count = 0};
    uint32_t left = job->tasks;
    trial->place_count = trial->binding_count = trial->noted_count = 0;
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < REFERENCE_CELLS; i++)
            trial->bound[r][i] = reference->rights[r].bound[i];
    if (job->milli < 1000) {
        if (trial->later_us == INT64_MIN && (span == 0 || left == 1))
            left = reference_fill(reference, job, DURE_NONE32, trial);
        gang.tasks = (left + job->per_gpu - 1) / job->per_gpu;
    }
    list_nodes(reference, trial, away, &slots);
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

bool reference_borrow(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    if (!reference_is_lent(reference, job->tenant, job->grace_us))
        return false;
    if (job->level_nodes > 0 && (borrow_in(reference, job, job->level_nodes, true, trial) ||
                                 borrow_in(reference, job, job->level_nodes, false, trial)))
        return true;
    return (job->level_nodes == 0 || !job->level_required) &&
           (borrow_in(reference, job, 0, true, trial) || borrow_in(reference, job, 0, false, trial));
}
