#include <string.h>

#include "base/hash.h"
#include "tap.h"

static bool same(struct dure_digest a, struct dure_digest b)
{
    return a.lane[0] == b.lane[0] && a.lane[1] == b.lane[1];
}

/* The published vectors of MurmurHash3_x64_128 with seed 0. */
static void known_vectors(void)
{
    struct dure_digest got = dure_hash128(0, "The quick brown fox jumps over the lazy dog", 43);
    TAP_EQ_UINT(got.lane[0], UINT64_C(0xe34bbc7bbc071b6c), "the fox, first lane");
    TAP_EQ_UINT(got.lane[1], UINT64_C(0x7a433ca9c49a9347), "the fox, second lane");
    got = dure_hash128(0, "hello", 5);
    TAP_EQ_UINT(got.lane[0], UINT64_C(0xcbd8a7b341bd9b02), "hello, first lane");
    TAP_EQ_UINT(got.lane[1], UINT64_C(0x5b1e906a48ae1d19), "hello, second lane");
    got = dure_hash128(0, NULL, 0);
    TAP_EQ_UINT(got.lane[0] | got.lane[1], 0, "nothing under domain 0 is zero");
    TAP_OK(!same(dure_hash128(1, NULL, 0), (struct dure_digest){{0, 0}}), "nothing under another domain is not");
}

static void every_byte_counts(void)
{
    uint8_t bytes[64];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    bool flips = true, lengths = true, aligned = true;
    for (size_t length = 1; length <= sizeof bytes; length++) {
        const struct dure_digest whole = dure_hash128(9, bytes, length);
        lengths = lengths && !same(whole, dure_hash128(9, bytes, length - 1));
        uint8_t moved[sizeof bytes + 1];
        memcpy(moved + 1, bytes, length);
        aligned = aligned && same(whole, dure_hash128(9, moved + 1, length));
        for (size_t bit = 0; bit < length * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            flips = flips && !same(whole, dure_hash128(9, bytes, length));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    TAP_OK(flips, "any flipped bit changes the hash");
    TAP_OK(lengths, "so does the length");
    TAP_OK(aligned, "the address does not");
    TAP_OK(!same(dure_hash128(1, "x", 1), dure_hash128(2, "x", 1)), "nor do two domains agree");
    TAP_OK(!same(dure_hash128(1, "\0", 1), dure_hash128(1, "\0\0", 2)), "zero bytes are not padding");
}

static void sums_take_any_order(void)
{
    struct dure_digest sum = {{0, 0}}, other = {{0, 0}};
    for (uint64_t i = 0; i < 100; i++)
        dure_digest_add(&sum, dure_hash128(1, &i, sizeof i));
    for (uint64_t i = 100; i-- > 0;)
        dure_digest_add(&other, dure_hash128(1, &i, sizeof i));
    TAP_OK(same(sum, other), "the sum does not know the order");
    const uint64_t gone = 50;
    dure_digest_sub(&sum, dure_hash128(1, &gone, sizeof gone));
    TAP_OK(!same(sum, other), "taking one away changes it");
    dure_digest_add(&sum, dure_hash128(1, &gone, sizeof gone));
    TAP_OK(same(sum, other), "putting it back restores it");
    struct dure_digest wrap = {{UINT64_MAX, 1}};
    dure_digest_add(&wrap, (struct dure_digest){{2, UINT64_MAX}});
    TAP_OK(wrap.lane[0] == 1 && wrap.lane[1] == 0, "lanes wrap without a carry between them");
}

static void hash64_is_a_permutation(void)
{
    TAP_EQ_UINT(dure_hash64(0), 0, "zero stays");
    TAP_EQ_UINT(dure_hash64(1), UINT64_C(0xb456bcfc34c2cb2c), "one as the original has it");
}

/* Every bit of every word reaches both lanes, about half of whose bits turn over. */
static void words_are_mixed(void)
{
    uint64_t words[23];
    uint64_t turned = 0, tries = 0, least = 64;
    bool lengths = true;
    for (unsigned i = 0; i < 23; i++)
        words[i] = i % 3 ? i * UINT64_C(0x100000001) : 0;
    for (size_t count = 1; count <= 23; count++) {
        const struct dure_digest whole = dure_hash_words(9, words, count);
        lengths = lengths && !same(whole, dure_hash_words(9, words, count - 1));
        for (size_t bit = 0; bit < count * 64; bit++) {
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
            const struct dure_digest other = dure_hash_words(9, words, count);
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
            for (unsigned lane = 0; lane < 2; lane++) {
                const uint64_t here = (uint64_t)__builtin_popcountll(whole.lane[lane] ^ other.lane[lane]);
                turned += here;
                least = here < least ? here : least;
                tries++;
            }
        }
    }
    TAP_OK(turned > tries * 31 && turned < tries * 33, "a flipped bit turns half of a lane on average");
    TAP_OK(least > 4, "and never almost nothing of it");
    TAP_OK(lengths, "a zero word more changes the hash");
    TAP_OK(!same(dure_hash_words(1, words, 5), dure_hash_words(2, words, 5)), "so does the domain");
    const uint64_t swapped[2] = {words[2], words[1]};
    TAP_OK(!same(dure_hash_words(1, words + 1, 2), dure_hash_words(1, swapped, 2)), "and the order");
}

int main(void)
{
    words_are_mixed();
    known_vectors();
    every_byte_counts();
    sums_take_any_order();
    hash64_is_a_permutation();
    return tap_done();
}
