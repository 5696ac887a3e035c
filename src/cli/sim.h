#pragma once
/* What the verbs of the simulator share. */
#include "cli/cli.h"
#include "sim/report/report.h"

/* The specs of a run, from --fleet, --tenants, --power and --data. */
struct dure_sim_specs {
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_power *power;
    struct dure_data *data;
};
int dure_sim_specs_read(struct dure_cli *cli, struct dure_sim_specs *specs); /* an exit code; the message is out */
void dure_sim_specs_release(struct dure_sim_specs *specs);

/* A bar on standard error where that is a terminal, and Ctrl-C as the end of the run. */
void dure_sim_watch_begin(struct dure_cli *cli, const char *what, struct dure_sim_options *options);
void dure_sim_watch_end(struct dure_cli *cli);
bool dure_sim_interrupted(void);

/* Table or JSON on standard output, and the documents of --report. An exit code. */
int dure_sim_show(struct dure_cli *cli, const struct dure_document *report);
