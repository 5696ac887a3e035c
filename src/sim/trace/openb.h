#pragma once
/* Alibaba's openb traces (gpu-v2023): a file of nodes (sn, cpu_milli, memory_mib, gpu, model) and one of pods (name, cpu_milli, memory_mib,
 * num_gpu, gpu_milli, gpu_spec). Other columns, times among them, are not read. The traces own their memory. */
#include "sim/trace/table.h"

/* gpu-v2023's nodes have 8 GPUs at most; models get numbers in the order in which they are met. */
enum {
    DURE_OPENB_GPUS_MAX = 16,
    DURE_OPENB_MODELS_MAX = 64,
    DURE_OPENB_NODES_MAX = 1000000,
    DURE_OPENB_PODS_MAX = 20000000
};

struct dure_openb_node {
    int64_t cpu_milli, memory_mib;
    uint32_t gpus;
    uint32_t model; /* a number of `models`; of a node without GPUs: DURE_OPENB_MODELS_MAX */
};

struct dure_openb_pod {
    const char *name;
    int64_t cpu_milli, memory_mib;
    uint32_t gpus;      /* 0: CPU alone */
    uint32_t gpu_milli; /* of each GPU; 1000 unless the pod shares one */
    uint64_t models;    /* bits of the models it accepts; all: any. A model that no node has adds no bit */
};

struct dure_openb {
    struct dure_arena *arena;
    struct dure_openb_node *nodes;
    uint32_t node_count;
    struct dure_openb_pod *pods;
    uint32_t pod_count;
    const char *models[DURE_OPENB_MODELS_MAX];
    uint32_t model_count;
    struct dure_trace_report node_report, pod_report;
};

/* Reads both files. `trace` must be zeroed but for the reports' `strict`; release it also after a failure. A trace without a good node or pod is E_INVALID. */
DURE_NODISCARD enum dure_err dure_openb_read(struct dure_openb *trace, const char *nodes, const char *pods,
                                             struct dure_error *error);
/* From memory; the names are for messages. */
DURE_NODISCARD enum dure_err dure_openb_parse_nodes(struct dure_openb *trace, const char *file, const char *text,
                                                    size_t length, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_openb_parse_pods(struct dure_openb *trace, const char *file, const char *text,
                                                   size_t length, struct dure_error *error);
void dure_openb_release(struct dure_openb *trace);
