#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/inner.h"

/* One file holds all, so that one transaction does. The ids of `tile` are dure_tile_id's. */
static const char schema[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bundle(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, leaves BLOB NOT NULL, time_us INTEGER, "
    "digest BLOB, root BLOB) STRICT;"
    "CREATE TABLE tile(id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;"
    "CREATE TABLE job_body(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
    "CREATE TABLE principal_body(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
    "CREATE TABLE idem(id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, principal INTEGER NOT NULL, request_hash "
    "INTEGER NOT NULL,"
    " key TEXT NOT NULL, answer BLOB NOT NULL) STRICT;"
    "CREATE TABLE history(job INTEGER NOT NULL, element INTEGER NOT NULL, tenant INTEGER NOT NULL, principal INTEGER "
    "NOT NULL,"
    " ended_us INTEGER NOT NULL, summary BLOB NOT NULL, PRIMARY KEY(job, element)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX history_tenant ON history(tenant, job, element, ended_us, principal);"
    "CREATE INDEX history_principal ON history(principal, job, element, ended_us);"
    "CREATE TABLE signer(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, public_key BLOB NOT NULL, note TEXT NOT NULL) "
    "STRICT;";

static enum dure_err pragma_number(struct dure_journal *journal, const char *sql, int64_t *ret_value,
                                   struct dure_error *error)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(journal->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    const int64_t value = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    const enum dure_err err = rc == SQLITE_ROW ? DURE_OK : dure_sql_fail(journal, rc, "opening the journal", error);
    sqlite3_finalize(statement);
    if (!err)
        *ret_value = value;
    return err;
}

static enum dure_err create(struct dure_journal *journal, const char *origin, struct dure_error *error)
{
    if (!origin || !dure_origin_ok(origin))
        return dure_fail(error, DURE_E_INVALID,
                         "a journal's origin is 1 to %d bytes without spaces or '+', for example example.kr/dure",
                         DURE_ORIGIN_MAX);
    char pragmas[128];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d;", DURE_APPLICATION_ID,
             DURE_JOURNAL_SCHEMA);
    enum dure_err err = dure_sql_begin(journal, error);
    if (err)
        return err;
    err = dure_sql_exec(journal, schema, "creating the journal", error);
    if (!err)
        err = dure_sql_exec(journal, pragmas, "creating the journal", error);
    sqlite3_stmt *put;
    if (!err)
        err = dure_sql(journal, DURE_SQL_META_PUT, &put, error);
    if (!err) {
        sqlite3_bind_text(put, 1, "origin", -1, SQLITE_STATIC);
        sqlite3_bind_text(put, 2, origin, -1, SQLITE_STATIC);
        err = dure_sql_run(journal, put, "creating the journal", error);
        sqlite3_clear_bindings(put);
    }
    if (!err)
        err = dure_sql_commit(journal, error);
    if (err)
        dure_sql_rollback(journal);
    return err;
}

static enum dure_err check_version(struct dure_journal *journal, bool may_create, bool *ret_empty,
                                   struct dure_error *error)
{
    int64_t application = 0, version = 0, tables = 0;
    enum dure_err err = pragma_number(journal, "PRAGMA application_id", &application, error);
    if (!err)
        err = pragma_number(journal, "PRAGMA user_version", &version, error);
    if (!err)
        err = pragma_number(journal, "SELECT count(*) FROM sqlite_schema", &tables, error);
    if (err)
        return err;
    *ret_empty = !application && !version && !tables;
    if (*ret_empty)
        return may_create
                   ? DURE_OK
                   : dure_fail(error, DURE_E_NOT_FOUND, "%s/journal.db holds no journal yet", journal->directory);
    if (application != DURE_APPLICATION_ID)
        return dure_fail(error, DURE_E_CORRUPT, "%s/journal.db is some other program's database", journal->directory);
    if (version != DURE_JOURNAL_SCHEMA)
        return dure_fail(error, DURE_E_VERSION,
                         "%s/journal.db has layout %lld and this program writes layout %d: use the program that wrote "
                         "it, or a newer one",
                         journal->directory, (long long)version, DURE_JOURNAL_SCHEMA);
    return DURE_OK;
}

static enum dure_err load_origin(struct dure_journal *journal, struct dure_error *error)
{
    sqlite3_stmt *get;
    enum dure_err err = dure_sql(journal, DURE_SQL_META_GET, &get, error);
    if (err)
        return err;
    sqlite3_bind_text(get, 1, "origin", -1, SQLITE_STATIC);
    const int rc = sqlite3_step(get);
    const char *origin = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(get, 0) : NULL;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = dure_sql_fail(journal, rc, "opening the journal", error);
    else if (!origin || !dure_origin_ok(origin))
        err = dure_fail(error, DURE_E_CORRUPT,
                        "%s/journal.db has lost its origin line: restore the newest backup into an empty folder with "
                        "`dure restore`",
                        journal->directory);
    else
        memcpy(journal->origin, origin, strlen(origin) + 1);
    sqlite3_reset(get);
    return err;
}

/* Frames in the WAL may never have reached the disk although the last process saw them (a failed sync); copying them into the database, which is
 * synced in its own right, makes them safe before anything is built on them. */
static enum dure_err settle_wal(struct dure_journal *journal, struct dure_error *error)
{
    const int rc = sqlite3_wal_checkpoint_v2(journal->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? DURE_OK : dure_sql_fail(journal, rc, "settling the journal's last writes", error);
}

static enum dure_err configure(struct dure_journal *journal, struct dure_error *error)
{
    char pragmas[512];
    /* The lock mode comes before the first look into the file: then the WAL's index lives in memory, not in a shared file. */
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
             "PRAGMA secure_delete=ON;"
             "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF; "
             "PRAGMA trusted_schema=OFF;",
             DURE_PAGE_BYTES, DURE_CACHE_KIB);
    return dure_sql_exec(journal, pragmas, "opening the journal", error);
}

/* Where nothing may be written (a backup on a read-only disk), SQLite reads a file that it is told cannot change. */
static bool frozen(const struct dure_journal *journal)
{
    return journal->read_only && journal->lock_fd < 0;
}

static char *database_name(const struct dure_journal *journal)
{
    struct dure_buf name DURE_CLEANUP_BUF;
    dure_buf_init(&name, 3 * PATH_MAX + 64);
    if (frozen(journal)) {
        dure_buf_str(&name, "file:");
        for (const char *at = journal->directory; *at; at++)
            if (strchr("%?#", *at))
                dure_buf_printf(&name, "%%%02x", (unsigned char)*at);
            else
                dure_buf_byte(&name, (uint8_t)*at);
        dure_buf_str(&name, "/journal.db?immutable=1");
    } else {
        dure_buf_printf(&name, "%s/journal.db", journal->directory);
    }
    return dure_buf_take(&name);
}

/* SQLite would make the file readable by all; bodies are private. The WAL takes the mode of its database. */
static enum dure_err make_private(struct dure_journal *journal, struct dure_error *error)
{
    char *path = dure_file_path(journal->directory, "journal.db");
    if (!path)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int number = errno;
    if (fd >= 0)
        close(fd);
    const enum dure_err err =
        fd >= 0 ? DURE_OK : dure_fail(error, dure_file_errno(number), "opening %s: %s", path, strerror(number));
    free(path);
    return err;
}

static enum dure_err open_file(struct dure_journal *journal, const struct dure_journal_options *options,
                               struct dure_error *error)
{
    enum dure_err err = options->create && !options->vfs ? make_private(journal, error) : DURE_OK;
    if (err)
        return err;
    char *name = database_name(journal);
    if (!name)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const int flags = frozen(journal) ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                                      : SQLITE_OPEN_READWRITE | (options->create ? SQLITE_OPEN_CREATE : 0);
    const int rc =
        sqlite3_open_v2(name, &journal->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, options->vfs);
    free(name);
    if (rc != SQLITE_OK)
        err = dure_sql_fail(journal, rc, "opening the journal", error);
    if (err == DURE_E_NOT_FOUND)
        return dure_fail(error, err, "there is no journal in %s", journal->directory);
    if (!err)
        sqlite3_limit(journal->db, SQLITE_LIMIT_LENGTH, DURE_BODY_BYTES_MAX + 4096);
    return err;
}

static enum dure_err wal_is_empty(struct dure_journal *journal, struct dure_error *error)
{
    char *path = dure_file_path(journal->directory, "journal.db-wal");
    struct stat status;
    const bool full = path && stat(path, &status) == 0 && status.st_size > 0;
    free(path);
    if (full)
        return dure_fail(error, DURE_E_PERMISSION,
                         "%s has writes that are not settled yet and may not be written: copy the folder to a place "
                         "that may, and read it there",
                         journal->directory);
    return DURE_OK;
}

enum dure_err dure_schema_open(struct dure_journal *journal, const struct dure_journal_options *options,
                               bool *ret_created, struct dure_error *error)
{
    bool empty = false;
    enum dure_err err = frozen(journal) ? wal_is_empty(journal, error) : DURE_OK;
    if (!err)
        err = open_file(journal, options, error);
    if (!err && !frozen(journal))
        err = configure(journal, error);
    if (!err)
        err = check_version(journal, options->create && !options->read_only, &empty, error);
    if (!err && empty)
        err = create(journal, options->origin, error);
    if (!err && !frozen(journal))
        err = settle_wal(journal, error);
    if (!err && journal->read_only)
        err = dure_sql_exec(journal, "PRAGMA query_only=ON", "opening the journal", error);
    if (!err)
        err = load_origin(journal, error);
    if (!err)
        *ret_created = empty;
    return err;
}
