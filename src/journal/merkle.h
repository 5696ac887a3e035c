#pragma once
/* RFC 6962 hashing: leaf = SHA-256(0x00 || entry), node = SHA-256(0x01 || left || right). A frontier holds the right edge of a growing tree.
 * Pure but for OpenSSL's digests (prefetched once). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DURE_HASH_BYTES = 32, DURE_FRONTIER_MAX = 64 };

struct dure_frontier {
    uint64_t size;
    uint8_t node[DURE_FRONTIER_MAX]
                [DURE_HASH_BYTES]; /* node[k]: the complete subtree of 2^k leaves, when bit k of size is set */
};

void dure_merkle_leaf(const void *entry, size_t length, uint8_t ret_hash[DURE_HASH_BYTES]);
void dure_merkle_node(const uint8_t left[DURE_HASH_BYTES], const uint8_t right[DURE_HASH_BYTES],
                      uint8_t ret_hash[DURE_HASH_BYTES]);
void dure_frontier_add(struct dure_frontier *frontier, const uint8_t leaf_hash[DURE_HASH_BYTES]);
void dure_frontier_root(const struct dure_frontier *frontier,
                        uint8_t ret_root[DURE_HASH_BYTES]); /* empty tree: SHA-256("") */
bool dure_merkle_inclusion_ok(uint64_t index, uint64_t size, const uint8_t leaf_hash[DURE_HASH_BYTES],
                              const uint8_t (*path)[DURE_HASH_BYTES], unsigned path_length,
                              const uint8_t root[DURE_HASH_BYTES]);
/* `size` ≥ `old_size` and the larger tree begins with the smaller one. An empty old tree is a prefix of any. */
bool dure_merkle_consistency_ok(uint64_t old_size, uint64_t size, const uint8_t old_root[DURE_HASH_BYTES],
                                const uint8_t root[DURE_HASH_BYTES], const uint8_t (*path)[DURE_HASH_BYTES],
                                unsigned path_length);
/* The root of a complete subtree of `count` (a power of two) hashes; overwrites them. */
void dure_merkle_fold(uint8_t (*hashes)[DURE_HASH_BYTES], size_t count, uint8_t ret_root[DURE_HASH_BYTES]);
