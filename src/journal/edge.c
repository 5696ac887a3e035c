#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/inner.h"

static enum dure_err damaged(struct dure_journal *journal, struct dure_error *error, const char *what)
{
    return dure_fail(error, DURE_E_CORRUPT,
                     "%s/journal.db is damaged: %s. Keep the folder as it is (it can show what happened), and restore "
                     "the newest backup into an "
                     "empty one with `dure restore`",
                     journal->directory, what);
}

static struct dure_digest digest_from(const uint8_t bytes[16])
{
    struct dure_digest digest = {{0, 0}};
    for (unsigned i = 0; i < 16; i++)
        digest.lane[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
    return digest;
}

enum dure_err dure_digest_column(sqlite3_stmt *statement, int column, struct dure_digest *ret_digest)
{
    if (sqlite3_column_bytes(statement, column) != 16)
        return DURE_E_CORRUPT;
    *ret_digest = digest_from(sqlite3_column_blob(statement, column));
    return DURE_OK;
}

/* The last row says how long the log is and what its root was. */
static enum dure_err last_row(struct dure_journal *journal, struct dure_journal_head *ret_head,
                              struct dure_error *error)
{
    sqlite3_stmt *last;
    enum dure_err err = dure_sql(journal, DURE_SQL_BUNDLE_LAST, &last, error);
    if (err)
        return err;
    struct dure_journal_head head = {0};
    const int rc = sqlite3_step(last);
    if (rc == SQLITE_ROW) {
        const int64_t first = sqlite3_column_int64(last, 0), count = sqlite3_column_int64(last, 1);
        if (first < 0 || count < 1 || first > INT64_MAX - count || sqlite3_column_bytes(last, 4) != DURE_ROOT_BYTES ||
            dure_digest_column(last, 3, &head.digest)) {
            err = damaged(journal, error, "its last transaction is not whole");
        } else {
            head.size = (uint64_t)(first + count);
            head.time_us = sqlite3_column_int64(last, 2);
            memcpy(head.root, sqlite3_column_blob(last, 4), sizeof head.root);
        }
    } else if (rc == SQLITE_DONE) {
        const struct dure_frontier empty = {0};
        dure_frontier_root(&empty, head.root);
    } else {
        err = dure_sql_fail(journal, rc, "reading the end of the journal", error);
    }
    sqlite3_reset(last);
    if (!err)
        *ret_head = head;
    return err;
}

struct tail {
    struct dure_tiling *tree;
    unsigned count;
};

static bool add_tail(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)sequence;
    struct tail *tail = context;
    dure_merkle_leaf(leaf, length, tail->tree->edge[0][tail->count++]);
    return true;
}

/* An entry of an unfinished tile above level 0 is the root of a full tile below it. */
static enum dure_err load_level(struct dure_journal *journal, unsigned level, struct dure_error *error)
{
    const uint64_t entries = journal->head.size >> (DURE_TILE_BITS * level),
                   first = entries & ~(uint64_t)(DURE_TILE_HASHES - 1);
    for (uint64_t at = first; at < entries; at++) {
        uint8_t hashes[DURE_TILE_HASHES][DURE_HASH_BYTES];
        const enum dure_err err = dure_tile_get(journal, level - 1, at, hashes, error);
        if (err)
            return err;
        dure_merkle_fold(hashes, DURE_TILE_HASHES, journal->tree->edge[level][at - first]);
    }
    return DURE_OK;
}

enum dure_err dure_edge_load(struct dure_journal *journal, struct dure_error *error)
{
    enum dure_err err = last_row(journal, &journal->head, error);
    const uint64_t size = journal->head.size;
    struct tail tail = {.tree = journal->tree};
    if (!err)
        err = dure_journal_read(journal, size & ~(uint64_t)(DURE_TILE_HASHES - 1), size, add_tail, NULL, &tail, error);
    for (unsigned level = 1; !err && level < DURE_TILE_LEVELS; level++)
        err = load_level(journal, level, error);
    if (err)
        return err;
    dure_tiling_seal(journal->tree, size);
    uint8_t root[DURE_HASH_BYTES];
    dure_frontier_root(&journal->tree->frontier, root);
    if (memcmp(root, journal->head.root, sizeof root) == 0)
        return DURE_OK;
    char what[128];
    snprintf(what, sizeof what,
             "the leaves before number %" PRIu64 " do not make the tree that its last transaction states", size);
    return damaged(journal, error, what);
}
