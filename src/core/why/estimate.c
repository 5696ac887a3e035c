/* Runs and queue as a list schedule over GPUs, three times: with work lasting as long as it is allowed to, as half of it does, as a tenth. */
#include "core/why/estimate.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/place/rules.h"
#include "core/state/jobs.h"
#include "core/state/lasting.h"
#include "core/why/never.h"

__extension__ typedef unsigned __int128 wide;

#define LATER_MAX_US (INT64_C(7320) * DURE_DAY_US)
enum { ENDS_MAX = 4096, LOOKED_AT_MAX = 16384, STEPS_MAX = 2048, HEAP_MAX = ENDS_MAX + STEPS_MAX };

/* Somebody who gives back GPUs at some time, or maintenance (`job` 0) that is over then. */
struct end {
    int64_t at_us;
    uint64_t milli, job, booking;
    uint32_t element, tenant;
};

/* The pool that a request draws on: its holder's rights, or the chains that lend to it. */
struct pool {
    struct dure_core *core;
    const struct request *ask;
    uint32_t holder; /* NONE: borrowed */
    bool *chains;    /* of a borrower */
    uint64_t idle_milli;
    uint32_t *ends; /* attempts, soonest to end at the latest first */
    uint32_t end_count;
    struct end *windows; /* maintenance that has begun, and what comes back of it */
    uint32_t window_count;
    uint64_t milli; /* of all of them */
    bool all;       /* no others will end */
};

static bool before(const struct end *a, const struct end *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    return a->job != b->job ? a->job < b->job : a->element < b->element;
}

static void push(struct end *heap, uint32_t *count, struct end end)
{
    uint32_t at = (*count)++;
    for (; at && before(&end, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = end;
}

static struct end pop(struct end *heap, uint32_t *count)
{
    const struct end top = heap[0], last = heap[--*count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= *count)
            break;
        child += child + 1 < *count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    if (*count)
        heap[at] = last;
    return top;
}

static bool draws_on(const struct pool *pool, const struct attempt *attempt)
{
    if (pool->holder == NONE)
        return pool->chains[attempt->d.chain];
    return !attempt->d.borrowed && pool->core->allots[attempt->d.allot]->spec.tenant.v == pool->holder;
}

/* The attempts that end soonest by their walltimes, best first, until they give back `milli` (and as much again). */
static void collect(struct pool *pool, uint64_t milli)
{
    const struct dure_heap *all = &pool->core->deadlines;
    struct end *frontier = dure_core_alloc(sizeof *frontier, LOOKED_AT_MAX + 2);
    uint32_t count = 0, looked = 0;
    if (all->count)
        push(frontier, &count, (struct end){.at_us = all->at[0].key, .job = all->at[0].id, .element = 0});
    while (count && looked < LOOKED_AT_MAX && pool->end_count < ENDS_MAX && pool->milli < 2 * milli) {
        const struct end top = pop(frontier, &count);
        const uint32_t place = top.element, slot = all->at[place].slot;
        looked++;
        for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < all->count; child++)
            push(frontier, &count,
                 (struct end){.at_us = all->at[child].key, .job = all->at[child].id, .element = child});
        if (!draws_on(pool, attempt_at(pool->core, slot)))
            continue;
        pool->ends[pool->end_count++] = slot;
        pool->milli += attempt_at(pool->core, slot)->d.gpus_milli;
    }
    pool->all = !count;
    free(frontier);
}

static void find_idle(struct pool *pool)
{
    struct dure_core *core = pool->core;
    if (pool->holder != NONE) {
        for (uint32_t id = core->tenant[pool->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
            pool->idle_milli += core->allots[id]->slots.idle_total * 1000;
        return;
    }
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        int64_t notice;
        pool->chains[i] = never_verdict(core, pool->ask, i).rule == DURE_RULE_FITS &&
                          lend_terms(core, i, pool->ask->tenant, false, &notice) && pool->ask->grace_us <= notice;
        pool->idle_milli += pool->chains[i] ? core->chains[i].idle.idle_total * 1000 : 0;
    }
}

/* GPUs of the holder's rights in a chain that are neither idle nor used by right: what maintenance may have. */
static uint64_t missing_of(const struct pool *pool, uint32_t chain)
{
    const struct dure_core *core = pool->core;
    uint64_t missing = 0;
    for (uint32_t id = core->tenant[pool->holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        struct dure_cells_right_view right;
        if (allot->spec.chain.v != chain ||
            !dure_cells_right(core->chains[chain].cells, (struct dure_allot_id){id}, &right))
            continue;
        const uint64_t all = (uint64_t)allot->cells * allot->cell_leaves, there = allot->slots.idle_total + right.used;
        missing += all > there ? all - there : 0;
    }
    return missing;
}

/* GPUs that a run of nodes brings back when its maintenance is over: not of those that are kept away by something else as well. */
static uint64_t returning(const struct dure_core *core, const struct dure_place *run)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < run->node_count; i++) {
        const struct node *node = &core->nodes[run->node_first + i];
        if (node->d.booked && !node->d.drain && !node->d.down && !node->d.away)
            gpus += (uint64_t)__builtin_popcountll(core->chains[node->chain].idle.full & ~node->used &
                                                   ~node_withheld(node));
    }
    return gpus;
}

static void find_windows(struct pool *pool)
{
    struct dure_core *core = pool->core;
    pool->windows = dure_core_alloc(sizeof *pool->windows, core->booking_count);
    uint64_t *missing = dure_core_alloc(sizeof *missing, core->fleet->chain_count);
    for (uint32_t i = 0; i < core->fleet->chain_count && core->booking_count; i++)
        missing[i] = pool->holder != NONE ? missing_of(pool, i) : pool->chains[i] ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < core->booking_count; i++) {
        const struct booking *b = core->bookings[i];
        struct end end = {.at_us = b->d.until_us, .booking = b->d.id, .element = NONE};
        for (uint32_t k = 0; b->d.state == BOOKING_BEGUN && k < b->d.run_count; k++) {
            uint64_t *most = &missing[core->nodes[b->runs[k].node_first].chain];
            const uint64_t back = *most ? returning(core, &b->runs[k]) : 0, gpus = back < *most ? back : *most;
            *most -= gpus;
            end.milli += gpus * 1000;
        }
        if (!end.milli)
            continue;
        pool->windows[pool->window_count++] = end;
        pool->milli += end.milli;
    }
    free(missing);
}

