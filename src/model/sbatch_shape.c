/* sbatch's nodes, tasks and GPUs → dure's tasks, GPUs for each task, tasks on each node. In Slurm the GPUs of a node are shared by its tasks;
 * here each task has its own, so they must divide. */
#include "model/sbatch_build.h"
#include "model/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    uint32_t nodes, tasks, tasks_per_node; /* 0: not given */
    uint32_t gpus, gpus_per_node, gpus_per_task;
    bool gpus_given;
    const char *model;
    enum dure_sbatch_id model_from;
};

static bool count_of(const char *text, uint32_t max, uint32_t *ret_count)
{
    uint64_t value;
    if (strchr(text, '.') || !dure_units_decimal(text, 0, max, &value))
        return false;
    *ret_count = (uint32_t)value;
    return true;
}

static void read_count(struct dure_sbatch *s, enum dure_sbatch_id id, uint32_t *count)
{
    const char *text = s->option[id].text;
    if (text && (!count_of(text, DURE_JOB_TASKS_MAX, count) || *count == 0))
        dure_sbatch_refuse(s, id, "a number from 1 to 131072");
}

static void read_nodes(struct dure_sbatch *s, struct shape *shape)
{
    char text[64];
    const char *given = s->option[DURE_SB_NODES].text;
    if (!given)
        return;
    snprintf(text, sizeof text, "%s", given);
    char *dash = strchr(text, '-');
    if (dash) {
        *dash = '\0';
        if (strcmp(text, dash + 1) != 0) {
            dure_sbatch_refuse(s, DURE_SB_NODES, "one number of nodes, not a range");
            return;
        }
    }
    if (!count_of(text, DURE_JOB_TASKS_MAX, &shape->nodes) || shape->nodes == 0)
        dure_sbatch_refuse(s, DURE_SB_NODES, "a number from 1 to 131072");
}

/* "8", "b200:8"; for --gres also "gpu", "gpu:8", "gpu:b200:8". */
static void read_gpus(struct dure_sbatch *s, enum dure_sbatch_id id, struct shape *shape, uint32_t *count)
{
    const char *text = s->option[id].text;
    if (!text)
        return;
    const char *expected = id == DURE_SB_GRES ? "gpu:COUNT or gpu:MODEL:COUNT" : "COUNT or MODEL:COUNT";
    const char *rest = text;
    if (id == DURE_SB_GRES) {
        if (strncmp(text, "gpu", 3) != 0 || (text[3] && text[3] != ':')) {
            dure_sbatch_refuse(s, id, expected);
            return;
        }
        rest = text[3] ? text + 4 : "1";
    }
    const char *colon = strchr(rest, ':');
    uint32_t number;
    if (!count_of(colon ? colon + 1 : rest, DURE_JOB_TASKS_MAX * DURE_NODE_GPUS_MAX, &number) || colon == rest) {
        dure_sbatch_refuse(s, id, expected);
        return;
    }
    if (number == 0) {
        dure_sbatch_refuse(
            s, id, "at least one GPU: work without a GPU has no place in a GPU fleet; run it where it is submitted");
        return;
    }
    *count = number;
    shape->gpus_given = true;
    if (!colon)
        return;
    const char *model = dure_arena_strndup(s->arena, rest, (size_t)(colon - rest));
    s->no_memory |= !model;
    if (model && shape->model && strcmp(shape->model, model) != 0)
        dure_sbatch_refuse(s, id, "the same GPU model in every option");
    shape->model = model;
    shape->model_from = id;
}

static void read_all_gpus(struct dure_sbatch *s, struct shape *shape)
{
    uint32_t gres = 0;
    read_gpus(s, DURE_SB_GPUS, shape, &shape->gpus);
    read_gpus(s, DURE_SB_GPUS_PER_NODE, shape, &shape->gpus_per_node);
    read_gpus(s, DURE_SB_GPUS_PER_TASK, shape, &shape->gpus_per_task);
    read_gpus(s, DURE_SB_GRES, shape, &gres);
    if (gres && shape->gpus_per_node && gres != shape->gpus_per_node)
        dure_sbatch_refuse(s, DURE_SB_GRES, "the same count as --gpus-per-node");
    if (gres)
        shape->gpus_per_node = gres;
}

/* Tasks and their spread over nodes. False: a problem was added. */
static bool spread(struct dure_sbatch *s, struct shape *shape)
{
    if (shape->tasks == 0) {
        uint64_t tasks =
            (uint64_t)(shape->nodes ? shape->nodes : 1) * (shape->tasks_per_node ? shape->tasks_per_node : 1);
        /* --gpus with --gpus-per-task says how many tasks there are. */
        if (shape->gpus && shape->gpus_per_task && !shape->nodes && !shape->tasks_per_node)
            tasks = shape->gpus / shape->gpus_per_task;
        if (tasks == 0 || tasks > DURE_JOB_TASKS_MAX) {
            dure_sbatch_refuse(s, shape->nodes ? DURE_SB_NODES : DURE_SB_GPUS, "between 1 and 131072 tasks in all");
            return false;
        }
        shape->tasks = (uint32_t)tasks;
    }
    if (shape->nodes && shape->tasks % shape->nodes != 0) {
        dure_sbatch_refuse(s, s->option[DURE_SB_NTASKS].text ? DURE_SB_NTASKS : DURE_SB_NODES,
                           "tasks that divide evenly over the nodes");
        return false;
    }
    if (shape->nodes && shape->tasks_per_node && shape->tasks / shape->nodes != shape->tasks_per_node) {
        dure_sbatch_refuse(s, DURE_SB_NTASKS_PER_NODE, "the number of tasks divided by the number of nodes");
        return false;
    }
    if (shape->nodes)
        shape->tasks_per_node = shape->tasks / shape->nodes;
    if (!shape->tasks_per_node && shape->gpus_per_node)
        shape->tasks_per_node = shape->tasks; /* one node */
    return true;
}

