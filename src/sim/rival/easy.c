/* EASY backfill: the first in line that finds no place has a start planned, by the walltimes of what runs; who comes after starts if it has ended by then, or
 * leaves that start its room. One start for each kind of machines: who waits for others' machines holds nobody back. */
#include <stdlib.h>
#include <string.h>

#include "sim/rival/inner.h"

/* GPUs of a node that are wholly free. */
static uint8_t whole(const struct rival *r, uint32_t node)
{
    const struct dure_score_node *left = &r->field.nodes[node].left;
    unsigned count = 0;
    for (uint32_t g = 0; g < left->gpus; g++)
        count += left->gpu_milli[g] == 1000;
    return (uint8_t)count;
}

static int64_t end_of(const struct rival *r, uint32_t job)
{
    return r->jobs[job].began_us + r->jobs[job].walltime_us;
}

static const struct rival *sorting; /* qsort has no context; one thread */

static int by_end(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const int64_t first = end_of(sorting, x), second = end_of(sorting, y);
    return first != second ? (first < second ? -1 : 1) : (x > y) - (x < y);
}

/* What becomes free when a job ends, in tasks of the shape that waits. */
static uint64_t gain(struct rival *r, const struct entry *ends, uint32_t task_gpus)
{
    const struct dure_place *places = run_places(ends->run);
    uint64_t more = 0;
    for (uint32_t p = 0; p < ends->run->place_count; p++) {
        uint8_t *free = &r->later[places[p].node_first];
        if (places[p].gpu_milli != 1000)
            continue;
        const uint32_t before = *free / task_gpus;
        *free = (uint8_t)(*free + __builtin_popcountll(places[p].gpu_mask));
        more += *free / task_gpus - before;
    }
    return more;
}

/* When the gang would fit in one kind, if nothing else began there. */
static bool foresee(struct rival *r, const struct need *need, uint8_t kind, struct planned *planned)
{
    const uint32_t gpus = need_task(r, need)->gpus;
    uint64_t fit = 0;
    for (uint32_t n = 0; n < r->field.node_count; n++) {
        if (r->field.nodes[n].all.model != kind)
            continue;
        r->later[n] = whole(r, n);
        fit += r->later[n] / gpus;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->running_count; i++)
        if (r->jobs[r->running[i]].kind == kind)
            r->by_end[count++] = r->running[i];
    sorting = r;
    qsort(r->by_end, count, sizeof *r->by_end, by_end);
    for (uint32_t i = 0; i < count; i++) {
        fit += gain(r, &r->jobs[r->by_end[i]], gpus);
        if (fit < need->tasks)
            continue;
        planned->at_us = end_of(r, r->by_end[i]);
        planned->spare = fit - need->tasks;
        return true;
    }
    return false;
}

void rival_plan(struct rival *r, uint32_t job)
{
    const struct need *need = &r->needs[r->jobs[job].need];
    uint64_t standing = 0;
    uint8_t best = DURE_RIVAL_KINDS_MAX;
    for (uint32_t k = 0; k < r->kind_count; k++)
        standing |= (uint64_t)r->planned[k].stands << k;
    if (standing & need->models)
        return; /* one before it has a start planned there */
    for (uint32_t k = 0; k < r->kind_count; k++)
        if (r->planned_kinds >> k & 1 && r->planned[k].job == job && r->planned[k].at_us > r->sim.now_us) {
            r->planned[k].stands = true;
            return;
        }
    for (uint32_t k = 0; k < r->kind_count; k++) {
        struct planned planned = {.job = job, .stands = true};
        if (!(need->models >> k & 1) || !foresee(r, need, (uint8_t)k, &planned))
            continue;
        if (best == DURE_RIVAL_KINDS_MAX || planned.at_us < r->planned[best].at_us) {
            if (best < DURE_RIVAL_KINDS_MAX)
                r->planned[best].stands = false;
            r->planned[k] = planned;
            best = (uint8_t)k;
        }
    }
    if (best == DURE_RIVAL_KINDS_MAX)
        return;
    r->planned_kinds |= UINT64_C(1) << best;
}

/* The place at hand (r->places) is taken already: may it be, until then? If so what it takes of the planned start's spare room is counted. */
bool rival_spares(struct rival *r, const struct need *need, uint8_t kind, int64_t ends_us)
{
    struct planned *planned = &r->planned[kind];
    if (r->policy.order->fit != DURE_TURN_BACKFILLS || !planned->stands || ends_us <= planned->at_us)
        return true;
    const uint32_t gpus = need_task(r, &r->needs[r->jobs[planned->job].need])->gpus;
    uint64_t loss = 0;
    uint32_t undone = need->tasks;
    for (uint32_t t = 0; t < need->tasks; t++) {
        uint8_t *free = &r->later[r->places[t].node_first];
        const uint8_t taken = (uint8_t)__builtin_popcountll(r->places[t].gpu_mask);
        const uint8_t after = *free > taken ? (uint8_t)(*free - taken) : 0;
        loss += *free / gpus - after / gpus;
        *free = after;
    }
    if (loss <= planned->spare) {
        planned->spare -= loss;
        return true;
    }
    while (undone-- > 0) {
        uint8_t *free = &r->later[r->places[undone].node_first];
        *free = (uint8_t)(*free + __builtin_popcountll(r->places[undone].gpu_mask));
    }
    return false;
}
