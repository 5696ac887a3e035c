/* Where a gang may stand: the private cluster of its tenant, and the hardware that its cells are bound to. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* ---- who stands where, and until when ---- */

uint64_t reference_gpus_on(const struct reference_run *run, uint32_t node)
{
    uint64_t gpus = 0;
    if (run->state == RUN_NONE || node < run->node_first || node >= run->node_end)
        return 0;
    for (uint32_t i = 0; i < run->place_count; i++)
        if (node - run->places[i].node_first < run->places[i].node_count)
            gpus |= run->places[i].gpu_mask;
    for (uint32_t bit = 0; bit < 64 && node * 64 + bit < run->left; bit++)
        gpus &= ~(UINT64_C(1) << bit);
    return gpus;
}

static bool stands(const struct reference_run *run)
{
    return run->state != RUN_NONE && run->state != RUN_RESERVED;
}

bool reference_is_clear(const struct reference *reference, const struct dure_place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t r = 0; r < reference->run_end; r++)
            if (stands(&reference->runs[r]) && reference_obstructs(reference, &reference->runs[r], &places[i]))
                return false;
    return true;
}

int64_t reference_clear_by(const struct reference *reference, const struct dure_place *places, uint32_t count)
{
    const int64_t now = reference->input->time_us;
    int64_t until = now;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (!stands(run) || run->borrowed)
            continue;
        const int64_t warned = now + reference->jobs[run->job].grace_us, ends = reference_gone_by(reference, run),
                      by = ends < warned ? ends : warned;
        for (uint32_t i = 0; i < count; i++)
            if (by > until && reference_obstructs(reference, run, &places[i]))
                until = by;
    }
    return until;
}

/* A reservation counts as started when it was made, unless its tenant's own work is still in its way. */
int64_t reference_gone_by(const struct reference *reference, const struct reference_run *run)
{
    const struct reference_job *job = &reference->jobs[run->job];
    if (run->state == RUN_STOPPING)
        return INT64_MIN;
    if (run->state == RUN_WARNED)
        return run->deadline_us;
    if (run->state == RUN_RUNS)
        return run->end_us + job->grace_us;
    const int64_t clear = reference_clear_by(reference, run->places, run->place_count);
    return (clear > reference->input->time_us ? clear : run->since_us) + job->walltime_us + job->grace_us;
}

/* Is everybody gone from this GPU by then? Who has reserved it comes after those that stand on it. */
static bool is_left(const struct reference *reference, uint32_t node, uint64_t gpu, int64_t at_us)
{
    bool reserved = false, left = true, reserved_left = true;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (run->borrowed || !(reference_gpus_on(run, node) & gpu))
            continue;
        const bool gone = reference_gone_by(reference, run) <= at_us;
        if (run->state == RUN_RESERVED) {
            reserved = true;
            reserved_left &= gone;
        } else {
            left &= gone;
        }
    }
    return reserved ? reserved_left : left;
}

/* GPUs of a node under a bound right that its tenant cannot use, or will not be able to. */
static uint64_t taken_on(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    uint64_t taken = 0;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (!reference->runs[r].borrowed)
            taken |= reference_gpus_on(&reference->runs[r], node);
    for (unsigned bit = 0; trial->later_us != INT64_MIN && bit < reference->node_gpus; bit++)
        if ((taken & UINT64_C(1) << bit) && is_left(reference, node, UINT64_C(1) << bit, trial->later_us))
            taken &= ~(UINT64_C(1) << bit);
    return (taken & ~trial->freed[node]) | reference->nodes[node].lost;
}

/* ---- the private cluster ---- */

void reference_list_slots(const struct reference *reference, uint32_t right, const struct trial *trial,
                          struct slots *slots)
{
    const struct reference_right *r = &reference->rights[right];
    const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1;
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; k < r->cell_nodes; k++) {
            const uint32_t cell = trial->bound[right][i];
            uint64_t idle = cell != DURE_NONE32           ? all & ~taken_on(reference, trial, cell + k)
                            : reference_is_unserved(r, i) ? 0
                                                          : all;
            if (!reference_has_begun(r) || (reference->hides_unbound && reference_is_owed(r, i)))
                idle = 0;
            if (trial->beside_plan)
                idle &= ~reference->plans[r->tenant].kept[right][i * r->cell_nodes + k];
            const uint32_t beyond = (right + 1) * REFERENCE_CELLS * reference->rack_nodes * reference->rack_nodes;
            slots->at[slots->count++] =
                (struct slot){.right = right,
                              .index = i,
                              .offset = k,
                              .idle = idle,
                              .line = (cell != DURE_NONE32 ? cell : beyond + i * r->cell_nodes) + k,
                              .is_nowhere = cell == DURE_NONE32};
        }
}

