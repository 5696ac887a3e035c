#pragma once
/* The right edge of the log's tree: the frontier, and at each level of tiles (C2SP tlog-tiles, 256 hashes a tile) the hashes of the tile that is
 * not full yet. A full tile is handed out once, when its last hash arrives; what is left of it here is its root, one level higher.
 * Pure; copied whole before a batch, so that a failed transaction leaves no trace. */
#include <stdbool.h>
#include <stdint.h>

#include "journal/merkle.h"

enum { DURE_TILE_HASHES = 256, DURE_TILE_BITS = 8, DURE_TILE_LEVELS = 8 };

struct dure_tiling {
    struct dure_frontier frontier;
    uint8_t edge[DURE_TILE_LEVELS][DURE_TILE_HASHES]
                [DURE_HASH_BYTES]; /* edge[l]: the first dure_tiling_width(l) are valid */
};

/* A full tile; false stops the addition (the tree is then of no use). */
typedef bool (*dure_tile_fn)(void *context, unsigned level, uint64_t index, const uint8_t (*hashes)[DURE_HASH_BYTES]);

/* Hashes in the unfinished tile of a level: 0..255. */
static inline unsigned dure_tiling_width(uint64_t size, unsigned level)
{
    return (unsigned)(size >> (DURE_TILE_BITS * level)) & (DURE_TILE_HASHES - 1);
}

bool dure_tiling_add(struct dure_tiling *tree, const uint8_t leaf_hash[DURE_HASH_BYTES], dure_tile_fn tile,
                     void *context);
void dure_tiling_copy(struct dure_tiling *to, const struct dure_tiling *from);
/* After the edge of every level has been filled in for `size`: computes the frontier from it. */
void dure_tiling_seal(struct dure_tiling *tree, uint64_t size);
