#pragma once
/* Where a request may borrow at all: the chains that suit it and whose owners lend to it with notice enough, least promised first.
 *
 * The answer changes only with the fleet, the tenants, the allotments and the calendar of lending, so it is kept for the requests asked last; what
 * is kept decides nothing by itself. */
#include "core/state/state.h"

enum { LENDERS_KEPT = 4096, LENDER_HAS_LEVEL = 0x40000000 };

struct lenders {
    struct request ask;
    uint64_t stamp;   /* core->lenders_stamp when this was found; 0: nothing kept */
    int64_t until_us; /* the next moment at which some lending begins or ends */
    uint32_t count, capacity;
    uint32_t *chains; /* LENDER_HAS_LEVEL: this chain has the level that the request names */
};

/* Valid until the next call. */
const struct lenders *lenders_of(struct dure_core *core, const struct request *ask);
void lenders_release(struct dure_core *core);
