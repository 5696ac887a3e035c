#pragma once
/* NVML, found at run time by dlopen, with our own declarations. Any call may hang for ever: only programs with a deadline on them may call this
 * (dure-minder --gpus, and the watching child of a minder). Not thread-safe. */
#include "engine/discover.h"

struct dure_nvml;

/* `library`: NULL or "" = libnvidia-ml.so.1. On failure `note` says why in a person's words. */
struct dure_nvml *dure_nvml_open(const char *library, char *note, size_t note_size);
void dure_nvml_close(struct dure_nvml *nvml);
uint32_t dure_nvml_count(const struct dure_nvml *nvml);
bool dure_nvml_gpu(struct dure_nvml *nvml, uint32_t index, struct dure_machine_gpu *ret_gpu);

/* One reading of a GPU by its UUID. False: no such GPU, or nothing can be read. */
struct dure_nvml_reading {
    uint32_t busy_percent;
    uint64_t memory_used_mib;
    uint64_t energy_mj; /* since the driver was loaded; 0: the GPU does not count it */
};
bool dure_nvml_read(struct dure_nvml *nvml, const char *uuid, struct dure_nvml_reading *ret_reading);
