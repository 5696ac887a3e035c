/* Planned starts are kept, and nobody starves.
 *
 * Random lives of a holder with two tenants below it, and of two who borrow: small jobs and gangs of random lengths, some of higher priority, some that end early. Hardware and
 * rights stay as they are. Whoever has a planned start has its place by then, unless a record says what took it: higher priority, its own tenant's older job, or (of a
 * borrower) an owner, by a start or by a reservation of its place. No other plan is ever given up because its time is past.
 *
 * Then a gang that needs all there is, behind an endless stream of small jobs: by right, borrowed, under fair share against a tenant that has used less, and against the
 * elements of one large array. It starts once what ran when it came is over.
 *
 * Mutant that must die (mutants.sh): backfill takes what is kept for a planned start. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "rig.h"
#include "tap.h"

static const char fleet[] = "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: "
                            "node}]\nowners: [{name: o}]\n"
                            "sites: [{name: s, engine: emulated}]\ngroups:\n  - {name: g, owner: o, site: s, model: m, "
                            "nodes: 'n[01-12]', cpus: 64, "
                            "memory: 1TiB, power: 10kW, levels: [{name: rack, holds: 4}, {name: node, holds: 4}]}\n";
static const char tenants[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o, tenants: [{name: h, tenants: "
                              "[{name: p}, {name: q}]}]}, {name: x}, {name: y}]\n"
                              "allotments: [{name: r, tenant: o/h, group: g, level: rack, count: 1}]\n"
                              "lending: [{owner: o, notice: 10m, to: all}]\n";

enum { JOBS = 1 << 16, NODES = 12 };

static uint64_t seed, kept, put_aside;
static int64_t planned_us[JOBS];           /* 0: no planned start */
static int64_t began_us[JOBS];             /* has its place since */
static uint64_t planned_gpus[JOBS][NODES]; /* of who borrows: bits of each node */
static bool taken[JOBS];                   /* an owner has reserved some of them since */
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static void plan(const struct dure_record *r)
{
    planned_us[r->job.v] = r->deadline_us;
    memset(planned_gpus[r->job.v], 0, sizeof planned_gpus[r->job.v]);
    taken[r->job.v] = false;
    for (uint32_t i = 0; i < r->place_count && !r->binding_count; i++)
        for (uint32_t k = 0; k < r->places[i].node_count; k++)
            planned_gpus[r->job.v][r->places[i].node_first + k] |= r->places[i].gpu_mask;
}

/* A reservation takes the place when it begins, and may be given up until then: the plan is not given up for it. */
static void reserve(const struct dure_record *r)
{
    for (uint64_t id = 1; id < JOBS && r->binding_count; id++)
        for (uint32_t i = 0; planned_us[id] && i < r->place_count; i++)
            for (uint32_t k = 0; k < r->places[i].node_count; k++)
                taken[id] |= (planned_gpus[id][r->places[i].node_first + k] & r->places[i].gpu_mask) != 0;
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    if (r->job.v >= JOBS)
        return;
    if (r->kind == DURE_REC_RESERVE)
        reserve(r);
    if (r->kind == DURE_REC_PLAN) {
        if (r->deadline_us < rig->now_us)
            TAP_FAIL("job %llu is planned for the past", (unsigned long long)r->job.v);
        plan(r);
    } else if (r->kind == DURE_REC_UNPLAN) {
        if (r->cause != DURE_CAUSE_PRIORITY && r->cause != DURE_CAUSE_RECLAIMED && !taken[r->job.v])
            TAP_FAIL("the plan of job %llu is given up: %s, %lld s before", (unsigned long long)r->job.v,
                     dure_cause_name(r->cause), (long long)((planned_us[r->job.v] - rig->now_us) / DURE_SECOND_US));
        planned_us[r->job.v] = 0;
        put_aside++;
    } else if (r->kind == DURE_REC_START || r->kind == DURE_REC_RESERVE) {
        kept += planned_us[r->job.v] != 0;
        planned_us[r->job.v] = 0;
        began_us[r->job.v] = began_us[r->job.v] ? began_us[r->job.v] : rig->now_us;
    } else if (r->kind == DURE_REC_END) {
        planned_us[r->job.v] = 0;
    }
}

