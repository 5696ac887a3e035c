/* The fit of place/fit.c for requests with limits: the same aims, but every slot is asked for its place first. */
#include <stdlib.h>

#include "core/place/limits.h"

struct window {
    const struct field *field;
    const struct dure_ask *ask;
    struct limits *limits;
    uint32_t first, end;
    uint32_t per_gpu;
};

static uint64_t lowest(uint64_t mask, unsigned count)
{
    uint64_t kept = 0;
    while (count--) {
        const uint64_t bit = mask & -mask;
        kept |= bit;
        mask ^= bit;
    }
    return kept;
}

static uint32_t tasks_on(const struct window *w, uint32_t gpus)
{
    return w->per_gpu ? gpus * w->per_gpu : gpus / w->ask->task_gpus;
}

static uint32_t gpus_of(const struct window *w, uint32_t tasks)
{
    return w->per_gpu ? (tasks + w->per_gpu - 1) / w->per_gpu : tasks * w->ask->task_gpus;
}

static void take(const struct window *w, struct dure_takes *takes, uint32_t slot, uint64_t from, uint32_t tasks)
{
    uint32_t leaf;
    DURE_ASSERT(field_leaf(w->field, slot, &leaf));
    limits_add(w->limits, leaf, tasks);
    dure_takes_add(takes, (struct dure_take){slot, tasks, lowest(from, gpus_of(w, tasks))});
}

void fit_undo(const struct field *field, struct limits *limits, struct dure_takes *takes, uint32_t since)
{
    uint32_t leaf;
    for (; takes->count > since; takes->count--) {
        const struct dure_take *last = &takes->at[takes->count - 1];
        DURE_ASSERT(field_leaf(field, last->slot, &leaf));
        limits_take_back(limits, leaf, last->tasks);
    }
}

/* The first slot at or after `slot` that could be used, if this one cannot; the slot itself, if it can, with the tasks that it may get. */
static uint64_t usable(const struct window *w, uint32_t slot, uint32_t *ret_room)
{
    const struct limits *limits = w->limits;
    const bool by_place = w->field->cells; /* slots that follow each other may lie apart */
    uint32_t leaf;
    if (!field_leaf(w->field, slot, &leaf))
        return (uint64_t)(slot / w->field->cell_slots + 1) * w->field->cell_slots;
    if (limits->listed) {
        const uint32_t node = limits->node_first + leaf / limits->node_gpus;
        const uint32_t next = dure_node_runs_next(limits->allowed, node);
        if (next != node)
            return by_place ? slot + 1u : next == DURE_NONE32 ? UINT64_MAX : next - limits->node_first;
    }
    if (field_fenced(w->field, limits, slot))
        return slot + 1u;
    *ret_room = limits_room(limits, leaf);
    if (*ret_room)
        return slot;
    const uint64_t past = (uint64_t)(leaf / limits->spread_leaves + 1) * limits->spread_leaves;
    return by_place ? slot + 1u : past / w->field->slots->gpus;
}

/* The first usable slot from `from` on with exactly so many idle GPUs; DURE_NONE32. */
static uint32_t next_slot(const struct window *w, uint32_t idle, uint64_t from, uint32_t *ret_room)
{
    while (from < w->end) {
        const struct dure_bits *bits = &w->field->slots->by_idle[idle];
        const bool by_node = w->limits->side_count && !w->field->bound && !w->limits->core->fences.later_us;
        const uint64_t slot =
            by_node ? fence_first(w->limits->sides, w->limits->side_count, bits, from) : dure_bits_first(bits, from);
        if (slot >= w->end)
            break;
        from = usable(w, (uint32_t)slot, ret_room);
        if (from == slot)
            return (uint32_t)slot;
    }
    return DURE_NONE32;
}

/* All in one slot, the tightest. */
static bool fit_slot(const struct window *w, uint32_t tasks, struct dure_takes *takes)
{
    const uint32_t need = gpus_of(w, tasks);
    uint32_t room;
    for (uint32_t c = need; c <= w->field->slots->gpus; c++)
        for (uint32_t slot = next_slot(w, c, w->first, &room); slot != DURE_NONE32;
             slot = next_slot(w, c, slot + 1u, &room))
            if (room >= tasks) {
                take(w, takes, slot, w->field->slots->idle[slot], tasks);
                return true;
            }
    return false;
}

static bool is_taken(const struct dure_takes *takes, uint32_t since, uint32_t slot)
{
    for (uint32_t i = since; i < takes->count; i++)
        if (takes->at[i].slot == slot)
            return true;
    return false;
}

