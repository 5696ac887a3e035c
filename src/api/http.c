#include "api/http_request.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    CONNECTION_BYTES = 24576,
    SPARE_REQUESTS_MAX = 1024,
    SPARE_BODY_MAX = 65536,
    SPARE_CONNECTIONS = 32,
    HANDLES = 3,
    SWALLOW_FACTOR = 4
};

struct dure_http {
    struct MHD_Daemon *daemon;
    struct dure_http_options options;
    uv_poll_t poll;
    uv_check_t check;
    uv_timer_t timer;
    bool due; /* run the library before the loop sleeps again */
    bool closing;
    unsigned open_handles;
    struct dure_http_request *live;
    struct dure_http_request *spare;
    unsigned spare_count;
    struct dure_http_stats stats;
    void (*closed)(void *context);
    void *closed_context;
};

static void run(struct dure_http *http);

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void run(struct dure_http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;

    http->due = false;
    if (MHD_run(http->daemon) != MHD_YES)
        return;
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES) {
        uv_timer_stop(&http->timer);
        return;
    }
    uv_timer_start(&http->timer, on_timer, wait_ms, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct dure_http *http = poll->data;

    (void)events;
    if (status == 0)
        http->due = true;
}

/* After all callbacks of this turn: answers given in it and bytes that came in it cost one run together. */
static void on_check(uv_check_t *check)
{
    struct dure_http *http = check->data;

    if (http->due && !http->closing)
        run(http);
}

void dure_http_wake(struct dure_http_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
    if (!request->http->due) {
        request->http->due = true;
        uv_timer_start(&request->http->timer, on_timer, 0, 0); /* should nothing else wake the loop */
    }
}

static struct dure_http_request *request_take(struct dure_http *http)
{
    struct dure_http_request *request = http->spare;

    if (request != NULL) {
        http->spare = request->next;
        http->spare_count--;
    } else {
        request = calloc(1, sizeof *request);
        if (request == NULL)
            return NULL;
        dure_buf_init(&request->target, DURE_HTTP_TARGET_MAX + 1);
        dure_buf_init(&request->body, http->options.body_max);
        request->http = http;
    }
    request->next = http->live;
    request->previous = NULL;
    if (http->live != NULL)
        http->live->previous = request;
    http->live = request;
    return request;
}

static void request_destroy(struct dure_http_request *request)
{
    dure_buf_release(&request->target);
    dure_buf_release(&request->body);
    dure_buf_release(&request->reply);
    free(request);
}

static void request_drop(struct dure_http_request *request)
{
    struct dure_http *http = request->http;

    if (request->next != NULL)
        request->next->previous = request->previous;
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        http->live = request->next;
    if (http->spare_count >= SPARE_REQUESTS_MAX) {
        request_destroy(request);
        return;
    }
    dure_buf_clear(&request->target);
    if (request->body.capacity > SPARE_BODY_MAX) {
        dure_buf_release(&request->body);
        dure_buf_init(&request->body, http->options.body_max);
    }
    dure_buf_clear(&request->body);
    dure_buf_release(&request->reply);
    request->connection = NULL;
    request->from = NULL;
    request->checked = request->dispatched = request->answered = request->suspended = false;
    request->refusal = DURE_OK;
    request->extra_count = 0;
    request->received = 0;
    request->next = http->spare;
    http->spare = request;
    http->spare_count++;
}

/* The request line was read: a request begins. */
static void *on_target(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct dure_http *http = context;
    struct dure_http_request *request = request_take(http);
    const union MHD_ConnectionInfo *info;
    const char *mark;

    if (request == NULL)
        return NULL;
    request->connection = connection;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->from = info != NULL ? info->socket_context : NULL;
    dure_buf_str(&request->target, uri);
    request->query = "";
    if (!request->target.failed && request->target.length > 0) {
        mark = strchr(request->target.data, '?');
        if (mark != NULL) {
            request->target.data[mark - request->target.data] = '\0';
            request->query = mark + 1;
        }
    }
    http->stats.requests++;
    return request;
}

static enum MHD_Result queue_answer(struct dure_http_request *request)
{
    struct MHD_Response *response;
    enum MHD_Result result;
    size_t length;
    char *data;

