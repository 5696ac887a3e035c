/* The client against servers that answer well, badly, or not at all. Each row's answer is sent by a thread that accepts once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client.h"
#include "tap.h"

struct canned {
    int listening;
    const char *answer; /* NULL: close at once */
    char request[8192];
};

static char socket_path[100];

static void *serve(void *context)
{
    struct canned *canned = context;
    int fd = accept(canned->listening, NULL, NULL);
    size_t held = 0;
    ssize_t got;

    while (held < sizeof canned->request - 1 && strstr(canned->request, "\r\n\r\n") == NULL &&
           (got = recv(fd, canned->request + held, sizeof canned->request - 1 - held, 0)) > 0)
        held += (size_t)got;
    if (canned->answer != NULL && send(fd, canned->answer, strlen(canned->answer), MSG_NOSIGNAL) < 0)
        tap_diag("the client left early");
    close(fd);
    return NULL;
}

static pthread_t start(struct canned *canned, const char *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;

    memset(canned, 0, sizeof *canned);
    canned->answer = answer;
    unlink(socket_path);
    (void)dure_text_copy(address.sun_path, sizeof address.sun_path, socket_path);
    canned->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(canned->listening, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(canned->listening, 4) != 0 || pthread_create(&thread, NULL, serve, canned) != 0)
        tap_bail("no server");
    return thread;
}

static enum dure_err call(struct canned *canned, const char *answer, const struct dure_request *request,
                          struct dure_reply *reply, struct dure_error *error)
{
    struct dure_client_options options = {.socket_path = socket_path, .timeout_us = 5000000};
    struct dure_client *client;
    pthread_t thread = start(canned, answer);
    enum dure_err err;

    if (dure_client_new(&options, &client, error) != DURE_OK)
        tap_bail("client: %s", error->text);
    err = dure_client_call(client, request, reply, error);
    dure_client_free(client);
    pthread_join(thread, NULL);
    close(canned->listening);
    return err;
}

