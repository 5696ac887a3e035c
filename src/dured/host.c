/* What the API asks of the daemon around it. */
#include <string.h>

#include "base/timefmt.h"
#include "dured/daemon.h"
#include "engine/slurm/slurm.h"

static enum dure_err disk(const struct daemon *daemon, struct dure_error *error)
{
    if (daemon->disk_low)
        return dure_fail(error, DURE_E_FULL, "only %llu MiB are free in %s: nothing new is taken below %llu MiB",
                         (unsigned long long)daemon->disk_free_mib, daemon->options.state,
                         (unsigned long long)daemon->options.disk_low_mib);
    return DURE_OK;
}

static enum dure_err health(void *context, struct dure_error *error)
{
    struct daemon *daemon = context;
    char text[DURE_TIME_TEXT_MAX];
    uint64_t done = atomic_load(&daemon->recovered.done), total = atomic_load(&daemon->recovered.total);

    if (daemon->phase == PHASE_RECOVERING)
        return dure_fail(error, DURE_E_BUSY, "recovering: %llu of %llu records", (unsigned long long)done,
                         (unsigned long long)total);
    if (daemon->phase == PHASE_FIRST)
        return dure_fail(error, DURE_E_BUSY, "reading the specs of a first start");
    if (daemon->phase == PHASE_STOPPING)
        return dure_fail(error, DURE_E_BUSY, "stopping");
    if (daemon->clock_held_us != 0)
        return dure_fail(
            error, DURE_E_BUSY,
            "the wall clock jumped %s by %s and is held at its old pace; set the clock right, or accept the jump with "
            "`dure clock accept`",
            daemon->clock_held_us < 0 ? "back" : "forward",
            dure_duration_format(daemon->clock_held_us < 0 ? -daemon->clock_held_us : daemon->clock_held_us, text));
    return disk(daemon, error);
}

static enum dure_err takes_work(void *context, struct dure_error *error)
{
    struct daemon *daemon = context;

    if (daemon->phase == PHASE_STOPPING)
        return dure_fail(error, DURE_E_BUSY, "the daemon is stopping");
    return disk(daemon, error);
}

static void read_store(void *context, struct dure_store_read *read)
{
    struct daemon *daemon = context;

    store_read(&daemon->store, read);
}

static int64_t accept_clock(void *context)
{
    struct daemon *daemon = context;
    const int64_t held_us = daemon->clock_held_us;

    if (held_us != 0) /* a jump that nobody was told of is not an operator's to accept */
        dure_loop_accept_clock(daemon->loop);
    return held_us;
}

static void shut_down(void *context)
{
    daemon_stop(context, "asked to by an operator");
}

static void snapshot(void *context)
{
    struct daemon *daemon = context;

    daemon->snapshot_wanted = true;
}

static void erase_attempt(void *context, struct dure_attempt_id attempt)
{
    struct daemon *daemon = context;
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);
    char directory[PATH_BYTES + DURE_NAME_MAX + 16];

    snprintf(directory, sizeof directory, "%s/attempts", daemon->options.state);
    bool erased = dure_local_erase(directory, attempt) == DURE_OK;
    for (uint32_t i = 0; i < daemon->slurm_count && fleet != NULL && i < fleet->site_count; i++)
        if (daemon->slurm[i].engine != NULL && slurm_folder(daemon, &fleet->sites[i], directory, sizeof directory))
            erased = dure_local_erase(directory, attempt) == DURE_OK && erased;
    if (!erased)
        log_line(LOG_LEVEL_WARNING, "what is kept of attempt %llu could not be erased", (unsigned long long)attempt.v);
}

static void describe(struct dure_engine *engine, struct dure_buf *text)
{
    if (engine == NULL || engine->describe == NULL)
        return;
    engine->describe(engine->state, text);
    if (text->length > 0 && text->data[text->length - 1] != '\n')
        dure_buf_byte(text, '\n');
}

/* Each line under its site's name. */
static void describe_slurm(struct daemon *daemon, uint32_t site, struct dure_buf *text)
{
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);
    struct dure_buf lines DURE_CLEANUP_BUF = {0};
    char *rest, *line;

    if (fleet == NULL || site >= fleet->site_count ||
        (daemon->slurm[site].engine == NULL && !daemon->slurm[site].failed))
        return;
    dure_buf_init(&lines, 1 << 16);
    if (daemon->slurm[site].failed)
        dure_buf_str(&lines, "the Slurm engine cannot run here; the log says why");
    else
        describe(daemon->slurm[site].engine, &lines);
    rest = lines.data;
    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] != '\0')
            dure_buf_printf(text, "site %s: %s\n", fleet->sites[site].name, line);
}

static void enforcement(void *context, struct dure_buf *text)
{
    struct daemon *daemon = context;

    describe(daemon->local, text);
    describe(daemon->emulated, text);
    for (uint32_t i = 0; i < daemon->slurm_count; i++)
        describe_slurm(daemon, i, text);
    if (!clock_is_real())
        dure_buf_printf(text, "time: not the machine's; it passes %lld times as fast\n", (long long)clock_speed());
    if (daemon->local_failed)
        dure_buf_str(text, "local sites: the engine cannot run here; the log says why\n");
}

static void attempt_note(void *context, struct dure_attempt_id attempt, struct dure_buf *text)
{
    const struct daemon *daemon = context;

    for (uint32_t i = 0; i < daemon->slurm_count && text->length == 0; i++)
        if (daemon->slurm[i].engine != NULL)
            dure_engine_slurm_note(daemon->slurm[i].engine, attempt, text);
}

static uint64_t disk_free(void *context)
{
    const struct daemon *daemon = context;

    return daemon->disk_free_mib;
}

static enum dure_err log_path(void *context, struct dure_attempt_id attempt, uint32_t task, bool is_stderr, char *path,
                              size_t size)
{
    struct daemon *daemon = context;
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);
    char directory[PATH_BYTES + DURE_NAME_MAX + 16];
    enum dure_err err;

    snprintf(directory, sizeof directory, "%s/attempts", daemon->options.state);
    err = dure_local_log_path(directory, attempt, task, is_stderr, path, size);
    for (uint32_t i = 0; err != DURE_OK && i < daemon->slurm_count && fleet != NULL && i < fleet->site_count; i++)
        if (daemon->slurm[i].engine != NULL && slurm_folder(daemon, &fleet->sites[i], directory, sizeof directory))
            err = dure_local_log_path(directory, attempt, task, is_stderr, path, size);
    return err;
}

void host_make(struct daemon *daemon, struct dure_api_host *ret_host)
{
    *ret_host = (struct dure_api_host){
        .context = daemon,
        .now_us = wall_us,
        .health = health,
        .takes_work = takes_work,
        .read = read_store,
        .accept_clock = accept_clock,
        .shutdown = shut_down,
        .snapshot = snapshot,
        .erase_attempt = erase_attempt,
        .enforcement = enforcement,
        .attempt_note = attempt_note,
        .disk_free_mib = disk_free,
        .log_path = log_path,
        .state_dir = daemon->options.state,
        .socket_path = daemon->options.socket,
        .started_us = daemon->started_us,
        .uid = getuid(),
    };
}
