/* Hole prices: bids for holes against prices of sizes, until what is used of each size is what is expected of it. */
#include <stdlib.h>
#include <string.h>

#include "advise/inner.h"

enum { SHARES = DURE_ADVISE_SHARES, WHOLE = DURE_ADVISE_SHARES, ITEMS = DURE_ADVISE_ITEMS, MOST = DURE_SCORE_GPUS_MAX };

struct bids {
    uint32_t count;
    uint32_t item[ITEMS]; /* those that are expected at all */
    double size[ITEMS];   /* milli-GPU of a task of the item, on average */
    double demand[ITEMS]; /* tasks expected */
    double used[ITEMS];   /* tasks that the holes take at these prices */
    double hole[DURE_HOLES];
    double block[MOST + 1];
    uint32_t hole_by[DURE_HOLES]; /* the item that fills it first; ITEMS: none, a step is left over */
    uint32_t block_by[MOST + 1];  /* likewise; WHOLE: one GPU is shared */
};

static uint32_t item_of(const struct dure_score_task *task)
{
    if (task->gpus == 1 && task->gpu_milli < 1000) {
        const uint32_t step = (task->gpu_milli + DURE_HOLE_MILLI - 1) / DURE_HOLE_MILLI;
        return step < SHARES ? step : WHOLE + 1;
    }
    return WHOLE + task->gpus;
}

/* Where tasks depart, small holes come free by themselves, in time for the small tasks that follow; GPUs beside each other do not. So blocks are held for more of the work that
 * wants them than is expected at once. */
static void expect(const struct dure_advise *advise, const struct dure_advise_input *input, struct bids *bids)
{
    double left = 0, all = 0;
    double weight[ITEMS] = {0}, milli[ITEMS] = {0};
    for (uint32_t h = 0; h < DURE_HOLES; h++)
        left += (double)input->holes[h] * h * DURE_HOLE_MILLI;
    for (uint32_t b = 0; b <= MOST; b++)
        left += (double)input->blocks[b] * b * 1000;
    for (uint32_t i = 0; i < input->shape_count; i++) {
        const struct dure_score_shape *shape = &input->shapes[i];
        if (shape->task.gpus == 0 || shape->task.gpus > MOST)
            continue;
        const uint32_t item = item_of(&shape->task);
        weight[item] += shape->weight;
        milli[item] += (double)shape->weight * shape->task.gpus * shape->task.gpu_milli;
        all += (double)shape->weight * shape->task.gpus * shape->task.gpu_milli;
    }
    bids->count = 0;
    for (uint32_t item = 0; item < ITEMS; item++) {
        if (weight[item] <= 0)
            continue;
        bids->item[bids->count++] = item;
        bids->size[item] = milli[item] / weight[item];
        bids->demand[item] = weight[item] / all * left * advise->knobs.demand;
        if (item > WHOLE + 1) {
            bids->size[item] *= 1 + advise->knobs.block_bonus * input->turnover;
            bids->demand[item] *= 1 + (advise->knobs.block_sight - 1) * input->turnover;
        }
    }
}

/* What each hole would fetch: the best set of tasks at size less price. */
static void bid(const double *price, struct bids *bids)
{
    bids->hole[0] = 0;
    for (uint32_t h = 1; h < DURE_HOLES; h++) {
        bids->hole[h] = bids->hole[h - 1];
        bids->hole_by[h] = ITEMS;
        for (uint32_t i = 0; i < bids->count && bids->item[i] <= h && bids->item[i] < WHOLE; i++) {
            const uint32_t item = bids->item[i];
            const double worth = bids->size[item] - price[item] + bids->hole[h - item];
            if (worth > bids->hole[h]) {
                bids->hole[h] = worth;
                bids->hole_by[h] = item;
            }
        }
    }
    bids->block[0] = 0;
    for (uint32_t b = 1; b <= MOST; b++) {
        bids->block[b] = bids->block[b - 1] + bids->hole[DURE_HOLES - 1];
        bids->block_by[b] = WHOLE;
        for (uint32_t i = 0; i < bids->count; i++) {
            const uint32_t item = bids->item[i];
            if (item <= WHOLE || item - WHOLE > b)
                continue;
            const double worth = bids->size[item] - price[item] + bids->block[b - (item - WHOLE)];
            if (worth > bids->block[b]) {
                bids->block[b] = worth;
                bids->block_by[b] = item;
            }
        }
    }
}

static void use(const struct dure_advise_input *input, struct bids *bids)
{
    double holes[DURE_HOLES], blocks[MOST + 1];
    memset(bids->used, 0, sizeof bids->used);
    for (uint32_t b = 0; b <= MOST; b++)
        blocks[b] = input->blocks[b];
    for (uint32_t h = 0; h < DURE_HOLES; h++)
        holes[h] = input->holes[h];
    for (uint32_t b = MOST; b > 0; b--) {
        const uint32_t item = bids->block_by[b];
        if (item == WHOLE) {
            holes[DURE_HOLES - 1] += blocks[b];
            blocks[b - 1] += blocks[b];
        } else {
            bids->used[item] += blocks[b];
            blocks[b - (item - WHOLE)] += blocks[b];
        }
    }
    for (uint32_t h = DURE_HOLES - 1; h > 0; h--) {
        const uint32_t item = bids->hole_by[h];
        if (item == ITEMS) {
            holes[h - 1] += holes[h];
        } else {
            bids->used[item] += holes[h];
            holes[h - item] += holes[h];
        }
    }
}

