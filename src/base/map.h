#pragma once
/* u64 -> u64 open-addressing map. Its order is never observable (no iteration), so it may be used in the core. Not thread-safe. */
#include <stdbool.h>
#include <stdint.h>

struct dure_map {
    uint64_t *slots; /* pairs; key UINT64_MAX is reserved and must not be used */
    uint64_t count;
    uint64_t capacity; /* a power of two, or 0 */
};

void dure_map_release(struct dure_map *map);
bool dure_map_get(const struct dure_map *map, uint64_t key, uint64_t *ret_value);
bool dure_map_put(struct dure_map *map, uint64_t key, uint64_t value); /* false: out of memory */
/* The value of a key, which is put there with `initial` if it is not; valid until the next put or remove. NULL: out of memory. */
uint64_t *dure_map_at(struct dure_map *map, uint64_t key, uint64_t initial);
bool dure_map_remove(struct dure_map *map, uint64_t key);              /* false: was not there */
