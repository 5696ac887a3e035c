#include "core/place/plan_more.h"

#include <stdlib.h>

#include "core/place/even.h"
#include "core/place/ground.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/price.h"
#include "core/place/rules.h"
#include "core/place/sight.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

/* Only whole GPUs span: fractions of one gang find room in one allotment or wait; so does what uses datasets. */
bool plan_may_span(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return ask->tasks > 1 && ask->task_gpu_milli == 1000 && !ask->data_mask && !rule_is_confined(core, ask, chain);
}

static uint64_t tasks_in(uint64_t slots, uint32_t idle, const struct request *ask)
{
    if (ask->tasks_per_node)
        return idle >= ask->tasks_per_node * ask->task_gpus ? slots * ask->tasks_per_node : 0;
    return slots * (idle / ask->task_gpus);
}

/* Tasks that an allotment carries now; or, `ever`, when it is all idle. */
uint32_t plan_room(const struct dure_core *core, const struct allot *allot, const struct request *ask, bool ever)
{
    uint64_t tasks = 0;
    if (!even_spans(core, allot))
        return 0;
    if (ever)
        tasks = tasks_in((uint64_t)allot->cells * allot->cell_slots, allot->slot_gpus, ask);
    for (uint32_t c = 1; !ever && allot->slots.count && c <= allot->slot_gpus; c++)
        tasks += tasks_in(allot->slots.by_idle[c].count, c, ask);
    return tasks < ask->tasks ? (uint32_t)tasks : ask->tasks;
}

/* What an allotment could ever carry of it. */
static uint64_t most_in(const struct dure_core *core, const struct allot *allot, const struct request *ask)
{
    const uint64_t tasks = plan_room(core, allot, ask, true);
    if (!ask->spread_max)
        return tasks;
    const uint64_t spread = rule_spread_room(core, ask, allot->spec.chain.v,
                                             (uint64_t)allot->cells * allot->cell_leaves, allot->cell_leaves);
    return tasks < spread ? tasks : spread;
}

static bool together_as(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    uint64_t tasks = 0;
    for (uint32_t id = holder == NONE || !plan_may_span(core, ask, chain) ? NONE : core->tenant[holder].first_allot;
         id != NONE; id = core->allots[id]->next_of_holder)
        if (core->allots[id]->spec.chain.v == chain)
            tasks += most_in(core, core->allots[id], ask);
    return tasks >= ask->tasks && rule_carries(core, ask, chain);
}

bool plan_suits_together(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    struct request own;
    for (const struct request *as = even_first(core, ask, chain, &own); as; as = even_next(core, as, chain, &own))
        if (together_as(core, as, chain))
            return true;
    return false;
}

static bool span_chain(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                       struct plan *plan)
{
    uint32_t left = ask->tasks;
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE && left; id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain || !plan_may_use(core, ask, id))
            continue;
        const uint32_t can = plan_room(core, allot, ask, false), tasks = can < left ? can : left;
        const struct dure_ask part = {.tasks = tasks, .task_gpus = ask->task_gpus, .per_slot = ask->tasks_per_node};
        core->takes.count = 0;
        if (!tasks || !dure_slots_fit(&core->allots[id]->slots, &part, &core->takes))
            continue;
        if (!plan_realise(core, ask, id, tasks, &core->takes, plan))
            return false;
        left -= tasks;
    }
    return !left;
}

static bool span_trial(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                       struct plan *plan)
{
    plan->place_count = plan->binding_count = 0;
    plan->on_trial = true;
    const struct dure_cells_mark mark = dure_cells_mark(core->chains[chain].cells);
    const bool done = span_chain(core, ask, holder, chain, plan);
    dure_cells_rollback(core->chains[chain].cells, mark);
    price_spare_all(core);
    return done;
}

static bool spanning_as(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                        struct plan *plan)
{
    if (!plan_may_span(core, ask, chain) ||
        !(limits_hold(core, ask, true) ? limited_spanning(core, ask, holder, chain, plan)
                                       : span_trial(core, ask, holder, chain, plan)))
        return false;
    plan->chain = chain;
    plan->allot = plan->bindings[0].allot.v;
    plan_tidy(plan);
    return true;
}

bool plan_spanning_on(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                      struct plan *plan)
{
    struct request own;
    for (const struct request *as = even_first(core, ask, chain, &own); as; as = even_next(core, as, chain, &own))
        if (spanning_as(core, as, holder, chain, plan))
            return true;
    return false;
}

bool plan_is_first_of_chain(const struct dure_core *core, uint32_t holder, uint32_t id)
{
    uint32_t first = core->tenant[holder].first_allot;
    while (core->allots[first]->spec.chain.v != core->allots[id]->spec.chain.v)
        first = core->allots[first]->next_of_holder;
    return first == id;
}

bool plan_spanning(struct dure_core *core, const struct request *ask, uint32_t holder, const struct prefer *prefer,
                   struct plan *plan)
{
    for (uint32_t id = ask->tasks > 1 ? core->tenant[holder].first_allot : NONE; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const uint32_t chain = core->allots[id]->spec.chain.v;
        if (prefer_has(core, ask, prefer, chain) && plan_is_first_of_chain(core, holder, id) &&
            plan_spanning_on(core, ask, holder, chain, plan))
            return true;
    }
    return false;
}

/* ---- on damaged cells ---- */