struct part {
    int64_t cpu_milli;
    double weight;
};

static int by_cpu(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->cpu_milli > y->cpu_milli) - (x->cpu_milli < y->cpu_milli);
}

/* Where the CPU that one-GPU tasks ask for parts them into equal shares. */
static void set_tiers(const struct dure_advise_input *input, struct dure_score_prices *prices)
{
    struct part parts[DURE_SCORE_SHAPES_MAX];
    uint32_t count = 0, tier = 1;
    double all = 0, sum = 0;
    for (uint32_t i = 0; i < input->shape_count && count < DURE_SCORE_SHAPES_MAX; i++) {
        if (input->shapes[i].task.gpus != 1)
            continue;
        parts[count++] = (struct part){input->shapes[i].task.cpu_milli, input->shapes[i].weight};
        all += input->shapes[i].weight;
    }
    qsort(parts, count, sizeof *parts, by_cpu);
    for (uint32_t i = 0; i < count; i++) {
        sum += parts[i].weight;
        if (i + 1 < count && parts[i + 1].cpu_milli == parts[i].cpu_milli)
            continue;
        while (tier < DURE_SCORE_TIERS && sum * (DURE_SCORE_TIERS - 1) >= all * tier)
            prices->tier_cpu_milli[tier++] = parts[i].cpu_milli;
    }
    for (; tier < DURE_SCORE_TIERS; tier++)
        prices->tier_cpu_milli[tier] = INT64_MAX;
}

/* In a node with so much CPU an item fetches what it does times the part of its tasks that the CPU is enough for. */
static void price_tier(const struct dure_advise *advise, const struct dure_advise_input *input, struct bids *bids,
                       uint32_t tier, struct dure_score_prices *prices)
{
    double all[ITEMS] = {0}, enough[ITEMS] = {0}, price[ITEMS];
    for (uint32_t i = 0; i < input->shape_count; i++) {
        const struct dure_score_task *task = &input->shapes[i].task;
        if (task->gpus == 0 || task->gpus > MOST)
            continue;
        all[item_of(task)] += input->shapes[i].weight;
        if (task->gpus > 1 || task->cpu_milli <= prices->tier_cpu_milli[tier])
            enough[item_of(task)] += input->shapes[i].weight;
    }
    for (uint32_t i = 0; i < bids->count; i++) {
        const uint32_t item = bids->item[i];
        price[item] = bids->size[item] - (bids->size[item] - advise->price[item]) * enough[item] / all[item];
    }
    bid(price, bids);
    for (uint32_t h = 0; h < DURE_HOLES; h++)
        prices->hole_ugpu[tier][h] = (int64_t)(bids->hole[h] * 1000);
    for (uint32_t b = 0; b <= MOST; b++)
        prices->block_ugpu[tier][b] = (int64_t)(bids->block[b] * 1000);
}

void dure_advise_holes(struct dure_advise *advise, const struct dure_advise_input *input,
                       struct dure_score_prices *prices)
{
    struct bids bids = {0};
    double sum[ITEMS] = {0}, weight = 0;
    const uint32_t steps = advise->warm ? advise->knobs.steps : advise->knobs.first_steps;
    expect(advise, input, &bids);
    for (uint32_t step = 0; step < steps; step++) {
        const double part = (double)step / steps;
        const double pace = advise->warm ? 0.05 * (1 - part) + 0.002 : 0.2 * (1 - part) * (1 - part) + 0.002;
        bid(advise->price, &bids);
        use(input, &bids);
        for (uint32_t i = 0; i < bids.count; i++) {
            const uint32_t item = bids.item[i];
            const double more = bids.used[item] > bids.demand[item] ? bids.used[item] : bids.demand[item];
            double price = advise->price[item];
            if (more > 0)
                price += pace * bids.size[item] * (bids.used[item] - bids.demand[item]) / more;
            price = price < 0 ? 0 : price > bids.size[item] ? bids.size[item] : price;
            advise->price[item] = price;
            if (2 * step >= steps)
                sum[item] += price;
        }
        weight += 2 * step >= steps;
    }
    for (uint32_t i = 0; i < bids.count && weight > 0; i++)
        advise->price[bids.item[i]] = sum[bids.item[i]] / weight;
    advise->warm = true;
    set_tiers(input, prices);
    for (uint32_t tier = 0; tier < DURE_SCORE_TIERS; tier++)
        price_tier(advise, input, &bids, tier, prices);
}
