/* By slurmrestd: libcurl's multi interface on the loop. The first request of all asks which versions are spoken; a version that is gone later
 * (an upgrade) is asked for again. A submission has a connection of its own: libcurl sends a request a second time when a kept connection turns
 * out to be dead, and nobody could say whether the first was heard. */
#include "engine/slurm/inner.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_BYTES_MAX = 1024, HEADER_BYTES_MAX = 20 * 1024, CONNECT_MS = 5000, PIECE_BYTES = 256 * 1024 };

struct rest {
    struct dure_slurm *slurm;
    CURLM *multi;
    uv_timer_t timer;
    char base[URL_BYTES_MAX]; /* "http://host:port" */
    const char *socket_path;  /* NULL: by TCP */
};

struct transfer {
    struct slurm_request *request;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    enum slurm_kind kind; /* SLURM_VERSIONS first where the version is not known */
    unsigned probe;       /* 0: by the OpenAPI document; else the version that is tried */
};

struct watch { /* of a socket */
    uv_poll_t poll;
    struct rest *rest; /* gone before it is closed */
    struct dure_slurm *slurm;
    curl_socket_t fd;
};

static void collect(struct rest *rest);

static void watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    slurm_wire_unref(watch->slurm);
    free(watch);
}

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct rest *rest = watch->rest;
    struct dure_slurm *slurm = rest->slurm;
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    slurm->refs++;
    curl_multi_socket_action(rest->multi, watch->fd, what, &running);
    collect(rest);
    slurm_wire_unref(slurm);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *own)
{
    struct rest *rest = context;
    struct watch *watch = own;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, watch_closed);
            curl_multi_assign(rest->multi, fd, NULL);
        }
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        if (!watch || uv_poll_init_socket(rest->slurm->loop, &watch->poll, fd) != 0) {
            free(watch);
            return -1;
        }
        watch->rest = rest;
        watch->slurm = rest->slurm;
        watch->fd = fd;
        watch->poll.data = watch;
        rest->slurm->refs++;
        curl_multi_assign(rest->multi, fd, watch);
    }
    const int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_socket_event) == 0 ? 0 : -1;
}

static void on_timeout(uv_timer_t *timer)
{
    struct rest *rest = timer->data;
    struct dure_slurm *slurm = rest->slurm;
    int running;
    slurm->refs++;
    curl_multi_socket_action(rest->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(rest);
    slurm_wire_unref(slurm);
}

static int on_timer_wish(CURLM *multi, long wish_ms, void *context)
{
    struct rest *rest = context;
    (void)multi;
    if (rest->slurm->closing)
        return 0;
    if (wish_ms < 0)
        uv_timer_stop(&rest->timer);
    else {
        uv_update_time(rest->slurm->loop);
        uv_timer_start(&rest->timer, on_timeout, (uint64_t)wish_ms, 0);
    }
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct slurm_request *request = context;
    dure_buf_add(&request->out, bytes, size * count);
    return request->out.failed ? 0 : size * count;
}

static void transfer_free(struct transfer *transfer)
{
    struct slurm_request *request = transfer->request;
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->body);
    request->own = NULL;
    free(transfer);
    slurm_unref(request);
}

