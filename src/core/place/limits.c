#include "core/place/limits.h"

#include <stdlib.h>

#include "core/place/rules.h"
#include "core/state/lists.h"

void limits_init(struct dure_core *core, const struct request *ask, uint32_t at, bool by_right, struct limits *limits)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    *limits = (struct limits){.chain = at,
                              .node_first = chain->node_first,
                              .node_gpus = chain->node_gpus,
                              .by_right = by_right,
                              .core = core,
                              .ask = ask};
    if (fence_touches(core, ask, by_right))
        limits->side_count = fence_sides(core, ask, at, by_right, &limits->sides);
    if (ask->lists && !DURE_CORE_MUTATED(LISTS_FORGOTTEN)) {
        limits->listed = true;
        limits->allowed = lists_allowed(core, ask->lists);
    }
    if (ask->spread_max && !DURE_CORE_MUTATED(SPREAD_FORGOTTEN)) {
        limits->spread_max = ask->spread_max;
        limits->spread_leaves = rule_spread_leaves(core, ask, at);
    }
}

void limits_release(struct limits *limits)
{
    dure_map_release(&limits->tally);
    free(limits->sides);
}

bool limits_fenced(const struct limits *limits, uint32_t node)
{
    const int64_t later_us = limits->core->fences.later_us;
    if (!limits->side_count)
        return false;
    return later_us ? fence_is_on_at(limits->core, limits->ask, limits->chain, limits->sides, limits->side_count, node,
                                     limits->by_right, later_us)
                    : fence_is_on(limits->sides, limits->side_count, node);
}

static uint64_t tally_of(const struct limits *limits, uint32_t leaf)
{
    uint64_t tasks;
    return dure_map_get(&limits->tally, leaf / limits->spread_leaves, &tasks) ? tasks : 0;
}

uint32_t limits_room(const struct limits *limits, uint32_t leaf)
{
    if (!limits->spread_max)
        return DURE_JOB_TASKS_MAX;
    const uint64_t tasks = tally_of(limits, leaf);
    return tasks < limits->spread_max ? limits->spread_max - (uint32_t)tasks : 0;
}

void limits_add(struct limits *limits, uint32_t leaf, uint32_t tasks)
{
    if (limits->spread_max)
        DURE_ASSERT(dure_map_put(&limits->tally, leaf / limits->spread_leaves, tally_of(limits, leaf) + tasks));
}

void limits_take_back(struct limits *limits, uint32_t leaf, uint32_t tasks)
{
    if (limits->spread_max)
        DURE_ASSERT(dure_map_put(&limits->tally, leaf / limits->spread_leaves, tally_of(limits, leaf) - tasks));
}

bool field_fenced(const struct field *field, const struct limits *limits, uint32_t slot)
{
    struct dure_cells_virtual cell;
    if (!limits->side_count)
        return false;
    if (!field->bound)
        return limits_fenced(limits, slot);
    if (!dure_cells_virtual(field->bound, field->allot, slot / field->cell_slots, &cell) ||
        (cell.state != DURE_CELLS_BOUND && cell.state != DURE_CELLS_SERVED))
        return false;
    const uint32_t leaf =
        dure_cells_first_leaf(field->bound, cell.cell) + slot % field->cell_slots * field->slots->gpus;
    return limits_fenced(limits, leaf / limits->node_gpus);
}

bool field_leaf(const struct field *field, uint32_t slot, uint32_t *ret_leaf)
{
    if (!field->cells) {
        *ret_leaf = slot * field->slots->gpus;
        return true;
    }
    struct dure_cells_virtual cell;
    if (!dure_cells_virtual(field->cells, field->allot, slot / field->cell_slots, &cell) ||
        (cell.state != DURE_CELLS_BOUND && cell.state != DURE_CELLS_SERVED))
        return false;
    *ret_leaf = dure_cells_first_leaf(field->cells, cell.cell) + slot % field->cell_slots * field->slots->gpus;
    return true;
}
