#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/inner.h"

struct last_signer {
    bool there;
    int64_t id;
    uint8_t public_key[32];
};

static enum dure_err last_signer(struct dure_journal *journal, struct last_signer *ret, struct dure_error *error)
{
    sqlite3_stmt *last;
    enum dure_err err = dure_sql(journal, DURE_SQL_SIGNER_LAST, &last, error);
    if (err)
        return err;
    struct last_signer found = {0};
    const int rc = sqlite3_step(last);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(last, 1) == sizeof found.public_key) {
        found.there = true;
        found.id = sqlite3_column_int64(last, 0);
        memcpy(found.public_key, sqlite3_column_blob(last, 1), sizeof found.public_key);
    } else if (rc != SQLITE_DONE) {
        err = rc == SQLITE_ROW ? dure_fail(error, DURE_E_CORRUPT, "the journal's list of signers is damaged")
                               : dure_sql_fail(journal, rc, "reading the signers", error);
    }
    sqlite3_reset(last);
    if (!err)
        *ret = found;
    return err;
}

static struct dure_checkpoint present(const struct dure_journal *journal)
{
    struct dure_checkpoint checkpoint = {.size = journal->head.size};
    memcpy(checkpoint.origin, journal->origin, sizeof journal->origin);
    memcpy(checkpoint.root, journal->head.root, sizeof checkpoint.root);
    return checkpoint;
}

/* From here on `signer` signs; the change is itself signed, by the key before too where it is there. */
static enum dure_err record_signer(struct dure_journal *journal, int64_t id, const struct dure_signer *signer,
                                   const struct dure_signer *before, struct dure_error *error)
{
    struct dure_buf note DURE_CLEANUP_BUF;
    dure_buf_init(&note, DURE_NOTE_MAX);
    const struct dure_checkpoint checkpoint = present(journal);
    uint8_t public_key[32];
    sqlite3_stmt *add;
    dure_signer_public(signer, public_key);
    enum dure_err err = dure_checkpoint_sign(signer, &checkpoint, &note, error);
    if (!err && before)
        err = dure_checkpoint_cosign(before, &note, error);
    if (!err)
        err = dure_sql(journal, DURE_SQL_SIGNER_ADD, &add, error);
    if (!err)
        err = dure_sql_begin(journal, error);
    if (err)
        return err;
    sqlite3_bind_int64(add, 1, id);
    sqlite3_bind_int64(add, 2, (int64_t)checkpoint.size);
    sqlite3_bind_blob(add, 3, public_key, sizeof public_key, SQLITE_STATIC);
    sqlite3_bind_text(add, 4, note.data, (int)note.length, SQLITE_STATIC);
    err = dure_sql_run(journal, add, "recording the signing key", error);
    sqlite3_clear_bindings(add);
    if (!err)
        err = dure_sql_commit(journal, error);
    if (err)
        dure_sql_rollback(journal);
    return err;
}

static bool is_signer(const struct dure_signer *signer, const uint8_t public_key[32])
{
    uint8_t mine[32];
    dure_signer_public(signer, mine);
    return memcmp(mine, public_key, sizeof mine) == 0;
}

/* A change of keys: new file `key.next`, then the row, then the new file takes the old one's name. */
static enum dure_err change_key(struct dure_journal *journal, int64_t id, const char *path, const char *next_path,
                                struct dure_signer *before, struct dure_error *error)
{
    struct dure_signer *signer = NULL;
    if (unlink(next_path) && errno != ENOENT)
        return dure_fail(error, dure_file_errno(errno), "removing %s: %s", next_path, strerror(errno));
    enum dure_err err = dure_signer_create(next_path, error);
    if (!err)
        err = dure_signer_load(next_path, &signer, error);
    if (!err)
        err = record_signer(journal, id, signer, before, error);
    if (!err && rename(next_path, path))
        err = dure_fail(error, dure_file_errno(errno), "naming %s: %s", path, strerror(errno));
    if (!err)
        err = dure_file_sync_directory(journal->directory, error);
    if (err)
        dure_signer_free(signer);
    else
        journal->signer = signer;
    return err;
}

