/* A daemon on a temporary state, and the small measures that every bench takes. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "bench/inner.h"
#include "client/client.h"
#include "engine/discover.h"

extern char **environ;

enum { FILE_MAX = 64 << 20, HEALTH_WAIT_US = 300 * 1000000, VIRTUAL_GPUS = 8, CELLS_MAX = 100000 };

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t bench_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t bench_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool bench_program(const char *name, char *path, size_t size)
{
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    for (unsigned up = 0; up < 5; up++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
        static const char *const folders[] = {"", "bench/", "src/dured/", "libexec/dure/"};
        for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
            if (snprintf(path, size, "%s/%s%s", program, folders[i], name) < (int)size && is_program(path))
                return true;
    }
    return false;
}

enum dure_err bench_read_file(const char *path, struct dure_buf *buf, struct dure_error *error)
{
    char chunk[65536];
    size_t got;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(errno));
    dure_buf_init(buf, FILE_MAX);
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        dure_buf_add(buf, chunk, got);
    bool bad = ferror(file) != 0 || buf->failed;
    fclose(file);
    if (!bad)
        return DURE_OK;
    dure_buf_release(buf);
    return dure_fail(error, DURE_E_IO, "%s: cannot be read, or is larger than %d MiB", path, FILE_MAX >> 20);
}

enum dure_err bench_parse_fleet(const char *path, struct dure_fleet **ret_fleet, struct dure_error *error)
{
    struct dure_buf text;
    enum dure_err err = bench_read_file(path, &text, error);
    if (err != DURE_OK)
        return err;
    struct dure_arena *arena = dure_arena_new(1 << 28);
    struct dure_problems problems = {.file = path};
    struct dure_tree *tree;
    err = arena == NULL ? DURE_E_MEMORY : dure_tree_from_yaml(arena, text.data, text.length, &tree, &problems);
    if (err == DURE_OK)
        err = dure_fleet_parse(tree, ret_fleet, &problems);
    if (err != DURE_OK) {
        struct dure_buf words DURE_CLEANUP_BUF = {0};
        dure_buf_init(&words, 1 << 16);
        dure_problems_print(&problems, &words);
        dure_fail(error, err, "%s", words.data != NULL ? words.data : dure_err_sentence(err));
    }
    dure_buf_release(&text);
    dure_arena_free(arena);
    return err;
}

static enum dure_err write_file(const char *path, const struct dure_buf *text, struct dure_error *error)
{
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fwrite(text->data, 1, text->length, file) == text->length;
    if (file != NULL && fclose(file) != 0)
        written = false;
    return written && !text->failed ? DURE_OK : dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(errno));
}

/* One project with whole nodes of the first chain that is there now. */
static enum dure_err write_tenants(struct bench_daemon *daemon, struct dure_error *error)
{
    struct dure_fleet *fleet;
    enum dure_err err = bench_parse_fleet(daemon->fleet, &fleet, error);
    if (err != DURE_OK)
        return err;
    uint32_t pick = 0;
    int64_t now = bench_wall_us();
    while (pick < fleet->chain_count && fleet->chains[pick].available_from_us > now)
        pick++;
    if (pick == fleet->chain_count) {
        dure_fleet_free(fleet);
        return dure_fail(error, DURE_E_INVALID, "%s: no group of this fleet is there yet", daemon->fleet);
    }
    const struct dure_chain *chain = &fleet->chains[pick];
    uint32_t cells = chain->node_count < CELLS_MAX ? chain->node_count : CELLS_MAX;
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text,
                    "kind: Tenants\nversion: 1\ntenants:\n  - {name: bench, owner: %s, tenants: [{name: load}]}\n"
                    "allotments:\n  - {name: bench, tenant: bench/load, group: %s, level: node, count: %" PRIu32 "}\n"
                    "roles:\n  - {login: %s, role: operator}\n  - {login: %s, role: member, tenant: bench}\n",
                    fleet->owners[chain->owner.v].name, chain->name, cells, getlogin() != NULL ? getlogin() : "root",
                    getlogin() != NULL ? getlogin() : "root");
    snprintf(daemon->project, sizeof daemon->project, "bench/load");
    dure_fleet_free(fleet);
    return write_file(daemon->tenants, &text, error);
}

static enum dure_err make_folder(struct bench_daemon *daemon, struct dure_error *error)
{
    const char *base = getenv("TMPDIR");
    *daemon = (struct bench_daemon){0};
    snprintf(daemon->directory, sizeof daemon->directory, "%.200s/dure-bench-XXXXXX",
             base != NULL && *base != '\0' ? base : "/tmp");
    if (mkdtemp(daemon->directory) == NULL)
        return dure_fail(error, DURE_E_IO, "%s: %s", daemon->directory, strerror(errno));
    snprintf(daemon->state, sizeof daemon->state, "%s/state", daemon->directory);
    snprintf(daemon->socket, sizeof daemon->socket, "%s/dured.sock", daemon->directory);
    snprintf(daemon->tenants, sizeof daemon->tenants, "%s/tenants.yaml", daemon->directory);
    snprintf(daemon->fleet, sizeof daemon->fleet, "%s/fleet.yaml", daemon->directory);
    return DURE_OK;
}

