#include "core/why/rows.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/gate/gate.h"
#include "core/place/limits.h"
#include "core/place/plan.h"
#include "core/place/plan_more.h"
#include "core/state/lists.h"
#include "core/why/ground.h"

enum { ROWS_OF_CHAIN_MAX = 11 };

/* One answer in the making. */
struct rows {
    struct dure_core *core;
    const struct request *ask;
    struct dure_why *why;
    bool ahead;
    uint32_t fits_chain; /* where all its rights together have room now; NONE */
    bool *suits;         /* by allotment: usable now */
    uint32_t *first;     /* by chain: any allotment of the holder there; NONE */
};

static int64_t seconds_until(const struct dure_core *core, int64_t at_us)
{
    return at_us > core->s.time_us ? (at_us - core->s.time_us) / DURE_SECOND_US : 0;
}

static struct dure_why_row *add(const struct rows *r, uint32_t chain, enum dure_rule rule, uint64_t gpus,
                                uint64_t nodes)
{
    struct dure_why_row *row = &r->why->rows[r->why->row_count];
    *row = (struct dure_why_row){.rule = rule, .chain = {chain}, .gpus = gpus, .nodes = nodes, .unit = ""};
    r->why->row_count += gpus > 0;
    return row;
}

static void add_figures(const struct rows *r, uint32_t chain, enum dure_rule rule, uint64_t gpus, uint64_t nodes,
                        int64_t need, int64_t have, const char *unit)
{
    struct dure_why_row *row = add(r, chain, rule, gpus, nodes);
    row->need = need;
    row->have = have;
    row->unit = unit;
}

static void add_whole(const struct rows *r, uint32_t chain, const struct verdict *v)
{
    const struct dure_chain *c = &r->core->fleet->chains[chain];
    add_figures(r, chain, v->rule, c->leaf_count, c->node_count, v->need, v->have, v->unit);
}

/* Does a place that was found also end before booked maintenance of its nodes begins, or another one without those nodes? */
enum fit { FIT_NONE, FIT_LATE, FIT_GOOD };

static enum fit in_time(const struct rows *r, uint32_t allot, uint32_t chain, struct plan *plan, int64_t *window_us)
{
    struct dure_core *core = r->core;
    const int64_t reach_us = window_reach(core, r->ask);
    if (!window_touches(core, plan->chain, plan->places, plan->place_count, reach_us, window_us))
        return FIT_GOOD;
    struct veil veil;
    const bool borrowed = r->ask->job_class == DURE_BORROWED;
    core->trials++;
    veil_put(core, &veil, core->s.time_us, reach_us, !borrowed);
    const bool fits = allot != NONE ? plan_allot(core, r->ask, allot, r->ask->level_required, plan)
                      : borrowed    ? plan_chain(core, r->ask, chain, r->ask->level_required, plan)
                                    : plan_spanning_on(core, r->ask, core->tenant[r->ask->tenant].holder, chain, plan);
    veil_take(core, &veil);
    core->trials--;
    return fits ? FIT_GOOD : FIT_LATE;
}

/* Idle GPUs of a chain on the nodes that the request may use. */
static int64_t idle_on_list(const struct rows *r, uint32_t chain)
{
    const struct dure_chain *c = &r->core->fleet->chains[chain];
    const struct dure_node_runs runs = lists_allowed(r->core, r->ask->lists);
    int64_t idle = 0;
    for (uint32_t node = dure_node_runs_next(runs, c->node_first);
         node != DURE_NONE32 && node < c->node_first + c->node_count; node = dure_node_runs_next(runs, node + 1))
        idle += __builtin_popcountll(r->core->chains[chain].idle.idle[node - c->node_first]);
    return idle;
}

/* Would it fit here as it is asked for: by any right that then suits it, or by several together? */
static bool fits_now(const struct rows *r, const struct request *ask, uint32_t chain)
{
    struct plan plan = {0};
    const bool borrowed = ask->job_class == DURE_BORROWED;
    bool fits = borrowed && plan_chain(r->core, ask, chain, ask->level_required, &plan);
    for (uint32_t id = borrowed ? NONE : r->first[chain]; id != NONE && !fits; id = r->core->allots[id]->next_of_holder)
        fits = r->core->allots[id]->spec.chain.v == chain && plan_may_use(r->core, ask, id) &&
               plan_allot(r->core, ask, id, ask->level_required, &plan);
    if (!borrowed && !fits)
        fits = plan_spanning_on(r->core, ask, r->core->tenant[ask->tenant].holder, chain, &plan);
    plan_release(&plan);
    return fits;
}

