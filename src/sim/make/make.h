#pragma once
/* A seeded generator of work: jobs of several kinds, sizes and lengths with heavy tails, arriving by the hour and the weekday in Korean time, asked for by
 * tenants in proportion to what they were promised (guaranteed) or evenly (borrowed).
 *
 * Every figure of a kind is assumed, and stands in one table (kinds.c). Whole numbers only: the same seed makes the same jobs on every machine.
 * Memory does not grow with the number of jobs. */
#include "sim/run/sim.h"

#define DURE_MIXES(X)                                                                                                  \
    X(TRAINING, "training")                                                                                            \
    X(INFERENCE, "inference") X(STARTUPS, "startups") X(FACTORIES, "factories") X(NATIONAL, "national")

enum dure_mix {
#define X(name, text) DURE_MIX_##name,
    DURE_MIXES(X)
#undef X
        DURE_MIX_COUNT
};
bool dure_mix_find(const char *text, enum dure_mix *ret_mix);
const char *dure_mix_name(enum dure_mix mix);

struct dure_make_options {
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants;
    enum dure_mix mix;
    uint64_t seed;
    int64_t from_us;
    uint32_t days;
    uint64_t jobs; /* 0: as many as the load takes; else lengths are stretched so that so many make the load */
    uint32_t load_per_mille; /* of the GPUs that are there at `from_us` */
};

struct dure_make;
/* E_INVALID: nothing there at that time, or nobody to ask. */
DURE_NODISCARD enum dure_err dure_make_new(const struct dure_make_options *options, struct dure_make **ret_make,
                                           struct dure_error *error);
void dure_make_free(struct dure_make *make);
bool dure_make_next(void *make, struct dure_sim_job *ret_job); /* a dure_sim_next_fn */
uint64_t dure_make_jobs(const struct dure_make *make);         /* how many there will be */