static const struct {
    const char *name, *answer;
    enum dure_err err;
    int status;
    const char *text; /* in the error */
} rows[] = {
    {"a good answer", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"job\":7}",
     DURE_OK, 200, NULL},
    {"created", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", DURE_OK, 201, NULL},
    {"a refusal",
     "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nConnection: "
     "close\r\n\r\n{\"error\":{\"code\":\"wrong_state\",\"message\":\"it ended\"}}",
     DURE_E_STATE, 409, "it ended"},
    {"a refusal without a message",
     "HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"rate\"}}",
     DURE_E_RATE, 429, "slow down"},
    {"a code of another version",
     "HTTP/1.1 418 Tea\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"teapot\"}}",
     DURE_E_INVALID, 418, "418"},
    {"a refusal that is not ours", "HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nnope",
     DURE_E_NOT_FOUND, 404, "404"},
    {"a server's fault", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", DURE_E_IO, 500, "500"},
    {"closed at once", NULL, DURE_E_UNREACHABLE, 0, "broke the connection off"},
    {"no HTTP", "SSH-2.0-OpenSSH\r\n", DURE_E_UNREACHABLE, 0, "broke the connection off"},
    {"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", DURE_E_UNREACHABLE, 0,
     "broke the connection off"},
};

static void test_rows(void)
{
    struct canned canned;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_request request = {.method = "GET", .path = "/v1/x"};
        struct dure_reply reply = {0};
        struct dure_error error = {0};
        TAP_EQ_INT(call(&canned, rows[i].answer, &request, &reply, &error), rows[i].err, "%s", rows[i].name);
        TAP_EQ_INT(reply.status, rows[i].status, "%s: status", rows[i].name);
        if (rows[i].text != NULL)
            TAP_HAS(error.text, rows[i].text, "%s: words", rows[i].name);
        dure_reply_release(&reply);
    }
}

static void test_request(void)
{
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json; "
                                 "charset=utf-8\r\nIdempotency-Replayed: true\r\nDure-Size: 12\r\n"
                                 "Content-Length: 9\r\n\r\n{\"job\":7}";
    struct dure_request request = {.method = "POST",
                                   .path = "/v1/jobs",
                                   .query = "test_only=true",
                                   .body = "{}",
                                   .body_length = 2,
                                   .idempotency_key = "k-1"};
    struct dure_reply reply = {0};
    struct dure_error error = {0};
    struct canned canned;
    char value[32];

    TAP_EQ_INT(call(&canned, answer, &request, &reply, &error), DURE_OK, "a write (%s)", error.text);
    TAP_HAS(canned.request, "POST /v1/jobs?test_only=true HTTP/1.1\r\n", "its request line");
    TAP_HAS(canned.request, "Idempotency-Key: k-1\r\n", "its key");
    TAP_HAS(canned.request, "Content-Length: 2\r\n", "its length");
    TAP_OK(strstr(canned.request, "Expect") == NULL, "no Expect");
    TAP_EQ_INT(json_integer_value(json_object_get(reply.json, "job")), 7, "its JSON");
    TAP_OK(reply.replayed, "known as a repetition");
    TAP_OK(dure_reply_header(&reply, "dure-size", value, sizeof value) && strcmp(value, "12") == 0, "a header by name");
    TAP_OK(!dure_reply_header(&reply, "dure", value, sizeof value), "not by a part of one");
    TAP_OK(!dure_reply_header(&reply, "content-type", value, 5), "nor cut");
    dure_reply_release(&reply);
}

static void test_problems(void)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"code\":\"invalid\",\"message\":\"3 faults in the "
        "spec\",\"problems\":[{\"field\":\"gpus\",\"found\":\"0\",\"expected\":\"1..64\"},"
        "{\"field\":\"after[0].job\",\"found\":\"\",\"expected\":\"a "
        "job\"},{\"field\":\"nowhere.at.all\",\"found\":\"\",\"expected\":\"something\"}],\"total\":3 }}";
    static const char yaml[] = "kind: Job\ngpus: 0\nafter:\n  - {kind: ok}\n";
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_problems problems = {.file = "job.yaml"}, mapped = {.file = "job.yaml"};
    struct dure_request request = {.method = "POST", .path = "/v1/jobs", .body = "{}", .body_length = 2};
    struct dure_reply reply = {0};
    struct dure_error error = {0};
    struct dure_tree *tree = NULL;
    struct canned canned;

    if (dure_tree_from_yaml(arena, yaml, strlen(yaml), &tree, &problems) != DURE_OK)
        tap_bail("yaml");
    TAP_EQ_INT(call(&canned, answer, &request, &reply, &error), DURE_E_INVALID, "a spec with faults");
    TAP_EQ_UINT(dure_reply_problems(&reply, tree, &mapped), 3, "three of them");
    TAP_EQ_UINT(mapped.at[0].line, 2, "the first where the field stands");
    TAP_EQ_UINT(mapped.at[1].line, 4, "a missing one at its nearest parent");
    TAP_EQ_UINT(mapped.at[2].line, tree->line, "one of nowhere at the top");
    TAP_EQ_STR(mapped.at[0].expected, "1..64", "with what was expected");
    dure_reply_release(&reply);
    dure_arena_free(arena);
}

static void test_nothing(void)
{
    struct dure_client_options options = {.socket_path = socket_path};
    struct dure_client_options far = {.address = "10.0.0.1:80"};
    struct dure_request request = {.method = "GET", .path = "/healthz"};
    struct dure_reply reply = {0};
    struct dure_error error = {0};
    struct dure_client *client = NULL;
    char path[108], long_path[200];

    unlink(socket_path);
    TAP_EQ_INT(dure_client_new(&options, &client, &error), DURE_OK, "a client for a socket that is not there");
    TAP_EQ_INT(dure_client_call(client, &request, &reply, &error), DURE_E_UNREACHABLE, "reaches nobody");
    TAP_HAS(error.text, socket_path, "names the socket");
    TAP_HAS(error.text, "start one with `dure up`", "and says what to do");
    dure_client_free(client);
    dure_reply_release(&reply);
    TAP_EQ_INT(dure_client_new(&far, &client, &error), DURE_E_INVALID, "another machine is refused");
    TAP_HAS(error.text, "SSH tunnel", "with the way to reach it");
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    options.socket_path = long_path;
    TAP_EQ_INT(dure_client_new(&options, &client, &error), DURE_E_LIMIT, "a socket path too long");
    setenv("DURE_SOCKET", "/x/y.sock", 1);
    TAP_OK(dure_client_socket_path(path, sizeof path) && strcmp(path, "/x/y.sock") == 0, "$DURE_SOCKET first");
    unsetenv("DURE_SOCKET");
    setenv("DURE_STATE", "/st", 1);
    setenv("XDG_RUNTIME_DIR", "/run/u", 1);
    TAP_OK(dure_client_socket_path(path, sizeof path) && strcmp(path, "/st/dured.sock") == 0,
           "a state named by hand has its own socket");
    unsetenv("DURE_STATE");
    TAP_OK(dure_client_socket_path(path, sizeof path) && strcmp(path, "/run/u/dure/dured.sock") == 0,
           "then the runtime folder");
    unsetenv("XDG_RUNTIME_DIR");
    setenv("XDG_STATE_HOME", "/xs", 1);
    TAP_OK(dure_client_socket_path(path, sizeof path) && strcmp(path, "/xs/dure/dured.sock") == 0,
           "then the state folder");
    TAP_OK(!dure_client_socket_path(path, 10), "no room for the path");
}

