#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"

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

struct trial {
    bool beside_plan;                                  /* what is kept for the tenant's plan counts as taken */
    int64_t later_us;                                  /* what ends by then counts as gone; INT64_MIN: nothing does */
    uint32_t bound[REFERENCE_RIGHTS][REFERENCE_CELLS]; /* as the rights', with what this start binds */
    uint32_t place_count, binding_count;
    struct dure_place places[REFERENCE_PLACES];
    struct dure_binding bindings[REFERENCE_PLACES];
    uint32_t virtual_count; /* the same in the private cluster */
    struct dure_place virtuals[REFERENCE_PLACES];
    uint32_t rights[REFERENCE_PLACES], cell_nodes[REFERENCE_RIGHTS];
};

static uint32_t ones(uint64_t mask)
{
    return (uint32_t)__builtin_popcountll(mask);
}

static uint64_t lowest(uint64_t mask, uint32_t count)
{
    uint64_t kept = 0;
    for (unsigned bit = 0; bit < 64 && ones(kept) < count; bit++)
        kept |= mask & UINT64_C(1) << bit;
    return kept;
}

void reference_begin(struct reference *reference)
{
    memset(reference->used, 0, sizeof reference->used);
    memset(reference->jobs, 0, sizeof reference->jobs);
    memset(reference->plans, 0, sizeof reference->plans);
    reference->next_job = reference->next_attempt = 1;
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < REFERENCE_CELLS; i++)
            reference->rights[r].bound[i] = DURE_NONE32;
}

/* When a job that runs is gone at the latest; INT64_MIN: it is being stopped. */
static int64_t ends(const struct reference_job *job)
{
    return job->leaving == DURE_CAUSE_NONE ? job->end_us : INT64_MIN;
}

