/* The policies that FGD was compared with, by the formulas of its authors' simulator: whole numbers 0..100, worked out exactly. Per-node maxima are 128 CPUs and 8 GPUs. */
#include "sim/policy/place.h"

enum { CPU_MOST = 128000, GPU_MOST = 8000 };

static struct dure_score plain(int64_t value, const struct dure_field_state *state, const struct dure_score_task *task)
{
    uint32_t gpu = 0;
    if (task->gpus == 1)
        gpu = dure_score_tightest(&state->node, task->gpu_milli);
    return (struct dure_score){.value = value, .gpu = gpu};
}

static int64_t gpu_milli_of(const struct dure_score_task *task)
{
    return (int64_t)task->gpus * task->gpu_milli;
}

static struct dure_score score_random(struct dure_placer *placer, const struct dure_field_state *state,
                                      const struct dure_score_task *task)
{
    (void)placer;
    return plain(0, state, task);
}

/* int(100 (1 - (cpu left/most · cpu asked/most + GPU left/most · GPU asked/most) / 2)) */
static struct dure_score score_dotprod(struct dure_placer *placer, const struct dure_field_state *state,
                                       const struct dure_score_task *task)
{
    const int64_t ratio = (int64_t)(CPU_MOST / GPU_MOST) * (CPU_MOST / GPU_MOST);
    const int64_t whole = (int64_t)2 * CPU_MOST * CPU_MOST;
    const int64_t dot = state->node.cpu_milli * task->cpu_milli + ratio * state->gpu_left * gpu_milli_of(task);
    (void)placer;
    return plain(100 * (whole - dot) / whole, state, task);
}

/* int(100 (1 - (cpu left after/most + GPU left after/most) / 2)); the min-max over the nodes that follows there keeps the order, and its best. */
static struct dure_score score_bestfit(struct dure_placer *placer, const struct dure_field_state *state,
                                       const struct dure_score_task *task)
{
    const int64_t whole = (int64_t)2 * CPU_MOST;
    const int64_t after =
        state->node.cpu_milli - task->cpu_milli + (CPU_MOST / GPU_MOST) * (state->gpu_left - gpu_milli_of(task));
    (void)placer;
    return plain(100 * (whole - after) / whole, state, task);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct dure_score score_packing(struct dure_placer *placer, const struct dure_field_state *state,
                                       const struct dure_score_task *task)
{
    const struct dure_score_node *node = &state->node;
    uint32_t free = 0;
    (void)placer;
    if (task->gpus == 0)
        return plain(0, state, task);
    for (uint32_t g = 0; g < node->gpus; g++)
        free += node->gpu_milli[g] == 1000;
    if (free == node->gpus)
        return plain(larger(33 - (int64_t)node->gpus, node->gpus), state, task);
    const uint32_t tightest = dure_score_tightest(node, task->gpu_milli);
    const bool opens = task->gpus > 1 || node->gpu_milli[tightest] == 1000;
    if (opens)
        return plain(larger(50 - (int64_t)task->gpus, 33), state, task);
    return plain(larger(100 - (int64_t)node->gpu_milli[tightest] * 100 / 1000 / 10, 50), state, task);
}

static struct dure_score score_clustering(struct dure_placer *placer, const struct dure_field_state *state,
                                          const struct dure_score_task *task)
{
    (void)placer;
    if (task->gpus == 0)
        return plain(0, state, task);
    const int64_t used = 25 * (GPU_MOST - state->gpu_left) / GPU_MOST;
    const unsigned mine = 1u << dure_field_kind(task);
    const int64_t base = state->kinds == mine ? 75 : state->kinds & mine ? 50 : state->kinds == 0 ? 25 : 0;
    return plain(base + used, state, task);
}

const struct dure_place_policy dure_place_random = {.name = "Random", .by_chance = true, .score = score_random};
const struct dure_place_policy dure_place_dotprod = {.name = "DotProd", .score = score_dotprod};
const struct dure_place_policy dure_place_clustering = {
    .name = "GpuClustering", .keeps_kinds = true, .score = score_clustering};
const struct dure_place_policy dure_place_packing = {.name = "GpuPacking", .score = score_packing};
const struct dure_place_policy dure_place_bestfit = {.name = "BestFit", .score = score_bestfit};
