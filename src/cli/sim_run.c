/* `dure sim run`: one simulated stretch of a fleet's life. */
#include "cli/handlers.h"
#include "cli/sim.h"

int dure_cmd_sim_run(struct dure_cli *cli)
{
    struct dure_sim_specs specs = {0};
    struct dure_sim_jobs jobs = {0};
    struct dure_sim_options options;
    struct dure_sim_result result = {0};
    struct dure_error error = {0};
    int code = dure_sim_trace_read(cli, &jobs, &specs);
    code = code ? code : dure_sim_options_read(cli, &specs, &jobs, &options);
    code = code ? code : dure_sim_jobs_begin(cli, &specs, &jobs, &options);
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
        dure_sim_notes(cli, &jobs, &report);
        code = dure_sim_show(cli, &report);
        dure_sim_result_release(&result);
    }
    dure_sim_jobs_release(&jobs);
    dure_sim_specs_release(&specs);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
