/* A full fleet: the reasons of a refusal, and the next start when much waits. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "bench/world.h"
#include "core/why.h"

enum { ASKED = 200, FREED = 11, SHAPES_MEMORY = 1250, MEMORY_LEAST_MIB = 1024, ARENA_MAX = 64 << 20 };

/* In use of the heap, all of it: not what the process has in memory, some of which was made ready for it beforehand. */
static uint64_t heap_bytes(void)
{
    return mallinfo2().uordblks;
}

/* Jobs that can never run, each another way and size: the proof, in full. */
static enum dure_err never(struct bench_world *world, uint64_t *latency, struct dure_error *error)
{
    for (unsigned i = 0; i < ASKED; i++) {
        struct dure_job job = {.tenant = {world->tenants[1 + i % BENCH_TEAMS]},
                               .tasks = i % 3 == 0 ? 65 + i : 1,
                               .task_gpus = i % 3 == 1 ? 9 + i % 50 : 8,
                               .task_gpu_milli = 1000,
                               .gpu_memory_mib = i % 3 == 2 ? (200u << 10) + i : 0,
                               .level = i % 3 == 0 ? "block" : "",
                               .level_required = i % 3 == 0,
                               .walltime_us = DURE_HOUR_US,
                               .grace_us = DURE_SECOND_US,
                               .begin_us = INT64_MIN};
        struct dure_arena *arena = dure_arena_new(ARENA_MAX);
        struct dure_why why;
        bool is_never = false;
        if (arena == NULL)
            return DURE_E_MEMORY;
        const uint64_t began = bench_now_ns();
        enum dure_err err = dure_core_why_not(world->core, &job, arena, &why, &is_never, error);
        latency[i] = bench_now_ns() - began;
        dure_arena_free(arena);
        if (err != DURE_OK)
            return err;
        if (!is_never)
            return dure_fail(error, DURE_E_STATE,
                             "a job of %" PRIu32 " x %" PRIu32 " GPUs was to be refused for good, and is not",
                             job.tasks, job.task_gpus);
    }
    return DURE_OK;
}

/* Why this job waits: every reason, and what would let it start. */
static enum dure_err ask_why(struct bench_world *world, uint64_t job, bool planned, uint64_t *ret_ns,
                             struct dure_error *error)
{
    struct dure_why why;
    struct dure_arena *arena = dure_arena_new(ARENA_MAX);
    if (arena == NULL)
        return DURE_E_MEMORY;
    const uint64_t began = bench_now_ns();
    enum dure_err err = dure_core_why(world->core, (struct dure_job_id){job}, 0, arena, &why, error);
    *ret_ns = bench_now_ns() - began;
    if (err == DURE_OK && (why.row_count == 0 || why.sentence == NULL || (why.job.planned_us != 0) != planned))
        err = dure_fail(error, DURE_E_STATE,
                        "a job waits, and no reason is given, or another than for one that is planned, or is not");
    dure_arena_free(arena);
    return err;
}

static enum dure_err not_now(struct bench_world *world, uint64_t *latency, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; err == DURE_OK && i < ASKED; i++) {
        struct bench_ask ask = bench_mix(world);
        uint32_t job = 0;
        err = bench_submit_ask(world, &ask, &job, error);
        if (err == DURE_OK)
            err = bench_settle(world, error);
        if (err == DURE_OK && world->jobs[job].started)
            err = dure_fail(error, DURE_E_STATE, "a job started on a fleet that was full");
        if (err == DURE_OK)
            err = ask_why(world, job, false, &latency[i], error);
    }
    return err;
}

/* Those of them whose start is planned by now, with maintenance booked for a block: their plans keep cells, and what is changed gives its plan up. */
static enum dure_err planned(struct bench_world *world, uint64_t *latency, size_t *ret_count, struct dure_error *error)
{
    struct dure_place block = {.node_first = 0, .node_count = BENCH_BLOCK_NODES};
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    struct dure_record r;
    uint64_t jobs[ASKED];
    size_t count = 0;
    world->time_us += 2 * DURE_SECOND_US; /* before that no start is planned */
    dure_record_init(&r, DURE_REC_BOOK, 1, world->time_us);
    r.places = &block;
    r.place_count = 1;
    r.number = world->time_us + DURE_HOUR_US / 2;
    r.deadline_us = r.number + DURE_HOUR_US;
    enum dure_err err = dure_core_step(world->core, &r, NULL, NULL, error);
    if (err == DURE_OK)
        err = bench_pass(world, error);
    while (count < ASKED && dure_core_job_next(world->core, &cursor, &view))
        if (view.planned_us != 0)
            jobs[count++] = view.id.v;
    if (err == DURE_OK && count == 0)
        err = dure_fail(error, DURE_E_STATE, "of the jobs that wait none has a planned start");
    for (size_t i = 0; err == DURE_OK && i < count; i++)
        err = ask_why(world, jobs[i], true, &latency[i], error);
    *ret_count = count;
    return err;
}

