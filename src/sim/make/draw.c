#include "sim/make/draw.h"

__extension__ typedef unsigned __int128 wide;

enum { LOG_BITS = 24 };
static const uint64_t ln2_q32 = UINT64_C(2977044472); /* ln 2 */

uint64_t dure_draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 (S. Vigna) */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t dure_draw_below(uint64_t *state, uint64_t bound)
{
    return (uint64_t)((wide)dure_draw(state) * bound >> 64);
}

uint64_t dure_log2_q32(uint64_t value)
{
    const unsigned high = 63 - (unsigned)__builtin_clzll(value | 1);
    uint64_t mantissa = value << (63 - high); /* 1..2 in 2^-63 */
    uint64_t log = (uint64_t)high << 32;
    for (unsigned bit = 1; bit <= LOG_BITS; bit++) {
        const wide square = (wide)mantissa * mantissa; /* 1..4 in 2^-126 */
        const unsigned over = (unsigned)(square >> 127);
        mantissa = (uint64_t)(square >> (63 + over));
        log |= (uint64_t)over << (32 - bit);
    }
    return log;
}

uint64_t dure_draw_exponential(uint64_t *state, uint64_t mean)
{
    const uint64_t logs = (UINT64_C(64) << 32) - dure_log2_q32(dure_draw(state) | 1); /* -log2 of a part of 1 */
    return (uint64_t)((((wide)logs * ln2_q32) >> 32) * mean >> 32);
}
