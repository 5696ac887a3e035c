#pragma once
/* Names of output files, with sbatch's patterns: %j job, %A job, %a array index, %x job name, %u login, %t task, %N node, %n node index, %%;
 * a width (%4t) pads numbers with zeros. Relative names lie in the working directory. Pure. */
#include "engine/attempt.h"

/* Does the name differ from task to task? */
bool dure_out_name_per_task(const struct dure_spec *spec, bool is_stderr);
/* The absolute path for one task. E_INVALID: longer than a path may be. */
DURE_NODISCARD enum dure_err dure_out_name(const struct dure_spec *spec, uint32_t task, bool is_stderr, char *path,
                                           size_t size, struct dure_error *error);
