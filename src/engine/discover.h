#pragma once
/* What this machine is: hwloc for processors and memory, NVML for GPUs. NVML's calls can hang for ever, so they are made by a child
 * (`dure-minder --gpus`) that has a deadline; $DURE_NVML_LIBRARY names another library than the system's. Any thread; blocks. */
#include "base/buf.h"
#include "base/err.h"

enum { DURE_MACHINE_GPUS_MAX = 64, DURE_NVML_DEADLINE_MS = 10000 };

struct dure_machine_gpu {
    char name[96];
    char uuid[80];
    uint32_t memory_mib;
    uint32_t power_mw;
};
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
/* The GPUs alone (gpu_count, gpus, nvml_note). `minder_path` NULL: dure_minder_find; `library` NULL or "": $DURE_NVML_LIBRARY or the system's. */
void dure_machine_gpus(const char *minder_path, const char *library, int deadline_ms, struct dure_machine *machine);
/* The same from what the child printed. False (with a note, and no GPU): not as it should be. */
bool dure_machine_gpus_parse(const char *text, size_t length, struct dure_machine *machine);
/* A text as a fleet's name: lower case, anything not allowed in one becomes '-'. */
void dure_machine_name(const char *text, char name[64]);
/* A Fleet spec (YAML) of this machine alone: owner, site and group `this-machine`. Without a GPU: `virtual_gpus` (at least 1, at most 64) virtual
 * ones, labelled so. A machine with several GPU models becomes a group and a node of each. */
void dure_machine_fleet_yaml(const struct dure_machine *machine, uint32_t virtual_gpus, struct dure_buf *yaml);
