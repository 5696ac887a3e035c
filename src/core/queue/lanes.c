/* The next class of a queue: a heap by age for each tenant and priority, so that the number of shapes that wait costs its logarithm only.
 * What tenants have used changes with every start, so tenants are compared when asked. */
#include <string.h>

#include "core/queue/queue.h"
#include "core/state/jobs.h"

static void head_moved(void *owner, uint32_t slot, uint32_t place)
{
    class_at(owner, slot)->lane_place = place;
}

static uint64_t priority_rank(int32_t priority)
{
    return (uint64_t)((int64_t)INT32_MAX - priority);
}

static uint64_t lane_rank(const struct dure_core *core, uint32_t queue, uint32_t tenant, int32_t priority)
{
    const uint64_t rank = priority_rank(priority);
    return queue == queue_of_borrowed(core) ? (uint64_t)tenant << 32 | rank : rank << 32 | tenant;
}

/* Where the lane stands, or would. */
static uint32_t find(const struct dure_core *core, uint32_t queue, uint32_t tenant, int32_t priority, bool *ret_found)
{
    const struct queue *q = &core->queues[queue];
    const uint64_t rank = lane_rank(core, queue, tenant, priority);
    uint32_t low = 0, high = q->lane_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct lane *lane = lane_at(core, q->lanes[middle]);
        if (lane_rank(core, queue, lane->tenant, lane->priority) < rank)
            low = middle + 1;
        else
            high = middle;
    }
    const struct lane *at = low < q->lane_count ? lane_at(core, q->lanes[low]) : NULL;
    *ret_found = at && at->tenant == tenant && at->priority == priority;
    return low;
}

static uint64_t head_id(const struct dure_core *core, uint32_t class_slot)
{
    return job_at(core, class_head(core, class_at(core, class_slot)))->d.id;
}

void order_enter(struct dure_core *core, uint32_t class_slot)
{
    struct class *class = class_at(core, class_slot);
    struct queue *q = &core->queues[class->holder];
    bool found;
    const uint32_t at = find(core, class->holder, class->ask.tenant, class->ask.priority, &found);
    if (!found) {
        if (q->lane_count == q->lane_capacity) {
            q->lane_capacity = q->lane_capacity ? q->lane_capacity * 2 : 4;
            q->lanes = dure_core_grow(q->lanes, sizeof *q->lanes, q->lane_capacity);
        }
        memmove(q->lanes + at + 1, q->lanes + at, (q->lane_count++ - at) * sizeof *q->lanes);
        q->lanes[at] = dure_pool_take(&core->lanes);
        *lane_at(core, q->lanes[at]) = (struct lane){.tenant = class->ask.tenant,
                                                     .priority = class->ask.priority,
                                                     .heads = {.owner = core, .moved = head_moved}};
    }
    class->lane = q->lanes[at];
    class->passed_place = NONE;
    struct lane *lane = lane_at(core, class->lane);
    lane->classes++;
    dure_heap_add(&lane->heads, 0, head_id(core, class_slot), class_slot);
}

void order_leave(struct dure_core *core, uint32_t class_slot)
{
    struct class *class = class_at(core, class_slot);
    struct lane *lane = lane_at(core, class->lane);
    if (class->passed_place != NONE) {
        const uint32_t last = core->passed.at[--core->passed.count];
        core->passed.at[class->passed_place] = last;
        class_at(core, last)->passed_place = class->passed_place;
    } else {
        dure_heap_remove(&lane->heads, class->lane_place);
    }
    if (--lane->classes)
        return;
    struct queue *q = &core->queues[class->holder];
    bool found;
    const uint32_t at = find(core, class->holder, lane->tenant, lane->priority, &found);
    DURE_ASSERT(found);
    memmove(q->lanes + at, q->lanes + at + 1, (--q->lane_count - at) * sizeof *q->lanes);
    dure_heap_release(&lane->heads);
    dure_pool_give(&core->lanes, class->lane);
}

void order_moved(struct dure_core *core, uint32_t class_slot)
{
    const struct class *class = class_at(core, class_slot);
    if (class->passed_place != NONE)
        return;
    struct dure_heap *heads = &lane_at(core, class->lane)->heads;
    const uint64_t id = head_id(core, class_slot);
    if (heads->at[class->lane_place].id == id)
        return;
    dure_heap_remove(heads, class->lane_place);
    dure_heap_add(heads, 0, id, class_slot);
}

void order_pass_over(struct dure_core *core, uint32_t class_slot)
{
    struct class *class = class_at(core, class_slot);
    DURE_ASSERT(class->passed_place == NONE);
    dure_heap_remove(&lane_at(core, class->lane)->heads, class->lane_place);
    struct slot_list *passed = &core->passed;
    if (passed->count == passed->capacity) {
        passed->capacity = passed->capacity ? passed->capacity * 2 : 64;
        passed->at = dure_core_grow(passed->at, sizeof *passed->at, passed->capacity);
    }
    class->passed_place = passed->count;
    passed->at[passed->count++] = class_slot;
}

void order_restore(struct dure_core *core)
{
    while (core->passed.count) {
        const uint32_t slot = core->passed.at[--core->passed.count];
        struct class *class = class_at(core, slot);
        class->passed_place = NONE;
        dure_heap_add(&lane_at(core, class->lane)->heads, 0, head_id(core, slot), slot);
    }
}

uint32_t order_first(const struct dure_core *core, uint32_t queue)
{
    const struct queue *q = &core->queues[queue];
    const bool borrowed = queue == queue_of_borrowed(core);
    uint32_t best = NONE;
    for (uint32_t i = 0; i < q->lane_count; i++) {
        const struct lane *lane = lane_at(core, q->lanes[i]);
        const struct class *so_far = best == NONE ? NULL : class_at(core, best);
        if (so_far && !borrowed && lane->priority < so_far->ask.priority)
            break;
        if (!lane->heads.count || (so_far && so_far->ask.tenant == lane->tenant))
            continue; /* lanes of one tenant come in the order of priority */
        const uint32_t first = lane->heads.at[0].slot;
        if (!so_far || order_before(core, borrowed, class_at(core, first), so_far))
            best = first;
    }
    return best;
}
