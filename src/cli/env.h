#pragma once
/* The environment that a script's job gets, as sbatch captures it. */
#include "cli/cli.h"
#include "model/tree.h"

enum { DURE_ENV_BYTES_MAX = 60 * 1024 };

/* Adds `env` to the job's tree by --export's rule ("ALL", "NONE", "NIL", "A,B=c", "ALL,A=b"). Variables that do not fit or that no job may be
 * given are left out; `left_out` receives their names. False: out of memory. */
bool dure_env_capture(struct dure_arena *arena, struct dure_tree *job, const char *rule, char *const *environment,
                      struct dure_buf *left_out);
