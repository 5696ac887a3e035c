/* Tree, tiles and proofs against the definitions of RFC 6962 §2.1, written down naively. What must die: a wrong split point, a tile handed out twice or late, a proof
 * that verifies for another leaf, index, size or root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/merkle.h"
#include "journal/proof.h"
#include "kit.h"
#include "tap.h"

enum { LEAVES = 70000 };

static struct dure_error error;
static uint8_t (*leaf_hash)[32];

/* MTH(D[lo:hi]). */
static void naive_root(uint64_t lo, uint64_t hi, uint8_t ret[32])
{
    if (hi - lo == 1) {
        memcpy(ret, leaf_hash[lo], 32);
        return;
    }
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    uint8_t left[32], right[32];
    naive_root(lo, lo + k, left);
    naive_root(lo + k, hi, right);
    dure_merkle_node(left, right, ret);
}

/* PATH(m, D[lo:hi]). */
static unsigned naive_path(uint64_t m, uint64_t lo, uint64_t hi, uint8_t (*ret)[32])
{
    if (hi - lo == 1)
        return 0;
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    unsigned count;
    if (m < k) {
        count = naive_path(m, lo, lo + k, ret);
        naive_root(lo + k, hi, ret[count]);
    } else {
        count = naive_path(m - k, lo + k, hi, ret);
        naive_root(lo, lo + k, ret[count]);
    }
    return count + 1;
}

/* SUBPROOF(m, D[lo:hi], b). */
static unsigned naive_subproof(uint64_t m, uint64_t lo, uint64_t hi, bool b, uint8_t (*ret)[32])
{
    if (m == hi - lo) {
        if (b)
            return 0;
        naive_root(lo, hi, ret[0]);
        return 1;
    }
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    unsigned count;
    if (m <= k) {
        count = naive_subproof(m, lo, lo + k, b, ret);
        naive_root(lo + k, hi, ret[count]);
    } else {
        count = naive_subproof(m - k, lo + k, hi, false, ret);
        naive_root(lo, lo + k, ret[count]);
    }
    return count + 1;
}

