/* Which nodes a gang takes, of those that it is offered. */
#include "parts.h"

uint32_t reference_ones(uint64_t mask)
{
    return (uint32_t)__builtin_popcountll(mask);
}

static uint32_t ones(uint64_t mask)
{
    return reference_ones(mask);
}

uint64_t reference_lowest(uint64_t mask, uint32_t count)
{
    uint64_t kept = 0;
    for (unsigned bit = 0; bit < 64 && ones(kept) < count; bit++)
        kept |= mask & UINT64_C(1) << bit;
    return kept;
}

struct window {
    struct slot *at;
    uint32_t count;
};

/* The fullest that has at least so many idle; of equal ones the first. NULL: none. */
static struct slot *tightest(struct window w, uint32_t gpus)
{
    struct slot *best = NULL;
    for (uint32_t i = 0; i < w.count; i++)
        if (!w.at[i].tasks && ones(w.at[i].idle) >= gpus && (!best || ones(w.at[i].idle) < ones(best->idle)))
            best = &w.at[i];
    return best;
}

static uint32_t idle_in(struct window w)
{
    uint32_t idle = 0;
    for (uint32_t i = 0; i < w.count; i++)
        idle += ones(w.at[i].idle);
    return idle;
}

static void take(struct takes *takes, struct slot *slot, uint32_t tasks)
{
    slot->tasks = tasks;
    takes->at[takes->count++] = slot;
}

static bool give_up(struct takes *takes)
{
    while (takes->count > 0)
        takes->at[--takes->count]->tasks = 0;
    return false;
}

static bool take_rest(struct takes *takes, struct window w, uint32_t tasks, uint32_t gpus)
{
    struct slot *one = tightest(w, tasks * gpus);
    if (one)
        take(takes, one, tasks);
    return one != NULL;
}

/* The emptiest nodes, each as full as it gets, and the rest into a tight one. */
static bool fit_any(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    uint32_t left = gang->tasks;
    for (uint32_t size = node_gpus; size >= gang->gpus; size--) {
        const uint32_t each = size / gang->gpus;
        for (uint32_t i = 0; i < w.count && left > each; i++)
            if (!w.at[i].tasks && ones(w.at[i].idle) == size) {
                take(takes, &w.at[i], each);
                left -= each;
            }
        if (left <= each && take_rest(takes, w, left, gang->gpus))
            return true;
    }
    return give_up(takes);
}

/* The fullest nodes that hold the tasks of one, and one for the rest. */
static bool fit_each(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    uint32_t left = gang->tasks;
    for (uint32_t size = gang->each * gang->gpus; size <= node_gpus; size++)
        for (uint32_t i = 0; i < w.count && left >= gang->each; i++)
            if (!w.at[i].tasks && ones(w.at[i].idle) == size) {
                take(takes, &w.at[i], gang->each);
                left -= gang->each;
            }
    if (left > 0 && (left >= gang->each || !take_rest(takes, w, left, gang->gpus)))
        return give_up(takes);
    return true;
}

static bool fit_window(struct window w, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    return gang->each > 0 ? fit_each(w, gang, node_gpus, takes) : fit_any(w, gang, node_gpus, takes);
}

/* How many tasks could start there; where a node takes exactly `each`, how many nodes could take so many. */
static uint32_t room_in(struct window w, const struct gang *gang)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < w.count; i++)
        room += gang->each > 0 ? ones(w.at[i].idle) >= gang->each * gang->gpus : ones(w.at[i].idle) / gang->gpus;
    return room;
}

/* The cell with the least room in the gang's own terms that will do; of equal ones the first. */
static bool fit_span(struct window all, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    const uint32_t cells = all.count / gang->span, most = gang->span * node_gpus;
    for (uint32_t room = gang->each > 0 ? gang->tasks / gang->each : gang->tasks; room <= most; room++)
        for (uint32_t cell = 0; cell < cells; cell++) {
            const struct window w = {all.at + cell * gang->span, gang->span};
            if (room_in(w, gang) == room && fit_window(w, gang, node_gpus, takes))
                return true;
        }
    return false;
}

/* One tight node if one will do; else several. */
bool reference_fit(struct slots *slots, const struct gang *gang, uint32_t node_gpus, struct takes *takes)
{
    const struct window all = {slots->at, slots->count};
    takes->count = 0;
    if (gang->tasks * gang->gpus > idle_in(all) || (gang->each > 0 ? gang->each : 1) * gang->gpus > node_gpus)
        return false;
    if ((gang->each == 0 || gang->tasks <= gang->each) && take_rest(takes, all, gang->tasks, gang->gpus))
        return true;
    if (gang->span == 1)
        return false;
    return gang->span > 0 ? fit_span(all, gang, node_gpus, takes) : fit_window(all, gang, node_gpus, takes);
}
