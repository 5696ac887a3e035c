/* squeue's listing. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

struct shown {
    const struct dure_screen *screen;
    const json_t *row;
    struct dure_buf *buf;
};

typedef void (*column_fn)(struct shown *s);

static void text_field(struct shown *s, const char *key)
{
    dure_buf_str(s->buf, dure_json_text(s->row, key, ""));
}

static void int_field(struct shown *s, const char *key)
{
    dure_buf_printf(s->buf, "%" PRId64, dure_json_int(s->row, key, 0));
}

static bool pending(const json_t *row)
{
    return strcmp(dure_json_text(row, "state", ""), "PENDING") == 0;
}

static bool time_of(const json_t *row, const char *key, int64_t *ret_us)
{
    return dure_time_parse(dure_json_text(row, key, ""), NULL, ret_us);
}

static void duration(struct shown *s, int64_t us)
{
    char text[DURE_TIME_TEXT_MAX];
    dure_buf_str(s->buf, dure_duration_format_slurm(us < 0 ? 0 : us, text));
}

/* squeue's times: local, in the form of ISO 8601 without a zone, for columns are narrow; `dure show` names the zone. */
static void moment(struct shown *s, const char *key)
{
    int64_t us;
    char text[DURE_TIME_TEXT_MAX];
    if (!time_of(s->row, key, &us)) {
        dure_buf_str(s->buf, "N/A");
        return;
    }
    dure_time_format_local(us, text);
    if (strlen(text) > 19) {
        text[10] = 'T';
        text[19] = 0;
    }
    dure_buf_str(s->buf, text);
}

static int64_t elapsed(const struct shown *s)
{
    int64_t from, to;
    if (!time_of(s->row, "started", &from))
        return 0;
    if (!time_of(s->row, "ended", &to))
        to = dure_screen_now_us(s->screen);
    return to - from;
}

static void put_jobid(struct shown *s)
{
    dure_render_jobid(s->row, s->buf);
}
static void put_partition(struct shown *s)
{
    text_field(s, "class");
}
static void put_name(struct shown *s)
{
    text_field(s, "name");
}
static void put_user(struct shown *s)
{
    text_field(s, "user");
}
static void put_code(struct shown *s)
{
    text_field(s, "state_code");
}
static void put_state(struct shown *s)
{
    text_field(s, "state");
}
static void put_project(struct shown *s)
{
    text_field(s, "project");
}
static void put_site(struct shown *s)
{
    text_field(s, "site");
}
static void put_owner(struct shown *s)
{
    text_field(s, "source_owner");
}
static void put_allotment(struct shown *s)
{
    text_field(s, "allotment");
}
static void put_cause(struct shown *s)
{
    text_field(s, "cause");
}
static void put_tasks(struct shown *s)
{
    int_field(s, "tasks");
}
static void put_priority(struct shown *s)
{
    int_field(s, "priority");
}
static void put_requeues(struct shown *s)
{
    int_field(s, "requeues");
}
static void put_time(struct shown *s)
{
    duration(s, elapsed(s));
}
static void put_limit(struct shown *s)
{
    duration(s, dure_json_int(s->row, "walltime_us", 0));
}
static void put_submitted(struct shown *s)
{
    moment(s, "submitted");
}
static void put_started(struct shown *s)
{
    moment(s, "started");
}
static void put_ended(struct shown *s)
{
    moment(s, "ended");
}
static void put_exit(struct shown *s)
{
    dure_render_exit(s->row, s->buf);
}

static void put_left(struct shown *s)
{
    duration(s, dure_json_int(s->row, "walltime_us", 0) - elapsed(s));
}

static void put_nodes(struct shown *s)
{
    if (pending(s->row) && dure_json_int(s->row, "node_count", 0) == 0)
        dure_buf_str(s->buf, "-");
    else
        int_field(s, "node_count");
}

static void put_gpus(struct shown *s)
{
    const int64_t milli = dure_json_int(s->row, "gpu_milli", 1000);
    if (milli > 0 && milli < 1000)
        dure_buf_printf(s->buf, "0.%03" PRId64, milli);
    else
        int_field(s, "gpus");
}