    if (request->stream != NULL)
        return dure_http_stream_queue(request);
    length = request->reply.length;
    data = dure_buf_take(&request->reply);
    if (data == NULL) {
        static char empty[1];
        response = MHD_create_response_from_buffer(0, empty, MHD_RESPMEM_PERSISTENT);
    } else {
        response = MHD_create_response_from_buffer(length, data, MHD_RESPMEM_MUST_FREE);
    }
    if (response == NULL) {
        free(data);
        return MHD_NO;
    }
    if (request->content_type != NULL &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->content_type) != MHD_YES)
        request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    for (unsigned i = 0; i < request->extra_count; i++)
        if (MHD_add_response_header(response, request->extra[i].name, request->extra[i].value) != MHD_YES)
            request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    result = MHD_queue_response(request->connection, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct dure_http_request *request, int status, enum dure_err err, const char *text)
{
    request->http->stats.refused++;
    request->answered = true;
    request->status = status;
    request->content_type = "application/json";
    dure_buf_release(&request->reply);
    dure_buf_init(&request->reply, 4096);
    dure_http_error_body(&request->reply, err, text);
    dure_http_header_add(request, "Connection", "close");
    return queue_answer(request);
}

static enum MHD_Result begin(struct dure_http_request *request, const char *method, const char *version)
{
    struct dure_http_refusal refusal;

    request->checked = true;
    request->method = strcmp(method, "GET") == 0    ? DURE_HTTP_GET
                      : strcmp(method, "POST") == 0 ? DURE_HTTP_POST
                      : strcmp(method, "PUT") == 0  ? DURE_HTTP_PUT
                      : strcmp(method, "HEAD") == 0 ? DURE_HTTP_HEAD
                                                    : DURE_HTTP_OTHER;
    /* A body a little too large is heard to its end, and then refused: who is cut off while sending reads no answer. */
    if (dure_http_guard(request, method, version, request->http->options.body_max * SWALLOW_FACTOR, &refusal))
        return MHD_YES; /* called again with the body, and once more when it is whole */
    return refuse(request, refusal.status, refusal.err, refusal.text);
}

static enum MHD_Result dispatch(struct dure_http_request *request)
{
    request->dispatched = true;
    if (request->refusal != DURE_OK)
        return refuse(request, dure_err_http(request->refusal), request->refusal, request->refusal_text);
    if (request->http->closing)
        return refuse(request, 503, DURE_E_BUSY, "the daemon is stopping");
    request->in_handler = true;
    request->http->options.handle(request->http->options.context, request);
    request->in_handler = false;
    if (request->answered)
        return queue_answer(request);
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_length, void **state)
{
    struct dure_http_request *request = *state;

    (void)context;
    (void)connection;
    (void)url;
    if (request == NULL)
        return MHD_NO;
    if (!request->checked)
        return begin(request, method, version);
    if (*upload_length > 0) {
        size_t body_max = request->http->options.body_max;
        request->received += *upload_length;
        if (request->received / SWALLOW_FACTOR > body_max)
            return MHD_NO; /* a sender that does not stop is cut off */
        if (request->refusal == DURE_OK && request->received > body_max) {
            request->refusal = DURE_E_LIMIT;
            request->refusal_text = "the body is larger than this daemon takes";
        }
        if (request->refusal == DURE_OK)
            dure_buf_add(&request->body, upload, *upload_length);
        if (request->refusal == DURE_OK && request->body.failed) {
            request->refusal = DURE_E_MEMORY;
            request->refusal_text = "out of memory";
        }
        *upload_length = 0;
        return MHD_YES;
    }
    if (!request->dispatched)
        return dispatch(request);
    if (request->answered)
        return queue_answer(request);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct dure_http_request *request = *state;

    (void)context;
    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    *state = NULL;
    dure_http_stream_gone(request);
    request_drop(request);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct dure_http *http = context;
    struct dure_http_connection *from;
    const union MHD_ConnectionInfo *info;
    struct ucred cred;
    socklen_t size = sizeof cred;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*state != NULL)
            http->stats.connections_now--;
        free(*state);
        *state = NULL;
        return;
    }
    from = calloc(1, sizeof *from);
    *state = from;
    if (from == NULL)
        return;
    http->stats.connections++;
    from->over_limit = ++http->stats.connections_now > http->options.connections_max;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL)
        return;
    int domain = 0;
    socklen_t domain_size = sizeof domain;
    if (getsockopt(info->connect_fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0 || domain != AF_UNIX)
        return;
    if (getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || size != sizeof cred)
        return;
    from->peer = (struct dure_http_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid, .known = true};
}

