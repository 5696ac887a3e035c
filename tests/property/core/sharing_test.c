/* Sharing safety by its definition (CELLS.md, property 6).
 *
 * (a) With grace 0, one tenant's guaranteed trace starts at identical times alone and in the shared fleet, whatever the others do.
 * (a') So too when the fleet grows by hardware that nobody is promised: no start of the trace is later.
 * (b) With a grace, every guaranteed job starts within the grace of the instant at which its own private cluster placed it.
 *
 * Mutants that must die (mutants.sh runs this program and history_test with each): 1 count borrowed leaves as used; 2 worst-case memory share
 * not reserved; 3 start before the borrowers have left; 4 a notice longer than the grace; 5 fractions of two tenants on one GPU; 6 a reserved
 * GPU closed to its tenant's own fractions. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

enum { TRACE = 120, SECONDS = 4000, JOBS_MAX = 4096 };

struct event {
    int64_t at_s, lasts_s;
    struct dure_job job;
};

struct world {
    struct rig rig;
    const struct event *of[JOBS_MAX]; /* by job id; NULL: somebody else's */
    int64_t lasts_s[JOBS_MAX];
    int64_t started_s[TRACE];
    int64_t reserved_s[JOBS_MAX];
    int64_t longest_wait_s; /* from reservation to start */
    const struct event *trace;
    uint64_t reservations;
};

static uint64_t seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static int64_t second_of(const struct rig *rig)
{
    return rig->now_us / DURE_SECOND_US - 1700000000;
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    struct world *world = rig->context;
    if (r->kind == DURE_REC_RESERVE) {
        world->reserved_s[r->job.v] = second_of(rig);
        world->reservations++;
    }
    if (r->kind == DURE_REC_UNRESERVE)
        world->reserved_s[r->job.v] = -1;
    if (r->kind != DURE_REC_START)
        return;
    if (world->reserved_s[r->job.v] >= 0 && second_of(rig) - world->reserved_s[r->job.v] > world->longest_wait_s)
        world->longest_wait_s = second_of(rig) - world->reserved_s[r->job.v];
    world->reserved_s[r->job.v] = -1;
    if (world->of[r->job.v])
        world->started_s[world->of[r->job.v] - world->trace] = second_of(rig);
}

static struct dure_job guaranteed(const struct rig *rig, const char *tenant)
{
    struct dure_job job = rig_job(rig, tenant, 1, 1, false);
    const uint32_t shape = below(4);
    job.task_gpus = 1 + below(4);
    job.tasks = shape == 0 ? 1 + below(3) : 1;
    if (shape == 1) {
        job.task_gpus = 1;
        job.task_gpu_milli = 200 + below(4) * 200;
        job.tasks = 1 + below(3);
    }
    job.priority = (int32_t)below(3);
    job.grace_us = 13 * DURE_SECOND_US; /* between its own: higher priority may evict lower */
    return job;
}

static void put(struct world *world, const struct dure_job *job, const struct event *event, int64_t lasts_s)
{
    const uint64_t id = dure_core_next_job(world->rig.core).v;
    world->of[id] = event;
    world->lasts_s[id] = lasts_s;
    world->reserved_s[id] = -1;
    const enum dure_err err = rig_submit(&world->rig, job);
    if (err != DURE_OK && (event || err != DURE_E_NEVER))
        tap_bail("submit: %s", world->rig.error.text);
}

/* Ends what has run its time, by id. */
static void end_some(struct world *world)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(world->rig.core, &cursor, &view);)
        if (view.attempt_state != DURE_ATTEMPT_STOPPING &&
            view.started_us / DURE_SECOND_US + world->lasts_s[view.id.v] <= world->rig.now_us / DURE_SECOND_US &&
            rig_report(&world->rig, cursor, DURE_REPORT_ENDED, 0) != DURE_OK)
            tap_bail("end: %s", world->rig.error.text);
}

static void settle(struct world *world)
{
    for (unsigned i = 0; i < 1000 && (dure_core_wants_pass(world->rig.core) || i == 0); i++) {
        if (rig_pass(&world->rig) != DURE_OK)
            tap_bail("pass: %s", world->rig.error.text);
        rig_reap(&world->rig);
    }
}

static void others(struct world *world, int64_t grace_us)
{
    static const char *const lenders[] = {"state/a", "firm/c", "guest", "state/b", "state"};
    if (dure_core_next_job(world->rig.core).v > JOBS_MAX - 8)
        return;
    struct dure_job job;
    if (below(3)) {
        job = rig_job(&world->rig, lenders[below(5)], 1 + below(3), 1 + below(4), true);
        job.grace_us = grace_us;
    } else {
        job = guaranteed(&world->rig, below(2) ? "state/a" : "firm/c");
        job.grace_us = grace_us;
    }
    job.requeue = below(2);
    job.data_mask = below(3) ? 0 : 2u << below(2);
    put(world, &job, NULL, 20 + below(300));
}

