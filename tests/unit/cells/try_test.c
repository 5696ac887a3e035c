#include <string.h>

#include "fixture.h"

static void same(struct dure_digest before, const struct dure_cells *cells, const char *what)
{
    const struct dure_digest now = dure_cells_digest(cells);
    TAP_EQ_MEM(&before, &now, sizeof now, "%s", what);
    fixture_sound(cells, what);
}

static void nested(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cell cell;
    fixture_promise(cells, fixture_right(1, 2, 4));
    (void)fixture_take(cells, 1, 2);
    const struct dure_digest zero = dure_cells_digest(cells);
    const struct dure_cells_mark outer = dure_cells_mark(cells);
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), true, NULL), DURE_OK, "what if the right ended?");
    const struct dure_cells_right other = fixture_right(1, 3, 2);
    TAP_EQ_INT(dure_cells_accept(cells, &other, NULL, NULL), DURE_OK, "another of the same id would fit");
    TAP_EQ_INT(dure_cells_start(cells, other.id, NULL), DURE_OK, "start");
    const struct dure_digest one = dure_cells_digest(cells);
    const struct dure_cells_mark inner = dure_cells_mark(cells);
    TAP_EQ_INT(dure_cells_take(cells, other.id, 1, &cell, NULL), DURE_OK, "and be bound");
    TAP_EQ_INT(dure_cells_lose(cells, 7, NULL), DURE_OK, "and with a loss");
    TAP_EQ_INT(dure_cells_settle(cells, NULL, NULL, NULL), DURE_OK, "settled");
    dure_cells_rollback(cells, inner);
    same(one, cells, "the inner trial is undone");
    const struct dure_cells_mark kept = dure_cells_mark(cells);
    TAP_EQ_INT(dure_cells_end(cells, other.id, false, NULL), DURE_OK, "an end that is kept");
    dure_cells_commit(cells, kept);
    dure_cells_rollback(cells, outer);
    same(zero, cells, "the outer trial is undone, with what was kept in it");
    const struct dure_cells_mark again = dure_cells_mark(cells);
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), true, NULL), DURE_OK, "now it ends");
    dure_cells_commit(cells, again);
    TAP_EQ_UINT(dure_cells_free_count(cells, 3), 2, "for good");
    fixture_sound(cells, "for good");
    TAP_EQ_INT(dure_cells_accept(cells, &other, NULL, NULL), DURE_OK, "and the next is accepted");
    dure_cells_free(cells);
}

static void unmarked_rollback(void *cells)
{
    dure_cells_rollback(cells, (struct dure_cells_mark){0});
}

int main(void)
{
    nested();
    struct dure_cells *cells = fixture_racks();
    TAP_ABORTS(unmarked_rollback, cells, "rolling back without a mark is a programmer's error");
    dure_cells_free(cells);
    return tap_done();
}
