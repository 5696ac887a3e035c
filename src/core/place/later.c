#include "core/place/later_inner.h"

#include <stdlib.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/limited.h"
#include "core/place/limits.h"
#include "core/place/plan_more.h"
#include "core/place/rules.h"
#include "core/queue/need.h"
#include "core/state/attempts.h"
#include "core/state/ends.h"
#include "core/state/jobs.h"

/* The state after everything up to one moment has ended. */
struct moment {
    int64_t at_us;
    uint32_t ends, changes; /* so many of them lie before its end */
    uint64_t gpus;          /* idle by then, at most */
};

struct change {
    struct dure_slots *slots;
    uint32_t slot;
    uint64_t was, is;
};

struct timeline {
    struct dure_core *core;
    const struct request *ask;
    const struct ends *list;
    uint32_t holder, chain; /* one of them NONE */
    int64_t at_us;          /* of the end at hand */
    uint32_t leaving;       /* whose it is */
    int64_t from_us;        /* no earlier, and all that ends by then is gone */
    int64_t before_us;      /* later is of no use */
    uint64_t idle, need;    /* GPUs: now, and of the request (of fractions: 0) */
    struct ending *front;   /* a heap of those to come */
    struct ending *ends;
    struct moment *moments;
    struct change *changes;
    uint32_t front_count, end_count, end_capacity, moment_count, moment_capacity, change_count, change_capacity, now,
        known; /* moments that have passed; of which the changes are worked out */
    struct plan *plan;
};

static void *room_for(void *at, size_t size, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity)
        return at;
    *capacity = *capacity ? *capacity * 2 : 64;
    return dure_core_grow(at, size, *capacity);
}

/* ---- ends in order ---- */

/* Its holder's own work that a place would have to wait for; what others lent is theirs to give back, and does not count. */
static void see_leaving(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct {
        int64_t until_us;
        uint32_t chain;
    } *seen = context;
    const uint32_t *users = NULL;
    const uint32_t count = ground_is_obstructed(core, seen->chain, leaf, place->gpu_milli < 1000)
                               ? ground_users(core, seen->chain, leaf, &users)
                               : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *attempt = attempt_at(core, users[i]);
        const int64_t warned = core->s.time_us + job_ask(core, job_at(core, attempt->job_slot))->grace_us,
                      ends = ends_at(core, attempt), until = ends < warned ? ends : warned;
        if (!attempt->d.borrowed && until > seen->until_us)
            seen->until_us = until;
    }
}

int64_t later_is_clear(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count)
{
    struct {
        int64_t until_us;
        uint32_t chain;
    } seen = {core->s.time_us, chain};
    ground_each(core, chain, places, count, see_leaving, &seen);
    return seen.until_us;
}

/* In the private cluster it has started when it was made, unless its holder's own work is still in its way. */
int64_t later_claim_ends(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, claim->job_slot));
    const int64_t clear = later_is_clear(core, claim->d.chain, claim->places, claim->d.place_count);
    return (clear > core->s.time_us ? clear : claim->d.made_us) + ask->walltime_us + ask->grace_us;
}

static void sift(struct timeline *t, uint32_t place)
{
    const struct ending moved = t->front[place];
    for (uint32_t child = place * 2 + 1; child < t->front_count; child = place * 2 + 1) {
        if (child + 1 < t->front_count && t->front[child + 1].at_us < t->front[child].at_us)
            child++;
        if (moved.at_us <= t->front[child].at_us)
            break;
        t->front[place] = t->front[child];
        place = child;
    }
    t->front[place] = moved;
}

static void read_list(struct timeline *t)
{
    t->front = dure_core_alloc(sizeof *t->front, t->list->count);
    for (uint32_t i = 0; i < t->list->count; i++) {
        struct ending ending = t->list->at[i];
        if (ending.slot & END_CLAIM)
            ending.at_us = later_claim_ends(t->core, ending.slot & ~END_CLAIM);
        if (ending.at_us < t->before_us)
            t->front[t->front_count++] = ending;
    }
    for (uint32_t i = t->front_count / 2; i-- > 0;)
        sift(t, i);
}

static uint64_t gpus_of(const struct dure_place *places, uint32_t count)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < count; i++)
        gpus += (uint64_t)places[i].node_count * (uint32_t)__builtin_popcountll(places[i].gpu_mask);
    return gpus;
}

