#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/inner.h"
#include "engine/slurm/fetch.h"

static void dispatch(struct call *call)
{
    struct dure_api *api = call->api;
    struct dure_http_request *request = call->request;
    enum dure_http_method method = dure_http_method(request);
    bool other = false;

    call->route =
        route_find(method == DURE_HTTP_HEAD ? DURE_HTTP_GET : method, dure_http_path(request), call->part, &other);
    if (call->route == NULL) {
        if (other) {
            dure_http_error_body(&call->out, DURE_E_INVALID, "this path takes another method");
            call_answer(call, 405);
            return;
        }
        call_fail(call, DURE_E_NOT_FOUND, "no such path; GET /openapi.json lists them all");
        return;
    }
    if ((api->loop == NULL || api->stopping) && !call->route->before_ready) {
        struct dure_error error = {0};
        enum dure_err err = api->host.health(api->host.context, &error);
        call_fail(call, DURE_E_BUSY, "%s", err != DURE_OK ? error.text : "the daemon is starting");
        return;
    }
    call->who = identity_of(api, dure_http_peer(request), &call->error);
    if (call->who == NULL) {
        call_fail_error(call, DURE_E_DENIED, &call->error);
        return;
    }
    if (!identity_may(call->who, call->route->access)) {
        const char *login = call->who->login;
        call_fail(call, DURE_E_DENIED,
                  "%s may not do this: it takes the role %s; an operator adds {login: %s, role: %s} to `roles` of the "
                  "Tenants spec (`dure tenants apply`)",
                  login,
                  call->route->access == ACCESS_MEMBER  ? "member of a tenant"
                  : call->route->access == ACCESS_NODES ? "operator or owner"
                                                        : "operator",
                  login, call->route->access == ACCESS_MEMBER ? "member, tenant: PATH" : "operator");
        return;
    }
    if (!params_known(call))
        return;
    call->route->handle(call);
}

static void on_request(void *context, struct dure_http_request *request)
{
    struct dure_api *api = context;
    struct call *call = call_new(api, request);

    if (call == NULL) {
        struct dure_buf body;
        dure_buf_init(&body, 4096);
        dure_http_error_body(&body, DURE_E_MEMORY, "out of memory");
        dure_http_answer(request, 503, "application/json", &body);
        return;
    }
    dispatch(call);
}

enum dure_err dure_api_new(const struct dure_api_options *options, struct dure_api **ret_api, struct dure_error *error)
{
    struct dure_api *api = calloc(1, sizeof *api);
    struct dure_http_options http = {
        .loop = options->loop, .listen_fd = options->listen_fd, .body_max = DURE_API_BODY_MAX};
    enum dure_err err;

    if (api == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    api->host = options->host;
    api->uv = options->loop;
    api->writes_per_second = options->writes_per_second > 0 ? options->writes_per_second : DURE_API_WRITES_PER_SECOND;
    api->waiting_last = &api->waiting;
    dure_buf_init(&api->openapi, 8 << 20);
    http.connections_max = options->connections_max > 0 ? options->connections_max : DURE_API_CONNECTIONS_MAX;
    http.handle = on_request;
    http.context = api;
    err = dure_http_new(&http, &api->http, error);
    if (err != DURE_OK) {
        free(api);
        return err;
    }
    *ret_api = api;
    return DURE_OK;
}

void dure_api_ready(struct dure_api *api, struct dure_loop *loop, struct dure_core *core)
{
    api->loop = loop;
    api->core = core;
    api->generation++;
}

void dure_api_quiesce(struct dure_api *api)
{
    api->stopping = true;
    dure_http_quiesce(api->http);
}

bool dure_api_busy(const struct dure_api *api)
{
    return api->calls_open > 0;
}

static void on_http_closed(void *context)
{
    struct dure_api *api = context;
    struct call *next;

    DURE_ASSERT(api->calls_open == 0);
    for (struct call *call = api->spare; call != NULL; call = next) {
        next = call->next;
        dure_arena_free(call->arena);
        free(call);
    }
    identity_forget_all(api);
    dure_buf_release(&api->openapi);
    if (api->closed != NULL)
        api->closed(api->closed_context);
    free(api);
}

void dure_api_close(struct dure_api *api, void (*closed)(void *context), void *context)
{
    api->closed = closed;
    api->closed_context = context;
    streams_close(api);
    dure_fetcher_free(api->fetcher);
    api->fetcher = NULL;
    api->stopping = true;
    dure_http_close(api->http, on_http_closed, api);
}
