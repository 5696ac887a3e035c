/* `dure sim run`: one simulated stretch of a fleet's life. */
#include <inttypes.h>
#include <string.h>

#include "cli/handlers.h"
#include "cli/sim.h"
#include "model/units.h"
#include "sim/make/make.h"

#define FROM "2026-03-09" /* a Monday; the first machines of the example fleet are there */

/* The options that every kind of run shares. */
static int options_read(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_options *options)
{
    *options = (struct dure_sim_options){
        .fleet = specs->fleet, .tenants = specs->tenants, .power = specs->power, .data = specs->data};
    options->seed = (uint64_t)dure_cli_count(cli, "seed");
    options->job_fails_per_mille = (uint32_t)dure_cli_count(cli, "job-fails");
    options->node_fails_us = dure_cli_count(cli, "node-fails");
    options->node_mends_us = dure_cli_count(cli, "node-mends");
    options->leaves_us = dure_cli_count(cli, "leaves");
    options->batch_us = dure_cli_count(cli, "batch");
    const char *from = dure_cli_given(cli, "from") ? dure_cli_text(cli, "from") : FROM;
    if (!dure_time_parse(from, specs->fleet->zone, &options->from_us))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--from: found '%s', expected a date such as 2026-03-09", from);
    return DURE_EXIT_OK;
}

static int make_source(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_options *options,
                       struct dure_make **ret_make)
{
    struct dure_error error = {0};
    struct dure_make_options make = {.fleet = specs->fleet,
                                     .tenants = specs->tenants,
                                     .seed = options->seed,
                                     .from_us = options->from_us,
                                     .days = (uint32_t)dure_cli_count(cli, "days"),
                                     .jobs = dure_cli_given(cli, "jobs") ? (uint64_t)dure_cli_count(cli, "jobs") : 0,
                                     .load_per_mille = (uint32_t)dure_cli_count(cli, "load") * 10};
    if (!dure_mix_find(dure_cli_text(cli, "mix"), &make.mix))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--mix: found '%s', which is no mix", dure_cli_text(cli, "mix"));
    const enum dure_err err = dure_make_new(&make, ret_make, &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    options->until_us = options->from_us + (int64_t)make.days * DURE_DAY_US;
    options->next = dure_make_next;
    options->context = *ret_make;
    return DURE_EXIT_OK;
}

static void note(struct dure_document *report, const char *name, const char *value)
{
    if (value && report->note_count < DURE_REPORT_NOTES_MAX) {
        report->notes[report->note_count][0] = name;
        report->notes[report->note_count++][1] = value;
    }
}

static void notes(struct dure_cli *cli, struct dure_document *report)
{
    static const char *const names[] = {"fleet", "tenants", "power", "data",       "mix",        "jobs",      "days",
                                        "load",  "seed",    "from",  "node-fails", "node-mends", "job-fails", "batch"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        note(report, names[i], dure_cli_text(cli, names[i]));
}

int dure_cmd_sim_run(struct dure_cli *cli)
{
    struct dure_sim_specs specs;
    struct dure_sim_options options;
    struct dure_sim_result result = {0};
    struct dure_make *make = NULL;
    struct dure_error error = {0};
    int code = dure_sim_specs_read(cli, &specs);
    if (code)
        return code;
    code = options_read(cli, &specs, &options);
    code = code ? code : make_source(cli, &specs, &options, &make);
    if (!code) {
        dure_sim_watch_begin(cli, "simulating", &options);
        const enum dure_err err = dure_sim_run(&options, &result, &error);
        dure_sim_watch_end(cli);
        if (err)
            code = dure_cli_fail_err(cli, err, &error, NULL);
    }
    if (!code) {
        struct dure_document report = {
            .title = "Simulated run", .fleet = specs.fleet, .tenants = specs.tenants, .run_count = 1};
        report.runs[0] = (struct dure_document_run){"", &result};
        notes(cli, &report);
        code = dure_sim_show(cli, &report);
        dure_sim_result_release(&result);
    }
    dure_make_free(make);
    dure_sim_specs_release(&specs);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
