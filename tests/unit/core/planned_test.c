/* Planned starts by right where cells of hardware matter: which moments are looked at, on which cells a plan may count, and whether its place is free. */
#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

/* Three racks of two. */
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'g-[01-06]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 2}, {name: node, holds: 4}]}\n";

static struct rig rig;

static struct dure_job gang(uint32_t tasks, uint32_t gpus, int64_t minutes)
{
    struct dure_job job = rig_job(&rig, "a", tasks, gpus, false);
    job.walltime_us = minutes * DURE_MINUTE_US;
    job.grace_us = 0;
    return job;
}

static uint64_t submit(const struct dure_job *job)
{
    const uint64_t id = dure_core_next_job(rig.core).v;
    if (rig_submit(&rig, job) != DURE_OK || rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
    return id;
}

static uint64_t on_node(uint32_t node, uint32_t gpus, int64_t minutes)
{
    struct dure_job job = gang(1, gpus, minutes);
    struct dure_node_run run = {node, 1};
    job.include = (struct dure_node_runs){&run, 1};
    return submit(&job);
}

static void book(uint32_t nodes, int64_t from_min, int64_t until_min)
{
    struct dure_record record = rig_record(&rig, DURE_REC_BOOK);
    struct dure_place runs[6];
    for (uint32_t node = 0; node < 6; node++)
        if (nodes >> node & 1)
            runs[record.place_count++] = (struct dure_place){.node_first = node, .node_count = 1};
    record.places = runs;
    record.number = rig.now_us + from_min * DURE_MINUTE_US;
    record.deadline_us = rig.now_us + until_min * DURE_MINUTE_US;
    TAP_EQ_INT(rig_step(&rig, &record), DURE_OK, "maintenance: %s", rig.error.text);
}

static void wait_a_little(void)
{
    TAP_OK(rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US) == DURE_OK && rig_pass(&rig) == DURE_OK, "time passes");
}

/* Three nodes will do, two of them by a right to a rack and the third by a right to a node. As long as that is in use it stays where it is; later it may be
 * bound anew, and takes a node of the only rack. So there is a place in ten minutes, and none before or after. */
static void test_one_moment(void)
{
    rig_init(&rig, fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: a}]\nallotments:\n"
             "  - {name: node, tenant: a, group: g, level: node, count: 1}\n"
             "  - {name: rack, tenant: a, group: g, level: rack, count: 1}\n");
    on_node(2, 2, 20);
    on_node(2, 1, 5);
    on_node(4, 4, 10);
    struct dure_job job = gang(10, 1, 5);
    struct dure_node_run first = {0, 3};
    job.include = (struct dure_node_runs){&first, 1};
    submit(&job);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 598s node{0}/c rack{0}/f rack{1}/f", "the second of three moments");
    rig_check(&rig);
    rig_release(&rig);
}

/* Seen without the nodes in maintenance, b's rack cannot be had any more, and a node of the rack that is owed to b may be bound: but not now. So a start
 * is sought on bound cells alone, and no other is bound for the spread. */
static void test_bound_alone(void)
{
    rig_init(&rig, fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: a}, {name: b}]\nallotments:\n"
             "  - {name: ra, tenant: a, group: g, level: node, count: 4}\n"
             "  - {name: rb, tenant: b, group: g, level: rack, count: 1}\n");
    on_node(1, 4, 15);
    on_node(5, 4, 30);
    book(1 << 0 | 1 << 2 | 1 << 4, 10, 100);
    struct dure_job job = gang(2, 2, 20);
    job.spread_level = "rack";
    job.spread_max = 1;
    submit(&job);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 1798s ra{0}/3 ra{1}/3", "it counts on the two that are bound");
    rig_check(&rig);
    rig_release(&rig);
}

/* Two tasks a node, and one over. The second right has one GPU idle, and is taken for no place until it has two; but the one that is planned for is that
 * one. So the place is free at once, where the rules find none. */
static void test_free_place(void)
{
    rig_init(&rig, fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: a}, {name: b}]\nallotments:\n"
             "  - {name: r, tenant: a, group: g, level: node, count: 1}\n"
             "  - {name: s, tenant: a, group: g, level: node, count: 1}\n"
             "  - {name: t, tenant: b, group: g, level: node, count: 1}\n");
    on_node(0, 2, 60);
    const uint64_t single = on_node(1, 1, 60);
    on_node(1, 3, 10);
    TAP_EQ_INT(rig_report(&rig, rig_attempt(&rig, single, 0), DURE_REPORT_ENDED, 0), DURE_OK, "one has ended");
    book(1 << 5, 12, 60);
    struct dure_job job = gang(3, 1, 10);
    job.tasks_per_node = 2;
    const uint64_t planned = submit(&job);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 598s r{0}/c s{0}/1", "its start is planned");
    job = rig_job(&rig, "b", 1, 1, false);
    submit(&job);
    TAP_OK(rig_attempt(&rig, planned, 0), "whatever moves, it is seen that its place is free: %s", rig.said.data);
    rig_check(&rig);
    rig_release(&rig);
}

int main(void)
{
    test_one_moment();
    test_bound_alone();
    test_free_place();
    return tap_done();
}