/* What is left of a gang with a number of tasks for each slot: fewer than that, in the tightest slot that is not its own yet. */
static bool fit_rest(const struct window *w, uint32_t tasks, uint32_t since, struct dure_takes *takes)
{
    uint32_t room;
    for (uint32_t c = gpus_of(w, tasks); c <= w->field->slots->gpus; c++)
        for (uint32_t slot = next_slot(w, c, w->first, &room); slot != DURE_NONE32;
             slot = next_slot(w, c, slot + 1u, &room))
            if (room >= tasks && !is_taken(takes, since, slot)) {
                take(w, takes, slot, w->field->slots->idle[slot], tasks);
                return true;
            }
    return false;
}

/* Over several slots; the emptiest first, or with a number of tasks for each slot the tightest first. */
static uint32_t fit_slots(const struct window *w, uint32_t tasks, struct dure_takes *takes)
{
    const uint32_t gpus = w->field->slots->gpus, exact = w->per_gpu ? 0 : w->ask->per_slot;
    const uint32_t since = takes->count;
    uint32_t left = tasks, room;
    for (uint32_t k = 1; k <= gpus && left; k++) {
        const uint32_t c = exact ? k : gpus + 1 - k;
        uint32_t can = tasks_on(w, c);
        if (!can || can < exact)
            continue;
        for (uint32_t slot = next_slot(w, c, w->first, &room); slot != DURE_NONE32 && left;
             slot = next_slot(w, c, slot + 1u, &room)) {
            uint32_t here = exact ? exact : can;
            here = here < room ? here : room;
            here = here < left ? here : left;
            if (here < exact)
                continue;
            take(w, takes, slot, w->field->slots->idle[slot], here);
            left -= here;
        }
    }
    if (left && left < exact && fit_rest(w, left, since, takes))
        left = 0;
    return tasks - left;
}

/* Inside one aligned group of GPUs of one slot, the tightest. */
static uint32_t fit_group(const struct window *w, uint32_t tasks, struct dure_takes *takes)
{
    const uint32_t need = gpus_of(w, tasks), group = w->ask->group, gpus = w->field->slots->gpus;
    const uint64_t all = group >= 64 ? UINT64_MAX : (UINT64_C(1) << group) - 1;
    uint32_t best_slot = DURE_NONE32, room;
    uint64_t best = 0;
    unsigned best_idle = 65;
    for (uint32_t c = need; c <= gpus && best_idle > need; c++)
        for (uint32_t slot = next_slot(w, c, w->first, &room); slot != DURE_NONE32 && best_idle > need;
             slot = next_slot(w, c, slot + 1u, &room))
            for (uint32_t at = 0; room >= tasks && at + group <= gpus; at += group) {
                const uint64_t idle = w->field->slots->idle[slot] & (all << at);
                const unsigned count = (unsigned)__builtin_popcountll(idle);
                if (count >= need && count < best_idle) {
                    best_idle = count;
                    best = idle;
                    best_slot = slot;
                }
            }
    if (best_slot == DURE_NONE32)
        return 0;
    take(w, takes, best_slot, best, tasks);
    return tasks;
}

/* All in one cell of the level, the one with fewest idle GPUs that has room. */
static uint32_t fit_span(const struct window *w, uint32_t tasks, struct dure_takes *takes)
{
    struct dure_slots *slots = (struct dure_slots *)w->field->slots; /* it may gain an index, which changes nothing */
    const struct dure_rooms *idle = dure_rooms_get(slots, (struct dure_rooms_key){.span = w->ask->span, .unit = 1});
    const uint32_t since = takes->count;
    for (uint32_t cell = dure_rooms_find(idle, gpus_of(w, tasks), DURE_NONE32); cell != DURE_NONE32;
         cell = dure_rooms_find(idle, gpus_of(w, tasks), cell)) {
        struct window one = *w;
        one.first = cell * w->ask->span;
        one.end = one.first + w->ask->span;
        if (fit_slots(&one, tasks, takes) == tasks)
            return tasks;
        fit_undo(w->field, w->limits, takes, since);
    }
    return 0;
}

uint32_t fit_limited(const struct field *field, const struct dure_ask *ask, uint32_t per_gpu, struct limits *limits,
                     uint32_t tasks, struct dure_takes *takes)
{
    const struct window w = {field, ask, limits, 0, field->slots->count, per_gpu};
    if (ask->group)
        return gpus_of(&w, tasks) <= ask->group ? fit_group(&w, tasks, takes) : 0;
    if (gpus_of(&w, tasks) <= field->slots->gpus && (per_gpu || !ask->per_slot || tasks <= ask->per_slot) &&
        fit_slot(&w, tasks, takes))
        return tasks;
    if (ask->span == 1)
        return 0;
    return ask->span ? fit_span(&w, tasks, takes) : fit_slots(&w, tasks, takes);
}
