/* Planned starts where maintenance is booked.
 *
 * A start is sought as if nothing were booked; where its place would reach into a window, it is sought again with the nodes out of sight of which a
 * window meets the time that it would take, and, where nothing is found before one of these windows is over, from there on. So what is found
 * is the first moment at which it may start as things stand, be it behind a window over everything.
 *
 * By rights that is not enough: which cells are bound when a window begins, and so which rights are short, hangs on what others do until then. So
 * such a plan is *firm*: it counts on cells that are bound, and keeps them bound, or binds them when it is made, on hardware that is there
 * when it starts. What is bound cannot be suspended; so nothing that others do, and no window that was booked by then, takes the place. */
#include "core/booked/booked.h"
#include "core/gate/fence.h"
#include "core/gate/gate.h"
#include "core/place/sight.h"
#include "core/queue/need.h"
#include "core/state/mutants.h"
#include "core/state/planned.h"

struct foresight {
    struct dure_core *core;
    const struct request *ask;
    int64_t from_us, reach_us; /* out of sight are nodes whose windows meet this time; reach_us INT64_MIN: none */
    struct plan *plan;
    int64_t at_us; /* of what was found */
};

static enum later look(struct foresight *f)
{
    return f->ask->job_class == DURE_BORROWED ? later_borrowed(f->core, f->ask, f->from_us, f->plan, &f->at_us)
                                              : later_guaranteed(f->core, f->ask, f->from_us, f->plan, &f->at_us);
}

/* ---- firm plans ---- */

static bool is_firm(const struct foresight *f)
{
    return f->ask->job_class == DURE_GUARANTEED &&
           booked_before(f->core, f->plan->chain, f->at_us + request_lasts_us(f->ask));
}

/* On which hardware each of its cells is, or is to be bound now, as the veil has it. False: it counts on one that cannot be had. */
static bool bind_cells(const struct foresight *f)
{
    struct dure_cells *cells = f->core->chains[f->plan->chain].cells;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    bool done = true;
    for (uint32_t i = 0; done && i < f->plan->place_count; i++) {
        struct dure_binding *b = &f->plan->bindings[i];
        const struct allot *allot = f->core->allots[b->allot.v];
        struct dure_cells_virtual cell = {.cell = {0, 0}};
        b->virtual_index = f->plan->places[i].node_first / allot->cell_slots;
        done = dure_cells_virtual(cells, b->allot, b->virtual_index, &cell);
        const bool is_unbound = done && cell.state == DURE_CELLS_UNBOUND;
        if (is_unbound) {
            if (b->is_new) /* chosen already, for what names hardware */
                cell.cell = (struct dure_cell){b->cell_index, allot->spec.level};
            else
                done = dure_cells_choose(cells, b->allot, b->virtual_index, true, &cell.cell, NULL) == DURE_OK;
            done = done && dure_cells_take_exact(cells, b->allot, b->virtual_index, cell.cell, NULL) == DURE_OK;
        }
        b->is_new = is_unbound;
        b->cell_index = cell.cell.index;
    }
    dure_cells_rollback(cells, mark);
    return done;
}

/* Cells of the holder that are not bound count as taken, or do not any more. */
static void hide_unbound(const struct foresight *f, bool hide)
{
    struct dure_core *core = f->core;
    const uint32_t holder = core->tenant[f->ask->tenant].holder;
    core->is_bound_only = hide;
    core->trials++;
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        struct allot *allot = core->allots[id];
        const struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
        struct dure_cells_virtual cell;
        for (uint32_t from = 0; allot->slots.count && dure_cells_virtual_next(cells, (struct dure_allot_id){id}, from,
                                                                              1u << DURE_CELLS_UNBOUND, &cell);
             from = cell.index + 1) {
            if (!hide)
                sight_cell(core, id, cell.index);
            for (uint32_t i = 0; hide && i < allot->cell_slots; i++)
                dure_slots_set(&allot->slots, cell.index * allot->cell_slots + i, 0);
        }
    }
    core->trials--;
}

/* What was found, on cells that can be bound now, as the veil has it and as they are. Else what is found on those that are bound. */
static enum later look_firmly(struct foresight *f, struct veil *veil)
{
    const int64_t from_us = f->from_us;
    enum later found = look(f);
    bool is_bound_only = false;
    if (found == LATER_FOUND && is_firm(f)) {
        bool holds = bind_cells(f);
        if (veil)
            veil_take(f->core, veil);
        holds = holds && veil_plan_holds(f->core, f->plan);
        if (veil)
            veil_put(f->core, veil, from_us, f->reach_us, true);
        is_bound_only = !holds;
    }
    if (!is_bound_only)
        return found;
    hide_unbound(f, true);
    found = look(f);
    hide_unbound(f, false);
    if (found != LATER_FOUND || !is_firm(f))
        return found;
    bool is_bound = bind_cells(f);
    for (uint32_t i = 0; is_bound && i < f->plan->place_count; i++)
        is_bound = !f->plan->bindings[i].is_new;
    return is_bound ? found : LATER_NEVER;
}

