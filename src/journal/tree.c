#include "journal/tree.h"

#include <string.h>

bool dure_tiling_add(struct dure_tiling *tree, const uint8_t leaf_hash[DURE_HASH_BYTES], dure_tile_fn tile,
                     void *context)
{
    struct dure_frontier *frontier = &tree->frontier;
    const uint64_t size = frontier->size;
    uint8_t hash[DURE_HASH_BYTES];
    unsigned height = 0;
    memcpy(hash, leaf_hash, sizeof hash);
    for (;; height++) {
        /* A hash at a height divisible by 8 is an entry of a tile. */
        if (height % DURE_TILE_BITS == 0 && height / DURE_TILE_BITS < DURE_TILE_LEVELS) {
            const unsigned level = height / DURE_TILE_BITS, at = dure_tiling_width(size, level);
            memcpy(tree->edge[level][at], hash, sizeof hash);
            if (at == DURE_TILE_HASHES - 1 && !tile(context, level, size >> (DURE_TILE_BITS * (level + 1)),
                                                    (const uint8_t(*)[DURE_HASH_BYTES])tree->edge[level]))
                return false;
        }
        if (!(size >> height & 1))
            break;
        dure_merkle_node(frontier->node[height], hash, hash);
    }
    memcpy(frontier->node[height], hash, sizeof hash);
    frontier->size++;
    return true;
}

void dure_tiling_copy(struct dure_tiling *to, const struct dure_tiling *from)
{
    to->frontier = from->frontier;
    for (unsigned level = 0; level < DURE_TILE_LEVELS; level++)
        memcpy(to->edge[level], from->edge[level],
               dure_tiling_width(from->frontier.size, level) * (size_t)DURE_HASH_BYTES);
}

void dure_tiling_seal(struct dure_tiling *tree, uint64_t size)
{
    tree->frontier.size = size;
    for (unsigned level = 0; level < DURE_TILE_LEVELS; level++) {
        const unsigned width = dure_tiling_width(size, level);
        for (unsigned bit = 0; bit < DURE_TILE_BITS; bit++) {
            if (!(width >> bit & 1))
                continue;
            uint8_t part[DURE_TILE_HASHES / 2][DURE_HASH_BYTES];
            const size_t count = (size_t)1 << bit, first = (size_t)(width >> (bit + 1)) << (bit + 1);
            memcpy(part, tree->edge[level][first], count * DURE_HASH_BYTES);
            dure_merkle_fold(part, count, tree->frontier.node[level * DURE_TILE_BITS + bit]);
        }
    }
}
