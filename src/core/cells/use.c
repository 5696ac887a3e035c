#include "core/cells/state.h"

static enum dure_err check_leaves(const struct dure_cells *cells, uint32_t first, uint64_t mask, int delta,
                                  struct dure_error *error)
{
    DURE_ASSERT(delta == 1 || delta == -1);
    const uint32_t last = mask ? 63 - (uint32_t)__builtin_clzll(mask) : 0, count = cells->level[1].count;
    if (first >= count || last >= count - first)
        return dure_fail(error, DURE_E_INVALID, "leaf %u: this chain has %u", first + last, count);
    const uint64_t all = delta < 0 ? 0 : dure_cells_alike(cells, first, mask) ? mask & -mask : mask;
    for (uint64_t left = all; left; left &= left - 1) {
        const uint32_t leaf = first + (uint32_t)__builtin_ctzll(left);
        if (dure_cells_used_on(cells, leaf) + dure_cells_borrowed_on(cells, leaf) >= DURE_CELLS_LEAF_USES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "leaf %u is shared by %d jobs", leaf, DURE_CELLS_LEAF_USES_MAX);
    }
    return DURE_OK;
}

/* The bound cell over the lowest leaf of the mask, and which of the mask's leaves are under it. */
static bool place_of(const struct dure_cells *cells, uint32_t first, uint64_t mask, struct dure_cells_slot *ret_slot,
                     uint64_t *ret_here)
{
    if (!dure_cells_place_of(cells, first + (uint32_t)__builtin_ctzll(mask), ret_slot))
        return false;
    const struct dure_cells_owner *owner = cells->rights[ret_slot->right];
    const uint32_t leaves = cells->level[owner->spec.level].leaves;
    const uint64_t end = (uint64_t)(owner->virtuals[ret_slot->index].cell + 1) * leaves - first;
    *ret_here = end >= 64 ? mask : mask & ((UINT64_C(1) << end) - 1);
    return true;
}

enum dure_err dure_cells_use_mask(struct dure_cells *cells, uint32_t first, uint64_t mask, int delta,
                                  struct dure_error *error)
{
    const enum dure_err err = check_leaves(cells, first, mask, delta, error);
    if (err)
        return err;
    struct dure_cells_slot slot = {DURE_NONE32, 0};
    uint64_t here = 0;
    for (uint64_t left = mask; left; left ^= here)
        if (!place_of(cells, first, left, &slot, &here))
            return dure_fail(error, DURE_E_STATE, "leaf %u is under no bound cell",
                             first + (uint32_t)__builtin_ctzll(left));
    const size_t start = dure_cells_begin(cells);
    if (here == mask) {
        dure_cells_add_used(cells, slot, first, mask, delta);
        return dure_cells_finish(cells, start, DURE_OK, error);
    }
    for (uint64_t left = mask; left; left ^= here)
        if (place_of(cells, first, left, &slot, &here))
            dure_cells_add_used(cells, slot, first, here, delta);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_borrowed_mask(struct dure_cells *cells, uint32_t first, uint64_t mask, int delta,
                                       struct dure_error *error)
{
    const enum dure_err err = check_leaves(cells, first, mask, delta, error);
    if (err)
        return err;
    const size_t start = dure_cells_begin(cells);
    dure_cells_add_borrowed(cells, first, mask, delta);
    return dure_cells_finish(cells, start, DURE_OK, error);
}

enum dure_err dure_cells_use(struct dure_cells *cells, uint32_t leaf, int delta, struct dure_error *error)
{
    return dure_cells_use_mask(cells, leaf, 1, delta, error);
}

enum dure_err dure_cells_borrowed(struct dure_cells *cells, uint32_t leaf, int delta, struct dure_error *error)
{
    return dure_cells_borrowed_mask(cells, leaf, 1, delta, error);
}

/* Bit i: leaf first + i is lost. */
static uint64_t lost_among(const struct dure_cells *cells, uint32_t first)
{
    const uint64_t *words = cells->lost.level[0] + first / 64;
    const uint32_t shift = first % 64;
    return words[0] >> shift | (shift && first + 64 - shift < cells->lost.size ? words[1] << (64 - shift) : 0);
}

uint64_t dure_cells_unused(const struct dure_cells *cells, uint32_t first, uint64_t mask)
{
    const uint32_t *alike = dure_cells_alike(cells, first, mask);
    uint64_t unused = alike && *alike >> DURE_CELLS_USED_SHIFT ? 0 : mask;
    for (uint64_t left = alike ? 0 : mask; left; left &= left - 1) {
        const uint32_t leaf = first + (uint32_t)__builtin_ctzll(left);
        if (dure_cells_used_on(cells, leaf))
            unused ^= left & -left;
    }
    return unused & ~lost_among(cells, first);
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
    return !dure_cells_used_on(search->cells, leaf) && !dure_bits_test(&search->cells->lost, leaf);
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
