/* Looking things up in a fleet: pure functions of it, none worse than logarithmic in what is large. */
#include "model/fleet.h"
#include "model/fleet_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *dure_provenance_name(enum dure_provenance provenance)
{
    return dure_provenance_names[provenance];
}

const char *dure_engine_kind_name(enum dure_engine_kind engine)
{
    static const char *const names[] = {"local", "emulated", "slurm"};
    return names[engine];
}

struct dure_chain_id dure_fleet_chain_id_of(const struct dure_fleet *fleet, struct dure_node_id node)
{
    DURE_ASSERT(node.v < fleet->node_count);
    uint32_t low = 0, high = fleet->chain_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (fleet->chains[middle].node_first <= node.v)
            low = middle;
        else
            high = middle;
    }
    return (struct dure_chain_id){low};
}

const struct dure_chain *dure_fleet_chain_of(const struct dure_fleet *fleet, struct dure_node_id node,
                                             uint32_t *ret_node_in_chain)
{
    const struct dure_chain *chain = &fleet->chains[dure_fleet_chain_id_of(fleet, node).v];
    if (ret_node_in_chain)
        *ret_node_in_chain = node.v - chain->node_first;
    return chain;
}

static void name_in_chain(const struct dure_chain *chain, uint32_t node_in_chain, char name[DURE_NAME_MAX + 1])
{
    if (chain->number_width == 0)
        snprintf(name, DURE_NAME_MAX + 1, "%s", chain->name_prefix);
    else
        snprintf(name, DURE_NAME_MAX + 1, "%s%0*" PRIu64 "%s", chain->name_prefix, (int)chain->number_width,
                 chain->number_first + node_in_chain, chain->name_suffix);
}

void dure_fleet_node_name(const struct dure_fleet *fleet, struct dure_node_id node, char name[DURE_NAME_MAX + 1])
{
    uint32_t node_in_chain;
    const struct dure_chain *chain = dure_fleet_chain_of(fleet, node, &node_in_chain);
    name_in_chain(chain, node_in_chain, name);
}

/* Compares a chain's (prefix, suffix, number) with those of a name being looked up. */
static int compare_key(const struct dure_chain *chain, const char *prefix, size_t prefix_length, const char *suffix,
                       uint64_t number)
{
    int order = strncmp(chain->name_prefix, prefix, prefix_length);
    if (order == 0 && chain->name_prefix[prefix_length])
        order = 1;
    if (order == 0)
        order = strcmp(chain->name_suffix, suffix);
    if (order == 0)
        order = (chain->number_first > number) - (chain->number_first < number);
    return order;
}

/* The node of that name read as prefix, number of `width` digits, suffix; width 0: as a name without a number. */
static bool find_reading(const struct dure_fleet *fleet, const char *name, size_t prefix_length, size_t width,
                         struct dure_node_id *ret_node)
{
    const char *suffix = name + prefix_length + width;
    uint64_t number = width ? strtoull(name + prefix_length, NULL, 10) : 0;
    uint32_t low = 0, high = fleet->chain_count; /* the last chain whose key is not above the name's */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_key(&fleet->chains[fleet->chains_by_node_name[middle]], name, prefix_length, suffix, number) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct dure_chain *chain = &fleet->chains[fleet->chains_by_node_name[low - 1]];
    uint64_t offset = number - chain->number_first;
    if ((chain->number_width == 0) != (width == 0) || offset >= chain->node_count)
        return false;
    char text[DURE_NAME_MAX + 1];
    name_in_chain(chain, (uint32_t)offset, text);
    if (strcmp(text, name) != 0)
        return false;
    *ret_node = (struct dure_node_id){chain->node_first + (uint32_t)offset};
    return true;
}

bool dure_fleet_node_find(const struct dure_fleet *fleet, const char *name, struct dure_node_id *ret_node)
{
    size_t length = strnlen(name, DURE_NAME_MAX + 1);
    if (length == 0 || length > DURE_NAME_MAX)
        return false;
    for (size_t at = 0; at < length;) {
        size_t width = strspn(name + at, "0123456789");
        if (width > 0 && width <= 18 && find_reading(fleet, name, at, width, ret_node))
            return true;
        at += width ? width : 1;
    }
    return find_reading(fleet, name, length, 0, ret_node);
}

bool dure_fleet_owner_find(const struct dure_fleet *fleet, const char *name, struct dure_owner_id *ret_owner)
{
    for (uint32_t i = 0; i < fleet->owner_count; i++)
        if (name[0] && strcmp(fleet->owners[i].name, name) == 0) {
            *ret_owner = (struct dure_owner_id){i};
            return true;
        }
    return false;
}

bool dure_fleet_model_find(const struct dure_fleet *fleet, const char *name, struct dure_gpu_model_id *ret_model)
{
    for (uint32_t i = 0; i < fleet->model_count; i++)
        if (name[0] && strcmp(fleet->models[i].name, name) == 0) {
            *ret_model = (struct dure_gpu_model_id){i};
            return true;
        }
    return false;
}

bool dure_fleet_site_find(const struct dure_fleet *fleet, const char *name, struct dure_site_id *ret_site)
{
    uint32_t low = 0, high = fleet->site_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, site = fleet->sites_by_name[middle];
        int order = strcmp(fleet->sites[site].name, name);
        if (order == 0 && name[0]) {
            *ret_site = (struct dure_site_id){site};
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool dure_fleet_chain_find(const struct dure_fleet *fleet, const char *name, struct dure_chain_id *ret_chain)
{
    uint32_t low = 0, high = fleet->chain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, chain = fleet->chains_by_name[middle];
        int order = strcmp(fleet->chains[chain].name, name);
        if (order == 0) {
            *ret_chain = (struct dure_chain_id){chain};
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool dure_fleet_group_find(const struct dure_fleet *fleet, const char *name, struct dure_chain_id *ret_first,
                           uint32_t *ret_count)
{
    struct dure_chain_id first;
    if (!dure_fleet_chain_find(fleet, name, &first))
        return false;
    uint32_t group = fleet->chains[first.v].group, end = first.v;
    if (first.v > 0 && fleet->chains[first.v - 1].group == group)
        return false; /* a remainder's name is not its group's */
    while (end < fleet->chain_count && fleet->chains[end].group == group)
        end++;
    *ret_first = first;
    *ret_count = end - first.v;
    return true;
}

unsigned dure_chain_level(const struct dure_chain *chain, const char *level_name)
{
    for (unsigned l = 1; level_name[0] && l <= chain->level_count; l++)
        if (strcmp(chain->levels[l].name, level_name) == 0)
            return l;
    return 0;
}

unsigned dure_fleet_level(const struct dure_fleet *fleet, const struct dure_chain *chain, const char *level_name)
{
    const unsigned level = dure_chain_level(chain, level_name);
    if (level)
        return level;
    if (strcmp(level_name, DURE_LEVEL_NVLINK) == 0)
        return dure_chain_level(chain, fleet->models[chain->model.v].nvlink_level);
    return strcmp(level_name, DURE_LEVEL_SITE) == 0 ? chain->level_count + 1u : 0;
}

uint32_t dure_chain_leaves_at(const struct dure_chain *chain, unsigned level)
{
    DURE_ASSERT(level >= 1 && level <= chain->level_count);
    uint32_t leaves = 1;
    for (unsigned l = 2; l <= level; l++)
        leaves *= chain->levels[l].holds;
    return leaves;
}
