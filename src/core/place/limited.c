#include "core/place/limited.h"

#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/limits.h"
#include "core/place/plan_inner.h"
#include "core/place/price.h"
#include "core/place/shares.h"
#include "core/place/sight.h"
#include "core/state/planned.h"

/* A gang of whole nodes by now, in which each holds as many of its tasks as there is room for. */
static bool is_alone(const struct dure_core *core, const struct request *ask)
{
    return gate_alone(core, ask) != DURE_DATA_ANYBODY;
}

bool limited_by_hardware(const struct dure_core *core, const struct request *ask, const struct allot *allot)
{
    return ask->lists || (ask->spread_max && rule_spread_leaves(core, ask, allot->spec.chain.v) > allot->cell_leaves);
}

struct part {
    struct dure_core *core;
    const struct request *ask;
    uint32_t id; /* the allotment */
    struct dure_ask gang;
    struct field field;
    struct limits *limits;
    uint32_t per_gpu;
};

static void part_init(struct dure_core *core, const struct request *ask, uint32_t id, struct limits *limits,
                      struct part *part)
{
    const struct allot *allot = core->allots[id];
    *part = (struct part){
        .core = core,
        .ask = ask,
        .id = id,
        .field = {.slots = &allot->slots,
                  .bound = core->chains[allot->spec.chain.v].cells,
                  .cells = limited_by_hardware(core, ask, allot) ? core->chains[allot->spec.chain.v].cells : NULL,
                  .allot = {id},
                  .cell_slots = allot->cell_slots},
        .limits = limits,
        .per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, allot->spec.chain.v) : 0};
}

/* GPUs of a physical cell that the request could use: on nodes that it may use, and as many as its spread lets in. */
static uint32_t use_of(const struct part *part, struct dure_cell cell)
{
    const struct limits *limits = part->limits;
    const uint32_t first = dure_cells_first_leaf(part->field.cells, cell),
                   leaves = part->core->allots[part->id]->cell_leaves;
    uint32_t gpus = leaves;
    if (limits->listed) {
        const uint32_t node = limits->node_first + first / limits->node_gpus;
        const uint32_t nodes = leaves > limits->node_gpus ? leaves / limits->node_gpus : 1;
        gpus = dure_node_runs_count(limits->allowed, node, nodes) * (leaves / nodes);
    }
    const uint32_t step = limits->spread_max && limits->spread_leaves < leaves ? limits->spread_leaves : leaves;
    uint64_t tasks = 0;
    for (uint32_t at = first; limits->spread_max && at < first + leaves; at += step)
        tasks += limits_room(limits, at);
    const uint64_t most = tasks * part->ask->task_gpus;
    return limits->spread_max && most < gpus ? (uint32_t)most : gpus;
}

/* The first cell of the right's level at or after `index` that holds a node it may use. */
static uint32_t next_cell(const struct part *part, uint32_t index)
{
    const struct limits *limits = part->limits;
    const uint32_t leaves = part->core->allots[part->id]->cell_leaves;
    if (!limits->listed)
        return index;
    const uint32_t node = dure_node_runs_next(
        limits->allowed, limits->node_first + (uint32_t)((uint64_t)index * leaves / limits->node_gpus));
    if (node == DURE_NONE32 || node < limits->node_first)
        return DURE_NONE32;
    const uint64_t cell = (uint64_t)(node - limits->node_first) * limits->node_gpus / leaves;
    return cell > index ? (uint32_t)(cell < DURE_NONE32 ? cell : DURE_NONE32) : index;
}

