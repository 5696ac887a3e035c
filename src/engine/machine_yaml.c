#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/discover.h"
#include "model/fleet.h"
#include "model/units.h"

enum { POWER_UNKNOWN_MW = 700000, MIB_MAX = 1 << 30 };

void dure_machine_name(const char *text, char name[64])
{
    size_t length = 0;
    for (; *text && length < 63; text++) {
        const char letter = (char)tolower((unsigned char)*text);
        if (isalnum((unsigned char)letter) || (length > 0 && strchr("._+-", letter)))
            name[length++] = letter;
        else if (length > 0 && name[length - 1] != '-')
            name[length++] = '-';
    }
    while (length > 0 && !isalnum((unsigned char)name[length - 1]))
        length--;
    name[length] = '\0';
    if (!length)
        memcpy(name, "unnamed", sizeof "unnamed");
}

static uint64_t bounded(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void put_model(struct dure_buf *yaml, const struct dure_machine_gpu *gpu)
{
    char name[64], memory[DURE_UNITS_TEXT_MAX], power[DURE_UNITS_TEXT_MAX];
    dure_machine_name(gpu->name, name);
    dure_buf_printf(yaml, "  - name: %s\n    memory: %s\n    power: %s%s\n    source: ", name,
                    dure_units_memory_format(bounded(gpu->memory_mib, 1, 16 * 1024 * 1024), memory),
                    dure_units_power_format(gpu->power_mw ? gpu->power_mw : POWER_UNKNOWN_MW, power),
                    gpu->power_mw ? "" : "  # NVML names no limit for it: an assumption");
    char label[160];
    snprintf(label, sizeof label, "NVML on this machine: %s", gpu->name);
    dure_buf_json(yaml, label);
    dure_buf_byte(yaml, '\n');
}

static bool first_of_model(const struct dure_machine *machine, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(machine->gpus[i].name, machine->gpus[index].name) == 0)
            return false;
    return true;
}

static uint32_t count_of_model(const struct dure_machine *machine, uint32_t index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < machine->gpu_count; i++)
        count += strcmp(machine->gpus[i].name, machine->gpus[index].name) == 0;
    return count;
}

/* `part` of all GPUs take their part of the machine's processors, memory and disk. */
static void put_group(struct dure_buf *yaml, const struct dure_machine *machine, const char *group, const char *node,
                      const char *model, uint32_t part, uint32_t all)
{
    char memory[DURE_UNITS_TEXT_MAX], disk[DURE_UNITS_TEXT_MAX];
    const uint64_t cpus = bounded((uint64_t)machine->cpu_count * part / all, 1, 65536);
    dure_buf_printf(yaml,
                    "  - name: %s\n    owner: this-machine\n    site: this-machine\n    model: %s\n    nodes: \"%s\"\n"
                    "    levels:\n      - {name: node, holds: %u}\n    cpus: %" PRIu64 "\n    memory: %s\n",
                    group, model, node, part, cpus,
                    dure_units_memory_format(bounded(machine->memory_mib * part / all, part, MIB_MAX), memory));
    if (machine->disk_mib * part / all >= part)
        dure_buf_printf(yaml, "    disk: %s\n",
                        dure_units_memory_format(bounded(machine->disk_mib * part / all, part, MIB_MAX), disk));
    dure_buf_str(yaml, "    status: installed\n    source: hwloc on this machine\n");
}

static void put_real(const struct dure_machine *machine, const char *host, struct dure_buf *yaml, bool models)
{
    bool alone = true;
    for (uint32_t i = 0; i < machine->gpu_count; i++)
        alone = alone && (i == 0 || !first_of_model(machine, i));
    for (uint32_t i = 0; i < machine->gpu_count; i++) {
        char model[64], group[160], node[160];
        if (!first_of_model(machine, i))
            continue;
        if (models) {
            put_model(yaml, &machine->gpus[i]);
            continue;
        }
        dure_machine_name(machine->gpus[i].name, model);
        /* A node has one kind of GPU: a machine with several becomes as many nodes. */
        snprintf(group, sizeof group, alone ? "this-machine" : "gpus-%u", i);
        snprintf(node, sizeof node, alone ? "%.63s" : "%.50s-gpus%u", host, i);
        put_group(yaml, machine, group, node, model, count_of_model(machine, i), machine->gpu_count);
    }
}

void dure_machine_fleet_yaml(const struct dure_machine *machine, uint32_t virtual_gpus, struct dure_buf *yaml)
{
    char host[64], memory[DURE_UNITS_TEXT_MAX];
    dure_machine_name(machine->hostname, host);
    const uint32_t slots = virtual_gpus > DURE_NODE_GPUS_MAX ? DURE_NODE_GPUS_MAX : virtual_gpus;
    const bool real = machine->gpu_count > 0;
    dure_buf_str(yaml, "# This machine as a fleet of one site, as hwloc and NVML show it.\n");
    if (!real)
        dure_buf_str(yaml, "# It has no GPU that can be used. A virtual GPU is a slot for real processes without a GPU "
                           "behind it, labelled virtual wherever it\n"
                           "# is shown; its memory is a share of the machine's, for accounting alone.\n");
    dure_buf_str(yaml, "kind: Fleet\nversion: 1\nname: this-machine\nmodels:\n");
    if (real)
        put_real(machine, host, yaml, true);
    else
        dure_buf_printf(
            yaml, "  - name: virtual-gpu\n    virtual: true\n    memory: %s\n",
            dure_units_memory_format(bounded(slots ? machine->memory_mib / slots : 1, 1, 16 * 1024 * 1024), memory));
    dure_buf_str(yaml, "owners:\n  - name: this-machine\n    label: ");
    dure_buf_json(yaml, machine->hostname);
    dure_buf_str(yaml, "\nsites:\n  - name: this-machine\n    label: ");
    dure_buf_json(yaml, machine->hostname);
    dure_buf_str(yaml, "\n    engine: local\ngroups:\n");
    if (real)
        put_real(machine, host, yaml, false);
    else
        put_group(yaml, machine, "this-machine", host, "virtual-gpu", slots ? slots : 1, slots ? slots : 1);
}
