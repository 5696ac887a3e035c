/* Where the output of ended attempts lies, for as long as the record of them: a thousand attempts to a file, since a file for each would cost a
 * disk more to make than all that is in it. A file is records, one after the other, each between two lines that are the same: of one that was cut
 * off nothing is believed. Who writes holds the file's lock. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/local_inner.h"

enum { PER_FILE = 1000, LINE_BYTES = 36, NAME_BYTES = 64 };
#define LINE "ended %020" PRIu64 " %08zu\n" /* the attempt (0: erased) and the bytes between the lines */

struct record {
    uint64_t attempt;
    off_t at; /* of what is between its lines */
    size_t length;
};

static void name_of(uint64_t attempt, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "ended/%" PRIu64 ".list", attempt / PER_FILE);
}

/* Its file, locked until it is closed. */
static int open_list(int dir_fd, uint64_t attempt, int flags, int lock)
{
    char name[NAME_BYTES];
    name_of(attempt, name);
    const int fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, lock) == 0)
        return fd;
    close(fd);
    return -1;
}

static off_t end_of(const struct record *record)
{
    return record->at + (off_t)record->length + LINE_BYTES;
}

static bool record_at(int fd, off_t at, struct record *ret_record)
{
    char line[LINE_BYTES + 1] = "", again[LINE_BYTES], *end;
    if (pread(fd, line, LINE_BYTES, at) != LINE_BYTES || strncmp(line, "ended ", 6) != 0)
        return false;
    ret_record->attempt = strtoull(line + 6, &end, 10);
    ret_record->length = strtoull(end, NULL, 10);
    ret_record->at = at + LINE_BYTES;
    return ret_record->length <= DURE_ATTEMPT_BYTES_MAX &&
           pread(fd, again, LINE_BYTES, ret_record->at + (off_t)ret_record->length) == LINE_BYTES &&
           memcmp(line, again, LINE_BYTES) == 0;
}

/* The attempt's record, from `*at` on, which is moved behind it. What a machine that went down left of a record is passed byte by byte. */
static bool find(int fd, uint64_t attempt, off_t *at, struct record *ret_record)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return false;
    while (*at < info.st_size) {
        const bool whole = record_at(fd, *at, ret_record);
        *at = whole ? end_of(ret_record) : *at + 1;
        if (whole && ret_record->attempt == attempt)
            return true;
    }
    return false;
}

void local_ended_keep(int dir_fd, uint64_t attempt, const void *bytes, size_t length)
{
    char line[LINE_BYTES + 1];
    struct stat before;
    int fd = open_list(dir_fd, attempt, O_WRONLY | O_APPEND | O_CREAT, LOCK_EX);
    if (fd < 0 && errno == ENOENT) {
        (void)!mkdirat(dir_fd, "ended", 0700); /* unless another was faster */
        fd = open_list(dir_fd, attempt, O_WRONLY | O_APPEND | O_CREAT, LOCK_EX);
    }
    if (fd < 0)
        return;
    snprintf(line, sizeof line, LINE, attempt, length);
    const struct iovec record[] = {{line, LINE_BYTES}, {(void *)(uintptr_t)bytes, length}, {line, LINE_BYTES}};
    if (fstat(fd, &before) == 0 && writev(fd, record, 3) != (ssize_t)(LINE_BYTES + length + LINE_BYTES))
        (void)!ftruncate(fd, before.st_size);
    close(fd);
}

enum dure_err local_ended_read(int dir_fd, uint64_t attempt, char **ret_bytes, size_t *ret_length)
{
    struct record record;
    off_t at = 0;
    enum dure_err err = DURE_E_NOT_FOUND;
    const int fd = open_list(dir_fd, attempt, O_RDONLY, LOCK_SH);
    if (fd < 0)
        return err;
    if (find(fd, attempt, &at, &record)) {
        char *bytes = malloc(record.length + 1);
        err = !bytes                                                                 ? DURE_E_MEMORY
              : pread(fd, bytes, record.length, record.at) == (ssize_t)record.length ? DURE_OK
                                                                                     : DURE_E_IO;
        if (err) {
            free(bytes);
        } else {
            bytes[record.length] = '\0';
            *ret_bytes = bytes;
            *ret_length = record.length;
        }
    }
    close(fd);
    return err;
}

/* In its place, so that nobody who waits for the lock holds another file. */
static bool blank(int fd, const struct record *record)
{
    static const char nothing[4096];
    char line[LINE_BYTES + 1];
    snprintf(line, sizeof line, LINE, UINT64_C(0), record->length);
    for (size_t done = 0; done < record->length;) {
        const size_t rest = record->length - done, part = rest < sizeof nothing ? rest : sizeof nothing;
        const ssize_t put = pwrite(fd, nothing, part, record->at + (off_t)done);
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return pwrite(fd, line, LINE_BYTES, record->at + (off_t)record->length) == LINE_BYTES &&
           pwrite(fd, line, LINE_BYTES, record->at - LINE_BYTES) == LINE_BYTES;
}

enum dure_err local_ended_erase(int dir_fd, uint64_t attempt)
{
    struct record record;
    off_t at = 0;
    bool erased = true;
    const int fd = open_list(dir_fd, attempt, O_RDWR, LOCK_EX);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? DURE_OK : DURE_E_IO;
    while (find(fd, attempt, &at, &record))
        erased = blank(fd, &record) && erased;
    close(fd);
    return erased ? DURE_OK : DURE_E_IO;
}