/* The key that the last row names: `key`, or `key.next` when a change of keys was cut short after its row was written. */
static enum dure_err load_key(const char *path, const char *next_path, const uint8_t public_key[32],
                              struct dure_signer **ret_signer, struct dure_error *error)
{
    struct dure_signer *signer = NULL, *next = NULL;
    enum dure_err err = dure_signer_load(path, &signer, error);
    if (!err && is_signer(signer, public_key)) {
        *ret_signer = signer;
        return DURE_OK;
    }
    if (dure_signer_load(next_path, &next, NULL) == DURE_OK && is_signer(next, public_key)) {
        dure_signer_free(signer);
        if (rename(next_path, path)) {
            dure_signer_free(next);
            return dure_fail(error, dure_file_errno(errno), "naming %s: %s", path, strerror(errno));
        }
        *ret_signer = next;
        return DURE_OK;
    }
    dure_signer_free(signer);
    dure_signer_free(next);
    if (!err)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "the signing key %s is another journal's: put back the one that belongs here, or start once "
                        "with `dured --new-key` to sign with a new key from here on, which the log records",
                        path);
    return err;
}

static enum dure_err first_key(struct dure_journal *journal, const char *path, struct dure_error *error)
{
    /* A key that lies there already is used: the operator's own, or one made before a crash. */
    enum dure_err err = access(path, F_OK) ? dure_signer_create(path, error) : DURE_OK;
    if (!err)
        err = dure_signer_load(path, &journal->signer, error);
    return err ? err : record_signer(journal, 0, journal->signer, NULL, error);
}

static enum dure_err open_key(struct dure_journal *journal, const struct dure_journal_options *options,
                              const struct last_signer *last, const char *path, const char *next_path,
                              struct dure_error *error)
{
    if (!last->there)
        return first_key(journal, path, error);
    struct dure_signer *before = NULL;
    enum dure_err err = load_key(path, next_path, last->public_key, &before, error);
    if (!options->new_key) {
        journal->signer = before;
        return err;
    }
    err = change_key(journal, last->id + 1, path, next_path, before, error);
    dure_signer_free(before);
    return err;
}

enum dure_err dure_signing_open(struct dure_journal *journal, const struct dure_journal_options *options, bool created,
                                struct dure_error *error)
{
    struct last_signer last = {0};
    enum dure_err err = last_signer(journal, &last, error);
    if (err)
        return err;
    if (!last.there && (journal->read_only || journal->head.size))
        return dure_fail(error, DURE_E_CORRUPT, "the journal's list of signers is empty");
    DURE_ASSERT(!created || !last.there);
    if (journal->read_only) {
        memcpy(journal->public_key, last.public_key, sizeof last.public_key);
        return DURE_OK;
    }
    char *path = dure_file_path(journal->directory, "key"), *next_path = dure_file_path(journal->directory, "key.next");
    err = path && next_path ? open_key(journal, options, &last, path, next_path, error)
                            : dure_fail(error, DURE_E_MEMORY, "out of memory");
    free(path);
    free(next_path);
    if (!err)
        dure_signer_public(journal->signer, journal->public_key);
    return err;
}

void dure_journal_public_key(const struct dure_journal *journal, uint8_t ret_public[32])
{
    memcpy(ret_public, journal->public_key, sizeof journal->public_key);
}

enum dure_err dure_journal_signers(struct dure_journal *journal, dure_journal_signer_fn signer, void *context,
                                   struct dure_error *error)
{
    sqlite3_stmt *all;
    enum dure_err err = dure_sql(journal, DURE_SQL_SIGNER_ALL, &all, error);
    if (err)
        return err;
    int rc;
    while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
        const char *note = (const char *)sqlite3_column_text(all, 2);
        if (!note || sqlite3_column_bytes(all, 1) != 32) {
            err = dure_fail(error, DURE_E_CORRUPT, "the journal's list of signers is damaged");
            break;
        }
        if (!signer(context, (uint64_t)sqlite3_column_int64(all, 0), sqlite3_column_blob(all, 1), note))
            break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = dure_sql_fail(journal, rc, "reading the signers", error);
    sqlite3_reset(all);
    return err;
}

