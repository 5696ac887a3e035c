/* Reading Data: datasets with their sites and neighbours. */
#include "model/data.h"

#include <stdlib.h>
#include <string.h>

#include "model/read.h"

enum { DATA_ARENA_MAX = 16 * 1024 * 1024, LABEL_MAX = 256, PATH_MAX_BYTES = 4096 };

const char *const dure_data_level_names[] = {"", "node", "rack", NULL};

struct reading {
    struct dure_read *read;
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants;
};

static int by_id(const void *a, const void *b)
{
    const struct dure_site_id *x = a, *y = b;
    return x->v < y->v ? -1 : x->v > y->v;
}

static void read_sites(struct reading *r, const struct dure_tree *map, struct dure_dataset *set)
{
    struct dure_read *read = r->read;
    const struct dure_tree *field = dure_tree_get(map, "sites");
    if (field && field->kind == DURE_TREE_SCALAR && strcmp(field->text, "all") == 0) {
        set->everywhere = true;
        return;
    }
    if (!field || field->kind != DURE_TREE_LIST) {
        if (field)
            dure_problem_add(read->problems, field, NULL, "all, or a list of sites of the fleet");
        else
            dure_problem_missing(read->problems, map, "sites", "all, or a list of sites of the fleet");
        return;
    }
    if (!field->count)
        dure_problem_add(read->problems, field, "an empty list", "at least one site, or all");
    set->sites = DURE_ARENA_NEW(read->arena, struct dure_site_id, field->count + 1);
    if (!set->sites) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *entry = field->first; entry; entry = entry->next) {
        const char *name = dure_read_scalar(read, entry, DURE_NAME_MAX, "the name of a site");
        if (name && !dure_fleet_site_find(r->fleet, name, &set->sites[set->site_count]))
            dure_problem_add(read->problems, entry, NULL, "a site of the fleet");
        else if (name)
            set->site_count++;
    }
    if (set->site_count > 1)
        qsort(set->sites, set->site_count, sizeof *set->sites, by_id);
}

static void read_forbidden(struct reading *r, const struct dure_tree *map, struct dure_dataset *set)
{
    static const char expected[] = "others, or a list of paths of tenants";
    const struct dure_tree *field = dure_tree_get(map, "tenants");
    if (!field) {
        dure_problem_missing(r->read->problems, map, "tenants", expected);
        return;
    }
    if (field->kind == DURE_TREE_SCALAR && strcmp(field->text, "others") == 0)
        return;
    if (field->kind != DURE_TREE_LIST || !field->count || field->count > DURE_DATA_TENANTS_MAX) {
        dure_problem_add(r->read->problems, field, field->kind == DURE_TREE_LIST ? "such a list" : NULL,
                         "others, or a list of 1 to %d paths of tenants", DURE_DATA_TENANTS_MAX);
        return;
    }
    set->forbidden = DURE_ARENA_NEW(r->read->arena, const char *, field->count);
    if (!set->forbidden) {
        r->read->no_memory = true;
        return;
    }
    for (const struct dure_tree *entry = field->first; entry; entry = entry->next) {
        struct dure_tenant_id tenant;
        const char *path = dure_read_scalar(r->read, entry, PATH_MAX_BYTES, "the path of a tenant");
        if (path && r->tenants && !dure_tenants_find(r->tenants, path, &tenant))
            dure_problem_add(r->read->problems, entry, NULL, "the path of a declared tenant");
        else if (path)
            set->forbidden[set->forbidden_count++] = path;
    }
}

static bool has_level(const struct dure_fleet *fleet, const char *level)
{
    for (uint32_t i = 0; i < fleet->level_name_count; i++)
        if (strcmp(fleet->level_names[i], level) == 0)
            return true;
    return false;
}

