/* FGD's fragmentation as look-ups. A one-GPU shape that fits makes every GPU with enough left usable, so the sum over shapes is, for each GPU, what is
 * left of it times the weight of those that fit both the node's CPU and the GPU: one table by CPU and by milli-GPU. Likewise for whole GPUs by count. */
#include <stdlib.h>
#include <string.h>

#include "core/score/score.h"

enum { LEVELS = 1001 };

struct dure_score_frag {
    uint64_t weight;
    uint32_t cpu_count, milli_count;
    int64_t *cpus;          /* ascending: CPU asked for by some shape */
    uint16_t milli[LEVELS]; /* how many of the milli-GPU asked for by some one-GPU shape are at most this */
    uint32_t *one;          /* [model][cpus that fit 0..cpu_count][milli that fit 0..milli_count]: weight */
    uint32_t *many;         /* [model][cpus that fit][GPUs 0..GPUS_MAX]: weight of shapes of 2 to so many GPUs */
};

static int by_amount(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void find_cpus(struct dure_score_frag *frag, const struct dure_score_shape *shapes, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        frag->cpus[i] = shapes[i].task.cpu_milli;
    qsort(frag->cpus, count, sizeof *frag->cpus, by_amount);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || frag->cpus[i] != frag->cpus[kept - 1])
            frag->cpus[kept++] = frag->cpus[i];
    frag->cpu_count = kept;
}

static void find_milli(struct dure_score_frag *frag, const struct dure_score_shape *shapes, uint32_t count)
{
    bool asked[LEVELS] = {false};
    uint16_t met = 0;
    for (uint32_t i = 0; i < count; i++)
        if (shapes[i].task.gpus == 1)
            asked[shapes[i].task.gpu_milli] = true;
    for (uint32_t milli = 0; milli < LEVELS; milli++) {
        met = (uint16_t)(met + asked[milli]);
        frag->milli[milli] = met;
    }
    frag->milli_count = met;
}

/* How many of the CPU amounts fit. */
static uint32_t cpu_rank(const struct dure_score_frag *frag, int64_t cpu_milli)
{
    uint32_t low = 0, high = frag->cpu_count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (frag->cpus[middle] <= cpu_milli)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t *one_row(const struct dure_score_frag *frag, uint32_t model, uint32_t rank)
{
    return frag->one + ((size_t)model * (frag->cpu_count + 1) + rank) * (frag->milli_count + 1);
}

static uint32_t *many_row(const struct dure_score_frag *frag, uint32_t model, uint32_t rank)
{
    return frag->many + ((size_t)model * (frag->cpu_count + 1) + rank) * (DURE_SCORE_GPUS_MAX + 1);
}

static void add_shape(struct dure_score_frag *frag, const struct dure_score_shape *shape)
{
    const struct dure_score_task *task = &shape->task;
    for (uint32_t model = 0; model < DURE_SCORE_MODELS_MAX; model++) {
        if (!(task->models >> model & 1))
            continue;
        for (uint32_t rank = cpu_rank(frag, task->cpu_milli); rank <= frag->cpu_count; rank++) {
            uint32_t *row = task->gpus == 1 ? one_row(frag, model, rank) : many_row(frag, model, rank);
            const uint32_t first = task->gpus == 1 ? frag->milli[task->gpu_milli] : task->gpus;
            const uint32_t last = task->gpus == 1 ? frag->milli_count : DURE_SCORE_GPUS_MAX;
            for (uint32_t i = first; i <= last; i++)
                row[i] += shape->weight;
        }
    }
}

enum dure_err dure_score_frag_new(const struct dure_score_shape *shapes, uint32_t count,
                                  struct dure_score_frag **ret_frag)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < count; i++)
        weight += shapes[i].weight;
    if (count > DURE_SCORE_SHAPES_MAX || weight > INT32_MAX)
        return DURE_E_LIMIT;
    struct dure_score_frag *frag = calloc(1, sizeof *frag);
    if (!frag)
        return DURE_E_MEMORY;
    frag->weight = weight;
    frag->cpus = calloc(count + 1, sizeof *frag->cpus);
    if (frag->cpus) {
        find_cpus(frag, shapes, count);
        find_milli(frag, shapes, count);
        const size_t rows = (size_t)DURE_SCORE_MODELS_MAX * (frag->cpu_count + 1);
        frag->one = calloc(rows * (frag->milli_count + 1), sizeof *frag->one);
        frag->many = calloc(rows * (DURE_SCORE_GPUS_MAX + 1), sizeof *frag->many);
    }
    if (!frag->cpus || !frag->one || !frag->many) {
        dure_score_frag_free(frag);
        return DURE_E_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++)
        if (shapes[i].task.gpus > 0 && shapes[i].task.gpus <= DURE_SCORE_GPUS_MAX)
            add_shape(frag, &shapes[i]);
    *ret_frag = frag;
    return DURE_OK;
}

void dure_score_frag_free(struct dure_score_frag *frag)
{
    if (!frag)
        return;
    free(frag->cpus);
    free(frag->one);
    free(frag->many);
    free(frag);
}

uint64_t dure_score_frag_weight(const struct dure_score_frag *frag)
{
    return frag->weight;
}

int64_t dure_score_frag_of(const struct dure_score_frag *frag, const struct dure_score_node *node)
{
    if (node->gpus == 0 || frag->weight == 0)
        return 0;
    const uint32_t rank = cpu_rank(frag, node->cpu_milli);
    const uint32_t *one = one_row(frag, node->model, rank);
    int64_t idle = 0, usable = 0;
    uint32_t whole = 0;
    for (uint32_t g = 0; g < node->gpus; g++) {
        const int64_t left = node->gpu_milli[g];
        idle += left;
        usable += left * one[frag->milli[left]];
        whole += left == 1000;
    }
    usable += (int64_t)1000 * whole * many_row(frag, node->model, rank)[whole];
    return idle * (int64_t)frag->weight - usable;
}
