#include "core/place/later_inner.h"

#include <stdlib.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/plan_more.h"
#include "core/place/rules.h"
#include "core/place/timeline.h"
#include "core/queue/need.h"

enum { STEPS = 64 }; /* moments that are looked at one by one, at most */

/* ---- does it fit then? ---- */

/* What must be alone in its nodes takes them whole, and says so in nodes. */
static void take_places(struct timeline *t, const struct request *ask, uint32_t allot, uint32_t chain,
                        uint32_t node_first)
{
    const struct dure_takes *takes = &t->core->takes;
    const uint32_t a_node = gate_alone(t->core, ask) != DURE_DATA_ANYBODY ? gate_tasks_a_node(t->core, ask, chain) : 0;
    uint32_t left = ask->tasks;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *take = &takes->at[i];
        const uint32_t tasks = !a_node ? take->tasks : left < a_node ? left : a_node;
        left -= a_node ? tasks : 0;
        plan_add_place(t->plan, (struct dure_place){node_first + take->slot, 1, take->mask, tasks, 1000, 0});
        if (allot != NONE)
            plan_add_binding(t->plan, (struct dure_binding){{allot}, 0, 0, 0});
    }
}

static bool allot_as(struct timeline *t, const struct request *ask, uint32_t id, bool leveled)
{
    struct dure_core *core = t->core;
    struct allot *allot = core->allots[id];
    struct dure_ask gang;
    core->takes.count = 0;
    if (limits_hold(core, ask, true))
        return limited_allot_later(core, ask, id, leveled, t->plan);
    if (!ask_of_allot(core, ask, allot, leveled, &gang) || !dure_slots_fit(&allot->slots, &gang, &core->takes))
        return false;
    take_places(t, ask, id, allot->spec.chain.v, 0);
    return true;
}

static bool fits_allot(struct timeline *t, uint32_t id, bool leveled)
{
    const uint32_t at = t->core->allots[id]->spec.chain.v;
    struct request own;
    for (const struct request *as = even_first(t->core, t->ask, at, &own); as; as = even_next(t->core, as, at, &own))
        if (allot_as(t, as, id, leveled))
            return true;
    return false;
}

static bool fits_one(struct timeline *t, const struct prefer *prefer, bool leveled)
{
    struct dure_core *core = t->core;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (prefer_has(core, t->ask, prefer, core->allots[id]->spec.chain.v) && plan_may_use(core, t->ask, id) &&
            (!leveled || t->ask->level_required || rule_level(core, t->ask, core->allots[id]->spec.chain.v)) &&
            fits_allot(t, id, leveled))
            return true;
    return false;
}

static bool span(struct timeline *t, const struct request *ask, uint32_t chain)
{
    struct dure_core *core = t->core;
    uint32_t left = ask->tasks;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE && left; id = core->allots[id]->next_of_holder) {
        struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain || !plan_may_use(core, ask, id))
            continue;
        const uint32_t can = plan_room(core, allot, ask, false), tasks = can < left ? can : left;
        const struct dure_ask part = {.tasks = tasks, .task_gpus = ask->task_gpus, .per_slot = ask->tasks_per_node};
        core->takes.count = 0;
        if (!tasks || !dure_slots_fit(&allot->slots, &part, &core->takes))
            continue;
        take_places(t, ask, id, chain, 0);
        left -= tasks;
    }
    return !left;
}

static bool spanning_as(struct timeline *t, const struct request *ask, uint32_t chain)
{
    struct dure_core *core = t->core;
    t->plan->place_count = t->plan->binding_count = 0;
    return plan_may_span(core, ask, chain) && plan_suits_together(core, ask, chain) &&
           (limits_hold(core, ask, true) ? limited_spanning_later(core, ask, t->holder, chain, t->plan)
                                         : span(t, ask, chain));
}

static bool fits_spanning(struct timeline *t, uint32_t chain)
{
    struct dure_core *core = t->core;
    struct request own;
    for (const struct request *as = even_first(core, t->ask, chain, &own); as; as = even_next(core, as, chain, &own))
        if (spanning_as(t, as, chain))
            return true;
    return false;
}

static bool fits_together(struct timeline *t, const struct prefer *prefer)
{
    struct dure_core *core = t->core;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        const uint32_t chain = core->allots[id]->spec.chain.v;
        if (prefer_has(core, t->ask, prefer, chain) && plan_is_first_of_chain(core, t->holder, id) &&
            fits_spanning(t, chain))
            return true;
    }
    return false;
}

