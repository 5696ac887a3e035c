/* From the acknowledgement to the job's first instruction, on the local engine: real processes, one job at a time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/inner.h"
#include "client/client.h"

enum { WAIT_US = 10 * 1000000 };

static bool read_stamp(const char *path, int64_t *ret_us)
{
    char text[32] = "";
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(text, sizeof text, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (got)
        *ret_us = strtoll(text, NULL, 10);
    return got && *ret_us > 0;
}

static enum dure_err one(struct dure_client *client, const struct bench_daemon *daemon, const char *program,
                         uint64_t number, uint64_t *ret_us, struct dure_error *error)
{
    char stamp[400];
    struct dure_buf body DURE_CLEANUP_BUF = {0};
    struct dure_reply reply = {0};
    int64_t first = 0;

    snprintf(stamp, sizeof stamp, "%s/stamp.%" PRIu64, daemon->directory, number);
    dure_buf_init(&body, 1 << 16);
    dure_buf_printf(&body,
                    "{\"kind\":\"Job\",\"version\":1,\"name\":\"first\",\"project\":\"%s\",\"gpus\":1,\"walltime\":"
                    "\"1m\",\"workdir\":",
                    daemon->project);
    dure_buf_json(&body, daemon->directory);
    dure_buf_str(&body, ",\"stdout\":\"/dev/null\",\"command\":[");
    dure_buf_json(&body, program);
    dure_buf_str(&body, ",");
    dure_buf_json(&body, stamp);
    dure_buf_str(&body, "]}");
    enum dure_err err = dure_client_call(
        client,
        &(struct dure_request){.method = "POST", .path = "/v1/jobs", .body = body.data, .body_length = body.length},
        &reply, error);
    int64_t acknowledged = bench_now_us();
    dure_reply_release(&reply);
    if (err != DURE_OK)
        return err;
    while (!read_stamp(stamp, &first)) {
        if (bench_now_us() - acknowledged > WAIT_US)
            return dure_fail(error, DURE_E_TIMEOUT, "job %" PRIu64 " did not begin within %d s", number,
                             WAIT_US / 1000000);
        struct timespec pause = {.tv_nsec = 200000};
        nanosleep(&pause, NULL);
    }
    unlink(stamp);
    *ret_us = first > acknowledged ? (uint64_t)(first - acknowledged) : 0;
    return DURE_OK;
}

enum dure_err bench_start(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error)
{
    struct bench_daemon daemon;
    struct dure_client *client = NULL;
    char program[4096];
    uint64_t *values = calloc(options->jobs, sizeof *values);

    if (values == NULL)
        return DURE_E_MEMORY;
    if (!bench_program("dure-bench-first", program, sizeof program)) {
        free(values);
        return dure_fail(error, DURE_E_NOT_FOUND, "dure-bench-first is not beside this program");
    }
    enum dure_err err = bench_daemon_make(NULL, &daemon, error);
    if (err == DURE_OK)
        err = bench_daemon_start(&daemon, NULL, error);
    if (err == DURE_OK)
        err = dure_client_new(&(struct dure_client_options){.socket_path = daemon.socket}, &client, error);
    for (uint64_t i = 0; err == DURE_OK && i < options->jobs; i++) {
        err = one(client, &daemon, program, i, &values[i], error);
        if (options->progress && i % 16 == 0)
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " jobs", i, options->jobs);
    }
    if (options->progress)
        fprintf(stderr, "\r\033[K");
    if (err == DURE_OK) {
        uint64_t p50 = bench_quantile(values, options->jobs, 500), p99 = bench_quantile(values, options->jobs, 990);
        dure_buf_printf(json, "\"jobs\":%" PRIu64 ",\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64, options->jobs, p50,
                        p99);
        dure_buf_printf(words,
                        "%" PRIu64 " jobs: acknowledged to first instruction p50 %" PRIu64 " us, p99 %" PRIu64 " us",
                        options->jobs, p50, p99);
    }
    dure_client_free(client);
    bench_daemon_remove(&daemon);
    free(values);
    return err;
}
