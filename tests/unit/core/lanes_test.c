/* Who is next among thousands of distinct shapes: the order kept by heaps is that found by looking at everybody. */
#include <stdlib.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

enum { SHAPES = 2000 };

struct waiting {
    uint64_t id;
    int32_t priority;
    bool gone;
};

static struct waiting waiting[SHAPES];
static uint32_t started[SHAPES], started_count;
static uint64_t first_id, seed;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    (void)rig;
    if (r->kind == DURE_REC_START && r->job.v >= first_id && started_count < SHAPES)
        started[started_count++] = (uint32_t)(r->job.v - first_id);
}

/* The next by priority, then age, among those that wait. */
static uint32_t naive(void)
{
    uint32_t best = SHAPES;
    for (uint32_t i = 0; i < SHAPES; i++)
        if (!waiting[i].gone && (best == SHAPES || waiting[i].priority > waiting[best].priority))
            best = i;
    return best;
}

/* Some leave before their turn: heads and others, so that heaps change in the middle. */
static void leave(struct rig *rig)
{
    for (uint32_t i = 0; i < SHAPES / 20; i++) {
        const uint32_t at = below(SHAPES);
        if (waiting[at].gone)
            continue;
        waiting[at].gone = true;
        if (rig_simple(rig, i % 2 ? DURE_REC_CANCEL : DURE_REC_HOLD, waiting[at].id, DURE_NONE32) != DURE_OK)
            tap_bail("leave: %s", rig->error.text);
    }
}

static void must(const struct rig *rig, enum dure_err err)
{
    if (err != DURE_OK)
        tap_bail("%s", rig->error.text);
}

int main(void)
{
    seed = tap_seed(11);
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    rig.quiet = true;
    rig.watch = watch;
    struct dure_job job = rig_job(&rig, "state/b", 3, 4, false); /* all that b holds */
    job.priority = 100;
    first_id = UINT64_MAX;
    must(&rig, rig_submit(&rig, &job));
    must(&rig, rig_pass(&rig));
    first_id = dure_core_next_job(rig.core).v;
    for (uint32_t i = 0; i < SHAPES; i++) {
        waiting[i].id = dure_core_next_job(rig.core).v;
        waiting[i].priority = (int32_t)below(5);
        job.priority = waiting[i].priority;
        job.grace_us = (int64_t)(i + 1) * DURE_SECOND_US; /* each a shape of its own */
        must(&rig, rig_submit(&rig, &job));
        if (i % 100 == 0)
            must(&rig, rig_pass(&rig));
    }
    leave(&rig);
    uint64_t running = 1, wrong = 0, turns = 0;
    for (uint32_t next = naive(); next < SHAPES; next = naive(), turns++) {
        const uint32_t before = started_count;
        must(&rig, rig_report(&rig, rig_attempt(&rig, running, DURE_NONE32), DURE_REPORT_ENDED, 0));
        must(&rig, rig_pass(&rig));
        if (started_count != before + 1 || started[before] != next)
            wrong++;
        waiting[next].gone = true;
        running = waiting[next].id;
    }
    rig_check(&rig);
    TAP_OK(turns > SHAPES * 9 / 10, "nearly all had their turn (%llu)", (unsigned long long)turns);
    TAP_EQ_UINT(wrong, 0, "each in the order of priority, then age");
    rig_release(&rig);
    return tap_done();
}
