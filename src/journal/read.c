#include <inttypes.h>
#include <string.h>

#include "journal/inner.h"

struct reading {
    struct dure_journal *journal;
    uint64_t from, to, next; /* next: the leaf that the next row must begin with */
    struct dure_reader reader;
    bool stopped;
};

static enum dure_err gap(const struct reading *reading, struct dure_error *error)
{
    return dure_fail(error, DURE_E_CORRUPT,
                     "%s/journal.db is damaged: leaf %" PRIu64
                     " is missing or not whole. Keep the folder as it is, and restore the newest backup into "
                     "an empty one with `dure restore`",
                     reading->journal->directory, reading->next);
}

static enum dure_err read_row(struct reading *reading, sqlite3_stmt *row, struct dure_error *error)
{
    const uint64_t first = (uint64_t)sqlite3_column_int64(row, 0), count = (uint64_t)sqlite3_column_int64(row, 1);
    const uint8_t *at = sqlite3_column_blob(row, 2);
    size_t left = (size_t)sqlite3_column_bytes(row, 2);
    if (first != reading->next || !count)
        return gap(reading, error);
    for (; reading->next < first + count; reading->next++) {
        const size_t length = left >= 2 ? (size_t)at[0] << 8 | at[1] : 0;
        if (left < 2 || length > left - 2)
            return gap(reading, error);
        if (reading->next >= reading->to)
            return DURE_OK;
        if (reading->next >= reading->from &&
            !reading->reader.leaf(reading->reader.context, reading->next, at + 2, length)) {
            reading->stopped = true;
            return DURE_OK;
        }
        at += 2 + length;
        left -= 2 + length;
    }
    if (left)
        return gap(reading, error);
    struct dure_journal_head end = {.size = reading->next};
    if (reading->reader.end && sqlite3_column_type(row, 3) != SQLITE_NULL) {
        if (dure_digest_column(row, 3, &end.digest) || sqlite3_column_bytes(row, 4) != DURE_ROOT_BYTES)
            return gap(reading, error);
        memcpy(end.root, sqlite3_column_blob(row, 4), sizeof end.root);
        reading->stopped = !reading->reader.end(reading->reader.context, &end);
    }
    return DURE_OK;
}

/* The row that holds leaf `from`. */
static enum dure_err find_row(struct dure_journal *journal, uint64_t from, uint64_t *ret_first,
                              struct dure_error *error)
{
    sqlite3_stmt *at;
    enum dure_err err = dure_sql(journal, DURE_SQL_BUNDLE_AT, &at, error);
    if (err)
        return err;
    sqlite3_bind_int64(at, 1, (int64_t)from);
    const int rc = sqlite3_step(at);
    if (rc == SQLITE_ROW)
        *ret_first = (uint64_t)sqlite3_column_int64(at, 0);
    else
        err = dure_sql_fail(journal, rc, "reading the journal", error);
    sqlite3_reset(at);
    return err;
}

enum dure_err dure_read(struct dure_journal *journal, uint64_t from, uint64_t to, const struct dure_reader *reader,
                        struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (from > to || to > journal->head.size)
        return dure_fail(error, DURE_E_INVALID, "leaves %" PRIu64 " to %" PRIu64 " of a journal of %" PRIu64, from, to,
                         journal->head.size);
    if (from == to)
        return DURE_OK;
    struct reading reading = {.journal = journal, .from = from, .to = to, .reader = *reader};
    sqlite3_stmt *rows = NULL;
    enum dure_err err = find_row(journal, from, &reading.next, error);
    if (!err)
        err = dure_sql(journal, DURE_SQL_BUNDLE_READ, &rows, error);
    if (err)
        return err;
    sqlite3_bind_int64(rows, 1, (int64_t)reading.next);
    while (!err && !reading.stopped && reading.next < to) {
        const int rc = sqlite3_step(rows);
        if (rc == SQLITE_ROW)
            err = read_row(&reading, rows, error);
        else
            err = rc == SQLITE_DONE ? gap(&reading, error) : dure_sql_fail(journal, rc, "reading the journal", error);
    }
    sqlite3_reset(rows);
    return err;
}

struct callbacks {
    dure_journal_leaf_fn leaf;
    dure_journal_batch_fn batch;
    void *context;
};

static bool pass_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    const struct callbacks *callbacks = context;
    return callbacks->leaf(callbacks->context, sequence, leaf, length);
}

static bool pass_end(void *context, const struct dure_journal_head *end)
{
    const struct callbacks *callbacks = context;
    return callbacks->batch(callbacks->context, end->size - 1, end->digest);
}

enum dure_err dure_journal_read(struct dure_journal *journal, uint64_t from, uint64_t to, dure_journal_leaf_fn leaf,
                                dure_journal_batch_fn batch, void *context, struct dure_error *error)
{
    struct callbacks callbacks = {leaf, batch, context};
    const struct dure_reader reader = {.leaf = pass_leaf, .end = batch ? pass_end : NULL, .context = &callbacks};
    return dure_read(journal, from, to, &reader, error);
}

enum dure_err dure_journal_digest_at(struct dure_journal *journal, uint64_t size, struct dure_digest *ret_digest,
                                     struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    uint64_t first = 0;
    sqlite3_stmt *row = NULL;
    enum dure_err err =
        size && size <= journal->head.size ? find_row(journal, size - 1, &first, error) : DURE_E_NOT_FOUND;
    if (!err)
        err = dure_sql(journal, DURE_SQL_BUNDLE_READ, &row, error);
    if (!err) {
        sqlite3_bind_int64(row, 1, (int64_t)first);
        const int rc = sqlite3_step(row);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            err = dure_sql_fail(journal, rc, "reading the journal", error);
        else if (rc == SQLITE_DONE || (uint64_t)(sqlite3_column_int64(row, 0) + sqlite3_column_int64(row, 1)) != size ||
                 dure_digest_column(row, 3, ret_digest))
            err = DURE_E_NOT_FOUND;
        sqlite3_reset(row);
    }
    return err == DURE_E_NOT_FOUND
               ? dure_fail(error, err, "no transaction of the journal ended with %" PRIu64 " leaves", size)
               : err;
}
