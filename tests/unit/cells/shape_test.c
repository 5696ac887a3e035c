#include "fixture.h"

static void refused_shapes(void)
{
    static const struct {
        struct dure_cells_shape shape;
        enum dure_err want;
        const char *name;
    } rows[] = {
        {{.levels = 0, .tops = 1}, DURE_E_INVALID, "no levels"},
        {{.levels = 11, .tops = 1}, DURE_E_INVALID, "eleven levels"},
        {{.levels = 1, .tops = 0}, DURE_E_INVALID, "no top cell"},
        {{.levels = 3, .tops = 1, .holds = {0, 0, 2, 0}}, DURE_E_INVALID, "a cell that holds nothing"},
        {{.levels = 1, .tops = DURE_CELLS_LEAVES_MAX + 1}, DURE_E_LIMIT, "one leaf too many"},
        {{.levels = 3, .tops = 1u << 31, .holds = {0, 0, UINT32_MAX, UINT32_MAX}}, DURE_E_LIMIT, "far too many leaves"},
        {{.levels = 4, .tops = 1, .holds = {0, 0, 1, UINT32_MAX, 0}},
         DURE_E_LIMIT,
         "a limit passed before the end is read"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_cells *cells = (struct dure_cells *)&refused_shapes;
        struct dure_error error = {0};
        TAP_EQ_INT(dure_cells_new(&rows[i].shape, &cells, &error), rows[i].want, "refused: %s", rows[i].name);
        TAP_OK(cells == (struct dure_cells *)&refused_shapes && error.text[0], "with words and without effect");
    }
}

static void arithmetic(void)
{
    const struct dure_cells_shape shape = {.levels = 4, .tops = 5, .holds = {7, 7, 4, 9, 2, 99}};
    struct dure_cells *cells;
    TAP_EQ_INT(dure_cells_new(&shape, &cells, NULL), DURE_OK, "five racks of 2 x 9 trays of 4");
    TAP_EQ_UINT(dure_cells_leaf_count(cells), 360, "leaves");
    TAP_EQ_UINT(dure_cells_count(cells, 2), 90, "trays");
    TAP_EQ_UINT(dure_cells_leaves(cells, 3), 36, "leaves of half a rack");
    TAP_EQ_UINT(dure_cells_above(cells, CELL(1, 359), 4).index, 4, "the last leaf is in the last rack");
    TAP_EQ_UINT(dure_cells_above(cells, CELL(2, 9), 3).index, 1, "tray 9 begins the second half");
    TAP_EQ_UINT(dure_cells_first_leaf(cells, CELL(3, 3)), 108, "first leaf of a half");
    TAP_EQ_UINT(dure_cells_shape(cells)->holds[5], 0, "what is over the top is not kept");
    TAP_EQ_UINT(dure_cells_free_count(cells, 4), 5, "all is free, in merged form");
    TAP_EQ_INT(dure_cells_slack(cells, 1), 360, "slack counts what could be split");
    struct dure_cell cell;
    TAP_OK(dure_cells_free_next(cells, 4, 2, &cell) && cell.index == 2 && cell.level == 4, "free cells can be walked");
    TAP_OK(!dure_cells_free_next(cells, 4, 5, &cell) && !dure_cells_free_next(cells, 1, 0, &cell), "to the end");
    const struct dure_cells_sum sum = dure_cells_sum(cells, CELL(2, 0));
    TAP_OK(sum.is_free && sum.leaves == 4 && !sum.bound && !sum.lost, "a tray in a free rack is free");
    dure_cells_free(cells);
    dure_cells_free(NULL);
}

static void level_of_none(void *cells)
{
    (void)dure_cells_slack(cells, 4);
}

static void level_zero(void *cells)
{
    (void)dure_cells_leaves(cells, 0);
}

static void leaf_of_none(void *cells)
{
    struct dure_cells_leaf leaf;
    dure_cells_leaf(cells, 8, &leaf);
}

int main(void)
{
    refused_shapes();
    arithmetic();
    struct dure_cells *cells = fixture_racks();
    TAP_ABORTS(level_of_none, cells, "a level over the top is a programmer's error");
    TAP_ABORTS(level_zero, cells, "level 0 is one");
    TAP_ABORTS(leaf_of_none, cells, "a leaf beyond the last is one");
    dure_cells_free(cells);
    return tap_done();
}
