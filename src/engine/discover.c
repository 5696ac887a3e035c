#include "engine/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/local.h"

enum { LISTING_MAX = 64 * 1024 };

static bool no_gpus(struct dure_machine *machine, const char *note)
{
    machine->gpu_count = 0;
    dure_text_copy(machine->nvml_note, sizeof machine->nvml_note, note);
    return false;
}

static bool parse_line(char *line, struct dure_machine_gpu *ret_gpu)
{
    struct dure_machine_gpu gpu = {0};
    char *fields[5];
    unsigned count = 0;
    for (char *at = line; at && count < 5; count++) {
        fields[count] = at;
        at = count < 4 ? strchr(at, '\t') : NULL;
        if (at)
            *at++ = '\0';
    }
    if (count != 5 || strcmp(fields[0], "gpu") != 0 || strlen(fields[1]) >= sizeof gpu.uuid || !fields[1][0] ||
        strlen(fields[4]) >= sizeof gpu.name)
        return false;
    char *stop_memory, *stop_power;
    const unsigned long memory = strtoul(fields[2], &stop_memory, 10), power = strtoul(fields[3], &stop_power, 10);
    if (*stop_memory || *stop_power || memory > UINT32_MAX || power > UINT32_MAX)
        return false;
    dure_text_copy(gpu.uuid, sizeof gpu.uuid, fields[1]);
    dure_text_copy(gpu.name, sizeof gpu.name, fields[4]);
    gpu.memory_mib = (uint32_t)memory;
    gpu.power_mw = (uint32_t)power;
    *ret_gpu = gpu;
    return true;
}

bool dure_machine_gpus_parse(const char *text, size_t length, struct dure_machine *machine)
{
    machine->gpu_count = 0;
    machine->nvml_note[0] = '\0';
    for (const char *at = text, *end = text + length; at < end;) {
        char line[512];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop || (size_t)(stop - at) >= sizeof line)
            return no_gpus(machine, "the GPU listing is cut short");
        memcpy(line, at, (size_t)(stop - at));
        line[stop - at] = '\0';
        at = stop + 1;
        if (strncmp(line, "none\t", 5) == 0)
            return no_gpus(machine, line + 5);
        if (machine->gpu_count >= DURE_MACHINE_GPUS_MAX)
            return no_gpus(machine, "more GPUs than one node may have");
        if (!parse_line(line, &machine->gpus[machine->gpu_count]))
            return no_gpus(machine, "the GPU listing is malformed");
        machine->gpu_count++;
    }
    return machine->gpu_count > 0 || no_gpus(machine, "NVML shows no GPU");
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads to the end or the deadline. False: the deadline. */
static bool read_until(int fd, char *text, size_t size, int64_t deadline_ms, size_t *ret_length)
{
    size_t length = 0;
    for (;;) {
        struct pollfd wait = {fd, POLLIN, 0};
        const int64_t left_ms = deadline_ms - now_ms();
        if (left_ms <= 0 || length == size)
            return false;
        if (poll(&wait, 1, (int)left_ms) <= 0)
            continue;
        const ssize_t got = read(fd, text + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    *ret_length = length;
    return true;
}

static int spawn_listing(const char *minder_path, const char *library, int out_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char *)(uintptr_t) "dure-minder", (char *)(uintptr_t) "--gpus",
                    (char *)(uintptr_t)(library[0] ? library : NULL), NULL};
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (!code)
        code = posix_spawn(ret_pid, minder_path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* One that hangs in the driver may not even die at once: it is not waited for longer than a moment. */
static void end_child(pid_t pid, bool in_time)
{
    if (!in_time)
        kill(pid, SIGKILL);
    for (int i = 0; i < 100 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        poll(NULL, 0, 5);
}

void dure_machine_gpus(const char *minder_path, const char *library, int deadline_ms, struct dure_machine *machine)
{
    char path[4096], *text = malloc(LISTING_MAX);
    struct dure_error error = {0};
    int ends[2];
    pid_t pid;
    size_t length = 0;
    const char *environment = getenv("DURE_NVML_LIBRARY"), *chosen = library && library[0] ? library
                                                                     : environment         ? environment
                                                                                           : "";
    if (!minder_path && dure_minder_find(path, sizeof path, &error)) {
        snprintf(machine->nvml_note, sizeof machine->nvml_note, "GPUs cannot be listed: %.200s", error.text);
    } else if (!text || pipe2(ends, O_CLOEXEC) != 0) {
        (void)no_gpus(machine, "GPUs cannot be listed: no memory or no pipe");
    } else {
        const int code = spawn_listing(minder_path ? minder_path : path, chosen, ends[1], &pid);
        close(ends[1]);
        const bool in_time = code == 0 && read_until(ends[0], text, LISTING_MAX, now_ms() + deadline_ms, &length);
        close(ends[0]);
        if (code)
            (void)no_gpus(machine, "GPUs cannot be listed: dure-minder does not start");
        else if (!in_time)
            (void)no_gpus(machine, "NVML gave no answer in time");
        else
            (void)dure_machine_gpus_parse(text, length, machine);
        if (!code)
            end_child(pid, in_time);
    }
    free(text);
}

static enum dure_err read_topology(struct dure_machine *machine, struct dure_error *error)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return dure_fail(error, DURE_E_MEMORY, "hwloc does not start");
    if (hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        return dure_fail(error, DURE_E_IO, "hwloc cannot read this machine: %s", strerror(errno));
    }
    const int units = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    machine->cpu_count = units > 0 ? (uint32_t)units : 1;
    /* Where memory was plugged in later, the nodes that hwloc adds up may not show all of it. */
    const uint64_t nodes_mib = hwloc_get_root_obj(topology)->total_memory >> 20;
    const uint64_t pages_mib = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
    machine->memory_mib = nodes_mib > pages_mib ? nodes_mib : pages_mib;
    hwloc_topology_destroy(topology);
    return DURE_OK;
}

enum dure_err dure_machine_discover(struct dure_machine *ret_machine, struct dure_error *error)
{
    struct dure_machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const enum dure_err err = read_topology(machine, error);
    if (!err) {
        struct statvfs disk;
        if (gethostname(machine->hostname, sizeof machine->hostname - 1) != 0 || !machine->hostname[0])
            dure_text_copy(machine->hostname, sizeof machine->hostname, "localhost");
        if (statvfs("/", &disk) == 0)
            machine->disk_mib = (uint64_t)disk.f_blocks * disk.f_frsize >> 20;
        dure_machine_gpus(NULL, NULL, DURE_NVML_DEADLINE_MS, machine);
        *ret_machine = *machine;
    }
    free(machine);
    return err;
}
