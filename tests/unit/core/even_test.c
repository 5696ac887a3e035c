/* On nodes that a Slurm runs, each node of a gang gets the same number of tasks: which, and what is said where none will do. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

/* s: six nodes of eight GPUs that a Slurm runs, in racks of three; l: two that it does not. */
#define FLEET(engine)                                                                                                  \
    "kind: Fleet\nversion: 1\nname: rig\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"              \
    "owners: [{name: o}]\nsites: [{name: s, engine: " engine "}, {name: l, engine: local}]\ngroups:\n"                 \
    "  - {name: s, owner: o, site: s, model: m, nodes: 's[1-6]', cpus: 64, memory: 1TiB, power: 10kW, levels: "        \
    "[{name: rack, holds: 3}, {name: node, holds: 8}]}\n"                                                              \
    "  - {name: l, owner: o, site: l, model: m, nodes: 'l[1-2]', cpus: 64, memory: 1TiB, power: 10kW, levels: "        \
    "[{name: node, holds: 8}]}\n"
static const char fleet[] = FLEET("slurm, slurm: {commands: {}}"), other_fleet[] = FLEET("emulated");
static const char borrowers[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: t}]\n"
                                "lending: [{owner: o, notice: 10m, to: all}]\n";

static void must(const struct rig *rig, enum dure_err err)
{
    if (err != DURE_OK)
        tap_bail("%s", rig->error.text);
}

static void begin(struct rig *rig, const char *spec, const char *tenants)
{
    rig_init(rig, spec, tenants);
    for (uint32_t node = 6; node < 8; node++) /* l is away but for the tests that bring it back */
        must(rig, rig_node(rig, DURE_REC_NODE_REPORT, node, DURE_NODE_IS_DOWN));
}

/* So many GPUs of a node are used by others. */
static void fill(struct rig *rig, uint32_t node, uint32_t gpus)
{
    struct dure_record r = rig_record(rig, DURE_REC_FOREIGN);
    r.node.v = node;
    r.mask = (UINT64_C(1) << gpus) - 1;
    snprintf(r.reason, sizeof r.reason, "others");
    if (gpus > 0)
        must(rig, rig_step(rig, &r));
}

static void submit(struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, bool borrowed)
{
    const struct dure_job job = rig_job(rig, tenant, tasks, gpus, borrowed);
    must(rig, rig_submit(rig, &job));
    must(rig, rig_pass(rig));
}

/* "3+3": the tasks on each of its nodes; "": it waits. */
static const char *lies(const struct rig *rig, uint64_t job)
{
    static char text[128];
    struct dure_job_view view;
    size_t at = 0;
    text[0] = '\0';
    if (!dure_core_job_view(rig->core, (struct dure_job_id){job}, DURE_NONE32, &view) || !view.attempt.v)
        return text;
    for (uint32_t i = 0; i < view.place_count; i++)
        for (uint32_t n = 0; n < view.places[i].node_count; n++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", at ? "+" : "", view.places[i].tasks);
    return text;
}

/* The most tasks a node that divide them and find room. */
static void test_shapes(void)
{
    static const struct {
        uint32_t idle[6], tasks, gpus;
        const char *lies, *otherwise;
    } cases[] = {
        {{8, 8, 8, 8, 8, 8}, 7, 1, "7", "7"},
        {{8, 8, 8, 8, 8, 8}, 8, 2, "4+4", "4+4"},
        {{8, 8, 8, 8, 8, 8}, 6, 2, "3+3", "4+2"},
        {{8, 8, 8, 8, 8, 8}, 5, 3, "1+1+1+1+1", "2+2+1"},
        {{5, 3, 2, 2, 0, 0}, 6, 1, "3+3", "5+1"},
        {{5, 2, 2, 0, 0, 0}, 6, 1, "2+2+2", "5+1"},
        {{5, 1, 1, 1, 1, 1}, 6, 1, "1+1+1+1+1+1", "5+1"},
        {{5, 1, 1, 1, 1, 0}, 6, 1, "", "5+1"},
        {{8, 8, 0, 0, 0, 0}, 12, 1, "6+6", "8+4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned slurm = 0; slurm < 2; slurm++) {
            struct rig rig;
            begin(&rig, slurm ? fleet : other_fleet, borrowers);
            for (uint32_t node = 0; node < 6; node++)
                fill(&rig, node, 8 - cases[i].idle[node]);
            submit(&rig, "t", cases[i].tasks, cases[i].gpus, true);
            TAP_EQ_STR(lies(&rig, 1), slurm ? cases[i].lies : cases[i].otherwise, "%u tasks of %u GPUs lie %s",
                       cases[i].tasks, cases[i].gpus, slurm ? "evenly" : "as they come");
            rig_release(&rig);
        }
}

/* It starts when a node has room for its share, and not when there is room enough in all. */
static void test_waits(void)
{
    struct rig rig;
    begin(&rig, fleet, borrowers);
    for (uint32_t node = 0; node < 6; node++)
        fill(&rig, node, node == 0 ? 3 : node == 1 ? 6 : 8);
    submit(&rig, "t", 6, 1, true);
    TAP_EQ_STR(lies(&rig, 1), "", "five and two idle GPUs hold no six tasks evenly");
    fill(&rig, 1, 5);
    must(&rig, rig_pass(&rig));
    TAP_EQ_STR(lies(&rig, 1), "3+3", "it starts when a third comes free beside the two");
    rig_release(&rig);
}

/* A start is planned for when an even place comes free. */
static void test_planned(void)
{
    struct rig rig;
    begin(&rig, fleet, borrowers);
    for (uint32_t node = 2; node < 6; node++)
        fill(&rig, node, 8);
    struct dure_job job = rig_job(&rig, "t", 1, 4, true);
    job.walltime_us = DURE_HOUR_US;
    must(&rig, rig_submit(&rig, &job)); /* on the one node 4, on the other 1 and 5 */
    job.walltime_us = 2 * DURE_HOUR_US;
    job.task_gpus = 5;
    must(&rig, rig_submit(&rig, &job));
    must(&rig, rig_pass(&rig));
    const int64_t now = rig.now_us;
    submit(&rig, "t", 7, 1, true);
    must(&rig, rig_tick(&rig, now + 2 * DURE_MINUTE_US)); /* who has waited a while */
    must(&rig, rig_pass(&rig));
    TAP_EQ_STR(lies(&rig, 3), "", "seven GPUs are idle, four and three of them on one node");
    TAP_EQ_STR(rig.said.data, "plan job 3 in 3510s s1/7f\n", "its start is planned for when one node has seven");
    rig_release(&rig);
}

static bool is_never(struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, bool borrowed)
{
    const struct dure_job job = rig_job(rig, tenant, tasks, gpus, borrowed);
    return rig_submit(rig, &job) == DURE_E_NEVER;
}

static void test_never(void)
{
    struct rig rig;
    rig_init(&rig, fleet, borrowers);
    TAP_OK(!is_never(&rig, "t", 13, 1, true), "thirteen tasks have a place at the other site");
    struct dure_job job = rig_job(&rig, "t", 23, 1, true);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_E_NEVER, "twenty-three have none");
    TAP_OK(strstr(rig.error.text,
                  "these do not lie so here; ask for another number of tasks, or for a site whose engine divides them "
                  "(needs 23, at most 6 there: nodes; 24 tasks would lie 8 on each of 3): s, 48 GPUs"),
           "the proof says why, and what would: %s", rig.error.text);
    job = rig_job(&rig, "t", 22, 1, true);
    job.level = "rack";
    job.level_required = true;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_E_NEVER, "eleven on each of two is more than a node has");
    job.tasks = 24;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "twenty-four fill a rack");
    job = rig_job(&rig, "t", 10, 2, true);
    job.tasks_per_node = 5;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_E_NEVER, "five tasks of two GPUs are no node's");
    rig_release(&rig);
}

