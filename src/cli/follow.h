#pragma once
/* Reading a job's output piece by piece. */
#include "cli/cli.h"

struct dure_log_source {
    bool is_stderr;
    int64_t task;
    bool waits; /* go on until the job has ended; a job that has not begun is waited for */
};

/* Writes what there is from `offset` on to the screen and moves it. `ret_ended`: nothing will follow. `ret_began`: the job has begun. */
int dure_log_next(struct dure_cli *cli, const char *path, const struct dure_log_source *source, uint64_t *offset,
                  bool *ret_ended, bool *ret_began);
int dure_log_copy(struct dure_cli *cli, const char *path, const struct dure_log_source *source, uint64_t offset);
