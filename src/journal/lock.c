#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/inner.h"

static long read_pid(int fd)
{
    char text[32];
    const ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return strtol(text, NULL, 10);
}

enum dure_err dure_lock_take(const char *directory, int *ret_fd, struct dure_error *error)
{
    char *path = dure_file_path(directory, "lock");
    if (!path)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum dure_err err = DURE_OK;
    if (fd < 0) {
        err = dure_fail(error, dure_file_errno(errno), "opening %s: %s", path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        const long pid = read_pid(fd);
        if (errno != EWOULDBLOCK)
            err = dure_fail(error, DURE_E_IO, "locking %s: %s", path, strerror(errno));
        else if (pid > 0)
            err = dure_fail(error, DURE_E_LOCKED,
                            "%s is in use by process %ld: talk to that daemon, stop it with `dure down`, or choose "
                            "another folder with --state",
                            directory, pid);
        else
            err = dure_fail(error, DURE_E_LOCKED, "%s is in use by another process (`fuser %s` names it)", directory,
                            path);
    } else if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        /* The lock holds without the number; only a second daemon's message is poorer. */
        err = DURE_OK;
    }
    free(path);
    if (err && fd >= 0)
        close(fd);
    if (!err)
        *ret_fd = fd;
    return err;
}