static enum later look_veiled(struct foresight *f)
{
    struct veil veil;
    if (f->reach_us == INT64_MIN)
        return look_firmly(f, NULL);
    f->core->trials++;
    veil_put(f->core, &veil, f->from_us, f->reach_us, f->ask->job_class == DURE_GUARANTEED);
    const enum later found = look_firmly(f, &veil);
    veil_take(f->core, &veil);
    f->core->trials--;
    return found;
}

/* ---- the first moment ---- */

/* By rights a place is told in the private cluster, and may come to stand anywhere in the chain. */
static bool may_touch(const struct foresight *f)
{
    const struct dure_core *core = f->core;
    const int64_t reach_us = f->at_us + request_lasts_us(f->ask);
    const struct dure_chain *chain = &core->fleet->chains[f->plan->chain];
    if (core->chains[f->plan->chain].window_us >= reach_us)
        return false;
    if (f->ask->job_class == DURE_GUARANTEED)
        return window_meets(core, chain->node_first, chain->node_count, f->at_us, reach_us);
    for (uint32_t i = 0; i < f->plan->place_count; i++)
        if (window_meets(core, f->plan->places[i].node_first, f->plan->places[i].node_count, f->at_us, reach_us))
            return true;
    return false;
}

enum later later_around(struct dure_core *core, const struct request *ask, struct plan *plan, int64_t *ret_at_us)
{
    enum { ROUNDS_MAX = 16 };
    const int64_t lasts_us = request_lasts_us(ask), now_us = core->s.time_us;
    struct foresight f = {.core = core, .ask = ask, .from_us = now_us, .reach_us = INT64_MIN, .plan = plan};
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        const enum later found = look_veiled(&f);
        const bool is_veiled = f.reach_us != INT64_MIN;
        const int64_t over_us = is_veiled ? window_over(core, f.from_us, f.reach_us) : DURE_NEVER_US;
        if (found == LATER_NOW) {
            if (is_veiled || window_over(core, now_us, now_us + lasts_us) == DURE_NEVER_US)
                return LATER_NOW;
            f.reach_us = now_us + lasts_us;
        } else if (found == LATER_NEVER || over_us < f.at_us) { /* once a window is over there is more in sight */
            if (over_us == DURE_NEVER_US)
                return LATER_NEVER;
            f.from_us = over_us;
            f.reach_us = over_us + lasts_us;
        } else if ((is_veiled && f.at_us + lasts_us <= f.reach_us) || !may_touch(&f) ||
                   DURE_CORE_MUTATED(PLAN_WINDOWS)) {
            *ret_at_us = f.at_us;
            return LATER_FOUND;
        } else {
            f.from_us = f.at_us;
            f.reach_us = f.at_us + lasts_us;
        }
    }
    return LATER_NEVER;
}

/* ---- when it is time ---- */

bool plan_as_planned(struct dure_core *core, const struct request *ask, const struct planned *planned,
                     struct plan *plan)
{
    int64_t window_us;
    /* Who is beside it is for the rules alone to judge; and places without tasks, of a rack that is taken whole, are no kept cells. */
    if (!planned->d.firm || fence_touches(core, ask, true) || gate_alone(core, ask) == DURE_DATA_RACK)
        return false;
    plan->place_count = plan->binding_count = 0;
    plan->on_trial = false;
    for (uint32_t i = 0; i < planned->d.place_count;) {
        const uint32_t id = planned->bindings[i].allot.v;
        uint32_t tasks = 0;
        core->takes.count = 0;
        for (; i < planned->d.place_count && planned->bindings[i].allot.v == id; i++) {
            const struct dure_place *place = &planned->places[i];
            if (!place->tasks)
                continue;
            if (place->gpu_mask & ~core->allots[id]->slots.idle[place->node_first])
                return false;
            dure_takes_add(&core->takes, (struct dure_take){place->node_first, place->tasks, place->gpu_mask});
            tasks += place->tasks;
        }
        if (!plan_realise(core, ask, id, ask->task_gpu_milli < 1000 ? ask->tasks : tasks, &core->takes, plan))
            return false;
    }
    plan->chain = planned->d.chain;
    plan->allot = plan->bindings[0].allot.v;
    plan_tidy(plan);
    return !window_touches(core, plan->chain, plan->places, plan->place_count, window_reach(core, ask), &window_us);
}
