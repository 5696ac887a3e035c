/* `dure sim run`: one simulated stretch of a fleet's life. */
#include <inttypes.h>
#include <string.h>

#include "cli/handlers.h"
#include "cli/sim.h"
#include "loop/recover.h"

/* ---- a daemon's history ---- */

/* The first record's time. */
static bool first(void *context, uint64_t sequence, const void *bytes, size_t length)
{
    int64_t *at_us = context;
    struct dure_arena *arena = dure_arena_new(1u << 28);
    struct dure_leaves_join join = {0};
    struct dure_record record;
    const void *whole;
    size_t whole_length;
    (void)sequence;
    if (arena && dure_leaves_join_next(&join, bytes, length, &whole, &whole_length, NULL) > 0 &&
        dure_record_decode(whole, whole_length, arena, &record, NULL) == DURE_OK)
        *at_us = record.time_us;
    dure_buf_release(&join.whole);
    dure_arena_free(arena);
    return false;
}

/* The specs in force at its end: those before them are the beginning of them. */
static enum dure_err last_specs(struct dure_journal *journal, struct dure_sim_specs *specs,
                                struct dure_sim_options *options, struct dure_error *error)
{
    struct dure_recovery recovery;
    struct dure_journal_head head;
    enum dure_err err = dure_recover(journal, NULL, &recovery, NULL, NULL, error);
    if (err)
        return err;
    const struct dure_fleet *fleet = dure_core_fleet(recovery.core);
    const struct dure_tenants *tenants = dure_core_tenants(recovery.core);
    dure_journal_head(journal, &head);
    if (!fleet || !tenants)
        err = dure_fail(error, DURE_E_INVALID, "found no %s in it, expected the record of a daemon that was set up",
                        fleet ? "tenants" : "fleet");
    err = err ? err : dure_fleet_from_json(fleet->spec_json, fleet->spec_json_length, &specs->fleet, error);
    if (!err)
        err =
            dure_tenants_from_json(tenants->spec_json, tenants->spec_json_length, specs->fleet, &specs->tenants, error);
    *options = (struct dure_sim_options){
        .fleet = specs->fleet, .tenants = specs->tenants, .until_us = dure_core_time_us(recovery.core)};
    dure_core_free(recovery.core);
    if (!err && head.size)
        err = dure_journal_read(journal, 0, 1, first, NULL, &options->from_us, error);
    return err;
}

static int replay(struct dure_cli *cli, const char *folder)
{
    static const char *const others[] = {"fleet", "tenants", "power", "data", "trace", "gpus", "mix", "jobs", "days"};
    struct dure_journal *journal = NULL;
    struct dure_sim_specs specs = {0};
    struct dure_sim_options options;
    struct dure_sim_result result;
    struct dure_sim_replayed replayed;
    struct dure_error error = {0};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (dure_cli_given(cli, others[i]))
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "found --%s beside --journal, expected one of them: a record brings its own",
                                 others[i]);
    enum dure_err err =
        dure_journal_open(&(struct dure_journal_options){.directory = folder, .read_only = true}, &journal, &error);
    err = err ? err : last_specs(journal, &specs, &options, &error);
    if (!err) {
        dure_sim_watch_begin(cli, "deciding again", &options);
        err = dure_sim_replay(journal, &options, &result, &replayed, &error);
        dure_sim_watch_end();
    }
    dure_journal_close(journal);
    int code =
        err ? dure_cli_fail(cli, dure_exit_of(err), "%s: %s", folder, *error.text ? error.text : dure_err_sentence(err))
            : DURE_EXIT_OK;
    if (!err) {
        char inputs[24], decisions[24], digest[40];
        struct dure_document report = {.title = "What a daemon did, decided again",
                                       .fleet = specs.fleet,
                                       .tenants = specs.tenants,
                                       .run_count = 1};
        snprintf(inputs, sizeof inputs, "%" PRIu64, replayed.inputs);
        snprintf(decisions, sizeof decisions, "%" PRIu64, replayed.decisions);
        snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, replayed.digest.lane[0], replayed.digest.lane[1]);
        const char *const notes[][2] = {
            {"journal", folder}, {"inputs", inputs}, {"decisions_alike", decisions}, {"state_digest", digest}};
        for (; report.note_count < 4; report.note_count++)
            memcpy(report.notes[report.note_count], notes[report.note_count], sizeof notes[0]);
        report.runs[0] = (struct dure_document_run){.name = "", .result = &result};
        code = dure_sim_show(cli, &report);
        if (!code && !dure_cli_json(cli))
            fprintf(cli->screen.out,
                    "\n%s inputs were decided again: %s decisions and every digest are as the journal has them; the "
                    "state is %s\n",
                    inputs, decisions, digest);
        dure_sim_result_release(&result);
    }
    dure_sim_specs_release(&specs);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}

int dure_cmd_sim_run(struct dure_cli *cli)
{
    struct dure_sim_specs specs = {0};
    struct dure_sim_jobs jobs = {0};
    struct dure_sim_options options;
    struct dure_sim_result result = {0};
    struct dure_error error = {0};
    if (dure_cli_text(cli, "journal"))
        return replay(cli, dure_cli_text(cli, "journal"));
    int code = dure_sim_trace_read(cli, &jobs, &specs);
    code = code ? code : dure_sim_options_read(cli, &specs, &jobs, &options);
    code = code ? code : dure_sim_jobs_begin(cli, &specs, &jobs, &options);
    if (!code) {
        dure_sim_watch_begin(cli, "simulating", &options);
        const enum dure_err err = dure_sim_run(&options, &result, &error);
        dure_sim_watch_end();
        if (err)
            code = dure_cli_fail_err(cli, err, &error, NULL);
    }
    if (!code) {
        struct dure_document report = {
            .title = "Simulated run", .fleet = specs.fleet, .tenants = specs.tenants, .run_count = 1};
        report.runs[0] = (struct dure_document_run){.name = "", .result = &result};
        dure_sim_notes(cli, &jobs, &report);
        code = dure_sim_show(cli, &report);
        dure_sim_result_release(&result);
    }
    dure_sim_jobs_release(&jobs);
    dure_sim_specs_release(&specs);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
