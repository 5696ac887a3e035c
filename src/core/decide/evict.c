/* Who has to leave, and when. */
#include <stdlib.h>

#include "core/allot/allots.h"
#include "core/decide/decide.h"
#include "core/gate/fence.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

void decide_stop(struct dure_core *core, uint32_t slot, enum dure_cause cause)
{
    struct dure_record r;
    decide_record(core, DURE_REC_STOP, &r);
    r.attempt.v = attempt_at(core, slot)->d.id;
    r.cause = cause;
    decide_emit(core, &r);
}

void decide_warn(struct dure_core *core, uint32_t slot, enum dure_cause cause)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int64_t now = core->s.time_us, grace = job_ask(core, attempt->job)->grace_us;
    if (attempt->d.state == DURE_ATTEMPT_STOPPING)
        return;
    if (attempt->d.state == DURE_ATTEMPT_WARNED && attempt->d.deadline_us <= now + grace)
        return;
    if (attempt->d.state != DURE_ATTEMPT_WARNED && grace && attempt->d.walltime_end_us - now <= grace &&
        !DURE_CORE_MUTATED(NEEDLESS_NOTICE))
        return; /* its walltime ends it by then: decide_due sees to it */
    struct dure_record r;
    decide_record(core, DURE_REC_NOTICE, &r);
    r.attempt.v = attempt->d.id;
    r.cause = cause;
    r.deadline_us = now + (DURE_CORE_MUTATED(LONG_NOTICE)    ? 2 * grace
                           : DURE_CORE_MUTATED(SHORT_NOTICE) ? grace / 2
                                                             : grace);
    decide_emit(core, &r);
}

static void renotice(struct dure_core *core, uint32_t slot, enum dure_cause cause)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int64_t by = core->s.time_us + job_ask(core, attempt->job)->grace_us;
    struct dure_record r;
    decide_record(core, DURE_REC_NOTICE, &r);
    r.attempt.v = attempt->d.id;
    r.cause = cause;
    r.deadline_us = attempt->d.deadline_us < by ? attempt->d.deadline_us : by;
    decide_emit(core, &r);
}

bool decide_may_be_spared(const struct attempt *attempt)
{
    return attempt->d.cause == DURE_CAUSE_RECLAIMED || attempt->d.cause == DURE_CAUSE_PRIORITY ||
           attempt->d.cause == DURE_CAUSE_POWER;
}

void decide_send_away(struct dure_core *core, uint32_t slot, enum dure_cause cause)
{
    const struct attempt *attempt = attempt_at(core, slot);
    if (attempt->d.state == DURE_ATTEMPT_WARNED && decide_may_be_spared(attempt))
        renotice(core, slot, cause);
    else
        decide_warn(core, slot, cause);
}

struct users {
    uint64_t *ids;
    uint32_t count, capacity;
};

static void add_user(struct users *users, uint64_t id)
{
    if (users->count == users->capacity) {
        users->capacity = users->capacity ? users->capacity * 2 : 16;
        users->ids = dure_core_grow(users->ids, sizeof *users->ids, users->capacity);
    }
    users->ids[users->count++] = id;
}

static void collect(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct users *users = ((void **)context)[0];
    const uint32_t *slots = NULL, chain = *(const uint32_t *)((void **)context)[1],
                   count = ground_users(core, chain, leaf, &slots);
    for (uint32_t i = 0; i < count; i++)
        if (place->gpu_milli == 1000 || attempt_at(core, slots[i])->d.borrowed ||
            !(core->chains[chain].occupant[leaf] & OCCUPANT_SHARED))
            add_user(users, attempt_at(core, slots[i])->d.id);
}

static int by_id(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_neighbour(struct dure_core *core, void *context, uint32_t slot)
{
    add_user(context, attempt_at(core, slot)->d.id);
}

void decide_clear(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                  uint32_t count)
{
    struct users users = {0};
    void *context[2] = {&users, &chain};
    ground_each(core, chain, places, count, collect, context);
    fence_each(core, ask, chain, places, count, add_neighbour, &users);
    if (users.count)
        qsort(users.ids, users.count, sizeof *users.ids, by_id);
    for (uint32_t i = 0; i < users.count; i++) {
        if (i && users.ids[i] == users.ids[i - 1])
            continue;
        const uint32_t slot = attempt_find(core, users.ids[i]);
        decide_warn(core, slot, attempt_at(core, slot)->d.borrowed ? DURE_CAUSE_RECLAIMED : DURE_CAUSE_PRIORITY);
    }
    free(users.ids);
}

static void see(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    struct {
        bool clear;
        uint32_t chain;
    } *seen = context;
    if (ground_obstructed_on(core, seen->chain, node, place))
        seen->clear = false;
}

bool decide_is_clear(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count)
{
    struct {
        bool clear;
        uint32_t chain;
    } seen = {true, chain};
    ground_each_node(core, chain, places, count, see, &seen);
    return seen.clear || DURE_CORE_MUTATED(START_EARLY);
}

static void see_claim(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    (void)place;
    struct {
        bool claimed;
        uint32_t chain;
    } *seen = context;
    if (core->chains[seen->chain].claim[leaf] != NONE)
        seen->claimed = true;
}

void decide_spare(struct dure_core *core, uint64_t id)
{
    const uint32_t slot = attempt_find(core, id);
    if (slot == NONE)
        return;
    const struct attempt *attempt = attempt_at(core, slot);
    if (attempt->d.state != DURE_ATTEMPT_WARNED || DURE_CORE_MUTATED(NOT_SPARED) || gate_is_dark(core, attempt))
        return;
    if (attempt->d.cause == DURE_CAUSE_WALLTIME)
        decide_whole_grace(core, slot);
    if (!decide_may_be_spared(attempt))
        return;
    struct {
        bool claimed;
        uint32_t chain;
    } seen = {false, attempt->d.chain};
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, see_claim, &seen);
    if (seen.claimed || fence_waited_since_us(core, slot) != DURE_NEVER_US)
        return;
    struct dure_record r;
    decide_record(core, DURE_REC_CANCEL_NOTICE, &r);
    r.attempt.v = id;
    decide_emit(core, &r);
}

/* What borrowers plan on must still be lent. */
static void check_planned(struct dure_core *core)
{
    const uint32_t slot = core->tenants ? core->queues[queue_of_borrowed(core)].planned : NONE;
    if (slot == NONE)
        return;
    const struct planned *planned = planned_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, planned->job_slot));
    int64_t notice;
    if (!lend_terms(core, planned->d.chain, ask->tenant, false, &notice) || ask->grace_us > notice)
        decide_unplan(core, planned->job_slot, DURE_CAUSE_LENDING_ENDED);
}

void decide_lending(struct dure_core *core)
{
    check_planned(core);
    struct users users = {0};
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        int64_t notice;
        if (!attempt->d.borrowed || attempt->d.state == DURE_ATTEMPT_STOPPING ||
            lend_terms(core, attempt->d.chain, job_ask(core, attempt->job)->tenant, false, &notice))
            continue;
        add_user(&users, attempt->d.id);
    }
    if (users.count)
        qsort(users.ids, users.count, sizeof *users.ids, by_id);
    for (uint32_t i = 0; i < users.count; i++)
        decide_send_away(core, attempt_find(core, users.ids[i]), DURE_CAUSE_LENDING_ENDED);
    free(users.ids);
}
