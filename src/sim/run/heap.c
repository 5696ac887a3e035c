#include "sim/run/heap.h"

#include <stdlib.h>

enum { WIDE = 4 };

static bool before(const struct dure_sim_event *a, const struct dure_sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

bool dure_sim_heap_add(struct dure_sim_heap *heap, int64_t at_us, uint32_t kind, uint64_t what)
{
    return dure_sim_heap_add_at(heap, at_us, kind, what, 0);
}

bool dure_sim_heap_add_at(struct dure_sim_heap *heap, int64_t at_us, uint32_t kind, uint64_t what, uint32_t where)
{
    if (heap->count == heap->capacity) {
        const size_t capacity = heap->capacity ? heap->capacity * 2 : 1024;
        struct dure_sim_event *more = realloc(heap->at, capacity * sizeof *more);
        if (!more)
            return false;
        heap->at = more;
        heap->capacity = capacity;
    }
    const struct dure_sim_event event = {
        .at_us = at_us, .order = heap->orders++, .what = what, .kind = kind, .where = where};
    size_t at = heap->count++;
    for (; at && before(&event, &heap->at[(at - 1) / WIDE]); at = (at - 1) / WIDE)
        heap->at[at] = heap->at[(at - 1) / WIDE];
    heap->at[at] = event;
    return true;
}

const struct dure_sim_event *dure_sim_heap_first(const struct dure_sim_heap *heap)
{
    return heap->count ? &heap->at[0] : NULL;
}

void dure_sim_heap_pop(struct dure_sim_heap *heap)
{
    const struct dure_sim_event last = heap->at[--heap->count];
    size_t at = 0;
    for (;;) {
        const size_t first = at * WIDE + 1, end = first + WIDE < heap->count ? first + WIDE : heap->count;
        size_t least = first;
        for (size_t child = first + 1; child < end; child++)
            if (before(&heap->at[child], &heap->at[least]))
                least = child;
        if (first >= heap->count || !before(&heap->at[least], &last))
            break;
        heap->at[at] = heap->at[least];
        at = least;
    }
    heap->at[at] = last;
}

void dure_sim_heap_release(struct dure_sim_heap *heap)
{
    free(heap->at);
    *heap = (struct dure_sim_heap){0};
}
