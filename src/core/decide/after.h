#pragma once
/* What applying a record leaves behind for the decisions that follow from it, in the order in which it came up. Collected only during a
 * step (replay decides nothing), and empty between steps. */
#include "core/state/state.h"

enum after_kind {
    AFTER_DOOMED, /* a job whose dependency can never be met: its id */
    AFTER_DEMOTED, /* an attempt that lost its rights: its id; with AFTER_TAKEN_OVER where another right has its cells now */
    AFTER_SPARED, /* an attempt whose preemptor went: its id */
    AFTER_EMPTY,  /* allotment << 32 | virtual cell that may be empty now */
    AFTER_NODE,   /* a draining node without work: its id */
    AFTER_READY,  /* a claim whose leaves are all free: its DURE_RUN_KEY */
    AFTER_UNPLAN, /* a job whose planned start cannot be kept: its id | cause << 56 */
    AFTER_KINDS
};

enum { AFTER_CAUSE_SHIFT = 56 };
#define AFTER_TAKEN_OVER (UINT64_C(1) << 63)

void after_add(struct dure_core *core, enum after_kind kind, uint64_t what);
/* Takes the oldest; false: none. */
bool after_take(struct dure_core *core, enum after_kind kind, uint64_t *ret_what);
void after_clear(struct dure_core *core);

/* The place of a claim is given up: its element is pending again. */
void after_give_up_claim(struct dure_core *core, uint32_t claim);
