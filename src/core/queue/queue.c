#include "core/queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/jobs.h"

uint32_t queue_of_borrowed(const struct dure_core *core)
{
    return core->tenants->tenant_count;
}

/* The last queue is that of guaranteed jobs whose tenant has no allotment any more: nothing in it can start. */
uint32_t queue_of(const struct dure_core *core, const struct request *ask)
{
    if (ask->job_class == DURE_BORROWED)
        return core->tenants->tenant_count;
    const uint32_t holder = core->tenant[ask->tenant].holder;
    return holder == NONE ? core->tenants->tenant_count + 1 : holder;
}

void queue_wake(struct dure_core *core, uint32_t queue)
{
    core->queues[queue].stamp++;
    if (core->queues[queue].count)
        dure_bits_set(&core->dirty, queue);
}

void queue_wake_hanging(struct dure_core *core)
{
    for (uint64_t queue = core->hanging.count ? dure_bits_first(&core->hanging, 0) : UINT64_MAX; queue != UINT64_MAX;
         queue = queue + 1 < core->hanging.size ? dure_bits_first(&core->hanging, queue + 1) : UINT64_MAX)
        dure_bits_set(&core->dirty, queue);
}

/* The class is in its queue's list while jobs of it are queued. */
static void list_add(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    class->holder = queue_of(core, &class->ask);
    struct queue *queue = &core->queues[class->holder];
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? queue->capacity * 2 : 8;
        queue->classes = dure_core_grow(queue->classes, sizeof *queue->classes, queue->capacity);
    }
    class->place = queue->count;
    queue->classes[queue->count++] = slot;
}

static void list_remove(struct dure_core *core, uint32_t slot)
{
    const struct class *class = class_at(core, slot);
    struct queue *queue = &core->queues[class->holder];
    const uint32_t last = queue->classes[--queue->count];
    queue->classes[class->place] = last;
    class_at(core, last)->place = class->place;
}

bool queue_is_ready(const struct dure_core *core, const struct job *job)
{
    uint32_t ordinal;
    return !(job->d.flags & JOB_HELD) && !job->d.unmet && job->d.begin_us <= core->s.time_us &&
           job_next_ordinal(job, &ordinal) && (!job->d.array_limit || job->d.live + job->d.claims < job->d.array_limit);
}

static void enter(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    struct class *class = class_at(core, job->class_slot);
    if (!class->count)
        list_add(core, job->class_slot);
    const uint32_t head = class->count ? class_head(core, class) : NONE;
    if (class->last == NONE || job_at(core, class->last)->d.id < job->d.id) {
        job->where = WHERE_LIST;
        job->prev = class->last;
        job->next = NONE;
        if (class->last == NONE)
            class->first = slot;
        else
            job_at(core, class->last)->next = slot;
        class->last = slot;
    } else {
        job->where = WHERE_LATE;
        dure_heap_add(&class->late, 0, job->d.id, slot);
    }
    if (!class->count)
        order_enter(core, job->class_slot);
    else
        order_moved(core, job->class_slot);
    class->count++;
    if (class->count == 1 ||
        class_head(core, class) != head) { /* else it stands behind its equals, which wait already */
        class->blocked_stamp = UINT64_MAX;
        dure_bits_set(&core->dirty, class->holder);
    }
}

void queue_leave(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    if (job->begin_place != NONE)
        dure_heap_remove(&core->begins, job->begin_place);
    if (job->expiry_place != NONE)
        dure_heap_remove(&core->expiries, job->expiry_place);
    if (job->where == WHERE_OUT)
        return;
    struct class *class = class_at(core, job->class_slot);
    if (job->where == WHERE_LATE) {
        dure_heap_remove(&class->late, job->late_place);
    } else {
        if (job->prev == NONE)
            class->first = job->next;
        else
            job_at(core, job->prev)->next = job->next;
        if (job->next == NONE)
            class->last = job->prev;
        else
            job_at(core, job->next)->prev = job->prev;
    }
    job->where = WHERE_OUT;
    job->prev = job->next = NONE;
    if (!--class->count) {
        order_leave(core, job->class_slot);
        list_remove(core, job->class_slot);
    } else {
        order_moved(core, job->class_slot);
        class->blocked_stamp = UINT64_MAX;
        dure_bits_set(&core->dirty, class->holder); /* who stood behind it may go now */
    }
}

void queue_refresh(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    uint32_t ordinal;
    const bool early = !(job->d.flags & JOB_HELD) && !job->d.unmet && job->d.begin_us > core->s.time_us &&
                       job_next_ordinal(job, &ordinal);
    if (early && job->begin_place == NONE)
        dure_heap_add(&core->begins, job->d.begin_us, job->d.id, slot);
    if (!early && job->begin_place != NONE)
        dure_heap_remove(&core->begins, job->begin_place);
    const bool ready = queue_is_ready(core, job);
    if (ready && job->where == WHERE_OUT)
        enter(core, slot);
    else if (!ready && job->where != WHERE_OUT)
        queue_leave(core, slot);
    expiry_refresh(core, slot); /* after leaving: that takes it out */
}

void queue_rebuild(struct dure_core *core)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1))
        queue_leave(core, slot);
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1))
        queue_refresh(core, slot);
    for (uint32_t i = 0; i < core->tenants->tenant_count + 2; i++)
        queue_wake(core, i);
}

void queue_release(struct dure_core *core)
{
    for (uint32_t i = 0; core->queues && i < core->tenants->tenant_count + 2; i++) {
        for (uint32_t k = 0; k < core->queues[i].lane_count; k++)
            dure_heap_release(&lane_at(core, core->queues[i].lanes[k])->heads);
        free(core->queues[i].classes);
        free(core->queues[i].lanes);
    }
    free(core->queues);
    core->queues = NULL;
}
