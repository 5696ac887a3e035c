#pragma once
/* The experiment of Muri (SIGCOMM 2022): jobs of a trace on nodes of equal size, stopped and started anew at every arrival, completion and change of order,
 * each stop and start at a cost; what counts is when each job is done. */
#include "sim/policy/order.h"
#include "sim/trace/muri.h"

enum { DURE_TURNS_NODES_MAX = 100000, DURE_TURNS_GPUS_MAX = 1024 };

struct dure_turns_result {
    double avg_jct_s, makespan_s, p99_jct_s;
    uint32_t jobs;
    uint64_t events, preemptions;
};

/* E_NEVER: a job that asks for more GPUs than there are; E_MEMORY. `trace` is read only. */
DURE_NODISCARD enum dure_err dure_turns_play(const struct dure_muri *trace, uint32_t nodes, uint32_t gpus,
                                             const struct dure_turn_policy *policy,
                                             struct dure_turns_result *ret_result, struct dure_error *error);
/* Seconds that a start costs, of which the trace's authors charge one at every event. */
double dure_turns_overhead_s(enum dure_muri_model model, uint32_t gpus);
