#pragma once
/* Who stands on which leaf of the hardware, and in which private cluster: one place where all counts change together. */
#include "core/state/state.h"

/* Calls `each` for every (node, GPU) of the places. */
typedef void (*leaf_fn)(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place);
void ground_each(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count, leaf_fn each,
                 void *context);
/* The same by node, with the GPUs of `place` on it: `node` counts within the chain. */
typedef void (*node_fn)(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place);
void ground_each_node(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count,
                      node_fn each, void *context);

/* These places are written soon: what is kept by node starts on its way from memory, all of it at once. */
void ground_fetch(const struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count);

/* The attempt takes its leaves (bound cells already stand), or leaves them. */
void ground_occupy(struct dure_core *core, uint32_t attempt);
void ground_vacate(struct dure_core *core, uint32_t attempt);
/* A claim takes its leaves in the private cluster and marks them on the hardware; `open` counts those that others stand on. */
void ground_claim(struct dure_core *core, uint32_t claim);
void ground_unclaim(struct dure_core *core, uint32_t claim);
/* A guaranteed attempt has become borrowed ; cells that were released or handed over have counted it so already. */
void ground_demote(struct dure_core *core, uint32_t attempt);

/* A suspended right may be served by any damaged cell of the chain: whatever comes free or whole there may let its holder's work start. */
void ground_wake_short(struct dure_core *core, uint32_t chain);
/* Which of a node's GPUs are lost to the cells has changed, for whatever reason: until now it were these (node_lost). What was kept there for
 * planned starts is not any more, because of `cause`. */
void ground_lose(struct dure_core *core, uint32_t node, uint64_t was, enum dure_cause cause);

/* Which GPUs of the place on this node has somebody to leave first? */
uint64_t ground_obstructed_on(const struct dure_core *core, uint32_t chain, uint32_t node,
                              const struct dure_place *place);
/* Must somebody leave this leaf before a guaranteed job can stand on it? A fraction stands beside others of its tenant. */
bool ground_is_obstructed(const struct dure_core *core, uint32_t chain, uint32_t leaf, bool fraction);
/* The claims on one leaf: one for a whole GPU, several for fractions. */
uint32_t ground_claims(const struct dure_core *core, uint32_t chain, uint32_t leaf, const uint32_t **ret_claims);
/* The attempts on one leaf, without a claim's: fills `users` with slots (valid until the ground changes) and says how many. */
uint32_t ground_users(const struct dure_core *core, uint32_t chain, uint32_t leaf, const uint32_t **ret_users);
