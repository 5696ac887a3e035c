#include "fixture.h"

static void lowest_level_first(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 1, 3));
    fixture_promise(cells, fixture_right(2, 3, 1));
    TAP_EQ_UINT(fixture_take(cells, 1, 0).index, 0, "the first leaf splits the first rack");
    TAP_EQ_UINT(dure_cells_free_count(cells, 1), 1, "leaving a leaf");
    TAP_EQ_UINT(dure_cells_free_count(cells, 2), 1, "a node");
    TAP_EQ_UINT(dure_cells_free_count(cells, 3), 1, "and the other rack");
    TAP_EQ_UINT(fixture_take(cells, 1, 1).index, 1, "the second fills the split node");
    TAP_EQ_UINT(fixture_take(cells, 1, 2).index, 2, "the third splits the node, not the rack");
    TAP_EQ_UINT(fixture_take(cells, 2, 0).index, 1, "the rack is whole");
    for (uint32_t i = 0; i < 3; i++)
        TAP_EQ_INT(dure_cells_give(cells, ALLOT(1), i, NULL), DURE_OK, "given back");
    TAP_EQ_UINT(dure_cells_free_count(cells, 3), 1, "and merged into a rack");
    TAP_EQ_UINT(dure_cells_free_count(cells, 1) + dure_cells_free_count(cells, 2), 0, "with nothing beside");
    fixture_sound(cells, "at the end");
    dure_cells_free(cells);
}

static void borrowed(struct dure_cells *cells, uint32_t leaf)
{
    if (dure_cells_borrowed(cells, leaf, 1, NULL))
        tap_bail("borrowing is refused");
}

static void least_borrowed_first(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cell cell;
    fixture_promise(cells, fixture_right(1, 1, 1));
    borrowed(cells, 0);
    borrowed(cells, 1);
    TAP_EQ_INT(dure_cells_choose(cells, ALLOT(1), 0, false, &cell, NULL), DURE_OK, "a choice");
    TAP_EQ_UINT(cell.index, 4, "the rack without borrowed work");
    borrowed(cells, 4);
    borrowed(cells, 6);
    borrowed(cells, 7);
    TAP_OK(!dure_cells_choose(cells, ALLOT(1), 0, false, &cell, NULL) && cell.index == 2,
           "the rack with less of it, and there the idle node");
    TAP_EQ_INT(dure_cells_borrowed(cells, 0, -1, NULL), DURE_OK, "one borrower leaves");
    TAP_EQ_INT(dure_cells_borrowed(cells, 1, -1, NULL), DURE_OK, "another");
    borrowed(cells, 2);
    TAP_OK(!dure_cells_choose(cells, ALLOT(1), 0, false, &cell, NULL) && cell.index == 0, "counts follow");
    fixture_promise(cells, fixture_right(2, 1, 1));
    TAP_EQ_UINT(fixture_take(cells, 1, 0).index, 0, "leaf 0 is bound");
    borrowed(cells, 1);
    TAP_OK(!dure_cells_choose(cells, ALLOT(2), 0, false, &cell, NULL) && cell.index == 1,
           "the free leaf comes first though it is borrowed");
    TAP_OK(!dure_cells_choose(cells, ALLOT(2), 0, true, &cell, NULL) && cell.index == 3,
           "unless a larger cell can be split safely");
    const struct dure_cells_sum sum = dure_cells_sum(cells, CELL(3, 0));
    TAP_OK(sum.bound == 1 && sum.borrowed == 2 && !sum.is_free, "sums of the first rack");
    fixture_sound(cells, "with borrowers");
    dure_cells_free(cells);
}

