/* Between a job as the model states it and as the core keeps it. */
#include <string.h>

#include "core/apply/apply.h"
#include "core/queue/ceilings.h"
#include "core/state/jobs.h"
#include "core/state/lists.h"

static enum dure_err level_index(const struct dure_core *core, const char *level, uint16_t *ret_index,
                                 struct dure_error *error)
{
    *ret_index = 0;
    if (!level || !*level)
        return DURE_OK;
    for (uint32_t i = 0; i < core->fleet->level_name_count && i < UINT16_MAX; i++)
        if (!strcmp(core->fleet->level_names[i], level)) {
            *ret_index = (uint16_t)(i + 1);
            return DURE_OK;
        }
    return dure_fail(error, DURE_E_NEVER, "no chain of the fleet has a level '%s'", level);
}

static enum dure_err check_numbers(const struct dure_job *job, struct dure_error *error)
{
    const bool fraction = job->task_gpu_milli < 1000;
    if (!job->tasks || job->tasks > DURE_JOB_TASKS_MAX)
        return dure_fail(error, DURE_E_INVALID, "tasks: found %u, expected 1..%d", job->tasks, DURE_JOB_TASKS_MAX);
    if (!job->task_gpu_milli || job->task_gpu_milli > 1000)
        return dure_fail(error, DURE_E_INVALID, "GPU fraction: found %u, expected 1..1000 milli-GPU",
                         job->task_gpu_milli);
    if (!job->task_gpus || job->task_gpus > DURE_NODE_GPUS_MAX || (fraction && job->task_gpus != 1))
        return dure_fail(error, DURE_E_INVALID, "GPUs of a task: found %u, expected 1..%d (1 for a fraction)",
                         job->task_gpus, DURE_NODE_GPUS_MAX);
    if (job->walltime_us <= 0 || job->walltime_us > DURE_WALLTIME_MAX_US)
        return dure_fail(error, DURE_E_INVALID, "walltime: expected more than nothing and at most 366 days");
    if (job->grace_us < 0 || job->grace_us > DURE_GRACE_MAX_US)
        return dure_fail(error, DURE_E_INVALID, "grace: expected at most one day");
    if (job->emulated_us < 0 || job->emulated_us > DURE_WALLTIME_MAX_US)
        return dure_fail(error, DURE_E_INVALID, "emulated duration: expected at most 366 days");
    if (job->deadline_us < 0)
        return dure_fail(error, DURE_E_INVALID, "deadline: expected a time after 1970");
    if (job->checkpoint_us < 0 || job->checkpoint_us > DURE_WALLTIME_MAX_US)
        return dure_fail(error, DURE_E_INVALID, "checkpoint interval: expected at most 366 days");
    if (job->priority < -DURE_PRIORITY_MAX || job->priority > DURE_PRIORITY_MAX)
        return dure_fail(error, DURE_E_INVALID, "priority: found %d, expected -%d..%d", job->priority,
                         DURE_PRIORITY_MAX, DURE_PRIORITY_MAX);
    if (job->dep_count > DURE_JOB_DEPS_MAX)
        return dure_fail(error, DURE_E_LIMIT, "dependencies: found %u, expected at most %d", job->dep_count,
                         DURE_JOB_DEPS_MAX);
    if (job->commitment_length != 0 && job->commitment_length != sizeof job->commitment)
        return dure_fail(error, DURE_E_INVALID, "commitment: expected none or 32 bytes");
    if (job->array_count > DURE_ARRAY_MAX)
        return dure_fail(error, DURE_E_LIMIT, "array: found %u elements, expected at most %d", job->array_count,
                         DURE_ARRAY_MAX);
    if (job->array_count &&
        (!job->array_step ||
         (uint64_t)job->array_first + (uint64_t)(job->array_count - 1) * job->array_step >= DURE_NONE32))
        return dure_fail(error, DURE_E_INVALID, "array: expected a step of at least 1 and indices below 4294967295");
    return DURE_OK;
}

