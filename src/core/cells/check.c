/* Saves the chain, builds it anew from the bytes, and compares all that was kept up to date on the way. */
#include <string.h>

#include "core/cells/state.h"

static bool same_slot(const struct dure_cells *x, struct dure_cells_slot a, const struct dure_cells *y,
                      struct dure_cells_slot b)
{
    if (a.right == DURE_NONE32 || b.right == DURE_NONE32)
        return a.right == b.right;
    return x->rights[a.right]->spec.id.v == y->rights[b.right]->spec.id.v && a.index == b.index;
}

static bool same_bits(const struct dure_bits *x, const struct dure_bits *y)
{
    for (unsigned k = 0; k < x->levels; k++) {
        uint64_t words = x->size;
        for (unsigned i = 0; i <= k; i++)
            words = words ? (words - 1) / 64 + 1 : 1;
        if (memcmp(x->level[k], y->level[k], words * sizeof(uint64_t)) != 0)
            return false;
    }
    return x->count == y->count;
}

static const char *differing_level(const struct dure_cells_level *x, const struct dure_cells_level *y, bool is_leaf)
{
    if (!same_bits(&x->free, &y->free) || !same_bits(&x->idle, &y->idle))
        return "the free cells";
    if (x->owed != y->owed || x->suspended != y->suspended)
        return "what is owed";
    if (is_leaf)
        return NULL;
    const size_t size = x->count * sizeof *x->bound;
    if (memcmp(x->bound, y->bound, size) != 0)
        return "the bound leaves";
    if (memcmp(x->lost, y->lost, size) != 0)
        return "the lost leaves";
    if (memcmp(x->borrowed, y->borrowed, size) != 0)
        return "the borrowed leaves";
    if (memcmp(x->best + 1, y->best + 1, (2 * (size_t)x->base - 1) * sizeof *x->best) != 0)
        return "the least borrowed cells";
    return NULL;
}

static const char *differing_right(const struct dure_cells *x, const struct dure_cells_owner *a,
                                   const struct dure_cells *y, const struct dure_cells_owner *b)
{
    if (a->spec.count != b->spec.count || a->used != b->used ||
        memcmp(a->by_state, b->by_state, sizeof a->by_state) != 0)
        return "the sums of a right";
    for (uint32_t i = 0; i < a->index_end; i++)
        if (a->virtuals[i].used != b->virtuals[i].used || !same_slot(x, a->virtuals[i].heir, y, b->virtuals[i].heir) ||
            !same_slot(x, a->virtuals[i].source, y, b->virtuals[i].source))
            return "a virtual cell";
    return NULL;
}

static const char *differing(const struct dure_cells *x, const struct dure_cells *y)
{
    const char *what = NULL;
    for (unsigned l = 1; l <= x->shape.levels && !what; l++)
        what = differing_level(&x->level[l], &y->level[l], l == 1);
    for (uint32_t i = 0; i < x->right_count && !what; i++) {
        what = differing_right(x, x->by_id[i], y, y->by_id[i]);
        if (x->by_holder[i]->spec.id.v != y->by_holder[i]->spec.id.v)
            what = "the order by holder";
    }
    for (unsigned l = 1; l <= x->shape.levels && !what; l++)
        for (uint32_t i = 0; i < x->level[l].count && !what; i++)
            if (!same_slot(x, x->level[l].place[i], y, y->level[l].place[i]))
                what = "the holder of a cell";
    if (!what && !same_bits(&x->lost, &y->lost))
        what = "the lost leaves";
    if (!what && x->owed_leaves != y->owed_leaves)
        what = "what is owed";
    if (!what && (x->served_count != y->served_count || x->suspended_count != y->suspended_count))
        what = "what is suspended";
    if (!what && (x->digest.lane[0] != y->digest.lane[0] || x->digest.lane[1] != y->digest.lane[1]))
        what = "the digest";
    return what;
}

enum dure_err dure_cells_check(const struct dure_cells *cells, struct dure_error *error)
{
    DURE_CLEANUP_BUF struct dure_buf buf, again;
    dure_buf_init(&buf, DURE_CELLS_SNAPSHOT_MAX);
    dure_buf_init(&again, DURE_CELLS_SNAPSHOT_MAX);
    dure_cells_save(cells, &buf);
    if (buf.failed)
        return dure_fail(error, DURE_E_MEMORY, "no memory to check a chain of cells");
    struct dure_cells *built;
    enum dure_err err = dure_cells_load(buf.data, buf.length, &built, error);
    if (err)
        return err;
    dure_cells_save(built, &again);
    const char *what = differing(cells, built);
    if (again.failed)
        err = dure_fail(error, DURE_E_MEMORY, "no memory to check a chain of cells");
    else if (what)
        err = dure_fail(error, DURE_E_DIVERGED, "%s of the chain differ from those built anew", what);
    else if (buf.length != again.length || memcmp(buf.data, again.data, buf.length) != 0)
        err = dure_fail(error, DURE_E_DIVERGED, "the bytes of the chain differ from those of the chain built anew");
    dure_cells_free(built);
    return err;
}
