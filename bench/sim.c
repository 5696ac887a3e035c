/* A year of a national fleet through the daemon's own core and loop, on virtual time: six owners with a sixth of 260,000 GPUs each, rights to seven tenths, nodes
 * and jobs that fail, everybody lending, each site's limit of power one GPU in fifty short. Inputs of one simulated minute share a batch, as they do in a daemon
 * under load. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/huge.h"
#include "base/timefmt.h"
#include "bench/world.h"
#include "sim/make/make.h"
#include "sim/run/sim.h"

enum {
    BATCH_S = 60,
    NODE_FAILS_DAYS = 400,
    NODE_MENDS_HOURS = 12,
    JOB_FAILS_PER_MILLE = 30,
    LEAVES_S = 20,
    LOAD_PER_MILLE = 1025 /* asked for: more than can run */,
    SEED = 42
};

struct specs {
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_power *power;
};

struct heard {
    uint64_t dark, lit; /* times that a limit took GPUs from a node, or gave some back */
    uint64_t *mask;     /* of each node */
    uint32_t nodes;
};

static enum dure_err make_specs(uint32_t nodes, struct specs *specs, struct dure_error *error)
{
    struct dure_buf fleet DURE_CLEANUP_BUF = {0};
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    struct dure_buf power DURE_CLEANUP_BUF = {0};
    struct bench_world world;
    dure_buf_init(&fleet, 1 << 20);
    dure_buf_init(&tenants, 1 << 20);
    dure_buf_init(&power, 1 << 16);
    enum dure_err err = bench_world_plan(nodes, false, &world, &fleet, &tenants, error);
    if (err != DURE_OK)
        return err;
    err = bench_read_specs(&fleet, &tenants, &specs->fleet, &specs->tenants, error);
    bench_world_power(&world, &power);
    if (err == DURE_OK)
        err = dure_power_from_json(power.data, power.length, specs->fleet, &specs->power, error);
    bench_world_release(&world);
    return err;
}

static bool tell(void *context, const struct dure_sim_progress *progress)
{
    const struct bench_options *options = context;
    char text[DURE_TIME_TEXT_MAX];
    dure_huge_more(0); /* as the daemon does */
    if (options->progress)
        fprintf(stderr, "\r%.10s  %" PRIu64 " jobs, %" PRIu64 " pending, %" PRIu64 " running  ",
                dure_time_format_utc(progress->now_us, text), progress->jobs, progress->pending, progress->running);
    return true;
}

static void hear(void *context, const struct dure_record *decision)
{
    struct heard *heard = context;
    if (decision->kind != DURE_REC_POWER_STATE || decision->node.v >= heard->nodes)
        return;
    heard->dark += (decision->mask & ~heard->mask[decision->node.v]) != 0;
    heard->lit += (heard->mask[decision->node.v] & ~decision->mask) != 0;
    heard->mask[decision->node.v] = decision->mask;
}

