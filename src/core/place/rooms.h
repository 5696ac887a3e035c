#pragma once
/* Cells of a field of slots by what they have room for: the one with the least room that is enough, found by its bit.
 *
 * A cell is `span` slots, or an aligned group of `group` GPUs inside a slot; its room is the number of things of `unit` GPUs that could start in it
 * now, each inside one slot. Bit room * cells + cell stands for each cell with room: the first one at or after need * cells is the answer. An
 * update costs O(levels of the bitmap), a question the same, whatever the size of the field. */
#include "base/bits.h"
#include "model/fleet.h"

enum { DURE_ROOMS_MAX = 16 };

struct dure_rooms_key {
    uint32_t span;  /* slots of a cell; 0: groups of GPUs */
    uint32_t group; /* GPUs of a group; 0: cells of slots */
    uint32_t unit;
    bool once; /* a slot counts for one thing, however many it could take */
};

struct dure_rooms {
    struct dure_rooms_key key;
    uint32_t cells;      /* of the field */
    uint32_t per_slot;   /* groups */
    uint64_t reciprocal; /* of span, rounded up; 0: span is 1 */
    uint32_t *room;      /* per cell of slots */
    struct dure_bits by_room;
    uint8_t things[DURE_NODE_GPUS_MAX + 1]; /* that so many idle GPUs of a slot carry */
};

struct dure_rooms_set {
    struct dure_rooms *at; /* DURE_ROOMS_MAX of them, once there is one */
    uint32_t count, next;  /* next: which gives way when there are too many */
};

struct dure_slots;

void dure_rooms_release(struct dure_rooms_set *set);
/* The index of that kind, made if there is none. */
const struct dure_rooms *dure_rooms_get(struct dure_slots *slots, struct dure_rooms_key key);
/* The cell with the least room of at least `need`, lowest first; with `after` not NONE32 the next one after it in this order. NONE32: none. */
uint32_t dure_rooms_find(const struct dure_rooms *rooms, uint32_t need, uint32_t after);
/* The idle GPUs of slots beside each other changed, all alike. */
__attribute__((noinline)) void dure_rooms_change(struct dure_rooms_set *set, uint32_t first, uint32_t count,
                                                 uint64_t was, uint64_t is);
