/* `dure sim paper fgd`: one trace by one policy, or the whole published table beside ours. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/progress.h"
#include "cli/sim_trace.h"
#include "sim/paper/churn.h"
#include "sim/paper/packing.h"
#include "sim/paper/published.h"

#define PODS_PREFIX "openb_pod_list_"
#define NODES_NAME "openb_node_list_gpu_node.csv"
#define OURS "dure"

struct fgd {
    struct dure_cli *cli;
    const char *seeds;
    uint64_t seed_first, seed_last;
    enum dure_tie tie;
    struct dure_progress progress;
    const char *trace_name;
    const struct dure_place_policy *policy;
};

static bool told(void *context, uint64_t seed)
{
    struct fgd *fgd = context;
    char what[160];
    snprintf(what, sizeof what, "%s by %s, seed %" PRIu64, fgd->trace_name, fgd->policy->name, seed);
    dure_progress_step(&fgd->progress, what);
    return !dure_cli_interrupted();
}

static int run_study(struct fgd *fgd, const struct dure_packing *packing, struct dure_packing_study *study)
{
    *study = (struct dure_packing_study){.policy = fgd->policy,
                                         .tie = fgd->tie,
                                         .seed_first = fgd->seed_first,
                                         .seed_last = fgd->seed_last,
                                         .told = told,
                                         .context = fgd};
    const enum dure_err err = dure_packing_study(packing, study);
    if (err)
        return dure_cli_fail_err(fgd->cli, err, NULL, NULL);
    return dure_cli_interrupted() ? dure_cli_fail(fgd->cli, DURE_EXIT_NO, "interrupted") : DURE_EXIT_OK;
}

/* The trace must be zeroed; it and the packing are the caller's to release, also on failure. */
static int load(struct fgd *fgd, const char *nodes, const char *pods, struct dure_openb *trace,
                struct dure_packing *packing)
{
    struct dure_error error = {0};
    trace->node_report.strict = trace->pod_report.strict = dure_cli_flag(fgd->cli, "strict");
    enum dure_err err = dure_openb_read(trace, nodes, pods, &error);
    if (!err)
        err = dure_packing_init(packing, trace, &error);
    if (err)
        return dure_cli_fail(fgd->cli, DURE_EXIT_USAGE, "%s", *error.text ? error.text : dure_err_sentence(err));
    dure_sim_tell(fgd->cli, &trace->node_report);
    dure_sim_tell(fgd->cli, &trace->pod_report);
    return DURE_EXIT_OK;
}

static json_t *study_json(const struct fgd *fgd, const struct dure_packing_study *study)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:I, s:I}", "trace", fgd->trace_name, "policy",
                     study->policy->name, "seeds", fgd->seeds, "tie", dure_cli_text(fgd->cli, "tie"), "runs",
                     (json_int_t)study->runs, "mean_percent_at_100", study->mean_percent, "sd", study->sd_percent,
                     "us_per_decision", study->us_per_decision, "tasks", (json_int_t)study->tasks, "dropped",
                     (json_int_t)study->dropped);
}

/* The mean over the seeds of a fleet that tasks also leave. */
static int run_churn(struct fgd *fgd, const struct dure_packing *packing, uint32_t load)
{
    double percent = 0, refused = 0, us = 0;
    uint32_t runs = 0;
    for (uint64_t seed = fgd->seed_first; seed <= fgd->seed_last && told(fgd, seed); seed++, runs++) {
        struct dure_churn churn = {.policy = fgd->policy, .tie = fgd->tie, .seed = seed, .load_percent = load};
        const enum dure_err err = dure_churn_play(packing, &churn);
        if (err)
            return dure_cli_fail_err(fgd->cli, err, NULL, NULL);
        percent += churn.percent;
        refused += churn.refused_percent;
        us += churn.us_per_decision;
    }
    dure_progress_end(&fgd->progress);
    if (dure_cli_interrupted())
        return dure_cli_fail(fgd->cli, DURE_EXIT_NO, "interrupted");
    percent /= runs;
    refused /= runs;
    us /= runs;
    if (dure_cli_json(fgd->cli)) {
        json_t *json =
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:f}", "trace", fgd->trace_name, "policy", fgd->policy->name,
                      "seeds", fgd->seeds, "load_percent", (json_int_t)load, "runs", (json_int_t)runs, "mean_percent",
                      percent, "refused_percent", refused, "us_per_decision", us);
        dure_cli_print_json(fgd->cli, json);
        json_decref(json);
    } else {
        fprintf(fgd->cli->screen.out,
                "%s by %s, seeds %s, with departures: %.3f %% of all GPUs allocated at a load of %" PRIu32
                " %%, %.3f %% of the GPUs asked for refused (%.1f us a decision)\n",
                fgd->trace_name, fgd->policy->name, fgd->seeds, percent, load, refused, us);
    }
    return DURE_EXIT_OK;
}

