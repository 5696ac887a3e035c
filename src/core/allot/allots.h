#pragma once
/* Promises: granting, starting, cutting down and ending allotments; who holds rights; who lends to whom. */
#include "core/state/state.h"

/* Accepts all rows or none. With `dry` nothing is kept. A row that is over is refused, or with `over_too` kept as ended:
 * it has its id and no rights. E_SHORT with figures, E_STATE, E_LIMIT. */
DURE_NODISCARD enum dure_err allots_grant(struct dure_core *core, const struct dure_allotment *rows, uint32_t count,
                                          bool over_too, bool dry, struct dure_error *error);
void allots_free(struct dure_core *core);
/* A granted row as it is loaded: the cells know it already. */
void allots_load(struct dure_core *core, const struct dure_allotment *spec, unsigned state, uint32_t cells);
/* Its start: cells may be bound. */
void allots_start(struct dure_core *core, uint32_t allot);
/* Keeps `stay` cells; 0 ends it. What runs on cells that go becomes borrowed, and is handed to `demoted`; claims there are given up. */
void allots_cut(struct dure_core *core, uint32_t allot, uint32_t stay);
/* Has the attempt the virtual cell that the event is about? */
bool allots_holds(const struct attempt *attempt, const struct dure_cells_event *event);
/* What leaving it `stay` cells would do now, in words. E_SHORT and so on as the cells have it. */
DURE_NODISCARD enum dure_err allots_effect(struct dure_core *core, uint32_t allot, uint32_t stay,
                                           struct dure_buf *ret_text, struct dure_error *error);
void allots_set_state(struct dure_core *core, uint32_t allot, unsigned state);
struct dure_digest allots_hash(const struct allot *allot, uint32_t id);
uint32_t allots_find(const struct dure_core *core, const char *name); /* not an ended one; NONE */
/* Who holds for whom, after allotments came or went: everybody may queue elsewhere. */
void allots_rehold(struct dure_core *core);
/* Chains in the order in which borrowed work uses them. */
void allots_order_chains(struct dure_core *core);

/* use.c: what was used by right of it. An attempt's use begins when it takes cells (or another right takes them over) and ends when it leaves. */
void allot_use_begin(struct dure_core *core, const struct attempt *attempt);
void allot_use_end(struct dure_core *core, const struct attempt *attempt);
void allot_use_active(struct dure_core *core, uint32_t allot); /* it has begun */
void allot_use_set(struct dure_core *core, uint32_t allot, const struct allot_use *use);
uint64_t allot_use_gpu_us(const struct dure_core *core, uint32_t allot); /* up to now */
struct dure_digest allot_use_hash(const struct allot *allot, uint32_t id);

/* Does the chain's owner lend to this tenant now, and with what notice? `ever`: at any time by the terms in force. */
bool lend_terms(const struct dure_core *core, uint32_t chain, uint32_t tenant, bool ever, int64_t *ret_notice_us);
/* May an attempt that has lost its right go on as borrowed where it stands? Where the owner lends to its tenant, with notice enough. */
bool lend_keeps(const struct dure_core *core, uint32_t attempt);

/* The next moment at which hardware arrives, an allotment begins or ends, or lending terms begin or end. */
int64_t world_next(const struct dure_core *core);