/* By right: over rights to nodes, in their order; never over parts of nodes, which may come to lie on one node or not. */
static void test_by_right(void)
{
    static const char rights[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: t}, {name: p}]\n"
                                 "allotments:\n  - {name: n1, tenant: t, group: s, level: node, count: 1}\n"
                                 "  - {name: n2, tenant: t, group: s, level: node, count: 1}\n"
                                 "  - {name: g, tenant: p, group: s, level: gpu, count: 6}\n";
    struct rig rig;
    begin(&rig, fleet, rights);
    submit(&rig, "t", 12, 1, false);
    TAP_EQ_STR(lies(&rig, 1), "6+6", "over two rights");
    TAP_OK(is_never(&rig, "t", 13, 1, false), "thirteen tasks never lie evenly on two nodes");
    TAP_OK(strstr(rig.error.text, "; 14 tasks would lie 7 on each of 2): s"), "fourteen would: %s", rig.error.text);
    TAP_OK(is_never(&rig, "p", 2, 1, false), "two tasks by rights to single GPUs may come to lie unevenly");
    submit(&rig, "p", 1, 1, false);
    TAP_EQ_STR(lies(&rig, 2), "1", "one does not");
    rig_release(&rig);
    begin(&rig, other_fleet, rights);
    submit(&rig, "p", 2, 1, false);
    TAP_EQ_STR(lies(&rig, 1), "2", "nor do two where no Slurm runs the nodes");
    rig_release(&rig);
}

/* Numbers of tasks that are offered are those that lie evenly now: the most of the fewer, the fewest of the more. */
static void test_changes(void)
{
    static const struct {
        uint32_t tasks;
        const char *offered;
    } cases[] = {{12, " 10"}, {7, " 6 8"}, {11, " 10"}, {9, " 8 10"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct dure_why why;
        struct dure_arena *arena = dure_arena_new(1u << 20);
        char offered[64] = "";
        begin(&rig, fleet, borrowers);
        for (uint32_t node = 0; node < 6; node++)
            fill(&rig, node, node < 2 ? 3 : 8);
        must(&rig, rig_node(&rig, DURE_REC_NODE_REPORT, 6, DURE_NODE_IS_UP));
        fill(&rig, 6, 8); /* at the other site all lie anyhow, when there is room */
        submit(&rig, "t", cases[i].tasks, 1, true);
        if (dure_core_why(rig.core, (struct dure_job_id){1}, DURE_NONE32, arena, &why, &rig.error) != DURE_OK)
            tap_bail("%s", rig.error.text);
        for (uint32_t k = 0; k < why.change_count; k++)
            if (!strcmp(why.changes[k].field, "tasks"))
                snprintf(offered + strlen(offered), sizeof offered - strlen(offered), " %s", why.changes[k].value);
        TAP_EQ_STR(offered, cases[i].offered, "in place of %u tasks", cases[i].tasks);
        dure_arena_free(arena);
        rig_release(&rig);
    }
}

int main(void)
{
    test_shapes();
    test_waits();
    test_planned();
    test_never();
    test_by_right();
    test_changes();
    return tap_done();
}
