/* Writes: the rate, the disk, the key, the principal, then the loop; and the answer when it is on disk. */
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "api/logins.h"

static bool take_key(struct call *call)
{
    const char *key = dure_http_header(call->request, "Idempotency-Key");
    struct dure_digest hash;
    const char *body;
    size_t length;
    bool printable = true;

    if (key == NULL)
        return true;
    length = strlen(key);
    for (const char *at = key; *at != '\0'; at++)
        printable = printable && *at > 0x20 && *at < 0x7f;
    if (length == 0 || length > DURE_IDEM_KEY_MAX || !printable) {
        call_fail(call, DURE_E_INVALID,
                  "Idempotency-Key: found %zu bytes, expected 1..%d printable characters without spaces", length,
                  DURE_IDEM_KEY_MAX);
        return false;
    }
    memcpy(call->key, key, length + 1);
    body = dure_http_body(call->request, &length);
    hash = dure_hash128(call->route->method, body, length);
    hash = dure_hash128(hash.lane[0], dure_http_path(call->request), strlen(dure_http_path(call->request)));
    call->key_hash = hash.lane[0];
    call->has_key = true;
    return true;
}

static bool begin(struct call *call, bool though_disk_low)
{
    struct dure_api *api = call->api;
    enum dure_err err;

    if (!rate_take(call->who, api->writes_per_second, api->host.now_us(api->host.context))) {
        call_fail(call, DURE_E_RATE, "more than %u writes a second by %s", api->writes_per_second, call->who->login);
        return false;
    }
    err = api->host.takes_work(api->host.context, &call->error);
    if (err == DURE_E_FULL && though_disk_low) {
        call->error = (struct dure_error){0};
        err = DURE_OK;
    }
    if (err != DURE_OK) {
        call_fail_error(call, err, &call->error);
        return false;
    }
    return take_key(call);
}

bool call_write_begin(struct call *call)
{
    return begin(call, false);
}

/* Somebody must be able to stop the jobs that fill the disk. */
bool call_stop_begin(struct call *call)
{
    return begin(call, true);
}

void call_preview(struct call *call, enum dure_err (*preview)(struct dure_core *core, const struct dure_record *input,
                                                              struct dure_buf *ret_text, struct dure_error *error))
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    enum dure_err err;

    dure_buf_init(&text, 1 << 20);
    call->record.term = dure_core_term(call->api->core); /* as the loop would set them */
    call->record.time_us = dure_core_time_us(call->api->core);
    err = preview(call->api->core, &call->record, &text, &call->error);
    if (err != DURE_OK) {
        call_fail_error(call, err, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_bool(&call->out, "preview", true);
    json_str(&call->out, "text", text.data != NULL ? text.data : "");
    json_close(&call->out, '}');
    call_answer(call, 200);
}

void answer_sequence(struct call *call, const struct dure_answer *answer)
{
    json_open(&call->out, NULL, '{');
    if (answer->job.v != DURE_NONE64)
        json_uint(&call->out, "job", answer->job.v);
    if (answer->allot.v != DURE_NONE32)
        json_uint(&call->out, "allotment", answer->allot.v);
    json_uint(&call->out, "sequence", answer->sequence);
    json_close(&call->out, '}');
    call_answer(call, call->route->status);
}

static void on_answer(void *context, const struct dure_answer *answer)
{
    struct call *call = context;

    if (answer->err != DURE_OK) {
        call_fail(call, answer->err, "%s", answer->text);
        return;
    }
    if (answer->replayed)
        dure_http_header_add(call->request, "Idempotency-Replayed", "true");
    call->answered(call, answer);
}

void call_input(struct call *call, const struct dure_record *record, struct dure_body *body, enum dure_body_kind kind,
                const char *key, dure_answer_fn answer, void *context)
{
    struct dure_input input = {.record = record,
                               .body = body,
                               .body_kind = kind,
                               .idem_key = key,
                               .idem_hash = call->key_hash,
                               .answer = answer,
                               .context = context};
    struct dure_answer busy = {.text = "too many requests wait; try again",
                               .job = {DURE_NONE64},
                               .allot = {DURE_NONE32},
                               .principal = {DURE_NONE32}};

    busy.err = dure_loop_input(call->api->loop, &input);
    if (busy.err != DURE_OK)
        answer(context, &busy);
}

static void write_now(struct call *call)
{
    struct dure_body *body = call->body;

    call->body = NULL;
    if (call->record.kind == DURE_REC_SUBMIT)
        call->record.submit.principal = call->who->principal;
    else
        call->record.principal = call->who->principal;
    call_input(call, &call->record, body, call->body_kind, call->has_key ? call->key : NULL, on_answer, call);
}

static void on_principal(void *context, const struct dure_answer *answer)
{
    struct call *call = context;

    if (answer->err != DURE_OK) {
        call_fail(call, answer->err, "%s", answer->text);
        return;
    }
    call->who->principal = answer->principal;
    call->api->generation++;
    call->then(call);
}

void call_with_principal(struct call *call, call_fn then)
{
    struct dure_record record;
    struct dure_body *body;

    /* Another request of the same user may have made it meanwhile. */
    if (call->who->principal.v == DURE_NONE32 &&
        !dure_loop_principal_find(call->api->loop, call->who->login, &call->who->principal))
        call->who->principal.v = DURE_NONE32;
    if (call->who->principal.v != DURE_NONE32) {
        then(call);
        return;
    }
    body = dure_login_body(call->who->login);
    if (body == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    call->then = then;
    dure_record_init(&record, DURE_REC_PRINCIPAL, 0, 0);
    call_input(call, &record, body, DURE_BODY_OF_PRINCIPAL, NULL, on_principal, call);
}

void call_write(struct call *call, void (*answered)(struct call *call, const struct dure_answer *answer))
{
    call->answered = answered;
    call_with_principal(call, write_now);
}
