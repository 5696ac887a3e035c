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
    const uint64_t slot = dure_bits_first(&w->slots->by_idle[idle], from);
    return slot < w->end ? (uint32_t)slot : DURE_NONE32;
}

/* The slot with fewest idle GPUs that has at least `gpus`, lowest first, not among those taken from `since` on. */
static uint32_t tightest(const struct window *w, uint32_t gpus, const struct dure_takes *takes, uint32_t since)
{
    for (uint32_t c = gpus; c <= w->slots->gpus; c++) {
        uint32_t slot = first_with(w, c, w->first);
        while (slot != DURE_NONE32) {
            bool taken = false;
            for (uint32_t i = takes->count; i > since && !taken; i--)
                taken = takes->at[i - 1].slot == slot;
            if (!taken)
                return slot;
            slot = slot + 1 < w->end ? first_with(w, c, slot + 1) : DURE_NONE32;
        }
    }
    return DURE_NONE32;
}

static bool fit_any(const struct window *w, const struct dure_ask *ask, struct dure_takes *takes)
{
    const uint32_t g = ask->task_gpus, since = takes->count;
    uint32_t left = ask->tasks;
    for (uint32_t c = w->slots->gpus; c >= g && left; c--) {
        const uint32_t each = c / g;
        for (uint32_t slot = first_with(w, c, w->first); slot != DURE_NONE32 && left > each;
             slot = slot + 1 < w->end ? first_with(w, c, slot + 1) : DURE_NONE32) {
            take(w, takes, slot, each, g);
            left -= each;
        }
        if (left <= each) { /* the rest fits into one slot of this size: into the tightest */
            const uint32_t slot = tightest(w, left * g, takes, since);
            if (slot != DURE_NONE32) {
                take(w, takes, slot, left, g);
                return true;
            }
        }
    }
    takes->count = since;
    return false;
}

static bool fit_exact(const struct window *w, const struct dure_ask *ask, struct dure_takes *takes)
{
    const uint32_t since = takes->count, whole = ask->per_slot * ask->task_gpus;
    uint32_t left = ask->tasks;
    for (uint32_t c = whole; c <= w->slots->gpus && left >= ask->per_slot; c++)
        for (uint32_t slot = first_with(w, c, w->first); slot != DURE_NONE32 && left >= ask->per_slot;
             slot = slot + 1 < w->end ? first_with(w, c, slot + 1) : DURE_NONE32) {
            take(w, takes, slot, ask->per_slot, ask->task_gpus);
            left -= ask->per_slot;
        }
    if (left && left < ask->per_slot) {
        const uint32_t slot = tightest(w, left * ask->task_gpus, takes, since);
        if (slot != DURE_NONE32) {
            take(w, takes, slot, left, ask->task_gpus);
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
static bool fit_group(const struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    const unsigned need = ask->tasks * ask->task_gpus;
    const uint64_t all = ask->group >= 64 ? UINT64_MAX : (UINT64_C(1) << ask->group) - 1;
    uint32_t best_slot = DURE_NONE32;
    uint64_t best = 0;
    unsigned best_idle = 65;
    for (uint32_t c = need; c <= slots->gpus; c++)
        for (uint64_t slot = dure_bits_first(&slots->by_idle[c], 0); slot < slots->count && best_idle > need;
             slot = slot + 1 < slots->count ? dure_bits_first(&slots->by_idle[c], slot + 1) : UINT64_MAX)
            for (uint32_t at = 0; at + ask->group <= slots->gpus; at += ask->group) {
                const uint64_t idle = slots->idle[slot] & (all << at);
                const unsigned count = (unsigned)__builtin_popcountll(idle);
                if (count >= need && count < best_idle) {
                    best_idle = count;
                    best = idle;
                    best_slot = (uint32_t)slot;
                }
            }
    if (best_slot == DURE_NONE32)
        return false;
    dure_takes_add(takes, (struct dure_take){best_slot, ask->tasks, lowest(best, need)});
    return true;
}

static bool fit_span(const struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    uint32_t level = 0;
    while (level < slots->level_count && slots->span[level] != ask->span)
        level++;
    DURE_ASSERT(level < slots->level_count);
    const uint32_t need = ask->tasks * ask->task_gpus, cells = slots->count / ask->span;
    /* Cells in order of fewest idle GPUs that can hold it: each round looks for the smallest sum above the last one tried. */
    uint32_t floor_sum = need;
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t cell = 0; cell < cells; cell++) {
            const uint32_t sum = slots->sums[level][cell];
            if (sum >= floor_sum && sum < best)
                best = sum;
        }
        if (best == UINT32_MAX)
            return false;
        for (uint32_t cell = 0; cell < cells; cell++) {
            const struct window w = {slots, cell * ask->span, (cell + 1) * ask->span};
            if (slots->sums[level][cell] == best && fit_window(&w, ask, takes))
                return true;
        }
        floor_sum = best + 1;
    }
}

bool dure_slots_fit(const struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes)
{
    DURE_ASSERT(ask->tasks && ask->task_gpus);
    const uint64_t need = (uint64_t)ask->tasks * ask->task_gpus;
    if (need > slots->idle_total || (uint64_t)ask->task_gpus * (ask->per_slot ? ask->per_slot : 1) > slots->gpus)
        return false;
    const struct window all = {slots, 0, slots->count};
    if (ask->group)
        return need <= ask->group && fit_group(slots, ask, takes);
    if (need <= slots->gpus && (!ask->per_slot || ask->tasks <= ask->per_slot)) {
        const uint32_t slot = tightest(&all, (uint32_t)need, takes, takes->count);
        if (slot != DURE_NONE32) {
            take(&all, takes, slot, ask->tasks, ask->task_gpus);
            return true;
        }
    }
    if (ask->span == 1)
        return false;
    return ask->span ? fit_span(slots, ask, takes) : fit_window(&all, ask, takes);
}
