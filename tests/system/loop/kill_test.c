/* The real programs, killed with SIGKILL at seeded instants under load. Each job leaves a line in a file of its own; in the end every acknowledged submission has
 * run, under the number that was acknowledged, a key never made two jobs, and no attempt ran twice. 50 kills; 2,000 with DURE_SOAK set. */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/inner.h"
#include "client/client.h"
#include "tap.h"

enum { CLIENTS = 4, KEYS_MAX = 200000, DRAIN_US = 120 * 1000000 };

/* One submission: known by its key from the first try on. */
struct submission {
    uint64_t job; /* 0: never acknowledged */
    unsigned tries;
};

static struct submission submissions[KEYS_MAX];
static unsigned submission_count;
static unsigned conflicting; /* a retry that answered with another job */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bench_daemon daemon_here;
static _Atomic bool stop;

static void pause_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* A key that was tried and never answered comes first: its fate is what a client would ask about. */
static unsigned take_key(void)
{
    static unsigned scan;
    unsigned key = KEYS_MAX;
    pthread_mutex_lock(&lock);
    while (scan < submission_count && submissions[scan].job != 0)
        scan++;
    for (unsigned i = scan; i < submission_count && key == KEYS_MAX; i++)
        if (submissions[i].job == 0 && submissions[i].tries < 1000 && submissions[i].tries > 0)
            key = i;
    if (key == KEYS_MAX && submission_count < KEYS_MAX)
        key = submission_count++;
    if (key < KEYS_MAX)
        submissions[key].tries += 1000; /* taken: put back by give_key */
    pthread_mutex_unlock(&lock);
    return key;
}

static void give_key(unsigned key, uint64_t job)
{
    pthread_mutex_lock(&lock);
    submissions[key].tries -= 999;
    if (submissions[key].job != 0 && submissions[key].job != job)
        conflicting++;
    if (job != 0)
        submissions[key].job = job;
    pthread_mutex_unlock(&lock);
}

static uint64_t submit(struct dure_client *client, unsigned key)
{
    char body[1024], idem[32];
    struct dure_reply reply = {0};
    struct dure_error error = {0};
    uint64_t job = 0;

    snprintf(idem, sizeof idem, "key-%u", key);
    snprintf(body, sizeof body,
             "{\"kind\":\"Job\",\"version\":1,\"name\":\"kill\",\"project\":\"%s\",\"gpus\":1,\"walltime\":\"5m\","
             "\"workdir\":\"%s\",\"stdout\":\"/dev/null\","
             "\"command\":[\"/bin/sh\",\"-c\",\"echo $DURE_JOB_ID $DURE_ATTEMPT >> effects/%u\"]}",
             daemon_here.project, daemon_here.directory, key);
    struct dure_request request = {
        .method = "POST", .path = "/v1/jobs", .body = body, .body_length = strlen(body), .idempotency_key = idem};
    if (dure_client_call(client, &request, &reply, &error) == DURE_OK)
        job = (uint64_t)json_integer_value(json_object_get(reply.json, "job"));
    else if (error.code != DURE_E_UNREACHABLE && error.code != DURE_E_BUSY && error.code != DURE_E_TIMEOUT &&
             error.code != DURE_E_IO)
        tap_diag("submission %u: %s", key, error.text);
    dure_reply_release(&reply);
    return job;
}

static void *client_main(void *arg)
{
    struct dure_client *client;
    (void)arg;
    if (dure_client_new(&(struct dure_client_options){.socket_path = daemon_here.socket, .timeout_us = 5000000},
                        &client, NULL) != DURE_OK)
        return NULL;
    while (!stop) {
        unsigned key = take_key();
        if (key == KEYS_MAX)
            break;
        uint64_t job = submit(client, key);
        give_key(key, job);
        pause_us(job != 0 ? 4000 : 500);
    }
    dure_client_free(client);
    return NULL;
}

static bool kill_round(uint64_t *seed)
{
    pthread_t threads[CLIENTS];
    struct dure_error error = {0};

    if (bench_daemon_start(&daemon_here, NULL, &error) != DURE_OK) {
        tap_diag("the daemon did not come up again: %s", error.text);
        return false;
    }
    stop = false;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (pthread_create(&threads[i], NULL, client_main, NULL) != 0)
            tap_bail("no thread");
    pause_us((long)tap_random_below(seed, 80000));
    bench_daemon_kill(&daemon_here, SIGKILL);
    stop = true;
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    return true;
}

