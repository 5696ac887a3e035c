#pragma once
/* Small chains for the tests of this folder. */
#include "core/cells/cells.h"
#include "tap.h"

#define NO_ALLOT ((struct dure_allot_id){DURE_NONE32})
#define ALLOT(n) ((struct dure_allot_id){n})
#define CELL(l, i) ((struct dure_cell){.index = (i), .level = (l)})

/* Two racks of two nodes of two GPUs: 8 leaves. */
static inline struct dure_cells *fixture_racks(void)
{
    const struct dure_cells_shape shape = {.levels = 3, .tops = 2, .holds = {0, 0, 2, 2}};
    struct dure_cells *cells;
    if (dure_cells_new(&shape, &cells, NULL))
        tap_bail("no chain");
    return cells;
}

static inline struct dure_cells_right fixture_right(uint32_t id, unsigned level, uint32_t count)
{
    return (struct dure_cells_right){.id = {id},
                                     .holder = {id},
                                     .level = (uint8_t)level,
                                     .count = count,
                                     .rank = 1,
                                     .end_us = 100,
                                     .predecessor = NO_ALLOT};
}

/* Accepted and started. */
static inline void fixture_promise(struct dure_cells *cells, struct dure_cells_right right)
{
    struct dure_error error;
    if (dure_cells_accept(cells, &right, NULL, &error) || dure_cells_start(cells, right.id, &error))
        tap_bail("right %u: %s", right.id.v, error.text);
}

static inline struct dure_cell fixture_take(struct dure_cells *cells, uint32_t allot, uint32_t index)
{
    struct dure_cell cell = {0};
    struct dure_error error;
    if (dure_cells_take(cells, ALLOT(allot), index, &cell, &error))
        tap_bail("taking cell %u of right %u: %s", index, allot, error.text);
    return cell;
}

static inline enum dure_cells_state fixture_state(const struct dure_cells *cells, uint32_t allot, uint32_t index)
{
    struct dure_cells_virtual virtual;
    return dure_cells_virtual(cells, ALLOT(allot), index, &virtual) ? virtual.state : DURE_CELLS_GONE;
}

static inline void fixture_sound(const struct dure_cells *cells, const char *when)
{
    struct dure_error error = {0};
    TAP_OK(!dure_cells_check(cells, &error), "%s, what is derived is as derived anew %s", when, error.text);
}
