#include "core/cells/state.h"

void dure_cells_slacks(const struct dure_cells *cells, bool with_suspended, int64_t slack[DURE_CELLS_LEVELS_MAX + 1])
{
    int64_t above = 0;
    for (unsigned l = cells->shape.levels; l > 0; l--) {
        const struct dure_cells_level *level = &cells->level[l];
        const int64_t owed = (int64_t)level->owed + (with_suspended ? level->suspended : 0);
        const int64_t inherited = l < cells->shape.levels ? cells->level[l + 1].holds * above : 0;
        slack[l] = above = (int64_t)level->free.count + inherited - owed;
    }
}

static void check_level(const struct dure_cells *cells, unsigned level)
{
    DURE_ASSERT(level >= 1 && level <= cells->shape.levels);
}

int64_t dure_cells_slack(const struct dure_cells *cells, unsigned level)
{
    check_level(cells, level);
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    return slack[level];
}

bool dure_cells_whole(const struct dure_cells *cells)
{
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    for (unsigned l = 1; l <= cells->shape.levels; l++)
        if (slack[l] < 0)
            return false;
    return true;
}

void dure_cells_calm(struct dure_cells *cells)
{
    if (cells->shock && dure_cells_whole(cells))
        dure_cells_put_shock(cells, false);
}

uint32_t dure_cells_free_count(const struct dure_cells *cells, unsigned level)
{
    check_level(cells, level);
    return (uint32_t)cells->level[level].free.count;
}

uint64_t dure_cells_owed_leaves(const struct dure_cells *cells)
{
    return cells->owed_leaves;
}

uint32_t dure_cells_owed(const struct dure_cells *cells, unsigned level)
{
    check_level(cells, level);
    return cells->level[level].owed;
}

uint32_t dure_cells_suspended(const struct dure_cells *cells, unsigned level)
{
    check_level(cells, level);
    return cells->level[level].suspended;
}

bool dure_cells_any_suspended(const struct dure_cells *cells)
{
    return cells->suspended_count > 0;
}

uint32_t dure_cells_lost_count(const struct dure_cells *cells)
{
    return (uint32_t)cells->lost.count;
}