static int64_t live_jobs(struct dure_client *client)
{
    struct dure_reply reply = {0};
    int64_t count = -1;
    if (dure_client_call(client,
                         &(struct dure_request){.method = "GET", .path = "/v1/jobs", .query = "state=live&limit=1"},
                         &reply, NULL) == DURE_OK)
        count = (int64_t)json_array_size(json_object_get(reply.json, "jobs"));
    dure_reply_release(&reply);
    return count;
}

static bool drain(void)
{
    struct dure_client *client;
    int64_t until = bench_now_us() + DRAIN_US, live = -1;
    if (dure_client_new(&(struct dure_client_options){.socket_path = daemon_here.socket}, &client, NULL) != DURE_OK)
        return false;
    while ((live = live_jobs(client)) != 0 && bench_now_us() < until)
        pause_us(50000);
    dure_client_free(client);
    return live == 0;
}

/* Reads a submission's own file: the job it ran as, the lines, and whether an attempt stands there twice. */
static unsigned read_effects(unsigned key, uint64_t *ret_job, bool *ret_twice, bool *ret_mixed)
{
    char path[400];
    unsigned lines = 0;
    uint64_t job = 0, attempt = 0, attempts[64];
    snprintf(path, sizeof path, "%s/effects/%u", daemon_here.directory, key);
    FILE *file = fopen(path, "re");
    *ret_twice = *ret_mixed = false;
    *ret_job = 0;
    while (file != NULL && lines < 64 && fscanf(file, "%" SCNu64 " %" SCNu64, &job, &attempt) == 2) {
        for (unsigned i = 0; i < lines; i++)
            *ret_twice = *ret_twice || attempts[i] == attempt;
        *ret_mixed = *ret_mixed || (*ret_job != 0 && *ret_job != job);
        *ret_job = job;
        attempts[lines++] = attempt;
    }
    if (file != NULL)
        fclose(file);
    return lines;
}

static void check_effects(void)
{
    unsigned acked = 0, missing = 0, other = 0, twice = 0, mixed = 0, again = 0;
    for (unsigned key = 0; key < submission_count; key++) {
        uint64_t job;
        bool is_twice, is_mixed;
        unsigned lines = read_effects(key, &job, &is_twice, &is_mixed);
        twice += is_twice;
        mixed += is_mixed;
        again += lines > 1;
        if (submissions[key].job == 0)
            continue;
        acked++;
        missing += lines == 0;
        other += lines > 0 && job != submissions[key].job;
    }
    TAP_OK(acked > 0, "%u submissions were acknowledged", acked);
    TAP_EQ_UINT(missing, 0, "each of them has run");
    TAP_EQ_UINT(other, 0, "under the number that was acknowledged");
    TAP_EQ_UINT(mixed + conflicting, 0, "a key never made two jobs");
    TAP_EQ_UINT(twice, 0, "no attempt ran twice");
    TAP_EQ_UINT(again, 0, "no job ran again without need");
}

int main(void)
{
    uint64_t seed = tap_seed(20260305);
    unsigned kills = getenv("DURE_SOAK") != NULL ? 2000 : 50, done = 0;
    char effects[300];
    struct dure_error error = {0};

    if (bench_daemon_make(NULL, &daemon_here, &error) != DURE_OK)
        tap_bail("%s", error.text);
    snprintf(effects, sizeof effects, "%s/effects", daemon_here.directory);
    if (mkdir(effects, 0700) != 0)
        tap_bail("no folder for the effects");
    while (done < kills && kill_round(&seed))
        done++;
    TAP_EQ_UINT(done, kills, "the daemon came up after each of %u kills", kills);
    if (bench_daemon_start(&daemon_here, NULL, &error) != DURE_OK)
        tap_bail("%s", error.text);
    TAP_OK(drain(), "what was accepted is worked off");
    check_effects();
    bench_daemon_remove(&daemon_here);
    return tap_done();
}
