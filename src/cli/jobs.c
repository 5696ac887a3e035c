#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/job_name.h"
#include "cli/render.h"

static const char *state_wanted(const struct dure_cli *cli)
{
    if (dure_cli_flag(cli, "all"))
        return "all";
    return dure_cli_flag(cli, "ended") ? "ended" : dure_cli_text(cli, "states");
}

static int query_of(struct dure_cli *cli, struct dure_buf *query)
{
    const char *user = dure_cli_text(cli, "user"), *project = dure_cli_text(cli, "project");
    if (dure_cli_flag(cli, "me") && user)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--me and --user exclude each other");
    dure_buf_printf(query, "state=%s", state_wanted(cli));
    if (dure_cli_flag(cli, "me"))
        user = "me";
    if (user) {
        dure_buf_str(query, "&user=");
        dure_client_escape(user, query);
    }
    if (project) {
        dure_buf_str(query, "&project=");
        dure_client_escape(project, query);
    }
    return query->failed ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

static int named_rows(struct dure_cli *cli, json_t **ret_rows)
{
    json_t *rows = json_array();
    int code = rows ? DURE_EXIT_OK : dure_cli_memory(cli);
    for (int i = 0; i < cli->argc && !code; i++) {
        char path[DURE_JOB_PATH_MAX];
        json_t *row = NULL;
        code = dure_job_path(cli, cli->argv[i], "", path);
        if (!code)
            code = dure_cli_get(cli, path, NULL, &row);
        if (!code)
            json_array_append_new(rows, row);
    }
    if (code)
        json_decref(rows);
    else
        *ret_rows = rows;
    return code;
}

static int fetch(struct dure_cli *cli, const char *query, json_t **ret_rows)
{
    if (cli->argc > 0)
        return named_rows(cli, ret_rows);
    return dure_cli_list(cli, "/v1/jobs", query, "jobs", (uint64_t)dure_cli_count(cli, "limit"), ret_rows);
}

static int print(struct dure_cli *cli, const json_t *rows)
{
    struct dure_error error = {0};
    if (dure_cli_json(cli)) {
        json_t *wrapped = json_pack("{s:O}", "jobs", rows);
        if (!wrapped)
            return dure_cli_memory(cli);
        dure_cli_print_json(cli, wrapped);
        json_decref(wrapped);
        return DURE_EXIT_OK;
    }
    const enum dure_err err =
        dure_render_jobs(&cli->screen, rows, dure_cli_text(cli, "format"), dure_cli_flag(cli, "no-header"), &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    if (!dure_cli_flag(cli, "no-header") && cli->argc == 0 &&
        json_array_size(rows) == (size_t)dure_cli_count(cli, "limit"))
        dure_cli_note(cli, "only the first %zu rows are shown; --limit raises that", json_array_size(rows));
    return DURE_EXIT_OK;
}

static void pause_us(int64_t us)
{
    const struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

int dure_cmd_jobs(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf query;
    struct dure_error error = {0};
    const bool watch = dure_cli_flag(cli, "watch");
    dure_buf_init(&query, 1 << 16);
    int code = query_of(cli, &query);
    if (code)
        return code;
    if (dure_render_jobs_check(dure_cli_text(cli, "format"), &error))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s", error.text);
    if (watch)
        dure_cli_catch_interrupts();
    do {
        json_t *rows = NULL;
        code = fetch(cli, query.data, &rows);
        if (code)
            return code;
        if (watch && cli->screen.out_tty && !dure_cli_json(cli))
            fputs("\033[H\033[2J", cli->screen.out);
        code = print(cli, rows);
        json_decref(rows);
        fflush(cli->screen.out);
        if (watch && !code && !ferror(cli->screen.out))
            pause_us(dure_cli_count(cli, "interval"));
    } while (watch && !code && !dure_cli_interrupted() && !ferror(cli->screen.out));
    return code;
}
