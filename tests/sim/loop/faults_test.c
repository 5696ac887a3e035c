/* The whole loop on virtual time under faults. After every recovery and at the end: no GPU is held twice, gangs are whole, limits of power and rules of data are kept, what was answered is there, no
 * attempt started twice, the digest is the recomputed one, and an audit decides the same again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "recount.h"
#include "specs.h"
#include "tap.h"
#include "world.h"

/* Another priority or walltime, a deadline; back into the queue; maintenance of a few nodes, or none of it any more. */
static void random_change(struct world *world, uint64_t pick)
{
    struct dure_record record;
    struct dure_place run = {0};
    const int64_t now = dure_core_time_us(world->core);

    dure_record_init(&record,
                     pick == 0   ? DURE_REC_MODIFY
                     : pick == 1 ? DURE_REC_REQUEUE_JOB
                     : pick == 2 ? DURE_REC_BOOK
                                 : DURE_REC_UNBOOK,
                     0, 0);
    record.principal.v = 0;
    if (pick < 2 && world->acked_count == 0)
        return;
    if (pick < 2)
        record.job.v = world->acked[tap_random_below(&world->seed, world->acked_count)];
    if (pick == 0) {
        record.submit = dure_job_blank();
        record.submit.priority = (int32_t)tap_random_below(&world->seed, 5);
        record.submit.walltime_us = (int64_t)(1 + tap_random_below(&world->seed, 60)) * DURE_MINUTE_US;
        record.submit.deadline_us = now + (int64_t)tap_random_below(&world->seed, 240) * DURE_MINUTE_US;
        record.number = tap_random_below(&world->seed, 2) == 0 ? DURE_CHANGE_PRIORITY | DURE_CHANGE_WALLTIME
                                                               : DURE_CHANGE_WALLTIME | DURE_CHANGE_DEADLINE;
    } else if (pick == 1) {
        record.element = DURE_NONE32;
    } else if (pick == 2) {
        run.node_first = (uint32_t)tap_random_below(&world->seed, specs_fleet->node_count);
        run.node_count = 1;
        record.places = &run;
        record.place_count = 1;
        record.number = now + (int64_t)tap_random_below(&world->seed, 60) * DURE_MINUTE_US;
        record.deadline_us = record.number + (int64_t)(1 + tap_random_below(&world->seed, 60)) * DURE_MINUTE_US;
    } else {
        record.number = 1 + (int64_t)tap_random_below(&world->seed, 8);
    }
    world_input(world, &record);
}

/* What an engine sees of a node, now and then twice. */
static void random_observation(struct world *world, uint32_t node)
{
    struct dure_node_observation seen = {.node = {node},
                                         .state =
                                             tap_random_below(&world->seed, 6) ? DURE_NODE_IS_UP : DURE_NODE_IS_AWAY,
                                         .reason = "does not answer",
                                         .foreign_reason = "not ours"};
    const uint64_t all = (UINT64_C(1) << dure_fleet_chain_of(specs_fleet, seen.node, NULL)->node_gpus) - 1;
    seen.foreign_known = seen.state == DURE_NODE_IS_UP;
    seen.foreign = tap_random_below(&world->seed, 2) ? 0 : tap_random_below(&world->seed, UINT32_MAX) & all;
    for (uint64_t i = tap_random_below(&world->seed, 2); i < 2 && !world->down; i++)
        dure_loop_observe_node(world->loop, &seen);
}

