#pragma once
/* Prices of what is left of shared GPUs, for a daemon: what stands there is the work that is expected. Holes of shared GPUs alone, since no fraction
 * opens another GPU while one of its tenant's has room. */
#include "advise/prices.h"
#include "core/view.h"

/* Of one advisor only such calls. E_MEMORY. */
DURE_NODISCARD enum dure_err dure_advise_shared(struct dure_advise *advise, const struct dure_holes_view *view,
                                                struct dure_prices *ret_prices);
