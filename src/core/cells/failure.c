#include <string.h>

#include "core/cells/state.h"

enum dure_err dure_cells_lose(struct dure_cells *cells, uint32_t leaf, struct dure_error *error)
{
    if (leaf >= cells->level[1].count)
        return dure_fail(error, DURE_E_INVALID, "leaf %u: this chain has %u", leaf, cells->level[1].count);
    if (dure_bits_test(&cells->lost, leaf))
        return dure_fail(error, DURE_E_STATE, "leaf %u is lost already", leaf);
    const size_t start = dure_cells_begin(cells);
    struct dure_cells_slot slot;
    if (!dure_cells_place_of(cells, leaf, &slot))
        dure_cells_carve(cells, 1, leaf);
    dure_cells_put_lost(cells, leaf, true);
    dure_cells_put_shock(cells, true);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_repair(struct dure_cells *cells, uint32_t leaf, struct dure_error *error)
{
    if (leaf >= cells->level[1].count)
        return dure_fail(error, DURE_E_INVALID, "leaf %u: this chain has %u", leaf, cells->level[1].count);
    if (!dure_bits_test(&cells->lost, leaf))
        return dure_fail(error, DURE_E_STATE, "leaf %u is not lost", leaf);
    const size_t start = dure_cells_begin(cells);
    struct dure_cells_slot slot;
    dure_cells_put_lost(cells, leaf, false);
    if (!dure_cells_place_of(cells, leaf, &slot) && !cells->failed)
        dure_cells_release(cells, 1, leaf);
    dure_cells_put_shock(cells, true);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

/* The fewest leaves that must be suspended, as virtual cells by level. From the top down: what is short at a level,
 * after what its upper levels already gave up, can only be made good by rights of this level or above; this level's
 * cost least, and enough of them are unbound (s[l] < 0 with s[l+1] >= 0 means r[l] >= -s[l]). The sum over levels
 * meets the lower bound max(-s[l] * leaves[l]). */
static void wanted(const struct dure_cells *cells, uint32_t want[DURE_CELLS_LEVELS_MAX + 1])
{
    int64_t above = 0;
    for (unsigned l = cells->shape.levels; l > 0; l--) {
        const struct dure_cells_level *level = &cells->level[l];
        const int64_t inherited = l < cells->shape.levels ? cells->level[l + 1].holds * above : 0;
        const int64_t slack = (int64_t)level->free.count + inherited - level->owed - level->suspended;
        want[l] = slack < 0 ? (uint32_t)-slack : 0;
        above = slack < 0 ? 0 : slack;
    }
}

/* Is x suspended before y? Rank, then latest start, then id. */
static bool goes_before(const struct dure_cells_right *x, const struct dure_cells_right *y)
{
    if (x->rank != y->rank)
        return x->rank < y->rank;
    if (x->start_us != y->start_us)
        return x->start_us > y->start_us;
    return x->id.v < y->id.v;
}

/* The first to be suspended, or the last one that was: among rights of a level with cells in `state`. */
static bool pick(const struct dure_cells *cells, unsigned level, enum dure_cells_state state,
                 struct dure_cells_step *ret_step)
{
    const bool suspend = state == DURE_CELLS_UNBOUND;
    const struct dure_cells_owner *found = NULL;
    for (uint32_t i = 0; i < cells->right_count; i++) {
        const struct dure_cells_owner *owner = cells->by_id[i];
        if (owner->spec.level == level && owner->by_state[state] &&
            (!found || goes_before(&owner->spec, &found->spec) == suspend))
            found = owner;
    }
    if (!found)
        return false;
    const uint8_t *at =
        suspend ? memchr(found->state, state, found->index_end) : memrchr(found->state, state, found->index_end);
    *ret_step =
        (struct dure_cells_step){.suspend = suspend, .allot = found->spec.id, .index = (uint32_t)(at - found->state)};
    return true;
}

/* A served cell without a lost leaf. */
static bool pick_served(const struct dure_cells *cells, struct dure_cells_step *ret_step)
{
    for (uint32_t i = 0; i < cells->right_count && cells->served_count; i++) {
        const struct dure_cells_owner *owner = cells->by_id[i];
        uint32_t left = owner->by_state[DURE_CELLS_SERVED];
        for (uint32_t v = 0; left; v++) {
            if (owner->state[v] != DURE_CELLS_SERVED)
                continue;
            left--;
            if (dure_cells_lost_in(cells, owner->spec.level, owner->virtuals[v].cell))
                continue;
            *ret_step = (struct dure_cells_step){.suspend = false, .allot = owner->spec.id, .index = v};
            return true;
        }
    }
    return false;
}

/* Can one more virtual cell of this level be owed? */
static bool fits(const struct dure_cells *cells, const int64_t slack[DURE_CELLS_LEVELS_MAX + 1], unsigned level)
{
    for (unsigned l = level; l > 0; l--)
        if (slack[l] < (int64_t)(cells->level[level].leaves / cells->level[l].leaves))
            return false;
    return true;
}

bool dure_cells_next_step(const struct dure_cells *cells, struct dure_cells_step *ret_step)
{
    const unsigned levels = cells->shape.levels;
    if (pick_served(cells, ret_step))
        return true;
    if (cells->shock) {
        uint32_t want[DURE_CELLS_LEVELS_MAX + 1];
        wanted(cells, want);
        for (unsigned l = levels; l > 0; l--)
            if (cells->level[l].suspended < want[l])
                return pick(cells, l, DURE_CELLS_UNBOUND, ret_step);
        for (unsigned l = levels; l > 0; l--)
            if (cells->level[l].suspended > want[l])
                return pick(cells, l, DURE_CELLS_SUSPENDED, ret_step);
        return false;
    }
    if (!cells->suspended_count)
        return false;
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    for (unsigned l = levels; l > 0; l--)
        if (cells->level[l].suspended && fits(cells, slack, l))
            return pick(cells, l, DURE_CELLS_SUSPENDED, ret_step);
    return false;
}

enum dure_err dure_cells_do_step(struct dure_cells *cells, const struct dure_cells_step *step, struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, step->allot);
    if (!owner || step->index >= owner->index_end)
        return dure_fail(error, DURE_E_STATE, "right %u has no cell %u", step->allot.v, step->index);
    const enum dure_cells_state state = owner->state[step->index];
    const struct dure_cells_vcell *virtual = &owner->virtuals[step->index];
    enum dure_cells_state next = DURE_CELLS_GONE;
    if (step->suspend && state == DURE_CELLS_UNBOUND)
        next = DURE_CELLS_SUSPENDED;
    else if (!step->suspend && state == DURE_CELLS_SUSPENDED)
        next = DURE_CELLS_UNBOUND;
    else if (!step->suspend && state == DURE_CELLS_SERVED &&
             !dure_cells_lost_in(cells, owner->spec.level, virtual->cell))
        next = DURE_CELLS_BOUND;
    else
        return dure_fail(error, DURE_E_STATE, "cell %u of right %u can not be %s now", step->index, step->allot.v,
                         step->suspend ? "suspended" : "restored");
    const size_t start = dure_cells_begin(cells);
    dure_cells_put_virtual(cells, owner, step->index, next, virtual->cell, virtual->used);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_settle(struct dure_cells *cells,
                                void (*tell)(void *context, const struct dure_cells_step *step), void *context,
                                struct dure_error *error)
{
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    struct dure_cells_step step;
    while (dure_cells_next_step(cells, &step)) {
        const enum dure_err err = dure_cells_do_step(cells, &step, error);
        if (err) {
            dure_cells_rollback(cells, mark);
            return err;
        }
        if (tell)
            tell(context, &step);
    }
    dure_cells_commit(cells, mark);
    return DURE_OK;
}
