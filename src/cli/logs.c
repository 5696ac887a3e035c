#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/handlers.h"
#include "cli/job_name.h"

enum { CHUNK = 65536 };

static uint64_t header_count(const struct dure_reply *reply, const char *name)
{
    char text[32];
    unsigned long long value = 0;
    if (dure_reply_header(reply, name, text, sizeof text))
        sscanf(text, "%llu", &value);
    return value;
}

static bool header_true(const struct dure_reply *reply, const char *name)
{
    char text[32];
    return dure_reply_header(reply, name, text, sizeof text) && strcmp(text, "true") == 0;
}

/* What a follower does between looks: often at first, for short jobs; then four times a second. */
static void rest(unsigned idle)
{
    const int64_t us = idle < 10 ? 20000 : 250000;
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

int dure_log_next(struct dure_cli *cli, const char *path, const struct dure_log_source *source, uint64_t *offset,
                  bool *ret_ended, bool *ret_began)
{
    char query[160];
    struct dure_reply reply;
    enum dure_err err;
    snprintf(query, sizeof query, "stream=%s&task=%" PRId64 "&offset=%" PRIu64 "&limit=%d",
             source->is_stderr ? "stderr" : "stdout", source->task, *offset, CHUNK);
    const struct dure_cli_call call = {.method = "GET", .path = path, .query = query, .quiet = source->waits};
    int code = dure_cli_fetch(cli, &call, &reply, &err);
    if (code && source->waits && err == DURE_E_STATE) {
        *ret_began = false; /* no attempt yet */
        code = DURE_EXIT_OK;
    } else if (code && source->waits) {
        dure_cli_fail(cli, (enum dure_exit)code, "%s",
                      dure_json_text(json_object_get(reply.json, "error"), "message", dure_err_sentence(err)));
    } else if (!code) {
        *ret_began = true;
        fwrite(reply.body ? reply.body : "", 1, reply.body_length, cli->screen.out);
        fflush(cli->screen.out);
        *offset += reply.body_length;
        *ret_ended = header_true(&reply, "dure-ended") && *offset >= header_count(&reply, "dure-size");
        if (reply.body_length == 0 && !source->waits)
            *ret_ended = true;
    }
    dure_reply_release(&reply);
    return code;
}

int dure_log_copy(struct dure_cli *cli, const char *path, const struct dure_log_source *source, uint64_t offset)
{
    bool ended = false, began = false;
    unsigned idle = 0;
    int code = DURE_EXIT_OK;
    while (!code && !ended && !dure_cli_interrupted() && !ferror(cli->screen.out)) {
        const uint64_t before = offset;
        code = dure_log_next(cli, path, source, &offset, &ended, &began);
        if (!code && !ended && offset == before)
            rest(idle++);
        else
            idle = 0;
    }
    return code;
}

/* Where the last `bytes` begin. */
static int tail_offset(struct dure_cli *cli, const char *path, const struct dure_log_source *source, int64_t bytes,
                       uint64_t *ret_offset)
{
    char query[160];
    struct dure_reply reply;
    enum dure_err err;
    snprintf(query, sizeof query, "stream=%s&task=%" PRId64 "&offset=0&limit=1",
             source->is_stderr ? "stderr" : "stdout", source->task);
    const int code =
        dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = path, .query = query}, &reply, &err);
    const uint64_t size = code ? 0 : header_count(&reply, "dure-size");
    dure_reply_release(&reply);
    *ret_offset = size > (uint64_t)bytes ? size - (uint64_t)bytes : 0;
    return code;
}

int dure_cmd_logs(struct dure_cli *cli)
{
    char path[DURE_JOB_PATH_MAX];
    uint64_t offset = 0;
    const struct dure_log_source source = {.is_stderr = dure_cli_flag(cli, "stderr"),
                                           .task = dure_cli_count(cli, "task"),
                                           .waits = dure_cli_flag(cli, "follow")};
    int code = dure_job_path(cli, cli->argv[0], "/logs", path);
    if (code)
        return code;
    if (source.waits)
        dure_cli_catch_interrupts();
    if (dure_cli_given(cli, "bytes"))
        code = tail_offset(cli, path, &source, dure_cli_count(cli, "bytes"), &offset);
    return code ? code : dure_log_copy(cli, path, &source, offset);
}
