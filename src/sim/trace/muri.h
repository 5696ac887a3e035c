#pragma once
/* Muri's traces (SIGCOMM 2022): job_id, num_gpu, submit_time (ms), iterations, model_name, iteration_time (ms). Other columns are not read. */
#include "sim/trace/table.h"

enum { DURE_MURI_JOBS_MAX = 1000000 };

/* Models whose start costs are known; every other costs the same. */
enum dure_muri_model {
    DURE_MURI_OTHER,
    DURE_MURI_VGG16,
    DURE_MURI_VGG19,
    DURE_MURI_RESNET18,
    DURE_MURI_SHUFFLENET,
    DURE_MURI_BERT,
    DURE_MURI_GPT2,
    DURE_MURI_A2C,
    DURE_MURI_DQN,
    DURE_MURI_MODELS,
};

struct dure_muri_job {
    double submit_s, iterations, iteration_ms;
    uint32_t gpus;
    enum dure_muri_model model;
};

struct dure_muri {
    struct dure_muri_job *jobs; /* in the file's order */
    uint32_t count;
    struct dure_trace_report report;
};

/* `trace` must be zeroed but for `report.strict`; release it also after a failure. E_INVALID too when no row is good. */
DURE_NODISCARD enum dure_err dure_muri_read(struct dure_muri *trace, const char *path, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_muri_parse(struct dure_muri *trace, const char *file, const char *text, size_t length,
                                             struct dure_error *error);
void dure_muri_release(struct dure_muri *trace);
