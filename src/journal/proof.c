#include <inttypes.h>
#include <string.h>

#include "journal/base64.h"
#include "journal/inner.h"
#include "journal/proof.h"

/* The largest power of two below n (n > 1), as its exponent: where RFC 6962 splits. */
static unsigned split(uint64_t n)
{
    return 63u - (unsigned)__builtin_clzll(n - 1);
}

/* MTH of leaves lo..hi-1, lo being where a complete subtree may begin: the complete subtrees from the right, folded. */
static enum dure_err range_hash(struct dure_journal *journal, uint64_t lo, uint64_t hi,
                                uint8_t ret_hash[DURE_HASH_BYTES], struct dure_error *error)
{
    uint8_t part[64][DURE_HASH_BYTES];
    unsigned count = 0;
    while (lo < hi) {
        const unsigned height = 63u - (unsigned)__builtin_clzll(hi - lo);
        const enum dure_err err = dure_tile_node(journal, height, lo >> height, part[count++], error);
        if (err)
            return err;
        lo += UINT64_C(1) << height;
    }
    for (; count > 1; count--)
        dure_merkle_node(part[count - 2], part[count - 1], part[count - 2]);
    memcpy(ret_hash, part[0], DURE_HASH_BYTES);
    return DURE_OK;
}

enum dure_err dure_root_at(struct dure_journal *journal, uint64_t size, uint8_t ret_root[DURE_HASH_BYTES],
                           struct dure_error *error)
{
    DURE_ASSERT(size <= journal->head.size);
    if (size)
        return range_hash(journal, 0, size, ret_root, error);
    const struct dure_frontier empty = {0};
    dure_frontier_root(&empty, ret_root);
    return DURE_OK;
}

struct path {
    uint8_t hash[DURE_PATH_MAX][DURE_HASH_BYTES]; /* from the root down; printed the other way round */
    unsigned count;
};

/* RFC 6962 §2.1.1: the siblings met on the way down to leaf `index`. */
static enum dure_err inclusion_path(struct dure_journal *journal, uint64_t index, struct path *path,
                                    struct dure_error *error)
{
    uint64_t lo = 0, hi = journal->head.size;
    while (hi - lo > 1) {
        const uint64_t middle = lo + (UINT64_C(1) << split(hi - lo));
        const bool left = index < middle;
        const enum dure_err err =
            range_hash(journal, left ? middle : lo, left ? hi : middle, path->hash[path->count++], error);
        if (err)
            return err;
        if (left)
            hi = middle;
        else
            lo = middle;
    }
    return DURE_OK;
}

/* RFC 6962 §2.1.2. */
static enum dure_err consistency_path(struct dure_journal *journal, uint64_t old_size, struct path *path,
                                      struct dure_error *error)
{
    uint64_t lo = 0, hi = journal->head.size;
    if (!old_size || old_size == hi)
        return DURE_OK;
    while (old_size < hi) {
        const uint64_t middle = lo + (UINT64_C(1) << split(hi - lo));
        const bool left = old_size <= middle;
        const enum dure_err err =
            range_hash(journal, left ? middle : lo, left ? hi : middle, path->hash[path->count++], error);
        if (err)
            return err;
        if (left)
            hi = middle;
        else
            lo = middle;
    }
    /* The old tree's last part is stated, except when it is the whole old tree, which the verifier knows. */
    return lo ? range_hash(journal, lo, hi, path->hash[path->count++], error) : DURE_OK;
}

static enum dure_err print(struct dure_journal *journal, const struct path *path, struct dure_buf *proof,
                           struct dure_error *error)
{
    for (unsigned i = path->count; i--;) {
        dure_base64_add(proof, path->hash[i], DURE_HASH_BYTES);
        dure_buf_byte(proof, '\n');
    }
    dure_buf_byte(proof, '\n');
    const enum dure_err err = dure_journal_checkpoint(journal, proof, error);
    if (err)
        return err;
    return proof->failed ? dure_fail(error, DURE_E_LIMIT, "the proof is longer than %zu bytes", proof->max) : DURE_OK;
}

enum dure_err dure_journal_proof(struct dure_journal *journal, uint64_t sequence, struct dure_buf *ret_proof,
                                 struct dure_error *error)
{
    if (sequence >= journal->head.size)
        return dure_fail(error, DURE_E_NOT_FOUND, "leaf %" PRIu64 ": the log has %" PRIu64 " leaves", sequence,
                         journal->head.size);
    struct path path = {.count = 0};
    const enum dure_err err = inclusion_path(journal, sequence, &path, error);
    if (err)
        return err;
    dure_buf_printf(ret_proof, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", sequence);
    return print(journal, &path, ret_proof, error);
}

enum dure_err dure_journal_consistency(struct dure_journal *journal, uint64_t old_size, struct dure_buf *ret_proof,
                                       struct dure_error *error)
{
    if (old_size > journal->head.size)
        return dure_fail(error, DURE_E_NOT_FOUND, "size %" PRIu64 ": the log has %" PRIu64 " leaves", old_size,
                         journal->head.size);
    struct path path = {.count = 0};
    const enum dure_err err = consistency_path(journal, old_size, &path, error);
    if (err)
        return err;
    dure_buf_printf(ret_proof, "old %" PRIu64 "\n", old_size);
    return print(journal, &path, ret_proof, error);
}
