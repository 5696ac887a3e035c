#include "core/state/pool.h"

#include <stdlib.h>
#include <string.h>

#include "model/ids.h"

enum { LINE = 64 }; /* of the cache */

void *dure_core_alloc(size_t size, size_t count)
{
    void *made = calloc(count ? count : 1, size);
    DURE_ASSERT(made);
    return made;
}

void *dure_core_grow(void *at, size_t size, size_t count)
{
    size_t bytes;
    DURE_ASSERT(!__builtin_mul_overflow(size, count, &bytes));
    void *grown = realloc(at, bytes ? bytes : 1);
    DURE_ASSERT(grown);
    return grown;
}

void *dure_core_lines(size_t size, size_t count)
{
    size_t bytes;
    DURE_ASSERT(!__builtin_mul_overflow(size, count, &bytes) && bytes <= SIZE_MAX - LINE);
    void *made = aligned_alloc(LINE, (bytes / LINE + 1) * LINE);
    DURE_ASSERT(made);
    return made;
}

void dure_pool_init(struct dure_pool *pool, uint32_t size)
{
    DURE_ASSERT(size >= sizeof(uint32_t));
    *pool = (struct dure_pool){.size = size, .free_first = DURE_NONE32};
}

void dure_pool_release(struct dure_pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++)
        free(pool->chunks[i]);
    free(pool->chunks);
    *pool = (struct dure_pool){0};
}

/* Whoever is taken next lies cold, and says itself who comes after it. */
static inline __attribute__((always_inline)) void fetch(const struct dure_pool *pool, uint32_t index)
{
    if (index == DURE_NONE32)
        return;
    const char *at = dure_pool_at(pool, index);
    for (uint32_t offset = 0; offset < pool->size; offset += LINE)
        __builtin_prefetch(at + offset, 1);
}

uint32_t dure_pool_take(struct dure_pool *pool)
{
    uint32_t index = pool->free_first;
    if (index != DURE_NONE32) {
        memcpy(&pool->free_first, dure_pool_at(pool, index), sizeof pool->free_first);
        fetch(pool, pool->free_first);
    } else {
        index = pool->top++;
        if (index >> DURE_POOL_CHUNK_BITS == pool->chunk_count) {
            if (pool->chunk_count == pool->chunk_capacity) {
                pool->chunk_capacity = pool->chunk_capacity ? pool->chunk_capacity * 2 : 8;
                pool->chunks = dure_core_grow(pool->chunks, sizeof *pool->chunks, pool->chunk_capacity);
            }
            pool->chunks[pool->chunk_count++] = dure_core_lines(pool->size, DURE_POOL_CHUNK);
        }
    }
    pool->count++;
    return index;
}

void dure_pool_give(struct dure_pool *pool, uint32_t index)
{
    DURE_ASSERT(pool->count && index < pool->top);
    memcpy(dure_pool_at(pool, index), &pool->free_first, sizeof pool->free_first);
    pool->free_first = index;
    pool->count--;
}
