/* Durable submissions a second: a daemon with a national fleet, and this process as its clients, one job a request, one request at a time on each
 * connection. The jobs start on emulated sites while more arrive. */
#include <inttypes.h>
#include <string.h>

#include "bench/inner.h"
#include "client/load.h"

enum dure_err bench_submit(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                           struct dure_error *error)
{
    struct bench_daemon daemon;
    struct dure_load_result result;
    char body[512];

    enum dure_err err = bench_daemon_make(options->fleet, &daemon, error);
    if (err != DURE_OK)
        return err;
    snprintf(body, sizeof body,
             "{\"kind\":\"Job\",\"version\":1,\"name\":\"bench\",\"project\":\"%s\",\"gpus\":1,\"walltime\":\"1h\","
             "\"runs_for\":\"30m\","
             "\"command\":[\"/bin/true\"]}",
             daemon.project);
    struct dure_load_options load = {
        .socket_path = daemon.socket,
        .clients = options->clients,
        .duration_us = (int64_t)options->seconds * 1000000,
        .path = "/v1/jobs",
        .body = body,
        .body_length = strlen(body),
    };
    err = bench_daemon_start(&daemon, NULL, error);
    if (err == DURE_OK)
        err = dure_load_run(&load, &result, error);
    if (err == DURE_OK && result.answered == 0)
        err = dure_fail(error, DURE_E_INVALID, "no submission was accepted: status %d: %s", result.first_refusal_status,
                        result.first_refusal);
    if (err == DURE_OK) {
        double seconds = (double)result.elapsed_us / 1e6;
        uint64_t rss = bench_rss_peak_mib(daemon.pid);
        dure_buf_printf(json,
                        "\"clients\":%u,\"per_s\":%.1f,\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
                        ",\"max_us\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"rss_mib\":%" PRIu64,
                        options->clients, (double)result.answered / seconds, result.p50_us, result.p99_us,
                        result.max_us, result.refused, rss);
        dure_buf_printf(words,
                        "%u clients: %.0f durable submissions a second, p50 %" PRIu64 " us, p99 %" PRIu64
                        " us, %" PRIu64 " refused, daemon %" PRIu64 " MiB",
                        options->clients, (double)result.answered / seconds, result.p50_us, result.p99_us,
                        result.refused, rss);
    }
    bench_daemon_remove(&daemon);
    return err;
}
