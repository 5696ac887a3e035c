#pragma once
/* What the files of this room share. */
#include "base/map.h"
#include "sim/run/heap.h"
#include "sim/run/sim.h"

enum event_kind { EVENT_END, EVENT_NODE_DOWN, EVENT_NODE_UP };

/* One live attempt, as the engine knows it. */
struct run {
    uint64_t attempt, job;
    uint32_t element, tenant, chain, next_free;
    uint64_t gpus_milli;
    int64_t submitted_us;
    int64_t began_us;                                    /* before the run, where it was taken over */
    int64_t started_us, ends_us, work_us, checkpoint_us; /* ends: as foreseen now */
    int64_t would_end_us;                                /* but for a warning */
    int32_t exit_code;
    uint32_t place_count;
    uint8_t borrowed, size, cause, requeued, warned, gang;
    struct dure_place one, *more; /* one place, or several */
};

static inline const struct dure_place *run_places(const struct run *run)
{
    return run->place_count > 1 ? run->more : &run->one;
}

/* GPUs in use now and what they add up to, in thousandths of a GPU times microseconds; brought up to date only when it changes. */
struct meter {
    uint64_t milli[2];
    int64_t since_us;
    dure_wide sum[2];
};

struct sim {
    struct dure_sim_options options;
    struct dure_core *core;
    struct dure_loop *loop;
    struct dure_engine engine;
    struct dure_sim_heap heap;
    int64_t now_us, wake_us;
    struct dure_sim_job next;
    bool has_next, failed, stopped;
    struct dure_error *error;

    struct run *runs;
    uint32_t run_count, run_capacity, run_free;
    struct dure_map by_attempt; /* to its run */
    struct dure_map left;       /* work left of what was put back, by job and element */
    struct dure_map claimed;    /* when a place was reserved, by job and element */

    struct meter *meters; /* by row */
    struct meter total;
    uint32_t *node_busy; /* attempts on each node */
    bool *node_down;
    uint32_t **idle_nodes; /* by chain, by top cell: nodes wholly idle and up */
    uint32_t *top_row;     /* of each tenant */
    int64_t *notice_us;    /* of each owner: what it gives */
    uint64_t gpus_idle_nodes, gpus_up;
    uint64_t pending, running; /* where there is no core to ask */
    bool no_rights;            /* nobody has any: starts keep no promise */
    uint64_t blocked_milli;    /* now; see struct dure_sim_sample */
    int64_t counted_us;        /* pending and available are summed up to here */
    uint64_t part_us;          /* of the pending sum, below a ms */
    dure_wide available;
    struct dure_digest decisions;
    uint64_t random;
    struct dure_sim_result *result;
};

/* measure.c */
bool measure_tables(struct sim *sim);             /* before the specs; false: no memory */
void measure_begin(struct sim *sim);              /* when the specs are in */
void measure_to(struct sim *sim, int64_t now_us); /* time goes on: sums and the series */
void measure_start(struct sim *sim, const struct run *run, const struct dure_order *order, bool recovering);
/* At the end: its right was claimed then, and is not served yet. */
void measure_waits_still(struct sim *sim, uint32_t tenant, int64_t claimed_us);
void measure_end(struct sim *sim, const struct run *run);
void measure_over(struct sim *sim, uint32_t tenant, enum dure_job_state state, int64_t took_us); /* a job's end */
void measure_node(struct sim *sim, uint32_t node, bool down);
/* `run`: of the attempt that ends; NULL: it has none, or there is none. */
void measure_decision(struct sim *sim, const struct dure_record *decision, const struct run *run);
void measure_finish(struct sim *sim);
void measure_release(struct sim *sim);
uint64_t measure_key(uint64_t job, uint32_t element);

/* work.c: the engine. */
void work_engine(struct sim *sim);
const struct run *work_decided(struct sim *sim, const struct dure_record *decision); /* its run, if it ends one; NULL */
void work_fetch(const struct sim *sim, const struct dure_sim_event *event);          /* it is due soon */
void work_due(struct sim *sim, const struct dure_sim_event *event);
bool work_failures_begin(struct sim *sim);
void work_release(struct sim *sim);
