/* The daemon's life: listen, recover, run, stop. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/huge.h"
#include "base/timefmt.h"
#include "dured/daemon.h"

enum { STOP_POLL_MS = 5, SECOND_MS = 1000 };

static bool socket_ours; /* bound by this process: unlinked when it ends in words */

void daemon_fail(struct daemon *daemon, int status, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_line(LOG_LEVEL_ERROR, "%s", text);
    detach_failed(status, text);
    if (socket_ours)
        unlink(daemon->options.socket);
    _exit(status);
}

static void measure_disk(struct daemon *daemon)
{
    struct statvfs status;
    uint64_t low = daemon->options.disk_low_mib;
    bool was = daemon->disk_low;

    if (statvfs(daemon->options.state, &status) != 0)
        return;
    daemon->disk_free_mib = (uint64_t)status.f_bavail * status.f_frsize >> 20;
    daemon->disk_low = daemon->disk_free_mib < (was ? low + low / 8 : low); /* a little more before it is well again */
    if (daemon->disk_low && !was)
        log_line(LOG_LEVEL_WARNING, "only %llu MiB are free: nothing new is taken",
                 (unsigned long long)daemon->disk_free_mib);
    if (!daemon->disk_low && was)
        log_line(LOG_LEVEL_INFO, "%llu MiB are free again", (unsigned long long)daemon->disk_free_mib);
}

static void on_second(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    daemon->seconds++;
    measure_disk(daemon);
    dure_huge_more(daemon->phase == PHASE_RUNNING ? dure_core_room(daemon->core) : 0);
    if (daemon->phase != PHASE_RUNNING)
        return;
    slurm_make_all(daemon); /* a fleet may have been declared anew */
    world_turn_soon(daemon); /* so that a clock's jump is seen while nothing happens */
    snapshot_consider(daemon);
    chores_consider(daemon);
}

/* Every live attempt was handed over by now: reads are done in order. */
struct sweep {
    struct dure_store_read read; /* first */
    struct daemon *daemon;
};

static void sweep_run(struct dure_store_read *read, struct dure_journal *journal)
{
    (void)read;
    (void)journal;
}

static void sweep_done(struct dure_store_read *read)
{
    struct sweep *sweep = (struct sweep *)read;

    if (sweep->daemon->local != NULL)
        dure_engine_local_sweep(sweep->daemon->local);
    slurm_sweep_all(sweep->daemon);
    free(sweep);
}

/* Early, so that what it enforces can be told, and what an ended attempt left running is found. */
static void make_local(struct daemon *daemon)
{
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);

    for (uint32_t i = 0; fleet != NULL && i < fleet->site_count; i++)
        if (fleet->sites[i].engine == DURE_ENGINE_LOCAL)
            (void)world_local(daemon);
    slurm_make_all(daemon);
}

static void hand_over_attempts(struct daemon *daemon)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);

    make_local(daemon);
    dure_loop_recover(daemon->loop);
    if (sweep == NULL)
        return;
    sweep->read = (struct dure_store_read){.read = sweep_run, .done = sweep_done};
    sweep->daemon = daemon;
    store_read(&daemon->store, &sweep->read);
}

static void on_recovered(struct daemon *daemon)
{
    const struct dure_recovery *recovery = &daemon->recovered.recovery;

    if (daemon->recovered.err != DURE_OK)
        daemon_fail(daemon, 1, "%s", daemon->recovered.error.text);
    if (recovery->note[0] != '\0' && recovery->size > 0)
        log_line(LOG_LEVEL_WARNING, "%s", recovery->note);
    log_line(LOG_LEVEL_INFO, "recovered %llu leaves (%llu from a snapshot) in %llu ms",
             (unsigned long long)recovery->size, (unsigned long long)recovery->from_snapshot,
             (unsigned long long)recovery->seconds_us / 1000);
    daemon->snapshot_last = recovery->from_snapshot;
    daemon->phase = PHASE_FIRST;
    hand_over_attempts(daemon);
    snapshot_start(daemon);
    world_turn_soon(daemon);
    first_begin(daemon);
}

void first_done(struct daemon *daemon)
{
    daemon->phase = PHASE_RUNNING;
    make_local(daemon);
    dure_api_ready(daemon->api, daemon->loop, daemon->core);
    log_line(LOG_LEVEL_INFO, "ready: state in %s, listening on %s", daemon->options.state, daemon->options.socket);
    notify_systemd("READY=1\nSTATUS=ready");
    detach_ready();
}

