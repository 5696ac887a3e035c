#pragma once
/* How people name a job: "12", "12_3" as in Slurm, "12.3" as in the API. */
#include "cli/cli.h"

enum { DURE_JOB_PATH_MAX = 128 };

/* False: no job's name. `ret_element` −1: the whole job. */
bool dure_job_name_parse(const char *text, uint64_t *ret_job, int64_t *ret_element);
/* "/v1/jobs/12.3" + tail. An exit code; the message is out. */
int dure_job_path(struct dure_cli *cli, const char *text, const char *tail, char path[DURE_JOB_PATH_MAX]);
