/* What a simulated run came to, for people: figures with a column for each run, then waits by size and tenants of each. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/grid.h"
#include "cli/sim.h"

static void put(struct dure_grid *grid, enum dure_style style, int64_t value, unsigned decimals, const char *unit)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, 64);
    dure_report_shown(&text, value, decimals);
    dure_grid_cell(grid, style, "%s%s%s", text.data ? text.data : "", *unit ? " " : "", unit);
}

static void put_figure(struct dure_grid *grid, const struct dure_document_run *run, unsigned k,
                       const struct dure_report_figure *figure)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, 128);
    if (figure->absent) {
        dure_grid_cell(grid, DURE_STYLE_DIM, "-");
    } else if (run->seeds) {
        dure_report_shown(&text, run->spreads[k].mean, figure->decimals + 1);
        dure_buf_str(&text, " \u00b1 ");
        dure_report_shown(&text, run->spreads[k].sd, figure->decimals + 1);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s%s", text.data ? text.data : "", *figure->unit ? " " : "",
                       figure->unit);
    } else {
        put(grid, DURE_STYLE_NONE, figure->value, figure->decimals, figure->unit);
    }
}

static enum dure_err figures(const struct dure_screen *screen, const struct dure_document *report)
{
    struct dure_grid_column columns[DURE_GRID_COLUMNS_MAX] = {{"FIGURE", false, 26}};
    struct dure_report_figure rows[DURE_REPORT_RUNS_MAX][DURE_FIGURES_MAX];
    const uint32_t runs = report->run_count < DURE_GRID_COLUMNS_MAX - 1 ? report->run_count : DURE_GRID_COLUMNS_MAX - 1;
    unsigned count = 0;
    for (uint32_t i = 0; i < runs; i++) {
        columns[i + 1] = (struct dure_grid_column){*report->runs[i].name ? report->runs[i].name : "THIS RUN", true, 0};
        count = dure_report_figures(report->runs[i].result, rows[i]);
    }
    struct dure_grid *grid = dure_grid_new(columns, runs + 1);
    if (!grid)
        return DURE_E_MEMORY;
    for (unsigned k = 0; k < count; k++) {
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", rows[0][k].title);
        for (uint32_t i = 0; i < runs; i++)
            put_figure(grid, &report->runs[i], k, &rows[i][k]);
    }
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static enum dure_err waits(const struct dure_screen *screen, const struct dure_sim_result *r)
{
    static const struct dure_grid_column columns[] = {
        {"GPUS", false, 0}, {"CLASS", false, 0}, {"STARTS", true, 0}, {"AT ONCE", true, 0}, {"MEAN WAIT", true, 0},
        {"P50", true, 0},   {"P90", true, 0},    {"P99", true, 0},    {"LONGEST", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    char text[DURE_TIME_TEXT_MAX];
    if (!grid)
        return DURE_E_MEMORY;
    for (unsigned class = 0; class < 2; class ++)
        for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
            const struct dure_sim_waits *w = &r->waits[class][s];
            if (!w->count)
                continue;
            const int64_t times[] = {(int64_t)(w->sum_ms / w->count), dure_sim_waits_quantile(w, 500),
                                     dure_sim_waits_quantile(w, 900), dure_sim_waits_quantile(w, 990),
                                     (int64_t)w->most_ms};
            dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_sim_size_names[s]);
            dure_grid_cell(grid, DURE_STYLE_NONE, "%s", class ? "borrowed" : "guaranteed");
            put(grid, DURE_STYLE_NONE, (int64_t)w->count, 0, "");
            put(grid, DURE_STYLE_NONE, (int64_t)(w->zero * 1000 / w->count), 1, "%");
            for (unsigned i = 0; i < 5; i++)
                dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_duration_format(times[i] / 1000 * 1000000, text));
        }
    const enum dure_err err = dure_grid_rows(grid) ? dure_grid_print(grid, screen, 0, false) : DURE_OK;
    dure_grid_free(grid);
    return err;
}

static enum dure_err tenants(const struct dure_screen *screen, const struct dure_document *report,
                             const struct dure_sim_result *r)
{
    static const struct dure_grid_column columns[] = {
        {"TENANT", false, 16},   {"JOBS", true, 0},    {"GPU-H BY RIGHT", true, 0}, {"BORROWED", true, 0},
        {"TAKEN BACK", true, 0}, {"IN TIME", true, 0}, {"LATE", true, 0},           {"SHORT", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (uint32_t i = 0; i < r->tenant_count; i++) {
        const struct dure_sim_tenant *t = &r->tenants[i];
        if (t->submitted + t->gpu_ms[0] + t->gpu_ms[1] == 0)
            continue;
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", report->tenants->tenants[i].path);
        put(grid, DURE_STYLE_NONE, (int64_t)t->submitted, 0, "");
        put(grid, DURE_STYLE_NONE, (int64_t)(t->gpu_ms[0] / 3600000), 0, "");
        put(grid, DURE_STYLE_NONE, (int64_t)(t->gpu_ms[1] / 3600000), 0, "");
        put(grid, DURE_STYLE_NONE, (int64_t)t->evicted, 0, "");
        put(grid, DURE_STYLE_NONE, (int64_t)(t->at_once + t->in_time), 0, "");
        put(grid, t->late ? DURE_STYLE_BAD : DURE_STYLE_NONE, (int64_t)t->late, 0, "");
        put(grid, t->short_cells ? DURE_STYLE_WARN : DURE_STYLE_NONE, (int64_t)t->short_cells, 0, "");
    }
    const enum dure_err err = dure_grid_rows(grid) ? dure_grid_print(grid, screen, 0, false) : DURE_OK;
    dure_grid_free(grid);
    return err;
}

static enum dure_err print(const struct dure_screen *screen, const struct dure_document *report)
{
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    fprintf(screen->out, "%s\n", report->title);
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; i < report->run_count; i++) {
        const struct dure_sim_result *r = report->runs[i].result;
        fprintf(screen->out, "%s%s%s to %s%s; digest %016" PRIx64 "%016" PRIx64 "\n", report->runs[i].name,
                *report->runs[i].name ? ": " : "", dure_time_format_local(r->from_us, from),
                dure_time_format_local(r->until_us, until), r->partial ? " (stopped: partial)" : "", r->digest.lane[0],
                r->digest.lane[1]);
    }
    fputc('\n', screen->out);
    err = figures(screen, report);
    for (uint32_t i = 0; err == DURE_OK && i < report->run_count; i++) {
        fprintf(screen->out, "\n%s%s", report->runs[i].name, *report->runs[i].name ? ":\n" : "");
        err = waits(screen, report->runs[i].result);
        if (err == DURE_OK && report->run_count == 1) {
            fputc('\n', screen->out);
            err = tenants(screen, report, report->runs[i].result);
        }
    }
    return err;
}

int dure_sim_write(struct dure_cli *cli, const struct dure_document *report)
{
    struct dure_error error = {0};
    const char *folder = dure_cli_text(cli, "report");
    const enum dure_err err = folder ? dure_report_write(report, folder, &error) : DURE_OK;
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    if (folder)
        dure_cli_note(cli, "%s/report.html, report.json and %u CSV files were written", folder,
                      dure_report_table_count(report));
    return DURE_EXIT_OK;
}

int dure_sim_show(struct dure_cli *cli, const struct dure_document *report)
{
    struct dure_buf json DURE_CLEANUP_BUF = {0};
    const int code = dure_sim_write(cli, report);
    if (code)
        return code;
    if (!dure_cli_json(cli))
        return print(&cli->screen, report) == DURE_OK ? DURE_EXIT_OK : dure_cli_memory(cli);
    dure_buf_init(&json, (size_t)256 << 20);
    dure_report_json(report, false, &json);
    if (json.failed)
        return dure_cli_memory(cli);
    fwrite(json.data, 1, json.length, cli->screen.out);
    fputc('\n', cli->screen.out);
    return DURE_EXIT_OK;
}
