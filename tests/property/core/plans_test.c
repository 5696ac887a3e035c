/* Planned starts are kept, and nobody starves.
 *
 * Random lives of a holder with two tenants below it, and of two who borrow: small jobs and gangs of random lengths, some of higher priority, some that end early; many with
 * lists of nodes, limits of spread, or datasets that stay on one site and want their nodes alone. Hardware and rights stay as they are, and one holder uses its own. Whoever has a
 * planned start has its place by then, unless a record says what took it: higher priority, its own tenant's older job, or (of a borrower) an owner, by a start, or by a
 * reservation of its place that stands at that moment. No other plan is ever given up because its time is past. All kinds of jobs get planned starts, and keep them.
 *
 * In some of these lives limits of power leave some GPUs dark: what is planned is planned on others, and kept. Maintenance is booked now and then in some; what was booked when a start was planned takes nothing from it, by right or borrowed. Where it is booked over all
 * that a gang may use, the gang's start is planned for the moment at which it is over, and is then.
 *
 * Then a gang that needs all there is, behind an endless stream of small jobs: by right, borrowed, under fair share against a tenant that has used less, and against the
 * elements of one large array; with a list, with a spread, with a dataset; and behind more blocked jobs without hope than starts are sought for in one pass. It starts once
 * what ran when it came is over.
 *
 * Mutants that must die (mutants.sh): backfill takes what is kept for a planned start; cells that a planned start counts on are bound elsewhere; a start is sought for
 * the first of the blocked alone; a start is planned into booked maintenance. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "rig.h"
#include "tap.h"

static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}, {name: t, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'n[01-12]', cpus: 64, memory: 1TiB, power: 10kW, levels: "
    "[{name: rack, holds: 4}, {name: node, holds: 4}]}\n"
    "  - {name: k, owner: o, site: t, model: m, nodes: 'k[01-06]', cpus: 64, memory: 1TiB, power: 10kW, levels: "
    "[{name: rack, holds: 2}, {name: node, holds: 4}]}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o, tenants: [{name: h, tenants: [{name: p}, {name: q}]}, "
    "{name: z}]}, "
    "{name: x}, {name: y}]\n"
    "allotments: [{name: r, tenant: o/h, group: g, level: rack, count: 1}, {name: u, tenant: o/h, group: k, level: "
    "node, count: 3}, {name: v, tenant: o/z, group: k, level: node, count: 3}]\n"
    "lending: [{owner: o, notice: 10m, to: all}]\n";
static const char datasets[] =
    "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"here\",\"sites\":[\"s\"]},{\"name\":\"there\","
    "\"sites\":[\"t\"]},{\"name\":\"alone\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":"
    "\"others\"}}]}";

/* Five GPUs of the first site are dark; what is promised there can be fed. */
static const char power[] =
    "{\"kind\":\"Power\",\"version\":1,\"lead\":\"5m\",\"limits\":[{\"site\":\"s\",\"limit\":\"107.5kW\"}]}";

enum { JOBS = 1 << 16, FIRST_NODES = 12, NODES = 18, RESERVED_MAX = 256 };
enum kind { PLAIN, LIST, SPREAD, DATA, KINDS };

static uint64_t seed, kept, put_aside, planned_of[KINDS], kept_of[KINDS];
static uint8_t kind_of[JOBS];
static int64_t planned_us[JOBS];           /* 0: no planned start */
static int64_t began_us[JOBS];             /* has its place since */
static uint64_t planned_gpus[JOBS][NODES]; /* of who borrows: bits of each node */
static struct reserved {
    uint64_t job;
    uint32_t element;
    uint64_t gpus[NODES];
} reserved[RESERVED_MAX]; /* places by right for which others have to leave first */
static uint32_t reserved_count;
static bool is_booked; /* maintenance is booked now and then in this life */
static bool is_dim;    /* limits of power leave GPUs dark, all life long */
static uint64_t dim_plans;
static uint64_t booked_plans;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static void mark(uint64_t gpus[NODES], const struct dure_record *r)
{
    memset(gpus, 0, NODES * sizeof *gpus);
    for (uint32_t i = 0; i < r->place_count; i++)
        for (uint32_t k = 0; k < r->places[i].node_count; k++)
            gpus[r->places[i].node_first + k] |= r->places[i].gpu_mask;
}

