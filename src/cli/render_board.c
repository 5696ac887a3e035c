/* The board: GPUs by owner, by site, by model, with bars. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

enum { BAR_MAX = 16, BAR_LEAST = 8, PARTS = DURE_BAR_PARTS };

struct part {
    const char *key;
    const char *mark_utf8;
    char mark;
    enum dure_style style;
    bool is_usual; /* else it is named only where there is some of it */
};

/* In the order in which a bar shows them. Marks differ, so that the bar reads without colour. */
static const struct part parts[PARTS] = {
    {"own", "█", '#', DURE_STYLE_GOOD, true},   {"lent", "▒", '+', DURE_STYLE_WARN, true},
    {"lost", "×", 'x', DURE_STYLE_BAD, true},   {"away", "?", '?', DURE_STYLE_WARN, false},
    {"dark", "◌", 'o', DURE_STYLE_WARN, false}, {"foreign", "▤", '=', DURE_STYLE_WARN, false},
    {"idle", "·", '.', DURE_STYLE_DIM, true},   {"arriving", "~", '~', DURE_STYLE_DIM, true},
};

/* Largest remainders: the cells sum to the width, and what is not nothing shows at least one while there is room. */
static void share_out(const int64_t value[PARTS], unsigned width, unsigned cells[PARTS])
{
    int64_t sum = 0;
    unsigned used = 0;
    for (unsigned i = 0; i < PARTS; i++)
        sum += value[i] > 0 ? value[i] : 0;
    for (unsigned i = 0; i < PARTS; i++) {
        cells[i] = sum > 0 && value[i] > 0 ? (unsigned)((__int128)value[i] * width / sum) : 0;
        if (value[i] > 0 && cells[i] == 0)
            cells[i] = 1;
        used += cells[i];
    }
    while (sum > 0 && used != width) {
        unsigned widest = 0;
        for (unsigned i = 1; i < PARTS; i++)
            if (value[i] > value[widest])
                widest = i;
        for (unsigned i = 0; used > width && i < PARTS; i++)
            if (cells[i] > cells[widest])
                widest = i;
        cells[widest] += used < width ? 1 : -1u;
        used += used < width ? 1 : -1u;
    }
}

void dure_render_bar(struct dure_buf *buf, const struct dure_screen *screen, const int64_t value[PARTS], unsigned width)
{
    unsigned cells[PARTS];
    share_out(value, width, cells);
    for (unsigned i = 0; i < PARTS; i++)
        for (unsigned k = 0; k < cells[i]; k++)
            dure_buf_str(buf, screen->utf8 ? parts[i].mark_utf8 : (char[]){parts[i].mark, 0});
}

static void put_bar(struct dure_buf *buf, const struct dure_screen *screen, const json_t *row, unsigned width)
{
    int64_t value[PARTS];
    for (unsigned i = 0; i < PARTS; i++)
        value[i] = dure_json_int(row, parts[i].key, 0);
    dure_render_bar(buf, screen, value, width);
}

static void put_count(struct dure_grid *grid, const json_t *row, const char *key, enum dure_style style)
{
    char text[32];
    const int64_t value = dure_json_int(row, key, 0);
    dure_grid_cell(grid, value ? style : DURE_STYLE_DIM, "%s", value ? dure_text_grouped(value, text) : "0");
}

static const char *shown_name(const struct dure_screen *screen, const json_t *row)
{
    const char *name = dure_json_text(row, "name", "-"), *label = dure_json_text(row, "label", "");
    return screen->utf8 && *label ? label : name;
}

/* A heading inside the grid, so that all parts share their columns. */
static void put_heading(struct dure_grid *grid, const char *title)
{
    const char *const titles[] = {title, "GPUS", "OWN", "LENT", "BORR.", "IDLE", "LOST", "ARRIVING", ""};
    if (dure_grid_rows(grid) > 0)
        for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
            dure_grid_cell(grid, DURE_STYLE_NONE, "%s", "");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        dure_grid_cell(grid, DURE_STYLE_BOLD, "%s", titles[i]);
}

static void section(struct dure_grid *grid, const struct dure_screen *screen, const char *title, const json_t *rows,
                    bool borrows)
{
    DURE_CLEANUP_BUF struct dure_buf bar;
    const unsigned width = screen->width >= 100 ? BAR_MAX : BAR_LEAST;
    dure_buf_init(&bar, 4096);
    put_heading(grid, title);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *label = dure_render_label(row);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s%s", shown_name(screen, row), *label ? "\t" : "", label);
        put_count(grid, row, "gpus", DURE_STYLE_BOLD);
        put_count(grid, row, "own", DURE_STYLE_NONE);
        put_count(grid, row, "lent", DURE_STYLE_NONE);
        if (borrows)
            put_count(grid, row, "borrowed", DURE_STYLE_NONE);
        else
            dure_grid_cell(grid, DURE_STYLE_DIM, "-");
        put_count(grid, row, "idle", DURE_STYLE_NONE);
        put_count(grid, row, "lost", DURE_STYLE_BAD);
        put_count(grid, row, "arriving", DURE_STYLE_NONE);
        dure_buf_clear(&bar);
        put_bar(&bar, screen, row, width);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", bar.data ? bar.data : "");
    }
}

