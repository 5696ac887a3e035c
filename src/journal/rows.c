#include <inttypes.h>
#include <string.h>

#include "journal/inner.h"

struct body_statements {
    enum dure_statement put, get, all;
};

static struct body_statements statements_of(enum dure_body_kind kind)
{
    DURE_ASSERT(kind == DURE_BODY_OF_JOB || kind == DURE_BODY_OF_PRINCIPAL);
    return kind == DURE_BODY_OF_JOB
               ? (struct body_statements){DURE_SQL_JOB_BODY_PUT, DURE_SQL_JOB_BODY_GET, DURE_SQL_JOB_BODY_ALL}
               : (struct body_statements){DURE_SQL_PRINCIPAL_BODY_PUT, DURE_SQL_PRINCIPAL_BODY_GET,
                                          DURE_SQL_PRINCIPAL_BODY_ALL};
}

/* A zero-length blob from a NULL pointer would be SQL's NULL. */
static void bind_bytes(sqlite3_stmt *statement, int at, struct dure_bytes bytes)
{
    sqlite3_bind_blob(statement, at, bytes.length ? bytes.data : "", (int)bytes.length, SQLITE_STATIC);
}

static struct dure_bytes column_bytes(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return (struct dure_bytes){data ? data : "", (size_t)sqlite3_column_bytes(statement, column)};
}

static enum dure_err put_body(struct dure_journal *journal, const struct dure_body_row *row, struct dure_error *error)
{
    sqlite3_stmt *put;
    const enum dure_err err = dure_sql(journal, statements_of(row->kind).put, &put, error);
    if (err)
        return err;
    sqlite3_bind_int64(put, 1, (int64_t)row->id);
    bind_bytes(put, 2, row->body);
    return dure_sql_run(journal, put, "writing a body", error);
}

static enum dure_err add_idem(struct dure_journal *journal, const struct dure_idem_row *row, struct dure_error *error)
{
    sqlite3_stmt *add;
    const enum dure_err err = dure_sql(journal, DURE_SQL_IDEM_ADD, &add, error);
    if (err)
        return err;
    sqlite3_bind_int64(add, 1, row->time_us);
    sqlite3_bind_int64(add, 2, row->principal);
    sqlite3_bind_int64(add, 3, (int64_t)row->request_hash);
    sqlite3_bind_text(add, 4, row->key, -1, SQLITE_STATIC);
    bind_bytes(add, 5, row->answer);
    return dure_sql_run(journal, add, "writing an answer", error);
}

static enum dure_err add_history(struct dure_journal *journal, const struct dure_history_row *row,
                                 struct dure_error *error)
{
    sqlite3_stmt *add;
    const enum dure_err err = dure_sql(journal, DURE_SQL_HISTORY_ADD, &add, error);
    if (err)
        return err;
    sqlite3_bind_int64(add, 1, (int64_t)row->job);
    sqlite3_bind_int64(add, 2, row->element);
    sqlite3_bind_int64(add, 3, row->tenant);
    sqlite3_bind_int64(add, 4, row->principal);
    sqlite3_bind_int64(add, 5, row->ended_us);
    bind_bytes(add, 6, row->summary);
    return dure_sql_run(journal, add, "writing history", error);
}

enum dure_err dure_rows_add(struct dure_journal *journal, const struct dure_journal_batch *batch,
                            struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; !err && i < batch->body_count; i++)
        err = put_body(journal, &batch->bodies[i], error);
    for (uint32_t i = 0; !err && i < batch->idem_count; i++)
        err = add_idem(journal, &batch->idems[i], error);
    for (uint32_t i = 0; !err && i < batch->history_count; i++)
        err = add_history(journal, &batch->history[i], error);
    return err;
}

enum dure_err dure_journal_body(struct dure_journal *journal, enum dure_body_kind kind, uint64_t id,
                                struct dure_buf *ret_body, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    sqlite3_stmt *get;
    enum dure_err err = dure_sql(journal, statements_of(kind).get, &get, error);
    if (err)
        return err;
    sqlite3_bind_int64(get, 1, (int64_t)id);
    const int rc = sqlite3_step(get);
    if (rc == SQLITE_ROW) {
        const struct dure_bytes body = column_bytes(get, 0);
        dure_buf_add(ret_body, body.data, body.length);
        if (ret_body->failed)
            err = dure_fail(error, DURE_E_LIMIT, "body %" PRIu64 " does not fit into %zu bytes", id, ret_body->max);
    } else if (rc == SQLITE_DONE) {
        err = dure_fail(error, DURE_E_NOT_FOUND, "there is no body %" PRIu64, id);
    } else {
        err = dure_sql_fail(journal, rc, "reading a body", error);
    }
    sqlite3_reset(get);
    return err;
}

