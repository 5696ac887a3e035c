#include <stdlib.h>
#include <string.h>

#include "api/http_request.h"

enum { BLOCK = 32768, LAST_ROOM = 65536 };

static ssize_t read_more(void *context, uint64_t position, char *buffer, size_t max)
{
    struct dure_http_request *request = context;
    struct dure_http_stream *stream = request->stream;
    size_t ready = stream->pending.length - stream->sent;

    (void)position;
    if (ready == 0) {
        if (stream->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        request->suspended = true;
        MHD_suspend_connection(request->connection);
        return 0;
    }
    if (ready > max)
        ready = max;
    memcpy(buffer, stream->pending.data + stream->sent, ready);
    stream->sent += ready;
    if (stream->sent == stream->pending.length) {
        dure_buf_clear(&stream->pending);
        stream->sent = 0;
        if (stream->drained != NULL && !stream->ended)
            stream->drained(stream->context);
    }
    return (ssize_t)ready;
}

enum MHD_Result dure_http_stream_queue(struct dure_http_request *request)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, request, NULL);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->content_type) != MHD_YES ||
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") != MHD_YES) {
        MHD_destroy_response(response);
        return MHD_NO;
    }
    result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

bool dure_http_stream_begin(struct dure_http_request *request, const char *content_type, size_t pending_max,
                            void (*gone)(void *context), void *context)
{
    struct dure_http_stream *stream = calloc(1, sizeof *stream);

    DURE_ASSERT(request->dispatched && !request->answered);
    if (stream == NULL)
        return false;
    dure_buf_init(&stream->pending, pending_max * 2 + LAST_ROOM);
    stream->pending_max = pending_max;
    stream->gone = gone;
    stream->context = context;
    request->stream = stream;
    request->content_type = content_type;
    request->answered = true;
    dure_http_wake(request);
    return true;
}

static void compact(struct dure_http_stream *stream)
{
    size_t ready = stream->pending.length - stream->sent;

    memmove(stream->pending.data, stream->pending.data + stream->sent, ready);
    stream->pending.length = ready;
    stream->sent = 0;
}

bool dure_http_stream_write(struct dure_http_request *request, const void *bytes, size_t length)
{
    struct dure_http_stream *stream = request->stream;

    DURE_ASSERT(stream != NULL);
    if (stream->ended || stream->pending.length - stream->sent + length > stream->pending_max)
        return false;
    if (stream->sent > stream->pending_max)
        compact(stream);
    dure_buf_add(&stream->pending, bytes, length);
    dure_http_wake(request);
    return !stream->pending.failed;
}

void dure_http_stream_on_drained(struct dure_http_request *request, void (*drained)(void *context))
{
    request->stream->drained = drained;
}

size_t dure_http_stream_pending(const struct dure_http_request *request)
{
    return request->stream->pending.length - request->stream->sent;
}

void dure_http_stream_end(struct dure_http_request *request, const void *last, size_t length)
{
    struct dure_http_stream *stream = request->stream;

    if (stream->ended)
        return;
    if (length <= LAST_ROOM)
        dure_buf_add(&stream->pending, last, length);
    stream->ended = true;
    dure_http_wake(request);
}

void dure_http_stream_gone(struct dure_http_request *request)
{
    struct dure_http_stream *stream = request->stream;

    if (stream == NULL)
        return;
    request->stream = NULL;
    if (stream->gone != NULL)
        stream->gone(stream->context);
    dure_buf_release(&stream->pending);
    free(stream);
}
