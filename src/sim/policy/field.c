#include "sim/policy/field.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 13 };

unsigned dure_field_kind(const struct dure_score_task *task)
{
    if (task->gpus == 1)
        return task->gpu_milli < 1000 ? 0 : 1;
    return task->gpus == 2 ? 2 : task->gpus <= 4 ? 3 : 4;
}

enum dure_err dure_field_init(struct dure_field *field, const struct dure_score_node *nodes, uint32_t count,
                              bool keeps_kinds, bool keeps_order)
{
    *field = (struct dure_field){.node_count = count, .keeps_kinds = keeps_kinds, .keeps_order = keeps_order};
    field->state_capacity = count + 1; /* one more: a node enters its new state before the old one can be freed */
    field->nodes = calloc(count + 1, sizeof *field->nodes);
    field->states = calloc(field->state_capacity, sizeof *field->states);
    field->buckets = calloc(BUCKETS, sizeof *field->buckets);
    if (!field->nodes || !field->states || !field->buckets) {
        dure_field_release(field);
        return DURE_E_MEMORY;
    }
    for (uint32_t n = 0; n < count; n++) {
        field->nodes[n].all = nodes[n];
        field->nodes[n].rank = n;
        for (uint32_t g = 0; g < nodes[n].gpus; g++)
            field->gpu_milli_all += nodes[n].gpu_milli[g];
    }
    dure_field_reset(field, NULL);
    return DURE_OK;
}

void dure_field_release(struct dure_field *field)
{
    free(field->nodes);
    free(field->states);
    free(field->buckets);
    *field = (struct dure_field){0};
}

static void sort_gpus(struct dure_score_node *node)
{
    for (uint32_t i = 1; i < node->gpus; i++) {
        const uint16_t left = node->gpu_milli[i];
        uint32_t at = i;
        for (; at > 0 && node->gpu_milli[at - 1] < left; at--)
            node->gpu_milli[at] = node->gpu_milli[at - 1];
        node->gpu_milli[at] = left;
    }
}

static struct dure_field_state state_of(const struct dure_field *field, const struct dure_field_node *node)
{
    struct dure_field_state state = {.node = node->left};
    if (!field->keeps_order)
        sort_gpus(&state.node);
    for (unsigned k = 0; k < 5 && field->keeps_kinds; k++)
        state.kinds |= (uint8_t)((node->kinds[k] > 0) << k);
    for (uint32_t g = 0; g < state.node.gpus; g++)
        state.gpu_left += state.node.gpu_milli[g];
    return state;
}

static bool alike(const struct dure_field_state *a, const struct dure_field_state *b)
{
    return a->node.cpu_milli == b->node.cpu_milli && a->node.memory_mib == b->node.memory_mib &&
           a->node.gpus == b->node.gpus && a->node.model == b->node.model &&
           a->node.class_index == b->node.class_index && a->kinds == b->kinds &&
           memcmp(a->node.gpu_milli, b->node.gpu_milli, sizeof a->node.gpu_milli) == 0;
}

static uint32_t bucket_of(const struct dure_field_state *state)
{
    uint64_t words[3 + DURE_SCORE_GPUS_MAX / 4];
    words[0] = (uint64_t)state->node.cpu_milli;
    words[1] = (uint64_t)state->node.memory_mib;
    words[2] = (uint64_t)state->node.class_index << 32 | (uint64_t)state->node.model << 16 | state->kinds;
    memcpy(words + 3, state->node.gpu_milli, sizeof state->node.gpu_milli);
    uint64_t hash = 0;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        hash = (hash ^ words[i]) * 0x9E3779B97F4A7C15u ^ hash >> 29;
    return (uint32_t)(hash >> 40) & (BUCKETS - 1);
}

static void enter(struct dure_field *field, uint32_t n)
{
    struct dure_field_node *node = &field->nodes[n];
    const struct dure_field_state state = state_of(field, node);
    int32_t *bucket = &field->buckets[bucket_of(&state)];
    int32_t slot = *bucket;
    while (slot >= 0 && !alike(&field->states[slot], &state))
        slot = field->states[slot].chain;
    if (slot < 0) {
        slot = field->free_slot;
        if (slot >= 0)
            field->free_slot = field->states[slot].chain;
        else
            slot = (int32_t)field->state_count++;
        DURE_ASSERT((uint32_t)slot < field->state_capacity);
        field->states[slot] = state;
        field->states[slot].first = -1;
        field->states[slot].serial = ++field->serial;
        field->states[slot].chain = *bucket;
        *bucket = slot;
    }
    struct dure_field_state *in = &field->states[slot];
    node->state = (uint32_t)slot;
    node->next = in->first;
    node->before = -1;
    if (in->first >= 0)
        field->nodes[in->first].before = (int32_t)n;
    in->first = (int32_t)n;
    in->members++;
}

