#include "journal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16 };

char *dure_file_path(const char *directory, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

enum dure_err dure_file_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return DURE_E_FULL;
    case EACCES:
    case EPERM:
    case EROFS: return DURE_E_PERMISSION;
    case ENOENT: return DURE_E_NOT_FOUND;
    case EEXIST: return DURE_E_STATE;
    case ENOMEM: return DURE_E_MEMORY;
    default: return DURE_E_IO;
    }
}

bool dure_file_write(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length) {
        const ssize_t wrote = write(fd, at, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        at += wrote;
        length -= (size_t)wrote;
    }
    return true;
}

enum dure_err dure_file_sync_directory(const char *path, struct dure_error *error)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;
    const int number = errno;
    if (fd >= 0)
        close(fd);
    return ok ? DURE_OK
              : dure_fail(error, dure_file_errno(number), "syncing the folder %s: %s", path, strerror(number));
}

static enum dure_err sync_parent(const char *path, struct dure_error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const enum dure_err err = dure_file_sync_directory(dirname(copy), error);
    free(copy);
    return err;
}

/* The caller names it afterwards. */
static enum dure_err write_beside(const char *path, const char *beside, const void *bytes, size_t length,
                                  struct dure_error *error)
{
    if (unlink(beside) && errno != ENOENT)
        return dure_fail(error, dure_file_errno(errno), "removing %s: %s", beside, strerror(errno));
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dure_fail(error, dure_file_errno(errno), "creating %s: %s", path, strerror(errno));
    bool ok = dure_file_write(fd, bytes, length) && fsync(fd) == 0;
    int number = errno;
    if (close(fd) && ok) {
        ok = false;
        number = errno;
    }
    if (ok)
        return DURE_OK;
    unlink(beside);
    return dure_fail(error, dure_file_errno(number), "writing %s: %s", path, strerror(number));
}

static enum dure_err put(const char *path, const void *bytes, size_t length, bool replace, struct dure_error *error)
{
    char *beside;
    if (asprintf(&beside, "%s.new", path) < 0)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    enum dure_err err = write_beside(path, beside, bytes, length, error);
    if (!err) {
        const int rc = replace ? rename(beside, path) : link(beside, path);
        const int number = errno;
        if (rc)
            err = dure_fail(error, dure_file_errno(number), "naming %s: %s", path, strerror(number));
        if (rc || !replace)
            unlink(beside);
        if (!rc)
            err = sync_parent(path, error);
    }
    free(beside);
    return err;
}

enum dure_err dure_file_create(const char *path, const void *bytes, size_t length, struct dure_error *error)
{
    return put(path, bytes, length, false, error);
}

enum dure_err dure_file_replace(const char *path, const void *bytes, size_t length, struct dure_error *error)
{
    return put(path, bytes, length, true, error);
}

enum dure_err dure_file_read(const char *path, struct dure_buf *ret_bytes, struct dure_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return dure_fail(error, dure_file_errno(errno), "reading %s: %s", path, strerror(errno));
    char *part = malloc(COPY_BYTES);
    ssize_t got = part ? 1 : -1;
    bool too_long = false;
    while (got > 0) {
        got = read(fd, part, COPY_BYTES);
        if (got > 0)
            dure_buf_add(ret_bytes, part, (size_t)got);
        if (got < 0 && errno == EINTR)
            got = 1;
        if (ret_bytes->failed) {
            too_long = ret_bytes->length + (size_t)got > ret_bytes->max;
            break;
        }
    }
    const int number = part ? errno : ENOMEM;
    free(part);
    close(fd);
    if (too_long)
        return dure_fail(error, DURE_E_LIMIT, "reading %s: longer than %zu bytes", path, ret_bytes->max);
    if (ret_bytes->failed)
        return dure_fail(error, DURE_E_MEMORY, "reading %s: out of memory", path);
    return got < 0 ? dure_fail(error, dure_file_errno(number), "reading %s: %s", path, strerror(number)) : DURE_OK;
}

struct pipe {
    int from, to; /* to −1: only hash */
    EVP_MD_CTX *hash;
    char *part;
};

/* 0, or an errno. */
static int pump(struct pipe *pipe)
{
    if (!pipe->hash || !pipe->part || !EVP_DigestInit_ex(pipe->hash, EVP_sha256(), NULL))
        return ENOMEM;
    for (;;) {
        const ssize_t got = read(pipe->from, pipe->part, COPY_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (!got)
            break;
        if (!EVP_DigestUpdate(pipe->hash, pipe->part, (size_t)got))
            return ENOMEM;
        if (pipe->to >= 0 && !dure_file_write(pipe->to, pipe->part, (size_t)got))
            return errno;
    }
    return pipe->to >= 0 && fsync(pipe->to) ? errno : 0;
}

static enum dure_err copy_or_hash(const char *from, const char *to, uint8_t ret_sha256[32], struct dure_error *error)
{
    struct pipe pipe = {.from = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY), .to = -1};
    if (pipe.from < 0)
        return dure_fail(error, dure_file_errno(errno), "reading %s: %s", from, strerror(errno));
    if (to && (pipe.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
        const int number = errno;
        close(pipe.from);
        return dure_fail(error, dure_file_errno(number), "creating %s: %s", to, strerror(number));
    }
    pipe.hash = EVP_MD_CTX_new();
    pipe.part = malloc(COPY_BYTES);
    const int number = pump(&pipe);
    if (!number && ret_sha256)
        EVP_DigestFinal_ex(pipe.hash, ret_sha256, NULL);
    EVP_MD_CTX_free(pipe.hash);
    free(pipe.part);
    close(pipe.from);
    if (pipe.to >= 0)
        close(pipe.to);
    if (!number)
        return DURE_OK;
    if (to)
        unlink(to);
    return dure_fail(error, dure_file_errno(number), to ? "copying %s: %s" : "reading %s: %s", from, strerror(number));
}

enum dure_err dure_file_copy(const char *from, const char *to, uint8_t ret_sha256[32], struct dure_error *error)
{
    return copy_or_hash(from, to, ret_sha256, error);
}

enum dure_err dure_file_sha256(const char *path, uint8_t ret_sha256[32], struct dure_error *error)
{
    return copy_or_hash(path, NULL, ret_sha256, error);
}
