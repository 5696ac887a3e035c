#pragma once
/* A fast deterministic 128-bit mix for the incremental digest of the state (not cryptographic: the Merkle tree is). The state's
 * digest is the sum, lane by lane modulo 2^64, of the hash of every entity, so that a change costs one subtract and one add. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dure_digest {
    uint64_t lane[2];
};

struct dure_digest dure_hash128(uint64_t domain, const void *bytes, size_t length); /* little-endian, same everywhere */
static inline void dure_digest_add(struct dure_digest *sum, struct dure_digest term)
{
    sum->lane[0] += term.lane[0];
    sum->lane[1] += term.lane[1];
}
static inline void dure_digest_sub(struct dure_digest *sum, struct dure_digest term)
{
    sum->lane[0] -= term.lane[0];
    sum->lane[1] -= term.lane[1];
}
uint64_t dure_hash64(uint64_t value); /* finaliser for map keys */

/* The same for plain words, several times faster, for the entities of the state. Pairs of words are multiplied and summed (NH, of UMAC: Black et
 * al., CRYPTO 1999), where no step waits for the one before, and the sum is mixed twice. Inline, so that a known count unrolls. */
__extension__ typedef unsigned __int128 dure_wide;

static inline uint64_t dure_hash_fold(uint64_t a, uint64_t b)
{
    const dure_wide product = (dure_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define DURE_HASH_WEYL UINT64_C(0x9e3779b97f4a7c15)
#define DURE_HASH_ODD UINT64_C(0xd1342543de82ef95)

/* Adds the products of `count` words to the sum; the next keys. */
static inline uint64_t dure_hash_pairs(const void *words, size_t count, uint64_t key, dure_wide *sum)
{
    const uint8_t *at = words;
    uint64_t pair[2];
    for (; count >= 2; count -= 2, at += sizeof pair, key += 2 * DURE_HASH_WEYL) {
        memcpy(pair, at, sizeof pair);
        *sum += (dure_wide)(pair[0] + key) * (pair[1] + key + DURE_HASH_WEYL);
    }
    if (count) {
        memcpy(pair, at, sizeof pair[0]);
        *sum += (dure_wide)(pair[0] + key) * (key + DURE_HASH_WEYL);
    }
    return key;
}

static inline struct dure_digest dure_hash_end(dure_wide sum, uint64_t key)
{
    const uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
    return (struct dure_digest){{dure_hash_fold(low ^ key, high ^ DURE_HASH_ODD),
                                 dure_hash_fold(low + DURE_HASH_WEYL, high ^ (key * DURE_HASH_ODD))}};
}

static inline struct dure_digest dure_hash_words(uint64_t domain, const void *words, size_t count)
{
    dure_wide sum = 0;
    const uint64_t key = dure_hash_pairs(words, count, domain * DURE_HASH_ODD + count, &sum);
    return dure_hash_end(sum, key);
}

/* Of words that lie in two places as if they lay in one, after an even number of the first. */
static inline struct dure_digest dure_hash_words_two(uint64_t domain, const void *first, size_t first_count,
                                                     const void *second, size_t second_count)
{
    dure_wide sum = 0;
    uint64_t key = dure_hash_pairs(first, first_count, domain * DURE_HASH_ODD + first_count + second_count, &sum);
    key = dure_hash_pairs(second, second_count, key, &sum);
    return dure_hash_end(sum, key);
}
