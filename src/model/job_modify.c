/* What may be changed of a job after its submission: read from a map of the Job spec's fields, and taken over field by field. */
#include "base/timefmt.h"
#include "model/job_build.h"

#include <string.h>

enum { CHANGES_ARENA_MAX = 1024 * 1024 };

static const char *const change_fields[] = {
#define X(name, bit, field) field,
    DURE_CHANGES(X)
#undef X
        "model",
    NULL};

static const uint64_t change_bits[] = {
#define X(name, bit, field) DURE_CHANGE_##name,
    DURE_CHANGES(X)
#undef X
        DURE_CHANGE_MODELS,
};

static const char *const change_hints[] = {"name",      "a new job: names and comments stay as they were submitted",
                                           "comment",   "a new job: names and comments stay as they were submitted",
                                           "time",      "walltime",
                                           "timelimit", "walltime",
                                           "starttime", "begin",
                                           "nice",      "priority",
                                           "project",   "a new job: a job stays with its project",
                                           "after",     "a new job: dependencies stay as they were submitted",
                                           "array",     "array_limit",
                                           NULL};

struct dure_job dure_job_blank(void)
{
    return (struct dure_job){.tenant = {DURE_NONE32},
                             .principal = {DURE_NONE32},
                             .tasks = 1,
                             .task_gpus = 1,
                             .task_gpu_milli = 1000,
                             .level = "",
                             .spread_level = "",
                             .mig = "",
                             .begin_us = INT64_MIN,
                             .requeue = true};
}

/* Is this field taken away ("none")? The entry then leaves the map. */
static bool taken_away(struct dure_tree *root, const char *key, bool any_too)
{
    const struct dure_tree *entry = dure_tree_get(root, key);
    struct dure_tree **link = &root->first;
    if (!entry || entry->kind != DURE_TREE_SCALAR || !entry->text ||
        (strcmp(entry->text, "none") != 0 && !(any_too && strcmp(entry->text, "any") == 0)))
        return false;
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    root->count--;
    return true;
}

static uint64_t mask_of(const struct dure_tree *root)
{
    uint64_t mask = 0;
    for (unsigned i = 0; change_fields[i]; i++)
        if (dure_tree_get(root, change_fields[i]))
            mask |= change_bits[i];
    return mask;
}

static void clear_taken(struct dure_tree *root, struct dure_job *job)
{
    if (taken_away(root, "begin", false))
        job->begin_us = INT64_MIN;
    if (taken_away(root, "deadline", false))
        job->deadline_us = 0;
    if (taken_away(root, "level", true)) {
        job->level = "";
        job->level_required = false;
    }
    if (taken_away(root, "models", true) || taken_away(root, "model", true))
        job->model_mask = job->model_order = 0;
    if (dure_tree_get(root, "models") || dure_tree_get(root, "model"))
        job->model_mask = job->model_order = 0;
    if (taken_away(root, "spread", false)) {
        job->spread_level = "";
        job->spread_max = 0;
    }
    if (taken_away(root, "nodes", true))
        job->include.count = 0;
    if (taken_away(root, "exclude", false))
        job->exclude.count = 0;
    if (taken_away(root, "checkpoint", false))
        job->checkpoint_us = 0;
}

/* An instance of a GPU, or GPUs: one takes the place of the other. */
static void read_size(struct dure_read *read, struct dure_tree *root, struct dure_job *job)
{
    const struct dure_tree *gpus = dure_tree_get(root, "gpus");
    const bool had = *job->mig, none = taken_away(root, "mig", false);
    if (had && !none && !dure_tree_get(root, "mig") && gpus)
        dure_problem_add(read->problems, gpus, NULL, "mig: none beside it: the job asks for an instance of %s",
                         job->mig);
    if (none)
        job->mig = "";
    if ((had && none) || dure_tree_get(root, "mig")) {
        job->task_gpus = 1;
        job->task_gpu_milli = 1000;
    }
}

static void read_lists(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                       struct dure_arena *keep, struct dure_job *job)
{
    struct dure_node_run *runs = DURE_ARENA_NEW(keep, struct dure_node_run, DURE_JOB_RUNS_MAX);
    if (runs)
        (void)dure_job_read_where(read, root, fleet, job, runs);
    else
        read->no_memory = true;
}

static void read_changes(struct dure_read *read, struct dure_tree *root, const struct dure_fleet *fleet,
                         struct dure_arena *keep, struct dure_job *job, uint64_t *ret_mask)
{
    if (!dure_read_map_hints(read, root, change_fields, change_hints))
        return;
    *ret_mask = mask_of(root);
    if (!*ret_mask)
        dure_problem_add(read->problems, root, "nothing to change", "at least one field, such as priority or walltime");
    clear_taken(root, job);
    read_size(read, root, job);
    dure_job_read_changed(read, root, fleet, job);
    read_lists(read, root, fleet, keep, job);
    const struct dure_tree *limit =
        dure_read_uint(read, root, "array_limit", DURE_OPTIONAL, 0, DURE_ARRAY_MAX, &job->array_limit);
    if (limit && !job->array_count)
        dure_problem_add(read->problems, limit, NULL, "an array: this job is none");
}

enum dure_err dure_job_changes_parse(struct dure_tree *tree, const struct dure_fleet *fleet, struct dure_arena *keep,
                                     struct dure_job *job, uint64_t *ret_mask, struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(CHANGES_ARENA_MAX);
    struct dure_job changed = *job;
    struct dure_read read;
    uint64_t mask = 0;
    if (!arena)
        return DURE_E_MEMORY;
    dure_read_begin(&read, arena, problems);
    read.zone = fleet ? fleet->zone : NULL;
    read_changes(&read, tree, fleet, keep, &changed, &mask);
    const enum dure_err err = dure_read_end(&read);
    dure_arena_free(arena);
    if (err)
        return err;
    *job = changed;
    *ret_mask = mask;
    return DURE_OK;
}

void dure_job_change(struct dure_job *to, const struct dure_job *from, uint64_t mask)
{
#define TAKE(change, member)                                                                                           \
    if (mask & DURE_CHANGE_##change)                                                                                   \
        to->member = from->member;
    TAKE(PRIORITY, priority)
    TAKE(WALLTIME, walltime_us)
    TAKE(GRACE, grace_us)
    TAKE(BEGIN, begin_us)
    TAKE(DEADLINE, deadline_us)
    TAKE(REQUEUE, requeue)
    TAKE(HOLD, hold)
    TAKE(ARRAY_LIMIT, array_limit)
    TAKE(CLASS, job_class)
    TAKE(TASKS, tasks)
    TAKE(GPUS, task_gpus)
    TAKE(GPUS, task_gpu_milli)
    TAKE(GPU_MEMORY, gpu_memory_mib)
    TAKE(MODELS, model_mask)
    TAKE(MODELS, model_order)
    TAKE(CPUS, task_cpu_milli)
    TAKE(MEMORY, task_memory_mib)
    TAKE(TASKS_PER_NODE, tasks_per_node)
    TAKE(LEVEL, level)
    TAKE(LEVEL, level_required)
    TAKE(SPREAD, spread_level)
    TAKE(SPREAD, spread_max)
    TAKE(NODES, include)
    TAKE(EXCLUDE, exclude)
    TAKE(MIG, mig)
    TAKE(MIG, task_gpus)
    TAKE(MIG, task_gpu_milli)
    TAKE(CHECKPOINT, checkpoint_us)
#undef TAKE
}