static bool is_fresh(const struct trial *trial, uint32_t right, uint32_t index)
{
    for (uint32_t i = 0; i < trial->fresh_count; i++)
        if (trial->fresh[i].right == right && trial->fresh[i].index == index)
            return true;
    return false;
}

bool reference_realise(const struct reference *reference, const struct reference_job *job, const struct takes *takes,
                       uint32_t left, struct trial *trial)
{
    for (uint32_t t = 0; t < takes->count; t++) {
        const struct slot *slot = takes->at[t];
        uint32_t *cell = &trial->bound[slot->right][slot->index];
        bool named = false;
        for (uint32_t i = 0; i < trial->binding_count; i++)
            named |= trial->bindings[i].allot.v == slot->right && trial->bindings[i].virtual_index == slot->index;
        const bool is_new = *cell == DURE_NONE32 || is_fresh(trial, slot->right, slot->index) ||
                            (trial->serves && slot->right == trial->served_right && slot->index == trial->served_index);
        if (*cell == DURE_NONE32)
            *cell = reference_choose_cell(reference, job, trial, takes, t);
        if (*cell == DURE_NONE32)
            return false;
        if (!named && trial->is_many)
            reference_doom(reference, job, trial, takes, t);
        if (!named)
            trial->bindings[trial->binding_count++] =
                (struct dure_binding){.allot = {slot->right},
                                      .virtual_index = slot->index,
                                      .cell_index = reference_cell_at(reference, slot->right, *cell),
                                      .is_new = is_new};
        const struct dure_place place = {.node_first = *cell + slot->offset,
                                         .node_count = 1,
                                         .gpu_mask = reference_taken(job, slot),
                                         .tasks = slot->tasks,
                                         .gpu_milli = 1000};
        uint32_t own = slot->tasks;
        if (job->milli < 1000)
            reference_spread(reference, job, place.node_first, place.gpu_mask, reference_is_limited(job) ? &own : &left,
                             trial);
        else
            trial->places[trial->place_count++] = place;
    }
    return true;
}

/* What was taken, as the private cluster has it. */
static void note(const struct reference_job *job, const struct takes *takes, struct trial *trial)
{
    for (uint32_t t = 0; t < takes->count; t++) {
        const struct slot *slot = takes->at[t];
        trial->named[trial->virtual_count] = (struct dure_binding){.allot = {slot->right}};
        trial->virtuals[trial->virtual_count++] =
            (struct dure_place){.node_first = slot->index * trial->cell_nodes[slot->right] + slot->offset,
                                .node_count = 1,
                                .gpu_mask = reference_taken(job, slot),
                                .tasks = slot->tasks,
                                .gpu_milli = 1000};
    }
}

/* Nobody uses any of it by then, and nothing of it is lost. */
static bool is_empty(const struct reference *reference, const struct trial *trial, uint32_t right, uint32_t index)
{
    const struct reference_right *r = &reference->rights[right];
    const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1;
    bool empty = reference_has_begun(r) && r->bound[index] != DURE_NONE32 && !r->suspended[index];
    for (uint32_t k = 0; empty && k < r->cell_nodes; k++)
        empty = !(taken_on(reference, trial, r->bound[index] + k) & all);
    return empty;
}

/* Is it one of its tenant's, on hardware that carries it? */
static bool may_use(const struct reference *reference, const struct reference_job *job, uint32_t right)
{
    const struct reference_right *r = &reference->rights[right];
    return r->tenant == reference->holders[job->tenant] && reference_carries(reference, job, r->chain);
}

void reference_begin_trial(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    trial->place_count = trial->binding_count = trial->virtual_count = trial->fresh_count = trial->noted_count = 0;
    memset(trial->doomed, 0, sizeof trial->doomed);
    for (uint32_t r = 0; r < reference->right_count; r++) {
        memcpy(trial->bound[r], reference->rights[r].bound, sizeof trial->bound[r]);
        trial->cell_nodes[r] = reference->rights[r].cell_nodes;
        for (uint32_t i = 0; trial->rebinds && i < reference->rights[r].count; i++)
            if (may_use(reference, job, r) && is_empty(reference, trial, r, i))
                trial->bound[r][i] = DURE_NONE32;
    }
    if (trial->serves)
        trial->bound[trial->served_right][trial->served_index] = trial->served_cell;
}

