/* A daemon's own history once more: every input that its journal holds is decided again by a core of ours, at its time, each decision compared with the stored one, and
 * the meters of a run laid on it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "loop/recover.h"
#include "sim/run/inner.h"

enum { PROGRESS_EVERY = 65536, TEARDOWN_US = 10000000 }; /* a real node takes some seconds to be clear */

struct replay {
    struct sim sim;
    struct dure_audit *audit;
    struct dure_error error;
    enum dure_err err;
    uint64_t seen;
    bool began;
};

static bool memory(struct replay *replay)
{
    replay->err = dure_fail(&replay->error, DURE_E_MEMORY, "out of memory for what ran");
    return false;
}

static struct run *run_new(struct replay *replay, uint64_t attempt)
{
    struct sim *sim = &replay->sim;
    if (sim->run_free == UINT32_MAX && sim->run_count == sim->run_capacity) {
        const uint32_t capacity = sim->run_capacity ? sim->run_capacity * 2 : 1024;
        struct run *more = realloc(sim->runs, capacity * sizeof *more);
        if (!more)
            return NULL;
        sim->runs = more;
        sim->run_capacity = capacity;
    }
    const uint32_t at = sim->run_free != UINT32_MAX ? sim->run_free : sim->run_count;
    if (!dure_map_put(&sim->by_attempt, attempt, at))
        return NULL;
    if (at == sim->run_count)
        sim->run_count++;
    else
        sim->run_free = sim->runs[at].next_free;
    return &sim->runs[at];
}

static bool starts(struct replay *replay, const struct dure_record *r)
{
    struct sim *sim = &replay->sim;
    struct dure_job_view view;
    if (!dure_core_job_view(sim->core, r->job, r->element, &view))
        return true;
    struct run *run = run_new(replay, r->attempt.v);
    struct dure_place *places = r->place_count > 1 ? malloc(r->place_count * sizeof *places) : NULL;
    if (!run || (r->place_count > 1 && !places)) {
        free(places);
        return memory(replay);
    }
    *run = (struct run){.attempt = r->attempt.v,
                        .job = r->job.v,
                        .element = r->element,
                        .tenant = view.job->tenant.v,
                        .gpus_milli = (uint64_t)view.job->tasks * view.job->task_gpus * view.job->task_gpu_milli,
                        .began_us = r->time_us,
                        .started_us = r->time_us,
                        .place_count = r->place_count,
                        .one = r->places[0],
                        .more = places,
                        .borrowed = view.job->job_class == DURE_BORROWED,
                        .gang = view.job->tasks > 1};
    if (places)
        memcpy(places, r->places, r->place_count * sizeof *places);
    run->size = (uint8_t)dure_sim_size_of(run->gpus_milli);
    run->chain = dure_fleet_chain_id_of(sim->options.fleet, (struct dure_node_id){r->places[0].node_first}).v;
    const struct dure_order order = {
        .submitted_us = view.submitted_us, .started_us = r->time_us, .restarts = view.requeues};
    measure_start(sim, run, &order, false);
    return true;
}

static void stops(struct replay *replay, const struct dure_record *r)
{
    struct sim *sim = &replay->sim;
    uint64_t at;
    if (r->attempt.v == DURE_NONE64 || !dure_map_get(&sim->by_attempt, r->attempt.v, &at))
        return;
    struct run *run = &sim->runs[at];
    run->cause = (uint8_t)r->cause;
    run->requeued = r->kind == DURE_REC_REQUEUE;
    measure_end(sim, run);
    dure_map_remove(&sim->by_attempt, r->attempt.v);
    free(run->more);
    run->more = NULL;
    run->place_count = 0;
    run->next_free = sim->run_free;
    sim->run_free = (uint32_t)at;
}

/* Inputs are heard before they are decided on, decisions as they are made. */
static void hear(void *context, const struct dure_record *r, bool decided)
{
    struct replay *replay = context;
    struct sim *sim = &replay->sim;
    if (replay->err)
        return;
    if (!decided) {
        sim->now_us = r->time_us > sim->now_us ? r->time_us : sim->now_us;
        measure_to(sim, sim->now_us);
        if (r->kind == DURE_REC_SUBMIT) {
            sim->result->submitted++;
            sim->result->tenants[r->submit.tenant.v].submitted++;
        }
        return;
    }
    measure_decision(sim, r, NULL);
    if (r->kind == DURE_REC_NODE_STATE && r->number == DURE_NODE_DOWN)
        sim->result->node_failures++;
    if (r->kind == DURE_REC_START)
        (void)starts(replay, r);
    if (r->kind == DURE_REC_END || r->kind == DURE_REC_REQUEUE)
        stops(replay, r);
}

