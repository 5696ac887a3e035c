/* Where a gang may stand: the private cluster of its tenant, and the hardware that its cells are bound to. */
#include <stdlib.h>
#include <string.h>

#include "reference_parts.h"

/* A virtual node of a right: where it lies, if its cell is bound, and which of its GPUs are idle. */
struct slot {
    uint32_t right, index, offset; /* the right's cell, the node in it */
    uint64_t idle;
    uint32_t tasks; /* that it takes now */
};

struct slots {
    struct slot at[REFERENCE_RIGHTS * REFERENCE_CELLS];
    uint32_t count;
};

struct takes {
    struct slot *at[REFERENCE_PLACES];
    uint32_t count;
};

uint32_t reference_ones(uint64_t mask)
{
    return (uint32_t)__builtin_popcountll(mask);
}

static uint32_t ones(uint64_t mask)
{
    return reference_ones(mask);
}

static uint64_t lowest(uint64_t mask, uint32_t count)
{
    uint64_t kept = 0;
    for (unsigned bit = 0; bit < 64 && ones(kept) < count; bit++)
        kept |= mask & UINT64_C(1) << bit;
    return kept;
}

/* ---- who stands where, and until when ---- */

uint64_t reference_gpus_on(const struct reference_run *run, uint32_t node)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; run->state != RUN_NONE && i < run->place_count; i++)
        if (node - run->places[i].node_first < run->places[i].node_count)
            gpus |= run->places[i].gpu_mask;
    return gpus;
}

static bool stands(const struct reference_run *run)
{
    return run->state != RUN_NONE && run->state != RUN_RESERVED;
}

bool reference_is_clear(const struct reference *reference, const struct dure_place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            for (uint32_t r = 0; r < REFERENCE_RUNS; r++)
                if (stands(&reference->runs[r]) &&
                    (reference_gpus_on(&reference->runs[r], places[i].node_first + k) & places[i].gpu_mask))
                    return false;
    return true;
}

int64_t reference_clear_by(const struct reference *reference, const struct dure_place *places, uint32_t count)
{
    const int64_t now = reference->input->time_us;
    int64_t until = now;
    for (uint32_t r = 0; r < REFERENCE_RUNS; r++) {
        const struct reference_run *run = &reference->runs[r];
        const struct dure_place *place = places;
        for (; stands(run) && place < places + count; place++)
            for (uint32_t k = 0; k < place->node_count; k++) {
                const int64_t warned = now + reference->jobs[run->job].grace_us,
                              ends = reference_gone_by(reference, run), by = ends < warned ? ends : warned;
                if ((reference_gpus_on(run, place->node_first + k) & place->gpu_mask) && by > until)
                    until = by;
            }
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
    for (uint32_t r = 0; r < REFERENCE_RUNS; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (!(reference_gpus_on(run, node) & gpu))
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
    for (uint32_t r = 0; r < REFERENCE_RUNS; r++)
        taken |= reference_gpus_on(&reference->runs[r], node);
    for (unsigned bit = 0; trial->later_us != INT64_MIN && bit < reference->node_gpus; bit++)
        if ((taken & UINT64_C(1) << bit) && is_left(reference, node, UINT64_C(1) << bit, trial->later_us))
            taken &= ~(UINT64_C(1) << bit);
    return taken & ~trial->freed[node];
}

/* ---- hardware ---- */

static bool is_bound(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            if (trial->bound[r][i] != DURE_NONE32 && node - trial->bound[r][i] < reference->rights[r].cell_nodes)
                return true;
    return false;
}

/* How many nodes of the rack serve somebody. */
static uint32_t bound_in_rack(const struct reference *reference, const struct trial *trial, uint32_t rack)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < reference->rack_nodes; i++)
        count += is_bound(reference, trial, rack * reference->rack_nodes + i);
    return count;
}

/* For a node: the first free one of the first rack that is broken already, else of the first whole rack. For a rack: the first whole one. */
static uint32_t choose_cell(const struct reference *reference, const struct trial *trial, uint32_t cell_nodes)
{
    const uint32_t racks = reference->node_count / reference->rack_nodes;
    for (uint32_t node = 0; cell_nodes == 1 && node < reference->node_count; node++)
        if (!is_bound(reference, trial, node) && bound_in_rack(reference, trial, node / reference->rack_nodes))
            return node;
    for (uint32_t rack = 0; rack < racks; rack++)
        if (!bound_in_rack(reference, trial, rack))
            return rack * reference->rack_nodes;
    abort(); /* the promise: there is always one */
}

