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
            return dure_fail(error, DURE_E_STATE, "a job of %" PRIu32 " x %" PRIu32 " GPUs was to be refused for good, and is not", job.tasks, job.task_gpus);
    }
    return DURE_OK;
}

/* Jobs that wait on a full fleet: every reason, and what would let them start. */
static enum dure_err not_now(struct bench_world *world, uint64_t *latency, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; err == DURE_OK && i < ASKED; i++) {
        struct bench_ask ask = bench_mix(world);
        struct dure_why why;
        uint32_t job = 0;
        err = bench_submit_ask(world, &ask, &job, error);
        if (err == DURE_OK)
            err = bench_settle(world, error);
        if (err != DURE_OK)
            break;
        if (world->jobs[job].started)
            return dure_fail(error, DURE_E_STATE, "a job started on a fleet that was full");
        struct dure_arena *arena = dure_arena_new(ARENA_MAX);
        if (arena == NULL)
            return DURE_E_MEMORY;
        const uint64_t began = bench_now_ns();
        err = dure_core_why(world->core, (struct dure_job_id){job}, 0, arena, &why, error);
        latency[i] = bench_now_ns() - began;
        if (err == DURE_OK && (why.row_count == 0 || why.sentence == NULL))
            err = dure_fail(error, DURE_E_STATE, "a job waits, and no reason is given");
        dure_arena_free(arena);
    }
    return err;
}

enum dure_err bench_no(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words, struct dure_error *error)
{
    struct bench_world world;
    uint64_t latency[2][ASKED], jobs, refused;
    enum dure_err err = bench_world_make(options->nodes, false, &world, error);
    if (err != DURE_OK)
        return err;
    err = bench_fill_single(&world, 1, NULL, &jobs, &refused, error);
    if (err == DURE_OK)
        err = never(&world, latency[0], error);
    if (err == DURE_OK)
        err = not_now(&world, latency[1], error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    if (err == DURE_OK) {
        const double first = (double)bench_quantile(latency[0], ASKED, 500) / 1e3, second = (double)bench_quantile(latency[1], ASKED, 500) / 1e3;
        dure_buf_printf(json, "\"never_p50_us\":%.1f,\"not_now_p50_us\":%.1f", first, second);
        dure_buf_printf(words, "full reasons: never p50 %.1f us, not now p50 %.1f us", first, second);
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

enum dure_err bench_queue(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words, struct dure_error *error)
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
        const double us = (double)bench_quantile(latency, FREED, 500) / 1e3, bytes = (double)grown / (double)options->pending;
        dure_buf_printf(json, "\"next_start_us\":%.1f,\"bytes_per_job\":%.1f", us, bytes);
        dure_buf_printf(words, "%" PRIu64 " jobs wait: the next start after a node is free in %.1f us, %.0f bytes a job", options->pending, us, bytes);
    }
    bench_world_release(&world);
    return err;
}