/* Inside one right. A cell of a right lies in one cell of every level above it. */
static bool place_in_as(const struct reference *reference, const struct reference_job *asks, uint32_t r,
                        uint32_t level_nodes, bool now, struct trial *trial)
{
    const struct reference_right *right = &reference->rights[r];
    const struct reference_job there = reference_there(reference, asks, right->chain), *job = &there;
    struct gang gang = {.tasks = job->tasks,
                        .gpus = job->gpus,
                        .span = level_nodes < right->cell_nodes ? level_nodes
                                : level_nodes > 0               ? right->cell_nodes
                                                                : 0,
                        .each = job->tasks_per_node};
    struct slots slots = {.count = 0};
    struct takes takes = {.count = 0};
    uint32_t tasks = job->tasks;
    if (!may_use(reference, job, r) || !reference_suits(reference, job, r))
        return false;
    if (job->is_rack)
        gang.span = reference->rack_nodes;
    if (reference_is_limited(job))
        return reference_place_limited(reference, job, r, gang.span, now, trial);
    reference_begin_trial(reference, job, trial);
    reference_list_slots(reference, r, trial, &slots);
    if (job->milli < 1000) {
        if (trial->later_us == INT64_MIN && (gang.span == 0 || tasks == 1))
            tasks = reference_fill(reference, job, right->chain, r, trial);
        gang.tasks = (tasks + job->per_gpu - 1) / job->per_gpu;
    }
    if (gang.tasks > 0 && !reference_fit(&slots, &gang, reference->node_gpus, &takes))
        return false;
    trial->is_many = takes.count > 1;
    if (!reference_realise(reference, job, &takes, tasks, trial))
        return false;
    note(job, &takes, trial);
    return true;
}

static bool place_in(const struct reference *reference, const struct reference_job *job, uint32_t r,
                     uint32_t level_nodes, bool now, struct trial *trial)
{
    struct reference_job shape;
    for (uint32_t each = UINT32_MAX; reference_next_shape(reference, job, reference->rights[r].chain, &each, &shape);)
        if (place_in_as(reference, &shape, r, level_nodes, now, trial)) {
            trial->each = each;
            return true;
        }
    return false;
}

static bool place_in_one(const struct reference *reference, const struct reference_job *job, uint64_t rank,
                         uint32_t level_nodes, bool now, struct trial *trial)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        if (reference_rank(reference, job, reference->rights[r].chain) == rank &&
            place_in(reference, job, r, level_nodes, now, trial))
            return true;
    return false;
}

/* Over all rights of the tenant in a chain, each as much as it carries. */
static bool place_over_as(const struct reference *reference, const struct reference_job *job, uint32_t chain, bool now,
                          struct trial *trial)
{
    uint32_t left = job->tasks;
    if (job->tasks == 1 || job->milli < 1000 || job->data > 0)
        return false;
    if (reference_is_limited(job))
        return reference_place_limited_over_all(reference, job, chain, now, trial);
    reference_begin_trial(reference, job, trial);
    trial->is_many = true;
    for (uint32_t r = 0; r < reference->right_count && left > 0; r++) {
        struct slots slots = {.count = 0};
        struct takes takes;
        uint32_t room = 0;
        reference_list_slots(reference, r, trial, &slots);
        for (uint32_t i = 0; i < slots.count; i++)
            room += job->tasks_per_node == 0 ? reference_ones(slots.at[i].idle) / job->gpus
                    : reference_ones(slots.at[i].idle) >= job->tasks_per_node * job->gpus ? job->tasks_per_node
                                                                                          : 0;
        const struct gang gang = {.tasks = room < left ? room : left, .gpus = job->gpus, .each = job->tasks_per_node};
        if (reference->rights[r].chain != chain || !may_use(reference, job, r) || room == 0 ||
            !reference_fit(&slots, &gang, reference->node_gpus, &takes))
            continue;
        if (!reference_realise(reference, job, &takes, gang.tasks, trial))
            return false;
        note(job, &takes, trial);
        left -= gang.tasks;
    }
    return left == 0;
}

