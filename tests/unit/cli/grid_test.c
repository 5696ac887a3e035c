/* Tables that fit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "tap.h"

static char *drawn(struct dure_grid *grid, unsigned width, bool colour, bool bare)
{
    char *text = NULL;
    size_t length;
    struct dure_screen screen = {.width = width, .utf8 = true, .colour = colour};
    screen.out = open_memstream(&text, &length);
    const enum dure_err err = dure_grid_print(grid, &screen, 0, bare);
    fclose(screen.out);
    TAP_EQ_INT(err, DURE_OK, "printed");
    return text;
}

static void check(struct dure_grid *grid, unsigned width, bool colour, bool bare, const char *want, const char *what)
{
    char *text = drawn(grid, width, colour, bare);
    TAP_EQ_STR(text, want, "%s", what);
    free(text);
}

int main(void)
{
    static const struct dure_grid_column columns[] = {{"ID", true, 0}, {"NAME", false, 4}, {"NODES", false, 8}};
    struct dure_grid *grid = dure_grid_new(columns, 3);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%d", 7);
    dure_grid_cell(grid, DURE_STYLE_GOOD, "%s", "a-very-long-name-of-a-job");
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", "pt-b200-[0001-0004,0007-0009]\t (virtual)");
    dure_grid_cell(grid, DURE_STYLE_NONE, "%d", 12345);
    dure_grid_cell(grid, DURE_STYLE_BAD, "%s", "학습");
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", "");
    TAP_EQ_UINT(dure_grid_rows(grid), 2, "two rows");
    check(grid, 100, false, false,
          "   ID NAME                      NODES\n"
          "    7 a-very-long-name-of-a-job pt-b200-[0001-0004,0007-0009] (virtual)\n"
          "12345 학습\n",
          "wide enough");
    check(grid, 40, false, false,
          "   ID NAME            NODES\n"
          "    7 a-very-long-na… pt-b200… (virtual)\n"
          "12345 학습\n",
          "what may shrink gives way, the label stays");
    check(grid, 100, true, true,
          "    7 \033[32ma-very-long-name-of-a-job\033[0m pt-b200-[0001-0004,0007-0009] (virtual)\n"
          "12345 \033[31m학습\033[0m\n",
          "colour, no heading");
    dure_grid_free(grid);

    grid = dure_grid_new(columns, 3);
    check(grid, 80, false, false, "ID NAME NODES\n", "no rows");
    check(grid, 80, false, true, "", "no rows, no heading");
    dure_grid_free(grid);
    dure_grid_free(NULL);
    return tap_done();
}