enum dure_err dure_journal_bodies(struct dure_journal *journal, enum dure_body_kind kind, dure_journal_body_fn body,
                                  void *context, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    sqlite3_stmt *all;
    enum dure_err err = dure_sql(journal, statements_of(kind).all, &all, error);
    if (err)
        return err;
    int rc;
    while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
        const struct dure_bytes bytes = column_bytes(all, 1);
        if (!body(context, (uint64_t)sqlite3_column_int64(all, 0), bytes.data, bytes.length))
            break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = dure_sql_fail(journal, rc, "reading bodies", error);
    sqlite3_reset(all);
    return err;
}

enum dure_err dure_journal_idems(struct dure_journal *journal, int64_t not_before_us, dure_journal_idem_fn row,
                                 void *context, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    enum dure_err err = DURE_OK;
    for (uint32_t trimmed = DURE_IDEM_TRIM_MAX; !err && !journal->read_only && trimmed == DURE_IDEM_TRIM_MAX;)
        err = dure_journal_idem_trim(journal, not_before_us, &trimmed, error);
    sqlite3_stmt *all;
    if (!err)
        err = dure_sql(journal, DURE_SQL_IDEM_ALL, &all, error);
    if (err)
        return err;
    sqlite3_bind_int64(all, 1, not_before_us);
    int rc;
    while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
        const struct dure_idem_row idem = {.time_us = sqlite3_column_int64(all, 0),
                                           .principal = (uint32_t)sqlite3_column_int64(all, 1),
                                           .request_hash = (uint64_t)sqlite3_column_int64(all, 2),
                                           .key = (const char *)sqlite3_column_text(all, 3),
                                           .answer = column_bytes(all, 4)};
        if (!idem.key) {
            rc = SQLITE_NOMEM;
            break;
        }
        if (!row(context, &idem))
            break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = dure_sql_fail(journal, rc, "reading answers", error);
    sqlite3_reset(all);
    return err;
}

enum dure_err dure_journal_idem_trim(struct dure_journal *journal, int64_t not_before_us, uint32_t *ret_trimmed,
                                     struct dure_error *error)
{
    sqlite3_stmt *trim;
    enum dure_err err = dure_sql_begin(journal, error);
    if (err)
        return err;
    err = dure_sql(journal, DURE_SQL_IDEM_TRIM, &trim, error);
    if (!err) {
        sqlite3_bind_int64(trim, 1, not_before_us);
        sqlite3_bind_int64(trim, 2, DURE_IDEM_TRIM_MAX);
        err = dure_sql_run(journal, trim, "removing old answers", error);
    }
    const uint32_t trimmed = err ? 0 : (uint32_t)sqlite3_changes(journal->db);
    if (!err)
        err = dure_sql_commit(journal, error);
    if (err)
        dure_sql_rollback(journal);
    else
        *ret_trimmed = trimmed;
    return err;
}

enum dure_err dure_journal_body_replace(struct dure_journal *journal, enum dure_body_kind kind, uint64_t id,
                                        struct dure_bytes body, struct dure_error *error)
{
    const struct dure_body_row row = {.kind = kind, .id = id, .body = body};
    if (id > INT64_MAX || body.length > DURE_BODY_BYTES_MAX)
        return dure_fail(error, DURE_E_LIMIT, "body %" PRIu64 " of %zu bytes", id, body.length);
    enum dure_err err = dure_sql_begin(journal, error);
    if (err)
        return err;
    err = put_body(journal, &row, error);
    if (!err)
        err = dure_sql_commit(journal, error);
    if (err)
        dure_sql_rollback(journal);
    return err;
}

enum dure_err dure_journal_scrub(struct dure_journal *journal, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (journal->read_only)
        return dure_fail(error, DURE_E_STATE, "the journal is open for reading only");
    const int rc = sqlite3_wal_checkpoint_v2(journal->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc != SQLITE_OK)
        return dure_sql_fail(journal, rc, "overwriting what was erased", error);
    journal->wal_pages = 0;
    return DURE_OK;
}
