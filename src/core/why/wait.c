#include "core/why/wait.h"

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

static enum dure_wait wait_guaranteed(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool promised = false, there = false, active = false, is_short = false, booked = false;
    uint64_t idle = 0;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (!plan_suits(core, ask, allot))
            continue;
        booked |= core->chains[allot->spec.chain.v].window_us < window_reach(core, ask);
        idle += allot->slots.idle_total;
        promised |= allot->state == DURE_ALLOT_PROMISED;
        there |= allot->state == DURE_ALLOT_PROMISED &&
                 core->fleet->chains[allot->spec.chain.v].available_from_us <= core->s.time_us;
        active |= allot->state == DURE_ALLOT_ACTIVE;
        is_short |= allot->state == DURE_ALLOT_SHORT;
    }
    if (!active && is_short)
        return DURE_WAIT_SUSPENDED;
    if (active && booked && idle >= request_gpus(ask))
        return DURE_WAIT_MAINTENANCE;
    if (active || !promised)
        return DURE_WAIT_RIGHTS;
    return there ? DURE_WAIT_NOT_BEGUN : DURE_WAIT_ARRIVING;
}

static enum dure_wait wait_borrowed(const struct dure_core *core, const struct request *ask)
{
    enum dure_wait wait = DURE_WAIT_NOT_LENT;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        int64_t notice;
        if (!lend_terms(core, i, ask->tenant, false, &notice) || ask->grace_us > notice)
            continue;
        if (core->chains[i].window_us < window_reach(core, ask) && core->chains[i].idle.idle_total >= request_gpus(ask))
            return DURE_WAIT_MAINTENANCE;
        wait = DURE_WAIT_RESOURCES;
    }
    return wait;
}

enum dure_wait wait_of(const struct dure_core *core, uint32_t slot, uint32_t element)
{
    (void)element;
    const struct job *job = job_at(core, slot);
    if (job->d.flags & JOB_HELD)
        return DURE_WAIT_HELD;
    if (job->d.unmet)
        return DURE_WAIT_DEPENDENCY;
    if (job->d.begin_us > core->s.time_us)
        return DURE_WAIT_BEGIN_TIME;
    if (job->where == WHERE_OUT)
        return job->d.array_limit && job->d.live + job->d.claims >= job->d.array_limit ? DURE_WAIT_ARRAY_LIMIT
                                                                                       : DURE_WAIT_NONE;
    switch (ceiling_stops(core, job_ask(core, job)).kind) {
    case CEILING_GPUS: return DURE_WAIT_CEILING_GPUS;
    case CEILING_JOBS: return DURE_WAIT_CEILING_JOBS;
    case CEILING_USER_GPUS: return DURE_WAIT_CEILING_USER_GPUS;
    case CEILING_USER_JOBS: return DURE_WAIT_CEILING_USER_JOBS;
    case CEILING_NONE: break;
    }
    const struct class *class = job->class;
    if (class_head(core, class) != slot)
        return DURE_WAIT_PRIORITY;
    if (job_ask(core, job)->job_class == DURE_BORROWED)
        return wait_borrowed(core, job_ask(core, job));
    const uint32_t queue = queue_of(core, job_ask(core, job));
    const struct queue *q = &core->queues[queue];
    for (uint32_t i = 0; q->count <= 256 && i < q->count; i++) /* longer queues: not looked through for one word */
        if (q->classes[i] != job->class->slot && order_before(core, false, class_at(core, q->classes[i]), class))
            return DURE_WAIT_PRIORITY;
    return wait_guaranteed(core, job_ask(core, job));
}
