#include "system/engine/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "engine/attempt.h"
#include "model/tree.h"

enum { BUSY = 5 }; /* a machine where much else runs takes so many times as long */

const char host_fleet_yaml[] =
    "kind: Fleet\nversion: 1\nname: testbed\nmodels:\n  - {name: virtual-gpu, virtual: true, memory: 1GiB}\n"
    "owners:\n  - {name: lab}\nsites:\n  - {name: here, engine: local}\ngroups:\n"
    "  - name: box\n    owner: lab\n    site: here\n    model: virtual-gpu\n    nodes: \"box-[1-4]\"\n"
    "    levels:\n      - {name: node, holds: 8}\n    cpus: 16\n    memory: 16GiB\n";

int64_t host_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct dure_fleet *host_fleet(const char *yaml)
{
    struct dure_problems problems = {.file = "fleet.yaml"};
    struct dure_arena *arena = dure_arena_new(1 << 24);
    struct dure_tree *tree;
    struct dure_fleet *fleet;
    if (!arena || dure_tree_from_yaml(arena, yaml, strlen(yaml), &tree, &problems) ||
        dure_fleet_parse(tree, &fleet, &problems)) {
        struct dure_buf text;
        dure_buf_init(&text, 65536);
        dure_problems_print(&problems, &text);
        tap_bail("the test's fleet: %s", text.data);
    }
    dure_arena_free(arena);
    return fleet;
}

static void on_observation(void *context, const struct dure_observation *observation)
{
    struct host *host = context;
    DURE_ASSERT(host->seen_count < HOST_SEEN_MAX);
    host->over_count += observation->report != DURE_REPORT_STARTED;
    host->seen_at_us[host->seen_count] = host_now_us();
    host->seen[host->seen_count++] = *observation;
}

void host_open_fleet(struct host *host, const char *directory, const char *yaml, const struct dure_local_options *extra)
{
    struct dure_error error = {0};
    memset(host, 0, sizeof *host);
    DURE_ASSERT(uv_loop_init(&host->loop) == 0);
    uv_timer_init(&host->loop, &host->alarm);
    host->fleet = host_fleet(yaml);
    snprintf(host->directory, sizeof host->directory, "%s", directory);
    struct dure_local_options options = extra ? *extra : (struct dure_local_options){0};
    options.loop = &host->loop;
    options.directory = directory;
    if (dure_engine_local_new(&options, on_observation, host, &host->engine, &error))
        tap_bail("the local engine does not begin: %s", error.text);
}

void host_open(struct host *host, const char *directory)
{
    host_open_fleet(host, directory, host_fleet_yaml, NULL);
}

void host_close(struct host *host)
{
    dure_engine_free(host->engine);
    uv_close((uv_handle_t *)&host->alarm, NULL);
    while (uv_run(&host->loop, UV_RUN_DEFAULT) != 0)
        continue;
    DURE_ASSERT(uv_loop_close(&host->loop) == 0);
    dure_fleet_free(host->fleet);
}

static void put(struct dure_body *body, enum dure_body_field field, const char *text, size_t length)
{
    if (text)
        DURE_ASSERT(dure_body_set(body, field, text, length ? length : strlen(text)) == DURE_OK);
}

void host_start(struct host *host, uint64_t attempt, const struct host_job *wanted, bool recovering)
{
    char cwd[4096];
    struct dure_body *body = dure_body_new();
    DURE_ASSERT(body && getcwd(cwd, sizeof cwd));
    put(body, DURE_BODY_SCRIPT, wanted->script, 0);
    put(body, DURE_BODY_COMMAND, wanted->command, wanted->command_length);
    put(body, DURE_BODY_ENVIRONMENT, wanted->environment, wanted->environment_length);
    put(body, DURE_BODY_WORKDIR, wanted->workdir ? wanted->workdir : cwd, 0);
    put(body, DURE_BODY_STDOUT, wanted->out, 0);
    put(body, DURE_BODY_STDERR, wanted->err, 0);
    put(body, DURE_BODY_NAME, wanted->name ? wanted->name : "trial", 0);
    const uint32_t tasks = wanted->tasks ? wanted->tasks : 1, gpus = wanted->task_gpus ? wanted->task_gpus : 1;
    const struct dure_job job = {.tasks = tasks,
                                 .task_gpus = gpus,
                                 .task_gpu_milli = 1000,
                                 .walltime_us = wanted->walltime_us ? wanted->walltime_us : 600 * DURE_SECOND_US,
                                 .grace_us = wanted->grace_us,
                                 .array_count = wanted->is_array ? 10 : 0,
                                 .array_step = 1};
    const uint64_t mask = tasks * gpus >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (tasks * gpus)) - 1;
    const struct dure_place place = {
        .node_first = 0, .node_count = 1, .gpu_mask = mask, .tasks = tasks, .gpu_milli = 1000};
    const struct dure_order order = {.term = 1,
                                     .ref = {{wanted->job ? wanted->job : attempt + 100}, wanted->element},
                                     .attempt = {attempt},
                                     .job = &job,
                                     .body = body,
                                     .login = wanted->login    ? wanted->login
                                              : geteuid() == 0 ? "root"
                                                               : "",
                                     .tenant_path = "lab/team",
                                     .fleet = host->fleet,
                                     .places = &place,
                                     .place_count = 1,
                                     .started_us = INT64_C(1700000000000000),
                                     .restarts = wanted->restarts};
    host->engine->start(host->engine->state, &order, recovering);
    dure_body_free(body);
}

