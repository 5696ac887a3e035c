#include "core/place/rooms.h"

#include <stdlib.h>

#include "base/err.h"
#include "core/place/slots.h"
#include "core/state/pool.h"

static uint64_t group_mask(const struct dure_rooms *rooms, uint32_t index)
{
    const uint32_t gpus = rooms->key.group;
    return (gpus >= 64 ? UINT64_MAX : (UINT64_C(1) << gpus) - 1) << (index * gpus);
}

static uint32_t cell_of(const struct dure_rooms *rooms, uint32_t slot)
{
    __extension__ typedef unsigned __int128 wide;
    return rooms->reciprocal ? (uint32_t)((wide)rooms->reciprocal * slot >> 64) : slot;
}

static void refile(struct dure_rooms *rooms, uint32_t cell, uint32_t was, uint32_t is)
{
    if (was)
        dure_bits_clear(&rooms->by_room, (uint64_t)was * rooms->cells + cell);
    if (is)
        dure_bits_set(&rooms->by_room, (uint64_t)is * rooms->cells + cell);
}

/* So many slots from this one on, each of which had room for so many things and has for so many now. */
static void change_cells(struct dure_rooms *rooms, uint32_t slot, uint32_t count, uint32_t before, uint32_t after)
{
    const uint32_t end = slot + count;
    while (slot < end) {
        const uint32_t cell = cell_of(rooms, slot), room = rooms->room[cell], next = (cell + 1) * rooms->key.span;
        const uint32_t here = (next < end ? next : end) - slot;
        rooms->room[cell] = room - before * here + after * here;
        refile(rooms, cell, room, rooms->room[cell]);
        slot += here;
    }
}

static void change_groups(struct dure_rooms *rooms, uint32_t slot, uint64_t was, uint64_t is)
{
    for (uint32_t i = 0; i < rooms->per_slot; i++) {
        const uint32_t before = (uint32_t)__builtin_popcountll(was & group_mask(rooms, i));
        const uint32_t after = (uint32_t)__builtin_popcountll(is & group_mask(rooms, i));
        if (before != after)
            refile(rooms, slot * rooms->per_slot + i, before, after);
    }
}

void dure_rooms_change(struct dure_rooms_set *set, uint32_t first, uint32_t count, uint64_t was, uint64_t is)
{
    const unsigned idle_was = (unsigned)__builtin_popcountll(was), idle_is = (unsigned)__builtin_popcountll(is);
    for (struct dure_rooms *rooms = set->at, *end = rooms + set->count; rooms < end; rooms++)
        if (rooms->key.group)
            for (uint32_t slot = first; slot < first + count; slot++)
                change_groups(rooms, slot, was, is);
        else if (rooms->things[idle_was] != rooms->things[idle_is])
            change_cells(rooms, first, count, rooms->things[idle_was], rooms->things[idle_is]);
}

static void drop(struct dure_rooms *rooms)
{
    free(rooms->room);
    dure_bits_release(&rooms->by_room);
}

void dure_rooms_release(struct dure_rooms_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        drop(&set->at[i]);
    free(set->at);
    *set = (struct dure_rooms_set){0};
}

static void make(struct dure_rooms *rooms, const struct dure_slots *slots, struct dure_rooms_key key)
{
    *rooms = (struct dure_rooms){.key = key};
    for (uint32_t idle = 0; idle <= slots->gpus; idle++) {
        const uint32_t things = idle / key.unit;
        rooms->things[idle] = (uint8_t)(key.once && things ? 1 : things);
    }
    rooms->per_slot = key.group ? slots->gpus / key.group : 1;
    rooms->cells = key.group ? slots->count * rooms->per_slot : slots->count / key.span;
    rooms->reciprocal = key.span > 1 ? UINT64_MAX / key.span + 1 : 0;
    rooms->room = dure_core_alloc(sizeof *rooms->room, key.group ? 0 : rooms->cells);
    const uint64_t most = key.group ? key.group : (uint64_t)rooms->things[slots->gpus] * key.span;
    DURE_ASSERT(dure_bits_init(&rooms->by_room, (most + 1) * rooms->cells));
    for (uint32_t slot = 0; slot < slots->count; slot++)
        if (key.group)
            change_groups(rooms, slot, 0, slots->idle[slot]);
        else
            change_cells(rooms, slot, 1, 0, rooms->things[__builtin_popcountll(slots->idle[slot])]);
}

static bool same(struct dure_rooms_key a, struct dure_rooms_key b)
{
    return a.span == b.span && a.group == b.group && a.unit == b.unit && a.once == b.once;
}

const struct dure_rooms *dure_rooms_get(struct dure_slots *slots, struct dure_rooms_key key)
{
    struct dure_rooms_set *set = &slots->rooms;
    for (uint32_t i = 0; i < set->count; i++)
        if (same(set->at[i].key, key))
            return &set->at[i];
    if (!set->at)
        set->at = dure_core_alloc(sizeof *set->at, DURE_ROOMS_MAX);
    struct dure_rooms *rooms = &set->at[set->next];
    if (set->count == DURE_ROOMS_MAX)
        drop(rooms);
    else
        set->count++;
    set->next = (set->next + 1) % DURE_ROOMS_MAX;
    make(rooms, slots, key);
    return rooms;
}

uint32_t dure_rooms_find(const struct dure_rooms *rooms, uint32_t need, uint32_t after)
{
    const uint64_t from =
        after == DURE_NONE32 ? (uint64_t)need * rooms->cells : (uint64_t)rooms->room[after] * rooms->cells + after + 1;
    const uint64_t bit = dure_bits_first(&rooms->by_room, from);
    return bit == UINT64_MAX ? DURE_NONE32 : (uint32_t)(bit % rooms->cells);
}
