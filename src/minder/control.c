#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "minder/minder.h"

static void channel_close(struct minder *minder, unsigned channel)
{
    close(minder->channels[channel]);
    minder->channels[channel] = -1;
}

static void say_to(struct minder *minder, unsigned channel, const char *text, size_t length)
{
    /* A listener that is gone or does not read loses the word: what counts is on disk. */
    if (minder->channels[channel] >= 0 &&
        send(minder->channels[channel], text, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
        channel_close(minder, channel);
}

void minder_say(struct minder *minder, const char *text, size_t length)
{
    for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
        say_to(minder, i, text, length);
}

void minder_channel_add(struct minder *minder, int fd)
{
    for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
        if (minder->channels[i] < 0) {
            minder->channels[i] = fd;
            if (minder->started_said)
                say_to(minder, i, "started", 7);
            if (minder->status_known)
                say_to(minder, i, minder->status_text, minder->status_length);
            return;
        }
    close(fd);
}

enum dure_err minder_listen(struct minder *minder, struct dure_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "ctl"}; /* the folder is the working directory */
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlinkat(minder->dir_fd, "ctl", 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod("ctl", 0600) != 0 ||
        listen(fd, MINDER_CHANNELS_MAX) != 0) {
        const int code = errno;
        if (fd >= 0)
            close(fd);
        return dure_fail(error, code == ENOSPC ? DURE_E_FULL : DURE_E_IO, "the control socket cannot be made: %s",
                         strerror(code));
    }
    minder->listen_fd = fd;
    return DURE_OK;
}

void minder_accept(struct minder *minder)
{
    const int fd = accept4(minder->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != 0 && peer.uid != geteuid()))
        close(fd);
    else
        minder_channel_add(minder, fd);
}

void minder_hear(struct minder *minder, unsigned channel)
{
    char text[DURE_MINDER_MESSAGE_MAX];
    const ssize_t got = recv(minder->channels[channel], text, sizeof text, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        channel_close(minder, channel);
        return;
    }
    const struct dure_span word = {text, (uint32_t)got};
    if (word.length == 4 && memcmp(text, "warn", 4) == 0)
        minder_warn(minder);
    else if (word.length > 9 && memcmp(text, "walltime ", 9) == 0)
        minder_rewall(minder, text + 9, word.length - 9);
    else if (word.length == 4 && memcmp(text, "stop", 4) == 0)
        minder->stop_wanted = true;
    else if (word.length == 6 && memcmp(text, "forget", 6) == 0)
        minder->forget_wanted = true;
}
