#pragma once
/* A field of equal slots (nodes of a chain, or the virtual nodes of a private cluster), each with up to 64 GPUs, indexed by how many
 * of them are idle: finding the tightest slot costs O(levels) whatever the size of the field.
 *
 * Slots stand in cells: `span[k]` slots make one cell of the field's k-th level above the slot, aligned. For each level and size of task that
 * gangs ask for there is an index of the level's cells by what they have room for (rooms.h), made when first asked for and kept up with every
 * change from then on; which of them exist changes no answer. A gang is placed by dure_slots_fit without change; the caller then takes what
 * it was given. */
#include "base/bits.h"
#include "core/place/rooms.h"
#include "model/fleet.h"

struct dure_slots {
    uint32_t count;
    uint32_t gpus;  /* of a slot */
    uint64_t full;  /* mask of a slot's GPUs */
    uint64_t *idle; /* per slot */
    uint64_t idle_total;
    uint64_t classes;          /* bit c - 1: some slot has c idle GPUs */
    struct dure_bits *by_idle; /* [1..gpus] */
    uint32_t level_count;      /* levels above the slot */
    uint32_t span[DURE_LEVELS_MAX + 1];
    struct dure_rooms_set rooms;
};

void dure_slots_init(struct dure_slots *slots, uint32_t count, uint32_t gpus, const uint32_t *spans,
                     uint32_t span_count);
void dure_slots_release(struct dure_slots *slots);
/* Is there a slot with so many idle GPUs? */
static inline bool dure_slots_any(const struct dure_slots *slots, uint32_t gpus)
{
    return slots->classes >> (gpus - 1) != 0;
}
void dure_slots_change(struct dure_slots *slots, uint32_t slot, uint64_t idle); /* to another mask */
/* More slots at the end (a private cluster grows by whole cells); they come idle or not as `idle` says. */
void dure_slots_extend(struct dure_slots *slots, uint32_t count, uint64_t idle);

/* What a gang asks of a field, in the field's own terms. */
struct dure_ask {
    uint32_t tasks;
    uint32_t task_gpus;
    uint32_t per_slot; /* exactly so many tasks a slot; 0: any */
    uint32_t span;     /* all inside one cell of so many slots; 0: anywhere */
    uint32_t group;    /* span 1 only: inside an aligned group of so many GPUs; 0: any in the slot */
};

struct dure_take {
    uint32_t slot;
    uint32_t tasks;
    uint64_t mask;
};

struct dure_takes {
    struct dure_take *at;
    uint32_t count;
    uint32_t capacity;
};
void dure_takes_release(struct dure_takes *takes);
void dure_takes_add(struct dure_takes *takes, struct dure_take take);

/* Appends the places of the whole gang, or nothing and false. One slot if one will do: the tightest. Else, without a span, the emptiest slots and
 * a tight one for the rest; with one, the same inside the cell with the least room that is enough. Inside a slot, the tightest group. Ties go to
 * the lowest. O(levels) for one slot, else O(levels + slots taken); a gang of `per_slot` tasks with a rest may have to try several cells. */
bool dure_slots_fit(struct dure_slots *slots, const struct dure_ask *ask, struct dure_takes *takes);
/* The most tasks of `task_gpus` that could be placed now. O(GPUs of a slot). */
uint64_t dure_slots_capacity(const struct dure_slots *slots, uint32_t task_gpus);

/* O(levels), for each index that a gang has asked for. */
static inline void dure_slots_set(struct dure_slots *slots, uint32_t slot, uint64_t idle)
{
    DURE_ASSERT(slot < slots->count && (idle & ~slots->full) == 0);
    if (slots->idle[slot] != idle)
        dure_slots_change(slots, slot, idle);
}
/* The same for slots beside each other. O(levels) for each run of them that were alike. */
void dure_slots_set_run(struct dure_slots *slots, uint32_t first, uint32_t count, uint64_t idle);