/* Idle GPUs of a chain, or of the holder's rights there, where nobody stands whom it must keep clear of. */
static int64_t idle_in_clear(const struct rows *r, uint32_t chain)
{
    struct limits limits;
    const bool by_right = r->ask->job_class != DURE_BORROWED;
    struct dure_core *core = r->core;
    struct field field = {.slots = &core->chains[chain].idle};
    int64_t idle = 0;
    limits_init(core, r->ask, chain, by_right, &limits);
    for (uint32_t slot = 0; !by_right && slot < field.slots->count; slot++)
        idle += field_fenced(&field, &limits, slot) ? 0 : __builtin_popcountll(field.slots->idle[slot]);
    for (uint32_t id = by_right ? r->first[chain] : NONE; id != NONE; id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        field = (struct field){&allot->slots, NULL, core->chains[chain].cells, {id}, allot->cell_slots};
        for (uint32_t slot = 0; allot->spec.chain.v == chain && r->suits[id] && slot < field.slots->count; slot++)
            idle += field_fenced(&field, &limits, slot) ? 0 : __builtin_popcountll(field.slots->idle[slot]);
    }
    limits_release(&limits);
    return idle;
}

/* Others' work beside it would have to be let in: by its own data, or by what stands there already. */
static bool add_neighbours(const struct rows *r, uint32_t chain, const struct stand *s)
{
    struct request without = *r->ask;
    const bool alone = gate_alone(r->core, r->ask) != DURE_DATA_ANYBODY;
    without.data_mask = 0; /* at a site that its data allows */
    if (!alone && !fence_touches(r->core, r->ask, r->ask->job_class != DURE_BORROWED))
        return false;
    r->core->fences.lifted = UINT64_MAX;
    const bool fits = fits_now(r, &without, chain);
    r->core->fences.lifted = 0;
    if (fits && alone)
        add(r, chain, DURE_RULE_NEIGHBOURS, s->idle, s->idle_nodes);
    else if (fits)
        add_figures(r, chain, DURE_RULE_NEIGHBOURS, s->idle, s->idle_nodes, (int64_t)rule_gpus(r->core, r->ask, chain),
                    idle_in_clear(r, chain), "GPUs idle where it may have what stands beside it");
    return fits;
}

/* What is idle is refused by one of its limits, if without that limit it would fit. */
static bool add_limit(const struct rows *r, uint32_t chain, const struct stand *s)
{
    struct request without = *r->ask;
    without.lists = 0;
    if (r->ask->lists && fits_now(r, &without, chain)) {
        add_figures(r, chain, DURE_RULE_NODE_LIST, s->idle, s->idle_nodes, (int64_t)rule_gpus(r->core, r->ask, chain),
                    idle_on_list(r, chain), "GPUs idle on the nodes that it may use");
        return true;
    }
    if (add_neighbours(r, chain, s))
        return true;
    without = *r->ask;
    without.spread_max = 0;
    without.spread_level = 0;
    if (!r->ask->spread_max || !fits_now(r, &without, chain))
        return false;
    add_figures(r, chain, DURE_RULE_SPREAD, s->idle, s->idle_nodes, r->ask->tasks, r->ask->spread_max,
                "tasks in one cell of the spread's level");
    return true;
}

/* GPUs that a power limit takes away; figures in kW. */
static void add_power(const struct rows *r, uint32_t chain, uint64_t gpus, uint64_t nodes, int64_t need, int64_t idle)
{
    const int64_t leaf_mw = r->core->fleet->chains[chain].leaf_power_mw, kw = 1000000;
    add_figures(r, chain, DURE_RULE_POWER, gpus, nodes, (need * leaf_mw + kw - 1) / kw, idle * leaf_mw / kw, "kW");
}

