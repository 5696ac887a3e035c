/* Groups of nodes → chains: the highest uniform level, then what is left over, level by level. */
#include "base/timefmt.h"
#include "model/fleet_build.h"
#include "model/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NODE_CPUS_MAX = 65536, NODE_MIB_MAX = 1 << 30 /* 1 PiB */, HOLDS_MAX = 65536, SOURCE_MAX = 1024 };

const char *const dure_provenance_names[] = {"announced", "installed", "assumed", NULL};

struct group {
    const struct dure_tree *map;
    const struct dure_tree *nodes_field;
    struct dure_range range;
    uint8_t level_count, node_level;
    struct dure_level levels[DURE_LEVELS_MAX + 1];
    uint64_t nodes_at[DURE_LEVELS_MAX + 1]; /* nodes in one cell of the level; 0 inside a node */
    uint32_t node_gpus;
    struct dure_chain base; /* what all chains of the group share */
};

static bool name_of(struct dure_read *read, const struct dure_tree *map, const char *key, enum dure_need need,
                    const char *what, const char **ret_name, const struct dure_tree **ret_at)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field) {
        if (need == DURE_REQUIRED)
            dure_problem_missing(read->problems, map, key, "%s", what);
        return false;
    }
    const char *text = dure_read_scalar(read, field, 4096, what);
    if (!text)
        return false;
    *ret_name = text;
    *ret_at = field;
    return true;
}

bool dure_fleet_read_owner(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tree *map,
                           enum dure_need need, struct dure_owner_id *ret_owner)
{
    const char *name;
    const struct dure_tree *at;
    if (!name_of(read, map, "owner", need, "the name of an owner", &name, &at))
        return false;
    if (dure_fleet_owner_find(fleet, name, ret_owner))
        return true;
    dure_problem_add(read->problems, at, NULL, "an owner declared under owners");
    return false;
}

bool dure_fleet_read_site(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tree *map,
                          enum dure_need need, const char **ret_name, struct dure_site_id *ret_site)
{
    const char *name;
    const struct dure_tree *at;
    if (!name_of(read, map, "site", need, "the name of a site", &name, &at))
        return false;
    if (dure_fleet_site_find(fleet, name, ret_site)) {
        *ret_name = name;
        return true;
    }
    dure_problem_add(read->problems, at, NULL, "a site declared under sites");
    return false;
}

static bool read_model(struct dure_read *read, const struct dure_fleet *fleet, struct group *group)
{
    const char *name;
    const struct dure_tree *at;
    if (!name_of(read, group->map, "model", DURE_REQUIRED, "the name of a model", &name, &at))
        return false;
    if (!dure_fleet_model_find(fleet, name, &group->base.model)) {
        dure_problem_add(read->problems, at, NULL, "a model declared under models");
        return false;
    }
    const char *nvlink = fleet->models[group->base.model.v].nvlink_level;
    bool found = !nvlink[0] || group->level_count == 0;
    for (unsigned l = 1; l <= group->level_count; l++)
        found |= strcmp(group->levels[l].name, nvlink) == 0;
    if (!found)
        dure_problem_add(read->problems, at, NULL, "a level named '%s' in this group, as the model's nvlink says",
                         nvlink);
    return found;
}

/* Fills levels[level]; false: a problem was added. */
static bool read_level(struct dure_read *read, struct group *group, const struct dure_tree *map, unsigned level)
{
    static const char *const known[] = {"name", "holds", NULL};
    struct dure_level *to = &group->levels[level];
    to->name = "";
    if (!dure_read_map(read, map, known))
        return false;
    const struct dure_tree *at = dure_read_name(read, map, "name", DURE_OPTIONAL, &to->name);
    if (!dure_read_uint(read, map, "holds", DURE_REQUIRED, 1, HOLDS_MAX, &to->holds))
        return false;
    if (at && strcmp(to->name, "gpu") == 0) {
        dure_problem_add(read->problems, at, NULL, "another name: the lowest level is always gpu");
        return false;
    }
    for (unsigned above = group->level_count; at && above > level; above--)
        if (strcmp(group->levels[above].name, to->name) == 0) {
            dure_problem_add(read->problems, at, NULL, "each level name once");
            return false;
        }
    if (strcmp(to->name, "node") == 0)
        group->node_level = (uint8_t)level;
    return true;
}

