/* Reading a Fleet: owners, sites, models and what is not schedulable. The chains are in fleet_groups.c. */
#include "model/fleet.h"
#include "base/timefmt.h"
#include "model/fleet_build.h"

#include <string.h>

enum { FLEET_ARENA_MAX = 128 * 1024 * 1024, LABEL_MAX = 256, SOURCE_MAX = 1024 };

static void read_owners(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const known[] = {"name", "label", NULL};
    const struct dure_tree *list = dure_read_list(read, root, "owners", DURE_REQUIRED, DURE_OWNERS_MAX);
    uint32_t count = list ? list->count : 0;
    struct dure_named names[DURE_OWNERS_MAX];
    fleet->owners = DURE_ARENA_NEW(read->arena, struct dure_owner, count + 1);
    if (!fleet->owners) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        struct dure_owner *owner = &fleet->owners[map->index];
        owner->name = "";
        const struct dure_tree *at = NULL;
        if (dure_read_map(read, map, known))
            at = dure_read_name(read, map, "name", DURE_REQUIRED, &owner->name);
        owner->label = owner->name;
        dure_read_text(read, map, "label", DURE_OPTIONAL, LABEL_MAX, &owner->label);
        names[map->index] = (struct dure_named){owner->name, map->index, at};
    }
    fleet->owner_count = count;
    dure_read_unique(read, names, count, "an owner");
    if (list && count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one owner");
}

/* Apptainer, and Singularity where that is its name, speak the same words: the path says which of them it is. */
static void read_containers(struct dure_read *read, struct dure_site *site, const struct dure_tree *map)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-/";
    const char *text = "";
    const struct dure_tree *at = dure_read_text(read, map, "containers", DURE_OPTIONAL, 1024, &text);
    if (!at)
        return;
    if (strcmp(text, "apptainer") != 0 && strcmp(text, "singularity") != 0 &&
        (*text != '/' || text[strspn(text, letters)] != '\0'))
        dure_problem_add(
            read->problems, at, NULL,
            "apptainer or singularity where its nodes have it on PATH, or the absolute path of its program");
    else
        site->containers = text;
}

static void read_site(struct dure_read *read, struct dure_site *site, const struct dure_tree *map)
{
    static const char *const engines[] = {"local", "emulated", "slurm", NULL};
    unsigned engine = DURE_ENGINE_LOCAL;
    dure_read_text(read, map, "label", DURE_OPTIONAL, LABEL_MAX, &site->label);
    dure_read_name(read, map, "region", DURE_OPTIONAL, &site->region);
    const struct dure_tree *latitude = dure_read_degrees(read, map, "latitude", 90, &site->latitude_udeg);
    const struct dure_tree *longitude = dure_read_degrees(read, map, "longitude", 180, &site->longitude_udeg);
    if (latitude && !dure_tree_get(map, "longitude"))
        dure_problem_missing(read->problems, map, "longitude", "degrees beside the latitude");
    if (longitude && !dure_tree_get(map, "latitude"))
        dure_problem_missing(read->problems, map, "latitude", "degrees beside the longitude");
    dure_read_choice(read, map, "engine", DURE_REQUIRED, engines, &engine);
    site->engine = (enum dure_engine_kind)engine;
    read_containers(read, site, map);
    dure_fleet_read_slurm(read, site, map);
}

static void read_sites(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const known[] = {"name",   "label",      "region", "latitude", "longitude",
                                        "engine", "containers", "slurm",  NULL};
    const struct dure_tree *list = dure_read_list(read, root, "sites", DURE_REQUIRED, DURE_SITES_MAX);
    uint32_t count = list ? list->count : 0;
    fleet->sites = DURE_ARENA_NEW(read->arena, struct dure_site, count + 1);
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, count + 1);
    if (!fleet->sites || !names) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        struct dure_site *site = &fleet->sites[map->index];
        site->name = site->label = site->region = site->containers = "";
        const struct dure_tree *at = NULL;
        if (dure_read_map(read, map, known)) {
            at = dure_read_name(read, map, "name", DURE_REQUIRED, &site->name);
            site->label = site->name;
            read_site(read, site, map);
        }
        names[map->index] = (struct dure_named){site->name, map->index, at};
    }
    fleet->site_count = count;
    fleet->sites_by_name = dure_read_unique(read, names, count, "a site");
    if (list && count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one site");
}

static void read_model(struct dure_read *read, struct dure_fleet *fleet, struct dure_gpu_model *model,
                       const struct dure_tree *map)
{
    const char *source = "";
    dure_read_bool(read, map, "virtual", &model->is_virtual);
    enum dure_need need = model->is_virtual ? DURE_OPTIONAL : DURE_REQUIRED;
    dure_read_memory(read, map, "memory", need, 16 * 1024 * 1024, &model->memory_mib);
    dure_read_power(read, map, "power", need, &model->power_mw);
    dure_read_name(read, map, "nvlink", DURE_OPTIONAL, &model->nvlink_level);
    dure_read_text(read, map, "source", DURE_OPTIONAL, SOURCE_MAX, &source);
    dure_fleet_read_mig(read, fleet, model, map);
}

