/* The changes that `why` offers: of each kind the one that changes least, and none is missed because another was tried first. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static struct rig rig;
static struct dure_arena *arena;

static struct dure_why ask(const struct dure_job *job)
{
    struct dure_why why = {0};
    bool never = false;
    TAP_EQ_INT(dure_core_why_not(rig.core, job, arena, &why, &never, &rig.error), DURE_OK, "an answer");
    return why;
}

/* What is offered for a field; "none". */
static const char *offered(const struct dure_why *why, const char *field)
{
    for (uint32_t i = 0; i < why->change_count; i++)
        if (!strcmp(why->changes[i].field, field))
            return why->changes[i].value;
    return "none";
}

static void begin(const char *tenants)
{
    arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, tenants);
}

static void end(void)
{
    rig_release(&rig);
    dure_arena_free(arena);
}

static void fill(const char *tenant, uint32_t tasks, uint32_t gpus, bool borrowed)
{
    struct dure_job job = rig_job(&rig, tenant, tasks, gpus, borrowed);
    job.model_mask = 1;
    job.walltime_us = 10 * DURE_HOUR_US;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "others come: %s", rig.error.text);
    (void)!rig_pass(&rig);
    TAP_OK(rig_attempt(&rig, dure_core_next_job(rig.core).v - 1, 0), "and run");
}

/* Two nodes: in one rack, before in one site. */
static void test_level(void)
{
    begin(specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 2, 4, true);
    job.level = "node";
    job.level_required = true;
    const struct dure_why why = ask(&job);
    TAP_EQ_STR(offered(&why, "level"), "rack", "the nearest level that is wider");
    end();
}

/* One node is left: three tasks on it, where two are allowed. */
static void test_spread(void)
{
    begin(specs_tenants);
    fill("guest", 7, 4, true);
    struct dure_job job = rig_job(&rig, "guest", 3, 1, true);
    job.spread_level = "node";
    job.spread_max = 2;
    const struct dure_why why = ask(&job);
    TAP_EQ_STR(offered(&why, "spread"), "3", "one more, not twice as many");
    end();
}

/* The longer notice is of an owner who has nothing idle. */
static void test_grace(void)
{
    begin("kind: Tenants\nversion: 1\n"
          "tenants: [{name: state, owner: state}, {name: guest}]\n"
          "lending: [{owner: state, notice: 10m, to: all}, {owner: firm, notice: 1m, to: all}]\n");
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    fill("guest", 8, 4, true);
    job.grace_us = 20 * DURE_MINUTE_US;
    const struct dure_why why = ask(&job);
    TAP_EQ_STR(offered(&why, "grace"), "1m", "the notice of the one who has room");
    end();
}

/* All GPUs are in use, and one is shared: no GPU is idle that maintenance could refuse, and yet it is maintenance that does. */
static void test_walltime(void)
{
    begin(specs_tenants);
    fill("guest", 7, 4, true);
    fill("guest", 3, 1, true);
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    job.task_gpu_milli = 500;
    job.walltime_us = DURE_MINUTE_US * 5;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "a fraction comes");
    (void)!rig_pass(&rig);
    struct dure_place run = {.node_first = 7, .node_count = 1};
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us + DURE_HOUR_US;
    r.deadline_us = r.number + DURE_HOUR_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance is booked: %s", rig.error.text);
    job.walltime_us = 2 * DURE_HOUR_US;
    job.grace_us = 0;
    const struct dure_why why = ask(&job);
    TAP_OK(!why.place_count, "it has no place");
    TAP_EQ_STR(offered(&why, "walltime"), "1h", "but for what ends before");
    end();
}

/* Four halves on four nodes: the rack has one GPU left, and the two GPUs beside it are too few, but would do without the spread. */
static void test_other_right(void)
{
    begin("kind: Tenants\nversion: 1\n"
          "tenants: [{name: state, owner: state, tenants: [{name: a}]}]\n"
          "allotments:\n"
          "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
          "  - {name: ga, tenant: state/a, group: st, level: gpu, count: 2}\n");
    fill("state/a", 15, 1, false);
    struct dure_job job = rig_job(&rig, "state/a", 4, 1, false);
    job.task_gpu_milli = 500;
    job.spread_level = "node";
    job.spread_max = 1;
    const struct dure_why why = ask(&job);
    TAP_OK(why.opening.rule == DURE_RULE_SPREAD, "its spread is what is in its way, not %s",
           dure_rule_wire(why.opening.rule));
    end();
}

