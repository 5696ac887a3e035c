/* Prices of holes and classes on cases whose answer is plain. */
#include <stdlib.h>
#include <string.h>

#include "advise/prices.h"
#include "tap.h"

static struct dure_score_shape shape(uint32_t gpus, uint32_t milli, int64_t cpu, uint64_t models, uint32_t weight)
{
    return (struct dure_score_shape){.task = {.cpu_milli = cpu, .gpus = gpus, .gpu_milli = milli, .models = models},
                                     .weight = weight};
}

static struct dure_score_prices *ask(const struct dure_advise_input *input)
{
    struct dure_advise_knobs knobs = dure_advise_usual;
    struct dure_score_prices *prices = calloc(1, sizeof *prices);
    knobs.demand = knobs.class_demand = 1.2;
    struct dure_advise *advise = dure_advise_new(&knobs);
    DURE_ASSERT(prices && advise);
    TAP_EQ_INT(dure_advise_prices(advise, input, prices), DURE_OK, "prices");
    dure_advise_free(advise);
    return prices;
}

static int64_t hole(const struct dure_score_prices *prices, unsigned milli)
{
    return prices->hole_ugpu[DURE_SCORE_TIERS - 1][milli / DURE_HOLE_MILLI];
}

/* Only 400 and 600 are expected, many of both: a hole is worth what of them goes in. */
static void holes(void)
{
    const struct dure_score_shape shapes[] = {shape(1, 400, 1000, ~(uint64_t)0, 50),
                                              shape(1, 600, 9000, ~(uint64_t)0, 50)};
    struct dure_advise_input input = {.shapes = shapes, .shape_count = 2};
    input.blocks[8] = 100;
    struct dure_score_prices *prices = ask(&input);
    TAP_EQ_INT(hole(prices, 390), 0, "390 is worth nothing");
    TAP_OK(hole(prices, 400) > 0 && hole(prices, 590) == hole(prices, 400), "590 no more than 400");
    TAP_OK(hole(prices, 1000) > 990000, "a whole one holds both: %ld", (long)hole(prices, 1000));
    TAP_OK(hole(prices, 1000) <= 1000000, "and no more");
    for (unsigned h = 1; h < DURE_HOLES; h++)
        if (prices->hole_ugpu[0][h] < prices->hole_ugpu[0][h - 1] ||
            prices->hole_ugpu[7][h] < prices->hole_ugpu[7][h - 1])
            TAP_FAIL("a larger hole is worth no less, %u", h);
    TAP_EQ_INT(prices->hole_ugpu[0][60], 0, "without CPU a hole is worth nothing");
    const struct dure_score_prices *p = prices;
    TAP_OK(p->tier_cpu_milli[1] == 1000 && p->tier_cpu_milli[7] == 9000, "tiers by what tasks ask for");
    TAP_EQ_INT(p->hole_ugpu[1][60], p->hole_ugpu[7][40], "CPU for 400 alone: worth as much as 400");
    TAP_EQ_INT(p->cpu_mean_milli, 10000, "CPU for a GPU of work");
    free(prices);
}

/* Blocks are for those who want GPUs beside each other, as far as those are expected. */
static void blocks(void)
{
    const struct dure_score_shape shapes[] = {shape(1, 1000, 1, ~(uint64_t)0, 10), shape(4, 1000, 1, ~(uint64_t)0, 90)};
    struct dure_advise_input input = {.shapes = shapes, .shape_count = 2};
    input.blocks[4] = 10;
    input.blocks[3] = 50;
    struct dure_score_prices *prices = ask(&input);
    const int64_t *worth = prices->block_ugpu[DURE_SCORE_TIERS - 1];
    TAP_OK(worth[4] - worth[3] > 2000000, "the fourth GPU makes a block: %ld", (long)(worth[4] - worth[3]));
    TAP_OK(worth[1] < 500000, "single ones are many, and few ask for them: %ld", (long)worth[1]);
    free(prices);
}

static void classes(void)
{
    const struct dure_score_shape shapes[] = {shape(1, 1000, 1, ~(uint64_t)0, 70), shape(1, 1000, 1, 2, 30)};
    const struct dure_advise_class kinds[] = {{.cpu_milli = 100, .gpus = 8, .model = 0, .left_gpu_milli = 70000},
                                              {.cpu_milli = 100, .gpus = 8, .model = 1, .left_gpu_milli = 30000},
                                              {.cpu_milli = 0, .gpus = 8, .model = 1, .left_gpu_milli = 1000}};
    struct dure_advise_input input = {.shapes = shapes, .shape_count = 2, .classes = kinds, .class_count = 3};
    input.blocks[8] = 12;
    struct dure_score_prices *prices = ask(&input);
    TAP_OK(prices->class_permille[1] > 400, "what the picky need has a price: %u", prices->class_permille[1]);
    TAP_OK(prices->class_permille[0] < 20, "what they cannot use has next to none: %u", prices->class_permille[0]);
    TAP_EQ_UINT(prices->class_permille[2], 0, "nor what nobody can use");
    free(prices);
}

static void edges(void)
{
    struct dure_advise_input input = {.class_count = DURE_SCORE_CLASSES_MAX + 1};
    struct dure_advise *advise = dure_advise_new(&dure_advise_usual);
    struct dure_score_prices *prices = calloc(1, sizeof *prices);
    DURE_ASSERT(advise && prices);
    TAP_EQ_INT(dure_advise_prices(advise, &input, prices), DURE_E_LIMIT, "too many classes");
    input.class_count = 0;
    TAP_EQ_INT(dure_advise_prices(advise, &input, prices), DURE_OK, "nothing there, nothing expected");
    TAP_EQ_INT(prices->block_ugpu[7][16], 0, "nothing is worth anything");
    free(prices);
    dure_advise_free(advise);
    dure_advise_free(NULL);
}

int main(void)
{
    holes();
    blocks();
    classes();
    edges();
    return tap_done();
}
