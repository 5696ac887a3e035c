#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/local_inner.h"

struct local_channel {
    uv_poll_t poll;
    struct local_attempt *attempt; /* NULL: closing */
    struct local *local;
    int fd;
};

static void on_closed(uv_handle_t *handle)
{
    struct local_channel *channel = handle->data;
    struct local *local = channel->local;
    free(channel);
    local->handles--;
    local_unref(local);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct local_channel *channel = poll->data;
    char text[DURE_MINDER_MESSAGE_MAX];
    (void)events;
    if (!channel->attempt)
        return;
    const ssize_t got = status == 0 ? recv(channel->fd, text, sizeof text, MSG_DONTWAIT) : -1;
    if (got < 0 && status == 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        local_heard(channel->attempt, text, (size_t)got);
    else
        local_hung_up(channel->attempt);
}

bool local_channel_open(struct local_attempt *attempt, int fd)
{
    struct local_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return false;
    *channel = (struct local_channel){.attempt = attempt, .local = attempt->local, .fd = fd};
    channel->poll.data = channel;
    if (uv_poll_init(attempt->local->loop, &channel->poll, fd) != 0) {
        free(channel);
        return false;
    }
    attempt->local->handles++;
    attempt->channel = channel;
    DURE_ASSERT(uv_poll_start(&channel->poll, UV_READABLE, on_readable) == 0);
    return true;
}

void local_channel_close(struct local_attempt *attempt)
{
    struct local_channel *channel = attempt->channel;
    if (!channel)
        return;
    attempt->channel = NULL;
    channel->attempt = NULL;
    uv_close((uv_handle_t *)&channel->poll, on_closed);
    close(channel->fd);
}

void local_channel_say(struct local_attempt *attempt, const char *word)
{
    /* A minder that is gone cannot be told; its end is seen on the same channel. */
    if (attempt->channel)
        (void)!send(attempt->channel->fd, word, strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT);
}