/* Over both rights of the tenant it would fit, were it not for the list, on which one GPU is in use. */
static void test_list_over_rights(void)
{
    static struct dure_node_run run = {0, 5};
    begin("kind: Tenants\nversion: 1\n"
          "tenants: [{name: state, owner: state, tenants: [{name: a}]}]\n"
          "allotments:\n"
          "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
          "  - {name: na, tenant: state/a, group: st, level: node, count: 2}\n");
    fill("state/a", 1, 1, false);
    struct dure_job job = rig_job(&rig, "state/a", 20, 1, false);
    job.include = (struct dure_node_runs){&run, 1};
    const struct dure_why why = ask(&job);
    TAP_OK(why.opening.rule == DURE_RULE_NODE_LIST, "its list is what is in its way, not %s",
           dure_rule_wire(why.opening.rule));
    TAP_EQ_STR(offered(&why, "nodes,exclude"), "", "and to leave it out is offered");
    end();
}

/* A damaged rack serves its right as long as somebody uses it, or a planned start keeps it. A job that is changed gives its plan up; the rack serves the
 * right no more, and may serve it again. So what is tried is tried without the plan, and is what a change of the job does. */
static void test_own_plan(void)
{
    struct dure_place run = {.node_first = 0, .node_count = 8};
    begin("kind: Tenants\nversion: 1\n"
          "tenants: [{name: state, owner: state, tenants: [{name: a}, {name: b}]}]\n"
          "allotments:\n"
          "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
          "  - {name: rb, tenant: state/b, group: st, level: rack, count: 1}\n");
    struct dure_job job = rig_job(&rig, "state/a", 1, 3, false);
    job.walltime_us = 10 * DURE_MINUTE_US;
    const uint64_t first = dure_core_next_job(rig.core).v;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "one uses the rack: %s", rig.error.text);
    (void)!rig_pass(&rig);
    fill("state/b", 4, 4, false);
    struct dure_job_view view;
    TAP_OK(dure_core_job_view(rig.core, (struct dure_job_id){first}, 0, &view) && view.place_count == 1, "it runs");
    const uint32_t used = view.places[0].node_first, other = used / 4 * 4 + (used + 1) % 4;
    TAP_EQ_INT(rig_node(&rig, DURE_REC_NODE_REPORT, other, DURE_NODE_IS_DOWN), DURE_OK, "another node of it is down");
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us + 20 * DURE_MINUTE_US;
    r.deadline_us = r.number + DURE_HOUR_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance of all is booked: %s", rig.error.text);
    job.walltime_us = 30 * DURE_MINUTE_US;
    job.task_gpus = 4;
    const struct dure_job_id blocked = dure_core_next_job(rig.core);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "another is too long: %s", rig.error.text);
    (void)!rig_tick(&rig, rig.now_us + 3 * DURE_SECOND_US);
    (void)!rig_pass(&rig);
    TAP_EQ_INT(rig_report(&rig, rig_attempt(&rig, first, 0), DURE_REPORT_ENDED, 0), DURE_OK, "the rack is idle");
    (void)!rig_pass(&rig);
    struct dure_why why = {0};
    TAP_EQ_INT(dure_core_why(rig.core, blocked, 0, arena, &why, &rig.error), DURE_OK, "an answer");
    TAP_OK(dure_core_job_view(rig.core, blocked, 0, &view) && view.planned_us, "its start is planned");
    TAP_EQ_STR(offered(&why, "walltime"), "19m", "what ends before the maintenance would start without the plan");
    job.walltime_us = 25 * DURE_MINUTE_US;
    why = ask(&job);
    TAP_EQ_STR(offered(&why, "walltime"), "19m", "as another would, which ends before the plan and the maintenance");
    r = rig_record(&rig, DURE_REC_MODIFY);
    r.job = blocked;
    r.number = DURE_CHANGE_WALLTIME;
    r.submit.walltime_us = 19 * DURE_MINUTE_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "it is changed so: %s", rig.error.text);
    (void)!rig_pass(&rig);
    TAP_OK(rig_attempt(&rig, blocked.v, 0), "and runs: %s", rig.said.data);
    end();
}

/* Of a damaged rack one node is whole, and one that maintenance is booked for has three GPUs. Up to three tasks are
 * placed on those first; and seen as it will be in the maintenance, the rack is owed to others. Four go to the whole
 * node, and so may start. */
static void test_tasks(void)
{
    struct dure_place run = {.node_first = 3, .node_count = 2};
    begin(specs_tenants);
    for (uint32_t node = 0; node < 8; node += node == 2 ? 5 : 2)
        TAP_EQ_INT(rig_node(&rig, DURE_REC_NODE_REPORT, node, DURE_NODE_IS_DOWN), DURE_OK, "node %u is down", node);
    struct dure_record r = rig_record(&rig, DURE_REC_FOREIGN);
    r.node.v = 3;
    r.mask = 4;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "a GPU is used by others: %s", rig.error.text);
    struct dure_job job = rig_job(&rig, "state/a", 5, 1, false);
    struct dure_why why = ask(&job);
    TAP_OK(why.place_count, "there is room for five");
    r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us + DURE_MINUTE_US;
    r.deadline_us = r.number + DURE_HOUR_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance is booked: %s", rig.error.text);
    job.walltime_us = DURE_HOUR_US;
    why = ask(&job);
    TAP_OK(!why.place_count, "five have none");
    TAP_EQ_STR(offered(&why, "tasks"), "4", "four have, though three would not");
    job.tasks = 4;
    const uint64_t four = dure_core_next_job(rig.core).v;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "they come: %s", rig.error.text);
    (void)!rig_pass(&rig);
    TAP_OK(rig_attempt(&rig, four, 0), "and run");
    end();
}

