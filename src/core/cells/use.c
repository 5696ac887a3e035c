#include "core/cells/state.h"

static enum dure_err check_leaf(const struct dure_cells *cells, uint32_t leaf, int delta, struct dure_error *error)
{
    DURE_ASSERT(delta == 1 || delta == -1);
    if (leaf >= cells->level[1].count)
        return dure_fail(error, DURE_E_INVALID, "leaf %u: this chain has %u", leaf, cells->level[1].count);
    if (delta > 0 && cells->used[leaf] + cells->borrowed[leaf] >= DURE_CELLS_LEAF_USES_MAX)
        return dure_fail(error, DURE_E_LIMIT, "leaf %u is shared by %d jobs", leaf, DURE_CELLS_LEAF_USES_MAX);
    return DURE_OK;
}

enum dure_err dure_cells_use(struct dure_cells *cells, uint32_t leaf, int delta, struct dure_error *error)
{
    const enum dure_err err = check_leaf(cells, leaf, delta, error);
    if (err)
        return err;
    struct dure_cells_slot slot;
    if (!dure_cells_place_of(cells, leaf, &slot))
        return dure_fail(error, DURE_E_STATE, "leaf %u is under no bound cell", leaf);
    DURE_ASSERT(delta > 0 || cells->used[leaf]);
    const size_t start = dure_cells_begin(cells);
    dure_cells_put_used(cells, leaf, cells->used[leaf] + (uint32_t)delta);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_borrowed(struct dure_cells *cells, uint32_t leaf, int delta, struct dure_error *error)
{
    const enum dure_err err = check_leaf(cells, leaf, delta, error);
    if (err)
        return err;
    DURE_ASSERT(delta > 0 || cells->borrowed[leaf]);
    const size_t start = dure_cells_begin(cells);
    dure_cells_put_borrowed(cells, leaf, cells->borrowed[leaf] + (uint32_t)delta);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

struct search {
    const struct dure_cells *cells;
    unsigned level;  /* wanted */
    uint32_t base;   /* first physical leaf of the virtual cell */
    uint32_t offset; /* best so far */
    unsigned hole;   /* its idle cell's level; 0: none found */
};

static bool leaf_is_idle(const struct search *search, uint32_t offset)
{
    const uint32_t leaf = search->base + offset;
    return !search->cells->used[leaf] && !dure_bits_test(&search->cells->lost, leaf);
}

/* Is the whole subtree idle? If it is not, its maximal idle cells of the wanted level or more have been considered. */
static bool search_in(struct search *search, unsigned level, uint32_t offset)
{
    if (level == 1)
        return leaf_is_idle(search, offset);
    const uint32_t holds = search->cells->level[level].holds, leaves = search->cells->level[level - 1].leaves;
    uint32_t idle = 0, idle_first = DURE_NONE32;
    for (uint32_t i = 0; i < holds; i++) {
        const bool is_idle = search_in(search, level - 1, offset + i * leaves);
        if (is_idle && idle_first == DURE_NONE32)
            idle_first = offset + i * leaves;
        idle += is_idle;
    }
    if (idle == holds)
        return true;
    if (idle && level - 1 >= search->level && (!search->hole || level - 1 < search->hole)) {
        search->hole = level - 1;
        search->offset = idle_first;
    }
    return false;
}

bool dure_cells_fit(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index, unsigned level,
                    uint32_t *ret_offset, unsigned *ret_hole)
{
    const struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || index >= owner->index_end || level < 1 || level > owner->spec.level)
        return false;
    const enum dure_cells_state state = owner->state[index];
    const unsigned top = owner->spec.level;
    if (state != DURE_CELLS_UNBOUND && !dure_cells_is_bound(state))
        return false;
    struct search search = {.cells = cells, .level = level};
    if (dure_cells_is_bound(state))
        search.base = owner->virtuals[index].cell * cells->level[top].leaves;
    if (state == DURE_CELLS_UNBOUND || search_in(&search, top, 0)) {
        search.hole = top;
        search.offset = 0;
    }
    if (!search.hole)
        return false;
    *ret_offset = search.offset;
    *ret_hole = search.hole;
    return true;
}
