#include "cli/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { GAP = 1 };
static const size_t TEXT_MAX = (size_t)1 << 30, CELLS_MAX = (size_t)DURE_GRID_COLUMNS_MAX * 1000000;

struct cell {
    size_t text; /* offset of the text, NUL-terminated */
    enum dure_style style;
};

struct dure_grid {
    struct dure_grid_column columns[DURE_GRID_COLUMNS_MAX];
    unsigned count;
    bool failed;
    struct dure_buf text;
    DURE_VEC(struct cell) cells;
};

struct dure_grid *dure_grid_new(const struct dure_grid_column *columns, unsigned count)
{
    DURE_ASSERT(count > 0 && count <= DURE_GRID_COLUMNS_MAX);
    struct dure_grid *grid = calloc(1, sizeof *grid);
    if (!grid)
        return NULL;
    memcpy(grid->columns, columns, count * sizeof *columns);
    grid->count = count;
    dure_buf_init(&grid->text, TEXT_MAX);
    return grid;
}

void dure_grid_free(struct dure_grid *grid)
{
    if (!grid)
        return;
    dure_buf_release(&grid->text);
    DURE_VEC_FREE(&grid->cells);
    free(grid);
}

void dure_grid_cell(struct dure_grid *grid, enum dure_style style, const char *format, ...)
{
    const struct cell cell = {.text = grid->text.length, .style = style};
    va_list args;
    va_start(args, format);
    dure_buf_vprintf(&grid->text, format, args);
    va_end(args);
    dure_buf_byte(&grid->text, 0);
    if (!DURE_VEC_PUSH(&grid->cells, cell, CELLS_MAX))
        grid->failed = true;
}

size_t dure_grid_rows(const struct dure_grid *grid)
{
    return grid->cells.count / grid->count;
}

static size_t cell_width(const char *text)
{
    const char *tail = strchr(text, '\t');
    return dure_term_width(text) - (tail ? 1 : 0);
}

/* `least`: what a column may shrink to, the part that is kept whole on top; 0: it may not. */
static void measure(const struct dure_grid *grid, size_t width[DURE_GRID_COLUMNS_MAX],
                    size_t least[DURE_GRID_COLUMNS_MAX], bool bare)
{
    for (unsigned c = 0; c < grid->count; c++) {
        width[c] = bare ? 0 : dure_term_width(grid->columns[c].title);
        least[c] = grid->columns[c].least;
    }
    for (size_t i = 0; i < grid->cells.count; i++) {
        const unsigned c = (unsigned)(i % grid->count);
        const char *text = grid->text.data + grid->cells.at[i].text, *tail = strchr(text, '\t');
        const size_t w = cell_width(text), kept = tail ? dure_term_width(tail + 1) : 0;
        if (w > width[c])
            width[c] = w;
        if (least[c] && kept + grid->columns[c].least > least[c])
            least[c] = kept + grid->columns[c].least;
    }
}

static void shrink(const struct dure_grid *grid, size_t width[DURE_GRID_COLUMNS_MAX],
                   const size_t least[DURE_GRID_COLUMNS_MAX], size_t room)
{
    for (;;) {
        size_t sum = (size_t)GAP * (grid->count - 1);
        unsigned widest = grid->count;
        for (unsigned c = 0; c < grid->count; c++) {
            sum += width[c];
            if (least[c] && width[c] > least[c] && (widest == grid->count || width[c] > width[widest]))
                widest = c;
        }
        if (sum <= room || widest == grid->count)
            return;
        width[widest]--;
    }
}

static void put_cell(struct dure_buf *line, const struct dure_screen *screen, const char *text, enum dure_style style,
                     size_t width, bool right, bool last)
{
    struct dure_buf shown;
    char head[4096];
    const char *tail = strchr(text, '\t');
    const size_t tail_width = tail ? dure_term_width(tail + 1) : 0;
    dure_buf_init(&shown, 1 << 20);
    size_t used;
    if (tail && tail_width <= width) {
        snprintf(head, sizeof head, "%.*s", (int)(tail - text), text);
        used = dure_term_fit(&shown, head, width - tail_width, screen->utf8);
        used += dure_term_fit(&shown, tail + 1, tail_width, screen->utf8);
    } else {
        used = dure_term_fit(&shown, text, width, screen->utf8);
    }
    const int pad = (int)(width > used ? width - used : 0);
    if (right)
        dure_buf_printf(line, "%*s", pad, "");
    dure_buf_str(line, dure_screen_style_on(screen, style));
    dure_buf_add(line, shown.data ? shown.data : "", shown.length);
    dure_buf_str(line, dure_screen_style_off(screen, style));
    if (!right && !last)
        dure_buf_printf(line, "%*s", pad, "");
    dure_buf_release(&shown);
}

static void trim(struct dure_buf *line)
{
    while (line->length > 0 && line->data[line->length - 1] == ' ')
        line->data[--line->length] = 0;
}

enum dure_err dure_grid_print(const struct dure_grid *grid, const struct dure_screen *screen, unsigned indent,
                              bool bare)
{
    size_t width[DURE_GRID_COLUMNS_MAX], least[DURE_GRID_COLUMNS_MAX];
    DURE_CLEANUP_BUF struct dure_buf line = {0};
    if (grid->failed || grid->text.failed)
        return DURE_E_MEMORY;
    DURE_ASSERT(grid->cells.count % grid->count == 0);
    measure(grid, width, least, bare);
    shrink(grid, width, least, screen->width - indent);
    dure_buf_init(&line, 1 << 20);
    const size_t rows = dure_grid_rows(grid);
    for (size_t r = bare ? 1 : 0; r <= rows; r++) {
        dure_buf_clear(&line);
        dure_buf_printf(&line, "%*s", (int)indent, "");
        for (unsigned c = 0; c < grid->count; c++) {
            const struct dure_grid_column *column = &grid->columns[c];
            const struct cell *cell = r > 0 ? &grid->cells.at[(r - 1) * grid->count + c] : NULL;
            if (c > 0)
                dure_buf_printf(&line, "%*s", GAP, "");
            put_cell(&line, screen, cell ? grid->text.data + cell->text : column->title,
                     cell ? cell->style : DURE_STYLE_BOLD, width[c], column->right, c + 1 == grid->count);
        }
        trim(&line);
        dure_buf_byte(&line, '\n');
        if (line.failed)
            return DURE_E_MEMORY;
        fwrite(line.data, 1, line.length, screen->out);
    }
    return DURE_OK;
}
