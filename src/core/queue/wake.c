/* Which needs may be met by what came free, and which queues are worth a look. */
#include "core/gate/fence.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

enum { FREED_MAX = 1024 };

static void wait_moved(void *owner, uint32_t slot, uint32_t place)
{
    need_at(owner, slot)->wait_place = place;
}

/* May it take the place of the holder's own work, or of a damaged cell? Then more than idle GPUs counts. */
static enum need_list other_ways(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    enum need_list list = NEED_LISTS;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        if (core->allots[id]->state == DURE_ALLOT_SHORT)
            return NEED_FAR;
        if (core->allots[id]->priority_floor < ask->priority)
            list = NEED_ANY;
    }
    return list;
}

/* The fewest GPUs of one slot that are any use to it. */
static uint32_t least_of_slot(const struct request *ask)
{
    if (!ask->tasks_per_node)
        return ask->task_gpus;
    const uint32_t rest = ask->tasks % ask->tasks_per_node;
    return (rest ? rest : ask->tasks_per_node) * ask->task_gpus;
}

/* NEED_LISTS: it waits for so many GPUs of one slot, and in all. Any other says what besides the queue's own room it looks at just now: that may
 * have changed since it was judged last, as where work came that it must keep clear of. */
static enum need_list list_of(struct dure_core *core, const struct need *need)
{
    if (need->ask.lists || need->ask.spread_level ||
        fence_touches(core, &need->ask, need->ask.job_class != DURE_BORROWED))
        return NEED_FAR;
    if (need->ask.job_class != DURE_BORROWED) {
        const enum need_list list = other_ways(core, &need->ask);
        if (list != NEED_LISTS)
            return list;
    }
    return need->ask.data_mask || need->ask.task_gpu_milli < 1000 || least_of_slot(&need->ask) > DURE_NODE_GPUS_MAX
               ? NEED_ANY
               : NEED_LISTS;
}

enum need_list wait_enter(struct dure_core *core, uint32_t slot)
{
    struct need *need = need_at(core, slot);
    const enum need_list list = list_of(core, need);
    if (list != NEED_LISTS)
        return list;
    const uint32_t least = least_of_slot(&need->ask);
    struct queue *q = &core->queues[need->queue];
    struct dure_heap *heap = &q->waits[least];
    heap->owner = core;
    heap->moved = wait_moved;
    need->wait = (uint8_t)least;
    q->wait_count++;
    /* Where a number of tasks a node is asked for, tasks do not pack by what it waits for in one slot: that alone must be there. */
    dure_heap_add(heap, need->ask.tasks_per_node ? 0 : (int64_t)need->ask.tasks * need->ask.task_gpus, 0, slot);
    return NEED_LISTS;
}

void wait_leave(struct dure_core *core, uint32_t slot)
{
    struct need *need = need_at(core, slot);
    dure_heap_remove(&core->queues[need->queue].waits[need->wait], need->wait_place);
    core->queues[need->queue].wait_count--;
    need->wait = 0;
}

void queue_moved_all(struct dure_core *core)
{
    if (core->tenants)
        queue_moved(core, queue_of_borrowed(core));
}

void queue_watch(struct dure_core *core, uint32_t queue)
{
    core->watchers += !core->queues[queue].is_watched;
    core->queues[queue].is_watched = true;
}

void queue_freed(struct dure_core *core, uint32_t queue, uint32_t at, uint32_t slot)
{
    if (core->trials || !core->queues)
        return;
    struct queue *q = &core->queues[queue];
    if (q->all_freed || !q->wait_count)
        return;
    if (q->freed_count && q->freed[q->freed_count - 1].at == at && q->freed[q->freed_count - 1].slot == slot)
        return;
    if (q->freed_count == FREED_MAX) {
        q->all_freed = true; /* looking everywhere costs no more by now */
        return;
    }
    if (q->freed_count == q->freed_capacity) {
        q->freed_capacity = q->freed_capacity ? q->freed_capacity * 2 : 16;
        q->freed = dure_core_grow(q->freed, sizeof *q->freed, q->freed_capacity);
    }
    q->freed[q->freed_count++] = (struct freed){at, slot};
}

void queue_look(struct dure_core *core)
{
    const int64_t now = core->s.time_us;
    if (!core->moved && core->look_next_us > now)
        return;
    core->look_next_us = DURE_NEVER_US;
    for (uint32_t i = 0; i < core->tenants->tenant_count + 2; i++) {
        struct queue *q = &core->queues[i];
        if (q->count && (q->look_us <= now || (core->moved && (q->is_watched || q->lists[NEED_FAR].count))))
            dure_bits_set(&core->dirty, i);
        if (q->look_us <= now)
            q->look_us = DURE_NEVER_US;
        if (q->look_us < core->look_next_us)
            core->look_next_us = q->look_us;
    }
    core->moved = false;
}

/* GPUs of tasks of `least` each for which there is room: in the chain, or in the holder's allotments on the same one, since a gang may span them. */
static uint64_t room_of(const struct dure_core *core, uint32_t queue, uint32_t at, uint32_t least)
{
    if (queue == queue_of_borrowed(core))
        return dure_slots_capacity(&core->chains[at].idle, least) * least;
    uint64_t sum = 0;
    for (uint32_t id = core->tenant[queue].first_allot; id != NONE; id = core->allots[id]->next_of_holder)
        if (core->allots[id]->spec.chain.v == core->allots[at]->spec.chain.v)
            sum += dure_slots_capacity(&core->allots[id]->slots, least) * least;
    return sum;
}

static const struct dure_slots *field_of(const struct dure_core *core, uint32_t queue, uint32_t at)
{
    return queue == queue_of_borrowed(core) ? &core->chains[at].idle : &core->allots[at]->slots;
}

