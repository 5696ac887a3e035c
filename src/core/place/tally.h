#pragma once
/* How many GPUs of each chain are in use, by whom: what `why` reports of a busy fleet without looking at its nodes.
 *
 * A GPU that fractions share counts once. Derived from who stands where; rebuilt with it. Every call O(1). */
#include "core/state/state.h"

/* `leaves` GPUs more (or fewer) are in use by this tenant's own jobs, by right or borrowed. */
void tally_add(struct dure_core *core, uint32_t tenant, uint32_t chain, bool borrowed, int64_t leaves);
/* The whole GPUs of an attempt; fractions are counted by the shares they stand on. */
void tally_attempt(struct dure_core *core, const struct attempt *attempt, int sign);
/* In use by one tenant's own jobs (not of those below it). */
struct tally tally_of(const struct dure_core *core, uint32_t tenant, uint32_t chain);
