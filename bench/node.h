#pragma once
/* The stand-in for the daemons of the nodes: a process of its own that takes the daemon's launch messages (dured --launch-to) from a Unix socket, notes when
 * each job's came, and does nothing else. */
#include "bench/world.h"

enum { BENCH_NODE_JOBS_MAX = 1 << 23 };

struct bench_node {
    pid_t pid;
    int socket;
    struct bench_node_board *board; /* shared with the process */
};

/* Listens on `path` and begins the process, which ends with this one at the latest. */
DURE_NODISCARD enum dure_err bench_node_start(const char *path, struct bench_node *node, struct dure_error *error);
void bench_node_stop(struct bench_node *node);
uint64_t bench_node_messages(const struct bench_node *node);            /* so far */
int64_t bench_node_last_us(const struct bench_node *node);              /* when the newest came, monotonic */
int64_t bench_node_job_us(const struct bench_node *node, uint64_t job); /* when this job's came; 0: it did not */

/* All that a bench of the whole needs: the plan of a fleet, its daemon (started), the stand-in that it tells of starts. */
DURE_NODISCARD enum dure_err bench_launching_make(uint32_t nodes, struct bench_world *world,
                                                  struct bench_daemon *daemon, struct bench_node *node,
                                                  struct dure_error *error);
void bench_launching_release(struct bench_world *world, struct bench_daemon *daemon, struct bench_node *node);
