/* One thing in full: a job, a node. Fields in pairs, lists below. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

enum { LABEL_COLUMNS = 13 };

static void field(const struct dure_screen *screen, const char *label, const char *value)
{
    DURE_CLEANUP_BUF struct dure_buf buf = {0};
    if (!value || !*value)
        return;
    dure_buf_init(&buf, 1 << 20);
    dure_buf_printf(&buf, "%s%-*s%s", dure_screen_style_on(screen, DURE_STYLE_DIM), LABEL_COLUMNS, label,
                    dure_screen_style_off(screen, DURE_STYLE_DIM));
    dure_term_wrap(&buf, value, LABEL_COLUMNS, LABEL_COLUMNS, screen->width);
    if (buf.data)
        fwrite(buf.data, 1, buf.length, screen->out);
}

static void text_row(const struct dure_screen *screen, const char *label, const json_t *row, const char *key)
{
    field(screen, label, dure_json_text(row, key, ""));
}

static void time_row(const struct dure_screen *screen, const char *label, const json_t *row, const char *key)
{
    char text[DURE_TIME_TEXT_MAX];
    const char *time = dure_json_time(row, key, text);
    if (strcmp(time, "-") != 0)
        field(screen, label, time);
}

static void duration_row(const struct dure_screen *screen, const char *label, const json_t *row, const char *key)
{
    char text[DURE_TIME_TEXT_MAX];
    if (json_is_integer(json_object_get(row, key)))
        field(screen, label, dure_duration_format(dure_json_int(row, key, 0), text));
}

static void size_row(const struct dure_screen *screen, const json_t *job)
{
    char text[128];
    const int64_t tasks = dure_json_int(job, "tasks", 1), gpus = dure_json_int(job, "gpus", 0),
                  milli = dure_json_int(job, "gpu_milli", 1000);
    if (milli > 0 && milli < 1000)
        snprintf(text, sizeof text, "%" PRId64 " %s of %" PRId64 "/1000 GPU", tasks, tasks == 1 ? "task" : "tasks",
                 milli);
    else
        snprintf(text, sizeof text, "%" PRId64 " %s, %" PRId64 " %s", tasks, tasks == 1 ? "task" : "tasks", gpus,
                 gpus == 1 ? "GPU" : "GPUs");
    field(screen, "size", text);
}

/* What it asks of its place: models in its order, spread, lists of nodes. */
static void where_rows(const struct dure_screen *screen, const json_t *job)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    const json_t *models = json_object_get(job, "models");
    dure_buf_init(&buf, 16384);
    for (size_t i = 0; i < json_array_size(models); i++)
        dure_buf_printf(&buf, "%s%s", i ? ", else " : "", json_string_value(json_array_get(models, i)));
    if (buf.length)
        field(screen, "model asked", buf.data);
    dure_buf_clear(&buf);
    if (*dure_json_text(job, "spread_level", "")) {
        dure_buf_printf(&buf, "at most %" PRId64 " tasks in one %s", dure_json_int(job, "spread_max", 0),
                        dure_json_text(job, "spread_level", ""));
        field(screen, "spread", buf.data);
    }
    text_row(screen, "only on", job, "nodes_allowed");
    text_row(screen, "never on", job, "nodes_excluded");
    text_row(screen, "MIG profile", job, "mig");
}

static void state_row(const struct dure_screen *screen, const json_t *job)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    const char *state = dure_json_text(job, "state", "-"), *wait = dure_json_text(job, "wait", ""),
               *cause = dure_json_text(job, "cause", "");
    dure_buf_init(&buf, 4096);
    dure_buf_str(&buf, state);
    if (strcmp(state, "PENDING") == 0 && *wait && strcmp(wait, "None") != 0)
        dure_buf_printf(&buf, " (%s)", wait);
    else if (*cause && strcmp(cause, "none") != 0)
        dure_buf_printf(&buf, " (%s)", cause);
    if (json_is_integer(json_object_get(job, "exit_code")) || json_is_integer(json_object_get(job, "exit_signal"))) {
        dure_buf_str(&buf, ", exit code:signal ");
        dure_render_exit(job, &buf);
    }
    if (dure_json_true(job, "held"))
        dure_buf_str(&buf, ", held");
    field(screen, "state", buf.data);
}

