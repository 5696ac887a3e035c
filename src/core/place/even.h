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

/* The next shape of a gang for which even_chooses: fewer tasks a node than it has now; with 0, as it was asked for, the most that go into one. False:
 * there is none. */
bool even_next(const struct dure_core *core, uint32_t chain, struct request *shape);

/* May the gang stand on more than one part of this right? Where parts are smaller than nodes, some may come to lie on one node and some alone. */
bool even_spans(const struct dure_core *core, const struct allot *allot);
