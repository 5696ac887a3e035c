#include "client/load.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Latencies: one bucket a microsecond up to 100 ms, one a millisecond up to 100 s. */
enum { FINE = 100000, COARSE = 100000, ANSWER_MAX = 65536, HEAD_MAX = 1024, EVENTS = 256 };

struct wire {
    int fd;
    int64_t sent_us;
    size_t held;
    char answer[ANSWER_MAX];
};

struct load {
    const struct dure_load_options *options;
    struct dure_load_result *result;
    int epoll;
    unsigned open;
    int64_t end_us;
    uint64_t serial;
    char *request;
    size_t request_max, head_max;
    struct wire *wires;
    uint32_t *fine, *coarse;
};

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void count(struct load *load, int64_t us)
{
    if (us < 0)
        us = 0;
    if (us < FINE)
        load->fine[us]++;
    else
        load->coarse[us / 1000 < COARSE ? us / 1000 : COARSE - 1]++;
    if ((uint64_t)us > load->result->max_us)
        load->result->max_us = (uint64_t)us;
}

static uint64_t percentile(const struct load *load, uint64_t total, unsigned percent)
{
    uint64_t wanted = (total * percent + 99) / 100;
    uint64_t seen = 0;

    for (unsigned i = 0; i < FINE; i++)
        if ((seen += load->fine[i]) >= wanted && wanted > 0)
            return i;
    for (unsigned i = 0; i < COARSE; i++)
        if ((seen += load->coarse[i]) >= wanted && wanted > 0)
            return (uint64_t)i * 1000;
    return 0;
}

static void finish(struct load *load, struct wire *wire)
{
    load->open--;
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, wire->fd, NULL);
}

static enum dure_err send_one(struct load *load, struct wire *wire, struct dure_error *error)
{
    const struct dure_load_options *options = load->options;
    const char *body = options->body;
    size_t body_length = options->body_length;
    char key[64] = "";
    size_t length, at = 0;

    if (options->next != NULL && !options->next(options->context, &body, &body_length)) {
        finish(load, wire);
        return DURE_OK;
    }
    if (body_length > load->request_max - load->head_max) {
        char *more = realloc(load->request, load->head_max + body_length);
        if (more == NULL)
            return dure_fail(error, DURE_E_MEMORY, "out of memory");
        load->request = more;
        load->request_max = load->head_max + body_length;
    }
    if (options->idempotency_keys)
        snprintf(key, sizeof key, "Idempotency-Key: load-%d-%llu\r\n", (int)getpid(),
                 (unsigned long long)load->serial++);
    length = (size_t)snprintf(
        load->request, load->request_max,
        "POST %s HTTP/1.1\r\nHost: dured\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
        options->path, key, body_length);
    memcpy(load->request + length, body, body_length);
    length += body_length;
    wire->sent_us = now_us();
    wire->held = 0;
    while (at < length) { /* blocking: a submission is small, and the daemon reads it at once */
        ssize_t sent = send(wire->fd, load->request + at, length - at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return dure_fail(error, DURE_E_UNREACHABLE, "sending a request: %s", strerror(errno));
        at += (size_t)sent;
    }
    return DURE_OK;
}

static enum dure_err connect_one(struct load *load, struct wire *wire, struct dure_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = wire};

    if (strlen(load->options->socket_path) >= sizeof address.sun_path)
        return dure_fail(error, DURE_E_LIMIT, "the socket's path is longer than %zu bytes",
                         sizeof address.sun_path - 1);
    dure_text_copy(address.sun_path, sizeof address.sun_path, load->options->socket_path);
    wire->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        return dure_fail(error, DURE_E_IO, "socket: %s", strerror(errno));
    if (connect(wire->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return dure_fail(error, DURE_E_UNREACHABLE, "no daemon listens on %s: %s", address.sun_path, strerror(errno));
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, wire->fd, &event) != 0)
        return dure_fail(error, DURE_E_IO, "epoll: %s", strerror(errno));
    load->open++;
    return DURE_OK;
}

/* Length of the whole answer once its head is there; 0: not yet. */
static size_t answer_length(const struct wire *wire)
{
    const char *end = memmem(wire->answer, wire->held, "\r\n\r\n", 4);
    const char *field;

    if (end == NULL)
        return 0;
    field = strcasestr(wire->answer, "\r\ncontent-length:");
    if (field == NULL || field > end)
        return (size_t)(end - wire->answer) + 4;
    return (size_t)(end - wire->answer) + 4 + strtoul(field + 17, NULL, 10);
}

