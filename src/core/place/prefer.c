#include "core/place/prefer.h"

static uint64_t rank_of(const struct dure_core *core, const struct request *ask, uint32_t model)
{
    if (DURE_CORE_MUTATED(ORDER_IGNORED))
        return 0;
    if (ask->model_order)
        return dure_job_model_rank(ask->model_order, (struct dure_gpu_model_id){model});
    return core->fleet->models[model].memory_mib;
}

/* The lowest rank >= from among the models it accepts. */
static bool lowest(const struct dure_core *core, const struct request *ask, uint64_t from, uint64_t *ret_rank)
{
    bool found = false;
    for (uint32_t model = 0; model < core->fleet->model_count; model++) {
        const uint64_t rank = rank_of(core, ask, model);
        if ((ask->model_mask && !(ask->model_mask >> model & 1)) || rank < from || (found && rank >= *ret_rank))
            continue;
        *ret_rank = rank;
        found = true;
    }
    return found;
}

struct prefer prefer_lowest(const struct dure_core *core, const struct request *ask)
{
    const bool one_model = ask->model_mask && !(ask->model_mask & (ask->model_mask - 1));
    struct prefer prefer = {.ordered = !one_model};
    if (prefer.ordered)
        prefer.ordered = lowest(core, ask, ask->model_order ? 0 : ask->gpu_memory_mib, &prefer.rank);
    return prefer;
}

bool prefer_higher(const struct dure_core *core, const struct request *ask, struct prefer *prefer)
{
    return lowest(core, ask, prefer->rank + 1, &prefer->rank);
}

bool prefer_is(const struct dure_core *core, const struct request *ask, const struct prefer *prefer, uint32_t chain)
{
    return rank_of(core, ask, core->fleet->chains[chain].model.v) == prefer->rank;
}
