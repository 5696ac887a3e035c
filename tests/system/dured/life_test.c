/* The daemon's life: first start, submissions and their keys over kill -9, stopping in order, snapshots, two daemons, bad specs, a low disk, limits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tap.h"

static bool file_has(const char *path, const char *needle)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "re");
    size_t got = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;

    if (file != NULL)
        fclose(file);
    text[got] = '\0';
    return strstr(text, needle) != NULL;
}

/* What was acknowledged is there after kill -9, under the same number, and its key gives the same answer. */
static void test_keys(void)
{
    static const char sleeper[] =
        "\"name\":\"one\",\"walltime\":\"1h\",\"runs_for\":\"30m\",\"models\":[\"big\"],\"command\":[\"/bin/true\"]";
    struct rig rig;
    json_int_t first, sequence;

    rig_make(&rig, "keys", 4, false);
    if (!TAP_OK(rig_start(&rig, NULL), "a first start with a fleet"))
        return;
    first = rig_submit(&rig, sleeper, "key-1");
    sequence = rig_int(&rig, "sequence");
    TAP_EQ_INT(first, 1, "the first job is job 1");
    TAP_OK(!rig.reply.replayed, "and is new");
    TAP_EQ_INT(rig_submit(&rig, sleeper, "key-1"), 1, "the same key and request give the same job");
    TAP_OK(rig.reply.replayed && rig_int(&rig, "sequence") == sequence, "said to be a repetition");
    TAP_EQ_INT(rig_submit(&rig, "\"name\":\"two\",\"command\":[\"/bin/true\"]", "key-1"), 0,
               "another request under the key is refused");
    TAP_EQ_INT(rig.reply.status, 409, "with 409");
    TAP_EQ_STR(rig_code(&rig), "conflict", "as a conflict");
    TAP_EQ_INT(rig_submit(&rig, sleeper, "bad key"), 0, "a key with a space is refused");
    TAP_EQ_INT(rig_stop(&rig, SIGKILL), 128 + SIGKILL, "killed");
    if (!TAP_OK(rig_start(&rig, NULL), "and started again"))
        return;
    TAP_EQ_INT(rig_submit(&rig, sleeper, "key-1"), 1, "the key still gives job 1");
    TAP_OK(rig.reply.replayed && rig_int(&rig, "sequence") == sequence, "with its first answer");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs/1", NULL), 200, "the job is there");
    TAP_EQ_STR(rig_text(&rig, "name"), "one", "with its name");
    TAP_EQ_STR(rig_text(&rig, "state"), "RUNNING", "running on its emulated site");
    TAP_EQ_INT(rig_submit(&rig, sleeper, NULL), 2, "the next is job 2");
    TAP_EQ_INT(rig_call(&rig, "POST", "/v1/jobs/2/cancel", NULL, NULL, "c-2"), 200, "cancelled");
    TAP_OK(rig_wait_state(&rig, 2, "CANCELLED", 10), "and ended so");
    TAP_EQ_INT(rig_call(&rig, "POST", "/v1/jobs/2/cancel", NULL, NULL, "c-2"), 200,
               "the same cancel again gives its first answer");
    TAP_EQ_INT(rig_call(&rig, "POST", "/v1/jobs/2/cancel", NULL, NULL, NULL), 409, "another one finds it ended");
    TAP_EQ_INT(rig_call(&rig, "POST", "/v1/jobs/99/cancel", NULL, NULL, NULL), 404, "a job that never was");
    rig_remove(&rig);
}

