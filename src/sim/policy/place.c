#include "sim/policy/place.h"

#include <stdlib.h>
#include <string.h>

#include "sim/make/draw.h"

const struct dure_place_policy *const dure_place_policies[] = {
    &dure_place_random,  &dure_place_dotprod, &dure_place_clustering, &dure_place_packing,
    &dure_place_bestfit, &dure_place_fgd,     &dure_place_dure,       NULL};

const struct dure_place_policy *dure_place_find(const char *name)
{
    for (unsigned i = 0; dure_place_policies[i]; i++)
        if (strcmp(dure_place_policies[i]->name, name) == 0)
            return dure_place_policies[i];
    return NULL;
}

enum dure_err dure_placer_init(struct dure_placer *placer, const struct dure_place_policy *policy,
                               const struct dure_field *field, const struct dure_work *work, enum dure_tie tie,
                               uint64_t random)
{
    *placer = (struct dure_placer){.policy = policy,
                                   .tie = policy->by_chance ? DURE_TIE_RANDOM : tie,
                                   .random = random,
                                   .work = work,
                                   .slots = field->state_capacity};
    placer->kept = calloc((size_t)work->count * placer->slots + 1, sizeof *placer->kept);
    const enum dure_err err = !placer->kept   ? DURE_E_MEMORY
                              : policy->begin ? policy->begin(placer, field, work)
                                              : DURE_OK;
    if (err)
        dure_placer_release(placer);
    return err;
}

void dure_placer_release(struct dure_placer *placer)
{
    if (placer->policy && placer->policy->end)
        placer->policy->end(placer);
    free(placer->kept);
    *placer = (struct dure_placer){0};
}

static const struct dure_kept *look(struct dure_placer *placer, const struct dure_field_state *state, uint32_t slot,
                                    uint32_t shape)
{
    struct dure_kept *kept = &placer->kept[(size_t)shape * placer->slots + slot];
    const struct dure_score_task *task = &placer->work->shapes[shape].task;
    if (kept->serial == state->serial && kept->epoch == placer->epoch)
        return kept;
    if (kept->serial != state->serial)
        kept->fits = dure_score_fits(&state->node, task);
    kept->serial = state->serial;
    kept->epoch = placer->epoch & 0x7FFFFFFF;
    if (kept->fits)
        kept->score = placer->policy->score(placer, state, task);
    return kept;
}

/* How a state stands to the best so far: below 0 behind, 0 beside, above 0 before it. */
static int compare(const struct dure_score *score, const struct dure_score *best)
{
    if (score->value != best->value)
        return score->value > best->value ? 1 : -1;
    return (score->second < best->second) - (score->second > best->second);
}

struct best {
    struct dure_score score;
    uint32_t node;
    uint32_t gpu;
    uint32_t ties; /* nodes met so far that are as good: for ties by chance */
};

/* One more node that is as good as the best: which of the two is taken. */
static void pick_node(struct dure_placer *placer, const struct dure_field *field, uint32_t node, uint32_t gpu,
                      struct best *best)
{
    const uint32_t rank = field->nodes[node].rank;
    bool taken = best->ties == 0;
    best->ties++;
    if (!taken && placer->tie == DURE_TIE_RANDOM)
        taken = dure_draw_below(&placer->random, best->ties) == 0;
    else if (!taken)
        taken = (rank < field->nodes[best->node].rank) == (placer->tie == DURE_TIE_RANK);
    if (taken) {
        best->node = node;
        best->gpu = gpu;
    }
}

/* The state's nodes are all as good: which of them, if any, is taken instead of the one at hand. */
static void pick(struct dure_placer *placer, const struct dure_field *field, const struct dure_field_state *state,
                 uint32_t gpu, struct best *best)
{
    for (int32_t n = state->first; n >= 0; n = field->nodes[n].next)
        pick_node(placer, field, (uint32_t)n, gpu, best);
}

/* Whether a state stands before or beside the best so far; the best is then its score. */
static bool stands(struct dure_placer *placer, const struct dure_field *field, uint32_t slot, uint32_t shape,
                   struct best *best)
{
    const struct dure_kept *kept = look(placer, &field->states[slot], slot, shape);
    const int better = !kept->fits ? -1 : best->ties == 0 ? 1 : compare(&kept->score, &best->score);
    if (better < 0)
        return false;
    if (better > 0)
        best->ties = 0;
    best->score = kept->score;
    return true;
}

static uint32_t any_gpu(struct dure_placer *placer, const struct dure_score_node *node,
                        const struct dure_score_task *task)
{
    uint32_t fit = 0;
    for (uint32_t g = 0; g < node->gpus; g++)
        fit += node->gpu_milli[g] >= task->gpu_milli;
    uint32_t wanted = (uint32_t)dure_draw_below(&placer->random, fit);
    for (uint32_t g = 0; g < node->gpus; g++)
        if (node->gpu_milli[g] >= task->gpu_milli && wanted-- == 0)
            return g;
    DURE_ASSERT(false);
    return 0;
}

static bool decide(struct dure_placer *placer, const struct dure_field *field, uint32_t shape, const struct best *best,
                   uint32_t *ret_node, uint32_t *ret_gpu)
{
    const struct dure_score_task *task = &placer->work->shapes[shape].task;
    if (best->ties == 0)
        return false;
    *ret_node = best->node;
    *ret_gpu = best->gpu;
    if (placer->policy->by_chance && task->gpus == 1)
        *ret_gpu = any_gpu(placer, &field->states[field->nodes[best->node].state].node, task);
    return true;
}

static void refresh(struct dure_placer *placer, const struct dure_field *field, uint32_t shape)
{
    if (placer->policy->refresh && placer->policy->refresh(placer, field, shape))
        placer->epoch++;
}

bool dure_placer_choose(struct dure_placer *placer, const struct dure_field *field, uint32_t shape, uint32_t *ret_node,
                        uint32_t *ret_gpu)
{
    return dure_placer_choose_within(placer, field, shape, &(struct dure_placer_within){.models = UINT64_MAX}, ret_node,
                                     ret_gpu);
}

bool dure_placer_choose_within(struct dure_placer *placer, const struct dure_field *field, uint32_t shape,
                               const struct dure_placer_within *within, uint32_t *ret_node, uint32_t *ret_gpu)
{
    struct best best = {.ties = 0};
    refresh(placer, field, shape);
    for (uint32_t k = 0; k < within->node_count; k++) {
        const uint32_t node = within->node_first + k, slot = field->nodes[node].state;
        if (stands(placer, field, slot, shape, &best))
            pick_node(placer, field, node, best.score.gpu, &best);
    }
    for (uint32_t slot = 0; slot < field->state_count && !within->node_count; slot++) {
        const struct dure_field_state *state = &field->states[slot];
        if (state->members && within->models >> state->node.model & 1 && stands(placer, field, slot, shape, &best))
            pick(placer, field, state, best.score.gpu, &best);
    }
    return decide(placer, field, shape, &best, ret_node, ret_gpu);
}
