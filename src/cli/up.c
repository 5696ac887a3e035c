/* `dure up`: look, start, declare, run, show. Each step does only what is missing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/follow.h"
#include "cli/handlers.h"
#include "cli/job_name.h"
#include "cli/render.h"
#include "cli/up_specs.h"

static const int64_t HELLO_MAX_US = INT64_C(120) * 1000000;

struct up {
    struct dure_cli *cli;
    struct dure_up_specs *specs;
    bool started;  /* the daemon was started now */
    bool declared; /* fleet and tenants were declared now */
    int64_t pid;
    int64_t hello; /* job; 0: none now */
    char hello_state[32];
    json_t *why; /* of the first job, asked while it ran: then it says why here */
};

/* Progress for people; JSON on standard output stays alone. */
static void step(struct up *up, const char *name, const char *format, ...) DURE_PRINTF(3, 4);
static void step(struct up *up, const char *name, const char *format, ...)
{
    DURE_CLEANUP_BUF struct dure_buf text, line;
    FILE *stream = dure_cli_json(up->cli) ? up->cli->screen.err : up->cli->screen.out;
    va_list args;
    dure_buf_init(&text, 1 << 16);
    dure_buf_init(&line, 1 << 16);
    va_start(args, format);
    dure_buf_vprintf(&text, format, args);
    va_end(args);
    dure_buf_printf(&line, "%-9s", name);
    dure_term_wrap(&line, text.data ? text.data : "", 9, 9, up->cli->screen.width);
    if (line.data)
        fwrite(line.data, 1, line.length, stream);
    fflush(stream);
}

static int look(struct up *up)
{
    struct dure_up_specs *specs = up->specs;
    struct dure_error error = {0};
    char memory[32];
    const enum dure_err err = dure_machine_discover(&specs->machine, &error);
    if (err)
        return dure_cli_fail(up->cli, DURE_EXIT_NO, "looking at this machine: %s", error.text);
    const struct dure_machine *machine = &specs->machine;
    const int64_t asked = dure_cli_count(up->cli, "virtual-gpus");
    step(up, "machine", "%s: %" PRIu32 " CPU%s, %s MiB of memory, %" PRIu32 " GPU%s", machine->hostname,
         machine->cpu_count, machine->cpu_count == 1 ? "" : "s",
         dure_text_grouped((int64_t)machine->memory_mib, memory), machine->gpu_count,
         machine->gpu_count == 1 ? "" : "s");
    if (machine->gpu_count > 0 && asked <= 0)
        return DURE_EXIT_OK;
    if (machine->gpu_count > 0) {
        specs->machine.gpu_count = 0;
        specs->virtual_gpus = (uint32_t)asked;
    } else if (asked == 0) {
        return dure_cli_fail(up->cli, DURE_EXIT_USAGE, "--virtual-gpus=0, but this machine has no GPU: %s",
                             *machine->nvml_note ? machine->nvml_note : "none was found");
    } else {
        specs->virtual_gpus = asked > 0                                  ? (uint32_t)asked
                              : machine->cpu_count < DURE_UP_VIRTUAL_MAX ? machine->cpu_count
                                                                         : DURE_UP_VIRTUAL_MAX;
        specs->virtual_gpus += specs->virtual_gpus == 0;
        step(up, "", "No GPU (%s).", *machine->nvml_note ? machine->nvml_note : "none was found");
    }
    step(up, "",
         "%" PRIu32 " virtual GPU%s: slots for real processes without hardware behind them, labelled virtual wherever "
         "they are shown.",
         specs->virtual_gpus, specs->virtual_gpus == 1 ? "" : "s");
    return DURE_EXIT_OK;
}

