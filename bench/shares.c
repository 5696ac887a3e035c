/* How full GPUs get that fractions share: by the fullest first, and by prices as a daemon works them out. Fractions come at random and stay for an
 * exponential time; who finds no place goes away. Both ways see the same work. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "advise/shared.h"
#include "base/timefmt.h"
#include "bench/world.h"

enum {
    NODE_GPUS = 4,
    SIZES = 6,
    STAY = 1000, /* moments that a fraction stays on average */
    MOMENTS = 20000,
    WARM = 4000, /* of them */
    RENEW_STARTS = 32,
    LIVE_MAX = 1 << 16,
    SEED = 20261127,
};

static const struct {
    const char *name;
    uint32_t milli[SIZES];
} mixes[] = {{"pairs", {470, 530, 300, 190, 250, 999}},
             {"quarters", {500, 250, 250, 125, 750, 999}},
             {"thirds", {300, 350, 400, 450, 600, 700}},
             {"small", {470, 300, 300, 190, 600, 60}}};

struct fraction {
    uint64_t attempt;
    int64_t until;
    uint32_t milli;
};

struct play {
    struct dure_core *core;
    struct dure_advise *advise; /* NULL: without prices */
    uint64_t random;
    int64_t moment;
    uint64_t attempt; /* that the last step started; 0: none */
    struct fraction *live;
    uint32_t live_count, since_renewed;
    uint64_t used_milli, sum_milli, came, refused;
};

/* splitmix64: the same everywhere. */
static uint64_t below(struct play *play, uint64_t bound)
{
    uint64_t z = play->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % bound;
}

static void heard(void *context, const struct dure_record *r)
{
    struct play *play = context;
    if (r->kind == DURE_REC_START)
        play->attempt = r->attempt.v;
}

static enum dure_err step(struct play *play, enum dure_record_kind kind, struct dure_record *r,
                          struct dure_error *error)
{
    r->kind = kind;
    r->term = 1;
    r->time_us = play->moment * DURE_SECOND_US;
    return dure_core_step(play->core, r, heard, play, error);
}

static enum dure_err say(struct play *play, enum dure_record_kind kind, const char *text, size_t length,
                         struct dure_error *error)
{
    struct dure_record r;
    dure_record_init(&r, kind, 1, 0);
    r.text = text;
    r.text_length = length;
    return step(play, kind, &r, error);
}

static enum dure_err declare(struct play *play, uint32_t nodes, struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0}, people DURE_CLEANUP_BUF = {0};
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *tenants = NULL;
    dure_buf_init(&text, 1 << 16);
    dure_buf_init(&people, 1 << 16);
    dure_buf_printf(
        &text,
        "kind: Fleet\nversion: 1\nname: shares\nzone: UTC\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: "
        "node}]\nowners: [{name: o}]\n"
        "sites: [{name: s, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\ngroups:\n  - {name: g, "
        "owner: o, site: s, model: m, "
        "nodes: 'n[0001-%04" PRIu32
        "]', cpus: 64, memory: 512GiB, disk: 1TiB, power: 5kW, levels: [{name: node, holds: %d}], status: assumed}\n",
        nodes, NODE_GPUS);
    dure_buf_printf(&people,
                    "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}]\nallotments: [{name: all, tenant: o, "
                    "group: g, level: node, count: %" PRIu32 "}]\n",
                    nodes);
    enum dure_err err = bench_read_specs(&text, &people, &fleet, &tenants, error);
    if (err == DURE_OK)
        err = say(play, DURE_REC_FLEET, fleet->spec_json, fleet->spec_json_length, error);
    if (err == DURE_OK)
        err = say(play, DURE_REC_TENANTS, tenants->spec_json, tenants->spec_json_length, error);
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    return err;
}

static enum dure_err depart(struct play *play, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; err == DURE_OK && i < play->live_count;) {
        struct fraction *f = &play->live[i];
        struct dure_record r;
        if (f->until > play->moment) {
            i++;
            continue;
        }
        dure_record_init(&r, DURE_REC_ATTEMPT_REPORT, 1, 0);
        r.attempt.v = f->attempt;
        r.report = DURE_REPORT_ENDED;
        err = step(play, DURE_REC_ATTEMPT_REPORT, &r, error);
        play->used_milli -= f->milli;
        *f = play->live[--play->live_count];
    }
    return err;
}

static enum dure_err renew(struct play *play, struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_holes_view view;
    struct dure_prices prices;
    play->since_renewed = 0;
    dure_core_holes(play->core, &view);
    if (dure_advise_shared(play->advise, &view, &prices) != DURE_OK)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    dure_buf_init(&text, 4096);
    dure_prices_write(&prices, &text);
    return say(play, DURE_REC_PRICES, text.data, text.length, error);
}

