#pragma once
/* What a chain could ever carry: the rules that depend on the request and the hardware alone, in the order of DURE_RULES; and a request
 * put into the terms of a field of slots. */
#include "core/state/state.h"
#include "core/why.h"

struct verdict {
    enum dure_rule rule;
    int64_t need, have;
    const char *unit;
};

struct verdict rule_hardware(const struct dure_core *core, const struct request *ask, uint32_t chain);

bool rule_carries(const struct dure_core *core, const struct request *ask,
                  uint32_t chain); /* rule_hardware lets it through */

/* Fractions of one GPU that a fresh GPU of the chain carries; at least 1 for what rule_hardware let through. */
uint32_t fraction_per_gpu(const struct dure_core *core, const struct request *ask, uint32_t chain);
uint32_t fraction_mib(const struct dure_core *core, const struct request *ask,
                      uint32_t chain); /* memory that one task takes of it */

/* The level number of the request's level in a chain; 0: none asked, or none here; the chain's level_count + 1: the site, all of the chain. */
unsigned rule_level(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* Leaves of one cell of its spread's level; 0: no spread, or no such level here. */
uint32_t rule_spread_leaves(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* The most tasks that its spread lets stand on so many leaves, which lie in pieces of `piece` that may be far apart. */
uint64_t rule_spread_room(const struct dure_core *core, const struct request *ask, uint32_t chain, uint64_t leaves,
                          uint64_t piece);
/* Must the whole gang stand in one cell smaller than the chain? (The site is not.) */
bool rule_is_confined(const struct dure_core *core, const struct request *ask, uint32_t chain);

/* In terms of the chain's nodes, or of an allotment's virtual nodes. `leveled`: with its level, else without (a preferred level given up).
 * False: cannot be, whatever is idle. */
bool ask_of_chain(const struct dure_core *core, const struct request *ask, uint32_t chain, bool leveled,
                  struct dure_ask *ret_ask);
bool ask_of_allot(const struct dure_core *core, const struct request *ask, const struct allot *allot, bool leveled,
                  struct dure_ask *ret_ask);
/* GPUs of the chain that the gang takes up: a fraction's tasks fill GPUs one by one. */
uint64_t rule_gpus(const struct dure_core *core, const struct request *ask, uint32_t chain);
uint64_t request_gpus(const struct request *ask); /* whole GPUs, a fraction counted as one */
uint32_t request_milli(const struct request *ask, uint32_t tasks);
