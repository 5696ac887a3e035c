#include "bench/node.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client.h"

enum { CHUNK = 1 << 18 };

struct bench_node_board {
    _Atomic uint64_t messages;
    _Atomic int64_t last_us;
    _Atomic int64_t job_us[BENCH_NODE_JOBS_MAX];
};

static void note(struct bench_node_board *board, const char *line)
{
    const char *field = strstr(line, "\"job\":");
    const uint64_t job = field != NULL ? strtoull(field + 6, NULL, 10) : 0;
    const int64_t now = bench_now_us();
    if (job < BENCH_NODE_JOBS_MAX)
        atomic_store_explicit(&board->job_us[job], now, memory_order_relaxed);
    atomic_store_explicit(&board->last_us, now, memory_order_relaxed);
    atomic_fetch_add_explicit(&board->messages, 1, memory_order_release);
}

/* A line is a message; what a read leaves over waits for the next. */
static void serve(struct bench_node_board *board, int fd)
{
    static char text[CHUNK + 1];
    size_t held = 0;
    for (;;) {
        const ssize_t got = recv(fd, text + held, CHUNK - held, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        held += (size_t)got;
        size_t at = 0;
        for (char *end; (end = memchr(text + at, '\n', held - at)) != NULL; at = (size_t)(end - text) + 1) {
            *end = '\0';
            note(board, text + at);
        }
        if (at == 0 && held == CHUNK)
            held = 0; /* a line longer than the buffer: its head was enough */
        memmove(text, text + at, held - at);
        held -= at;
    }
}

static void run(struct bench_node *node)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept4(node->socket, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno != EINTR)
            _exit(1);
        if (fd < 0)
            continue;
        serve(node->board, fd);
        close(fd);
    }
}

enum dure_err bench_node_start(const char *path, struct bench_node *node, struct dure_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *node = (struct bench_node){.socket = -1};
    if (strlen(path) >= sizeof address.sun_path)
        return dure_fail(error, DURE_E_LIMIT, "%s: a socket's path has at most %zu bytes", path,
                         sizeof address.sun_path - 1);
    dure_text_copy(address.sun_path, sizeof address.sun_path, path);
    void *board =
        mmap(NULL, sizeof *node->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (board == MAP_FAILED)
        return dure_fail(error, DURE_E_MEMORY, "the board of launches: %s", strerror(errno));
    node->board = board;
    node->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listens = node->socket >= 0 && bind(node->socket, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(node->socket, 16) == 0;
    if (listens && (node->pid = fork()) == 0)
        run(node);
    if (listens && node->pid > 0)
        return DURE_OK;
    node->pid = 0;
    enum dure_err err =
        dure_fail(error, DURE_E_IO, "the process that takes launch messages at %s: %s", path, strerror(errno));
    bench_node_stop(node);
    return err;
}

void bench_node_stop(struct bench_node *node)
{
    bench_kill(&node->pid, SIGKILL);
    if (node->socket >= 0)
        close(node->socket);
    if (node->board != NULL)
        munmap(node->board, sizeof *node->board);
    *node = (struct bench_node){.socket = -1};
}

uint64_t bench_node_messages(const struct bench_node *node)
{
    return atomic_load_explicit(&node->board->messages, memory_order_acquire);
}

int64_t bench_node_last_us(const struct bench_node *node)
{
    return atomic_load_explicit(&node->board->last_us, memory_order_relaxed);
}

int64_t bench_node_job_us(const struct bench_node *node, uint64_t job)
{
    return job < BENCH_NODE_JOBS_MAX ? atomic_load_explicit(&node->board->job_us[job], memory_order_relaxed) : 0;
}

static enum dure_err limit_power(const struct bench_world *world, const struct bench_daemon *daemon,
                                 struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_reply reply = {0};
    struct dure_client *client;
    dure_buf_init(&text, 1 << 16);
    bench_world_power(world, &text);
    enum dure_err err = dure_client_new(&(struct dure_client_options){.socket_path = daemon->socket}, &client, error);
    if (err != DURE_OK)
        return err;
    err = dure_client_call(
        client,
        &(struct dure_request){.method = "PUT", .path = "/v1/power", .body = text.data, .body_length = text.length},
        &reply, error);
    dure_reply_release(&reply);
    dure_client_free(client);
    return err;
}

enum dure_err bench_launching_make(uint32_t nodes, struct bench_world *world, struct bench_daemon *daemon,
                                   struct bench_node *node, struct dure_error *error)
{
    struct dure_buf fleet DURE_CLEANUP_BUF = {0};
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    dure_buf_init(&fleet, 1 << 20);
    dure_buf_init(&tenants, 1 << 20);
    enum dure_err err = bench_world_plan(nodes, false, world, &fleet, &tenants, error);
    if (err != DURE_OK)
        return err;
    err = bench_daemon_make_with(&fleet, &tenants, daemon, error);
    if (err == DURE_OK) {
        snprintf(daemon->launch_to, sizeof daemon->launch_to, "%s/node.sock", daemon->directory);
        err = bench_node_start(daemon->launch_to, node, error);
        if (err == DURE_OK)
            err = bench_daemon_start(daemon, NULL, error);
        if (err == DURE_OK)
            err = limit_power(world, daemon, error);
        if (err != DURE_OK) {
            bench_daemon_remove(daemon);
            bench_node_stop(node);
        }
    }
    if (err != DURE_OK)
        bench_world_release(world);
    return err;
}

void bench_launching_release(struct bench_world *world, struct bench_daemon *daemon, struct bench_node *node)
{
    bench_daemon_remove(daemon);
    bench_node_stop(node);
    bench_world_release(world);
}
