#pragma once
/* On nodes that a Slurm runs a gang of whole GPUs lies evenly, the same number of tasks on each of its nodes: nothing else can be said to Slurm in
 * one job, and what it cannot be told it settles itself, on GPUs that may be kept for somebody else. A gang that does not say how many is tried with
 * each number that divides its tasks, the most first, exactly as though it had asked for that one; the first that has room is its place. */
#include "core/state/state.h"

static inline bool even_is_chain(const struct dure_core *core, uint32_t chain)
{
    return core->fleet->sites[core->fleet->chains[chain].site.v].engine == DURE_ENGINE_SLURM &&
           !DURE_CORE_MUTATED(EVEN_FORGOTTEN);
}

/* Has the core to choose how many of its tasks a node gets? */
static inline bool even_chooses(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return ask->tasks > 1 && !ask->tasks_per_node && ask->task_gpu_milli == 1000 && even_is_chain(core, chain);
}

/* The same gang with fewer tasks a node than `from`, in `own`, which may be `from`; of one that does not say how many, with the most that go into a node.
 * NULL: there is none. */
const struct request *even_fewer(const struct dure_core *core, const struct request *from, uint32_t chain,
                                 struct request *own);

/* The shapes in which a request is tried on a chain, one after the other until NULL: as it asks, or where even_chooses each of the others, in `own`. */
static inline const struct request *even_first(const struct dure_core *core, const struct request *ask, uint32_t chain,
                                               struct request *own)
{
    return even_chooses(core, ask, chain) ? even_fewer(core, ask, chain, own) : ask;
}

static inline const struct request *even_next(const struct dure_core *core, const struct request *shape, uint32_t chain,
                                              struct request *own)
{
    return shape == own ? even_fewer(core, own, chain, own) : NULL;
}

/* May the gang stand on more than one part of this right? Where parts are smaller than nodes, some may come to lie on one node and some alone. */
bool even_spans(const struct dure_core *core, const struct allot *allot);
