#pragma once
/* What stands on a chain, counted: GPUs that are lost, in maintenance, in use (by whom) or idle, and the nodes they are on. O(lost nodes). */
#include "core/state/state.h"

struct stand {
    uint64_t lost, away, maintenance, foreign, dark, busy, idle; /* foreign, dark: whatever of ours still runs there */
    uint64_t lost_nodes, away_nodes, maintenance_nodes, foreign_nodes, dark_nodes, busy_nodes, idle_nodes;
    uint64_t own, guaranteed, borrowed, reserved; /* parts of busy */
};

/* All of a chain, as somebody sees it who borrows there. */
struct stand stand_of_chain(const struct dure_core *core, uint32_t tenant, uint32_t chain);
/* What the holder's rights on a chain make up, of the allotments that `suits` (indexed by allotment) names; without suspended cells. */
struct stand stand_of_rights(const struct dure_core *core, uint32_t holder, uint32_t chain, const bool *suits);
