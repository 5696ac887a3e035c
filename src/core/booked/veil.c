/* Nodes out of sight for the time of a plan. */
#include <stdlib.h>

#include "core/booked/booked.h"
#include "core/place/sight.h"

static void note_cell(struct veil *veil, uint32_t allot, uint32_t index)
{
    if (veil->cell_count == veil->cell_capacity) {
        veil->cell_capacity = veil->cell_capacity ? veil->cell_capacity * 2 : 64;
        veil->cells = dure_core_grow(veil->cells, sizeof *veil->cells, veil->cell_capacity);
    }
    veil->cells[veil->cell_count++] = (uint64_t)allot << 32 | index;
}

static void hide(struct dure_core *core, struct veil *veil, uint32_t at, uint32_t node)
{
    struct chain_state *chain = &core->chains[at];
    if (veil->count == veil->capacity) {
        veil->capacity = veil->capacity ? veil->capacity * 2 : 64;
        veil->nodes = dure_core_grow(veil->nodes, sizeof *veil->nodes, veil->capacity);
        veil->idle = dure_core_grow(veil->idle, sizeof *veil->idle, veil->capacity);
        veil->away = dure_core_grow(veil->away, sizeof *veil->away, veil->capacity);
    }
    const uint32_t slot = node - core->fleet->chains[at].node_first;
    veil->nodes[veil->count] = node;
    veil->idle[veil->count] = chain->idle.idle[slot];
    veil->away[veil->count++] = chain->away.idle[slot];
    core->nodes[node].veiled = true;
    dure_slots_set(&chain->idle, slot, 0);
    dure_slots_set(&chain->away, slot, 0);
}

/* The chain's rights as they would be if these nodes were lost, settled. */
static void hide_cells(struct dure_core *core, struct veil *veil, uint32_t at, uint32_t first)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    struct dure_cells *cells = core->chains[at].cells;
    veil->marks[at] = dure_cells_mark(cells);
    for (uint32_t i = first; i < veil->count; i++)
        for (uint32_t gpu = 0; gpu < chain->node_gpus; gpu++) {
            const uint32_t leaf = (veil->nodes[i] - chain->node_first) * chain->node_gpus + gpu;
            struct dure_cells_leaf l;
            if (dure_cells_lose(cells, leaf, NULL) != DURE_OK)
                continue; /* lost in truth */
            dure_cells_leaf(cells, leaf, &l);
            if (l.allot.v != NONE &&
                (!veil->cell_count || veil->cells[veil->cell_count - 1] != ((uint64_t)l.allot.v << 32 | l.index)))
                note_cell(veil, l.allot.v, l.index);
        }
    struct dure_cells_step step;
    while (dure_cells_next_step(cells, &step) && dure_cells_do_step(cells, &step, NULL) == DURE_OK)
        note_cell(veil, step.allot.v, step.index);
}

/* Its next window tells enough of the present: none of those to come is over then. */
static bool is_out_of_sight(const struct dure_core *core, uint32_t node, int64_t from_us, int64_t reach_us)
{
    return core->nodes[node].window_us < reach_us &&
           (from_us <= core->s.time_us || window_meets(core, node, 1, from_us, reach_us));
}

void veil_put(struct dure_core *core, struct veil *veil, int64_t from_us, int64_t reach_us, bool rights)
{
    const struct dure_fleet *fleet = core->fleet;
    *veil = (struct veil){0};
    veil->marks = dure_core_alloc(sizeof *veil->marks, fleet->chain_count);
    veil->veiled = dure_core_alloc(sizeof *veil->veiled, fleet->chain_count);
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        const uint32_t first = veil->count;
        for (uint32_t i = 0; core->chains[c].window_us < reach_us && i < fleet->chains[c].node_count; i++)
            if (is_out_of_sight(core, fleet->chains[c].node_first + i, from_us, reach_us))
                hide(core, veil, c, fleet->chains[c].node_first + i);
        veil->veiled[c] = rights && veil->count > first;
        if (veil->veiled[c])
            hide_cells(core, veil, c, first);
    }
    for (uint32_t i = 0; i < veil->cell_count; i++)
        sight_cell(core, (uint32_t)(veil->cells[i] >> 32), (uint32_t)veil->cells[i]);
}

void veil_take(struct dure_core *core, struct veil *veil)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++)
        if (veil->veiled[c])
            dure_cells_rollback(core->chains[c].cells, veil->marks[c]);
    for (uint32_t i = 0; i < veil->cell_count; i++)
        sight_cell(core, (uint32_t)(veil->cells[i] >> 32), (uint32_t)veil->cells[i]);
    for (uint32_t i = 0; i < veil->count; i++) {
        const uint32_t node = veil->nodes[i];
        const uint32_t at = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){node}).v;
        const uint32_t slot = node - core->fleet->chains[at].node_first;
        core->nodes[node].veiled = false;
        dure_slots_set(&core->chains[at].idle, slot, veil->idle[i]);
        dure_slots_set(&core->chains[at].away, slot, veil->away[i]);
    }
    free(veil->nodes);
    free(veil->idle);
    free(veil->away);
    free(veil->cells);
    free(veil->marks);
    free(veil->veiled);
}

bool veil_plan_holds(struct dure_core *core, const struct plan *plan)
{
    struct dure_cells *cells = core->chains[plan->chain].cells;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    bool holds = true;
    for (uint32_t i = 0; holds && i < plan->binding_count; i++) {
        const struct dure_binding *b = &plan->bindings[i];
        const struct dure_cell cell = {b->cell_index, core->allots[b->allot.v]->spec.level};
        holds = !b->is_new || dure_cells_take_exact(cells, b->allot, b->virtual_index, cell, NULL) == DURE_OK;
    }
    dure_cells_rollback(cells, mark);
    return holds;
}

static bool plan_it(struct dure_core *core, const struct request *ask, struct plan *plan)
{
    return ask->job_class == DURE_BORROWED ? plan_borrowed(core, ask, plan) : plan_guaranteed(core, ask, plan);
}

bool plan_around(struct dure_core *core, const struct request *ask, struct plan *plan)
{
    const int64_t reach_us = window_reach(core, ask);
    const bool rights = ask->job_class == DURE_GUARANTEED;
    struct veil veil;
    int64_t window_us;
    if (!plan_it(core, ask, plan))
        return false;
    if (!window_touches(core, plan->chain, plan->places, plan->place_count, reach_us, &window_us))
        return true;
    core->trials++;
    veil_put(core, &veil, core->s.time_us, reach_us, rights);
    const bool found = plan_it(core, ask, plan);
    veil_take(core, &veil);
    core->trials--;
    const bool holds = found && (!rights || veil_plan_holds(core, plan));
    core->blamed = !holds; /* it is not room that is lacking */
    return holds;
}