static int start(struct up *up)
{
    struct dure_cli *cli = up->cli;
    struct dure_error error = {0};
    int code = DURE_EXIT_NO;
    up->pid = dure_daemon_pid(cli);
    if (up->pid == 0) {
        step(up, "daemon", "starting dured ...");
        code = dure_daemon_start(cli, &up->pid);
        up->started = !code;
        if (!code)
            step(up, "", "dured runs as process %" PRId64 ", its log is %s/dured.log", up->pid, cli->state);
        return code;
    }
    struct dure_client *client = dure_cli_client(cli, &code);
    if (!client)
        return code;
    const enum dure_err err = dure_client_health(client, &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    step(up, "daemon", "dured runs already as process %" PRId64 "; it is left as it is", up->pid);
    return DURE_EXIT_OK;
}

/* Is there something under this path? An exit code. */
static int exists(struct dure_cli *cli, const char *path, const char *list, bool *ret_there)
{
    struct dure_reply reply;
    enum dure_err err;
    int code = dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = path, .quiet = true}, &reply, &err);
    *ret_there = !code && (!list || json_array_size(json_object_get(reply.json, list)) > 0);
    dure_reply_release(&reply);
    if (code && (err == DURE_E_NOT_FOUND || err == DURE_E_STATE))
        code = DURE_EXIT_OK;
    return code ? dure_cli_fail(cli, (enum dure_exit)code, "GET %s: %s", path, dure_err_sentence(err)) : DURE_EXIT_OK;
}

static int declare_one(struct up *up, const char *path, const struct dure_tree *tree, const char *file)
{
    json_t *answer = NULL;
    const int code = dure_apply_put(up->cli, path, NULL, tree, file, &answer);
    json_decref(answer);
    return code;
}

static int declare(struct up *up)
{
    struct dure_cli *cli = up->cli;
    struct dure_up_specs *specs = up->specs;
    const char *fleet_file = dure_cli_text(cli, "fleet"), *tenants_file = dure_cli_text(cli, "tenants");
    bool fleet_there = false, tenants_there = false;
    int code = exists(cli, "/v1/fleet/spec", NULL, &fleet_there);
    if (!code)
        code = exists(cli, "/v1/tenants", "tenants", &tenants_there);
    if (code)
        return code;
    if (fleet_there) {
        step(up, "fleet", "declared already%s", fleet_file ? "; to change it: dure fleet apply FILE" : "");
    } else {
        code = declare_one(up, "/v1/fleet", specs->fleet, fleet_file ? fleet_file : "this machine");
        if (code)
            return code;
        up->declared = true;
        step(up, "fleet", fleet_file ? specs->added ? "%s, with this machine as one real site in it" : "%s" : "%s",
             fleet_file ? fleet_file : "this machine alone");
    }
    if (tenants_there) {
        step(up, "tenants", "declared already%s", tenants_file ? "; to change them: dure tenants apply FILE" : "");
        return DURE_EXIT_OK;
    }
    code = declare_one(up, "/v1/tenants", specs->tenants, tenants_file ? tenants_file : "home");
    if (code)
        return code;
    up->declared = true;
    step(up, "tenants", "you (%s) are operator and member of %s%s", specs->login, specs->project,
         specs->guaranteed ? ", which has all of this machine" : "");
    return DURE_EXIT_OK;
}

/* Nodes that `dure down` took out of use come back. */
static int resume(struct up *up, const char *state)
{
    json_t *rows = NULL;
    int code = dure_cli_list(up->cli, "/v1/nodes", state, "nodes", 0, &rows);
    for (size_t i = 0; !code && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        DURE_CLEANUP_BUF struct dure_buf path = {0};
        json_t *answer = NULL;
        if (strcmp(dure_json_text(row, "reason", ""), "dure down") != 0)
            continue;
        dure_buf_init(&path, 1 << 16);
        dure_buf_str(&path, "/v1/nodes/");
        dure_client_escape(dure_json_text(row, "name", ""), &path);
        dure_buf_str(&path, "/resume");
        code = dure_cli_call(
            up->cli, &(struct dure_cli_call){.method = "POST", .path = path.data, .body = "{}", .body_length = 2},
            &answer);
        json_decref(answer);
        if (!code)
            step(up, "node", "%s is back in use", dure_json_text(row, "name", ""));
    }
    json_decref(rows);
    return code;
}

/* The project of the first job: home, if it is there, else what the daemon says is yours. */
static const char *project(struct up *up, json_t *me)
{
    const char *own = dure_json_text(me, "default_project", NULL);
    return own ? own : up->specs->project;
}

