#pragma once
/* What the files of planned starts share. */
#include "core/place/later.h"

/* May it ever borrow on this chain? */
bool later_may_borrow(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* On which it may, those first that it would take first of those that are alike; room for all chains. Says how many. */
uint32_t later_lenders(const struct dure_core *core, const struct request *ask, uint32_t *chains);

/* later_lent.c. A gang of whole GPUs that may stand anywhere in a chain, and anyhow, finds room there when there is room for so many tasks in all. */
bool later_is_counted(const struct dure_core *core, const struct request *ask);
enum later later_counted(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                         int64_t *ret_at_us);
