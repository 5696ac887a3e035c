#pragma once
/* What stands on GPUs, and when it is gone at the latest: attempts and claims by the rights of one holder in one list, borrowed attempts on one chain in
 * another. For planned starts, which put it in order when they look: O(1) at each change. */
#include "core/state/state.h"

enum { END_CLAIM = 0x80000000u }; /* of an end's slot: a claim, whose time is not told: timeline_claim_ends */

void ends_fetch(const struct dure_core *core, uint32_t attempt); /* its entry starts on its way from memory */
void ends_add(struct dure_core *core, uint32_t attempt);
void ends_remove(struct dure_core *core, uint32_t attempt);
void ends_move(struct dure_core *core, uint32_t attempt); /* its state changed */
void ends_add_claim(struct dure_core *core, uint32_t claim);
void ends_remove_claim(struct dure_core *core, uint32_t claim);
/* INT64_MIN: any moment. */
int64_t ends_at(const struct dure_core *core, const struct attempt *attempt);
