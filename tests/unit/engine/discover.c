/* What a machine is found to be, with a driver library of our own, and the fleet made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "engine/discover.h"
#include "model/fleet.h"
#include "tap.h"

static struct dure_machine found(const char *library, const char *mode, int deadline_ms)
{
    static struct dure_machine machine;
    memset(&machine, 0, sizeof machine);
    TAP_OK(dure_text_copy(machine.hostname, sizeof machine.hostname, "Node.Example"), "a host name");
    machine.cpu_count = 16;
    machine.memory_mib = 65536;
    machine.disk_mib = 100000;
    setenv("FAKE_NVML", mode, 1);
    dure_machine_gpus(NULL, library, deadline_ms, &machine);
    return machine;
}

static struct dure_fleet *fleet_of(const struct dure_machine *machine, uint32_t virtual_gpus)
{
    struct dure_problems problems = {.file = "machine"};
    struct dure_arena *arena = dure_arena_new(1 << 22);
    struct dure_tree *tree;
    struct dure_fleet *fleet = NULL;
    struct dure_buf yaml, text;
    dure_buf_init(&yaml, 1 << 16);
    dure_buf_init(&text, 1 << 16);
    dure_machine_fleet_yaml(machine, virtual_gpus, &yaml);
    if (dure_tree_from_yaml(arena, yaml.data, yaml.length, &tree, &problems) ||
        dure_fleet_parse(tree, &fleet, &problems)) {
        dure_problems_print(&problems, &text);
        tap_diag("%s\n%s", text.data, yaml.data);
    }
    dure_buf_release(&yaml);
    dure_buf_release(&text);
    dure_arena_free(arena);
    TAP_OK(fleet, "the spec of this machine is a valid fleet");
    if (!fleet)
        tap_bail("no fleet");
    return fleet;
}

static void test_gpus(const char *library)
{
    struct dure_machine machine = found(library, "two", 10000);
    TAP_EQ_UINT(machine.gpu_count, 2, "two GPUs");
    TAP_EQ_STR(machine.gpus[1].uuid, "GPU-fake-1", "by UUID");
    TAP_EQ_UINT(machine.gpus[1].memory_mib, 81559, "memory");
    TAP_EQ_UINT(machine.gpus[1].power_mw, 700000, "power");
    struct dure_fleet *fleet = fleet_of(&machine, 4);
    TAP_EQ_UINT(fleet->gpu_count, 2, "real GPUs leave no room for virtual ones");
    TAP_EQ_STR(fleet->models[0].name, "nvidia-h100-80gb-hbm3", "named by model");
    TAP_OK(!fleet->models[0].is_virtual && fleet->sites[0].engine == DURE_ENGINE_LOCAL, "real, on the local engine");
    TAP_EQ_UINT(fleet->chains[0].leaf_cpu_milli, 8000, "each with its share");
    dure_fleet_free(fleet);
    machine = found(library, "mixed", 10000);
    fleet = fleet_of(&machine, 0);
    TAP_OK(fleet->model_count == 2 && fleet->chain_count == 2 && fleet->gpu_count == 3, "two models are two groups");
    dure_fleet_free(fleet);
}

static void test_no_gpus(const char *library)
{
    struct dure_machine machine = found(library, "none", 10000);
    TAP_EQ_UINT(machine.gpu_count, 0, "no GPU");
    TAP_EQ_STR(machine.nvml_note, "NVML shows no GPU", "and why");
    machine = found(library, "broken", 10000);
    TAP_EQ_STR(machine.nvml_note, "NVML does not start: Driver Not Loaded", "a driver that does not start says so");
    machine = found("/no/such/library.so", "two", 10000);
    TAP_HAS(machine.nvml_note, "no NVIDIA driver library", "a missing one is named");
    const time_t begin = time(NULL);
    machine = found(library, "hang", 300);
    TAP_EQ_STR(machine.nvml_note, "NVML gave no answer in time", "one that hangs is left behind");
    TAP_OK(time(NULL) - begin < 5, "soon");
    struct dure_fleet *fleet = fleet_of(&machine, 4);
    TAP_EQ_UINT(fleet->gpu_count, 4, "virtual GPUs take their place");
    TAP_OK(fleet->models[0].is_virtual, "and are labelled so");
    TAP_EQ_STR(fleet->chains[0].name, "this-machine", "in a group of the stated name");
    dure_fleet_free(fleet);
    TAP_OK(dure_text_copy(machine.hostname, sizeof machine.hostname, "___"), "a host name");
    machine.cpu_count = 1;
    machine.memory_mib = 10;
    machine.disk_mib = 0;
    fleet = fleet_of(&machine, 1000);
    TAP_EQ_UINT(fleet->gpu_count, 64, "at most as many as a node may hold");
    dure_fleet_free(fleet);
}

static void test_listing(void)
{
    static const struct {
        const char *text;
        uint32_t count;
        const char *note;
    } rows[] = {
        {"gpu\tu\t10\t20\tname with spaces\n", 1, ""},
        {"", 0, "shows no GPU"},
        {"none\tbecause\n", 0, "because"},
        {"gpu\tu\t10\t20\tcut", 0, "cut short"},
        {"gpu\tu\t10\n", 0, "malformed"},
        {"gpu\t\t1\t2\tn\n", 0, "malformed"},
        {"gpu\tu\tx\t2\tn\n", 0, "malformed"},
        {"gpu\tu\t99999999999\t2\tn\n", 0, "malformed"},
        {"gpu\tu\t1\t2\tn\nwhat\n", 0, "malformed"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_machine machine = {0};
        TAP_EQ_INT(dure_machine_gpus_parse(rows[i].text, strlen(rows[i].text), &machine), rows[i].count > 0,
                   "listing %u", i);
        TAP_EQ_UINT(machine.gpu_count, rows[i].count, "GPUs of listing %u", i);
        TAP_HAS(machine.nvml_note, rows[i].note, "note of listing %u", i);
    }
    struct dure_buf many;
    dure_buf_init(&many, 1 << 16);
    for (unsigned i = 0; i < 65; i++)
        dure_buf_printf(&many, "gpu\tu%u\t1\t2\tn\n", i);
    struct dure_machine machine = {0};
    TAP_OK(!dure_machine_gpus_parse(many.data, many.length, &machine), "65 GPUs are more than a node may have");
    TAP_HAS(machine.nvml_note, "more GPUs", "and said so");
    dure_buf_release(&many);
}

static void test_machine(const char *library)
{
    struct dure_machine machine;
    struct dure_error error;
    setenv("DURE_NVML_LIBRARY", library, 1);
    setenv("FAKE_NVML", "two", 1);
    TAP_EQ_INT(dure_machine_discover(&machine, &error), DURE_OK, "this machine is discovered");
    TAP_OK(machine.cpu_count >= 1 && machine.memory_mib >= 64 && machine.hostname[0], "%u processors, %llu MiB",
           machine.cpu_count, (unsigned long long)machine.memory_mib);
    TAP_EQ_UINT(machine.gpu_count, 2, "with the library that the environment names");
    unsetenv("DURE_NVML_LIBRARY");
    char name[64];
    dure_machine_name("NVIDIA H100  80GB (SXM5)", name);
    TAP_EQ_STR(name, "nvidia-h100-80gb-sxm5", "a model's name becomes a fleet's name");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        tap_bail("usage: discover LIBRARY");
    test_gpus(argv[1]);
    test_no_gpus(argv[1]);
    test_listing();
    test_machine(argv[1]);
    return tap_done();
}