static void read_models(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const known[] = {"name", "memory", "power", "nvlink", "mig", "virtual", "source", NULL};
    const struct dure_tree *list = dure_read_list(read, root, "models", DURE_REQUIRED, DURE_GPU_MODELS_MAX);
    uint32_t count = list ? list->count : 0;
    struct dure_named names[DURE_GPU_MODELS_MAX];
    fleet->models = DURE_ARENA_NEW(read->arena, struct dure_gpu_model, count + 1);
    fleet->migs = DURE_ARENA_NEW(read->arena, struct dure_mig_profile, DURE_MIG_PROFILES_MAX);
    if (!fleet->models || !fleet->migs) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        struct dure_gpu_model *model = &fleet->models[map->index];
        model->name = model->nvlink_level = "";
        const struct dure_tree *at = NULL;
        if (dure_read_map(read, map, known)) {
            at = dure_read_name(read, map, "name", DURE_REQUIRED, &model->name);
            read_model(read, fleet, model, map);
        }
        names[map->index] = (struct dure_named){model->name, map->index, at};
    }
    fleet->model_count = count;
    dure_read_unique(read, names, count, "a model");
    if (list && count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one model");
}

static void read_other(struct dure_read *read, struct dure_fleet *fleet, struct dure_other *other,
                       const struct dure_tree *map)
{
    static const char *const kinds[] = {"qpu", "ai-ran", NULL};
    unsigned kind = 0, provenance = DURE_ASSUMED;
    struct dure_site_id site;
    if (dure_read_choice(read, map, "kind", DURE_REQUIRED, kinds, &kind))
        other->kind = kinds[kind];
    dure_fleet_read_site(read, fleet, map, DURE_OPTIONAL, &other->site, &site);
    dure_fleet_read_owner(read, fleet, map, DURE_OPTIONAL, &other->owner);
    dure_read_uint(read, map, "count", DURE_OPTIONAL, 1, 1000000, &other->count);
    dure_read_choice(read, map, "status", DURE_OPTIONAL, dure_provenance_names, &provenance);
    other->provenance = (enum dure_provenance)provenance;
    dure_read_text(read, map, "source", DURE_OPTIONAL, SOURCE_MAX, &other->source);
}

static void read_others(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const known[] = {"name", "kind", "site", "count", "owner", "status", "source", NULL};
    const struct dure_tree *list = dure_read_list(read, root, "others", DURE_OPTIONAL, DURE_OTHERS_MAX);
    uint32_t count = list ? list->count : 0;
    fleet->others = DURE_ARENA_NEW(read->arena, struct dure_other, count + 1);
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, count + 1);
    if (!fleet->others || !names) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        struct dure_other *other = &fleet->others[map->index];
        *other =
            (struct dure_other){.name = "", .kind = "", .site = "", .count = 1, .owner = {DURE_NONE32}, .source = ""};
        const struct dure_tree *at = NULL;
        if (dure_read_map(read, map, known)) {
            at = dure_read_name(read, map, "name", DURE_REQUIRED, &other->name);
            read_other(read, fleet, other, map);
        }
        names[map->index] = (struct dure_named){other->name, map->index, at};
    }
    fleet->other_count = count;
    dure_read_unique(read, names, count, "an entry");
}

static void read_zone(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    int64_t ignored;
    fleet->zone = "UTC";
    const struct dure_tree *zone = dure_read_text(read, root, "zone", DURE_OPTIONAL, DURE_NAME_MAX, &fleet->zone);
    /* The canonical text holds instants only: reading it back must not depend on this machine's table of zones. */
    if (zone && !read->canonical && !dure_time_parse("2026-01-01", fleet->zone, &ignored)) {
        dure_problem_add(read->problems, zone, NULL, "a time zone this machine knows, such as Asia/Seoul");
        fleet->zone = "UTC";
    }
    read->zone = fleet->zone;
}

static void read_fleet(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root)
{
    static const char *const known[] = {"kind",   "version", "name",   "zone",   "models",
                                        "owners", "sites",   "groups", "others", NULL};
    fleet->name = "";
    if (!dure_read_map(read, root, known))
        return;
    dure_read_kind(read, root, "Fleet");
    dure_read_name(read, root, "name", DURE_REQUIRED, &fleet->name);
    read_zone(read, fleet, root);
    read_models(read, fleet, root);
    read_owners(read, fleet, root);
    read_sites(read, fleet, root);
    if (!read->no_memory)
        dure_fleet_read_groups(read, fleet, root);
    if (!read->no_memory)
        read_others(read, fleet, root);
}

static enum dure_err parse(const struct dure_tree *tree, bool canonical, struct dure_fleet **ret_fleet,
                           struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(FLEET_ARENA_MAX);
    struct dure_fleet *fleet = arena ? DURE_ARENA_NEW(arena, struct dure_fleet, 1) : NULL;
    if (!fleet) {
        dure_arena_free(arena);
        return DURE_E_MEMORY;
    }
    fleet->arena = arena;
    struct dure_read read;
    dure_read_begin(&read, arena, problems);
    read.canonical = canonical;
    read_fleet(&read, fleet, tree);
    if (dure_read_clean(&read))
        fleet->spec_json = dure_read_keep(&read, tree, &fleet->spec_json_length);
    enum dure_err err = dure_read_end(&read);
    if (err)
        dure_arena_free(arena);
    else
        *ret_fleet = fleet;
    return err;
}

enum dure_err dure_fleet_parse(const struct dure_tree *tree, struct dure_fleet **ret_fleet,
                               struct dure_problems *problems)
{
    return parse(tree, false, ret_fleet, problems);
}

static enum dure_err parse_written(void *ret_fleet, const struct dure_tree *tree, struct dure_problems *problems)
{
    return parse(tree, true, ret_fleet, problems);
}

enum dure_err dure_fleet_from_json(const char *json, size_t length, struct dure_fleet **ret_fleet,
                                   struct dure_error *error)
{
    return dure_read_written("fleet", FLEET_ARENA_MAX, json, length, parse_written, ret_fleet, error);
}

void dure_fleet_free(struct dure_fleet *fleet)
{
    if (fleet)
        dure_arena_free(fleet->arena);
}