static void begin(struct rig *rig)
{
    rig_init(rig, fleet, tenants);
    rig->watch = watch;
    memset(planned_us, 0, sizeof planned_us);
    memset(began_us, 0, sizeof began_us);
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
        if (planned_us[id] && planned_us[id] <= rig->now_us && !taken[id])
            TAP_FAIL("job %llu was to start %lld s ago", (unsigned long long)id,
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

static uint64_t submit(struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, int64_t walltime_us,
                       int32_t priority)
{
    const bool borrowed = tenant[1] == '\0';
    struct dure_job job = rig_job(rig, tenant, tasks, gpus, borrowed);
    job.walltime_us = walltime_us;
    job.grace_us = borrowed ? 0 : below(3) * 20 * DURE_SECOND_US;
    job.priority = priority;
    const uint64_t id = dure_core_next_job(rig->core).v;
    if (rig_submit(rig, &job) != DURE_OK)
        tap_bail("submit: %s", rig->error.text);
    return id;
}

static void end_early(struct rig *rig)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        if (!below(12) && rig_report(rig, view.attempt.v, DURE_REPORT_ENDED, 0) != DURE_OK)
            tap_bail("end: %s", rig->error.text);
    go_to(rig, rig->now_us);
}

static void random_life(void)
{
    static const char *const who[] = {"o/h/p", "o/h/q", "x", "y"};
    struct rig rig;
    begin(&rig);
    for (uint32_t step = 0; step < 250; step++) {
        for (uint32_t i = below(4); i; i--)
            submit(&rig, who[below(4)], below(4) ? 1 : 1 + below(4), 1 + below(4), (1 + below(40)) * DURE_MINUTE_US,
                   below(6) ? 0 : (int32_t)below(3));
        go_on(&rig, (1 + below(120)) * DURE_SECOND_US);
        if (!below(3))
            end_early(&rig);
    }
    rig_check(&rig);
    rig_release(&rig);
}

/* ---- starvation ---- */

enum { STREAM_MINUTES = 10 };

/* Small jobs: as many as keep all that they may use busy, and some that wait. */
static void pour(struct rig *rig, const char *tenant)
{
    while (dure_core_counts(rig->core).jobs_pending < 24)
        submit(rig, tenant, 1, 1, (1 + below(STREAM_MINUTES)) * DURE_MINUTE_US, 0);
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

/* The gang is to start within so many minutes of its coming: once those before it, and what runs then, are over. */
static void behind_stream(const char *stream, const char *gang, uint32_t tasks, int64_t minutes, bool array)
{
    struct rig rig;
    begin(&rig);
    for (uint32_t i = 0; i < 60; i++) {
        pour(&rig, stream);
        go_on(&rig, 20 * DURE_SECOND_US);
    }
    const uint64_t id = submit(&rig, gang, tasks, 4, DURE_MINUTE_US, 0);
    const int64_t came_us = rig.now_us;
    if (array)
        submit_array(&rig, stream);
    while (!began_us[id] && rig.now_us < came_us + minutes * DURE_MINUTE_US) {
        if (!array)
            pour(&rig, stream);
        go_on(&rig, 20 * DURE_SECOND_US);
    }
    TAP_OK(began_us[id] != 0, "a gang of %u nodes of %s starts behind %s of %s (after %lld s)", tasks, gang,
           array ? "an array" : "an endless stream", stream, (long long)((rig.now_us - came_us) / DURE_SECOND_US));
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    seed = tap_seed(20261201);
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 0;
#endif
    (void)argc;
    (void)argv;
    for (uint32_t i = 0; i < 12; i++)
        random_life();
    TAP_OK(kept > 100, "%llu planned starts kept, %llu put aside", (unsigned long long)kept,
           (unsigned long long)put_aside);
    behind_stream("o/h/p", "o/h/p", 4, 3 * STREAM_MINUTES, false);
    behind_stream("o/h/p", "o/h/p", 4, 3 * STREAM_MINUTES, true);
    behind_stream("x", "x", 12, 3 * STREAM_MINUTES, false);
    behind_stream("x", "x", 12, 3 * STREAM_MINUTES, true);
    behind_stream("o/h/p", "o/h/q", 4, 3 * STREAM_MINUTES, false);
    behind_stream("x", "y", 12, 3 * STREAM_MINUTES, false);
    return tap_done();
}
