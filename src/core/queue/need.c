#include "core/queue/need.h"

#include <stdlib.h>
#include <string.h>

#include "core/place/rules.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/planned.h"

int64_t request_lasts_us(const struct request *ask)
{
    return ask->walltime_us + ask->grace_us;
}

/* ---- which need ---- */

/* Whatever a rule of placing may look at stays in; what comes out of rule_hardware is put in by its result. */
static void reduce(const struct dure_core *core, const struct request *ask, struct request *ret_ask,
                   struct dure_digest *ret_carries)
{
    struct dure_digest carries = {{0, 0}};
    for (uint64_t i = 0; i < core->fleet->chain_count; i++)
        if (rule_carries(core, ask, (uint32_t)i))
            dure_digest_add(&carries, dure_hash_words(DOMAIN_REQUEST, &i, 1));
    *ret_carries = carries;
    *ret_ask = *ask;
    ret_ask->walltime_us = ret_ask->checkpoint_us = 0;
    ret_ask->task_cpu_milli = ret_ask->task_memory_mib = 0;
    if (ask->job_class != DURE_BORROWED)
        ret_ask->grace_us = 0;
}

static void open_moved(void *owner, uint32_t slot, uint32_t place)
{
    need_at(owner, slot)->open_place = place;
}

static void all_moved(void *owner, uint32_t slot, uint32_t place)
{
    need_at(owner, slot)->all_place = place;
}

static void head_moved(void *owner, uint32_t slot, uint32_t place)
{
    class_at(owner, slot)->band_place = place;
}

static uint64_t lane_rank(const struct dure_core *core, uint32_t queue, uint32_t tenant, int32_t priority)
{
    const uint64_t rank = (uint64_t)((int64_t)INT32_MAX - priority);
    return queue == queue_of_borrowed(core) ? (uint64_t)tenant << 32 | rank : rank << 32 | tenant;
}

/* Where the lane stands, or would. */
static uint32_t lane_find(const struct dure_core *core, uint32_t queue, uint32_t tenant, int32_t priority,
                          bool *ret_found)
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

/* The lane of the same tenant that stands before this one; NONE. */
static uint32_t lane_beside(const struct dure_core *core, const struct queue *q, uint32_t at)
{
    return at && lane_at(core, q->lanes[at - 1])->tenant == lane_at(core, q->lanes[at])->tenant ? q->lanes[at - 1]
                                                                                                : NONE;
}

static uint32_t lane_get(struct dure_core *core, uint32_t queue, uint32_t tenant, int32_t priority)
{
    struct queue *q = &core->queues[queue];
    bool found;
    const uint32_t at = lane_find(core, queue, tenant, priority, &found);
    if (!found) {
        if (q->lane_count == q->lane_capacity) {
            q->lane_capacity = q->lane_capacity ? q->lane_capacity * 2 : 4;
            q->lanes = dure_core_grow(q->lanes, sizeof *q->lanes, q->lane_capacity);
        }
        memmove(q->lanes + at + 1, q->lanes + at, (q->lane_count++ - at) * sizeof *q->lanes);
        q->lanes[at] = dure_pool_take(&core->lanes);
        *lane_at(core, q->lanes[at]) = (struct lane){.tenant = tenant,
                                                     .priority = priority,
                                                     .next = NONE,
                                                     .open = {.owner = core, .moved = open_moved},
                                                     .all = {.owner = core, .moved = all_moved}};
        if (queue == queue_of_borrowed(core))
            branch_put_lane(core, lane_beside(core, q, at), q->lanes[at]);
    }
    lane_at(core, q->lanes[at])->needs++;
    return q->lanes[at];
}

