#include "core/queue/queue.h"
#include "core/decide/after.h"
#include "core/queue/need.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/jobs.h"
#include "core/state/planned.h"

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
    core->queues[queue].all_freed = true;
    if (core->queues[queue].count)
        dure_bits_set(&core->dirty, queue);
}

/* The class is in its queue's list while jobs of it are queued. */
static void list_add(struct dure_core *core, struct class *class)
{
    class->holder = queue_of(core, &class->ask);
    struct queue *queue = &core->queues[class->holder];
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? queue->capacity * 2 : 8;
        queue->classes = dure_core_grow(queue->classes, sizeof *queue->classes, queue->capacity);
    }
    class->place = queue->count;
    queue->classes[queue->count++] = class->slot;
}

static void list_remove(struct dure_core *core, const struct class *class)
{
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
    struct class *class = job->class;
    if (!class->count)
        list_add(core, class);
    struct job *last = class->last == NONE ? NULL : job_at(core, class->last);
    if (!last || last->d.id < job->d.id) {
        job->where = WHERE_LIST;
        job->prev = class->last;
        job->next = NONE;
        if (!last)
            class->first = slot;
        else
            last->next = slot;
        class->last = slot;
        if (last && need_at(core, class->need)->verdict != VERDICT_LONG) { /* one more behind the others */
            class->count++;
            queue_moved(core, class->holder);
            return;
        }
    } else {
        job->where = WHERE_LATE;
        dure_heap_add(&class->late, 0, job->d.id, slot);
    }
    if (class->count++)
        need_moved(core, class);
    else
        need_enter(core, class);
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
    struct class *class = job->class;
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
    if (--class->count) {
        need_moved(core, class);
    } else {
        need_leave(core, class);
        list_remove(core, class);
    }
    if (job->planned != NONE)
        after_add(core, AFTER_UNPLAN, job->d.id);
}

void queue_refresh(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    uint32_t ordinal;
    if (job->d.begin_us <= core->s.time_us && job->begin_place == NONE && job->expiry_place == NONE &&
        !job->d.deadline_us && !job->d.array_count && !job->d.array_limit && !job->elements) { /* most jobs */
        const bool is_ready = !job->d.cursor && !(job->d.flags & JOB_HELD) && !job->d.unmet;
        if (is_ready && job->where == WHERE_OUT)
            enter(core, slot);
        else if (!is_ready && job->where != WHERE_OUT)
            queue_leave(core, slot);
        return;
    }
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

static struct class *class_of(const struct dure_core *core, uint32_t job_slot)
{
    return job_at(core, job_slot)->class;
}

void queue_forget_needs(struct dure_core *core)
{
    class_forget_idle(core);
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        queue_leave(core, slot);
        struct class *class = class_of(core, slot);
        if (!class->count && class->need != NONE) {
            need_put(core, class->need);
            class->need = NONE;
        }
    }
}

void queue_find_needs(struct dure_core *core)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        struct class *class = class_of(core, slot);
        if (class->need == NONE)
            class->need = need_get(core, &class->ask);
    }
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1))
        queue_refresh(core, slot);
}

void queue_rebuild(struct dure_core *core)
{
    planned_void_all(core, DURE_CAUSE_REDECLARED);
    queue_forget_needs(core);
    queue_find_needs(core);
    for (uint32_t i = 0; i < core->tenants->tenant_count + 2; i++)
        queue_wake(core, i);
}

void queue_release(struct dure_core *core)
{
    for (uint32_t i = 0; core->queues && i < core->tenants->tenant_count + 2; i++) {
        struct queue *q = &core->queues[i];
        for (uint32_t k = 0; k <= DURE_NODE_GPUS_MAX; k++)
            dure_heap_release(&q->waits[k]);
        for (uint32_t k = 0; k < NEED_LISTS; k++)
            free(q->lists[k].at);
        for (uint32_t k = 0; k < q->lane_count; k++) {
            dure_heap_release(&lane_at(core, q->lanes[k])->open);
            dure_heap_release(&lane_at(core, q->lanes[k])->all);
        }
        free(q->freed);
        free(q->classes);
        free(q->lanes);
    }
    free(core->queues);
    free(core->branches);
    core->branches = NULL;
    core->queues = NULL;
    core->watchers = 0;
    core->cut_count = 0;
}
