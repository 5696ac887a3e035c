/* What an owner sees of its own hardware: the sums with bars, who stands on it, and when what is lent is back. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

enum { BAR_WIDE = 16, BAR_NARROW = 8 };

static void put_whole(struct dure_grid *grid, int64_t value, enum dure_style style)
{
    char text[32];
    dure_grid_cell(grid, value ? style : DURE_STYLE_DIM, "%s", value ? dure_text_grouped(value, text) : "0");
}

/* GPUs of which fractions may be taken: "72", "1.5". */
static const char *gpus_text(int64_t milli, char text[40])
{
    char whole[32];
    dure_text_grouped(milli / 1000, whole);
    if (milli % 1000)
        snprintf(text, 40, "%s.%" PRId64, whole, milli % 1000 / 100);
    else
        snprintf(text, 40, "%s", whole);
    return text;
}

static void put_milli(struct dure_grid *grid, const json_t *row, const char *key)
{
    char text[40];
    const int64_t milli = dure_json_int(row, key, 0);
    dure_grid_cell(grid, milli ? DURE_STYLE_NONE : DURE_STYLE_DIM, "%s", gpus_text(milli, text));
}

/* What borrows is one part of the bar, whoever it is: it goes when it is asked to. */
static void put_bar(struct dure_grid *grid, const struct dure_screen *screen, const json_t *row)
{
    DURE_CLEANUP_BUF struct dure_buf bar;
    const int64_t value[DURE_BAR_PARTS] = {dure_json_int(row, "own_milli", 0) + dure_json_int(row, "granted_milli", 0),
                                           dure_json_int(row, "lent_milli", 0) +
                                               dure_json_int(row, "own_borrowed_milli", 0),
                                           dure_json_int(row, "lost", 0) * 1000,
                                           dure_json_int(row, "away", 0) * 1000,
                                           dure_json_int(row, "dark", 0) * 1000,
                                           dure_json_int(row, "foreign", 0) * 1000,
                                           dure_json_int(row, "idle", 0) * 1000,
                                           dure_json_int(row, "arriving", 0) * 1000};
    dure_buf_init(&bar, 4096);
    dure_render_bar(&bar, screen, value, screen->width >= 100 ? BAR_WIDE : BAR_NARROW);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", bar.data ? bar.data : "");
}

static enum dure_err chains(const struct dure_screen *screen, const json_t *rows, bool labelled)
{
    static const struct dure_grid_column columns[] = {
        {"CHAIN", false, 10}, {"GPUS", true, 0}, {"OWN", true, 0},  {"BORR.", true, 0},    {"GRANTED", true, 0},
        {"LENT", true, 0},    {"IDLE", true, 0}, {"LOST", true, 0}, {"ARRIVING", true, 0}, {"", false, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *label = labelled ? "" : dure_render_label(row);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s%s", dure_json_text(row, "name", "-"), *label ? "\t" : "", label);
        put_whole(grid, dure_json_int(row, "gpus", 0), DURE_STYLE_BOLD);
        put_milli(grid, row, "own_milli");
        put_milli(grid, row, "own_borrowed_milli");
        put_milli(grid, row, "granted_milli");
        put_milli(grid, row, "lent_milli");
        put_whole(grid, dure_json_int(row, "idle", 0), DURE_STYLE_NONE);
        put_whole(grid, dure_json_int(row, "lost", 0), DURE_STYLE_BAD);
        put_whole(grid, dure_json_int(row, "arriving", 0), DURE_STYLE_NONE);
        put_bar(grid, screen, row);
    }
    fputc('\n', screen->out);
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static void put_time(struct dure_grid *grid, const json_t *row, const char *key)
{
    char text[DURE_TIME_TEXT_MAX];
    const char *time = dure_json_time(row, key, text);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%.16s", time);
}

/* When the last of it would be back: rounded up to a second, as a promise is. */
static void put_back(struct dure_grid *grid, const json_t *row, int64_t as_of_us)
{
    char text[DURE_TIME_TEXT_MAX];
    int64_t us;
    if (!dure_time_parse(dure_json_text(row, "back_if_asked", ""), NULL, &us))
        dure_grid_cell(grid, DURE_STYLE_DIM, "-");
    else if (us <= as_of_us)
        dure_grid_cell(grid, DURE_STYLE_NONE, "now");
    else
        dure_grid_cell(
            grid, DURE_STYLE_NONE, "in %s",
            dure_duration_format((us - as_of_us + DURE_SECOND_US - 1) / DURE_SECOND_US * DURE_SECOND_US, text));
}

static enum dure_err uses(const struct dure_screen *screen, const json_t *rows, int64_t as_of_us)
{
    static const struct dure_grid_column columns[] = {{"WHO", false, 10},   {"AS", false, 0},  {"CHAIN", false, 8},
                                                      {"JOBS", true, 0},    {"GPUS", true, 0}, {"IF ASKED", false, 0},
                                                      {"ENDS BY", false, 0}};
    char text[40];
    if (json_array_size(rows) == 0) {
        fputs("\nNothing runs on them.\n", screen->out);
        return DURE_OK;
    }
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "tenant", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "title", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "chain", "-"));
        put_whole(grid, dure_json_int(row, "jobs", 0), DURE_STYLE_NONE);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", gpus_text(dure_json_int(row, "gpu_milli", 0), text));
        put_back(grid, row, as_of_us);
        put_time(grid, row, "ends");
    }
    fputc('\n', screen->out);
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static void put_list(struct dure_buf *buf, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        dure_buf_str(buf, i ? ", " : " ");
        dure_term_clean(buf, json_string_value(json_array_get(names, i)));
    }
}

