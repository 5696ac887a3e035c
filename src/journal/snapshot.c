#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "journal/file.h"
#include "journal/journal.h"
#include "journal/snapfile.h"

/* A file: header (one page), the state's bytes, then a checksum for each 1 MiB of them. The header is written last, when all is known, so that a
 * file cut short has none. The bytes lie together, so that a reader maps them. */
struct dure_snapshot_writer {
    int fd;
    char *directory; /* .../snapshots */
    char *path, *final_path;
    struct dure_snapheader header;
    DURE_VEC(struct dure_digest) sums;
    uint8_t *chunk;
    size_t chunk_length;
    enum dure_err err;
    int number;
};

enum { SUMS_MAX = 1 << 20, FILES_MAX = 4096, KEPT = 2 };

void dure_snapshot_abort(struct dure_snapshot_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0) {
        close(writer->fd);
        unlink(writer->path);
    }
    DURE_VEC_FREE(&writer->sums);
    free(writer->chunk);
    free(writer->directory);
    free(writer->path);
    free(writer->final_path);
    free(writer);
}

static enum dure_err open_writer(struct dure_snapshot_writer *writer, const char *directory, struct dure_error *error)
{
    writer->directory = dure_file_path(directory, "snapshots");
    writer->chunk = malloc(DURE_SNAP_CHUNK);
    if (!writer->directory || !writer->chunk ||
        asprintf(&writer->final_path, "%s/%020" PRIu64 ".snapshot", writer->directory, writer->header.sequence) < 0)
        return dure_fail(error, DURE_E_MEMORY, "writing a snapshot: out of memory");
    if (asprintf(&writer->path, "%s.new", writer->final_path) < 0) {
        writer->path = NULL;
        return dure_fail(error, DURE_E_MEMORY, "writing a snapshot: out of memory");
    }
    if (mkdir(writer->directory, 0700) && errno != EEXIST)
        return dure_fail(error, dure_file_errno(errno), "creating %s: %s", writer->directory, strerror(errno));
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const uint8_t blank[DURE_SNAP_HEADER] = {0};
    if (writer->fd < 0 || !dure_file_write(writer->fd, blank, sizeof blank))
        return dure_fail(error, dure_file_errno(errno), "writing %s: %s", writer->path, strerror(errno));
    return DURE_OK;
}

enum dure_err dure_snapshot_begin(const char *directory, uint64_t sequence, struct dure_digest digest, uint32_t version,
                                  struct dure_snapshot_writer **ret_writer, struct dure_error *error)
{
    struct dure_snapshot_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return dure_fail(error, DURE_E_MEMORY, "writing a snapshot: out of memory");
    writer->fd = -1;
    writer->header = (struct dure_snapheader){.version = version, .sequence = sequence, .digest = digest};
    const enum dure_err err = open_writer(writer, directory, error);
    if (err)
        dure_snapshot_abort(writer);
    else
        *ret_writer = writer;
    return err;
}

static bool flush(struct dure_snapshot_writer *writer)
{
    if (!writer->chunk_length)
        return true;
    const struct dure_digest sum =
        dure_hash128(DURE_SNAP_DOMAIN + writer->sums.count, writer->chunk, writer->chunk_length);
    if (!DURE_VEC_PUSH(&writer->sums, sum, SUMS_MAX)) {
        writer->err = DURE_E_MEMORY;
        return false;
    }
    if (!dure_file_write(writer->fd, writer->chunk, writer->chunk_length)) {
        writer->number = errno;
        writer->err = dure_file_errno(errno);
        return false;
    }
    writer->header.length += writer->chunk_length;
    writer->chunk_length = 0;
    return true;
}

bool dure_snapshot_write(void *context, const void *bytes, size_t length)
{
    struct dure_snapshot_writer *writer = context;
    const uint8_t *at = bytes;
    while (!writer->err && length) {
        const size_t room = DURE_SNAP_CHUNK - writer->chunk_length, part = length < room ? length : room;
        memcpy(writer->chunk + writer->chunk_length, at, part);
        writer->chunk_length += part;
        at += part;
        length -= part;
        if (writer->chunk_length == DURE_SNAP_CHUNK)
            flush(writer);
    }
    return !writer->err;
}

static bool finish(struct dure_snapshot_writer *writer)
{
    uint8_t page[DURE_SNAP_HEADER];
    uint8_t sum[16];
    struct dure_digest all = {{0, 0}};
    if (writer->err || !flush(writer))
        return false;
    for (size_t i = 0; i < writer->sums.count; i++) {
        dure_snap_put_digest(writer->sums.at[i], sum);
        if (!dure_file_write(writer->fd, sum, sizeof sum)) {
            writer->number = errno;
            return false;
        }
        all = dure_hash128(all.lane[0] ^ all.lane[1] << 1, sum, sizeof sum);
    }
    writer->header.sums = all;
    dure_snapheader_write(&writer->header, page);
    const bool ok = fsync(writer->fd) == 0 && pwrite(writer->fd, page, sizeof page, 0) == (ssize_t)sizeof page &&
                    fsync(writer->fd) == 0;
    writer->number = errno;
    return ok;
}

