#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_parts.h"

/* One event of a daemon's is a record: 16 MiB holds the largest (a fleet's spec in words). */
enum { LINE_MAX_BYTES = 16 << 20, IDLE_SECONDS = 60, KIND_MAX = 64 };

struct reader {
    CURL *curl;
    struct dure_buf line, data, refusal;
    uint64_t sequence;
    char kind[KIND_MAX];
    bool has_data;
    bool stopped;
    long status;
    dure_client_event_fn event;
    void *context;
};

static bool hand_over(struct reader *reader)
{
    struct dure_client_event event = {.sequence = reader->sequence, .kind = reader->kind, .data = reader->data.data};
    bool go_on = true;

    if (reader->has_data)
        go_on = reader->event(reader->context, &event);
    dure_buf_clear(&reader->data);
    reader->kind[0] = '\0';
    reader->sequence = UINT64_MAX;
    reader->has_data = false;
    return go_on;
}

static bool take_line(struct reader *reader)
{
    const char *line = reader->line.length > 0 ? reader->line.data : "";

    if (*line == '\0')
        return hand_over(reader);
    if (*line == ':') {
        struct dure_client_event event = {.sequence = UINT64_MAX, .kind = "keepalive", .data = ""};
        return reader->event(reader->context, &event);
    }
    if (strncmp(line, "id: ", 4) == 0)
        reader->sequence = strtoull(line + 4, NULL, 10);
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(reader->kind, sizeof reader->kind, "%s", line + 7);
    if (strncmp(line, "data: ", 6) == 0) {
        if (reader->has_data)
            dure_buf_byte(&reader->data, '\n');
        dure_buf_str(&reader->data, line + 6);
        reader->has_data = true;
    }
    return true;
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct reader *reader = context;
    size_t length = size * count;

    curl_easy_getinfo(reader->curl, CURLINFO_RESPONSE_CODE, &reader->status);
    if (reader->status != 200) {
        dure_buf_add(&reader->refusal, bytes, length);
        return length;
    }
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            dure_buf_byte(&reader->line, (uint8_t)bytes[i]);
            continue;
        }
        if (reader->line.failed || reader->data.failed)
            return 0;
        if (!take_line(reader)) {
            reader->stopped = true;
            return 0;
        }
        dure_buf_clear(&reader->line);
    }
    return length;
}

static enum dure_err refused(struct reader *reader, struct dure_error *error)
{
    struct dure_reply reply = {.status = (int)reader->status};
    enum dure_err err;

    reply.headers = strdup("content-type: application/json\n");
    reply.body_length = reader->refusal.length;
    dure_buf_str(&reader->refusal, "");
    reply.body = dure_buf_take(&reader->refusal);
    err = reply.headers != NULL && reply.body != NULL ? dure_reply_read(&reply, error)
                                                      : dure_fail(error, DURE_E_MEMORY, "out of memory");
    dure_reply_release(&reply);
    return err;
}

enum dure_err dure_client_events(struct dure_client *client, uint64_t from, dure_client_event_fn event, void *context,
                                 struct dure_error *error)
{
    struct reader reader = {.curl = client->curl, .sequence = UINT64_MAX, .event = event, .context = context};
    struct dure_request request = {.method = "GET", .path = "/v1/events"};
    struct curl_slist *headers = NULL;
    char query[64];
    enum dure_err err;
    CURLcode code;

    if (from != UINT64_MAX) {
        snprintf(query, sizeof query, "from=%llu", (unsigned long long)from);
        request.query = query;
    }
    err = dure_client_prepare(client, &request, &headers, error);
    if (err != DURE_OK)
        return err;
    dure_buf_init(&reader.line, LINE_MAX_BYTES);
    dure_buf_init(&reader.data, LINE_MAX_BYTES);
    dure_buf_init(&reader.refusal, 65536);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, (long)IDLE_SECONDS);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &reader);
    code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    curl_slist_free_all(headers);
    if (reader.stopped)
        err = DURE_OK;
    else if (code != CURLE_OK)
        err = dure_client_foreign(client, code, error);
    else if (reader.status != 200)
        err = refused(&reader, error);
    else
        err = dure_fail(error, DURE_E_UNREACHABLE, "the daemon ended the stream");
    dure_buf_release(&reader.line);
    dure_buf_release(&reader.data);
    dure_buf_release(&reader.refusal);
    return err;
}
