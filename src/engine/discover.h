#pragma once
/* What this machine is: hwloc for processors and memory, NVML (in a child with a deadline: calls can hang for ever) for GPUs. */
#include "base/buf.h"
#include "base/err.h"

struct dure_machine_gpu { char name[96]; char uuid[80]; uint32_t memory_mib; uint32_t power_mw; };
struct dure_machine {
    char hostname[256];
    uint32_t cpu_count;
    uint64_t memory_mib;
    uint64_t disk_mib;
    uint32_t gpu_count;
    struct dure_machine_gpu gpus[64];
    char nvml_note[256]; /* why there are none, or "" */
};
DURE_NODISCARD enum dure_err dure_machine_discover(struct dure_machine *ret_machine, struct dure_error *error);
/* A Fleet spec (YAML) of this machine alone; with `virtual_gpus` > 0 and no GPU, so many virtual ones, labelled so. */
void dure_machine_fleet_yaml(const struct dure_machine *machine, uint32_t virtual_gpus, struct dure_buf *yaml);
