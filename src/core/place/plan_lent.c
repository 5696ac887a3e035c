#include "core/place/plan_inner.h"

#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/ground.h"
#include "core/place/lenders.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/prefer.h"

void plan_realise_chain(struct dure_core *core, const struct request *ask, uint32_t at, uint32_t tasks,
                        const struct dure_takes *takes, struct plan *plan)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, at) : 0;
    const uint32_t a_node = gate_alone(core, ask) != DURE_DATA_ANYBODY ? gate_tasks_a_node(core, ask, at) : 0;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *t = &takes->at[i];
        if (per_gpu) {
            plan_place_fractions(core, ask, at, t->slot * chain->node_gpus, t, per_gpu, &tasks, plan);
            continue;
        }
        const uint32_t here = !a_node ? t->tasks : tasks < a_node ? tasks : a_node;
        plan_add_place(plan, (struct dure_place){chain->node_first + t->slot, 1, t->mask, here, 1000, 0});
        tasks -= a_node ? here : 0;
    }
}

enum { ON_AWAY = 1, ON_BOUND = 2 };

/* `where`: on nodes under no bound right, on those under one, or the one before the other. What is limited to nodes goes by rules of its own. */
static bool chain_as(struct dure_core *core, const struct request *ask, uint32_t at, bool leveled, unsigned where,
                     struct plan *plan)
{
    struct dure_ask gang;
    if (limits_hold(core, ask, false))
        return ((where & ON_AWAY) && limited_chain(core, ask, at, leveled, true, plan)) ||
               ((where & ON_BOUND) && limited_chain(core, ask, at, leveled, false, plan));
    if (ask->task_gpu_milli == 1000 &&
        !plan_has_slot(where & ON_BOUND ? &core->chains[at].idle : &core->chains[at].away, ask))
        return false;
    if (!ask_of_chain(core, ask, at, leveled, &gang))
        return false;
    plan->place_count = plan->binding_count = 0;
    core->takes.count = 0;
    uint32_t tasks = ask->tasks;
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, at) : 0;
    if (per_gpu) {
        if ((!gang.span && !gang.group) || ask->tasks == 1) /* GPUs in use lie anywhere */
            tasks = plan_fill_shared(core, ask, at, NONE, NULL, false, plan);
        gang.tasks = (tasks + per_gpu - 1) / per_gpu;
    }
    if (gang.tasks && !((where & ON_AWAY) && dure_slots_fit(&core->chains[at].away, &gang, &core->takes)) &&
        !((where & ON_BOUND) && dure_slots_fit(&core->chains[at].idle, &gang, &core->takes)))
        return false;
    plan_realise_chain(core, ask, at, tasks, &core->takes, plan);
    ground_fetch(core, at, plan->places, plan->place_count);
    plan->allot = NONE;
    plan->chain = at;
    plan_tidy(plan);
    return true;
}

static bool plan_on(struct dure_core *core, const struct request *ask, uint32_t at, bool leveled, unsigned where,
                    struct plan *plan)
{
    struct request own;
    for (const struct request *as = even_first(core, ask, at, &own); as; as = even_next(core, as, at, &own))
        if (chain_as(core, as, at, leveled, where, plan))
            return true;
    return false;
}

bool plan_chain(struct dure_core *core, const struct request *ask, uint32_t at, bool leveled, struct plan *plan)
{
    return plan_on(core, ask, at, leveled, ON_AWAY | ON_BOUND, plan);
}

/* Is there enough beside what the chain owes and has not bound yet? */
static bool has_spare(const struct dure_core *core, uint32_t at, uint64_t gpus)
{
    return core->chains[at].away.idle_total >= gpus + dure_cells_owed_leaves(core->chains[at].cells);
}

/* What it would take there: who must be alone takes nodes whole. */
static uint64_t taken_in(const struct dure_core *core, const struct request *ask, uint32_t at, uint64_t gpus)
{
    struct dure_ask gang;
    return ask->data_mask && gpus && ask_of_chain(core, ask, at, false, &gang) ? (uint64_t)gang.tasks * gang.task_gpus
                                                                               : gpus;
}

/* For each round the first chain that it need look at: those before have too little idle of what it looks for. */
static void find_begins(const struct dure_core *core, const struct lenders *lenders, uint64_t gpus, uint32_t begins[3])
{
    uint32_t i = 0, away = NONE, idle = NONE;
    for (; i < lenders->count; i++) {
        const uint32_t at = lenders->chains[i] & ~LENDER_HAS_LEVEL;
        const struct chain_state *chain = &core->chains[at];
        if (chain->idle.idle_total < gpus)
            continue;
        idle = idle == NONE ? i : idle;
        if (chain->away.idle_total < gpus)
            continue;
        away = away == NONE ? i : away;
        if (has_spare(core, at, gpus))
            break;
    }
    begins[0] = i;
    begins[1] = away == NONE ? i : away;
    begins[2] = idle == NONE ? i : idle;
}

/* On chains of the rank at hand, least promised first: first where nothing is owed, then where a right is owed but not bound, at last on what a
 * right has bound and leaves idle, so that as few as possible have to leave again. */
static bool borrow_one(struct dure_core *core, const struct request *ask, const struct lenders *lenders,
                       const struct prefer *prefer, bool leveled, struct plan *plan)
{
    const uint64_t gpus = ask->task_gpu_milli < 1000 ? 0 : request_gpus(ask);
    uint32_t begins[3];
    find_begins(core, lenders, gpus, begins);
    for (unsigned round = 0; round < 3; round++)
        for (uint32_t i = begins[round]; i < lenders->count; i++) {
            const uint32_t at = lenders->chains[i] & ~LENDER_HAS_LEVEL;
            const bool passed = leveled && !ask->level_required && !(lenders->chains[i] & LENDER_HAS_LEVEL);
            const struct dure_slots *field = round < 2 ? &core->chains[at].away : &core->chains[at].idle;
            if (field->idle_total >= gpus && !passed && prefer_has(core, ask, prefer, at) &&
                (round || has_spare(core, at, taken_in(core, ask, at, gpus))) &&
                plan_on(core, ask, at, leveled, round < 2 ? ON_AWAY : ON_BOUND, plan))
                return true;
        }
    return false;
}

/* Is there room anywhere, however it lies? Most that wait for GPUs are told so here. */
static bool has_room(const struct dure_core *core, const struct request *ask, const struct lenders *lenders)
{
    if (ask->task_gpu_milli < 1000)
        return true;
    for (uint32_t i = 0; i < lenders->count; i++) {
        const struct dure_slots *idle = &core->chains[lenders->chains[i] & ~LENDER_HAS_LEVEL].idle;
        if (plan_has_slot(idle, ask) && (ask->tasks == 1 || dure_slots_capacity(idle, ask->task_gpus) >= ask->tasks))
            return true;
    }
    return false;
}

bool plan_borrowed(struct dure_core *core, const struct request *ask, struct plan *plan)
{
    const struct lenders *lenders = lenders_of(core, ask);
    if (!has_room(core, ask, lenders))
        return false;
    struct prefer prefer = prefer_first(core, ask);
    do {
        if (ask->level && borrow_one(core, ask, lenders, &prefer, true, plan))
            return true;
        if ((!ask->level || !ask->level_required) && borrow_one(core, ask, lenders, &prefer, false, plan))
            return true;
    } while (prefer_next(core, ask, &prefer));
    return false;
}
