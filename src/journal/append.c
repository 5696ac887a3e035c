#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "journal/inner.h"

static enum dure_err check_leaves(const struct dure_journal_batch *batch, struct dure_error *error)
{
    size_t total = 0;
    for (uint32_t i = 0; i < batch->leaf_count; i++) {
        if (batch->leaves[i].length > DURE_LEAF_BYTES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "a leaf of %zu bytes: at most %d fit", batch->leaves[i].length,
                             DURE_LEAF_BYTES_MAX);
        total += batch->leaves[i].length + 2;
        if (total > DURE_BATCH_BYTES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "a batch of more than %d bytes of leaves", DURE_BATCH_BYTES_MAX);
    }
    return DURE_OK;
}

static enum dure_err check(const struct dure_journal_batch *batch, struct dure_error *error)
{
    const enum dure_err err = check_leaves(batch, error);
    if (err)
        return err;
    for (uint32_t i = 0; i < batch->body_count; i++)
        if (batch->bodies[i].id > INT64_MAX || batch->bodies[i].body.length > DURE_BODY_BYTES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "body %" PRIu64 " of %zu bytes: ids go to 2^63-1, bodies to %d bytes",
                             batch->bodies[i].id, batch->bodies[i].body.length, DURE_BODY_BYTES_MAX);
    for (uint32_t i = 0; i < batch->idem_count; i++)
        if (strnlen(batch->idems[i].key, DURE_KEY_MAX + 1) > DURE_KEY_MAX ||
            batch->idems[i].answer.length > DURE_BODY_BYTES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "an idempotency key has at most %d bytes and its answer %d",
                             DURE_KEY_MAX, DURE_BODY_BYTES_MAX);
    for (uint32_t i = 0; i < batch->history_count; i++)
        if (batch->history[i].job > INT64_MAX || batch->history[i].summary.length > DURE_BODY_BYTES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "history of job %" PRIu64 ": ids go to 2^63-1, summaries to %d bytes",
                             batch->history[i].job, DURE_BODY_BYTES_MAX);
    return DURE_OK;
}

struct tiling {
    struct dure_journal *journal;
    struct dure_error *error;
    enum dure_err err;
};

static bool add_tile(void *context, unsigned level, uint64_t index, const uint8_t (*hashes)[DURE_HASH_BYTES])
{
    struct tiling *tiling = context;
    sqlite3_stmt *add;
    tiling->err = dure_sql(tiling->journal, DURE_SQL_TILE_ADD, &add, tiling->error);
    if (tiling->err)
        return false;
    sqlite3_bind_int64(add, 1, dure_tile_id(level, index));
    sqlite3_bind_blob(add, 2, hashes, DURE_TILE_HASHES * DURE_HASH_BYTES, SQLITE_STATIC);
    tiling->err = dure_sql_run(tiling->journal, add, "writing the tree", tiling->error);
    return !tiling->err;
}

static void digest_to(struct dure_digest digest, uint8_t bytes[16])
{
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(digest.lane[i / 8] >> (8 * (i % 8)));
}

/* One row of leaves first..first+count-1, whose bytes lie in journal->row; `end` when the batch ends with it. */
static enum dure_err add_row(struct dure_journal *journal, uint64_t first, uint32_t count,
                             const struct dure_journal_head *end, struct dure_error *error)
{
    sqlite3_stmt *add;
    const enum dure_err err = dure_sql(journal, DURE_SQL_BUNDLE_ADD, &add, error);
    if (err)
        return err;
    uint8_t digest[16];
    sqlite3_bind_int64(add, 1, (int64_t)first);
    sqlite3_bind_int64(add, 2, count);
    sqlite3_bind_blob(add, 3, journal->row.data, (int)journal->row.length, SQLITE_STATIC);
    if (end) {
        digest_to(end->digest, digest);
        sqlite3_bind_int64(add, 4, end->time_us);
        sqlite3_bind_blob(add, 5, digest, sizeof digest, SQLITE_STATIC);
        sqlite3_bind_blob(add, 6, end->root, sizeof end->root, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(add, 4);
        sqlite3_bind_null(add, 5);
        sqlite3_bind_null(add, 6);
    }
    return dure_sql_run(journal, add, "writing leaves", error);
}

static enum dure_err add_leaves(struct dure_journal *journal, const struct dure_journal_batch *batch,
                                struct dure_journal_head *head, struct dure_error *error)
{
    struct tiling tiling = {.journal = journal, .error = error};
    uint64_t first = head->size;
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->leaf_count; i++) {
        const struct dure_bytes leaf = batch->leaves[i];
        if (!count)
            dure_buf_clear(&journal->row);
        const uint8_t length[2] = {(uint8_t)(leaf.length >> 8), (uint8_t)leaf.length};
        dure_buf_add(&journal->row, length, sizeof length);
        dure_buf_add(&journal->row, leaf.data, leaf.length);
        if (journal->row.failed)
            return dure_fail(error, DURE_E_MEMORY, "writing leaves: out of memory");
        uint8_t hash[DURE_HASH_BYTES];
        dure_merkle_leaf(leaf.data, leaf.length, hash);
        if (!dure_tiling_add(journal->next, hash, add_tile, &tiling))
            return tiling.err;
        count++;
        const bool last = i + 1 == batch->leaf_count;
        if (!last && journal->row.length < DURE_ROW_BYTES_MAX)
            continue;
        if (last)
            dure_frontier_root(&journal->next->frontier, head->root);
        const enum dure_err err = add_row(journal, first, count, last ? head : NULL, error);
        if (err)
            return err;
        first += count;
        count = 0;
    }
    head->size = first;
    return DURE_OK;
}

/* Moving the WAL into the database now and then, between batches. What was appended is durable already: a full disk here is for a later
 * append to report, and is tried again when the WAL has grown by as much once more. */
static void settle(struct dure_journal *journal)
{
    if (journal->wal_pages < journal->wal_pages_max)
        return;
    errno = 0;
    const int rc = sqlite3_wal_checkpoint_v2(journal->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK) {
        journal->wal_pages = 0;
        journal->wal_pages_max = DURE_WAL_PAGES;
        return;
    }
    (void)dure_sql_fail(journal, rc, "settling the journal", NULL);
    journal->wal_pages_max = journal->wal_pages + DURE_WAL_PAGES;
}

enum dure_err dure_journal_append(struct dure_journal *journal, const struct dure_journal_batch *batch,
                                  struct dure_error *error)
{
    struct dure_journal_head head = journal->head;
    if (batch->leaf_count) { /* else the state is what it was */
        head.digest = batch->digest;
        head.time_us = batch->time_us;
    }
    enum dure_err err = check(batch, error);
    if (!err)
        err = dure_sql_begin(journal, error);
    if (err)
        return err;
    dure_tiling_copy(journal->next, journal->tree);
    err = add_leaves(journal, batch, &head, error);
    if (!err)
        err = dure_rows_add(journal, batch, error);
    if (!err)
        err = dure_sql_commit(journal, error);
    if (err) {
        dure_sql_rollback(journal);
        return err;
    }
    struct dure_tiling *old = journal->tree;
    journal->tree = journal->next;
    journal->next = old;
    journal->head = head;
    settle(journal);
    return DURE_OK;
}