/* What stands there, from the rule that is tried first to the idle GPUs. */
static void add_stand(const struct rows *r, uint32_t chain, const struct stand *s, enum dure_rule in_use, enum fit fit,
                      int64_t window_us)
{
    const int64_t need = (int64_t)rule_gpus(r->core, r->ask, chain), idle = (int64_t)s->idle;
    const char *unit = "GPUs idle";
    add_figures(r, chain, DURE_RULE_LOST, s->lost, s->lost_nodes, need, idle, unit);
    add_figures(r, chain, DURE_RULE_AWAY, s->away, s->away_nodes, need, idle, unit);
    add_figures(r, chain, DURE_RULE_MAINTENANCE, s->maintenance, s->maintenance_nodes, need, idle, unit);
    add_figures(r, chain, DURE_RULE_FOREIGN, s->foreign, s->foreign_nodes, need, idle, unit);
    add_power(r, chain, s->dark, s->dark_nodes, need, idle);
    struct dure_why_row *row = add(r, chain, in_use, s->busy, s->busy_nodes);
    row->need = need;
    row->have = idle;
    row->unit = unit;
    row->own = s->own;
    row->guaranteed = s->guaranteed;
    row->borrowed = s->borrowed;
    row->reserved = s->reserved;
    if (fit == FIT_LATE)
        add_figures(r, chain, DURE_RULE_WINDOW, s->idle, s->idle_nodes,
                    (window_reach(r->core, r->ask) - r->core->s.time_us) / DURE_SECOND_US,
                    seconds_until(r->core, window_us), "s until it begins");
    else if (fit == FIT_GOOD)
        add(r, chain, r->ahead && in_use == DURE_RULE_OWN_USE ? DURE_RULE_ORDER : DURE_RULE_FITS, s->idle,
            s->idle_nodes);
    else if ((!limits_hold(r->core, r->ask, r->ask->job_class != DURE_BORROWED) && !r->ask->data_mask) ||
             !add_limit(r, chain, s))
        add_figures(r, chain, idle < need ? DURE_RULE_TOO_FEW : DURE_RULE_SCATTERED, s->idle, s->idle_nodes, need, idle,
                    unit);
}

static void borrowed_rows(const struct rows *r, uint32_t chain)
{
    struct dure_core *core = r->core;
    const struct dure_chain *c = &core->fleet->chains[chain];
    struct verdict v = never_verdict(core, r->ask, chain);
    int64_t notice;
    if (v.rule == DURE_RULE_FITS && c->available_from_us > core->s.time_us)
        v = (struct verdict){DURE_RULE_NOT_YET, 0, seconds_until(core, c->available_from_us), "s to go"};
    else if (v.rule == DURE_RULE_FITS && !lend_terms(core, chain, r->ask->tenant, false, &notice))
        v = (struct verdict){DURE_RULE_NOT_LENT, 0, 0, ""};
    else if (v.rule == DURE_RULE_FITS && r->ask->grace_us > notice)
        v = (struct verdict){DURE_RULE_NOTICE, r->ask->grace_us / DURE_SECOND_US, notice / DURE_SECOND_US, "s"};
    if (v.rule != DURE_RULE_FITS) {
        add_whole(r, chain, &v);
        return;
    }
    struct plan plan = {0};
    const struct stand s = stand_of_chain(core, r->ask->tenant, chain);
    int64_t window_us = DURE_NEVER_US;
    const enum fit fit = plan_chain(core, r->ask, chain, r->ask->level_required, &plan)
                             ? in_time(r, NONE, chain, &plan, &window_us)
                             : FIT_NONE;
    plan_release(&plan);
    add_stand(r, chain, &s, DURE_RULE_BUSY, fit, window_us);
}

/* Rights that cannot be used now, and what they make up. */
struct unusable {
    uint64_t too_small, too_small_nodes, not_yet, not_yet_nodes, suspended, suspended_nodes;
    uint64_t gpus, nodes; /* of all rights here, usable ones with them */
    int64_t most, begins_us;
};

