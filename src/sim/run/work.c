/* The engine of the simulator: what a node does with an order, on virtual time. A job works for as long as it says, over all its attempts. Warned, it keeps
 * its work if it keeps any (checkpoint) and leaves; on a node that fails, what it did since its last checkpoint is lost; one that keeps nothing begins
 * again. Like every emulated site it reports ends, not starts: the core takes those as begun. */
#include <stdlib.h>
#include <string.h>

#include "sim/make/draw.h"
#include "sim/run/inner.h"

enum { NODES_UP_TRIES = 8 };

static struct run *run_of(struct sim *sim, uint64_t attempt)
{
    uint64_t at;
    return dure_map_get(&sim->by_attempt, attempt, &at) ? &sim->runs[at] : NULL;
}

static void out_of_memory(struct sim *sim)
{
    if (!sim->failed)
        (void)dure_fail(sim->error, DURE_E_MEMORY, "out of memory for what runs");
    sim->failed = true;
}

static struct run *run_take(struct sim *sim)
{
    if (sim->run_free == UINT32_MAX && sim->run_count == sim->run_capacity) {
        const uint32_t capacity = sim->run_capacity ? sim->run_capacity * 2 : 1024;
        struct run *more = realloc(sim->runs, capacity * sizeof *more);
        if (!more)
            return NULL;
        sim->runs = more;
        sim->run_capacity = capacity;
    }
    if (sim->run_free == UINT32_MAX)
        return &sim->runs[sim->run_count++];
    struct run *run = &sim->runs[sim->run_free];
    sim->run_free = run->next_free;
    return run;
}

/* Where a first attempt fails by itself is drawn from the job's number, so that it is the same under other rules. */
static int64_t lasts(const struct sim *sim, const struct dure_order *order, int64_t work_us, int32_t *ret_exit)
{
    uint64_t state = sim->options.seed ^ dure_hash64(order->ref.job.v * UINT64_C(0x100000001b3) + order->ref.element);
    *ret_exit = 0;
    if (dure_draw_below(&state, 1000) >= sim->options.job_fails_per_mille)
        return work_us;
    *ret_exit = 1;
    return work_us / 1000 * (int64_t)dure_draw_below(&state, 1000) + 1;
}

static bool place_run(struct run *run, const struct dure_order *order)
{
    run->one = order->places[0];
    run->place_count = order->place_count;
    if (order->place_count == 1)
        return true;
    run->more = malloc(order->place_count * sizeof *run->more);
    if (!run->more) {
        run->place_count = 1;
        return false;
    }
    memcpy(run->more, order->places, order->place_count * sizeof *run->more);
    return true;
}

static void drop_places(struct run *run)
{
    if (run->place_count > 1)
        free(run->more);
    run->place_count = 0;
}

static void foresee(struct sim *sim, struct run *run, int64_t at_us)
{
    run->ends_us = at_us;
    if (!dure_sim_heap_add_at(&sim->heap, at_us, EVENT_END, run->attempt, (uint32_t)(run - sim->runs)))
        out_of_memory(sim);
}

static void start(void *context, const struct dure_order *order, bool recovering)
{
    struct sim *sim = context;
    struct run *run = run_take(sim);
    if (!run || !dure_map_put(&sim->by_attempt, order->attempt.v, (uint64_t)(run - sim->runs))) {
        out_of_memory(sim);
        return;
    }
    const struct dure_job *job = order->job;
    int64_t work_us = job->emulated_us > 0 ? job->emulated_us : job->walltime_us;
    uint64_t left;
    if (order->restarts && dure_map_get(&sim->left, measure_key(order->ref.job.v, order->ref.element), &left))
        work_us = (int64_t)left;
    *run = (struct run){.attempt = order->attempt.v,
                        .job = order->ref.job.v,
                        .element = order->ref.element,
                        .tenant = job->tenant.v,
                        .gpus_milli = (uint64_t)job->tasks * job->task_gpus * job->task_gpu_milli,
                        .submitted_us = order->submitted_us,
                        .began_us = order->started_us,
                        .started_us = recovering ? sim->now_us : order->started_us,
                        .work_us = work_us,
                        .checkpoint_us = job->checkpoint_us,
                        .borrowed = job->job_class == DURE_BORROWED,
                        .gang = job->tasks > 1};
    run->size = (uint8_t)dure_sim_size_of(run->gpus_milli);
    run->chain = dure_fleet_chain_id_of(order->fleet, (struct dure_node_id){order->places[0].node_first}).v;
    if (!place_run(run, order)) {
        out_of_memory(sim);
        return;
    }
    const int64_t from_us = recovering ? order->started_us : sim->now_us;
    run->would_end_us = from_us + lasts(sim, order, work_us, &run->exit_code);
    foresee(sim, run, run->would_end_us > sim->now_us ? run->would_end_us : sim->now_us + 1);
    measure_start(sim, run, order, recovering);
}

static void warn(void *context, struct dure_attempt_id attempt, int64_t deadline_us)
{
    struct sim *sim = context;
    struct run *run = run_of(sim, attempt.v);
    if (!run)
        return;
    const int64_t leaves = sim->now_us + sim->options.leaves_us, last = leaves < deadline_us ? leaves : deadline_us;
    run->warned = true;
    if (last < run->ends_us)
        foresee(sim, run, last);
}

static void unwarn(void *context, struct dure_attempt_id attempt)
{
    struct sim *sim = context;
    struct run *run = run_of(sim, attempt.v);
    if (!run || !run->warned)
        return;
    run->warned = false;
    foresee(sim, run, run->would_end_us > sim->now_us ? run->would_end_us : sim->now_us);
}