static void plan(const struct dure_record *r)
{
    planned_us[r->job.v] = r->deadline_us;
    booked_plans += is_booked;
    dim_plans += is_dim;
    planned_of[kind_of[r->job.v]]++;
    if (r->binding_count)
        memset(planned_gpus[r->job.v], 0, sizeof planned_gpus[r->job.v]);
    else
        mark(planned_gpus[r->job.v], r);
}

/* A reservation takes the place when it begins, and may be given up until then: the plan is not given up for it. */
static void reserve(const struct dure_record *r)
{
    if (reserved_count == RESERVED_MAX)
        tap_bail("too many reservations");
    reserved[reserved_count].job = r->job.v;
    reserved[reserved_count].element = r->element;
    mark(reserved[reserved_count++].gpus, r);
}

static void unreserve(const struct dure_record *r)
{
    for (uint32_t i = 0; i < reserved_count; i++)
        if (reserved[i].job == r->job.v && reserved[i].element == r->element) {
            reserved[i] = reserved[--reserved_count];
            return;
        }
}

/* Has an owner reserved some of its place, just now? */
static bool is_taken(uint64_t id)
{
    for (uint32_t i = 0; i < reserved_count; i++)
        for (uint32_t node = 0; node < NODES; node++)
            if (reserved[i].gpus[node] & planned_gpus[id][node])
                return true;
    return false;
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    if (r->job.v >= JOBS)
        return;
    if (r->kind == DURE_REC_START || r->kind == DURE_REC_UNRESERVE)
        unreserve(r);
    if (r->kind == DURE_REC_RESERVE)
        reserve(r);
    if (r->kind == DURE_REC_PLAN) {
        if (r->deadline_us < rig->now_us)
            TAP_FAIL("job %llu is planned for the past", (unsigned long long)r->job.v);
        plan(r);
    } else if (r->kind == DURE_REC_UNPLAN) {
        /* New maintenance makes plans anew; what begins was foreseen. */
        const bool by_booking = is_booked && r->cause == DURE_CAUSE_DRAINED;
        if (r->cause != DURE_CAUSE_PRIORITY && r->cause != DURE_CAUSE_RECLAIMED && !by_booking && !is_taken(r->job.v))
            TAP_FAIL("the plan of job %llu (kind %u) is given up: %s, %lld s before", (unsigned long long)r->job.v,
                     kind_of[r->job.v], dure_cause_name(r->cause),
                     (long long)((planned_us[r->job.v] - rig->now_us) / DURE_SECOND_US));
        planned_us[r->job.v] = 0;
        put_aside++;
    } else if (r->kind == DURE_REC_START || r->kind == DURE_REC_RESERVE) {
        kept += planned_us[r->job.v] != 0;
        kept_of[kind_of[r->job.v]] += planned_us[r->job.v] != 0;
        planned_us[r->job.v] = 0;
        began_us[r->job.v] = began_us[r->job.v] ? began_us[r->job.v] : rig->now_us;
    } else if (r->kind == DURE_REC_END) {
        planned_us[r->job.v] = 0;
    }
}

static void begin(struct rig *rig)
{
    rig_init(rig, fleet, tenants);
    struct dure_record r = rig_record(rig, DURE_REC_DATA);
    r.text = datasets;
    r.text_length = sizeof datasets - 1;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("datasets: %s", rig->error.text);
    r = rig_record(rig, DURE_REC_POWER);
    r.text = power;
    r.text_length = sizeof power - 1;
    if (is_dim && rig_step(rig, &r) != DURE_OK)
        tap_bail("limits of power: %s", rig->error.text);
    rig->watch = watch;
    memset(planned_us, 0, sizeof planned_us);
    memset(began_us, 0, sizeof began_us);
    memset(kind_of, 0, sizeof kind_of);
    reserved_count = 0;
}