static struct unusable sort_rights(const struct rows *r, uint32_t chain)
{
    struct unusable u = {.begins_us = DURE_NEVER_US};
    const uint32_t node_gpus = r->core->fleet->chains[chain].node_gpus;
    const bool together = plan_suits_together(r->core, r->ask, chain);
    for (uint32_t id = r->first[chain]; id != NONE; id = r->core->allots[id]->next_of_holder) {
        const struct allot *allot = r->core->allots[id];
        struct dure_cells_right_view right;
        if (allot->spec.chain.v != chain || allot->state == DURE_ALLOT_ENDED ||
            !dure_cells_right(r->core->chains[chain].cells, (struct dure_allot_id){id}, &right))
            continue;
        const uint64_t slots = allot->slot_gpus == node_gpus ? allot->cell_slots : 0;
        const uint64_t cells = (uint64_t)right.unbound + right.bound + right.suspended + right.served;
        const uint64_t gpus = cells * allot->cell_leaves, nodes = cells * slots;
        u.gpus += gpus;
        u.nodes += nodes;
        if (!together && !plan_suits(r->core, r->ask, allot)) {
            u.too_small += gpus;
            u.too_small_nodes += nodes;
            u.most = (int64_t)gpus > u.most ? (int64_t)gpus : u.most;
        } else if (allot->state == DURE_ALLOT_PROMISED) {
            u.not_yet += gpus;
            u.not_yet_nodes += nodes;
            u.begins_us = allot->spec.from_us < u.begins_us ? allot->spec.from_us : u.begins_us;
        } else {
            r->suits[id] = true;
            u.suspended += (uint64_t)right.suspended * allot->cell_leaves;
            u.suspended_nodes += right.suspended * slots;
        }
    }
    return u;
}

static enum fit fits_by_right(const struct rows *r, uint32_t chain, int64_t *window_us)
{
    struct plan plan = {0};
    enum fit fit = r->fits_chain == chain ? FIT_GOOD : FIT_NONE;
    for (uint32_t id = r->first[chain]; id != NONE && fit != FIT_GOOD; id = r->core->allots[id]->next_of_holder) {
        if (r->core->allots[id]->spec.chain.v != chain || !r->suits[id] ||
            !plan_allot(r->core, r->ask, id, r->ask->level_required, &plan))
            continue;
        const enum fit here = in_time(r, id, chain, &plan, window_us);
        fit = here > fit ? here : fit;
    }
    const uint32_t holder = r->core->tenant[r->ask->tenant].holder;
    if (fit != FIT_GOOD && plan_spanning_on(r->core, r->ask, holder, chain, &plan)) {
        const enum fit here = in_time(r, NONE, chain, &plan, window_us);
        fit = here > fit ? here : fit;
    }
    plan_release(&plan);
    return fit;
}

static void guaranteed_rows(const struct rows *r, uint32_t chain)
{
    struct dure_core *core = r->core;
    const struct dure_chain *c = &core->fleet->chains[chain];
    const struct verdict v = rule_hardware(core, r->ask, chain);
    const int64_t need = (int64_t)rule_gpus(core, r->ask, chain);
    if (v.rule != DURE_RULE_FITS) {
        add_whole(r, chain, &v);
        return;
    }
    const struct unusable u = r->first[chain] == NONE ? (struct unusable){0} : sort_rights(r, chain);
    DURE_ASSERT(u.gpus <= c->leaf_count && u.nodes <= c->node_count);
    const uint64_t others = c->leaf_count - u.gpus, other_nodes = c->node_count - u.nodes;
    if ((int64_t)u.gpus < need)
        add_figures(r, chain, DURE_RULE_RIGHTS, others, other_nodes, need, (int64_t)u.gpus, "GPUs");
    else
        add(r, chain, DURE_RULE_RIGHTS, others, other_nodes);
    if (!u.gpus)
        return;
    add_figures(r, chain, DURE_RULE_RIGHT_TOO_SMALL, u.too_small, u.too_small_nodes, need, u.most,
                "GPUs in cells that suit it");
    add_figures(r, chain, DURE_RULE_NOT_YET, u.not_yet, u.not_yet_nodes, 0, seconds_until(core, u.begins_us),
                "s to go");
    struct stand s = stand_of_rights(core, core->tenant[r->ask->tenant].holder, chain, r->suits);
    if (u.suspended && gate_all_dark(core, chain)) { /* one row with what is dark of bound cells */
        s.dark += u.suspended;
        s.dark_nodes += u.suspended_nodes;
    } else {
        add_figures(r, chain, DURE_RULE_SUSPENDED, u.suspended, u.suspended_nodes, need, (int64_t)s.idle, "GPUs idle");
    }
    int64_t window_us = DURE_NEVER_US;
    const enum fit fit = s.idle ? fits_by_right(r, chain, &window_us) : FIT_NONE;
    add_stand(r, chain, &s, DURE_RULE_OWN_USE, fit, window_us);
}