/* What was used, to two figures or two units: nobody plans by the microseconds of a sum. */
static const char *used_time(int64_t us, char text[DURE_TIME_TEXT_MAX])
{
    if (us >= DURE_DAY_US)
        return dure_duration_format(us - us % DURE_HOUR_US, text);
    if (us >= DURE_HOUR_US)
        return dure_duration_format(us - us % DURE_MINUTE_US, text);
    if (us >= 10 * DURE_SECOND_US)
        return dure_duration_format(us, text);
    if (us >= DURE_SECOND_US)
        snprintf(text, DURE_TIME_TEXT_MAX, "%" PRId64 ".%" PRId64 " s", us / DURE_SECOND_US, us / 100000 % 10);
    else if (us >= 10000)
        snprintf(text, DURE_TIME_TEXT_MAX, "%" PRId64 " ms", us / 1000);
    else
        snprintf(text, DURE_TIME_TEXT_MAX, "%" PRId64 ".%" PRId64 " ms", us / 1000, us / 100 % 10);
    return text;
}

static void usage_row(const struct dure_screen *screen, const json_t *usage)
{
    char text[256], cpu[DURE_TIME_TEXT_MAX], busy[DURE_TIME_TEXT_MAX];
    const int64_t cpu_us = dure_json_int(usage, "cpu_us", 0), memory = dure_json_int(usage, "memory_peak_mib", 0),
                  gpu = dure_json_int(usage, "gpu_busy_us", 0);
    if (!cpu_us && !memory && !gpu)
        return;
    int n = snprintf(text, sizeof text, "CPU %s, memory at most %" PRId64 " MiB", used_time(cpu_us, cpu), memory);
    if (gpu)
        snprintf(text + n, sizeof text - (size_t)n, ", GPU busy %s, GPU memory at most %" PRId64 " MiB",
                 used_time(gpu, busy), dure_json_int(usage, "gpu_memory_peak_mib", 0));
    field(screen, "used", text);
}

static void nodes_row(const struct dure_screen *screen, const json_t *job)
{
    char text[4096];
    const char *nodes = dure_json_text(job, "nodes", "");
    if (!*nodes)
        return;
    snprintf(text, sizeof text, "%s%s", nodes, dure_render_label(job));
    field(screen, "nodes", text);
}

static enum dure_err attempts(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"ATTEMPT", true, 0}, {"STATE", false, 0}, {"STARTED", false, 0},
                                                      {"ENDED", false, 0},  {"EXIT", true, 0},   {"NODES", false, 10},
                                                      {"CAUSE", false, 8}};
    if (json_array_size(rows) == 0)
        return DURE_OK;
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        DURE_CLEANUP_BUF struct dure_buf exit;
        char started[DURE_TIME_TEXT_MAX], ended[DURE_TIME_TEXT_MAX];
        dure_buf_init(&exit, 64);
        dure_render_exit(row, &exit);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64, dure_json_int(row, "attempt", 0));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "state", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.19s", dure_json_time(row, "started", started));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.19s", dure_json_time(row, "ended", ended));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", exit.data);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "nodes", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "cause", ""));
    }
    fputc('\n', screen->out);
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static void command_row(const struct dure_screen *screen, const json_t *command)
{
    DURE_CLEANUP_BUF struct dure_buf buf = {0};
    if (json_is_string(command)) {
        field(screen, "command", json_string_value(command));
        return;
    }
    dure_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < json_array_size(command); i++)
        dure_buf_printf(&buf, "%s%s", i ? " " : "",
                        json_string_value(json_array_get(command, i)) ? json_string_value(json_array_get(command, i))
                                                                      : "");
    field(screen, "command", buf.data);
}

static void erased_row(const struct dure_screen *screen, const json_t *names)
{
    DURE_CLEANUP_BUF struct dure_buf buf = {0};
    dure_buf_init(&buf, 4096);
    for (size_t i = 0; i < json_array_size(names); i++)
        dure_buf_printf(&buf, "%s%s", i ? ", " : "",
                        json_string_value(json_array_get(names, i)) ? json_string_value(json_array_get(names, i)) : "");
    field(screen, "erased", buf.data);
}

