/* Reading a Job. What a decision depends on goes into struct dure_job; what a person wrote beside it into the body (job_body.c). */
#include "model/job.h"
#include "base/timefmt.h"
#include "model/job_build.h"
#include "model/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_MIB_MAX = 1 << 30, NODE_CPUS_MAX = 65536, JOB_ARENA_MAX = 16 * 1024 * 1024 };

static const char *const job_fields[] = {
    "kind",    "version",  "name",     "project", "class",          "tasks",   "gpus",     "gpu_memory",
    "models",  "model",    "cpus",     "memory",  "tasks_per_node", "level",   "walltime", "grace",
    "begin",   "runs_for", "priority", "requeue", "hold",           "array",   "after",    "command",
    "script",  "env",      "workdir",  "stdout",  "stderr",         "comment", "spread",   "nodes",
    "exclude", "mig",      "deadline", "data",    "checkpoint",     "image",   NULL};

/* What people bring from other schedulers. */
static const char *const job_hints[] = {"ntasks",     "tasks",
                                        "time",       "walltime",
                                        "timeout",    "walltime",
                                        "account",    "project",
                                        "tenant",     "project",
                                        "queue",      "project: there are no queues",
                                        "partition",  "project and model: there are no partitions",
                                        "qos",        "class: guaranteed or borrowed",
                                        "dependency", "after: [{job: 12, if: ok}]",
                                        "container",  "image",
                                        NULL};

static void read_project(struct dure_read *read, const struct dure_tree *root, const struct dure_tenants *tenants,
                         struct dure_job *job)
{
    const char *path = NULL;
    const struct dure_tree *field = dure_read_text(read, root, "project", DURE_OPTIONAL, 1024, &path);
    if (field && tenants && !dure_tenants_find(tenants, path, &job->tenant))
        dure_problem_add(read->problems, field, NULL, "the path of a tenant (`dure tenants` lists them), such as government/llm/team-a");
}

static void read_gpus(struct dure_read *read, const struct dure_tree *root, struct dure_job *job)
{
    static const char expected[] = "a whole number of GPUs from 1 to 64 for each task, or a fraction such as 0.5";
    const struct dure_tree *field = dure_tree_get(root, "gpus");
    uint64_t milli;
    if (!field)
        return;
    if (field->kind != DURE_TREE_SCALAR || !dure_units_decimal(field->text, 3, DURE_NODE_GPUS_MAX * 1000, &milli) ||
        (milli > 1000 && milli % 1000 != 0)) {
        dure_problem_add(read->problems, field, NULL, "%s", expected);
        return;
    }
    if (milli == 0) {
        dure_problem_add(read->problems, field, NULL,
                         "at least one GPU, or a fraction such as 0.5: work without a GPU has no place in a GPU fleet; "
                         "run it where it is submitted");
        return;
    }
    job->task_gpus = milli < 1000 ? 1 : (uint32_t)(milli / 1000);
    job->task_gpu_milli = milli < 1000 ? (uint32_t)milli : 1000;
}

static void add_model(struct dure_read *read, const struct dure_tree *entry, const struct dure_fleet *fleet,
                      struct dure_job *job)
{
    struct dure_gpu_model_id model;
    const char *name = dure_read_scalar(read, entry, DURE_NAME_MAX, "the name of a GPU model");
    if (!name || !fleet)
        return;
    if (!dure_fleet_model_find(fleet, name, &model)) {
        dure_problem_add(read->problems, entry, NULL, "a GPU model of the fleet");
        return;
    }
    if (job->model_mask >> model.v & 1) {
        dure_problem_add(read->problems, entry, NULL, "each model once");
        return;
    }
    const unsigned before = (unsigned)__builtin_popcountll(job->model_mask);
    job->model_mask |= UINT64_C(1) << model.v;
    if (before < DURE_MODEL_ORDER_MAX)
        job->model_order |= (uint64_t)(model.v + 1) << (8 * before);
}