static void test_stop(void)
{
    struct rig rig;
    char snapshots[700];
    int before;

    rig_make(&rig, "stop", 2, true);
    if (!TAP_OK(rig_start(&rig, NULL), "started"))
        return;
    TAP_EQ_INT(
        rig_submit(&rig,
                   "\"name\":\"long\",\"models\":[\"virtual\"],\"command\":[\"/bin/sh\",\"-c\",\"sleep 2; echo done\"]",
                   NULL),
        1, "a job of two seconds");
    TAP_OK(rig_wait_state(&rig, 1, "RUNNING", 10), "runs");
    TAP_EQ_INT(rig_stop(&rig, SIGTERM), 0, "SIGTERM ends the daemon in order");
    TAP_OK(access(rig.socket, F_OK) != 0, "its socket is gone");
    snprintf(snapshots, sizeof snapshots, "%s/snapshots", rig.state);
    TAP_OK(access(snapshots, F_OK) == 0, "a snapshot was left");
    before = rig_get(&rig, "/v1/version", NULL);
    TAP_EQ_INT(before, 0, "nothing answers");
    TAP_HAS(rig.error.text, "start one with `dure up`", "and the client says what to do");
    sleep(2);
    if (!TAP_OK(rig_start(&rig, NULL), "started again"))
        return;
    TAP_OK(rig_wait_state(&rig, 1, "COMPLETED", 10), "the job ended meanwhile and its end was found");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs/1/logs", NULL), 200, "its output is there");
    TAP_EQ_STR(rig.reply.body, "done\n", "whole");
    TAP_OK(file_has(rig.log, "from a snapshot"), "recovery began at the snapshot");
    TAP_EQ_INT(rig_post(&rig, "/v1/shutdown", NULL), 202, "an operator stops it over the API");
    TAP_EQ_INT(rig_stop(&rig, 0), 0, "and it ends in order");
    rig_remove(&rig);
}

static void test_two(void)
{
    struct rig rig, other;
    const char *same_state[] = {"--socket", NULL, NULL};
    char socket[600];
    int status;

    rig_make(&rig, "two", 1, false);
    if (!TAP_OK(rig_start(&rig, NULL), "a daemon"))
        return;
    pid_t second = rig_spawn(&rig, NULL);
    waitpid(second, &status, 0);
    TAP_EQ_INT(WEXITSTATUS(status), 1, "another on its socket ends");
    TAP_OK(file_has(rig.log, "another daemon listens on"), "and says why");
    snprintf(socket, sizeof socket, "%s/e.sock", rig.folder);
    same_state[1] = socket;
    second = rig_spawn(&rig, same_state);
    waitpid(second, &status, 0);
    TAP_EQ_INT(WEXITSTATUS(status), 1, "another on its state ends");
    snprintf(socket, sizeof socket, "%d", (int)rig.pid);
    TAP_OK(file_has(rig.log, socket), "and names the holder's pid");
    TAP_EQ_INT(rig_get(&rig, "/healthz", NULL), 200, "the first one is well");
    rig_make(&other, "bad", 1, false);
    FILE *file = fopen(other.fleet, "ae");
    fputs("  - {name: far, bogus: 1}\n", file);
    fclose(file);
    second = rig_spawn(&other, NULL);
    waitpid(second, &status, 0);
    TAP_EQ_INT(WEXITSTATUS(status), 2, "a bad spec at a first start ends with 2");
    TAP_OK(file_has(other.log, "fleet.yaml:9:"), "naming file and line");
    rig_remove(&rig);
}

static void test_disk(void)
{
    static const char *const options[] = {"--disk-low-mib", "100000000", NULL};
    struct rig rig;

    rig_make(&rig, "disk", 1, true);
    if (!TAP_OK(rig_start(&rig, NULL), "a daemon with room"))
        return;
    TAP_EQ_INT(rig_submit(&rig, "\"models\":[\"virtual\"],\"command\":[\"/bin/sh\",\"-c\",\"sleep 1\"]", NULL), 1,
               "takes a job");
    TAP_EQ_INT(rig_submit(&rig, "\"models\":[\"virtual\"],\"command\":[\"/bin/sleep\",\"300\"]", NULL), 2,
               "and another");
    rig_stop(&rig, SIGTERM);
    rig.pid = rig_spawn(&rig, options);
    for (int i = 0; i < 500 && dure_client_health(rig.client, &rig.error) != DURE_E_FULL; i++)
        usleep(10000);
    TAP_EQ_INT(rig_get(&rig, "/healthz", NULL), 503, "one without room says so");
    TAP_EQ_STR(rig_code(&rig), "disk_full", "as disk_full");
    TAP_EQ_INT(rig_submit(&rig, "\"command\":[\"/bin/true\"]", NULL), 0, "takes nothing new");
    TAP_EQ_INT(rig.reply.status, 507, "with 507");
    TAP_EQ_INT(rig_post(&rig, "/v1/jobs/2/cancel", "{}"), 200, "lets one stop what fills the disk");
    TAP_OK(rig_wait_state(&rig, 2, "CANCELLED", 10), "which ends");
    TAP_OK(rig_wait_state(&rig, 1, "COMPLETED", 10), "and still sees what runs end");
    rig_remove(&rig);
}