/* In the order in which a start is sought: by the models that it would rather have. */
static bool fits_rights(struct timeline *t)
{
    struct dure_core *core = t->core;
    const struct request *ask = t->ask;
    struct prefer prefer = prefer_first(core, ask);
    do {
        t->plan->place_count = t->plan->binding_count = 0;
        if (ask->level && fits_one(t, &prefer, true))
            return true;
        if ((!ask->level || !ask->level_required) && (fits_one(t, &prefer, false) || fits_together(t, &prefer)))
            return true;
    } while (prefer_next(core, ask, &prefer));
    return false;
}

/* ---- where hardware tells the places ---- */

/* It is bound to nothing any more, and may be bound anew. In the cells alone, until they are rolled back. */
static void leave_cell(struct timeline *t, uint32_t id, const struct dure_cells_virtual *cell)
{
    const struct allot *allot = t->core->allots[id];
    struct dure_cells *cells = t->core->chains[allot->spec.chain.v].cells;
    struct dure_cells_leaf leaf;
    const uint32_t first = dure_cells_first_leaf(cells, cell->cell);
    for (uint32_t i = first; i < first + allot->cell_leaves; i++)
        for (dure_cells_leaf(cells, i, &leaf); leaf.used; leaf.used--)
            DURE_ASSERT(dure_cells_use(cells, i, -1, NULL) == DURE_OK);
    DURE_ASSERT(dure_cells_give(cells, cell->allot, cell->index, NULL) == DURE_OK);
}

static bool is_all_idle(const struct allot *allot, uint32_t index)
{
    for (uint32_t i = 0; i < allot->cell_slots; i++)
        if (allot->slots.idle[index * allot->cell_slots + i] != allot->slots.full)
            return false;
    return true;
}

typedef void (*cell_fn)(struct timeline *t, uint32_t id, const struct dure_cells_virtual *cell);

/* Bound cells of the holder that nobody uses by then. */
static void each_empty(struct timeline *t, cell_fn each)
{
    struct dure_core *core = t->core;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
        struct dure_cells_virtual cell;
        for (uint32_t from = 0;
             plan_may_use(core, t->ask, id) &&
             dure_cells_virtual_next(cells, (struct dure_allot_id){id}, from, 1u << DURE_CELLS_BOUND, &cell);
             from = cell.index + 1)
            if (!cell.lost && is_all_idle(allot, cell.index))
                each(t, id, &cell);
    }
}

static bool overlaps(const struct allot *allot, uint32_t cell, const struct allot *other, uint32_t other_cell)
{
    const uint64_t first = (uint64_t)cell * allot->cell_leaves, other_first = (uint64_t)other_cell * other->cell_leaves;
    return allot->spec.chain.v == other->spec.chain.v && first < other_first + other->cell_leaves &&
           other_first < first + allot->cell_leaves;
}

/* Another cell of the holder stands where the plan is to be bound: it is kept as well, so that it is empty by then. */
static void keep_empty(struct timeline *t, uint32_t id, const struct dure_cells_virtual *cell)
{
    const struct allot *allot = t->core->allots[id];
    struct plan *plan = t->plan;
    bool is_in_way = false;
    for (uint32_t i = 0; i < plan->place_count; i++) {
        const struct dure_binding *binding = &plan->bindings[i];
        if (binding->allot.v == id && binding->virtual_index == cell->index &&
            limited_by_hardware(t->core, t->ask, allot)) /* else it names the right alone */
            return;
        is_in_way |= binding->is_new &&
                     overlaps(allot, cell->cell.index, t->core->allots[binding->allot.v], binding->cell_index);
    }
    for (uint32_t i = 0; is_in_way && i < allot->cell_slots; i++) {
        plan_add_place(plan,
                       (struct dure_place){cell->index * allot->cell_slots + i, 1, allot->slots.full, 0, 1000, 0});
        plan_add_binding(plan, (struct dure_binding){{id}, cell->index, cell->cell.index, 1});
    }
}

static bool fits_rebound(struct timeline *t)
{
    struct dure_core *core = t->core;
    const uint32_t chains = core->fleet->chain_count;
    struct dure_cells_mark *marks = dure_core_alloc(sizeof *marks, chains);
    for (uint32_t i = 0; i < chains; i++)
        marks[i] = dure_cells_mark(core->chains[i].cells);
    each_empty(t, leave_cell);
    const bool found = fits_rights(t);
    for (uint32_t i = 0; i < chains; i++)
        dure_cells_rollback(core->chains[i].cells, marks[i]);
    free(marks);
    if (found)
        each_empty(t, keep_empty);
    return found;
}

static bool is_by_hardware(const struct timeline *t)
{
    const struct dure_core *core = t->core;
    uint32_t id = core->tenant[t->holder].first_allot;
    while (id != NONE && !limited_by_hardware(core, t->ask, core->allots[id]))
        id = core->allots[id]->next_of_holder;
    return id != NONE;
}