enum dure_err dure_render_job(const struct dure_screen *screen, const json_t *job)
{
    DURE_CLEANUP_BUF struct dure_buf id;
    char text[512];
    dure_buf_init(&id, 4096);
    dure_render_jobid(job, &id);
    field(screen, "job", id.data);
    text_row(screen, "name", job, "name");
    text_row(screen, "user", job, "user");
    text_row(screen, "project", job, "project");
    text_row(screen, "class", job, "class");
    state_row(screen, job);
    text_row(screen, "reason", job, "reason");
    text_row(screen, "engine", json_array_get(json_object_get(job, "attempts"), 0), "note");
    size_row(screen, job);
    text_row(screen, "level", job, "level");
    where_rows(screen, job);
    duration_row(screen, "walltime", job, "walltime_us");
    duration_row(screen, "grace", job, "grace_us");
    time_row(screen, "deadline", job, "must_end_by");
    if (dure_json_int(job, "checkpoint_us", 0))
        duration_row(screen, "checkpoint", job, "checkpoint_us");
    time_row(screen, "submitted", job, "submitted");
    time_row(screen, "started", job, "started");
    time_row(screen, "ended", job, "ended");
    time_row(screen, "ends by", job, "deadline");
    time_row(screen, "planned for", job, "planned");
    text_row(screen, "planned on", job, "planned_on");
    nodes_row(screen, job);
    text_row(screen, "site", job, "site");
    if (*dure_json_text(job, "source_owner", "")) {
        const char *allotment = dure_json_text(job, "allotment", "");
        snprintf(text, sizeof text, "%s%s%s", dure_json_text(job, "source_owner", ""),
                 *allotment ? ", allotment " : ", borrowed", allotment);
        field(screen, "charged to", text);
    }
    if (dure_json_int(job, "requeues", 0) > 0) {
        snprintf(text, sizeof text, "%" PRId64, dure_json_int(job, "requeues", 0));
        field(screen, "requeues", text);
    }
    usage_row(screen, json_object_get(job, "usage"));
    command_row(screen, json_object_get(job, "command"));
    text_row(screen, "image", job, "image");
    text_row(screen, "directory", job, "workdir");
    text_row(screen, "stdout", job, "stdout");
    text_row(screen, "stderr", job, "stderr");
    text_row(screen, "comment", job, "comment");
    erased_row(screen, json_object_get(job, "erased"));
    return attempts(screen, json_object_get(job, "attempts"));
}

enum dure_err dure_render_node(const struct dure_screen *screen, const json_t *node)
{
    struct dure_error error;
    char text[512];
    snprintf(text, sizeof text, "%s%s", dure_json_text(node, "name", "-"), dure_render_label(node));
    field(screen, "node", text);
    text_row(screen, "state", node, "state");
    text_row(screen, "reason", node, "reason");
    text_row(screen, "owner", node, "owner");
    text_row(screen, "site", node, "site");
    text_row(screen, "chain", node, "chain");
    text_row(screen, "model", node, "model");
    snprintf(text, sizeof text, "%" PRId64 ", %" PRId64 " used, %" PRId64 " of them by borrowed work",
             dure_json_int(node, "gpus", 0), dure_json_int(node, "used", 0), dure_json_int(node, "borrowed", 0));
    field(screen, "GPUs", text);
    if (dure_json_int(node, "dark", 0) > 0) {
        snprintf(text, sizeof text, "%" PRId64 ": power limit of %s", dure_json_int(node, "dark", 0),
                 dure_json_text(node, "dark_by", "?"));
        field(screen, "dark", text);
    }
    if (dure_json_int(node, "foreign", 0) > 0) {
        const char *by = dure_json_text(node, "foreign_by", "");
        snprintf(text, sizeof text, "%" PRId64 ": used by work outside dure%s%s", dure_json_int(node, "foreign", 0),
                 *by ? ": " : "", by);
        field(screen, "foreign", text);
    }
    const json_t *jobs = json_object_get(node, "jobs");
    if (json_array_size(jobs) == 0)
        return DURE_OK;
    fputc('\n', screen->out);
    return dure_render_jobs(screen, jobs, NULL, false, &error);
}