/* All that is due by then happens, and whoever may start does. */
static void go_to(struct rig *rig, int64_t at_us)
{
    if (rig_tick(rig, at_us) != DURE_OK)
        tap_bail("tick: %s", rig->error.text);
    rig_reap(rig);
    for (unsigned i = 0; dure_core_wants_pass(rig->core); i++) {
        if (rig_pass(rig) != DURE_OK || i > 16)
            tap_bail("pass %u of one moment: %s", i, rig->error.text);
        rig_reap(rig); /* borrowers without grace leave at once */
    }
    for (uint64_t id = 1; id < dure_core_next_job(rig->core).v && id < JOBS; id++)
        if (planned_us[id] && planned_us[id] <= rig->now_us && !is_taken(id))
            TAP_FAIL("job %llu (kind %u) was to start %lld s ago", (unsigned long long)id, kind_of[id],
                     (long long)((rig->now_us - planned_us[id]) / DURE_SECOND_US));
}

/* With a tick at every deadline, as the loop has them. */
static void go_on(struct rig *rig, int64_t by_us)
{
    const int64_t until_us = rig->now_us + by_us;
    for (int64_t next; (next = dure_core_next_deadline_us(rig->core)) < until_us;)
        go_to(rig, next > rig->now_us ? next : rig->now_us + 1);
    go_to(rig, until_us);
}

static void limit(struct dure_job *job, enum kind kind)
{
    static struct dure_node_run run;
    if (kind == LIST) {
        run = (struct dure_node_run){below(NODES), 1 + below(8)};
        if (run.first + run.count > NODES)
            run.count = NODES - run.first;
        *(below(3) ? &job->include : &job->exclude) = (struct dure_node_runs){&run, 1};
    } else if (kind == SPREAD) {
        job->spread_level = below(2) ? "rack" : "node";
        job->spread_max = 1 + below(2);
    } else if (kind == DATA) {
        job->data_mask = 1 + below(7);
    }
}

/* 0: it can never run. */
static uint64_t submit_job(struct rig *rig, struct dure_job *job, enum kind kind)
{
    const uint64_t id = dure_core_next_job(rig->core).v;
    const enum dure_err err = rig_submit(rig, job);
    if (err != DURE_OK && (err != DURE_E_NEVER || kind == PLAIN))
        tap_bail("submit: %s", rig->error.text);
    kind_of[id] = (uint8_t)kind;
    return err == DURE_OK ? id : 0;
}

static uint64_t submit(struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, int64_t walltime_us,
                       int32_t priority, enum kind kind)
{
    const bool borrowed = tenant[1] == '\0';
    struct dure_job job = rig_job(rig, tenant, tasks, gpus, borrowed);
    job.walltime_us = walltime_us;
    job.grace_us = borrowed ? 0 : below(3) * 20 * DURE_SECOND_US;
    job.priority = priority;
    limit(&job, kind);
    return submit_job(rig, &job, kind);
}

static void end_early(struct rig *rig)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        if (!below(12) && rig_report(rig, view.attempt.v, DURE_REPORT_ENDED, 0) != DURE_OK)
            tap_bail("end: %s", rig->error.text);
    go_to(rig, rig->now_us);
}

static void book(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_BOOK);
    struct dure_place run = {.node_first = below(NODES), .node_count = 1};
    run.node_count += run.node_first + 1 < FIRST_NODES ? below(2) : 0;
    r.places = &run;
    r.place_count = 1;
    r.number = rig->now_us + (1 + below(60)) * DURE_MINUTE_US;
    r.deadline_us = r.number + (1 + below(20)) * DURE_MINUTE_US;
    (void)!rig_step(rig, &r); /* two at once of one node are refused */
}

static void unbook(struct rig *rig)
{
    struct dure_booking_view view;
    struct dure_record r = rig_record(rig, DURE_REC_UNBOOK);
    for (uint32_t i = 0, seen = 0; dure_core_booking_view(rig->core, i, &view); i++)
        r.number = below(++seen) ? r.number : (int64_t)view.id;
    if (r.number && rig_step(rig, &r) != DURE_OK)
        tap_bail("unbook: %s", rig->error.text);
    go_to(rig, rig->now_us);
}

static void book_run(struct rig *rig, uint32_t first, uint32_t count, int64_t from_us, int64_t until_us)
{
    struct dure_record r = rig_record(rig, DURE_REC_BOOK);
    struct dure_place run = {.node_first = first, .node_count = count};
    r.places = &run;
    r.place_count = 1;
    r.number = from_us;
    r.deadline_us = until_us;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("book: %s", rig->error.text);
}

