#pragma once
/* Power and data as feasibility: what may be used at all, whoever asks.
 *
 * Power is worst case: each GPU counts with its share of its node's declared power, whatever it draws. A GPU that its domains cannot feed is
 * *dark*: lost to the cells as if it were down (so that the invariant, suspension and the index need no rule of their own), and named as what
 * it is wherever it is shown. For each domain: power of the GPUs that are neither dark nor lost <= the least limit from now to a lead ahead;
 * and that with the power of work still to leave dark ones <= the limit of now, or nothing in the domain is idle that is not dark. GPUs that work
 * outside dure uses draw and are never dark, so where it alone draws too much, nothing else of the domain is lit.
 *
 * Data: a chain whose site a dataset of the job forbids is no candidate; see rule_hardware. Here are the predicates of both, one by one, for
 * `why`, and what an allotment must pass. */
#include "core/place/rules.h"
#include "core/state/state.h"

void gate_release(struct dure_core *core);
/* Tables anew, after the fleet or the limits changed. */
void gate_rebuild(struct dure_core *core);
/* Time moved: has a limit changed by it? */
void gate_advance(struct dure_core *core);
/* What a node draws, or may, has changed: after every change of its state, its dark GPUs, its work or its claims. Where a limit may not hold any
 * more, or may let something come back, decide_power looks. */
void gate_recount(struct dure_core *core, uint32_t node);
/* The first node of the chain, counted inside it, at or after `from` that is in the set; NONE. */
uint32_t gate_next(const struct dure_core *core, const struct dure_bits *set, uint32_t chain, uint32_t from);
/* There, and neither down nor drained: what still runs on a draining node is fed, and so may what runs on one that is away. */
bool gate_feeds(const struct node_data *node);

/* Rows and records. */
enum dure_err spec_power(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error);
enum dure_err spec_data(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error);
void gate_install_power(struct dure_core *core, struct dure_power *power);
void gate_install_data(struct dure_core *core, struct dure_data *data);
enum dure_err apply_power_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error);

/* Which GPUs go dark and which come back, and who is warned because of it, until every limit holds. Without effect when all hold. */
void decide_power(struct dure_core *core);
void gate_warn(struct dure_core *core); /* what stands on dark GPUs: a part of the above */
/* Work that a data rule now forbids where it runs is warned. */
void decide_data(struct dure_core *core);
/* Does the attempt stand on a dark GPU? */
bool gate_is_dark(const struct dure_core *core, const struct attempt *attempt);

/* Can every right be fed at worst case, those just accepted in the cells among them (rows `first`..), at every instant? E_SHORT with figures. */
enum dure_err gate_admit(struct dure_core *core, const struct dure_allotment *rows, uint32_t count,
                         struct dure_error *error);
/* Is it dark GPUs alone that leave no cells for this row? Then why, in `error`. */
bool gate_explains(struct dure_core *core, const struct dure_allotment *row, const struct dure_cells_right *right,
                   struct dure_error *error);

/* ---- by themselves: FITS, or the rule with figures ---- */

/* The sites that the job's datasets allow. need/have are unused; `dataset` (may be NULL) names the one that forbids. */
struct verdict gate_data(const struct dure_core *core, const struct request *ask, uint32_t chain, const char **dataset);
/* Could a domain of this chain ever feed the job? In kW. */
struct verdict gate_power_ever(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* What keeps so many more GPUs of the chain from being fed and idle: the limit that is too low by most, by how much, and how many others are.
 * All that would come back before them is counted in. False: power alone does not keep them. */
struct gate_shortage {
    uint64_t mw;
    uint32_t domain, others;
};
bool gate_short_of(const struct dure_core *core, uint32_t chain, uint64_t gpus, struct gate_shortage *ret_shortage);
/* Is a power limit alone what the chain's cells have lost GPUs to? */
bool gate_all_dark(const struct dure_core *core, uint32_t chain);
/* Can the gang be alone in its nodes or its rack here? */
struct verdict gate_neighbours(const struct dure_core *core, const struct request *ask, uint32_t chain);

/* ---- forbidden neighbours ---- */

/* The dataset that it is kept from a chain for by neighbours; NONE. */
uint32_t gate_neighbours_dataset(struct dure_core *core, const struct request *ask, uint32_t chain);
enum dure_data_level gate_alone(const struct dure_core *core, const struct request *ask);
/* A gang in terms of a field becomes one of whole nodes, or of one whole rack, where it must be alone. False: it cannot be. */
bool gate_widen(const struct dure_core *core, const struct request *ask, uint32_t chain, struct dure_ask *gang);
uint32_t gate_tasks_a_node(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* A right inside a node (a rack) leaves the rest of it to others: it cannot carry what must be alone there. */
bool gate_right_suits(const struct dure_core *core, const struct request *ask, const struct allot *allot);

/* The domains of one node, inner first; DURE_NONE32 ends. `at` begins at 0. */
uint32_t gate_domain_next(const struct dure_core *core, uint32_t chain, uint32_t node_in_chain, unsigned *at);
uint32_t gate_domain_of_site(const struct dure_core *core, uint32_t site); /* NONE: no limit */
/* The innermost domain over a node that could not feed one GPU more; "" if all could. */
void gate_keeper_name(const struct dure_core *core, uint32_t chain, uint32_t node_in_chain,
                      char name[DURE_POWER_NAME_MAX]);
uint64_t gate_limit_now(const struct dure_core *core, uint32_t domain);
/* The limit that the domain is kept to now: the least from now to a lead ahead. */
uint64_t gate_limit_kept(const struct dure_core *core, uint32_t domain);