void world_finished(struct store *store, struct store_item *item)
{
    struct daemon *daemon = store->context;

    if (item == NULL) {
        if (daemon->phase == PHASE_RECOVERING && atomic_load(&daemon->recovered.finished))
            on_recovered(daemon);
        return;
    }
    if (item->batch == NULL) {
        item->read->done(item->read);
        return;
    }
    dure_loop_appended(daemon->loop, item->batch, item->err, item->error.text);
    dure_api_durable(daemon->api);
    snapshot_durable(daemon);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_api_closed(void *context)
{
    struct daemon *daemon = context;

    daemon->api = NULL;
    uv_walk(&daemon->uv, close_handle, NULL);
}

/* Everything asked for is answered and on disk: the last snapshot, then out. The store signs its last checkpoint when it closes. */
static void stop_now(struct daemon *daemon)
{
    uv_timer_stop(&daemon->stop_timer);
    uv_timer_stop(&daemon->second);
    uv_idle_stop(&daemon->idle);
    uv_check_stop(&daemon->check);
    snapshot_now(daemon);
    dure_engine_free(daemon->local);
    dure_engine_free(daemon->emulated);
    slurm_free_all(daemon);
    daemon->local = daemon->emulated = NULL;
    timers_close(&daemon->timers);
    dure_api_close(daemon->api, on_api_closed, daemon);
}

static void on_stop_poll(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    bool waited = real_us() - daemon->stop_begun_us > STOP_WAIT_MS * INT64_C(1000);

    if (dure_loop_idle(daemon->loop) && !dure_api_busy(daemon->api) && daemon->store.outstanding == 0) {
        stop_now(daemon);
        return;
    }
    if (!waited)
        return;
    log_line(LOG_LEVEL_WARNING, "something did not finish in %d s: stopping without a last snapshot",
             STOP_WAIT_MS / 1000);
    snapshot_cancel(daemon);
    store_stop(&daemon->store);
    unlink(daemon->options.socket);
    _exit(0);
}

void daemon_stop(struct daemon *daemon, const char *why)
{
    if (daemon->phase == PHASE_STOPPING) {
        log_line(LOG_LEVEL_WARNING, "told to stop twice: at once");
        unlink(daemon->options.socket);
        _exit(1);
    }
    log_line(LOG_LEVEL_INFO, "stopping (%s); jobs go on", why);
    notify_systemd("STOPPING=1");
    if (daemon->phase != PHASE_RUNNING) {
        unlink(daemon->options.socket);
        _exit(0); /* nothing was acknowledged yet */
    }
    daemon->phase = PHASE_STOPPING;
    daemon->stop_begun_us = real_us();
    unlink(daemon->options.socket);
    dure_api_quiesce(daemon->api);
    world_turn_soon(daemon);
    uv_timer_start(&daemon->stop_timer, on_stop_poll, 0, STOP_POLL_MS);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;

    if (number == SIGHUP) {
        log_open(&daemon->options);
        log_line(LOG_LEVEL_INFO, "the log begins anew");
    } else {
        daemon_stop(daemon, number == SIGTERM ? "SIGTERM" : "SIGINT");
    }
}

static void watch_signals(struct daemon *daemon)
{
    uv_signal_t *handles[] = {&daemon->signal_term, &daemon->signal_int, &daemon->signal_hup};
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    for (unsigned i = 0; i < 3; i++) {
        uv_signal_init(&daemon->uv, handles[i]);
        handles[i]->data = daemon;
        uv_signal_start(handles[i], on_signal, numbers[i]);
    }
}

static void start(struct daemon *daemon)
{
    struct dure_api_options api = {.loop = &daemon->uv, .writes_per_second = daemon->options.writes_per_second};
    struct dure_error error = {0};

    measure_disk(daemon);
    if (listen_open(&daemon->options, &api.listen_fd, &error) != DURE_OK)
        daemon_fail(daemon, 1, "%s", error.text);
    socket_ours = true;
    host_make(daemon, &api.host);
    if (dure_api_new(&api, &daemon->api, &error) != DURE_OK)
        daemon_fail(daemon, 1, "%s", error.text);
    daemon->store.begin = recovery_run;
    daemon->store.finished = world_finished;
    daemon->store.context = daemon;
    if (store_start(&daemon->store, &daemon->uv, &error) != DURE_OK)
        daemon_fail(daemon, 1, "%s", error.text);
}

int daemon_run(const struct options *options)
{
    static struct daemon daemon;

    daemon.options = *options;
    clock_set((int64_t)options->clock_speed, options->clock_from_us);
    daemon.started_us = wall_us(NULL);
    daemon.snapshot_pipe = -1;
    if (uv_loop_init(&daemon.uv) != 0)
        daemon_fail(&daemon, 1, "the event loop does not start");
    daemon.timers.loop = &daemon.uv;
    world_start(
        &daemon); /* before the API: libuv runs what was started last first, and the API is to take requests in before the loop turns */
    uv_timer_init(&daemon.uv, &daemon.second);
    uv_timer_init(&daemon.uv, &daemon.stop_timer);
    daemon.second.data = daemon.stop_timer.data = &daemon;
    watch_signals(&daemon);
    if (!clock_is_real())
        log_line(LOG_LEVEL_WARNING, "time is not the machine's: it passes %lld times as fast, and real processes do not run",
                 (long long)clock_speed());
    start(&daemon);
    uv_timer_start(&daemon.second, on_second, SECOND_MS, SECOND_MS);
    uv_run(&daemon.uv, UV_RUN_DEFAULT);
    store_stop(&daemon.store);
    dure_loop_free(daemon.loop);
    dure_core_free(daemon.core);
    uv_loop_close(&daemon.uv);
    log_line(LOG_LEVEL_INFO, "stopped");
    return 0;
}
