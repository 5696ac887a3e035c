/* Datasets: beside whom work may stand that uses them. With a dataset that forbids all others a gang takes its nodes, or its rack, whole; with one
 * that names tenants, whom it names stays out of the node (the rack) that it is used in, and it starts in none where they are. */
#include <string.h>

#include "parts.h"

static bool is_within(const struct reference *reference, uint32_t tenant, uint32_t above)
{
    while (tenant != DURE_NONE32 && tenant != above)
        tenant = reference->tenants[tenant].parent.v;
    return tenant == above;
}

/* Does the list name the tenant, or one above it? */
static bool is_named(const struct reference *reference, const struct dure_dataset *set, uint32_t tenant)
{
    for (uint32_t at = tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v)
        for (uint32_t i = 0; i < set->forbidden_count; i++)
            if (!strcmp(set->forbidden[i], reference->tenants[at].path))
                return true;
    return false;
}

/* Does what one uses forbid the other? Never one's own tenant, or any below it. */
static bool forbids(const struct reference *reference, const struct dure_dataset *set, const struct reference_job *user,
                    const struct reference_job *other)
{
    return is_named(reference, set, other->tenant) && !is_within(reference, other->tenant, user->tenant);
}

/* Nodes in line of which both may not use any; 0: they may stand together. */
static uint32_t apart_by(const struct reference *reference, const struct reference_job *a,
                         const struct reference_job *b)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; reference->data && i < reference->data->dataset_count; i++) {
        const struct dure_dataset *set = &reference->data->datasets[i];
        const uint32_t level = set->alone == DURE_DATA_RACK ? reference->rack_nodes : 1;
        if (((a->data >> i & 1) && forbids(reference, set, a, b)) ||
            ((b->data >> i & 1) && forbids(reference, set, b, a)))
            nodes = level > nodes ? level : nodes;
    }
    return nodes;
}

/* Does the run have anything in the nodes around this one that the two may not share? */
static bool is_beside(const struct reference *reference, const struct reference_job *job, uint32_t node,
                      const struct reference_run *run)
{
    const uint32_t nodes = run->state == RUN_NONE ? 0 : apart_by(reference, job, &reference->jobs[run->job]);
    for (uint32_t k = 0; k < nodes; k++)
        if (reference_gpus_on(run, node / nodes * nodes + k))
            return true;
    return false;
}

bool reference_is_apart(const struct reference *reference, const struct reference_job *job, uint32_t node,
                        const struct trial *trial)
{
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        const bool gone = trial->later_us != INT64_MIN && reference_gone_by(reference, run) <= trial->later_us;
        if (run->state != RUN_NONE && (job->borrowed || !run->borrowed) && !gone &&
            is_beside(reference, job, node, run))
            return true;
    }
    return false;
}

/* By right only the work of its own holder counts, which is all that its private cluster tells. */
bool reference_has_foes(const struct reference *reference, const struct reference_job *job)
{
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        const struct reference_job *other = &reference->jobs[run->job];
        if (run->state != RUN_NONE &&
            (job->borrowed ||
             (!run->borrowed && reference->holders[other->tenant] == reference->holders[job->tenant])) &&
            apart_by(reference, job, other) > 0)
            return true;
    }
    return false;
}

bool reference_is_foe(const struct reference *reference, const struct reference_run *run,
                      const struct reference_run *reserved)
{
    for (uint32_t node = 0; node < reference->node_count; node++)
        for (uint32_t i = 0; i < reserved->place_count; i++)
            if (node - reserved->places[i].node_first < reserved->places[i].node_count &&
                is_beside(reference, &reference->jobs[reserved->job], node, run))
                return true;
    return false;
}

bool reference_has_foe_beside(const struct reference *reference, const struct reference_run *reserved)
{
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (&reference->runs[r] != reserved && reference_is_foe(reference, &reference->runs[r], reserved))
            return true;
    return false;
}

/* ---- where it may be used ---- */

/* Who has a place where its data may not be any more gives it up, or has to leave. */
void reference_redeclare_data(struct reference *reference)
{
    reference_void_plans(reference, DURE_CAUSE_REDECLARED);
    for (uint64_t id = 1; id < reference->next_job; id++)
        for (uint32_t i = 0; i < REFERENCE_ELEMENTS; i++) {
            struct reference_run *run = reference_run_of(reference, id, i);
            if (run && run->state == RUN_RESERVED &&
                !reference_carries(reference, &reference->jobs[id], reference_chain_of(reference, run->node_first)))
                reference_unreserve(reference, run);
        }
    for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
        struct reference_run *run = reference_attempt(reference, attempt);
        if (run &&
            !reference_carries(reference, &reference->jobs[run->job], reference_chain_of(reference, run->node_first)))
            reference_send_away(reference, run, DURE_CAUSE_DATA);
    }
}

/* ---- to itself ---- */

static enum dure_data_level widest(const struct reference *reference, const struct reference_job *job, bool lists)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (uint32_t i = 0; reference->data && i < reference->data->dataset_count; i++) {
        const struct dure_dataset *set = &reference->data->datasets[i];
        if ((job->data >> i & 1) && (lists || set->forbidden_count == 0) && set->alone > level)
            level = set->alone;
    }
    return level;
}

static uint32_t tasks_a_node(const struct reference *reference, const struct reference_job *job)
{
    return job->tasks_per_node > 0 ? job->tasks_per_node : reference->node_gpus / job->gpus;
}

/* The same in whole nodes. */
void reference_widen(const struct reference *reference, struct reference_job *job)
{
    const enum dure_data_level level = widest(reference, job, false);
    const uint32_t each = tasks_a_node(reference, job);
    if (level == DURE_DATA_ANYBODY)
        return;
    job->tasks = level == DURE_DATA_RACK ? reference->rack_nodes : (job->tasks + each - 1) / each;
    job->gpus = reference->node_gpus;
    job->tasks_per_node = 0;
    job->is_rack = level == DURE_DATA_RACK;
}

/* The tasks go to the first of the nodes. */
void reference_narrow(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    const uint32_t each = tasks_a_node(reference, job);
    uint32_t left = job->tasks, left_kept = job->tasks;
    if (widest(reference, job, false) == DURE_DATA_ANYBODY)
        return;
    for (uint32_t i = 0; i < trial->place_count; i++) {
        trial->places[i].tasks = left < each ? left : each;
        left -= trial->places[i].tasks;
    }
    for (uint32_t i = 0; i < trial->virtual_count; i++) {
        trial->virtuals[i].tasks = left_kept < each ? left_kept : each;
        left_kept -= trial->virtuals[i].tasks;
    }
}

bool reference_takes_rack(const struct reference *reference, const struct reference_job *job)
{
    return widest(reference, job, false) == DURE_DATA_RACK;
}

bool reference_suits(const struct reference *reference, const struct reference_job *job, uint32_t right)
{
    return widest(reference, job, true) != DURE_DATA_RACK ||
           reference->rights[right].cell_nodes == reference->rack_nodes;
}

bool reference_waits_clear(const struct reference *reference, uint64_t job)
{
    return reference_next(reference, job) != DURE_NONE32 && reference_has_foes(reference, &reference->jobs[job]);
}
