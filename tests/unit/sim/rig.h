#pragma once
/* A small fleet and a list of jobs for the simulator: two owners, one with a right to half of its nodes, both lending. */
#include "sim/run/sim.h"

enum { RIG_JOBS_MAX = 4096 };

struct rig {
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_sim_job jobs[RIG_JOBS_MAX];
    unsigned count, next;
};

extern const char rig_fleet_yaml[], rig_tenants_yaml[];
void rig_begin(struct rig *rig);
void rig_begin_with(struct rig *rig, const char *fleet, const char *tenants);
void rig_end(struct rig *rig);
/* Adds a job of `gpus` in one task (more than 8: tasks of 8) and returns it for changes. */
struct dure_job *rig_job(struct rig *rig, int64_t at_s, const char *tenant, enum dure_job_class job_class,
                         uint32_t gpus, int64_t lasts_s);
bool rig_next(void *context, struct dure_sim_job *ret_job);
struct dure_sim_options rig_options(struct rig *rig);
/* Runs it; bails out if it cannot be run. */
struct dure_sim_result rig_run(const struct dure_sim_options *options);
