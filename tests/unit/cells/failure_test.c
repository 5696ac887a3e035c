#include <stdio.h>
#include <string.h>

#include "fixture.h"

static char steps[256];

static void tell(void *context, const struct dure_cells_step *step)
{
    (void)context;
    const size_t used = strlen(steps);
    (void)snprintf(steps + used, sizeof steps - used, "%s%u.%u ", step->suspend ? "-" : "+", step->allot.v,
                   step->index);
}

static const char *settle(struct dure_cells *cells)
{
    steps[0] = '\0';
    if (dure_cells_settle(cells, tell, NULL, NULL))
        tap_bail("settling fails");
    return steps;
}

static const char *lose(struct dure_cells *cells, uint32_t leaf)
{
    if (dure_cells_lose(cells, leaf, NULL))
        tap_bail("a loss is refused");
    return settle(cells);
}

static const char *repair(struct dure_cells *cells, uint32_t leaf)
{
    if (dure_cells_repair(cells, leaf, NULL))
        tap_bail("a repair is refused");
    return settle(cells);
}

static void refusals(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 2, 4));
    const struct dure_cells_step nothing = {.suspend = true, .allot = ALLOT(9)},
                                 beyond = {.suspend = true, .allot = ALLOT(1), .index = 4},
                                 owed = {.suspend = false, .allot = ALLOT(1), .index = 0};
    TAP_EQ_INT(dure_cells_repair(cells, 0, NULL), DURE_E_STATE, "repairing what is well");
    TAP_EQ_INT(dure_cells_lose(cells, 8, NULL), DURE_E_INVALID, "losing what does not exist");
    TAP_EQ_INT(dure_cells_repair(cells, 8, NULL), DURE_E_INVALID, "repairing it");
    TAP_EQ_INT(dure_cells_lose(cells, 0, NULL), DURE_OK, "losing a leaf");
    TAP_EQ_INT(dure_cells_lose(cells, 0, NULL), DURE_E_STATE, "losing it twice");
    TAP_OK(!dure_cells_whole(cells), "a promise is broken until somebody is told");
    const struct dure_cells_right more = fixture_right(2, 1, 1);
    TAP_EQ_INT(dure_cells_accept(cells, &more, NULL, NULL), DURE_E_STATE, "until then nothing is accepted");
    TAP_EQ_INT(dure_cells_take_exact(cells, ALLOT(1), 0, CELL(2, 1), NULL), DURE_E_STATE, "nothing is bound");
    TAP_EQ_INT(dure_cells_do_step(cells, &nothing, NULL), DURE_E_STATE, "suspending nobody");
    TAP_EQ_INT(dure_cells_do_step(cells, &beyond, NULL), DURE_E_STATE, "suspending what is not there");
    TAP_EQ_INT(dure_cells_do_step(cells, &owed, NULL), DURE_E_STATE, "restoring what is owed");
    dure_cells_free(cells);
}

/* s falls by one at every level up to the free cell. */
static void slack_falls_by_one(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 1, 1));
    (void)fixture_take(cells, 1, 0); /* F = (1, 1, 1) */
    int64_t before[4];
    for (unsigned l = 1; l <= 3; l++)
        before[l] = dure_cells_slack(cells, l);
    TAP_EQ_STR(lose(cells, 2), "", "a leaf of the free node: nobody is short");
    for (unsigned l = 1; l <= 3; l++)
        TAP_EQ_INT(dure_cells_slack(cells, l), before[l] - (l <= 2), "s[%u] falls up to the node", l);
    TAP_EQ_STR(lose(cells, 0), "", "a bound leaf: nothing changes");
    TAP_EQ_INT(dure_cells_slack(cells, 1), before[1] - 1, "no slack is lost by it");
    TAP_EQ_INT(fixture_state(cells, 1, 0), DURE_CELLS_BOUND, "it stays bound");
    TAP_EQ_UINT(dure_cells_lost_count(cells), 2, "two are lost");
    TAP_OK(dure_cells_lost_next(cells, 0) == 0 && dure_cells_lost_next(cells, 1) == 2 &&
               dure_cells_lost_next(cells, 3) == DURE_NONE32,
           "these");
    fixture_sound(cells, "with losses");
    dure_cells_free(cells);
}

/* Fewest leaves; then rank 0, latest start, lowest id; and back in the opposite order. */
static void order(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cells_right rights[] = {fixture_right(1, 3, 1), fixture_right(2, 1, 1), fixture_right(3, 1, 1),
                                        fixture_right(4, 1, 1), fixture_right(5, 1, 1)};
    rights[2].rank = 0;
    rights[3].start_us = 50;
    for (size_t i = 0; i < 5; i++)
        fixture_promise(cells, rights[i]);
    TAP_EQ_STR(lose(cells, 0), "-3.0 ", "the owner's own right first");
    TAP_EQ_STR(lose(cells, 1), "-4.0 ", "then the latest start");
    TAP_EQ_STR(lose(cells, 2), "-2.0 ", "then the lowest id");
    TAP_EQ_STR(lose(cells, 4), "-1.0 +2.0 +4.0 +3.0 ",
               "a rack breaks: its four leaves are the fewest, all others are kept");
    TAP_EQ_STR(repair(cells, 4), "-3.0 -4.0 -2.0 +1.0 ", "which repair takes back");
    TAP_EQ_STR(repair(cells, 0), "+2.0 ", "the last to go is the first back");
    TAP_EQ_STR(repair(cells, 2), "+4.0 ", "then the next");
    TAP_EQ_STR(repair(cells, 1), "+3.0 ", "and the owner's last");
    fixture_sound(cells, "all well again");
    dure_cells_free(cells);
}