/* ---- the private cluster ---- */

static void list_slots(const struct reference *reference, uint32_t right, const struct trial *trial,
                       struct slots *slots)
{
    const struct reference_right *r = &reference->rights[right];
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; k < r->cell_nodes; k++) {
            const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1;
            uint64_t idle = r->bound[i] == DURE_NONE32 ? all : all & ~taken_on(reference, trial, r->bound[i] + k);
            if (trial->beside_plan)
                idle &= ~reference->plans[r->tenant].kept[right][i * r->cell_nodes + k];
            slots->at[slots->count++] = (struct slot){right, i, k, idle, 0};
        }
}

/* What a gang wants of one right: all inside `span` nodes in line (0: anywhere), exactly `each` tasks a node (0: any). */
struct gang {
    uint32_t tasks, gpus, span, each;
};

struct window {
    struct slot *at;
    uint32_t count;
};

/* The fullest that has at least so many idle; of equal ones the first. NULL: none. */
static struct slot *tightest(struct window w, uint32_t gpus)
{
    struct slot *best = NULL;
    for (uint32_t i = 0; i < w.count; i++)
        if (!w.at[i].tasks && ones(w.at[i].idle) >= gpus && (!best || ones(w.at[i].idle) < ones(best->idle)))
            best = &w.at[i];
    return best;
}

static uint32_t idle_in(struct window w)
{
    uint32_t idle = 0;
    for (uint32_t i = 0; i < w.count; i++)
        idle += ones(w.at[i].idle);
    return idle;
}

static void take(struct takes *takes, struct slot *slot, uint32_t tasks)
{
    slot->tasks = tasks;
    takes->at[takes->count++] = slot;
}

static bool give_up(struct takes *takes)
{
    while (takes->count > 0)
        takes->at[--takes->count]->tasks = 0;
    return false;
}

static bool take_rest(struct takes *takes, struct window w, uint32_t tasks, uint32_t gpus)
{
    struct slot *one = tightest(w, tasks * gpus);
    if (one)
        take(takes, one, tasks);
    return one != NULL;
}

/* The emptiest nodes, each as full as it gets, and the rest into a tight one. */
static bool fit_any(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    uint32_t left = gang->tasks;
    for (uint32_t size = node_gpus; size >= gang->gpus; size--) {
        const uint32_t each = size / gang->gpus;
        for (uint32_t i = 0; i < w.count && left > each; i++)
            if (!w.at[i].tasks && ones(w.at[i].idle) == size) {
                take(takes, &w.at[i], each);
                left -= each;
            }
        if (left <= each && take_rest(takes, w, left, gang->gpus))
            return true;
    }
    return give_up(takes);
}

/* The fullest nodes that hold the tasks of one, and one for the rest. */
static bool fit_each(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    uint32_t left = gang->tasks;
    for (uint32_t size = gang->each * gang->gpus; size <= node_gpus; size++)
        for (uint32_t i = 0; i < w.count && left >= gang->each; i++)
            if (!w.at[i].tasks && ones(w.at[i].idle) == size) {
                take(takes, &w.at[i], gang->each);
                left -= gang->each;
            }
    if (left > 0 && (left >= gang->each || !take_rest(takes, w, left, gang->gpus)))
        return give_up(takes);
    return true;
}

static bool fit_window(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    return gang->each > 0 ? fit_each(w, gang, node_gpus, takes) : fit_any(w, gang, node_gpus, takes);
}

/* How many tasks could start there; where a node takes exactly `each`, how many nodes could take so many. */
static uint32_t room_in(struct window w, const struct gang *gang)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < w.count; i++)
        room += gang->each > 0 ? ones(w.at[i].idle) >= gang->each * gang->gpus : ones(w.at[i].idle) / gang->gpus;
    return room;
}

/* The cell with the least room in the gang's own terms that will do; of equal ones the first. */
static bool fit_span(struct window all, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    const uint32_t cells = all.count / gang->span, most = gang->span * node_gpus;
    for (uint32_t room = gang->each > 0 ? gang->tasks / gang->each : gang->tasks; room <= most; room++)
        for (uint32_t cell = 0; cell < cells; cell++) {
            const struct window w = {all.at + cell * gang->span, gang->span};
            if (room_in(w, gang) == room && fit_window(w, gang, node_gpus, takes))
                return true;
        }
    return false;
}