static void lane_put(struct dure_core *core, uint32_t queue, uint32_t slot)
{
    struct lane *lane = lane_at(core, slot);
    if (--lane->needs)
        return;
    struct queue *q = &core->queues[queue];
    bool found;
    const uint32_t at = lane_find(core, queue, lane->tenant, lane->priority, &found);
    DURE_ASSERT(found);
    if (queue == queue_of_borrowed(core))
        branch_take_lane(core, lane_beside(core, q, at), slot);
    memmove(q->lanes + at, q->lanes + at + 1, (--q->lane_count - at) * sizeof *q->lanes);
    dure_heap_release(&lane->open);
    dure_heap_release(&lane->all);
    dure_pool_give(&core->lanes, slot);
}

uint32_t need_get(struct dure_core *core, const struct request *ask)
{
    struct request reduced;
    struct dure_digest carries;
    reduce(core, ask, &reduced, &carries);
    struct dure_digest sum = dure_hash_words(DOMAIN_REQUEST, &reduced, sizeof reduced / 8);
    dure_digest_add(&sum, carries);
    const uint64_t key = sum.lane[0] >> 1;
    uint64_t first = NONE;
    if (dure_map_get(&core->need_map, key, &first))
        for (uint32_t at = (uint32_t)first; at != NONE; at = need_at(core, at)->next_same_hash) {
            struct need *need = need_at(core, at);
            if (request_same(&need->ask, &reduced) && !memcmp(&need->carries, &carries, sizeof carries)) {
                need->classes++;
                need->live_classes++;
                return at;
            }
        }
    const uint32_t slot = dure_pool_take(&core->needs), queue = queue_of(core, ask);
    *need_at(core, slot) = (struct need){.ask = reduced,
                                         .carries = carries,
                                         .key = key,
                                         .next_same_hash = (uint32_t)first,
                                         .queue = queue,
                                         .classes = 1,
                                         .live_classes = 1,
                                         .lane = lane_get(core, queue, ask->tenant, ask->priority),
                                         .open_place = NONE,
                                         .all_place = NONE,
                                         .first = NONE,
                                         .list_places = {NONE, NONE, NONE}};
    DURE_ASSERT(dure_map_put(&core->need_map, key, slot));
    return slot;
}

void need_rest(struct dure_core *core, uint32_t slot)
{
    struct need *need = need_at(core, slot);
    if (--need->live_classes)
        return;
    if (need->verdict != VERDICT_OPEN)
        need_judge(core, slot, VERDICT_OPEN);
}

void need_resume(struct dure_core *core, uint32_t slot)
{
    need_at(core, slot)->live_classes++;
}

void need_put(struct dure_core *core, uint32_t slot)
{
    struct need *need = need_at(core, slot);
    need_rest(core, slot);
    if (--need->classes)
        return;
    uint64_t first;
    DURE_ASSERT(dure_map_get(&core->need_map, need->key, &first));
    if (first == slot && need->next_same_hash == NONE) {
        dure_map_remove(&core->need_map, need->key);
    } else if (first == slot) {
        DURE_ASSERT(dure_map_put(&core->need_map, need->key, need->next_same_hash));
    } else {
        uint32_t at = (uint32_t)first;
        while (need_at(core, at)->next_same_hash != slot)
            at = need_at(core, at)->next_same_hash;
        need_at(core, at)->next_same_hash = need->next_same_hash;
    }
    DURE_ASSERT(need->open_place == NONE && need->all_place == NONE);
    lane_put(core, need->queue, need->lane);
    for (uint32_t i = 0; i < need->band_count; i++)
        dure_heap_release(&need->bands[i].heads);
    free(need->bands);
    dure_pool_give(&core->needs, slot);
}

void need_free(struct dure_core *core, uint32_t slot)
{
    struct need *need = slot == NONE ? NULL : need_at(core, slot);
    for (uint32_t i = 0; need && i < need->band_count; i++)
        dure_heap_release(&need->bands[i].heads);
    if (need) {
        free(need->bands);
        need->bands = NULL;
        need->band_count = 0;
    }
}

/* ---- who is its oldest ---- */