static void put_nodelist(struct shown *s)
{
    text_field(s, "nodes");
    const char *label = dure_render_label(s->row);
    if (*label)
        dure_buf_printf(s->buf, "\t%s", label);
}

static void put_reason(struct shown *s)
{
    text_field(s, pending(s->row) ? "wait" : "cause");
}

static void put_where(struct shown *s)
{
    const char *nodes = dure_json_text(s->row, "nodes", "");
    if (*nodes)
        put_nodelist(s);
    else if (pending(s->row))
        dure_buf_printf(s->buf, "(%s)", dure_json_text(s->row, "wait", "None"));
}

static void put_cpu(struct shown *s)
{
    duration(s, dure_json_int(json_object_get(s->row, "usage"), "cpu_us", 0));
}

static void put_memory(struct shown *s)
{
    dure_buf_printf(s->buf, "%" PRId64 "M", dure_json_int(json_object_get(s->row, "usage"), "memory_peak_mib", 0));
}

struct column {
    const char *name;
    char letter;
    struct dure_grid_column grid;
    column_fn put;
};

static const struct column columns[] = {
    {"jobid", 'i', {"JOBID", true, 0}, put_jobid},
    {"partition", 'P', {"PARTITION", false, 3}, put_partition},
    {"name", 'j', {"NAME", false, 4}, put_name},
    {"user", 'u', {"USER", false, 4}, put_user},
    {"st", 't', {"ST", false, 0}, put_code},
    {"state", 'T', {"STATE", false, 0}, put_state},
    {"time", 'M', {"TIME", true, 0}, put_time},
    {"limit", 'l', {"TIME_LIMIT", true, 0}, put_limit},
    {"left", 'L', {"TIME_LEFT", true, 0}, put_left},
    {"nodes", 'D', {"NODES", true, 0}, put_nodes},
    {"nodelist", 'N', {"NODELIST", false, 6}, put_nodelist},
    {"reason", 'r', {"REASON", false, 8}, put_reason},
    {"where", 'R', {"NODELIST(REASON)", false, 6}, put_where},
    {"tasks", 'C', {"TASKS", true, 0}, put_tasks},
    {"gpus", 'b', {"GPUS", true, 0}, put_gpus},
    {"project", 'a', {"PROJECT", false, 8}, put_project},
    {"priority", 'Q', {"PRIORITY", true, 0}, put_priority},
    {"submitted", 'V', {"SUBMIT_TIME", false, 0}, put_submitted},
    {"started", 'S', {"START_TIME", false, 0}, put_started},
    {"ended", 'e', {"END_TIME", false, 0}, put_ended},
    {"site", 0, {"SITE", false, 8}, put_site},
    {"exit", 0, {"EXIT", true, 0}, put_exit},
    {"cause", 0, {"CAUSE", false, 8}, put_cause},
    {"owner", 0, {"OWNER", false, 8}, put_owner},
    {"allotment", 0, {"ALLOTMENT", false, 8}, put_allotment},
    {"requeues", 0, {"REQUEUES", true, 0}, put_requeues},
    {"cpu", 0, {"CPU_TIME", true, 0}, put_cpu},
    {"memory", 0, {"MEMORY", true, 0}, put_memory},
};

static const char *const default_format = "jobid,partition,name,user,st,time,nodes,where";

struct chosen {
    const struct column *column[DURE_GRID_COLUMNS_MAX];
    struct dure_grid_column grid[DURE_GRID_COLUMNS_MAX];
    unsigned width[DURE_GRID_COLUMNS_MAX]; /* cut to so many columns; 0: whole */
    unsigned count;
};

static enum dure_err choose(struct chosen *chosen, const struct column *column, bool right, unsigned width,
                            struct dure_error *error)
{
    if (chosen->count == DURE_GRID_COLUMNS_MAX)
        return dure_fail(error, DURE_E_INVALID, "--format: more than %d columns", DURE_GRID_COLUMNS_MAX);
    chosen->column[chosen->count] = column;
    chosen->grid[chosen->count] = column->grid;
    chosen->grid[chosen->count].right |= right;
    chosen->width[chosen->count++] = width;
    return DURE_OK;
}

