/* One large gang: placed inside one site that works, and taken back from those who borrow. */
#include <inttypes.h>

#include "bench/world.h"

enum { ROUNDS = 100, LOAD_PERCENT = 50, BORROWED_OF_TEN = 3 };

static struct bench_ask gang_of(uint32_t pool, uint32_t gpus)
{
    return (struct bench_ask){
        .pool = pool, .tasks = gpus / RECOUNT_NODE_GPUS, .gpus = RECOUNT_NODE_GPUS, .level = "site"};
}

static enum dure_err fits(const struct bench_world *world, uint32_t gpus, struct dure_error *error)
{
    const uint32_t most = world->site_nodes * RECOUNT_NODE_GPUS;
    return gpus % RECOUNT_NODE_GPUS == 0 && gpus <= most
               ? DURE_OK
               : dure_fail(error, DURE_E_INVALID,
                           "--gpus: found %" PRIu32 ", expected whole nodes of %d, at most %" PRIu32, gpus,
                           RECOUNT_NODE_GPUS, most);
}

/* One gang after another on sites half in use; those that borrow go where there is room. */
static enum dure_err gangs(struct bench_world *world, uint32_t gpus, uint64_t *latency, struct dure_error *error)
{
    enum dure_err err = bench_fill_mixed(world, LOAD_PERCENT, error);
    for (unsigned i = 0; err == DURE_OK && i < ROUNDS; i++) {
        const struct bench_ask ask = gang_of(i % 10 < BORROWED_OF_TEN ? world->pool_count - 1 : i % BENCH_OWNERS, gpus);
        struct bench_pool *pool = &world->pools[ask.pool];
        uint32_t job = 0;
        world->elapsed_ns = 0;
        err = bench_submit_ask(world, &ask, &job, error);
        if (err == DURE_OK)
            err = bench_settle(world, error);
        latency[i] = world->elapsed_ns;
        if (err == DURE_OK && !world->jobs[job].started)
            err = dure_fail(error, DURE_E_STATE, "a gang of %" PRIu32 " GPUs found no place", gpus);
        for (size_t k = pool->running_count; err == DURE_OK && k-- > 0;)
            if (world->attempts[pool->running[k]].job == job) {
                err = bench_end(world, pool->running[k], error);
                break;
            }
        if (err == DURE_OK)
            err = bench_settle(world, error);
    }
    return err;
}

enum dure_err bench_gang(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                         struct dure_error *error)
{
    struct bench_world world;
    uint64_t latency[ROUNDS];
    enum dure_err err = bench_world_make(options->nodes, true, &world, error);
    if (err != DURE_OK)
        return err;
    err = fits(&world, options->gpus, error);
    if (err == DURE_OK)
        err = gangs(&world, options->gpus, latency, error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    if (err == DURE_OK) {
        const double p50 = (double)bench_quantile(latency, ROUNDS, 500) / 1e3;
        dure_buf_printf(json, "\"p50_us\":%.1f", p50);
        dure_buf_printf(words, "a gang of %" PRIu32 " GPUs in one site: p50 %.1f us", options->gpus, p50);
    }
    bench_world_release(&world);
    return err;
}

/* Every GPU borrowed; then each owner in turn asks for its own. The slowest counts: until all who must leave are told. */
static enum dure_err reclaims(struct bench_world *world, uint32_t gpus, uint64_t *ret_ns, struct dure_error *error)
{
    const uint32_t last = world->pool_count - 1;
    const struct bench_ask borrow = {.pool = last, .tasks = 1, .gpus = 1, .level = ""};
    enum dure_err err = DURE_OK;
    uint64_t total = (uint64_t)world->node_count * RECOUNT_NODE_GPUS;
    *ret_ns = 0;
    while (err == DURE_OK && world->pools[last].used < total) {
        struct bench_ask ask = borrow;
        bool started = false;
        uint32_t job = 0;
        ask.gpus = 1u << bench_below(world, 4);
        err = bench_submit_ask(world, &ask, &job, error);
        if (err == DURE_OK)
            err = bench_settle(world, error);
        started = err == DURE_OK && world->jobs[job].started;
        if (err == DURE_OK && !started) {
            total -= ask.gpus; /* what is left is too scattered for it */
            err = bench_cancel(world, job, error);
        }
    }
    for (uint32_t owner = 0; err == DURE_OK && owner < BENCH_OWNERS; owner++) {
        const struct bench_ask ask = gang_of(owner, gpus);
        uint32_t job = 0;
        world->elapsed_ns = 0;
        err = bench_submit_ask(world, &ask, &job, error);
        if (err == DURE_OK)
            err = bench_pass(world, error);
        if (world->elapsed_ns > *ret_ns)
            *ret_ns = world->elapsed_ns;
        if (err == DURE_OK && world->leaving_count == 0)
            err = dure_fail(error, DURE_E_STATE,
                            "owner %" PRIu32 " asked for %" PRIu32 " GPUs, and nobody was told to leave", owner, gpus);
        if (err == DURE_OK)
            err = bench_settle(world, error);
        if (err == DURE_OK && !world->jobs[job].started)
            err = dure_fail(error, DURE_E_STATE, "all who were told have left, and the owner's gang does not start");
    }
    return err;
}

enum dure_err bench_reclaim(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                            struct dure_error *error)
{
    struct bench_world world;
    uint64_t ns = 0;
    enum dure_err err = bench_world_make(options->nodes, true, &world, error);
    if (err != DURE_OK)
        return err;
    err = fits(&world, options->gpus, error);
    if (err == DURE_OK)
        err = reclaims(&world, options->gpus, &ns, error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    if (err == DURE_OK) {
        dure_buf_printf(json, "\"decision_us\":%.1f", (double)ns / 1e3);
        dure_buf_printf(words, "%" PRIu32 " GPUs of one site taken back from those who borrow: decided in %.1f us",
                        options->gpus, (double)ns / 1e3);
    }
    bench_world_release(&world);
    return err;
}