static void known_answers(void)
{
    /* The tree of the entries "", 00, 10, 2021, 3031, 40414243 and so on, the test vector that the Certificate Transparency implementations share. */
    static const struct {
        const char *bytes;
        size_t length;
    } entry[8] = {{"", 0},
                  {"\x00", 1},
                  {"\x10", 1},
                  {"\x20\x21", 2},
                  {"\x30\x31", 2},
                  {"\x40\x41\x42\x43", 4},
                  {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
                  {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
    static const char *const roots[8] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    struct dure_frontier frontier = {0};
    for (unsigned i = 0; i < 8; i++) {
        uint8_t hash[32], root[32];
        char hex[65];
        dure_merkle_leaf(entry[i].bytes, entry[i].length, hash);
        dure_frontier_add(&frontier, hash);
        dure_frontier_root(&frontier, root);
        for (unsigned k = 0; k < 32; k++)
            snprintf(hex + 2 * k, 3, "%02x", root[k]);
        TAP_EQ_STR(hex, roots[i], "the known root of %u entries", i + 1);
    }
}

static void every_small_tree(void)
{
    unsigned wrong = 0, forged = 0;
    for (uint64_t size = 1; size <= 70; size++) {
        uint8_t root[32], path[130][32], old_root[32];
        naive_root(0, size, root);
        for (uint64_t m = 0; m < size; m++) {
            const unsigned count = naive_path(m, 0, size, path);
            const uint8_t(*p)[32] = (const uint8_t(*)[32])path;
            wrong += !dure_merkle_inclusion_ok(m, size, leaf_hash[m], p, count, root);
            forged += dure_merkle_inclusion_ok(m, size, leaf_hash[m + 1], p, count, root);
            forged += size > 1 && dure_merkle_inclusion_ok(m ? m - 1 : m + 1, size, leaf_hash[m], p, count, root);
            forged += count && dure_merkle_inclusion_ok(m, size, leaf_hash[m], p, count - 1, root);
            forged += dure_merkle_inclusion_ok(m, size, leaf_hash[m], p, count + 1, root);
            naive_root(0, m + 1, old_root);
            const unsigned steps = m + 1 < size ? naive_subproof(m + 1, 0, size, true, path) : 0;
            wrong += !dure_merkle_consistency_ok(m + 1, size, old_root, root, p, steps);
            forged += dure_merkle_consistency_ok(m + 1, size, leaf_hash[69], root, p, steps);
            forged += steps && dure_merkle_consistency_ok(m + 1, size, old_root, root, p, steps - 1);
            forged += dure_merkle_consistency_ok(m + 1, size, old_root, root, p, steps + 1);
        }
    }
    TAP_EQ_INT(wrong, 0, "every inclusion and consistency proof up to 70 leaves holds");
    TAP_EQ_INT(forged, 0, "and none for another leaf, index, length or root");
    TAP_OK(dure_merkle_consistency_ok(0, 5, leaf_hash[0], leaf_hash[1], NULL, 0), "any tree begins with the empty one");
    TAP_OK(!dure_merkle_consistency_ok(6, 5, leaf_hash[0], leaf_hash[0], NULL, 0), "no tree begins with a larger one");
    TAP_OK(!dure_merkle_inclusion_ok(5, 5, leaf_hash[0], NULL, 0, leaf_hash[0]), "no index beyond the tree");
}

static void from_the_store(struct dure_journal *journal, const uint8_t key[32])
{
    uint64_t seed = tap_seed(77);
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    unsigned wrong = 0, forged = 0;
    struct dure_buf proof;
    dure_buf_init(&proof, DURE_PROOF_MAX);
    for (unsigned i = 0; i < 60; i++) {
        const uint64_t m = i == 0 ? 0 : i == 1 ? head.size - 1 : tap_random_below(&seed, head.size);
        uint8_t leaf[256];
        const size_t length = kit_leaf(m, leaf);
        struct dure_checkpoint checkpoint;
        uint64_t index = 0;
        dure_buf_clear(&proof);
        if (dure_journal_proof(journal, m, &proof, &error) ||
            dure_proof_verify(proof.data, proof.length, leaf, length, key, &checkpoint, &index, &error) || index != m ||
            checkpoint.size != head.size) {
            tap_diag("leaf %llu: %s", (unsigned long long)m, error.text);
            wrong++;
        }
        leaf[3] ^= 1;
        forged += !dure_proof_verify(proof.data, proof.length, leaf, length, key, &checkpoint, &index, &error);
    }
    TAP_EQ_INT(wrong, 0, "proofs from the tiles of %llu leaves verify as text", (unsigned long long)head.size);
    TAP_EQ_INT(forged, 0, "and not for a changed leaf");
    for (unsigned i = 0; i < 60; i++) {
        struct dure_checkpoint old = {.origin = "example.kr/dure",
                                      .size = i == 0   ? 0
                                              : i == 1 ? head.size
                                                       : tap_random_below(&seed, head.size) + 1},
                               now;
        if (old.size)
            naive_root(0, old.size, old.root);
        dure_buf_clear(&proof);
        if (dure_journal_consistency(journal, old.size, &proof, &error) ||
            dure_consistency_verify(proof.data, proof.length, &old, key, &now, &error) || now.size != head.size) {
            tap_diag("from %llu: %s", (unsigned long long)old.size, error.text);
            wrong++;
        }
        old.root[0] ^= 1;
        forged += old.size && !dure_consistency_verify(proof.data, proof.length, &old, key, &now, &error);
    }
    TAP_EQ_INT(wrong, 0, "consistency with any earlier size");
    TAP_EQ_INT(forged, 0, "and not with another root");
    TAP_HAS(error.text, "rewritten", "which is said plainly");
    TAP_EQ_INT(dure_journal_proof(journal, head.size, &proof, &error), DURE_E_NOT_FOUND, "no proof beyond the head");
    TAP_EQ_INT(dure_journal_consistency(journal, head.size + 1, &proof, &error), DURE_E_NOT_FOUND,
               "nor from beyond it");
    dure_buf_release(&proof);
}

static void tiles(struct dure_journal *journal)
{
    struct dure_journal_head head;
    struct dure_buf tile;
    dure_journal_head(journal, &head);
    dure_buf_init(&tile, 1 << 25);
    unsigned wrong = 0;
    for (unsigned level = 0; level < 3; level++) {
        const uint64_t entries = head.size >> (8 * level), each = UINT64_C(1) << (8 * level);
        for (uint64_t first = 0; first < entries; first += 256) {
            const unsigned width = entries - first < 256 ? (unsigned)(entries - first) : 256;
            dure_buf_clear(&tile);
            if (dure_journal_tile(journal, (int)level, first / 256, width, &tile, &error) ||
                tile.length != width * 32) {
                wrong++;
                continue;
            }
            for (unsigned i = 0; i < width; i += level ? 1 : 37) {
                uint8_t hash[32];
                naive_root((first + i) * each, (first + i + 1) * each, hash);
                wrong += memcmp(tile.data + 32 * i, hash, 32) != 0;
            }
        }
    }
    TAP_EQ_INT(wrong, 0, "every tile of three levels holds the hashes of the definition");
    const uint64_t last = head.size / 256;
    const unsigned width = (unsigned)(head.size % 256);
    TAP_EQ_INT(dure_journal_tile(journal, 0, last, width + 1, &tile, &error), DURE_E_NOT_FOUND,
               "a partial tile wider than the head");
    TAP_EQ_INT(dure_journal_tile(journal, 0, last + 1, 1, &tile, &error), DURE_E_NOT_FOUND, "a tile beyond the head");
    TAP_EQ_INT(dure_journal_tile(journal, 3, 0, 1, &tile, &error), DURE_E_NOT_FOUND,
               "a level without a full tile below it");
    TAP_EQ_INT(dure_journal_tile(journal, 8, 0, 1, &tile, &error), DURE_E_INVALID, "no such level");
    TAP_EQ_INT(dure_journal_tile(journal, -2, 0, 1, &tile, &error), DURE_E_INVALID, "no such level");
    TAP_EQ_INT(dure_journal_tile(journal, 0, 0, 0, &tile, &error), DURE_E_INVALID, "no width");
    TAP_EQ_INT(dure_journal_tile(journal, 0, 0, 257, &tile, &error), DURE_E_INVALID, "too wide");
    dure_buf_clear(&tile);
    TAP_EQ_INT(dure_journal_tile(journal, -1, 3, 256, &tile, &error), DURE_OK, "an entry bundle");
    size_t at = 0;
    for (uint64_t sequence = 768; sequence < 1024; sequence++) {
        uint8_t leaf[256];
        const size_t length = kit_leaf(sequence, leaf),
                     stated =
                         at + 2 <= tile.length ? (size_t)(uint8_t)tile.data[at] << 8 | (uint8_t)tile.data[at + 1] : 0;
        wrong += stated != length || at + 2 + length > tile.length || memcmp(tile.data + at + 2, leaf, length) != 0;
        at += 2 + length;
    }
    TAP_OK(!wrong && at == tile.length, "is 256 times a 16-bit length and a leaf");
    dure_buf_release(&tile);
    dure_buf_init(&tile, 100);
    TAP_EQ_INT(dure_journal_tile(journal, 0, 0, 256, &tile, &error), DURE_E_LIMIT, "a buffer too small");
    dure_buf_release(&tile);
}

static void bad_proofs(const uint8_t key[32])
{
    static const char *const bad[] = {"",
                                      "c2sp.org/tlog-proof@v2\nindex 0\n\n",
                                      "c2sp.org/tlog-proof@v1\n",
                                      "c2sp.org/tlog-proof@v1\nindex 01\n\n",
                                      "c2sp.org/tlog-proof@v1\nindex x\n\n",
                                      "c2sp.org/tlog-proof@v1\nindex 99999999999999999999\n\n",
                                      "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n",
                                      "c2sp.org/tlog-proof@v1\nindex 1\n",
                                      "c2sp.org/tlog-proof@v1\nextra AAAA",
                                      "c2sp.org/tlog-proof@v1\nindex 1\n\nx\n"};
    struct dure_checkpoint checkpoint;
    uint64_t index;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TAP_EQ_INT(dure_proof_verify(bad[i], strlen(bad[i]), "", 0, key, &checkpoint, &index, &error), DURE_E_CORRUPT,
                   "bad proof %zu: %s", i, error.text);
    const struct dure_checkpoint old = {.origin = "a", .size = 5};
    TAP_EQ_INT(dure_consistency_verify("old 4\n\n", 7, &old, key, &checkpoint, &error), DURE_E_CORRUPT,
               "another old size");
    TAP_EQ_INT(dure_consistency_verify("old 5\nA\n\n", 9, &old, key, &checkpoint, &error), DURE_E_CORRUPT,
               "not a hash");
}

int main(void)
{
    leaf_hash = calloc(LEAVES, 32);
    for (uint64_t i = 0; i < LEAVES; i++) {
        uint8_t leaf[256];
        dure_merkle_leaf(leaf, kit_leaf(i, leaf), leaf_hash[i]);
    }
    known_answers();
    every_small_tree();
    const char *folder = kit_folder("proofs");
    struct dure_journal *journal = kit_open(folder);
    for (uint64_t size = 0; size < LEAVES; size += 7000)
        TAP_EQ_INT(kit_append(journal, 7000, false, &error), DURE_OK, "append");
    uint8_t key[32];
    dure_journal_public_key(journal, key);
    tiles(journal);
    from_the_store(journal, key);
    dure_journal_close(journal);
    journal = kit_open(folder);
    tiles(journal);
    from_the_store(journal, key);
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "everything verifies");
    dure_journal_close(journal);
    bad_proofs(key);
    free(leaf_hash);
    return tap_done();
}
