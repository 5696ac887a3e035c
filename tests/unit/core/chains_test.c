/* Two chains, of two models at two sites: which is taken, now, later and around maintenance, and what becomes of work whose data may not be there any
 * more. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

enum { G = 1, H = 2 }; /* models, as masks: of nodes 0 and 1, of nodes 2 and 3 */

static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node},\n"
    "  {name: n, memory: 120GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}, {name: t, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'g-[01-02]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}]}\n"
    "  - {name: h, owner: o, site: t, model: n, nodes: 'h-[01-02]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}]}\n";
static const char tenants[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: a}, {name: b}]\n"
                              "lending: [{owner: o, notice: 10m, to: all}]\nallotments:\n"
                              "  - {name: rg, tenant: a, group: g, level: node, count: 2}\n"
                              "  - {name: rh, tenant: a, group: h, level: node, count: 2}\n";

static const char fewer[] = "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: a}, {name: b}]\n"
                            "lending: [{owner: o, notice: 10m, to: all}]\nallotments:\n"
                            "  - {name: rg, tenant: a, group: g, level: node, count: 1}\n"
                            "  - {name: rh, tenant: a, group: h, level: node, count: 1}\n";

static struct rig rig;

static uint64_t submit(const struct dure_job *job)
{
    const uint64_t id = dure_core_next_job(rig.core).v;
    if (rig_submit(&rig, job) != DURE_OK || rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
    return id;
}

static struct dure_job whole_nodes(const char *tenant, uint32_t tasks, uint64_t model, bool borrowed)
{
    struct dure_job job = rig_job(&rig, tenant, tasks, 4, borrowed);
    job.model_mask = model;
    job.walltime_us = DURE_HOUR_US;
    return job;
}

static struct dure_record datasets(const char *sites)
{
    static char text[512];
    struct dure_record record = rig_record(&rig, DURE_REC_DATA);
    snprintf(text, sizeof text,
             "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"d\",\"sites\":%s},"
             "{\"name\":\"w\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}}]}",
             sites);
    record.text = text;
    record.text_length = strlen(text);
    return record;
}

static void declare(const char *sites)
{
    struct dure_record record = datasets(sites);
    TAP_EQ_INT(rig_step(&rig, &record), DURE_OK, "datasets: %s", rig.error.text);
}

/* What is said of it before. */
static const char *effect(const char *sites)
{
    static char said[1024];
    struct dure_buf text;
    const struct dure_record record = datasets(sites);
    dure_buf_init(&text, sizeof said);
    dure_core_data_effect(rig.core, &record, &text);
    snprintf(said, sizeof said, "%s", text.length ? text.data : "");
    dure_buf_release(&text);
    return said;
}

/* All is taken for as long: by rights, or by those who borrow. */
static void test_planned(bool borrowed)
{
    rig_init(&rig, fleet, tenants);
    struct dure_job job = whole_nodes("a", 2, G, borrowed);
    submit(&job);
    job.model_mask = H;
    submit(&job);
    job = whole_nodes("a", 1, G | H, borrowed);
    job.model_order = 0x102; /* the second, or else the first */
    submit(&job);
    TAP_OK(rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US) == DURE_OK && rig_pass(&rig) == DURE_OK, "who waits");
    TAP_HAS(rig.said.data, borrowed ? "h-01" : "rh{0}", "has its start planned on the model that it would rather have");
    rig_check(&rig);
    rig_release(&rig);
}

static void test_reserved(void)
{
    rig_init(&rig, fleet, tenants);
    declare("\"all\"");
    struct dure_job job = whole_nodes("b", 2, H, true);
    submit(&job);
    job = whole_nodes("a", 1, H, false);
    job.data_mask = 1;
    submit(&job);
    TAP_HAS(rig.said.data, "reserve job 2", "it waits for who borrows its place");
    TAP_HAS(effect("[\"s\"]"), " 1 reserved place is given up.", "it is told before");
    declare("[\"s\"]");
    TAP_HAS(rig.said.data, "unreserve job 2", "and gives the place up, where its data may not be any more");
    rig_check(&rig);
    rig_release(&rig);
}

static void test_not_spared(void)
{
    rig_init(&rig, fleet, tenants);
    declare("\"all\"");
    struct dure_job job = whole_nodes("b", 2, H, true);
    job.data_mask = 1;
    submit(&job);
    job = whole_nodes("a", 1, H, false);
    const uint64_t owner = submit(&job);
    TAP_HAS(rig.said.data, "notice attempt 1", "who borrows is warned");
    declare("[\"s\"]");
    TAP_HAS(rig.said.data, "notice attempt 1", "and once more, for its data");
    TAP_EQ_INT(rig_simple(&rig, DURE_REC_CANCEL, owner, DURE_NONE32), DURE_OK, "the owner's job is cancelled");
    TAP_OK(!strstr(rig.said.data, "cancel-notice"), "it is not spared: its data may not be there");
    rig_check(&rig);
    rig_release(&rig);
}