static int one(struct fgd *fgd, const char *nodes, const char *pods)
{
    char name[128];
    struct dure_packing_study study;
    struct dure_packing packing = {0};
    struct dure_openb *trace = calloc(1, sizeof *trace);
    if (!trace)
        return dure_cli_memory(fgd->cli);
    dure_sim_trace_name(pods, PODS_PREFIX, name, sizeof name);
    fgd->trace_name = name;
    dure_progress_begin(&fgd->progress, &fgd->cli->screen, fgd->seed_last - fgd->seed_first + 1);
    int code = load(fgd, nodes, pods, trace, &packing);
    if (!code && dure_cli_given(fgd->cli, "churn")) {
        code = run_churn(fgd, &packing, (uint32_t)dure_cli_count(fgd->cli, "churn"));
        dure_packing_release(&packing);
        dure_openb_release(trace);
        free(trace);
        return code;
    }
    if (!code)
        code = run_study(fgd, &packing, &study);
    dure_progress_end(&fgd->progress);
    if (!code && dure_cli_json(fgd->cli)) {
        json_t *json = study_json(fgd, &study);
        json_object_set_new(json, "node_rows", dure_sim_rows(&trace->node_report));
        json_object_set_new(json, "pod_rows", dure_sim_rows(&trace->pod_report));
        dure_cli_print_json(fgd->cli, json);
        json_decref(json);
    } else if (!code) {
        fprintf(fgd->cli->screen.out,
                "%s by %s, seeds %s: %.3f %% of all GPUs allocated when as many are asked for (sd %.3f, %" PRIu32
                " runs of about %" PRIu32 " tasks, %.1f us a decision)\n",
                name, study.policy->name, fgd->seeds, study.mean_percent, study.sd_percent, study.runs, study.tasks,
                study.us_per_decision);
    }
    dure_packing_release(&packing);
    dure_openb_release(trace);
    free(trace);
    return code;
}

struct row {
    struct dure_packing_study study;
    char trace[DURE_PUBLISHED_NAME_MAX];
    double published; /* NAN: of our own policy, nobody published one */
    double tolerance;
};

static bool holds(const struct row *row)
{
    return isnan(row->published) || fabs(row->study.mean_percent - row->published) <= row->tolerance;
}

static int print_rows(struct fgd *fgd, const struct row *rows, uint32_t count)
{
    static const struct dure_grid_column columns[] = {
        {"TRACE", false, 0}, {"POLICY", false, 0},   {"PUBLISHED", true, 0}, {"OURS", true, 0},       {"SD", true, 0},
        {"OFF", true, 0},    {"TOLERANCE", true, 0}, {"HOLDS", false, 0},    {"US/DECISION", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return dure_cli_memory(fgd->cli);
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        const bool compared = !isnan(row->published);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", row->trace);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", row->study.policy->name);
        dure_grid_cell(grid, DURE_STYLE_NONE, compared ? "%.3f" : "-", row->published);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.3f", row->study.mean_percent);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.3f", row->study.sd_percent);
        dure_grid_cell(grid, DURE_STYLE_NONE, compared ? "%+.3f" : "-", row->study.mean_percent - row->published);
        dure_grid_cell(grid, DURE_STYLE_NONE, compared ? "%.2f" : "-", row->tolerance);
        dure_grid_cell(grid,
                       !compared    ? DURE_STYLE_NONE
                       : holds(row) ? DURE_STYLE_GOOD
                                    : DURE_STYLE_BAD,
                       "%s",
                       !compared    ? "-"
                       : holds(row) ? "yes"
                                    : "no");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%.1f", row->study.us_per_decision);
    }
    const enum dure_err err = dure_grid_print(grid, &fgd->cli->screen, 0, false);
    dure_grid_free(grid);
    return err ? dure_cli_memory(fgd->cli) : DURE_EXIT_OK;
}

static void print_json(struct fgd *fgd, const struct row *rows, uint32_t count, bool all)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        struct fgd at = *fgd;
        at.trace_name = rows[i].trace;
        json_t *json = study_json(&at, &rows[i].study);
        if (!isnan(rows[i].published)) {
            json_object_set_new(json, "published_percent", json_real(rows[i].published));
            json_object_set_new(json, "tolerance", json_real(rows[i].tolerance));
            json_object_set_new(json, "holds", json_boolean(holds(&rows[i])));
        }
        json_array_append_new(list, json);
    }
    json_t *json = json_pack("{s:o, s:b}", "rows", list, "holds", (int)all);
    dure_cli_print_json(fgd->cli, json);
    json_decref(json);
}

static bool wanted(const struct fgd *fgd, const char *policy)
{
    return !dure_cli_given(fgd->cli, "policy") || strcmp(dure_cli_text(fgd->cli, "policy"), policy) == 0;
}

