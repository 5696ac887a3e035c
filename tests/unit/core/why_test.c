/* What `why` adds up: rules that leave no place together, what each costs the queue, and a job that is not submitted. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static struct dure_why ask_not(struct rig *rig, const struct dure_job *job, struct dure_arena *arena, bool *ret_never)
{
    struct dure_why why = {0};
    const struct dure_digest before = dure_core_digest(rig->core);
    TAP_EQ_INT(dure_core_why_not(rig->core, job, arena, &why, ret_never, &rig->error), DURE_OK, "an answer");
    const struct dure_digest after = dure_core_digest(rig->core);
    TAP_OK(!memcmp(&before, &after, sizeof before), "asking changes nothing");
    return why;
}

static void test_whatif(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/a", 4, 4, false);
    struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.place_count == 1 && why.places[0].node_count == 4 && why.place_clear, "four nodes, at once");
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && !why.place_count, "no place while the first runs");
    TAP_EQ_INT(why.estimate.latest_us, rig.now_us + job.walltime_us, "at the latest when its walltime ends");
    TAP_OK(why.estimate.awaited_count == 1 && why.estimate.awaited[0].job.v == 1, "it waits for job 1");
    job.task_gpus = 5;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(never && !why.place_count && !why.estimate.latest_us, "what can never run has no place and no start");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* The borrowed job wants more memory than the firm's GPUs have, and the state's chain is full. */
static void test_crossing(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    job.tasks = 1;
    job.gpu_memory_mib = 160 * 1024;
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_EQ_UINT(why.crossing_count, 2, "two rules together leave no place");
    TAP_OK(why.opening.rule == DURE_RULE_BUSY && why.opening.chain.v == 0, "only other work is in the way on st");
    for (uint32_t i = 0; i < why.crossing_count; i++)
        TAP_OK(why.crossing[i].leaves >= 1, "%s leaves something alone", dure_rule_wire(why.crossing[i].rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

static void test_toll(void)
{
    struct rig rig;
    struct dure_toll *toll = NULL;
    uint32_t count = 0, slices = 1;
    uint64_t requests = 0;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/a", 4, 4, false);
    for (uint32_t i = 0; i < 5; i++) /* one runs */
        (void)!rig_submit(&rig, &job);
    job.hold = true;
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    (void)!rig_tick(&rig, rig.now_us + DURE_HOUR_US / 2);
    TAP_EQ_INT(dure_core_toll_begin(rig.core, &toll, &rig.error), DURE_OK, "begun");
    while (dure_core_toll_next(rig.core, toll, 1))
        slices++;
    const struct dure_toll_row *rows = dure_core_toll_rows(toll, &count, &requests);
    TAP_OK(slices > 4, "in slices");
    TAP_EQ_UINT(requests, 1, "equal requests are judged once");
    TAP_EQ_UINT(count, 2, "own use, and the one that is held");
    TAP_OK(rows[0].rule == DURE_RULE_OWN_USE && rows[0].jobs == 4 && rows[0].gpus == 64, "four jobs wait for it");
    TAP_EQ_UINT(rows[0].gpu_seconds, 64 * 1800, "GPUs times the time waited");
    TAP_OK(rows[1].wait == DURE_WAIT_HELD && rows[1].jobs == 1, "the held one by itself");
    dure_core_toll_free(toll);
    rig_release(&rig);
}

int main(void)
{
    test_whatif();
    test_crossing();
    test_toll();
    return tap_done();
}
