#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/folder.h"
#include "journal/inner.h"
#include "journal/snapfile.h"

enum { MANIFEST_MAX = 64 * 1024 };

struct dure_backup {
    struct dure_journal *journal;
    struct dure_folder folder;
    sqlite3 *db;
    sqlite3_backup *copy;
    bool with_key, done;
    uint64_t size; /* what the copy holds, and the checkpoint that says so: the journal may have grown since */
    struct dure_buf manifest, checkpoint;
};

static void close_copy(struct dure_backup *backup)
{
    sqlite3_backup_finish(backup->copy);
    sqlite3_close(backup->db);
    backup->copy = NULL;
    backup->db = NULL;
}

static void backup_free(struct dure_backup *backup)
{
    dure_buf_release(&backup->manifest);
    dure_buf_release(&backup->checkpoint);
    free(backup);
}

void dure_backup_abort(struct dure_backup *backup)
{
    if (!backup)
        return;
    close_copy(backup);
    dure_folder_close(&backup->folder, false);
    backup_free(backup);
}

static enum dure_err fail_copy(struct dure_backup *backup, int rc, struct dure_error *error)
{
    /* A full disk or a failed sync of the copy is not the journal's: it goes on. */
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return dure_fail(error, DURE_E_FULL, "writing the backup: the disk of %s is full", backup->folder.path);
    case SQLITE_NOMEM: return dure_fail(error, DURE_E_MEMORY, "writing the backup: out of memory");
    case SQLITE_CORRUPT: return dure_sql_fail(backup->journal, rc, "reading the journal for the backup", error);
    default: return dure_fail(error, DURE_E_IO, "writing the backup: %s", sqlite3_errstr(rc));
    }
}

