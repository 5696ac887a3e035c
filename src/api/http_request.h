#pragma once
/* A request as the files of the HTTP server see it (http.c, http_guard.c, http_stream.c, http_query.c); nobody else looks inside.
 * Requests come from a free list and keep their buffers, so that a small request costs no allocation of ours. */
#include <microhttpd.h>

#include "api/http.h"

enum { DURE_HTTP_EXTRA_MAX = 6 };

struct dure_http_connection {
    struct dure_http_peer peer;
    bool over_limit; /* accepted past the limit: told so, then closed */
};

struct dure_http_stream {
    struct dure_buf pending;
    size_t sent; /* bytes of `pending` already gone */
    size_t pending_max;
    bool ended;
    void (*gone)(void *context);
    void (*drained)(void *context); /* NULL: nobody asks */
    void *context;
};

struct dure_http_request {
    struct dure_http *http;
    struct MHD_Connection *connection;
    struct dure_http_connection *from;
    struct dure_http_request *next, *previous; /* live requests; the free list uses next */
    struct dure_buf target;                    /* path NUL query */
    const char *query;                         /* "" if none */
    enum dure_http_method method;
    bool checked;    /* headers were looked at */
    bool dispatched; /* handed to the handler */
    bool answered;
    bool in_handler;
    bool suspended;
    enum dure_err refusal; /* found while reading the body; OK: none */
    const char *refusal_text;
    struct dure_buf body;
    size_t received; /* bytes of body, swallowed ones included */
    int status;
    const char *content_type;
    struct dure_buf reply;
    struct {
        char name[32];
        char value[96];
    } extra[DURE_HTTP_EXTRA_MAX];
    unsigned extra_count;
    struct dure_http_stream *stream;
};

/* http_guard.c: may this request's head be let in? DURE_OK or the refusal with HTTP status and words. A body longer than
 * heard_max bytes is refused before it comes. */
struct dure_http_refusal {
    int status;
    enum dure_err err;
    const char *text;
};
bool dure_http_guard(const struct dure_http_request *request, const char *method, const char *version, size_t heard_max,
                     struct dure_http_refusal *ret_refusal);
/* http_stream.c */
enum MHD_Result dure_http_stream_queue(struct dure_http_request *request);
void dure_http_stream_gone(struct dure_http_request *request);

/* http.c: wakes a sleeping connection; it is served at the end of this turn of the loop. */
void dure_http_wake(struct dure_http_request *request);
