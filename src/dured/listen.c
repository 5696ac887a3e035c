#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "dured/daemon.h"

enum { BACKLOG = 4096 };

enum dure_err folder_make(const char *path, mode_t mode, struct dure_error *error)
{
    char part[PATH_BYTES];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof part)
        return dure_fail(error, DURE_E_LIMIT, "a folder's path has 1..%zu bytes", sizeof part - 1);
    for (size_t at = 1; at <= length; at++) {
        if (path[at] != '/' && path[at] != '\0')
            continue;
        memcpy(part, path, at);
        part[at] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST && errno != EISDIR)
            return dure_fail(error, errno == EACCES || errno == EPERM || errno == EROFS ? DURE_E_PERMISSION : DURE_E_IO,
                             "%s: %s", part, strerror(errno));
    }
    return DURE_OK;
}

/* Does anyone take connections there? A process that a killed daemon was just starting holds its socket until it becomes another program, so the
 * answer is asked again for a second before it is believed. */
static bool answers(const struct sockaddr_un *address)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    for (unsigned tries = 0; tries < 20; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool connected =
            fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
        if (fd >= 0)
            close(fd);
        if (!connected)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* A socket left by a daemon that was killed is taken over; one that still answers is not. */
static enum dure_err clear_old(const struct sockaddr_un *address, struct dure_error *error)
{
    struct stat status;

    if (lstat(address->sun_path, &status) != 0)
        return errno == ENOENT ? DURE_OK : dure_fail(error, DURE_E_IO, "%s: %s", address->sun_path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return dure_fail(error, DURE_E_STATE, "%s exists and is not a socket", address->sun_path);
    if (answers(address))
        return dure_fail(error, DURE_E_LOCKED, "another daemon listens on %s", address->sun_path);
    if (unlink(address->sun_path) != 0)
        return dure_fail(error, DURE_E_IO, "%s: %s", address->sun_path, strerror(errno));
    return DURE_OK;
}

enum dure_err listen_open(const struct options *options, int *ret_fd, struct dure_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[PATH_BYTES];
    enum dure_err err;
    mode_t before;
    int fd;

    dure_text_copy(address.sun_path, sizeof address.sun_path, options->socket);
    dure_text_copy(folder, sizeof folder, options->socket);
    *strrchr(folder, '/') = '\0';
    if (folder[0] != '\0' && (err = folder_make(folder, getuid() == 0 ? 0755 : 0700, error)) != DURE_OK)
        return err;
    err = clear_old(&address, error);
    if (err != DURE_OK)
        return err;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return dure_fail(error, DURE_E_IO, "socket: %s", strerror(errno));
    before = umask((mode_t)(~options->socket_mode & 0777));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0) {
        dure_fail(error, DURE_E_IO, "%s: %s", options->socket, strerror(errno));
        umask(before);
        close(fd);
        return DURE_E_IO;
    }
    umask(before);
    *ret_fd = fd;
    return DURE_OK;
}