/* The trace's own forbids some of the others beside it, and theirs forbid its tenant. */
static void declare_data(struct rig *rig)
{
    static const char datasets[] =
        "{\"kind\":\"Data\",\"version\":1,\"datasets\":["
        "{\"name\":\"own\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"guest\",\"firm\"]}},"
        "{\"name\":\"near\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"state/b\"]}},"
        "{\"name\":\"far\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"state/b\"]}}]}";
    struct dure_record r = rig_record(rig, DURE_REC_DATA);
    r.text = datasets;
    r.text_length = sizeof datasets - 1;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("datasets: %s", rig->error.text);
}

static void play(struct world *world, const char *fleet, const struct event *trace, bool shared, int64_t grace_us,
                 uint64_t others_seed)
{
    memset(world, 0, sizeof *world);
    for (uint32_t i = 0; i < TRACE; i++)
        world->started_s[i] = -1;
    world->trace = trace;
    rig_init(&world->rig, fleet, specs_tenants);
    world->rig.watch = watch;
    world->rig.context = world;
    world->rig.quiet = true;
    declare_data(&world->rig);
    seed = others_seed;
    uint32_t next = 0;
    for (int64_t s = 0; s < SECONDS; s++) {
        if (rig_tick(&world->rig, world->rig.now_us + DURE_SECOND_US) != DURE_OK)
            tap_bail("tick: %s", world->rig.error.text);
        rig_reap(&world->rig);
        end_some(world);
        for (; next < TRACE && trace[next].at_s <= s; next++)
            put(world, &trace[next].job, &trace[next], trace[next].lasts_s);
        if (shared && !below(4))
            others(world, grace_us);
        settle(world);
    }
    rig_check(&world->rig);
}

static void make_trace(struct event *trace)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    int64_t at_s = 0;
    for (uint32_t i = 0; i < TRACE; i++) {
        at_s += below(66);
        trace[i] = (struct event){at_s, 10 + below(200), guaranteed(&rig, "state/b")};
        trace[i].job.walltime_us = DURE_DAY_US;
        trace[i].job.data_mask = !below(3);
    }
    rig_release(&rig);
}

/* The same groups, each with a rack more and some nodes over. */
static const char *wider_fleet(void)
{
    static char text[sizeof specs_fleet];
    memcpy(text, specs_fleet, sizeof text);
    memcpy(strstr(text, "st-[01-08]"), "st-[01-14]", 10);
    memcpy(strstr(text, "fi-[01-05]"), "fi-[01-07]", 10);
    return text;
}

static void grow(const struct event *trace, const struct world *before, struct world *after, uint64_t others_seed)
{
    uint32_t later = 0;
    play(after, wider_fleet(), trace, true, 0, others_seed);
    for (uint32_t i = 0; i < TRACE; i++)
        later += after->started_s[i] < 0 ? before->started_s[i] >= 0
                                         : before->started_s[i] >= 0 && after->started_s[i] > before->started_s[i];
    TAP_EQ_UINT(later, 0, "grace 0: with more hardware no start of the trace is later");
    rig_release(&after->rig);
}

int main(int argc, char **argv)
{
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
#endif
    (void)argc;
    (void)argv;
    struct event *trace = calloc(TRACE, sizeof *trace);
    struct world *alone = malloc(sizeof *alone), *shared = malloc(sizeof *shared);
    const uint64_t base = tap_seed(7);
    for (uint64_t round = 0; round < 6; round++) {
        seed = base + round * 1000;
        make_trace(trace);
        play(alone, specs_fleet, trace, false, 0, 1);
        play(shared, specs_fleet, trace, true, 0, base + round);
        uint32_t other = 0, never = 0;
        for (uint32_t i = 0; i < TRACE; i++) {
            other += alone->started_s[i] != shared->started_s[i];
            never += alone->started_s[i] < 0;
        }
        TAP_EQ_UINT(other, 0, "grace 0: every start of the trace is at the same second alone and shared");
        TAP_OK(never + 20 <= TRACE, "there are starts to compare (%u of %d)", TRACE - never,
               TRACE); /* how many is the seed's */
        TAP_OK(shared->reservations > 5, "with borrowers in its way (%llu reservations)",
               (unsigned long long)shared->reservations);
        rig_release(&shared->rig);
        grow(trace, alone, shared, base + round);
        play(shared, specs_fleet, trace, true, 17 * DURE_SECOND_US, base + round);
        TAP_OK(shared->reservations > 5, "grace 17 s: with borrowers in its way (%llu reservations)",
               (unsigned long long)shared->reservations);
        TAP_OK(shared->longest_wait_s <= 17,
               "no start is later than the grace after its private cluster placed it (%lld s)",
               (long long)shared->longest_wait_s);
        rig_release(&shared->rig);
        rig_release(&alone->rig);
    }
    free(trace);
    free(alone);
    free(shared);
    return tap_done();
}