static bool place_over(const struct reference *reference, const struct reference_job *job, uint32_t chain, bool now,
                       struct trial *trial)
{
    struct reference_job shape;
    for (uint32_t each = UINT32_MAX; reference_next_shape(reference, job, chain, &each, &shape);)
        if (place_over_as(reference, &shape, chain, now, trial)) {
            trial->each = each;
            return true;
        }
    return false;
}

/* Chain by chain, in the order of its rights. */
static bool place_over_all(const struct reference *reference, const struct reference_job *job, uint64_t rank, bool now,
                           struct trial *trial)
{
    bool tried[REFERENCE_CHAINS] = {false};
    for (uint32_t r = 0; r < reference->right_count; r++) {
        const uint32_t chain = reference->rights[r].chain;
        if (tried[chain] || !may_use(reference, job, r) || reference_rank(reference, job, chain) != rank)
            continue;
        tried[chain] = true;
        if (place_over(reference, job, chain, now, trial))
            return true;
    }
    return false;
}

/* ---- in the place of lower priority ---- */

/* Whom the tenant gives up first: the lowest priority, the youngest. */
static bool goes_before(const struct reference *reference, const struct reference_run *a, const struct reference_run *b)
{
    const int32_t mine = reference->jobs[a->job].priority, other = reference->jobs[b->job].priority;
    if (mine != other)
        return mine < other;
    if (a->since_us != b->since_us)
        return a->since_us > b->since_us;
    return a->job != b->job ? a->job > b->job : a->ordinal > b->ordinal;
}

static bool runs_by(const struct reference_run *run, uint32_t right)
{
    for (uint32_t i = 0; stands(run) && i < run->binding_count; i++)
        if (run->bindings[i].allot.v == right)
            return true;
    return false;
}

/* Does only such work stand on the GPU that the job may send away, with nobody waiting for it? */
static bool may_free(const struct reference *reference, const struct reference_job *job, uint32_t node, uint64_t gpu)
{
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if ((reference_gpus_on(run, node) & gpu) &&
            (!stands(run) || run->borrowed || reference->jobs[run->job].priority >= job->priority))
            return false;
    }
    return true;
}

/* The GPUs of a victim count as idle, in this right's cells. */
static void free_victim(const struct reference *reference, const struct reference_job *job,
                        const struct reference_run *victim, uint32_t right, struct trial *trial)
{
    const struct reference_right *r = &reference->rights[right];
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; r->bound[i] != DURE_NONE32 && k < r->cell_nodes; k++)
            for (uint64_t mask = reference_gpus_on(victim, r->bound[i] + k); mask; mask &= mask - 1)
                if (may_free(reference, job, r->bound[i] + k, mask & -mask))
                    trial->freed[r->bound[i] + k] |= mask & -mask;
}

static bool displace(const struct reference *reference, const struct reference_job *job, uint32_t right,
                     struct trial *trial)
{
    const struct reference_run *last = NULL;
    memset(trial->freed, 0, sizeof trial->freed);
    for (;;) {
        const struct reference_run *next = NULL;
        for (uint32_t r = 0; r < reference->run_end; r++) {
            const struct reference_run *run = &reference->runs[r];
            if (runs_by(run, right) && reference->jobs[run->job].priority < job->priority &&
                (job->milli == 1000 || reference->jobs[run->job].milli == 1000) &&
                (!last || goes_before(reference, last, run)) && (!next || goes_before(reference, run, next)))
                next = run;
        }
        if (!next)
            break;
        last = next;
        free_victim(reference, job, next, right, trial);
        if (place_in(reference, job, right, job->level_required ? job->level_nodes : 0, true, trial))
            return true;
    }
    memset(trial->freed, 0, sizeof trial->freed);
    return false;
}

/* ---- on damaged cells ---- */

static bool serve(const struct reference *reference, const struct reference_job *job, uint32_t right,
                  struct trial *trial)
{
    const struct reference_right *r = &reference->rights[right];
    for (uint32_t i = 0; r->state == DURE_ALLOT_SHORT && i < r->count; i++) {
        if (!r->suspended[i] || r->bound[i] != DURE_NONE32)
            continue;
        reference_begin_trial(reference, job, trial);
        trial->served_cell = reference_choose_damaged(reference, trial, r->chain, r->cell_nodes);
        trial->served_right = right;
        trial->served_index = i;
        trial->serves = trial->served_cell != DURE_NONE32;
        const bool found =
            trial->serves && place_in(reference, job, right, job->level_required ? job->level_nodes : 0, true, trial);
        trial->serves = false;
        if (found)
            return true;
    }
    return false;
}

