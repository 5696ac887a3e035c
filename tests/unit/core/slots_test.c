/* A field of slots against brute force, on random histories: what is found, that it is the least that is enough, and that it does not depend on
 * which indexes were there before; slots change one by one, or several at once. The mutants that must die: an index that is not kept up
 * (dure_rooms_change left out), a cell with more room than another that would do, a slot taken twice, slots of a run that stand in two cells counted
 * in one. */
#include <stdlib.h>
#include <string.h>

#include "core/place/slots.h"
#include "tap.h"

enum { SLOTS_MOST = 192, STEPS = 4000 };

struct field {
    uint32_t count, gpus, span_count, spans[3];
    uint64_t idle[SLOTS_MOST];
};

static unsigned bits(uint64_t mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

/* Things of `unit` GPUs that slots [first, end) carry. */
static uint32_t carries(const struct field *field, uint32_t first, uint32_t end, uint32_t unit, bool once)
{
    uint32_t things = 0;
    for (uint32_t slot = first; slot < end; slot++)
        things += once ? bits(field->idle[slot]) >= unit : bits(field->idle[slot]) / unit;
    return things;
}

/* Can the gang stand in these slots at all? */
static bool can(const struct field *field, const struct dure_ask *ask, uint32_t first, uint32_t end)
{
    if (!ask->per_slot)
        return carries(field, first, end, ask->task_gpus, false) >= ask->tasks;
    const uint32_t whole = ask->per_slot * ask->task_gpus, shares = ask->tasks / ask->per_slot;
    const uint32_t rest = ask->tasks % ask->per_slot * ask->task_gpus;
    uint32_t full = carries(field, first, end, whole, true);
    return full >= shares && (!rest || carries(field, first, end, rest, true) > shares);
}

static bool group_can(const struct field *field, const struct dure_ask *ask, uint32_t *ret_least)
{
    const uint64_t all = ask->group >= 64 ? UINT64_MAX : (UINT64_C(1) << ask->group) - 1;
    uint32_t least = UINT32_MAX;
    for (uint32_t slot = 0; slot < field->count; slot++)
        for (uint32_t at = 0; at + ask->group <= field->gpus; at += ask->group) {
            const uint32_t idle = bits(field->idle[slot] & (all << at));
            if (idle >= ask->tasks * ask->task_gpus && idle < least)
                least = idle;
        }
    *ret_least = least;
    return least != UINT32_MAX;
}

static bool span_can(const struct field *field, const struct dure_ask *ask, uint32_t *ret_least)
{
    const uint32_t unit = ask->task_gpus * (ask->per_slot ? ask->per_slot : 1);
    uint32_t least = UINT32_MAX;
    for (uint32_t first = 0; first < field->count; first += ask->span) {
        const uint32_t room = carries(field, first, first + ask->span, unit, ask->per_slot != 0);
        if (can(field, ask, first, first + ask->span) && room < least)
            least = room;
    }
    *ret_least = least;
    return least != UINT32_MAX;
}

/* Are these lawful places for the whole gang? */
static bool lawful(const struct field *field, const struct dure_ask *ask, const struct dure_takes *takes)
{
    uint64_t taken[SLOTS_MOST] = {0};
    uint32_t tasks = 0, rests = 0;
    for (uint32_t i = 0; i < takes->count; i++) {
        const struct dure_take *t = &takes->at[i];
        if (t->slot >= field->count || taken[t->slot] || (t->mask & ~field->idle[t->slot]) ||
            bits(t->mask) != t->tasks * ask->task_gpus ||
            (ask->span && t->slot / ask->span != takes->at[0].slot / ask->span))
            return false;
        taken[t->slot] = t->mask;
        tasks += t->tasks;
        rests += ask->per_slot && t->tasks != ask->per_slot;
    }
    return tasks == ask->tasks && rests <= 1;
}

static struct dure_ask draw_ask(const struct field *field, uint64_t *seed)
{
    struct dure_ask ask = {.tasks = 1 + (uint32_t)tap_random_below(seed, 12),
                           .task_gpus = 1 + (uint32_t)tap_random_below(seed, field->gpus)};
    if (tap_random_below(seed, 3) == 0)
        ask.task_gpus = field->gpus;
    if (tap_random_below(seed, 2) && field->span_count)
        ask.span = field->spans[tap_random_below(seed, field->span_count)];
    if (tap_random_below(seed, 4) == 0)
        ask.per_slot = 1 + (uint32_t)tap_random_below(seed, 3);
    if (field->gpus % 2 == 0 && tap_random_below(seed, 6) == 0)
        ask = (struct dure_ask){
            .tasks = 1 + (uint32_t)tap_random_below(seed, 2), .task_gpus = 1, .group = field->gpus / 2};
    return ask;
}

static void fresh(const struct field *field, struct dure_slots *slots)
{
    dure_slots_init(slots, field->count, field->gpus, field->spans, field->span_count);
    for (uint32_t i = 0; i < field->count; i++)
        dure_slots_set(slots, i, field->idle[i]);
}

struct verdicts {
    bool finds, lawful, least, same, totals;
};

static void check(const struct field *field, struct dure_slots *slots, const struct dure_ask *ask, struct verdicts *v)
{
    struct dure_takes takes = {0}, again = {0};
    struct dure_slots other;
    uint32_t least = UINT32_MAX;
    const uint32_t gpus = ask->tasks * ask->task_gpus;
    const bool in_slot = (!ask->per_slot || ask->tasks <= ask->per_slot) && gpus <= field->gpus;
    bool one = false;
    for (uint32_t i = 0; i < field->count && in_slot; i++)
        one |= bits(field->idle[i]) >= gpus;
    const bool found = dure_slots_fit(slots, ask, &takes);
    bool expected = ask->group       ? group_can(field, ask, &least)
                    : one            ? true
                    : ask->span == 1 ? false
                    : ask->span      ? span_can(field, ask, &least)
                                     : can(field, ask, 0, field->count);
    if (ask->task_gpus * (ask->per_slot ? ask->per_slot : 1) > field->gpus)
        expected = false;
    v->finds &= found == expected;
    if (found) {
        const struct dure_take *t = &takes.at[0];
        v->lawful &= lawful(field, ask, &takes);
        if (one && !ask->group)
            for (uint32_t i = 0; i < field->count; i++) /* no tighter one, and none as tight before it */
                v->least &= bits(field->idle[i]) < gpus || bits(field->idle[i]) > bits(field->idle[t->slot]) ||
                            (bits(field->idle[i]) == bits(field->idle[t->slot]) && i >= t->slot);
        else if (ask->group)
            v->least &= bits(field->idle[t->slot] &
                             (((UINT64_C(1) << ask->group) - 1)
                              << ((uint32_t)__builtin_ctzll(t->mask) / ask->group * ask->group))) == least;
        else if (ask->span)
            v->least &= carries(field, t->slot / ask->span * ask->span, (t->slot / ask->span + 1) * ask->span,
                                ask->task_gpus * (ask->per_slot ? ask->per_slot : 1), ask->per_slot != 0) == least;
    }
    fresh(field, &other);
    const bool found_again = dure_slots_fit(&other, ask, &again);
    v->same &= found == found_again && takes.count == again.count;
    for (uint32_t i = 0; i < takes.count && v->same; i++)
        v->same = takes.at[i].slot == again.at[i].slot && takes.at[i].tasks == again.at[i].tasks &&
                  takes.at[i].mask == again.at[i].mask;
    v->totals &= slots->idle_total == other.idle_total && slots->classes == other.classes;
    dure_slots_release(&other);
    dure_takes_release(&takes);
    dure_takes_release(&again);
}

static void histories(uint64_t *seed)
{
    static const struct field fields[] = {
        {.count = 192, .gpus = 8, .span_count = 2, .spans = {8, 64}},
        {.count = 60, .gpus = 4, .span_count = 3, .spans = {1, 3, 15}},
        {.count = 7, .gpus = 64, .span_count = 1, .spans = {7}},
        {.count = 30, .gpus = 1, .span_count = 1, .spans = {5}},
        {.count = 54, .gpus = 6, .span_count = 2, .spans = {18, 54}},
    };
    struct verdicts v = {true, true, true, true, true};
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct field field = fields[i];
        struct dure_slots slots;
        fresh(&field, &slots);
        for (unsigned step = 0; step < STEPS; step++) {
            const uint32_t slot = (uint32_t)tap_random_below(seed, field.count);
            uint64_t idle = tap_random(seed) & slots.full;
            if (tap_random_below(seed, 3) == 0)
                idle = tap_random_below(seed, 2) ? slots.full : 0;
            uint32_t count = tap_random_below(seed, 4) ? 1 : 1 + (uint32_t)tap_random_below(seed, 20);
            count = count < field.count - slot ? count : field.count - slot;
            for (uint32_t k = slot; k < slot + count; k++)
                field.idle[k] = idle;
            if (count > 1)
                dure_slots_set_run(&slots, slot, count, idle);
            else
                dure_slots_set(&slots, slot, idle);
            const struct dure_ask ask = draw_ask(&field, seed);
            if (ask.span != 1 || !ask.group)
                check(&field, &slots, &ask, &v);
        }
        dure_slots_release(&slots);
    }
    TAP_OK(v.finds, "a place is found exactly where there is one");
    TAP_OK(v.lawful, "every place is lawful: idle, whole, in one cell");
    TAP_OK(v.least, "and the one with the least room that is enough");
    TAP_OK(v.same, "a field with no index yet gives the same places");
    TAP_OK(v.totals, "the sums agree");
}