/* Right 1: two leaves, one bound; right 2: a node, bound; right 3: a rack, not started. */
static void refused_takes(void)
{
    static const struct {
        uint32_t allot, index;
        struct dure_cell cell;
        enum dure_err want;
        const char *name;
    } rows[] = {
        {7, 0, {0, 1}, DURE_E_RIGHTS, "no such right"},
        {1, 2, {0, 1}, DURE_E_RIGHTS, "no such virtual cell"},
        {1, 0, {1, 1}, DURE_E_RIGHTS, "bound already"},
        {3, 0, {1, 3}, DURE_E_RIGHTS, "not started"},
        {1, 1, {1, 2}, DURE_E_INVALID, "a node for a leaf"},
        {1, 1, {8, 1}, DURE_E_INVALID, "no such leaf"},
        {1, 1, {0, 1}, DURE_E_STATE, "a leaf that is bound"},
        {1, 1, {2, 1}, DURE_E_STATE, "a leaf of a bound node"},
        {1, 1, {4, 1}, DURE_E_SHORT, "a leaf of the promised rack"},
        {1, 1, {1, 1}, DURE_OK, "the free leaf"},
    };
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 1, 2));
    fixture_promise(cells, fixture_right(2, 2, 1));
    const struct dure_cells_right rack = fixture_right(3, 3, 1);
    TAP_EQ_INT(dure_cells_accept(cells, &rack, NULL, NULL), DURE_OK, "everything is promised");
    (void)fixture_take(cells, 1, 0);
    (void)fixture_take(cells, 2, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_error error = {0};
        const struct dure_digest before = dure_cells_digest(cells);
        TAP_EQ_INT(dure_cells_take_exact(cells, ALLOT(rows[i].allot), rows[i].index, rows[i].cell, &error),
                   rows[i].want, "%s", rows[i].name);
        const struct dure_digest after = dure_cells_digest(cells);
        TAP_OK(!rows[i].want || (error.text[0] && before.lane[0] == after.lane[0]), "with words and without effect");
    }
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(7), 0, NULL), DURE_E_STATE, "giving what does not exist");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(1), 2, NULL), DURE_E_STATE, "or is beyond the right");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(3), 0, NULL), DURE_E_STATE, "or is not bound");
    dure_cells_free(cells);
}

static void leaves_by_position(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cells_leaf leaf;
    struct dure_cells_virtual virtual;
    fixture_promise(cells, fixture_right(1, 1, 1));
    fixture_promise(cells, fixture_right(2, 2, 2));
    (void)fixture_take(cells, 1, 0);
    TAP_EQ_UINT(fixture_take(cells, 2, 1).index, 1, "the second virtual node is bound to node 1");
    dure_cells_leaf(cells, 3, &leaf);
    TAP_OK(leaf.allot.v == 2 && leaf.holder.v == 2 && leaf.index == 1 && leaf.offset == 1 && !leaf.lost,
           "leaf 3 is its second leaf");
    dure_cells_leaf(cells, 1, &leaf);
    TAP_OK(leaf.allot.v == DURE_NONE32 && leaf.holder.v == DURE_NONE32, "leaf 1 is nobody's");
    TAP_OK(dure_cells_virtual(cells, ALLOT(2), 1, &virtual) && virtual.cell.index == 1 && virtual.cell.level == 2 &&
               virtual.free == 2,
           "and back");
    TAP_OK(dure_cells_virtual_next(cells, ALLOT(2), 0, 1u << DURE_CELLS_UNBOUND, &virtual) && virtual.index == 0 &&
               virtual.free == 2,
           "the unbound one");
    TAP_OK(!dure_cells_virtual_next(cells, ALLOT(2), 1, 1u << DURE_CELLS_UNBOUND, &virtual), "is the only one");
    TAP_OK(dure_cells_virtual_next(cells, ALLOT(2), 1, 1u << DURE_CELLS_UNBOUND | 1u << DURE_CELLS_BOUND, &virtual) &&
               virtual.index == 1,
           "of either state");
    TAP_OK(!dure_cells_virtual_next(cells, ALLOT(2), 0, 1u << DURE_CELLS_SERVED | 1u << DURE_CELLS_WAITING, &virtual),
           "none of these");
    TAP_OK(!dure_cells_virtual_next(cells, ALLOT(2), 2, ~0u, &virtual) &&
               !dure_cells_virtual_next(cells, ALLOT(9), 0, ~0u, &virtual),
           "past the end");
    TAP_OK(!dure_cells_virtual(cells, ALLOT(2), 2, &virtual), "no third node");
    const struct dure_cells_sum inside = dure_cells_sum(cells, CELL(1, 3));
    TAP_OK(inside.bound == 1 && !inside.is_free, "a leaf of a bound node counts as bound");
    dure_cells_free(cells);
}

int main(void)
{
    lowest_level_first();
    least_borrowed_first();
    refused_takes();
    leaves_by_position();
    return tap_done();
}
