#pragma once
/* What the tables of the core are made of: lists and counts that several of them hold. */
#include "base/err.h"
#include "core/state/pool.h"
#include "model/ids.h"

#define NONE DURE_NONE32

enum { OUTCOME_WINDOW = 1000000, VIEW_RING = 64, LASTING_PARTS = 20, CLASS_RECENT = 1024 };

struct slot_list {
    uint32_t *at;
    uint32_t count, capacity;
};

/* GPUs of slots of a field. */
struct hidden_list {
    struct hidden {
        uint64_t gpus;
        uint32_t slot;
    } * at;
    uint32_t count, capacity;
};

static inline void slot_list_add(struct slot_list *list, uint32_t slot)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->at = dure_core_grow(list->at, sizeof *list->at, list->capacity);
    }
    list->at[list->count++] = slot;
}

/* Attempts and claims, and when each is gone at the latest, in no order: state/ends.h. */
struct ends {
    struct ending {
        int64_t at_us;
        uint32_t slot;
    } * at;
    uint32_t count, capacity;
};

/* GPUs in use, by right and borrowed. */
struct tally {
    uint32_t by_right, borrowed;
};