static enum dure_err parse_names(struct chosen *chosen, const char *format, struct dure_error *error)
{
    const size_t count = sizeof columns / sizeof *columns;
    for (const char *at = format; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        size_t i = 0;
        while (i < count && (strlen(columns[i].name) != length || strncasecmp(columns[i].name, at, length) != 0))
            i++;
        if (i == count)
            return dure_fail(error, DURE_E_INVALID, "--format: no column '%.*s'; `dure help jobs` lists them",
                             (int)length, at);
        const enum dure_err err = choose(chosen, &columns[i], false, 0, error);
        if (err)
            return err;
    }
    return DURE_OK;
}

/* squeue's %[.][width]letter; what stands between is dropped, for columns are parted by a space. */
static enum dure_err parse_letters(struct chosen *chosen, const char *format, struct dure_error *error)
{
    const size_t count = sizeof columns / sizeof *columns;
    for (const char *at = strchr(format, '%'); at; at = strchr(at, '%')) {
        size_t i = 0;
        const bool right = *++at == '.';
        at += right;
        unsigned width = 0;
        for (; isdigit((unsigned char)*at); at++)
            width = width < 1000 ? width * 10 + (unsigned)(*at - '0') : width;
        while (i < count && (columns[i].letter == 0 || columns[i].letter != *at))
            i++;
        if (i == count)
            return dure_fail(error, DURE_E_INVALID, "--format: no column '%%%c'; `dure help jobs` lists them",
                             *at ? *at : ' ');
        const enum dure_err err = choose(chosen, &columns[i], right, width, error);
        if (err)
            return err;
    }
    return DURE_OK;
}

static enum dure_err parse_format(struct chosen *chosen, const char *format, struct dure_error *error)
{
    memset(chosen, 0, sizeof *chosen);
    if (!format)
        format = default_format;
    return strchr(format, '%') ? parse_letters(chosen, format, error) : parse_names(chosen, format, error);
}

enum dure_err dure_render_jobs_check(const char *format, struct dure_error *error)
{
    struct chosen chosen;
    return parse_format(&chosen, format, error);
}

static void put_row(const struct dure_screen *screen, struct dure_grid *grid, const struct chosen *chosen,
                    const json_t *row, struct dure_buf *text, struct dure_buf *cut)
{
    const char *state = dure_json_text(row, "state", "");
    for (unsigned c = 0; c < chosen->count; c++) {
        struct shown shown = {.screen = screen, .row = row, .buf = text};
        dure_buf_clear(text);
        dure_buf_clear(cut);
        chosen->column[c]->put(&shown);
        const char *cell = text->data ? text->data : "";
        if (chosen->width[c]) {
            dure_term_fit(cut, cell, chosen->width[c], screen->utf8);
            cell = cut->data ? cut->data : "";
        }
        const bool stated = chosen->column[c]->letter == 't' || chosen->column[c]->letter == 'T';
        dure_grid_cell(grid, stated ? dure_render_state_style(state) : DURE_STYLE_NONE, "%s", cell);
    }
}

enum dure_err dure_render_jobs(const struct dure_screen *screen, const json_t *rows, const char *format, bool bare,
                               struct dure_error *error)
{
    struct chosen chosen;
    DURE_CLEANUP_BUF struct dure_buf text, cut;
    dure_buf_init(&text, 1 << 20);
    dure_buf_init(&cut, 1 << 20);
    enum dure_err err = parse_format(&chosen, format, error);
    if (err)
        return err;
    struct dure_grid *grid = dure_grid_new(chosen.grid, chosen.count);
    if (!grid)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    for (size_t i = 0; i < json_array_size(rows); i++)
        put_row(screen, grid, &chosen, json_array_get(rows, i), &text, &cut);
    err = text.failed || cut.failed ? DURE_E_MEMORY : dure_grid_print(grid, screen, 0, bare);
    dure_grid_free(grid);
    return err ? dure_fail(error, err, "out of memory") : DURE_OK;
}
