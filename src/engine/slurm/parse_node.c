/* One node, and one partition, of sinfo --json or slurmrestd. */
#include "engine/slurm/parse.h"

#include <string.h>
#include <strings.h>

static uint32_t flag_named(const char *name)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } table[] = {
        {"IDLE", DURE_SLURM_NODE_IDLE},
        {"ALLOCATED", DURE_SLURM_NODE_ALLOCATED},
        {"ALLOC", DURE_SLURM_NODE_ALLOCATED},
        {"MIXED", DURE_SLURM_NODE_MIXED},
        {"DOWN", DURE_SLURM_NODE_DOWN},
        {"ERROR", DURE_SLURM_NODE_DOWN},
        {"UNKNOWN", DURE_SLURM_NODE_DOWN},
        {"FUTURE", DURE_SLURM_NODE_FUTURE},
        {"DRAIN", DURE_SLURM_NODE_DRAIN},
        {"DRAINED", DURE_SLURM_NODE_DRAIN},
        {"DRAINING", DURE_SLURM_NODE_DRAIN},
        {"FAIL", DURE_SLURM_NODE_FAIL},
        {"FAILING", DURE_SLURM_NODE_FAIL},
        {"NO_RESPOND", DURE_SLURM_NODE_SILENT},
        {"NOT_RESPONDING", DURE_SLURM_NODE_SILENT},
        {"MAINTENANCE", DURE_SLURM_NODE_MAINT},
        {"MAINT", DURE_SLURM_NODE_MAINT},
        {"PLANNED", DURE_SLURM_NODE_PLANNED},
        {"COMPLETING", DURE_SLURM_NODE_COMPLETING},
        {"RESERVED", DURE_SLURM_NODE_RESERVED},
        {"POWERED_DOWN", DURE_SLURM_NODE_POWERED_DOWN},
        {"POWERING_DOWN", DURE_SLURM_NODE_POWERED_DOWN},
        {"POWERING_UP", DURE_SLURM_NODE_POWERED_DOWN},
        {"REBOOT_REQUESTED", DURE_SLURM_NODE_REBOOT},
        {"REBOOT_ISSUED", DURE_SLURM_NODE_REBOOT},
        {"REBOOT", DURE_SLURM_NODE_REBOOT},
        {"INVALID_REG", DURE_SLURM_NODE_INVALID},
        {"INVALID", DURE_SLURM_NODE_INVALID},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcasecmp(name, table[i].name) == 0)
            return table[i].flag;
    return 0;
}

static uint32_t flags_of(const json_t *value)
{
    uint32_t flags = 0;
    const json_t *one;
    size_t i;
    if (json_is_string(value))
        flags |= flag_named(json_string_value(value));
    json_array_foreach(value, i, one) if (json_is_string(one)) flags |= flag_named(json_string_value(one));
    return flags;
}

static uint32_t capped(int64_t number)
{
    return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

bool slurm_node_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_node *node)
{
    struct slurm_gres gres, used;
    *node = (struct dure_slurm_node){.name = ""};
    if (!json_is_object(object))
        return false;
    node->name = slurm_text(object, "name", arena);
    if (!*node->name)
        return false;
    node->address = slurm_text(object, "address", arena);
    node->hostname = slurm_text(object, "hostname", arena);
    node->version = slurm_text(object, json_object_get(object, "version") ? "version" : "slurmd_version", arena);
    node->reason = slurm_text(object, "reason", arena);
    node->features = slurm_text(object, "features", arena);
    node->partitions = slurm_text(object, "partitions", arena);
    node->gres = slurm_text(object, "gres", arena);
    node->gres_used = slurm_text(object, "gres_used", arena);
    node->flags = flags_of(json_object_get(object, "state")) | flags_of(json_object_get(object, "state_flags"));
    node->cpu_count = capped(slurm_number(object, "cpus", 0));
    const int64_t memory = slurm_number(object, "real_memory", 0);
    node->memory_mib = memory < 0 ? 0 : (uint64_t)memory;
    slurm_gres_read(node->gres, &gres);
    slurm_gres_read(node->gres_used, &used);
    node->gpu_count = gres.count;
    node->gpu_used_count = used.count;
    node->gpu_used_mask = used.mask;
    memcpy(node->gpu_type, gres.type, sizeof node->gpu_type);
    node->gpu_types_many = gres.types_many;
    node->boot_us = slurm_time_us(object, "boot_time");
    node->reason_us = slurm_time_us(object, "reason_changed_at");
    return true;
}

/* A field that newer versions moved into an object: `object.key` or `object.within.key`. */
static const char *text_at(const json_t *object, const char *within, const char *inner, const char *key,
                           struct dure_arena *arena)
{
    const json_t *nested = json_object_get(object, within);
    return json_is_object(nested) ? slurm_text(nested, inner, arena) : slurm_text(object, key, arena);
}

bool slurm_partition_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_partition *partition)
{
    *partition = (struct dure_slurm_partition){.name = "", .preempt_mode = "", .nodes_max = DURE_NONE32};
    if (!json_is_object(object))
        return false;
    partition->name = slurm_text(object, "name", arena);
    if (!*partition->name)
        return false;
    const json_t *maximums = json_object_get(object, "maximums"), *priority = json_object_get(object, "priority");
    const json_t *time = maximums ? json_object_get(maximums, "time") : json_object_get(object, "max_time_limit");
    const json_t *nodes =
        maximums ? json_object_get(maximums, "nodes") : json_object_get(object, "maximum_nodes_per_job");
    const json_t *state = json_object_get(json_object_get(object, "partition"), "state");
    int64_t number = 0;
    const enum slurm_number walltime = slurm_number_of(time, &number);
    const bool unlimited = walltime == SLURM_INFINITE ||
                           (walltime == SLURM_NUMBER && (number < 0 || number >= INT64_C(4294967290))) ||
                           json_is_null(time);
    partition->walltime_max_us = unlimited                                ? INT64_MAX
                                 : walltime == SLURM_NUMBER && number > 0 ? number * 60 * 1000000
                                                                          : 0;
    if (slurm_number_of(nodes, &number) == SLURM_NUMBER && number > 0 && number < INT64_C(4294967290))
        partition->nodes_max = (uint32_t)number;
    partition->nodes_text = text_at(object, "nodes", "configured", "nodes", arena);
    partition->state = json_is_array(state) || json_is_string(state)
                           ? slurm_text(json_object_get(object, "partition"), "state", arena)
                           : slurm_text(object, "state", arena);
    partition->allow_accounts = text_at(object, "accounts", "allowed", "allowed_accounts", arena);
    partition->qos = text_at(object, "qos", "assigned", "qos", arena);
    partition->preempt_mode = slurm_text(object, "preemption_mode", arena);
    partition->priority_tier = capped(slurm_number(priority, "tier", slurm_number(object, "priority_tier", 1)));
    const char *flags = slurm_text(object, "flags", arena);
    partition->default_unsaid = !json_object_get(object, "flags");
    partition->is_default = strstr(flags, "default") != NULL || strstr(flags, "DEFAULT") != NULL;
    return true;
}