static uint64_t dark_now(const struct heard *heard)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < heard->nodes; i++)
        gpus += (unsigned)__builtin_popcountll(heard->mask[i]);
    return gpus;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void report(const struct dure_sim_result *r, const struct heard *heard, int64_t us, struct dure_buf *json,
                   struct dure_buf *words)
{
    const uint64_t used = r->gpu_ms[0] + r->gpu_ms[1], span_ms = (uint64_t)(r->until_us - r->from_us) / 1000;
    const double seconds = (double)us / 1e6, days = (double)span_ms / 86400e3, pending = share(r->pending_ms, span_ms);
    const uint64_t rss = bench_rss_peak_mib(getpid());
    dure_buf_printf(
        json,
        "\"seconds\":%.2f,\"simulated_days\":%.1f,\"rss_mib\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "%016" PRIx64
        "\",\"load\":%.4f,\"mean_pending\":%.0f,\"jobs\":%" PRIu64 ",\"starts\":%" PRIu64 ",\"ended\":%" PRIu64
        ",\"pending_at_end\":%" PRIu64
        ",\"gang_share\":%.3f,\"borrowed_share\":%.3f,\"reclaimed_share\":%.3f,\"evicted\":%" PRIu64
        ",\"node_failures\":%" PRIu64 ",\"lost_attempts\":%" PRIu64 ",\"failed_jobs\":%" PRIu64 ",\"refused\":%" PRIu64
        ",\"promises_late\":%" PRIu64 ",\"passes\":%" PRIu64 ",\"decisions\":%" PRIu64
        ",\"batch_s\":%d,\"dark_gpus\":%" PRIu64 ",\"went_dark\":%" PRIu64 ",\"came_back\":%" PRIu64,
        seconds, days, rss, r->digest.lane[0], r->digest.lane[1], share(used, r->available_ms), pending, r->submitted,
        r->starts, r->ended, r->pending_now, share(r->gang_ms, used), share(r->gpu_ms[1], used),
        share(r->evicted_ms, r->gpu_ms[1]), r->evicted, r->node_failures, r->lost_attempts, r->failed, r->refused,
        r->promises_late, r->passes, r->records, BATCH_S, dark_now(heard), heard->dark, heard->lit);
    dure_buf_printf(words,
                    "%" PRIu64 " jobs, %.0f simulated days in %.1f s (%.0f days a second), %" PRIu64
                    " MiB; %.1f %% of the GPUs in use, %.0f jobs waiting on average, %.0f %% of "
                    "GPU time in gangs, %.1f %% of the borrowed taken back, %" PRIu64
                    " nodes failed; digest %016" PRIx64 "%016" PRIx64,
                    r->submitted, days, seconds, days / seconds, rss, 100 * share(used, r->available_ms), pending,
                    100 * share(r->gang_ms, used), 100 * share(r->evicted_ms, r->gpu_ms[1]), r->node_failures,
                    r->digest.lane[0], r->digest.lane[1]);
}

static enum dure_err play(const struct bench_options *options, const struct specs *specs, struct heard *heard,
                          struct dure_sim_result *result, struct dure_error *error)
{
    struct dure_make *make = NULL;
    const int64_t from_us = INT64_C(1767193200) * DURE_SECOND_US; /* 2026-01-01 in Seoul */
    enum dure_err err = dure_make_new(&(struct dure_make_options){.fleet = specs->fleet,
                                                                  .tenants = specs->tenants,
                                                                  .mix = DURE_MIX_NATIONAL,
                                                                  .seed = SEED,
                                                                  .from_us = from_us,
                                                                  .days = options->days,
                                                                  .jobs = options->jobs,
                                                                  .load_per_mille = LOAD_PER_MILLE},
                                      &make, error);
    if (err == DURE_OK)
        err = dure_sim_run(&(struct dure_sim_options){.fleet = specs->fleet,
                                                      .tenants = specs->tenants,
                                                      .power = specs->power,
                                                      .next = dure_make_next,
                                                      .context = make,
                                                      .seed = SEED,
                                                      .from_us = from_us,
                                                      .until_us = from_us + (int64_t)options->days * DURE_DAY_US,
                                                      .batch_us = BATCH_S * DURE_SECOND_US,
                                                      .node_fails_us = NODE_FAILS_DAYS * DURE_DAY_US,
                                                      .node_mends_us = NODE_MENDS_HOURS * DURE_HOUR_US,
                                                      .job_fails_per_mille = JOB_FAILS_PER_MILLE,
                                                      .leaves_us = LEAVES_S * DURE_SECOND_US,
                                                      .progress = tell,
                                                      .progress_context = (void *)(uintptr_t)options,
                                                      .heard = hear,
                                                      .heard_context = heard},
                           result, error);
    if (options->progress)
        fputc('\n', stderr);
    dure_make_free(make);
    return err;
}

enum dure_err bench_sim(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                        struct dure_error *error)
{
    struct specs specs = {0};
    struct dure_sim_result result = {0};
    struct heard heard = {0};
    const int64_t began = bench_now_us();
    enum dure_err err = make_specs(options->nodes, &specs, error);
    if (err == DURE_OK) {
        heard.nodes = specs.fleet->node_count;
        heard.mask = calloc(heard.nodes, sizeof *heard.mask);
        err = heard.mask == NULL ? dure_fail(error, DURE_E_MEMORY, "out of memory for the nodes")
                                 : play(options, &specs, &heard, &result, error);
    }
    if (err == DURE_OK)
        report(&result, &heard, bench_now_us() - began, json, words);
    free(heard.mask);
    dure_sim_result_release(&result);
    dure_power_free(specs.power);
    dure_tenants_free(specs.tenants);
    dure_fleet_free(specs.fleet);
    return err;
}
