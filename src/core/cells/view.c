#include <string.h>

#include "core/cells/state.h"

static void view_right(const struct dure_cells_owner *owner, struct dure_cells_right_view *ret_view)
{
    *ret_view = (struct dure_cells_right_view){
        .right = owner->spec,
        .started = owner->started,
        .index_end = owner->index_end,
        .waiting = owner->by_state[DURE_CELLS_WAITING],
        .unbound = owner->by_state[DURE_CELLS_UNBOUND],
        .bound = owner->by_state[DURE_CELLS_BOUND],
        .suspended = owner->by_state[DURE_CELLS_SUSPENDED],
        .served = owner->by_state[DURE_CELLS_SERVED],
        .used = owner->used,
    };
}

bool dure_cells_right(const struct dure_cells *cells, struct dure_allot_id allot,
                      struct dure_cells_right_view *ret_view)
{
    const struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (owner)
        view_right(owner, ret_view);
    return owner != NULL;
}

bool dure_cells_right_next(const struct dure_cells *cells, struct dure_allot_id from,
                           struct dure_cells_right_view *ret_view)
{
    const uint32_t at = dure_cells_lower(cells, from);
    if (at == cells->right_count)
        return false;
    view_right(cells->by_id[at], ret_view);
    return true;
}

bool dure_cells_right_of(const struct dure_cells *cells, struct dure_tenant_id holder, struct dure_allot_id from,
                         struct dure_cells_right_view *ret_view)
{
    const uint32_t at = dure_cells_lower_of(cells, holder, from);
    if (at == cells->right_count || cells->by_holder[at]->spec.holder.v != holder.v)
        return false;
    view_right(cells->by_holder[at], ret_view);
    return true;
}

/* Leaves of a bound cell that are in use and not lost; only where some are both is a walk needed. */
static uint32_t used_and_healthy(const struct dure_cells *cells, uint32_t first, uint32_t leaves, uint32_t used)
{
    for (uint64_t leaf = dure_bits_first(&cells->lost, first); leaf < first + leaves;
         leaf = dure_bits_first(&cells->lost, leaf + 1))
        used -= dure_cells_used_on(cells, (uint32_t)leaf) != 0;
    return used;
}

static void view_virtual(const struct dure_cells *cells, const struct dure_cells_owner *owner, uint32_t index,
                         struct dure_cells_virtual *ret_virtual)
{
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    const unsigned level = owner->spec.level;
    const uint32_t leaves = cells->level[level].leaves;
    const bool has_heir = virtual->heir.right != DURE_NONE32;
    struct dure_cells_virtual view = {
        .allot = owner->spec.id,
        .index = index,
        .state = owner->state[index],
        .leaves = leaves,
        .used = virtual->used,
        .free = owner->state[index] == DURE_CELLS_UNBOUND ? leaves : 0,
        .heir = {has_heir ? cells->rights[virtual->heir.right]->spec.id.v : DURE_NONE32},
        .heir_index = has_heir ? virtual->heir.index : 0,
    };
    if (dure_cells_is_bound(view.state)) {
        view.cell = (struct dure_cell){.index = virtual->cell, .level = (uint8_t)level};
        view.lost = dure_cells_lost_in(cells, level, virtual->cell);
        view.free = leaves - view.lost -
                    (view.lost ? used_and_healthy(cells, virtual->cell * leaves, leaves, view.used) : view.used);
    }
    *ret_virtual = view;
}

bool dure_cells_virtual(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                        struct dure_cells_virtual *ret_virtual)
{
    const struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || index >= owner->index_end || owner->state[index] == DURE_CELLS_GONE)
        return false;
    view_virtual(cells, owner, index, ret_virtual);
    return true;
}