static double p50_us(uint64_t *latency, size_t count)
{
    return (double)bench_quantile(latency, count, 500) / 1e3;
}

enum dure_err bench_no(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                       struct dure_error *error)
{
    struct bench_world world;
    uint64_t latency[3][ASKED], jobs, refused;
    size_t planned_count = 0;
    enum dure_err err = bench_world_make(options->nodes, false, &world, error);
    if (err != DURE_OK)
        return err;
    err = bench_fill_single(&world, 1, NULL, &jobs, &refused, error);
    if (err == DURE_OK)
        err = never(&world, latency[0], error);
    if (err == DURE_OK)
        err = not_now(&world, latency[1], error);
    if (err == DURE_OK)
        err = planned(&world, latency[2], &planned_count, error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    if (err == DURE_OK) {
        const double first = p50_us(latency[0], ASKED), second = p50_us(latency[1], ASKED),
                     third = p50_us(latency[2], planned_count);
        dure_buf_printf(json, "\"never_p50_us\":%.1f,\"not_now_p50_us\":%.1f,\"planned\":%zu,\"planned_p50_us\":%.1f",
                        first, second, planned_count, third);
        dure_buf_printf(
            words, "full reasons: never p50 %.1f us, not now p50 %.1f us, for %zu with a planned start p50 %.1f us",
            first, second, planned_count, third);
    }
    bench_world_release(&world);
    return err;
}

/* One node becomes free at a time: from the report of its end to the return of the pass that starts the next, which is when it may be made durable. */
static enum dure_err next_starts(struct bench_world *world, uint64_t *latency, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; err == DURE_OK && i < FREED; i++) {
        struct bench_pool *pool = &world->pools[i % world->pool_count];
        const uint64_t starts = world->starts;
        world->elapsed_ns = 0;
        err = bench_end(world, pool->running[0], error);
        while (err == DURE_OK && world->starts == starts && dure_core_wants_pass(world->core))
            err = bench_pass(world, error);
        latency[i] = world->elapsed_ns;
        if (err == DURE_OK && world->starts == starts)
            err = dure_fail(error, DURE_E_STATE, "a node is free, much waits, and nothing starts");
    }
    return err;
}

enum dure_err bench_queue(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error)
{
    struct bench_world world;
    uint64_t latency[FREED], jobs = 0, refused = 0, before = 0;
    uint32_t job;
    enum dure_err err = bench_world_make(options->nodes, false, &world, error);
    if (err != DURE_OK)
        return err;
    err = bench_fill_single(&world, RECOUNT_NODE_GPUS, NULL, &jobs, &refused, error);
    before = heap_bytes();
    for (uint64_t i = 0; err == DURE_OK && i < options->pending; i++) {
        struct bench_ask ask = bench_mix(&world);
        ask.tasks = 1;
        ask.gpus = 1 + (uint32_t)(i % RECOUNT_NODE_GPUS);
        ask.level = "";
        ask.memory_mib = MEMORY_LEAST_MIB + 8 * (uint32_t)(i / RECOUNT_NODE_GPUS % SHAPES_MEMORY);
        err = bench_submit_ask(&world, &ask, &job, error);
    }
    if (err == DURE_OK)
        err = bench_settle(&world, error);
    /* Less the table of this bench itself. */
    const uint64_t grown = heap_bytes() - before - options->pending * sizeof *world.jobs;
    if (err == DURE_OK)
        err = next_starts(&world, latency, error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    if (err == DURE_OK) {
        const double us = (double)bench_quantile(latency, FREED, 500) / 1e3,
                     bytes = (double)grown / (double)options->pending;
        dure_buf_printf(json, "\"next_start_us\":%.1f,\"bytes_per_job\":%.1f", us, bytes);
        dure_buf_printf(words,
                        "%" PRIu64 " jobs wait: the next start after a node is free in %.1f us, %.0f bytes a job",
                        options->pending, us, bytes);
    }
    bench_world_release(&world);
    return err;
}