/* ---- what goes with the plan that a change costs ---- */

enum { FIRST = 1, SECOND = 2, THIRD = 4 }; /* of four nodes, as masks; the last is owed to b */

static const char four_nodes[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'g-[01-04]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}]}\n";
static const char two_rights[] = "kind: Tenants\nversion: 1\ntenants: [{name: a}, {name: b}]\nallotments:\n"
                                 "  - {name: rb, tenant: b, group: g, level: node, count: 3}\n"
                                 "  - {name: ra, tenant: a, group: g, level: node, count: 1}\n";

/* On these nodes only. */
static struct dure_job_id come(const char *tenant, uint32_t tasks, uint32_t gpus, int64_t minutes, uint32_t nodes)
{
    struct dure_node_run runs[4];
    uint32_t count = 0;
    struct dure_job job = rig_job(&rig, tenant, tasks, gpus, false);
    job.walltime_us = minutes * DURE_MINUTE_US;
    job.grace_us = 0;
    for (uint32_t node = 0; node < 4; node++)
        if (nodes >> node & 1 && node && nodes >> (node - 1) & 1)
            runs[count - 1].count++;
        else if (nodes >> node & 1)
            runs[count++] = (struct dure_node_run){node, 1};
    job.include = (struct dure_node_runs){runs, count};
    const struct dure_job_id id = dure_core_next_job(rig.core);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "job %llu: %s", (unsigned long long)id.v, rig.error.text);
    (void)!rig_pass(&rig);
    return id;
}

static bool is_planned(struct dure_job_id id)
{
    struct dure_job_view view;
    return dure_core_job_view(rig.core, id, 0, &view) && view.planned_us;
}

static void leave(struct dure_job_id id)
{
    TAP_EQ_INT(rig_report(&rig, rig_attempt(&rig, id.v, 0), DURE_REPORT_ENDED, 0), DURE_OK, "one has ended");
    (void)!rig_pass(&rig);
}

static void maintain(uint32_t count, int64_t from_min, int64_t until_min)
{
    struct dure_place run = {.node_first = 0, .node_count = count};
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us + from_min * DURE_MINUTE_US;
    r.deadline_us = rig.now_us + until_min * DURE_MINUTE_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance: %s", rig.error.text);
}

/* What a's plan keeps is a damaged node. Without it b is short of one, whose plan goes with that, and the node that was kept for this is free: on it a's
 * job would start if it ended before the maintenance. */
static void test_others_plan(void)
{
    arena = dure_arena_new(1u << 20);
    rig_init(&rig, four_nodes, two_rights);
    const struct dure_job_id leaver = come("b", 1, 1, 10, FIRST), user = come("a", 1, 3, 10, THIRD);
    (void)come("b", 1, 1, 10, SECOND);
    struct dure_record r = rig_record(&rig, DURE_REC_FOREIGN);
    r.node.v = 2; /* the third */
    r.mask = 8;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "a GPU is used by others: %s", rig.error.text);
    maintain(4, 20, 80);
    const struct dure_job_id both = come("b", 2, 4, 5, FIRST | SECOND), own = come("a", 1, 3, 30, FIRST | THIRD);
    (void)!rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US);
    (void)!rig_pass(&rig);
    leave(leaver);
    leave(user);
    TAP_OK(is_planned(both) && is_planned(own), "both starts are planned: %s", rig.said.data);
    struct dure_why why = {0};
    TAP_EQ_INT(dure_core_why(rig.core, own, 0, arena, &why, &rig.error), DURE_OK, "an answer");
    TAP_EQ_STR(offered(&why, "walltime"), "19m", "it would start where the other's plan goes as well");
    TAP_OK(is_planned(both), "which has only been tried");
    rig_check(&rig);
    r = rig_record(&rig, DURE_REC_MODIFY);
    r.job = own;
    r.number = DURE_CHANGE_WALLTIME;
    r.submit.walltime_us = 19 * DURE_MINUTE_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "it is changed so: %s", rig.error.text);
    TAP_HAS(rig.said.data, "suspend rb[2]", "b is short of one");
    TAP_OK(!is_planned(both), "and its plan goes: %s", rig.said.data);
    (void)!rig_pass(&rig);
    TAP_HAS(rig.said.data, "g-01/7 ra[0]=>0", "so that a's job starts");
    end();
}

int main(void)
{
    test_level();
    test_spread();
    test_grace();
    test_walltime();
    test_other_right();
    test_list_over_rights();
    test_own_plan();
    test_tasks();
    test_others_plan();
    return tap_done();
}
