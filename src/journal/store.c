#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/inner.h"

static int count_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    struct dure_journal *journal = context;
    journal->wal_pages = pages;
    return SQLITE_OK;
}

static struct dure_journal *journal_new(const struct dure_journal_options *options)
{
    struct dure_journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    journal->lock_fd = -1;
    journal->read_only = options->read_only;
    journal->wal_pages_max = DURE_WAL_PAGES;
    journal->directory = strdup(options->directory);
    journal->tree = calloc(1, sizeof *journal->tree);
    journal->next = calloc(1, sizeof *journal->next);
    dure_buf_init(&journal->row, DURE_ROW_BYTES_MAX + DURE_LEAF_BYTES_MAX + 2);
    return journal;
}

static void journal_free(struct dure_journal *journal)
{
    for (unsigned i = 0; i < DURE_SQL_COUNT; i++)
        sqlite3_finalize(journal->statement[i]);
    /* What may not be on the disk must not be copied into the database. */
    if (journal->db && journal->broken)
        sqlite3_db_config(journal->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(journal->db);
    dure_signer_free(journal->signer);
    dure_buf_release(&journal->row);
    free(journal->tree);
    free(journal->next);
    free(journal->directory);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd); /* last: the next holder must find everything settled */
    free(journal);
}

/* A backup on a read-only disk has no lock to take, and nobody can be writing there. */
static enum dure_err take_lock(struct dure_journal *journal, struct dure_error *error)
{
    const enum dure_err err = dure_lock_take(journal->directory, &journal->lock_fd, error);
    return err == DURE_E_PERMISSION && journal->read_only ? DURE_OK : err;
}

static enum dure_err open_all(struct dure_journal *journal, const struct dure_journal_options *options,
                              struct dure_error *error)
{
    bool created = false;
    struct stat status;
    if (!journal->directory || !journal->tree || !journal->next)
        return dure_fail(error, DURE_E_MEMORY, "opening the journal: out of memory");
    if (stat(journal->directory, &status) || !S_ISDIR(status.st_mode))
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no folder %s", journal->directory);
    enum dure_err err = take_lock(journal, error);
    if (!err)
        err = dure_schema_open(journal, options, &created, error);
    if (!err)
        err = dure_edge_load(journal, error);
    if (!err)
        err = dure_signing_open(journal, options, created, error);
    if (!err)
        err = dure_signing_check(journal, error);
    if (!err)
        sqlite3_wal_hook(journal->db, count_pages, journal);
    return err;
}

enum dure_err dure_journal_open(const struct dure_journal_options *options, struct dure_journal **ret_journal,
                                struct dure_error *error)
{
    struct dure_journal *journal = journal_new(options);
    if (!journal)
        return dure_fail(error, DURE_E_MEMORY, "opening the journal: out of memory");
    const enum dure_err err = open_all(journal, options, error);
    if (err)
        journal_free(journal);
    else
        *ret_journal = journal;
    return err;
}

void dure_journal_close(struct dure_journal *journal)
{
    if (!journal)
        return;
    /* A checkpoint that cannot be written now is only older than it could be. */
    if (!journal->read_only && !journal->broken)
        (void)!dure_journal_publish(journal, NULL);
    journal_free(journal);
}

void dure_journal_head(const struct dure_journal *journal, struct dure_journal_head *ret_head)
{
    *ret_head = journal->head;
}

const char *dure_journal_origin(const struct dure_journal *journal)
{
    return journal->origin;
}

uint64_t dure_journal_free_bytes(const struct dure_journal *journal)
{
    struct statvfs status;
    return statvfs(journal->directory, &status) ? 0 : (uint64_t)status.f_bavail * status.f_frsize;
}
