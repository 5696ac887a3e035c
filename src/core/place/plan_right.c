#include "core/place/plan_inner.h"
#include "core/place/plan_more.h"

#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/ground.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/price.h"

/* The physical cell of a virtual one: as bound, or as the rules choose it (taken for the time of the trial, so that the next choice sees it). */
static bool bind(struct dure_core *core, const struct allot *allot, uint32_t id, const struct dure_takes *takes,
                 uint32_t from, struct plan *plan, struct dure_cell *ret_cell)
{
    const uint32_t index = takes->at[from].slot / allot->cell_slots;
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const struct dure_binding *known = plan_find_binding(plan, id, index);
    if (known) {
        *ret_cell = (struct dure_cell){known->cell_index, allot->spec.level};
        return true;
    }
    struct dure_cells_virtual cell;
    if (!dure_cells_virtual(cells, (struct dure_allot_id){id}, index, &cell))
        return false;
    const bool is_new = cell.state == DURE_CELLS_UNBOUND || (plan->serves && index == plan->served_index) ||
                        plan_is_fresh(plan, id, index);
    if (cell.state == DURE_CELLS_UNBOUND) {
        if (!price_choose(core, id, index, takes, from, &cell.cell) ||
            (plan->on_trial &&
             dure_cells_take_exact(cells, (struct dure_allot_id){id}, index, cell.cell, NULL) != DURE_OK)) {
            core->blamed = true; /* there is room by right: what others hold decides it */
            return false;
        }
    }
    if (plan->on_trial)
        price_doom(core, id, cell.cell, index, takes, from);
    plan_add_binding(plan, (struct dure_binding){{id}, index, cell.cell.index, is_new});
    *ret_cell = cell.cell;
    return true;
}

bool plan_realise(struct dure_core *core, const struct request *ask, uint32_t id, uint32_t tasks,
                  const struct dure_takes *takes, struct plan *plan)
{
    const struct allot *allot = core->allots[id];
    const struct dure_chain *chain = &core->fleet->chains[allot->spec.chain.v];
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, allot->spec.chain.v) : 0;
    const uint32_t a_node =
        gate_alone(core, ask) != DURE_DATA_ANYBODY ? gate_tasks_a_node(core, ask, allot->spec.chain.v) : 0;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *t = &takes->at[i];
        struct dure_cell cell;
        if (!bind(core, allot, id, takes, i, plan, &cell))
            return false;
        const uint32_t leaf = dure_cells_first_leaf(cells, cell) + t->slot % allot->cell_slots * allot->slot_gpus;
        const uint32_t node = leaf / chain->node_gpus, shift = leaf % chain->node_gpus;
        if (!per_gpu) {
            const uint32_t here = !a_node ? t->tasks : tasks < a_node ? tasks : a_node;
            plan_add_place(plan, (struct dure_place){chain->node_first + node, 1, t->mask << shift, here, 1000, 0});
            tasks -= a_node ? here : 0;
            continue;
        }
        plan_place_fractions(core, ask, allot->spec.chain.v, leaf, t, per_gpu, &tasks, plan);
    }
    return true;
}

static bool allot_as(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled, struct plan *plan)
{
    const struct allot *allot = core->allots[id];
    struct dure_ask gang;
    if (limits_hold(core, ask, true))
        return limited_allot(core, ask, id, leveled, plan);
    if (ask->task_gpu_milli == 1000 && !plan_has_slot(&allot->slots, ask))
        return false;
    if (!ask_of_allot(core, ask, allot, leveled, &gang))
        return false;
    plan->place_count = plan->binding_count = 0;
    core->takes.count = 0;
    uint32_t tasks = ask->tasks;
    if (ask->task_gpu_milli < 1000) {
        const uint32_t each = fraction_per_gpu(core, ask, allot->spec.chain.v);
        if ((!gang.span && !gang.group) || ask->tasks == 1) /* GPUs in use lie anywhere */
            tasks = plan_fill_shared(core, ask, allot->spec.chain.v, id, NULL, false, plan);
        gang.tasks = (tasks + each - 1) / each;
    }
    if (gang.tasks && !dure_slots_fit(&core->allots[id]->slots, &gang, &core->takes))
        return false;
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const bool trial = core->takes.count > 1;
    const struct dure_cells_mark mark = trial ? dure_cells_mark(cells) : (struct dure_cells_mark){0};
    plan->on_trial = trial;
    const bool done = plan_realise(core, ask, id, tasks, &core->takes, plan);
    ground_fetch(core, allot->spec.chain.v, plan->places, plan->place_count);
    if (trial) {
        dure_cells_rollback(cells, mark);
        price_spare_all(core);
    }
    plan->allot = id;
    plan->chain = allot->spec.chain.v;
    plan_tidy(plan);
    return done;
}

bool plan_allot(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled, struct plan *plan)
{
    const uint32_t at = core->allots[id]->spec.chain.v;
    struct request own;
    for (const struct request *as = even_first(core, ask, at, &own); as; as = even_next(core, as, at, &own))
        if (allot_as(core, as, id, leveled, plan))
            return true;
    return false;
}

bool plan_suits(const struct dure_core *core, const struct request *ask, const struct allot *allot)
{
    const uint32_t at = allot->spec.chain.v;
    struct dure_ask gang;
    struct request own;
    for (const struct request *as = even_first(core, ask, at, &own); as; as = even_next(core, as, at, &own))
        if (rule_carries(core, as, at) && ask_of_allot(core, as, allot, ask->level_required, &gang))
            return true;
    return false;
}

static bool plan_one(struct dure_core *core, const struct request *ask, uint32_t holder, const struct prefer *prefer,
                     bool leveled, struct plan *plan)
{
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        if (!prefer_has(core, ask, prefer, core->allots[id]->spec.chain.v) || !plan_may_use(core, ask, id) ||
            (leveled && !ask->level_required && !rule_level(core, ask, core->allots[id]->spec.chain.v)))
            continue;
        if (plan_allot(core, ask, id, leveled, plan))
            return true;
    }
    return false;
}

bool plan_guaranteed(struct dure_core *core, const struct request *ask, struct plan *plan)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    if (holder == NONE)
        return false;
    struct prefer prefer = prefer_first(core, ask);
    do {
        if (ask->level && plan_one(core, ask, holder, &prefer, true, plan))
            return true;
        if ((!ask->level || !ask->level_required) && plan_one(core, ask, holder, &prefer, false, plan))
            return true;
        if (plan_spanning(core, ask, holder, &prefer, plan))
            return true;
    } while (prefer_next(core, ask, &prefer));
    return plan_served(core, ask, holder, plan) || plan_by_priority(core, ask, holder, plan);
}

bool plan_may_use(const struct dure_core *core, const struct request *ask, uint32_t id)
{
    const struct allot *allot = core->allots[id];
    return (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT) &&
           rule_carries(core, ask, allot->spec.chain.v);
}