/* One tight node if one will do; else several. */
static bool fit(struct slots *slots, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    const struct window all = {slots->at, slots->count};
    takes->count = 0;
    if (gang->tasks * gang->gpus > idle_in(all) || (gang->each > 0 ? gang->each : 1) * gang->gpus > node_gpus)
        return false;
    if ((gang->each == 0 || gang->tasks <= gang->each) && take_rest(takes, all, gang->tasks, gang->gpus))
        return true;
    if (gang->span == 1)
        return false;
    return gang->span > 0 ? fit_span(all, gang, node_gpus, takes) : fit_window(all, gang, node_gpus, takes);
}

/* Binds the cells of what was taken, in the order of taking. */
static void realise(const struct reference *reference, const struct takes *takes, uint32_t gpus, struct trial *trial)
{
    for (uint32_t t = 0; t < takes->count; t++) {
        const struct slot *slot = takes->at[t];
        uint32_t *cell = &trial->bound[slot->right][slot->index];
        const uint32_t cell_nodes = reference->rights[slot->right].cell_nodes;
        bool named = false;
        for (uint32_t i = 0; i < trial->binding_count; i++)
            named |= trial->bindings[i].allot.v == slot->right && trial->bindings[i].virtual_index == slot->index;
        const bool is_new = *cell == DURE_NONE32;
        if (is_new)
            *cell = choose_cell(reference, trial, cell_nodes);
        if (!named)
            trial->bindings[trial->binding_count++] = (struct dure_binding){.allot = {slot->right},
                                                                            .virtual_index = slot->index,
                                                                            .cell_index = *cell / cell_nodes,
                                                                            .is_new = is_new};
        trial->places[trial->place_count++] = (struct dure_place){.node_first = *cell + slot->offset,
                                                                  .node_count = 1,
                                                                  .gpu_mask = lowest(slot->idle, slot->tasks * gpus),
                                                                  .tasks = slot->tasks,
                                                                  .gpu_milli = 1000};
    }
}

/* What was taken, as the private cluster has it. */
static void note(const struct takes *takes, uint32_t gpus, struct trial *trial)
{
    for (uint32_t t = 0; t < takes->count; t++) {
        const struct slot *slot = takes->at[t];
        trial->rights[trial->virtual_count] = slot->right;
        trial->virtuals[trial->virtual_count++] =
            (struct dure_place){.node_first = slot->index * trial->cell_nodes[slot->right] + slot->offset,
                                .node_count = 1,
                                .gpu_mask = lowest(slot->idle, slot->tasks * gpus),
                                .tasks = slot->tasks,
                                .gpu_milli = 1000};
    }
}

static void begin_trial(const struct reference *reference, struct trial *trial)
{
    trial->place_count = trial->binding_count = trial->virtual_count = 0;
    for (uint32_t r = 0; r < reference->right_count; r++) {
        memcpy(trial->bound[r], reference->rights[r].bound, sizeof trial->bound[r]);
        trial->cell_nodes[r] = reference->rights[r].cell_nodes;
    }
}

/* Inside one right. A cell of a right lies in one cell of every level above it. */
static bool place_in(const struct reference *reference, const struct reference_job *job, uint32_t r,
                     uint32_t level_nodes, struct trial *trial)
{
    const struct reference_right *right = &reference->rights[r];
    const struct gang gang = {.tasks = job->tasks,
                              .gpus = job->gpus,
                              .span = level_nodes < right->cell_nodes ? level_nodes
                                      : level_nodes > 0               ? right->cell_nodes
                                                                      : 0,
                              .each = job->tasks_per_node};
    struct slots slots = {.count = 0};
    struct takes takes;
    list_slots(reference, r, trial, &slots);
    if (right->tenant != job->tenant || !fit(&slots, &gang, reference->node_gpus, &takes))
        return false;
    begin_trial(reference, trial);
    realise(reference, &takes, job->gpus, trial);
    note(&takes, job->gpus, trial);
    return true;
}

static bool place_in_one(const struct reference *reference, const struct reference_job *job, uint32_t level_nodes,
                         struct trial *trial)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        if (place_in(reference, job, r, level_nodes, trial))
            return true;
    return false;
}