/* Nodes that a fleet brings are there without a decision. */
static void nodes(struct replay *replay)
{
    struct sim *sim = &replay->sim;
    const struct dure_fleet *fleet = dure_core_fleet(sim->core);
    for (uint32_t n = 0; fleet && n < fleet->node_count; n++) {
        struct dure_node_view view;
        if (dure_core_node_view(sim->core, (struct dure_node_id){n}, &view) && view.state == DURE_NODE_UP)
            measure_node(sim, n, false);
    }
}

static bool tell(struct replay *replay, uint64_t sequence)
{
    const struct sim *sim = &replay->sim;
    const struct dure_core_counts counts = dure_core_counts(sim->core);
    const struct dure_sim_progress progress = {.from_us = sim->result->from_us,
                                               .now_us = sim->now_us,
                                               .until_us = sim->options.until_us,
                                               .jobs = sim->result->submitted,
                                               .pending = counts.jobs_pending,
                                               .running = counts.jobs_running};
    if (sequence % PROGRESS_EVERY || !sim->options.progress ||
        sim->options.progress(sim->options.progress_context, &progress))
        return true;
    sim->result->partial = true;
    return false;
}

static bool leaf(void *context, uint64_t sequence, const void *bytes, size_t length)
{
    struct replay *replay = context;
    const uint32_t before = dure_core_fleet(replay->sim.core) ? dure_core_fleet(replay->sim.core)->node_count : 0;
    const enum dure_err err = dure_audit_leaf(replay->audit, sequence, bytes, length, &replay->error);
    replay->err = replay->err ? replay->err : err;
    if (replay->err)
        return false;
    const struct dure_fleet *fleet = dure_core_fleet(replay->sim.core);
    if (fleet && fleet->node_count != before)
        nodes(replay);
    return tell(replay, sequence);
}

static bool batch(void *context, uint64_t last, struct dure_digest digest)
{
    struct replay *replay = context;
    (void)last;
    if (!replay->err)
        replay->err = dure_audit_digest(replay->audit, digest, &replay->error);
    return !replay->err;
}

static void release(struct replay *replay)
{
    struct sim *sim = &replay->sim;
    for (uint32_t i = 0; i < sim->run_count; i++)
        free(sim->runs[i].more);
    free(sim->runs);
    dure_map_release(&sim->by_attempt);
    dure_map_release(&sim->claimed);
    measure_release(sim);
    dure_audit_free(replay->audit);
}

enum dure_err dure_sim_replay(struct dure_journal *journal, const struct dure_sim_options *options,
                              struct dure_sim_result *ret_result, struct dure_sim_replayed *ret_replayed,
                              struct dure_error *error)
{
    struct dure_sim_result result = {0};
    struct replay replay = {.sim = {.options = *options, .now_us = options->from_us, .result = &result}};
    struct dure_journal_head head;
    struct dure_audit_result verdict;
    replay.sim.error = &replay.error;
    replay.sim.run_free = UINT32_MAX;
    replay.sim.options.batch_us = TEARDOWN_US;
    replay.err = dure_audit_new(&replay.audit);
    if (!replay.err && !measure_tables(&replay.sim))
        replay.err = DURE_E_MEMORY;
    if (!replay.err) {
        replay.sim.core = dure_audit_core(replay.audit);
        dure_audit_hear(replay.audit, hear, &replay);
        dure_journal_head(journal, &head);
        const enum dure_err err = dure_journal_read(journal, 0, head.size, leaf, batch, &replay, &replay.error);
        replay.err = replay.err ? replay.err : err;
        measure_finish(&replay.sim);
        dure_audit_result(replay.audit, &verdict);
        *ret_replayed = (struct dure_sim_replayed){verdict.leaves, verdict.inputs, verdict.decisions, verdict.skipped,
                                                   dure_core_digest(replay.sim.core)};
        if (!replay.err && !result.partial && verdict.text[0])
            replay.err = dure_fail(&replay.error, DURE_E_DIVERGED, "%s", verdict.text);
    }
    release(&replay);
    if (replay.err) {
        dure_sim_result_release(&result);
        return dure_fail(error, replay.err, "%s",
                         replay.error.text[0] ? replay.error.text : dure_err_sentence(replay.err));
    }
    *ret_result = result;
    return DURE_OK;
}