static uint64_t gpus_left_by(const struct timeline *t, uint32_t slot)
{
    if (slot & END_CLAIM) {
        const struct claim *claim = claim_at(t->core, slot & ~END_CLAIM);
        return gpus_of(claim->places, claim->d.place_count);
    }
    const struct attempt *attempt = attempt_at(t->core, slot);
    return gpus_of(attempt->places, attempt->d.place_count);
}

/* All that ends at the next moment; false: nothing does in time. What should be gone already counts as going now; where the first moment is yet to
 * come, it is one whether anything ends by then or not. */
static bool read_moment(struct timeline *t)
{
    const bool is_first = !t->moment_count && t->from_us > t->core->s.time_us;
    const int64_t next = t->front_count ? t->front[0].at_us : DURE_NEVER_US;
    const int64_t at = is_first || next < t->from_us ? t->from_us : next;
    if ((!t->front_count && !is_first) || at >= t->before_us)
        return false;
    uint64_t gpus = t->moment_count ? t->moments[t->moment_count - 1].gpus : t->idle;
    while (t->front_count && t->front[0].at_us <= at) {
        t->ends = room_for(t->ends, sizeof *t->ends, t->end_count, &t->end_capacity);
        t->ends[t->end_count++] = (struct ending){at, t->front[0].slot};
        gpus += gpus_left_by(t, t->front[0].slot);
        t->front[0] = t->front[--t->front_count];
        sift(t, 0);
    }
    t->moments = room_for(t->moments, sizeof *t->moments, t->moment_count, &t->moment_capacity);
    t->moments[t->moment_count++] = (struct moment){at, t->end_count, 0, gpus};
    return true;
}

/* ---- what comes free ---- */

/* Is everybody gone from the leaf by then? Who has a claim on it comes after those that stand on it. By right who borrows does not count, as one
 * does who has lost its right and shares the leaf still; and who works by right leaves nothing to borrowers. */
static bool is_left(struct dure_core *core, uint32_t chain, uint32_t leaf, int64_t at_us, bool by_right)
{
    const uint32_t *list = NULL;
    uint32_t count = ground_claims(core, chain, leaf, &list);
    for (uint32_t i = 0; i < count; i++)
        if (later_claim_ends(core, list[i]) > at_us)
            return false;
    if (count)
        return true;
    count = ground_users(core, chain, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *attempt = attempt_at(core, list[i]);
        if (attempt->d.borrowed == by_right ? !by_right : ends_at(core, attempt) > at_us)
            return false;
    }
    return true;
}

static void add_idle(struct timeline *t, struct dure_slots *slots, uint32_t slot, uint64_t bits)
{
    const uint64_t idle = slots->idle[slot];
    if (!(bits & ~idle))
        return;
    t->changes = room_for(t->changes, sizeof *t->changes, t->change_count, &t->change_capacity);
    t->changes[t->change_count++] = (struct change){slots, slot, idle, idle | bits};
    dure_slots_set(slots, slot, idle | bits);
}

static void leave_virtual(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct timeline *t = context;
    const uint32_t at = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){place->node_first}).v;
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    if (l.allot.v == NONE || l.lost || core->allots[l.allot.v]->spec.tenant.v != t->holder)
        return;
    struct allot *allot = core->allots[l.allot.v];
    if ((allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT) &&
        is_left(core, at, leaf, t->at_us, true))
        add_idle(t, &allot->slots, l.index * allot->cell_slots + l.offset / allot->slot_gpus,
                 UINT64_C(1) << (l.offset % allot->slot_gpus));
}

/* GPUs that others only share, or wait for, are looked at one by one. */
uint64_t later_left_on(struct dure_core *core, uint32_t at, uint32_t node, const struct dure_place *place,
                       uint32_t leaving, int64_t at_us)
{
    const struct chain_state *chain = &core->chains[at];
    const uint32_t first = node * core->fleet->chains[at].node_gpus;
    const struct node *n = node_of(core, at, node);
    uint64_t left = 0;
    if (n->d.state != DURE_NODE_UP || n->veiled)
        return 0;
    for (uint64_t mask = place->gpu_mask & ~n->claimed & ~node_lost(core, n); mask; mask &= mask - 1) {
        const uint32_t leaf = first + (uint32_t)__builtin_ctzll(mask);
        if (chain->occupant[leaf] == leaving || is_left(core, at, leaf, at_us, false))
            left |= mask & -mask;
    }
    return left;
}

static void leave_hardware(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    struct timeline *t = context;
    struct chain_state *chain = &core->chains[t->chain];
    const uint64_t left = later_left_on(core, t->chain, node, place, t->leaving, t->at_us);
    add_idle(t, &chain->idle, node, left);
    if (!node_of(core, t->chain, node)->bound)
        add_idle(t, &chain->away, node, left);
}