/* Where a right has bound cells and leaves GPUs idle, nobody borrows who finds room in another chain: with a list of nodes as without. */
static void test_away(void)
{
    struct dure_node_run most = {1, 3};
    rig_init(&rig, fleet, tenants);
    struct dure_job job = rig_job(&rig, "a", 2, 1, false);
    job.model_mask = G;
    job.spread_level = "node";
    job.spread_max = 1;
    submit(&job);
    job = rig_job(&rig, "b", 1, 1, true);
    job.include = (struct dure_node_runs){&most, 1};
    submit(&job);
    TAP_HAS(rig.said.data, "h-01", "it stands on the chain that has bound nothing");
    rig_check(&rig);
    rig_release(&rig);
}

/* Is there enough beside all that is owed? What must be alone takes its node whole. */
static void test_alone(void)
{
    rig_init(&rig, fleet, fewer);
    declare("\"all\"");
    struct dure_job job = rig_job(&rig, "b", 1, 1, true);
    job.model_mask = G;
    submit(&job);
    job = rig_job(&rig, "b", 1, 1, true);
    job.data_mask = 2;
    submit(&job);
    TAP_HAS(rig.said.data, "h-01", "it goes where a node is owed to nobody");
    rig_check(&rig);
    rig_release(&rig);
}

/* ---- before maintenance ---- */

static void book(uint32_t node, uint32_t count, int64_t from_min, int64_t until_min)
{
    struct dure_record record = rig_record(&rig, DURE_REC_BOOK);
    struct dure_place run = {.node_first = node, .node_count = count};
    record.places = &run;
    record.place_count = 1;
    record.number = rig.now_us + from_min * DURE_MINUTE_US;
    record.deadline_us = rig.now_us + until_min * DURE_MINUTE_US;
    TAP_EQ_INT(rig_step(&rig, &record), DURE_OK, "maintenance: %s", rig.error.text);
}

static void run_for(struct dure_job job, int64_t minutes)
{
    job.walltime_us = minutes * DURE_MINUTE_US;
    job.grace_us = 0;
    submit(&job);
}

static void wait_a_little(void)
{
    TAP_OK(rig_tick(&rig, rig.now_us + 2 * DURE_SECOND_US) == DURE_OK && rig_pass(&rig) == DURE_OK, "who waits");
}

/* Behind a window over everything what ends before it is gone. */
static void test_gone_before(void)
{
    rig_init(&rig, fleet, tenants);
    struct dure_job job = whole_nodes("b", 1, G, true);
    job.task_gpus = 1;
    run_for(job, 5);
    book(0, 2, 10, 30);
    job.task_gpus = 3;
    run_for(job, 20);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 1798s g-01/7", "its place is told by what there is by then");
    rig_check(&rig);
    rig_release(&rig);
}

/* A chain with room that a window comes too near to may have room elsewhere sooner than another chain. */
static void test_sooner_beside(void)
{
    rig_init(&rig, fleet, tenants);
    run_for(whole_nodes("b", 1, G, true), 5);
    run_for(whole_nodes("b", 2, H, true), 120);
    book(1, 1, 10, 60);
    run_for(whole_nodes("b", 1, 0, true), 20);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 298s g-01/f", "the first moment there is");
    rig_check(&rig);
    rig_release(&rig);
}

/* Cells may be bound anew for a list, but with no maintenance about: so what can be planned may not be later. */
static void test_anew_before(void)
{
    struct dure_node_run second = {1, 1};
    rig_init(&rig, fleet, fewer);
    struct dure_job job = whole_nodes("a", 1, H, false);
    job.task_gpus = 2;
    run_for(job, 5);
    run_for(job, 40);
    run_for(whole_nodes("a", 1, G, false), 10);
    book(3, 1, 30, 35);
    job = whole_nodes("a", 1, G, false);
    job.include = (struct dure_node_runs){&second, 1};
    run_for(job, 5);
    wait_a_little();
    TAP_HAS(rig.said.data, "in 598s rg{0}", "it is planned for when its cell may be bound there");
    rig_check(&rig);
    rig_release(&rig);
}

int main(void)
{
    test_gone_before();
    test_sooner_beside();
    test_anew_before();
    test_alone();
    test_planned(false);
    test_planned(true);
    test_reserved();
    test_not_spared();
    test_away();
    return tap_done();
}
