#pragma once
/* Plain records of one size in chunks: an index stays where it is, so pointers stay valid until the entry is freed. An entry
 * comes as it lies: whoever takes it fills all of it. Which index an entry gets is never part of a decision. Out of memory ends the process: what the journal holds
 * is whole, and a core that is half changed must not go on. */
#include "base/err.h"

enum { DURE_POOL_CHUNK_BITS = 10, DURE_POOL_CHUNK = 1 << DURE_POOL_CHUNK_BITS };

struct dure_pool {
    uint8_t **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t size;  /* of an entry, at least 4 */
    uint32_t count; /* entries in use */
    uint32_t top;   /* entries ever used */
    uint32_t free_first;
};

void dure_pool_init(struct dure_pool *pool, uint32_t size);
void dure_pool_release(struct dure_pool *pool);
uint32_t dure_pool_take(struct dure_pool *pool);
void dure_pool_give(struct dure_pool *pool, uint32_t index);

/* `size` is the pool's own: where the compiler knows it, finding an entry takes no multiplication. */
static inline void *dure_pool_entry(const struct dure_pool *pool, uint32_t index, size_t size)
{
    return pool->chunks[index >> DURE_POOL_CHUNK_BITS] + (size_t)(index & (DURE_POOL_CHUNK - 1)) * size;
}

static inline void *dure_pool_at(const struct dure_pool *pool, uint32_t index)
{
    return dure_pool_entry(pool, index, pool->size);
}

/* Allocation that ends the process rather than fail. */
void *dure_core_alloc(size_t size, size_t count);
void *dure_core_grow(void *at, size_t size, size_t count) DURE_COLD; /* seldom: what grows doubles */
void *dure_core_lines(size_t size, size_t count); /* begins a line of the cache; comes as it lies, and never grows */