static bool serve(struct dure_core *core, const struct request *ask, uint32_t id, uint32_t index, struct plan *plan)
{
    struct dure_cells *cells = core->chains[core->allots[id]->spec.chain.v].cells;
    struct dure_cell cell;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    bool found = false;
    core->trials++; /* what shows up is not free */
    if (dure_cells_choose(cells, (struct dure_allot_id){id}, index, true, &cell, NULL) == DURE_OK &&
        dure_cells_take_exact(cells, (struct dure_allot_id){id}, index, cell, NULL) == DURE_OK) {
        sight_cell(core, id, index);
        plan->serves = true;
        plan->served_index = index;
        found = plan_allot(core, ask, id, ask->level_required, plan);
        plan->serves = false;
    }
    dure_cells_rollback(cells, mark);
    sight_cell(core, id, index);
    core->trials--;
    return found;
}

bool plan_served(struct dure_core *core, const struct request *ask, uint32_t holder, struct plan *plan)
{
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        if (core->allots[id]->state != DURE_ALLOT_SHORT || !plan_may_use(core, ask, id))
            continue;
        struct dure_cells_virtual cell;
        const struct dure_cells *cells = core->chains[core->allots[id]->spec.chain.v].cells;
        for (uint32_t from = 0;
             dure_cells_virtual_next(cells, (struct dure_allot_id){id}, from, 1u << DURE_CELLS_SUSPENDED, &cell);
             from = cell.index + 1)
            if (serve(core, ask, id, cell.index, plan))
                return true;
    }
    return false;
}

/* ---- in the place of lower priority ---- */

struct victim {
    uint64_t job;
    int64_t started_us;
    uint32_t slot, element;
    int32_t priority;
};

static int by_worth(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->started_us != y->started_us)
        return x->started_us > y->started_us ? -1 : 1;
    if (x->job != y->job) /* not the attempt's number: that tells of other tenants */
        return x->job > y->job ? -1 : 1;
    return x->element > y->element ? -1 : x->element < y->element;
}

static bool uses(const struct attempt *attempt, uint32_t allot)
{
    for (uint32_t i = 0; i < attempt->d.binding_count; i++)
        if (attempt->bindings[i].allot.v == allot)
            return true;
    return false;
}

static uint32_t find_victims(const struct dure_core *core, const struct request *ask, uint32_t allot,
                             struct victim *victims)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const uint32_t slot = core->deadlines.at[i].slot;
        const struct attempt *attempt = attempt_at(core, slot);
        const struct request *other = job_ask(core, job_at(core, attempt->job_slot));
        if (attempt->d.borrowed || other->priority >= ask->priority || !uses(attempt, allot))
            continue;
        if (ask->task_gpu_milli < 1000 && other->task_gpu_milli < 1000)
            continue; /* a fraction takes a whole GPU's place, not part of another share */
        victims[count++] =
            (struct victim){attempt->d.job, attempt->d.started_us, slot, attempt->d.element, other->priority};
    }
    if (count)
        qsort(victims, count, sizeof *victims, by_worth);
    return count;
}

struct trial {
    const struct request *ask;
    uint32_t allot, chain;
};

/* A leaf of a victim counts as idle in the trial when all on it have lower priority and nobody has reserved it. */
static void free_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    (void)place;
    const struct trial *trial = context;
    struct allot *allot = core->allots[trial->allot];
    const uint32_t *users = NULL;
    const uint32_t count = ground_users(core, trial->chain, leaf, &users);
    for (uint32_t i = 0; i < count; i++)
        if (attempt_at(core, users[i])->d.borrowed ||
            job_ask(core, job_at(core, attempt_at(core, users[i])->job_slot))->priority >= trial->ask->priority)
            return;
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[trial->chain].cells, leaf, &l);
    if (l.allot.v != trial->allot || l.lost || planned_keeps_leaf(core, l.allot.v, trial->chain, leaf) ||
        core->chains[trial->chain].claim[leaf] != NONE)
        return;
    const uint32_t slot = l.index * allot->cell_slots + l.offset / allot->slot_gpus;
    dure_slots_set(&allot->slots, slot, allot->slots.idle[slot] | UINT64_C(1) << (l.offset % allot->slot_gpus));
}

/* The slots' idle masks as they were, so that a trial leaves no trace. */
static void restore(struct allot *allot, const uint64_t *idle)
{
    for (uint32_t i = 0; i < allot->slots.count; i++)
        if (allot->slots.idle[i] != idle[i])
            dure_slots_set(&allot->slots, i, idle[i]);
}

static bool displace(struct dure_core *core, const struct request *ask, uint32_t id, struct plan *plan)
{
    struct allot *allot = core->allots[id];
    struct trial trial = {ask, id, allot->spec.chain.v};
    struct victim *victims = dure_core_alloc(sizeof *victims, core->deadlines.count);
    const uint32_t count = find_victims(core, ask, id, victims);
    uint64_t *idle = dure_core_alloc(sizeof *idle, allot->slots.count);
    for (uint32_t i = 0; i < allot->slots.count; i++)
        idle[i] = allot->slots.idle[i];
    bool found = false;
    for (uint32_t i = 0; i < count && !found; i++) {
        const struct attempt *attempt = attempt_at(core, victims[i].slot);
        ground_each(core, trial.chain, attempt->places, attempt->d.place_count, free_leaf, &trial);
        found = plan_allot(core, ask, id, ask->level_required, plan);
    }
    restore(allot, idle);
    free(idle);
    free(victims);
    return found;
}

bool plan_by_priority(struct dure_core *core, const struct request *ask, uint32_t holder, struct plan *plan)
{
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (core->allots[id]->priority_floor < ask->priority && plan_may_use(core, ask, id) &&
            displace(core, ask, id, plan))
            return true;
    return false;
}
