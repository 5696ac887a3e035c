/* Who is looked at again when something comes free: a core that tries everybody in every pass decides the same beside it. */
#include <string.h>

#include "base/timefmt.h"
#include "core/state/state.h"
#include "rig.h"
#include "tap.h"

static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'n-[1-5]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}]}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: a}, {name: b}, {name: c}, {name: h}]\n"
    "allotments: [{name: r, tenant: h, group: g, level: node, count: 1}]\n"
    "lending: [{owner: o, notice: 10m, to: all}]\n";

static void begin(struct rig *rig)
{
    rig_init(rig, fleet, tenants);
    rig->shadow = rig_reload(rig);
    rig->shadow->forgetful = true;
}

static void finish(struct rig *rig)
{
    rig_check(rig);
    rig_release(rig);
}

/* A whole node each; by right, or borrowed. */
static void submit(struct rig *rig, const char *tenant, uint32_t nodes, int64_t walltime_us, bool borrowed)
{
    struct dure_job job = rig_job(rig, tenant, nodes, 4, borrowed);
    job.walltime_us = walltime_us;
    job.data_mask = !borrowed;
    TAP_EQ_INT(rig_submit(rig, &job), DURE_OK, "%s submits: %s", tenant, rig->error.text);
}

/* While one of them waited for a node, work was given a place that it must keep clear of. Then a node that is kept for the planned job comes free, and
 * another beside it, in this order. */
static void test_clear_of_others(void)
{
    static const char data[] = "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"d\",\"sites\":\"all\","
                               "\"neighbours\":{\"level\":\"node\",\"tenants\":[\"a\"]}}]}";
    struct rig rig;
    begin(&rig);
    struct dure_record r = rig_record(&rig, DURE_REC_DATA);
    r.text = data;
    r.text_length = sizeof data - 1;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "datasets: %s", rig.error.text);
    for (uint32_t i = 0; i < 4; i++)
        submit(&rig, "c", 1, (i < 3 ? 1 : 5) * DURE_HOUR_US, true);
    rig_pass(&rig);
    rig_tick(&rig, rig.now_us + 10 * DURE_MINUTE_US);
    submit(&rig, "c", 1, 5 * DURE_HOUR_US, true); /* it has done least, and is sent away first */
    rig_pass(&rig);
    submit(&rig, "b", 3, DURE_HOUR_US, true);
    rig_tick(&rig, rig.now_us + 3 * DURE_SECOND_US);
    rig_pass(&rig);
    TAP_HAS(rig.said.data, "plan job 6", "three nodes are kept");
    submit(&rig, "a", 1, 9 * DURE_HOUR_US, true);
    submit(&rig, "a", 1, 10 * DURE_MINUTE_US, true);
    rig_pass(&rig);
    TAP_OK(!rig.decisions, "there is none for anybody else: %s", rig.said.data);
    submit(&rig, "h", 1, DURE_HOUR_US, false);
    rig_pass(&rig);
    TAP_HAS(rig.said.data, "reserve job 9 n-5/f", "one by right is to have the last");
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    rig_report(&rig, 4, DURE_REPORT_ENDED, 0);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "start job 7 attempt 6 n-4/f\nstart job 8 attempt 7 n-1/f\n",
               "the first starts beside what is kept, and on that who is gone in time");
    finish(&rig);
}

int main(void)
{
    test_clear_of_others();
    return tap_done();
}
