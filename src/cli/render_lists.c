/* Tenants, allotments, nodes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

static void put_text(struct dure_grid *grid, const json_t *row, const char *key)
{
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, key, "-"));
}

static void put_count(struct dure_grid *grid, const json_t *row, const char *key)
{
    char text[32];
    const json_t *value = json_object_get(row, key);
    if (json_is_real(value))
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.1f", json_real_value(value));
    else
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(dure_json_int(row, key, 0), text));
}

/* Cut at their ends, the tenants below one another would all look alike: the last step is what is kept, the others where there is
 * room. */
static void put_path(struct dure_grid *grid, const struct dure_screen *screen, const json_t *row, const char *key,
                     bool short_of_room)
{
    enum { STEP_KEPT_WHOLE = 20 };
    const char *path = dure_json_text(row, key, "-"), *last = strrchr(path, '/');
    if (!last)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", path);
    else if (short_of_room || dure_term_width(last) > STEP_KEPT_WHOLE)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s", screen->utf8 ? "…" : "+", last);
    else
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.*s\t%s", (int)(last - path), path, last);
}

/* Days are enough for a period; the zone is the user's. */
static void put_day(struct dure_grid *grid, const json_t *row, const char *key)
{
    char text[DURE_TIME_TEXT_MAX];
    const char *time = dure_json_time(row, key, text);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%.10s", time);
}

static enum dure_err finish(struct dure_grid *grid, const struct dure_screen *screen, const char *none)
{
    enum dure_err err = DURE_OK;
    if (dure_grid_rows(grid) == 0)
        fprintf(screen->out, "%s\n", none);
    else
        err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

enum dure_err dure_render_tenants(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {
        {"TENANT", false, 6}, {"OWNER", false, 6}, {"PEND", true, 0},      {"RUN", true, 0},     {"PROMISED", true, 0},
        {"USED", true, 0},    {"BORR.", true, 0},  {"GPU-HOURS", true, 0}, {"BORR-HRS", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        put_path(grid, screen, row, "path", false);
        put_text(grid, row, "owner");
        put_count(grid, row, "pending");
        put_count(grid, row, "running");
        put_count(grid, row, "gpus_promised");
        put_count(grid, row, "gpus_used");
        put_count(grid, row, "gpus_borrowed");
        put_count(grid, row, "gpu_hours_guaranteed");
        put_count(grid, row, "gpu_hours_borrowed");
    }
    return finish(grid, screen, "No tenants are declared; `dure tenants apply FILE` declares them.");
}

enum dure_err dure_render_allotments(const struct dure_screen *screen, const json_t *rows)
{
    enum { ROOM_FOR_PATHS = 120 };
    static const struct dure_grid_column columns[] = {
        {"NAME", false, 8}, {"TENANT", false, 8}, {"CHAIN", false, 8}, {"LEVEL", false, 0}, {"CELLS", true, 0},
        {"GPUS", true, 0},  {"USED", true, 0},    {"LENT", true, 0},   {"STATE", false, 0}, {"UNTIL", false, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *state = dure_json_text(row, "state", "-");
        put_text(grid, row, "name");
        put_path(grid, screen, row, "tenant", screen->width < ROOM_FOR_PATHS);
        put_text(grid, row, "chain");
        put_text(grid, row, "level");
        put_count(grid, row, "cells");
        put_count(grid, row, "gpus");
        put_count(grid, row, "gpus_used");
        put_count(grid, row, "gpus_lent");
        if (dure_json_int(row, "suspended", 0) > 0)
            dure_grid_cell(grid, DURE_STYLE_BAD, "%s (%" PRId64 ")", state, dure_json_int(row, "suspended", 0));
        else
            dure_grid_cell(grid, dure_render_state_style(state), "%s", state);
        put_day(grid, row, "until");
    }
    return finish(grid, screen, "No allotments; `dure allot grant` makes one.");
}

static void put_tenths(struct dure_grid *grid, const json_t *row, const char *key, const char *unit)
{
    dure_grid_cell(grid, DURE_STYLE_NONE, "%.1f%s", json_number_value(json_object_get(row, key)), unit);
}

enum dure_err dure_render_idle(const struct dure_screen *screen, const json_t *rows)
{
    enum { ROOM_FOR_PATHS = 120 };
    static const struct dure_grid_column columns[] = {
        {"ALLOTMENT", false, 8}, {"TENANT", false, 8}, {"CHAIN", false, 8}, {"CELLS", true, 0},  {"BOUND", true, 0},
        {"GPUS", true, 0},       {"LENT", true, 0},    {"IDLE", true, 0},   {"UNUSED", true, 0}, {"MEAN", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    char text[DURE_TIME_TEXT_MAX];
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        put_text(grid, row, "name");
        put_path(grid, screen, row, "tenant", screen->width < ROOM_FOR_PATHS);
        put_text(grid, row, "chain");
        put_count(grid, row, "cells");
        put_count(grid, row, "bound");
        put_count(grid, row, "gpus");
        put_count(grid, row, "gpus_lent");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_duration_format_slurm(dure_json_int(row, "idle_us", 0), text));
        put_tenths(grid, row, "gpu_hours_unused", " h");
        put_tenths(grid, row, "mean_use_percent", " %");
    }
    return finish(grid, screen, "No allotment that you may see has been idle for so long.");
}

/* Why all or some of a node cannot be used. */
static void put_reason(struct dure_grid *grid, const json_t *row)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    const int64_t dark = dure_json_int(row, "dark", 0), foreign = dure_json_int(row, "foreign", 0);
    const char *by = dure_json_text(row, "foreign_by", "");
    dure_buf_init(&buf, 4096);
    dure_buf_str(&buf, dure_json_text(row, "reason", ""));
    if (foreign > 0)
        dure_buf_printf(&buf, "%s%" PRId64 " used from outside dure%s%s", buf.length ? "; " : "", foreign,
                        *by ? ": " : "", by);
    if (dark > 0)
        dure_buf_printf(&buf, "%s%" PRId64 " dark: power limit of %s", buf.length ? "; " : "", dark,
                        dure_json_text(row, "dark_by", "?"));
    dure_grid_cell(grid, dark > 0 || foreign > 0 ? DURE_STYLE_WARN : DURE_STYLE_NONE, "%s", buf.data ? buf.data : "");
}

enum dure_err dure_render_nodes(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"NODE", false, 12}, {"SITE", false, 8},  {"OWNER", false, 6},
                                                      {"MODEL", false, 6}, {"STATE", false, 0}, {"GPUS", true, 0},
                                                      {"USED", true, 0},   {"BORR.", true, 0},  {"REASON", false, 8}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *label = dure_render_label(row);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s%s", dure_json_text(row, "name", "-"), *label ? "\t" : "", label);
        put_text(grid, row, "site");
        put_text(grid, row, "owner");
        put_text(grid, row, "model");
        dure_grid_cell(grid, dure_render_state_style(dure_json_text(row, "state", "")), "%s",
                       dure_json_text(row, "state", "-"));
        put_count(grid, row, "gpus");
        put_count(grid, row, "used");
        put_count(grid, row, "borrowed");
        put_reason(grid, row);
    }
    return finish(grid, screen, "No such nodes.");
}
