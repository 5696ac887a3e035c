/* What comes in over a socket, well and badly formed: the library below lets pass much that must not reach a handler. One server on a loop of its own
 * thread; every row is sent on a fresh connection. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "api/http.h"
#include "base/text.h"
#include "tap.h"

enum { BODY_MAX = 1000, CONNECTIONS_MAX = 8 };

static char socket_path[108];
static uv_loop_t loop;
static struct dure_http *http;
static uv_async_t stopper;
static unsigned handled;

/* Streams: "/slow" writes until it is told that too much waits; "/gone" keeps writing until its reader has left. */
enum { STREAM_MAX = 20000, BLOCK = 1000 };
static unsigned slow_blocks, streams_gone;
static struct dure_http_request *forsaken;
static uv_timer_t writer;

static void on_gone(void *context)
{
    if (context == &forsaken) {
        forsaken = NULL;
        uv_timer_stop(&writer);
    }
    __atomic_add_fetch(&streams_gone, 1, __ATOMIC_SEQ_CST);
}

static void on_write(uv_timer_t *timer)
{
    (void)timer;
    if (forsaken != NULL && !dure_http_stream_write(forsaken, ": still here\n", 13))
        dure_http_stream_end(forsaken, "", 0);
}

static bool handle_stream(struct dure_http_request *request)
{
    char block[BLOCK];

    memset(block, 'x', sizeof block);
    if (strcmp(dure_http_path(request), "/slow") == 0) {
        if (!dure_http_stream_begin(request, "text/event-stream", STREAM_MAX, on_gone, NULL))
            return false;
        while (dure_http_stream_write(request, block, sizeof block))
            slow_blocks++;
        dure_http_stream_end(request, "dropped", 7);
        return true;
    }
    if (strcmp(dure_http_path(request), "/gone") != 0 ||
        !dure_http_stream_begin(request, "text/event-stream", STREAM_MAX, on_gone, &forsaken))
        return false;
    forsaken = request;
    uv_timer_start(&writer, on_write, 1, 5);
    return true;
}

/* Echoes what the server made of the request, so that a row can look for it. */
static void handle(void *context, struct dure_http_request *request)
{
    struct dure_buf body;
    char value[64];
    size_t length;
    const char *bytes = dure_http_body(request, &length);
    int found = dure_http_query(request, "q", value, sizeof value);

    (void)context;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
    if (handle_stream(request))
        return;
    dure_buf_init(&body, 65536);
    dure_buf_printf(&body, "method=%d path=%s q=%s body=%zu:%s uid=%s", (int)dure_http_method(request),
                    dure_http_path(request),
                    found == 1   ? value
                    : found == 0 ? "absent"
                                 : "bad",
                    length, bytes, dure_http_peer(request)->known ? "known" : "unknown");
    dure_http_header_add(request, "Dure-Test", "yes");
    dure_http_answer(request, 200, "text/plain", &body);
}

static void on_stop(uv_async_t *async)
{
    dure_http_close(http, NULL, NULL);
    uv_close((uv_handle_t *)&writer, NULL);
    uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *context)
{
    (void)context;
    uv_run(&loop, UV_RUN_DEFAULT);
    return NULL;
}