static void leave(struct timeline *t, const struct ending *end)
{
    struct dure_core *core = t->core;
    const bool is_claim = end->slot & END_CLAIM;
    const struct claim *claim = is_claim ? claim_at(core, end->slot & ~END_CLAIM) : NULL;
    const struct attempt *attempt = is_claim ? NULL : attempt_at(core, end->slot);
    const struct dure_place *places = is_claim ? claim->places : attempt->places;
    const uint32_t count = is_claim ? claim->d.place_count : attempt->d.place_count;
    t->at_us = end->at_us;
    t->leaving = end->slot;
    if (t->chain == NONE)
        ground_each(core, is_claim ? claim->d.chain : attempt->d.chain, places, count, leave_virtual, t);
    else
        ground_each_node(core, t->chain, places, count, leave_hardware, t);
}

/* What a moment changes is worked out when it is passed first, and kept. */
static void pass_moment(struct timeline *t)
{
    const uint32_t moment = t->now++, first = moment ? t->moments[moment - 1].changes : 0;
    if (moment == t->known) {
        for (uint32_t i = moment ? t->moments[moment - 1].ends : 0; i < t->moments[moment].ends; i++)
            leave(t, &t->ends[i]);
        t->moments[moment].changes = t->change_count;
        t->known++;
        return;
    }
    for (uint32_t i = first; i < t->moments[moment].changes; i++)
        dure_slots_set(t->changes[i].slots, t->changes[i].slot, t->changes[i].is);
}

static void go_to(struct timeline *t, uint32_t moment)
{
    while (t->now < moment)
        pass_moment(t);
    const uint32_t keep = moment ? t->moments[moment - 1].changes : 0;
    for (uint32_t i = t->now ? t->moments[t->now - 1].changes : 0; i > keep; i--)
        dure_slots_set(t->changes[i - 1].slots, t->changes[i - 1].slot, t->changes[i - 1].was);
    t->now = moment;
}

/* ---- does it fit then? ---- */

/* What must be alone in its nodes takes them whole, and says so in nodes. */
static void take_places(struct timeline *t, uint32_t allot, uint32_t chain, uint32_t node_first)
{
    const struct dure_takes *takes = &t->core->takes;
    const uint32_t a_node =
        gate_alone(t->core, t->ask) != DURE_DATA_ANYBODY ? gate_tasks_a_node(t->core, t->ask, chain) : 0;
    uint32_t left = t->ask->tasks;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *take = &takes->at[i];
        const uint32_t tasks = !a_node ? take->tasks : left < a_node ? left : a_node;
        left -= a_node ? tasks : 0;
        plan_add_place(t->plan, (struct dure_place){node_first + take->slot, 1, take->mask, tasks, 1000, 0});
        if (allot != NONE)
            plan_add_binding(t->plan, (struct dure_binding){{allot}, 0, 0, 0});
    }
}

static bool fits_allot(struct timeline *t, uint32_t id, bool leveled)
{
    struct dure_core *core = t->core;
    struct allot *allot = core->allots[id];
    struct dure_ask gang;
    core->takes.count = 0;
    if (limits_hold(core, t->ask, true))
        return limited_allot_later(core, t->ask, id, leveled, t->plan);
    if (!ask_of_allot(core, t->ask, allot, leveled, &gang) || !dure_slots_fit(&allot->slots, &gang, &core->takes))
        return false;
    take_places(t, id, allot->spec.chain.v, 0);
    return true;
}

static bool fits_one(struct timeline *t, bool leveled)
{
    struct dure_core *core = t->core;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (plan_may_use(core, t->ask, id) &&
            (!leveled || t->ask->level_required || rule_level(core, t->ask, core->allots[id]->spec.chain.v)) &&
            fits_allot(t, id, leveled))
            return true;
    return false;
}

static bool fits_spanning(struct timeline *t, uint32_t chain)
{
    struct dure_core *core = t->core;
    uint32_t left = t->ask->tasks;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE && left; id = core->allots[id]->next_of_holder) {
        struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain || !plan_may_use(core, t->ask, id))
            continue;
        const uint32_t can = plan_room(allot, t->ask, false), tasks = can < left ? can : left;
        const struct dure_ask part = {
            .tasks = tasks, .task_gpus = t->ask->task_gpus, .per_slot = t->ask->tasks_per_node};
        core->takes.count = 0;
        if (!tasks || !dure_slots_fit(&allot->slots, &part, &core->takes))
            continue;
        take_places(t, id, chain, 0);
        left -= tasks;
    }
    return !left;
}