static void random_input(struct world *world)
{
    struct dure_record record;
    uint64_t pick = tap_random_below(&world->seed, 26);
    uint32_t node = (uint32_t)tap_random_below(&world->seed, specs_fleet->node_count);

    if (pick == 0) {
        specs_random_power(world);
        return;
    }
    if (pick < 14) {
        specs_random_submit(world);
        return;
    }
    if (pick >= 24) {
        random_observation(world, node);
        return;
    }
    if (pick >= 20) {
        random_change(world, pick - 20);
        return;
    }
    dure_record_init(&record,
                     pick < 17    ? DURE_REC_CANCEL
                     : pick == 17 ? DURE_REC_DRAIN
                     : pick == 18 ? DURE_REC_NODE_REPORT
                                  : DURE_REC_RESUME,
                     0, 0);
    if (pick < 17) {
        if (world->acked_count == 0)
            return;
        record.job.v = world->acked[tap_random_below(&world->seed, world->acked_count)];
        record.element = DURE_NONE32;
    } else {
        record.node.v = node;
        if (pick == 18)
            record.number = (int64_t)tap_random_below(&world->seed, 2);
    }
    record.principal.v = 0;
    world_input(world, &record);
}

/* GPUs of every live attempt, counted by what the engine was told; two on one GPU must be shares of one. */
static const char *check_places(struct world *world)
{
    static uint64_t used[1024], shared[1024];
    static uint32_t milli[1024][64];
    struct dure_job_view view;
    uint64_t cursor = 0;

    memset(used, 0, sizeof used);
    memset(shared, 0, sizeof shared);
    memset(milli, 0, sizeof milli);
    while (dure_core_attempt_next(world->core, &cursor, &view)) {
        uint64_t gpus = 0, tasks = 0;
        for (uint32_t p = 0; p < view.place_count; p++)
            for (uint32_t n = 0; n < view.places[p].node_count; n++) {
                const uint32_t node = view.places[p].node_first + n;
                const uint64_t mask = view.places[p].gpu_mask;
                const bool whole = view.places[p].gpu_milli == 1000;
                if ((used[node] & mask) != 0 || (whole && (shared[node] & mask) != 0))
                    return "a GPU is held twice";
                *(whole ? &used[node] : &shared[node]) |= mask;
                uint32_t *of = &milli[node][__builtin_ctzll(mask)];
                if (!whole && (*of += view.places[p].tasks * view.places[p].gpu_milli) > 1000)
                    return "fractions are more than a GPU";
                gpus += (uint64_t)__builtin_popcountll(view.places[p].gpu_mask);
                tasks += view.places[p].tasks;
            }
        const uint64_t asked = view.job->task_gpu_milli < 1000 ? gpus : (uint64_t)view.job->tasks * view.job->task_gpus;
        if (tasks != view.job->tasks || gpus < asked || (gpus > asked && !(view.job->data_mask & 2)))
            return "a gang is not whole";
    }
    struct dure_digest now = dure_core_digest(world->core), full = dure_core_digest_full(world->core);
    return memcmp(&now, &full, sizeof now) == 0 ? NULL : "the incremental digest differs from the recomputed one";
}

static const char *check_attempts(const struct world *world)
{
    for (unsigned i = 0; i < world->attempt_count; i++) {
        const struct world_attempt *a = &world->attempts[i];
        if (a->starts > 1)
            return "an attempt started twice";
        for (unsigned k = i + 1; k < world->attempt_count; k++)
            if (a->running && world->attempts[k].running && a->job == world->attempts[k].job &&
                a->element == world->attempts[k].element)
                return "two attempts of one job run at once";
    }
    return NULL;
}

/* What was answered is in the core or in the history. */
static uint64_t acked_missing(struct world *world)
{
    uint64_t missing = 0;
    for (unsigned i = 0; i < world->acked_count; i++) {
        struct dure_job_view view;
        struct dure_job_cursor cursor = {.job = world->acked[i]};
        struct dure_buf row DURE_CLEANUP_BUF = {0};
        dure_buf_init(&row, 1 << 20);
        bool live = dure_core_job_next(world->core, &cursor, &view) && view.id.v == world->acked[i];
        bool ended = false;
        for (uint32_t e = 0; !live && !ended && e < 8; e++)
            ended = dure_journal_history_one(world->journal, world->acked[i], e == 7 ? DURE_NONE32 : e, &row, NULL) ==
                    DURE_OK;
        missing += !live && !ended;
    }
    return missing;
}

struct auditing {
    struct dure_audit *audit;
    struct dure_error error;
    enum dure_err err;
};

