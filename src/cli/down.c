/* `dure down`: take the machine out of use, stop what runs on it, then the daemon. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/handlers.h"

static const int64_t DAEMON_MAX_US = INT64_C(60) * 1000000;

struct down {
    struct dure_cli *cli;
    json_t *stopped; /* the jobs cancelled, as they are written */
    int64_t pid;
    int64_t wait_us;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int post(struct dure_cli *cli, const char *path, const char *body, bool quiet, enum dure_err *ret_err)
{
    struct dure_reply reply;
    const int code =
        dure_cli_fetch(cli,
                       &(struct dure_cli_call){
                           .method = "POST", .path = path, .body = body, .body_length = strlen(body), .quiet = quiet},
                       &reply, ret_err);
    dure_reply_release(&reply);
    return code;
}

/* Nothing new may start here while what runs is stopped; `dure up` takes the nodes back into use. */
static int drain_site(struct dure_cli *cli, const char *site)
{
    DURE_CLEANUP_BUF struct dure_buf query;
    json_t *nodes = NULL;
    dure_buf_init(&query, 1 << 16);
    dure_buf_str(&query, "site=");
    dure_client_escape(site, &query);
    int code = query.failed ? dure_cli_memory(cli) : dure_cli_list(cli, "/v1/nodes", query.data, "nodes", 0, &nodes);
    for (size_t i = 0; !code && i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        DURE_CLEANUP_BUF struct dure_buf path = {0};
        enum dure_err err;
        if (strcmp(dure_json_text(node, "state", ""), "up") != 0)
            continue;
        dure_buf_init(&path, 1 << 16);
        dure_buf_str(&path, "/v1/nodes/");
        dure_client_escape(dure_json_text(node, "name", ""), &path);
        dure_buf_str(&path, "/drain");
        code = path.failed ? dure_cli_memory(cli) : post(cli, path.data, "{\"reason\":\"dure down\"}", false, &err);
    }
    json_decref(nodes);
    return code;
}

static int drain(struct dure_cli *cli)
{
    json_t *board = NULL;
    int code = dure_cli_call(cli, &(struct dure_cli_call){.method = "GET", .path = "/v1/fleet", .quiet = true}, &board);
    if (code == DURE_EXIT_NOT_FOUND)
        return DURE_EXIT_OK; /* no fleet was ever declared */
    if (code)
        return dure_cli_get(cli, "/v1/fleet", NULL, &board);
    const json_t *sites = json_object_get(board, "sites");
    for (size_t i = 0; !code && i < json_array_size(sites); i++)
        if (strcmp(dure_json_text(json_array_get(sites, i), "engine", ""), "local") == 0)
            code = drain_site(cli, dure_json_text(json_array_get(sites, i), "name", ""));
    json_decref(board);
    return code;
}

/* Cancels every running job with a process; `ret_left`: how many still run. */
static int cancel_all(struct down *down, bool cancel, size_t *ret_left)
{
    struct dure_cli *cli = down->cli;
    json_t *rows = NULL;
    int code = dure_cli_list(cli, "/v1/jobs", "state=running", "jobs", 0, &rows);
    *ret_left = 0;
    for (size_t i = 0; !code && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char path[128], name[64];
        enum dure_err err;
        if (dure_json_true(row, "emulated"))
            continue;
        ++*ret_left;
        if (!cancel || strcmp(dure_json_text(row, "state", ""), "RUNNING") != 0)
            continue;
        const int64_t job = dure_json_int(row, "job", 0), element = dure_json_int(row, "element", -1);
        snprintf(name, sizeof name, element < 0 ? "%" PRId64 : "%" PRId64 "_%" PRId64, job, element);
        snprintf(path, sizeof path,
                 element < 0 ? "/v1/jobs/%" PRId64 "/cancel" : "/v1/jobs/%" PRId64 ".%" PRId64 "/cancel", job, element);
        if (post(cli, path, "{}", true, &err) == DURE_EXIT_OK)
            json_array_append_new(down->stopped, json_string(name));
        else if (err != DURE_E_STATE && err != DURE_E_NOT_FOUND) /* it ended by itself meanwhile */
            code = dure_cli_fail(cli, dure_exit_of(err), "cancelling job %s: %s", name, dure_err_sentence(err));
    }
    json_decref(rows);
    return code;
}