static struct end end_of(const struct dure_core *core, uint32_t slot, unsigned percent)
{
    const struct attempt *a = attempt_at(core, slot);
    const uint32_t tenant = job_ask(core, job_at(core, a->job_slot))->tenant;
    int64_t at = lasting_end(core, tenant, a->d.started_us, a->d.walltime_end_us - a->d.started_us, percent);
    if (a->d.state == DURE_ATTEMPT_WARNED && a->d.deadline_us < at)
        at = a->d.deadline_us;
    if (a->d.state == DURE_ATTEMPT_STOPPING)
        at = core->s.time_us;
    const bool array = job_at(core, a->job_slot)->d.array_count > 0;
    return (struct end){at, a->d.gpus_milli, a->d.job, 0, array ? a->d.element : NONE, tenant};
}

/* A list schedule: who is before it starts in order as soon as there are GPUs enough, then it. */
struct schedule {
    struct end *heap;
    uint32_t count, steps;
    uint64_t free_milli;
    int64_t at_us;
    bool rough;
};

/* Waits for `milli`; who gave back last is told to `ret` (may be NULL). False: they never come. */
static bool wait_for(struct schedule *s, uint64_t milli, struct dure_why_estimate *ret)
{
    while (s->free_milli < milli && s->count) {
        const struct end end = pop(s->heap, &s->count);
        s->free_milli += end.milli;
        s->at_us = end.at_us > s->at_us ? end.at_us : s->at_us;
        if (!ret)
            continue;
        if (ret->awaited_count == DURE_WHY_AWAITED_MAX) {
            memmove(ret->awaited, ret->awaited + 1, sizeof ret->awaited - sizeof ret->awaited[0]);
            ret->awaited_count--;
        }
        ret->awaited[ret->awaited_count++] =
            (struct dure_why_awaited){{end.job}, end.booking, end.element, {end.tenant}, end.at_us};
    }
    return s->free_milli >= milli;
}