static void stop(void *context, struct dure_attempt_id attempt)
{
    struct sim *sim = context;
    struct run *run = run_of(sim, attempt.v);
    if (run && run->ends_us > sim->now_us)
        foresee(sim, run, sim->now_us);
}

/* What it has done and may keep: everything when it was told to leave, else up to its last checkpoint. */
static void keep_work(struct sim *sim, struct run *run)
{
    const int64_t worked = sim->now_us - run->began_us;
    const int64_t kept = run->checkpoint_us <= 0 ? 0
                         : run->warned           ? worked
                                                 : worked / run->checkpoint_us * run->checkpoint_us;
    const int64_t left = run->work_us > kept ? run->work_us - kept : 1;
    if (!dure_map_put(&sim->left, measure_key(run->job, run->element), (uint64_t)left))
        out_of_memory(sim);
    const uint64_t lost_ms = (uint64_t)((dure_wide)run->gpus_milli * (uint64_t)(worked - kept) / 1000000);
    sim->result->lost_ms += lost_ms;
    sim->result->tenants[run->tenant].lost_ms += lost_ms;
}

static void forget(void *context, struct dure_attempt_id attempt)
{
    struct sim *sim = context;
    struct run *run = run_of(sim, attempt.v);
    if (!run)
        return;
    measure_end(sim, run);
    if (run->requeued)
        keep_work(sim, run);
    else if (sim->left.count)
        dure_map_remove(&sim->left, measure_key(run->job, run->element));
    dure_map_remove(&sim->by_attempt, attempt.v);
    drop_places(run);
    run->next_free = sim->run_free;
    sim->run_free = (uint32_t)(run - sim->runs);
}

void work_engine(struct sim *sim)
{
    sim->run_free = UINT32_MAX;
    sim->engine = (struct dure_engine){.name = "simulated",
                                       .state = sim,
                                       .start = start,
                                       .warn = warn,
                                       .unwarn = unwarn,
                                       .stop = stop,
                                       .forget = forget};
}

const struct run *work_decided(struct sim *sim, const struct dure_record *decision)
{
    const bool ends = decision->kind == DURE_REC_END || decision->kind == DURE_REC_REQUEUE;
    struct run *run = ends && decision->attempt.v != DURE_NONE64 ? run_of(sim, decision->attempt.v) : NULL;
    if (!run)
        return NULL;
    run->cause = (uint8_t)decision->cause;
    run->requeued = decision->kind == DURE_REC_REQUEUE;
    return run;
}

void work_fetch(const struct sim *sim, const struct dure_sim_event *event)
{
    if (event->kind == EVENT_END)
        __builtin_prefetch(&sim->runs[event->where]);
}

/* ---- nodes that fail ---- */

static bool next_failure(struct sim *sim)
{
    const uint64_t mean = (uint64_t)sim->options.node_fails_us / sim->options.fleet->node_count + 1;
    const int64_t at = sim->now_us + (int64_t)dure_draw_exponential(&sim->random, mean) + 1;
    return dure_sim_heap_add(&sim->heap, at, EVENT_NODE_DOWN, 0);
}

bool work_failures_begin(struct sim *sim)
{
    sim->random = sim->options.seed ^ UINT64_C(0x6e6f646573);
    return sim->options.node_fails_us <= 0 || next_failure(sim);
}

static void report_node(struct sim *sim, uint32_t node, bool up)
{
    const struct dure_node_observation observation = {.node = {node},
                                                      .state = up ? DURE_NODE_IS_UP : DURE_NODE_IS_DOWN};
    dure_loop_observe_node(sim->loop, &observation);
}

static void node_down(struct sim *sim)
{
    uint32_t node = 0;
    bool found = false;
    for (unsigned i = 0; i < NODES_UP_TRIES && !found; i++) {
        struct dure_node_view view;
        node = (uint32_t)dure_draw_below(&sim->random, sim->options.fleet->node_count);
        found = dure_core_node_view(sim->core, (struct dure_node_id){node}, &view) && view.state == DURE_NODE_UP;
    }
    if (found) {
        const int64_t back =
            sim->now_us + (int64_t)dure_draw_exponential(&sim->random, (uint64_t)sim->options.node_mends_us);
        sim->result->node_failures++;
        report_node(sim, node, false);
        if (!dure_sim_heap_add(&sim->heap, back + 1, EVENT_NODE_UP, node))
            out_of_memory(sim);
    }
    if (!next_failure(sim))
        out_of_memory(sim);
}

void work_due(struct sim *sim, const struct dure_sim_event *event)
{
    if (event->kind == EVENT_NODE_DOWN) {
        node_down(sim);
    } else if (event->kind == EVENT_NODE_UP) {
        report_node(sim, (uint32_t)event->what, true);
    } else {
        const struct run *run = &sim->runs[event->where];
        if (run->attempt != event->what || !run->place_count || run->ends_us != event->at_us)
            return; /* it ended before, or ends later after all */
        const struct dure_observation observation = {
            .attempt = {event->what}, .report = DURE_REPORT_ENDED, .exit_code = run->warned ? 0 : run->exit_code};
        dure_loop_observe(sim->loop, &observation);
    }
}

void work_release(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->run_count; i++)
        drop_places(&sim->runs[i]);
    free(sim->runs);
    dure_map_release(&sim->by_attempt);
    dure_map_release(&sim->left);
    dure_map_release(&sim->claimed);
    dure_sim_heap_release(&sim->heap);
}
