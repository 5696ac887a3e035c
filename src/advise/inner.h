#pragma once
/* Between the files of this room. */
#include "advise/prices.h"

/* What asks for GPUs: shares of one in steps of a hole's, then 1, 2, ... whole ones. */
enum { DURE_ADVISE_SHARES = DURE_HOLES - 1, DURE_ADVISE_ITEMS = DURE_ADVISE_SHARES + DURE_SCORE_GPUS_MAX + 1 };

struct dure_advise {
    struct dure_advise_knobs knobs;
    bool warm;                       /* the prices below are of an earlier call */
    double price[DURE_ADVISE_ITEMS]; /* milli-GPU that a task of the item would have to beat */
};

void dure_advise_holes(struct dure_advise *advise, const struct dure_advise_input *input,
                       struct dure_score_prices *prices);
DURE_NODISCARD enum dure_err dure_advise_classes(const struct dure_advise *advise,
                                                 const struct dure_advise_input *input,
                                                 struct dure_score_prices *prices);
