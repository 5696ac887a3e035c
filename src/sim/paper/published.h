#pragma once
/* What the papers' authors published, as files beside the traces: the tables that ours are held against. */
#include "sim/trace/table.h"

enum { DURE_PUBLISHED_ROWS_MAX = 1000, DURE_PUBLISHED_NAME_MAX = 64 };

struct dure_published {
    char trace[DURE_PUBLISHED_NAME_MAX], policy[DURE_PUBLISHED_NAME_MAX];
    double mean_percent;                     /* of a packing table */
    double avg_jct_s, makespan_s, p99_jct_s; /* of a table of turns */
};

/* openb's: trace, policy, mean_percent_at_100. Muri's: trace, policy, avg_jct_s, makespan_s, p99_jct_s. The caller frees *ret_rows. */
DURE_NODISCARD enum dure_err dure_published_packing(const char *path, struct dure_published **ret_rows,
                                                    uint32_t *ret_count, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_published_turns(const char *path, struct dure_published **ret_rows,
                                                  uint32_t *ret_count, struct dure_error *error);

/* How far ours may be off: points of the mean over ten seeds; parts of a time. */
double dure_published_tolerance_points(const char *policy);
#define DURE_PUBLISHED_TOLERANCE_JCT 0.001
#define DURE_PUBLISHED_TOLERANCE_END 0.005