static bool read_levels(struct dure_read *read, struct group *group)
{
    const struct dure_tree *list = dure_read_list(read, group->map, "levels", DURE_REQUIRED, DURE_LEVELS_MAX - 1);
    if (!list)
        return false;
    group->level_count = (uint8_t)(list->count + 1);
    group->levels[1] = (struct dure_level){"gpu", 0};
    unsigned level = group->level_count;
    bool good = true;
    for (const struct dure_tree *map = list->first; map; map = map->next)
        good &= read_level(read, group, map, level--);
    if (!good)
        return false;
    if (group->node_level == 0) {
        dure_problem_add(read->problems, list, "no level named node", "a level {name: node, holds: <GPUs>}");
        return false;
    }
    uint64_t gpus = 1, nodes = 1;
    for (unsigned l = 2; l <= group->node_level; l++)
        if ((gpus *= group->levels[l].holds) > DURE_NODE_GPUS_MAX) {
            dure_problem_add(read->problems, list, "a larger node", "at most %d GPUs in a node", DURE_NODE_GPUS_MAX);
            return false;
        }
    for (unsigned l = group->node_level; l <= group->level_count; l++) {
        if (l > group->node_level && nodes <= DURE_NODES_MAX)
            nodes *= group->levels[l].holds;
        group->nodes_at[l] = nodes;
    }
    group->node_gpus = (uint32_t)gpus;
    return true;
}

static void read_nodes(struct dure_read *read, struct group *group)
{
    const char *text = "";
    static const char expected[] = "a range of node names such as gv-b200-[0001-1250]";
    group->nodes_field = dure_tree_get(group->map, "nodes");
    if (!group->nodes_field) {
        dure_problem_missing(read->problems, group->map, "nodes", "%s", expected);
        return;
    }
    text = dure_read_scalar(read, group->nodes_field, 256, expected);
    const char *wanted = text ? dure_range_parse(text, DURE_NODES_MAX, &group->range) : NULL;
    if (wanted)
        dure_problem_add(read->problems, group->nodes_field, NULL, "%s", wanted);
    if (!text || wanted)
        return;
    group->base.name_prefix = dure_arena_strndup(read->arena, group->range.prefix, group->range.prefix_length);
    group->base.name_suffix = group->range.suffix;
    group->base.number_width = group->range.width;
    read->no_memory |= !group->base.name_prefix;
}

static void read_shares(struct dure_read *read, const struct dure_fleet *fleet, struct group *group)
{
    uint32_t cpus = 0, memory = 0, disk = 0, power = 0;
    const struct dure_tree *map = group->map;
    dure_read_uint(read, map, "cpus", DURE_REQUIRED, 1, NODE_CPUS_MAX, &cpus);
    dure_read_memory(read, map, "memory", DURE_REQUIRED, NODE_MIB_MAX, &memory);
    dure_read_memory(read, map, "disk", DURE_OPTIONAL, NODE_MIB_MAX, &disk);
    const struct dure_tree *power_field = dure_read_power(read, map, "power", DURE_OPTIONAL, &power);
    if (!dure_read_clean(read))
        return;
    uint32_t gpus = group->node_gpus, gpu_mw = fleet->models[group->base.model.v].power_mw;
    group->base.leaf_cpu_milli = (uint32_t)((uint64_t)cpus * 1000 / gpus);
    group->base.leaf_memory_mib = memory / gpus;
    group->base.leaf_disk_mib = disk / gpus;
    group->base.leaf_power_mw = power_field ? power / gpus + (power % gpus != 0) : gpu_mw;
    if (power_field && (uint64_t)gpu_mw * gpus > power)
        dure_problem_add(read->problems, power_field, NULL, "at least the power of the node's %u GPUs", gpus);
    if (group->base.leaf_memory_mib == 0)
        dure_problem_add(read->problems, dure_tree_get(map, "memory"), NULL,
                         "at least 1MiB for each of the node's %u GPUs", gpus);
}