/* A suspended right works on the healthy leaves of the cell with fewest lost ones. */
static void served(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cell cell;
    struct dure_cells_virtual virtual;
    fixture_promise(cells, fixture_right(1, 3, 2));
    TAP_EQ_STR(lose(cells, 0), "-1.0 ", "a rack is suspended");
    TAP_EQ_STR(lose(cells, 1), "", "a second loss in the same rack costs nothing more");
    TAP_EQ_STR(lose(cells, 5), "-1.1 ", "the other rack");
    const struct dure_cells_step healed = {.suspend = false, .allot = ALLOT(1), .index = 0};
    TAP_EQ_INT(dure_cells_choose(cells, ALLOT(1), 0, false, &cell, NULL), DURE_OK, "it can be served");
    TAP_EQ_UINT(cell.index, 1, "by the rack with one loss");
    TAP_EQ_INT(dure_cells_take(cells, ALLOT(1), 0, &cell, NULL), DURE_OK, "and is");
    TAP_OK(dure_cells_virtual(cells, ALLOT(1), 0, &virtual) && virtual.state == DURE_CELLS_SERVED &&
               virtual.lost == 1 && virtual.free == 3,
           "three leaves");
    TAP_EQ_INT(dure_cells_do_step(cells, &healed, NULL), DURE_E_STATE, "it is not whole yet");
    TAP_EQ_STR(repair(cells, 5), "+1.0 ", "until it is");
    TAP_EQ_INT(fixture_state(cells, 1, 0), DURE_CELLS_BOUND, "bound like any other");
    TAP_EQ_INT(dure_cells_take(cells, ALLOT(1), 1, &cell, NULL), DURE_OK, "the other right has the other rack");
    TAP_EQ_STR(repair(cells, 0), "", "half repaired");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(1), 1, NULL), DURE_OK, "given back, damaged");
    TAP_EQ_INT(fixture_state(cells, 1, 1), DURE_CELLS_SUSPENDED, "still suspended");
    TAP_EQ_STR(repair(cells, 1), "+1.1 ", "until repaired");
    fixture_sound(cells, "after service");
    dure_cells_free(cells);
}

static void not_served(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cell cell;
    fixture_promise(cells, fixture_right(1, 3, 1));
    fixture_promise(cells, fixture_right(2, 2, 1));
    fixture_promise(cells, fixture_right(3, 1, 2));
    TAP_EQ_STR(lose(cells, 0), "-3.0 ", "a leaf right is short");
    TAP_EQ_INT(dure_cells_choose(cells, ALLOT(3), 0, false, &cell, NULL), DURE_E_SUSPENDED,
               "a lost leaf serves nobody");
    TAP_EQ_INT(dure_cells_take_exact(cells, ALLOT(3), 0, CELL(1, 0), NULL), DURE_E_SHORT, "even if it is named");
    TAP_EQ_INT(dure_cells_take_exact(cells, ALLOT(3), 0, CELL(1, 1), NULL), DURE_E_SHORT,
               "what is owed to others does neither");
    TAP_EQ_STR(lose(cells, 4), "-1.0 +3.0 ", "now the rack is");
    TAP_EQ_INT(dure_cells_choose(cells, ALLOT(1), 0, false, &cell, NULL), DURE_E_SUSPENDED,
               "three leaves of a rack would break other promises");
    dure_cells_free(cells);
}

/* A bound cell that loses a leaf stays bound; once given back, somebody is short. */
static void damaged_return(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 3, 2));
    (void)fixture_take(cells, 1, 0);
    TAP_EQ_STR(lose(cells, 3), "", "nobody is short while it is bound");
    const struct dure_cells_right more = fixture_right(2, 1, 1);
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(1), 0, NULL), DURE_OK, "given back");
    TAP_EQ_STR(settle(cells), "-1.0 ", "a right is short now");
    TAP_EQ_INT(dure_cells_accept(cells, &more, NULL, NULL), DURE_E_SHORT, "nobody new gets what it waits for");
    TAP_EQ_INT(dure_cells_shrink(cells, ALLOT(1), 1, false, NULL), DURE_OK, "the suspended cell is the first to go");
    TAP_EQ_STR(settle(cells), "", "and nobody is short");
    TAP_EQ_INT(dure_cells_accept(cells, &more, NULL, NULL), DURE_OK, "the three leaves can be promised");
    fixture_sound(cells, "at the end");
    dure_cells_free(cells);
}

/* What happens between a loss and its settling does not make it forgotten. */
static void settled_late(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 3, 1));
    fixture_promise(cells, fixture_right(2, 1, 2));
    fixture_promise(cells, fixture_right(3, 1, 2));
    (void)fixture_take(cells, 2, 0);
    TAP_EQ_INT(dure_cells_lose(cells, 7, NULL), DURE_OK, "a loss");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(2), 0, NULL), DURE_OK, "a leaf is given back before anybody is told");
    TAP_EQ_INT(dure_cells_shrink(cells, ALLOT(2), 1, false, NULL), DURE_OK, "a right shrinks");
    TAP_EQ_INT(dure_cells_lose(cells, 3, NULL), DURE_OK, "another loss");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(2), false, NULL), DURE_OK, "a right ends");
    TAP_EQ_STR(settle(cells), "-1.0 ", "now the rack's holder is told");
    TAP_OK(dure_cells_whole(cells), "and the rest is kept");
    fixture_sound(cells, "at the end");
    dure_cells_free(cells);
}

int main(void)
{
    settled_late();
    refusals();
    slack_falls_by_one();
    order();
    served();
    not_served();
    damaged_return();
    return tap_done();
}
