#include "base/hash.h"

#include <string.h>

/* MurmurHash3_x64_128 (Austin Appleby, public domain), with the domain as a 64-bit seed and bytes read little-endian. */

static uint64_t rotl(uint64_t x, unsigned r)
{
    return x << r | x >> (64 - r);
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static const uint64_t c1 = UINT64_C(0x87c37b91114253d5);
static const uint64_t c2 = UINT64_C(0x4cf5ad432745937f);

static uint64_t mix1(uint64_t k)
{
    return rotl(k * c1, 31) * c2;
}

static uint64_t mix2(uint64_t k)
{
    return rotl(k * c2, 33) * c1;
}

uint64_t dure_hash64(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

struct dure_digest dure_hash128(uint64_t domain, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t h1 = domain, h2 = domain;
    for (size_t left = length; left >= 16; left -= 16, at += 16) {
        h1 ^= mix1(load64(at));
        h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= mix2(load64(at + 8));
        h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    uint8_t tail[16] = {0};
    if (length % 16)
        memcpy(tail, at, length % 16);
    h2 ^= mix2(load64(tail + 8)); /* zero bytes mix to zero, as in the original's switch */
    h1 ^= mix1(load64(tail));
    h1 ^= length;
    h2 ^= length;
    h1 += h2;
    h2 += h1;
    h1 = dure_hash64(h1);
    h2 = dure_hash64(h2);
    h1 += h2;
    h2 += h1;
    return (struct dure_digest){{h1, h2}};
}
