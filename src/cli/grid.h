#pragma once
/* Tables that fit the screen: columns are as wide as their cells; when a row is too wide, the columns that may shrink give way,
 * the widest first, and what is cut says so. Nothing is printed before all rows are known. Owns its memory; limit 1,000,000 rows. */
#include "base/err.h"
#include "cli/screen.h"

enum { DURE_GRID_COLUMNS_MAX = 24 };

struct dure_grid_column {
    const char *title;
    bool right;     /* numbers */
    unsigned least; /* narrowest it may shrink to; 0: never cut */
};

struct dure_grid;

struct dure_grid *dure_grid_new(const struct dure_grid_column *columns, unsigned count); /* NULL: out of memory */
void dure_grid_free(struct dure_grid *grid);
/* Cells come row by row, left to right. In a cell what follows a tab ("a-[1-9]\t (virtual)") is kept whole when the rest is cut. */
void dure_grid_cell(struct dure_grid *grid, enum dure_style style, const char *format, ...) DURE_PRINTF(3, 4);
size_t dure_grid_rows(const struct dure_grid *grid);
/* `indent` spaces before each line; a heading unless `bare`. E_MEMORY: a cell was lost on the way, nothing is printed. */
DURE_NODISCARD enum dure_err dure_grid_print(const struct dure_grid *grid, const struct dure_screen *screen,
                                             unsigned indent, bool bare);