/* The GPUs that are there in all, for what is too much to go through. */
static int64_t run(const struct pool *pool, const struct ahead *ahead, uint32_t ahead_count, uint64_t milli,
                   bool scattered, unsigned percent, struct end *room, struct dure_why_estimate *ret, bool *ret_rough)
{
    const int64_t now = pool->core->s.time_us;
    struct schedule s = {.heap = room, .free_milli = pool->idle_milli, .at_us = now};
    wide rest = 0; /* GPU-milli-microseconds not gone through */
    for (uint32_t i = 0; i < pool->end_count; i++)
        push(s.heap, &s.count, end_of(pool->core, pool->ends[i], percent));
    for (uint32_t i = 0; i < pool->window_count; i++)
        push(s.heap, &s.count, pool->windows[i]);
    for (uint32_t i = 0; i < ahead_count; i++)
        for (uint32_t k = 0; k < ahead[i].count; k++) {
            const int64_t lasts = lasting_end(pool->core, ahead[i].tenant, now, ahead[i].walltime_us, percent) - now;
            if (s.steps == STEPS_MAX || !wait_for(&s, ahead[i].milli, NULL)) {
                rest += (wide)ahead[i].milli * (uint64_t)lasts * (ahead[i].count - k);
                break;
            }
            s.free_milli -= ahead[i].milli;
            push(s.heap, &s.count,
                 (struct end){s.at_us + lasts, ahead[i].milli, ahead[i].job, 0, NONE, ahead[i].tenant});
            s.steps++;
        }
    const bool useless = scattered && s.at_us == now && s.free_milli >= milli;
    if (useless) /* as much as it asks for must come free together, or all that is in use */
        s.free_milli = 0;
    const uint64_t capacity = pool->idle_milli + pool->milli;
    const bool any_leaves = pool->end_count + pool->window_count > 0;
    if ((!wait_for(&s, milli, ret) && !(useless && any_leaves)) || !capacity)
        return 0;
    *ret_rough |= rest > 0;
    const wide later = rest / capacity;
    return later > (uint64_t)LATER_MAX_US ? 0 : s.at_us + (int64_t)later;
}

bool estimate_start(struct dure_core *core, const struct request *ask, int64_t walltime_us, const struct ahead *ahead,
                    uint32_t ahead_count, bool scattered, struct dure_why_estimate *ret)
{
    (void)walltime_us;
    const uint64_t milli = request_milli(ask, ask->tasks);
    struct pool pool = {.core = core,
                        .ask = ask,
                        .holder = ask->job_class == DURE_GUARANTEED ? core->tenant[ask->tenant].holder : NONE};
    if (ask->job_class == DURE_GUARANTEED && pool.holder == NONE)
        return false;
    uint64_t wanted = milli;
    for (uint32_t i = 0; i < ahead_count; i++)
        wanted += ahead[i].milli * ahead[i].count;
    pool.chains = dure_core_alloc(sizeof *pool.chains, core->fleet->chain_count);
    pool.ends = dure_core_alloc(sizeof *pool.ends, ENDS_MAX);
    struct end *room = dure_core_alloc(sizeof *room, HEAP_MAX + core->booking_count);
    struct dure_why_estimate made = {0};
    find_idle(&pool);
    collect(&pool, wanted);
    find_windows(&pool);
    made.latest_us = run(&pool, ahead, ahead_count, milli, scattered, 100, room, NULL, &made.is_rough);
    if (made.latest_us) {
        made.likely_us = run(&pool, ahead, ahead_count, milli, scattered, 50, room, &made, &made.is_rough);
        made.earliest_us = run(&pool, ahead, ahead_count, milli, scattered, 10, room, NULL, &made.is_rough);
        made.likely_us = made.likely_us > made.latest_us ? made.latest_us : made.likely_us;
        made.earliest_us = made.earliest_us > made.likely_us ? made.likely_us : made.earliest_us;
        *ret = made;
    }
    free(room);
    free(pool.windows);
    free(pool.ends);
    free(pool.chains);
    return made.latest_us != 0;
}
