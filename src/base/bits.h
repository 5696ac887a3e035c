#pragma once
/* A hierarchical bitmap: set, clear, test and find-first-at-or-after in O(log64 n). For free lists whose order is by id. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { DURE_BITS_LEVELS = 6 };

struct dure_bits {
    uint64_t
        *level[DURE_BITS_LEVELS]; /* level[0] = the bits themselves; level[k+1] bit i = word i of level k nonzero */
    uint64_t size;
    unsigned levels;
    uint64_t count; /* bits set */
};

bool dure_bits_init(struct dure_bits *bits, uint64_t size); /* false: out of memory, or over 64^6; 0 is fine */
void dure_bits_release(struct dure_bits *bits);
static inline bool dure_bits_test(const struct dure_bits *bits, uint64_t index)
{
    DURE_ASSERT(index < bits->size);
    return bits->level[0][index / 64] >> (index % 64) & 1;
}

/* A word became non-empty, or empty: what stands above it follows. */
void dure_bits_raise(struct dure_bits *bits, uint64_t word);
void dure_bits_lower(struct dure_bits *bits, uint64_t word);

static inline void dure_bits_set(struct dure_bits *bits, uint64_t index)
{
    DURE_ASSERT(index < bits->size);
    uint64_t *word = &bits->level[0][index / 64];
    const uint64_t was = *word, is = was | UINT64_C(1) << (index % 64);
    bits->count += was != is;
    *word = is;
    if (!was)
        dure_bits_raise(bits, index / 64);
}

static inline void dure_bits_clear(struct dure_bits *bits, uint64_t index)
{
    DURE_ASSERT(index < bits->size);
    uint64_t *word = &bits->level[0][index / 64];
    const uint64_t was = *word, is = was & ~(UINT64_C(1) << (index % 64));
    bits->count -= was != is;
    *word = is;
    if (was && !is)
        dure_bits_lower(bits, index / 64);
}
void dure_bits_put_range(struct dure_bits *bits, uint64_t first, uint64_t count, bool on); /* O(count / 64 + log64 n) */
uint64_t dure_bits_after(const struct dure_bits *bits,
                         uint64_t from); /* as dure_bits_first, by way of the levels above */
/* By a number that mostly is a power of two (leaves of a cell, GPUs of a node): dividing is slow. */
static inline uint32_t dure_bits_divide(uint32_t value, uint32_t by)
{
    return by & (by - 1) ? value / by : value >> __builtin_ctz(by);
}

/* The first set bit at or after `from`; UINT64_MAX: none. */
static inline uint64_t dure_bits_first(const struct dure_bits *bits, uint64_t from)
{
    if (from >= bits->size)
        return UINT64_MAX;
    const uint64_t rest = bits->level[0][from / 64] >> (from % 64);
    return rest ? from + (uint64_t)__builtin_ctzll(rest) : dure_bits_after(bits, from);
}