static bool place_by_rights(const struct reference *reference, const struct reference_job *job, bool now,
                            struct trial *trial)
{
    uint64_t rank = 0;
    for (bool first = true; reference_next_rank(reference, job, first, &rank); first = false) {
        if (job->level_nodes > 0 && place_in_one(reference, job, rank, job->level_nodes, now, trial))
            return true;
        if ((job->level_nodes == 0 || !job->level_required) &&
            (place_in_one(reference, job, rank, 0, now, trial) || place_over_all(reference, job, rank, now, trial)))
            return true;
    }
    return false;
}

/* What hardware tells may find a place once the tenant's empty cells are bound anew. */
static bool place_anew(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    const int64_t at_us = trial->later_us == INT64_MIN ? reference->input->time_us : trial->later_us;
    bool may = false;
    for (uint32_t r = 0; r < reference->right_count; r++)
        if (reference->rights[r].state != DURE_ALLOT_ENDED &&
            reference->rights[r].tenant == reference->holders[job->tenant] &&
            reference_is_booked_before(reference, reference->rights[r].chain, at_us + job->walltime_us + job->grace_us))
            return false; /* what is bound anew hangs on what others bind until then */
    for (uint32_t r = 0; r < reference->right_count; r++)
        may |=
            reference->rights[r].tenant == reference->holders[job->tenant] && reference_by_hardware(reference, job, r);
    trial->rebinds = may;
    const bool found = may && place_by_rights(reference, job, false, trial);
    trial->rebinds = false;
    for (uint32_t r = 0; found && r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            if (may_use(reference, job, r) && is_empty(reference, trial, r, i))
                reference_keep_empty(reference, r, i, trial);
    return found;
}

static bool place(const struct reference *reference, const struct reference_job *job, bool now, struct trial *trial)
{
    memset(trial->freed, 0, sizeof trial->freed);
    trial->serves = trial->rebinds = false;
    if (job->borrowed)
        return reference_borrow(reference, job, trial);
    if (place_by_rights(reference, job, now, trial) || (!now && place_anew(reference, job, trial)))
        return true;
    for (uint32_t r = 0; now && r < reference->right_count; r++)
        if (reference->rights[r].tenant == reference->holders[job->tenant] && serve(reference, job, r, trial))
            return true;
    for (uint32_t r = 0; now && r < reference->right_count; r++)
        if (reference->rights[r].tenant == reference->holders[job->tenant] && displace(reference, job, r, trial))
            return true;
    return false;
}

bool reference_place(const struct reference *reference, uint64_t id, bool now, struct trial *trial)
{
    struct reference_job seen = reference->jobs[id];
    seen.is_fenced = reference_has_foes(reference, &seen);
    seen.is_gang = seen.tasks > 1 && seen.milli == 1000;
    if (!seen.is_gang)
        reference_widen(reference, &seen);
    const bool found = place(reference, &seen, now, trial);
    struct reference_job placed = reference->jobs[id];
    if (found && seen.is_gang && trial->each > 0)
        placed.tasks_per_node = trial->each;
    if (found)
        reference_narrow(reference, &placed, trial);
    return found;
}

/* By node; runs of nodes that are used alike are one place. */
void reference_tidy(struct trial *trial)
{
    for (uint32_t i = 0; i < trial->place_count; i++)
        for (uint32_t k = i + 1; k < trial->place_count; k++)
            if (trial->places[k].node_first < trial->places[i].node_first ||
                (trial->places[k].node_first == trial->places[i].node_first &&
                 trial->places[k].gpu_mask < trial->places[i].gpu_mask)) {
                const struct dure_place swap = trial->places[i];
                trial->places[i] = trial->places[k];
                trial->places[k] = swap;
            }
    uint32_t kept = 0;
    for (uint32_t i = 1; i < trial->place_count; i++) {
        struct dure_place *last = &trial->places[kept];
        const struct dure_place *next = &trial->places[i];
        if (next->node_first == last->node_first + last->node_count && next->gpu_mask == last->gpu_mask &&
            next->tasks == last->tasks && next->gpu_milli == last->gpu_milli && next->starts == last->starts)
            last->node_count++;
        else
            trial->places[++kept] = *next;
    }
    trial->place_count = kept + 1;
}
