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

static const struct bench_turn *turn_of(const struct bench_turns *turns, uint32_t ahead)
{
    return &turns->at[(turns->first + ahead) % BENCH_TURNS];
}

/* One turn more, behind those that are drawn already. */
static void draw(struct bench_world *world, struct bench_turns *turns, uint32_t drawn)
{
    struct bench_turn *turn = &turns->at[(turns->first + drawn) % BENCH_TURNS];
    turn->ask = bench_mix(world);
    turn->leaver_count = 0;
    struct bench_pool *pool = &world->pools[turn->ask.pool];
    uint64_t gpus = gpus_of(turn);
    for (uint32_t i = 0; i < drawn; i++)
        gpus += turn_of(turns, i)->ask.pool == turn->ask.pool ? gpus_of(turn_of(turns, i)) : 0;
    while (turn->leaver_count < BENCH_LEAVERS_MAX && pool->running_count > 0 &&
           (pool->used + gpus) * 100 > pool->gpus * turns->load_percent) {
        const uint32_t id = pool->running[bench_below(world, pool->running_count)];
        bench_take_out(world, id);
        turn->leavers[turn->leaver_count++] = id;
    }
}

void bench_turns_begin(struct bench_world *world, unsigned load_percent, struct bench_turns *ret_turns)
{
    *ret_turns = (struct bench_turns){.load_percent = load_percent};
    for (uint32_t i = 0; i < BENCH_TURNS; i++)
        draw(world, ret_turns, i);
}

/* What comes after the next step: from this leaver of that turn on. */
static void expect(struct bench_world *world, const struct bench_turns *turns, uint32_t ahead, uint32_t leaver)
{
    unsigned after = 1;
    for (; ahead < BENCH_TURNS; ahead++, leaver = 0, after++) { /* each turn's submission comes behind its leavers */
        const struct bench_turn *turn = turn_of(turns, ahead);
        bench_expect(world, turn->leavers + leaver, turn->leaver_count - leaver, after);
        after += turn->leaver_count - leaver;
    }
}

static enum dure_err leave(struct bench_world *world, const struct bench_turns *turns, uint32_t ahead,
                           struct dure_error *error)
{
    const struct bench_turn *turn = turn_of(turns, ahead);
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; err == DURE_OK && i < turn->leaver_count; i++) {
        expect(world, turns, ahead, i + 1);
        err = bench_end(world, turn->leavers[i], error);
    }
    return err;
}

enum dure_err bench_turns_play(struct bench_world *world, struct bench_turns *turns, bool *ret_started,
                               struct dure_error *error)
{
    uint32_t job = 0;
    enum dure_err err = leave(world, turns, 0, error);
    world->asked_ns = world->elapsed_ns;
    expect(world, turns, 1, 0);
    if (err == DURE_OK)
        err = bench_submit_ask(world, &turn_of(turns, 0)->ask, &job, error);
    if (err == DURE_OK)
        err = bench_settle(world, error);
    turns->first = (turns->first + 1) % BENCH_TURNS;
    draw(world, turns, BENCH_TURNS - 1);
    if (err != DURE_OK)
        return err;
    *ret_started = world->jobs[job].started;
    return *ret_started ? DURE_OK : bench_cancel(world, job, error);
}

enum dure_err bench_turns_end(struct bench_world *world, const struct bench_turns *turns, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; err == DURE_OK && i < BENCH_TURNS; i++)
        err = leave(world, turns, i, error);
    return err;
}

enum dure_err bench_fill_mixed(struct bench_world *world, unsigned load_percent, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    bool started;
    uint64_t room = 0, used = 0;
    struct bench_turns turns;
    for (uint32_t i = 0; i < world->pool_count; i++)
        room += world->pools[i].gpus * load_percent / 100;
    bench_turns_begin(world, load_percent, &turns);
    for (unsigned tries = 0; err == DURE_OK && tries < FILL_TRIES_MAX && used * 100 < room * 95; tries++) {
        err = bench_turns_play(world, &turns, &started, error);
        if (tries % 64 == 0)
            used = 0;
        for (uint32_t i = 0; tries % 64 == 0 && i < world->pool_count; i++)
            used += world->pools[i].used;
    }
    if (err == DURE_OK)
        err = bench_turns_end(world, &turns, error);
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
