#pragma once
/* The fleet and the tasks of a packing experiment under departures, which its paper leaves out: tasks drawn from the trace arrive one a second and stay for
 * an exponential time, such that all together would hold so many percent of the GPUs. What fits nowhere is refused. */
#include "sim/paper/packing.h"

struct dure_churn {
    const struct dure_place_policy *policy;
    enum dure_tie tie;
    uint64_t seed;
    uint32_t load_percent;
    double percent;         /* results from here on: GPUs allocated, mean over the second half of the arrivals */
    double refused_percent; /* of the GPUs asked for then */
    double us_per_decision;
    uint32_t tasks, refused; /* in the second half */
};
DURE_NODISCARD enum dure_err dure_churn_play(const struct dure_packing *packing, struct dure_churn *churn);
