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

static inline struct dure_digest dure_hash_words(uint64_t domain, const void *words, size_t count)
{
    static const uint64_t weyl = UINT64_C(0x9e3779b97f4a7c15), odd = UINT64_C(0xd1342543de82ef95);
    const uint8_t *at = words;
    uint64_t key = domain * odd + count;
    dure_wide sum = 0;
    uint64_t pair[2];
    size_t left = count;
    for (; left >= 2; left -= 2, at += sizeof pair, key += 2 * weyl) {
        memcpy(pair, at, sizeof pair);
        sum += (dure_wide)(pair[0] + key) * (pair[1] + key + weyl);
    }
    if (left) {
        memcpy(pair, at, sizeof pair[0]);
        sum += (dure_wide)(pair[0] + key) * (key + weyl);
    }
    const uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
    return (struct dure_digest){
        {dure_hash_fold(low ^ key, high ^ odd), dure_hash_fold(low + weyl, high ^ (key * odd))}};
}