static int submit_hello(struct up *up)
{
    static const char script[] =
        "#!/bin/sh\n"
        "echo \"Hello from job $SLURM_JOB_ID, run by dure on $(uname -n).\"\n"
        "echo \"GPUs given: ${DURE_VIRTUAL_GPUS:+virtual }${DURE_VIRTUAL_GPUS:-${CUDA_VISIBLE_DEVICES:-none}} of node "
        "${SLURM_JOB_NODELIST:-here}; at $(date)\"\n"
        "sleep 1\n";
    struct dure_cli *cli = up->cli;
    json_t *me = NULL, *answer = NULL;
    int code = dure_cli_get(cli, "/v1/me", NULL, &me);
    if (code)
        return code;
    json_t *job = json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "kind", "Job", "version", 1,
                            "name", "hello", "project", project(up, me), "tasks", 1, "gpus", 1, "walltime", "1m",
                            "workdir", cli->state, "stdout", "hello-%j.out", "runs_for", "1s", "script", script);
    if (job && up->declared && !up->specs->guaranteed)
        json_object_set_new(job, "class", json_string("borrowed"));
    if (job && up->declared && up->specs->virtual_gpus > 0)
        json_object_set_new(job, "model", json_string("virtual-gpu"));
    char *text = job ? json_dumps(job, JSON_COMPACT) : NULL;
    code = text ? dure_cli_call(cli,
                                &(struct dure_cli_call){
                                    .method = "POST", .path = "/v1/jobs", .body = text, .body_length = strlen(text)},
                                &answer)
                : dure_cli_memory(cli);
    if (!code)
        up->hello = dure_json_int(answer, "job", 0);
    free(text);
    json_decref(job);
    json_decref(me);
    json_decref(answer);
    return code;
}

static bool ended(const char *state)
{
    return strcmp(state, "PENDING") != 0 && strcmp(state, "RUNNING") != 0 && strcmp(state, "COMPLETING") != 0;
}

static int ask_why(struct up *up)
{
    char path[DURE_JOB_PATH_MAX];
    snprintf(path, sizeof path, "/v1/jobs/%" PRId64 "/why", up->hello);
    return dure_cli_get(up->cli, path, NULL, &up->why);
}

