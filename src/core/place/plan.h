#pragma once
/* A place found for one gang, before it is decided: where, and by which rights. Pure: finding one changes nothing. */
#include "core/state/state.h"

struct plan {
    uint32_t chain, allot; /* allot NONE: borrowed */
    struct dure_place *places;
    uint32_t place_count, place_capacity;
    struct dure_binding *bindings;
    uint32_t binding_count, binding_capacity;
    bool serves; /* this virtual cell is suspended, and bound to a damaged cell by this plan */
    uint32_t served_index;
    struct dure_binding *fresh; /* bound for the trial alone, by place/limited.c; new when the plan uses them */
    uint32_t fresh_count, fresh_capacity;
    bool by_take;  /* the takes say how many fractions each holds */
    bool on_trial; /* cells chosen are taken until the trial is rolled back, so that the next choice sees them */
};

void plan_release(struct plan *plan);
void plan_copy(struct plan *plan, const struct claim *claim); /* the place that a claim holds */
/* By the holder's rights, in its private cluster. */
bool plan_guaranteed(struct dure_core *core, const struct request *ask, struct plan *plan);
/* On idle GPUs that their owners lend. */
bool plan_borrowed(struct dure_core *core, const struct request *ask, struct plan *plan);
/* The two above for one allotment or one chain, whatever its terms. */
bool plan_allot(struct dure_core *core, const struct request *ask, uint32_t allot, bool leveled, struct plan *plan);
bool plan_chain(struct dure_core *core, const struct request *ask, uint32_t chain, bool leveled, struct plan *plan);
/* Could this allotment ever carry it? (hardware rules and size) */
bool plan_suits(const struct dure_core *core, const struct request *ask, const struct allot *allot);
uint32_t plan_milli(const struct plan *plan); /* GPU-milli that it takes */
