/* `dure sim compare` and `dure sim silo`: the same jobs under several rules, side by side. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/sim.h"

/* One column: the base, with some spec in place of the base's. */
struct variant {
    const char *name;
    struct dure_sim_specs own; /* what it has in place of the base's; owned */
    struct dure_sim_result result;
    bool made;
};

/* Jobs are made for the base; the tenants of another column are found by their paths. */
struct translator {
    dure_sim_next_fn next;
    void *context;
    const struct dure_tenants *from, *to;
};

static bool translated(void *context, struct dure_sim_job *ret_job)
{
    const struct translator *t = context;
    if (!t->next(t->context, ret_job))
        return false;
    struct dure_tenant_id id = {DURE_NONE32};
    if (ret_job->job.tenant.v < t->from->tenant_count)
        (void)dure_tenants_find(t->to, t->from->tenants[ret_job->job.tenant.v].path, &id);
    ret_job->job.tenant = id; /* a column without this tenant refuses the job */
    return true;
}

static int play(struct dure_cli *cli, const struct dure_sim_specs *base, struct dure_sim_jobs *jobs,
                struct variant *variant)
{
    struct dure_sim_options options;
    struct dure_error error = {0};
    int code = dure_sim_options_read(cli, base, jobs, &options);
    code = code ? code : dure_sim_jobs_begin(cli, base, jobs, &options);
    if (code)
        return code;
    const struct dure_sim_specs *own = &variant->own;
    struct translator translator = {options.next, options.context, base->tenants,
                                    own->tenants ? own->tenants : base->tenants};
    options.next = translated;
    options.context = &translator;
    options.fleet = own->fleet ? own->fleet : base->fleet;
    options.tenants = translator.to;
    options.power = own->power ? own->power : base->power;
    options.data = own->data ? own->data : base->data;
    dure_sim_watch_begin(cli, variant->name, &options);
    const enum dure_err err = dure_sim_run(&options, &variant->result, &error);
    dure_sim_watch_end(cli);
    dure_sim_jobs_end(jobs);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    variant->made = true;
    return DURE_EXIT_OK;
}

static int judged(struct dure_cli *cli, enum dure_err err, const struct dure_problems *problems)
{
    if (err && problems->count > 0)
        return dure_cli_problems(cli, problems);
    return err ? dure_cli_fail_err(cli, err, NULL, NULL) : DURE_EXIT_OK;
}

/* Another Tenants, Power or Data spec, by its kind. */
static int read_variant(struct dure_cli *cli, const struct dure_sim_specs *base, const char *path,
                        struct variant *variant)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_tree *tree = problems ? dure_cli_spec(cli, path, problems) : NULL;
    if (!tree)
        return DURE_EXIT_USAGE;
    const struct dure_tree *kind = dure_tree_get(tree, "kind");
    const char *text = kind && kind->text ? kind->text : "nothing";
    *problems = (struct dure_problems){.file = path};
    variant->name = path;
    if (strcmp(text, "Tenants") == 0)
        return judged(cli, dure_tenants_parse(tree, base->fleet, &variant->own.tenants, problems), problems);
    if (strcmp(text, "Power") == 0)
        return judged(cli, dure_power_parse(tree, base->fleet, &variant->own.power, problems), problems);
    if (strcmp(text, "Data") == 0)
        return judged(cli, dure_data_parse(tree, base->fleet, base->tenants, &variant->own.data, problems), problems);
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: kind: found '%s', expected Tenants, Power or Data", path, text);
}

static int show(struct dure_cli *cli, const char *title, const struct dure_sim_specs *base,
                const struct dure_sim_jobs *jobs, struct variant *variants, unsigned count)
{
    struct dure_document report = {.title = title, .fleet = base->fleet, .tenants = base->tenants, .run_count = count};
    for (unsigned i = 0; i < count; i++)
        report.runs[i] = (struct dure_document_run){variants[i].name, &variants[i].result};
    dure_sim_notes(cli, jobs, &report);
    return dure_sim_show(cli, &report);
}

static void release(struct variant *variants, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (variants[i].made)
            dure_sim_result_release(&variants[i].result);
        dure_sim_specs_release(&variants[i].own);
    }
}

int dure_cmd_sim_compare(struct dure_cli *cli)
{
    struct dure_sim_specs base = {0};
    struct dure_sim_jobs jobs = {0};
    const unsigned count = 1 + (unsigned)cli->argc;
    struct variant *variants = dure_arena_alloc(cli->arena, count * sizeof *variants);
    if (!variants)
        return dure_cli_memory(cli);
    variants[0].name = "as given";
    int code = dure_sim_trace_read(cli, &jobs, &base);
    for (unsigned i = 1; i < count && !code; i++)
        code = read_variant(cli, &base, cli->argv[i - 1], &variants[i]);
    for (unsigned i = 0; i < count && !code && !dure_sim_interrupted(); i++)
        code = play(cli, &base, &jobs, &variants[i]);
    for (unsigned i = 0; i < count && !code; i++)
        if (!variants[i].made)
            code =
                dure_cli_fail(cli, DURE_EXIT_NO, "interrupted before '%s': nothing can be compared", variants[i].name);
    code = code ? code : show(cli, "The same jobs under several rules", &base, &jobs, variants, count);
    release(variants, count);
    dure_sim_jobs_release(&jobs);
    dure_sim_specs_release(&base);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}

