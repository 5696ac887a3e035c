#include "rig.h"

#include <string.h>

#include "base/timefmt.h"
#include "tap.h"

const char rig_fleet_yaml[] =
    "kind: Fleet\nversion: 1\nname: small\nzone: Asia/Seoul\n"
    "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]\n"
    "owners: [{name: o0}, {name: o1}]\n"
    "sites: [{name: s0, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\n"
    "groups:\n"
    "  - {name: g0, owner: o0, site: s0, model: b200, nodes: 'a-[01-08]', cpus: 128, memory: 2TiB, disk: 1TiB, power: "
    "10kW,\n"
    "     levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}], status: assumed}\n"
    "  - {name: g1, owner: o1, site: s0, model: b200, nodes: 'b-[01-04]', cpus: 128, memory: 2TiB, disk: 1TiB, power: "
    "10kW,\n"
    "     levels: [{name: rack, holds: 4}, {name: node, holds: 8}], status: assumed}\n";

const char rig_tenants_yaml[] = "kind: Tenants\nversion: 1\n"
                                "tenants:\n"
                                "  - {name: o0, owner: o0, tenants: [{name: a}, {name: b}]}\n"
                                "  - {name: o1, owner: o1, tenants: [{name: c}]}\n"
                                "allotments:\n"
                                "  - {name: ra, tenant: o0/a, group: g0, level: node, count: 6}\n"
                                "  - {name: rc, tenant: o1/c, group: g1, level: node, count: 4}\n"
                                "lending:\n"
                                "  - {owner: o0, notice: 5m, to: all}\n"
                                "  - {owner: o1, notice: 5m, to: all}\n"
                                "roles:\n"
                                "  - {login: who, role: operator}\n";

void rig_begin_with(struct rig *rig, const char *fleet, const char *tenants)
{
    struct dure_problems problems = {.file = "rig"};
    struct dure_arena *arena = dure_arena_new(8 << 20);
    struct dure_tree *tree;
    *rig = (struct rig){0};
    if (dure_tree_from_yaml(arena, fleet, strlen(fleet), &tree, &problems) != DURE_OK ||
        dure_fleet_parse(tree, &rig->fleet, &problems) != DURE_OK ||
        dure_tree_from_yaml(arena, tenants, strlen(tenants), &tree, &problems) != DURE_OK ||
        dure_tenants_parse(tree, rig->fleet, &rig->tenants, &problems) != DURE_OK)
        tap_bail("the rig's specs: %s found %s, expected %s", problems.at[0].field, problems.at[0].found,
                 problems.at[0].expected);
    dure_arena_free(arena);
}

void rig_begin(struct rig *rig)
{
    rig_begin_with(rig, rig_fleet_yaml, rig_tenants_yaml);
}

void rig_end(struct rig *rig)
{
    dure_tenants_free(rig->tenants);
    dure_fleet_free(rig->fleet);
}

struct dure_job *rig_job(struct rig *rig, int64_t at_s, const char *tenant, enum dure_job_class job_class,
                         uint32_t gpus, int64_t lasts_s)
{
    if (rig->count == RIG_JOBS_MAX)
        tap_bail("more than %d jobs", RIG_JOBS_MAX);
    struct dure_sim_job *job = &rig->jobs[rig->count++];
    job->at_us = at_s * DURE_SECOND_US;
    job->job = dure_job_blank();
    if (!dure_tenants_find(rig->tenants, tenant, &job->job.tenant))
        tap_bail("no tenant %s", tenant);
    job->job.job_class = job_class;
    job->job.tasks = gpus > 8 ? gpus / 8 : 1;
    job->job.task_gpus = gpus > 8 ? 8 : gpus;
    job->job.walltime_us = 10 * lasts_s * DURE_SECOND_US;
    job->job.grace_us = 30 * DURE_SECOND_US;
    job->job.emulated_us = lasts_s * DURE_SECOND_US;
    return &job->job;
}

bool rig_next(void *context, struct dure_sim_job *ret_job)
{
    struct rig *rig = context;
    if (rig->next == rig->count)
        return false;
    *ret_job = rig->jobs[rig->next++];
    return true;
}

struct dure_sim_options rig_options(struct rig *rig)
{
    rig->next = 0;
    return (struct dure_sim_options){.fleet = rig->fleet,
                                     .tenants = rig->tenants,
                                     .next = rig_next,
                                     .context = rig,
                                     .seed = 7,
                                     .from_us = 0,
                                     .until_us = DURE_NEVER_US,
                                     .leaves_us = 10 * DURE_SECOND_US};
}

struct dure_sim_result rig_run(const struct dure_sim_options *options)
{
    struct dure_sim_result result;
    struct dure_error error = {0};
    if (dure_sim_run(options, &result, &error) != DURE_OK)
        tap_bail("the run failed: %s", error.text);
    return result;
}
