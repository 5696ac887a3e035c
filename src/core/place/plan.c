#include "core/place/plan.h"
#include "core/place/plan_more.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/ground.h"
#include "core/place/lenders.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/prefer.h"
#include "core/place/price.h"
#include "core/place/rules.h"
#include "core/place/shares.h"
#include "core/place/sight.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

void plan_release(struct plan *plan)
{
    free(plan->places);
    free(plan->bindings);
    free(plan->fresh);
    *plan = (struct plan){0};
}

void plan_add_place(struct plan *plan, struct dure_place place)
{
    if (plan->place_count == plan->place_capacity) {
        plan->place_capacity = plan->place_capacity ? plan->place_capacity * 2 : 16;
        plan->places = dure_core_grow(plan->places, sizeof *plan->places, plan->place_capacity);
    }
    plan->places[plan->place_count++] = place;
}

static struct dure_binding *find_binding(const struct plan *plan, uint32_t allot, uint32_t index)
{
    for (uint32_t i = plan->binding_count; i-- > 0;)
        if (plan->bindings[i].allot.v == allot && plan->bindings[i].virtual_index == index)
            return &plan->bindings[i];
    return NULL;
}

struct dure_binding *plan_add_binding(struct plan *plan, struct dure_binding binding)
{
    if (plan->binding_count == plan->binding_capacity) {
        plan->binding_capacity = plan->binding_capacity ? plan->binding_capacity * 2 : 16;
        plan->bindings = dure_core_grow(plan->bindings, sizeof *plan->bindings, plan->binding_capacity);
    }
    plan->bindings[plan->binding_count] = binding;
    return &plan->bindings[plan->binding_count++];
}

void plan_note_fresh(struct plan *plan, struct dure_binding binding)
{
    if (plan->fresh_count == plan->fresh_capacity) {
        plan->fresh_capacity = plan->fresh_capacity ? plan->fresh_capacity * 2 : 16;
        plan->fresh = dure_core_grow(plan->fresh, sizeof *plan->fresh, plan->fresh_capacity);
    }
    plan->fresh[plan->fresh_count++] = binding;
}

void plan_forget_fresh(struct dure_core *core, struct plan *plan)
{
    for (; plan->fresh_count; plan->fresh_count--) {
        const struct dure_binding *last = &plan->fresh[plan->fresh_count - 1];
        core->trials++;
        sight_cell(core, last->allot.v, last->virtual_index);
        core->trials--;
    }
}

bool plan_is_fresh(const struct plan *plan, uint32_t allot, uint32_t index)
{
    for (uint32_t i = 0; i < plan->fresh_count; i++)
        if (plan->fresh[i].allot.v == allot && plan->fresh[i].virtual_index == index)
            return true;
    return false;
}

static int by_node(const void *a, const void *b)
{
    const struct dure_place *x = a, *y = b;
    if (x->node_first != y->node_first)
        return x->node_first < y->node_first ? -1 : 1;
    return x->gpu_mask < y->gpu_mask ? -1 : x->gpu_mask > y->gpu_mask;
}

/* Sorted by node; parts of one node and runs of equal nodes become one place. */
void plan_tidy(struct plan *plan)
{
    if (plan->place_count < 2)
        return;
    uint32_t sorted = 1; /* they mostly come in order */
    while (sorted < plan->place_count && by_node(&plan->places[sorted - 1], &plan->places[sorted]) <= 0)
        sorted++;
    if (sorted < plan->place_count)
        qsort(plan->places, plan->place_count, sizeof *plan->places, by_node);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < plan->place_count; i++) {
        struct dure_place *last = &plan->places[kept];
        const struct dure_place *next = &plan->places[i];
        const bool whole = last->gpu_milli == 1000 && next->gpu_milli == 1000;
        if (whole && next->node_first == last->node_first && last->node_count == 1) {
            last->gpu_mask |= next->gpu_mask;
            last->tasks += next->tasks;
        } else {
            plan->places[++kept] = *next;
        }
    }
    plan->place_count = kept + 1;
    kept = 0;
    for (uint32_t i = 1; i < plan->place_count; i++) {
        struct dure_place *last = &plan->places[kept];
        const struct dure_place *next = &plan->places[i];
        if (next->node_first == last->node_first + last->node_count && next->gpu_mask == last->gpu_mask &&
            next->tasks == last->tasks && next->gpu_milli == last->gpu_milli && next->starts == last->starts)
            last->node_count++;
        else
            plan->places[++kept] = *next;
    }
    plan->place_count = kept + 1;
}

uint32_t plan_milli(const struct plan *plan)
{
    uint32_t milli = 0;
    for (uint32_t i = 0; i < plan->place_count; i++) {
        const struct dure_place *p = &plan->places[i];
        milli += p->node_count *
                 (p->gpu_milli == 1000 ? (uint32_t)__builtin_popcountll(p->gpu_mask) * 1000 : p->tasks * p->gpu_milli);
    }
    return milli;
}

