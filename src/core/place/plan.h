#pragma once
/* A place found for one gang, before it is decided: where, and by which rights. Pure: finding one changes nothing. A plan begins as zeroes, owns its
 * memory, and is filled again and again. */
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
uint32_t plan_milli(const struct plan *plan);                 /* GPU-milli that it takes */

/* ---- plan_right.c: by the holder's rights, in its private cluster ---- */

bool plan_guaranteed(struct dure_core *core, const struct request *ask, struct plan *plan);
bool plan_allot(struct dure_core *core, const struct request *ask, uint32_t allot, bool leveled,
                struct plan *plan); /* in this one, whatever its terms */
/* Could this allotment ever carry it? (hardware rules and size) May it be used for it now? */
bool plan_suits(const struct dure_core *core, const struct request *ask, const struct allot *allot);
bool plan_may_use(const struct dure_core *core, const struct request *ask, uint32_t allot);
/* Takes in it as places, with the cells that they bind; false: one may not be bound. */
bool plan_realise(struct dure_core *core, const struct request *ask, uint32_t allot, uint32_t tasks,
                  const struct dure_takes *takes, struct plan *plan);

/* ---- plan_lent.c: on idle GPUs that their owners lend ---- */

bool plan_borrowed(struct dure_core *core, const struct request *ask, struct plan *plan);
bool plan_chain(struct dure_core *core, const struct request *ask, uint32_t chain, bool leveled,
                struct plan *plan); /* on this one, whatever its terms */

/* ---- how one is put together ---- */

void plan_add_place(struct plan *plan, struct dure_place place);
struct dure_binding *plan_add_binding(struct plan *plan, struct dure_binding binding);
struct dure_binding *plan_find_binding(const struct plan *plan, uint32_t allot, uint32_t index); /* NULL: none yet */
void plan_note_fresh(struct plan *plan, struct dure_binding binding);
bool plan_is_fresh(const struct plan *plan, uint32_t allot, uint32_t index);
void plan_forget_fresh(struct dure_core *core, struct plan *plan); /* after the rollback */
/* At last: sorted by node; parts of one node and runs of equal nodes become one place. */
void plan_tidy(struct plan *plan);