static int wait_hello(struct up *up)
{
    char path[DURE_JOB_PATH_MAX];
    snprintf(path, sizeof path, "/v1/jobs/%" PRId64, up->hello);
    const int64_t begin = dure_screen_now_us(&up->cli->screen);
    for (;;) {
        json_t *job = NULL;
        const int code = dure_cli_get(up->cli, path, NULL, &job);
        if (code)
            return code;
        snprintf(up->hello_state, sizeof up->hello_state, "%s", dure_json_text(job, "state", ""));
        json_decref(job);
        if (!up->why && strcmp(up->hello_state, "RUNNING") == 0) {
            const int failed = ask_why(up);
            if (failed)
                return failed;
        }
        if (ended(up->hello_state))
            return DURE_EXIT_OK;
        if (dure_screen_now_us(&up->cli->screen) - begin > HELLO_MAX_US)
            return DURE_EXIT_OK; /* `why` below says what it waits for */
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

static int show_hello(struct up *up)
{
    struct dure_cli *cli = up->cli;
    char path[DURE_JOB_PATH_MAX];
    if (ended(up->hello_state)) {
        snprintf(path, sizeof path, "/v1/jobs/%" PRId64 "/logs", up->hello);
        fprintf(cli->screen.out, "\n$ dure logs %" PRId64 "\n", up->hello);
        const int code = dure_log_copy(cli, path, &(struct dure_log_source){0}, 0);
        if (code)
            return code;
    }
    const int code = up->why ? DURE_EXIT_OK : ask_why(up);
    if (code)
        return code;
    fprintf(cli->screen.out, "\n$ dure why %" PRId64 "\n", up->hello);
    return dure_render_why(&cli->screen, up->why) ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

static int hello(struct up *up)
{
    bool ran = false;
    int code;
    if (dure_cli_flag(up->cli, "no-job"))
        return DURE_EXIT_OK;
    code = exists(up->cli, "/v1/jobs?state=all&limit=1", "jobs", &ran);
    if (code)
        return code;
    if (ran && !dure_cli_flag(up->cli, "hello")) {
        step(up, "job", "jobs have run here before, so none is submitted now (dure up --hello does)");
        return DURE_EXIT_OK;
    }
    code = submit_hello(up);
    if (code)
        return code;
    step(up, "job", "job %" PRId64 " is submitted; waiting for its end ...", up->hello);
    code = wait_hello(up);
    if (!code)
        step(up, "", "job %" PRId64 " is %s", up->hello, up->hello_state);
    return code;
}

/* Whether a shell that is told `dure` runs this very program. */
static bool found_by_name(void)
{
    struct stat self, found;
    char path[DURE_CLI_PATH_MAX];
    const char *at = getenv("PATH");
    if (stat("/proc/self/exe", &self) != 0)
        return true;
    for (int part; at && *at; at += part + (at[part] == ':')) {
        part = (int)strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/dure", part, at);
        if (access(path, X_OK) == 0)
            return stat(path, &found) == 0 && found.st_dev == self.st_dev && found.st_ino == self.st_ino;
    }
    return false;
}

/* The socket is named only where this user's other commands would not find it by themselves. */
static void next_commands(struct up *up)
{
    struct dure_cli *cli = up->cli;
    char dure[DURE_CLI_PATH_MAX], usual[DURE_CLI_PATH_MAX], option[DURE_CLI_PATH_MAX + 16] = "";
    if (!dure_client_socket_path(usual, sizeof usual) || strcmp(usual, cli->socket) != 0)
        snprintf(option, sizeof option, " --socket %s", cli->socket);
    fprintf(cli->screen.out, "\nThe daemon listens on %s\n", cli->socket);
    const ssize_t length = found_by_name() ? 0 : readlink("/proc/self/exe", dure, sizeof dure - 1);
    if (length > 0)
        dure[length] = '\0';
    else
        snprintf(dure, sizeof dure, "dure");
    fprintf(cli->screen.out,
            "Next:\n  %s submit%s --wrap 'hostname; sleep 60' --gpus 1\n  %s jobs%s --watch\n  %s down%s\n", dure,
            option, dure, option, dure, option);
}

static int finish(struct up *up)
{
    struct dure_cli *cli = up->cli;
    json_t *board = NULL;
    int code = DURE_EXIT_OK;
    if (up->hello && !dure_cli_json(cli))
        code = show_hello(up);
    if (!code)
        code = dure_cli_get(cli, "/v1/fleet", NULL, &board);
    if (code)
        return code;
    if (dure_cli_json(cli)) {
        json_t *json = json_pack("{s:s, s:s, s:I, s:b, s:b, s:O}", "socket", cli->socket, "state", cli->state, "pid",
                                 (json_int_t)up->pid, "started", up->started, "declared", up->declared, "board", board);
        if (up->hello) {
            json_object_set_new(json, "job", json_integer(up->hello));
            json_object_set_new(json, "job_state", json_string(up->hello_state));
        }
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else {
        fputs("\n$ dure fleet\n", cli->screen.out);
        if (dure_render_board(&cli->screen, board, "all"))
            code = dure_cli_memory(cli);
        next_commands(up);
    }
    json_decref(board);
    if (!code && up->hello && strcmp(up->hello_state, "COMPLETED") != 0)
        return dure_cli_fail(cli, DURE_EXIT_NO, "the first job did not complete: it is %s", up->hello_state);
    return code;
}

int dure_cmd_up(struct dure_cli *cli)
{
    struct up up = {.cli = cli, .specs = dure_arena_alloc(cli->arena, sizeof *up.specs)};
    if (!up.specs)
        return dure_cli_memory(cli);
    dure_up_login(up.specs->login);
    int code = look(&up);
    if (!code) /* before the daemon is started: a fault in a file must leave nothing behind */
        code = dure_up_fleet(cli, dure_cli_text(cli, "fleet"), up.specs);
    if (!code)
        code = dure_up_tenants(cli, dure_cli_text(cli, "tenants"), up.specs);
    if (!code)
        code = start(&up);
    if (!code)
        code = declare(&up);
    if (!code)
        code = resume(&up, "state=drained");
    if (!code) /* a `dure down` that gave up waiting leaves them so */
        code = resume(&up, "state=draining");
    if (!code)
        code = hello(&up);
    if (!code)
        code = finish(&up);
    json_decref(up.why);
    return code;
}
