#pragma once
/* What will happen, in the order of time; at one moment in the order in which it was foreseen. Not thread-safe; owns its memory. O(log n). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dure_sim_event {
    int64_t at_us;
    uint64_t order; /* its number among all that were foreseen */
    uint64_t what;  /* an attempt, a node */
    uint32_t kind;
    uint32_t where; /* an attempt's run when it was foreseen */
};

struct dure_sim_heap {
    struct dure_sim_event *at;
    size_t count, capacity;
    uint64_t orders;
};

bool dure_sim_heap_add(struct dure_sim_heap *heap, int64_t at_us, uint32_t kind, uint64_t what); /* false: no memory */
bool dure_sim_heap_add_at(struct dure_sim_heap *heap, int64_t at_us, uint32_t kind, uint64_t what, uint32_t where);
const struct dure_sim_event *dure_sim_heap_first(const struct dure_sim_heap *heap); /* NULL: none */
void dure_sim_heap_pop(struct dure_sim_heap *heap);
void dure_sim_heap_release(struct dure_sim_heap *heap);