static enum dure_err check_order(const struct dure_job *job, struct dure_error *error)
{
    uint64_t seen = 0;
    for (uint64_t left = job->model_order; left; left >>= 8) {
        const uint64_t model = (left & 0xff) - 1, bit = model < DURE_GPU_MODELS_MAX ? UINT64_C(1) << model : 0;
        if (!(job->model_mask & bit & ~seen))
            return dure_fail(error, DURE_E_INVALID, "order of models: expected models of the job, each once");
        seen |= bit;
    }
    if (job->model_order && !(seen & (seen - 1)))
        return dure_fail(error, DURE_E_INVALID, "order of models: found one, expected several or none");
    return DURE_OK;
}

/* A MIG job is one of fractions, whose size its profile says. */
static enum dure_err pack_mig(const struct dure_core *core, const struct dure_job *job, struct request *ask,
                              struct dure_error *error)
{
    uint32_t profile;
    if (!job->mig || !*job->mig)
        return DURE_OK;
    if (!dure_fleet_mig_find(core->fleet, job->mig, &profile))
        return dure_fail(error, DURE_E_NEVER, "no GPU model of the fleet has a MIG profile '%s'", job->mig);
    const uint16_t milli = core->fleet->migs[profile].milli;
    if (job->task_gpus != 1 || (job->task_gpu_milli != 1000 && job->task_gpu_milli != milli))
        return dure_fail(error, DURE_E_INVALID, "GPUs of a task: expected none beside a MIG profile");
    if (job->tasks_per_node)
        return dure_fail(error, DURE_E_INVALID, "tasks_per_node: found %u, expected none beside a MIG profile",
                         job->tasks_per_node);
    ask->mig = (uint8_t)(profile + 1);
    ask->task_gpu_milli = milli;
    return DURE_OK;
}

static enum dure_err check_where(const struct dure_core *core, const struct dure_job *job, uint16_t *ret_spread,
                                 struct dure_error *error)
{
    enum dure_err err = level_index(core, job->spread_level, ret_spread, error);
    if (err == DURE_OK)
        err = check_order(job, error);
    if (err != DURE_OK)
        return err;
    if (!*ret_spread != !job->spread_max || job->spread_max > DURE_SPREAD_MAX)
        return dure_fail(error, DURE_E_INVALID, "spread: expected a level and 1 to %d tasks in one cell of it",
                         DURE_SPREAD_MAX);
    if (!dure_node_runs_valid(job->include.at, job->include.count) ||
        !dure_node_runs_valid(job->exclude.at, job->exclude.count))
        return dure_fail(error, DURE_E_INVALID, "nodes: expected at most %d runs, sorted and apart",
                         DURE_NODE_RUNS_MAX);
    return DURE_OK;
}