void plan_copy(struct plan *plan, const struct claim *claim)
{
    plan->place_count = plan->binding_count = 0;
    plan->chain = claim->d.chain;
    plan->allot = claim->d.allot;
    for (uint32_t i = 0; i < claim->d.place_count; i++)
        plan_add_place(plan, claim->places[i]);
    for (uint32_t i = 0; i < claim->d.binding_count; i++)
        plan_add_binding(plan, claim->bindings[i]);
}

/* ---- fractions ---- */

/* It waits for work of its own tenant to leave, which this request might not have sent away: joining, it would, were those gone who may. */
static bool waits_for_its_better(const struct dure_core *core, const struct request *ask, const struct shared *shared)
{
    const uint32_t occupant = core->chains[shared->chain].occupant[shared->leaf];
    if (occupant == NONE || (occupant & OCCUPANT_SHARED))
        return false;
    const struct attempt *attempt = attempt_at(core, occupant);
    return !attempt->d.borrowed && job_ask(core, job_at(core, attempt->job_slot))->priority >= ask->priority;
}

static uint32_t room_of(const struct dure_core *core, const struct request *ask, const struct shared *shared)
{
    const struct dure_chain *chain = &core->fleet->chains[shared->chain];
    const uint32_t claim = core->chains[shared->chain].claim[shared->leaf];
    const bool wanted = claim != NONE && (shared->allot == NONE || !(claim & OCCUPANT_SHARED) ||
                                          DURE_CORE_MUTATED(CLOSED_SHARES)); /* by its owner, or whole */
    const struct node *node = &core->nodes[chain->node_first + shared->leaf / chain->node_gpus];
    if (planned_keeps_leaf(core, shared->allot, shared->chain, shared->leaf) || wanted ||
        waits_for_its_better(core, ask, shared) || node->veiled ||
        (node_lost(core, node) >> shared->leaf % chain->node_gpus & 1))
        return 0;
    if (shared->is_mig != (ask->mig != 0) && !DURE_CORE_MUTATED(MIG_BESIDE_MILLI))
        return 0;
    if (ask->mig)
        return (uint32_t)__builtin_popcount(mig_starts(core->fleet, &core->fleet->models[chain->model.v], ask->mig - 1u,
                                                       shared->mig, DURE_MIG_SLICES_MAX));
    const uint32_t mib = fraction_mib(core, ask, shared->chain), by_milli = shared->free_milli / ask->task_gpu_milli;
    const uint32_t by_memory = mib ? shared->free_mib / mib : by_milli;
    return by_memory < by_milli ? by_memory : by_milli;
}

/* Tasks on one GPU, which is shared already, or not yet (NULL). */
static void place_leaf(const struct dure_core *core, uint32_t at, uint32_t leaf, const struct shared *shared,
                       const struct request *ask, uint32_t tasks, struct plan *plan)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    struct dure_place place = {chain->node_first + leaf / chain->node_gpus,
                               1,
                               UINT64_C(1) << (leaf % chain->node_gpus),
                               tasks,
                               ask->task_gpu_milli,
                               0};
    if (ask->mig)
        place.starts = mig_starts(core->fleet, &core->fleet->models[chain->model.v], ask->mig - 1u,
                                  shared && !DURE_CORE_MUTATED(MIG_OVERLAP) ? shared->mig : (struct mig_gpu){0}, tasks);
    plan_add_place(plan, place);
}

static void bind_leaf(const struct dure_core *core, uint32_t at, uint32_t leaf, struct plan *plan)
{
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    if (find_binding(plan, l.allot.v, l.index))
        return;
    struct dure_cells_virtual cell;
    DURE_ASSERT(dure_cells_virtual(core->chains[at].cells, l.allot, l.index, &cell));
    plan_add_binding(plan, (struct dure_binding){l.allot, l.index, cell.cell.index, 0});
}

/* What the limits leave of the room on one of them; its place as they see it in `ret_leaf`. */
static uint32_t limited_room(const struct dure_core *core, const struct limits *limits, bool by_hardware,
                             const struct shared *shared, uint32_t *ret_leaf)
{
    const uint32_t index = (uint32_t)(shared->rank >> 32), offset = (uint32_t)shared->rank;
    *ret_leaf =
        by_hardware || shared->allot == NONE ? shared->leaf : index * core->allots[shared->allot]->cell_leaves + offset;
    const uint32_t node = limits->node_first + shared->leaf / limits->node_gpus;
    if (limits->listed && dure_node_runs_next(limits->allowed, node) != node)
        return 0;
    if (limits_fenced(limits, shared->leaf / limits->node_gpus))
        return 0;
    return limits_room(limits, *ret_leaf);
}

/* In which order shared GPUs are filled: where the hole that a task takes a part of loses least by the prices, then the fullest. */
struct turn {
    uint32_t loss_ugpu, left_milli;
    uint64_t rank;
};

