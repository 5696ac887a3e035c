/* When a job that waits is likely to start: behind those before it, behind work that lies in the way, behind what is booked. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static struct rig rig;
static struct dure_arena *arena;

static void begin(void)
{
    arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
}

static void end(void)
{
    rig_release(&rig);
    dure_arena_free(arena);
}

static void submit(const struct dure_job *job)
{
    TAP_EQ_INT(rig_submit(&rig, job), DURE_OK, "taken: %s", rig.error.text);
    (void)!rig_pass(&rig);
}

static struct dure_why ask(const struct dure_job *job)
{
    struct dure_why why = {0};
    bool never = false;
    TAP_EQ_INT(dure_core_why_not(rig.core, job, arena, &why, &never, &rig.error), DURE_OK, "an answer");
    return why;
}

/* One runs, one waits for it, and this is the third: each has the whole right for an hour. */
static void test_ahead(void)
{
    begin();
    const struct dure_job job = rig_job(&rig, "state/a", 4, 4, false);
    submit(&job);
    submit(&job);
    const struct dure_why why = ask(&job);
    TAP_EQ_UINT(why.ahead, 1, "one is before it");
    TAP_EQ_INT(why.estimate.latest_us, rig.now_us + 2 * DURE_HOUR_US, "at the latest when both are over");
    TAP_OK(why.estimate.awaited_count && why.estimate.awaited[why.estimate.awaited_count - 1].job.v == 2,
           "it waits for the second");
    end();
}

/* One GPU is idle on each node, and the job needs four of one: what is idle is of no use to it. */
static void test_scattered(void)
{
    begin();
    struct dure_job job = rig_job(&rig, "guest", 8, 3, true);
    submit(&job);
    job = rig_job(&rig, "guest", 1, 4, true);
    const struct dure_why why = ask(&job);
    TAP_EQ_INT(why.estimate.latest_us, rig.now_us + DURE_HOUR_US, "it waits for the work that lies between");
    TAP_OK(why.estimate.awaited_count == 1 && why.estimate.awaited[0].job.v == 1, "which is named");
    end();
}

/* A GPU of each node is in use, and the job needs six nodes: fewer come free than it asks for, and it starts when all have. */
static void test_scattered_by_few(void)
{
    begin();
    struct dure_job job = rig_job(&rig, "guest", 8, 1, true);
    job.spread_level = "node";
    job.spread_max = 1;
    submit(&job);
    job = rig_job(&rig, "guest", 6, 4, true);
    const struct dure_why why = ask(&job);
    TAP_EQ_INT(why.estimate.latest_us, rig.now_us + DURE_HOUR_US, "it waits for all that lies between");
    TAP_OK(why.estimate.awaited_count == 1 && why.estimate.awaited[0].job.v == 1, "which is named");
    end();
}

/* The same, where by what work has really lasted it is gone at once, and whoever is before waits for a node that is out. */
static void test_gone_at_once(void)
{
    begin();
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    for (uint32_t i = 0; i < 20; i++)
        submit(&job);
    TAP_EQ_INT(rig_tick(&rig, rig.now_us + DURE_MINUTE_US), DURE_OK, "a minute later");
    for (uint64_t id = 1; id <= 20; id++)
        TAP_EQ_INT(rig_report(&rig, rig_attempt(&rig, id, 0), DURE_REPORT_ENDED, 0), DURE_OK, "job %llu has ended",
                   (unsigned long long)id);
    TAP_EQ_INT(rig_node(&rig, DURE_REC_DRAIN, 7, 0), DURE_OK, "a node is drained: %s", rig.error.text);
    job = rig_job(&rig, "guest", 7, 1, true);
    job.spread_level = "node";
    job.spread_max = 1;
    submit(&job);
    const int64_t started_us = rig.now_us;
    TAP_EQ_INT(rig_tick(&rig, started_us + job.walltime_us / 20), DURE_OK, "as long as any has lasted");
    job = rig_job(&rig, "guest", 8, 4, true);
    submit(&job);
    job = rig_job(&rig, "guest", 5, 4, true);
    const struct dure_why why = ask(&job);
    TAP_EQ_UINT(why.ahead, 1, "one is before it");
    TAP_EQ_INT(why.estimate.earliest_us, rig.now_us + 18 * DURE_SECOND_US * 32 / 28,
               "at the earliest now, put off by what the one before it takes of all: a tenth of what work has lasted");
    TAP_OK(why.estimate.earliest_us <= why.estimate.likely_us && why.estimate.likely_us < why.estimate.latest_us,
           "likely after that, and before the latest");
    end();
}

/* All is booked in half an hour, and the job lasts an hour. */
static void test_booked(void)
{
    struct dure_job_view view;
    begin();
    struct dure_place runs[] = {
        {.node_first = 0, .node_count = 8}, {.node_first = 8, .node_count = 4}, {.node_first = 12, .node_count = 1}};
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    r.places = runs;
    r.place_count = 3;
    r.number = rig.now_us + DURE_HOUR_US / 2;
    r.deadline_us = r.number + DURE_HOUR_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance is booked: %s", rig.error.text);
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    submit(&job);
    TAP_OK(dure_core_job_view(rig.core, (struct dure_job_id){1}, DURE_NONE32, &view) &&
               view.wait == DURE_WAIT_MAINTENANCE,
           "one that borrows waits for maintenance, not '%s'", dure_wait_name(view.wait));
    job = rig_job(&rig, "state/a", 1, 1, false);
    submit(&job);
    TAP_OK(dure_core_job_view(rig.core, (struct dure_job_id){2}, DURE_NONE32, &view) &&
               view.wait == DURE_WAIT_MAINTENANCE,
           "and so does one by right, not '%s'", dure_wait_name(view.wait));
    end();
}

int main(void)
{
    test_ahead();
    test_scattered();
    test_scattered_by_few();
    test_gone_at_once();
    test_booked();
    return tap_done();
}