enum dure_err job_pack(const struct dure_core *core, const struct dure_job *job, struct job_made *ret_made,
                       struct dure_error *error)
{
    uint16_t level, spread = 0;
    enum dure_err err = check_numbers(job, error);
    if (err == DURE_OK && job->tenant.v >= core->tenants->tenant_count)
        err = dure_fail(error, DURE_E_NOT_FOUND, "there is no such tenant");
    const uint64_t known = core->data ? core->data->dataset_count : 0;
    if (err == DURE_OK && job->data_mask && (known < 64 ? job->data_mask >> known : 0))
        err = dure_fail(error, DURE_E_NOT_FOUND, "data: the job names a dataset that is not declared");
    if (err == DURE_OK)
        err = level_index(core, job->level, &level, error);
    if (err == DURE_OK)
        err = check_where(core, job, &spread, error);
    if (err != DURE_OK)
        return err;
    memset(ret_made, 0, sizeof *ret_made); /* scratch of the caller's */
    struct job_data *data = &ret_made->data;
    struct request *ask = &ret_made->ask;
    data->begin_us = job->begin_us;
    ask->walltime_us = job->walltime_us;
    data->emulated_us = job->emulated_us;
    data->deadline_us = job->deadline_us;
    ask->checkpoint_us = job->checkpoint_us;
    ask->model_mask = job->model_mask;
    ask->model_order = job->model_order;
    ask->lists = lists_intern(core->lists, job->include, job->exclude);
    ask->spread_level = (uint8_t)spread;
    ask->spread_max = (uint16_t)job->spread_max;
    ask->data_mask = job->data_mask;
    ask->container = job->container;
    ask->grace_us = job->grace_us;
    ask->tenant = job->tenant.v;
    ask->tasks = job->tasks;
    ask->task_cpu_milli = job->task_cpu_milli;
    ask->task_memory_mib = job->task_memory_mib;
    ask->gpu_memory_mib = job->gpu_memory_mib;
    ask->tasks_per_node = job->tasks_per_node;
    ask->priority = job->priority;
    ask->task_gpu_milli = (uint16_t)job->task_gpu_milli;
    err = pack_mig(core, job, ask, error);
    if (err != DURE_OK)
        return err;
    ask->level = level;
    ask->task_gpus = (uint8_t)job->task_gpus;
    ask->job_class = (uint8_t)job->job_class;
    ask->level_required = job->level_required && level;
    ask->user = ceiling_user(core, job->tenant.v, job->principal.v);
    data->principal = job->principal.v;
    data->array_first = job->array_first;
    data->array_count = job->array_count;
    data->array_step = job->array_step;
    data->array_limit = job->array_limit;
    data->flags = (uint8_t)((job->hold ? JOB_HELD | JOB_SUBMITTED_HELD : 0) | (job->requeue ? JOB_REQUEUE : 0));
    data->commitment_length = (uint8_t)job->commitment_length;
    data->dep_count = (uint8_t)job->dep_count;
    memcpy(data->commitment, job->commitment, sizeof data->commitment);
    return DURE_OK;
}

void job_unpack(const struct dure_core *core, const struct job *job, struct dure_job *ret_job)
{
    const struct job_data *d = &job->d;
    const struct request *ask = job_ask(core, job);
    *ret_job =
        (struct dure_job){.tenant = {ask->tenant},
                          .principal = {d->principal},
                          .job_class = ask->job_class,
                          .tasks = ask->tasks,
                          .task_gpus = ask->task_gpus,
                          .task_gpu_milli = ask->task_gpu_milli,
                          .gpu_memory_mib = ask->gpu_memory_mib,
                          .task_cpu_milli = ask->task_cpu_milli,
                          .task_memory_mib = ask->task_memory_mib,
                          .model_mask = ask->model_mask,
                          .tasks_per_node = ask->tasks_per_node,
                          .level = ask->level ? core->fleet->level_names[ask->level - 1] : "",
                          .level_required = ask->level_required,
                          .spread_level = ask->spread_level ? core->fleet->level_names[ask->spread_level - 1] : "",
                          .spread_max = ask->spread_max,
                          .include = lists_include(core, ask->lists),
                          .exclude = lists_exclude(core, ask->lists),
                          .model_order = ask->model_order,
                          .data_mask = ask->data_mask,
                          .container = ask->container,
                          .mig = ask->mig ? core->fleet->migs[ask->mig - 1].name : "",
                          .walltime_us = ask->walltime_us,
                          .grace_us = ask->grace_us,
                          .begin_us = d->begin_us,
                          .emulated_us = d->emulated_us,
                          .deadline_us = d->deadline_us,
                          .checkpoint_us = ask->checkpoint_us,
                          .priority = ask->priority,
                          .requeue = d->flags & JOB_REQUEUE,
                          .hold = d->flags & JOB_SUBMITTED_HELD,
                          .array_first = d->array_first,
                          .array_count = d->array_count,
                          .array_step = d->array_step,
                          .array_limit = d->array_limit,
                          .commitment_length = d->commitment_length};
    memcpy(ret_job->commitment, d->commitment, sizeof ret_job->commitment);
    for (uint32_t at = job->deps; at != NONE; at = dep_at(core, at)->next) {
        const struct dep *dep = dep_at(core, at);
        ret_job->deps[ret_job->dep_count++] = (struct dure_dep){{dep->job}, dep->kind};
    }
}