static void note_refusal(struct load *load, const struct wire *wire, int status)
{
    const char *body = strstr(wire->answer, "\r\n\r\n");

    if (load->result->refused++ > 0)
        return;
    load->result->first_refusal_status = status;
    snprintf(load->result->first_refusal, sizeof load->result->first_refusal, "%s", body != NULL ? body + 4 : "");
}

static enum dure_err receive(struct load *load, struct wire *wire, struct dure_error *error)
{
    ssize_t got = recv(wire->fd, wire->answer + wire->held, sizeof wire->answer - 1 - wire->held, MSG_DONTWAIT);
    size_t whole;
    int status;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return DURE_OK;
    if (got <= 0)
        return dure_fail(error, DURE_E_UNREACHABLE, "the daemon closed a connection");
    wire->held += (size_t)got;
    wire->answer[wire->held] = '\0';
    whole = answer_length(wire);
    if (whole >= sizeof wire->answer)
        return dure_fail(error, DURE_E_LIMIT, "an answer of %zu bytes", whole);
    if (whole == 0 || wire->held < whole)
        return DURE_OK;
    status = (int)strtol(wire->answer + 9, NULL, 10);
    if (status == 201) {
        const char *body = strstr(wire->answer, "\r\n\r\n");
        load->result->answered++;
        count(load, now_us() - wire->sent_us);
        if (load->options->answered != NULL)
            load->options->answered(load->options->context, body != NULL ? body + 4 : "", wire->sent_us);
    } else {
        note_refusal(load, wire, status);
    }
    if (now_us() < load->end_us)
        return send_one(load, wire, error);
    finish(load, wire);
    return DURE_OK;
}

static enum dure_err pump(struct load *load, struct dure_error *error)
{
    struct epoll_event events[EVENTS];
    enum dure_err err = DURE_OK;
    int64_t start;

    for (unsigned i = 0; i < load->options->clients && err == DURE_OK; i++)
        err = connect_one(load, &load->wires[i], error);
    start = now_us();
    load->end_us = load->options->duration_us > 0 ? start + load->options->duration_us : INT64_MAX;
    for (unsigned i = 0; i < load->options->clients && err == DURE_OK; i++)
        err = send_one(load, &load->wires[i], error);
    while (err == DURE_OK && load->open > 0) {
        int ready = epoll_wait(load->epoll, events, EVENTS, 30000);
        if (ready == 0)
            err = dure_fail(error, DURE_E_TIMEOUT, "no answer in 30 s");
        for (int i = 0; i < ready && err == DURE_OK; i++)
            err = receive(load, events[i].data.ptr, error);
    }
    load->result->elapsed_us = now_us() - start;
    return err;
}

enum dure_err dure_load_run(const struct dure_load_options *options, struct dure_load_result *ret_result,
                            struct dure_error *error)
{
    struct dure_load_result result = {0};
    struct load load = {.options = options, .result = &result};
    enum dure_err err;

    if (options->clients == 0 || options->clients > DURE_LOAD_CLIENTS_MAX)
        return dure_fail(error, DURE_E_LIMIT, "clients: found %u, expected 1..%d", options->clients,
                         DURE_LOAD_CLIENTS_MAX);
    load.head_max = HEAD_MAX + strlen(options->path);
    load.request_max = load.head_max + options->body_length;
    load.request = malloc(load.request_max);
    load.wires = calloc(options->clients, sizeof *load.wires);
    load.fine = calloc(FINE, sizeof *load.fine);
    load.coarse = calloc(COARSE, sizeof *load.coarse);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.request == NULL || load.wires == NULL || load.fine == NULL || load.coarse == NULL || load.epoll < 0) {
        err = dure_fail(error, DURE_E_MEMORY, "out of memory");
    } else {
        for (unsigned i = 0; i < options->clients; i++)
            load.wires[i].fd = -1;
        err = pump(&load, error);
        for (unsigned i = 0; i < options->clients; i++)
            if (load.wires[i].fd >= 0)
                close(load.wires[i].fd);
        result.p50_us = percentile(&load, result.answered, 50);
        result.p99_us = percentile(&load, result.answered, 99);
    }
    if (load.epoll >= 0)
        close(load.epoll);
    free(load.request);
    free(load.wires);
    free(load.fine);
    free(load.coarse);
    if (err == DURE_OK)
        *ret_result = result;
    return err;
}