/* Limits are met by filling the fullest first: there prices would decide whether there is a place at all. */
static struct turn turn_of(const struct dure_core *core, const struct request *ask, const struct limits *limits,
                           const struct shared *shared)
{
    const bool priced = !limits && !ask->mig && shared->free_milli >= ask->task_gpu_milli;
    const uint32_t loss = priced ? dure_prices_loss(&core->hole_prices, shared->free_milli, ask->task_gpu_milli) : 0;
    return (struct turn){loss, shared->free_milli, shared->rank};
}

static bool is_before(struct turn a, struct turn b)
{
    if (a.loss_ugpu != b.loss_ugpu)
        return a.loss_ugpu < b.loss_ugpu;
    return a.left_milli != b.left_milli ? a.left_milli < b.left_milli : a.rank < b.rank;
}

uint32_t plan_fill_shared(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t allot,
                          struct limits *limits, bool by_hardware, struct plan *plan)
{
    uint32_t left = ask->tasks;
    struct turn last = {0};
    while (left) {
        const struct shared *best = NULL;
        struct turn first = {0};
        for (uint32_t at = share_first(core, ask->tenant, chain, allot); at != NONE; at = shared_at(core, at)->next) {
            const struct shared *s = shared_at(core, at);
            const struct turn turn = turn_of(core, ask, limits, s);
            uint32_t leaf;
            if ((best && !is_before(turn, first)) || is_before(turn, last) || !room_of(core, ask, s) ||
                (limits && !limited_room(core, limits, by_hardware, s, &leaf)))
                continue;
            best = s;
            first = turn;
        }
        if (!best)
            break;
        uint32_t room = room_of(core, ask, best), leaf = 0;
        const uint32_t limit = limits ? limited_room(core, limits, by_hardware, best, &leaf) : room;
        room = limit < room ? limit : room;
        const uint32_t tasks = room < left ? room : left;
        if (limits)
            limits_add(limits, leaf, tasks);
        place_leaf(core, chain, best->leaf, best, ask, tasks, plan);
        if (allot != NONE)
            bind_leaf(core, chain, best->leaf, plan);
        left -= tasks;
        last = first;
        last.rank++;
    }
    return left;
}

/* ---- by rights ---- */

/* The physical cell of a virtual one: as bound, or as the rules choose it (taken for the time of the trial, so that the next choice sees it). */
static bool bind(struct dure_core *core, const struct allot *allot, uint32_t id, const struct dure_takes *takes,
                 uint32_t from, struct plan *plan, struct dure_cell *ret_cell)
{
    const uint32_t index = takes->at[from].slot / allot->cell_slots;
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const struct dure_binding *known = find_binding(plan, id, index);
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

/* Fractions onto the GPUs of a take, which begin at `leaf`: as many as it says, or else of all that are left. */
static void place_fractions(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t leaf,
                            const struct dure_take *take, uint32_t per_gpu, uint32_t *tasks, struct plan *plan)
{
    uint32_t own = take->tasks, *left = plan->by_take ? &own : tasks;
    for (uint64_t mask = take->mask; mask; mask &= mask - 1) {
        const uint32_t here = *left < per_gpu ? *left : per_gpu;
        place_leaf(core, chain, leaf + (uint32_t)__builtin_ctzll(mask), NULL, ask, here, plan);
        *left -= here;
    }
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
        place_fractions(core, ask, allot->spec.chain.v, leaf, t, per_gpu, &tasks, plan);
    }
    return true;
}

/* Room for one whole task, and GPUs for all: without, nothing else has to be looked at. */
static bool has_slot(const struct dure_slots *slots, const struct request *ask)
{
    return ask->task_gpus <= slots->gpus && dure_slots_any(slots, ask->task_gpus) &&
           slots->idle_total >= request_gpus(ask);
}

static bool allot_as(struct dure_core *core, const struct request *ask, uint32_t id, bool leveled, struct plan *plan)
{
    const struct allot *allot = core->allots[id];
    struct dure_ask gang;
    if (limits_hold(core, ask, true))
        return limited_allot(core, ask, id, leveled, plan);
    if (ask->task_gpu_milli == 1000 && !has_slot(&allot->slots, ask))
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

/* ---- borrowed ---- */

void plan_realise_chain(struct dure_core *core, const struct request *ask, uint32_t at, uint32_t tasks,
                        const struct dure_takes *takes, struct plan *plan)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t per_gpu = ask->task_gpu_milli < 1000 ? fraction_per_gpu(core, ask, at) : 0;
    const uint32_t a_node = gate_alone(core, ask) != DURE_DATA_ANYBODY ? gate_tasks_a_node(core, ask, at) : 0;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *t = &takes->at[i];
        if (per_gpu) {
            place_fractions(core, ask, at, t->slot * chain->node_gpus, t, per_gpu, &tasks, plan);
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
        !has_slot(where & ON_BOUND ? &core->chains[at].idle : &core->chains[at].away, ask))
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
        if (has_slot(idle, ask) && (ask->tasks == 1 || dure_slots_capacity(idle, ask->task_gpus) >= ask->tasks))
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
