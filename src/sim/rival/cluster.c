/* The machines: kinds of them, who may use which, and places for gangs. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/rival/inner.h"

/* ---- kinds ---- */

static const struct dure_chain *chain_at(const struct rival *r, uint32_t node, uint32_t *ret_chain)
{
    *ret_chain = dure_fleet_chain_id_of(r->sim.options.fleet, (struct dure_node_id){node}).v;
    return &r->sim.options.fleet->chains[*ret_chain];
}

static bool lent(const struct rival *r, const struct dure_chain *chain, const struct dure_tenant *tenant, uint32_t top)
{
    const struct dure_tenants *t = r->sim.options.tenants;
    if (tenant->owner.v == chain->owner.v)
        return true;
    for (uint32_t i = 0; i < t->lending_count; i++) {
        const struct dure_lending *l = &t->lendings[i];
        bool listed = l->to_all;
        if (l->owner.v != chain->owner.v || l->from_us > r->sim.now_us || l->until_us <= r->sim.now_us)
            continue;
        for (uint32_t k = 0; k < l->to_count; k++)
            listed = listed || l->to[k].v == top;
        for (uint32_t k = 0; k < l->except_count; k++)
            listed = listed && l->except[k].v != top;
        if (listed)
            return true;
    }
    return false;
}

/* Its own machines, those promised to it or to those above or below it, and those lent to it. */
static bool access_of(struct rival *r)
{
    const struct dure_tenants *t = r->sim.options.tenants;
    const struct dure_fleet *fleet = r->sim.options.fleet;
    uint32_t *top = calloc(t->tenant_count + 1, sizeof *top);
    r->access = calloc(t->tenant_count + 1, sizeof *r->access);
    if (!top || !r->access) {
        free(top);
        return false;
    }
    for (uint32_t i = 0; i < t->tenant_count; i++) {
        top[i] = t->tenants[i].parent.v == DURE_NONE32 ? i : top[t->tenants[i].parent.v];
        for (uint32_t c = 0; c < fleet->chain_count; c++)
            if (lent(r, &fleet->chains[c], &t->tenants[i], top[i]))
                r->access[i] |= UINT64_C(1) << r->chain_kind[c];
    }
    for (uint32_t i = 0; i < t->allotment_count; i++) {
        const struct dure_allotment *a = &t->allotments[i];
        for (uint32_t k = 0; k < t->tenant_count; k++)
            if (dure_tenants_within(t, (struct dure_tenant_id){k}, a->tenant) ||
                dure_tenants_within(t, a->tenant, (struct dure_tenant_id){k}))
                r->access[k] |= UINT64_C(1) << r->chain_kind[a->chain.v];
    }
    free(top);
    return true;
}

bool rival_kinds(struct rival *r)
{
    const struct dure_fleet *fleet = r->sim.options.fleet;
    r->chain_kind = calloc(fleet->chain_count + 1, sizeof *r->chain_kind);
    for (uint32_t c = 0; r->chain_kind && c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        uint32_t like = 0;
        while (like < c &&
               (fleet->chains[like].owner.v != chain->owner.v || fleet->chains[like].site.v != chain->site.v ||
                fleet->chains[like].model.v != chain->model.v))
            like++;
        if (like == c && r->kind_count == DURE_RIVAL_KINDS_MAX) {
            rival_fail(r, DURE_E_UNSUPPORTED,
                       "found over 64 kinds of machines (owner, site and model), expected fewer: other schedulers keep "
                       "no more");
            return false;
        }
        if (chain->node_gpus > DURE_SCORE_GPUS_MAX) {
            rival_fail(r, DURE_E_UNSUPPORTED,
                       "found a node of over 16 GPUs, expected at most so many: other schedulers keep no more");
            return false;
        }
        r->chain_kind[c] = like < c ? r->chain_kind[like] : (uint8_t)r->kind_count++;
        r->kind_models[chain->model.v] |= UINT64_C(1) << r->chain_kind[c];
    }
    if (!r->chain_kind || !access_of(r)) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for the machines");
        return false;
    }
    return true;
}

/* ---- nodes ---- */

static unsigned levels_above(const struct dure_chain *chain)
{
    return chain->level_count - chain->node_level + 1u;
}

/* Nodes in one cell of a level, the node's own or above. */
static uint32_t cell_nodes(const struct dure_chain *chain, unsigned level)
{
    return dure_chain_leaves_at(chain, level) / chain->node_gpus;
}