static struct rest *rest_of(struct dure_slurm *slurm)
{
    struct rest *rest = slurm->own;
    if (rest)
        return rest;
    rest = calloc(1, sizeof *rest);
    if (!rest || !(rest->multi = curl_multi_init())) {
        free(rest);
        return NULL;
    }
    rest->slurm = slurm;
    const char *url = slurm->site.url;
    if (strncmp(url, "unix:", 5) == 0) {
        rest->socket_path = url + 5;
        snprintf(rest->base, sizeof rest->base, "http://slurmrestd");
    } else {
        const size_t length = strlen(url);
        snprintf(rest->base, sizeof rest->base, "%.*s", (int)(length && url[length - 1] == '/' ? length - 1 : length),
                 url);
    }
    DURE_ASSERT(uv_timer_init(slurm->loop, &rest->timer) == 0);
    rest->timer.data = rest;
    slurm->refs++;
    curl_multi_setopt(rest->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(rest->multi, CURLMOPT_SOCKETDATA, rest);
    curl_multi_setopt(rest->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(rest->multi, CURLMOPT_TIMERDATA, rest);
    curl_multi_setopt(rest->multi, CURLMOPT_MAXCONNECTS, 8L);
    slurm->own = rest;
    return rest;
}

static bool header(struct curl_slist **list, const char *name, const char *value)
{
    char line[HEADER_BYTES_MAX];
    const int length = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = length > 0 && length < (int)sizeof line ? curl_slist_append(*list, line) : NULL;
    explicit_bzero(line, sizeof line);
    if (!longer)
        return false;
    *list = longer;
    return true;
}

/* The path, and how: "GET", "POST", "DELETE". False: this version has no such question. */
static bool target(const struct transfer *transfer, unsigned api, char path[URL_BYTES_MAX], const char **ret_method)
{
    const struct slurm_request *request = transfer->request;
    char rest[256] = "";
    *ret_method = "GET";
    switch (transfer->kind) {
    case SLURM_VERSIONS:
        if (transfer->probe)
            snprintf(path, URL_BYTES_MAX, "/slurm/v0.0.%u/ping", transfer->probe);
        else
            snprintf(path, URL_BYTES_MAX, "/openapi/v3");
        return true;
    case SLURM_SUBMIT:
        *ret_method = "POST";
        snprintf(rest, sizeof rest, "job/submit");
        break;
    case SLURM_JOBS:
        if (request->filter.job_id)
            snprintf(rest, sizeof rest, "job/%u", request->filter.job_id);
        else if (request->filter.since_us)
            snprintf(rest, sizeof rest, "jobs/?update_time=%lld", (long long)(request->filter.since_us / 1000000));
        else
            snprintf(rest, sizeof rest, "jobs/");
        break;
    case SLURM_NODES: snprintf(rest, sizeof rest, "nodes/"); break;
    case SLURM_PARTITIONS: snprintf(rest, sizeof rest, "partitions/"); break;
    case SLURM_PING: snprintf(rest, sizeof rest, "ping/"); break;
    case SLURM_CANCEL:
        *ret_method = "DELETE";
        snprintf(rest, sizeof rest, "job/%u", request->job_id);
        break;
    case SLURM_DEED:
        *ret_method = request->deed == SLURM_DEED_SIGNAL ? "DELETE" : "POST";
        if (request->deed != SLURM_DEED_SIGNAL)
            snprintf(rest, sizeof rest, "job/%u", request->job_id);
        else if (api < 39 && request->scope == DURE_SLURM_ALL)
            snprintf(rest, sizeof rest, "job/%u?signal=%d", request->job_id, request->signal);
        else if (api < 39)
            return false;
        else
            snprintf(rest, sizeof rest, "job/%u?signal=%s%s", request->job_id, slurm_signal_name(request->signal),
                     request->scope == DURE_SLURM_ALL     ? "&flags=FULL_JOB"
                     : request->scope == DURE_SLURM_BATCH ? "&flags=BATCH_JOB"
                                                          : "");
        break;
    default: return false;
    }
    /* v0.0.38 knows its lists without a slash at the end. */
    size_t length = strlen(rest);
    char *query = strchr(rest, '?');
    if (api < 39 && query && query > rest && query[-1] == '/')
        memmove(query - 1, query, strlen(query) + 1);
    else if (api < 39 && !query && length && rest[length - 1] == '/')
        rest[length - 1] = '\0';
    snprintf(path, URL_BYTES_MAX, "/slurm/v0.0.%u/%s", api, rest);
    return true;
}

static char *body_of(const struct slurm_request *request, unsigned api)
{
    const int64_t minutes = (request->walltime_us + 59999999) / 60000000;
    json_t *body = NULL;
    if (request->kind == SLURM_SUBMIT)
        return slurm_submit_body(&request->submit, &request->slurm->site, api);
    if (request->deed == SLURM_DEED_RELEASE)
        body = json_pack("{s:b}", "hold", 0);
    else if (api < 39)
        body = json_pack("{s:I}", "time_limit", (json_int_t)minutes);
    else
        body = json_pack("{s:{s:b, s:b, s:I}}", "time_limit", "set", 1, "infinite", 0, "number", (json_int_t)minutes);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

static bool identify(struct transfer *transfer)
{
    const struct slurm_request *request = transfer->request;
    const struct dure_slurm *slurm = request->slurm;
    const char *user = request->kind == SLURM_SUBMIT && request->submit.user ? request->submit.user : slurm->site.user;
    return header(&transfer->headers, "Accept", "application/json") && header(&transfer->headers, "Expect", "") &&
           (!transfer->body || header(&transfer->headers, "Content-Type", "application/json")) &&
           (!*user || !slurm->token || header(&transfer->headers, "X-SLURM-USER-NAME", user)) &&
           (!slurm->token || header(&transfer->headers, "X-SLURM-USER-TOKEN", slurm->token));
}

static bool set_up(struct transfer *transfer, const struct rest *rest, const char *path, const char *method)
{
    char url[2 * URL_BYTES_MAX];
    CURL *easy = transfer->easy;
    snprintf(url, sizeof url, "%s%s", rest->base, path);
    bool ok = identify(transfer);
    ok = ok && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK;
    /* Lists have tens of megabytes, and each turn of the loop takes one piece. */
    ok = ok && curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)PIECE_BYTES) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer->request) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
    if (rest->socket_path)
        ok = ok && curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, rest->socket_path) == CURLE_OK;
    if (transfer->body)
        ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body) == CURLE_OK;
    if (strcmp(method, "GET") != 0) {
        ok = ok && curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK;
    }
    return ok;
}

