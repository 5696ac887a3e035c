#pragma once
/* Kinds of work and how they mix. All figures are assumed: shaped after what published traces show (many small and short jobs, most GPU time in few
 * large and long ones), not taken from one. */
#include <stdint.h>

#include "sim/make/make.h"

enum { KIND_COUNT = 8, KIND_SIZES = 11, KIND_KNOTS = 10 };

enum hours { HOURS_FLAT, HOURS_OFFICE, HOURS_NIGHT };

struct kind {
    const char *name;
    uint16_t sizes[KIND_SIZES]; /* weight of 1, 2, 4 ... 1024 GPUs */
    uint32_t
        seconds[KIND_KNOTS]; /* least, then the 10th, 25th, 50th, 75th, 90th, 95th, 99th, 99.9th of a hundred, most */
    uint16_t borrowed_per_mille;
    uint16_t checkpoint_minutes; /* 0: it keeps nothing */
    enum hours hours;
};

extern const uint32_t knot_shares[KIND_KNOTS]; /* per 100,000 */
extern const struct kind kinds[KIND_COUNT];
extern const uint16_t mix_weights[DURE_MIX_COUNT][KIND_COUNT];
uint32_t hour_weight(enum hours hours, unsigned weekday, unsigned hour); /* 0 = Monday; 100 on average */
