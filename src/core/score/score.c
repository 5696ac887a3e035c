#include "core/score/score.h"

#include <string.h>

/* E[(Z - z)+] in millionths at z = 0, 1/16, ... 5; between them by straight lines (at most 160 millionths off). */
static const int32_t excess[] = {
    398942, 368471, 339555, 312184, 286345, 262015, 239169, 217775, 197797, 179193, 161920, 145928, 131167, 117582,
    105116, 93714,  83315,  73862,  65295,  57556,  50587,  44331,  38734,  33743,  29307,  25377,  21906,  18852,
    16174,  13833,  11793,  10023,  8491,   7170,   6035,   5064,   4235,   3530,   2933,   2428,   2004,   1649,
    1352,   1104,   899,    730,    590,    476,    382,    306,    244,    194,    154,    121,    95,     75,
    58,     46,     35,     27,     21,     16,     12,     9,      7,      5,      4,      3,      2,      2,
    1,      1,      1,      1,      0,      0,      0,      0,      0,      0,      0,
};
enum { STEP_64TH = 4, STEPS = sizeof excess / sizeof *excess - 1 };

int64_t dure_score_normal_excess(int64_t z_64th)
{
    const int64_t size = z_64th < 0 ? -z_64th : z_64th;
    int64_t value = 0;
    if (size < STEPS * STEP_64TH) {
        const int64_t at = size / STEP_64TH, rest = size % STEP_64TH;
        value = excess[at] + (excess[at + 1] - excess[at]) * rest / STEP_64TH;
    }
    return z_64th < 0 ? value + size * 1000000 / 64 : value; /* E[(Z+z)+] = z + E[(Z-z)+] */
}

/* The whole root of a value under 2^26. */
static int64_t square_root(int64_t value)
{
    int64_t root = 0;
    for (int64_t bit = 1 << 12; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= value)
            root += bit;
    return root;
}

/* GPUs that are left without CPU once the rest of the node is at work, expected, in micro-GPU: work on R GPUs needs D = N(mean R, deviation^2 R) of CPU; what
 * it needs beyond the node's CPU strands its share of them. */
static int64_t stranded(const struct dure_score_prices *prices, int64_t gpu_milli, int64_t cpu_milli)
{
    if (gpu_milli == 0 || prices->cpu_mean_milli <= 0)
        return 0;
    const int64_t mean = prices->cpu_mean_milli * gpu_milli / 1000;
    const int64_t deviation = prices->cpu_deviation_milli * square_root(gpu_milli * 1000) / 1000;
    int64_t beyond; /* milli-CPU */
    if (deviation == 0)
        beyond = mean > cpu_milli ? mean - cpu_milli : 0;
    else
        beyond = deviation * dure_score_normal_excess((cpu_milli - mean) * 64 / deviation) / 1000000;
    const int64_t gpus = beyond * 1000000 / prices->cpu_mean_milli;
    return gpus < gpu_milli * 1000 ? gpus : gpu_milli * 1000;
}

int64_t dure_score_worth(const struct dure_score_table *table, const struct dure_score_node *node)
{
    const struct dure_score_prices *prices = table->prices;
    int64_t worth = 0, left = 0;
    uint32_t whole = 0, tier = 0;
    while (tier + 1 < DURE_SCORE_TIERS && prices->tier_cpu_milli[tier + 1] <= node->cpu_milli)
        tier++;
    for (uint32_t g = 0; g < node->gpus; g++) {
        left += node->gpu_milli[g];
        if (node->gpu_milli[g] == 1000)
            whole++;
        else
            worth += prices->hole_ugpu[tier][node->gpu_milli[g] / DURE_HOLE_MILLI];
    }
    worth += prices->block_ugpu[tier][whole];
    if (left > 0 && prices->cpu_weight_permille > 0)
        worth -= stranded(prices, left, node->cpu_milli) * prices->cpu_weight_permille / 1000;
    if (left > 0 && prices->frag_weight_permille > 0) {
        const int64_t weight = (int64_t)dure_score_frag_weight(table->frag);
        if (weight > 0) /* milli-GPU to micro-GPU, and permille: they cancel out */
            worth -= dure_score_frag_of(table->frag, node) * prices->frag_weight_permille / weight;
    }
    return worth;
}

uint32_t dure_score_tightest(const struct dure_score_node *node, uint32_t gpu_milli)
{
    uint32_t best = DURE_SCORE_GPUS_MAX;
    for (uint32_t g = 0; g < node->gpus; g++)
        if (node->gpu_milli[g] >= gpu_milli &&
            (best == DURE_SCORE_GPUS_MAX || node->gpu_milli[g] < node->gpu_milli[best]))
            best = g;
    return best;
}

bool dure_score_fits(const struct dure_score_node *node, const struct dure_score_task *task)
{
    uint32_t fit = 0;
    if (node->cpu_milli < task->cpu_milli || node->memory_mib < task->memory_mib)
        return false;
    if (task->gpus == 0)
        return true;
    if (node->gpus < task->gpus || !(task->models >> node->model & 1))
        return false;
    for (uint32_t g = 0; g < node->gpus; g++)
        fit += node->gpu_milli[g] >= task->gpu_milli;
    return fit >= task->gpus;
}

void dure_score_take(struct dure_score_node *node, const struct dure_score_task *task, uint32_t gpu)
{
    uint32_t wanted = task->gpus;
    node->cpu_milli -= task->cpu_milli;
    node->memory_mib -= task->memory_mib;
    if (wanted == 1 && task->gpu_milli < 1000) {
        node->gpu_milli[gpu] = (uint16_t)(node->gpu_milli[gpu] - task->gpu_milli);
        return;
    }
    for (uint32_t g = 0; wanted > 0; g++) {
        if (node->gpu_milli[g] < 1000)
            continue;
        node->gpu_milli[g] = 0;
        wanted--;
    }
}

static int64_t price_of(const struct dure_score_table *table, const struct dure_score_node *node,
                        const struct dure_score_task *task)
{
    return (int64_t)table->prices->class_permille[node->class_index] * task->gpus * task->gpu_milli;
}

int64_t dure_score_loss(const struct dure_score_table *table, const struct dure_score_node *node, int64_t worth,
                        const struct dure_score_task *task, uint32_t *ret_gpu)
{
    struct dure_score_node after = *node;
    int64_t best = DURE_SCORE_NEVER;
    uint32_t best_gpu = 0;
    if (!dure_score_fits(node, task))
        return DURE_SCORE_NEVER;
    if (task->gpus != 1 || task->gpu_milli == 1000) {
        dure_score_take(&after, task, 0);
        best = worth - dure_score_worth(table, &after);
        best_gpu = task->gpus == 1 ? dure_score_tightest(node, 1000) : 0;
    } else {
        for (uint32_t g = 0; g < node->gpus; g++) {
            bool seen = node->gpu_milli[g] < task->gpu_milli;
            for (uint32_t h = 0; h < g && !seen; h++)
                seen = node->gpu_milli[h] == node->gpu_milli[g];
            if (seen)
                continue;
            after = *node;
            dure_score_take(&after, task, g);
            const int64_t loss = worth - dure_score_worth(table, &after);
            if (loss < best) {
                best = loss;
                best_gpu = g;
            }
        }
    }
    *ret_gpu = best_gpu;
    return best + price_of(table, node, task);
}
