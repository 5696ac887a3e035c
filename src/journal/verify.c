#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/inner.h"

/* A second tree is grown from the leaves alone and compared, tile by tile and transaction by transaction, with what was stored. */
struct check {
    struct dure_journal *journal;
    struct dure_tiling *tree;
    struct dure_error *error;
    enum dure_err err;
};

static void differs(struct check *check, const char *what, uint64_t at)
{
    check->err = dure_fail(check->error, DURE_E_CORRUPT,
                           "the journal was damaged or changed: %s %" PRIu64
                           ". Keep the folder as it is, and restore the newest backup into an "
                           "empty one with `dure restore`",
                           what, at);
}

static bool same_tile(void *context, unsigned level, uint64_t index, const uint8_t (*hashes)[DURE_HASH_BYTES])
{
    struct check *check = context;
    uint8_t stored[DURE_TILE_HASHES][DURE_HASH_BYTES];
    check->err = dure_tile_get(check->journal, level, index, stored, check->error);
    if (check->err || memcmp(stored, hashes, sizeof stored) == 0)
        return !check->err;
    unsigned first = 0;
    while (memcmp(stored[first], hashes[first], DURE_HASH_BYTES) == 0)
        first++;
    differs(check,
            level ? "an upper tile does not agree with the tree of the leaves; first at entry"
                  : "its tile does not agree with leaf",
            index * DURE_TILE_HASHES + first);
    return false;
}

static bool add_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)sequence;
    struct check *check = context;
    uint8_t hash[DURE_HASH_BYTES];
    dure_merkle_leaf(leaf, length, hash);
    return dure_tiling_add(check->tree, hash, same_tile, check);
}

static bool same_root(void *context, const struct dure_journal_head *end)
{
    struct check *check = context;
    uint8_t root[DURE_HASH_BYTES];
    dure_frontier_root(&check->tree->frontier, root);
    if (memcmp(root, end->root, sizeof root) == 0)
        return true;
    differs(check, "its leaves do not make the tree stated by the transaction that ends before leaf", end->size);
    return false;
}

/* SQLite's own check finds damage in rows that no tree covers. */
static enum dure_err check_file(struct dure_journal *journal, struct dure_error *error)
{
    sqlite3_stmt *check = NULL;
    int rc = sqlite3_prepare_v2(journal->db, "PRAGMA integrity_check(1)", -1, &check, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(check);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
    enum dure_err err = DURE_OK;
    if (rc != SQLITE_ROW)
        err = dure_sql_fail(journal, rc, "checking the journal's file", error);
    else if (!text || strcmp(text, "ok") != 0)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "%s/journal.db is damaged (%s): keep the folder as it is, and restore the newest backup into "
                        "an empty one with `dure restore`",
                        journal->directory, text ? text : "no reason");
    sqlite3_finalize(check);
    return err;
}

enum dure_err dure_journal_verify(struct dure_journal *journal, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    struct check check = {.journal = journal, .tree = calloc(1, sizeof *check.tree), .error = error};
    if (!check.tree)
        return dure_fail(error, DURE_E_MEMORY, "verifying: out of memory");
    const struct dure_reader reader = {.leaf = add_leaf, .end = same_root, .context = &check};
    enum dure_err err = dure_read(journal, 0, journal->head.size, &reader, error);
    if (!err)
        err = check.err;
    free(check.tree);
    return err ? err : check_file(journal, error);
}