/* The holder's allotments, found by chain once. */
static enum dure_err find_rights(struct rows *r, struct dure_arena *arena)
{
    struct dure_core *core = r->core;
    const uint32_t holder = core->tenant[r->ask->tenant].holder;
    r->first = DURE_ARENA_NEW(arena, uint32_t, core->fleet->chain_count);
    r->suits = DURE_ARENA_NEW(arena, bool, core->s.allot_count + 1);
    if (!r->first || !r->suits)
        return DURE_E_MEMORY;
    memset(r->first, 0xff, core->fleet->chain_count * sizeof *r->first);
    memset(r->suits, 0, (core->s.allot_count + 1) * sizeof *r->suits);
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        uint32_t *first = &r->first[core->allots[id]->spec.chain.v];
        *first = *first == NONE ? id : *first;
    }
    struct plan plan = {0};
    r->fits_chain = plan_around(core, r->ask, &plan) ? plan.chain : NONE;
    plan_release(&plan);
    return DURE_OK;
}

static enum dure_err group(struct dure_why *why, struct dure_arena *arena)
{
    struct dure_why_group by_rule[DURE_RULE_HERE + 1] = {0};
    for (uint32_t i = 0; i < why->row_count; i++) {
        const struct dure_why_row *row = &why->rows[i];
        struct dure_why_group *g = &by_rule[row->rule];
        g->rule = row->rule;
        g->chains++;
        g->gpus += row->gpus;
        g->nodes += row->nodes;
        g->own += row->own;
        g->guaranteed += row->guaranteed;
        g->borrowed += row->borrowed;
        g->reserved += row->reserved;
        g->nearest = !g->nearest || row->have > g->nearest->have ? row : g->nearest;
    }
    why->groups = DURE_ARENA_NEW(arena, struct dure_why_group, DURE_RULE_HERE + 1);
    for (uint32_t i = 0; why->groups && i <= DURE_RULE_HERE; i++)
        if (by_rule[i].chains)
            why->groups[why->group_count++] = by_rule[i];
    return why->groups ? DURE_OK : DURE_E_MEMORY;
}

enum dure_err rows_pending(struct dure_core *core, const struct request *ask, bool ahead, struct dure_arena *arena,
                           struct dure_why *why, struct dure_error *error)
{
    struct rows r = {.core = core, .ask = ask, .why = why, .ahead = ahead};
    why->rows = DURE_ARENA_NEW(arena, struct dure_why_row, (size_t)core->fleet->chain_count * ROWS_OF_CHAIN_MAX + 1);
    enum dure_err err = why->rows ? DURE_OK : DURE_E_MEMORY;
    if (err == DURE_OK && ask->job_class == DURE_GUARANTEED)
        err = find_rights(&r, arena);
    for (uint32_t i = 0; err == DURE_OK && i < core->fleet->chain_count; i++) {
        if (ask->job_class == DURE_GUARANTEED)
            guaranteed_rows(&r, i);
        else
            borrowed_rows(&r, i);
    }
    if (err == DURE_OK)
        err = group(why, arena);
    return err == DURE_OK ? err : dure_fail(error, err, "no memory for the answer");
}

enum dure_err rows_running(const struct dure_core *core, const struct request *ask, uint32_t own,
                           struct dure_arena *arena, struct dure_why *why, struct dure_error *error)
{
    struct rows r = {.core = (struct dure_core *)core, .ask = ask, .why = why};
    why->rows = DURE_ARENA_NEW(arena, struct dure_why_row, (size_t)core->fleet->chain_count + 1);
    if (!why->rows)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        struct verdict v = never_verdict(core, ask, i);
        if (i == own)
            v = (struct verdict){DURE_RULE_HERE, 0, 0, ""};
        else if (v.rule == DURE_RULE_FITS)
            v = (struct verdict){DURE_RULE_COULD, 0, 0, ""};
        add_whole(&r, i, &v);
    }
    return group(why, arena) == DURE_OK ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
}

const struct dure_why_row *rows_nearest(const struct dure_why *why)
{
    const struct dure_why_row *best = NULL;
    for (uint32_t i = 0; i < why->row_count; i++) {
        const struct dure_why_row *row = &why->rows[i];
        if (!best || row->rule == DURE_RULE_FITS || (best->rule != DURE_RULE_FITS && row->rule > best->rule))
            best = row;
    }
    return best;
}
