#include "model.h"

#include <string.h>

uint32_t naive_cell(const struct naive *naive, unsigned level, uint32_t index)
{
    const uint32_t leaves = naive->leaves[level];
    return (leaves == 32 ? UINT32_MAX : (1u << leaves) - 1) << index * leaves;
}

static const char *read_leaves(const struct dure_cells *cells, struct naive *naive)
{
    const uint32_t count = naive->leaf_count;
    for (uint32_t leaf = 0; leaf < count; leaf++) {
        struct dure_cells_leaf view;
        dure_cells_leaf(cells, leaf, &view);
        naive->lost |= (uint32_t)view.lost << leaf;
        naive->bound |= (uint32_t)(view.allot.v != DURE_NONE32) << leaf;
        if (view.allot.v == DURE_NONE32)
            continue;
        struct dure_cells_virtual virtual;
        if (!dure_cells_virtual(cells, view.allot, view.index, &virtual))
            return "a leaf is bound to a virtual cell that does not exist";
        if (virtual.cell.level == 0 || virtual.cell.index * naive->leaves[virtual.cell.level] + view.offset != leaf)
            return "a leaf is not where its virtual cell has it";
    }
    naive->free = ~naive->lost & ~naive->bound & (count == 32 ? UINT32_MAX : (1u << count) - 1);
    return NULL;
}

static const char *read_right(const struct dure_cells *cells, const struct dure_cells_right_view *right,
                              struct naive *naive, uint32_t *seen)
{
    uint32_t by_state[DURE_CELLS_SERVED + 1] = {0};
    for (uint32_t i = 0; i < right->index_end; i++) {
        struct dure_cells_virtual virtual;
        if (!dure_cells_virtual(cells, right->right.id, i, &virtual))
            continue;
        by_state[virtual.state]++;
        if (virtual.state != DURE_CELLS_BOUND && virtual.state != DURE_CELLS_SERVED)
            continue;
        const uint32_t leaves = naive_cell(naive, virtual.cell.level, virtual.cell.index);
        if (virtual.cell.level != right->right.level || *seen & leaves)
            return "two virtual cells are bound to the same leaf";
        *seen |= leaves;
        if ((uint32_t)__builtin_popcount(leaves & naive->lost) != virtual.lost)
            return "a bound cell counts its lost leaves wrongly";
    }
    naive->owed[right->right.level] += by_state[DURE_CELLS_UNBOUND];
    naive->suspended[right->right.level] += by_state[DURE_CELLS_SUSPENDED];
    if (by_state[DURE_CELLS_UNBOUND] != right->unbound || by_state[DURE_CELLS_SUSPENDED] != right->suspended ||
        by_state[DURE_CELLS_BOUND] != right->bound || by_state[DURE_CELLS_WAITING] != right->waiting ||
        by_state[DURE_CELLS_SERVED] != right->served ||
        right->unbound + right->suspended + right->bound + right->waiting + right->served != right->right.count)
        return "a right counts its cells wrongly";
    return NULL;
}

static const char *read_rights(const struct dure_cells *cells, struct naive *naive)
{
    struct dure_cells_right_view right;
    uint32_t seen = 0;
    for (uint32_t from = 0; dure_cells_right_next(cells, (struct dure_allot_id){from}, &right);
         from = right.right.id.v + 1) {
        const char *bad = read_right(cells, &right, naive, &seen);
        if (bad)
            return bad;
    }
    return seen == naive->bound ? NULL : "bound leaves and bound virtual cells differ";
}

/* The merged form: a cell is listed iff it is wholly free and its parent is not. */
static const char *read_free(const struct dure_cells *cells, const struct naive *naive)
{
    for (unsigned l = 1; l <= naive->shape.levels; l++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < naive->leaf_count / naive->leaves[l]; i++) {
            const uint32_t leaves = naive_cell(naive, l, i);
            const bool whole = (naive->free & leaves) == leaves;
            const uint32_t parent =
                l < naive->shape.levels ? naive_cell(naive, l + 1, i * naive->leaves[l] / naive->leaves[l + 1]) : 0;
            const bool parent_whole = parent && (naive->free & parent) == parent;
            struct dure_cell found;
            const bool listed = dure_cells_free_next(cells, l, i, &found) && found.index == i;
            if (listed != (whole && !parent_whole))
                return "a free list is not in merged form";
            count += listed;
        }
        if (count != dure_cells_free_count(cells, l))
            return "F[l] is counted wrongly";
        if (dure_cells_owed(cells, l) != naive->owed[l] || dure_cells_suspended(cells, l) != naive->suspended[l])
            return "r[l] is counted wrongly";
    }
    return NULL;
}

const char *naive_read(const struct dure_cells *cells, struct naive *ret_naive)
{
    struct naive naive = {.shape = *dure_cells_shape(cells), .leaf_count = dure_cells_leaf_count(cells)};
    for (unsigned l = 1; l <= naive.shape.levels; l++)
        naive.leaves[l] = dure_cells_leaves(cells, l);
    const char *bad = read_leaves(cells, &naive);
    if (!bad)
        bad = read_rights(cells, &naive);
    if (!bad)
        bad = read_free(cells, &naive);
    *ret_naive = naive;
    return bad;
}

static bool place(const struct naive *naive, uint32_t free, unsigned level, uint32_t first, uint32_t left,
                  const uint32_t owed[DURE_CELLS_LEVELS_MAX + 1])
{
    while (!left) {
        if (--level == 0)
            return true;
        left = owed[level];
        first = 0;
    }
    if (level == 1)
        return (uint32_t)__builtin_popcount(free) >= left;
    for (uint32_t i = first; i < naive->leaf_count / naive->leaves[level]; i++) {
        const uint32_t leaves = naive_cell(naive, level, i);
        if ((free & leaves) == leaves && place(naive, free & ~leaves, level, i + 1, left - 1, owed))
            return true;
    }
    return false;
}

bool naive_matches(const struct naive *naive, uint32_t free, const uint32_t owed[DURE_CELLS_LEVELS_MAX + 1])
{
    return place(naive, free, naive->shape.levels + 1u, 0, 0, owed);
}

static void least(const struct naive *naive, unsigned level, uint32_t suspended,
                  uint32_t owed[DURE_CELLS_LEVELS_MAX + 1], uint32_t *best)
{
    if (suspended >= *best)
        return;
    if (level == 0) {
        if (naive_matches(naive, naive->free, owed))
            *best = suspended;
        return;
    }
    const uint32_t all = owed[level];
    for (uint32_t less = 0; less <= all; less++) {
        owed[level] = all - less;
        least(naive, level - 1, suspended + less * naive->leaves[level], owed, best);
    }
    owed[level] = all;
}

uint32_t naive_least_suspended(const struct naive *naive)
{
    uint32_t owed[DURE_CELLS_LEVELS_MAX + 1], best = UINT32_MAX;
    for (unsigned l = 0; l <= DURE_CELLS_LEVELS_MAX; l++)
        owed[l] = naive->owed[l] + naive->suspended[l];
    least(naive, naive->shape.levels, 0, owed, &best);
    return best;
}