static void read_group(struct dure_read *read, struct dure_fleet *fleet, struct group *group)
{
    static const char *const known[] = {"name",   "owner", "site",  "model",          "nodes",  "levels", "cpus",
                                        "memory", "disk",  "power", "available_from", "status", "source", NULL};
    unsigned provenance = DURE_ASSUMED;
    const char *site_name = "";
    struct dure_chain *base = &group->base;
    *base = (struct dure_chain){
        .name = "", .name_prefix = "", .name_suffix = "", .source = "", .available_from_us = INT64_MIN};
    if (!dure_read_map(read, group->map, known))
        return;
    dure_read_name(read, group->map, "name", DURE_REQUIRED, &base->name);
    dure_fleet_read_owner(read, fleet, group->map, DURE_REQUIRED, &base->owner);
    dure_fleet_read_site(read, fleet, group->map, DURE_REQUIRED, &site_name, &base->site);
    read_levels(read, group);
    read_model(read, fleet, group);
    read_nodes(read, group);
    read_shares(read, fleet, group);
    dure_read_time(read, group->map, "available_from", &base->available_from_us);
    dure_read_choice(read, group->map, "status", DURE_OPTIONAL, dure_provenance_names, &provenance);
    base->provenance = (enum dure_provenance)provenance;
    dure_read_text(read, group->map, "source", DURE_OPTIONAL, SOURCE_MAX, &base->source);
}

/* One chain of `tops` cells of `level`, beginning `done` nodes into the group. */
static void add_chain(struct dure_read *read, struct dure_fleet *fleet, const struct group *group, unsigned level,
                      uint32_t tops, uint32_t done)
{
    if (fleet->chain_count == DURE_CHAINS_MAX) {
        dure_problem_add(read->problems, group->map, "more chains", "at most %d chains (groups and their remainders)",
                         DURE_CHAINS_MAX);
        return;
    }
    struct dure_chain *chain = &fleet->chains[fleet->chain_count++];
    *chain = group->base;
    chain->group = group->map->index;
    if (done > 0)
        chain->name = group->levels[level].name[0]
                          ? dure_arena_printf(read->arena, "%s+%s", group->base.name, group->levels[level].name)
                          : dure_arena_printf(read->arena, "%s+level%u", group->base.name, level);
    read->no_memory |= !chain->name;
    chain->level_count = (uint8_t)level;
    chain->node_level = group->node_level;
    memcpy(chain->levels, group->levels, (level + 1) * sizeof chain->levels[0]);
    chain->tops = tops;
    chain->node_first = fleet->node_count;
    chain->node_count = (uint32_t)(tops * group->nodes_at[level]);
    chain->node_gpus = group->node_gpus;
    chain->leaf_count = chain->node_count * group->node_gpus;
    chain->number_first = group->range.first + done;
    fleet->node_count += chain->node_count;
    fleet->gpu_count += chain->leaf_count;
}

static void expand(struct dure_read *read, struct dure_fleet *fleet, const struct group *group)
{
    uint32_t left = group->range.count, done = 0;
    if (left > DURE_NODES_MAX - fleet->node_count) {
        dure_problem_add(read->problems, group->nodes_field, NULL, "at most 1,048,576 nodes in the fleet");
        return;
    }
    for (unsigned level = group->level_count; level >= group->node_level && left > 0; level--) {
        uint32_t tops = (uint32_t)(left / group->nodes_at[level]);
        if (tops == 0)
            continue;
        add_chain(read, fleet, group, level, tops, done);
        uint32_t nodes = (uint32_t)(tops * group->nodes_at[level]);
        done += nodes;
        left -= nodes;
    }
}

