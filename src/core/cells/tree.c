#include <string.h>

#include "core/cells/state.h"

bool dure_cells_place_of(const struct dure_cells *cells, uint32_t leaf, struct dure_cells_slot *ret_slot)
{
    for (uint32_t levels = cells->bound_levels; levels; levels &= levels - 1) { /* mostly one or two */
        const struct dure_cells_level *level = &cells->level[__builtin_ctz(levels)];
        const struct dure_cells_slot slot = level->place[dure_cells_over(level, leaf)];
        if (slot.right != DURE_NONE32) {
            *ret_slot = slot;
            return true;
        }
    }
    return false;
}

uint32_t dure_cells_lost_in(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    return level > 1 ? cells->level[level].lost[index] : dure_bits_test(&cells->lost, index);
}

uint32_t dure_cells_borrowed_in(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    return level > 1 ? cells->level[level].borrowed[index] : dure_cells_borrowed_on(cells, index) != 0;
}

unsigned dure_cells_free_above(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    for (unsigned l = level;;) {
        if (dure_bits_test(&cells->level[l].free, index))
            return l;
        if (l == cells->shape.levels)
            return 0;
        index /= cells->level[++l].holds;
    }
}

unsigned dure_cells_free_level(const struct dure_cells *cells, uint32_t leaf)
{
    return dure_cells_free_above(cells, 1, leaf);
}

static void put_siblings(struct dure_cells *cells, unsigned level, uint32_t index, uint32_t holds, bool on)
{
    const uint32_t first = index / holds * holds;
    dure_cells_put_free(cells, level, first, index - first, on);
    dure_cells_put_free(cells, level, index + 1, first + holds - index - 1, on);
}

void dure_cells_carve(struct dure_cells *cells, unsigned level, uint32_t index)
{
    const unsigned above = dure_cells_free_above(cells, level, index);
    DURE_ASSERT(above);
    for (unsigned l = level; l < above; l++) {
        const uint32_t holds = cells->level[l + 1].holds, parent = index / holds;
        put_siblings(cells, l, index, holds, true);
        index = parent;
    }
    dure_cells_put_free(cells, above, index, 1, false);
}

void dure_cells_release(struct dure_cells *cells, unsigned level, uint32_t index)
{
    while (level < cells->shape.levels && !DURE_CELLS_MUTATED(NO_MERGE)) {
        const struct dure_cells_level *above = &cells->level[level + 1];
        const uint32_t parent = index / above->holds;
        if (above->bound[parent] || above->lost[parent])
            break;
        put_siblings(cells, level, index, above->holds, false);
        index = parent;
        level++;
    }
    dure_cells_put_free(cells, level, index, 1, true);
}

void dure_cells_parts_put(struct dure_cells *cells, unsigned level, uint32_t index, bool on)
{
    if (!dure_cells_lost_in(cells, level, index)) {
        dure_cells_put_free(cells, level, index, 1, on);
        return;
    }
    const uint32_t holds = cells->level[level].holds;
    for (uint32_t child = 0; child < holds; child++)
        dure_cells_parts_put(cells, level - 1, index * holds + child, on);
}

void dure_cells_parts_count(const struct dure_cells *cells, unsigned level, uint32_t index,
                            uint32_t parts[DURE_CELLS_LEVELS_MAX + 1])
{
    if (!dure_cells_lost_in(cells, level, index)) {
        parts[level]++;
        return;
    }
    const uint32_t holds = cells->level[level].holds;
    for (uint32_t child = 0; child < holds; child++)
        dure_cells_parts_count(cells, level - 1, index * holds + child, parts);
}

uint32_t dure_cells_best(const struct dure_cells *cells, unsigned level)
{
    const struct dure_cells_level *at = &cells->level[level];
    if (!at->free.count)
        return DURE_NONE32;
    if (at->idle.count || level == 1) /* borrowed leaves are all alike */
        return (uint32_t)dure_bits_first(at->idle.count ? &at->idle : &at->free, 0);
    uint32_t node = 1;
    while (node < at->base)
        node = at->best[2 * node] == at->best[node] ? 2 * node : 2 * node + 1;
    return node - at->base;
}
