#include "fixture.h"

static struct dure_cells_right after(uint32_t id, struct dure_cells_right predecessor, uint32_t count)
{
    struct dure_cells_right right = predecessor;
    right.id.v = id;
    right.count = count;
    right.start_us = predecessor.end_us;
    right.end_us = right.start_us + 100;
    right.predecessor = predecessor.id;
    return right;
}

static void accept(struct dure_cells *cells, struct dure_cells_right right)
{
    struct dure_error error;
    if (dure_cells_accept(cells, &right, NULL, &error))
        tap_bail("right %u: %s", right.id.v, error.text);
}

static void use(struct dure_cells *cells, uint32_t leaf)
{
    if (dure_cells_use(cells, leaf, 1, NULL))
        tap_bail("a use is refused");
}

/* A renewal of the same holder: the job goes on in the same cell, under the new right. */
static void renewal(void)
{
    struct dure_cells *cells = fixture_racks();
    const struct dure_cells_right first = fixture_right(1, 2, 4);
    struct dure_cells_leaf leaf;
    size_t count;
    fixture_promise(cells, first);
    accept(cells, after(2, first, 4));
    TAP_EQ_INT(fixture_state(cells, 2, 0), DURE_CELLS_WAITING, "the renewal waits");
    TAP_EQ_UINT(dure_cells_owed(cells, 2), 4, "and does not count twice");
    const struct dure_cell cell = fixture_take(cells, 1, 3);
    use(cells, cell.index * 2);
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), false, NULL), DURE_OK, "the end needs no force: the guarantee goes on");
    const struct dure_cells_event *events = dure_cells_events(cells, &count);
    TAP_EQ_UINT(count, 4, "four cells are handed over");
    TAP_OK(events[3].kind == DURE_CELLS_HANDED_OVER && events[3].virtual_index == 3 && events[3].heir.v == 2 &&
               events[3].used == 1 && events[3].cell.level == 2 && events[3].cell.index == cell.index,
           "the bound one with its cell");
    dure_cells_leaf(cells, cell.index * 2, &leaf);
    TAP_OK(leaf.allot.v == 2 && leaf.used == 1 && leaf.borrowed == 0, "the job is the renewal's");
    TAP_EQ_INT(fixture_state(cells, 2, events[3].heir_index), DURE_CELLS_BOUND, "and bound");
    TAP_EQ_INT(fixture_state(cells, 1, 3), DURE_CELLS_GONE, "the ended right is gone");
    TAP_EQ_UINT(dure_cells_owed(cells, 2), 3, "three remain owed");
    fixture_sound(cells, "after the renewal");
    dure_cells_free(cells);
}

/* Another holder: the cell passes on, the job becomes a borrower. */
static void succession(void)
{
    struct dure_cells *cells = fixture_racks();
    const struct dure_cells_right first = fixture_right(1, 3, 1);
    struct dure_cells_right second = after(2, first, 1);
    struct dure_cells_leaf leaf;
    size_t count;
    second.holder.v = 77;
    fixture_promise(cells, first);
    accept(cells, second);
    (void)fixture_take(cells, 1, 0);
    use(cells, 2);
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), false, NULL), DURE_E_STATE, "a job would lose its guarantee");
    const struct dure_cells_event *events = dure_cells_events(cells, &count);
    TAP_OK(count == 1 && events[0].kind == DURE_CELLS_IN_USE && events[0].heir.v == 2, "the cell in use is named");
    TAP_EQ_INT(fixture_state(cells, 1, 0), DURE_CELLS_BOUND, "nothing happened");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), true, NULL), DURE_OK, "by force");
    dure_cells_leaf(cells, 2, &leaf);
    TAP_OK(leaf.allot.v == 2 && leaf.holder.v == 77 && leaf.used == 0 && leaf.borrowed == 1, "the job is borrowed now");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(2), 0, NULL), DURE_OK, "its cell is unused, so it can be given back");
    TAP_EQ_UINT(dure_cells_free_count(cells, 3), 2, "and is free, with a borrower on it");
    fixture_sound(cells, "after the succession");
    dure_cells_free(cells);
}

/* Fewer are renewed than there are: those in use go first. */
static void smaller_renewal(void)
{
    struct dure_cells *cells = fixture_racks();
    const struct dure_cells_right first = fixture_right(1, 2, 3);
    size_t count;
    fixture_promise(cells, first);
    accept(cells, after(2, first, 1));
    const struct dure_cell idle = fixture_take(cells, 1, 1), busy = fixture_take(cells, 1, 2);
    use(cells, busy.index * 2);
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), false, NULL), DURE_OK, "ended");
    const struct dure_cells_event *events = dure_cells_events(cells, &count);
    TAP_OK(count == 2 && events[0].kind == DURE_CELLS_RELEASED && events[0].cell.index == idle.index,
           "the idle cell is released");
    TAP_OK(events[1].kind == DURE_CELLS_HANDED_OVER && events[1].cell.index == busy.index && events[1].heir_index == 0,
           "the busy one handed over");
    TAP_EQ_UINT(dure_cells_owed(cells, 2), 0, "the third is owed to nobody");
    fixture_sound(cells, "after the smaller renewal");
    dure_cells_free(cells);
}

