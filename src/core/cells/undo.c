#include <stdlib.h>

#include "base/vec.h"
#include "core/cells/state.h"

bool dure_cells_note(struct dure_cells *cells, struct dure_cells_undo undo)
{
    if (cells->building)
        return true;
    if (cells->failed)
        return false;
    if (cells->undo_count == cells->undo_capacity &&
        !dure_vec_grow((void **)&cells->undo, &cells->undo_capacity, cells->undo_count, sizeof *cells->undo,
                       DURE_CELLS_UNDO_MAX)) {
        cells->failed = true;
        return false;
    }
    cells->undo[cells->undo_count++] = undo;
    return true;
}

static void undo_to(struct dure_cells *cells, size_t start)
{
    DURE_ASSERT(start <= cells->undo_count);
    while (cells->undo_count > start)
        dure_cells_undo_one(cells, &cells->undo[--cells->undo_count]);
}

/* What ended for good is freed only now that nothing can bring it back. */
static void forget(struct dure_cells *cells)
{
    for (size_t i = 0; i < cells->undo_count; i++)
        if (cells->undo[i].op == DURE_CELLS_OP_DEAD)
            dure_cells_owner_forget(cells, cells->rights[cells->undo[i].a]);
    cells->undo_count = 0;
}

size_t dure_cells_begin(struct dure_cells *cells)
{
    cells->failed = false;
    cells->event_count = 0;
    if (cells->told)
        *cells->told |= cells->told_bit;
    return cells->undo_count;
}

enum dure_err dure_cells_finish(struct dure_cells *cells, size_t start, enum dure_err err, struct dure_error *error)
{
    if (cells->failed && !err)
        err = dure_fail(error, DURE_E_MEMORY, "no memory for a change of cells");
    cells->failed = false;
    if (err)
        undo_to(cells, start);
    else if (!cells->marks)
        forget(cells);
    return err;
}

struct dure_cells_mark dure_cells_mark(struct dure_cells *cells)
{
    cells->marks++;
    return (struct dure_cells_mark){cells->undo_count};
}

void dure_cells_rollback(struct dure_cells *cells, struct dure_cells_mark mark)
{
    DURE_ASSERT(cells->marks > 0);
    if (cells->told)
        *cells->told |= cells->told_bit;
    undo_to(cells, mark.at);
    cells->event_count = 0;
    cells->marks--;
}

void dure_cells_commit(struct dure_cells *cells, struct dure_cells_mark mark)
{
    DURE_ASSERT(cells->marks > 0 && mark.at <= cells->undo_count);
    if (!--cells->marks)
        forget(cells);
}
