/* Starts a second: a submission, the pass that places it, and what leaves to make room. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/huge.h"
#include "bench/world.h"

enum { MIXED_DECISIONS = 200000, SCALE_ROUNDS = 15, SCALE_DECISIONS = 100000 /* a round */ };

struct figures {
    uint64_t decisions, starts, refused, elapsed_ns;
    uint64_t *latency; /* of each decision, ns */
};

static enum dure_err single(struct bench_world *world, struct figures *figures, struct dure_error *error)
{
    figures->latency = calloc((size_t)world->node_count * RECOUNT_NODE_GPUS, sizeof *figures->latency);
    if (figures->latency == NULL)
        return DURE_E_MEMORY;
    enum dure_err err = bench_fill_single(world, 1, figures->latency, &figures->decisions, &figures->refused, error);
    figures->starts = world->starts;
    figures->elapsed_ns = world->elapsed_ns;
    return err;
}

static enum dure_err mixed(struct bench_world *world, unsigned load_percent, struct figures *figures,
                           struct dure_error *error)
{
    struct bench_turns turns;
    figures->latency = calloc(MIXED_DECISIONS, sizeof *figures->latency);
    if (figures->latency == NULL)
        return DURE_E_MEMORY;
    enum dure_err err = bench_fill_mixed(world, load_percent, error);
    const uint64_t starts = world->starts;
    world->elapsed_ns = 0;
    bench_turns_begin(world, load_percent, &turns);
    while (err == DURE_OK && figures->decisions < MIXED_DECISIONS) {
        bool started = false;
        err = bench_turns_play(world, &turns, &started, error);
        figures->refused += !started;
        figures->latency[figures->decisions++] =
            world->elapsed_ns - world->asked_ns; /* what ended before it is in the sum alone */
    }
    figures->starts = world->starts - starts;
    figures->elapsed_ns = world->elapsed_ns;
    return err == DURE_OK ? bench_turns_end(world, &turns, error) : err;
}

static enum dure_err measure(uint32_t nodes, bool is_mixed, unsigned load_percent, struct figures *figures,
                             struct dure_error *error)
{
    struct bench_world world;
    *figures = (struct figures){0};
    enum dure_err err = bench_world_make(nodes, false, &world, error);
    if (err != DURE_OK)
        return err;
    err = is_mixed ? mixed(&world, load_percent, figures, error) : single(&world, figures, error);
    if (err == DURE_OK)
        err = bench_world_recount(&world, error);
    bench_world_release(&world);
    return err;
}

enum dure_err bench_place(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error)
{
    struct figures figures;
    enum dure_err err = measure(options->nodes, options->mixed, options->load_percent, &figures, error);
    if (err == DURE_OK) {
        const double per_s = (double)figures.starts * 1e9 / (double)figures.elapsed_ns;
        const double p50 = (double)bench_quantile(figures.latency, figures.decisions, 500) / 1e3;
        const double p99 = (double)bench_quantile(figures.latency, figures.decisions, 990) / 1e3;
        const uint64_t rss = bench_rss_peak_mib(getpid());
        dure_buf_printf(json,
                        "\"per_s\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"refused\":%" PRIu64 ",\"rss_mib\":%" PRIu64,
                        per_s, p50, p99, figures.refused, rss);
        dure_buf_printf(words,
                        "%" PRIu32 " nodes, %s: %.0f starts a second, p50 %.2f us, p99 %.2f us, %" PRIu64
                        " refused, %" PRIu64 " MiB",
                        options->nodes, options->mixed ? "mixed" : "single", per_s, p50, p99, figures.refused, rss);
    }
    free(figures.latency);
    return err;
}

/* A fleet of one size. All of them are there at once and play by turns, so that what else the machine does falls on each alike. */
struct point {
    struct bench_world world;
    struct bench_turns turns;
    uint64_t ps[SCALE_ROUNDS]; /* a decision, in each round */
};

static enum dure_err begin_point(struct point *point, uint32_t nodes, unsigned load_percent, struct dure_error *error)
{
    enum dure_err err = bench_world_make(nodes, false, &point->world, error);
    if (err == DURE_OK)
        err = bench_fill_mixed(&point->world, load_percent, error);
    if (err == DURE_OK)
        bench_turns_begin(&point->world, load_percent, &point->turns);
    return err;
}

static enum dure_err play_round(struct point *point, unsigned round, struct dure_error *error)
{
    struct bench_world *world = &point->world;
    const uint64_t starts = world->starts, elapsed_ns = world->elapsed_ns;
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; err == DURE_OK && i < SCALE_DECISIONS; i++) {
        bool started = false;
        err = bench_turns_play(world, &point->turns, &started, error);
    }
    dure_huge_more(dure_core_room(world->core)); /* once a second in the daemon */
    const uint64_t made = world->starts - starts;
    point->ps[round] = made > 0 ? (world->elapsed_ns - elapsed_ns) * 1000 / made : 0;
    return err;
}

static enum dure_err end_point(struct point *point, struct dure_error *error)
{
    const enum dure_err err = bench_turns_end(&point->world, &point->turns, error);
    return err == DURE_OK ? bench_world_recount(&point->world, error) : err;
}

enum dure_err bench_scale(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                          struct dure_error *error)
{
    static const uint32_t sizes[] = {1000, 8000, 32500, 65000, 130000};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    double us[COUNT] = {0};
    enum dure_err err = DURE_OK;
    struct point *points = calloc(COUNT, sizeof *points);
    if (points == NULL)
        return DURE_E_MEMORY;
    for (unsigned i = 0; err == DURE_OK && i < COUNT; i++)
        err = begin_point(&points[i], sizes[i], options->load_percent, error);
    for (unsigned step = 0; err == DURE_OK && step < SCALE_ROUNDS * COUNT; step++)
        err = play_round(&points[step % COUNT], step / COUNT, error);
    for (unsigned i = 0; err == DURE_OK && i < COUNT; i++)
        err = end_point(&points[i], error);
    dure_buf_str(json, "\"points\":[");
    for (unsigned i = 0; err == DURE_OK && i < COUNT; i++) {
        us[i] = (double)bench_quantile(points[i].ps, SCALE_ROUNDS, 500) / 1e6; /* which sorts them */
        dure_buf_printf(json, "%s{\"nodes\":%" PRIu32 ",\"us_per_decision\":%.3f,\"least\":%.3f,\"most\":%.3f}",
                        i > 0 ? "," : "", sizes[i], us[i], (double)points[i].ps[0] / 1e6,
                        (double)points[i].ps[SCALE_ROUNDS - 1] / 1e6);
        dure_buf_printf(words, "%" PRIu32 " nodes %.2f us; ", sizes[i], us[i]);
    }
    if (err == DURE_OK) {
        dure_buf_printf(json, "],\"growth\":%.3f,\"us_at_130k\":%.3f", us[COUNT - 1] / us[0], us[COUNT - 1]);
        dure_buf_printf(words, "growth %.2f", us[COUNT - 1] / us[0]);
    }
    for (unsigned i = 0; i < COUNT; i++)
        bench_world_release(&points[i].world);
    free(points);
    return err;
}
