#include <errno.h>
#include <string.h>

#include "journal/file.h"
#include "journal/inner.h"

static const char *const texts[DURE_SQL_COUNT] = {
#define X(name, sql) [DURE_SQL_##name] = sql,
    DURE_STATEMENTS(X)
#undef X
};

enum dure_err dure_journal_broken(struct dure_error *error)
{
    return dure_fail(error, DURE_E_IO,
                     "a write to the journal did not reach the disk: this process must end (nothing acknowledged is "
                     "lost; what the disk "
                     "holds is read again at the next start)");
}

enum dure_err dure_sql_fail(struct dure_journal *journal, int rc, const char *doing, struct dure_error *error)
{
    /* SQLite does not note the system's reason when it is the commit that fails; errno still holds it. */
    const int noted = journal->db ? sqlite3_system_errno(journal->db) : 0, number = noted ? noted : errno;
    const char *text = journal->db ? sqlite3_errmsg(journal->db) : sqlite3_errstr(rc);
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_TRUNCATE) {
        journal->broken = true;
        return dure_fail(
            error, DURE_E_IO,
            "%s: the disk refused to sync (%s): this process must end; see the kernel's log and the disk's health",
            doing, number ? strerror(number) : text);
    }
    if (rc == SQLITE_IOERR_WRITE && (number == EDQUOT || number == EFBIG))
        return dure_fail(error, DURE_E_FULL, "%s: %s; nothing was written: make room and try again", doing,
                         strerror(number));
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return dure_fail(error, DURE_E_FULL, "%s: the disk is full; nothing was written: make room in %s and try again",
                         doing, journal->directory);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            return dure_fail(error, DURE_E_MEMORY, "%s: out of memory", doing);
        /* A failed write leaves unknown what the file holds; a failed read does not. */
        journal->broken = journal->broken || rc == SQLITE_IOERR_WRITE;
        return dure_fail(error, DURE_E_IO, "%s: %s (%s)", doing, text, number ? strerror(number) : "no further reason");
    case SQLITE_NOMEM: return dure_fail(error, DURE_E_MEMORY, "%s: out of memory", doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return dure_fail(
            error, DURE_E_LOCKED,
            "%s: another program has %s/journal.db open: close it (the sqlite3 shell, a backup tool) and try again",
            doing, journal->directory);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return dure_fail(error, DURE_E_CORRUPT,
                         "%s: %s/journal.db is damaged (%s): keep the folder as it is, and restore the newest backup "
                         "into an empty one with "
                         "`dure restore`",
                         doing, journal->directory, text);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return dure_fail(error, DURE_E_PERMISSION, "%s: %s/journal.db may not be written (%s)", doing,
                         journal->directory, text);
    case SQLITE_CANTOPEN:
        return dure_fail(error,
                         number == ENOENT   ? DURE_E_NOT_FOUND
                         : number == EACCES ? DURE_E_PERMISSION
                                            : DURE_E_IO,
                         "%s: %s/journal.db cannot be opened (%s)", doing, journal->directory,
                         number ? strerror(number) : text);
    case SQLITE_TOOBIG: return dure_fail(error, DURE_E_LIMIT, "%s: too large", doing);
    default: return dure_fail(error, DURE_E_CORRUPT, "%s: %s (code %d)", doing, text, rc);
    }
}

enum dure_err dure_sql(struct dure_journal *journal, enum dure_statement which, sqlite3_stmt **ret_statement,
                       struct dure_error *error)
{
    if (!journal->statement[which]) {
        sqlite3_stmt *statement = NULL;
        const int rc = sqlite3_prepare_v3(journal->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (rc != SQLITE_OK)
            return dure_sql_fail(journal, rc, "preparing a statement of the journal", error);
        journal->statement[which] = statement;
    }
    *ret_statement = journal->statement[which];
    return DURE_OK;
}

enum dure_err dure_sql_run(struct dure_journal *journal, sqlite3_stmt *statement, const char *doing,
                           struct dure_error *error)
{
    errno = 0;
    const int rc = sqlite3_step(statement);
    const enum dure_err err = rc == SQLITE_DONE ? DURE_OK : dure_sql_fail(journal, rc, doing, error);
    sqlite3_reset(statement);
    return err;
}

enum dure_err dure_sql_exec(struct dure_journal *journal, const char *sql, const char *doing, struct dure_error *error)
{
    const int rc = sqlite3_exec(journal->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? DURE_OK : dure_sql_fail(journal, rc, doing, error);
}

enum dure_err dure_sql_begin(struct dure_journal *journal, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (journal->read_only)
        return dure_fail(error, DURE_E_STATE, "the journal is open for reading only");
    sqlite3_stmt *begin = NULL;
    const enum dure_err err = dure_sql(journal, DURE_SQL_BEGIN, &begin, error);
    return err ? err : dure_sql_run(journal, begin, "beginning a transaction", error);
}

enum dure_err dure_sql_commit(struct dure_journal *journal, struct dure_error *error)
{
    sqlite3_stmt *commit = NULL;
    const enum dure_err err = dure_sql(journal, DURE_SQL_COMMIT, &commit, error);
    return err ? err : dure_sql_run(journal, commit, "writing to the journal", error);
}

void dure_sql_rollback(struct dure_journal *journal)
{
    /* Some failures have rolled back already. */
    if (sqlite3_get_autocommit(journal->db))
        return;
    if (sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        journal->broken = true;
}
