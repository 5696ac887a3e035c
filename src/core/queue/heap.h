#pragma once
/* A binary heap by (key, id), smallest first, whose entries know their place: the owner is told where each entry went, so that any
 * entry can be moved or removed in O(log n). Ties go by id, so its order never depends on history. */
#include <stdbool.h>
#include <stdint.h>

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
void dure_heap_add(struct dure_heap *heap, int64_t key, uint64_t id, uint32_t slot);
void dure_heap_move(struct dure_heap *heap, uint32_t place, int64_t key);
void dure_heap_remove(struct dure_heap *heap, uint32_t place);
