#include "core/cells/state.h"

static enum dure_err check_right(const struct dure_cells *cells, const struct dure_cells_right *right,
                                 struct dure_error *error)
{
    if (right->id.v == DURE_NONE32 || right->holder.v == DURE_NONE32)
        return dure_fail(error, DURE_E_INVALID, "a right needs an id and a holder");
    if (dure_cells_find(cells, right->id))
        return dure_fail(error, DURE_E_INVALID, "right %u exists already", right->id.v);
    if (right->level < 1 || right->level > cells->shape.levels)
        return dure_fail(error, DURE_E_INVALID, "level %d: this chain has levels 1 to %d", right->level,
                         cells->shape.levels);
    if (!right->count)
        return dure_fail(error, DURE_E_INVALID, "a right promises at least one cell");
    if (right->end_us <= right->start_us)
        return dure_fail(error, DURE_E_INVALID, "a right ends after it starts");
    if (cells->right_count >= DURE_CELLS_RIGHTS_MAX)
        return dure_fail(error, DURE_E_LIMIT, "a chain carries at most %d rights", DURE_CELLS_RIGHTS_MAX);
    if (!dure_cells_whole(cells))
        return dure_fail(error, DURE_E_STATE, "hardware was lost and the rights are not settled yet");
    return DURE_OK;
}

/* Finds the predecessor (NULL: none named) and how many of its cells have no heir. */
static enum dure_err check_predecessor(const struct dure_cells *cells, const struct dure_cells_right *right,
                                       struct dure_cells_owner **ret_owner, uint32_t *ret_heirless,
                                       struct dure_error *error)
{
    *ret_owner = NULL;
    *ret_heirless = 0;
    if (right->predecessor.v == DURE_NONE32)
        return DURE_OK;
    struct dure_cells_owner *owner = dure_cells_find(cells, right->predecessor);
    if (!owner)
        return dure_fail(error, DURE_E_NOT_FOUND, "the predecessor, right %u, does not exist", right->predecessor.v);
    if (owner->spec.level != right->level)
        return dure_fail(error, DURE_E_INVALID, "the predecessor promises cells of level %d, not %d", owner->spec.level,
                         right->level);
    if (owner->spec.end_us > right->start_us)
        return dure_fail(error, DURE_E_INVALID, "the predecessor ends after this right starts");
    *ret_owner = owner;
    for (uint32_t i = 0; i < owner->index_end; i++)
        if (owner->state[i] != DURE_CELLS_GONE && owner->virtuals[i].heir.right == DURE_NONE32)
            ++*ret_heirless;
    return DURE_OK;
}

/* `fresh` more cells of `level` on top of all that is promised, suspended rights included. */
static enum dure_err check_room(const struct dure_cells *cells, unsigned level, uint32_t inherited, uint32_t fresh,
                                struct dure_cells_shortfall *ret_shortfall, struct dure_error *error)
{
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, true, slack);
    struct dure_cells_shortfall shortfall = {.level = 0};
    int64_t fits = INT64_MAX;
    for (unsigned l = level; l > 0; l--) {
        const int64_t ratio = cells->level[level].leaves / cells->level[l].leaves;
        const int64_t lacking = fresh * ratio - slack[l];
        const int64_t room = slack[l] > 0 ? slack[l] / ratio : 0;
        fits = room < fits ? room : fits;
        if (!shortfall.level && fresh && lacking > 0)
            shortfall = (struct dure_cells_shortfall){.level = (uint8_t)l,
                                                      .cells = lacking < UINT32_MAX ? (uint32_t)lacking : UINT32_MAX};
        if (DURE_CELLS_MUTATED(PER_LEVEL_CHECK))
            break;
    }
    if (!shortfall.level)
        return DURE_OK;
    shortfall.fits = inherited + (uint32_t)fits;
    if (ret_shortfall)
        *ret_shortfall = shortfall;
    return dure_fail(error, DURE_E_SHORT, "%u cells of level %d are lacking; %u of level %u would fit", shortfall.cells,
                     shortfall.level, shortfall.fits, level);
}

static enum dure_err check_accept(const struct dure_cells *cells, const struct dure_cells_right *right,
                                  struct dure_cells_owner **ret_predecessor, uint32_t *ret_inherited,
                                  struct dure_cells_shortfall *ret_shortfall, struct dure_error *error)
{
    uint32_t heirless;
    enum dure_err err = check_right(cells, right, error);
    if (!err)
        err = check_predecessor(cells, right, ret_predecessor, &heirless, error);
    if (err)
        return err;
    *ret_inherited = heirless < right->count ? heirless : right->count;
    err = check_room(cells, right->level, *ret_inherited, right->count - *ret_inherited, ret_shortfall, error);
    if (!err && right->count > DURE_CELLS_VIRTUAL_MAX - cells->virtual_count)
        err = dure_fail(error, DURE_E_LIMIT, "a chain promises at most %d cells", DURE_CELLS_VIRTUAL_MAX);
    return err;
}

enum dure_err dure_cells_preview(const struct dure_cells *cells, const struct dure_cells_right *right,
                                 struct dure_cells_shortfall *ret_shortfall, struct dure_error *error)
{
    struct dure_cells_owner *predecessor;
    uint32_t inherited;
    return check_accept(cells, right, &predecessor, &inherited, ret_shortfall, error);
}

enum dure_err dure_cells_accept(struct dure_cells *cells, const struct dure_cells_right *right,
                                struct dure_cells_shortfall *ret_shortfall, struct dure_error *error)
{
    struct dure_cells_owner *predecessor;
    uint32_t inherited;
    const enum dure_err err = check_accept(cells, right, &predecessor, &inherited, ret_shortfall, error);
    if (err)
        return err;
    const size_t start = dure_cells_begin(cells);
    struct dure_cells_owner *owner = dure_cells_owner_new(cells, right, right->count);
    uint32_t next = 0; /* own cell */
    for (uint32_t i = 0; owner && next < inherited; i++) {
        if (predecessor->state[i] == DURE_CELLS_GONE || predecessor->virtuals[i].heir.right != DURE_NONE32)
            continue;
        const struct dure_cells_slot from = {predecessor->slot, i}, to = {owner->slot, next};
        dure_cells_put_virtual(cells, owner, next, DURE_CELLS_WAITING, DURE_NONE32, 0);
        dure_cells_put_source(cells, to, from);
        dure_cells_put_heir(cells, from, to);
        next += 1;
        if (cells->failed)
            break;
    }
    for (; owner && next < right->count && !cells->failed; next++)
        dure_cells_put_virtual(cells, owner, next, DURE_CELLS_UNBOUND, DURE_NONE32, 0);
    dure_cells_calm(cells);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_start(struct dure_cells *cells, struct dure_allot_id allot, struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no right %u", allot.v);
    if (owner->started)
        return dure_fail(error, DURE_E_STATE, "right %u has started already", allot.v);
    const size_t start = dure_cells_begin(cells);
    dure_cells_put_started(cells, owner, true);
    dure_cells_calm(cells);
    return dure_cells_finish(cells, start, DURE_OK, error);
}
