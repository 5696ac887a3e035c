#pragma once
/* Shared by the benches: options, a temporary daemon, figures. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/fleet.h"

struct bench_options {
    unsigned clients;
    unsigned seconds;
    uint64_t jobs;
    const char *fleet; /* a file */
    const char *file;  /* a workload */
    uint32_t nodes;
    uint32_t gpus;
    uint64_t pending;
    uint32_t days;
    bool mixed;
    unsigned load_percent;
    bool json;
    bool progress; /* standard error is a terminal */
};

/* One bench: fills the JSON object's members ("\"per_s\":1.0") and the words for people. */
struct bench {
    const char *name;
    struct bench_options defaults;
    const char *options; /* the long options it takes, space separated */
    enum dure_err (*run)(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                         struct dure_error *error);
};

enum dure_err bench_submit(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                           struct dure_error *error);
enum dure_err bench_start(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error);
enum dure_err bench_recover(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                            struct dure_error *error);
enum dure_err bench_load(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                         struct dure_error *error);
enum dure_err bench_lifecycle(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                              struct dure_error *error);
enum dure_err bench_workload(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                             struct dure_error *error);
enum dure_err bench_place(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error);
enum dure_err bench_scale(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error);
enum dure_err bench_gang(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                         struct dure_error *error);
enum dure_err bench_reclaim(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                            struct dure_error *error);
enum dure_err bench_no(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                       struct dure_error *error);
enum dure_err bench_estimate(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                             struct dure_error *error);
enum dure_err bench_shares(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                           struct dure_error *error);
enum dure_err bench_sim(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                        struct dure_error *error);
enum dure_err bench_queue(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error);

/* A daemon of our own on a temporary state. */
struct bench_daemon {
    pid_t pid;
    char directory[256]; /* removed by bench_daemon_remove */
    char state[300];
    char socket[320];
    char fleet[320], tenants[320];
    char project[128];
    char launch_to[320]; /* "": no launch messages */
};

/* Makes the folder, and the specs: `fleet_file` (NULL: this machine with virtual GPUs) and one project with an allotment of nodes of the first group. */
DURE_NODISCARD enum dure_err bench_daemon_make(const char *fleet_file, struct bench_daemon *daemon,
                                               struct dure_error *error);
/* The same with these specs. */
DURE_NODISCARD enum dure_err bench_daemon_make_with(const struct dure_buf *fleet, const struct dure_buf *tenants,
                                                    struct bench_daemon *daemon, struct dure_error *error);
/* Starts it and waits for /healthz. `ret_us` (may be NULL): from exec to healthy. */
DURE_NODISCARD enum dure_err bench_daemon_start(struct bench_daemon *daemon, int64_t *ret_us, struct dure_error *error);
void bench_kill(pid_t *pid, int signal);                         /* one of our processes, if it runs; and waits */
void bench_daemon_kill(struct bench_daemon *daemon, int signal); /* and waits */
void bench_daemon_remove(struct bench_daemon *daemon);           /* kills what runs, removes the folder */
uint64_t bench_rss_mib(pid_t pid);                               /* resident now; 0 if unknown */
uint64_t bench_rss_peak_mib(pid_t pid);
uint64_t bench_cpu_us(pid_t pid); /* of all its threads so far, user and system; 0 if unknown */

int64_t bench_now_us(void); /* monotonic */
int64_t bench_wall_us(void);
bool bench_program(const char *name, char *path, size_t size); /* beside this program */
/* The q-th thousandth of sorted values. */
uint64_t bench_quantile(uint64_t *values, size_t count, unsigned per_mille);
DURE_NODISCARD enum dure_err bench_read_file(const char *path, struct dure_buf *buf, struct dure_error *error);
DURE_NODISCARD enum dure_err bench_parse_fleet(const char *path, struct dure_fleet **ret_fleet,
                                               struct dure_error *error);
