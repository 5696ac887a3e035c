/* Lists of nodes and spreads by right, where one tenant has rights of several kinds. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

/* Six racks of two nodes. The rights of `a` are to nodes, a rack, and nodes again. */
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'n-[01-12]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 2}, {name: node, holds: 4}]}\n";
static const char tenants[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: a}, {name: b}]\n"
                              "lending: [{owner: o, notice: 10m, to: all}]\nallotments:\n"
                              "  - {name: r0, tenant: a, group: g, level: node, count: 2}\n"
                              "  - {name: r1, tenant: a, group: g, level: rack, count: 1}\n"
                              "  - {name: r2, tenant: a, group: g, level: node, count: 2}\n";

static struct rig rig;
static struct dure_job_view view;

static struct dure_job whole_nodes(const char *tenant, uint32_t tasks, int64_t walltime_us)
{
    struct dure_job job = rig_job(&rig, tenant, tasks, 4, false);
    job.walltime_us = walltime_us;
    return job;
}

static uint64_t submit(const struct dure_job *job)
{
    const uint64_t id = dure_core_next_job(rig.core).v;
    if (rig_submit(&rig, job) != DURE_OK || rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
    return id;
}

static enum dure_job_state state_of(uint64_t id)
{
    return dure_core_job_view(rig.core, (struct dure_job_id){id}, DURE_NONE32, &view) ? view.state : DURE_JOB_CANCELLED;
}

static void test_spread_over_unlike_rights(void)
{
    uint32_t tasks[6] = {0}, most = 0;
    rig_init(&rig, fleet, tenants);
    struct dure_job job = whole_nodes("a", 5, DURE_HOUR_US);
    job.spread_level = "rack";
    job.spread_max = 1;
    TAP_OK(state_of(submit(&job)) == DURE_JOB_RUNNING, "a gang over nodes, a rack and nodes starts");
    for (uint32_t i = 0; i < view.place_count; i++)
        for (uint32_t k = 0; k < view.places[i].node_count; k++)
            tasks[(view.places[i].node_first + k) / 2] += view.places[i].tasks;
    for (uint32_t rack = 0; rack < 6; rack++)
        most = tasks[rack] > most ? tasks[rack] : most;
    TAP_EQ_INT(most, 1, "the rack between them does not make it forget where the first nodes stand");
    rig_check(&rig);
    rig_release(&rig);
}

/* A plan over the rack and nodes: where the nodes stand is the hardware's to tell, and of the rack only that it will be free. */
static void test_plan_over_unlike_rights(void)
{
    rig_init(&rig, fleet, tenants);
    const struct dure_job nodes = whole_nodes("a", 2, DURE_HOUR_US);
    struct dure_job rack = whole_nodes("a", 2, 100 * DURE_SECOND_US), spread = whole_nodes("a", 5, DURE_HOUR_US);
    rack.level = "rack";
    rack.level_required = true;
    spread.spread_level = "rack";
    spread.spread_max = 1;
    (void)submit(&nodes);
    const uint64_t in_rack = submit(&rack), waits = submit(&spread);
    TAP_OK(rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US) == DURE_OK && rig_pass(&rig) == DURE_OK &&
               state_of(waits) == DURE_JOB_PENDING && view.planned_us > rig.now_us,
           "its start is planned for when the nodes are free");
    TAP_OK(rig_report(&rig, rig_attempt(&rig, in_rack, 0), DURE_REPORT_ENDED, 0) == DURE_OK &&
               strstr(rig.said.data, "unbind") != NULL,
           "the rack is let go once nobody uses it, though a start is planned by the right to it");
    rig_check(&rig);
    rig_release(&rig);
}

/* Of cells that a list lets it use wholly, the one on which nobody borrows. */
static void test_list_beside_borrowers(void)
{
    rig_init(&rig, fleet, tenants);
    struct dure_node_run first = {4, 1}, both = {4, 4};
    struct dure_job lent = rig_job(&rig, "b", 1, 4, true);
    lent.include = (struct dure_node_runs){&first, 1};
    const uint64_t borrower = submit(&lent);
    struct dure_job job = whole_nodes("a", 1, DURE_HOUR_US);
    job.include = (struct dure_node_runs){&both, 1};
    TAP_OK(state_of(submit(&job)) == DURE_JOB_RUNNING && view.places[0].node_first == 5, "it starts beside it, on %u",
           view.place_count ? view.places[0].node_first : 0);
    TAP_OK(state_of(borrower) == DURE_JOB_RUNNING, "and nobody has to leave");
    rig_check(&rig);
    rig_release(&rig);
}

/* Changed to fewer tasks than fill its nodes: one node has the rest, and a spread over the rack lets all of them in. */
static void test_spread_of_odd_tasks(void)
{
    rig_init(&rig, fleet, tenants);
    struct dure_job job = rig_job(&rig, "a", 4, 2, false);
    job.tasks_per_node = 2;
    job.level = job.spread_level = "rack";
    job.level_required = true;
    job.spread_max = 4;
    job.hold = true;
    const uint64_t id = submit(&job);
    struct dure_record change = rig_record(&rig, DURE_REC_MODIFY);
    change.job.v = id;
    change.number = DURE_CHANGE_TASKS | DURE_CHANGE_SPREAD | DURE_CHANGE_HOLD;
    change.submit.tasks = 3;
    change.submit.spread_level = "rack";
    change.submit.spread_max = 3;
    TAP_OK(rig_step(&rig, &change) == DURE_OK && rig_pass(&rig) == DURE_OK, "it is changed: %s", rig.error.text);
    TAP_OK(state_of(id) == DURE_JOB_RUNNING, "three tasks, two a node, at most three in the rack: they start there");
    rig_check(&rig);
    rig_release(&rig);
}

int main(void)
{
    test_spread_of_odd_tasks();
    test_spread_over_unlike_rights();
    test_plan_over_unlike_rights();
    test_list_beside_borrowers();
    return tap_done();
}
