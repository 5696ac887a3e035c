/* The cost of a call must not grow with the chain: a million pairs on 400,000 leaves. A walk over cells would not end
 * within the time that a test has. */
#include <time.h>

#include "fixture.h"

enum { PAIRS = 1000000 };

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pairs(unsigned level, uint32_t count, uint32_t held, bool lent)
{
    const struct dure_cells_shape shape = {.levels = 5, .tops = 25, .holds = {0, 0, 8, 4, 10, 50}};
    struct dure_cells *cells;
    struct dure_cell cell;
    if (dure_cells_new(&shape, &cells, NULL))
        tap_bail("no chain");
    fixture_promise(cells, fixture_right(1, level, count));
    for (uint32_t i = 0; i < held; i++)
        (void)fixture_take(cells, 1, i);
    uint32_t failures = 0;
    for (uint32_t leaf = 0; lent && leaf < dure_cells_leaf_count(cells); leaf++)
        failures += dure_cells_borrowed(cells, leaf, 1, NULL) != DURE_OK;
    const double begin = seconds_now();
    for (uint32_t i = 0; i < PAIRS; i++) {
        failures += dure_cells_take(cells, ALLOT(1), held + i % (count - held), &cell, NULL) != DURE_OK;
        failures += dure_cells_give(cells, ALLOT(1), held + i % (count - held), NULL) != DURE_OK;
    }
    const double seconds = seconds_now() - begin;
    TAP_EQ_UINT(failures, 0, "level %u: all pairs succeed", level);
    tap_diag("level %u, %u bound%s: %d pairs on %u leaves in %.2f s", level, held, lent ? ", all lent" : "", PAIRS,
             dure_cells_leaf_count(cells), seconds);
    dure_cells_free(cells);
}

int main(void)
{
    pairs(1, 1000, 0, false);
    pairs(1, 300000, 250000, false);
    pairs(2, 40000, 10000, false);
    pairs(3, 5000, 100, false);
    pairs(2, 40000, 10000, true);
    return tap_done();
}
