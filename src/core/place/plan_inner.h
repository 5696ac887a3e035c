#pragma once
/* What the files of plans share. */
#include "core/place/plan.h"
#include "core/place/rules.h"

struct limits;

/* Room for one whole task, and GPUs for all: without, nothing else has to be looked at. */
static inline bool plan_has_slot(const struct dure_slots *slots, const struct request *ask)
{
    return ask->task_gpus <= slots->gpus && dure_slots_any(slots, ask->task_gpus) &&
           slots->idle_total >= request_gpus(ask);
}

/* plan_lent.c. Takes on the chain as places. */
void plan_realise_chain(struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t tasks,
                        const struct dure_takes *takes, struct plan *plan);

/* plan_shared.c. Fills the tenant's open shared GPUs, tightest first; says how many tasks are left. `limits` may be NULL; told by hardware or by the
 * place in the private cluster. */
uint32_t plan_fill_shared(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t allot,
                          struct limits *limits, bool by_hardware, struct plan *plan);
/* Fractions onto the GPUs of a take, which begin at `leaf` and which nobody shares yet: as many as it says, or else of all that are left. */
void plan_place_fractions(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t leaf,
                          const struct dure_take *take, uint32_t per_gpu, uint32_t *tasks, struct plan *plan);