/* ---- owners alone and together ---- */

/* The same tenants; no owner lends to another. */
static int alone(struct dure_cli *cli, const struct dure_sim_specs *base, struct variant *variant)
{
    struct dure_error error = {0};
    json_t *spec = json_loadb(base->tenants->spec_json, base->tenants->spec_json_length, 0, NULL);
    json_object_set_new(spec, "lending", json_array());
    char *text = json_dumps(spec, JSON_COMPACT);
    const enum dure_err err =
        text ? dure_tenants_from_json(text, strlen(text), base->fleet, &variant->own.tenants, &error) : DURE_E_MEMORY;
    free(text);
    json_decref(spec);
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

struct sums {
    uint64_t gpu_ms[2], started[2], wait_ms[2], late;
    int64_t latest_ms;
};

static struct sums sum_of(const struct dure_sim_specs *base, const struct dure_sim_result *r, uint32_t top)
{
    struct sums sums = {0};
    for (uint32_t i = top; i < r->tenant_count; i++) {
        const struct dure_sim_tenant *t = &r->tenants[i];
        if (!dure_tenants_within(base->tenants, (struct dure_tenant_id){i}, (struct dure_tenant_id){top}))
            continue;
        for (unsigned k = 0; k < 2; k++) {
            sums.gpu_ms[k] += t->gpu_ms[k];
            sums.started[k] += t->started[k];
            sums.wait_ms[k] += t->wait_ms[k];
        }
        sums.late += t->late;
        sums.latest_ms = t->latest_ms > sums.latest_ms ? t->latest_ms : sums.latest_ms;
    }
    return sums;
}

static void put_wait(struct dure_grid *grid, const struct sums *sums)
{
    char text[DURE_TIME_TEXT_MAX];
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                   sums->started[0]
                       ? dure_duration_format((int64_t)(sums->wait_ms[0] / sums->started[0] / 1000 * 1000000), text)
                       : "-");
}

/* By right nobody may be worse off than alone, but for the notice. True: nobody is. */
static bool owners(struct dure_cli *cli, const struct dure_sim_specs *base, const struct variant *variants,
                   enum dure_err *ret_err)
{
    static const struct dure_grid_column columns[] = {
        {"OWNER", false, 10}, {"GPU-H ALONE", true, 0},      {"SHARED", true, 0}, {"MEAN WAIT BY RIGHT ALONE", true, 0},
        {"SHARED", true, 0},  {"LONGEST CLEARING", true, 0}, {"LATE", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    bool fine = true;
    char text[DURE_TIME_TEXT_MAX], hours[32];
    for (uint32_t k = 0; grid && k < variants[0].result.top_count; k++) {
        const uint32_t top = variants[0].result.tops[k];
        const struct sums before = sum_of(base, &variants[0].result, top),
                          after = sum_of(base, &variants[1].result, top);
        fine = fine && after.late == 0;
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", base->tenants->tenants[top].path);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       dure_term_grouped((int64_t)((before.gpu_ms[0] + before.gpu_ms[1]) / 3600000), hours));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       dure_term_grouped((int64_t)((after.gpu_ms[0] + after.gpu_ms[1]) / 3600000), hours));
        put_wait(grid, &before);
        put_wait(grid, &after);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_duration_format(after.latest_ms / 1000 * 1000000, text));
        dure_grid_cell(grid, after.late ? DURE_STYLE_BAD : DURE_STYLE_NONE, "%" PRIu64, after.late);
    }
    *ret_err = grid ? dure_grid_print(grid, &cli->screen, 0, false) : DURE_E_MEMORY;
    dure_grid_free(grid);
    return fine;
}

int dure_cmd_sim_silo(struct dure_cli *cli)
{
    struct dure_sim_specs base = {0};
    struct dure_sim_jobs jobs = {0};
    struct variant variants[2] = {{.name = "owners alone"}, {.name = "shared"}};
    enum dure_err err = DURE_OK;
    int code = dure_sim_trace_read(cli, &jobs, &base);
    code = code ? code : alone(cli, &base, &variants[0]);
    for (unsigned i = 0; i < 2 && !code && !dure_sim_interrupted(); i++)
        code = play(cli, &base, &jobs, &variants[i]);
    if (!code && !variants[1].made)
        code = dure_cli_fail(cli, DURE_EXIT_NO, "interrupted: nothing can be compared");
    code = code ? code : show(cli, "Owners alone, and sharing what they do not use", &base, &jobs, variants, 2);
    if (!code && !dure_cli_json(cli)) {
        fputc('\n', cli->screen.out);
        const bool fine = owners(cli, &base, variants, &err);
        dure_cli_say(cli, fine ? "Every right was served at once, or within the notice."
                               : "Some rights were served later than the notice allows.");
        code = err ? dure_cli_memory(cli) : fine ? DURE_EXIT_OK : DURE_EXIT_NO;
    }
    release(variants, 2);
    dure_sim_jobs_release(&jobs);
    dure_sim_specs_release(&base);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