/* More kinds of index than there is room for: the oldest gives way, and the answers stay right. */
static void many_indexes(uint64_t *seed)
{
    struct field field = {.count = 24, .gpus = 32, .span_count = 2, .spans = {4, 12}};
    struct verdicts v = {true, true, true, true, true};
    struct dure_slots slots;
    fresh(&field, &slots);
    for (unsigned step = 0; step < 2000; step++) {
        const uint32_t slot = (uint32_t)tap_random_below(seed, field.count);
        field.idle[slot] = tap_random(seed) & slots.full;
        dure_slots_set(&slots, slot, field.idle[slot]);
        const struct dure_ask ask = {.tasks = 4 + (uint32_t)tap_random_below(seed, 4),
                                     .task_gpus = 6 + (uint32_t)tap_random_below(seed, 26),
                                     .span = field.spans[tap_random_below(seed, 2)]};
        check(&field, &slots, &ask, &v);
    }
    TAP_OK(slots.rooms.count == DURE_ROOMS_MAX, "all places for an index are in use");
    TAP_OK(v.finds && v.lawful && v.least && v.same, "and the answers are right");
    dure_slots_release(&slots);
}

static void growth(void)
{
    struct field field = {.count = 8, .gpus = 8, .span_count = 1, .spans = {4}};
    const struct dure_ask ask = {.tasks = 4, .task_gpus = 8, .span = 4};
    struct dure_takes takes = {0};
    struct dure_slots slots;
    fresh(&field, &slots);
    TAP_OK(!dure_slots_fit(&slots, &ask, &takes) && takes.count == 0, "nothing is idle");
    dure_slots_extend(&slots, 4, 0xff);
    TAP_OK(dure_slots_fit(&slots, &ask, &takes) && takes.at[0].slot == 8, "a field that grew is indexed anew");
    TAP_EQ_UINT(dure_slots_capacity(&slots, 8), 4, "its capacity");
    dure_takes_release(&takes);
    dure_slots_release(&slots);
}

int main(void)
{
    uint64_t seed = tap_seed(20260303);
    histories(&seed);
    many_indexes(&seed);
    growth();
    return tap_done();
}
