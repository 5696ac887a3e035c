#pragma once
/* Plans of requests with limits (place/limits.h). By rights there are two ways. A spread over cells no larger than the right's is a matter of
 * the private cluster alone, as everything else there: what holds among its virtual cells holds on the hardware. A list of nodes, or a
 * spread over cells larger than the right's, depends on the hardware that the rights stand on: virtual cells are bound for the trial, where
 * most of what they hold may be used, until there is room; such a request is not promised a place. */
#include "core/place/plan.h"

bool limited_allot(struct dure_core *core, const struct request *ask, uint32_t allot, bool leveled, struct plan *plan);
/* `away`: on nodes under no bound right. */
bool limited_chain(struct dure_core *core, const struct request *ask, uint32_t chain, bool leveled, bool away,
                   struct plan *plan);
/* Over all of the holder's allotments of one chain, in their order. */
bool limited_spanning(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                      struct plan *plan);
/* The same for a planned start, with the idle GPUs of a later moment: what the plan gets are slots of the private cluster, with a binding each, as a
 * planned start has them; of a chain, takes alone. */
bool limited_allot_later(struct dure_core *core, const struct request *ask, uint32_t allot, bool leveled,
                         struct plan *plan);
bool limited_spanning_later(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                            struct plan *plan);
bool limited_chain_later(struct dure_core *core, const struct request *ask, uint32_t chain, bool leveled, bool away);
/* Do its limits depend on the hardware that a right stands on? */
bool limited_by_hardware(const struct dure_core *core, const struct request *ask, const struct allot *allot);
