#pragma once
/* What may be used: by borrowers on the hardware, and by holders in their private clusters. Derived from who stands where (place/ground.h), from what
 * is lost, dark or foreign, and from what is kept for planned starts; the fields of the index, those that wait, and power hear of every change. */
#include "core/state/state.h"

enum { SIGHT_RUN_MAX = 64 };

/* What may be used of nodes beside each other changed: `first` counts within the chain, `count` is SIGHT_RUN_MAX at most. */
void sight_nodes(struct dure_core *core, uint32_t chain, uint32_t first, uint32_t count);
/* A right was bound to the cell of these leaves, or unbound from it; or what is bound on this one node is to be looked up. */
void sight_bound(struct dure_core *core, uint32_t chain, uint32_t leaf, uint32_t leaves);
/* What may be used of one virtual cell changed. */
void sight_cell(struct dure_core *core, uint32_t allot, uint32_t index);
void sight_slot(struct dure_core *core, uint32_t allot, uint32_t slot); /* of one of its slots */
void sight_allot(struct dure_core *core, uint32_t allot);
/* One job more (`delta` 1) or less (-1) on leaves of one node, borrowed or by right: the cells count it, and a private cluster sees it. */
void sight_count(struct dure_core *core, uint32_t chain, uint32_t first, uint64_t mask, bool borrowed, int delta);
