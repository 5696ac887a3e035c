/* GET /v1/events: the journal as a stream. A stream first reads its backlog from the journal, a page at a time and no faster than its reader; once
 * it stands at the journal's end it is fed with live records. Who reads too slowly is told so and dropped: it may come back with its last id. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/inner.h"

enum {
    PAGE_RECORDS = 1000,
    PAGE_BYTES = 256 << 10,
    PENDING_BYTES = 4 << 20,
    KEEPALIVE_MS = 15000,
    EVENT_MAX = 16 << 20
};

struct stream {
    struct dure_store_read read; /* first: the store hands this back */
    struct dure_api *api;
    struct dure_http_request *request; /* NULL: the reader is gone */
    struct stream *next, *previous;
    uint64_t position; /* of the next leaf to send */
    uint64_t mark;     /* live records are known from here on */
    bool live, reading;
    bool skipping; /* no record was whole yet */
    bool joining;  /* in the middle of a long one */
    struct dure_arena *arena;
    struct dure_buf page; /* made on the store's thread */
    struct dure_leaves_join join;
    uint64_t page_end;
    uint64_t record_first; /* leaf that the record being joined began with */
    uint32_t page_records;
    enum dure_err err;
};

static void stream_free(struct stream *stream)
{
    dure_buf_release(&stream->page);
    dure_buf_release(&stream->join.whole);
    dure_arena_free(stream->arena);
    free(stream);
}

static void unlink_stream(struct stream *stream)
{
    struct dure_api *api = stream->api;

    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        api->streams = stream->next;
    api->stream_count--;
}

static void on_gone(void *context)
{
    struct stream *stream = context;

    stream->request = NULL;
    unlink_stream(stream);
    if (!stream->reading)
        stream_free(stream);
}

static void write_event(struct dure_buf *out, struct dure_buf *line, uint64_t sequence,
                        const struct dure_record *record)
{
    dure_buf_clear(line);
    dure_record_print(record, line);
    while (line->length > 0 && line->data[line->length - 1] == '\n')
        line->data[--line->length] = '\0';
    dure_buf_printf(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)sequence,
                    dure_record_kind_name(record->kind));
    dure_buf_add(out, line->data, line->length);
    dure_buf_add(out, "\n\n", 2);
}

static void drop(struct stream *stream, const char *why)
{
    char last[256];
    int length = snprintf(last, sizeof last, "event: dropped\ndata: {\"reason\":\"%s\",\"next\":%llu}\n\n", why,
                          (unsigned long long)stream->position);

    stream->api->streams_dropped++;
    dure_http_stream_end(stream->request, last, (size_t)length);
}

static bool take_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct stream *stream = context;
    struct dure_record record;
    struct dure_buf line DURE_CLEANUP_BUF = {0};
    const void *bytes;
    size_t whole;
    int got;

    dure_buf_init(&line, EVENT_MAX);
    if (!stream->joining)
        stream->record_first = sequence;
    got = dure_leaves_join_next(&stream->join, leaf, length, &bytes, &whole, NULL);
    if (got < 0 && stream->skipping) {
        stream->page_end =
            sequence + 1; /* the reader asked from the middle of a long record: the next one is its first */
        return true;
    }
    if (got < 0) {
        stream->err = (enum dure_err)got;
        return false;
    }
    stream->skipping = false;
    stream->joining = got == 0;
    if (got == 0)
        return true;
    dure_arena_reset(stream->arena);
    stream->err = dure_record_decode(bytes, whole, stream->arena, &record, NULL);
    if (stream->err != DURE_OK)
        return false;
    write_event(&stream->page, &line, stream->record_first, &record);
    stream->page_end = sequence + 1;
    return ++stream->page_records < PAGE_RECORDS && stream->page.length < PAGE_BYTES && !stream->page.failed;
}

static void read_page(struct dure_store_read *read, struct dure_journal *journal)
{
    struct stream *stream = (struct stream *)read;
    struct dure_journal_head head;

    dure_journal_head(journal, &head);
    stream->page_records = 0;
    stream->page_end = stream->position;
    if (stream->position < head.size)
        stream->err = dure_journal_read(journal, stream->position, head.size, take_leaf, NULL, stream, NULL);
    if (stream->err == DURE_OK && stream->page.failed)
        stream->err = DURE_E_LIMIT;
}

static void page_done(struct dure_store_read *read);

static void next_page(struct stream *stream)
{
    if (stream->reading || stream->live || stream->request == NULL ||
        dure_http_stream_pending(stream->request) > PENDING_BYTES / 4)
        return;
    stream->reading = true;
    dure_buf_clear(&stream->page);
    stream->read.read = read_page;
    stream->read.done = page_done;
    stream->api->host.read(stream->api->host.context, &stream->read);
}

