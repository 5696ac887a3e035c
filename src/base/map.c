#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"

enum { FIRST = 16 };

#define EMPTY UINT64_MAX

static uint64_t home_of(const struct dure_map *map, uint64_t key)
{
    return dure_hash64(key) & (map->capacity - 1);
}

/* The slot that holds `key`, or the empty slot where it would go. Needs one empty slot: the load stays under 3/4. */
static uint64_t *slot_of(const struct dure_map *map, uint64_t key)
{
    uint64_t i = home_of(map, key);
    while (map->slots[2 * i] != EMPTY && map->slots[2 * i] != key)
        i = (i + 1) & (map->capacity - 1);
    return &map->slots[2 * i];
}

void dure_map_release(struct dure_map *map)
{
    free(map->slots);
    *map = (struct dure_map){0};
}

bool dure_map_get(const struct dure_map *map, uint64_t key, uint64_t *ret_value)
{
    DURE_ASSERT(key != EMPTY);
    if (!map->count)
        return false;
    const uint64_t *slot = slot_of(map, key);
    if (slot[0] == EMPTY)
        return false;
    *ret_value = slot[1];
    return true;
}

static bool grow(struct dure_map *map)
{
    struct dure_map bigger = {.count = map->count, .capacity = map->capacity ? map->capacity * 2 : FIRST};
    if (bigger.capacity > SIZE_MAX / (2 * sizeof(uint64_t)))
        return false;
    const size_t bytes = (size_t)bigger.capacity * 2 * sizeof(uint64_t);
    bigger.slots = malloc(bytes);
    if (!bigger.slots)
        return false;
    memset(bigger.slots, 0xff, bytes);
    for (uint64_t i = 0; i < map->capacity; i++) {
        if (map->slots[2 * i] == EMPTY)
            continue;
        uint64_t *slot = slot_of(&bigger, map->slots[2 * i]);
        slot[0] = map->slots[2 * i];
        slot[1] = map->slots[2 * i + 1];
    }
    free(map->slots);
    *map = bigger;
    return true;
}

uint64_t *dure_map_at(struct dure_map *map, uint64_t key, uint64_t initial)
{
    DURE_ASSERT(key != EMPTY);
    uint64_t *slot = map->capacity ? slot_of(map, key) : NULL;
    if (slot && slot[0] == key)
        return &slot[1];
    if (!dure_map_put(map, key, initial))
        return NULL;
    return &slot_of(map, key)[1];
}

bool dure_map_put(struct dure_map *map, uint64_t key, uint64_t value)
{
    DURE_ASSERT(key != EMPTY);
    uint64_t *slot = map->capacity ? slot_of(map, key) : NULL;
    if (slot && slot[0] == key) {
        slot[1] = value;
        return true;
    }
    if (!slot || (map->count + 1) * 4 > map->capacity * 3) {
        if (!grow(map))
            return false;
        slot = slot_of(map, key);
    }
    slot[0] = key;
    slot[1] = value;
    map->count++;
    return true;
}

bool dure_map_remove(struct dure_map *map, uint64_t key)
{
    DURE_ASSERT(key != EMPTY);
    if (!map->count)
        return false;
    uint64_t *slot = slot_of(map, key);
    if (slot[0] == EMPTY)
        return false;
    /* Close the hole: move back every later entry of the run that may not stand behind an empty slot (Knuth 6.4, algorithm R). */
    const uint64_t mask = map->capacity - 1;
    uint64_t hole = (uint64_t)(slot - map->slots) / 2;
    for (uint64_t i = (hole + 1) & mask; map->slots[2 * i] != EMPTY; i = (i + 1) & mask) {
        const uint64_t home = home_of(map, map->slots[2 * i]);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        map->slots[2 * hole] = map->slots[2 * i];
        map->slots[2 * hole + 1] = map->slots[2 * i + 1];
        hole = i;
    }
    map->slots[2 * hole] = EMPTY;
    map->slots[2 * hole + 1] = EMPTY;
    map->count--;
    return true;
}