/* All that there is goes into maintenance before the gang could be over; what runs is over before the maintenance is. */
static void behind_maintenance(const char *tenant, uint32_t tasks, enum kind kind)
{
    struct rig rig;
    begin(&rig);
    const int64_t over_us = rig.now_us + 25 * DURE_MINUTE_US;
    for (uint32_t i = 0; i < 12; i++)
        submit(&rig, i % 2 ? "o/h/q" : "x", 1, 2, (1 + below(20)) * DURE_MINUTE_US, 0, PLAIN);
    go_on(&rig, DURE_SECOND_US);
    book_run(&rig, 0, FIRST_NODES, rig.now_us + 5 * DURE_MINUTE_US, over_us);
    book_run(&rig, FIRST_NODES, NODES - FIRST_NODES, rig.now_us + 8 * DURE_MINUTE_US, over_us + 20 * DURE_MINUTE_US);
    go_on(&rig, DURE_SECOND_US);
    const uint64_t id = submit(&rig, tenant, tasks, 4, 10 * DURE_MINUTE_US, 9, kind);
    go_on(&rig, 3 * DURE_SECOND_US);
    const int64_t planned = planned_us[id];
    TAP_OK(id && planned == over_us,
           "of a gang of %u nodes of %s (kind %u) the start is planned right behind maintenance", tasks, tenant, kind);
    go_on(&rig, over_us - rig.now_us);
    TAP_OK(began_us[id] == over_us, "and it starts then");
    rig_release(&rig);
}

static void random_life(void)
{
    static const char *const who[] = {"o/h/p", "o/h/q", "x", "y"};
    struct rig rig;
    begin(&rig);
    for (uint32_t step = 0; step < 250; step++) {
        for (uint32_t i = below(4); i; i--)
            submit(&rig, who[below(4)], below(4) ? 1 : 1 + below(4), 1 + below(4), (1 + below(40)) * DURE_MINUTE_US,
                   below(6) ? 0 : (int32_t)below(3), (enum kind)below(KINDS));
        go_on(&rig, (1 + below(120)) * DURE_SECOND_US);
        if (is_booked && !below(12))
            book(&rig);
        if (is_booked && !below(40))
            unbook(&rig);
        if (!below(3))
            end_early(&rig);
    }
    rig_check(&rig);
    rig_release(&rig);
}

/* ---- starvation ---- */

enum { STREAM_MINUTES = 10 };

/* Small jobs: as many as keep all that they may use busy, and some that wait beside so many who wait anyway. */
static void pour(struct rig *rig, const char *tenant, uint32_t others)
{
    while (dure_core_counts(rig->core).jobs_pending < 24 + others)
        submit(rig, tenant, 1, 1, (1 + below(STREAM_MINUTES)) * DURE_MINUTE_US, 0, PLAIN);
}

static void submit_array(struct rig *rig, const char *tenant)
{
    struct dure_job job = rig_job(rig, tenant, 1, 1, tenant[1] == '\0');
    job.walltime_us = STREAM_MINUTES * DURE_MINUTE_US;
    job.grace_us = 0;
    job.array_count = 100000;
    job.array_step = 1;
    if (rig_submit(rig, &job) != DURE_OK)
        tap_bail("array: %s", rig->error.text);
}

enum { HOPELESS = 50 };

/* Many needs that find no place in sight, because another tenant has bound the node that they name: no start can be planned for them. */
static void submit_hopeless(struct rig *rig, const char *tenant)
{
    static const struct dure_node_run first = {FIRST_NODES, 1};
    for (uint32_t i = 0; i < 3; i++)
        submit(rig, "o/z", 1, 4, 24 * DURE_HOUR_US, 0, PLAIN);
    go_on(rig, DURE_SECOND_US);
    for (uint32_t i = 0; i < HOPELESS; i++) {
        struct dure_job job = rig_job(rig, tenant, 1, 1, false);
        job.walltime_us = DURE_MINUTE_US;
        job.gpu_memory_mib = 1024 * (1 + i);
        job.include = (struct dure_node_runs){&first, 1};
        if (!submit_job(rig, &job, LIST))
            tap_bail("a job that names a node: %s", rig->error.text);
    }
}

struct story {
    const char *stream, *gang;
    uint32_t tasks;
    enum kind kind;
    bool array, hopeless; /* the stream comes as one array; others wait before the gang without hope */
};