static int64_t moment_us(const struct timeline *t, uint32_t moment)
{
    return moment ? t->moments[moment - 1].at_us : t->core->s.time_us;
}

/* What is bound anew then hangs on what others bind until then, and on which rights are short: not with maintenance about. */
static bool is_undisturbed(const struct timeline *t, uint32_t moment)
{
    const struct dure_core *core = t->core;
    const int64_t until_us = moment_us(t, moment) + request_lasts_us(t->ask);
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (booked_before(core, core->allots[id]->spec.chain.v, until_us))
            return false;
    return true;
}

static bool may_rebind(const struct timeline *t, uint32_t moment)
{
    return is_undisturbed(t, moment) && is_by_hardware(t);
}

static bool fits_guaranteed(struct timeline *t, uint32_t moment)
{
    struct dure_core *core = t->core;
    uint64_t idle = 0;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        idle += core->allots[id]->slots.idle_total;
    if (t->ask->task_gpu_milli == 1000 && idle < request_gpus(t->ask))
        return false;
    return fits_rights(t) || (may_rebind(t, moment) && fits_rebound(t));
}

static bool chain_as(struct timeline *t, const struct request *ask, bool leveled, bool away)
{
    struct dure_core *core = t->core;
    struct chain_state *chain = &core->chains[t->chain];
    struct dure_ask gang;
    core->takes.count = 0;
    if (limits_hold(core, ask, false) ? !limited_chain_later(core, ask, t->chain, leveled, away)
                                      : !ask_of_chain(core, ask, t->chain, leveled, &gang) ||
                                            !dure_slots_fit(away ? &chain->away : &chain->idle, &gang, &core->takes))
        return false;
    take_places(t, ask, NONE, t->chain, core->fleet->chains[t->chain].node_first);
    return true;
}

/* `away`: on nodes under no bound right; else on any. */
static bool fits_chain(struct timeline *t, bool leveled, bool away)
{
    const uint32_t at = t->chain;
    struct request own;
    for (const struct request *as = even_first(t->core, t->ask, at, &own); as; as = even_next(t->core, as, at, &own))
        if (chain_as(t, as, leveled, away))
            return true;
    return false;
}

static bool fits_borrowed(struct timeline *t)
{
    struct dure_core *core = t->core;
    t->plan->place_count = t->plan->binding_count = 0;
    if (t->ask->task_gpu_milli == 1000 && core->chains[t->chain].idle.idle_total < request_gpus(t->ask))
        return false;
    for (unsigned leveled = t->ask->level && rule_level(core, t->ask, t->chain) ? 1 : 0;; leveled = 0) {
        if (fits_chain(t, leveled, true) || fits_chain(t, leveled, false))
            return true;
        if (!leveled || t->ask->level_required)
            return false;
    }
}

static bool fits(struct timeline *t, uint32_t moment)
{
    timeline_go_to(t, moment);
    t->core->fences.later_us = moment ? t->moments[moment - 1].at_us : 0;
    const bool found = t->chain == NONE ? fits_guaranteed(t, moment) : fits_borrowed(t);
    t->core->fences.later_us = 0;
    return found;
}

static uint64_t idle_now(const struct timeline *t)
{
    const struct dure_core *core = t->core;
    uint64_t idle = t->chain == NONE ? 0 : core->chains[t->chain].idle.idle_total;
    for (uint32_t id = t->chain == NONE ? core->tenant[t->holder].first_allot : NONE; id != NONE;
         id = core->allots[id]->next_of_holder)
        idle += core->allots[id]->slots.idle_total;
    return idle;
}

/* Looks only where GPUs enough may have come free. */
static bool may_fit(struct timeline *t, uint32_t moment)
{
    return t->moments[moment - 1].gpus >= t->need && fits(t, moment);
}

/* The last moment after `from` at which cells may still be bound anew, where at a later one that is known they may not. 0: there is none. What fits at
 * it may not fit later. */
static uint32_t last_to_rebind(const struct timeline *t, uint32_t from)
{
    uint32_t last = t->moment_count;
    if (t->chain != NONE || is_undisturbed(t, last) || !is_by_hardware(t))
        return 0;
    while (last > from && !is_undisturbed(t, last))
        last--;
    return last > from ? last : 0;
}

/* Of the moments after `*failed`, the last at which it may fit, if it does; else 0, and it fits at none of them. */
static uint32_t last_fit(struct timeline *t, uint32_t *failed)
{
    const uint32_t lasts[2] = {last_to_rebind(t, *failed), t->moment_count};
    for (unsigned i = 0; i < 2; i++) {
        if (lasts[i] && may_fit(t, lasts[i]))
            return lasts[i];
        *failed = lasts[i] ? lasts[i] : *failed;
    }
    return 0;
}