/* Every way of giving GPUs, brought to GPUs for each task; they must agree. */
static bool share_gpus(struct dure_sbatch *s, struct shape *shape, uint32_t *ret_per_task)
{
    uint32_t per_task = shape->gpus_per_task;
    enum dure_sbatch_id node_id = s->option[DURE_SB_GPUS_PER_NODE].text ? DURE_SB_GPUS_PER_NODE : DURE_SB_GRES;
    if (shape->gpus_per_node) {
        if (shape->gpus_per_node % shape->tasks_per_node != 0) {
            char expected[128];
            snprintf(expected, sizeof expected, "a multiple of the %u tasks on a node: each task has GPUs of its own",
                     shape->tasks_per_node);
            dure_sbatch_refuse(s, node_id, expected);
            return false;
        }
        uint32_t share = shape->gpus_per_node / shape->tasks_per_node;
        if (per_task && per_task != share) {
            dure_sbatch_refuse(s, DURE_SB_GPUS_PER_TASK, "what the node's GPUs divided by its tasks give");
            return false;
        }
        per_task = share;
    }
    if (shape->gpus) {
        if (shape->gpus % shape->tasks != 0 || (per_task && per_task != shape->gpus / shape->tasks)) {
            char expected[128];
            snprintf(expected, sizeof expected, "%s%u task%s: each task has GPUs of its own",
                     per_task ? "what the other options give for " : "a multiple of the ", shape->tasks,
                     shape->tasks == 1 ? "" : "s");
            dure_sbatch_refuse(s, DURE_SB_GPUS, expected);
            return false;
        }
        per_task = shape->gpus / shape->tasks;
    }
    *ret_per_task = per_task;
    return true;
}

/* --mem is for a node; a task gets its part of it. */
static void map_memory(struct dure_sbatch *s, struct dure_tree *root, const struct shape *shape)
{
    const char *text = s->option[DURE_SB_MEM].text;
    uint64_t mib;
    char memory[40];
    if (!text)
        return;
    if (!dure_units_memory_slurm(text, &mib)) {
        dure_sbatch_refuse(s, DURE_SB_MEM, "memory such as 4096 (MiB), 64G or 2T");
        return;
    }
    if (mib == 0) {
        dure_buf_str(s->ignored, "--mem=0: a task gets its GPUs' share of the node's memory, not all of it\n");
        return;
    }
    uint32_t tasks = shape->tasks_per_node ? shape->tasks_per_node : shape->tasks;
    if (tasks > 1 && !shape->tasks_per_node) {
        dure_sbatch_refuse(s, DURE_SB_MEM,
                           "--nodes or --ntasks-per-node beside it: --mem is for a node, and there are several tasks");
        return;
    }
    snprintf(memory, sizeof memory, "%" PRIu64 "MiB", mib / tasks + (mib % tasks != 0));
    dure_sbatch_set(s, root, "memory", memory, true, &s->option[DURE_SB_MEM]);
}

static const struct dure_sbatch_text *first_given(const struct dure_sbatch *s, const enum dure_sbatch_id *ids)
{
    for (; *ids != DURE_SB_NONE; ids++)
        if (s->option[*ids].text)
            return &s->option[*ids];
    static const struct dure_sbatch_text nowhere;
    return &nowhere;
}

void dure_sbatch_map_shape(struct dure_sbatch *s, struct dure_tree *root)
{
    static const enum dure_sbatch_id tasks_from[] = {DURE_SB_NTASKS, DURE_SB_NTASKS_PER_NODE, DURE_SB_NODES,
                                                     DURE_SB_NONE};
    static const enum dure_sbatch_id gpus_from[] = {DURE_SB_GPUS_PER_TASK, DURE_SB_GPUS_PER_NODE, DURE_SB_GRES,
                                                    DURE_SB_GPUS, DURE_SB_NONE};
    struct shape shape = {0};
    uint32_t before = s->problems->total, per_task = 0;
    char number[24];
    read_nodes(s, &shape);
    read_count(s, DURE_SB_NTASKS, &shape.tasks);
    read_count(s, DURE_SB_NTASKS_PER_NODE, &shape.tasks_per_node);
    read_all_gpus(s, &shape);
    if (s->problems->total != before || !spread(s, &shape) || !share_gpus(s, &shape, &per_task))
        return;
    snprintf(number, sizeof number, "%u", shape.tasks);
    dure_sbatch_set(s, root, "tasks", number, false, first_given(s, tasks_from));
    if (shape.tasks_per_node) {
        snprintf(number, sizeof number, "%u", shape.tasks_per_node);
        dure_sbatch_set(s, root, "tasks_per_node", number, false, first_given(s, tasks_from));
    }
    if (shape.gpus_given) {
        snprintf(number, sizeof number, "%u", per_task);
        dure_sbatch_set(s, root, "gpus", number, false, first_given(s, gpus_from));
    }
    if (shape.model)
        dure_sbatch_set(s, root, "model", shape.model, true, &s->option[shape.model_from]);
    if (s->option[DURE_SB_CPUS_PER_TASK].text)
        dure_sbatch_set(s, root, "cpus", s->option[DURE_SB_CPUS_PER_TASK].text, false,
                        &s->option[DURE_SB_CPUS_PER_TASK]);
    map_memory(s, root, &shape);
}
