/* Who waits: requests that are alike share a queue and, until something is given back, a verdict. */
#include <stdlib.h>
#include <string.h>

#include "sim/rival/inner.h"

static bool alike(const struct need *a, const struct need *b)
{
    return a->models == b->models && a->milli == b->milli && a->walltime_us == b->walltime_us && a->shape == b->shape &&
           a->tasks == b->tasks && a->required == b->required && strcmp(a->level, b->level) == 0;
}

uint32_t rival_need_of(struct rival *r, const struct need *need)
{
    const uint64_t words[] = {need->models,
                              need->milli,
                              (uint64_t)need->walltime_us,
                              (uint64_t)need->shape << 32 | need->tasks,
                              need->required,
                              dure_hash128(1, need->level, strlen(need->level)).lane[0]};
    uint64_t key = dure_hash_words(1, words, 6).lane[0] >> 1, at;
    for (; dure_map_get(&r->need_of, key, &at); key = (key + 1) >> 1)
        if (alike(&r->needs[at], need))
            return (uint32_t)at;
    if (r->need_count == r->need_capacity) {
        const uint32_t capacity = r->need_capacity ? r->need_capacity * 2 : 64;
        struct need *more = realloc(r->needs, capacity * sizeof *more);
        if (!more)
            return DURE_NONE32;
        r->needs = more;
        r->need_capacity = capacity;
    }
    r->needs[r->need_count] = *need;
    return dure_map_put(&r->need_of, key, r->need_count) ? r->need_count++ : DURE_NONE32;
}

bool rival_before(const struct rival *r, uint32_t a, uint32_t b)
{
    const struct dure_turn_key *x = &r->jobs[a].key, *y = &r->jobs[b].key;
    if (x->first != y->first)
        return x->first < y->first;
    return x->second != y->second ? x->second < y->second : a < b;
}

bool rival_wait(struct rival *r, uint32_t job)
{
    struct entry *entry = &r->jobs[job];
    struct need *need = &r->needs[entry->need];
    if (need->count == need->capacity) {
        const uint32_t capacity = need->capacity ? need->capacity * 2 : 16;
        uint32_t *more = realloc(need->jobs, capacity * sizeof *more);
        if (!more) {
            rival_fail(r, DURE_E_MEMORY, "out of memory for the queue");
            return false;
        }
        need->jobs = more;
        need->capacity = capacity;
    }
    entry->state = ENTRY_WAITS;
    entry->turn.running = false;
    if (r->policy.order->ran && entry->turn.position == 0)
        r->policy.order->ran(&entry->turn, &r->counter);
    entry->key = r->policy.order->key(&entry->turn);
    uint32_t at = need->count++;
    for (; at > 0 && rival_before(r, job, need->jobs[(at - 1) / 2]); at = (at - 1) / 2)
        need->jobs[at] = need->jobs[(at - 1) / 2];
    need->jobs[at] = job;
    if (at == 0 || !need->failed) {
        need->failed = need->failed && !r->policy.order->preempts;
        r->dirty = r->dirty || !need->failed;
    }
    return true;
}

void rival_unwait(struct rival *r, struct need *need)
{
    const uint32_t last = need->jobs[--need->count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < need->count; at = child) {
        child += child + 1 < need->count && rival_before(r, need->jobs[child + 1], need->jobs[child]);
        if (!rival_before(r, need->jobs[child], last))
            break;
        need->jobs[at] = need->jobs[child];
    }
    need->jobs[at] = last;
}

static const struct rival *sorting; /* qsort has no context; one thread */

static int by_head(const void *a, const void *b)
{
    const uint32_t x = sorting->needs[*(const uint32_t *)a].jobs[0], y = sorting->needs[*(const uint32_t *)b].jobs[0];
    return rival_before(sorting, x, y) ? -1 : rival_before(sorting, y, x) ? 1 : 0;
}

/* Needs with somebody waiting, by the one whose turn is first. */
uint32_t rival_candidates(struct rival *r)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < r->need_count; n++)
        if (r->needs[n].count)
            r->order[count++] = n;
    sorting = r;
    qsort(r->order, count, sizeof *r->order, by_head);
    return count;
}

/* The need at hand has another first now: where it belongs among those after it. */
void rival_sink(struct rival *r, uint32_t at, uint32_t count)
{
    const uint32_t need = r->order[at];
    for (; at + 1 < count && rival_before(r, r->needs[r->order[at + 1]].jobs[0], r->needs[need].jobs[0]); at++)
        r->order[at] = r->order[at + 1];
    r->order[at] = need;
}

/* Tries the first of a need. True: it runs. */
static bool try(struct rival *r, struct need *need, uint64_t models)
{
    const uint32_t job = need->jobs[0];
    uint8_t kind;
    if (rival_place(r, need, models, &kind)) {
        if (rival_spares(r, need, kind, r->sim.now_us + r->jobs[job].walltime_us)) {
            rival_unwait(r, need);
            rival_start(r, job, kind);
            return true;
        }
        rival_give(r, need, r->places);
    }
    if (!r->policy.order->preempts || !rival_make_room(r, job, &kind))
        return false;
    rival_unwait(r, need);
    rival_start(r, job, kind);
    return true;
}

void rival_pass(struct rival *r)
{
    const enum dure_turn_fit fit = r->policy.order->fit;
    uint64_t blocked = 0;
    if (!r->dirty)
        return;
    r->dirty = false;
    r->sim.result->passes++;
    for (uint32_t k = 0; k < r->kind_count; k++)
        r->planned[k].stands = false;
    uint32_t count = rival_candidates(r);
    for (uint32_t at = 0; at < count && !r->sim.failed;) {
        struct need *need = &r->needs[r->order[at]];
        const uint32_t job = need->jobs[0];
        const bool known = need->failed && !r->policy.order->preempts;
        if (!known && need->models & ~blocked && try(r, need, ~blocked)) {
            if (need->count)
                rival_sink(r, at, count);
            else
                at++;
            continue;
        }
        need->failed = true;
        if (fit == DURE_TURN_BLOCKS)
            blocked |= need->models;
        if (fit == DURE_TURN_BACKFILLS)
            rival_plan(r, job);
        at++;
    }
}
