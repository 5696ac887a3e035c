/* `dure sim compare`: the same jobs under several rules, or by several schedulers, side by side. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/handlers.h"
#include "cli/sim.h"
#include "cli/sim_trace.h"

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

int dure_sim_play(struct dure_cli *cli, const struct dure_sim_specs *base, struct dure_sim_jobs *jobs,
                  const uint64_t *seed, struct dure_sim_variant *variant, struct dure_sim_result *ret_result)
{
    struct dure_sim_options options;
    struct dure_error error = {0};
    int code = dure_sim_options_read(cli, base, jobs, &options);
    if (!code && seed)
        options.seed = *seed;
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
    options.heard = variant->heard;
    options.heard_context = variant->heard_context;
    dure_sim_watch_begin(cli, variant->name, &options);
    const enum dure_err err = variant->rival.order ? dure_rival_run(&variant->rival, &options, ret_result, &error)
                                                   : dure_sim_run(&options, ret_result, &error);
    dure_sim_watch_end();
    dure_sim_jobs_end(jobs);
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

static int judged(struct dure_cli *cli, enum dure_err err, const struct dure_problems *problems)
{
    if (err && problems->count > 0)
        return dure_cli_problems(cli, problems);
    return err ? dure_cli_fail_err(cli, err, NULL, NULL) : DURE_EXIT_OK;
}

/* Another Tenants, Power or Data spec, by its kind. */
static int read_variant(struct dure_cli *cli, const struct dure_sim_specs *base, const char *path,
                        struct dure_sim_variant *variant)
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

/* ---- columns ---- */

enum { COLUMNS_MAX = 16 };

struct comparison {
    struct dure_sim_specs base;
    struct dure_sim_jobs jobs;
    struct dure_sim_variant columns[COLUMNS_MAX];
    struct dure_sim_result results[COLUMNS_MAX]; /* of the first seed */
    struct dure_report_spread spreads[COLUMNS_MAX][DURE_FIGURES_MAX];
    int64_t *values[COLUMNS_MAX]; /* [seed][figure] */
    unsigned count, made;         /* columns; results that there are */
    uint64_t seed_first, seed_last;
    const char *seeds; /* NULL: one run a column */
};

static int too_many(struct dure_cli *cli)
{
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "found over %d columns, expected at most so many policies and files",
                         COLUMNS_MAX);
}

static int read_policies(struct dure_cli *cli, struct comparison *c)
{
    const char *text = dure_cli_text(cli, "policy");
    if (!text)
        c->columns[c->count++].name = "as given";
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        struct dure_error error = {0};
        if (c->count == COLUMNS_MAX)
            return too_many(cli);
        struct dure_sim_variant *column = &c->columns[c->count];
        char *name = dure_arena_alloc(cli->arena, DURE_RIVAL_NAME_MAX);
        if (!name)
            return dure_cli_memory(cli);
        if (dure_rival_parse(at, strcspn(at, ","), &column->rival, name, &error) != DURE_OK)
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "--policy: %s", error.text);
        for (unsigned k = 0; k < c->count; k++)
            if (strcmp(c->columns[k].name, name) == 0)
                return dure_cli_fail(cli, DURE_EXIT_USAGE, "--policy: found %s twice, expected each once", name);
        column->name = name;
        c->count++;
    }
    return DURE_EXIT_OK;
}

static int read_columns(struct dure_cli *cli, struct comparison *c)
{
    c->seeds = dure_cli_given(cli, "seeds") ? dure_cli_text(cli, "seeds") : NULL;
    if (c->seeds && dure_cli_given(cli, "seed"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found --seed and --seeds, expected one of them");
    if (c->seeds && !dure_sim_seeds(c->seeds, &c->seed_first, &c->seed_last))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "--seeds: found '%s', expected a seed or a range of at most 1,000, such as 42-51",
                             c->seeds);
    if (!dure_cli_text(cli, "policy") && cli->argc == 0)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "compare with what? expected --policy NAME,NAME..., or a Tenants, Power or Data spec");
    int code = read_policies(cli, c);
    for (int i = 0; i < cli->argc && !code; i++)
        code =
            c->count < COLUMNS_MAX ? read_variant(cli, &c->base, cli->argv[i], &c->columns[c->count++]) : too_many(cli);
    return code;
}

