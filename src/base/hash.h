#pragma once
/* A fast deterministic 128-bit mix for the incremental digest of the state (not cryptographic: the Merkle tree is). The state's
 * digest is the sum, lane by lane modulo 2^64, of the hash of every entity, so that a change costs one subtract and one add. */
#include <stddef.h>
#include <stdint.h>

struct dure_digest {
    uint64_t lane[2];
};

struct dure_digest dure_hash128(uint64_t domain, const void *bytes, size_t length); /* little-endian, same everywhere */
void dure_digest_add(struct dure_digest *sum, struct dure_digest term);
void dure_digest_sub(struct dure_digest *sum, struct dure_digest term);
uint64_t dure_hash64(uint64_t value); /* finaliser for map keys */