static uint8_t power_of(int64_t lasts_us)
{
    const uint64_t minutes = (uint64_t)lasts_us / (uint64_t)DURE_MINUTE_US + 1;
    return (uint8_t)(64 - __builtin_clzll(minutes));
}

static struct band *band_of(struct dure_core *core, struct need *need, int64_t lasts_us)
{
    const uint8_t power = power_of(lasts_us);
    for (uint32_t i = 0; i < need->band_count; i++)
        if (need->bands[i].power == power)
            return &need->bands[i];
    need->bands = dure_core_grow(need->bands, sizeof *need->bands, need->band_count + 1);
    struct band *band = &need->bands[need->band_count++];
    *band = (struct band){.power = power, .heads = {.owner = core, .moved = head_moved}};
    return band;
}

static int64_t head_key(const struct dure_core *core, const struct class *class)
{
    return (int64_t)job_at(core, class_head(core, class))->d.id;
}

/* The oldest of a band that lasts no longer; NULL. O(1), or O(classes of the band) where the limit falls between them. */
static const struct dure_heap_entry *oldest_within(const struct dure_core *core, const struct band *band, int64_t reach)
{
    if (!band->heads.count || band->least_us > reach)
        return NULL;
    if (band->most_us <= reach)
        return &band->heads.at[0];
    const struct dure_heap_entry *best = NULL;
    for (uint32_t i = 0; i < band->heads.count; i++) {
        const struct dure_heap_entry *entry = &band->heads.at[i];
        if ((!best || entry->key < best->key) && request_lasts_us(&class_at(core, entry->slot)->ask) <= reach)
            best = entry;
    }
    return best;
}

/* The class of its oldest job that lasts no longer; `first`, which is kept as classes come and go, without such a limit. */
struct oldest {
    uint32_t class; /* NONE: none */
    int64_t key;
};

static struct oldest oldest(const struct dure_core *core, const struct need *need, int64_t reach)
{
    struct oldest best = {NONE, INT64_MAX};
    if (reach == INT64_MAX)
        return (struct oldest){need->first, need->first_key};
    for (uint32_t i = 0; i < need->band_count; i++) {
        const struct dure_heap_entry *entry = oldest_within(core, &need->bands[i], reach);
        if (entry && entry->key < best.key)
            best = (struct oldest){entry->slot, entry->key};
    }
    return best;
}

static void find_first(struct need *need)
{
    need->first = NONE;
    need->first_key = INT64_MAX;
    for (uint32_t i = 0; i < need->band_count; i++) {
        const struct dure_heap *heads = &need->bands[i].heads;
        if (heads->count && heads->at[0].key < need->first_key) {
            need->first = heads->at[0].slot;
            need->first_key = heads->at[0].key;
        }
    }
}

static void head_came(struct dure_core *core, struct need *need, uint32_t class_slot, int64_t key)
{
    struct queue *q = &core->queues[need->queue];
    if ((uint64_t)key > q->newest)
        q->newest = (uint64_t)key;
    if (need->first == NONE || key < need->first_key) {
        need->first = class_slot;
        need->first_key = key;
    } else if (need->first == class_slot && key != need->first_key) {
        find_first(need);
    }
}

static void head_went(struct need *need, uint32_t class_slot)
{
    if (need->first == class_slot)
        find_first(need);
}

static struct oldest candidate(const struct dure_core *core, const struct need *need)
{
    if (need->verdict == VERDICT_SHUT)
        return (struct oldest){NONE, 0};
    return oldest(core, need, need->verdict == VERDICT_OPEN ? INT64_MAX : core->queues[need->queue].reach_us);
}

uint32_t need_candidate(const struct dure_core *core, const struct need *need)
{
    return candidate(core, need).class;
}

uint32_t need_oldest(const struct dure_core *core, const struct need *need)
{
    (void)core;
    return need->first;
}

