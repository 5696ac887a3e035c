/* MIG profiles of GPU models. A profile's name means one thing in a fleet: models that share it say the same of it. */
#include <stdlib.h>
#include <string.h>

#include "model/fleet_build.h"

bool dure_fleet_mig_find(const struct dure_fleet *fleet, const char *name, uint32_t *ret_profile)
{
    for (uint32_t i = 0; i < fleet->mig_count; i++)
        if (strcmp(fleet->migs[i].name, name) == 0) {
            *ret_profile = i;
            return true;
        }
    return false;
}

bool dure_gpu_model_has_mig(const struct dure_gpu_model *model, uint32_t profile)
{
    for (uint32_t i = 0; i < model->mig_count; i++)
        if (model->migs[i] == profile)
            return true;
    return false;
}

bool dure_mig_profile_same(const struct dure_mig_profile *a, const struct dure_mig_profile *b)
{
    return strcmp(a->name, b->name) == 0 && a->slices == b->slices && a->memory_slices == b->memory_slices &&
           a->starts == b->starts && a->memory_mib == b->memory_mib && a->gpu_slices == b->gpu_slices &&
           a->gpu_memory_slices == b->gpu_memory_slices;
}

static void read_starts(struct dure_read *read, const struct dure_tree *map, struct dure_mig_profile *profile)
{
    static const char expected[] = "a memory slice where an instance may begin and still end by slice 16";
    const struct dure_tree *list = dure_read_list(read, map, "starts", DURE_REQUIRED, DURE_MIG_SLICES_MAX);
    if (list && !list->count)
        dure_problem_add(read->problems, list, "an empty list", "at least one start");
    for (const struct dure_tree *entry = list ? list->first : NULL; entry; entry = entry->next) {
        int64_t start;
        if (!dure_tree_is_int(entry, &start) || start < 0 || start + profile->memory_slices > DURE_MIG_SLICES_MAX)
            dure_problem_add(read->problems, entry, NULL, "%s", expected);
        else if (profile->starts >> start & 1)
            dure_problem_add(read->problems, entry, NULL, "each start once");
        else
            profile->starts |= (uint16_t)(1u << start);
    }
}

static bool read_profile(struct dure_read *read, const struct dure_tree *map, struct dure_mig_profile *profile)
{
    static const char *const known[] = {"name", "slices", "memory_slices", "memory", "starts", NULL};
    uint32_t slices = 0, memory_slices = 0;
    const uint32_t before = read->problems->total;
    *profile = (struct dure_mig_profile){.name = ""};
    if (!dure_read_map(read, map, known))
        return false;
    dure_read_name(read, map, "name", DURE_REQUIRED, &profile->name);
    dure_read_uint(read, map, "slices", DURE_REQUIRED, 1, DURE_MIG_SLICES_MAX, &slices);
    dure_read_uint(read, map, "memory_slices", DURE_REQUIRED, 1, DURE_MIG_SLICES_MAX, &memory_slices);
    dure_read_memory(read, map, "memory", DURE_REQUIRED, 16 * 1024 * 1024, &profile->memory_mib);
    profile->slices = (uint8_t)slices;
    profile->memory_slices = (uint8_t)memory_slices;
    if (memory_slices)
        read_starts(read, map, profile);
    return read->problems->total == before;
}

/* What the whole GPU has: as far as its profiles reach. Each instance counts as its part of the memory slices, which no two may share; a
 * partitioned GPU never counts 1000, which is how a place says that it is whole. */
static void complete(struct dure_mig_profile *profiles, uint32_t count)
{
    uint8_t slices = 0, memory_slices = 0;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned last = 31u - (unsigned)__builtin_clz(profiles[i].starts);
        slices = profiles[i].slices > slices ? profiles[i].slices : slices;
        if (last + profiles[i].memory_slices > memory_slices)
            memory_slices = (uint8_t)(last + profiles[i].memory_slices);
    }
    for (uint32_t i = 0; i < count; i++) {
        profiles[i].gpu_slices = slices;
        profiles[i].gpu_memory_slices = memory_slices;
        const uint32_t milli = profiles[i].memory_slices * 1000u / memory_slices;
        profiles[i].milli = (uint16_t)(milli < 1000 ? milli : 999);
    }
}

static bool add_profile(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *at,
                        const struct dure_mig_profile *profile, uint32_t *ret_index)
{
    if (dure_fleet_mig_find(fleet, profile->name, ret_index)) {
        if (dure_mig_profile_same(profile, &fleet->migs[*ret_index]))
            return true;
        dure_problem_add(read->problems, at, NULL, "the same profile as under the model above: a name means one thing");
        return false;
    }
    if (fleet->mig_count == DURE_MIG_PROFILES_MAX) {
        dure_problem_add(read->problems, at, "more profiles", "at most %d MIG profiles in the fleet",
                         DURE_MIG_PROFILES_MAX);
        return false;
    }
    *ret_index = fleet->mig_count;
    fleet->migs[fleet->mig_count++] = *profile;
    return true;
}

/* The larger first: memory slices, compute slices, then the order of declaration. */
static void sort_in(const struct dure_fleet *fleet, struct dure_gpu_model *model, uint8_t index)
{
    const struct dure_mig_profile *added = &fleet->migs[index];
    uint32_t at = model->mig_count++;
    for (; at; at--) {
        const struct dure_mig_profile *before = &fleet->migs[model->migs[at - 1]];
        if (before->memory_slices > added->memory_slices ||
            (before->memory_slices == added->memory_slices && before->slices >= added->slices))
            break;
        model->migs[at] = model->migs[at - 1];
    }
    model->migs[at] = index;
}

void dure_fleet_read_mig(struct dure_read *read, struct dure_fleet *fleet, struct dure_gpu_model *model,
                         const struct dure_tree *map)
{
    struct dure_mig_profile profiles[DURE_MODEL_MIGS_MAX];
    const struct dure_tree *list = dure_read_list(read, map, "mig", DURE_OPTIONAL, DURE_MODEL_MIGS_MAX);
    bool good = list != NULL;
    if (list && !list->count)
        dure_problem_add(read->problems, list, "an empty list", "at least one profile");
    for (const struct dure_tree *entry = list ? list->first : NULL; entry; entry = entry->next) {
        good &= read_profile(read, entry, &profiles[entry->index]);
        for (uint32_t i = 0; good && i < entry->index; i++)
            if (strcmp(profiles[i].name, profiles[entry->index].name) == 0) {
                dure_problem_add(read->problems, entry, NULL, "each profile once");
                good = false;
            }
    }
    if (!good || !list->count)
        return;
    complete(profiles, list->count);
    for (const struct dure_tree *entry = list->first; entry; entry = entry->next) {
        uint32_t index;
        if (add_profile(read, fleet, entry, &profiles[entry->index], &index))
            sort_in(fleet, model, (uint8_t)index);
    }
}