bool dure_cells_virtual_next(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t from, unsigned states,
                             struct dure_cells_virtual *ret_virtual)
{
    const struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || from >= owner->index_end)
        return false;
    states &= ~(1u << DURE_CELLS_GONE);
    uint32_t any = 0;
    for (unsigned state = 0; state < DURE_CELLS_STATES; state++)
        any += states >> state & 1 ? owner->by_state[state] : 0;
    if (!any)
        return false;
    if (!(states & (states - 1))) { /* one state */
        const uint8_t *at = memchr(owner->state + from, __builtin_ctz(states), owner->index_end - from);
        if (at)
            view_virtual(cells, owner, (uint32_t)(at - owner->state), ret_virtual);
        return at != NULL;
    }
    while (from < owner->index_end && !(states >> owner->state[from] & 1))
        from++;
    if (from < owner->index_end)
        view_virtual(cells, owner, from, ret_virtual);
    return from < owner->index_end;
}

void dure_cells_fetch(const struct dure_cells *cells, uint32_t leaf)
{
    __builtin_prefetch(&cells->uses[leaf], 1);
    __builtin_prefetch(&cells->lost.level[0][leaf / 64]);
    for (unsigned l = 2; l <= cells->shape.levels; l++) {
        const struct dure_cells_level *level = &cells->level[l];
        __builtin_prefetch(&level->borrowed[dure_cells_over(level, leaf)], 1);
    }
}

bool dure_cells_holder(const struct dure_cells *cells, uint32_t leaf, struct dure_cells_held *ret_held)
{
    struct dure_cells_slot slot;
    if (!dure_cells_place_of(cells, leaf, &slot))
        return false;
    const struct dure_cells_owner *owner = cells->rights[slot.right];
    const uint32_t cell = owner->virtuals[slot.index].cell;
    *ret_held =
        (struct dure_cells_held){owner->spec.id, slot.index, leaf - cell * cells->level[owner->spec.level].leaves};
    return true;
}

void dure_cells_leaf(const struct dure_cells *cells, uint32_t leaf, struct dure_cells_leaf *ret_leaf)
{
    DURE_ASSERT(leaf < cells->level[1].count);
    struct dure_cells_leaf view = {
        .allot = {DURE_NONE32},
        .holder = {DURE_NONE32},
        .lost = dure_bits_test(&cells->lost, leaf),
        .used = (uint16_t)dure_cells_used_on(cells, leaf),
        .borrowed = (uint16_t)dure_cells_borrowed_on(cells, leaf),
    };
    struct dure_cells_slot slot;
    if (dure_cells_place_of(cells, leaf, &slot)) {
        const struct dure_cells_owner *owner = cells->rights[slot.right];
        view.allot = owner->spec.id;
        view.holder = owner->spec.holder;
        view.index = slot.index;
        view.offset = leaf % cells->level[owner->spec.level].leaves;
    }
    *ret_leaf = view;
}

struct dure_cells_sum dure_cells_sum(const struct dure_cells *cells, struct dure_cell cell)
{
    const uint32_t first = dure_cells_first_leaf(cells, cell), leaves = cells->level[cell.level].leaves;
    struct dure_cells_sum sum = {
        .leaves = leaves,
        .bound = cell.level > 1 ? cells->level[cell.level].bound[cell.index] : 0,
        .lost = dure_cells_lost_in(cells, cell.level, cell.index),
        .borrowed = dure_cells_borrowed_in(cells, cell.level, cell.index),
        .is_free = dure_cells_free_above(cells, cell.level, cell.index) != 0,
    };
    struct dure_cells_slot slot;
    if (!sum.is_free && !sum.bound && dure_cells_place_of(cells, first, &slot))
        sum.bound = leaves; /* a bound cell that begins below this one is counted in bound[] */
    return sum;
}

bool dure_cells_free_next(const struct dure_cells *cells, unsigned level, uint32_t from, struct dure_cell *ret_cell)
{
    DURE_ASSERT(level >= 1 && level <= cells->shape.levels);
    const uint64_t index = dure_bits_first(&cells->level[level].free, from);
    if (index == UINT64_MAX)
        return false;
    *ret_cell = (struct dure_cell){.index = (uint32_t)index, .level = (uint8_t)level};
    return true;
}

uint32_t dure_cells_lost_next(const struct dure_cells *cells, uint32_t from)
{
    const uint64_t leaf = dure_bits_first(&cells->lost, from);
    return leaf == UINT64_MAX ? DURE_NONE32 : (uint32_t)leaf;
}
