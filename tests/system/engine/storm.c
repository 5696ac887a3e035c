/* Many launches at once, and how long one takes from the order to its first instruction. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "system/engine/host.h"

enum { STORM = 1000, SINGLES = 60 };
static struct host host;

static int by_value(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void test_storm(void)
{
    static const char command[] = "true";
    const struct host_job job = {.command = command, .command_length = sizeof command, .out = "/dev/null"};
    const int64_t begin_us = host_now_us();
    for (uint64_t i = 1; i <= STORM; i++)
        host_start(&host, i, &job, false);
    host_wait_all(&host, SINGLES + STORM, 60);
    uint32_t good = 0;
    for (uint32_t i = 0; i < host.seen_count; i++) {
        const struct dure_observation *seen = &host.seen[i];
        good += seen->attempt.v <= STORM && seen->report == DURE_REPORT_ENDED && seen->exit_code == 0;
        if (seen->reason[0])
            tap_diag("%" PRIu64 ": %s", seen->attempt.v, seen->reason);
    }
    TAP_EQ_UINT(good, STORM, "a thousand attempts at once all run and end well");
    tap_diag("%d attempts in %.2f s", STORM, (double)(host_now_us() - begin_us) / 1e6);
    for (uint64_t i = 1; i <= STORM; i++)
        host.engine->forget(host.engine->state, (struct dure_attempt_id){i});
    uint32_t left = STORM;
    for (unsigned turns = 0; left && turns < 200; turns++) {
        host_turn(&host, 0.1);
        left = 0;
        for (uint64_t i = 1; i <= STORM; i++)
            left += host_exists("%s/%" PRIu64, host.directory, i);
    }
    TAP_EQ_UINT(left, 0, "and leave nothing behind");
}

/* The job's first instruction reads the clock. */
static void test_latency(const char *clock)
{
    int64_t took_us[SINGLES];
    for (unsigned i = 0; i < SINGLES; i++) {
        char name[32];
        snprintf(name, sizeof name, "clock-%u", i);
        const struct host_job job = {.command = clock, .command_length = strlen(clock) + 1, .out = name};
        const int64_t begin_us = host_now_us();
        host_start(&host, 5000 + i, &job, false);
        host_wait_over(&host, 5000 + i, 10);
        took_us[i] = strtoll(host_read(name), NULL, 10) - begin_us;
        TAP_OK(took_us[i] > 0, "start %u took %" PRId64 " us", i, took_us[i]);
    }
    qsort(took_us, SINGLES, sizeof took_us[0], by_value);
    tap_diag("order to first instruction: p50 %" PRId64 " us, p90 %" PRId64 " us, max %" PRId64 " us",
             took_us[SINGLES / 2], took_us[SINGLES * 9 / 10], took_us[SINGLES - 1]);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        tap_bail("usage: storm CLOCK");
    char directory[4096];
    snprintf(directory, sizeof directory, "%s/attempts", tap_tempdir());
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    host_open(&host, directory);
    test_latency(argv[1]);
    test_storm();
    host_close(&host);
    return tap_done();
}
