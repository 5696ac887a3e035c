/* The queue of requests, their deadlines and their answers; how they travel is the ways' business. */
#include "engine/slurm/inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_US = 30 * 1000 * 1000, SMALL_BYTES = 64 * 1024, ERR_BYTES_MAX = 64 * 1024, SITE_ARENA_MAX = 64 * 1024 };

int64_t slurm_now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static void pump(struct dure_slurm *slurm);

void slurm_wire_unref(struct dure_slurm *slurm)
{
    if (--slurm->refs)
        return;
    if (slurm->token) {
        explicit_bzero(slurm->token, strlen(slurm->token));
        free(slurm->token);
    }
    dure_arena_free(slurm->arena);
    free(slurm);
}

void slurm_ref(struct slurm_request *request)
{
    request->refs++;
}

void slurm_unref(struct slurm_request *request)
{
    if (--request->refs)
        return;
    struct dure_slurm *slurm = request->slurm;
    dure_buf_release(&request->out);
    dure_buf_release(&request->err);
    dure_arena_free(request->arena);
    free(request);
    slurm_wire_unref(slurm);
}

static void list_remove(struct slurm_request **first, struct slurm_request **last, struct slurm_request *request)
{
    *(request->prev ? &request->prev->next : first) = request->next;
    if (request->next)
        request->next->prev = request->prev;
    else if (last)
        *last = request->prev;
    request->prev = request->next = NULL;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct dure_slurm *slurm)
{
    int64_t at_us = INT64_MAX;
    if (slurm->closing)
        return;
    for (const struct slurm_request *request = slurm->under_way; request; request = request->next)
        at_us = request->deadline_us < at_us ? request->deadline_us : at_us;
    if (at_us == INT64_MAX) {
        uv_timer_stop(&slurm->timer);
        return;
    }
    const int64_t left_us = at_us - slurm_now_us();
    uv_update_time(slurm->loop);
    uv_timer_start(&slurm->timer, on_timer, left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
}

static void deliver(struct slurm_request *request)
{
    struct dure_slurm *slurm = request->slurm;
    if (request->delivered)
        return;
    request->delivered = true;
    if (request->under_way) {
        list_remove(&slurm->under_way, NULL, request);
        request->under_way = false;
        slurm->under_way_count--;
    }
    if (!slurm->closing) {
        slurm->refs++; /* the callback may free the wire */
        request->fn(request->context, &request->reply);
        pump(slurm);
        arm(slurm);
        slurm_wire_unref(slurm);
    }
    slurm_unref(request);
}

static void on_timer(uv_timer_t *timer)
{
    struct dure_slurm *slurm = timer->data;
    const int64_t now_us = slurm_now_us();
    slurm->refs++;
    for (bool again = true; again && !slurm->closing;) {
        again = false;
        for (struct slurm_request *request = slurm->under_way; request; request = request->next)
            if (request->deadline_us <= now_us) {
                slurm_ref(request);
                slurm_reply_init(&request->reply);
                slurm_reply_fail(&request->reply, request->arena, DURE_SLURM_NO_ANSWER, "no answer within %lld ms",
                                 (long long)(slurm->timeout_us / 1000));
                slurm->way->abort(request);
                deliver(request);
                slurm_unref(request);
                again = true; /* the list may be another by now */
                break;
            }
    }
    if (!slurm->closing)
        arm(slurm);
    slurm_wire_unref(slurm);
}

static void parse(struct slurm_request *request)
{
    const struct dure_slurm_filter *filter = request->has_filter ? &request->filter : NULL;
    dure_buf_str(&request->out, ""); /* so that there is a NUL */
    dure_buf_str(&request->err, "");
    if (request->out.failed || !request->out.data || !request->err.data) {
        slurm_reply_init(&request->reply);
        slurm_reply_fail(&request->reply, request->arena, DURE_SLURM_MALFORMED, SLURM_TOO_LARGE,
                         DURE_SLURM_ANSWER_MAX >> 20);
    } else if (request->is_http)
        slurm_parse_json(request->kind, request->status, request->out.data, request->out.length, filter, request->arena,
                         &request->reply);
    else
        slurm_parse_command(request->kind, request->status, request->out.data, request->out.length, request->err.data,
                            request->err.length, filter, request->arena, &request->reply);
}

/* A newer Slurm, or an older one, does not tell it so: then it is asked otherwise, from now on. */
static bool asks_otherwise(struct slurm_request *request)
{
    struct dure_slurm *slurm = request->slurm;
    const enum dure_slurm_result result = request->reply.result;
    if (!request->under_way || slurm->closing || request->out.failed)
        return false;
    if (request->kind == SLURM_NODES && result == DURE_SLURM_UNSUPPORTED && !request->is_http && !slurm->newer)
        return slurm->newer = true;
    if (request->kind != SLURM_STATES || (result != DURE_SLURM_MALFORMED && result != DURE_SLURM_REFUSED))
        return false;
    slurm->no_states = true;
    request->kind = SLURM_JOBS;
    return true;
}

static void finish(struct slurm_request *request)
{
    struct dure_slurm *slurm = request->slurm;
    if (asks_otherwise(request)) {
        dure_buf_clear(&request->out);
        dure_buf_clear(&request->err);
        request->deadline_us = slurm_now_us() + slurm->timeout_us;
        slurm->way->begin(request);
        arm(slurm);
        return;
    }
    request->reply.few = request->is_http                ? DURE_SLURM_FEW_ONE_BY_ONE
                         : request->kind == SLURM_STATES ? DURE_SLURM_FEW_TOGETHER
                                                         : DURE_SLURM_FEW_AS_ALL;
    if (request->kind == SLURM_PING)
        request->reply.latency_us = slurm_now_us() - request->sent_us;
    if (request->slurm->api && !request->delivered)
        request->reply.api = dure_arena_printf(request->arena, "v0.0.%u", request->slurm->api);
    if (!request->reply.api)
        request->reply.api = "";
    deliver(request);
}

static void on_worker(uv_work_t *work)
{
    struct slurm_request *request = work->data;
    parse(request);
}

static void on_worked(uv_work_t *work, int status)
{
    struct slurm_request *request = work->data;
    (void)status;
    finish(request);
    slurm_unref(request);
}

static void queue(struct slurm_request *request, uv_work_cb work)
{
    request->work.data = request;
    slurm_ref(request);
    /* It fails only without a callback. */
    DURE_ASSERT(uv_queue_work(request->slurm->loop, &request->work, work, on_worked) == 0);
}

void slurm_answered(struct slurm_request *request, bool on_loop)
{
    if (request->delivered)
        return;
    if (on_loop && request->out.length <= SMALL_BYTES) {
        parse(request);
        finish(request);
        return;
    }
    request->deadline_us = INT64_MAX; /* it has come; reading it takes as long as it takes */
    queue(request, on_worker);
}

static void nothing(uv_work_t *work)
{
    (void)work;
}

void slurm_failed(struct slurm_request *request, enum dure_slurm_result result, bool unsent, const char *format, ...)
{
    char text[SLURM_WORDS_MAX + 1];
    va_list args;
    if (request->delivered)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    slurm_reply_init(&request->reply);
    slurm_reply_fail(&request->reply, request->arena, result, "%s", text);
    request->reply.unsent = unsent;
    request->deadline_us = INT64_MAX;
    queue(request, nothing);
}

/* Sends what waits, in its order, while there is room. */
static void pump(struct dure_slurm *slurm)
{
    if (slurm->pumping)
        return;
    slurm->pumping = true;
    while (!slurm->closing && slurm->waiting_first && slurm->under_way_count < slurm->under_way_max) {
        struct slurm_request *request = slurm->waiting_first;
        list_remove(&slurm->waiting_first, &slurm->waiting_last, request);
        slurm->waiting_count--;
        request->next = slurm->under_way;
        if (request->next)
            request->next->prev = request;
        slurm->under_way = request;
        slurm->under_way_count++;
        request->under_way = true;
        request->sent_us = slurm_now_us();
        request->deadline_us = request->sent_us + slurm->timeout_us;
        slurm->way->begin(request);
    }
    slurm->pumping = false;
    arm(slurm);
}

static struct slurm_request *request_new(struct dure_slurm *slurm, enum slurm_kind kind, dure_slurm_fn fn,
                                         void *context, struct dure_error *error)
{
    if (slurm->waiting_count >= DURE_SLURM_WAITING) {
        (void)dure_fail(error, DURE_E_BUSY, "%u requests to Slurm wait already", slurm->waiting_count);
        return NULL;
    }
    struct slurm_request *request = calloc(1, sizeof *request);
    struct dure_arena *arena = request ? dure_arena_new(SLURM_ARENA_MAX) : NULL;
    if (!arena) {
        free(request);
        (void)dure_fail(error, DURE_E_MEMORY, "out of memory");
        return NULL;
    }
    request->slurm = slurm;
    request->kind = kind;
    request->fn = fn;
    request->context = context;
    request->arena = arena;
    request->refs = 1;
    slurm->refs++;
    dure_buf_init(&request->out, (size_t)DURE_SLURM_ANSWER_MAX + 1);
    dure_buf_init(&request->err, ERR_BYTES_MAX);
    return request;
}

static enum dure_err send_off(struct slurm_request *request)
{
    struct dure_slurm *slurm = request->slurm;
    request->prev = slurm->waiting_last;
    *(request->prev ? &request->prev->next : &slurm->waiting_first) = request;
    slurm->waiting_last = request;
    slurm->waiting_count++;
    pump(slurm);
    return DURE_OK;
}

static enum dure_err simple(struct dure_slurm *slurm, enum slurm_kind kind, dure_slurm_fn fn, void *context,
                            struct dure_error *error)
{
    struct slurm_request *request = request_new(slurm, kind, fn, context, error);
    return request ? send_off(request) : error ? error->code : DURE_E_BUSY;
}

enum dure_err dure_slurm_submit(struct dure_slurm *slurm, const struct dure_slurm_submit *submit, dure_slurm_fn fn,
                                void *context, struct dure_error *error)
{
    struct dure_error local;
    error = error ? error : &local;
    struct slurm_request *request = request_new(slurm, SLURM_SUBMIT, fn, context, error);
    if (!request)
        return error->code;
    const enum dure_err err = slurm_submit_copy(request->arena, submit, &request->submit, error);
    if (err) {
        slurm_unref(request);
        return err;
    }
    return send_off(request);
}

enum dure_err dure_slurm_list(struct dure_slurm *slurm, const struct dure_slurm_filter *filter, dure_slurm_fn fn,
                              void *context, struct dure_error *error)
{
    struct dure_error local;
    error = error ? error : &local;
    const bool states = filter && filter->states_only && slurm->way == &slurm_commands && !slurm->no_states;
    struct slurm_request *request = request_new(slurm, states ? SLURM_STATES : SLURM_JOBS, fn, context, error);
    if (!request)
        return error->code;
    if (filter) {
        DURE_ASSERT(filter->job_id_count <= DURE_SLURM_JOB_IDS_MAX);
        const char **texts[] = {&request->filter.name, &request->filter.name_head, &request->filter.comment};
        request->has_filter = true;
        request->filter = *filter;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (*texts[i] && !(*texts[i] = dure_arena_strdup(request->arena, *texts[i]))) {
                slurm_unref(request);
                return dure_fail(error, DURE_E_MEMORY, "out of memory");
            }
        if (filter->job_id_count) {
            const size_t bytes = filter->job_id_count * sizeof *filter->job_ids;
            uint32_t *ids = dure_arena_alloc(request->arena, bytes);
            if (!ids) {
                slurm_unref(request);
                return dure_fail(error, DURE_E_MEMORY, "out of memory");
            }
            request->filter.job_ids = memcpy(ids, filter->job_ids, bytes);
        }
    }
    return send_off(request);
}

enum dure_err dure_slurm_list_nodes(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, struct dure_error *error)
{
    struct dure_error local;
    return simple(slurm, SLURM_NODES, fn, context, error ? error : &local);
}

enum dure_err dure_slurm_list_partitions(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                         struct dure_error *error)
{
    struct dure_error local;
    return simple(slurm, SLURM_PARTITIONS, fn, context, error ? error : &local);
}

enum dure_err dure_slurm_ping(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, struct dure_error *error)
{
    struct dure_error local;
    return simple(slurm, SLURM_PING, fn, context, error ? error : &local);
}

enum dure_err dure_slurm_config(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, struct dure_error *error)
{
    struct dure_error local;
    return simple(slurm, SLURM_CONFIG, fn, context, error ? error : &local);
}

enum dure_err dure_slurm_topology(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, struct dure_error *error)
{
    struct dure_error local;
    return simple(slurm, SLURM_TOPOLOGY, fn, context, error ? error : &local);
}

/* What is done to one job. */
static enum dure_err deed(struct dure_slurm *slurm, const struct slurm_request *what, dure_slurm_fn fn, void *context,
                          struct dure_error *error)
{
    struct dure_error local;
    error = error ? error : &local;
    if (!what->job_id)
        return dure_fail(error, DURE_E_INVALID, "job id: found 0, expected that of a job");
    struct slurm_request *request = request_new(slurm, what->kind, fn, context, error);
    if (!request)
        return error->code;
    request->deed = what->deed;
    request->job_id = what->job_id;
    request->signal = what->signal;
    request->scope = what->scope;
    request->walltime_us = what->walltime_us;
    return send_off(request);
}

enum dure_err dure_slurm_signal(struct dure_slurm *slurm, uint32_t job_id, int signal, enum dure_slurm_scope scope,
                                dure_slurm_fn fn, void *context, struct dure_error *error)
{
    if (!slurm_signal_name(signal))
        return dure_fail(error, DURE_E_INVALID, "signal: found %d, expected one that Slurm knows by name", signal);
    return deed(slurm,
                &(struct slurm_request){
                    .kind = SLURM_DEED, .deed = SLURM_DEED_SIGNAL, .job_id = job_id, .signal = signal, .scope = scope},
                fn, context, error);
}

enum dure_err dure_slurm_cancel(struct dure_slurm *slurm, uint32_t job_id, dure_slurm_fn fn, void *context,
                                struct dure_error *error)
{
    return deed(slurm, &(struct slurm_request){.kind = SLURM_CANCEL, .job_id = job_id}, fn, context, error);
}

enum dure_err dure_slurm_release(struct dure_slurm *slurm, uint32_t job_id, dure_slurm_fn fn, void *context,
                                 struct dure_error *error)
{
    return deed(slurm, &(struct slurm_request){.kind = SLURM_DEED, .deed = SLURM_DEED_RELEASE, .job_id = job_id}, fn,
                context, error);
}

enum dure_err dure_slurm_extend(struct dure_slurm *slurm, uint32_t job_id, int64_t walltime_us, dure_slurm_fn fn,
                                void *context, struct dure_error *error)
{
    if (walltime_us <= 0)
        return dure_fail(error, DURE_E_INVALID, "walltime: found %lld us, expected more than none",
                         (long long)walltime_us);
    return deed(slurm,
                &(struct slurm_request){
                    .kind = SLURM_DEED, .deed = SLURM_DEED_EXTEND, .job_id = job_id, .walltime_us = walltime_us},
                fn, context, error);
}

static bool copy_site(struct dure_slurm *slurm, const struct dure_slurm_site *site)
{
    slurm->site = *site;
    slurm->site.accounts = ""; /* who asks says which */
    const char **texts[] = {&slurm->site.path,       &slurm->site.conf, &slurm->site.url,
                            &slurm->site.token_file, &slurm->site.user, &slurm->site.partition,
                            &slurm->site.account,    &slurm->site.qos,  &slurm->site.reservation,
                            &slurm->site.node_prefix};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!(*texts[i] = dure_arena_strdup(slurm->arena, *texts[i] ? *texts[i] : "")))
            return false;
    return true;
}