/* The cell for one more virtual cell: most of use, then fewest borrowed leaves, then lowest. */
static bool choose(const struct part *part, uint32_t index, struct dure_cell *ret_cell, uint32_t *ret_use)
{
    const struct dure_cells *cells = part->field.cells;
    const struct allot *allot = part->core->allots[part->id];
    if (dure_cells_choose(cells, part->field.allot, index, true, ret_cell, NULL) != DURE_OK)
        return false;
    *ret_use = planned_wants_cell(part->core, part->id, *ret_cell) ? 0 : use_of(part, *ret_cell);
    uint32_t borrowed = dure_cells_sum(cells, *ret_cell).borrowed;
    const uint32_t count = dure_cells_count(cells, allot->spec.level);
    for (uint32_t i = next_cell(part, 0); (*ret_use < allot->cell_leaves || borrowed) && i < count;
         i = next_cell(part, i + 1)) {
        const struct dure_cell cell = {i, allot->spec.level};
        const uint32_t use = use_of(part, cell);
        if (use < *ret_use || !use || planned_wants_cell(part->core, part->id, cell))
            continue;
        const uint32_t here = dure_cells_sum(cells, cell).borrowed;
        if ((use > *ret_use || here < borrowed) && dure_cells_may_take(cells, part->field.allot, index, cell)) {
            *ret_cell = cell;
            *ret_use = use;
            borrowed = here;
        }
    }
    return *ret_use > 0;
}

/* Counts what the cells bound since then will hold, or takes it back, so that the next one is chosen apart from them. */
static void expect(const struct part *part, const struct plan *plan, uint32_t i, bool add)
{
    const struct allot *allot = part->core->allots[part->id];
    const uint32_t leaf =
        dure_cells_first_leaf(part->field.cells, (struct dure_cell){plan->fresh[i].cell_index, allot->spec.level});
    if (!part->limits->spread_max || part->limits->spread_leaves < allot->cell_leaves)
        return;
    if (add)
        limits_add(part->limits, leaf, allot->cell_leaves / part->ask->task_gpus);
    else
        limits_take_back(part->limits, leaf, allot->cell_leaves / part->ask->task_gpus);
}

/* Binds virtual cells for the trial until `gpus` more could be used; false: not one. */
static bool bind_more(const struct part *part, uint32_t gpus, struct plan *plan)
{
    const uint32_t since = plan->fresh_count;
    struct dure_cells *cells = part->core->chains[part->core->allots[part->id]->spec.chain.v].cells;
    struct dure_cells_virtual cell;
    uint64_t found = 0;
    if (part->core->is_bound_only)
        return false;
    for (uint32_t from = 0; found < gpus; from = cell.index + 1) {
        struct dure_cell chosen;
        uint32_t use;
        if (!dure_cells_virtual_next(cells, part->field.allot, from, 1u << DURE_CELLS_UNBOUND, &cell) ||
            !choose(part, cell.index, &chosen, &use) ||
            dure_cells_take_exact(cells, part->field.allot, cell.index, chosen, NULL) != DURE_OK)
            break;
        part->core->trials++;
        sight_cell(part->core, part->id, cell.index);
        part->core->trials--;
        plan_note_fresh(plan, (struct dure_binding){part->field.allot, cell.index, chosen.index, 1});
        expect(part, plan, plan->fresh_count - 1, true);
        found += use;
    }
    for (uint32_t i = since; i < plan->fresh_count; i++)
        expect(part, plan, i, false);
    return found > 0;
}

/* As many of the tasks as there is room for, or all where they must stand in one cell; on bound cells, and on more of them as needed. */
static uint32_t place_part(const struct part *part, uint32_t tasks, struct plan *plan)
{
    struct dure_takes *takes = &part->core->takes;
    takes->count = 0;
    for (;;) {
        const uint32_t done = fit_limited(&part->field, &part->gang, part->per_gpu, part->limits, tasks, takes);
        if (done == tasks || !part->field.cells)
            return done;
        const uint64_t lacking = (uint64_t)(tasks - done) * part->ask->task_gpus;
        if (!bind_more(part, lacking < UINT32_MAX ? (uint32_t)lacking : UINT32_MAX, plan))
            return done;
        fit_undo(&part->field, part->limits, takes, 0);
    }
}

