#pragma once
/* HTTP/1.1 below the API: bytes on a listening socket become requests, answers become bytes. It knows no route and no role.
 *
 * libmicrohttpd with external polling on the caller's libuv loop. What that library lets pass is refused here before a handler sees it: a request
 * with both Content-Length and Transfer-Encoding, two Content-Lengths, two Hosts, none at all in HTTP/1.1, control characters in the target.
 * A request is answered later by keeping its pointer: its connection sleeps until dure_http_answer. One thread, that of the loop. O(1) a request.
 * The server is written so that another parser could stand behind this header. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct uv_loop_s;
struct dure_http;
struct dure_http_request;

enum {
    DURE_HTTP_TARGET_MAX = 4096,
    DURE_HTTP_HEADERS_MAX = 64,
    DURE_HTTP_HEADER_BYTES_MAX = 16384,
    DURE_HTTP_IDLE_SECONDS = 300,
};

enum dure_http_method { DURE_HTTP_GET, DURE_HTTP_POST, DURE_HTTP_PUT, DURE_HTTP_HEAD, DURE_HTTP_OTHER };

/* Who is at the other end, as the kernel says (SO_PEERCRED, once a connection). */
struct dure_http_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool known; /* false: not a Unix socket */
};

struct dure_http_stats {
    uint64_t requests, refused, connections, connections_now;
};

struct dure_http_options {
    struct uv_loop_s *loop;
    int listen_fd; /* bound and listening, non-blocking; the server closes it */
    unsigned connections_max;
    size_t body_max;
    /* A whole request. It answers now or later, exactly once. */
    void (*handle)(void *context, struct dure_http_request *request);
    void *context;
};

DURE_NODISCARD enum dure_err dure_http_new(const struct dure_http_options *options, struct dure_http **ret_http,
                                           struct dure_error *error);
/* Stops accepting; requests under way may still be answered. */
void dure_http_quiesce(struct dure_http *http);
/* Answers what is open with 503, closes everything; `closed` is called on the loop when the memory is gone. */
void dure_http_close(struct dure_http *http, void (*closed)(void *context), void *context);
struct dure_http_stats dure_http_stats(const struct dure_http *http);

/* The request, valid until it is answered. */
enum dure_http_method dure_http_method(const struct dure_http_request *request);
const char *dure_http_path(const struct dure_http_request *request); /* as sent, percent-encoded, without the query */
const char *dure_http_body(const struct dure_http_request *request, size_t *ret_length); /* NUL-terminated */
const struct dure_http_peer *dure_http_peer(const struct dure_http_request *request);
const char *dure_http_header(const struct dure_http_request *request, const char *name); /* NULL: absent */
/* A query parameter, decoded, into `value`. 1: found; 0: absent; negative enum dure_err: given twice, badly encoded or longer than `size`. */
int dure_http_query(const struct dure_http_request *request, const char *name, char *value, size_t size);
/* Names the first query parameter that is not in `known` (a NULL-terminated list); NULL: all are known. Into `name`, cut. */
bool dure_http_query_unknown(const struct dure_http_request *request, const char *const *known, char *name,
                             size_t size);
/* Decodes %XX of `length` bytes of a path. False: bad encoding, a NUL, or no room. */
bool dure_http_decode(const char *text, size_t length, char *decoded, size_t size);

/* {"error": {"code", "message"}}; without text, the code's own sentence. */
void dure_http_error_body(struct dure_buf *buf, enum dure_err err, const char *text);
/* A header of the coming answer; before it is sent. Name and value are copied; at most 6, cut never: too long is a programmer's error. */
void dure_http_header_add(struct dure_http_request *request, const char *name, const char *value);
/* Answers. The body's memory is taken over; the buffer is empty afterwards. The request is gone. */
void dure_http_answer(struct dure_http_request *request, int status, const char *content_type, struct dure_buf *body);

/* Answers with 200 and a body without an end (server-sent events). Writing returns false when more than `pending_max` bytes wait for a slow
 * reader: nothing is taken then. Beginning fails (no effect) when memory is out. `gone` is called once when the reader left or the stream was ended; the request is gone after it returns. */
DURE_NODISCARD bool dure_http_stream_begin(struct dure_http_request *request, const char *content_type,
                                           size_t pending_max, void (*gone)(void *context), void *context);
DURE_NODISCARD bool dure_http_stream_write(struct dure_http_request *request, const void *bytes, size_t length);
/* `drained` (with the context of `gone`) is called whenever all that was written has left; it must not write at once. */
void dure_http_stream_on_drained(struct dure_http_request *request, void (*drained)(void *context));
size_t dure_http_stream_pending(const struct dure_http_request *request);
void dure_http_stream_end(struct dure_http_request *request, const void *last,
                          size_t length); /* `last` is sent past the limit */
