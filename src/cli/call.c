/* Asking the daemon, and turning its refusals into messages and exit codes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { PAGE = 1000 };

struct dure_client *dure_cli_client(struct dure_cli *cli, int *ret_exit)
{
    const struct dure_client_options options = {.socket_path = cli->socket};
    struct dure_error error = {0};
    if (!cli->client) {
        const enum dure_err err = dure_client_new(&options, &cli->client, &error);
        if (err) {
            cli->client = NULL;
            *ret_exit = dure_cli_fail_err(cli, err, &error, NULL);
        }
    }
    return cli->client;
}

static const char *advice(enum dure_err err)
{
    switch (err) {
    case DURE_E_DENIED: return "roles are declared in the Tenants spec";
    case DURE_E_BUSY:
    case DURE_E_TIMEOUT: return "try again";
    default: return NULL;
    }
}

/* A spec's faults one by one, where the daemon named them; else its sentence. */
static int report(struct dure_cli *cli, const struct dure_cli_call *call, const struct dure_reply *reply,
                  enum dure_err err, const struct dure_error *error)
{
    struct dure_problems *problems = call->tree || call->file ? dure_arena_alloc(cli->arena, sizeof *problems) : NULL;
    if (problems && reply->json) {
        problems->file = call->file;
        if (dure_reply_problems(reply, call->tree, problems) > 0) {
            dure_cli_problems(cli, problems);
            return (int)dure_exit_of(err);
        }
    }
    return dure_cli_fail_err(cli, err, error, advice(err));
}

int dure_cli_fetch(struct dure_cli *cli, const struct dure_cli_call *call, struct dure_reply *ret_reply,
                   enum dure_err *ret_err)
{
    char key[129] = "";
    const bool write = strcmp(call->method, "GET") != 0;
    struct dure_error error = {0};
    int code = DURE_EXIT_NO;
    memset(ret_reply, 0, sizeof *ret_reply);
    *ret_err = DURE_E_UNREACHABLE;
    struct dure_client *client = dure_cli_client(cli, &code);
    if (!client)
        return code;
    if (write && call->key)
        snprintf(key, sizeof key, "%s", call->key);
    else if (write)
        dure_client_key(key);
    const struct dure_request request = {.method = call->method,
                                         .path = call->path,
                                         .query = call->query,
                                         .body = call->body,
                                         .body_length = call->body_length,
                                         .idempotency_key = write ? key : NULL};
    enum dure_err err = dure_client_call(client, &request, ret_reply, &error);
    if (err == DURE_E_UNREACHABLE && ret_reply->status == 0 && !call->quiet) {
        /* A daemon that restarts just now: the same key gives the first answer again if it had one. */
        dure_reply_release(ret_reply);
        err = dure_client_call(client, &request, ret_reply, &error);
    }
    *ret_err = err;
    if (!err)
        return DURE_EXIT_OK;
    return call->quiet || err == call->mute ? (int)dure_exit_of(err) : report(cli, call, ret_reply, err, &error);
}

int dure_cli_call(struct dure_cli *cli, const struct dure_cli_call *call, json_t **ret_json)
{
    struct dure_reply reply;
    enum dure_err err;
    const int code = dure_cli_fetch(cli, call, &reply, &err);
    if (!code)
        *ret_json = json_incref(reply.json);
    dure_reply_release(&reply);
    return code;
}

int dure_cli_get(struct dure_cli *cli, const char *path, const char *query, json_t **ret_json)
{
    return dure_cli_call(cli, &(struct dure_cli_call){.method = "GET", .path = path, .query = query}, ret_json);
}

static int page(struct dure_cli *cli, const char *path, const char *query, const char *after, uint64_t rows,
                json_t **ret_page)
{
    DURE_CLEANUP_BUF struct dure_buf full;
    dure_buf_init(&full, 1 << 16);
    dure_buf_printf(&full, "%s%slimit=%" PRIu64, query ? query : "", query && *query ? "&" : "",
                    rows < PAGE ? rows : (uint64_t)PAGE);
    if (after) {
        dure_buf_str(&full, "&after=");
        dure_client_escape(after, &full);
    }
    if (full.failed)
        return dure_cli_memory(cli);
    return dure_cli_get(cli, path, full.data, ret_page);
}

int dure_cli_list(struct dure_cli *cli, const char *path, const char *query, const char *name, uint64_t limit,
                  json_t **ret_json)
{
    json_t *rows = json_array();
    char *after = NULL;
    int code = rows ? DURE_EXIT_OK : dure_cli_memory(cli);
    while (!code) {
        json_t *got = NULL;
        const uint64_t left = limit ? limit - json_array_size(rows) : PAGE;
        code = page(cli, path, query, after, left, &got);
        if (code)
            break;
        json_array_extend(rows, json_object_get(got, name));
        const char *next = json_string_value(json_object_get(got, "next"));
        char *copy = next && (!limit || json_array_size(rows) < limit) ? strdup(next) : NULL;
        json_decref(got);
        free(after);
        after = copy;
        if (!after)
            break;
    }
    free(after);
    if (code)
        json_decref(rows);
    else
        *ret_json = rows;
    return code;
}
