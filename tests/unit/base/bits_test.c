#include <stdlib.h>

#include "base/bits.h"
#include "tap.h"

static void empty_sets(void)
{
    struct dure_bits bits = {0};
    TAP_EQ_UINT(dure_bits_first(&bits, 0), UINT64_MAX, "a set that was never made has nothing");
    TAP_OK(dure_bits_init(&bits, 0), "size 0");
    TAP_EQ_UINT(dure_bits_first(&bits, 0), UINT64_MAX, "has nothing");
    dure_bits_release(&bits);
    dure_bits_release(&bits);
    TAP_OK(!dure_bits_init(&bits, (UINT64_C(1) << 36) + 1), "more than six levels are refused");
    TAP_OK(!dure_bits_init(&bits, UINT64_MAX), "so is the largest number");
    TAP_EQ_UINT(bits.size, 0, "without effect");
}

/* Each size stands at a border of a level: 64, 64^2, 64^3. */
static void borders(void)
{
    static const uint64_t sizes[] = {1, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 262145};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const uint64_t size = sizes[s];
        struct dure_bits bits;
        if (!dure_bits_init(&bits, size))
            tap_bail("out of memory");
        const uint64_t last = size - 1;
        TAP_EQ_UINT(dure_bits_first(&bits, 0), UINT64_MAX, "size %lu: none at first", size);
        dure_bits_set(&bits, last);
        dure_bits_set(&bits, last);
        TAP_EQ_UINT(bits.count, 1, "size %lu: setting twice counts once", size);
        TAP_EQ_UINT(dure_bits_first(&bits, 0), last, "size %lu: the last bit is found from the first", size);
        TAP_EQ_UINT(dure_bits_first(&bits, last), last, "size %lu: and from itself", size);
        TAP_EQ_UINT(dure_bits_first(&bits, size), UINT64_MAX, "size %lu: not from past the end", size);
        TAP_EQ_UINT(dure_bits_first(&bits, UINT64_MAX), UINT64_MAX, "size %lu: nor from far past it", size);
        if (size > 1) {
            dure_bits_set(&bits, 0);
            TAP_EQ_UINT(dure_bits_first(&bits, 1), last, "size %lu: from 1 the first bit is behind", size);
            dure_bits_clear(&bits, 0);
        }
        dure_bits_clear(&bits, last);
        dure_bits_clear(&bits, last);
        TAP_EQ_UINT(bits.count, 0, "size %lu: clearing twice counts once", size);
        TAP_EQ_UINT(dure_bits_first(&bits, 0), UINT64_MAX, "size %lu: none again", size);
        dure_bits_release(&bits);
    }
}

static void agrees_with_an_array(void)
{
    enum { SIZE = 9000 };
    uint64_t seed = tap_seed(42);
    static bool want[SIZE];
    struct dure_bits bits;
    if (!dure_bits_init(&bits, SIZE))
        tap_bail("out of memory");
    bool agrees = true;
    uint64_t count = 0;
    for (int step = 0; step < 20000 && agrees; step++) {
        /* Sparse: most bits are clear, so that searches cross words and levels. */
        const uint64_t index = tap_random_below(&seed, SIZE);
        const bool set = tap_random_below(&seed, 100) < (step % 4000 < 2000 ? 60 : 20);
        count += (uint64_t)set - (uint64_t)want[index];
        want[index] = set;
        if (set)
            dure_bits_set(&bits, index);
        else
            dure_bits_clear(&bits, index);
        const uint64_t from = tap_random_below(&seed, SIZE);
        uint64_t naive = from;
        while (naive < SIZE && !want[naive])
            naive++;
        agrees = dure_bits_first(&bits, from) == (naive < SIZE ? naive : UINT64_MAX) && bits.count == count &&
                 dure_bits_test(&bits, index) == set;
    }
    TAP_OK(agrees, "20,000 random steps agree with a plain array");
    for (uint64_t i = 0; i < SIZE; i++)
        dure_bits_clear(&bits, i);
    TAP_EQ_UINT(dure_bits_first(&bits, 0), UINT64_MAX, "cleared one by one, every level is empty");
    dure_bits_release(&bits);
}

static void ranges_agree_with_single_bits(void)
{
    enum { SIZE = 9000 };
    struct dure_bits ranges, singles;
    uint64_t seed = tap_seed(64);
    if (!dure_bits_init(&ranges, SIZE) || !dure_bits_init(&singles, SIZE))
        tap_bail("out of memory");
    bool agrees = true;
    for (int step = 0; step < 3000 && agrees; step++) {
        const uint64_t first = tap_random_below(&seed, SIZE + 1), most = SIZE - first < 300 ? SIZE - first : 300;
        const uint64_t count = step % 50 ? tap_random_below(&seed, most + 1) : SIZE - first;
        const bool on = tap_random_below(&seed, 2);
        dure_bits_put_range(&ranges, first, count, on);
        for (uint64_t i = first; i < first + count; i++)
            (on ? dure_bits_set : dure_bits_clear)(&singles, i);
        const uint64_t from = tap_random_below(&seed, SIZE);
        agrees = ranges.count == singles.count && dure_bits_first(&ranges, from) == dure_bits_first(&singles, from);
        for (uint64_t w = 0; w < (SIZE + 63) / 64; w++)
            agrees = agrees && ranges.level[0][w] == singles.level[0][w] &&
                     (ranges.level[1][w / 64] >> (w % 64) & 1) == (ranges.level[0][w] != 0);
    }
    TAP_OK(agrees, "3,000 random ranges agree with bits set one by one");
    dure_bits_release(&ranges);
    dure_bits_release(&singles);
}

static void range_past_the_end(void *arg)
{
    dure_bits_put_range(arg, 1, 64, true);
}

static void set_past_the_end(void *arg)
{
    dure_bits_set(arg, 64);
}

static void test_past_the_end(void *arg)
{
    (void)dure_bits_test(arg, UINT64_MAX);
}

int main(void)
{
    struct dure_bits bits;
    empty_sets();
    borders();
    agrees_with_an_array();
    ranges_agree_with_single_bits();
    if (!dure_bits_init(&bits, 64))
        tap_bail("out of memory");
    TAP_ABORTS(set_past_the_end, &bits, "setting past the end is a programmer's error");
    TAP_ABORTS(range_past_the_end, &bits, "so is a range over it");
    TAP_ABORTS(test_past_the_end, &bits, "so is asking");
    dure_bits_release(&bits);
    return tap_done();
}
