#include "core/cells/state.h"

/* The right, if this cell of it may be bound; else NULL and why. */
static struct dure_cells_owner *bindable(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                         struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || index >= owner->index_end || owner->state[index] == DURE_CELLS_GONE) {
        (void)dure_fail(error, DURE_E_RIGHTS, "right %u has no cell %u", allot.v, index);
        return NULL;
    }
    const enum dure_cells_state state = owner->state[index];
    if (owner->started && (state == DURE_CELLS_UNBOUND || state == DURE_CELLS_SUSPENDED))
        return owner;
    (void)dure_fail(error, DURE_E_RIGHTS, "cell %u of right %u %s", index, allot.v,
                    dure_cells_is_bound(state) ? "is bound already" : "can not be bound before its start");
    return NULL;
}

/* Down from a free cell, always to the least borrowed child: if a cell of `level` without borrowed work must be in
 * there by count, it is found. */
static uint32_t descend(const struct dure_cells *cells, unsigned from, uint32_t index, unsigned level)
{
    for (unsigned l = from; l > level; l--) {
        const uint32_t holds = cells->level[l].holds;
        uint32_t best = index * holds;
        if (dure_cells_borrowed_in(cells, l, index))
            for (uint32_t child = best + 1; child < (index + 1) * holds; child++)
                if (dure_cells_borrowed_in(cells, l - 1, child) < dure_cells_borrowed_in(cells, l - 1, best))
                    best = child;
        index = best;
    }
    return index;
}

static bool split_is_safe(const int64_t slack[DURE_CELLS_LEVELS_MAX + 1], unsigned level, unsigned from)
{
    if (DURE_CELLS_MUTATED(RELAXED_AT_M))
        return from == level || slack[from] >= 1;
    for (unsigned l = level + 1; l <= from; l++)
        if (slack[l] < 1)
            return false;
    return true;
}

/* DURE_NONE32: no room, which the invariant rules out. */
static uint32_t choose_owed(const struct dure_cells *cells, unsigned level, bool relaxed)
{
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    uint32_t found = DURE_NONE32, cost = DURE_NONE32;
    if (DURE_CELLS_MUTATED(SPLIT_HIGHEST)) {
        for (unsigned m = cells->shape.levels; m >= level; m--)
            if (cells->level[m].free.count)
                return descend(cells, m, dure_cells_best(cells, m), level);
        return DURE_NONE32;
    }
    for (unsigned m = level; m <= cells->shape.levels && cost; m++) {
        if (found != DURE_NONE32 && !(relaxed && split_is_safe(slack, level, m)))
            break;
        const uint32_t best = dure_cells_best(cells, m);
        if (best == DURE_NONE32)
            continue;
        const uint32_t index = descend(cells, m, best, level);
        const uint32_t borrowed = dure_cells_borrowed_in(cells, level, index);
        if (borrowed < cost) {
            cost = borrowed;
            found = index;
        }
    }
    return found;
}

/* May a suspended right of this level have the healthy leaves of this cell, so that all that is owed stays kept? */
static bool can_serve(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    const struct dure_cells_level *at = &cells->level[level];
    struct dure_cells_slot slot;
    const uint32_t lost = dure_cells_lost_in(cells, level, index);
    if (!lost || lost == at->leaves || at->bound[index] || dure_cells_place_of(cells, index * at->leaves, &slot))
        return false;
    uint32_t parts[DURE_CELLS_LEVELS_MAX + 1] = {0};
    dure_cells_parts_count(cells, level, index, parts);
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1], less = 0;
    dure_cells_slacks(cells, false, slack);
    for (unsigned l = level; l > 0; l--) { /* what is taken at a level is missing at all below it */
        less = less * (l < level ? cells->level[l + 1].holds : 0) + parts[l];
        if (slack[l] < less)
            return false;
    }
    return true;
}

static uint32_t choose_damaged(const struct dure_cells *cells, unsigned level)
{
    const uint32_t leaves = cells->level[level].leaves;
    uint32_t found = DURE_NONE32, least_lost = 0, least_borrowed = 0;
    uint64_t leaf = level > 1 ? dure_bits_first(&cells->lost, 0) : UINT64_MAX; /* a lost leaf has no healthy part */
    while (leaf != UINT64_MAX) {
        const uint32_t index = (uint32_t)leaf / leaves;
        const uint32_t lost = dure_cells_lost_in(cells, level, index),
                       borrowed = dure_cells_borrowed_in(cells, level, index);
        const bool better =
            found == DURE_NONE32 || lost < least_lost || (lost == least_lost && borrowed < least_borrowed);
        if (better && can_serve(cells, level, index)) {
            found = index;
            least_lost = lost;
            least_borrowed = borrowed;
        }
        leaf = dure_bits_first(&cells->lost, (uint64_t)(index + 1) * leaves);
    }
    return found;
}