static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void silent(void *context, const char *format, va_list args)
{
    (void)context;
    (void)format;
    (void)args;
}

enum dure_err dure_http_new(const struct dure_http_options *options, struct dure_http **ret_http,
                            struct dure_error *error)
{
    struct dure_http *http = calloc(1, sizeof *http);
    const union MHD_DaemonInfo *info;

    if (http == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    http->options = *options;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        http, /* */
        MHD_OPTION_EXTERNAL_LOGGER, silent, NULL, MHD_OPTION_LISTEN_SOCKET, options->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, options->connections_max + SPARE_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)DURE_HTTP_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return dure_fail(error, DURE_E_IO, "the HTTP library does not start on this socket");
    }
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(options->loop, &http->poll, info->epoll_fd) != 0) {
        MHD_stop_daemon(http->daemon);
        free(http);
        return dure_fail(error, DURE_E_IO, "the HTTP library cannot be polled");
    }
    uv_check_init(options->loop, &http->check);
    uv_timer_init(options->loop, &http->timer);
    http->poll.data = http->check.data = http->timer.data = http;
    http->open_handles = HANDLES;
    uv_poll_start(&http->poll, UV_READABLE, on_poll);
    uv_check_start(&http->check, on_check);
    *ret_http = http;
    return DURE_OK;
}

void dure_http_quiesce(struct dure_http *http)
{
    int fd = MHD_quiesce_daemon(http->daemon);

    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct dure_http *http = handle->data;

    if (--http->open_handles > 0)
        return;
    while (http->spare != NULL) {
        struct dure_http_request *next = http->spare->next;
        request_destroy(http->spare);
        http->spare = next;
    }
    if (http->closed != NULL)
        http->closed(http->closed_context);
    free(http);
}

void dure_http_close(struct dure_http *http, void (*closed)(void *context), void *context)
{
    http->closing = true;
    http->closed = closed;
    http->closed_context = context;
    for (struct dure_http_request *request = http->live; request != NULL; request = request->next) {
        if (request->stream != NULL) {
            dure_http_stream_end(request, "", 0);
        } else if (request->dispatched && !request->answered) {
            struct dure_buf body;
            dure_buf_init(&body, 4096);
            dure_http_error_body(&body, DURE_E_BUSY, "the daemon is stopping");
            dure_http_answer(request, 503, "application/json", &body);
        }
    }
    MHD_run(http->daemon);
    uv_poll_stop(&http->poll);
    MHD_stop_daemon(http->daemon);
    uv_close((uv_handle_t *)&http->poll, on_handle_closed);
    uv_close((uv_handle_t *)&http->check, on_handle_closed);
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
}

struct dure_http_stats dure_http_stats(const struct dure_http *http)
{
    return http->stats;
}

void dure_http_header_add(struct dure_http_request *request, const char *name, const char *value)
{
    DURE_ASSERT(request->extra_count < DURE_HTTP_EXTRA_MAX);
    DURE_ASSERT(strlen(name) < sizeof request->extra[0].name && strlen(value) < sizeof request->extra[0].value);
    dure_text_copy(request->extra[request->extra_count].name, sizeof request->extra[0].name, name);
    dure_text_copy(request->extra[request->extra_count].value, sizeof request->extra[0].value, value);
    request->extra_count++;
}

void dure_http_answer(struct dure_http_request *request, int status, const char *content_type, struct dure_buf *body)
{
    DURE_ASSERT(request->dispatched && !request->answered);
    request->answered = true;
    request->status = status;
    request->content_type = content_type;
    request->reply = *body;
    dure_buf_init(body, body->max);
    if (request->reply.failed) {
        dure_buf_release(&request->reply);
        dure_buf_init(&request->reply, 4096);
        request->status = 503;
        request->content_type = "application/json";
        dure_http_error_body(&request->reply, DURE_E_MEMORY, "the answer does not fit into memory");
    }
    dure_http_wake(request);
}