static void stand(struct dure_heap *heap, uint32_t place, struct oldest who, uint32_t slot)
{
    if (place != NONE && who.class == NONE)
        dure_heap_remove(heap, place);
    else if (place == NONE && who.class != NONE)
        dure_heap_add(heap, who.key, 0, slot);
    else if (who.class != NONE && heap->at[place].key != who.key)
        dure_heap_move(heap, place, who.key);
}

static void rekey(struct dure_heap *heap, uint32_t place, int64_t key)
{
    if (heap->at[place].key != key)
        dure_heap_move(heap, place, key);
}

static void settle(struct dure_core *core, struct need *need, uint32_t slot)
{
    struct lane *lane = lane_at(core, need->lane);
    if (need->verdict == VERDICT_OPEN && need->first != NONE && need->open_place != NONE && need->all_place != NONE &&
        !need->is_left_out) { /* it stays where it stands */
        rekey(&lane->open, need->open_place, need->first_key);
        rekey(&lane->all, need->all_place, need->first_key);
        return;
    }
    const struct oldest first = candidate(core, need);
    const bool was_open = lane->open.count, was_filled = was_open || lane->all.count;
    stand(&lane->open, need->open_place, first, slot);
    const struct oldest any =
        need->is_left_out ? (struct oldest){NONE, 0} : (struct oldest){need->first, need->first_key};
    stand(&lane->all, need->all_place, any, slot);
    const bool open = lane->open.count, filled = open || lane->all.count;
    if ((open != was_open || filled != was_filled) && need->queue == queue_of_borrowed(core))
        branch_count(core, lane->tenant, open - was_open, filled - was_filled);
}

void need_settle(struct dure_core *core, uint32_t slot)
{
    settle(core, need_at(core, slot), slot);
}

/* Says of which age it is. */
static int64_t add_head(struct dure_core *core, struct need *need, const struct class *class)
{
    const int64_t lasts = request_lasts_us(&class->ask);
    struct band *band = band_of(core, need, lasts);
    if (!band->heads.count || lasts < band->least_us)
        band->least_us = lasts;
    if (!band->heads.count || lasts > band->most_us)
        band->most_us = lasts;
    const int64_t key = head_key(core, class);
    dure_heap_add(&band->heads, key, 0, class->slot);
    head_came(core, need, class->slot, key);
    return key;
}

static struct dure_heap *heads_of(struct dure_core *core, struct need *need, const struct class *class)
{
    return need->band_count == 1 ? &need->bands->heads : &band_of(core, need, request_lasts_us(&class->ask))->heads;
}

/* Who comes back into the queue may be before a younger one that has a plan, and then what is kept for that is open to it. */
static void look_above(struct dure_core *core, struct need *need, uint32_t slot, int64_t key)
{
    if (need->verdict == VERDICT_LONG && need_is_above_plan(core, need, (uint64_t)key))
        need_judge(core, slot, VERDICT_OPEN);
    else
        settle(core, need, slot);
    queue_moved(core, need->queue);
}

void need_enter(struct dure_core *core, struct class *class)
{
    struct need *need = need_at(core, class->need);
    class->passed_place = NONE;
    look_above(core, need, class->need, add_head(core, need, class));
}

void need_leave(struct dure_core *core, struct class *class)
{
    struct need *need = need_at(core, class->need);
    if (class->passed_place != NONE) {
        const uint32_t last = core->passed.at[--core->passed.count];
        core->passed.at[class->passed_place] = last;
        class_at(core, last)->passed_place = class->passed_place;
        class->passed_place = NONE;
    } else {
        dure_heap_remove(heads_of(core, need, class), class->band_place);
        head_went(need, class->slot);
    }
    settle(core, need, class->need);
    queue_moved(core, need->queue);
}

void need_moved(struct dure_core *core, struct class *class)
{
    if (class->passed_place != NONE)
        return;
    struct need *need = need_at(core, class->need);
    struct dure_heap *heads = heads_of(core, need, class);
    const int64_t key = head_key(core, class);
    if (heads->at[class->band_place].key == key && need->verdict != VERDICT_LONG) { /* one more behind it */
        queue_moved(core, need->queue);
        return;
    }
    dure_heap_move(heads, class->band_place, key);
    head_came(core, need, class->slot, key);
    look_above(core, need, class->need, key);
}

