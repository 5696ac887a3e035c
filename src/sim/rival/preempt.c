/* Orders that preempt (SRTF, SRSF, Tiresias-L): who stands behind in the order gives way, the last first, as far as it takes. Those whose place was not
 * needed after all run on. */
#include <stdlib.h>
#include <string.h>

#include "sim/rival/inner.h"

/* The last in the order among those that run behind `job` on machines that it can use, and were not stopped yet. */
static uint32_t last_behind(struct rival *r, uint32_t job, const bool *stopped)
{
    const struct need *need = &r->needs[r->jobs[job].need];
    uint32_t last = DURE_NONE32;
    for (uint32_t i = 0; i < r->running_count; i++) {
        const uint32_t other = r->running[i];
        if (stopped[i] || !(need->models >> r->jobs[other].kind & 1) ||
            !(r->jobs[other].key.first > r->jobs[job].key.first))
            continue;
        if (last == DURE_NONE32 || rival_before(r, r->running[last], other))
            last = i;
    }
    return last;
}

static uint64_t room_behind(struct rival *r, uint32_t job)
{
    const struct need *need = &r->needs[r->jobs[job].need];
    uint64_t milli = 0;
    for (uint32_t k = 0; k < r->kind_count; k++)
        if (need->models >> k & 1)
            milli += (uint64_t)r->free_milli[k];
    for (uint32_t i = 0; i < r->running_count; i++) {
        struct entry *other = &r->jobs[r->running[i]];
        rival_turn_now(r, other);
        other->key = r->policy.order->key(&other->turn);
        if (need->models >> other->kind & 1 && other->key.first > r->jobs[job].key.first)
            milli += r->needs[other->need].milli;
    }
    return milli;
}

bool rival_make_room(struct rival *r, uint32_t job, uint8_t *ret_kind)
{
    const struct need *need = &r->needs[r->jobs[job].need];
    if (room_behind(r, job) < need->milli)
        return false;
    bool *stopped = calloc(r->running_count + 1, sizeof *stopped);
    uint32_t *victims = malloc((r->running_count + 1) * sizeof *victims), count = 0, last;
    bool placed = false;
    if (!stopped || !victims)
        rival_fail(r, DURE_E_MEMORY, "out of memory for who gives way");
    while (stopped && victims && !placed && (last = last_behind(r, job, stopped)) != DURE_NONE32) {
        const struct entry *victim = &r->jobs[r->running[last]];
        stopped[last] = true;
        victims[count++] = r->running[last];
        rival_give(r, &r->needs[victim->need], run_places(victim->run));
        placed = rival_place(r, need, need->models, ret_kind);
    }
    for (uint32_t v = count; v-- > 0;) { /* the first in the order are asked first whether their place is free still */
        const struct entry *victim = &r->jobs[victims[v]];
        if (rival_retake(r, &r->needs[victim->need], run_places(victim->run)))
            victims[v] = DURE_NONE32;
    }
    for (uint32_t v = 0; v < count; v++)
        if (victims[v] != DURE_NONE32)
            rival_stop(r, victims[v], DURE_CAUSE_NONE, true);
    free(stopped);
    free(victims);
    return placed;
}
