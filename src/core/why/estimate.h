#pragma once
/* When a pending job is likely to start. */
#include "core/state/state.h"
#include "core/why.h"

/* What waits before it, as much as is gone through one by one. */
struct ahead {
    uint64_t milli;
    int64_t walltime_us;
    uint32_t count, tenant;
    uint64_t job; /* the first of them */
};

/* Fills `ret` for a request that waits behind `ahead` (in order). `scattered`: what is idle does not suit it. Work bounded by
 * ENDS_MAX running attempts and STEPS_MAX starts before it. False: cannot be said, and `ret` is untouched. */
bool estimate_start(struct dure_core *core, const struct request *ask, int64_t walltime_us, const struct ahead *ahead,
                    uint32_t ahead_count, bool scattered, struct dure_why_estimate *ret);
