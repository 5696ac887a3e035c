#pragma once
/* GPUs that fractions share, always of one tenant and from one source (an allotment, or a chain's lent GPUs).
 *
 * A share by rights is part of the private cluster: it exists from the first reservation on, whoever stands on the hardware still, so that the
 * tenant's next fraction joins it as it would if it were alone. A borrowed share exists while somebody stands on it. */
#include "core/state/state.h"

/* May these tasks start (or be reserved) on this leaf? A decision that is not of this core may say anything. `allot` NONE: borrowed. `claimed`: a claim of
 * its own holds its room already. */
bool share_admits(const struct dure_core *core, uint32_t chain, uint32_t leaf, const struct request *ask,
                  uint32_t allot, const struct dure_place *place, bool reserve, bool claimed);
/* An attempt's tasks on one leaf come and go. */
void share_join(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place);
void share_part(struct dure_core *core, uint32_t leaf, uint32_t attempt, const struct dure_place *place);
/* A claim's tasks on one leaf. */
void share_claim(struct dure_core *core, uint32_t leaf, uint32_t claim, const struct dure_place *place);
void share_unclaim(struct dure_core *core, uint32_t leaf, uint32_t claim, const struct dure_place *place);
/* A leaf's cell went to nobody, or to another right: the share follows, or is borrowed from here on when nobody guaranteed is left on it. */
void share_follow(struct dure_core *core, uint32_t chain, uint32_t leaf);
/* The first share of this tenant and source with room left; follow with shared.next. NONE. `allot` NONE: borrowed. */
uint32_t share_first(const struct dure_core *core, uint32_t tenant, uint32_t chain, uint32_t allot);
void share_free(struct shared *shared);
