#include <stdlib.h>

#include "core/cells/state.h"

static const struct dure_cells_slot none = {DURE_NONE32, 0};

/* The uses of a bound cell become borrowings. */
static void lend(struct dure_cells *cells, const struct dure_cells_owner *owner, uint32_t index)
{
    const uint32_t leaves = cells->level[owner->spec.level].leaves, first = owner->virtuals[index].cell * leaves;
    for (uint32_t leaf = first; leaf < first + leaves && owner->virtuals[index].used && !cells->failed; leaf++) {
        const uint32_t uses = dure_cells_used_on(cells, leaf);
        if (!uses)
            continue;
        dure_cells_put_used(cells, leaf, 0);
        dure_cells_put_borrowed(cells, leaf, uses + dure_cells_borrowed_on(cells, leaf));
    }
}

static void tell(struct dure_cells *cells, const struct dure_cells_owner *owner, uint32_t index,
                 enum dure_cells_event_kind kind)
{
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    const bool bound = dure_cells_is_bound(owner->state[index]), has_heir = virtual->heir.right != DURE_NONE32;
    DURE_ASSERT(cells->event_count < cells->event_capacity);
    cells->events[cells->event_count++] = (struct dure_cells_event){
        .kind = kind,
        .allot = owner->spec.id,
        .virtual_index = index,
        .cell = {.index = bound ? virtual->cell : 0, .level = bound ? owner->spec.level : 0},
        .used = virtual->used,
        .heir = {has_heir ? cells->rights[virtual->heir.right]->spec.id.v : DURE_NONE32},
        .heir_index = has_heir ? virtual->heir.index : 0,
    };
}

/* The heir steps into the place of cell `index`: its state and binding, or its place in the line. */
static void hand_over(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index)
{
    const struct dure_cells_vcell virtual = owner->virtuals[index];
    const enum dure_cells_state state = owner->state[index];
    const struct dure_cells_slot self = {owner->slot, index}, heir = virtual.heir;
    struct dure_cells_owner *next = cells->rights[heir.right];
    if (state == DURE_CELLS_WAITING) {
        dure_cells_put_source(cells, heir, virtual.source);
        dure_cells_put_heir(cells, virtual.source, heir);
    } else {
        tell(cells, owner, index, DURE_CELLS_HANDED_OVER);
        if (next->spec.holder.v != owner->spec.holder.v)
            lend(cells, owner, index);
        dure_cells_put_source(cells, heir, none);
    }
    dure_cells_put_heir(cells, self, none);
    dure_cells_put_source(cells, self, none);
    const uint32_t used = owner->virtuals[index].used;
    dure_cells_put_virtual(cells, owner, index, DURE_CELLS_GONE, DURE_NONE32, 0);
    if (state != DURE_CELLS_WAITING)
        dure_cells_put_virtual(cells, next, heir.index, state, virtual.cell, used);
}

static void drop(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index)
{
    const enum dure_cells_state state = owner->state[index];
    if (state == DURE_CELLS_WAITING) {
        dure_cells_put_heir(cells, owner->virtuals[index].source, none);
        dure_cells_put_source(cells, (struct dure_cells_slot){owner->slot, index}, none);
    }
    if (!dure_cells_is_bound(state)) {
        dure_cells_put_virtual(cells, owner, index, DURE_CELLS_GONE, DURE_NONE32, 0);
        return;
    }
    tell(cells, owner, index, DURE_CELLS_RELEASED);
    lend(cells, owner, index);
    dure_cells_unbind(cells, owner, index, DURE_CELLS_GONE);
}

static bool has_heir(const struct dure_cells_owner *owner, uint32_t index)
{
    return owner->virtuals[index].heir.right != DURE_NONE32;
}

/* Would the jobs in it lose their guarantee if it went? */
static bool is_blocked(const struct dure_cells *cells, const struct dure_cells_owner *owner, uint32_t index)
{
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    return virtual->used &&
           (!has_heir(owner, index) || cells->rights[virtual->heir.right]->spec.holder.v != owner->spec.holder.v);
}

static bool reserve_events(struct dure_cells *cells, uint32_t count)
{
    if (count > cells->event_capacity) {
        struct dure_cells_event *grown = realloc(cells->events, count * sizeof *grown);
        if (!grown)
            return false;
        cells->events = grown;
        cells->event_capacity = count;
    }
    return true;
}

static void remove_cell(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index)
{
    if (has_heir(owner, index))
        hand_over(cells, owner, index);
    else
        drop(cells, owner, index);
}

