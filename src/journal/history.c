#include <stdlib.h>

#include "journal/inner.h"

enum { HISTORY_LIMIT_MAX = 100000 };

struct key {
    int64_t job, element;
};

struct keys {
    struct key *at;
    size_t count;
};

struct bounds {
    int64_t job, element, since_us, principal; /* principal −1: any */
    uint32_t limit;
};

static int newest_first(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->job != b->job)
        return a->job < b->job ? 1 : -1;
    return a->element < b->element ? 1 : a->element > b->element ? -1 : 0;
}

static void bind(sqlite3_stmt *statement, const struct bounds *bounds)
{
    sqlite3_bind_int64(statement, 1, bounds->job);
    sqlite3_bind_int64(statement, 2, bounds->element);
    sqlite3_bind_int64(statement, 3, bounds->since_us);
    sqlite3_bind_int64(statement, 4, bounds->limit);
}

/* Adds the newest keys of one tenant or principal; `keys` has room for `limit` more. */
static enum dure_err add_keys(struct dure_journal *journal, enum dure_statement which, int64_t of,
                              const struct bounds *bounds, struct keys *keys, struct dure_error *error)
{
    sqlite3_stmt *some = NULL;
    const enum dure_err err = dure_sql(journal, which, &some, error);
    if (err)
        return err;
    bind(some, bounds);
    sqlite3_bind_int64(some, 5, of);
    if (which == DURE_SQL_HISTORY_OF_TENANT)
        sqlite3_bind_int64(some, 6, bounds->principal);
    int rc;
    while ((rc = sqlite3_step(some)) == SQLITE_ROW)
        keys->at[keys->count++] = (struct key){sqlite3_column_int64(some, 0), sqlite3_column_int64(some, 1)};
    sqlite3_reset(some);
    return rc == SQLITE_DONE ? DURE_OK : dure_sql_fail(journal, rc, "reading history", error);
}

/* Keeps the newest `limit`. */
static void cut(struct keys *keys, uint32_t limit)
{
    if (keys->count)
        qsort(keys->at, keys->count, sizeof *keys->at, newest_first);
    if (keys->count > limit)
        keys->count = limit;
}

static enum dure_err one(struct dure_journal *journal, struct key key, dure_journal_history_fn row, void *context,
                         bool *ret_more, struct dure_error *error)
{
    sqlite3_stmt *get = NULL;
    enum dure_err err = dure_sql(journal, DURE_SQL_HISTORY_ONE, &get, error);
    if (err)
        return err;
    sqlite3_bind_int64(get, 1, key.job);
    sqlite3_bind_int64(get, 2, key.element);
    const int rc = sqlite3_step(get);
    if (rc == SQLITE_ROW) {
        const void *summary = sqlite3_column_blob(get, 3);
        const struct dure_history_row found = {
            .job = (uint64_t)key.job,
            .element = (uint32_t)key.element,
            .tenant = (uint32_t)sqlite3_column_int64(get, 0),
            .principal = (uint32_t)sqlite3_column_int64(get, 1),
            .ended_us = sqlite3_column_int64(get, 2),
            .summary = {summary ? summary : "", (size_t)sqlite3_column_bytes(get, 3)}};
        *ret_more = row(context, &found);
    } else {
        err = rc == SQLITE_DONE ? dure_fail(error, DURE_E_NOT_FOUND, "job %lld, element %lld is not in the history",
                                            (long long)key.job, (long long)key.element)
                                : dure_sql_fail(journal, rc, "reading history", error);
    }
    sqlite3_reset(get);
    return err;
}

/* With a filter, indices give the keys (each tenant's newest, merged), and only the rows that are wanted are read. */
static enum dure_err filtered(struct dure_journal *journal, const struct dure_history_query *query,
                              const struct bounds *bounds, dure_journal_history_fn row, void *context,
                              struct dure_error *error)
{
    const size_t room = (size_t)bounds->limit * 2;
    struct keys keys = {.at = malloc(room * sizeof *keys.at)};
    if (!keys.at)
        return dure_fail(error, DURE_E_MEMORY, "reading history: out of memory");
    enum dure_err err = DURE_OK;
    if (!query->tenant_count)
        err = add_keys(journal, DURE_SQL_HISTORY_OF_PRINCIPAL, bounds->principal, bounds, &keys, error);
    for (uint32_t i = 0; !err && i < query->tenant_count; i++) {
        err = add_keys(journal, DURE_SQL_HISTORY_OF_TENANT, query->tenants[i], bounds, &keys, error);
        cut(&keys, bounds->limit);
    }
    bool more = true;
    for (size_t i = 0; !err && more && i < keys.count; i++)
        err = one(journal, keys.at[i], row, context, &more, error);
    free(keys.at);
    return err;
}

static enum dure_err unfiltered(struct dure_journal *journal, const struct bounds *bounds, dure_journal_history_fn row,
                                void *context, struct dure_error *error)
{
    sqlite3_stmt *all = NULL;
    const enum dure_err err = dure_sql(journal, DURE_SQL_HISTORY_ALL, &all, error);
    if (err)
        return err;
    bind(all, bounds);
    int rc;
    while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
        const void *summary = sqlite3_column_blob(all, 5);
        const struct dure_history_row found = {
            .job = (uint64_t)sqlite3_column_int64(all, 0),
            .element = (uint32_t)sqlite3_column_int64(all, 1),
            .tenant = (uint32_t)sqlite3_column_int64(all, 2),
            .principal = (uint32_t)sqlite3_column_int64(all, 3),
            .ended_us = sqlite3_column_int64(all, 4),
            .summary = {summary ? summary : "", (size_t)sqlite3_column_bytes(all, 5)}};
        if (!row(context, &found))
            break;
    }
    sqlite3_reset(all);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? DURE_OK : dure_sql_fail(journal, rc, "reading history", error);
}

enum dure_err dure_journal_history(struct dure_journal *journal, const struct dure_history_query *query,
                                   dure_journal_history_fn row, void *context, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (!query->limit || query->limit > HISTORY_LIMIT_MAX)
        return dure_fail(error, DURE_E_LIMIT, "a page of history holds 1 to %d rows", HISTORY_LIMIT_MAX);
    const bool any = query->principal == UINT32_MAX;
    const struct bounds bounds = {.job = query->before_job > INT64_MAX ? INT64_MAX : (int64_t)query->before_job,
                                  .element = query->before_element,
                                  .since_us = query->since_us,
                                  .principal = any ? -1 : (int64_t)query->principal,
                                  .limit = query->limit};
    return any && !query->tenant_count ? unfiltered(journal, &bounds, row, context, error)
                                       : filtered(journal, query, &bounds, row, context, error);
}

static bool copy_summary(void *context, const struct dure_history_row *row)
{
    struct dure_buf *summary = context;
    dure_buf_add(summary, row->summary.data, row->summary.length);
    return true;
}

enum dure_err dure_journal_history_one(struct dure_journal *journal, uint64_t job, uint32_t element,
                                       struct dure_buf *ret_summary, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (job > INT64_MAX)
        return dure_fail(error, DURE_E_NOT_FOUND, "job %llu is not in the history", (unsigned long long)job);
    bool more = true;
    const enum dure_err err =
        one(journal, (struct key){(int64_t)job, element}, copy_summary, ret_summary, &more, error);
    if (err)
        return err;
    return ret_summary->failed
               ? dure_fail(error, DURE_E_LIMIT, "the summary does not fit into %zu bytes", ret_summary->max)
               : DURE_OK;
}
