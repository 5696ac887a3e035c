#pragma once
/* Prices of holes: what is left of a GPU that fractions share, priced by the work that is expected to fill it. Worked out beside the core
 * (advise/shared.h) and given to it as a record, so that replay needs nobody who works them out. */
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    DURE_HOLE_MILLI = 10,                    /* holes are priced in steps of this, rounded down */
    DURE_HOLES = 1000 / DURE_HOLE_MILLI + 1, /* 0, 10, ... 1000 milli left */
    DURE_HOLE_UGPU_MAX = 1000000,            /* no hole is worth more than a GPU */
};

struct dure_prices {
    uint32_t hole_ugpu[DURE_HOLES]; /* 0 for nothing left; more room is never worth less */
};

/* What is lost when `take_milli` <= `left_milli` is taken of a GPU of which `left_milli` <= 1000 is left. */
static inline uint32_t dure_prices_loss(const struct dure_prices *prices, uint32_t left_milli, uint32_t take_milli)
{
    return prices->hole_ugpu[left_milli / DURE_HOLE_MILLI] -
           prices->hole_ugpu[(left_milli - take_milli) / DURE_HOLE_MILLI];
}

/* JSON: a list of DURE_HOLES whole numbers. */
void dure_prices_write(const struct dure_prices *prices, struct dure_buf *buf);
/* E_INVALID names the entry, what was found and what is expected. */
DURE_NODISCARD enum dure_err dure_prices_read(const char *json, size_t length, struct dure_prices *ret_prices,
                                              struct dure_error *error);
