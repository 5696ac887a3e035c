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

/* The class of a request; NONE: it has none. Its digest, and the first class of the same hash. */
static uint32_t find(const struct dure_core *core, const struct request *ask, struct dure_digest *ret_digest,
                     uint64_t *ret_first)
{
    *ret_digest = dure_hash_words(DOMAIN_REQUEST, ask, sizeof *ask / 8);
    *ret_first = NONE;
    uint32_t at = NONE;
    if (dure_map_get(&core->class_map, key_of(*ret_digest), ret_first))
        at = (uint32_t)*ret_first;
    while (at != NONE && memcmp(&class_at(core, at)->ask, ask, sizeof *ask))
        at = class_at(core, at)->next_same_hash;
    return at;
}

uint32_t class_find(const struct dure_core *core, const struct request *ask)
{
    struct dure_digest digest;
    uint64_t first;
    return find(core, ask, &digest, &first);
}

uint32_t class_get(struct dure_core *core, const struct request *ask)
{
    struct dure_digest digest;
    uint64_t first;
    const uint32_t known = find(core, ask, &digest, &first);
    if (known != NONE) {
        class_at(core, known)->jobs++;
        return known;
    }
    const uint32_t slot = dure_pool_take(&core->classes);
    *class_at(core, slot) = (struct class){.ask = *ask,
                                           .digest = digest,
                                           .jobs = 1,
                                           .first = NONE,
                                           .last = NONE,
                                           .next_same_hash = (uint32_t)first,
                                           .need = need_get(core, ask),
                                           .late = {.owner = core, .moved = late_moved}};
    DURE_ASSERT(dure_map_put(&core->class_map, key_of(digest), slot));
    lists_hold(core, ask->lists);
    return slot;
}

void class_put(struct dure_core *core, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    if (--class->jobs)
        return;
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
    if (class->need != NONE)
        need_put(core, class->need);
    dure_heap_release(&class->late);
    lists_release(core, class->ask.lists);
    dure_pool_give(&core->classes, slot);
}

uint32_t class_head(const struct dure_core *core, const struct class *class)
{
    if (!class->late.count)
        return class->first;
    if (class->first == NONE || class->late.at[0].id < job_at(core, class->first)->d.id)
        return class->late.at[0].slot;
    return class->first;
}