enum dure_err bench_daemon_make_with(const struct dure_buf *fleet, const struct dure_buf *tenants,
                                     struct bench_daemon *daemon, struct dure_error *error)
{
    enum dure_err err = make_folder(daemon, error);
    if (err == DURE_OK)
        err = write_file(daemon->fleet, fleet, error);
    if (err == DURE_OK)
        err = write_file(daemon->tenants, tenants, error);
    if (err != DURE_OK)
        bench_daemon_remove(daemon);
    return err;
}

enum dure_err bench_daemon_make(const char *fleet_file, struct bench_daemon *daemon, struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, FILE_MAX);
    enum dure_err err = make_folder(daemon, error);
    if (err != DURE_OK)
        return err;
    if (fleet_file != NULL) {
        struct dure_buf file = {0};
        err = bench_read_file(fleet_file, &file, error);
        if (err == DURE_OK)
            dure_buf_add(&text, file.data, file.length);
        dure_buf_release(&file);
    } else {
        struct dure_machine machine;
        err = dure_machine_discover(&machine, error);
        if (err == DURE_OK)
            dure_machine_fleet_yaml(&machine, machine.gpu_count > 0 ? 0 : VIRTUAL_GPUS, &text);
    }
    if (err == DURE_OK)
        err = write_file(daemon->fleet, &text, error);
    if (err == DURE_OK)
        err = write_tenants(daemon, error);
    if (err != DURE_OK)
        bench_daemon_remove(daemon);
    return err;
}

/* The daemon's last words, for an error that says why. */
static enum dure_err ended(const struct bench_daemon *daemon, int status, struct dure_error *error)
{
    char path[340], words[600] = "";
    snprintf(path, sizeof path, "%s/dured.log", daemon->directory);
    FILE *file = fopen(path, "re");
    if (file != NULL && (fseek(file, -(long)(sizeof words - 1), SEEK_END) == 0 || fseek(file, 0, SEEK_SET) == 0))
        words[fread(words, 1, sizeof words - 1, file)] = '\0';
    if (file != NULL)
        fclose(file);
    return dure_fail(error, DURE_E_IO, "the daemon ended while starting (status %d): %s", status, words);
}

static enum dure_err wait_healthy(struct bench_daemon *daemon, struct dure_error *error)
{
    struct dure_client_options options = {.socket_path = daemon->socket};
    struct dure_client *client;
    int64_t until = bench_now_us() + HEALTH_WAIT_US;
    enum dure_err err = dure_client_new(&options, &client, error);

    while (err == DURE_OK && (err = dure_client_health(client, error)) != DURE_OK) {
        int status;
        if (waitpid(daemon->pid, &status, WNOHANG) == daemon->pid) {
            daemon->pid = 0;
            err = ended(daemon, status, error);
            break;
        }
        if (bench_now_us() > until)
            break;
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        err = DURE_OK;
    }
    dure_client_free(client);
    return err;
}

enum dure_err bench_daemon_start(struct bench_daemon *daemon, int64_t *ret_us, struct dure_error *error)
{
    char program[4096], log[340];
    posix_spawn_file_actions_t actions;
    if (!bench_program("dured", program, sizeof program))
        return dure_fail(error, DURE_E_NOT_FOUND, "dured is not beside this program");
    char *argv[] = {program,
                    "--foreground",
                    "--state",
                    daemon->state,
                    "--socket",
                    daemon->socket,
                    "--fleet",
                    daemon->fleet,
                    "--tenants",
                    daemon->tenants,
                    daemon->launch_to[0] != '\0' ? "--launch-to" : NULL,
                    daemon->launch_to,
                    NULL};
    int64_t began = bench_now_us();
    snprintf(log, sizeof log, "%s/dured.log", daemon->directory);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int failed = posix_spawn(&daemon->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        daemon->pid = 0;
        return dure_fail(error, DURE_E_IO, "%s: %s", program, strerror(failed));
    }
    enum dure_err err = wait_healthy(daemon, error);
    if (err == DURE_OK && ret_us != NULL)
        *ret_us = bench_now_us() - began;
    return err;
}

void bench_kill(pid_t *pid, int signal)
{
    if (*pid <= 0)
        return;
    kill(*pid, signal);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {}
    *pid = 0;
}

void bench_daemon_kill(struct bench_daemon *daemon, int signal)
{
    bench_kill(&daemon->pid, signal);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void bench_daemon_remove(struct bench_daemon *daemon)
{
    bench_daemon_kill(daemon, SIGTERM);
    if (daemon->directory[0] != '\0')
        nftw(daemon->directory, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    daemon->directory[0] = '\0';
}

static uint64_t status_mib(pid_t pid, const char *name)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), ": %llu", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kib / 1024;
}

uint64_t bench_rss_mib(pid_t pid)
{
    return status_mib(pid, "VmRSS");
}

uint64_t bench_rss_peak_mib(pid_t pid)
{
    return status_mib(pid, "VmHWM");
}

uint64_t bench_cpu_us(pid_t pid)
{
    char path[64], line[1024] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *end = file != NULL && fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    if (file != NULL)
        fclose(file);
    if (end == NULL || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return 0;
    return (user + system) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t bench_quantile(uint64_t *values, size_t count, unsigned per_mille)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    size_t index = count * per_mille / 1000;
    return values[index < count ? index : count - 1];
}