static void read_models(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                        struct dure_job *job)
{
    const struct dure_tree *one = dure_tree_get(root, "model");
    const struct dure_tree *list = dure_read_list(read, root, "models", DURE_OPTIONAL, DURE_GPU_MODELS_MAX);
    if (one && list)
        dure_problem_key(read->problems, list, "models beside model", "one of them");
    if (one)
        add_model(read, one, fleet, job);
    if (list && list->count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one GPU model");
    for (const struct dure_tree *entry = list && !one ? list->first : NULL; entry; entry = entry->next)
        add_model(read, entry, fleet, job);
    if ((job->model_mask & (job->model_mask - 1)) == 0)
        job->model_order = 0; /* one model is no order */
}

static void read_cpus(struct dure_read *read, const struct dure_tree *root, struct dure_job *job)
{
    const struct dure_tree *field = dure_tree_get(root, "cpus");
    uint64_t milli;
    if (!field)
        return;
    if (field->kind != DURE_TREE_SCALAR ||
        !dure_units_decimal(field->text, 3, (uint64_t)NODE_CPUS_MAX * 1000, &milli) || milli == 0)
        dure_problem_add(read->problems, field, NULL, "CPUs for each task, such as 14 or 0.5, at most %d",
                         NODE_CPUS_MAX);
    else
        job->task_cpu_milli = (uint32_t)milli;
}

static void read_shape(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                       struct dure_job *job)
{
    dure_read_uint(read, root, "tasks", DURE_OPTIONAL, 1, DURE_JOB_TASKS_MAX, &job->tasks);
    read_gpus(read, root, job);
    dure_read_memory(read, root, "gpu_memory", DURE_OPTIONAL, 16 * 1024 * 1024, &job->gpu_memory_mib);
    read_models(read, root, fleet, job);
    read_cpus(read, root, job);
    dure_read_memory(read, root, "memory", DURE_OPTIONAL, NODE_MIB_MAX, &job->task_memory_mib);
    const struct dure_tree *per_node =
        dure_read_uint(read, root, "tasks_per_node", DURE_OPTIONAL, 1, DURE_JOB_TASKS_MAX, &job->tasks_per_node);
    if (!per_node)
        return;
    uint64_t node_milli = (uint64_t)job->tasks_per_node * job->task_gpus * job->task_gpu_milli;
    if (node_milli > DURE_NODE_GPUS_MAX * 1000)
        dure_problem_add(read->problems, per_node, NULL, "tasks whose GPUs fit one node (at most %d GPUs)",
                         DURE_NODE_GPUS_MAX);
    else if (job->tasks % job->tasks_per_node != 0)
        dure_problem_add(read->problems, per_node, NULL, "a number that divides the %u task%s", job->tasks,
                         job->tasks == 1 ? "" : "s");
}

static void read_when(struct dure_read *read, const struct dure_tree *root, struct dure_job *job)
{
    int64_t priority = 0;
    dure_read_duration(read, root, "walltime", DURE_OPTIONAL, DURE_SECOND_US, DURE_WALLTIME_MAX_US, &job->walltime_us);
    dure_read_duration(read, root, "grace", DURE_OPTIONAL, 0, DURE_GRACE_MAX_US, &job->grace_us);
    dure_read_duration(read, root, "checkpoint", DURE_OPTIONAL, DURE_SECOND_US, DURE_WALLTIME_MAX_US,
                       &job->checkpoint_us);
    dure_read_duration(read, root, "runs_for", DURE_OPTIONAL, 1000, DURE_WALLTIME_MAX_US, &job->emulated_us);
    dure_read_time(read, root, "begin", &job->begin_us);
    const struct dure_tree *deadline = dure_read_time(read, root, "deadline", &job->deadline_us);
    if (deadline && job->deadline_us <= 0)
        dure_problem_add(read->problems, deadline, NULL, "a time after 1970");
    dure_read_int(read, root, "priority", DURE_OPTIONAL, -DURE_PRIORITY_MAX, DURE_PRIORITY_MAX, &priority);
    job->priority = (int32_t)priority;
    dure_read_bool(read, root, "requeue", &job->requeue);
    dure_read_bool(read, root, "hold", &job->hold);
}

static void read_array(struct dure_read *read, const struct dure_tree *root, struct dure_job *job)
{
    const struct dure_tree *field = dure_tree_get(root, "array");
    if (field && (field->kind != DURE_TREE_SCALAR || !dure_job_array_parse(field->text, job)))
        dure_problem_add(
            read->problems, field, NULL,
            "numbers with the same step between all, upwards, such as 0-99, 0-99:2, 1,3,5 or 0-99%%10: at most 1,000,000 of them, below 1,000,000,000");
}

/* The names of datasets: what they mean only the daemon knows (dure_job_read_data). */
static void read_data(struct dure_read *read, const struct dure_tree *root)
{
    const struct dure_tree *list = dure_read_list(read, root, "data", DURE_OPTIONAL, 64);
    if (list && list->count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one dataset, or no list");
    for (const struct dure_tree *entry = list ? list->first : NULL; entry; entry = entry->next) {
        const char *name = dure_read_scalar(read, entry, DURE_NAME_MAX, "the name of a dataset");
        if (name && !dure_name_valid(name))
            dure_problem_add(read->problems, entry, NULL, "the name of a dataset");
    }
}

void dure_job_read_changed(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                           struct dure_job *job)
{
    static const char *const classes[] = {"guaranteed", "borrowed", NULL};
    unsigned job_class = DURE_GUARANTEED;
    dure_read_choice(read, root, "class", DURE_OPTIONAL, classes, &job_class);
    job->job_class = (enum dure_job_class)job_class;
    read_shape(read, root, fleet, job);
    dure_job_read_level(read, root, fleet, job);
    read_when(read, root, job);
}

/* The job points to its lists of nodes: they live as long as its body. */
static void read_where(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                       struct dure_job *job, struct dure_body *body)
{
    struct dure_node_run runs[DURE_JOB_RUNS_MAX];
    const uint32_t count = dure_job_read_where(read, root, fleet, job, runs);
    struct dure_node_run *kept = count ? malloc(count * sizeof *kept) : NULL;
    if (!kept) {
        read->no_memory |= count > 0;
        return;
    }
    memcpy(kept, runs, count * sizeof *kept);
    body->kept = kept;
    job->include.at = kept;
    job->exclude.at = kept + job->include.count;
}

static void read_job(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                     const struct dure_tenants *tenants, struct dure_job *job, struct dure_body *body)
{
    if (!dure_read_map_hints(read, root, job_fields, job_hints))
        return;
    dure_read_kind(read, root, "Job");
    read_project(read, root, tenants, job);
    dure_job_read_changed(read, root, fleet, job);
    read_where(read, root, fleet, job, body);
    read_array(read, root, job);
    dure_job_read_after(read, root, job);
    read_data(read, root);
    dure_job_read_body(read, root, body);
    job->container = body->field[DURE_BODY_IMAGE].present;
}

enum dure_err dure_job_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                             const struct dure_tenants *tenants, struct dure_job *ret_job, struct dure_body **ret_body,
                             struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(JOB_ARENA_MAX);
    struct dure_body *body = dure_body_new();
    if (!arena || !body) {
        dure_arena_free(arena);
        dure_body_free(body);
        return DURE_E_MEMORY;
    }
    struct dure_job job = {.tenant = {DURE_NONE32},
                           .principal = {DURE_NONE32},
                           .tasks = 1,
                           .task_gpus = 1,
                           .task_gpu_milli = 1000,
                           .level = "",
                           .spread_level = "",
                           .mig = "",
                           .walltime_us = DURE_WALLTIME_DEFAULT_US,
                           .grace_us = DURE_GRACE_DEFAULT_US,
                           .begin_us = INT64_MIN,
                           .requeue = true};
    struct dure_read read;
    dure_read_begin(&read, arena, problems);
    read.zone = fleet ? fleet->zone : NULL;
    read_job(&read, tree, fleet, tenants, &job, body);
    enum dure_err err = dure_read_end(&read);
    dure_arena_free(arena);
    if (err) {
        dure_body_free(body);
        return err;
    }
    *ret_job = job;
    *ret_body = body;
    return DURE_OK;
}