/* What was taken, as a planned start has it: slots of the private cluster. Where hardware tells the places, each with its virtual cell and the cell
 * of hardware that this stands on then; all of a cell that is to be bound for it is kept, so that nobody binds it elsewhere. */
static void note(const struct part *part, struct plan *plan)
{
    const struct dure_takes *takes = &part->core->takes;
    const struct allot *allot = part->core->allots[part->id];
    const uint32_t a_node =
        is_alone(part->core, part->ask) ? gate_tasks_a_node(part->core, part->ask, allot->spec.chain.v) : 0;
    uint32_t left = part->ask->tasks;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *take = &takes->at[i];
        struct dure_binding binding = {.allot = {part->id}};
        struct dure_cells_virtual cell;
        if (part->field.cells &&
            dure_cells_virtual(part->field.cells, part->field.allot, take->slot / allot->cell_slots, &cell)) {
            binding.virtual_index = cell.index;
            binding.cell_index = cell.cell.index;
            binding.is_new = plan_is_fresh(plan, part->id, cell.index);
        }
        const uint32_t tasks = !a_node ? take->tasks : left < a_node ? left : a_node;
        left -= a_node ? tasks : 0;
        plan_add_place(plan, (struct dure_place){take->slot, 1, take->mask, tasks, 1000, 0});
        plan_add_binding(plan, binding);
    }
    const uint32_t taken = plan->place_count;
    for (uint32_t i = 0; part->field.cells && i < plan->fresh_count; i++)
        for (uint32_t slot = plan->fresh[i].virtual_index * allot->cell_slots, end = slot + allot->cell_slots;
             plan->fresh[i].allot.v == part->id && slot < end; slot++) {
            uint64_t rest = allot->slots.full;
            for (uint32_t k = 0; k < taken; k++)
                if (plan->bindings[k].allot.v == part->id && plan->places[k].node_first == slot)
                    rest &= ~plan->places[k].gpu_mask;
            if (!rest)
                continue;
            plan_add_place(plan, (struct dure_place){slot, 1, rest, 0, 1000, 0});
            plan_add_binding(plan, plan->fresh[i]);
        }
}

/* Now, or (`later`) for a planned start: then in the private cluster alone, fractions on GPUs of their own. */
static bool try_allot(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled, bool later,
                      struct plan *plan)
{
    const struct allot *allot = core->allots[id];
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    struct limits limits;
    struct part part;
    plan->place_count = plan->binding_count = plan->fresh_count = 0;
    limits_init(core, ask, allot->spec.chain.v, true, &limits);
    part_init(core, ask, id, &limits, &part);
    bool done = ask_of_allot(core, ask, allot, leveled, &part.gang);
    if (done) {
        const struct dure_cells_mark mark = dure_cells_mark(cells);
        uint32_t tasks = ask->tasks;
        if (!later && part.per_gpu && ((!part.gang.span && !part.gang.group) || tasks == 1))
            tasks = plan_fill_shared(core, ask, allot->spec.chain.v, id, &limits, part.field.cells != NULL, plan);
        plan->on_trial = plan->by_take = true;
        core->takes.count = 0;
        const uint32_t parts = is_alone(core, ask) ? part.gang.tasks : tasks;
        done = !tasks || place_part(&part, parts, plan) == parts;
        if (done && later)
            note(&part, plan);
        else
            done = done && plan_realise(core, ask, id, tasks, &core->takes, plan);
        plan->by_take = false;
        dure_cells_rollback(cells, mark);
        price_spare_all(core);
        plan_forget_fresh(core, plan);
    }
    limits_release(&limits);
    plan->allot = id;
    plan->chain = allot->spec.chain.v;
    return done;
}

bool limited_allot(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled, struct plan *plan)
{
    const bool done = try_allot(core, ask, id, leveled, false, plan);
    plan_tidy(plan);
    return done;
}

bool limited_allot_later(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled,
                         struct plan *plan)
{
    return try_allot(core, ask, id, leveled, true, plan);
}