static void page_done(struct dure_store_read *read)
{
    static const char ready[] = "event: ready\ndata: {}\n\n";
    struct stream *stream = (struct stream *)read;

    stream->reading = false;
    if (stream->request == NULL) {
        stream_free(stream);
        return;
    }
    if (stream->err != DURE_OK) {
        drop(stream, "the journal could not be read here");
        return;
    }
    if (stream->page.length > 0 && !dure_http_stream_write(stream->request, stream->page.data, stream->page.length)) {
        drop(stream, "too slow");
        return;
    }
    stream->position = stream->page_end;
    if (stream->position >= dure_loop_durable(stream->api->loop) && stream->position >= stream->mark) {
        stream->live = true;
        if (!dure_http_stream_write(stream->request, ready, sizeof ready - 1))
            drop(stream, "too slow");
        return;
    }
    next_page(stream);
}

/* Readers that had to wait for room in their buffers go on here, besides the comment that keeps a quiet stream open. */
static void on_keepalive(uv_timer_t *timer)
{
    static const char comment[] = ": keepalive\n\n";
    struct dure_api *api = timer->data;
    struct stream *next;

    for (struct stream *stream = api->streams; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->request == NULL)
            continue;
        if (!dure_http_stream_write(stream->request, comment, sizeof comment - 1))
            drop(stream, "too slow");
    }
}

static void on_drained(void *context)
{
    next_page(context);
}

static bool keepalive_start(struct dure_api *api)
{
    if (api->keepalive != NULL)
        return true;
    api->keepalive = malloc(sizeof *api->keepalive);
    if (api->keepalive == NULL)
        return false;
    uv_timer_init(api->uv, api->keepalive);
    api->keepalive->data = api;
    uv_timer_start(api->keepalive, on_keepalive, KEEPALIVE_MS, KEEPALIVE_MS);
    return true;
}

static bool read_start(struct call *call, uint64_t *ret_from)
{
    const char *last = dure_http_header(call->request, "Last-Event-ID");
    char *end;

    *ret_from = UINT64_MAX;
    if (!param_uint(call, "from", INT64_MAX, ret_from))
        return false;
    if (*ret_from == UINT64_MAX && last != NULL && *last != '\0') {
        unsigned long long id = strtoull(last, &end, 10);
        if (*last < '0' || *last > '9' || *end != '\0' || id >= INT64_MAX) {
            call_fail(call, DURE_E_INVALID, "Last-Event-ID: found '%.64s', expected the number of a leaf", last);
            return false;
        }
        *ret_from = id + 1;
    }
    return true;
}

void handle_events(struct call *call)
{
    struct dure_api *api = call->api;
    struct stream *stream;
    uint64_t from;

    if (!read_start(call, &from))
        return;
    if (api->stream_count >= DURE_API_STREAMS_MAX) {
        call_fail(call, DURE_E_BUSY, "more than %d event streams at once", DURE_API_STREAMS_MAX);
        return;
    }
    stream = calloc(1, sizeof *stream);
    if (stream == NULL || !keepalive_start(api) || (stream->arena = dure_arena_new(CALL_ARENA_MAX)) == NULL ||
        !dure_http_stream_begin(call->request, "text/event-stream", PENDING_BYTES, on_gone, stream)) {
        if (stream != NULL)
            dure_arena_free(stream->arena);
        free(stream);
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    dure_http_stream_on_drained(call->request, on_drained);
    stream->api = api;
    stream->request = call->request;
    stream->skipping = true;
    stream->mark = dure_loop_stepped(api->loop);
    stream->position = from < stream->mark ? from : stream->mark;
    dure_buf_init(&stream->page, EVENT_MAX + PAGE_BYTES);
    stream->next = api->streams;
    if (api->streams != NULL)
        api->streams->previous = stream;
    api->streams = stream;
    api->stream_count++;
    api->answers_by_class[2]++;
    call_end(call);
    next_page(stream);
}

bool dure_api_listening(void *context)
{
    const struct dure_api *api = context;

    return api->stream_count > 0;
}

void dure_api_event(void *context, uint64_t sequence, const struct dure_record *record)
{
    struct dure_api *api = context;
    struct dure_buf line DURE_CLEANUP_BUF = {0};
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct stream *next;

    dure_buf_init(&line, EVENT_MAX);
    dure_buf_init(&text, EVENT_MAX + 256);
    for (struct stream *stream = api->streams; stream != NULL; stream = next) {
        next = stream->next;
        if (!stream->live || stream->request == NULL || sequence < stream->position)
            continue;
        if (text.length == 0)
            write_event(&text, &line, sequence, record);
        stream->position = sequence + 1;
        api->events_sent++;
        if (text.failed || !dure_http_stream_write(stream->request, text.data, text.length))
            drop(stream, "too slow");
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void streams_close(struct dure_api *api)
{
    if (api->keepalive != NULL)
        uv_close((uv_handle_t *)api->keepalive, on_timer_closed);
    api->keepalive = NULL;
}
