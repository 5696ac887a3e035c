#include "core/why/wait.h"

#include "core/allot/allots.h"
#include "core/place/plan.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

static enum dure_wait wait_guaranteed(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool promised = false, there = false, active = false, is_short = false;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (!plan_suits(core, ask, allot))
            continue;
        promised |= allot->state == DURE_ALLOT_PROMISED;
        there |= allot->state == DURE_ALLOT_PROMISED &&
                 core->fleet->chains[allot->spec.chain.v].available_from_us <= core->s.time_us;
        active |= allot->state == DURE_ALLOT_ACTIVE;
        is_short |= allot->state == DURE_ALLOT_SHORT;
    }
    if (!active && is_short)
        return DURE_WAIT_SUSPENDED;
    if (active || !promised)
        return DURE_WAIT_RIGHTS;
    return there ? DURE_WAIT_NOT_BEGUN : DURE_WAIT_ARRIVING;
}

static enum dure_wait wait_borrowed(const struct dure_core *core, const struct request *ask)
{
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        int64_t notice;
        if (lend_terms(core, i, ask->tenant, false, &notice) && ask->grace_us <= notice)
            return DURE_WAIT_RESOURCES;
    }
    return DURE_WAIT_NOT_LENT;
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
    const struct class *class = class_at(core, job->class_slot);
    if (class_head(core, class) != slot)
        return DURE_WAIT_PRIORITY;
    if (job_ask(core, job)->job_class == DURE_BORROWED)
        return wait_borrowed(core, job_ask(core, job));
    const uint32_t queue = queue_of(core, job_ask(core, job));
    const struct queue *q = &core->queues[queue];
    for (uint32_t i = 0; q->count <= 256 && i < q->count; i++) /* longer queues: not looked through for one word */
        if (q->classes[i] != job->class_slot && order_before(core, false, class_at(core, q->classes[i]), class))
            return DURE_WAIT_PRIORITY;
    return wait_guaranteed(core, job_ask(core, job));
}