static bool idle_begin(struct rival *r)
{
    const struct dure_fleet *fleet = r->sim.options.fleet;
    r->idle = calloc(fleet->chain_count + 1, sizeof *r->idle);
    for (uint32_t c = 0; r->idle && c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        r->idle[c] = calloc((size_t)levels_above(chain) * chain->node_count + 1, sizeof *r->idle[c]);
        if (!r->idle[c])
            return false;
    }
    return r->idle != NULL;
}

static uint32_t *idle_at(const struct rival *r, uint32_t c, unsigned level)
{
    const struct dure_chain *chain = &r->sim.options.fleet->chains[c];
    return r->idle[c] + (size_t)(level - chain->node_level) * chain->node_count;
}

static void count_idle(struct rival *r, uint32_t node, uint32_t more)
{
    uint32_t c;
    const struct dure_chain *chain = chain_at(r, node, &c);
    for (unsigned level = chain->node_level; level <= chain->level_count; level++)
        idle_at(r, c, level)[(node - chain->node_first) / cell_nodes(chain, level)] += more;
}

static void take_node(struct rival *r, uint32_t node, const struct dure_score_task *task, uint32_t gpu,
                      struct dure_place *ret_place)
{
    struct dure_field_place at;
    const uint8_t kind = r->field.nodes[node].all.model;
    if (r->field.nodes[node].tasks == 0)
        count_idle(r, node, UINT32_MAX);
    dure_field_take(&r->field, node, task, gpu, &at);
    r->free_milli[kind] -= (int64_t)task->gpus * task->gpu_milli;
    *ret_place = (struct dure_place){
        .node_first = node, .node_count = 1, .gpu_mask = at.gpus, .tasks = 1, .gpu_milli = (uint16_t)task->gpu_milli};
}

static void give_node(struct rival *r, const struct dure_score_task *task, const struct dure_place *place)
{
    const uint32_t node = place->node_first;
    dure_field_give(&r->field, &(struct dure_field_place){.node = node, .gpus = (uint32_t)place->gpu_mask}, task);
    r->free_milli[r->field.nodes[node].all.model] += (int64_t)task->gpus * task->gpu_milli;
    if (r->field.nodes[node].tasks == 0)
        count_idle(r, node, 1);
}

void rival_close(struct rival *r, uint32_t node)
{
    if (r->closed[node])
        return;
    r->closed[node] = true;
    dure_field_close(&r->field, node);
    count_idle(r, node, UINT32_MAX);
    r->free_milli[r->field.nodes[node].all.model] -= (int64_t)r->field.nodes[node].all.gpus * 1000;
}

void rival_open(struct rival *r, uint32_t node)
{
    if (!r->closed[node])
        return;
    r->closed[node] = false;
    dure_field_open(&r->field, node);
    count_idle(r, node, 1);
    r->free_milli[r->field.nodes[node].all.model] += (int64_t)r->field.nodes[node].all.gpus * 1000;
    r->dirty = true;
}

static bool nodes_begin(struct rival *r)
{
    const struct dure_fleet *fleet = r->sim.options.fleet;
    uint32_t classes = 0;
    r->nodes = calloc(fleet->node_count + 1, sizeof *r->nodes);
    r->closed = calloc(fleet->node_count + 1, sizeof *r->closed);
    for (uint32_t c = 0; r->nodes && c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        struct dure_score_node node = {.cpu_milli = (int64_t)chain->leaf_cpu_milli * chain->node_gpus,
                                       .memory_mib = (int64_t)chain->leaf_memory_mib * chain->node_gpus,
                                       .gpus = (uint8_t)chain->node_gpus,
                                       .model = r->chain_kind[c]};
        for (uint32_t g = 0; g < chain->node_gpus; g++)
            node.gpu_milli[g] = 1000;
        uint32_t like = 0;
        while (like < c &&
               (r->chain_kind[like] != r->chain_kind[c] || fleet->chains[like].node_gpus != chain->node_gpus ||
                fleet->chains[like].leaf_cpu_milli != chain->leaf_cpu_milli))
            like++;
        node.class_index = like < c                           ? r->nodes[fleet->chains[like].node_first].class_index
                           : classes < DURE_SCORE_CLASSES_MAX ? (uint16_t)classes++
                                                              : DURE_SCORE_CLASSES_MAX - 1;
        for (uint32_t k = 0; k < chain->node_count; k++) {
            r->nodes[chain->node_first + k] = node;
            r->free_milli[r->chain_kind[c]] += (int64_t)chain->node_gpus * 1000;
        }
    }
    return r->nodes && r->closed;
}