static uint64_t submit_gang(struct rig *rig, const struct story *story)
{
    static const struct dure_node_run second_rack = {4, 4};
    struct dure_job job = rig_job(rig, story->gang, story->tasks, 4, story->gang[1] == '\0');
    job.walltime_us = DURE_MINUTE_US;
    job.grace_us = 0;
    if (story->kind == LIST)
        job.include = (struct dure_node_runs){&second_rack, 1};
    if (story->kind == SPREAD) {
        job.spread_level = "node";
        job.spread_max = 1;
    }
    job.data_mask = story->kind == DATA ? 1 | 4 : 0;
    return submit_job(rig, &job, story->kind);
}

/* The gang is to start within so many minutes of its coming: once those before it, and what runs then, are over. */
static void behind_stream(struct story story)
{
    static const char *const with[KINDS] = {"", " with a list of nodes", " with a spread", " with a dataset"};
    const int64_t minutes = (int64_t)STREAM_MINUTES * (story.hopeless ? 6 : 3);
    const uint32_t others = story.hopeless ? HOPELESS : 0;
    struct rig rig;
    begin(&rig);
    if (story.hopeless)
        submit_hopeless(&rig, story.gang);
    for (uint32_t i = 0; i < 60; i++) {
        pour(&rig, story.stream, others);
        go_on(&rig, 20 * DURE_SECOND_US);
    }
    const uint64_t id = submit_gang(&rig, &story);
    const int64_t came_us = rig.now_us;
    if (story.array)
        submit_array(&rig, story.stream);
    while (!began_us[id] && rig.now_us < came_us + minutes * DURE_MINUTE_US) {
        if (!story.array)
            pour(&rig, story.stream, others);
        go_on(&rig, 20 * DURE_SECOND_US);
    }
    TAP_OK(began_us[id] != 0, "a gang of %u nodes of %s%s starts behind %s of %s%s (after %lld s)", story.tasks,
           story.gang, with[story.kind], story.array ? "an array" : "an endless stream", story.stream,
           story.hopeless ? " and many without hope" : "", (long long)((rig.now_us - came_us) / DURE_SECOND_US));
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    static const struct story stories[] = {
        {"o/h/p", "o/h/p", 4, PLAIN, false, false}, {"o/h/p", "o/h/p", 4, PLAIN, true, false},
        {"x", "x", 12, PLAIN, false, false},        {"x", "x", 12, PLAIN, true, false},
        {"o/h/p", "o/h/q", 4, PLAIN, false, false}, {"x", "y", 12, PLAIN, false, false},
        {"o/h/p", "o/h/p", 4, LIST, false, false},  {"x", "x", 4, LIST, false, false},
        {"o/h/p", "o/h/p", 4, SPREAD, true, false}, {"x", "y", 12, SPREAD, false, false},
        {"o/h/p", "o/h/q", 4, DATA, false, false},  {"x", "x", 12, DATA, true, false},
        {"o/h/p", "o/h/p", 4, PLAIN, false, true},
    };
    seed = tap_seed(20261201);
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 0;
#endif
    (void)argc;
    (void)argv;
    for (uint32_t i = 0; i < 60; i++) {
        is_booked = i >= 40;
        is_dim = i % 4 == 3 && !is_booked;
        random_life();
    }
    is_dim = false;
    behind_maintenance("o/h/p", 4, PLAIN);
    behind_maintenance("o/h/p", 1, PLAIN);
    behind_maintenance("x", 8, PLAIN);
    is_booked = false;
    TAP_OK(booked_plans > 100, "%llu starts planned among booked maintenance", (unsigned long long)booked_plans);
    TAP_OK(dim_plans > 100, "%llu starts planned under limits of power", (unsigned long long)dim_plans);
    TAP_OK(kept > 100, "%llu planned starts kept, %llu put aside", (unsigned long long)kept,
           (unsigned long long)put_aside);
    for (unsigned k = 0; k < KINDS; k++)
        TAP_OK(kept_of[k] > 20, "of kind %u: %llu planned, %llu kept", k, (unsigned long long)planned_of[k],
               (unsigned long long)kept_of[k]);
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
        behind_stream(stories[i]);
    return tap_done();
}