static const uint64_t *kept_of(const struct dure_core *core, uint32_t queue, uint32_t at)
{
    return queue == queue_of_borrowed(core) ? core->chains[at].kept : core->allots[at]->kept;
}

/* GPUs of a slot that a place keeps, and none before it: what stays empty because it is bound anew may hold what is used besides. */
static uint64_t kept_first_by(const struct planned *planned, uint32_t index, uint32_t slot)
{
    uint64_t mask = planned->places[index].gpu_mask;
    for (uint32_t i = 0; !planned->places[index].tasks && i < index; i++)
        if (planned->bindings[i].allot.v == planned->bindings[index].allot.v &&
            slot - planned->places[i].node_first < planned->places[i].node_count)
            mask &= ~planned->places[i].gpu_mask;
    return mask;
}

/* GPUs that are idle, and kept for the queue's planned job: on one chain. */
static uint64_t kept_idle(const struct dure_core *core, uint32_t queue, uint32_t *ret_chain)
{
    const uint32_t slot = core->queues[queue].planned;
    const struct planned *planned = slot == NONE ? NULL : planned_at(core, slot);
    uint64_t gpus = 0;
    *ret_chain = planned ? planned->d.chain : NONE;
    for (uint32_t i = 0; planned && i < planned->d.place_count; i++) {
        const struct dure_place *place = &planned->places[i];
        const struct dure_slots *slots =
            field_of(core, queue, planned->d.borrowed ? planned->d.chain : planned->bindings[i].allot.v);
        const uint32_t first =
            place->node_first - (planned->d.borrowed ? core->fleet->chains[planned->d.chain].node_first : 0);
        for (uint32_t k = first; k < first + place->node_count && k < slots->count; k++)
            gpus += (uint32_t)__builtin_popcountll(
                slots->idle[k] & (planned->d.borrowed ? place->gpu_mask : kept_first_by(planned, i, k)));
    }
    return gpus;
}

/* Is what is kept for the planned job of no avail to it but for work that is gone in time? Not to the planned job itself, and who comes before it. */
static bool comes_behind_plan(const struct dure_core *core, uint32_t slot)
{
    const struct need *need = need_at(core, slot);
    const struct planned *planned = planned_at(core, core->queues[need->queue].planned);
    return job_at(core, planned->job_slot)->class->need != slot &&
           !need_is_above_plan(core, need, (uint64_t)need->first_key);
}

/* Where something came free: how much of a field, and (`beside`) how much beside what is kept for the planned job. */
struct met {
    uint32_t least;
    uint64_t room, beside;
};

/* Of those that wait for so much: who may start beside what is kept is open; who may only on it waits no longer for that, but must be short. */
static void collect(struct dure_core *core, const struct dure_heap *heap, uint32_t place, const struct met *met)
{
    if (place >= heap->count || (uint64_t)heap->at[place].key > met->room)
        return;
    const uint32_t slot = heap->at[place].slot;
    if ((uint64_t)heap->at[place].key <= met->beside || need_at(core, slot)->verdict == VERDICT_SHUT ||
        !comes_behind_plan(core, slot))
        slot_list_add(&core->met, slot);
    collect(core, heap, place * 2 + 1, met);
    collect(core, heap, place * 2 + 2, met);
}

/* Who waits for more than GPUs of one slot by now hears of no other that came free in this pass: it must try. */
static void wake(struct dure_core *core, struct queue *q, const struct met *met)
{
    collect(core, &q->waits[met->least], 0, met);
    while (core->met.count) {
        const uint32_t slot = core->met.at[--core->met.count];
        const struct need *need = need_at(core, slot);
        const bool open = (uint64_t)q->waits[met->least].at[need->wait_place].key <= met->beside ||
                          q->planned == NONE || !comes_behind_plan(core, slot) || list_of(core, need) != NEED_LISTS;
        need_judge(core, slot, open ? VERDICT_OPEN : VERDICT_LONG);
    }
}

static void wake_freed(struct dure_core *core, uint32_t queue)
{
    struct queue *q = &core->queues[queue];
    const bool borrowed = queue == queue_of_borrowed(core);
    uint32_t kept_chain;
    const uint64_t kept_gpus = kept_idle(core, queue, &kept_chain);
    for (uint32_t i = 0; i < q->freed_count && q->wait_count; i++) {
        const uint32_t at = q->freed[i].at, slot = q->freed[i].slot;
        const struct dure_slots *slots = field_of(core, queue, at);
        const uint64_t *kept = q->planned == NONE ? NULL : kept_of(core, queue, at);
        if (slot >= slots->count)
            continue;
        const uint32_t idle = (uint32_t)__builtin_popcountll(slots->idle[slot]),
                       beside = kept ? (uint32_t)__builtin_popcountll(slots->idle[slot] & ~kept[slot]) : idle;
        const uint64_t lost = (borrowed ? at : core->allots[at]->spec.chain.v) == kept_chain ? kept_gpus : 0;
        for (uint32_t k = 1; k <= idle; k++) {
            if (!q->waits[k].count)
                continue;
            const uint64_t room = room_of(core, queue, at, k), total = room_of(core, queue, at, 1) - lost;
            wake(core, q, &(struct met){k, room, k > beside ? 0 : room < total ? room : total});
        }
    }
}

void queue_wake_met(struct dure_core *core, uint32_t queue)
{
    struct queue *q = &core->queues[queue];
    if (q->all_freed)
        need_reopen_all(core, queue);
    need_reopen(core, queue, NEED_ANY);
    need_reopen(core, queue, NEED_FAR);
    wake_freed(core, queue);
    q->freed_count = 0;
    core->watchers -= q->is_watched;
    q->all_freed = q->is_watched = false;
    q->look_us = DURE_NEVER_US;
}