static void test_rate_and_limits(void)
{
    static const char *const options[] = {"--rate", "3", NULL};
    struct rig rig;
    char *big = malloc((8 << 20) + 100);
    int refused = 0;

    rig_make(&rig, "rate", 1, false);
    if (!TAP_OK(rig_start(&rig, options), "a daemon that takes 3 writes a second"))
        return;
    for (int i = 0; i < 8; i++)
        refused += rig_submit(&rig, "\"command\":[\"/bin/true\"]", NULL) == 0 && rig.reply.status == 429;
    TAP_OK(refused >= 4, "refuses most of eight at once (%d)", refused);
    TAP_EQ_STR(rig_code(&rig), "rate", "with the code");
    TAP_OK(dure_reply_header(&rig.reply, "retry-after", big, 100), "and Retry-After");
    memset(big, ' ', (8 << 20) + 1);
    big[(8 << 20) + 1] = '\0';
    TAP_EQ_INT(rig_post(&rig, "/v1/jobs", big), 413, "a body of 8 MiB and a byte");
    sleep(1);
    TAP_EQ_INT(rig_post(&rig, "/v1/jobs", "{\"kind\":\"Job\",\"version\":1,\"kind\":\"Job\"}"), 400, "a field twice");
    TAP_EQ_INT(rig_post(&rig, "/v1/jobs", "[1,"), 400, "no JSON");
    sleep(1);
    TAP_EQ_INT(
        rig_post(&rig, "/v1/jobs", "{\"kind\":\"Job\",\"version\":1,\"gpus\":0,\"bogus\":1,\"command\":[\"a\"]}"), 400,
        "two faults in a job");
    TAP_EQ_UINT(json_array_size(json_object_get(json_object_get(rig.reply.json, "error"), "problems")), 2,
                "are both named");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs", "bogus=1"), 400, "an unknown query parameter");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs", "limit=1001"), 400, "a page too large");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs", "state=none"), 400, "an unknown state");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs", "after=x"), 400, "a bad cursor");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs/0", NULL), 400, "a bad number");
    TAP_EQ_INT(rig_get(&rig, "/v1/jobs/1.x", NULL), 400, "a bad element");
    TAP_EQ_INT(rig_get(&rig, "/v1/nowhere", NULL), 404, "a path that is none");
    TAP_EQ_INT(rig_call(&rig, "PUT", "/v1/jobs", NULL, "{}", NULL), 405, "a method that is none");
    free(big);
    rig_remove(&rig);
}

/* Two hours of emulated work at 36,000 times the machine's pace; real work finds no engine. */
static void test_fast_clock(void)
{
    static const char *const options[] = {"--clock-speed", "36000", "--clock-from", "2027-06-30T20:00:00+09:00", NULL};
    static const char *const wrong[][3] = {{"--clock-speed", "0", NULL}, {"--clock-from", "tomorrow", NULL}};
    struct rig rig;
    int status;

    rig_make(&rig, "fast", 1, true);
    for (int i = 0; i < 2; i++)
        if (TAP_OK(waitpid(rig_spawn(&rig, wrong[i]), &status, 0) > 0, "it ends"))
            TAP_EQ_INT(WEXITSTATUS(status), 2, "a clock that is none is refused: %s %s", wrong[i][0], wrong[i][1]);
    if (!TAP_OK(rig_start(&rig, options), "a daemon whose time passes faster"))
        return;
    rig_submit(&rig, "\"command\":[\"a\"],\"walltime\":\"3h\",\"runs_for\":\"2h\",\"model\":\"big\"", NULL);
    TAP_OK(rig_wait_state(&rig, 1, "COMPLETED", 20), "ends two hours of work in a moment");
    TAP_EQ_INT(rig_get(&rig, "/v1/version", NULL), 200, "and says");
    TAP_OK(strncmp(rig_text(&rig, "started"), "2027-06-30T11:", 14) == 0, "when it began, by that clock");
    TAP_OK(strncmp(rig_text(&rig, "time"), "2027-", 5) == 0, "and what time it is");
    rig_submit(&rig, "\"command\":[\"/bin/true\"],\"model\":\"virtual\",\"requeue\":false", NULL);
    TAP_OK(!rig_wait_state(&rig, 2, "COMPLETED", 1), "real work does not run by it");
    rig_remove(&rig);
}

int main(void)
{
    test_fast_clock();
    test_keys();
    test_stop();
    test_two();
    test_disk();
    test_rate_and_limits();
    return tap_done();
}