/* Starts what transfer->kind says. False: it was told. */
static bool launch(struct transfer *transfer)
{
    struct slurm_request *request = transfer->request;
    struct dure_slurm *slurm = request->slurm;
    struct rest *rest = rest_of(slurm);
    char path[URL_BYTES_MAX];
    const char *method;
    if (!target(transfer, slurm->api, path, &method)) {
        slurm_failed(request, DURE_SLURM_UNSUPPORTED, true, "slurmrestd v0.0.%u has no such request", slurm->api);
        return false;
    }
    const bool has_body = strcmp(method, "POST") == 0;
    if (transfer->easy)
        curl_easy_reset(transfer->easy);
    else
        transfer->easy = curl_easy_init();
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    if (has_body && !transfer->body)
        transfer->body = body_of(request, slurm->api);
    dure_buf_clear(&request->out);
    if (!rest || !transfer->easy || (has_body && !transfer->body) || !set_up(transfer, rest, path, method) ||
        curl_multi_add_handle(rest->multi, transfer->easy) != CURLM_OK) {
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "out of memory, or libcurl lacks what is needed");
        return false;
    }
    return true;
}

/* The versions are told: now what was asked. */
static bool agreed(struct transfer *transfer, long status)
{
    struct slurm_request *request = transfer->request;
    struct dure_slurm *slurm = request->slurm;
    struct dure_slurm_reply reply;
    if (transfer->probe) {
        slurm_parse_json(SLURM_PING, (int)status, request->out.data ? request->out.data : "", request->out.length, NULL,
                         request->arena, &reply);
        /* Slurm's own answer, even that slurmctld is down, says that the version is spoken. */
        const bool spoken = status != 404 && (reply.result == DURE_SLURM_DONE || *reply.version);
        if (!spoken && reply.result != DURE_SLURM_DENIED && transfer->probe > SLURM_API_OLDEST) {
            transfer->probe--;
            return launch(transfer);
        }
        if (spoken)
            slurm->api = transfer->probe;
    } else {
        slurm_parse_json(SLURM_VERSIONS, (int)status, request->out.data ? request->out.data : "", request->out.length,
                         NULL, request->arena, &reply);
        if (reply.result == DURE_SLURM_DONE)
            slurm->api = (unsigned)strtoul(reply.api + strlen("v0.0."), NULL, 10);
        else if (reply.result != DURE_SLURM_NO_ANSWER && reply.result != DURE_SLURM_DENIED) {
            transfer->probe = SLURM_API_NEWEST;
            return launch(transfer);
        }
    }
    if (!slurm->api) {
        const enum dure_slurm_result result = reply.result == DURE_SLURM_DONE ? DURE_SLURM_MALFORMED : reply.result;
        slurm_failed(request, result, true, "which versions slurmrestd speaks: %s", reply.text);
        return false;
    }
    transfer->kind = request->kind;
    return launch(transfer);
}

