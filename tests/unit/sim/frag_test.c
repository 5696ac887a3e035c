/* Fragmentation by look-ups against the definition, shape by shape and GPU by GPU. */
#include <stdlib.h>

#include "core/score/score.h"
#include "tap.h"

static int64_t by_definition(const struct dure_score_shape *shapes, uint32_t count, const struct dure_score_node *node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_score_task *task = &shapes[i].task;
        int64_t idle = 0, small = 0;
        uint32_t enough = 0;
        for (uint32_t g = 0; g < node->gpus; g++) {
            idle += node->gpu_milli[g];
            enough += node->gpu_milli[g] >= task->gpu_milli;
            small += node->gpu_milli[g] < task->gpu_milli ? node->gpu_milli[g] : 0;
        }
        const bool none = task->gpus == 0 || !(task->models >> node->model & 1) || node->cpu_milli < task->cpu_milli ||
                          enough < task->gpus;
        sum += (none ? idle : small) * shapes[i].weight;
    }
    return sum;
}

static void histories(uint64_t seed)
{
    enum { SHAPES = 40 };
    struct dure_score_shape shapes[SHAPES];
    struct dure_score_frag *frag = NULL;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < SHAPES; i++) {
        const uint32_t gpus = (uint32_t)tap_random_below(&seed, 6);
        shapes[i] = (struct dure_score_shape){
            .task = {.cpu_milli = (int64_t)tap_random_below(&seed, 20) * 1000,
                     .gpus = gpus < 3 ? gpus / 2 : gpus,
                     .gpu_milli = gpus < 2    ? 0
                                  : gpus == 2 ? 1 + (uint32_t)tap_random_below(&seed, 1000)
                                              : 1000,
                     .models = tap_random_below(&seed, 3) ? ~(uint64_t)0 : (uint64_t)1 << tap_random_below(&seed, 4)},
            .weight = 1 + (uint32_t)tap_random_below(&seed, 50)};
    }
    TAP_EQ_INT(dure_score_frag_new(shapes, SHAPES, &frag), DURE_OK, "made");
    for (uint32_t round = 0; round < 5000 && frag; round++) {
        struct dure_score_node node = {.cpu_milli = (int64_t)tap_random_below(&seed, 20000),
                                       .gpus = (uint8_t)tap_random_below(&seed, 9),
                                       .model = (uint8_t)tap_random_below(&seed, 4)};
        for (uint32_t g = 0; g < node.gpus; g++)
            node.gpu_milli[g] = (uint16_t)(tap_random_below(&seed, 3) ? 1000 : tap_random_below(&seed, 1001));
        wrong += dure_score_frag_of(frag, &node) != by_definition(shapes, SHAPES, &node);
    }
    TAP_EQ_UINT(wrong, 0, "as defined, 5,000 times");
    dure_score_frag_free(frag);
}

static void limits(void)
{
    struct dure_score_frag *frag = NULL;
    const struct dure_score_node node = {.cpu_milli = 1, .gpus = 1, .gpu_milli = {500}};
    struct dure_score_shape *shapes = calloc(DURE_SCORE_SHAPES_MAX + 1, sizeof *shapes);
    DURE_ASSERT(shapes);
    TAP_EQ_INT(dure_score_frag_new(shapes, DURE_SCORE_SHAPES_MAX + 1, &frag), DURE_E_LIMIT, "too many shapes");
    shapes[0].weight = shapes[1].weight = 1u << 30;
    TAP_EQ_INT(dure_score_frag_new(shapes, 2, &frag), DURE_E_LIMIT, "too much weight");
    TAP_EQ_INT(dure_score_frag_new(shapes, 0, &frag), DURE_OK, "no shape");
    TAP_EQ_INT(dure_score_frag_of(frag, &node), 0, "nothing to be fragmented for");
    dure_score_frag_free(frag);
    dure_score_frag_free(NULL);
    free(shapes);
}

int main(void)
{
    histories(tap_seed(7));
    limits();
    return tap_done();
}