static void leave(struct dure_field *field, uint32_t n)
{
    struct dure_field_node *node = &field->nodes[n];
    struct dure_field_state *state = &field->states[node->state];
    if (node->before >= 0)
        field->nodes[node->before].next = node->next;
    else
        state->first = node->next;
    if (node->next >= 0)
        field->nodes[node->next].before = node->before;
    if (--state->members > 0)
        return;
    int32_t *at = &field->buckets[bucket_of(state)];
    while (*at != (int32_t)node->state)
        at = &field->states[*at].chain;
    *at = state->chain;
    state->chain = field->free_slot;
    field->free_slot = (int32_t)node->state;
}

void dure_field_reset(struct dure_field *field, const uint32_t *ranks)
{
    for (uint32_t b = 0; b < BUCKETS; b++)
        field->buckets[b] = -1;
    field->free_slot = -1;
    field->state_count = 0;
    field->gpu_milli_used = 0;
    field->gpu_milli_taken = field->gpu_milli_given = 0;
    for (uint32_t n = 0; n < field->node_count; n++) {
        struct dure_field_node *node = &field->nodes[n];
        node->left = node->all;
        node->tasks = 0;
        memset(node->kinds, 0, sizeof node->kinds);
        if (ranks)
            node->rank = ranks[n];
        enter(field, n);
    }
}

/* The GPU of the node that stands where `gpu` does among the sorted ones. */
static uint32_t same_left(const struct dure_field *field, const struct dure_field_node *node, uint32_t gpu)
{
    const uint16_t left = field->states[node->state].node.gpu_milli[gpu];
    for (uint32_t g = 0; g < node->left.gpus; g++)
        if (node->left.gpu_milli[g] == left)
            return g;
    DURE_ASSERT(false);
    return 0;
}

static int64_t gpu_milli_of(const struct dure_score_task *task)
{
    return (int64_t)task->gpus * task->gpu_milli;
}

void dure_field_take(struct dure_field *field, uint32_t n, const struct dure_score_task *task, uint32_t gpu,
                     struct dure_field_place *ret_place)
{
    struct dure_field_node *node = &field->nodes[n];
    const struct dure_score_node before = node->left;
    const uint32_t real = task->gpus == 1 ? same_left(field, node, gpu) : 0;
    leave(field, n);
    dure_score_take(&node->left, task, real);
    node->tasks++;
    if (task->gpus > 0)
        node->kinds[dure_field_kind(task)]++;
    field->gpu_milli_used += gpu_milli_of(task);
    field->gpu_milli_taken += gpu_milli_of(task);
    *ret_place = (struct dure_field_place){.node = n};
    for (uint32_t g = 0; g < before.gpus; g++)
        ret_place->gpus |= (uint32_t)(before.gpu_milli[g] != node->left.gpu_milli[g]) << g;
    enter(field, n);
}

void dure_field_give(struct dure_field *field, const struct dure_field_place *place, const struct dure_score_task *task)
{
    struct dure_field_node *node = &field->nodes[place->node];
    leave(field, place->node);
    node->left.cpu_milli += task->cpu_milli;
    node->left.memory_mib += task->memory_mib;
    for (uint32_t g = 0; g < node->left.gpus; g++)
        if (place->gpus >> g & 1)
            node->left.gpu_milli[g] = (uint16_t)(node->left.gpu_milli[g] + task->gpu_milli);
    node->tasks--;
    if (task->gpus > 0)
        node->kinds[dure_field_kind(task)]--;
    field->gpu_milli_used -= gpu_milli_of(task);
    field->gpu_milli_given += gpu_milli_of(task);
    enter(field, place->node);
}

void dure_field_close(struct dure_field *field, uint32_t n)
{
    struct dure_field_node *node = &field->nodes[n];
    DURE_ASSERT(node->tasks == 0);
    leave(field, n);
    node->left.cpu_milli = node->left.memory_mib = -1;
    memset(node->left.gpu_milli, 0, sizeof node->left.gpu_milli);
    enter(field, n);
}

void dure_field_open(struct dure_field *field, uint32_t n)
{
    leave(field, n);
    field->nodes[n].left = field->nodes[n].all;
    enter(field, n);
}

void dure_field_retake(struct dure_field *field, const struct dure_field_place *place,
                       const struct dure_score_task *task)
{
    struct dure_field_node *node = &field->nodes[place->node];
    leave(field, place->node);
    node->left.cpu_milli -= task->cpu_milli;
    node->left.memory_mib -= task->memory_mib;
    for (uint32_t g = 0; g < node->left.gpus; g++)
        if (place->gpus >> g & 1)
            node->left.gpu_milli[g] = (uint16_t)(node->left.gpu_milli[g] - task->gpu_milli);
    node->tasks++;
    if (task->gpus > 0)
        node->kinds[dure_field_kind(task)]++;
    field->gpu_milli_used += gpu_milli_of(task);
    field->gpu_milli_taken += gpu_milli_of(task);
    enter(field, place->node);
}
