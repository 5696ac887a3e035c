/* `dure sim paper muri`: one trace by one policy, or the whole published table beside ours. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/sim_trace.h"
#include "sim/paper/published.h"
#include "sim/paper/turns.h"

static int play(struct dure_cli *cli, const char *path, const char *policy, struct dure_muri *trace,
                struct dure_turns_result *result)
{
    struct dure_error error = {0};
    trace->report.strict = dure_cli_flag(cli, "strict");
    enum dure_err err = dure_muri_read(trace, path, &error);
    if (!err) {
        dure_sim_tell(cli, &trace->report);
        err = dure_turns_play(trace, (uint32_t)dure_cli_count(cli, "nodes"), (uint32_t)dure_cli_count(cli, "gpus"),
                              dure_turn_find(policy), result, &error);
    }
    return err ? dure_cli_fail(cli, DURE_EXIT_USAGE, "%s", *error.text ? error.text : dure_err_sentence(err))
               : DURE_EXIT_OK;
}

static json_t *result_json(const char *trace, const char *policy, const struct dure_turns_result *result)
{
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:I}", "trace", trace, "policy", policy, "avg_jct_s",
                     result->avg_jct_s, "makespan_s", result->makespan_s, "p99_jct_s", result->p99_jct_s, "jobs",
                     (json_int_t)result->jobs, "events", (json_int_t)result->events, "preemptions",
                     (json_int_t)result->preemptions);
}

static int one(struct dure_cli *cli, const char *path)
{
    char name[128];
    struct dure_turns_result result;
    const char *policy = dure_cli_text(cli, "policy");
    struct dure_muri *trace = calloc(1, sizeof *trace);
    if (!trace)
        return dure_cli_memory(cli);
    dure_sim_trace_name(path, "", name, sizeof name);
    const int code = play(cli, path, policy, trace, &result);
    if (!code && dure_cli_json(cli)) {
        json_t *json = result_json(name, policy, &result);
        json_object_set_new(json, "rows", dure_sim_rows(&trace->report));
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else if (!code) {
        fprintf(cli->screen.out,
                "%s by %s: %" PRIu32 " jobs done in %.1f s on average, 99 in 100 within %.1f s, all by %.1f s\n", name,
                policy, result.jobs, result.avg_jct_s, result.p99_jct_s, result.makespan_s);
    }
    dure_muri_release(trace);
    free(trace);
    return code;
}

struct figure {
    const char *name;
    double published, ours, tolerance;
};

static bool holds(const struct figure *figure)
{
    return fabs(figure->ours - figure->published) <= figure->tolerance * figure->published;
}

static void compare(const struct dure_published *published, const struct dure_turns_result *result,
                    struct figure figures[3])
{
    figures[0] = (struct figure){"avg_jct_s", published->avg_jct_s, result->avg_jct_s, DURE_PUBLISHED_TOLERANCE_JCT};
    figures[1] = (struct figure){"makespan_s", published->makespan_s, result->makespan_s, DURE_PUBLISHED_TOLERANCE_END};
    figures[2] = (struct figure){"p99_jct_s", published->p99_jct_s, result->p99_jct_s, DURE_PUBLISHED_TOLERANCE_END};
}

static void add_row(struct dure_grid *grid, json_t *list, const struct dure_published *published,
                    const struct dure_turns_result *result, const struct figure figures[3])
{
    bool all = true;
    json_t *of = json_object();
    for (unsigned f = 0; f < 3; f++) {
        all = all && holds(&figures[f]);
        json_object_set_new(of, figures[f].name, json_real(figures[f].published));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", published->trace);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", published->policy);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", figures[f].name);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.3f", figures[f].published);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.3f", figures[f].ours);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%+.4f %%", (figures[f].ours / figures[f].published - 1) * 100);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.1f %%", figures[f].tolerance * 100);
        dure_grid_cell(grid, holds(&figures[f]) ? DURE_STYLE_GOOD : DURE_STYLE_BAD, "%s",
                       holds(&figures[f]) ? "yes" : "no");
    }
    json_t *json = result_json(published->trace, published->policy, result);
    json_object_set_new(json, "published", of);
    json_object_set_new(json, "holds", json_boolean(all));
    json_array_append_new(list, json);
}

static int all_rows(struct dure_cli *cli, const struct dure_published *published, uint32_t count,
                    struct dure_grid *grid, json_t *list, bool *ret_all)
{
    char path[DURE_CLI_PATH_MAX], name[128], policy[DURE_PUBLISHED_NAME_MAX];
    int code = DURE_EXIT_OK;
    *ret_all = true;
    for (uint32_t i = 0; !code && i < count && !dure_cli_interrupted(); i++) {
        struct dure_turns_result result;
        struct figure figures[3];
        struct dure_muri *trace = calloc(1, sizeof *trace);
        if (!trace)
            return dure_cli_memory(cli);
        for (size_t c = 0; c < sizeof policy; c++)
            policy[c] = (char)tolower((unsigned char)published[i].policy[c]);
        snprintf(name, sizeof name, "%s.csv", published[i].trace);
        if (!dure_turn_find(policy))
            code = dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "the published table names the policy '%s', which is not known here", policy);
        else if (!dure_cli_given(cli, "policy") || strcmp(dure_cli_text(cli, "policy"), policy) == 0) {
            code = dure_sim_trace_path(cli, path, sizeof path, "muri", name);
            if (!code)
                code = play(cli, path, policy, trace, &result);
            if (!code) {
                compare(&published[i], &result, figures);
                add_row(grid, list, &published[i], &result, figures);
                for (unsigned f = 0; f < 3; f++)
                    *ret_all = *ret_all && holds(&figures[f]);
            }
        }
        dure_muri_release(trace);
        free(trace);
    }
    return code;
}

static int table(struct dure_cli *cli)
{
    static const struct dure_grid_column columns[] = {
        {"TRACE", false, 0}, {"POLICY", false, 0}, {"FIGURE", false, 0},   {"PUBLISHED", true, 0},
        {"OURS", true, 0},   {"OFF", true, 0},     {"TOLERANCE", true, 0}, {"HOLDS", false, 0}};
    char path[DURE_CLI_PATH_MAX];
    struct dure_published *published = NULL;
    struct dure_error error;
    uint32_t count = 0;
    bool all = false;
    int code = dure_sim_trace_path(cli, path, sizeof path, "muri", "expected.csv");
    if (code)
        return code;
    if (dure_published_turns(path, &published, &count, &error))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s", error.text);
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    json_t *list = json_array();
    code = grid && list ? all_rows(cli, published, count, grid, list, &all) : dure_cli_memory(cli);
    if (!code && dure_cli_json(cli)) {
        json_t *json = json_pack("{s:O, s:b}", "rows", list, "holds", (int)all);
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else if (!code && dure_grid_print(grid, &cli->screen, 0, false)) {
        code = dure_cli_memory(cli);
    }
    dure_grid_free(grid);
    json_decref(list);
    free(published);
    return code ? code : all ? DURE_EXIT_OK : DURE_EXIT_NO;
}

int dure_cmd_sim_paper_muri(struct dure_cli *cli)
{
    const char *jobs = dure_cli_text(cli, "jobs");
    dure_cli_catch_interrupts();
    return jobs ? one(cli, jobs) : table(cli);
}
