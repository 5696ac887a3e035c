/* Jobs on GPUs, with a driver library of our own: who sees which, and what they are seen to use. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/engine/host.h"

static const char yaml[] = "kind: Fleet\nversion: 1\nname: gpus\nmodels:\n  - {name: nvidia-l40s, memory: 44GiB, "
                           "power: 350W}\n  - {name: h100, memory: 79GiB, power: 700W}\n"
                           "owners:\n  - {name: lab}\nsites:\n  - {name: here, engine: local}\ngroups:\n"
                           "  - {name: box, owner: lab, site: here, model: %s, nodes: box, levels: [{name: node, "
                           "holds: 8}], cpus: 16, memory: 16GiB}\n";
static struct host host;

static const struct dure_observation *run(uint64_t attempt, const struct host_job *job)
{
    static const struct dure_observation none = {0};
    host_start(&host, attempt, job, false);
    const struct dure_observation *end = host_wait_over(&host, attempt, 15);
    TAP_OK(end, "attempt %d is over in time", (int)attempt);
    return end ? end : &none;
}

static void open_with(const char *model, const char *library)
{
    char text[2048], directory[4096];
    const struct dure_local_options options = {.nvml_library = library};
    snprintf(text, sizeof text, yaml, model);
    snprintf(directory, sizeof directory, "%s/attempts", tap_tempdir());
    host_open_fleet(&host, directory, text, &options);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        tap_bail("usage: gpu LIBRARY");
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    setenv("FAKE_NVML", "mixed", 1);

    open_with("h100", argv[1]);
    const struct host_job pair = {
        .script = "#!/bin/sh\necho $CUDA_VISIBLE_DEVICES $DURE_GPUS $DURE_VIRTUAL_GPUS\nsleep 2.5\n",
        .out = "g-%t",
        .tasks = 2};
    const struct dure_observation *end = run(1, &pair);
    TAP_EQ_INT(end->exit_code, 0, "two tasks on two GPUs");
    TAP_EQ_STR(host_read("g-0"), "GPU-fake-0 0\n", "the first sees the first, by UUID");
    TAP_EQ_STR(host_read("g-1"), "GPU-fake-1 1\n", "the second the second");
    TAP_OK(end->usage.gpu_busy_us > 500000 && end->usage.gpu_busy_us < 4500000, "GPUs were busy for %" PRIu64 " us",
           end->usage.gpu_busy_us);
    TAP_EQ_UINT(end->usage.gpu_memory_peak_mib, 2 * 1234, "and their memory used");
    TAP_OK(end->usage.energy_mj > 0, "%" PRIu64 " mJ", end->usage.energy_mj);
    const struct host_job wide = {.script = "#!/bin/sh\ntouch too-wide\n", .task_gpus = 4};
    end = run(2, &wide);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "a GPU that the machine has not is refused");
    TAP_HAS(end->reason, "this machine shows 3 of model h100", "and why");
    host_close(&host);

    open_with("nvidia-l40s", argv[1]);
    const struct host_job one = {.script = "#!/bin/sh\necho $CUDA_VISIBLE_DEVICES\n", .out = "l40s"};
    run(3, &one);
    TAP_EQ_STR(host_read("l40s"), "GPU-fake-2\n", "among several models a chain's GPUs are those of its model");
    host_close(&host);

    open_with("h100", "/no/such/library.so");
    end = run(4, &one);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "without a driver a job for real GPUs is refused");
    TAP_HAS(end->reason, "no NVIDIA driver library", "and why");
    host_close(&host);

    TAP_OK(!host_exists("too-wide"), "nothing ran that was refused");
    return tap_done();
}
