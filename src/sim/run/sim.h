#pragma once
/* The simulator: the daemon's own core and loop (the same libraries) on a virtual clock, with an engine that knows how long each attempt will last.
 *
 * A run is a function of its options: the same inputs and seed give the same digest on every machine and build. No floating point, no clock, no hash
 * order. One thread. Unless a journal is given the loop runs without a store. Memory is what lives: ended jobs leave the core and this room. */
#include "base/hash.h"
#include "loop/loop.h"
#include "model/data.h"
#include "model/power.h"
#include "model/tenants.h"

enum {
    DURE_SIM_SIZES = 6,
    DURE_SIM_WAITS_MAX = 128,
    DURE_SIM_SAMPLES_MAX = 512,
    DURE_SIM_ROWS_MAX = 65536, /* tenants at the top and chains together */
};

struct dure_sim_job {
    int64_t at_us;       /* when it is submitted */
    struct dure_job job; /* emulated_us: how long it works, over all its attempts */
};

/* Jobs in the order of their times. False: no more. What the job points to (names of levels) lives as long as the run. */
typedef bool (*dure_sim_next_fn)(void *context, struct dure_sim_job *ret_job);

struct dure_sim_progress {
    int64_t from_us, now_us, until_us; /* until: DURE_NEVER_US where the end is not known */
    uint64_t jobs, pending, running;
};

struct dure_sim_options {
    /* From here on: a recovered core, which the run takes over, with so many leaves behind it. NULL: an empty one, given the specs below. What runs there
     * goes on for what is left of its length, or of its walltime where it tells none. `fleet` and `tenants` are then copies of what it will hold once
     * the changes are in. */
    struct dure_core *core;
    uint64_t leaves;
    const struct dure_record *changes; /* inputs at the beginning; one that is refused fails the run */
    size_t change_count;
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants;
    const struct dure_power *power; /* NULL: no limits */
    const struct dure_data *data;   /* NULL: no datasets */
    dure_sim_next_fn next;
    void *context;
    uint64_t seed;                /* of failures */
    int64_t from_us, until_us;    /* until: DURE_NEVER_US: until all that was submitted has ended, or waits for ever */
    int64_t batch_us;             /* inputs of so long share one batch of the loop, at its end; 0: each moment is one */
    int64_t node_fails_us;        /* a node fails about every so long; 0: never */
    int64_t node_mends_us;        /* and is back after about so long */
    uint32_t job_fails_per_mille; /* of first attempts, somewhere on their way, with exit 1 */
    int64_t leaves_us;            /* from the warning to its end, within its grace */
    bool (*progress)(void *context, const struct dure_sim_progress *progress); /* false: stop here; NULL: nobody asks */
    void *progress_context;
    void (*heard)(void *context,
                  const struct dure_record *decision); /* every decision, as it is made; NULL: nobody asks */
    void *heard_context;
    struct dure_journal *journal; /* empty: every record is kept there, as a daemon would; NULL: nothing is */
};

/* Times in steps of a quarter of a power of two, from 1 s; what is under a second counts as zero. */
struct dure_sim_waits {
    uint64_t count, zero, sum_ms, most_ms;
    uint64_t at[DURE_SIM_WAITS_MAX];
};
void dure_sim_waits_add(struct dure_sim_waits *waits, int64_t wait_us);
int64_t dure_sim_waits_quantile(const struct dure_sim_waits *waits,
                                unsigned per_mille); /* in ms, the upper edge of its step */
int64_t dure_sim_waits_edge_ms(unsigned step);       /* the upper edge */

extern const char *const dure_sim_size_names[DURE_SIM_SIZES]; /* "1", "2-7", "8", "9-64", "65-512", "513+" GPUs */
unsigned dure_sim_size_of(uint64_t gpus_milli);

