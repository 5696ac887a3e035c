/* Small writes: cancel, hold, release, drain, resume, the clock, a backup. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/job_name.h"
#include "cli/paths.h"

static const char *done_word(const char *verb)
{
    if (strcmp(verb, "cancel") == 0)
        return "cancelled";
    return strcmp(verb, "hold") == 0 ? "held" : "released";
}

/* All are tried; the first failure is the answer. */
int dure_cmd_act(struct dure_cli *cli)
{
    char tail[32];
    int first = DURE_EXIT_OK;
    json_t *all = json_array();
    if (!all)
        return dure_cli_memory(cli);
    snprintf(tail, sizeof tail, "/%s", cli->verb->name);
    for (int i = 0; i < cli->argc; i++) {
        char path[DURE_JOB_PATH_MAX];
        json_t *answer = NULL;
        int code = dure_job_path(cli, cli->argv[i], tail, path);
        if (!code)
            code = dure_cli_call(
                cli, &(struct dure_cli_call){.method = "POST", .path = path, .body = "{}", .body_length = 2}, &answer);
        if (code && !first)
            first = code;
        if (code == DURE_EXIT_NO_DAEMON)
            break;
        if (!code && dure_cli_json(cli))
            json_array_append(all, answer);
        else if (!code)
            fprintf(cli->screen.out, "Job %s %s.\n", cli->argv[i], done_word(cli->verb->name));
        json_decref(answer);
    }
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, cli->argc == 1 && json_array_size(all) == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return first;
}

int dure_cmd_checkpointed(struct dure_cli *cli)
{
    char path[DURE_JOB_PATH_MAX], own[64];
    const char *job = getenv("DURE_JOB_ID"), *index = getenv("DURE_ARRAY_INDEX"), *name = own;
    if (!cli->argc && (!job || !*job))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "found no JOB and no DURE_JOB_ID, expected a job's number, or to be called inside a job");
    if (cli->argc)
        name = cli->argv[0];
    else
        snprintf(own, sizeof own, "%s%s%s", job, index ? "_" : "", index ? index : "");
    json_t *answer = NULL;
    int code = dure_job_path(cli, name, "/checkpointed", path);
    if (!code)
        code = dure_cli_call(
            cli, &(struct dure_cli_call){.method = "POST", .path = path, .body = "{}", .body_length = 2}, &answer);
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (!code)
        fprintf(cli->screen.out, "Job %s has kept its work until now.\n", name);
    json_decref(answer);
    return code;
}

static int each_node(struct dure_cli *cli, const char *tail, const char *body, const char *done)
{
    int first = DURE_EXIT_OK;
    json_t *all = json_array();
    for (int i = 0; i < cli->argc; i++) {
        DURE_CLEANUP_BUF struct dure_buf path;
        json_t *answer = NULL;
        dure_buf_init(&path, 1 << 16);
        dure_buf_str(&path, "/v1/nodes/");
        dure_client_escape(cli->argv[i], &path);
        dure_buf_str(&path, tail);
        const int code =
            path.failed
                ? dure_cli_memory(cli)
                : dure_cli_call(cli,
                                &(struct dure_cli_call){
                                    .method = "POST", .path = path.data, .body = body, .body_length = strlen(body)},
                                &answer);
        if (code && !first)
            first = code;
        if (code == DURE_EXIT_NO_DAEMON)
            break;
        if (!code && dure_cli_json(cli))
            json_array_append(all, answer);
        else if (!code)
            fprintf(cli->screen.out, "%s: %s.\n", cli->argv[i], done);
        json_decref(answer);
    }
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, cli->argc == 1 && json_array_size(all) == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return first;
}

int dure_cmd_nodes_drain(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    const char *reason = dure_cli_text(cli, "reason");
    dure_buf_init(&body, 1 << 16);
    dure_buf_str(&body, "{\"reason\":");
    dure_buf_json(&body, reason ? reason : "drained by hand");
    dure_buf_str(&body, "}");
    return body.failed ? dure_cli_memory(cli)
                       : each_node(cli, "/drain", body.data, "draining; what runs there runs to its end");
}

int dure_cmd_nodes_resume(struct dure_cli *cli)
{
    return each_node(cli, "/resume", "{}", "back at work");
}

static int write_and_say(struct dure_cli *cli, const char *path, const char *body, const char *said)
{
    json_t *answer = NULL;
    const int code = dure_cli_call(
        cli, &(struct dure_cli_call){.method = "POST", .path = path, .body = body, .body_length = strlen(body)},
        &answer);
    if (code)
        return code;
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, answer ? answer : json_null());
    else
        dure_cli_say(cli, said);
    json_decref(answer);
    return DURE_EXIT_OK;
}

int dure_cmd_clock_accept(struct dure_cli *cli)
{
    char jump[DURE_TIME_TEXT_MAX];
    json_t *answer = NULL;
    const int code = dure_cli_call(
        cli, &(struct dure_cli_call){.method = "POST", .path = "/v1/clock/accept", .body = "{}", .body_length = 2},
        &answer);
    const int64_t us = dure_json_int(answer, "jump_us", 0);
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (!code && !dure_json_true(answer, "accepted"))
        fputs("No jump of the clock is held: there is nothing to accept.\n", cli->screen.out);
    else if (!code)
        fprintf(cli->screen.out, "The clock's jump %s by %s is accepted.\n", us < 0 ? "back" : "forward",
                dure_duration_format(us < 0 ? -us : us, jump));
    json_decref(answer);
    return code;
}

int dure_cmd_backup(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf body = {0}, said = {0};
    char directory[DURE_CLI_PATH_MAX];
    if (!dure_cli_absolute(cli->argv[0], directory))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "the directory's name is too long");
    dure_buf_init(&body, 1 << 16);
    dure_buf_init(&said, 1 << 16);
    dure_buf_str(&body, "{\"directory\":");
    dure_buf_json(&body, directory);
    dure_buf_printf(&body, ",\"with_key\":%s}", dure_cli_flag(cli, "with-key") ? "true" : "false");
    dure_buf_printf(&said,
                    "Copied to %s, %s the signing key. It holds personal fields: erasing them later does not reach it.",
                    directory, dure_cli_flag(cli, "with-key") ? "with" : "without");
    return body.failed || said.failed ? dure_cli_memory(cli) : write_and_say(cli, "/v1/backup", body.data, said.data);
}