static bool audit_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct auditing *a = context;
    a->err = dure_audit_leaf(a->audit, sequence, leaf, length, &a->error);
    return a->err == DURE_OK;
}

static bool audit_digest(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    struct auditing *a = context;
    (void)last_sequence;
    a->err = dure_audit_digest(a->audit, digest, &a->error);
    return a->err == DURE_OK;
}

static void audit(struct world *world, const char *name)
{
    struct auditing a = {0};
    struct dure_journal_head head;
    struct dure_audit_result result;

    if (dure_audit_new(&a.audit) != DURE_OK)
        tap_bail("out of memory");
    dure_journal_head(world->journal, &head);
    enum dure_err err = dure_journal_read(world->journal, 0, head.size, audit_leaf, audit_digest, &a, &a.error);
    dure_audit_result(a.audit, &result);
    TAP_OK(err == DURE_OK && a.err == DURE_OK && result.text[0] == '\0',
           "%s: an audit decides all %" PRIu64 " leaves again (%" PRIu64 " decisions) %s", name, head.size,
           result.decisions, a.error.text);
    dure_audit_free(a.audit);
}

static void run(const char *name, struct world_faults faults, unsigned turns)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.seed = tap_seed(20260303);
    snprintf(world.directory, sizeof world.directory, "%s/%s", tap_tempdir(), name);
    const char *broken = NULL;

    if (!world_open(&world))
        tap_bail("%s: the world cannot be opened", name);
    specs_load(&world);
    world.faults = faults;
    for (unsigned i = 0; i < turns && broken == NULL; i++) {
        if (tap_random_below(&world.seed, 6) == 0 && !world.down && world.fatal == DURE_OK)
            random_input(&world);
        world_turn(&world);
        if (!world.down && world.fatal == DURE_OK && i % 16 == 0)
            broken = check_places(&world);
        if (!world.down && world.fatal == DURE_OK && i % 32 == 0 && broken == NULL)
            broken = recount_data(&world);
        if (!world.down && world.fatal == DURE_OK && i % 32 == 16 && broken == NULL)
            broken = recount_power(&world);
        if (broken == NULL && i % 64 == 0)
            broken = check_attempts(&world);
    }
    TAP_OK(broken == NULL, "%s: invariants hold over %u turns (%s)", name, turns, broken != NULL ? broken : "all");
    world.faults = (struct world_faults){0};
    for (unsigned i = 0; i < 400000 && !world_quiet(&world); i++)
        world_turn(&world);
    struct dure_core_counts counts = world.core != NULL ? dure_core_counts(world.core) : (struct dure_core_counts){0};
    TAP_OK(world_quiet(&world), "%s: the work drains (%" PRIu64 " pending, %" PRIu64 " running)", name,
           counts.jobs_pending, counts.jobs_running);
    TAP_EQ_UINT(acked_missing(&world), 0, "%s: all %u answered submissions are there", name, world.acked_count);
    TAP_OK(!world.event_order_broken, "%s: %" PRIu64 " events in order, none before it was durable", name,
           world.events);
    TAP_OK(world.attempt_count > 20 && counts.attempts_started >= world.attempt_count,
           "%s: %u attempts ran, %" PRIu64 " crashes, %" PRIu64 " store failures", name, world.attempt_count,
           world.crashes, world.store_failures);
    audit(&world, name);
    world_close(&world);
}

int main(void)
{
    run("calm", (struct world_faults){0}, 6000);
    run("crashes", (struct world_faults){.crash_per_mille = 8}, 12000);
    run("store", (struct world_faults){.store_fail_per_mille = 10, .crash_per_mille = 2}, 8000);
    run("reports",
        (struct world_faults){.doubled_report_per_mille = 300, .late_report_per_mille = 200, .crash_per_mille = 3},
        8000);
    run("clock", (struct world_faults){.clock_jump_per_mille = 20, .crash_per_mille = 3}, 8000);
    specs_free();
    return tap_done();
}
