#pragma once
/* What the verbs of `dure sim` share. */
#include "cli/cli.h"
#include "sim/trace/table.h"

/* "FOLDER/sub/name" into `path`, FOLDER from DURE_TRACES or ../shared/data; DURE_EXIT_OK when the file can be read, else the message is out
 * and says what to do. */
int dure_sim_trace_path(struct dure_cli *cli, char *path, size_t size, const char *sub, const char *name);
/* "openb_pod_list_default.csv" with the prefix "openb_pod_list_" is the trace "default". */
void dure_sim_trace_name(const char *path, const char *prefix, char *name, size_t size);
/* "42-51" or "42". False: neither, or over 1,000 seeds. */
bool dure_sim_seeds(const char *text, uint64_t *ret_first, uint64_t *ret_last);
/* What was left out of a file, on standard error; nothing when nothing was. */
void dure_sim_tell(struct dure_cli *cli, const struct dure_trace_report *report);
/* {"good":8152,"bad":1,"bad_lines":[17]} */
json_t *dure_sim_rows(const struct dure_trace_report *report);