/* One row a tenant, by its id; sums of the tenant itself, without what is below it. */
struct dure_sim_tenant {
    uint64_t submitted, refused, ended, failed;
    uint64_t gpu_ms[2];  /* used: guaranteed, borrowed */
    uint64_t lost_ms;    /* of it, work that was done again */
    uint64_t started[2]; /* first starts */
    uint64_t wait_ms[2]; /* of these, in all */
    uint64_t evicted;    /* its attempts, taken back by their owner */
    uint64_t at_once, in_time,
        late;             /* its right: cells free when its turn came, cleared within the notice, later than promised */
    int64_t latest_ms;    /* the longest clearing */
    uint64_t blocked;     /* starts by right that waited for a shape while as many GPUs lay idle */
    uint64_t blocked_ms;  /* GPUs times ms of that */
    uint64_t short_cells; /* times that a cell of it was named short: hardware was lost */
};

struct dure_sim_chain {
    uint64_t gpus, gpu_ms[2];
};

/* One row of the series. Sums over a step's span. */
struct dure_sim_sample {
    uint64_t pending_ms; /* jobs times ms */
    uint64_t evicted;
    uint64_t
        blocked_ms; /* GPUs times ms that rights waited for a shape while as many GPUs lay idle: quotas know counts only */
    uint64_t gpus_idle, gpus_whole,
        gpus_largest;   /* at its end: idle, on nodes wholly idle, of those in one top cell of a chain */
    uint64_t gpus_gang; /* ... and in one chain: the largest gang of whole nodes that could still start there */
};

struct dure_sim_result {
    int64_t from_us, until_us;
    bool partial;              /* stopped before its end */
    bool no_rights;            /* decided by rules that know none: nothing is promised */
    bool no_cells;             /* ... that know counts alone: what waits for a shape is told by `blocked` */
    struct dure_digest digest; /* over the state at the end and every decision before it */
    uint64_t gpus;             /* that there are at the end */
    uint64_t available_ms;     /* GPUs times ms that were there and up */
    uint64_t gpu_ms[2], gang_ms, lost_ms;
    uint64_t submitted, refused, ended, completed, failed, timeouts, starts, starts_borrowed, requeues;
    uint64_t evicted, evicted_ms; /* borrowed attempts that owners took back, and what they had used */
    uint64_t node_failures, lost_attempts, warned, promises_late;
    uint64_t pending_ms, pending_now, running_now, passes, records;
    uint64_t turnaround_ms; /* of those that ended, from submission to the end, in all */
    uint64_t blocked, blocked_gangs, blocked_ms,
        blocked_most_ms; /* starts by right that waited so; GPUs times ms; the longest */
    struct dure_sim_waits waits[2][DURE_SIM_SIZES];
    struct dure_sim_waits (*top_waits)[2]; /* of each row of `tops` */
    uint32_t tenant_count, chain_count, top_count;
    struct dure_sim_tenant *tenants;
    struct dure_sim_chain *chains;
    uint32_t *tops;  /* tenants without a parent; row k of the series is tops[k], row top_count + c is chain c */
    int64_t step_us; /* of the series */
    uint32_t sample_count;
    struct dure_sim_sample *samples;
    uint64_t *series; /* [sample][row][class], GPU ms */
};
void dure_sim_result_release(struct dure_sim_result *result);

/* E_INVALID and others: the specs or an input were refused, with the core's words. A refused job is no failure: it is counted. The caller releases. */
DURE_NODISCARD enum dure_err dure_sim_run(const struct dure_sim_options *options, struct dure_sim_result *ret_result,
                                          struct dure_error *error);

/* A daemon's history once more: each input of its journal decided again, at its time, by a core of ours, and measured as a run. E_DIVERGED names the first decision or
 * digest that is not the stored one. Of the options count `fleet` and `tenants` (those in force at the end), `from_us` (the first record's time), `until_us`
 * (the last's) and `progress`. A right counts as served in time until ten seconds after the notice: real nodes have to be cleared. */
struct dure_sim_replayed {
    uint64_t leaves, inputs, decisions;
    uint64_t skipped; /* of stretches that another version decided: applied, not decided again */
    struct dure_digest digest;
};
DURE_NODISCARD enum dure_err dure_sim_replay(struct dure_journal *journal, const struct dure_sim_options *options,
                                             struct dure_sim_result *ret_result,
                                             struct dure_sim_replayed *ret_replayed, struct dure_error *error);