/* All seeds of one column; the first one's result is kept whole. */
static int play_column(struct dure_cli *cli, struct comparison *c, unsigned i)
{
    const uint32_t seeds = c->seeds ? (uint32_t)(c->seed_last - c->seed_first + 1) : 1;
    struct dure_report_figure figures[DURE_FIGURES_MAX];
    int code = DURE_EXIT_OK;
    c->values[i] = calloc((size_t)seeds * DURE_FIGURES_MAX, sizeof *c->values[i]);
    if (!c->values[i])
        return dure_cli_memory(cli);
    for (uint32_t k = 0; k < seeds && !code && !dure_sim_interrupted(); k++) {
        struct dure_sim_result result;
        const uint64_t seed = c->seed_first + k;
        code = dure_sim_play(cli, &c->base, &c->jobs, c->seeds ? &seed : NULL, &c->columns[i], &result);
        if (code)
            break;
        const unsigned count = dure_report_figures(&result, figures);
        for (unsigned f = 0; f < count; f++)
            c->values[i][(size_t)k * DURE_FIGURES_MAX + f] = figures[f].value;
        if (k == 0)
            c->results[c->made++] = result;
        else
            dure_sim_result_release(&result);
    }
    if (!code && c->seeds && dure_sim_interrupted()) { /* not all of its seeds: the column is left out */
        if (c->made > i)
            dure_sim_result_release(&c->results[--c->made]);
        return DURE_EXIT_OK;
    }
    for (unsigned f = 0; f < DURE_FIGURES_MAX && !code; f++)
        c->spreads[i][f] = dure_report_spread_of(c->values[i] + f, seeds, DURE_FIGURES_MAX);
    return code;
}

static int show(struct dure_cli *cli, struct comparison *c)
{
    const bool whole = c->made == c->count;
    struct dure_document report = {.title = whole ? "The same jobs under several rules"
                                                  : "The same jobs under several rules (stopped: columns are missing)",
                                   .fleet = c->base.fleet,
                                   .tenants = c->base.tenants,
                                   .run_count = c->made};
    for (unsigned i = 0; i < c->made; i++)
        report.runs[i] = (struct dure_document_run){.name = c->columns[i].name,
                                                    .result = &c->results[i],
                                                    .seeds = c->seeds,
                                                    .spreads = c->spreads[i],
                                                    .values = c->values[i],
                                                    .seed_first = c->seed_first,
                                                    .seed_count = (uint32_t)(c->seed_last - c->seed_first + 1)};
    dure_sim_notes(cli, &c->jobs, &report);
    for (unsigned i = c->made; i < c->count && report.note_count < DURE_REPORT_NOTES_MAX; i++) {
        report.notes[report.note_count][0] = "missing:";
        report.notes[report.note_count++][1] = c->columns[i].name;
    }
    return dure_sim_show(cli, &report);
}

int dure_cmd_sim_compare(struct dure_cli *cli)
{
    struct comparison *c = calloc(1, sizeof *c);
    if (!c)
        return dure_cli_memory(cli);
    int code = dure_sim_trace_read(cli, &c->jobs, &c->base);
    code = code ? code : read_columns(cli, c);
    for (unsigned i = 0; i < c->count && !code && !dure_sim_interrupted(); i++)
        code = play_column(cli, c, i);
    if (!code && c->made == 0)
        code = dure_cli_fail(cli, DURE_EXIT_NO, "interrupted before '%s' was done: there is nothing to show",
                             c->columns[0].name);
    code = code ? code : show(cli, c);
    for (unsigned i = 0; i < COLUMNS_MAX; i++) {
        if (i < c->made)
            dure_sim_result_release(&c->results[i]);
        dure_sim_specs_release(&c->columns[i].own);
        free(c->values[i]);
    }
    dure_sim_jobs_release(&c->jobs);
    dure_sim_specs_release(&c->base);
    free(c);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
