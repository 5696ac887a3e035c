/* FGD: the node whose fragmentation grows least, as a whole number 0..100 through a sigmoid; for a shared task, the best of its GPUs. */
#include <stdlib.h>

#include "sim/policy/exponential.h"
#include "sim/policy/place.h"

enum { TYPICAL_PERCENT = 95 };

struct fgd {
    struct dure_score_frag *frag;
    double weight;
    double edges[100]; /* growth of 1000 x at which int(100 sigmoid(x)) becomes k; [0] is not used */
};

static enum dure_err begin(struct dure_placer *placer, const struct dure_field *field, const struct dure_work *work)
{
    struct fgd *fgd = calloc(1, sizeof *fgd);
    (void)field;
    if (!fgd)
        return DURE_E_MEMORY;
    placer->own = fgd;
    fgd->edges[0] = 0;
    for (unsigned k = 1; k < 100; k++)
        fgd->edges[k] = dure_logarithm(k / (100.0 - k)) * 1000;
    struct dure_score_shape *typical;
    uint32_t count;
    enum dure_err err = dure_work_typical(work, TYPICAL_PERCENT, &typical, &count);
    if (err)
        return err;
    err = dure_score_frag_new(typical, count, &fgd->frag);
    free(typical);
    if (!err)
        fgd->weight = (double)dure_score_frag_weight(fgd->frag);
    return err;
}

static void end(struct dure_placer *placer)
{
    struct fgd *fgd = placer->own;
    if (fgd)
        dure_score_frag_free(fgd->frag);
    free(fgd);
    placer->own = NULL;
}

/* int(100 sigmoid(growth / 1000)); exactly 50 where nothing changes. */
static int64_t sigmoid_percent(const struct fgd *fgd, int64_t less)
{
    const double x = (double)less / fgd->weight;
    int64_t low = 0, high = 99;
    while (low < high) {
        const int64_t middle = (low + high + 1) / 2;
        if (x >= fgd->edges[middle])
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static struct dure_score score(struct dure_placer *placer, const struct dure_field_state *state,
                               const struct dure_score_task *task)
{
    const struct fgd *fgd = placer->own;
    const int64_t before = dure_score_frag_of(fgd->frag, &state->node);
    struct dure_score best = {.value = -1};
    for (uint32_t g = 0; g < state->node.gpus || g == 0; g++) {
        struct dure_score_node after = state->node;
        const bool shared = task->gpus == 1 && task->gpu_milli < 1000;
        if (shared && after.gpu_milli[g] < task->gpu_milli)
            continue;
        dure_score_take(&after, task, g);
        const int64_t value = sigmoid_percent(fgd, before - dure_score_frag_of(fgd->frag, &after));
        if (value > best.value)
            best = (struct dure_score){.value = value, .gpu = g};
        if (!shared)
            break;
    }
    if (task->gpus == 1 && task->gpu_milli == 1000)
        best.gpu = dure_score_tightest(&state->node, 1000);
    return best;
}

const struct dure_place_policy dure_place_fgd = {
    .name = "FGD", .keeps_order = true, .begin = begin, .end = end, .score = score};
