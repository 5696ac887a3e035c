#pragma once
/* Other schedulers on the same jobs and the same fleet, measured by the same meters (run/inner.h): an order (policy/order.h) and a placement
 * (policy/place.h) in place of the core.
 *
 * What they know: GPUs, CPU, memory, levels of gangs, failures of nodes, and whose machines a tenant may use (its own, those promised to it or to those
 * above or below it, those lent to it, as the rules stand when the run begins). What they do not: cells, power, data, notice. A gang stays with one
 * owner's machines of one model at one site. Orders that go by length know it exactly; backfill goes by walltime. Who is stopped for another keeps
 * what it has done, as in the papers. In all else a run is as dure_sim_run makes it: deterministic, of the same options. Times in the orders' keys are
 * floats of + - * / alone. Limits: 4,000,000 jobs, 64 kinds of machines (owner, site and model), 16 GPUs a node. */
#include "sim/run/sim.h"

struct dure_turn_policy;  /* policy/order.h */
struct dure_place_policy; /* policy/place.h */

enum { DURE_RIVAL_JOBS_MAX = 4000000, DURE_RIVAL_KINDS_MAX = 64, DURE_RIVAL_NAME_MAX = 40 };

struct dure_rival {
    const struct dure_turn_policy *order; /* NULL: the core itself, whole */
    const struct dure_place_policy *place;
    /* Each tenant with allotments has a quota of as many GPUs, of each kind of machine; by right up to the quota, all else on what is idle; borrowed work
     * goes, youngest first, until enough is idle by count. No cells. The order is then by priority and age. */
    bool quotas;
};

struct dure_rival dure_rival_by_quotas(void); /* by age, placed by BestFit */
/* "fifo", "BestFit", "easy+fgd", "dure", in any case: an order alone places by BestFit, a placement alone goes in EASY's order, "dure" is the core. E_NOT_FOUND lists
 * those there are; E_INVALID: dure's order with another's placement. `name`: as it is shown. */
DURE_NODISCARD enum dure_err dure_rival_parse(const char *text, size_t length, struct dure_rival *ret_rival,
                                              char name[DURE_RIVAL_NAME_MAX], struct dure_error *error);

/* As dure_sim_run. E_UNSUPPORTED: power limits, datasets, a journal to keep. A core that the options give is taken over: what runs there goes on, what waits
 * is placed anew; what these schedulers do not know (lists of nodes, spreads, dependencies, holds) is left aside. */
DURE_NODISCARD enum dure_err dure_rival_run(const struct dure_rival *rival, const struct dure_sim_options *options,
                                            struct dure_sim_result *ret_result, struct dure_error *error);
