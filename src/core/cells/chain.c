#include <stdlib.h>
#include <string.h>

#include "core/cells/state.h"

/* How many leaves it has; 0: it is refused, and why. */
static uint32_t shape_leaves(const struct dure_cells_shape *shape, enum dure_err *ret_err, struct dure_error *error)
{
    uint64_t leaves = shape->tops;
    unsigned l = 2;
    for (; l <= shape->levels && l <= DURE_CELLS_LEVELS_MAX && leaves && leaves <= DURE_CELLS_LEAVES_MAX; l++)
        leaves *= shape->holds[l];
    if (shape->levels < 1 || shape->levels > DURE_CELLS_LEVELS_MAX)
        *ret_err = dure_fail(error, DURE_E_INVALID, "a chain has 1 to %d levels, not %d", DURE_CELLS_LEVELS_MAX,
                             shape->levels);
    else if (!shape->tops)
        *ret_err = dure_fail(error, DURE_E_INVALID, "a chain has at least one top cell");
    else if (!leaves)
        *ret_err = dure_fail(error, DURE_E_INVALID, "a cell of level %u holds nothing", l - 1);
    else if (leaves > DURE_CELLS_LEAVES_MAX)
        *ret_err = dure_fail(error, DURE_E_LIMIT, "a chain has at most %d leaves", DURE_CELLS_LEAVES_MAX);
    else
        return (uint32_t)leaves;
    return 0;
}

/* False: no memory; what was made is freed with the rest. */
static bool level_init(struct dure_cells_level *level, bool is_leaf)
{
    level->place = malloc(level->count * sizeof *level->place);
    if (!level->place || !dure_bits_init(&level->free, level->count) || !dure_bits_init(&level->idle, level->count))
        return false;
    memset(level->place, 0xff, level->count * sizeof *level->place);
    if (is_leaf)
        return true;
    for (level->base = 1; level->base < level->count;)
        level->base *= 2;
    level->bound = calloc(level->count, sizeof *level->bound);
    level->lost = calloc(level->count, sizeof *level->lost);
    level->borrowed = calloc(level->count, sizeof *level->borrowed);
    level->best = malloc(2 * (size_t)level->base * sizeof *level->best);
    if (!level->bound || !level->lost || !level->borrowed || !level->best)
        return false;
    memset(level->best, 0xff,
           2 * (size_t)level->base * sizeof *level->best); /* DURE_NONE32 everywhere: nothing is free yet */
    return true;
}

static bool init(struct dure_cells *cells, uint32_t leaf_count)
{
    uint32_t count = leaf_count, leaves = 1;
    for (unsigned l = 1; l <= cells->shape.levels; l++) {
        const uint32_t holds = l > 1 ? cells->shape.holds[l] : 1;
        count /= holds;
        leaves *= holds;
        cells->level[l] = (struct dure_cells_level){.count = count,
                                                    .holds = l > 1 ? holds : 0,
                                                    .leaves = leaves,
                                                    .shift = leaves & (leaves - 1) ? DURE_CELLS_NO_SHIFT
                                                                                   : (unsigned)__builtin_ctz(leaves)};
        if (!level_init(&cells->level[l], l == 1))
            return false;
    }
    if (!dure_bits_init(&cells->lost, leaf_count))
        return false;
    cells->uses = calloc(leaf_count, sizeof *cells->uses);
    return cells->uses;
}

enum dure_err dure_cells_new(const struct dure_cells_shape *shape, struct dure_cells **ret_cells,
                             struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    const uint32_t leaf_count = shape_leaves(shape, &err, error);
    if (!leaf_count)
        return err;
    struct dure_cells *cells = calloc(1, sizeof *cells);
    if (!cells)
        return dure_fail(error, DURE_E_MEMORY, "no memory for a chain of cells");
    cells->shape = *shape;
    cells->shape.holds[0] = cells->shape.holds[1] = 0;
    for (unsigned l = shape->levels + 1u; l <= DURE_CELLS_LEVELS_MAX; l++)
        cells->shape.holds[l] = 0;
    if (!init(cells, leaf_count)) {
        dure_cells_free(cells);
        return dure_fail(error, DURE_E_MEMORY, "no memory for a chain of %u cells", leaf_count);
    }
    dure_cells_parts_init(cells);
    cells->building = true;
    dure_cells_put_free(cells, shape->levels, 0, shape->tops, true);
    cells->building = false;
    cells->digest = dure_cells_term_shape(cells);
    *ret_cells = cells;
    return DURE_OK;
}

void dure_cells_free(struct dure_cells *cells)
{
    if (!cells)
        return;
    dure_cells_table_free(cells);
    dure_cells_prices_free(cells);
    for (unsigned l = 1; l <= cells->shape.levels; l++) {
        struct dure_cells_level *level = &cells->level[l];
        dure_bits_release(&level->free);
        dure_bits_release(&level->idle);
        free(level->place);
        free(level->bound);
        free(level->lost);
        free(level->borrowed);
        free(level->best);
    }
    dure_bits_release(&cells->lost);
    free(cells->uses);
    free(cells->undo);
    free(cells->events);
    free(cells);
}

const struct dure_cells_shape *dure_cells_shape(const struct dure_cells *cells)
{
    return &cells->shape;
}

uint32_t dure_cells_leaf_count(const struct dure_cells *cells)
{
    return cells->level[1].count;
}

uint32_t dure_cells_count(const struct dure_cells *cells, unsigned level)
{
    DURE_ASSERT(level >= 1 && level <= cells->shape.levels);
    return cells->level[level].count;
}

uint32_t dure_cells_leaves(const struct dure_cells *cells, unsigned level)
{
    DURE_ASSERT(level >= 1 && level <= cells->shape.levels);
    return cells->level[level].leaves;
}

struct dure_cell dure_cells_above(const struct dure_cells *cells, struct dure_cell cell, unsigned level)
{
    DURE_ASSERT(cell.level >= 1 && cell.level <= level && level <= cells->shape.levels);
    const uint32_t ratio = cells->level[level].leaves / cells->level[cell.level].leaves;
    return (struct dure_cell){.index = cell.index / ratio, .level = (uint8_t)level};
}

uint32_t dure_cells_first_leaf(const struct dure_cells *cells, struct dure_cell cell)
{
    DURE_ASSERT(cell.level >= 1 && cell.level <= cells->shape.levels && cell.index < cells->level[cell.level].count);
    return cell.index * cells->level[cell.level].leaves;
}
