#pragma once
/* Places by rights beyond the plain one: a gang over several allotments, on damaged cells, and in the place of lower priority. */
#include "core/place/plan.h"
#include "core/place/prefer.h"

/* Over several allotments of one chain, in their order, each giving what it has. */
bool plan_spanning(struct dure_core *core, const struct request *ask, uint32_t holder, const struct prefer *prefer,
                   struct plan *plan);
bool plan_spanning_on(struct dure_core *core, const struct request *ask, uint32_t holder, uint32_t chain,
                      struct plan *plan); /* this one */
/* A gang over several looks at each chain once, where the first of the holder's allotments is on it. */
bool plan_is_first_of_chain(const struct dure_core *core, uint32_t holder, uint32_t allot);
/* On the healthy leaves of a damaged cell, which serves a suspended right. */
bool plan_served(struct dure_core *core, const struct request *ask, uint32_t holder, struct plan *plan);
/* Where the holder's own work of lower priority stands: lowest priority first, then the youngest. */
bool plan_by_priority(struct dure_core *core, const struct request *ask, uint32_t holder, struct plan *plan);
/* May its tasks stand on several allotments? And how many tasks has one of them room for, now or ever. */
bool plan_may_span(const struct dure_core *core, const struct request *ask, uint32_t chain);
uint32_t plan_room(const struct dure_core *core, const struct allot *allot, const struct request *ask, bool ever);
/* Could the holder's allotments on this chain, taken together, ever carry it? */
bool plan_suits_together(const struct dure_core *core, const struct request *ask, uint32_t chain);