static void shuffle(uint32_t *items, uint32_t count, uint64_t *random)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t j = (uint32_t)(dure_hash64(++*random) % i), item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

bool rival_cluster(struct rival *r)
{
    const uint32_t count = r->sim.options.fleet->node_count;
    const struct dure_place_policy *place = r->policy.place;
    uint64_t random = r->sim.options.seed ^ UINT64_C(0x72616e6b73);
    uint32_t *ranks = malloc((count + 1) * sizeof *ranks);
    bool fine = ranks && nodes_begin(r) && idle_begin(r) &&
                dure_field_init(&r->field, r->nodes, count, place->keeps_kinds, place->keeps_order) == DURE_OK;
    for (uint32_t n = 0; fine && n < count; n++)
        ranks[n] = n;
    if (fine) {
        shuffle(ranks, count, &random);
        dure_field_reset(&r->field, ranks);
        for (uint32_t n = 0; n < count; n++)
            count_idle(r, n, 1);
        fine = dure_placer_init(&r->placer, place, &r->field, &r->work, DURE_TIE_RANK, dure_hash64(random)) == DURE_OK;
    }
    free(ranks);
    if (!fine)
        rival_fail(r, DURE_E_MEMORY, "out of memory for the machines");
    return fine;
}

void rival_cluster_release(struct rival *r)
{
    for (uint32_t c = 0; r->idle && c < r->sim.options.fleet->chain_count; c++)
        free(r->idle[c]);
    free(r->idle);
    dure_placer_release(&r->placer);
    dure_field_release(&r->field);
    free(r->nodes);
    free(r->closed);
    free(r->chain_kind);
    free(r->access);
    free(r->places);
}

/* ---- places ---- */

/* How many tasks of a shape a node takes: exact, as equal tasks take equally from whatever order they come in. */
static uint32_t holds(const struct dure_score_node *node, const struct dure_score_task *task)
{
    uint64_t count = 0;
    uint32_t whole = 0;
    if (!(task->models >> node->model & 1) || node->cpu_milli < task->cpu_milli || node->memory_mib < task->memory_mib)
        return 0;
    for (uint32_t g = 0; g < node->gpus; g++) {
        whole += node->gpu_milli[g] == 1000;
        count += task->gpu_milli ? node->gpu_milli[g] / task->gpu_milli : 0;
    }
    count = task->gpus > 1 ? whole / task->gpus : count;
    if (task->cpu_milli && (uint64_t)(node->cpu_milli / task->cpu_milli) < count)
        count = (uint64_t)(node->cpu_milli / task->cpu_milli);
    if (task->memory_mib && (uint64_t)(node->memory_mib / task->memory_mib) < count)
        count = (uint64_t)(node->memory_mib / task->memory_mib);
    return (uint32_t)count;
}

/* Kinds that have room for the whole gang, its level aside. */
static uint64_t kinds_with_room(const struct rival *r, const struct need *need, uint64_t models)
{
    const struct dure_score_task *task = need_task(r, need);
    uint64_t room[DURE_RIVAL_KINDS_MAX] = {0}, kinds = 0, maybe = 0;
    for (uint32_t k = 0; k < r->kind_count; k++)
        if (models >> k & 1 && r->free_milli[k] >= (int64_t)need->milli)
            maybe |= UINT64_C(1) << k;
    for (uint32_t slot = 0; maybe && slot < r->field.state_count; slot++) {
        const struct dure_field_state *state = &r->field.states[slot];
        if (state->members && maybe >> state->node.model & 1)
            room[state->node.model] += (uint64_t)state->members * holds(&state->node, task);
    }
    for (uint32_t k = 0; k < r->kind_count; k++)
        kinds |= (uint64_t)(room[k] >= need->tasks && maybe >> k & 1) << k;
    return kinds;
}

static bool place_task(struct rival *r, const struct need *need, const struct dure_placer_within *within, uint32_t at)
{
    uint32_t node, gpu;
    if (!dure_placer_choose_within(&r->placer, &r->field, need->shape, within, &node, &gpu))
        return false;
    take_node(r, node, need_task(r, need), gpu, &r->places[at]);
    return true;
}

struct cell {
    uint32_t node_first, node_count;
    uint64_t room; /* 0: none found */
};

