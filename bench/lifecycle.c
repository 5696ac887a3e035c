/* Whole lives a second: submitted through the API, decided, on disk, told to the nodes' stand-in, ended, forgotten. A daemon with six owners' emulated
 * sites, this process as its clients, one job a request, one request at a time on each connection. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/node.h"
#include "bench/world.h"
#include "client/client.h"
#include "client/load.h"

enum { DRAIN_WAIT_US = 60 * 1000000, RUNS_FOR_MS = 100 };

struct life {
    struct bench_world *world;
    bool mixed;
    struct dure_buf body;
    int64_t *sent_us; /* by job */
    uint64_t asked, last_job;
};

static bool next(void *context, const char **ret_body, size_t *ret_length)
{
    struct life *life = context;
    char path[32];
    if (life->asked + 1 >= BENCH_NODE_JOBS_MAX)
        return false;
    struct bench_ask ask = bench_mix(life->world);
    if (!life->mixed)
        ask = (struct bench_ask){.pool = ask.pool, .tasks = 1, .gpus = 1, .level = ""};
    bench_tenant_path(bench_asker(life->world, &ask), path);
    dure_buf_clear(&life->body);
    dure_buf_printf(
        &life->body,
        "{\"kind\":\"Job\",\"version\":1,\"name\":\"life\",\"project\":\"%s\",\"class\":\"%s\",\"tasks\":%" PRIu32
        ",\"gpus\":%" PRIu32
        ",%s\"walltime\":\"1h\",\"grace\":\"1s\",\"runs_for\":\"%dms\",\"command\":[\"/bin/true\"]}",
        path, ask.pool == life->world->pool_count - 1 ? "borrowed" : "guaranteed", ask.tasks, ask.gpus,
        ask.level[0] != '\0' ? "\"level\":\"block\"," : "", RUNS_FOR_MS);
    *ret_body = life->body.data;
    *ret_length = life->body.length;
    life->asked++;
    return !life->body.failed;
}

static void answered(void *context, const char *body, int64_t sent_us)
{
    struct life *life = context;
    const char *field = strstr(body, "\"job\":");
    const uint64_t job = field != NULL ? strtoull(field + 6, NULL, 10) : 0;
    if (job < BENCH_NODE_JOBS_MAX)
        life->sent_us[job] = sent_us;
    if (job > life->last_job)
        life->last_job = job;
}

