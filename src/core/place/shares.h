#pragma once
/* GPUs that fractions share, always of one tenant and from one source (an allotment, or a chain's lent GPUs). */
#include "core/state/state.h"

void share_join(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place);
void share_part(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place);
/* A leaf's source ended: if it is shared and nobody guaranteed is left on it, it counts as borrowed from here on. */
void share_demote(struct dure_core *core, uint32_t chain, uint32_t leaf);
/* The first open leaf of this tenant and source; follow with shared.next. NONE. `allot` NONE: borrowed. */
uint32_t share_first(const struct dure_core *core, uint32_t tenant, uint32_t chain, uint32_t allot);