/* Every level that is named in the fleet, after those that every fleet has. A level that no cell is large enough for counts too: a job may name it. */
static void note_level_names(struct dure_read *read, struct dure_fleet *fleet, const struct group *group)
{
    for (unsigned l = group->level_count; l >= 1; l--) {
        const char *name = group->levels[l].name;
        uint32_t i = 0;
        while (i < fleet->level_name_count && strcmp(fleet->level_names[i], name) != 0)
            i++;
        if (!name[0] || i < fleet->level_name_count)
            continue;
        if (fleet->level_name_count == DURE_LEVEL_NAMES_MAX) {
            dure_problem_add(read->problems, group->map, "more level names",
                             "at most 64 different level names in the fleet");
            return;
        }
        fleet->level_names[fleet->level_name_count++] = name;
    }
}

static void check_chain_names(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *const *groups)
{
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, fleet->chain_count + 1);
    if (!names) {
        read->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        const struct dure_tree *name = dure_tree_get(groups[chain->group], "name");
        names[i] = (struct dure_named){chain->name, i, name};
        if (strlen(chain->name) > DURE_NAME_MAX)
            dure_problem_add(read->problems, name, NULL, "a shorter name: its remainder '%s' has over 63 bytes",
                             chain->name);
    }
    fleet->chains_by_name =
        dure_read_unique(read, names, fleet->chain_count, "a group (or a remainder of one, such as name+rack)");
}

static void find_levels(struct dure_fleet *fleet)
{
    for (uint32_t c = 0; c < fleet->chain_count; c++)
        for (uint32_t i = 0; i < fleet->level_name_count; i++)
            fleet->chains[c].level_of[i] = (uint8_t)dure_fleet_level(fleet, &fleet->chains[c], fleet->level_names[i]);
}

void dure_fleet_read_groups(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const always[] = {"gpu", "node", DURE_LEVEL_NVLINK, DURE_LEVEL_SITE};
    const struct dure_tree *list = dure_read_list(read, root, "groups", DURE_REQUIRED, DURE_CHAINS_MAX);
    uint32_t count = list ? list->count : 0;
    uint32_t chains_max = count * DURE_LEVELS_MAX < DURE_CHAINS_MAX ? count * DURE_LEVELS_MAX : DURE_CHAINS_MAX;
    fleet->chains = DURE_ARENA_NEW(read->arena, struct dure_chain, chains_max + 1);
    fleet->level_names = DURE_ARENA_NEW(read->arena, const char *, DURE_LEVEL_NAMES_MAX);
    const struct dure_tree **maps = DURE_ARENA_NEW(read->arena, const struct dure_tree *, count + 1);
    const struct dure_tree **fields = DURE_ARENA_NEW(read->arena, const struct dure_tree *, count + 1);
    if (!fleet->chains || !fleet->level_names || !maps || !fields) {
        read->no_memory = true;
        return;
    }
    for (unsigned i = 0; i < sizeof always / sizeof always[0]; i++)
        fleet->level_names[fleet->level_name_count++] = always[i];
    fleet->group_count = count;
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        struct group group = {.map = map};
        uint32_t before = read->problems->total;
        read_group(read, fleet, &group);
        maps[map->index] = map;
        fields[map->index] = group.nodes_field;
        if (read->problems->total != before || read->no_memory)
            continue;
        note_level_names(read, fleet, &group);
        expand(read, fleet, &group);
    }
    if (list && count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one group");
    if (read->no_memory)
        return;
    find_levels(fleet);
    check_chain_names(read, fleet, maps);
    if (!read->no_memory)
        dure_fleet_check_node_names(read, fleet, fields);
}