/* A - B - C: when B goes, C stands in the line behind A. */
static void a_link_goes(void)
{
    struct dure_cells *cells = fixture_racks();
    const struct dure_cells_right a = fixture_right(1, 3, 1), b = after(2, a, 2), c = after(3, b, 2);
    struct dure_cells_virtual virtual;
    fixture_promise(cells, a);
    accept(cells, b);
    accept(cells, c);
    TAP_EQ_UINT(dure_cells_owed(cells, 3), 2, "A's cell and B's second count");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(2), false, NULL), DURE_OK, "B is cancelled");
    TAP_EQ_INT(fixture_state(cells, 3, 0), DURE_CELLS_WAITING, "C waits for A");
    TAP_EQ_INT(fixture_state(cells, 3, 1), DURE_CELLS_UNBOUND, "and has B's own cell");
    TAP_OK(dure_cells_virtual(cells, ALLOT(1), 0, &virtual) && virtual.heir.v == 3 && virtual.heir_index == 0,
           "A's heir is C");
    TAP_EQ_INT(dure_cells_start(cells, ALLOT(3), NULL), DURE_OK, "C starts early by its caller's mistake");
    TAP_EQ_INT(dure_cells_choose(cells, ALLOT(3), 0, false, &virtual.cell, NULL), DURE_E_RIGHTS,
               "yet cannot have what is A's");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(3), false, NULL), DURE_OK, "C is cancelled too");
    TAP_OK(dure_cells_virtual(cells, ALLOT(1), 0, &virtual) && virtual.heir.v == DURE_NONE32, "A has no heir");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(3), false, NULL), DURE_E_NOT_FOUND, "there is no C any more");
    fixture_sound(cells, "without the links");
    accept(cells, fixture_right(3, 3, 1));
    TAP_EQ_INT(fixture_state(cells, 3, 0), DURE_CELLS_UNBOUND, "its id can be used again");
    dure_cells_free(cells);
}

static void shrinking(void)
{
    static const struct {
        uint32_t stay;
        bool force;
        enum dure_err want;
        uint32_t events;
        uint32_t left; /* as digits: the states of the four cells */
        const char *name;
    } rows[] = {
        {5, true, DURE_E_INVALID, 0, 3332, "more than there is"},
        {0, true, DURE_E_INVALID, 0, 3332, "none: that is an end"},
        {4, false, DURE_OK, 0, 3332, "all stay"},
        {3, false, DURE_OK, 0, 3330, "the unbound one goes first"},
        {2, false, DURE_OK, 1, 3300, "then the bound one that is unused"},
        {1, false, DURE_E_STATE, 1, 3332, "a cell in use is named"},
        {1, true, DURE_OK, 2, 3000, "by force the one with fewest jobs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_cells *cells = fixture_racks();
        size_t events;
        fixture_promise(cells, fixture_right(1, 2, 4));
        for (uint32_t index = 0; index < 3; index++)
            (void)fixture_take(cells, 1, index);
        use(cells, 0);
        use(cells, 1);
        use(cells, 2);
        TAP_EQ_INT(dure_cells_shrink(cells, ALLOT(1), rows[i].stay, rows[i].force, NULL), rows[i].want, "shrink: %s",
                   rows[i].name);
        (void)dure_cells_events(cells, &events);
        TAP_EQ_UINT(events, rows[i].want == DURE_E_INVALID ? 0 : rows[i].events, "cells told of");
        uint32_t left = 0;
        for (uint32_t index = 0; index < 4; index++)
            left = left * 10 + fixture_state(cells, 1, index);
        TAP_EQ_UINT(left, rows[i].left, "cells left, by state");
        fixture_sound(cells, "then");
        dure_cells_free(cells);
    }
    struct dure_cells *cells = fixture_racks();
    TAP_EQ_INT(dure_cells_shrink(cells, ALLOT(1), 1, true, NULL), DURE_E_NOT_FOUND, "no such right");
    dure_cells_free(cells);
}

/* A shrunk right's heirs take over at once. */
static void shrink_with_heirs(void)
{
    struct dure_cells *cells = fixture_racks();
    const struct dure_cells_right first = fixture_right(1, 2, 2);
    fixture_promise(cells, first);
    accept(cells, after(2, first, 2));
    TAP_EQ_INT(dure_cells_shrink(cells, ALLOT(1), 1, false, NULL), DURE_OK, "shrunk");
    TAP_EQ_UINT(dure_cells_owed(cells, 2), 2, "the heir's promise counts on");
    TAP_EQ_INT(fixture_state(cells, 2, 1), DURE_CELLS_UNBOUND, "it has taken over");
    TAP_EQ_INT(fixture_state(cells, 2, 0), DURE_CELLS_WAITING, "the other waits");
    fixture_sound(cells, "after the shrink");
    dure_cells_free(cells);
}

int main(void)
{
    renewal();
    succession();
    smaller_renewal();
    a_link_goes();
    shrinking();
    shrink_with_heirs();
    return tap_done();
}
