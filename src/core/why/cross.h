#pragma once
/* The set of rules that refuse each place, not only the first: which of them leave no place together, and which single one, changed, would
 * open one. */
#include "core/state/state.h"
#include "core/why.h"

/* Every rule that refuses the chain of these rows (all of that chain's) by itself, as bits 1 << rule; 0: it fits. Rules of the hardware are
 * found by giving up one demand after the other; of what stands there one is named: the first of in maintenance, lost, and in use that would
 * do if it were lifted alone. */
uint64_t cross_rules(struct dure_core *core, const struct request *ask, const struct dure_why_row *rows,
                     uint32_t count);
/* Fills why->crossing and why->opening from the rows; names live in the arena. O(chains). */
void cross_find(struct dure_core *core, const struct request *ask, struct dure_arena *arena, struct dure_why *why);
/* What it costs to change a rule, least first (docs/decisions.md); the rule that is changed most cheaply is the lowest. */
unsigned cross_cost(enum dure_rule rule);
