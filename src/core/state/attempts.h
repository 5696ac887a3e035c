#pragma once
/* Attempts and claims in the core's memory. */
#include "core/state/state.h"

void attempt_out(struct dure_core *core, const struct attempt *attempt);
void attempt_in(struct dure_core *core, const struct attempt *attempt);
struct dure_digest attempt_lists_hash(uint64_t owner, const struct dure_place *places, uint32_t place_count,
                                      const struct dure_binding *bindings, uint32_t binding_count);
/* It ends or changes soon: it starts on its way from memory; once it is there, its job and the rest that goes with it. */
void attempt_fetch(const struct dure_core *core, uint32_t slot);
void attempt_fetch_around(const struct dure_core *core, uint32_t slot);
uint32_t attempt_find(const struct dure_core *core, uint64_t id);
uint32_t attempt_of(const struct dure_core *core, uint32_t job_slot,
                    uint32_t ordinal); /* the live attempt of an element; NONE */
/* Copies places and bindings (their counts stand in the data). */
uint32_t attempt_add(struct dure_core *core, uint32_t job_slot, const struct attempt_data *data,
                     const struct dure_place *places, const struct dure_binding *bindings);
void attempt_drop(struct dure_core *core, uint32_t slot);
/* Asserts that the move is allowed, and what holds of an attempt before and after. `deadline_us` while warned; else 0. */
void attempt_to(struct dure_core *core, uint32_t slot, enum dure_attempt_state state, enum dure_cause cause,
                int64_t deadline_us);
void attempt_rewall(struct dure_core *core, uint32_t slot, int64_t walltime_end_us); /* its walltime is another */
/* One of its cells is now another right's. */
void attempt_rebind(struct dure_core *core, uint32_t slot, uint32_t binding, uint32_t allot, uint32_t index);
/* Nothing of lower priority than its floor runs by an allotment: after an attempt came to run by it, or has another priority. */
void attempt_lower_floors(struct dure_core *core, uint32_t slot);
void attempt_unbind(struct dure_core *core, uint32_t slot); /* it holds no rights any more: borrowed from here on */

uint32_t claim_of(const struct dure_core *core, uint32_t job_slot, uint32_t ordinal);
uint32_t claim_add(struct dure_core *core, uint32_t job_slot, const struct claim_data *data,
                   const struct dure_place *places, const struct dure_binding *bindings);
void claim_drop(struct dure_core *core, uint32_t slot);
void claim_digest_all(const struct dure_core *core, struct dure_digest *sum);
void attempt_digest_all(const struct dure_core *core, struct dure_digest *sum);
