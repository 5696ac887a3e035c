/* Where a gang goes in a field of slots: one tight slot if one will do, else the emptiest slots and a tight one for the rest. */
#include "base/err.h"
#include "core/place/slots.h"

/* A window of the field: one cell, or all of it. */
struct window {
    const struct dure_slots *slots;
    uint32_t first, end;
};

static uint64_t lowest(uint64_t mask, unsigned count)
{
    if (count == (unsigned)__builtin_popcountll(mask))
        return mask;
    uint64_t kept = 0;
    while (count--) {
        const uint64_t bit = mask & -mask;
        kept |= bit;
        mask ^= bit;
    }
    return kept;
}

static void take(const struct window *w, struct dure_takes *takes, uint32_t slot, uint32_t tasks, uint32_t task_gpus)
{
    dure_takes_add(takes, (struct dure_take){slot, tasks, lowest(w->slots->idle[slot], tasks * task_gpus)});
}

static uint32_t first_with(const struct window *w, uint32_t idle, uint32_t from)
{
    const uint64_t slot = from < w->end ? dure_bits_first(&w->slots->by_idle[idle], from) : UINT64_MAX;
    return slot < w->end ? (uint32_t)slot : DURE_NONE32;
}

/* The slot with fewest idle GPUs that has at least `gpus`, lowest first. Of a class, those before next[class] are taken (NULL: none is). */
static uint32_t tightest(const struct window *w, uint32_t gpus, const uint32_t *next)
{
    for (uint64_t classes = w->slots->classes >> (gpus - 1) << (gpus - 1); classes; classes &= classes - 1) {
        const uint32_t c = (uint32_t)__builtin_ctzll(classes) + 1, slot = first_with(w, c, next ? next[c] : w->first);
        if (slot != DURE_NONE32)
            return slot;
    }
    return DURE_NONE32;
}

/* The emptiest slots, and a tight one for the rest. */
static bool fit_any(const struct window *w, const struct dure_ask *ask, struct dure_takes *takes)
{
    const uint32_t g = ask->task_gpus, since = takes->count;
    uint32_t left = ask->tasks, next[DURE_NODE_GPUS_MAX + 1];
    for (uint32_t c = g; c <= w->slots->gpus; c++)
        next[c] = w->first;
    for (uint32_t c = w->slots->gpus; c >= g && left; c--) {
        const uint32_t each = c / g;
        uint32_t slot = left > each ? first_with(w, c, w->first) : DURE_NONE32;
        while (slot != DURE_NONE32) {
            take(w, takes, slot, each, g);
            left -= each;
            next[c] = slot + 1;
            slot = left > each ? first_with(w, c, next[c]) : DURE_NONE32;
        }
        if (left <= each) { /* the rest fits into one slot of this size: into the tightest */
            slot = tightest(w, left * g, next);
            if (slot != DURE_NONE32) {
                take(w, takes, slot, left, g);
                return true;
            }
        }
    }
    takes->count = since;
    return false;
}

/* The tightest slots that take a whole share, and a tight one for the rest. */
static bool fit_exact(const struct window *w, const struct dure_ask *ask, struct dure_takes *takes)
{
    const uint32_t since = takes->count, whole = ask->per_slot * ask->task_gpus, rest = ask->tasks % ask->per_slot;
    uint32_t left = ask->tasks, next[DURE_NODE_GPUS_MAX + 1];
    for (uint32_t c = 1; c <= w->slots->gpus; c++)
        next[c] = w->first;
    for (uint32_t c = whole; c <= w->slots->gpus && left > rest; c++)
        for (uint32_t slot = first_with(w, c, w->first); slot != DURE_NONE32 && left > rest;
             slot = first_with(w, c, next[c])) {
            take(w, takes, slot, ask->per_slot, ask->task_gpus);
            left -= ask->per_slot;
            next[c] = slot + 1;
        }
    if (left && left == rest) {
        const uint32_t slot = tightest(w, rest * ask->task_gpus, next);
        if (slot != DURE_NONE32) {
            take(w, takes, slot, rest, ask->task_gpus);
            left = 0;
        }
    }
    if (left)
        takes->count = since;
    return !left;
}

static bool fit_window(const struct window *w, const struct dure_ask *ask, struct dure_takes *takes)
{
    return ask->per_slot ? fit_exact(w, ask, takes) : fit_any(w, ask, takes);
}

/* One aligned group of GPUs inside one slot, tightest group first. */
static bool fit_group(struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    if (ask->group > slots->gpus)
        return false;
    const unsigned need = ask->tasks * ask->task_gpus;
    const struct dure_rooms *rooms = dure_rooms_get(slots, (struct dure_rooms_key){.group = ask->group, .unit = 1});
    const uint32_t found = dure_rooms_find(rooms, need, DURE_NONE32);
    if (found == DURE_NONE32)
        return false;
    const uint32_t slot = found / rooms->per_slot, at = found % rooms->per_slot * ask->group;
    const uint64_t all = ask->group >= 64 ? UINT64_MAX : (UINT64_C(1) << ask->group) - 1;
    dure_takes_add(takes, (struct dure_take){slot, ask->tasks, lowest(slots->idle[slot] & (all << at), need)});
    return true;
}

/* Inside one cell: the one with the least room that is enough for the whole gang. A gang with a rest (per_slot) may fail there, so that the next
 * one is tried. */
static bool fit_span(struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    const struct dure_rooms_key key = {
        .span = ask->span, .unit = ask->task_gpus * (ask->per_slot ? ask->per_slot : 1), .once = ask->per_slot != 0};
    const uint32_t need = ask->per_slot ? ask->tasks / ask->per_slot : ask->tasks;
    const struct dure_rooms *rooms = need ? dure_rooms_get(slots, key) : NULL;
    for (uint32_t cell = DURE_NONE32; rooms;) {
        cell = dure_rooms_find(rooms, need, cell);
        if (cell == DURE_NONE32)
            return false;
        const struct window w = {slots, cell * ask->span, (cell + 1) * ask->span};
        if (fit_window(&w, ask, takes))
            return true;
    }
    return false;
}

bool dure_slots_fit(struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    DURE_ASSERT(ask->tasks && ask->task_gpus);
    const uint64_t need = (uint64_t)ask->tasks * ask->task_gpus;
    if (need > slots->idle_total || (uint64_t)ask->task_gpus * (ask->per_slot ? ask->per_slot : 1) > slots->gpus)
        return false;
    const struct window all = {slots, 0, slots->count};
    if (ask->group)
        return need <= ask->group && fit_group(slots, ask, takes);
    if (need <= slots->gpus && (!ask->per_slot || ask->tasks <= ask->per_slot)) {
        const uint32_t slot = tightest(&all, (uint32_t)need, NULL);
        if (slot != DURE_NONE32) {
            take(&all, takes, slot, ask->tasks, ask->task_gpus);
            return true;
        }
    }
    if (ask->span == 1)
        return false;
    return ask->span ? fit_span(slots, ask, takes) : fit_window(&all, ask, takes);
}
