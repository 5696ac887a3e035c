/* The work on a measured core: what is asked for, and what leaves. */
#include <stdlib.h>
#include <string.h>

#include "base/huge.h"
#include "bench/world.h"

enum { FILL_TRIES_MAX = 4000000, FILL_BATCH = 256 };

/* SplitMix64. */
uint64_t bench_below(struct bench_world *world, uint64_t bound)
{
    uint64_t z = world->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % bound;
}

struct bench_ask bench_mix(struct bench_world *world)
{
    const uint32_t last = world->pool_count - 1;
    struct bench_ask ask = {.pool = bench_below(world, 10) < 3 ? last : (uint32_t)bench_below(world, last),
                            .tasks = 1,
                            .gpus = 1,
                            .level = ""};
    const uint64_t kind = bench_below(world, 100);
    if (kind >= 95) {
        ask.tasks = 2u << bench_below(world, 6);
        ask.level = "block";
    }
    if (kind >= 85)
        ask.gpus = 8;
    else if (kind >= 70)
        ask.gpus = 2 + (uint32_t)bench_below(world, 3);
    return ask;
}

static uint64_t gpus_of(const struct bench_turn *turn)
{
    return (uint64_t)turn->ask.tasks * turn->ask.gpus;
}

void bench_turn_draw(struct bench_world *world, unsigned load_percent, const struct bench_turn *before,
                     struct bench_turn *ret_turn)
{
    struct bench_turn *turn = ret_turn;
    turn->ask = bench_mix(world);
    turn->leaver_count = 0;
    struct bench_pool *pool = &world->pools[turn->ask.pool];
    const uint64_t gpus = gpus_of(turn) + (before != NULL && before->ask.pool == turn->ask.pool ? gpus_of(before) : 0);
    while (turn->leaver_count < BENCH_LEAVERS_MAX && pool->running_count > 0 &&
           (pool->used + gpus) * 100 > pool->gpus * load_percent) {
        const uint32_t id = pool->running[bench_below(world, pool->running_count)];
        bench_take_out(world, id);
        turn->leavers[turn->leaver_count++] = id;
    }
}

enum dure_err bench_turn_leave(struct bench_world *world, const struct bench_turn *turn, const struct bench_turn *next,
                               struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; err == DURE_OK && i < turn->leaver_count; i++) {
        const uint32_t left = turn->leaver_count - i - 1;
        bench_expect(world, turn->leavers + i + 1, left, 1);
        if (next != NULL && left < DURE_CORE_EXPECTED)
            bench_expect(world, next->leavers, next->leaver_count, left + 2); /* the submission comes between */
        err = bench_end(world, turn->leavers[i], error);
    }
    return err;
}

enum dure_err bench_turn_play(struct bench_world *world, const struct bench_turn *turn, const struct bench_turn *next,
                              bool *ret_started, struct dure_error *error)
{
    uint32_t job = 0;
    enum dure_err err = bench_turn_leave(world, turn, next, error);
    world->asked_ns = world->elapsed_ns;
    bench_expect(world, next->leavers, next->leaver_count, 1);
    if (err == DURE_OK)
        err = bench_submit_ask(world, &turn->ask, &job, error);
    if (err == DURE_OK)
        err = bench_settle(world, error);
    if (err != DURE_OK)
        return err;
    *ret_started = world->jobs[job].started;
    return *ret_started ? DURE_OK : bench_cancel(world, job, error);
}

enum dure_err bench_fill_mixed(struct bench_world *world, unsigned load_percent, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    bool started;
    uint64_t room = 0, used = 0;
    struct bench_turn turns[2];
    for (uint32_t i = 0; i < world->pool_count; i++)
        room += world->pools[i].gpus * load_percent / 100;
    bench_turn_draw(world, load_percent, NULL, &turns[0]);
    unsigned tries = 0;
    for (; err == DURE_OK && tries < FILL_TRIES_MAX && used * 100 < room * 95; tries++) {
        bench_turn_draw(world, load_percent, &turns[tries % 2], &turns[(tries + 1) % 2]);
        err = bench_turn_play(world, &turns[tries % 2], &turns[(tries + 1) % 2], &started, error);
        if (tries % 64 == 0)
            used = 0;
        for (uint32_t i = 0; tries % 64 == 0 && i < world->pool_count; i++)
            used += world->pools[i].used;
    }
    if (err == DURE_OK)
        err = bench_turn_leave(world, &turns[tries % 2], NULL, error);
    dure_huge_more(dure_core_room(world->core)); /* once a second in the daemon */
    return err;
}

/* One job of a pool drawn by the jobs that each may still ask for. */
static enum dure_err ask_single(struct bench_world *world, uint32_t gpus, uint64_t draw, uint32_t *ret_job,
                                struct dure_error *error)
{
    struct bench_ask ask = {.tasks = 1, .gpus = gpus, .level = ""};
    while (draw >= (world->pools[ask.pool].gpus - world->pools[ask.pool].given) / gpus)
        draw -= (world->pools[ask.pool].gpus - world->pools[ask.pool].given) / gpus, ask.pool++;
    world->pools[ask.pool].given += gpus;
    return bench_submit_ask(world, &ask, ret_job, error);
}

enum dure_err bench_fill_single(struct bench_world *world, uint32_t gpus, uint64_t *latency, uint64_t *ret_jobs,
                                uint64_t *ret_refused, struct dure_error *error)
{
    uint32_t batch[FILL_BATCH];
    uint64_t jobs = 0, refused = 0, left = 0;
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; i < world->pool_count; i++)
        left += world->pools[i].gpus / gpus;
    while (err == DURE_OK && left > 0) {
        uint32_t count = 0;
        uint64_t began = world->elapsed_ns;
        for (; err == DURE_OK && left > 0 && count < FILL_BATCH; count++) {
            err = ask_single(world, gpus, bench_below(world, left--), &batch[count], error);
            if (latency != NULL)
                latency[jobs + count] = world->elapsed_ns - began;
            began = world->elapsed_ns;
        }
        if (err == DURE_OK)
            err = bench_settle(world, error);
        for (uint32_t i = 0; err == DURE_OK && i < count; i++) {
            if (latency != NULL)
                latency[jobs + i] += (world->elapsed_ns - began) / count;
            if (world->jobs[batch[i]].started)
                continue;
            refused++;
            err = bench_cancel(world, batch[i], error);
        }
        jobs += count;
    }
    *ret_jobs = jobs;
    *ret_refused = refused;
    return err;
}
