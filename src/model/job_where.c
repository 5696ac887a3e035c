/* The parts of a Job that say where it may stand: level, spread, lists of nodes, MIG profile. */
#include <stdio.h>
#include <string.h>

#include "model/job_build.h"

unsigned dure_job_model_rank(uint64_t model_order, struct dure_gpu_model_id model)
{
    unsigned rank = 0;
    for (; rank < DURE_MODEL_ORDER_MAX && model_order >> (8 * rank) & 0xff; rank++)
        if ((model_order >> (8 * rank) & 0xff) == model.v + 1)
            return rank;
    return rank;
}

static void read_level_name(struct dure_read *read, const struct dure_tree *field, const struct dure_fleet *fleet,
                            const char **level)
{
    const char *name = dure_read_scalar(read, field, DURE_NAME_MAX, "the name of a level");
    if (!name)
        return;
    if (!dure_name_valid(name)) {
        dure_problem_add(read->problems, field, NULL, "the name of a level");
        return;
    }
    if (!fleet) {
        *level = field->text;
        return;
    }
    for (uint32_t i = 0; i < fleet->level_name_count; i++)
        if (strcmp(fleet->level_names[i], name) == 0) {
            *level = fleet->level_names[i];
            return;
        }
    char names[512] = "";
    for (uint32_t i = 0; i < fleet->level_name_count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", fleet->level_names[i]);
    }
    dure_problem_add(read->problems, field, NULL, "a level of the fleet: %s", names);
}

void dure_job_read_level(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                         struct dure_job *job)
{
    static const char *const known[] = {"required", "preferred", NULL};
    const struct dure_tree *field = dure_tree_get(root, "level");
    if (!field)
        return;
    job->level_required = true;
    if (field->kind == DURE_TREE_SCALAR) {
        read_level_name(read, field, fleet, &job->level);
        return;
    }
    if (!dure_read_map(read, field, known))
        return;
    if (field->count != 1) {
        dure_problem_add(read->problems, field, NULL, "one of required and preferred");
        return;
    }
    job->level_required = strcmp(field->first->key, "required") == 0;
    read_level_name(read, field->first, fleet, &job->level);
}

static void read_spread(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                        struct dure_job *job)
{
    static const char *const known[] = {"level", "max", NULL};
    const struct dure_tree *field = dure_tree_get(root, "spread");
    if (!field || !dure_read_map(read, field, known))
        return;
    const struct dure_tree *level = dure_tree_get(field, "level");
    if (!level)
        dure_problem_missing(read->problems, field, "level", "the name of a level, such as node or rack");
    else
        read_level_name(read, level, fleet, &job->spread_level);
    const struct dure_tree *max =
        dure_read_uint(read, field, "max", DURE_REQUIRED, 1, DURE_SPREAD_MAX, &job->spread_max);
    if (level && strcmp(job->spread_level, "gpu") == 0)
        dure_problem_add(read->problems, level, NULL, "node or a level above it");
    if (max && level && strcmp(job->spread_level, "node") == 0 && job->tasks_per_node > job->spread_max)
        dure_problem_add(read->problems, max, NULL, "at least the %u tasks_per_node", job->tasks_per_node);
}

static uint32_t read_nodes(struct dure_read *read, const struct dure_tree *root, const char *key,
                           const struct dure_fleet *fleet, struct dure_node_run *runs)
{
    const struct dure_tree *field = dure_tree_get(root, key);
    uint32_t count = 0;
    if (!field)
        return 0;
    const bool one = field->kind == DURE_TREE_SCALAR;
    int64_t number;
    if (one && dure_tree_is_int(field, &number)) {
        dure_problem_add(read->problems, field, NULL, "names of nodes; for a number of them, tasks and tasks_per_node");
        return 0;
    }
    const struct dure_tree *list = one ? field : dure_read_list(read, root, key, DURE_OPTIONAL, DURE_NODE_RUNS_MAX);
    if (list && !one && !list->count)
        dure_problem_add(read->problems, list, "an empty list", "at least one node");
    for (const struct dure_tree *entry = !list ? NULL
                                         : one ? field
                                               : list->first;
         entry; entry = one ? NULL : entry->next) {
        const char *text = dure_read_scalar(read, entry, 16384, "node names such as n7 or pt-b200-[0001-0004,0007]");
        const char *wanted = text ? dure_node_runs_parse(text, fleet, runs, DURE_NODE_RUNS_MAX, &count) : NULL;
        if (wanted)
            dure_problem_add(read->problems, entry, NULL, "%s", wanted);
    }
    return dure_node_runs_tidy(runs, count);
}

static uint32_t read_lists(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                           struct dure_job *job, struct dure_node_run *runs)
{
    const struct dure_tree *nodes = dure_tree_get(root, "nodes"), *exclude = dure_tree_get(root, "exclude");
    uint32_t count = 0;
    if (nodes) {
        job->include = (struct dure_node_runs){runs, read_nodes(read, root, "nodes", fleet, runs)};
        count = job->include.count;
    }
    if (exclude) {
        job->exclude = (struct dure_node_runs){runs + count, read_nodes(read, root, "exclude", fleet, runs + count)};
        count += job->exclude.count;
    }
    struct dure_node_run left[DURE_JOB_RUNS_MAX];
    if ((nodes || exclude) && job->include.count && !dure_node_runs_minus(job->include, job->exclude, left))
        dure_problem_add(read->problems, exclude ? exclude : nodes, NULL,
                         "at least one node that is left of those under nodes");
    return count;
}

static void read_mig(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                     struct dure_job *job)
{
    const char *name = NULL;
    const struct dure_tree *field = dure_read_name(read, root, "mig", DURE_OPTIONAL, &name);
    if (!field)
        return;
    uint32_t profile;
    job->mig = field->text;
    if (dure_tree_get(root, "gpus"))
        dure_problem_add(read->problems, dure_tree_get(root, "gpus"), NULL,
                         "no gpus beside mig: a task gets one instance of the profile");
    if (dure_tree_get(root, "tasks_per_node"))
        dure_problem_add(read->problems, dure_tree_get(root, "tasks_per_node"), NULL,
                         "no tasks_per_node beside mig; spread: {level: node, max: 2} says how many at most");
    if (!fleet)
        return;
    if (dure_fleet_mig_find(fleet, name, &profile)) {
        job->mig = fleet->migs[profile].name;
        return;
    }
    if (!fleet->mig_count) {
        dure_problem_add(read->problems, field, NULL, "no mig: no GPU model of the fleet declares profiles");
        return;
    }
    struct dure_buf names;
    dure_buf_init(&names, 200);
    for (uint32_t i = 0; i < fleet->mig_count && !names.failed; i++)
        dure_buf_printf(&names, "%s%s", i ? ", " : "", fleet->migs[i].name);
    dure_problem_add(read->problems, field, NULL, "a MIG profile of the fleet: %s", names.data ? names.data : "");
    dure_buf_release(&names);
}

uint32_t dure_job_read_where(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                             struct dure_job *job, struct dure_node_run *runs)
{
    read_spread(read, root, fleet, job);
    read_mig(read, root, fleet, job);
    return read_lists(read, root, fleet, job, runs);
}