/* The newest that were there before, and this one, stay. One with a higher number is of another past (a journal put back from a backup). */
static void prune(const char *directory, uint64_t sequence)
{
    DURE_VEC(uint64_t) older = {0};
    DIR *folder = opendir(directory);
    const int fd = folder ? dirfd(folder) : -1;
    uint64_t second = 0, found;
    bool has_second = false;
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (dure_snap_parse_name(entry->d_name, &found) && found != sequence &&
            DURE_VEC_PUSH(&older, found, FILES_MAX) && found < sequence && (!has_second || found > second)) {
            second = found;
            has_second = true;
        }
    for (size_t i = 0; i < older.count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%020" PRIu64 ".snapshot", older.at[i]);
        if (!has_second || older.at[i] != second)
            (void)unlinkat(fd, name, 0);
    }
    DURE_VEC_FREE(&older);
    if (folder)
        closedir(folder);
}

enum dure_err dure_snapshot_commit(struct dure_snapshot_writer *writer, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    if (!finish(writer)) {
        err = writer->err ? writer->err : dure_file_errno(writer->number);
        err = dure_fail(error, err, "writing %s: %s", writer->path,
                        writer->number ? strerror(writer->number) : dure_err_sentence(err));
    } else if (rename(writer->path, writer->final_path)) {
        err = dure_fail(error, dure_file_errno(errno), "naming %s: %s", writer->final_path, strerror(errno));
    } else {
        close(writer->fd);
        writer->fd = -1;
        err = dure_file_sync_directory(writer->directory, error);
        prune(writer->directory, writer->header.sequence);
    }
    dure_snapshot_abort(writer);
    return err;
}

static int descending(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* Adds one more reason to the note. */
static void note(char *notes, size_t size, const char *name, const char *reason)
{
    const size_t length = strlen(notes);
    snprintf(notes + length, size - length, "%ssnapshot %s discarded: %s", length ? "; " : "", name, reason);
}

static enum dure_err list(const char *directory, uint64_t sequence_max, uint64_t **ret_sequences, size_t *ret_count,
                          struct dure_error *error)
{
    DURE_VEC(uint64_t) sequences = {0};
    DIR *folder = opendir(directory);
    if (!folder)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no snapshot yet");
    uint64_t sequence;
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(folder));)
        if (dure_snap_parse_name(entry->d_name, &sequence) && sequence <= sequence_max)
            ok = DURE_VEC_PUSH(&sequences, sequence, FILES_MAX);
    closedir(folder);
    if (!ok) {
        DURE_VEC_FREE(&sequences);
        return dure_fail(error, DURE_E_MEMORY, "listing snapshots: out of memory, or too many");
    }
    if (sequences.count)
        qsort(sequences.at, sequences.count, sizeof *sequences.at, descending);
    *ret_sequences = sequences.at;
    *ret_count = sequences.count;
    return DURE_OK;
}

enum dure_err dure_snapshot_newest(const char *directory, uint32_t version, uint64_t sequence_max,
                                   struct dure_snapshot *ret_snapshot, struct dure_error *error)
{
    char notes[DURE_ERROR_TEXT_MAX] = "";
    uint64_t *sequences = NULL;
    size_t count = 0;
    char *folder = dure_file_path(directory, "snapshots");
    enum dure_err err = folder ? list(folder, sequence_max, &sequences, &count, error)
                               : dure_fail(error, DURE_E_MEMORY, "out of memory");
    bool found = false;
    for (size_t i = 0; !err && !found && i < count; i++) {
        char name[64], reason[256];
        snprintf(name, sizeof name, "%020" PRIu64 ".snapshot", sequences[i]);
        char *path = dure_file_path(folder, name);
        const enum dure_err bad =
            path ? dure_snap_map(path, version, sequences[i], ret_snapshot, reason, sizeof reason) : DURE_OK;
        if (!path)
            err = dure_fail(error, DURE_E_MEMORY, "out of memory");
        else if (bad)
            note(notes, sizeof notes, name, reason);
        found = path && !bad;
        if (bad == DURE_E_CORRUPT)
            (void)unlink(path);
        free(path);
    }
    free(sequences);
    free(folder);
    if (!err && !found)
        return dure_fail(error, DURE_E_NOT_FOUND, "%s", notes[0] ? notes : "there is no snapshot yet");
    if (!err && error) {
        error->code = DURE_OK;
        memcpy(error->text, notes, sizeof notes);
    }
    return err;
}
