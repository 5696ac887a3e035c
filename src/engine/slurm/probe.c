/* Whether a folder here is the same on the nodes, and what their clocks say: a job finds out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "engine/slurm/survey.h"

enum { LOOK_MS = 250, SEE_MS = 3000, PATH_BYTES_MAX = 4096, RUNNER_BYTES_MAX = 1024 };

struct probe {
    struct dure_slurm *slurm;
    uv_loop_t loop;
    uv_timer_t timer;
    char path[PATH_BYTES_MAX];
    const char *runner; /* of containers; "" = whichever there is */
    uint32_t job_id;
    enum dure_slurm_state state;
    char reason[128]; /* why it waits, in Slurm's words */
    bool told, cancelled; /* answers have come */
    enum dure_slurm_result result;
    char text[512];
};

static void hear(void *context, const struct dure_slurm_reply *reply)
{
    struct probe *probe = context;
    probe->told = true;
    probe->result = reply->result;
    snprintf(probe->text, sizeof probe->text, "%s", reply->text);
    if (reply->job_id)
        probe->job_id = reply->job_id;
    if (reply->job_count) {
        probe->state = reply->jobs[0].state;
        snprintf(probe->reason, sizeof probe->reason, "%s", reply->jobs[0].reason);
    }
}

static void hear_cancelled(void *context, const struct dure_slurm_reply *reply)
{
    struct probe *probe = context;
    (void)reply;
    probe->cancelled = true;
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
}

static void turn(struct probe *probe, const bool *answered, int64_t timeout_us)
{
    const int64_t until_us = (int64_t)(uv_hrtime() / 1000) + timeout_us;
    while (!*answered && (int64_t)(uv_hrtime() / 1000) < until_us)
        uv_run(&probe->loop, UV_RUN_ONCE);
}

static enum dure_err submit(struct probe *probe, const char *directory, int64_t timeout_us, struct dure_error *error)
{
    static const char script[] = "#!/bin/sh\n"
                                 "r=$(command -v \"${DURE_PROBE_RUNNER:-apptainer}\" || command -v "
                                 "\"${DURE_PROBE_RUNNER:-singularity}\" || echo none)\n"
                                 "echo \"${SLURMD_NODENAME:-node} $(date +%s) $r\" >\"$DURE_PROBE.part\" && mv "
                                 "\"$DURE_PROBE.part\" \"$DURE_PROBE\"\n";
    char variable[PATH_BYTES_MAX + 16], runner[RUNNER_BYTES_MAX + 24];
    snprintf(variable, sizeof variable, "DURE_PROBE=%s", probe->path);
    snprintf(runner, sizeof runner, "DURE_PROBE_RUNNER=%s", probe->runner);
    const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", variable, runner};
    const struct dure_slurm_submit job = {.name = "dure-probe",
                                          .directory = directory,
                                          .script = script,
                                          .script_length = sizeof script - 1,
                                          .environment = environment,
                                          .environment_count = 3,
                                          .node_count = 1,
                                          .tasks = 1,
                                          .walltime_us = 60000000};
    const enum dure_err err = dure_slurm_submit(probe->slurm, &job, hear, probe, error);
    if (err)
        return err;
    turn(probe, &probe->told, timeout_us);
    if (probe->told && probe->job_id)
        return DURE_OK;
    return dure_fail(error, DURE_E_STATE, "its job was not taken: %s", probe->told ? probe->text : "no answer in time");
}

static bool seen(const struct probe *probe, struct dure_slurm_probed *ret_probed)
{
    long long seconds = 0;
    FILE *file = fopen(probe->path, "re");
    struct dure_slurm_probed probed = {0};
    const bool whole = file && fscanf(file, "%63s %lld %1023[^\n]", probed.node, &seconds, probed.containers) == 3;
    if (file)
        fclose(file);
    if (whole) {
        *ret_probed = probed;
        ret_probed->skew_us = (seconds - (long long)time(NULL)) * INT64_C(1000000);
        if (strcmp(probed.containers, "none") == 0)
            ret_probed->containers[0] = '\0';
    }
    return whole;
}

/* Looks for the file until the job has ended, and a little longer: file systems of a network take their time. */
static enum dure_err watch(struct probe *probe, int64_t timeout_us, struct dure_slurm_probed *ret_probed,
                           struct dure_error *error)
{
    const int64_t until_us = (int64_t)(uv_hrtime() / 1000) + timeout_us;
    int64_t ended_us = 0;
    for (;;) {
        const int64_t now_us = (int64_t)(uv_hrtime() / 1000);
        if (seen(probe, ret_probed))
            return DURE_OK;
        if (ended_us && now_us > ended_us + SEE_MS * 1000)
            return dure_fail(error, DURE_E_NOT_FOUND, "job %u ran on a node and its file is not here", probe->job_id);
        if (now_us > until_us)
            return dure_fail(error, DURE_E_TIMEOUT, "job %u did not run in time (%s%s%s)", probe->job_id,
                             dure_slurm_state_name(probe->state), *probe->reason ? ": " : "", probe->reason);
        if (probe->told && !ended_us) {
            const struct dure_slurm_filter filter = {.job_id = probe->job_id};
            probe->told = false;
            if (dure_slurm_list(probe->slurm, &filter, hear, probe, error))
                return DURE_E_BUSY;
        }
        uv_run(&probe->loop, UV_RUN_ONCE); /* the timer ends it */
        if (!ended_us && dure_slurm_state_ended(probe->state))
            ended_us = (int64_t)(uv_hrtime() / 1000);
    }
}

enum dure_err dure_slurm_probe(const struct dure_slurm_site *site, const char *containers, const char *directory,
                               int64_t timeout_us, struct dure_slurm_probed *ret_probed, struct dure_error *error)
{
    struct probe probe = {.runner = containers};
    uint64_t token = 0;
    if (getrandom(&token, sizeof token, 0) < 0 || uv_loop_init(&probe.loop))
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const int length = snprintf(probe.path, sizeof probe.path, "%s/.dure-probe-%016" PRIx64, directory, token);
    const struct dure_slurm_options options = {.loop = &probe.loop, .site = site, .timeout_us = timeout_us};
    enum dure_err err = length < (int)sizeof probe.path
                            ? dure_slurm_new(&options, &probe.slurm, error)
                            : dure_fail(error, DURE_E_LIMIT, "the folder's path is too long");
    uv_timer_init(&probe.loop, &probe.timer);
    uv_timer_start(&probe.timer, tick, LOOK_MS, LOOK_MS);
    if (!err)
        err = submit(&probe, directory, timeout_us, error);
    if (!err)
        err = watch(&probe, timeout_us, ret_probed, error);
    if (probe.job_id && err == DURE_E_TIMEOUT &&
        dure_slurm_cancel(probe.slurm, probe.job_id, hear_cancelled, &probe, NULL) == DURE_OK)
        turn(&probe, &probe.cancelled, timeout_us);
    dure_slurm_free(probe.slurm);
    uv_close((uv_handle_t *)&probe.timer, NULL);
    uv_run(&probe.loop, UV_RUN_DEFAULT);
    uv_loop_close(&probe.loop);
    unlink(probe.path);
    return err;
}