struct seen {
    char text[512];
    unsigned count, stop_at;
};

static bool take(void *context, const struct dure_client_event *event)
{
    struct seen *seen = context;

    snprintf(seen->text + strlen(seen->text), sizeof seen->text - strlen(seen->text), "%lld:%s:%s;",
             (long long)event->sequence, event->kind, event->data);
    return ++seen->count != seen->stop_at;
}

static void test_events(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                                 "id: 5\nevent: submit\ndata: {\"a\":1}\n\n: keepalive\n\nevent: ready\ndata: "
                                 "{}\n\nid: 6\nevent: end\ndata: x\ndata: y\n\n";
    static const char refusal[] = "HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nConnection: "
                                  "close\r\n\r\n{\"error\":{\"code\":\"busy\",\"message\":\"recovering 1\"}}";
    struct dure_client_options options = {.socket_path = socket_path};
    struct seen seen = {.stop_at = 4}, none = {0};
    struct dure_error error = {0};
    struct dure_client *client;
    struct canned canned;
    pthread_t thread;

    if (dure_client_new(&options, &client, &error) != DURE_OK)
        tap_bail("client");
    thread = start(&canned, answer);
    TAP_EQ_INT(dure_client_events(client, 5, take, &seen, &error), DURE_OK, "stopped by its reader");
    pthread_join(thread, NULL);
    close(canned.listening);
    TAP_EQ_STR(seen.text, "5:submit:{\"a\":1};-1:keepalive:;-1:ready:{};6:end:x\ny;",
               "every event with its number, kind and data");
    TAP_HAS(canned.request, "GET /v1/events?from=5 HTTP/1.1", "asked from there");
    thread = start(&canned, answer);
    seen = (struct seen){0};
    TAP_EQ_INT(dure_client_events(client, UINT64_MAX, take, &seen, &error), DURE_E_UNREACHABLE, "ended by the daemon");
    pthread_join(thread, NULL);
    close(canned.listening);
    thread = start(&canned, refusal);
    TAP_EQ_INT(dure_client_events(client, 0, take, &none, &error), DURE_E_BUSY, "refused");
    TAP_HAS(error.text, "recovering", "with the daemon's words");
    pthread_join(thread, NULL);
    close(canned.listening);
    dure_client_free(client);
}

static void test_escape(void)
{
    struct dure_buf buf = {0};
    char one[33], other[33];

    dure_buf_init(&buf, 1000);
    dure_client_escape("a-[01-04]/b c+d&e=\xc3\xa9", &buf);
    TAP_EQ_STR(buf.data, "a-%5B01-04%5D%2Fb%20c%2Bd%26e%3D%C3%A9", "what is not plain is escaped");
    dure_buf_release(&buf);
    dure_client_key(one);
    dure_client_key(other);
    TAP_OK(strlen(one) == 32 && strcmp(one, other) != 0, "keys differ");
}

int main(void)
{
    snprintf(socket_path, sizeof socket_path, "%.80s/c.sock", tap_tempdir());
    test_rows();
    test_request();
    test_problems();
    test_events();
    test_nothing();
    test_escape();
    return tap_done();
}