void order_pass_over(struct dure_core *core, uint32_t class_slot)
{
    struct class *class = class_at(core, class_slot);
    struct need *need = need_at(core, class->need);
    DURE_ASSERT(class->passed_place == NONE);
    dure_heap_remove(heads_of(core, need, class), class->band_place);
    head_went(need, class_slot);
    class->passed_place = core->passed.count;
    slot_list_add(&core->passed, class_slot);
    settle(core, need, class->need);
}

void need_leave_out(struct dure_core *core, uint32_t slot)
{
    if (need_at(core, slot)->is_left_out)
        return;
    need_at(core, slot)->is_left_out = true;
    slot_list_add(&core->left_out, slot);
    need_settle(core, slot);
}

void order_restore(struct dure_core *core)
{
    while (core->passed.count) {
        struct class *class = class_at(core, core->passed.at[--core->passed.count]);
        struct need *need = need_at(core, class->need);
        class->passed_place = NONE;
        add_head(core, need, class);
        settle(core, need, class->need);
    }
    while (core->left_out.count) {
        const uint32_t slot = core->left_out.at[--core->left_out.count];
        need_at(core, slot)->is_left_out = false;
        need_settle(core, slot);
    }
}

/* ---- verdicts ---- */

static void list_add(struct dure_core *core, uint32_t slot, enum need_list which)
{
    struct need *need = need_at(core, slot);
    struct slot_list *list = &core->queues[need->queue].lists[which];
    if (need->list_places[which] != NONE)
        return;
    need->list_places[which] = list->count;
    slot_list_add(list, slot);
    core->watchers += which == NEED_FAR;
}

static void list_remove(struct dure_core *core, uint32_t slot, enum need_list which)
{
    struct need *need = need_at(core, slot);
    struct slot_list *list = &core->queues[need->queue].lists[which];
    if (need->list_places[which] == NONE)
        return;
    const uint32_t last = list->at[--list->count];
    list->at[need->list_places[which]] = last;
    need_at(core, last)->list_places[which] = need->list_places[which];
    need->list_places[which] = NONE;
    core->watchers -= which == NEED_FAR;
}

void need_judge(struct dure_core *core, uint32_t slot, enum verdict_kind verdict)
{
    struct need *need = need_at(core, slot);
    if (need->wait)
        wait_leave(core, slot);
    for (unsigned i = 0; i < NEED_LISTS; i++)
        list_remove(core, slot, (enum need_list)i);
    need->verdict = (uint8_t)verdict;
    const enum need_list list = verdict == VERDICT_OPEN ? NEED_LISTS : wait_enter(core, slot);
    if (list < NEED_LISTS)
        list_add(core, slot, list);
    if (verdict == VERDICT_LONG)
        list_add(core, slot, NEED_LONG);
    need_settle(core, slot);
}

bool need_is_above_plan(const struct dure_core *core, const struct need *need, uint64_t job)
{
    const uint32_t slot = core->queues[need->queue].planned;
    return slot != NONE && planned_is_below(core, slot, &need->ask, job);
}

void need_reopen(struct dure_core *core, uint32_t queue, enum need_list which)
{
    const struct slot_list *list = &core->queues[queue].lists[which];
    while (list->count)
        need_judge(core, list->at[list->count - 1], VERDICT_OPEN);
}

void need_reopen_all(struct dure_core *core, uint32_t queue)
{
    struct queue *q = &core->queues[queue];
    for (uint32_t i = 0; q->wait_count && i <= DURE_NODE_GPUS_MAX; i++)
        while (q->waits[i].count)
            need_judge(core, q->waits[i].at[0].slot, VERDICT_OPEN);
    need_reopen(core, queue, NEED_ANY);
    need_reopen(core, queue, NEED_FAR);
}
