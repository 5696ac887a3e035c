/* What a daemon decided, from its journal into the log that the recount reads. */
#include <stdlib.h>
#include <string.h>

#include "bench/world.h"
#include "journal/journal.h"

struct replay {
    struct bench_world *world;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    uint32_t jobs;
    enum dure_err err;
    struct dure_error *error;
};

/* The tenant that stands above: a team's owner, an owner itself. */
static uint32_t above(const struct bench_world *world, uint32_t tenant)
{
    for (uint32_t i = 0; i < BENCH_OWNERS * (1 + BENCH_TEAMS); i++)
        if (world->tenants[i] == tenant)
            return world->tenants[i - i % (1 + BENCH_TEAMS)];
    return tenant;
}

static void submitted(struct replay *replay, const struct dure_job *job)
{
    const uint32_t tenant = job->tenant.v;
    const uint32_t level = job->level_required ? bench_block_nodes(replay->world, job->level) : 0;
    bench_log(replay->world,
              (uint32_t[]){RECOUNT_JOB, ++replay->jobs, tenant, above(replay->world, tenant),
                           job->job_class == DURE_GUARANTEED, job->tasks, job->task_gpus, level},
              8);
}

static void started(struct replay *replay, const struct dure_record *record)
{
    const uint32_t attempt = (uint32_t)record->attempt.v;
    bench_log_places(replay->world, RECOUNT_START, record);
    if (!bench_log_attempt(replay->world, attempt))
        return;
    replay->world->attempts[attempt] = (struct bench_attempt){.job = (uint32_t)record->job.v, .running = true};
    replay->world->starts++;
}

static void reported(struct replay *replay, const struct dure_record *record)
{
    struct bench_world *world = replay->world;
    const uint64_t attempt = record->attempt.v;
    if (record->report == DURE_REPORT_STARTED || attempt >= world->attempt_room || !world->attempts[attempt].running)
        return;
    world->attempts[attempt].running = false;
    bench_log(world, (uint32_t[]){RECOUNT_GONE, (uint32_t)attempt}, 2);
}

static enum dure_err record_in(struct replay *replay, const struct dure_record *record)
{
    switch (record->kind) {
    case DURE_REC_SUBMIT: submitted(replay, &record->submit); break;
    case DURE_REC_START: started(replay, record); break;
    case DURE_REC_RESERVE: bench_log_places(replay->world, RECOUNT_RESERVE, record); break;
    case DURE_REC_UNBIND:
        bench_log(replay->world, (uint32_t[]){RECOUNT_UNBIND, record->allot.v, (uint32_t)record->number}, 3);
        break;
    case DURE_REC_ATTEMPT_REPORT: reported(replay, record); break;
    default: break;
    }
    return bench_log_flush(replay->world, replay->error);
}

static bool leaf_in(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct replay *replay = context;
    struct dure_record record;
    const void *bytes;
    size_t bytes_length;
    (void)sequence;
    const int whole = dure_leaves_join_next(&replay->join, leaf, length, &bytes, &bytes_length, replay->error);
    if (whole < 0)
        replay->err = (enum dure_err)whole;
    if (whole <= 0)
        return whole == 0;
    dure_arena_reset(replay->arena);
    replay->err = dure_record_decode(bytes, bytes_length, replay->arena, &record, replay->error);
    if (replay->err == DURE_OK)
        replay->err = record_in(replay, &record);
    return replay->err == DURE_OK;
}

enum dure_err bench_world_replay(struct bench_world *world, const char *state, struct dure_error *error)
{
    const struct dure_journal_options options = {.directory = state, .read_only = true};
    struct replay replay = {.world = world, .error = error, .arena = dure_arena_new(256u << 20)};
    struct dure_journal *journal = NULL;
    struct dure_journal_head head;
    enum dure_err err = replay.arena == NULL ? DURE_E_MEMORY : dure_journal_open(&options, &journal, error);
    if (err == DURE_OK) {
        dure_journal_head(journal, &head);
        err = dure_journal_read(journal, 0, head.size, leaf_in, NULL, &replay, error);
    }
    dure_journal_close(journal);
    dure_buf_release(&replay.join.whole);
    dure_arena_free(replay.arena);
    return replay.err != DURE_OK ? replay.err : err;
}
