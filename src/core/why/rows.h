#pragma once
/* Which rule refuses which GPUs: rows by chain and rule, and the groups of one rule. Cost: O(chains + holder's allotments + lost nodes), and a
 * trial of the request in each place that no lasting rule refuses. */
#include "core/state/state.h"
#include "core/why.h"
#include "core/why/never.h"

/* Fills why->rows and why->groups for a job that waits. `ahead`: others are before it. E_MEMORY. */
DURE_NODISCARD enum dure_err rows_pending(struct dure_core *core, const struct request *ask, bool ahead,
                                          struct dure_arena *arena, struct dure_why *why, struct dure_error *error);
/* One row a chain for a job that runs on `own`: HERE, COULD, or the rule that rules the chain out. E_MEMORY. */
DURE_NODISCARD enum dure_err rows_running(const struct dure_core *core, const struct request *ask, uint32_t own,
                                          struct dure_arena *arena, struct dure_why *why, struct dure_error *error);
/* The row nearest to a start: the rule that comes last in the order of rules, the chain declared first. NULL: no rows. */
const struct dure_why_row *rows_nearest(const struct dure_why *why);