static bool start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct dure_http_options options = {
        .loop = &loop, .connections_max = CONNECTIONS_MAX, .body_max = BODY_MAX, .handle = handle};

    snprintf(socket_path, sizeof socket_path, "%s/http.sock", tap_tempdir());
    (void)dure_text_copy(address.sun_path, sizeof address.sun_path, socket_path);
    options.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(options.listen_fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(options.listen_fd, 64) != 0)
        return false;
    uv_loop_init(&loop);
    uv_async_init(&loop, &stopper, on_stop);
    uv_timer_init(&loop, &writer);
    return dure_http_new(&options, &http, NULL) == DURE_OK;
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)dure_text_copy(address.sun_path, sizeof address.sun_path, socket_path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        tap_bail("no server");
    return fd;
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server has closed: its answer is read all the same */
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Reads one answer, or until the server closes. Returns its status; 0: closed without one. */
static int answer_of(int fd, char *answer, size_t size)
{
    size_t held = 0;
    ssize_t got;

    answer[0] = '\0';
    while (held + 1 < size && (got = recv(fd, answer + held, size - 1 - held, 0)) > 0) {
        const char *end, *length;
        held += (size_t)got;
        answer[held] = '\0';
        end = strstr(answer, "\r\n\r\n");
        length = strcasestr(answer, "\r\ncontent-length:");
        if (end != NULL && length != NULL && length < end &&
            held >= (size_t)(end + 4 - answer) + strtoul(length + 17, NULL, 10))
            break;
    }
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 || strncmp(answer, "HTTP/1.0 ", 9) == 0
               ? (int)strtol(answer + 9, NULL, 10)
               : 0;
}

struct row {
    const char *name;
    const char *request;
    int status;      /* 0: closed without an answer; -400: 400 or closed */
    const char *has; /* in the answer; NULL: no matter */
};

#define H "Host: d\r\n"
static const struct row rows[] = {
    /* Well formed. */
    {"a plain GET", "GET /a/b HTTP/1.1\r\n" H "\r\n", 200, "method=0 path=/a/b q=absent body=0: uid=known"},
    {"HEAD", "HEAD /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200, "Dure-Test: yes"},
    {"a query", "GET /a?x=1&q=a%20b+c HTTP/1.1\r\n" H "\r\n", 200, "path=/a q=a b c "},
    {"an empty query value", "GET /a?q= HTTP/1.1\r\n" H "\r\n", 200, "q= body"},
    {"an escaped path stays escaped", "GET /a%2Fb%5B1-2%5D HTTP/1.1\r\n" H "\r\n", 200, "path=/a%2Fb%5B1-2%5D "},
    {"a body by length", "POST /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 200, "body=5:hello"},
    {"a body in chunks", "PUT /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     200, "body=5:hello"},
    {"chunked in capitals", "PUT /a HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "body=0:"},
    {"POST without a body", "POST /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "method=1 path=/a"},
    {"POST without a length", "POST /a HTTP/1.1\r\n" H "\r\n", 200, "body=0:"},
    {"HTTP/1.0 without a Host", "GET /a HTTP/1.0\r\n\r\n", 200, "path=/a"},
    {"Expect: 100-continue", "POST /a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", -100,
     "100 Continue"},
    /* Smuggling. */
    {"Content-Length and Transfer-Encoding",
     "POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"Transfer-Encoding and Content-Length",
     "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, NULL},
    {"two Content-Lengths", "POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL},
    {"two different Content-Lengths", "POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400,
     NULL},
    {"a list in Content-Length", "POST /a HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", -400, NULL},
    {"a signed Content-Length", "POST /a HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", -400, NULL},
    {"a negative Content-Length", "POST /a HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc", -400, NULL},
    {"a hexadecimal Content-Length", "POST /a HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", -400, NULL},
    {"an empty Content-Length", "POST /a HTTP/1.1\r\n" H "Content-Length: \r\n\r\nabc", -400, NULL},
    {"two Hosts", "GET /a HTTP/1.1\r\n" H "Host: e\r\n\r\n", 400, NULL},
    {"no Host", "GET /a HTTP/1.1\r\n\r\n", 400, NULL},
    {"two Transfer-Encodings",
     "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"another Transfer-Encoding", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400, NULL},
    {"chunked behind another", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"chunked with a prefix", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"Transfer-Encoding in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    {"a space before the colon", "POST /a HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc", -400, NULL},
    {"a header name with a bracket", "GET /a HTTP/1.1\r\n" H "X[1]: y\r\n\r\n", 400, NULL},
    {"a header without a name is dropped", "GET /a HTTP/1.1\r\n" H ": y\r\n\r\n", 200, "body=0:"},
    {"a header without a colon", "GET /a HTTP/1.1\r\n" H "nonsense\r\n\r\n", -400, NULL},
    {"a control character in a value",
     "GET /a HTTP/1.1\r\n" H "X: a\x01"
     "b\r\n\r\n",
     400, NULL},
    {"a chunk size that is no number",
     "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n", -400, NULL},
    {"a chunk size that overflows",
     "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhi\r\n0\r\n\r\n", -400, NULL},
    /* The request line. */
    {"no target", "GET HTTP/1.1\r\n" H "\r\n", -400, NULL},
    {"an absolute target", "GET http://d/a HTTP/1.1\r\n" H "\r\n", 400, NULL},
    {"a star", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 405, NULL},
    {"a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", 400, NULL},
    {"a method of ours that is none", "BREW /a HTTP/1.1\r\n" H "\r\n", 405, NULL},
    {"DELETE", "DELETE /a HTTP/1.1\r\n" H "\r\n", 405, NULL},
    {"CONNECT", "CONNECT d:80 HTTP/1.1\r\n" H "\r\n", 400, NULL},
    {"lower case method", "get /a HTTP/1.1\r\n" H "\r\n", 405, NULL},
    {"HTTP/2.0", "GET /a HTTP/2.0\r\n" H "\r\n", -505, NULL},
    {"HTTP/1.2", "GET /a HTTP/1.2\r\n" H "\r\n", -505, NULL},
    {"a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", -400, NULL},
    /* Limits. */
    {"a body far over the limit", "POST /a HTTP/1.1\r\n" H "Content-Length: 4001\r\n\r\n", 413, "larger"},
    {"a length past 64 bits", "POST /a HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", -413, NULL},
    /* Queries. */
    {"a bad escape", "GET /a?q=%zz HTTP/1.1\r\n" H "\r\n", 200, "q=bad"},
    {"a NUL in a query", "GET /a?q=%00 HTTP/1.1\r\n" H "\r\n", 200, "q=bad"},
    {"a parameter twice", "GET /a?q=1&q=2 HTTP/1.1\r\n" H "\r\n", 200, "q=bad"},
    {"a value too long",
     "GET /a?q=0123456789012345678901234567890123456789012345678901234567890123456789 HTTP/1.1\r\n" H "\r\n", 200,
     "q=bad"},
};

static void test_rows(void)
{
    char answer[65536];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
        int fd = dial();
        send_all(fd, rows[i].request, strlen(rows[i].request));
        if (rows[i].status <= 0)
            shutdown(fd, SHUT_WR);
        int status = answer_of(fd, answer, sizeof answer);
        bool reached = __atomic_load_n(&handled, __ATOMIC_SEQ_CST) != before;
        close(fd);
        if (rows[i].status == -100)
            TAP_EQ_INT(status, 100, "%s", rows[i].name);
        else if (rows[i].status < 0)
            TAP_OK((status == 0 || (status >= 400 && status <= 505)) && !reached, "%s: refused (%d)", rows[i].name,
                   status);
        else
            TAP_EQ_INT(status, rows[i].status, "%s", rows[i].name);
        if (rows[i].status >= 400)
            TAP_OK(!reached, "%s: no handler saw it", rows[i].name);
        if (rows[i].has != NULL)
            TAP_HAS(answer, rows[i].has, "%s: answer", rows[i].name);
    }
}

static int ask_headers(unsigned count, size_t bytes_each, size_t target)
{
    static char request[1 << 20], answer[65536];
    size_t at = (size_t)snprintf(request, sizeof request, "GET /");
    int fd = dial(), status;

    memset(request + at, 'a', target);
    at += target;
    at += (size_t)snprintf(request + at, sizeof request - at, " HTTP/1.1\r\n" H "Connection: close\r\n");
    for (unsigned i = 0; i < count; i++) {
        at += (size_t)snprintf(request + at, sizeof request - at, "X-%u: ", i);
        memset(request + at, 'v', bytes_each);
        at += bytes_each;
        at += (size_t)snprintf(request + at, sizeof request - at, "\r\n");
    }
    at += (size_t)snprintf(request + at, sizeof request - at, "\r\n");
    send_all(fd, request, at);
    status = answer_of(fd, answer, sizeof answer);
    close(fd);
    return status;
}

static void test_sizes(void)
{
    static char request[65536], answer[65536];
    size_t at;
    int fd;

    TAP_EQ_INT(ask_headers(62, 10, 1), 200, "64 headers");
    TAP_EQ_INT(ask_headers(63, 10, 1), 431, "65 headers");
    TAP_EQ_INT(ask_headers(10, 1500, 1), 200, "15 KiB of headers");
    TAP_EQ_INT(ask_headers(12, 1500, 1), 431, "more than 16 KiB of headers");
    TAP_EQ_INT(ask_headers(50, 5000, 1), 431, "far more of them");
    TAP_EQ_INT(ask_headers(0, 0, DURE_HTTP_TARGET_MAX - 1), 200, "the longest target");
    TAP_EQ_INT(ask_headers(0, 0, DURE_HTTP_TARGET_MAX + 1), 414, "a longer one");
    at = (size_t)snprintf(request, sizeof request, "POST /a HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", BODY_MAX);
    memset(request + at, 'b', BODY_MAX);
    fd = dial();
    send_all(fd, request, at + BODY_MAX);
    TAP_EQ_INT(answer_of(fd, answer, sizeof answer), 200, "the largest body");
    close(fd);
    at = (size_t)snprintf(request, sizeof request, "POST /a HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", BODY_MAX + 1);
    memset(request + at, 'b', BODY_MAX + 1);
    fd = dial();
    send_all(fd, request, at + BODY_MAX + 1);
    TAP_EQ_INT(answer_of(fd, answer, sizeof answer), 413, "a larger one, when all of it has come");
    close(fd);
    at = (size_t)snprintf(request, sizeof request, "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++)
        at += (size_t)snprintf(request + at, sizeof request - at, "64\r\n%0100d\r\n", 0);
    at += (size_t)snprintf(request + at, sizeof request - at, "0\r\n\r\n");
    fd = dial();
    send_all(fd, request, at);
    TAP_EQ_INT(answer_of(fd, answer, sizeof answer), 413, "a larger one in chunks");
    close(fd);
}

static void test_endless(void)
{
    char chunk[1024], answer[4096];
    int fd = dial(), sent = 0;

    send_all(fd, "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
             strlen("POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"));
    snprintf(chunk, sizeof chunk, "320\r\n%0800d\r\n", 0);
    while (sent < 10000 && send(fd, chunk, strlen(chunk), MSG_NOSIGNAL) > 0)
        sent++;
    TAP_OK(sent < 10000, "a body without an end is cut off (after %d chunks)", sent);
    (void)answer_of(fd, answer, sizeof answer);
    close(fd);
}

/* A kept-alive connection, requests one behind the other in one write, and a request in pieces. */
static void test_keep_alive(void)
{
    static const char one[] = "POST /a HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi";
    char two[256], answer[4096];
    int fd = dial(), good = 0;

    for (int i = 0; i < 100; i++) {
        send_all(fd, one, strlen(one));
        good += answer_of(fd, answer, sizeof answer) == 200 && strstr(answer, "body=2:hi") != NULL;
    }
    TAP_EQ_INT(good, 100, "a hundred requests on one connection");
    snprintf(two, sizeof two, "%s%s", one, one);
    send_all(fd, two, strlen(two));
    size_t held = 0;
    ssize_t got;
    while (held < sizeof answer - 1 && (got = recv(fd, answer + held, sizeof answer - 1 - held, 0)) > 0) {
        held += (size_t)got;
        answer[held] = '\0';
        const char *first = strstr(answer, "body=2:hi");
        if (first != NULL && strstr(first + 1, "body=2:hi") != NULL)
            break;
    }
    const char *first = strstr(answer, "body=2:hi");
    TAP_OK(first != NULL && strstr(first + 1, "body=2:hi") != NULL, "two requests in one write get two answers");
    for (size_t i = 0; i < strlen(one); i++) {
        send_all(fd, one + i, 1);
        usleep(200);
    }
    TAP_EQ_INT(answer_of(fd, answer, sizeof answer), 200, "a request byte by byte");
    close(fd);
}

static void test_connections(void)
{
    static const char one[] = "GET /a HTTP/1.1\r\n" H "\r\n";
    char answer[4096];
    int fds[CONNECTIONS_MAX + 2];

    usleep(50000); /* those of earlier tests are gone */
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = dial();
        send_all(fds[i], one, strlen(one));
        if (answer_of(fds[i], answer, sizeof answer) != 200)
            TAP_FAIL("connection %d", i);
    }
    fds[CONNECTIONS_MAX] = dial();
    send_all(fds[CONNECTIONS_MAX], one, strlen(one));
    TAP_EQ_INT(answer_of(fds[CONNECTIONS_MAX], answer, sizeof answer), 503, "one connection too many is told so");
    TAP_HAS(answer, "too many connections", "in words");
    close(fds[CONNECTIONS_MAX]);
    close(fds[0]);
    usleep(50000);
    fds[0] = dial();
    send_all(fds[0], one, strlen(one));
    TAP_EQ_INT(answer_of(fds[0], answer, sizeof answer), 200, "and there is room again after one closed");
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        close(fds[i]);
}

static unsigned gone(void)
{
    return __atomic_load_n(&streams_gone, __ATOMIC_SEQ_CST);
}

static void test_streams(void)
{
    static const char slow[] = "GET /slow HTTP/1.1\r\n" H "\r\n", left[] = "GET /gone HTTP/1.1\r\n" H "\r\n";
    static char answer[65536];
    size_t held = 0, count = 0;
    ssize_t got;
    int fd = dial();

    send_all(fd, slow, strlen(slow));
    while (held < sizeof answer - 1 && (got = recv(fd, answer + held, sizeof answer - 1 - held, 0)) > 0) {
        held += (size_t)got;
        answer[held] = '\0';
        if (strstr(answer, "\r\n0\r\n\r\n") != NULL)
            break;
    }
    for (const char *at = strstr(answer, "\r\n\r\n"); at != NULL && *at != '\0'; at++)
        count += *at == 'x';
    TAP_EQ_UINT(slow_blocks, STREAM_MAX / BLOCK, "a stream takes what fits");
    TAP_EQ_UINT(count, STREAM_MAX, "all of which arrives");
    TAP_HAS(answer, "dropped", "and then the last word");
    TAP_HAS(answer, "\r\n0\r\n\r\n", "and its end");
    close(fd);
    for (int i = 0; i < 1000 && gone() < 1; i++)
        usleep(1000);
    TAP_EQ_UINT(gone(), 1, "its end is told once");
    fd = dial();
    send_all(fd, left, strlen(left));
    (void)recv(fd, answer, sizeof answer, 0);
    close(fd);
    for (int i = 0; i < 5000 && gone() < 2; i++)
        usleep(1000);
    TAP_EQ_UINT(gone(), 2, "a reader that leaves is noticed at the next write");
}

int main(void)
{
    pthread_t thread;

    if (!start() || pthread_create(&thread, NULL, serve, NULL) != 0)
        tap_bail("no server");
    test_rows();
    test_sizes();
    test_endless();
    test_keep_alive();
    test_streams();
    test_connections();
    uv_async_send(&stopper);
    pthread_join(thread, NULL);
    TAP_EQ_INT(uv_loop_close(&loop), 0, "everything is closed at the end");
    return tap_done();
}