static enum dure_err sections(const struct dure_screen *screen, const json_t *board, const char *by)
{
    static const struct dure_grid_column columns[] = {{"", false, 10}, {"", true, 0}, {"", true, 0},
                                                      {"", true, 0},   {"", true, 0}, {"", true, 0},
                                                      {"", true, 0},   {"", true, 0}, {"", false, 0}};
    static const struct {
        const char *by, *title, *list;
        bool borrows, in_all;
    } all[] = {{"owner", "OWNER", "owners", true, true},
               {"site", "SITE", "sites", false, true},
               {"model", "MODEL", "models", false, true},
               {"chain", "CHAIN", "chains", false, false}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(by, all[i].by) == 0 || (all[i].in_all && strcmp(by, "all") == 0))
            section(grid, screen, all[i].title, json_object_get(board, all[i].list), all[i].borrows);
    fputc('\n', screen->out);
    const enum dure_err err = dure_grid_print(grid, screen, 0, true);
    dure_grid_free(grid);
    return err;
}

static enum dure_err others(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"NOT SCHEDULABLE", false, 14},
                                                      {"KIND", false, 0},
                                                      {"COUNT", true, 0},
                                                      {"SITE", false, 8},
                                                      {"OWNER", false, 8}};
    char count[32];
    if (json_array_size(rows) == 0)
        return DURE_OK;
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "name", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "kind", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(dure_json_int(row, "count", 0), count));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "site", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "owner", "-"));
    }
    fputc('\n', screen->out);
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

/* GPUs of the sites that are emulated, of the models that are virtual. */
static int64_t labelled(const json_t *rows, const char *key)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (dure_json_true(json_array_get(rows, i), key))
            sum += dure_json_int(json_array_get(rows, i), "gpus", 0);
    return sum;
}

static void heading(const struct dure_screen *screen, const json_t *board)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    char number[32], now[DURE_TIME_TEXT_MAX];
    const json_t *totals = json_object_get(board, "totals"), *chains = json_object_get(board, "chains");
    const int64_t emulated = labelled(chains, "emulated"), virtual_gpus = labelled(chains, "virtual");
    dure_buf_init(&buf, 1 << 16);
    dure_term_clean(&buf, dure_json_text(board, "name", "fleet"));
    dure_buf_printf(&buf, ": %s GPUs", dure_text_grouped(dure_json_int(totals, "gpus", 0), number));
    if (dure_json_int(totals, "arriving", 0))
        dure_buf_printf(&buf, ", %s of them still arriving",
                        dure_text_grouped(dure_json_int(totals, "arriving", 0), number));
    if (dure_json_int(totals, "away", 0))
        dure_buf_printf(&buf, ", %s away (their engine does not answer)",
                        dure_text_grouped(dure_json_int(totals, "away", 0), number));
    if (dure_json_int(totals, "foreign", 0))
        dure_buf_printf(&buf, ", %s used by work outside dure",
                        dure_text_grouped(dure_json_int(totals, "foreign", 0), number));
    if (dure_json_int(totals, "dark", 0))
        dure_buf_printf(&buf, ", %s dark by power limits (`dure power`)",
                        dure_text_grouped(dure_json_int(totals, "dark", 0), number));
    if (emulated)
        dure_buf_printf(&buf, ", %s emulated (no process runs)", dure_text_grouped(emulated, number));
    if (virtual_gpus)
        dure_buf_printf(&buf, ", %s virtual (slots without hardware)", dure_text_grouped(virtual_gpus, number));
    dure_buf_printf(&buf, "; as of %s.", dure_json_time(board, "as_of", now));
    struct dure_buf wrapped;
    dure_buf_init(&wrapped, 1 << 16);
    dure_term_wrap(&wrapped, buf.data ? buf.data : "", 0, 0, screen->width);
    if (wrapped.data)
        fwrite(wrapped.data, 1, wrapped.length, screen->out);
    dure_buf_release(&wrapped);
}

void dure_render_legend(const struct dure_screen *screen, const json_t *totals)
{
    fputc('\n', screen->out);
    for (unsigned i = 0; i < PARTS; i++) {
        if (!parts[i].is_usual && dure_json_int(totals, parts[i].key, 0) == 0)
            continue;
        fprintf(screen->out, "%s%s", i ? "  " : "", dure_screen_style_on(screen, parts[i].style));
        if (screen->utf8)
            fputs(parts[i].mark_utf8, screen->out);
        else
            fputc(parts[i].mark, screen->out);
        fprintf(screen->out, " %s%s", parts[i].key, dure_screen_style_off(screen, parts[i].style));
    }
    fputc('\n', screen->out);
}

enum dure_err dure_render_board(const struct dure_screen *screen, const json_t *board, const char *by)
{
    heading(screen, board);
    enum dure_err err = sections(screen, board, by);
    if (!err && strcmp(by, "all") == 0)
        err = others(screen, json_object_get(board, "others"));
    if (!err)
        dure_render_legend(screen, json_object_get(board, "totals"));
    return err;
}
