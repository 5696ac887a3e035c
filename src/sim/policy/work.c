#include "sim/policy/work.h"

#include <stdlib.h>
#include <string.h>

int dure_work_order(const struct dure_score_task *a, const struct dure_score_task *b)
{
#define BY(field)                                                                                                      \
    if (a->field != b->field)                                                                                          \
    return a->field > b->field ? -1 : 1
    BY(cpu_milli);
    BY(gpus);
    BY(gpu_milli);
    BY(memory_mib);
    BY(models);
#undef BY
    return 0;
}

static int by_task(const void *a, const void *b)
{
    return dure_work_order(&((const struct dure_score_shape *)a)->task, &((const struct dure_score_shape *)b)->task);
}

static int by_weight(const void *a, const void *b)
{
    const struct dure_score_shape *x = a, *y = b;
    return x->weight != y->weight ? (x->weight > y->weight ? -1 : 1) : by_task(a, b);
}

uint32_t dure_work_merge(struct dure_score_shape *shapes, uint32_t count)
{
    uint32_t kept = 0;
    qsort(shapes, count, sizeof *shapes, by_task);
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && by_task(&shapes[kept - 1], &shapes[i]) == 0)
            shapes[kept - 1].weight += shapes[i].weight;
        else
            shapes[kept++] = shapes[i];
    }
    return kept;
}

uint32_t dure_work_find(const struct dure_work *work, const struct dure_score_task *task)
{
    const struct dure_score_shape key = {.task = *task};
    const struct dure_score_shape *found = bsearch(&key, work->shapes, work->count, sizeof key, by_task);
    DURE_ASSERT(found);
    return (uint32_t)(found - work->shapes);
}

enum dure_err dure_work_typical(const struct dure_work *work, uint32_t percent, struct dure_score_shape **ret_shapes,
                                uint32_t *ret_count)
{
    uint64_t all = 0, sum = 0;
    uint32_t kept = 0;
    struct dure_score_shape *shapes = calloc(work->count + 1, sizeof *shapes);
    if (!shapes)
        return DURE_E_MEMORY;
    for (uint32_t i = 0; i < work->count; i++) {
        shapes[i] = work->shapes[i];
        shapes[i].task.memory_mib = 0;
        all += shapes[i].weight;
    }
    const uint32_t count = dure_work_merge(shapes, work->count);
    qsort(shapes, count, sizeof *shapes, by_weight);
    while (kept < count && kept < DURE_SCORE_SHAPES_MAX && sum * 100 < all * percent)
        sum += shapes[kept++].weight;
    *ret_shapes = shapes;
    *ret_count = kept;
    return DURE_OK;
}
