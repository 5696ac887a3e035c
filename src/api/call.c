/* One request under way, from the handler to its answer. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"

enum { SPARE_MAX = 1024, OUT_KEEP = 65536 };

struct call *call_new(struct dure_api *api, struct dure_http_request *request)
{
    struct call *call = api->spare;

    if (call != NULL) {
        api->spare = call->next;
        api->spare_count--;
    } else {
        call = calloc(1, sizeof *call);
        if (call == NULL)
            return NULL;
        call->arena = dure_arena_new(CALL_ARENA_MAX);
        if (call->arena == NULL) {
            free(call);
            return NULL;
        }
    }
    api->calls_open++;
    call->api = api;
    call->request = request;
    call->route = NULL;
    call->who = NULL;
    call->next = NULL;
    call->then = NULL;
    call->read_fn = NULL;
    call->after_read = NULL;
    call->data = NULL;
    call->err = DURE_OK;
    call->error.text[0] = '\0';
    call->body = NULL;
    call->has_key = false;
    call->answered = NULL;
    dure_buf_init(&call->out, ANSWER_MAX);
    return call;
}

void call_end(struct call *call)
{
    struct dure_api *api = call->api;

    api->calls_open--;
    dure_buf_release(&call->out);
    dure_body_free(call->body);
    call->body = NULL;
    if (api->spare_count >= SPARE_MAX) {
        dure_arena_free(call->arena);
        free(call);
        return;
    }
    dure_arena_reset(call->arena);
    call->next = api->spare;
    api->spare = call;
    api->spare_count++;
}

void *call_alloc(struct call *call, size_t size)
{
    return dure_arena_alloc(call->arena, size);
}

void call_answer_as(struct call *call, int status, const char *content_type)
{
    call->api->answers_by_class[status / 100 % 6]++;
    dure_http_answer(call->request, status, content_type, &call->out);
    call_end(call);
}

void call_answer(struct call *call, int status)
{
    call_answer_as(call, status, "application/json");
}

static void fail_text(struct call *call, enum dure_err err, const char *text)
{
    dure_buf_release(&call->out);
    dure_buf_init(&call->out, ANSWER_MAX);
    dure_http_error_body(&call->out, err, text);
    if (err == DURE_E_RATE || err == DURE_E_BUSY || err == DURE_E_MEMORY)
        dure_http_header_add(call->request, "Retry-After", "1");
    call_answer(call, dure_err_http(err));
}

int64_t call_time_us(const struct call *call)
{
    const int64_t now_us = call->api->host.now_us(call->api->host.context);
    const int64_t core_us = dure_core_time_us(call->api->core);
    return now_us > core_us ? now_us : core_us;
}

void call_fail(struct call *call, enum dure_err err, const char *format, ...)
{
    char text[DURE_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail_text(call, err, text);
}

void call_fail_error(struct call *call, enum dure_err err, const struct dure_error *error)
{
    fail_text(call, err, error->text);
}

void call_fail_problems(struct call *call, const struct dure_problems *problems)
{
    struct dure_buf *out = &call->out;
    char text[64];

    dure_buf_release(out);
    dure_buf_init(out, ANSWER_MAX);
    snprintf(text, sizeof text, "%u %s in the spec", problems->total, problems->total == 1 ? "fault" : "faults");
    json_open(out, NULL, '{');
    json_open(out, "error", '{');
    json_str(out, "code", dure_err_wire(DURE_E_INVALID));
    if (problems->count == 1) {
        const struct dure_problem *problem = &problems->at[0];
        char line[sizeof *problem + 64];
        snprintf(line, sizeof line, "%s: found %s, expected %s",
                 problem->field[0] != '\0' ? problem->field : "the spec", problem->found, problem->expected);
        json_str(out, "message", line);
    } else {
        json_str(out, "message", text);
    }
    json_open(out, "problems", '[');
    for (uint32_t i = 0; i < problems->count; i++) {
        json_open(out, NULL, '{');
        json_str(out, "field", problems->at[i].field);
        json_str(out, "found", problems->at[i].found);
        json_str(out, "expected", problems->at[i].expected);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_uint(out, "total", problems->total);
    json_close(out, '}');
    json_close(out, '}');
    call_answer(call, dure_err_http(DURE_E_INVALID));
}

void call_when_durable(struct call *call, call_fn then)
{
    struct dure_api *api = call->api;

    call->mark = dure_loop_stepped(api->loop);
    call->then = then;
    if (dure_loop_durable(api->loop) >= call->mark) {
        then(call);
        return;
    }
    call->next = NULL;
    *api->waiting_last = call;
    api->waiting_last = &call->next;
}

/* Marks only grow along the list. */
void dure_api_durable(struct dure_api *api)
{
    while (api->waiting != NULL && dure_loop_durable(api->loop) >= api->waiting->mark) {
        struct call *call = api->waiting;
        api->waiting = call->next;
        if (api->waiting == NULL)
            api->waiting_last = &api->waiting;
        call->next = NULL;
        call->then(call);
    }
}

static void read_run(struct dure_store_read *read, struct dure_journal *journal)
{
    struct call *call = (struct call *)read;

    call->read_fn(call, journal);
}

static void read_done(struct dure_store_read *read)
{
    struct call *call = (struct call *)read;

    call->then(call);
}

void call_read(struct call *call, void (*read)(struct call *call, struct dure_journal *journal), call_fn then)
{
    call->read_fn = read;
    call->then = then;
    call->read.read = read_run;
    call->read.done = read_done;
    call->api->host.read(call->api->host.context, &call->read);
}

static void read_now(struct call *call)
{
    call_read(call, call->read_fn, call->after_read);
}

void call_durable_read(struct call *call, void (*read)(struct call *call, struct dure_journal *journal), call_fn then)
{
    call->read_fn = read;
    call->after_read = then;
    call_when_durable(call, read_now);
}
