/* Who and what is here, and what an operator does to the daemon itself. */
#include <jansson.h>
#include <string.h>

#include "api/inner.h"

static void answer_now(struct call *call)
{
    call_answer(call, call->route->status);
}

void handle_healthz(struct call *call)
{
    enum dure_err err = call->api->host.health(call->api->host.context, &call->error);

    if (err != DURE_OK) {
        dure_http_error_body(&call->out, err, call->error.text);
        call_answer(call, 503);
        return;
    }
    dure_buf_str(&call->out, "{\"status\":\"ok\"}");
    call_answer(call, 200);
}

static void write_lines(struct dure_buf *out, const char *key, const struct dure_buf *text)
{
    const char *at = text->data;
    char line[512];

    json_open(out, key, '[');
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        if (length > 0)
            json_str(out, NULL, line);
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    json_close(out, ']');
}

void handle_version(struct call *call)
{
    const struct dure_api_host *host = &call->api->host;
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_buf lines DURE_CLEANUP_BUF = {0};

    dure_buf_init(&lines, 65536);
    host->enforcement(host->context, &lines);
    json_open(&call->out, NULL, '{');
    json_str(&call->out, "version", DURE_VERSION);
    json_uint(&call->out, "core_version", DURE_CORE_VERSION);
    json_uint(&call->out, "journal_size", dure_loop_durable(call->api->loop));
    json_uint(&call->out, "term", dure_core_term(call->api->core));
    json_time(&call->out, "started", host->started_us);
    json_time(&call->out, "time", dure_core_time_us(call->api->core));
    json_str(&call->out, "state_dir", host->state_dir);
    json_str(&call->out, "socket", host->socket_path);
    json_str(&call->out, "zone", fleet != NULL ? fleet->zone : NULL);
    json_uint(&call->out, "disk_free_mib", host->disk_free_mib(host->context));
    write_lines(&call->out, "enforcement", &lines);
    json_close(&call->out, '}');
    call_answer(call, 200);
}

static void write_role(struct dure_buf *out, const char *role, const char *tenant, const char *owner)
{
    json_open(out, NULL, '{');
    json_str(out, "role", role);
    json_str(out, "tenant", tenant);
    json_str(out, "owner", owner);
    json_close(out, '}');
}

void handle_me(struct call *call)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct identity *who = call->who;
    struct dure_buf *out = &call->out;

    json_open(out, NULL, '{');
    json_str(out, "login", who->login);
    json_uint(out, "uid", who->uid);
    if (who->principal.v != DURE_NONE32)
        json_uint(out, "principal", who->principal.v);
    else
        json_none(out, "principal");
    json_open(out, "roles", '[');
    if (who->is_operator)
        write_role(out, "operator", NULL, NULL);
    if (who->is_auditor)
        write_role(out, "auditor", NULL, NULL);
    for (size_t i = 0; tenants != NULL && i < who->member_of.count; i++)
        if (who->member_of.at[i].v < tenants->tenant_count)
            write_role(out, "member", tenants->tenants[who->member_of.at[i].v].path, NULL);
    for (size_t i = 0; fleet != NULL && i < who->owner_of.count; i++)
        if (who->owner_of.at[i].v < fleet->owner_count)
            write_role(out, "owner", NULL, fleet->owners[who->owner_of.at[i].v].name);
    json_close(out, ']');
    if (tenants != NULL && who->member_of.count == 1 && who->member_of.at[0].v < tenants->tenant_count)
        json_str(out, "default_project", tenants->tenants[who->member_of.at[0].v].path);
    else if (tenants != NULL && who->member_of.count == 0 && tenants->tenant_count == 1)
        json_str(out, "default_project", tenants->tenants[0].path);
    else
        json_none(out, "default_project");
    json_close(out, '}');
    call_when_durable(call, answer_now);
}

struct backup {
    bool with_key;
    char *directory;
};

static void read_backup(struct call *call, struct dure_journal *journal)
{
    const struct backup *backup = call->data;

    call->err = dure_journal_backup(journal, backup->directory, backup->with_key, &call->error);
}

static void answer_backup(struct call *call)
{
    const struct backup *backup = call->data;

    if (call->err != DURE_OK) {
        call_fail_error(call, call->err, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_str(&call->out, "directory", backup->directory);
    json_bool(&call->out, "with_key", backup->with_key);
    json_close(&call->out, '}');
    call_answer(call, 200);
}

void handle_backup(struct call *call)
{
    static const char *const keys[] = {"directory", "with_key", NULL};
    struct backup *backup = call_alloc(call, sizeof *backup);
    json_t *json = call_body_json(call, keys);
    const json_t *with_key;
    const char *directory;

    if (json == NULL)
        return;
    directory = json_string_value(json_object_get(json, "directory"));
    with_key = json_object_get(json, "with_key");
    if (backup == NULL || directory == NULL || directory[0] != '/' ||
        (with_key != NULL && !json_is_boolean(with_key))) {
        json_decref(json);
        call_fail(call, DURE_E_INVALID,
                  "body: expected {\"directory\": \"/an/absolute/path\", \"with_key\": true or false}");
        return;
    }
    backup->directory = dure_arena_strdup(call->arena, directory);
    backup->with_key = json_is_true(with_key);
    json_decref(json);
    call->data = backup;
    if (backup->directory == NULL)
        call_fail(call, DURE_E_MEMORY, "out of memory");
    else
        call_durable_read(call, read_backup, answer_backup);
}

void handle_clock_accept(struct call *call)
{
    const int64_t jump_us = call->api->host.accept_clock(call->api->host.context);

    json_open(&call->out, NULL, '{');
    json_str(&call->out, "status", "ok");
    json_bool(&call->out, "accepted", jump_us != 0);
    json_int(&call->out, "jump_us", jump_us);
    json_close(&call->out, '}');
    call_answer(call, 200);
}

void handle_shutdown(struct call *call)
{
    struct dure_api_host host = call->api->host;

    dure_buf_str(&call->out, "{\"status\":\"stopping\"}");
    call_answer(call, 202);
    host.shutdown(host.context);
}
