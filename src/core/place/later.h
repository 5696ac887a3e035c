#pragma once
/* When and where a blocked gang could start, if what runs is gone when it must be at the latest: planned starts. By rights that is told in the private
 * cluster alone, so that no tenant's plan hangs on others: borrowers that stand there cost their notice once it starts, as always. */
#include "core/place/plan.h"

enum later {
    LATER_NEVER, /* not even when all of its holder's work (of a borrower: all borrowed work) is gone */
    LATER_NOW,   /* it is not idle GPUs that it lacks */
    LATER_FOUND,
};

/* Fills the plan with slots of the private cluster (one binding a place names the allotment), or with nodes, and says when: never before `from_us`, which is now
 * or to come (then there is no LATER_NOW). Pure.
 * O(k log k + fits log k) for the k ends that it takes. */
enum later later_guaranteed(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                            int64_t *ret_at_us);
enum later later_borrowed(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                          int64_t *ret_at_us);