/* The cell of the gang's level with the least room that is enough; ties by their order. */
static void tightest_cell(const struct rival *r, const struct need *need, uint32_t c, struct cell *best)
{
    const struct dure_chain *chain = &r->sim.options.fleet->chains[c];
    const struct dure_score_task *task = need_task(r, need);
    unsigned level = dure_fleet_level(r->sim.options.fleet, chain, need->level);
    if (level == 0)
        return;
    level = level < chain->node_level ? chain->node_level : level;
    const bool site = level > chain->level_count; /* a chain lies at one site */
    const uint32_t width = site ? chain->node_count : cell_nodes(chain, level);
    const bool whole = task->gpus == chain->node_gpus && !task->cpu_milli && !task->memory_mib && !site;
    for (uint32_t cell = 0; cell < chain->node_count / width; cell++) {
        const uint32_t first = chain->node_first + cell * width;
        uint64_t room = whole ? idle_at(r, c, level)[cell] : 0;
        for (uint32_t n = 0; n < width && !whole; n++)
            room += holds(&r->field.nodes[first + n].left, task);
        if (room >= need->tasks && (!best->room || room < best->room))
            *best = (struct cell){first, width, room};
    }
}

static bool place_in_level(struct rival *r, const struct need *need, uint64_t models)
{
    struct cell best = {0};
    for (uint32_t c = 0; c < r->sim.options.fleet->chain_count; c++)
        if (models >> r->chain_kind[c] & 1)
            tightest_cell(r, need, c, &best);
    const struct dure_placer_within within = {models, best.node_first, best.node_count};
    for (uint32_t t = 0; best.room && t < need->tasks; t++)
        DURE_ASSERT(place_task(r, need, &within, t));
    return best.room > 0;
}

static bool place_anywhere(struct rival *r, const struct need *need, uint64_t models)
{
    struct dure_placer_within within = {.models = models};
    if (!place_task(r, need, &within, 0))
        return false;
    within.models = UINT64_C(1) << r->field.nodes[r->places[0].node_first].all.model;
    for (uint32_t t = 1; t < need->tasks; t++)
        DURE_ASSERT(place_task(r, need, &within, t));
    return true;
}

bool rival_places_room(struct rival *r, uint32_t tasks)
{
    if (tasks <= r->place_room)
        return true;
    struct dure_place *more = realloc(r->places, tasks * sizeof *more);
    if (!more) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for places");
        return false;
    }
    r->places = more;
    r->place_room = tasks;
    return true;
}

bool rival_place(struct rival *r, const struct need *need, uint64_t models, uint8_t *ret_kind)
{
    if (!rival_places_room(r, need->tasks))
        return false;
    const uint64_t kinds = kinds_with_room(r, need, models & need->models);
    if (!kinds)
        return false;
    const bool placed =
        (*need->level && place_in_level(r, need, kinds)) || (!need->required && place_anywhere(r, need, kinds));
    if (placed)
        *ret_kind = r->field.nodes[r->places[0].node_first].all.model;
    return placed;
}

void rival_give(struct rival *r, const struct need *need, const struct dure_place *places)
{
    for (uint32_t t = 0; t < need->tasks; t++)
        give_node(r, need_task(r, need), &places[t]);
}

bool rival_retake(struct rival *r, const struct need *need, const struct dure_place *places)
{
    const struct dure_score_task *task = need_task(r, need);
    uint32_t taken = 0;
    for (; taken < need->tasks; taken++) {
        const uint32_t node = places[taken].node_first;
        const struct dure_score_node *left = &r->field.nodes[node].left;
        bool there = holds(left, task) > 0;
        for (uint32_t g = 0; g < left->gpus; g++)
            there = there && (!(places[taken].gpu_mask >> g & 1) || left->gpu_milli[g] >= task->gpu_milli);
        if (!there)
            break;
        struct dure_field_place at = {.node = node, .gpus = (uint32_t)places[taken].gpu_mask};
        if (r->field.nodes[node].tasks == 0)
            count_idle(r, node, UINT32_MAX);
        dure_field_retake(&r->field, &at, task);
        r->free_milli[r->field.nodes[node].all.model] -= (int64_t)task->gpus * task->gpu_milli;
    }
    if (taken == need->tasks)
        return true;
    for (uint32_t t = 0; t < taken; t++)
        give_node(r, task, &places[t]);
    return false;
}

bool rival_ever(struct rival *r, const struct need *need)
{
    uint8_t kind;
    if (!rival_place(r, need, need->models, &kind))
        return false;
    rival_give(r, need, r->places);
    return true;
}