/* Over all rights of the tenant, each as much as it carries. */
static bool place_over_all(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    uint32_t left = job->tasks;
    begin_trial(reference, trial);
    for (uint32_t r = 0; job->tasks > 1 && r < reference->right_count && left > 0; r++) {
        struct slots slots = {.count = 0};
        struct takes takes;
        uint32_t room = 0;
        list_slots(reference, r, trial, &slots);
        for (uint32_t i = 0; i < slots.count; i++)
            room += job->tasks_per_node == 0                                    ? ones(slots.at[i].idle) / job->gpus
                    : ones(slots.at[i].idle) >= job->tasks_per_node * job->gpus ? job->tasks_per_node
                                                                                : 0;
        const struct gang gang = {.tasks = room < left ? room : left, .gpus = job->gpus, .each = job->tasks_per_node};
        if (reference->rights[r].tenant != job->tenant || room == 0 ||
            !fit(&slots, &gang, reference->node_gpus, &takes))
            continue;
        realise(reference, &takes, job->gpus, trial);
        note(&takes, job->gpus, trial);
        left -= gang.tasks;
    }
    return left == 0;
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

static uint64_t reserved_on(const struct reference *reference, uint32_t node)
{
    uint64_t reserved = 0;
    for (uint32_t r = 0; r < REFERENCE_RUNS; r++)
        if (reference->runs[r].state == RUN_RESERVED)
            reserved |= reference_gpus_on(&reference->runs[r], node);
    return reserved;
}

/* The GPUs of a victim count as idle, in this right's cells, where nobody has reserved them and no plan keeps them. */
static void free_victim(const struct reference *reference, const struct reference_run *victim, uint32_t right,
                        struct trial *trial)
{
    const struct reference_right *r = &reference->rights[right];
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; r->bound[i] != DURE_NONE32 && k < r->cell_nodes; k++)
            trial->freed[r->bound[i] + k] |=
                reference_gpus_on(victim, r->bound[i] + k) & ~reserved_on(reference, r->bound[i] + k);
}

static bool displace(const struct reference *reference, const struct reference_job *job, uint32_t right,
                     struct trial *trial)
{
    const struct reference_run *last = NULL;
    memset(trial->freed, 0, sizeof trial->freed);
    for (;;) {
        const struct reference_run *next = NULL;
        for (uint32_t r = 0; r < REFERENCE_RUNS; r++) {
            const struct reference_run *run = &reference->runs[r];
            if (runs_by(run, right) && reference->jobs[run->job].priority < job->priority &&
                (!last || goes_before(reference, last, run)) && (!next || goes_before(reference, run, next)))
                next = run;
        }
        if (!next)
            break;
        last = next;
        free_victim(reference, next, right, trial);
        if (place_in(reference, job, right, job->level_required ? job->level_nodes : 0, trial))
            return true;
    }
    memset(trial->freed, 0, sizeof trial->freed);
    return false;
}

bool reference_place(const struct reference *reference, uint64_t id, bool displacing, struct trial *trial)
{
    const struct reference_job *job = &reference->jobs[id];
    memset(trial->freed, 0, sizeof trial->freed);
    if (job->level_nodes > 0 && place_in_one(reference, job, job->level_nodes, trial))
        return true;
    if ((job->level_nodes == 0 || !job->level_required) &&
        (place_in_one(reference, job, 0, trial) || place_over_all(reference, job, trial)))
        return true;
    for (uint32_t r = 0; displacing && r < reference->right_count; r++)
        if (reference->rights[r].tenant == job->tenant && displace(reference, job, r, trial))
            return true;
    return false;
}

/* By node; runs of nodes that are used alike are one place. */
void reference_tidy(struct trial *trial)
{
    for (uint32_t i = 0; i < trial->place_count; i++)
        for (uint32_t k = i + 1; k < trial->place_count; k++)
            if (trial->places[k].node_first < trial->places[i].node_first) {
                const struct dure_place swap = trial->places[i];
                trial->places[i] = trial->places[k];
                trial->places[k] = swap;
            }
    uint32_t kept = 0;
    for (uint32_t i = 1; i < trial->place_count; i++) {
        struct dure_place *last = &trial->places[kept];
        const struct dure_place *next = &trial->places[i];
        if (next->node_first == last->node_first + last->node_count && next->gpu_mask == last->gpu_mask &&
            next->tasks == last->tasks)
            last->node_count++;
        else
            trial->places[++kept] = *next;
    }
    trial->place_count = kept + 1;
}