enum dure_err dure_slurm_new(const struct dure_slurm_options *options, struct dure_slurm **ret_slurm,
                             struct dure_error *error)
{
    struct dure_slurm *slurm = calloc(1, sizeof *slurm);
    if (!slurm || !(slurm->arena = dure_arena_new(SITE_ARENA_MAX)) || !copy_site(slurm, options->site)) {
        if (slurm)
            dure_arena_free(slurm->arena);
        free(slurm);
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    }
    slurm->loop = options->loop;
    slurm->way = options->site->via == DURE_SLURM_REST ? &slurm_rest : &slurm_commands;
    slurm->timeout_us = options->timeout_us > 0 ? options->timeout_us : TIMEOUT_US;
    const uint32_t most = slurm->site.via == DURE_SLURM_COMMANDS ? DURE_SLURM_COMMANDS_UNDER_WAY : DURE_SLURM_UNDER_WAY;
    slurm->under_way_max = options->under_way_max == 0   ? most
                           : options->under_way_max > 64 ? 64
                                                         : options->under_way_max;
    slurm->refs = 1;
    if (*slurm->site.token_file) {
        const enum dure_err err = slurm_token_read(slurm, error);
        if (err && err != DURE_E_DENIED) { /* one that ran out may be renewed: each request looks */
            slurm_wire_unref(slurm);
            return err;
        }
    }
    DURE_ASSERT(uv_timer_init(slurm->loop, &slurm->timer) == 0);
    slurm->timer.data = slurm;
    uv_unref((uv_handle_t *)&slurm->timer);
    slurm->refs++;
    *ret_slurm = slurm;
    return DURE_OK;
}

