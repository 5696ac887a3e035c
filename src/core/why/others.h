#pragma once
/* For a job that runs: the places that the core ranks for it, in the order in which it tries them, as they are now. */
#include "core/state/state.h"
#include "core/why.h"

/* Fills why->others: allotments of its holder that suit, or chains that lend to it, at most DURE_WHY_OTHERS_MAX. Each is tried. E_MEMORY. */
DURE_NODISCARD enum dure_err others_rank(struct dure_core *core, const struct request *ask,
                                         const struct dure_job_view *job, struct dure_arena *arena,
                                         struct dure_why *why, struct dure_error *error);
