/* Whose turn it is among tenants that share rights, while a start is planned for somebody whom all of them come before. */
#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, nvlink: node}]\n"
    "owners: [{name: o}]\nsites: [{name: s, engine: emulated}]\ngroups:\n"
    "  - {name: g, owner: o, site: s, model: m, nodes: 'n-[1-4]', cpus: 64, memory: 1TiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}]}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\ntenants: [{name: o, owner: o}, {name: h, tenants: [{name: x}, {name: y}]}]\n"
    "allotments: [{name: r, tenant: h, group: g, level: node, count: 2}]\n";

static struct rig rig;

static uint64_t submit(const char *tenant, uint32_t tasks, int32_t priority, int64_t walltime_us)
{
    const uint64_t id = dure_core_next_job(rig.core).v;
    struct dure_job job = rig_job(&rig, tenant, tasks, 4, false);
    job.priority = priority;
    job.walltime_us = walltime_us;
    if (rig_submit(&rig, &job) != DURE_OK || rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
    return id;
}

static void later(int64_t us)
{
    if (rig_tick(&rig, rig.now_us + us) != DURE_OK || rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
}

static struct dure_job_view see(uint64_t job)
{
    struct dure_job_view view = {.state = DURE_JOB_CANCELLED};
    (void)dure_core_job_view(rig.core, (struct dure_job_id){job}, DURE_NONE32, &view);
    return view;
}

static void end(uint64_t job)
{
    if (rig_report(&rig, rig_attempt(&rig, job, DURE_NONE32), DURE_REPORT_ENDED, 0) != DURE_OK ||
        rig_pass(&rig) != DURE_OK)
        tap_bail("%s", rig.error.text);
}

int main(void)
{
    rig_init(&rig, fleet, tenants);
    const uint64_t before = submit("h/x", 1, 0, DURE_HOUR_US);
    later(30 * DURE_MINUTE_US);
    end(before); /* x has had half an hour of a node, y nothing */
    const uint64_t lasting = submit("h", 1, 5, 2 * DURE_HOUR_US), brief = submit("h", 1, 5, DURE_HOUR_US);
    const uint64_t low = submit("h/x", 2, -1, DURE_HOUR_US);
    later(2 * DURE_SECOND_US);
    TAP_OK(see(lasting).state == DURE_JOB_RUNNING && see(low).planned_us > rig.now_us,
           "a start is planned for the last");
    const uint64_t x = submit("h/x", 1, 0, DURE_HOUR_US), y = submit("h/y", 1, 0, DURE_HOUR_US);
    later(2 * DURE_SECOND_US);
    TAP_OK(see(y).planned_us > 0 && see(x).planned_us == 0 && see(low).planned_us == 0,
           "who comes before it and has had least has the plan instead, not who is oldest");
    end(brief);
    TAP_OK(see(y).state == DURE_JOB_RUNNING && see(x).state == DURE_JOB_PENDING, "and the first start");
    rig_check(&rig);
    rig_release(&rig);
    return tap_done();
}
