#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/procs.h"
#include "minder/minder.h"

static enum dure_err fail_errno(struct dure_error *error, const char *what)
{
    const int code = errno;
    return dure_fail(error, code == ENOSPC || code == EDQUOT ? DURE_E_FULL : DURE_E_IO, "%s: %s", what, strerror(code));
}

enum dure_err minder_spec_read(struct minder *minder, struct dure_error *error)
{
    const int fd = openat(minder->dir_fd, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_errno(error, "the attempt's spec cannot be read");
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size <= 0 || info.st_size > DURE_ATTEMPT_BYTES_MAX) {
        close(fd);
        return dure_fail(error, DURE_E_CORRUPT, "the attempt's spec has an impossible size");
    }
    char *bytes = malloc((size_t)info.st_size);
    size_t length = 0;
    for (ssize_t got;
         bytes && length < (size_t)info.st_size && (got = read(fd, bytes + length, (size_t)info.st_size - length)) > 0;)
        length += (size_t)got;
    close(fd);
    if (!bytes)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const enum dure_err err = dure_spec_decode(bytes, length, &minder->spec, error);
    if (err) {
        free(bytes);
        return err;
    }
    minder->spec_bytes = bytes;
    return DURE_OK;
}

static enum dure_err write_all(int fd, const char *text, size_t length, const char *what, struct dure_error *error)
{
    for (size_t done = 0; done < length;) {
        const ssize_t put = pwrite(fd, text + done, length - done, (off_t)done);
        if (put < 0 && errno != EINTR)
            return fail_errno(error, what);
        done += put > 0 ? (size_t)put : 0;
    }
    return DURE_OK;
}

/* Room for the status is taken now, so that a disk which fills up later cannot cost the exit status. */
static void reserve_status(int dir_fd)
{
    const int fd = openat(dir_fd, "status.tmp", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    /* Not every file system can; storing is then tried again until there is room. */
    (void)!posix_fallocate(fd, 0, DURE_STATUS_BYTES_MAX);
    close(fd);
}

/* The claim becomes visible whole or not at all. It needs no sync: while the machine is up every process sees it, and after the machine went down the
 * engine starts nothing that may have begun before (local_boot.c). */
enum dure_err minder_claim(struct minder *minder, bool *ret_taken, struct dure_error *error)
{
    struct dure_claim claim;
    char name[32];
    if (!dure_proc_claim_self(&claim))
        return dure_fail(error, DURE_E_IO, "/proc is not readable");
    snprintf(name, sizeof name, "claimed.%d", (int)getpid());
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, DURE_STATUS_BYTES_MAX);
    dure_claim_encode(&claim, &buf);
    const int fd = openat(minder->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(error, "the attempt cannot be claimed");
    enum dure_err err = write_all(fd, buf.data, buf.length, "the attempt cannot be claimed", error);
    close(fd);
    bool taken = false;
    if (!err && linkat(minder->dir_fd, name, minder->dir_fd, "claimed", 0) == 0)
        taken = true;
    else if (!err && errno != EEXIST)
        err = fail_errno(error, "the attempt cannot be claimed");
    unlinkat(minder->dir_fd, name, 0);
    /* Whoever removes the folder takes the claim himself, removes the specification and then the claim: without one there is nothing to run. */
    if (taken && faccessat(minder->dir_fd, "spec", F_OK, 0) != 0) {
        unlinkat(minder->dir_fd, "claimed", 0);
        taken = false;
    }
    if (taken)
        reserve_status(minder->dir_fd);
    *ret_taken = taken;
    return err;
}

/* Synced before it gets its name: should the machine go down between the two, the engine reads status.tmp, which is whole by then. */
enum dure_err minder_status_store(struct minder *minder, struct dure_error *error)
{
    const int fd = openat(minder->dir_fd, "status.tmp", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(error, "the status cannot be written");
    enum dure_err err =
        write_all(fd, minder->status_text, minder->status_length, "the status cannot be written", error);
    if (!err && (ftruncate(fd, (off_t)minder->status_length) != 0 || fsync(fd) != 0))
        err = fail_errno(error, "the status cannot be synced");
    close(fd);
    if (!err && renameat(minder->dir_fd, "status.tmp", minder->dir_fd, "status") != 0)
        err = fail_errno(error, "the status cannot be put in place");
    return err;
}
