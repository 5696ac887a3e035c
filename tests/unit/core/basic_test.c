/* The first things a core must do: place, start, end; say why not. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static void test_start_and_end(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    const struct dure_job job = rig_job(&rig, "state/a", 1, 1, false);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "a job of one GPU is taken: %s", rig.error.text);
    TAP_OK(dure_core_wants_pass(rig.core), "and wants a pass");
    TAP_EQ_INT(rig_pass(&rig), DURE_OK, "the pass");
    TAP_EQ_STR(rig.said.data, "start job 1 attempt 1 st-01/1 ra[0]=>0\n", "starts it on the first GPU of its right");
    TAP_OK(!dure_core_wants_pass(rig.core), "and no more is to be done");
    struct dure_job_view view;
    TAP_OK(dure_core_job_view(rig.core, (struct dure_job_id){1}, DURE_NONE32, &view), "it is seen");
    TAP_EQ_INT(view.attempt_state, DURE_ATTEMPT_RUNNING, "running at once on an emulated site");
    TAP_EQ_INT(rig_report(&rig, 1, DURE_REPORT_ENDED, 0), DURE_OK, "its end is taken");
    TAP_EQ_STR(rig.said.data, "end job 1 attempt 1 COMPLETED (finished)\nunbind ra[0]\n",
               "the job is complete and its right free");
    TAP_EQ_UINT(dure_core_counts(rig.core).jobs_running, 0, "nothing runs");
    rig_release(&rig);
}

static void test_never(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/a", 1, 5, false);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_E_NEVER, "five GPUs in a node of four");
    TAP_HAS(rig.error.text, "a task does not fit into one node (needs 5, at most 4 there", "say so with figures");
    job = rig_job(&rig, "state/a", 5, 4, false);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_E_NEVER, "five nodes of a right to four");
    TAP_HAS(rig.error.text, "the allotment here is smaller than the job (needs 20, at most 16 there",
            "say so with figures");
    TAP_EQ_UINT(dure_core_next_job(rig.core).v, 1, "a refused job takes no number");
    rig_release(&rig);
}

/* A pass that started something asks for another one only where that could do more. */
static void test_passes(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    const struct dure_job whole = rig_job(&rig, "state/a", 4, 4, false), node = rig_job(&rig, "state/a", 1, 4, false);
    TAP_EQ_INT(rig_submit(&rig, &node), DURE_OK, "a node of the four");
    TAP_EQ_INT(rig_submit(&rig, &whole), DURE_OK, "all four");
    TAP_EQ_INT(rig_pass(&rig), DURE_OK, "the pass starts the one");
    TAP_OK(!dure_core_wants_pass(rig.core), "and for the other it is too soon to plan: no pass is wanted");
    TAP_EQ_INT(rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US), DURE_OK, "two seconds later");
    TAP_OK(dure_core_wants_pass(rig.core), "one is");
    TAP_EQ_INT(rig_pass(&rig), DURE_OK, "which plans its start");
    TAP_OK(!dure_core_wants_pass(rig.core), "and no more is to be done");
    struct dure_job brief = node;
    brief.walltime_us = DURE_MINUTE_US;
    TAP_EQ_INT(rig_submit(&rig, &brief), DURE_OK, "one that ends in time");
    TAP_EQ_INT(rig_pass(&rig), DURE_OK, "starts on what is kept");
    TAP_OK(rig_attempt(&rig, 3, DURE_NONE32) != 0, "at once");
    TAP_OK(!dure_core_wants_pass(rig.core), "and no more is to be done, though somebody waits");
    rig_release(&rig);
}

int main(void)
{
    test_start_and_end();
    test_passes();
    test_never();
    return tap_done();
}