static enum dure_err arrive(struct play *play, uint32_t milli, struct dure_error *error)
{
    struct dure_record r;
    const struct dure_job_id job = dure_core_next_job(play->core);
    const double chance = ((double)below(play, 1u << 24) + 1) / (1u << 24);
    const int64_t until = play->moment + 1 + (int64_t)(-STAY * log(chance));
    dure_record_init(&r, DURE_REC_SUBMIT, 1, 0);
    r.submit = (struct dure_job){.tasks = 1,
                                 .task_gpus = 1,
                                 .task_gpu_milli = milli,
                                 .level = "",
                                 .walltime_us = 30 * DURE_DAY_US,
                                 .begin_us = INT64_MIN};
    play->attempt = 0;
    enum dure_err err = step(play, DURE_REC_SUBMIT, &r, error);
    if (err == DURE_OK && !play->attempt && dure_core_wants_pass(play->core)) {
        dure_record_init(&r, DURE_REC_PASS, 1, 0);
        r.number = DURE_PASS_STARTS_MAX;
        err = step(play, DURE_REC_PASS, &r, error);
    }
    play->came += play->moment >= WARM;
    if (err == DURE_OK && play->attempt && play->live_count < LIVE_MAX) {
        play->live[play->live_count++] = (struct fraction){play->attempt, until, milli};
        play->used_milli += milli;
        play->since_renewed++;
    } else if (err == DURE_OK) {
        play->refused += play->moment >= WARM;
        dure_record_init(&r, DURE_REC_CANCEL, 1, 0);
        r.job = job;
        r.element = DURE_NONE32;
        err = step(play, DURE_REC_CANCEL, &r, error);
    }
    return err;
}

static enum dure_err run(struct play *play, const struct bench_options *options, unsigned mix, unsigned load,
                         struct dure_error *error)
{
    enum dure_err err = dure_core_new(&play->core);
    play->live = malloc(LIVE_MAX * sizeof *play->live);
    if (err != DURE_OK || play->live == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    err = declare(play, options->nodes, error);
    uint64_t sizes = 0, due = 0;
    for (unsigned i = 0; i < SIZES; i++)
        sizes += mixes[mix].milli[i];
    /* What comes in a moment is what would depart in one: in milli-GPU times STAY and 100. */
    const uint64_t coming = (uint64_t)options->nodes * NODE_GPUS * 1000 * load;
    sizes *= STAY * UINT64_C(100);
    for (play->moment = 0; err == DURE_OK && play->moment < MOMENTS; play->moment++) {
        err = depart(play, error);
        for (due += coming * SIZES; err == DURE_OK && due >= sizes; due -= sizes)
            err = arrive(play, mixes[mix].milli[below(play, SIZES)], error);
        if (err == DURE_OK && play->advise && play->since_renewed >= RENEW_STARTS)
            err = renew(play, error);
        play->sum_milli += play->moment >= WARM ? play->used_milli : 0;
    }
    return err;
}

static void release(struct play *play)
{
    dure_core_free(play->core);
    dure_advise_free(play->advise);
    free(play->live);
}

/* One mix at one load, both ways. */
static enum dure_err compare(const struct bench_options *options, unsigned mix, unsigned load, struct dure_buf *json,
                             struct dure_buf *words, struct dure_error *error)
{
    struct {
        double percent, refused;
    } way[2] = {0};
    for (unsigned priced = 0; priced < 2; priced++) {
        struct play play = {.random = SEED, .advise = priced ? dure_advise_new(&dure_advise_usual) : NULL};
        const enum dure_err err = priced && play.advise == NULL ? dure_fail(error, DURE_E_MEMORY, "out of memory")
                                                                : run(&play, options, mix, load, error);
        way[priced].percent = (double)play.sum_milli / 10 / (MOMENTS - WARM) / options->nodes / NODE_GPUS;
        way[priced].refused = play.came ? 100.0 * (double)play.refused / (double)play.came : 0;
        release(&play);
        if (err != DURE_OK)
            return err;
    }
    dure_buf_printf(json,
                    "{\"mix\":\"%s\",\"load\":%u.%u,\"fullest_percent\":%.2f,\"fullest_refused_percent\":%.2f,"
                    "\"percent\":%.2f,\"refused_percent\":%.2f}",
                    mixes[mix].name, load / 100, load / 10 % 10, way[0].percent, way[0].refused, way[1].percent,
                    way[1].refused);
    dure_buf_printf(words, "\n  %-8s at %3u %%: %.2f and %.2f %% in use, %.2f and %.2f %% refused", mixes[mix].name,
                    load, way[0].percent, way[1].percent, way[0].refused, way[1].refused);
    return DURE_OK;
}

enum dure_err bench_shares(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                           struct dure_error *error)
{
    static const unsigned loads[] = {90, 110, 130};
    enum { LOADS = sizeof loads / sizeof loads[0], POINTS = LOADS * (sizeof mixes / sizeof mixes[0]) };
    enum dure_err err = DURE_OK;
    dure_buf_str(json, "\"points\":[");
    dure_buf_str(words, "fractions that come and go, fullest GPU first and by prices:");
    for (unsigned i = 0; err == DURE_OK && i < POINTS; i++) {
        dure_buf_str(json, i ? "," : "");
        err = compare(options, i / LOADS, loads[i % LOADS], json, words, error);
    }
    dure_buf_str(json, "]");
    return err;
}
