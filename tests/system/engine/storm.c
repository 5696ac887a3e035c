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
    uint32_t good = 0;
    for (uint64_t i = 1; i <= STORM; i++) {
        const struct dure_observation *end = host_wait_over(&host, i, 60);
        good += end && end->report == DURE_REPORT_ENDED && end->exit_code == 0;
        if (end && end->report != DURE_REPORT_ENDED)
            tap_diag("%" PRIu64 ": %s", i, end->reason);
    }
    TAP_EQ_UINT(good, STORM, "a thousand attempts at once all run and end well");
    tap_diag("%d attempts in %.2f s", STORM, (double)(host_now_us() - begin_us) / 1e6);
    for (uint64_t i = 1; i <= STORM; i++)
        host.engine->forget(host.engine->state, (struct dure_attempt_id){i});
    host_turn(&host, 1.0);
    TAP_OK(!host_exists("%s/1", host.directory) && !host_exists("%s/%d", host.directory, STORM), "and leave nothing behind");
}

/* The job's first instruction reads the clock: a program of ours, this one. */
static void test_latency(const char *self)
{
    int64_t took_us[SINGLES];
    char command[4096];
    const size_t length = (size_t)snprintf(command, sizeof command, "%s%cclock", self, 0) + 1;
    for (unsigned i = 0; i < SINGLES; i++) {
        char name[32];
        snprintf(name, sizeof name, "clock-%u", i);
        const struct host_job job = {.command = command, .command_length = length, .out = name};
        const int64_t begin_us = host_now_us();
        host_start(&host, 5000 + i, &job, false);
        host_wait_over(&host, 5000 + i, 10);
        took_us[i] = strtoll(host_read(name), NULL, 10) - begin_us;
        TAP_OK(took_us[i] > 0, "start %u took %" PRId64 " us", i, took_us[i]);
    }
    qsort(took_us, SINGLES, sizeof took_us[0], by_value);
    tap_diag("order to first instruction: p50 %" PRId64 " us, p90 %" PRId64 " us, max %" PRId64 " us", took_us[SINGLES / 2], took_us[SINGLES * 9 / 10],
             took_us[SINGLES - 1]);
    TAP_OK(took_us[SINGLES / 2] < 100000, "half of all starts take less than 100 ms even on a loaded machine");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "clock") == 0) {
        printf("%" PRId64 "\n", host_now_us());
        return 0;
    }
    char directory[4096], self[4096];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    snprintf(directory, sizeof directory, "%s/attempts", tap_tempdir());
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    host_open(&host, directory);
    test_latency(self);
    test_storm();
    host_close(&host);
    (void)argv;
    return tap_done();
}
