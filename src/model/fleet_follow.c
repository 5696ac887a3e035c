/* What a running fleet may become: more of the same, never something else under an id that is in use. */
#include "model/fleet.h"

#include <string.h>

static enum dure_err differs(struct dure_error *error, const char *what, const char *name, const char *how)
{
    return dure_fail(
        error, DURE_E_STATE,
        "%s '%s' %s: a running fleet takes additions after what is there, new labels, statuses and sources; "
        "`dure fleet --spec` prints the spec in force",
        what, name, how);
}

static enum dure_err compare_small(const struct dure_fleet *now, const struct dure_fleet *next,
                                   struct dure_error *error)
{
    for (uint32_t i = 0; i < now->owner_count; i++)
        if (i >= next->owner_count || strcmp(now->owners[i].name, next->owners[i].name) != 0)
            return differs(error, "owner", now->owners[i].name, "is gone or moved");
    for (uint32_t i = 0; i < now->site_count; i++) {
        if (i >= next->site_count || strcmp(now->sites[i].name, next->sites[i].name) != 0)
            return differs(error, "site", now->sites[i].name, "is gone or moved");
        if (now->sites[i].engine != next->sites[i].engine)
            return differs(error, "site", now->sites[i].name, "has another engine");
        if (*now->sites[i].containers && !*next->sites[i].containers)
            return differs(error, "site", now->sites[i].name,
                           "has no containers any more, and jobs were accepted that need them");
        /* How it is reached may change; what its nodes are called may not. */
        if (now->sites[i].slurm && strcmp(now->sites[i].slurm->node_prefix, next->sites[i].slurm->node_prefix) != 0)
            return differs(error, "site", now->sites[i].name, "has another node_prefix");
    }
    for (uint32_t i = 0; i < now->model_count; i++) {
        const struct dure_gpu_model *a = &now->models[i], *b = &next->models[i];
        if (i >= next->model_count || strcmp(a->name, b->name) != 0)
            return differs(error, "model", a->name, "is gone or moved");
        if (a->memory_mib != b->memory_mib || a->power_mw != b->power_mw || a->is_virtual != b->is_virtual ||
            strcmp(a->nvlink_level, b->nvlink_level) != 0)
            return differs(error, "model", a->name, "has other figures");
        bool same = a->mig_count == b->mig_count;
        for (uint32_t k = 0; k < a->mig_count && same; k++)
            same = a->migs[k] == b->migs[k] && dure_mig_profile_same(&now->migs[a->migs[k]], &next->migs[b->migs[k]]);
        if (!same)
            return differs(error, "model", a->name, "has other MIG profiles");
    }
    return DURE_OK;
}

static bool same_shape(const struct dure_chain *a, const struct dure_chain *b)
{
    if (a->level_count != b->level_count || a->node_level != b->node_level || a->tops != b->tops ||
        a->node_gpus != b->node_gpus)
        return false;
    for (unsigned l = 1; l <= a->level_count; l++)
        if (a->levels[l].holds != b->levels[l].holds || strcmp(a->levels[l].name, b->levels[l].name) != 0)
            return false;
    return true;
}

static bool same_names(const struct dure_chain *a, const struct dure_chain *b)
{
    return strcmp(a->name_prefix, b->name_prefix) == 0 && strcmp(a->name_suffix, b->name_suffix) == 0 &&
           a->number_first == b->number_first && a->number_width == b->number_width;
}

static bool same_shares(const struct dure_chain *a, const struct dure_chain *b)
{
    return a->leaf_cpu_milli == b->leaf_cpu_milli && a->leaf_memory_mib == b->leaf_memory_mib &&
           a->leaf_disk_mib == b->leaf_disk_mib && a->leaf_power_mw == b->leaf_power_mw;
}

static enum dure_err compare_chain(const struct dure_chain *a, const struct dure_chain *b, struct dure_error *error)
{
    if (strcmp(a->name, b->name) != 0 || a->group != b->group)
        return differs(error, "group", a->name, "is gone, moved or cut otherwise");
    if (a->owner.v != b->owner.v || a->site.v != b->site.v || a->model.v != b->model.v)
        return differs(error, "group", a->name, "has another owner, site or model");
    if (!same_shape(a, b))
        return differs(error, "group", a->name, "has other levels or another size");
    if (!same_names(a, b))
        return differs(error, "group", a->name, "has other node names");
    if (!same_shares(a, b))
        return differs(error, "group", a->name, "has other CPUs, memory, disk or power");
    if (a->available_from_us != b->available_from_us)
        return differs(error, "group", a->name, "arrives at another time");
    return DURE_OK;
}

enum dure_err dure_fleet_may_follow(const struct dure_fleet *now, const struct dure_fleet *next,
                                    struct dure_error *error)
{
    enum dure_err err = compare_small(now, next, error);
    for (uint32_t i = 0; i < now->chain_count && !err; i++)
        err = i < next->chain_count ? compare_chain(&now->chains[i], &next->chains[i], error)
                                    : differs(error, "group", now->chains[i].name, "is gone");
    for (uint32_t i = 0; i < now->level_name_count && !err; i++)
        if (i >= next->level_name_count || strcmp(now->level_names[i], next->level_names[i]) != 0)
            err = differs(error, "level", now->level_names[i], "is gone or moved");
    return err;
}