static bool fits_rights(struct timeline *t)
{
    struct dure_core *core = t->core;
    const struct request *ask = t->ask;
    t->plan->place_count = t->plan->binding_count = 0;
    if (ask->level && fits_one(t, true))
        return true;
    if (ask->level && ask->level_required)
        return false;
    if (fits_one(t, false))
        return true;
    for (uint32_t chain = 0; chain < core->fleet->chain_count; chain++) {
        t->plan->place_count = t->plan->binding_count = 0;
        if (plan_may_span(core, ask, chain) && plan_suits_together(core, ask, chain) &&
            (limits_hold(core, ask, true) ? limited_spanning_later(core, ask, t->holder, chain, t->plan)
                                          : fits_spanning(t, chain)))
            return true;
    }
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

/* What is bound anew then hangs on what others bind until then, and on which rights are short: not with maintenance about. */
static bool may_rebind(const struct timeline *t, uint32_t moment)
{
    const struct dure_core *core = t->core;
    const int64_t at_us = moment ? t->moments[moment - 1].at_us : core->s.time_us;
    for (uint32_t id = core->tenant[t->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (booked_before(core, core->allots[id]->spec.chain.v, at_us + request_lasts_us(t->ask)))
            return false;
    return is_by_hardware(t);
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

static bool fits_borrowed(struct timeline *t)
{
    struct dure_core *core = t->core;
    struct chain_state *chain = &core->chains[t->chain];
    t->plan->place_count = t->plan->binding_count = 0;
    if (t->ask->task_gpu_milli == 1000 && chain->idle.idle_total < request_gpus(t->ask))
        return false;
    for (unsigned leveled = t->ask->level && rule_level(core, t->ask, t->chain) ? 1 : 0;; leveled = 0) {
        struct dure_ask gang;
        core->takes.count = 0;
        if (limits_hold(core, t->ask, false) ? limited_chain_later(core, t->ask, t->chain, leveled)
                                             : ask_of_chain(core, t->ask, t->chain, leveled, &gang) &&
                                                   (dure_slots_fit(&chain->away, &gang, &core->takes) ||
                                                    dure_slots_fit(&chain->idle, &gang, &core->takes))) {
            take_places(t, NONE, t->chain, core->fleet->chains[t->chain].node_first);
            return true;
        }
        if (!leveled || t->ask->level_required)
            return false;
    }
}

static bool fits(struct timeline *t, uint32_t moment)
{
    go_to(t, moment);
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

/* The first moment at which it fits: in leaps that double, then by halves of the last one. */
static enum later search(struct timeline *t, int64_t *ret_at_us)
{
    uint32_t failed = 0, leap = 1; /* it does not fit after so many moments */
    if (t->from_us <= t->core->s.time_us && fits(t, 0))
        return LATER_NOW;
    t->need = t->ask->task_gpu_milli == 1000 ? request_gpus(t->ask) : 0;
    t->idle = idle_now(t);
    read_list(t);
    for (bool more = true; more; leap *= 2) {
        for (uint32_t i = 0; i < leap && more; i++)
            more = read_moment(t);
        if (t->moment_count == failed)
            break;
        if (!may_fit(t, t->moment_count)) {
            failed = t->moment_count;
            continue;
        }
        uint32_t low = failed + 1, high = t->moment_count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            if (may_fit(t, middle))
                high = middle;
            else
                low = middle + 1;
        }
        const bool found = fits(t, high);
        DURE_ASSERT(found);
        go_to(t, 0);
        *ret_at_us = t->moments[high - 1].at_us;
        return LATER_FOUND;
    }
    go_to(t, 0);
    return LATER_NEVER;
}

static void release(struct timeline *t)
{
    free(t->front);
    free(t->ends);
    free(t->moments);
    free(t->changes);
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
    release(&t);
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

enum later later_borrowed(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                          int64_t *ret_at_us)
{
    struct plan other = {0};
    enum later found = LATER_NEVER;
    if (later_is_counted(ask) && !fence_touches(core, ask, false))
        return later_counted(core, ask, from_us, plan, ret_at_us);
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        const uint32_t at = core->borrow_order[i];
        int64_t at_us;
        if (!later_may_borrow(core, ask, at))
            continue;
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
        } else if (here == LATER_NOW && found == LATER_NEVER) {
            found = LATER_NOW;
        }
        release(&t);
    }
    plan_release(&other);
    return found;
}