static void lost(struct transfer *transfer, CURLcode code)
{
    struct slurm_request *request = transfer->request;
    long sent = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    const bool unsent = sent == 0 || transfer->kind != request->kind;
    if (code == CURLE_WRITE_ERROR)
        slurm_failed(request, DURE_SLURM_MALFORMED, false, SLURM_TOO_LARGE, DURE_SLURM_ANSWER_MAX >> 20);
    else
        slurm_failed(request, DURE_SLURM_NO_ANSWER, unsent, "slurmrestd at %s: %s", request->slurm->site.url,
                     curl_easy_strerror(code));
}

static void over(struct transfer *transfer, CURLcode code)
{
    struct slurm_request *request = transfer->request;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        lost(transfer, code);
    else if (transfer->kind == SLURM_VERSIONS && request->kind != SLURM_VERSIONS) {
        if (agreed(transfer, status))
            return; /* it goes on */
    } else {
        if (status == 404)
            request->slurm->api = 0; /* another slurmrestd by now? the next request looks */
        request->is_http = true;
        request->status = (int)status;
        slurm_answered(request, true);
    }
    transfer_free(transfer);
}

/* Takes what has come to its end. The wire may be freed by a callback, the multi handle with it. */
static void collect(struct rest *rest)
{
    struct dure_slurm *slurm = rest->slurm;
    CURLMsg *message;
    int left;
    while (slurm->own && (message = curl_multi_info_read(rest->multi, &left))) {
        struct transfer *transfer = NULL;
        const CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(rest->multi, transfer->easy);
        over(transfer, code);
    }
}

static void rest_begin(struct slurm_request *request)
{
    struct dure_slurm *slurm = request->slurm;
    struct dure_error error;
    if (request->kind == SLURM_CONFIG || request->kind == SLURM_TOPOLOGY) {
        slurm_failed(request, DURE_SLURM_UNSUPPORTED, true, "slurmrestd does not tell its %s",
                     request->kind == SLURM_CONFIG ? "configuration" : "topology");
        return;
    }
    if (request->kind == SLURM_SUBMIT && request->submit.user && !*slurm->site.token_file) {
        slurm_failed(
            request, DURE_SLURM_DENIED, true,
            "user '%s': without a token every job is slurmrestd's own; name a token_file, or submit_as: daemon",
            request->submit.user);
        return;
    }
    if (*slurm->site.token_file && slurm_token_read(slurm, &error)) {
        slurm_failed(request, DURE_SLURM_DENIED, true, "%s", error.text);
        return;
    }
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer) {
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "out of memory");
        return;
    }
    transfer->request = request;
    transfer->kind = slurm->api ? request->kind : SLURM_VERSIONS;
    request->own = transfer;
    slurm_ref(request);
    if (!launch(transfer))
        transfer_free(transfer);
}

static void rest_abort(struct slurm_request *request)
{
    struct transfer *transfer = request->own;
    struct rest *rest = request->slurm->own;
    if (!transfer || !rest)
        return;
    long sent = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    request->reply.unsent = sent == 0 || transfer->kind != request->kind;
    curl_multi_remove_handle(rest->multi, transfer->easy);
    transfer_free(transfer);
}

static void timer_closed(uv_handle_t *handle)
{
    struct rest *rest = handle->data;
    struct dure_slurm *slurm = rest->slurm;
    curl_multi_cleanup(rest->multi);
    free(rest);
    slurm_wire_unref(slurm);
}

static void rest_free(struct dure_slurm *slurm)
{
    struct rest *rest = slurm->own;
    if (!rest)
        return;
    slurm->own = NULL;
    uv_close((uv_handle_t *)&rest->timer, timer_closed);
}

const struct slurm_way slurm_rest = {rest_begin, rest_abort, rest_free};
