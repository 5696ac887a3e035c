/* Requests, kept once each however many jobs make them. */
#include <string.h>

#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/lists.h"

static void late_moved(void *owner, uint32_t slot, uint32_t place)
{
    job_at(owner, slot)->late_place = place;
}

static uint64_t key_of(struct dure_digest digest)
{
    return digest.lane[0] >> 1; /* never the map's reserved key */
}

/* Where a request like this was found last, which is no more than a guess. */
static uint32_t recent_of(const struct request *ask)
{
    const uint64_t low = (uint64_t)ask->tenant << 1 | ask->job_class,
                   high = (uint64_t)ask->tasks << 32 | (uint64_t)ask->level << 8 | ask->task_gpus;
    return (uint32_t)((low * UINT64_C(0x9e3779b97f4a7c15) ^ high * UINT64_C(0xd1342543de82ef95)) >> 48) % CLASS_RECENT;
}

static uint32_t find_recent(const struct dure_core *core, const struct request *ask)
{
    const uint32_t at = core->class_recent[recent_of(ask)];
    return at != NONE && request_same(&class_at(core, at)->ask, ask) ? at : NONE;
}

/* The class of a request; NONE: it has none. Its digest, and the first class of the same hash. */
static uint32_t find(const struct dure_core *core, const struct request *ask, struct dure_digest *ret_digest,
                     uint64_t *ret_first)
{
    *ret_digest = dure_hash_words(DOMAIN_REQUEST, ask, sizeof *ask / 8);
    *ret_first = NONE;
    uint32_t at = NONE;
    if (dure_map_get(&core->class_map, key_of(*ret_digest), ret_first))
        at = (uint32_t)*ret_first;
    while (at != NONE && !request_same(&class_at(core, at)->ask, ask))
        at = class_at(core, at)->next_same_hash;
    return at;
}

uint32_t class_find(const struct dure_core *core, const struct request *ask)
{
    struct dure_digest digest;
    uint64_t first;
    const uint32_t recent = find_recent(core, ask);
    return recent != NONE ? recent : find(core, ask, &digest, &first);
}

/* ---- idle ones ---- */

enum { IDLE_MAX = 1024 };

static uint32_t *idle_link(struct dure_core *core, uint32_t slot)
{
    return slot == NONE ? &core->idle_class_first : &class_at(core, slot)->idle_next;
}

static uint32_t *idle_back_link(struct dure_core *core, uint32_t slot)
{
    return slot == NONE ? &core->idle_class_last : &class_at(core, slot)->idle_before;
}

static void idle_add(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    class->idle_next = NONE;
    class->idle_before = core->idle_class_last;
    *idle_link(core, class->idle_before) = slot;
    core->idle_class_last = slot;
    core->idle_class_count++;
    need_rest(core, class->need);
}

static void idle_remove(struct dure_core *core, uint32_t slot)
{
    const struct class *class = class_at(core, slot);
    *idle_link(core, class->idle_before) = class->idle_next;
    *idle_back_link(core, class->idle_next) = class->idle_before;
    core->idle_class_count--;
}

void class_again(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    core->class_recent[recent_of(&class->ask)] = slot;
    if (class->jobs++)
        return;
    idle_remove(core, slot);
    need_resume(core, class->need);
}

uint32_t class_get(struct dure_core *core, const struct request *ask)
{
    struct dure_digest digest;
    uint64_t first;
    const uint32_t known = find(core, ask, &digest, &first);
    if (known != NONE) {
        class_again(core, known);
        return known;
    }
    const uint32_t slot = dure_pool_take(&core->classes);
    *class_at(core, slot) = (struct class){.ask = *ask,
                                           .digest = digest,
                                           .jobs = 1,
                                           .slot = slot,
                                           .first = NONE,
                                           .last = NONE,
                                           .next_same_hash = (uint32_t)first,
                                           .need = need_get(core, ask),
                                           .late = {.owner = core, .moved = late_moved}};
    DURE_ASSERT(dure_map_put(&core->class_map, key_of(digest), slot));
    core->class_recent[recent_of(ask)] = slot;
    lists_hold(core, ask->lists);
    return slot;
}

static void drop(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    DURE_ASSERT(!class->count);
    const uint64_t key = key_of(class->digest);
    uint64_t first;
    DURE_ASSERT(dure_map_get(&core->class_map, key, &first));
    if (first == slot) {
        if (class->next_same_hash == NONE)
            dure_map_remove(&core->class_map, key);
        else
            DURE_ASSERT(dure_map_put(&core->class_map, key, class->next_same_hash));
    } else {
        uint32_t at = (uint32_t)first;
        while (class_at(core, at)->next_same_hash != slot)
            at = class_at(core, at)->next_same_hash;
        class_at(core, at)->next_same_hash = class->next_same_hash;
    }
    if (core->class_recent[recent_of(&class->ask)] == slot)
        core->class_recent[recent_of(&class->ask)] = NONE;
    if (class->need != NONE)
        need_put(core, class->need);
    dure_heap_release(&class->late);
    lists_release(core, class->ask.lists);
    dure_pool_give(&core->classes, slot);
}

static void drop_oldest_idle(struct dure_core *core)
{
    const uint32_t slot = core->idle_class_first;
    idle_remove(core, slot);
    need_resume(core, class_at(core, slot)->need); /* need_put takes one that is live */
    drop(core, slot);
}

void class_put(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    if (--class->jobs)
        return;
    if (class->need == NONE || class->ask.lists) { /* lists are state: they go with the last job that names them */
        drop(core, slot);
        return;
    }
    idle_add(core, slot);
    if (core->idle_class_count > IDLE_MAX)
        drop_oldest_idle(core);
}

void class_forget_idle(struct dure_core *core)
{
    while (core->idle_class_count)
        drop_oldest_idle(core);
}

uint32_t class_head(const struct dure_core *core, const struct class *class)
{
    if (!class->late.count)
        return class->first;
    if (class->first == NONE || class->late.at[0].id < job_at(core, class->first)->d.id)
        return class->late.at[0].slot;
    return class->first;
}