static enum dure_err open_copy(struct dure_backup *backup, struct dure_error *error)
{
    char *path = dure_file_path(backup->folder.path, "journal.db");
    enum dure_err err =
        path ? dure_folder_add(&backup->folder, "journal.db", error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = dure_file_create(path, "", 0, error); /* private from the start */
    if (!err) {
        int rc = sqlite3_open_v2(path, &backup->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                 NULL);
        if (rc == SQLITE_OK) /* the copy counts only when its manifest is there: it is synced once, before that */
            rc = sqlite3_exec(backup->db,
                              "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE", NULL,
                              NULL, NULL);
        if (rc == SQLITE_OK && !(backup->copy = sqlite3_backup_init(backup->db, "main", backup->journal->db, "main")))
            rc = sqlite3_extended_errcode(backup->db);
        if (rc != SQLITE_OK)
            err = fail_copy(backup, rc, error);
    }
    free(path);
    return err;
}

enum dure_err dure_backup_begin(struct dure_journal *journal, const char *directory, bool with_key,
                                struct dure_backup **ret_backup, struct dure_error *error)
{
    if (journal->broken)
        return dure_journal_broken(error);
    if (journal->read_only)
        return dure_fail(error, DURE_E_STATE, "a journal open for reading only is copied with cp");
    struct dure_backup *backup = calloc(1, sizeof *backup);
    if (!backup)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    backup->journal = journal;
    backup->with_key = with_key;
    dure_buf_init(&backup->manifest, MANIFEST_MAX);
    dure_buf_init(&backup->checkpoint, DURE_NOTE_MAX);
    enum dure_err err = dure_folder_open(&backup->folder, directory, error);
    if (err) {
        backup_free(backup);
        return err;
    }
    err = open_copy(backup, error);
    if (err)
        dure_backup_abort(backup);
    else
        *ret_backup = backup;
    return err;
}

enum dure_err dure_backup_step(struct dure_backup *backup, int pages, bool *ret_done, struct dure_error *error)
{
    const int rc = backup->done ? SQLITE_DONE : sqlite3_backup_step(backup->copy, pages);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return fail_copy(backup, rc, error);
    if (rc == SQLITE_DONE && !backup->done) {
        const enum dure_err err = dure_journal_checkpoint(backup->journal, &backup->checkpoint, error);
        if (err)
            return err;
        backup->size = backup->journal->head.size;
        backup->done = true;
    }
    *ret_done = backup->done;
    return DURE_OK;
}

static enum dure_err list_file(struct dure_backup *backup, const char *name, const uint8_t sha256[32],
                               struct dure_error *error)
{
    for (unsigned i = 0; i < 32; i++)
        dure_buf_printf(&backup->manifest, "%02x", sha256[i]);
    dure_buf_printf(&backup->manifest, "  %s\n", name);
    return backup->manifest.failed ? dure_fail(error, DURE_E_MEMORY, "writing the backup: out of memory") : DURE_OK;
}

/* Copies a file of the journal's folder under the same name. */
static enum dure_err copy_file(struct dure_backup *backup, const char *name, struct dure_error *error)
{
    char *from = dure_file_path(backup->journal->directory, name), *to = dure_file_path(backup->folder.path, name);
    uint8_t sha256[32];
    enum dure_err err =
        from && to ? dure_folder_add(&backup->folder, name, error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = dure_file_copy(from, to, sha256, error);
    if (!err)
        err = list_file(backup, name, sha256, error);
    free(from);
    free(to);
    return err;
}

/* A snapshot that is replaced while we look is simply not copied: the records are all there. */
static enum dure_err copy_snapshots(struct dure_backup *backup, struct dure_error *error)
{
    char *path = dure_file_path(backup->journal->directory, "snapshots");
    if (!path)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    DIR *folder = opendir(path);
    free(path);
    enum dure_err err = DURE_OK;
    uint64_t sequence;
    for (const struct dirent *entry; !err && folder && (entry = readdir(folder));) {
        if (!dure_snap_parse_name(entry->d_name, &sequence) || sequence > backup->size)
            continue;
        char name[300];
        snprintf(name, sizeof name, "snapshots/%s", entry->d_name);
        err = copy_file(backup, name, error);
        if (err == DURE_E_NOT_FOUND)
            err = DURE_OK;
    }
    if (folder)
        closedir(folder);
    return err;
}

static enum dure_err sync_copy(struct dure_backup *backup, struct dure_error *error)
{
    close_copy(backup);
    char *path = dure_file_path(backup->folder.path, "journal.db");
    uint8_t sha256[32];
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    enum dure_err err = DURE_OK;
    if (fd < 0 || fsync(fd))
        err = dure_fail(error, path ? dure_file_errno(errno) : DURE_E_MEMORY, "syncing the backup: %s",
                        path ? strerror(errno) : "out of memory");
    if (fd >= 0)
        close(fd);
    if (!err)
        err = dure_file_sha256(path, sha256, error);
    if (!err)
        err = list_file(backup, "journal.db", sha256, error);
    free(path);
    return err;
}

static enum dure_err write_checkpoint(struct dure_backup *backup, struct dure_error *error)
{
    char *path = dure_file_path(backup->folder.path, "checkpoint");
    uint8_t sha256[32];
    enum dure_err err =
        path ? dure_folder_add(&backup->folder, "checkpoint", error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = dure_file_create(path, backup->checkpoint.data, backup->checkpoint.length, error);
    if (!err)
        err = dure_file_sha256(path, sha256, error);
    if (!err)
        err = list_file(backup, "checkpoint", sha256, error);
    free(path);
    return err;
}

static enum dure_err finish(struct dure_backup *backup, struct dure_error *error)
{
    dure_buf_str(&backup->manifest, dure_manifest_first);
    dure_buf_printf(&backup->manifest, "# %s, %llu leaves%s\n", backup->journal->origin,
                    (unsigned long long)backup->size,
                    backup->with_key ? ", with the signing key" : ", without the signing key");
    enum dure_err err = sync_copy(backup, error);
    if (!err)
        err = write_checkpoint(backup, error);
    if (!err)
        err = copy_snapshots(backup, error);
    if (!err && backup->with_key)
        err = copy_file(backup, "key", error);
    if (!err)
        err = dure_folder_sync(&backup->folder, error);
    char *path = err ? NULL : dure_file_path(backup->folder.path, "MANIFEST");
    if (!err)
        err = path ? dure_folder_add(&backup->folder, "MANIFEST", error)
                   : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = dure_file_create(path, backup->manifest.data, backup->manifest.length, error);
    free(path);
    return err;
}

enum dure_err dure_backup_commit(struct dure_backup *backup, struct dure_error *error)
{
    DURE_ASSERT(backup->done);
    const enum dure_err err = finish(backup, error);
    close_copy(backup);
    dure_folder_close(&backup->folder, !err);
    backup_free(backup);
    return err;
}

enum dure_err dure_journal_backup(struct dure_journal *journal, const char *directory, bool with_key,
                                  struct dure_error *error)
{
    struct dure_backup *backup = NULL;
    enum dure_err err = dure_backup_begin(journal, directory, with_key, &backup, error);
    for (bool done = false; !err && !done;)
        err = dure_backup_step(backup, 4096, &done, error);
    if (!err)
        return dure_backup_commit(backup, error);
    dure_backup_abort(backup);
    return err;
}
