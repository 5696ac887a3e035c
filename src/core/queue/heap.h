#pragma once
/* A binary heap by (key, id), smallest first, whose entries know their place: the owner is told where each entry went, so that any
 * entry can be moved or removed in O(log n). Ties go by id, so its order never depends on history. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct dure_heap_entry {
    int64_t key;
    uint64_t id;
    uint32_t slot;
};

struct dure_heap {
    struct dure_heap_entry *at;
    uint32_t count;
    uint32_t capacity;
    void *owner;
    void (*moved)(void *owner, uint32_t slot, uint32_t place); /* place DURE_NONE32: left the heap */
};

void dure_heap_release(struct dure_heap *heap);
void dure_heap_push(struct dure_heap *heap, struct dure_heap_entry entry); /* into one that may hold others */
void dure_heap_pull(struct dure_heap *heap, uint32_t place);
void dure_heap_settle(struct dure_heap *heap, uint32_t place); /* its key is another */

/* Most heaps of a queue hold one entry or none. */
static inline void dure_heap_add(struct dure_heap *heap, int64_t key, uint64_t id, uint32_t slot)
{
    if (heap->count || !heap->capacity) {
        dure_heap_push(heap, (struct dure_heap_entry){key, id, slot});
        return;
    }
    heap->count = 1;
    heap->at[0] = (struct dure_heap_entry){key, id, slot};
    heap->moved(heap->owner, slot, 0);
}

static inline void dure_heap_remove(struct dure_heap *heap, uint32_t place)
{
    DURE_ASSERT(place < heap->count);
    if (heap->count > 1) {
        dure_heap_pull(heap, place);
        return;
    }
    heap->count = 0;
    heap->moved(heap->owner, heap->at[0].slot, UINT32_MAX);
}

static inline void dure_heap_move(struct dure_heap *heap, uint32_t place, int64_t key)
{
    DURE_ASSERT(place < heap->count);
    heap->at[place].key = key;
    if (heap->count > 1)
        dure_heap_settle(heap, place);
}

/* Whoever is removed is followed there by the last entry, which is held against those above and below: their lines start on their way from memory. */
static inline __attribute__((always_inline)) void dure_heap_fetch(const struct dure_heap *heap, uint32_t place)
{
    const struct dure_heap_entry *at = heap->at;
    __builtin_prefetch(&at[place].key, 1);
    __builtin_prefetch(&at[place].slot, 1); /* may be in the next line */
    if (place)
        __builtin_prefetch(&at[(place - 1) / 2]);
    if (place < heap->count / 2) {
        __builtin_prefetch(&at[2 * place + 1]);
        __builtin_prefetch(&at[2 * place + 2]);
    }
}