static void put_terms(struct dure_buf *buf, const json_t *rows)
{
    char text[DURE_TIME_TEXT_MAX];
    if (json_array_size(rows) == 0)
        dure_buf_str(buf, "Lends to nobody but its own tenants.");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *except = json_object_get(row, "except");
        dure_buf_printf(buf, "%sLends to%s", i ? " " : "", dure_json_true(row, "to_all") ? " all" : "");
        put_list(buf, json_object_get(row, "to"));
        if (json_array_size(except))
            dure_buf_str(buf, " except");
        put_list(buf, except);
        dure_buf_printf(buf, ", with %s notice", dure_duration_format(dure_json_int(row, "notice_us", 0), text));
        if (json_is_string(json_object_get(row, "from")))
            dure_buf_printf(buf, ", from %s", dure_json_time(row, "from", text));
        if (json_is_string(json_object_get(row, "until")))
            dure_buf_printf(buf, ", until %s", dure_json_time(row, "until", text));
        dure_buf_str(buf, ".");
    }
}

static void say(const struct dure_screen *screen, const struct dure_buf *words)
{
    DURE_CLEANUP_BUF struct dure_buf wrapped;
    dure_buf_init(&wrapped, 1 << 16);
    dure_term_wrap(&wrapped, words->data ? words->data : "", 0, 0, screen->width);
    if (wrapped.data)
        fwrite(wrapped.data, 1, wrapped.length, screen->out);
}

static void heading(const struct dure_screen *screen, const json_t *owner)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    char number[40], now[DURE_TIME_TEXT_MAX];
    const json_t *totals = json_object_get(owner, "totals");
    const char *label = dure_json_text(owner, "label", "");
    dure_buf_init(&buf, 1 << 16);
    dure_term_clean(&buf, screen->utf8 && *label ? label : dure_json_text(owner, "name", "-"));
    dure_buf_printf(&buf, ": %s GPUs", dure_text_grouped(dure_json_int(totals, "gpus", 0), number));
    if (dure_json_int(totals, "arriving", 0))
        dure_buf_printf(&buf, ", %s of them still arriving",
                        dure_text_grouped(dure_json_int(totals, "arriving", 0), number));
    if (*dure_render_label(totals))
        dure_buf_str(&buf, dure_render_label(totals));
    dure_buf_printf(&buf, "; %s lent", gpus_text(dure_json_int(totals, "lent_milli", 0), number));
    dure_buf_printf(&buf, ", %s idle", dure_text_grouped(dure_json_int(totals, "idle", 0), number));
    if (dure_json_int(totals, "suspended", 0))
        dure_buf_printf(&buf, ", %s promised on hardware that is lost",
                        dure_text_grouped(dure_json_int(totals, "suspended", 0), number));
    dure_buf_printf(&buf, "; as of %s. ", dure_json_time(owner, "as_of", now));
    put_terms(&buf, json_object_get(owner, "lending"));
    say(screen, &buf);
}

enum dure_err dure_render_owner(const struct dure_screen *screen, const json_t *owner)
{
    int64_t as_of_us = 0;
    (void)!dure_time_parse(dure_json_text(owner, "as_of", ""), NULL, &as_of_us);
    heading(screen, owner);
    enum dure_err err =
        chains(screen, json_object_get(owner, "chains"), *dure_render_label(json_object_get(owner, "totals")));
    if (!err)
        dure_render_legend(screen, NULL);
    if (!err)
        err = uses(screen, json_object_get(owner, "uses"), as_of_us);
    return err;
}