static int stop_jobs(struct down *down)
{
    size_t left = 0;
    const int64_t begin = now_us();
    int code = drain(down->cli);
    if (!code)
        code = cancel_all(down, true, &left);
    while (!code && left > 0) {
        if (now_us() - begin > down->wait_us)
            return dure_cli_fail(down->cli, DURE_EXIT_BUSY,
                                 "%zu job%s still stopping (a job's grace is its own); the daemon is left running. "
                                 "Wait and try again, or: dure down --wait TIME",
                                 left, left == 1 ? " is" : "s are");
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        code = cancel_all(down, true, &left);
    }
    /* The last reports are in; now the supervisors go. */
    while (!code && dure_daemon_minders(down->cli) > 0 && now_us() - begin <= down->wait_us)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return code;
}

static int stop_daemon(struct down *down)
{
    enum dure_err err;
    const int code = post(down->cli, "/v1/shutdown", "{}", false, &err);
    if (code)
        return code;
    if (!dure_daemon_gone(down->pid, DAEMON_MAX_US))
        return dure_cli_fail(down->cli, DURE_EXIT_BUSY,
                             "dured (process %" PRId64
                             ") was told to stop and has not ended after a minute; its log is %s/dured.log",
                             down->pid, down->cli->state);
    return DURE_EXIT_OK;
}

static void say(struct down *down, unsigned minders)
{
    struct dure_cli *cli = down->cli;
    const size_t jobs = json_array_size(down->stopped);
    if (dure_cli_json(cli)) {
        json_t *json = json_pack("{s:O, s:I, s:s, s:i}", "jobs", down->stopped, "pid", (json_int_t)down->pid, "state",
                                 cli->state, "supervisors", (int)minders);
        dure_cli_print_json(cli, json);
        json_decref(json);
        return;
    }
    fputs("Stopped: ", cli->screen.out);
    if (jobs > 0)
        fprintf(cli->screen.out, "%zu job%s (", jobs, jobs == 1 ? "" : "s");
    for (size_t i = 0; i < jobs && i < 10; i++)
        fprintf(cli->screen.out, "%s%s", i ? ", " : "", json_string_value(json_array_get(down->stopped, i)));
    if (jobs > 0)
        fprintf(cli->screen.out, "%s), ", jobs > 10 ? ", ..." : "");
    fprintf(cli->screen.out, "dured (process %" PRId64 ").\n", down->pid);
    if (minders > 0)
        fprintf(cli->screen.out, "%u job%s to run under %s supervisor%s; a later daemon finds %s again.\n", minders,
                minders == 1 ? " goes on" : "s go on", minders == 1 ? "its" : "their", minders == 1 ? "" : "s",
                minders == 1 ? "it" : "them");
    fprintf(cli->screen.out, "The state stays in %s; `dure up` goes on from there.\n", cli->state);
}

int dure_cmd_down(struct dure_cli *cli)
{
    struct down down = {.cli = cli, .wait_us = dure_cli_count(cli, "wait"), .pid = dure_daemon_pid(cli)};
    const bool keep = dure_cli_flag(cli, "keep-jobs");
    int code = DURE_EXIT_OK;
    if (down.pid == 0 && (keep || dure_daemon_minders(cli) == 0)) {
        if (dure_cli_json(cli))
            fputs("{\"jobs\":[],\"pid\":null}\n", cli->screen.out);
        else
            fprintf(cli->screen.out, "Nothing runs: no daemon listens on %s.\n", cli->socket);
        return DURE_EXIT_OK;
    }
    if (down.pid == 0) { /* killed; only a daemon can stop its jobs in order */
        dure_cli_note(cli, "The daemon is gone, but jobs of it run: it is started again to stop them.");
        code = dure_daemon_start(cli, &down.pid);
    }
    down.stopped = json_array();
    if (!code && !keep)
        code = stop_jobs(&down);
    if (!code)
        code = stop_daemon(&down);
    if (!code)
        say(&down, dure_daemon_minders(cli));
    if (!code && !keep && dure_daemon_minders(cli) > 0)
        code = dure_cli_fail(cli, DURE_EXIT_NO, "%u supervisors of jobs still run", dure_daemon_minders(cli));
    json_decref(down.stopped);
    return code;
}