static bool span(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain, bool later,
                 struct plan *plan)
{
    struct dure_cells *cells = core->chains[chain].cells;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    struct limits limits, own;
    uint32_t left = ask->tasks;
    bool sound = true;
    limits_init(core, ask, chain, true, &limits);
    plan->place_count = plan->binding_count = plan->fresh_count = 0;
    plan->on_trial = true;
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE && left && sound;
         id = core->allots[id]->next_of_holder) {
        struct part part;
        if (core->allots[id]->spec.chain.v != chain || !plan_may_use(core, ask, id) ||
            !even_spans(core, core->allots[id]))
            continue;
        /* One private cluster tells nothing of the places in another, but its cells are its own. */
        const bool alone = !limited_by_hardware(core, ask, core->allots[id]) || DURE_CORE_MUTATED(SPREAD_IN_PARTS);
        if (alone)
            limits_init(core, ask, chain, true, &own);
        part_init(core, ask, id, alone ? &own : &limits, &part);
        part.gang = (struct dure_ask){.task_gpus = ask->task_gpus, .per_slot = ask->tasks_per_node};
        const uint32_t most = ask->tasks_per_node ? left / ask->tasks_per_node * ask->tasks_per_node : left;
        const uint32_t done = place_part(&part, most, plan);
        if (later)
            note(&part, plan);
        else
            sound = plan_realise(core, ask, id, done, &core->takes, plan);
        if (alone)
            limits_release(&own);
        left -= done;
    }
    dure_cells_rollback(cells, mark);
    price_spare_all(core);
    plan_forget_fresh(core, plan);
    limits_release(&limits);
    return sound && !left;
}

bool limited_spanning(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                      struct plan *plan)
{
    return span(core, ask, holder, chain, false, plan);
}

bool limited_spanning_later(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                            struct plan *plan)
{
    return span(core, ask, holder, chain, true, plan);
}

/* On nodes under no bound right, or on any. */
static bool fit_chain(struct dure_core *core, uint32_t at, const struct dure_ask *gang, uint32_t per_gpu,
                      struct limits *limits, bool away, uint32_t tasks)
{
    const struct field field = {.slots = away ? &core->chains[at].away : &core->chains[at].idle};
    core->takes.count = 0;
    if (!tasks || fit_limited(&field, gang, per_gpu, limits, tasks, &core->takes) == tasks)
        return true;
    fit_undo(&field, limits, &core->takes, 0);
    return false;
}

bool limited_chain_later(struct dure_core *core, const struct request *ask, uint32_t at, bool leveled, bool away)
{
    struct dure_ask gang;
    struct limits limits;
    if (!ask_of_chain(core, ask, at, leveled, &gang))
        return false;
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, at) : 0,
                   tasks = is_alone(core, ask) ? gang.tasks : ask->tasks;
    limits_init(core, ask, at, false, &limits);
    const bool done = fit_chain(core, at, &gang, per_gpu, &limits, away, tasks);
    limits_release(&limits);
    return done;
}

bool limited_chain(struct dure_core *core, const struct request *ask, uint32_t at, bool leveled, bool away,
                   struct plan *plan)
{
    struct dure_ask gang;
    if (!ask_of_chain(core, ask, at, leveled, &gang))
        return false;
    struct limits limits;
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, at) : 0;
    uint32_t tasks = ask->tasks;
    plan->place_count = plan->binding_count = 0;
    limits_init(core, ask, at, false, &limits);
    if (per_gpu && ((!gang.span && !gang.group) || tasks == 1))
        tasks = plan_fill_shared(core, ask, at, NONE, &limits, true, plan);
    const bool done = fit_chain(core, at, &gang, per_gpu, &limits, away, is_alone(core, ask) ? gang.tasks : tasks);
    plan->by_take = true;
    if (done)
        plan_realise_chain(core, ask, at, tasks, &core->takes, plan);
    plan->by_take = false;
    limits_release(&limits);
    plan->allot = NONE;
    plan->chain = at;
    plan_tidy(plan);
    return done;
}