/* The order in which a shrink lets cells go, lowest first. */
static uint64_t shrink_key(const struct dure_cells_owner *owner, uint32_t index)
{
    static const uint8_t class[DURE_CELLS_STATES] = {[DURE_CELLS_SUSPENDED] = 0,
                                                     [DURE_CELLS_UNBOUND] = 1,
                                                     [DURE_CELLS_WAITING] = 2,
                                                     [DURE_CELLS_BOUND] = 3,
                                                     [DURE_CELLS_SERVED] = 3};
    const uint32_t used = owner->virtuals[index].used;
    const uint64_t kind = used ? 4 : class[owner->state[index]];
    return kind << 60 | (uint64_t)has_heir(owner, index) << 59 | (uint64_t)used << 32 | (UINT32_MAX - index);
}

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* NULL: no memory. The caller frees. */
static uint64_t *shrink_order(const struct dure_cells_owner *owner)
{
    uint64_t *keys = malloc(owner->spec.count * sizeof *keys);
    uint32_t count = 0;
    if (!keys)
        return NULL;
    for (uint32_t i = 0; i < owner->index_end; i++)
        if (owner->state[i] != DURE_CELLS_GONE)
            keys[count++] = shrink_key(owner, i);
    DURE_ASSERT(count == owner->spec.count);
    qsort(keys, count, sizeof *keys, compare_keys);
    return keys;
}

static uint32_t key_index(uint64_t key)
{
    return UINT32_MAX - (uint32_t)key;
}

/* Tells which of the leaving cells are in use. */
static bool blocked(struct dure_cells *cells, const struct dure_cells_owner *owner, const uint64_t *keys,
                    uint32_t leaving)
{
    cells->event_count = 0;
    for (uint32_t i = 0; i < leaving; i++)
        if (is_blocked(cells, owner, key_index(keys[i])))
            tell(cells, owner, key_index(keys[i]), DURE_CELLS_IN_USE);
    return cells->event_count > 0;
}

enum dure_err dure_cells_shrink(struct dure_cells *cells, struct dure_allot_id allot, uint32_t stay, bool force,
                                struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no right %u", allot.v);
    if (!stay || stay > owner->spec.count)
        return dure_fail(error, DURE_E_INVALID, "right %u has %u cells: 1 to that many can stay, not %u", allot.v,
                         owner->spec.count, stay);
    const uint32_t leaving = owner->spec.count - stay;
    uint64_t *keys = reserve_events(cells, owner->spec.count) ? shrink_order(owner) : NULL;
    if (!keys)
        return dure_fail(error, DURE_E_MEMORY, "no memory to shrink right %u", allot.v);
    if (!force && blocked(cells, owner, keys, leaving)) {
        free(keys);
        return dure_fail(error, DURE_E_STATE, "%zu cells of right %u that would go are in use", cells->event_count,
                         allot.v);
    }
    const size_t start = dure_cells_begin(cells);
    for (uint32_t i = 0; i < leaving && !cells->failed; i++)
        remove_cell(cells, owner, key_index(keys[i]));
    dure_cells_put_count(cells, owner, stay);
    dure_cells_calm(cells);
    free(keys);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

/* Where fewer cells are inherited than there are, those in use are the ones to pass on. */
static void favour_used(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    uint32_t used = 0, unused = 0;
    for (;; used++, unused++) {
        while (used < owner->index_end && (!owner->virtuals[used].used || has_heir(owner, used)))
            used++;
        while (unused < owner->index_end && (owner->virtuals[unused].used || !has_heir(owner, unused)))
            unused++;
        if (used >= owner->index_end || unused >= owner->index_end || cells->failed)
            return;
        const struct dure_cells_slot heir = owner->virtuals[unused].heir;
        dure_cells_put_heir(cells, (struct dure_cells_slot){owner->slot, unused}, none);
        dure_cells_put_heir(cells, (struct dure_cells_slot){owner->slot, used}, heir);
        dure_cells_put_source(cells, heir, (struct dure_cells_slot){owner->slot, used});
    }
}

enum dure_err dure_cells_end(struct dure_cells *cells, struct dure_allot_id allot, bool force, struct dure_error *error)
{
    struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no right %u", allot.v);
    if (!reserve_events(cells, owner->spec.count))
        return dure_fail(error, DURE_E_MEMORY, "no memory to end right %u", allot.v);
    const size_t start = dure_cells_begin(cells);
    favour_used(cells, owner);
    for (uint32_t i = 0; !force && !cells->failed && i < owner->index_end; i++)
        if (is_blocked(cells, owner, i))
            tell(cells, owner, i, DURE_CELLS_IN_USE);
    if (cells->event_count)
        return dure_cells_finish(
            cells, start,
            dure_fail(error, DURE_E_STATE, "%zu cells of right %u are in use", cells->event_count, allot.v), error);
    for (uint32_t i = 0; i < owner->index_end && !cells->failed; i++)
        if (owner->state[i] != DURE_CELLS_GONE)
            remove_cell(cells, owner, i);
    dure_cells_calm(cells);
    dure_cells_owner_retire(cells, owner);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

const struct dure_cells_event *dure_cells_events(const struct dure_cells *cells, size_t *ret_count)
{
    *ret_count = cells->event_count;
    return cells->events;
}
