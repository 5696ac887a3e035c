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
    const struct class *class = class_at(core, need_oldest(core, need_at(core, need)));
    return planned_is_too_soon(core, need_at(core, need)->queue, class_head(core, class));
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

/* The better of two above the plan; `place` is that of its oldest in its lane's heap. */
static uint32_t better_above(const struct dure_core *core, uint32_t best, uint64_t *job, uint32_t need, uint64_t other)
{
    if (!need_is_above_plan(core, need_at(core, need), other))
        return best;
    const int32_t priority = need_at(core, need)->ask.priority;
    if (best != NONE && (priority < need_at(core, best)->ask.priority ||
                         (priority == need_at(core, best)->ask.priority && other >= *job)))
        return best;
    *job = other;
    return need;
}

uint32_t order_above_plan(struct dure_core *core, uint32_t queue)
{
    const struct queue *q = &core->queues[queue];
    uint32_t best = NONE;
    uint64_t job = 0;
    for (uint32_t i = 0; i < q->lane_count && q->planned != NONE; i++) {
        const struct lane *lane = lane_at(core, q->lanes[i]);
        const uint32_t open = lane->open.count ? first_open(core, q->lanes[i]) : NONE;
        if (open != NONE)
            best = better_above(core, best, &job, open, (uint64_t)lane->open.at[0].key);
        if (lane->all.count && !is_too_soon(core, lane->all.at[0].slot))
            best = better_above(core, best, &job, lane->all.at[0].slot, (uint64_t)lane->all.at[0].key);
    }
    return best;
}
