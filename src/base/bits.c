#include "base/bits.h"

#include <stdlib.h>

#include "base/err.h"

static uint64_t words_for(uint64_t bits)
{
    return bits ? (bits - 1) / 64 + 1 : 1;
}

bool dure_bits_init(struct dure_bits *bits, uint64_t size)
{
    struct dure_bits made = {.size = size};
    uint64_t words = size;
    if (size > UINT64_C(1) << (6 * DURE_BITS_LEVELS))
        return false;
    do {
        words = words_for(words);
        made.level[made.levels] = words > SIZE_MAX / sizeof(uint64_t) ? NULL : calloc((size_t)words, sizeof(uint64_t));
        if (!made.level[made.levels++]) {
            dure_bits_release(&made);
            return false;
        }
    } while (words > 1);
    *bits = made;
    return true;
}

void dure_bits_release(struct dure_bits *bits)
{
    for (unsigned i = 0; i < DURE_BITS_LEVELS; i++)
        free(bits->level[i]);
    *bits = (struct dure_bits){0};
}

void dure_bits_raise(struct dure_bits *bits, uint64_t word)
{
    for (unsigned k = 1; k < bits->levels; k++) {
        uint64_t *above = &bits->level[k][word / 64];
        const bool was_zero = !*above;
        *above |= UINT64_C(1) << (word % 64);
        if (!was_zero)
            return;
        word /= 64;
    }
}

void dure_bits_lower(struct dure_bits *bits, uint64_t word)
{
    for (unsigned k = 1; k < bits->levels; k++) {
        uint64_t *above = &bits->level[k][word / 64];
        *above &= ~(UINT64_C(1) << (word % 64));
        if (*above)
            return;
        word /= 64;
    }
}

void dure_bits_put_range(struct dure_bits *bits, uint64_t first, uint64_t count, bool on)
{
    DURE_ASSERT(first <= bits->size && count <= bits->size - first);
    uint64_t from = first, to = first + count; /* of level k */
    for (unsigned k = 0; k < bits->levels && from < to; k++) {
        uint64_t *words = bits->level[k];
        const uint64_t low = from / 64, high = (to - 1) / 64;
        for (uint64_t at = low; at <= high; at++) {
            const uint64_t above = at == low ? UINT64_MAX << (from % 64) : UINT64_MAX;
            const uint64_t mask = at == high ? above & UINT64_MAX >> (63 - (to - 1) % 64) : above;
            const uint64_t changed = on ? mask & ~words[at] : mask & words[at];
            words[at] ^= changed;
            if (k == 0 && changed)
                bits->count +=
                    on ? (uint64_t)__builtin_popcountll(changed) : 0 - (uint64_t)__builtin_popcountll(changed);
        }
        /* Only words at the ends can still hold other bits. */
        from = low + (!on && words[low]);
        to = high + 1 - (!on && words[high]);
    }
}

uint64_t dure_bits_after(const struct dure_bits *bits, uint64_t from)
{
    if (from >= bits->size)
        return UINT64_MAX;
    uint64_t words = words_for(bits->size); /* of level k */
    uint64_t index = from;                  /* a bit of level k */
    for (unsigned k = 0; k < bits->levels; k++, words = words_for(words)) {
        const uint64_t at = index / 64;
        if (at >= words)
            return UINT64_MAX;
        const uint64_t rest = bits->level[k][at] & (UINT64_MAX << (index % 64));
        if (!rest) {
            index = at + 1;
            continue;
        }
        index = at * 64 + (uint64_t)__builtin_ctzll(rest);
        while (k-- > 0)
            index = index * 64 + (uint64_t)__builtin_ctzll(bits->level[k][index]);
        return index;
    }
    return UINT64_MAX;
}
