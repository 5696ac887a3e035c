/* Recovery of a daemon killed at a random instant under load: how long until it answers again, with its last regular snapshot and with none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/inner.h"
#include "client/load.h"

/* Kills the daemon after a random part of a second, from a child, while this process goes on submitting. */
static pid_t kill_later(pid_t daemon)
{
    uint32_t draw = 0;
    if (getrandom(&draw, sizeof draw, 0) != (ssize_t)sizeof draw)
        draw = 1;
    pid_t child = fork();
    if (child == 0) {
        struct timespec pause = {.tv_nsec = (long)(draw % 1000) * 1000000};
        nanosleep(&pause, NULL);
        kill(daemon, SIGKILL);
        _exit(0);
    }
    return child;
}

static enum dure_err fill(const struct bench_options *options, struct bench_daemon *daemon, uint64_t *ret_jobs,
                          struct dure_error *error)
{
    char body[512];
    struct dure_load_result result = {0};
    enum dure_err err = DURE_OK;

    snprintf(body, sizeof body,
             "{\"kind\":\"Job\",\"version\":1,\"name\":\"bench\",\"project\":\"%s\",\"gpus\":1,\"walltime\":\"8h\","
             "\"runs_for\":\"8h\",\"command\":[\"/bin/true\"]}",
             daemon->project);
    struct dure_load_options load = {.socket_path = daemon->socket,
                                     .clients = options->clients,
                                     .duration_us = 1000000,
                                     .path = "/v1/jobs",
                                     .body = body,
                                     .body_length = strlen(body)};
    while (err == DURE_OK && *ret_jobs < options->jobs) {
        err = dure_load_run(&load, &result, error);
        *ret_jobs += result.answered;
        if (err == DURE_OK && result.answered == 0)
            err = dure_fail(error, DURE_E_INVALID, "no submission was accepted: status %d: %s",
                            result.first_refusal_status, result.first_refusal);
        if (options->progress)
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " jobs", *ret_jobs, options->jobs);
    }
    if (err != DURE_OK)
        return err;
    pid_t killer = kill_later(daemon->pid);
    load.duration_us = 3000000;
    if (dure_load_run(&load, &result, NULL) == DURE_OK)
        err = dure_fail(error, DURE_E_STATE, "the daemon was not killed");
    if (killer > 0)
        while (waitpid(killer, NULL, 0) < 0 && errno == EINTR) {}
    bench_daemon_kill(daemon, SIGKILL);
    if (options->progress)
        fprintf(stderr, "\r\033[K");
    return err;
}

/* Removes the snapshots; returns how many there were. */
static unsigned forget_snapshots(const struct bench_daemon *daemon)
{
    unsigned count = 0;
    char path[340];
    snprintf(path, sizeof path, "%s/snapshots", daemon->state);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (strstr(entry->d_name, ".snapshot") != NULL)
            count += unlinkat(dirfd(folder), entry->d_name, 0) == 0;
    if (folder != NULL)
        closedir(folder);
    return count;
}

enum dure_err bench_recover(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                            struct dure_error *error)
{
    struct bench_daemon daemon;
    uint64_t jobs = 0, rss = 0;
    int64_t with = 0, without = 0;
    unsigned snapshots = 0;

    enum dure_err err = bench_daemon_make(options->fleet, &daemon, error);
    if (err != DURE_OK)
        return err;
    err = bench_daemon_start(&daemon, NULL, error);
    if (err == DURE_OK)
        err = fill(options, &daemon, &jobs, error);
    if (err == DURE_OK)
        err = bench_daemon_start(&daemon, &with, error);
    if (err == DURE_OK) {
        rss = bench_rss_peak_mib(daemon.pid);
        bench_daemon_kill(&daemon, SIGKILL);
        snapshots = forget_snapshots(&daemon);
        err = bench_daemon_start(&daemon, &without, error);
    }
    if (err == DURE_OK) {
        dure_buf_printf(json,
                        "\"jobs\":%" PRIu64
                        ",\"seconds\":%.3f,\"seconds_no_snapshot\":%.3f,\"snapshots\":%u,\"rss_mib\":%" PRIu64,
                        jobs, (double)with / 1e6, (double)without / 1e6, snapshots, rss);
        dure_buf_printf(words,
                        "%" PRIu64
                        " jobs: answering again after %.2f s with the last snapshot, %.2f s with none; %" PRIu64 " MiB",
                        jobs, (double)with / 1e6, (double)without / 1e6, rss);
    }
    bench_daemon_remove(&daemon);
    return err;
}
