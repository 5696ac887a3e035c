#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/child.h"
#include "engine/local_inner.h"

static int spawn(const struct local_place *place, const char *folder, int channel, pid_t *ret_pid)
{
    char *arguments[] = {(char *)(uintptr_t) "dure-minder", (char *)(uintptr_t)folder, NULL};
    const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int fds[] = {null_fd, null_fd, null_fd, [DURE_MINDER_CHANNEL_FD] = channel};
    const struct dure_spawn what = {.file = place->minder_path,
                                    .arguments = arguments,
                                    .environment = environ,
                                    .fds = fds,
                                    .fd_count = sizeof fds / sizeof *fds,
                                    .session = true};
    if (null_fd < 0)
        return errno;
    const int code = dure_spawn(&what, ret_pid);
    close(null_fd);
    return code;
}

enum dure_err local_minder_start(const struct local_place *place, uint64_t attempt, int *ret_fd, pid_t *ret_pid,
                                 struct dure_error *error)
{
    char folder[DURE_LOCAL_PATH_MAX + 24];
    int ends[2];
    pid_t pid = 0;
    snprintf(folder, sizeof folder, "%s/%" PRIu64, place->directory, attempt);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return dure_fail(error, DURE_E_BUSY, "no channel to a minder: %s", strerror(errno));
    const int code = spawn(place, folder, ends[1], &pid);
    close(ends[1]);
    if (code) {
        close(ends[0]);
        return dure_fail(error, code == EAGAIN || code == ENOMEM ? DURE_E_BUSY : DURE_E_IO,
                         "%.400s cannot be started: %s", place->minder_path, strerror(code));
    }
    *ret_fd = ends[0];
    *ret_pid = pid;
    return DURE_OK;
}

int local_minder_connect(const struct local_place *place, uint64_t attempt, pid_t *ret_peer)
{
    /* A socket's name holds 107 bytes and a state directory may be deeper: by way of the open folder it is always short. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%" PRIu64 "/ctl", place->dir_fd, attempt);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
        *ret_peer = peer.pid;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}
