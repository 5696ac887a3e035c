#include "engine/launch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"

enum { WAITING_BYTES_MAX = 256 << 20, WAITING_MAX = 1 << 24, SLOW_US = 1000, ABSENT_US = 100000 };

struct message {
    struct dure_attempt_id attempt;
    size_t end; /* in text */
};

struct dure_launch {
    struct sockaddr_un address;
    int fd;
    struct dure_buf text; /* the messages that wait, one after another */
    DURE_VEC(struct message) messages;
    size_t first, begun; /* the message to send next, and how much of the text is out */
};

enum dure_err dure_launch_new(const char *path, struct dure_launch **ret_launch, struct dure_error *error)
{
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof((struct sockaddr_un *)0)->sun_path)
        return dure_fail(error, DURE_E_LIMIT, "a socket's path has 1 to %zu bytes: found %zu",
                         sizeof((struct sockaddr_un *)0)->sun_path - 1, length);
    struct dure_launch *launch = calloc(1, sizeof *launch);
    if (launch == NULL)
        return DURE_E_MEMORY;
    launch->fd = -1;
    launch->address.sun_family = AF_UNIX;
    dure_text_copy(launch->address.sun_path, sizeof launch->address.sun_path, path);
    dure_buf_init(&launch->text, WAITING_BYTES_MAX);
    *ret_launch = launch;
    return DURE_OK;
}

static void disconnect(struct dure_launch *launch)
{
    if (launch->fd >= 0)
        close(launch->fd);
    launch->fd = -1;
    launch->begun = launch->first > 0 ? launch->messages.at[launch->first - 1].end : 0;
}

void dure_launch_free(struct dure_launch *launch)
{
    if (launch == NULL)
        return;
    if (launch->fd >= 0)
        close(launch->fd);
    dure_buf_release(&launch->text);
    DURE_VEC_FREE(&launch->messages);
    free(launch);
}

static void write_place(const struct dure_order *order, const struct dure_place *place, struct dure_buf *text)
{
    char name[DURE_NAME_MAX + 1];
    dure_fleet_node_name(order->fleet, (struct dure_node_id){place->node_first}, name);
    dure_buf_printf(text, "{\"node\":\"%s\",\"nodes\":%" PRIu32 ",\"gpu_mask\":%" PRIu64 ",\"tasks\":%" PRIu32, name,
                    place->node_count, place->gpu_mask, place->tasks);
    if (place->gpu_milli != 1000)
        dure_buf_printf(text, ",\"gpu_milli\":%" PRIu32, place->gpu_milli);
    dure_buf_byte(text, '}');
}

enum dure_err dure_launch_add(struct dure_launch *launch, const struct dure_order *order, bool recovering)
{
    struct dure_buf *text = &launch->text;
    const size_t before = text->length;
    dure_buf_printf(text, "{\"term\":%" PRIu64 ",\"job\":%" PRIu64, order->term, order->ref.job.v);
    if (order->ref.element != DURE_NONE32)
        dure_buf_printf(text, ",\"element\":%" PRIu32, order->ref.element);
    dure_buf_printf(text, ",\"attempt\":%" PRIu64 ",\"recovering\":%s,\"tenant\":", order->attempt.v,
                    recovering ? "true" : "false");
    dure_buf_json(text, order->tenant_path);
    dure_buf_printf(text, ",\"tasks\":%" PRIu32 ",\"task_gpus\":%" PRIu32 ",\"places\":[", order->job->tasks,
                    order->job->task_gpus);
    for (uint32_t i = 0; i < order->place_count; i++) {
        if (i > 0)
            dure_buf_byte(text, ',');
        write_place(order, &order->places[i], text);
    }
    dure_buf_str(text, "]}\n");
    const struct message message = {.attempt = order->attempt, .end = text->length};
    if (!text->failed && DURE_VEC_PUSH(&launch->messages, message, WAITING_MAX))
        return DURE_OK;
    text->failed = false;
    text->length = before;
    return DURE_E_FULL;
}

static bool connected(struct dure_launch *launch)
{
    if (launch->fd >= 0)
        return true;
    launch->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (launch->fd >= 0 && connect(launch->fd, (struct sockaddr *)&launch->address, sizeof launch->address) == 0)
        return true;
    disconnect(launch);
    return false;
}

/* What is out leaves the front once it is the larger part, so that the text does not grow for ever. */
static void settle(struct dure_launch *launch)
{
    const size_t out = launch->first > 0 ? launch->messages.at[launch->first - 1].end : 0;
    if (launch->first == 0 || (launch->first < launch->messages.count && out < launch->text.length / 2))
        return;
    memmove(launch->text.data, launch->text.data + out, launch->text.length - out);
    launch->text.length -= out;
    launch->begun -= out;
    launch->messages.count -= launch->first;
    memmove(launch->messages.at, launch->messages.at + launch->first, launch->messages.count * sizeof(struct message));
    for (size_t i = 0; i < launch->messages.count; i++)
        launch->messages.at[i].end -= out;
    launch->first = 0;
}

int64_t dure_launch_flush(struct dure_launch *launch, void (*sent)(void *context, struct dure_attempt_id attempt),
                          void *context)
{
    int64_t wait_us = 0;
    while (wait_us == 0 && launch->first < launch->messages.count) {
        const struct message *message = &launch->messages.at[launch->first];
        if (!connected(launch))
            return ABSENT_US;
        const ssize_t got = send(launch->fd, launch->text.data + launch->begun, message->end - launch->begun,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            wait_us = errno == EAGAIN || errno == EWOULDBLOCK ? SLOW_US : ABSENT_US;
            if (wait_us == ABSENT_US)
                disconnect(launch);
            continue;
        }
        launch->begun += (size_t)got;
        if (launch->begun == message->end) {
            launch->first++;
            sent(context, launch->messages.at[launch->first - 1].attempt);
        }
    }
    settle(launch);
    return wait_us;
}
