#pragma once
/* What the verbs of the simulator share. */
#include "cli/cli.h"
#include "sim/make/make.h"
#include "sim/report/report.h"
#include "sim/rival/rival.h"
#include "sim/trace/work.h"

/* The specs of a run, from --fleet, --tenants, --power and --data. */
struct dure_sim_specs {
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_power *power;
    struct dure_data *data;
};
int dure_sim_specs_read(struct dure_cli *cli, struct dure_sim_specs *specs); /* an exit code; the message is out */
void dure_sim_specs_release(struct dure_sim_specs *specs);

/* Where the jobs of a run come from: a trace (--trace) or made work. One at a time; begin again for each run. */
struct dure_sim_jobs {
    struct dure_work *work; /* NULL: made */
    struct dure_make *make;
    struct dure_work_player *player;
};
/* Reads the trace, if there is one; makes specs for it where --gpus says so. An exit code. */
int dure_sim_trace_read(struct dure_cli *cli, struct dure_sim_jobs *jobs, struct dure_sim_specs *specs);
/* The options that every kind of run shares, and the source of jobs. */
int dure_sim_options_read(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_jobs *jobs,
                          struct dure_sim_options *options);
int dure_sim_jobs_begin(struct dure_cli *cli, const struct dure_sim_specs *specs, struct dure_sim_jobs *jobs,
                        struct dure_sim_options *options);
void dure_sim_jobs_end(struct dure_sim_jobs *jobs);
void dure_sim_jobs_release(struct dure_sim_jobs *jobs);
/* What the document says it was made from. */
void dure_sim_notes(struct dure_cli *cli, const struct dure_sim_jobs *jobs, struct dure_document *report);

/* One column: the base, with some spec in place of the base's, or another scheduler. */
struct dure_sim_variant {
    const char *name;
    struct dure_sim_specs own;                                        /* what it has in place of the base's; owned */
    struct dure_rival rival;                                          /* no order: the core itself */
    void (*heard)(void *context, const struct dure_record *decision); /* of the core; NULL: nobody asks */
    void *heard_context;
};
/* One run of it, of this seed (NULL: the one that --seed says). An exit code; the caller releases the result. */
int dure_sim_play(struct dure_cli *cli, const struct dure_sim_specs *base, struct dure_sim_jobs *jobs,
                  const uint64_t *seed, struct dure_sim_variant *variant, struct dure_sim_result *ret_result);

/* A bar on standard error where that is a terminal, and Ctrl-C as the end of the run. */
void dure_sim_watch_begin(struct dure_cli *cli, const char *what, struct dure_sim_options *options);
void dure_sim_watch_end(void);
bool dure_sim_interrupted(void);

int dure_sim_write(struct dure_cli *cli,
                   const struct dure_document *report); /* --report, if it is given; an exit code */
/* Table or JSON on standard output, and the documents of --report. An exit code. */
int dure_sim_show(struct dure_cli *cli, const struct dure_document *report);