/* The first moment at which it fits: in leaps that double, then by halves of the last one. Where lists or spreads are met a place is put together node by
 * node, and more idle GPUs may lead to none; so the first moments are looked at one by one. */
static enum later search(struct timeline *t, int64_t *ret_at_us)
{
    const bool by_steps = limits_hold(t->core, t->ask, t->chain == NONE);
    uint32_t failed = 0, leap = 1; /* it does not fit after so many moments */
    if (t->from_us <= t->core->s.time_us && fits(t, 0))
        return LATER_NOW;
    t->need = t->ask->task_gpu_milli == 1000 ? request_gpus(t->ask) : 0;
    t->idle = idle_now(t);
    timeline_read(t);
    for (bool more = true; more; leap = by_steps && t->moment_count < STEPS ? 1 : leap * 2) {
        for (uint32_t i = 0; i < leap && more; i++)
            more = timeline_next(t);
        if (t->moment_count == failed)
            break;
        uint32_t high = last_fit(t, &failed), low = failed + 1;
        if (!high)
            continue;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            if (may_fit(t, middle))
                high = middle;
            else
                low = middle + 1;
        }
        const bool found = fits(t, high);
        DURE_ASSERT(found);
        timeline_go_to(t, 0);
        *ret_at_us = t->moments[high - 1].at_us;
        return LATER_FOUND;
    }
    timeline_go_to(t, 0);
    return LATER_NEVER;
}

enum later later_guaranteed(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                            int64_t *ret_at_us)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool any = false;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE && !any;
         id = core->allots[id]->next_of_holder)
        any = plan_may_use(core, ask, id);
    if (!any)
        return LATER_NEVER;
    struct timeline t = {.core = core,
                         .ask = ask,
                         .list = &core->tenant[holder].ends,
                         .holder = holder,
                         .chain = NONE,
                         .from_us = from_us,
                         .before_us = DURE_NEVER_US,
                         .plan = plan};
    const enum later found = search(&t, ret_at_us);
    timeline_release(&t);
    if (found == LATER_FOUND)
        plan->chain = core->allots[plan->bindings[0].allot.v]->spec.chain.v;
    return found;
}

bool later_may_borrow(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct chain_state *chain = &core->chains[at];
    int64_t notice;
    if (ask->task_gpu_milli == 1000 && chain->idle.idle_total + chain->lent < request_gpus(ask))
        return false;
    return rule_hardware(core, ask, at).rule == DURE_RULE_FITS && lend_terms(core, at, ask->tenant, false, &notice) &&
           ask->grace_us <= notice;
}

uint32_t later_lenders(const struct dure_core *core, const struct request *ask, uint32_t *chains)
{
    struct prefer prefer = prefer_first(core, ask);
    uint32_t count = 0;
    do {
        for (uint32_t i = 0; i < core->fleet->chain_count; i++)
            if (prefer_has(core, ask, &prefer, core->borrow_order[i]) &&
                later_may_borrow(core, ask, core->borrow_order[i]))
                chains[count++] = core->borrow_order[i];
    } while (prefer_next(core, ask, &prefer));
    return count;
}

enum later later_borrowed(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                          int64_t *ret_at_us)
{
    struct plan other = {0};
    enum later found = LATER_NEVER;
    if (later_is_counted(core, ask) && !fence_touches(core, ask, false))
        return later_counted(core, ask, from_us, plan, ret_at_us);
    uint32_t *chains = dure_core_alloc(sizeof *chains, core->fleet->chain_count);
    const uint32_t count = later_lenders(core, ask, chains);
    for (uint32_t i = 0; i < count && found != LATER_NOW; i++) {
        const uint32_t at = chains[i];
        int64_t at_us;
        struct timeline t = {.core = core,
                             .ask = ask,
                             .list = &core->chains[at].ends,
                             .holder = NONE,
                             .chain = at,
                             .from_us = from_us,
                             .before_us = found == LATER_FOUND ? *ret_at_us : DURE_NEVER_US,
                             .plan = &other};
        if (t.before_us <= from_us)
            break;
        const enum later here = search(&t, &at_us);
        if (here == LATER_FOUND) { /* sooner than any before it */
            const struct plan swap = *plan;
            *plan = other;
            other = swap;
            plan->chain = at;
            *ret_at_us = at_us;
            found = LATER_FOUND;
        } else if (here == LATER_NOW) { /* it is maintenance that keeps it from there */
            found = LATER_NOW;
        }
        timeline_release(&t);
    }
    free(chains);
    plan_release(&other);
    return found;
}