static void timer_closed(uv_handle_t *handle)
{
    slurm_wire_unref(handle->data);
}

void dure_slurm_free(struct dure_slurm *slurm)
{
    if (!slurm)
        return;
    DURE_ASSERT(!slurm->closing);
    slurm->closing = true;
    while (slurm->waiting_first) {
        struct slurm_request *request = slurm->waiting_first;
        list_remove(&slurm->waiting_first, &slurm->waiting_last, request);
        request->delivered = true;
        slurm_unref(request);
    }
    while (slurm->under_way) {
        struct slurm_request *request = slurm->under_way;
        slurm_ref(request);
        slurm->way->abort(request);
        deliver(request); /* takes it off the list; nobody is called */
        slurm_unref(request);
    }
    slurm->way->free(slurm);
    uv_close((uv_handle_t *)&slurm->timer, timer_closed);
    slurm_wire_unref(slurm);
}

uint32_t dure_slurm_under_way(const struct dure_slurm *slurm)
{
    return slurm->under_way_count + slurm->waiting_count;
}

void dure_slurm_describe(const struct dure_slurm *slurm, struct dure_buf *text)
{
    const struct dure_slurm_site *site = &slurm->site;
    if (site->via == DURE_SLURM_COMMANDS)
        dure_buf_printf(text, "the commands in %s%s%s", site->path, *site->conf ? ", " : "", site->conf);
    else if (slurm->api)
        dure_buf_printf(text, "slurmrestd at %s, API v0.0.%u", site->url, slurm->api);
    else
        dure_buf_printf(text, "slurmrestd at %s", site->url);
}
