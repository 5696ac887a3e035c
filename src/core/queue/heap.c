#include "core/queue/heap.h"

#include <stdlib.h>

#include "core/state/pool.h"
#include "model/ids.h"

static bool before(const struct dure_heap_entry *a, const struct dure_heap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->id < b->id;
}

static void put(struct dure_heap *heap, uint32_t place, struct dure_heap_entry entry)
{
    heap->at[place] = entry;
    heap->moved(heap->owner, entry.slot, place);
}

static void up(struct dure_heap *heap, uint32_t place, struct dure_heap_entry entry)
{
    while (place) {
        const uint32_t parent = (place - 1) / 2;
        if (!before(&entry, &heap->at[parent]))
            break;
        put(heap, place, heap->at[parent]);
        place = parent;
    }
    put(heap, place, entry);
}

static void down(struct dure_heap *heap, uint32_t place, struct dure_heap_entry entry)
{
    for (;;) {
        uint32_t child = place * 2 + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && before(&heap->at[child + 1], &heap->at[child]))
            child++;
        if (!before(&heap->at[child], &entry))
            break;
        put(heap, place, heap->at[child]);
        place = child;
    }
    put(heap, place, entry);
}

static void settle(struct dure_heap *heap, uint32_t place, struct dure_heap_entry entry)
{
    if (place && before(&entry, &heap->at[(place - 1) / 2]))
        up(heap, place, entry);
    else
        down(heap, place, entry);
}

void dure_heap_release(struct dure_heap *heap)
{
    free(heap->at);
    *heap = (struct dure_heap){0};
}

void dure_heap_push(struct dure_heap *heap, struct dure_heap_entry entry)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
        heap->at = dure_core_grow(heap->at, sizeof *heap->at, heap->capacity);
    }
    heap->count++;
    up(heap, heap->count - 1, entry);
}

void dure_heap_settle(struct dure_heap *heap, uint32_t place)
{
    settle(heap, place, heap->at[place]);
}

void dure_heap_pull(struct dure_heap *heap, uint32_t place)
{
    heap->moved(heap->owner, heap->at[place].slot, DURE_NONE32);
    const struct dure_heap_entry last = heap->at[--heap->count];
    if (place < heap->count)
        settle(heap, place, last);
}
