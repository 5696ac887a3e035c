#pragma once
/* A hierarchical bitmap: set, clear, test and find-first-at-or-after in O(log64 n). For free lists whose order is by id. */
#include <stdbool.h>
#include <stdint.h>

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
bool dure_bits_test(const struct dure_bits *bits, uint64_t index);
void dure_bits_set(struct dure_bits *bits, uint64_t index);
void dure_bits_clear(struct dure_bits *bits, uint64_t index);
void dure_bits_put_range(struct dure_bits *bits, uint64_t first, uint64_t count, bool on); /* O(count / 64 + log64 n) */
uint64_t dure_bits_first(const struct dure_bits *bits, uint64_t from);                     /* UINT64_MAX: none */
