/* The core's scoring: worth, loss and the GPU taken by hand; in whole numbers; and the tail of the normal distribution. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/score/score.h"
#include "tap.h"

static struct dure_score_prices *flat(void)
{
    struct dure_score_prices *prices = calloc(1, sizeof *prices);
    DURE_ASSERT(prices);
    for (unsigned t = 0; t < DURE_SCORE_TIERS; t++) {
        prices->tier_cpu_milli[t] = t * 10000;
        for (unsigned h = 0; h < DURE_HOLES; h++)
            prices->hole_ugpu[t][h] = h * 10000;
        for (unsigned b = 0; b <= DURE_SCORE_GPUS_MAX; b++)
            prices->block_ugpu[t][b] = b * 1000000;
    }
    return prices;
}

static const struct dure_score_task half = {.cpu_milli = 1000, .gpus = 1, .gpu_milli = 500, .models = ~(uint64_t)0};

static void holes(void)
{
    struct dure_score_prices *prices = flat();
    const struct dure_score_table table = {.prices = prices};
    const struct dure_score_node node = {.cpu_milli = 90000, .gpus = 3, .gpu_milli = {700, 1000, 505}};
    uint32_t gpu = 9;
    const int64_t worth = dure_score_worth(&table, &node);
    TAP_EQ_INT(worth, 700000 + 1000000 + 500000, "holes in steps of 10, blocks");
    TAP_EQ_INT(dure_score_loss(&table, &node, worth, &half, &gpu), 500000, "at these prices a task costs its size");
    TAP_EQ_UINT(gpu, 0, "on the first GPU of equals");
    for (unsigned t = 0; t < DURE_SCORE_TIERS; t++)
        prices->hole_ugpu[t][20] = 0; /* nothing as small as 200 is expected */
    TAP_EQ_INT(dure_score_loss(&table, &node, worth, &half, &gpu), 500000, "a hole of no use costs");
    TAP_EQ_UINT(gpu, 1, "and is not made");
    prices->class_permille[0] = 30;
    TAP_EQ_INT(dure_score_loss(&table, &node, worth, &half, &gpu), 515000, "the class has a price for each GPU");
    const struct dure_score_task two = {.gpus = 2, .gpu_milli = 1000, .models = 1};
    TAP_OK(dure_score_loss(&table, &node, worth, &two, &gpu) == DURE_SCORE_NEVER, "two whole ones are not there");
    free(prices);
}

static void tiers(void)
{
    struct dure_score_prices *prices = flat();
    const struct dure_score_table table = {.prices = prices};
    struct dure_score_node node = {.cpu_milli = 19999, .gpus = 1, .gpu_milli = {400}};
    prices->hole_ugpu[1][40] = 123;
    TAP_EQ_INT(dure_score_worth(&table, &node), 123, "the tier that the CPU reaches");
    node.cpu_milli = 20000;
    TAP_EQ_INT(dure_score_worth(&table, &node), 400000, "the next");
    node.cpu_milli = INT64_MAX;
    TAP_EQ_INT(dure_score_worth(&table, &node), 400000, "the last");
    free(prices);
}

/* 4 GPUs and no CPU to speak of: all that work would need is short. */
static void stranded(void)
{
    struct dure_score_prices *prices = flat();
    const struct dure_score_table table = {.prices = prices};
    struct dure_score_node node = {.cpu_milli = 20000, .gpus = 4, .gpu_milli = {1000, 1000, 1000, 1000}};
    prices->cpu_mean_milli = 10000;
    prices->cpu_weight_permille = 1000;
    TAP_EQ_INT(dure_score_worth(&table, &node), 2000000, "two of four have no CPU");
    node.cpu_milli = 40000;
    TAP_EQ_INT(dure_score_worth(&table, &node), 4000000, "CPU for all, if need never varies");
    prices->cpu_deviation_milli = 5000;
    /* E[(Z)+] = 0.398942 of 5,000 · 2 milli-CPU, at 10,000 a GPU */
    TAP_OK(labs(dure_score_worth(&table, &node) - (4000000 - 398900)) < 200, "it does: some are stranded");
    free(prices);
}

static void fits(void)
{
    const struct dure_score_node node = {
        .cpu_milli = 1000, .memory_mib = 10, .gpus = 2, .gpu_milli = {500, 1000}, .model = 3};
    struct dure_score_task task = half;
    TAP_OK(dure_score_fits(&node, &task), "fits");
    task.cpu_milli = 1001;
    TAP_OK(!dure_score_fits(&node, &task), "no CPU");
    task = half;
    task.memory_mib = 11;
    TAP_OK(!dure_score_fits(&node, &task), "no memory");
    task = half;
    task.models = ~(uint64_t)8;
    TAP_OK(!dure_score_fits(&node, &task), "not that model");
    task.gpus = 0;
    TAP_OK(dure_score_fits(&node, &task), "which matters for GPUs alone");
    task = half;
    task.gpu_milli = 1000;
    task.gpus = 2;
    TAP_OK(!dure_score_fits(&node, &task), "one whole GPU, not two");
    TAP_EQ_UINT(dure_score_tightest(&node, 500), 0, "the tightest");
    TAP_EQ_UINT(dure_score_tightest(&node, 501), 1, "that is enough");
}

static void tail(void)
{
    double worst = 0;
    for (int z = -400; z <= 400; z++) {
        const double x = z / 64.0;
        const double want = exp(-x * x / 2) / sqrt(2 * 3.14159265358979) - x * erfc(x / sqrt(2)) / 2;
        const double off = fabs((double)dure_score_normal_excess(z) / 1e6 - want);
        worst = off > worst ? off : worst;
    }
    TAP_OK(worst < 0.0003, "E[(Z - z)+] to %.6f", worst);
}

int main(void)
{
    holes();
    tiers();
    stranded();
    fits();
    tail();
    return tap_done();
}
