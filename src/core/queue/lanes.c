/* The next of a queue: tenants are compared when asked, since what they have used changes with every start; within a tenant and priority a heap
 * keeps the needs by age. So the number of shapes that wait costs its logarithm only. */
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

/* The need that is next in a lane; NONE. A candidate that does not end in time any more makes room for the next. */
static uint32_t first_open(struct dure_core *core, uint32_t slot)
{
    struct lane *lane = lane_at(core, slot);
    while (lane->open.count) {
        const uint32_t need = lane->open.at[0].slot;
        if (need_at(core, need)->verdict == VERDICT_OPEN)
            return need;
        const uint32_t class = need_candidate(core, need_at(core, need));
        if (class != NONE &&
            (int64_t)job_at(core, class_head(core, class_at(core, class)))->d.id == lane->open.at[0].key)
            return need;
        need_settle(core, need);
    }
    return NONE;
}

/* Who is oldest came first. */
static bool is_too_soon(struct dure_core *core, uint32_t need)
{
    const struct need *n = need_at(core, need);
    return planned_is_too_soon(core, n->queue, (uint64_t)n->first_key);
}

static uint32_t first_any(struct dure_core *core, uint32_t open, const struct lane *lane)
{
    if (!lane->all.count || (open != NONE && lane->open.at[0].key <= lane->all.at[0].key))
        return open;
    const uint32_t any = lane->all.at[0].slot;
    return is_too_soon(core, any) ? open : any;
}

/* The need of the only class that is queued. */
static uint32_t the_only(struct dure_core *core, uint32_t class_slot, bool any)
{
    const uint32_t slot = class_at(core, class_slot)->need;
    const struct need *need = need_at(core, slot);
    const bool open = need->open_place != NONE && need_candidate(core, need) != NONE;
    return open || (any && need->all_place != NONE && !is_too_soon(core, slot)) ? slot : NONE;
}

uint32_t lane_first(struct dure_core *core, uint32_t slot, bool any)
{
    const struct lane *lane = lane_at(core, slot);
    const uint32_t open = lane->open.count ? first_open(core, slot) : NONE;
    return any ? first_any(core, open, lane) : open;
}

uint32_t order_first(struct dure_core *core, uint32_t queue, bool any)
{
    const struct queue *q = &core->queues[queue];
    if (q->count < 2)
        return q->count ? the_only(core, q->classes[0], any) : NONE;
    if (queue == queue_of_borrowed(core))
        return branch_first(core, any);
    uint32_t best = NONE, tenant = NONE;
    int32_t priority = 0;
    for (uint32_t i = 0; i < q->lane_count; i++) {
        const struct lane *lane = lane_at(core, q->lanes[i]);
        if (best != NONE && lane->priority < priority)
            break;
        if ((!lane->open.count && (!any || !lane->all.count)) ||
            (best != NONE && !order_tenant_before(core, false, lane->tenant, tenant)))
            continue;
        const uint32_t first = lane_first(core, q->lanes[i], any);
        if (first == NONE)
            continue;
        best = first;
        tenant = lane->tenant;
        priority = lane->priority;
    }
    return best;
}

uint64_t order_needs(const struct dure_core *core, uint32_t queue)
{
    const struct queue *q = &core->queues[queue];
    uint64_t needs = 0;
    for (uint32_t i = 0; i < q->lane_count; i++)
        needs += lane_at(core, q->lanes[i])->all.count;
    return needs;
}

/* Does a need, whose oldest job is `job`, come before another in the queue's order? By priority, then its tenant's share, then age. */
static bool comes_before(const struct dure_core *core, const struct request *ask, uint64_t job,
                         const struct request *other, uint64_t other_job)
{
    if (ask->priority != other->priority)
        return ask->priority > other->priority;
    if (ask->tenant != other->tenant && !DURE_CORE_MUTATED(AGE_ALONE))
        return order_tenant_before(core, ask->job_class == DURE_BORROWED, ask->tenant, other->tenant);
    return job < other_job;
}

/* The better of two above the plan; `other` is its oldest job. */
static uint32_t better_above(const struct dure_core *core, uint32_t best, uint64_t *job, uint32_t need, uint64_t other)
{
    if (!need_is_above_plan(core, need_at(core, need), other) ||
        (best != NONE && !comes_before(core, &need_at(core, need)->ask, other, &need_at(core, best)->ask, *job)))
        return best;
    *job = other;
    return need;
}

uint32_t order_above_plan(struct dure_core *core, uint32_t queue)
{
    const struct queue *q = &core->queues[queue];
    if (q->planned == NONE)
        return NONE;
    const struct request *ask = job_ask(core, job_at(core, planned_at(core, q->planned)->job_slot));
    const bool borrowed = queue == queue_of_borrowed(core);
    const uint64_t soon = planned_soon_from(core);
    const bool any_soon = q->newest >= soon;
    uint32_t best = NONE;
    uint64_t job = 0;
    for (uint32_t i = 0; i < q->lane_count; i++) {
        const struct lane *lane = lane_at(core, q->lanes[i]);
        if (!any_soon && !borrowed && lane->priority < ask->priority)
            break; /* so are all behind it */
        const bool may = lane->tenant == ask->tenant || (!borrowed && lane->priority > ask->priority);
        const uint32_t open = may && lane->open.count ? first_open(core, q->lanes[i]) : NONE;
        if (open != NONE)
            best = better_above(core, best, &job, open, (uint64_t)lane->open.at[0].key);
        if (!lane->all.count || (!may && !any_soon))
            continue;
        const uint64_t oldest = (uint64_t)lane->all.at[0].key;
        if (oldest >= soon)
            planned_look_later(core, queue, oldest);
        else if (may)
            best = better_above(core, best, &job, lane->all.at[0].slot, oldest);
    }
    return best;
}
