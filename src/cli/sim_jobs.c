/* Where the jobs of a simulated run come from, and the options that every kind of run shares. */
#include <inttypes.h>
#include <string.h>

#include "cli/sim.h"

#define FROM "2026-03-09" /* a Monday; the first machines of the example fleet are there */

int dure_sim_trace_read(struct dure_cli *cli, struct dure_sim_jobs *jobs, struct dure_sim_specs *specs)
{
    struct dure_error error = {0};
    enum dure_work_format format = DURE_WORK_AUTO;
    const char *path = dure_cli_text(cli, "trace");
    const bool own = dure_cli_given(cli, "gpus");
    *jobs = (struct dure_sim_jobs){0};
    if (own && !path)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--gpus makes a fleet for a trace: found no --trace FILE");
    if (!own) {
        int code = dure_sim_specs_read(cli, specs);
        if (code || !path)
            return code;
    } else {
        *specs = (struct dure_sim_specs){0};
    }
    jobs->work = dure_arena_alloc(cli->arena, sizeof *jobs->work);
    if (!jobs->work)
        return dure_cli_memory(cli);
    DURE_ASSERT(dure_work_format_find(dure_cli_text(cli, "format"), &format));
    jobs->work->report.strict = strcmp(dure_cli_text(cli, "bad-rows"), "stop") == 0;
    enum dure_err err = dure_work_read(jobs->work, path, format, specs->fleet ? specs->fleet->zone : NULL, &error);
    if (!err && own)
        err = dure_work_specs(jobs->work, (uint32_t)dure_cli_count(cli, "gpus"),
                              (uint32_t)dure_cli_count(cli, "node-gpus"), &specs->fleet, &specs->tenants, &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    DURE_CLEANUP_BUF struct dure_buf words;
    dure_buf_init(&words, 1 << 20);
    dure_trace_report_print(&jobs->work->report, &words);
    if (words.length)
        fwrite(words.data, 1, words.length, cli->screen.err);
    return DURE_EXIT_OK;
}

int dure_sim_options_read(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_jobs *jobs,
                          struct dure_sim_options *options)
{
    const char *from = dure_cli_text(cli, "from");
    *options = (struct dure_sim_options){.fleet = specs->fleet,
                                         .tenants = specs->tenants,
                                         .power = specs->power,
                                         .data = specs->data,
                                         .until_us = DURE_NEVER_US};
    options->seed = (uint64_t)dure_cli_count(cli, "seed");
    options->job_fails_per_mille = (uint32_t)dure_cli_count(cli, "job-fails");
    options->node_fails_us = dure_cli_count(cli, "node-fails");
    options->node_mends_us = dure_cli_count(cli, "node-mends");
    options->leaves_us = dure_cli_count(cli, "leaves");
    options->batch_us = dure_cli_count(cli, "batch");
    if (!from && jobs->work)
        options->from_us = jobs->work->jobs[0].at_us;
    else if (!dure_time_parse(from ? from : FROM, specs->fleet->zone, &options->from_us))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--from: found '%s', expected a date such as 2026-03-09", from);
    if (!jobs->work || dure_cli_given(cli, "days"))
        options->until_us = options->from_us + dure_cli_count(cli, "days") * DURE_DAY_US;
    return DURE_EXIT_OK;
}

static enum dure_work_class forced(struct dure_cli *cli)
{
    const char *text = dure_cli_text(cli, "class");
    return strcmp(text, "guaranteed") == 0 ? DURE_WORK_GUARANTEED
           : strcmp(text, "borrowed") == 0 ? DURE_WORK_BORROWED
                                           : DURE_WORK_EITHER;
}

int dure_sim_jobs_begin(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_jobs *jobs,
                        struct dure_sim_options *options)
{
    struct dure_error error = {0};
    enum dure_err err;
    if (jobs->work) {
        const struct dure_work_play_options play = {
            .work = jobs->work, .fleet = specs->fleet, .tenants = specs->tenants, .force = forced(cli)};
        err = dure_work_player_new(&play, &jobs->player, &error);
        options->next = dure_work_next;
        options->context = jobs->player;
    } else {
        struct dure_make_options make = {.fleet = specs->fleet,
                                         .tenants = specs->tenants,
                                         .seed = options->seed,
                                         .from_us = options->from_us,
                                         .days = (uint32_t)dure_cli_count(cli, "days"),
                                         .jobs =
                                             dure_cli_given(cli, "jobs") ? (uint64_t)dure_cli_count(cli, "jobs") : 0,
                                         .load_per_mille = (uint32_t)dure_cli_count(cli, "load") * 10};
        DURE_ASSERT(dure_mix_find(dure_cli_text(cli, "mix"), &make.mix));
        err = dure_make_new(&make, &jobs->make, &error);
        options->next = dure_make_next;
        options->context = jobs->make;
    }
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

void dure_sim_jobs_end(struct dure_sim_jobs *jobs)
{
    dure_make_free(jobs->make);
    dure_work_player_free(jobs->player);
    jobs->make = NULL;
    jobs->player = NULL;
}

void dure_sim_jobs_release(struct dure_sim_jobs *jobs)
{
    dure_sim_jobs_end(jobs);
    if (jobs->work)
        dure_work_release(jobs->work);
}

static void note(struct dure_document *report, const char *name, const char *value)
{
    if (value && report->note_count < DURE_REPORT_NOTES_MAX) {
        report->notes[report->note_count][0] = name;
        report->notes[report->note_count++][1] = value;
    }
}

void dure_sim_notes(struct dure_cli *cli, const struct dure_sim_jobs *jobs, struct dure_document *report)
{
    static const char *const of_all[] = {"fleet", "tenants",    "rest-lends", "power",     "data", "seed",
                                         "from",  "node-fails", "node-mends", "job-fails", "batch"};
    static const char *const of_made[] = {"mix", "jobs", "days", "load"}, *const of_trace[] = {"trace", "format",
                                                                                               "gpus", "class"};
    for (unsigned i = 0; i < sizeof of_all / sizeof *of_all; i++)
        note(report, of_all[i], dure_cli_text(cli, of_all[i]));
    for (unsigned i = 0; i < 4; i++)
        note(report, jobs->work ? of_trace[i] : of_made[i], dure_cli_text(cli, jobs->work ? of_trace[i] : of_made[i]));
    if (jobs->work) {
        report->trace = &jobs->work->report;
        report->without_gpus = jobs->work->without_gpus;
    }
}