static struct dure_record decision(const struct reference *reference, enum dure_record_kind kind)
{
    struct dure_record record;
    dure_record_init(&record, kind, reference->input->term, reference->input->time_us);
    return record;
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

/* GPUs of a node that are in use, or will be. */
static uint64_t used_of(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    uint64_t used = reference->used[node];
    for (uint64_t id = 1; id < reference->next_job && trial->later_us != INT64_MIN; id++) {
        const struct reference_job *job = &reference->jobs[id];
        for (uint32_t i = 0; job->attempt && ends(job) <= trial->later_us && i < job->place_count; i++)
            if (node - job->places[i].node_first < job->places[i].node_count)
                used &= ~job->places[i].gpu_mask;
    }
    return used;
}

static void list_slots(const struct reference *reference, uint32_t right, const struct trial *trial,
                       struct slots *slots)
{
    const struct reference_right *r = &reference->rights[right];
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t k = 0; k < r->cell_nodes; k++) {
            const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1;
            uint64_t idle = r->bound[i] == DURE_NONE32 ? all : all & ~used_of(reference, trial, r->bound[i] + k);
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

/* Inside one right, the first that will do. A cell of a right lies in one cell of every level above it. */
static bool place_in_one(const struct reference *reference, const struct reference_job *job, uint32_t level_nodes,
                         struct trial *trial)
{
    for (uint32_t r = 0; r < reference->right_count; r++) {
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
            continue;
        begin_trial(reference, trial);
        realise(reference, &takes, job->gpus, trial);
        note(&takes, job->gpus, trial);
        return true;
    }
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

static bool place(const struct reference *reference, const struct reference_job *job, struct trial *trial)
{
    if (job->level_nodes > 0 && place_in_one(reference, job, job->level_nodes, trial))
        return true;
    return (job->level_nodes == 0 || !job->level_required) &&
           (place_in_one(reference, job, 0, trial) || place_over_all(reference, job, trial));
}

/* By node; runs of nodes that are used alike are one place. */
static void tidy(struct trial *trial)
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

/* ---- the records ---- */

static void start(struct reference *reference, uint64_t id, struct trial *trial)
{
    struct reference_job *job = &reference->jobs[id];
    if (reference->plans[job->tenant].job == id)
        reference->plans[job->tenant].job = 0;
    tidy(trial);
    job->waits = false;
    job->attempt = reference->next_attempt++;
    job->end_us = reference->input->time_us + job->walltime_us;
    job->leaving = DURE_CAUSE_NONE;
    job->place_count = trial->place_count;
    job->binding_count = trial->binding_count;
    memcpy(job->places, trial->places, sizeof job->places);
    memcpy(job->bindings, trial->bindings, sizeof job->bindings);
    for (uint32_t i = 0; i < job->place_count; i++)
        for (uint32_t k = 0; k < job->places[i].node_count; k++)
            reference->used[job->places[i].node_first + k] |= job->places[i].gpu_mask;
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(reference->rights[r].bound, trial->bound[r], sizeof trial->bound[r]);
    struct dure_record record = decision(reference, DURE_REC_START);
    record.job.v = id;
    record.element = 0;
    record.attempt.v = job->attempt;
    record.places = job->places;
    record.place_count = job->place_count;
    record.bindings = job->bindings;
    record.binding_count = job->binding_count;
    reference->tell(reference->context, &record);
}

/* ---- planned starts ---- */

static void unplan(struct reference *reference, uint32_t tenant, enum dure_cause cause)
{
    struct reference_plan *plan = &reference->plans[tenant];
    if (!plan->job)
        return;
    struct dure_record record = decision(reference, DURE_REC_UNPLAN);
    record.job.v = plan->job;
    record.element = 0;
    record.cause = cause;
    plan->job = 0;
    reference->tell(reference->context, &record);
}

/* One tenant's part of a pass. */
struct turn {
    struct reference *reference;
    uint32_t tenant;
    int64_t budget;
    struct trial *trial;
    bool tried[REFERENCE_JOBS]; /* a start was planned for, in vain: it, and all that ask for the same */
};

static bool try(struct turn *turn, uint64_t id, bool beside_plan, int64_t later_us)
{
    turn->trial->beside_plan = beside_plan && turn->reference->plans[turn->tenant].job;
    turn->trial->later_us = later_us;
    return place(turn->reference, &turn->reference->jobs[id], turn->trial);
}

static bool alike(const struct reference_job *a, const struct reference_job *b)
{
    return a->tasks == b->tasks && a->gpus == b->gpus && a->tasks_per_node == b->tasks_per_node &&
           a->level_nodes == b->level_nodes && (!a->level_nodes || a->level_required == b->level_required);
}

static void keep(struct turn *turn, uint64_t id, int64_t at_us)
{
    struct reference_plan *plan = &turn->reference->plans[turn->tenant];
    const struct trial *trial = turn->trial;
    struct dure_binding bindings[REFERENCE_PLACES] = {0};
    *plan = (struct reference_plan){.job = id, .at_us = at_us};
    for (uint32_t i = 0; i < trial->virtual_count; i++) {
        bindings[i].allot.v = trial->rights[i];
        plan->kept[trial->rights[i]][trial->virtuals[i].node_first] |= trial->virtuals[i].gpu_mask;
    }
    struct dure_record record = decision(turn->reference, DURE_REC_PLAN);
    record.job.v = id;
    record.element = 0;
    record.deadline_us = at_us;
    record.places = trial->virtuals;
    record.bindings = bindings;
    record.place_count = record.binding_count = trial->virtual_count;
    turn->reference->tell(turn->reference->context, &record);
}

/* At the first moment at which enough of its tenant's work must be gone. Only for who has waited a second; whole seconds count. */
static void plan_for(struct turn *turn, uint64_t id)
{
    struct reference *reference = turn->reference;
    const int64_t now = reference->input->time_us,
                  ripe = (reference->jobs[id].submitted_us + 2 * DURE_SECOND_US - 1) / DURE_SECOND_US * DURE_SECOND_US;
    for (uint64_t other = 1; other < reference->next_job; other++)
        if (turn->tried[other] && alike(&reference->jobs[other], &reference->jobs[id]))
            return;
    turn->tried[id] = true;
    int64_t before = INT64_MIN, at = INT64_MAX;
    for (; ripe <= now && before != INT64_MAX; before = at, at = INT64_MAX) {
        for (uint64_t other = 1; other < reference->next_job; other++) {
            const struct reference_job *job = &reference->jobs[other];
            const int64_t end = ends(job) > now ? ends(job) : now;
            if (job->attempt && job->tenant == turn->tenant && end > before && end < at)
                at = end;
        }
        if (at == INT64_MAX || !try(turn, id, false, at))
            continue;
        unplan(reference, turn->tenant, DURE_CAUSE_PRIORITY);
        keep(turn, id, at);
        return;
    }
}

static void begin(struct turn *turn, uint64_t id)
{
    start(turn->reference, id, turn->trial);
    turn->budget--;
}

/* Who is older than the planned job takes what is kept for it, or has the plan instead. */
static void above(struct turn *turn)
{
    const struct reference_plan *plan = &turn->reference->plans[turn->tenant];
    for (uint64_t id = 1; id < plan->job && turn->budget > 0; id++) {
        if (!turn->reference->jobs[id].waits || turn->reference->jobs[id].tenant != turn->tenant)
            continue;
        if (try(turn, id, true, INT64_MIN)) {
            begin(turn, id);
        } else if (try(turn, id, false, INT64_MIN)) {
            unplan(turn->reference, turn->tenant, DURE_CAUSE_PRIORITY);
            begin(turn, id);
        } else {
            plan_for(turn, id);
        }
    }
}

static void in_order(struct turn *turn)
{
    struct reference *reference = turn->reference;
    const struct reference_plan *plan = &reference->plans[turn->tenant];
    const uint64_t planned = plan->job;
    above(turn);
    if (plan->job && turn->budget > 0 && try(turn, plan->job, false, INT64_MIN))
        begin(turn, plan->job);
    const uint64_t done = plan->job ? plan->job : planned; /* so far all have been tried */
    for (uint64_t id = 1; id < reference->next_job && turn->budget > 0; id++) {
        const struct reference_job *job = &reference->jobs[id];
        if (!job->waits || job->tenant != turn->tenant || id == plan->job || (planned && id < done))
            continue;
        if (try(turn, id, true, INT64_MIN))
            begin(turn, id);
        else if (!plan->job)
            plan_for(turn, id);
        else if (job->walltime_us <= plan->at_us - reference->input->time_us && try(turn, id, false, INT64_MIN))
            begin(turn, id);
    }
}

static void pass(struct reference *reference, int64_t budget)
{
    static struct trial trial;
    static struct turn turn;
    for (uint32_t tenant = 0; tenant < reference->tenant_count && budget > 0; tenant++) {
        memset(&turn, 0, sizeof turn);
        turn = (struct turn){.reference = reference, .tenant = tenant, .budget = budget, .trial = &trial};
        in_order(&turn);
        budget = turn.budget;
    }
}

static bool is_idle(const struct reference *reference, uint32_t node, uint32_t nodes)
{
    for (uint32_t i = 0; i < nodes; i++)
        if (reference->used[node + i])
            return false;
    return true;
}

/* Its cells that nobody uses any more, in the order in which it took them. */
static void let_go(struct reference *reference, const struct reference_job *job)
{
    for (uint32_t i = 0; i < job->binding_count; i++) {
        const uint32_t right = job->bindings[i].allot.v, index = job->bindings[i].virtual_index;
        uint32_t *cell = &reference->rights[right].bound[index];
        if (!is_idle(reference, *cell, reference->rights[right].cell_nodes))
            continue;
        *cell = DURE_NONE32;
        struct dure_record record = decision(reference, DURE_REC_UNBIND);
        record.allot.v = right;
        record.number = index;
        reference->tell(reference->context, &record);
    }
}

static enum dure_job_state end_state(enum dure_cause cause, const struct dure_record *report)
{
    if (cause == DURE_CAUSE_FINISHED)
        return report->exit_code || report->exit_signal ? DURE_JOB_FAILED : DURE_JOB_COMPLETED;
    return cause == DURE_CAUSE_WALLTIME    ? DURE_JOB_TIMEOUT
           : cause == DURE_CAUSE_CANCELLED ? DURE_JOB_CANCELLED
                                           : DURE_JOB_NODE_FAIL;
}

static void report(struct reference *reference, const struct dure_record *input)
{
    uint64_t id = 1;
    while (id < reference->next_job && reference->jobs[id].attempt != input->attempt.v)
        id++;
    if (id == reference->next_job || input->report == DURE_REPORT_STARTED)
        return;
    struct reference_job *job = &reference->jobs[id];
    enum dure_cause cause = job->leaving;
    if (cause == DURE_CAUSE_NONE)
        cause = input->report == DURE_REPORT_ENDED ? DURE_CAUSE_FINISHED : DURE_CAUSE_NODE_LOST;
    const bool back = cause == DURE_CAUSE_NODE_LOST && job->requeue;
    struct dure_record record = decision(reference, back ? DURE_REC_REQUEUE : DURE_REC_END);
    record.job.v = id;
    record.element = 0;
    record.attempt.v = job->attempt;
    record.cause = cause;
    if (!back) {
        record.exit_code = input->exit_code;
        record.exit_signal = input->exit_signal;
        record.state = end_state(cause, input);
    }
    reference->tell(reference->context, &record);
    for (uint32_t i = 0; i < job->place_count; i++)
        for (uint32_t k = 0; k < job->places[i].node_count; k++)
            reference->used[job->places[i].node_first + k] &= ~job->places[i].gpu_mask;
    job->attempt = 0;
    job->waits = back;
    let_go(reference, job);
}

static void stop(struct reference *reference, struct reference_job *job, enum dure_cause cause)
{
    if (!job->attempt || (job->leaving != DURE_CAUSE_NONE && job->leaving == cause))
        return;
    struct dure_record record = decision(reference, DURE_REC_STOP);
    record.attempt.v = job->attempt;
    record.cause = cause;
    job->leaving = cause;
    job->end_us = DURE_NEVER_US;
    reference->tell(reference->context, &record);
}

static void cancel(struct reference *reference, uint64_t id)
{
    struct reference_job *job = &reference->jobs[id];
    if (!job->waits) {
        stop(reference, job, DURE_CAUSE_CANCELLED);
        return;
    }
    struct dure_record record = decision(reference, DURE_REC_END);
    record.job.v = id;
    record.element = 0;
    record.state = DURE_JOB_CANCELLED;
    record.cause = DURE_CAUSE_CANCELLED;
    job->waits = false;
    if (reference->plans[job->tenant].job == id)
        reference->plans[job->tenant].job = 0;
    reference->tell(reference->context, &record);
}

/* Walltimes that are over, the earliest first. */
static void expire(struct reference *reference, int64_t now_us)
{
    for (;;) {
        struct reference_job *first = NULL;
        for (uint64_t id = 1; id < reference->next_job; id++) {
            struct reference_job *job = &reference->jobs[id];
            if (job->attempt && job->end_us <= now_us &&
                (!first || job->end_us < first->end_us ||
                 (job->end_us == first->end_us && job->attempt < first->attempt)))
                first = job;
        }
        if (!first)
            return;
        stop(reference, first, DURE_CAUSE_WALLTIME);
    }
}

/* Plans a minute past their time are given up, the earliest first. */
static void overrun(struct reference *reference, int64_t now_us)
{
    for (;;) {
        const struct reference_plan *first = NULL;
        for (uint32_t t = 0; t < reference->tenant_count; t++) {
            const struct reference_plan *plan = &reference->plans[t];
            if (plan->job && plan->at_us + DURE_MINUTE_US <= now_us &&
                (!first || plan->at_us < first->at_us || (plan->at_us == first->at_us && plan->job < first->job)))
                first = plan;
        }
        if (!first)
            return;
        unplan(reference, (uint32_t)(first - reference->plans), DURE_CAUSE_WALLTIME);
    }
}

static uint32_t level_nodes(const struct reference *reference, const char *level)
{
    return !level || !*level ? 0 : !strcmp(level, "rack") ? reference->rack_nodes : 1;
}

void reference_step(struct reference *reference, const struct dure_record *input)
{
    reference->input = input;
    switch (input->kind) {
    case DURE_REC_SUBMIT:
        reference->jobs[reference->next_job++] =
            (struct reference_job){.tenant = input->submit.tenant.v,
                                   .tasks_per_node = input->submit.tasks_per_node,
                                   .level_nodes = level_nodes(reference, input->submit.level),
                                   .level_required = input->submit.level_required,
                                   .tasks = input->submit.tasks,
                                   .gpus = input->submit.task_gpus,
                                   .walltime_us = input->submit.walltime_us,
                                   .submitted_us = input->time_us,
                                   .requeue = input->submit.requeue,
                                   .waits = true};
        break;
    case DURE_REC_PASS: pass(reference, input->number); break;
    case DURE_REC_ATTEMPT_REPORT: report(reference, input); break;
    case DURE_REC_CANCEL: cancel(reference, input->job.v); break;
    case DURE_REC_TICK:
        overrun(reference, input->time_us);
        expire(reference, input->time_us);
        break;
    default: break;
    }
}