enum dure_err dure_cells_choose(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                bool relaxed, struct dure_cell *ret_cell, struct dure_error *error)
{
    const struct dure_cells_owner *owner = bindable(cells, allot, index, error);
    if (!owner)
        return DURE_E_RIGHTS;
    const bool suspended = owner->state[index] == DURE_CELLS_SUSPENDED;
    const unsigned level = owner->spec.level;
    const uint32_t found = suspended ? choose_damaged(cells, level) : choose_owed(cells, level, relaxed);
    if (found == DURE_NONE32)
        return suspended ? dure_fail(error, DURE_E_SUSPENDED, "cell %u of right %u is suspended: hardware was lost",
                                     index, allot.v)
                         : dure_fail(error, DURE_E_STATE, "hardware was lost and the rights are not settled yet");
    *ret_cell = (struct dure_cell){.index = found, .level = (uint8_t)level};
    return DURE_OK;
}

static enum dure_err check_take(const struct dure_cells *cells, const struct dure_cells_owner *owner, uint32_t index,
                                struct dure_cell cell, struct dure_error *error)
{
    if (cell.level != owner->spec.level || cell.index >= cells->level[cell.level].count)
        return dure_fail(error, DURE_E_INVALID, "cell %u of level %d is not for a right of level %d", cell.index,
                         cell.level, owner->spec.level);
    if (owner->state[index] == DURE_CELLS_SUSPENDED)
        return can_serve(cells, cell.level, cell.index)
                   ? DURE_OK
                   : dure_fail(error, DURE_E_SHORT, "cell %u of level %d cannot serve a suspended right", cell.index,
                               cell.level);
    const unsigned above = dure_cells_free_above(cells, cell.level, cell.index);
    if (!above)
        return dure_fail(error, DURE_E_STATE, "cell %u of level %d is not free", cell.index, cell.level);
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    if (!split_is_safe(slack, cell.level, above) && !DURE_CELLS_MUTATED(SPLIT_HIGHEST))
        return dure_fail(error, DURE_E_SHORT, "splitting a free cell of level %u here would break a promise", above);
    return DURE_OK;
}

bool dure_cells_may_take(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                         struct dure_cell cell)
{
    const struct dure_cells_owner *owner = bindable(cells, allot, index, NULL);
    return owner && dure_cells_whole(cells) && check_take(cells, owner, index, cell, NULL) == DURE_OK;
}

enum dure_err dure_cells_take_exact(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                    struct dure_cell cell, struct dure_error *error)
{
    struct dure_cells_owner *owner = bindable(cells, allot, index, error);
    if (!owner)
        return DURE_E_RIGHTS;
    if (!dure_cells_whole(cells))
        return dure_fail(error, DURE_E_STATE, "hardware was lost and the rights are not settled yet");
    const enum dure_err err = check_take(cells, owner, index, cell, error);
    if (err)
        return err;
    const size_t start = dure_cells_begin(cells);
    const bool suspended = owner->state[index] == DURE_CELLS_SUSPENDED;
    if (suspended)
        dure_cells_parts_put(cells, cell.level, cell.index, false);
    else
        dure_cells_carve(cells, cell.level, cell.index);
    dure_cells_put_bound(cells, cell.level, cell.index, true);
    dure_cells_put_virtual(cells, owner, index, suspended ? DURE_CELLS_SERVED : DURE_CELLS_BOUND, cell.index, 0);
    dure_cells_calm(cells);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_take(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                              struct dure_cell *ret_cell, struct dure_error *error)
{
    struct dure_cell cell = {0};
    enum dure_err err = dure_cells_choose(cells, allot, index, false, &cell, error);
    if (!err)
        err = dure_cells_take_exact(cells, allot, index, cell, error);
    if (!err)
        *ret_cell = cell;
    return err;
}

void dure_cells_unbind(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index,
                       enum dure_cells_state next)
{
    const unsigned level = owner->spec.level;
    const uint32_t cell = owner->virtuals[index].cell;
    if (cells->failed)
        return;
    dure_cells_put_bound(cells, level, cell, false);
    dure_cells_put_virtual(cells, owner, index, next, DURE_NONE32, 0);
    if (dure_cells_lost_in(cells, level, cell) && !DURE_CELLS_MUTATED(LOST_FORGOTTEN))
        dure_cells_parts_put(cells, level, cell, true);
    else
        dure_cells_release(cells, level, cell);
}

enum dure_err dure_cells_give(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                              struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || index >= owner->index_end || !dure_cells_is_bound(owner->state[index]))
        return dure_fail(error, DURE_E_STATE, "cell %u of right %u is not bound", index, allot.v);
    if (owner->virtuals[index].used)
        return dure_fail(error, DURE_E_STATE, "%u leaves of cell %u of right %u are in use",
                         owner->virtuals[index].used, index, allot.v);
    const bool served = owner->state[index] == DURE_CELLS_SERVED;
    const bool damaged = dure_cells_lost_in(cells, owner->spec.level, owner->virtuals[index].cell) != 0;
    const size_t start = dure_cells_begin(cells);
    dure_cells_unbind(cells, owner, index, served ? DURE_CELLS_SUSPENDED : DURE_CELLS_UNBOUND);
    if (damaged && !served)
        dure_cells_put_shock(cells, true);
    else
        dure_cells_calm(cells);
    return dure_cells_finish(cells, start, DURE_OK, error);
}