static void read_neighbours(struct reading *r, const struct dure_tree *set_map, struct dure_dataset *set)
{
    static const char *const known[] = {"level", "tenants", NULL};
    const struct dure_tree *map = dure_tree_get(set_map, "neighbours");
    unsigned level = 0;
    if (!map || !dure_read_map(r->read, map, known))
        return;
    const struct dure_tree *at =
        dure_read_choice(r->read, map, "level", DURE_REQUIRED, dure_data_level_names + 1, &level);
    if (at) {
        set->alone = (enum dure_data_level)(level + 1);
        if (!has_level(r->fleet, dure_data_level_names[set->alone]))
            dure_problem_add(r->read->problems, at, NULL, "a level that the fleet has");
    }
    read_forbidden(r, map, set);
}

static void read_dataset(struct reading *r, const struct dure_tree *map, struct dure_dataset *set,
                         struct dure_named *ret_named)
{
    static const char *const known[] = {"name", "label", "class", "sites", "neighbours", NULL};
    static const char *const classes[] = {"C", "S", "O", NULL};
    unsigned data_class = 0;
    *set = (struct dure_dataset){.name = ""};
    *ret_named = (struct dure_named){"", map->index, NULL};
    if (!dure_read_map(r->read, map, known))
        return;
    const struct dure_tree *at = dure_read_name(r->read, map, "name", DURE_REQUIRED, &set->name);
    set->label = set->name;
    dure_read_text(r->read, map, "label", DURE_OPTIONAL, LABEL_MAX, &set->label);
    if (dure_read_choice(r->read, map, "class", DURE_OPTIONAL, classes, &data_class))
        set->data_class = (enum dure_data_class)(data_class + 1);
    read_sites(r, map, set);
    read_neighbours(r, map, set);
    *ret_named = (struct dure_named){set->name, map->index, at};
}

static void read_all(struct reading *r, struct dure_data *data, const struct dure_tree *root)
{
    static const char *const known[] = {"kind", "version", "datasets", NULL};
    struct dure_read *read = r->read;
    if (!dure_read_map(read, root, known))
        return;
    dure_read_kind(read, root, "Data");
    const struct dure_tree *list = dure_read_list(read, root, "datasets", DURE_REQUIRED, DURE_DATASETS_MAX);
    const uint32_t count = list ? list->count : 0;
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, count + 1);
    data->datasets = DURE_ARENA_NEW(read->arena, struct dure_dataset, count + 1);
    if (!names || !data->datasets) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        read_dataset(r, map, &data->datasets[data->dataset_count], &names[data->dataset_count]);
        data->dataset_count++;
    }
    dure_read_unique(read, names, data->dataset_count, "a dataset");
}

static enum dure_err parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                           const struct dure_tenants *tenants, bool canonical, struct dure_data **ret_data,
                           struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(DATA_ARENA_MAX);
    struct dure_data *data = arena ? DURE_ARENA_NEW(arena, struct dure_data, 1) : NULL;
    if (!data) {
        dure_arena_free(arena);
        return DURE_E_MEMORY;
    }
    data->arena = arena;
    struct dure_read read;
    dure_read_begin(&read, arena, problems);
    read.canonical = canonical;
    struct reading reading = {&read, fleet, tenants};
    read_all(&reading, data, tree);
    if (dure_read_clean(&read))
        data->spec_json = dure_read_keep(&read, tree, &data->spec_json_length);
    const enum dure_err err = dure_read_end(&read);
    if (err)
        dure_arena_free(arena);
    else
        *ret_data = data;
    return err;
}

enum dure_err dure_data_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                              const struct dure_tenants *tenants, struct dure_data **ret_data,
                              struct dure_problems *problems)
{
    return parse(tree, fleet, tenants, false, ret_data, problems);
}

struct written {
    const struct dure_fleet *fleet;
    struct dure_data **ret_data;
};

static enum dure_err parse_written(void *context, const struct dure_tree *tree, struct dure_problems *problems)
{
    const struct written *to = context;
    return parse(tree, to->fleet, NULL, true, to->ret_data, problems);
}

enum dure_err dure_data_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                  struct dure_data **ret_data, struct dure_error *error)
{
    struct written to = {fleet, ret_data};
    return dure_read_written("data", DATA_ARENA_MAX, json, length, parse_written, &to, error);
}

void dure_data_free(struct dure_data *data)
{
    if (data)
        dure_arena_free(data->arena);
}