/* Until as many have ended as were accepted, as the daemon's metrics say (which tell what is on disk). */
static enum dure_err drain(const struct bench_daemon *daemon, uint64_t jobs, struct dure_error *error)
{
    struct dure_client *client;
    uint64_t ended = 0;
    const int64_t until = bench_now_us() + DRAIN_WAIT_US;
    enum dure_err err = dure_client_new(&(struct dure_client_options){.socket_path = daemon->socket}, &client, error);
    while (err == DURE_OK && ended < jobs) {
        struct dure_reply reply = {0};
        err = dure_client_call(client, &(struct dure_request){.method = "GET", .path = "/metrics"}, &reply, error);
        const char *line = err == DURE_OK ? strstr(reply.body, "\ndure_jobs_ended_total ") : NULL;
        ended = line != NULL ? strtoull(line + 23, NULL, 10) : 0;
        dure_reply_release(&reply);
        if (err == DURE_OK && ended < jobs && bench_now_us() > until)
            err = dure_fail(error, DURE_E_TIMEOUT, "%" PRIu64 " of %" PRIu64 " jobs have ended after %d s", ended, jobs,
                            DRAIN_WAIT_US / 1000000);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    dure_client_free(client);
    return err;
}

/* From each request to its launch message. A job that waits for room counts as it waits. */
static uint64_t launch_quantile(const struct life *life, const struct bench_node *node, unsigned per_mille)
{
    uint64_t count = 0;
    uint64_t *values = calloc(life->last_job + 1, sizeof *values);
    for (uint64_t job = 0; values != NULL && job <= life->last_job; job++) {
        const int64_t at = bench_node_job_us(node, job);
        if (life->sent_us[job] > 0 && at > 0)
            values[count++] = at > life->sent_us[job] ? (uint64_t)(at - life->sent_us[job]) : 0;
    }
    const uint64_t quantile = values != NULL ? bench_quantile(values, count, per_mille) : 0;
    free(values);
    return quantile;
}

static void report(const struct bench_options *options, const struct life *life, const struct bench_node *node,
                   const struct dure_load_result *load, int64_t us, uint64_t cpu_us, uint64_t rss,
                   struct dure_buf *json, struct dure_buf *words)
{
    const double per_s = (double)load->answered * 1e6 / (double)us;
    const uint64_t p50 = launch_quantile(life, node, 500), p99 = launch_quantile(life, node, 990);
    dure_buf_printf(json,
                    "\"per_s\":%.1f,\"p99_us\":%" PRIu64 ",\"p50_us\":%" PRIu64 ",\"answer_p99_us\":%" PRIu64
                    ",\"jobs\":%" PRIu64 ",\"refused\":%" PRIu64
                    ",\"seconds\":%.2f,\"daemon_cpu_us\":%.1f,\"rss_mib\":%" PRIu64,
                    per_s, p99, p50, load->p99_us, load->answered, load->refused, (double)us / 1e6,
                    (double)cpu_us / (double)load->answered, rss);
    dure_buf_printf(words,
                    "%" PRIu32
                    " nodes, %s, %u clients: %.0f jobs a second from submission to end; request to launch p50 %" PRIu64
                    " us, p99 %" PRIu64 " us; answers p99 %" PRIu64
                    " us; %.1f us of the daemon's processor a job; %" PRIu64 " refused, %" PRIu64 " MiB",
                    options->nodes, options->mixed ? "mixed" : "single", options->clients, per_s, p50, p99,
                    load->p99_us, (double)cpu_us / (double)load->answered, load->refused, rss);
}

static enum dure_err measure(const struct bench_options *options, struct life *life, struct bench_daemon *daemon,
                             struct bench_node *node, struct dure_buf *json, struct dure_buf *words,
                             struct dure_error *error)
{
    struct dure_load_result result = {0};
    const struct dure_load_options load = {.socket_path = daemon->socket,
                                           .clients = options->clients,
                                           .duration_us = (int64_t)options->seconds * 1000000,
                                           .path = "/v1/jobs",
                                           .next = next,
                                           .answered = answered,
                                           .context = life};
    const int64_t began = bench_now_us();
    enum dure_err err = dure_load_run(&load, &result, error);
    if (err == DURE_OK && result.answered == 0)
        err = dure_fail(error, DURE_E_INVALID, "no submission was accepted: status %d: %s", result.first_refusal_status,
                        result.first_refusal);
    if (err == DURE_OK)
        err = drain(daemon, result.answered, error);
    const int64_t us = bench_now_us() - began;
    const uint64_t cpu_us = bench_cpu_us(daemon->pid), rss = bench_rss_peak_mib(daemon->pid);
    bench_daemon_kill(daemon, SIGTERM);
    if (err == DURE_OK)
        err = bench_world_replay(life->world, daemon->state, error);
    if (err == DURE_OK)
        err = bench_world_recount(life->world, error);
    if (err == DURE_OK && bench_node_messages(node) != life->world->starts)
        err = dure_fail(error, DURE_E_STATE, "%" PRIu64 " starts, but %" PRIu64 " launch messages", life->world->starts,
                        bench_node_messages(node));
    if (err == DURE_OK)
        report(options, life, node, &result, us, cpu_us, rss, json, words);
    return err;
}

enum dure_err bench_lifecycle(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                              struct dure_error *error)
{
    struct bench_world world;
    struct bench_daemon daemon = {0};
    struct bench_node node = {.socket = -1};
    struct life life = {
        .world = &world, .mixed = options->mixed, .sent_us = calloc(BENCH_NODE_JOBS_MAX, sizeof *life.sent_us)};
    dure_buf_init(&life.body, 4096);
    enum dure_err err =
        life.sent_us == NULL ? DURE_E_MEMORY : bench_launching_make(options->nodes, &world, &daemon, &node, error);
    if (err == DURE_OK) {
        err = measure(options, &life, &daemon, &node, json, words, error);
        bench_launching_release(&world, &daemon, &node);
    }
    dure_buf_release(&life.body);
    free(life.sent_us);
    return err;
}
