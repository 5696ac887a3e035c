#pragma once
/* Whose turn it is: policies of order behind one interface. At every event the simulator asks each policy for keys, sorts the jobs by them (ties keep
 * the order they had), and lets them start in that order. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dure_turn_job {
    double submit_s;
    double service_s;   /* what it takes alone, all in all */
    double remaining_s; /* of that */
    double attained_s;  /* how long it has run, start costs included */
    uint32_t gpus;
    uint32_t level;    /* the policy's own: which of its queues the job is in */
    uint64_t position; /* the policy's own: its place in that queue */
    bool running;
};

enum dure_turn_fit {
    DURE_TURN_SKIPS,     /* what does not fit is passed over */
    DURE_TURN_BLOCKS,    /* what does not fit holds back all behind it */
    DURE_TURN_BACKFILLS, /* ... but for those that end, or leave room, before it can start (EASY) */
};

struct dure_turn_key {
    double first;
    uint64_t second;
};

struct dure_turn_policy {
    const char *name;
    bool preempts; /* all stop at every event and start anew in order; otherwise who runs, runs on */
    bool counts;   /* GPUs are counted over the whole cluster, whatever node they are in */
    enum dure_turn_fit fit;
    struct dure_turn_key (*key)(const struct dure_turn_job *job);
    /* NULL: nothing. After the job has run (or arrived: attained 0), with a counter of the policy's own that starts at 0. */
    void (*ran)(struct dure_turn_job *job, uint64_t *counter);
    /* NULL: nothing. The job has been passed over at this event. */
    void (*passed)(struct dure_turn_job *job, uint64_t *counter);
    /* NULL: never. Seconds of running from now until the key changes by itself. */
    double (*changes_in)(const struct dure_turn_job *job);
};

extern const struct dure_turn_policy dure_turn_fifo, dure_turn_sjf, dure_turn_srtf, dure_turn_srsf,
    dure_turn_tiresias_l, dure_turn_easy;
extern const struct dure_turn_policy *const dure_turn_policies[]; /* ends with NULL */
const struct dure_turn_policy *dure_turn_find(const char *name);  /* NULL: none */
