#include "core/place/timeline.h"

#include <stdlib.h>

#include "core/place/ground.h"
#include "core/state/ends.h"

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

int64_t timeline_clear_at(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count)
{
    struct {
        int64_t until_us;
        uint32_t chain;
    } seen = {core->s.time_us, chain};
    ground_each(core, chain, places, count, see_leaving, &seen);
    return seen.until_us;
}

/* In the private cluster it has started when it was made, unless its holder's own work is still in its way. */
int64_t timeline_claim_ends(struct dure_core *core, uint32_t slot)
{
    const struct claim *claim = claim_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, claim->job_slot));
    const int64_t clear = timeline_clear_at(core, claim->d.chain, claim->places, claim->d.place_count);
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

void timeline_read(struct timeline *t)
{
    t->front = dure_core_alloc(sizeof *t->front, t->list->count);
    for (uint32_t i = 0; i < t->list->count; i++) {
        struct ending ending = t->list->at[i];
        if (ending.slot & END_CLAIM)
            ending.at_us = timeline_claim_ends(t->core, ending.slot & ~END_CLAIM);
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
bool timeline_next(struct timeline *t)
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
        if (timeline_claim_ends(core, list[i]) > at_us)
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
uint64_t timeline_left_on(struct dure_core *core, uint32_t at, uint32_t node, const struct dure_place *place,
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
    const uint64_t left = timeline_left_on(core, t->chain, node, place, t->leaving, t->at_us);
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

void timeline_go_to(struct timeline *t, uint32_t moment)
{
    while (t->now < moment)
        pass_moment(t);
    const uint32_t keep = moment ? t->moments[moment - 1].changes : 0;
    for (uint32_t i = t->now ? t->moments[t->now - 1].changes : 0; i > keep; i--)
        dure_slots_set(t->changes[i - 1].slots, t->changes[i - 1].slot, t->changes[i - 1].was);
    t->now = moment;
}

void timeline_release(struct timeline *t)
{
    free(t->front);
    free(t->ends);
    free(t->moments);
    free(t->changes);
}
