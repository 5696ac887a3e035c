#pragma once
/* The experiment of "Beware of Fragmentation" (USENIX ATC 2023): a trace's tasks, shuffled and drawn again up to 1.3 times the fleet's GPUs, arrive one at a
 * time; nothing departs; what fits nowhere is dropped. The figure is the mean of GPUs allocated, in percent, over the arrivals at which the GPUs asked
 * for so far round to 100 percent of the fleet (where a task is too large a step for that: at the first arrival beyond). */
#include "sim/policy/place.h"
#include "sim/trace/openb.h"

struct dure_packing {
    struct dure_score_node *nodes;
    uint32_t node_count;
    struct dure_work work;
    struct dure_score_shape *shapes;
    uint32_t *pod_shapes; /* of each pod, sorted by name */
    uint32_t pod_count;
    int64_t gpu_milli; /* of the fleet */
};

/* Copies what it needs of the trace. E_LIMIT: over 1,024 classes of nodes. E_INVALID: no GPU, or no pod that asks for one. */
DURE_NODISCARD enum dure_err dure_packing_init(struct dure_packing *packing, const struct dure_openb *trace,
                                               struct dure_error *error);
void dure_packing_release(struct dure_packing *packing);

struct dure_packing_run {
    const struct dure_place_policy *policy;
    enum dure_tie tie;
    uint64_t seed;
    uint64_t rank_seed; /* the nodes' names: `seed` unless naming itself is studied */
    double percent;     /* results from here on: GPUs allocated, mean at 100 percent arrived */
    uint32_t tasks, dropped;
    double us_per_decision;
    uint64_t digest; /* of every decision in order */
};
DURE_NODISCARD enum dure_err dure_packing_play(const struct dure_packing *packing, struct dure_packing_run *run);

/* The mean over seeds. `told` (may be NULL) is called before each run; false from it ends the study. */
struct dure_packing_study {
    const struct dure_place_policy *policy;
    enum dure_tie tie;
    uint64_t seed_first, seed_last;
    bool (*told)(void *context, uint64_t seed);
    void *context;
    double mean_percent, sd_percent, us_per_decision; /* results from here on */
    uint32_t runs, tasks, dropped;                    /* of the last two: the mean */
};
DURE_NODISCARD enum dure_err dure_packing_study(const struct dure_packing *packing, struct dure_packing_study *study);

/* For experiments on the same trace: streams of one seed that do not meet, ranks for a field's nodes, processor time. */
enum { DURE_PACKING_TASKS, DURE_PACKING_RANKS, DURE_PACKING_POLICY };
enum { DURE_PACKING_TASKS_MAX = 100000000 };
uint64_t dure_packing_stream(uint64_t seed, uint64_t number);
DURE_NODISCARD enum dure_err dure_packing_rank(const struct dure_packing *packing, struct dure_field *field,
                                               uint64_t seed);
int64_t dure_packing_gpu_milli(const struct dure_packing *packing, uint32_t shape);
int64_t dure_packing_clock_ns(void);

/* The tasks of a seed, as shapes in their order of arrival; the caller frees *ret_tasks. */
DURE_NODISCARD enum dure_err dure_packing_tasks(const struct dure_packing *packing, uint64_t seed, uint32_t **ret_tasks,
                                                uint32_t *ret_count);
