#pragma once
/* The order in which a request would have the GPU models: as its list of models says; without one, a request that asks for memory takes the
 * least that is enough, so that work for 80 GiB does not stand on 180 GiB while an 80 GiB GPU is free; else no order. */
#include "core/state/state.h"

/* Ranks of models for one request, lowest first. Without an order there is one rank for all. */
struct prefer {
    bool ordered;
    uint64_t rank; /* at hand */
};
struct prefer prefer_lowest(const struct dure_core *core, const struct request *ask);
bool prefer_higher(const struct dure_core *core, const struct request *ask, struct prefer *prefer);
bool prefer_is(const struct dure_core *core, const struct request *ask, const struct prefer *prefer, uint32_t chain);

static inline struct prefer prefer_first(const struct dure_core *core, const struct request *ask)
{
    return ask->model_order || ask->gpu_memory_mib ? prefer_lowest(core, ask) : (struct prefer){0};
}
/* O(models) */
static inline bool prefer_next(const struct dure_core *core, const struct request *ask, struct prefer *prefer)
{
    return prefer->ordered && prefer_higher(core, ask, prefer);
}
static inline bool prefer_has(const struct dure_core *core, const struct request *ask, const struct prefer *prefer,
                              uint32_t chain)
{
    return !prefer->ordered || prefer_is(core, ask, prefer, chain);
}
