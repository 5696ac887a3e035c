/* Our own policy: the core's scoring, with prices that are refreshed as the fleet fills. */
#include <stdlib.h>
#include <string.h>

#include "advise/prices.h"
#include "sim/policy/place.h"

enum { REFRESH_PERCENT = 3, TYPICAL_PERCENT = 100 };

struct kept_worth {
    int64_t worth;
    uint32_t serial, epoch;
};

struct own {
    struct dure_advise *advise;
    struct dure_score_frag *frag;
    struct dure_score_prices prices;
    struct dure_score_table table;
    struct dure_advise_input input;
    struct dure_advise_class *classes;
    struct dure_score_shape *shapes;
    struct kept_worth *worths; /* of a state */
    const struct dure_field *field;
    int64_t taken_milli, given_milli; /* in the field when prices were made */
};

static void end(struct dure_placer *placer)
{
    struct own *own = placer->own;
    if (!own)
        return;
    dure_advise_free(own->advise);
    dure_score_frag_free(own->frag);
    free(own->classes);
    free(own->shapes);
    free(own->worths);
    free(own);
    placer->own = NULL;
}

static void find_classes(struct own *own)
{
    for (uint32_t n = 0; n < own->field->node_count; n++) {
        const struct dure_score_node *node = &own->field->nodes[n].all;
        own->classes[node->class_index] = (struct dure_advise_class){
            .cpu_milli = node->cpu_milli, .memory_mib = node->memory_mib, .gpus = node->gpus, .model = node->model};
        if (node->class_index >= own->input.class_count)
            own->input.class_count = node->class_index + 1u;
    }
}

static void look_around(struct own *own)
{
    struct dure_advise_input *input = &own->input;
    memset(input->holes, 0, sizeof input->holes);
    memset(input->blocks, 0, sizeof input->blocks);
    for (uint32_t c = 0; c < input->class_count; c++)
        own->classes[c].left_gpu_milli = 0;
    for (uint32_t s = 0; s < own->field->state_count; s++) {
        const struct dure_field_state *state = &own->field->states[s];
        uint32_t whole = 0;
        if (state->members == 0)
            continue;
        for (uint32_t g = 0; g < state->node.gpus; g++) {
            if (state->node.gpu_milli[g] == 1000)
                whole++;
            else
                input->holes[state->node.gpu_milli[g] / DURE_HOLE_MILLI] += state->members;
        }
        input->blocks[whole] += state->members;
        own->classes[state->node.class_index].left_gpu_milli += state->gpu_left * state->members;
    }
}

static enum dure_err set_prices(struct own *own)
{
    const int64_t taken = own->field->gpu_milli_taken - own->taken_milli;
    const int64_t given = own->field->gpu_milli_given - own->given_milli;
    look_around(own);
    own->taken_milli = own->field->gpu_milli_taken;
    own->given_milli = own->field->gpu_milli_given;
    own->input.turnover = taken <= 0 ? given > 0 : given >= taken ? 1 : (double)given / (double)taken;
    return dure_advise_prices(own->advise, &own->input, &own->prices);
}

static enum dure_err begin(struct dure_placer *placer, const struct dure_field *field, const struct dure_work *work)
{
    struct own *own = calloc(1, sizeof *own);
    if (!own)
        return DURE_E_MEMORY;
    placer->own = own;
    own->field = field;
    own->advise = dure_advise_new(&dure_advise_usual);
    own->classes = calloc(DURE_SCORE_CLASSES_MAX, sizeof *own->classes);
    own->worths = calloc(field->state_capacity, sizeof *own->worths);
    if (!own->advise || !own->classes || !own->worths)
        return DURE_E_MEMORY;
    find_classes(own);
    enum dure_err err = dure_work_typical(work, TYPICAL_PERCENT, &own->shapes, &own->input.shape_count);
    own->input.shapes = own->shapes;
    own->input.classes = own->classes;
    if (!err)
        err = dure_score_frag_new(own->shapes, own->input.shape_count, &own->frag);
    own->table = (struct dure_score_table){.prices = &own->prices, .frag = own->frag};
    return err ? err : set_prices(own);
}

static bool refresh(struct dure_placer *placer, const struct dure_field *field, uint32_t shape)
{
    struct own *own = placer->own;
    (void)shape;
    const int64_t moved = field->gpu_milli_taken - own->taken_milli + field->gpu_milli_given - own->given_milli;
    if (moved * 100 < field->gpu_milli_all * REFRESH_PERCENT)
        return false;
    return set_prices(own) == DURE_OK; /* out of memory: the prices that there are do for a while */
}

static struct dure_score score(struct dure_placer *placer, const struct dure_field_state *state,
                               const struct dure_score_task *task)
{
    struct own *own = placer->own;
    struct kept_worth *kept = &own->worths[state - own->field->states];
    struct dure_score score = {.second = (int32_t)state->gpu_left};
    if (kept->serial != state->serial || kept->epoch != placer->epoch)
        *kept = (struct kept_worth){dure_score_worth(&own->table, &state->node), state->serial, placer->epoch};
    score.value = -dure_score_loss(&own->table, &state->node, kept->worth, task, &score.gpu);
    return score;
}

const struct dure_place_policy dure_place_dure = {
    .name = "dure", .begin = begin, .end = end, .refresh = refresh, .score = score};