enum dure_err dure_journal_checkpoint(struct dure_journal *journal, struct dure_buf *ret_note, struct dure_error *error)
{
    if (!journal->signer)
        return dure_fail(error, DURE_E_STATE, "the journal is open for reading only, without its signing key");
    const struct dure_checkpoint checkpoint = present(journal);
    return dure_checkpoint_sign(journal->signer, &checkpoint, ret_note, error);
}

enum dure_err dure_journal_publish(struct dure_journal *journal, struct dure_error *error)
{
    struct dure_buf note DURE_CLEANUP_BUF;
    dure_buf_init(&note, DURE_NOTE_MAX);
    enum dure_err err = dure_journal_checkpoint(journal, &note, error);
    if (err)
        return err;
    char *path = dure_file_path(journal->directory, "checkpoint");
    err = path ? dure_file_replace(path, note.data, note.length, error)
               : dure_fail(error, DURE_E_MEMORY, "out of memory");
    free(path);
    return err;
}

struct search {
    const struct dure_buf *note;
    struct dure_checkpoint found;
    struct dure_error error;
    bool ok;
};

static bool try_signer(void *context, uint64_t size, const uint8_t public_key[32], const char *note)
{
    (void)size, (void)note;
    struct search *search = context;
    search->ok = dure_checkpoint_verify(search->note->data, search->note->length, public_key, &search->found,
                                        &search->error) == DURE_OK;
    return !search->ok;
}

/* Compares the published checkpoint with the journal as it is. */
static enum dure_err compare(struct dure_journal *journal, const char *path, const struct dure_checkpoint *was,
                             struct dure_error *error)
{
    if (strcmp(was->origin, journal->origin) != 0)
        return dure_fail(error, DURE_E_CORRUPT,
                         "%s is of the log %s, but the journal beside it of %s: one of them is in the wrong folder",
                         path, was->origin, journal->origin);
    if (was->size > journal->head.size)
        return dure_fail(error, DURE_E_CORRUPT,
                         "the journal has %" PRIu64 " leaves, but %s states that %" PRIu64
                         " were signed: its end was lost (was journal.db-wal removed, or an "
                         "older copy put back?). Restore the newest backup into an empty folder with `dure restore`; "
                         "to go on with the loss, move %s away: "
                         "outsiders who hold it will see the fork",
                         journal->head.size, path, was->size, path);
    uint8_t root[DURE_HASH_BYTES];
    const enum dure_err err = dure_root_at(journal, was->size, root, error);
    if (err)
        return err;
    if (memcmp(root, was->root, sizeof root) != 0)
        return dure_fail(error, DURE_E_CORRUPT,
                         "the first %" PRIu64 " leaves are not those that were signed in %s: the journal was changed. "
                         "Keep the folder as it is, and restore the "
                         "newest backup into an empty one with `dure restore`",
                         was->size, path);
    return DURE_OK;
}

enum dure_err dure_signing_check(struct dure_journal *journal, struct dure_error *error)
{
    char *path = dure_file_path(journal->directory, "checkpoint");
    struct dure_buf note DURE_CLEANUP_BUF;
    dure_buf_init(&note, DURE_NOTE_MAX);
    if (!path)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    struct search search = {.note = &note};
    enum dure_err err = dure_file_read(path, &note, error);
    if (err == DURE_E_NOT_FOUND) {
        free(path);
        return DURE_OK;
    }
    if (!err && !note.data)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "%s is empty: move it away to go on without its proof that no leaf was lost", path);
    if (!err)
        err = dure_journal_signers(journal, try_signer, &search, error);
    if (!err && !search.ok)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "%s is not a checkpoint of this journal (%s): move it away to go on without its proof that no "
                        "leaf was lost",
                        path, search.error.text);
    if (!err)
        err = compare(journal, path, &search.found, error);
    free(path);
    return err;
}