/* The published rows of one trace, which follow each other from `first` on, and ours. Appends to rows. */
static int one_trace(struct fgd *fgd, const struct dure_published *published, uint32_t first, uint32_t end,
                     struct row *rows, uint32_t *count)
{
    char nodes[DURE_CLI_PATH_MAX], pods[DURE_CLI_PATH_MAX], name[160];
    struct dure_packing packing = {0};
    struct dure_openb *trace = calloc(1, sizeof *trace);
    int code =
        trace ? dure_sim_trace_path(fgd->cli, nodes, sizeof nodes, "openb", NODES_NAME) : dure_cli_memory(fgd->cli);
    snprintf(name, sizeof name, PODS_PREFIX "%s.csv", published[first].trace);
    if (!code)
        code = dure_sim_trace_path(fgd->cli, pods, sizeof pods, "openb", name);
    if (!code)
        code = load(fgd, nodes, pods, trace, &packing);
    for (uint32_t i = first; !code && i <= end; i++) {
        const char *policy = i < end ? published[i].policy : OURS;
        struct row *row = &rows[*count];
        fgd->policy = dure_place_find(policy);
        fgd->trace_name = published[first].trace;
        if (!fgd->policy)
            code = dure_cli_fail(fgd->cli, DURE_EXIT_USAGE,
                                 "the published table names the policy '%s', which is not known here", policy);
        else if (wanted(fgd, policy) && !(code = run_study(fgd, &packing, &row->study))) {
            snprintf(row->trace, sizeof row->trace, "%s", published[first].trace);
            row->published = i < end ? published[i].mean_percent : NAN;
            row->tolerance = dure_published_tolerance_points(policy);
            ++*count;
        }
    }
    if (trace)
        dure_openb_release(trace);
    dure_packing_release(&packing);
    free(trace);
    return code;
}

static uint32_t trace_end(const struct dure_published *published, uint32_t first, uint32_t count)
{
    uint32_t end = first;
    while (end < count && strcmp(published[end].trace, published[first].trace) == 0)
        end++;
    return end;
}

static int table(struct fgd *fgd)
{
    char path[DURE_CLI_PATH_MAX];
    struct dure_published *published = NULL;
    struct dure_error error;
    uint32_t published_count = 0, count = 0, studies = 0;
    int code = dure_sim_trace_path(fgd->cli, path, sizeof path, "openb", "expected_allocation.csv");
    if (code)
        return code;
    if (dure_published_packing(path, &published, &published_count, &error))
        return dure_cli_fail(fgd->cli, DURE_EXIT_USAGE, "%s", error.text);
    for (uint32_t i = 0; i < published_count; i = trace_end(published, i, published_count))
        studies += wanted(fgd, OURS);
    for (uint32_t i = 0; i < published_count; i++)
        studies += wanted(fgd, published[i].policy);
    struct row *rows = calloc(2 * published_count, sizeof *rows);
    if (!rows)
        code = dure_cli_memory(fgd->cli);
    dure_progress_begin(&fgd->progress, &fgd->cli->screen, studies * (fgd->seed_last - fgd->seed_first + 1));
    for (uint32_t i = 0; !code && i < published_count;) {
        const uint32_t end = trace_end(published, i, published_count);
        code = one_trace(fgd, published, i, end, rows, &count);
        i = end;
    }
    dure_progress_end(&fgd->progress);
    bool all = true;
    for (uint32_t i = 0; i < count; i++)
        all = all && holds(&rows[i]);
    if (!code && dure_cli_json(fgd->cli))
        print_json(fgd, rows, count, all);
    else if (!code)
        code = print_rows(fgd, rows, count);
    free(rows);
    free(published);
    return code ? code : all ? DURE_EXIT_OK : DURE_EXIT_NO;
}

int dure_cmd_sim_paper_fgd(struct dure_cli *cli)
{
    struct fgd fgd = {.cli = cli, .seeds = dure_cli_given(cli, "seeds") ? dure_cli_text(cli, "seeds") : "42-51"};
    const char *nodes = dure_cli_text(cli, "nodes"), *pods = dure_cli_text(cli, "pods");
    const char *tie = dure_cli_text(cli, "tie");
    if (!dure_sim_seeds(fgd.seeds, &fgd.seed_first, &fgd.seed_last))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "--seeds: found '%s', expected a seed or a range of at most 1,000, such as 42-51",
                             fgd.seeds);
    if (!nodes != !pods)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s is missing: a trace is a file of nodes and one of pods",
                             nodes ? "pods" : "nodes");
    if (!nodes && dure_cli_given(cli, "churn"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--churn needs a trace: give --nodes and --pods");
    fgd.tie = strcmp(tie, "random") == 0    ? DURE_TIE_RANDOM
              : strcmp(tie, "reverse") == 0 ? DURE_TIE_REVERSE
                                            : DURE_TIE_RANK;
    fgd.policy = dure_place_find(dure_cli_text(cli, "policy"));
    dure_cli_catch_interrupts();
    return nodes ? one(&fgd, nodes, pods) : table(&fgd);
}
