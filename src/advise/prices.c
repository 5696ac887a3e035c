#include "advise/prices.h"

#include <stdlib.h>
#include <string.h>

#include "advise/inner.h"

const struct dure_advise_knobs dure_advise_usual = {.demand = 0.3,
                                                    .class_demand = 0.5,
                                                    .class_price = 0.8,
                                                    .block_bonus = 0.1,
                                                    .block_sight = 10,
                                                    .cpu_weight_permille = 200,
                                                    .frag_weight_permille = 120,
                                                    .steps = 150,
                                                    .first_steps = 1000};

struct dure_advise *dure_advise_new(const struct dure_advise_knobs *knobs)
{
    struct dure_advise *advise = calloc(1, sizeof *advise);
    if (advise)
        advise->knobs = *knobs;
    return advise;
}

void dure_advise_free(struct dure_advise *advise)
{
    free(advise);
}

/* By Newton, from + - * / alone. */
static double square_root(double x)
{
    double root = x > 1 ? x : 1;
    for (int i = 0; i < 60 && root * root > x; i++)
        root = (root + x / root) / 2;
    return x > 0 ? root : 0;
}

static double gpus_of(const struct dure_score_task *task)
{
    return task->gpus * (task->gpu_milli / 1000.0);
}

/* CPU that a GPU of work needs: the mean, and the deviation of what many tasks need together. */
static void moments(const struct dure_advise_input *input, struct dure_score_prices *prices)
{
    double gpus = 0, cpu = 0, squares = 0;
    for (uint32_t i = 0; i < input->shape_count; i++) {
        const struct dure_score_shape *shape = &input->shapes[i];
        if (shape->task.gpus == 0)
            continue;
        gpus += shape->weight * gpus_of(&shape->task);
        cpu += (double)shape->weight * (double)shape->task.cpu_milli;
    }
    if (gpus <= 0)
        return;
    const double mean = cpu / gpus;
    for (uint32_t i = 0; i < input->shape_count; i++) {
        const struct dure_score_shape *shape = &input->shapes[i];
        const double off = (double)shape->task.cpu_milli - mean * gpus_of(&shape->task);
        if (shape->task.gpus > 0)
            squares += shape->weight * off * off;
    }
    prices->cpu_mean_milli = (int64_t)mean;
    prices->cpu_deviation_milli = (int64_t)square_root(squares / gpus);
}

enum dure_err dure_advise_prices(struct dure_advise *advise, const struct dure_advise_input *input,
                                 struct dure_score_prices *ret_prices)
{
    if (input->class_count > DURE_SCORE_CLASSES_MAX)
        return DURE_E_LIMIT;
    struct dure_score_prices *prices = calloc(1, sizeof *prices);
    if (!prices)
        return DURE_E_MEMORY;
    prices->cpu_weight_permille = advise->knobs.cpu_weight_permille;
    prices->frag_weight_permille = advise->knobs.frag_weight_permille;
    moments(input, prices);
    dure_advise_holes(advise, input, prices);
    const enum dure_err err = dure_advise_classes(advise, input, prices);
    if (!err)
        *ret_prices = *prices;
    free(prices);
    return err;
}