static void on_alarm(uv_timer_t *timer)
{
    struct host *host = timer->loop->data;
    host->rang = true;
}

static void alarm_set(struct host *host, double seconds)
{
    host->loop.data = host;
    host->rang = false;
    uv_update_time(&host->loop);
    uv_timer_start(&host->alarm, on_alarm, (uint64_t)(seconds * 1000), 0);
}

static const struct dure_observation *find(const struct host *host, uint64_t attempt, bool over,
                                           enum dure_report report)
{
    for (uint32_t i = 0; i < host->seen_count; i++)
        if (host->seen[i].attempt.v == attempt &&
            (over ? host->seen[i].report != DURE_REPORT_STARTED : host->seen[i].report == report))
            return &host->seen[i];
    return NULL;
}

static const struct dure_observation *wait_for(struct host *host, uint64_t attempt, bool over, enum dure_report report,
                                               double seconds)
{
    const struct dure_observation *found;
    alarm_set(host, BUSY * seconds);
    while (!(found = find(host, attempt, over, report)) && !host->rang)
        uv_run(&host->loop, UV_RUN_ONCE);
    uv_timer_stop(&host->alarm);
    return found;
}

const struct dure_observation *host_wait(struct host *host, uint64_t attempt, enum dure_report report, double seconds)
{
    return wait_for(host, attempt, false, report, seconds);
}

const struct dure_observation *host_wait_over(struct host *host, uint64_t attempt, double seconds)
{
    return wait_for(host, attempt, true, DURE_REPORT_ENDED, seconds);
}

bool host_wait_all(struct host *host, uint32_t over_count, double seconds)
{
    alarm_set(host, BUSY * seconds);
    while (host->over_count < over_count && !host->rang)
        uv_run(&host->loop, UV_RUN_ONCE);
    uv_timer_stop(&host->alarm);
    return host->over_count >= over_count;
}

void host_turn(struct host *host, double seconds)
{
    alarm_set(host, seconds);
    while (!host->rang)
        uv_run(&host->loop, UV_RUN_ONCE);
}

bool host_turn_gone(struct host *host, const char *path)
{
    for (unsigned i = 0; i < 400 && host_exists("%s", path); i++)
        host_turn(host, 0.05);
    return !host_exists("%s", path);
}

uint32_t host_count(const struct host *host, uint64_t attempt, enum dure_report report)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < host->seen_count; i++)
        count += host->seen[i].attempt.v == attempt && host->seen[i].report == report;
    return count;
}

char *host_read(const char *path)
{
    static char room[8][65536];
    static unsigned next;
    char *text = room[next++ % 8];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, text, sizeof room[0] - 1) : 0;
    text[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

bool host_exists(const char *format, ...)
{
    char path[8192];
    struct stat info;
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return lstat(path, &info) == 0;
}

bool host_until(bool (*holds)(void *context), void *context, double seconds)
{
    const int64_t until_us = host_now_us() + (int64_t)(seconds * 1e6);
    while (!holds(context)) {
        if (host_now_us() > until_us)
            return false;
        usleep(5000);
    }
    return true;
}

static bool has_number(void *context)
{
    return strchr(host_read(context), '\n') != NULL;
}

pid_t host_pid(const char *path)
{
    return host_until(has_number, (void *)(uintptr_t)path, 5) ? (pid_t)strtol(host_read(path), NULL, 10) : 0;
}

bool host_alive(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *text = host_read(path), *at = strrchr(text, ')');
    return at && at[2] != 'Z' && at[2] != 'X';
}

static bool is_gone(void *context)
{
    return !host_alive(*(pid_t *)context);
}

bool host_gone(pid_t pid)
{
    return pid > 0 && host_until(is_gone, &pid, 20);
}

pid_t host_minder(const struct host *host, uint64_t attempt)
{
    char path[8192];
    struct dure_claim claim;
    snprintf(path, sizeof path, "%s/%llu/claimed", host->directory, (unsigned long long)attempt);
    const char *text = host_read(path);
    return dure_claim_decode(text, strlen(text), &claim, NULL) == DURE_OK ? (pid_t)claim.pid : 0;
}
