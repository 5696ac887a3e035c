/* Reading Tenants: the tree of tenants; allotments, lending and roles are in files of their own. */
#include "model/tenants.h"
#include "model/tenants_build.h"

#include <stdlib.h>
#include <string.h>

enum { TENANTS_ARENA_MAX = 256 * 1024 * 1024, LABEL_MAX = 256 };

struct growing {
    struct dure_read *read;
    const struct dure_fleet *fleet;
    DURE_VEC(struct dure_tenant) tenants;
    DURE_VEC(const struct dure_tree *) fields; /* parallel: where the name stands */
    struct dure_map by_path;                   /* key of a path → place */
};

static const char *const tenant_fields[] = {"name", "owner", "weight", "label", "under", "ceilings", "tenants", NULL};

/* The tenant of that path among those read so far (parents stand before children). */
static bool find_above(const struct growing *growing, const char *path, struct dure_tenant_id *ret_tenant)
{
    uint64_t place;
    if (dure_map_get(&growing->by_path, dure_name_key(path), &place) &&
        strcmp(growing->tenants.at[place].path, path) == 0) {
        *ret_tenant = (struct dure_tenant_id){(uint32_t)place};
        return true;
    }
    return false;
}

static void read_owner(struct growing *growing, const struct dure_tree *map, struct dure_tenant *tenant)
{
    const struct dure_tree *field = dure_tree_get(map, "owner");
    if (!field)
        return;
    if (tenant->parent.v != DURE_NONE32) {
        dure_problem_key(growing->read->problems, field, "an owner inside a tree",
                         "the owner at the top-level tenant only");
        return;
    }
    const char *name = dure_read_scalar(growing->read, field, DURE_NAME_MAX, "the name of an owner");
    if (name && !dure_fleet_owner_find(growing->fleet, name, &tenant->owner))
        dure_problem_add(growing->read->problems, field, NULL, "an owner of the fleet");
}

static void read_under(struct growing *growing, const struct dure_tree *map, bool top, struct dure_tenant_id *parent)
{
    const struct dure_tree *field = dure_tree_get(map, "under");
    if (!field)
        return;
    if (!top) {
        dure_problem_key(growing->read->problems, field, "under in a nested tenant",
                         "under at the top of the list only");
        return;
    }
    const char *path = dure_read_scalar(growing->read, field, 4096, "the path of a tenant");
    if (path && !find_above(growing, path, parent))
        dure_problem_add(growing->read->problems, field, NULL, "the path of a tenant declared above");
}

static void read_list(struct growing *growing, const struct dure_tree *list, struct dure_tenant_id parent);

static void read_tenant(struct growing *growing, const struct dure_tree *map, struct dure_tenant_id parent)
{
    struct dure_read *read = growing->read;
    if (!dure_read_map(read, map, tenant_fields))
        return;
    struct dure_tenant tenant = {.name = "", .path = "", .owner = {DURE_NONE32}, .weight = 1};
    const struct dure_tree *at = dure_read_name(read, map, "name", DURE_REQUIRED, &tenant.name);
    read_under(growing, map, parent.v == DURE_NONE32, &parent);
    tenant.parent = parent;
    tenant.label = tenant.path = tenant.name;
    if (parent.v != DURE_NONE32) {
        const struct dure_tenant *above = &growing->tenants.at[parent.v];
        tenant.owner = above->owner;
        tenant.depth = (uint8_t)(above->depth + 1);
        tenant.path = dure_arena_printf(read->arena, "%s/%s", above->path, tenant.name);
    }
    if (tenant.depth == DURE_TENANT_DEPTH_MAX) {
        dure_problem_add(read->problems, map, "a deeper tree", "tenants at most %d deep", DURE_TENANT_DEPTH_MAX);
        return;
    }
    read_owner(growing, map, &tenant);
    dure_read_uint(read, map, "weight", DURE_OPTIONAL, 1, 1000000, &tenant.weight);
    dure_tenants_read_ceilings(read, map, &tenant.ceilings);
    dure_read_text(read, map, "label", DURE_OPTIONAL, LABEL_MAX, &tenant.label);
    if (growing->tenants.count == DURE_TENANTS_MAX) {
        dure_problem_add(read->problems, map, "more tenants", "at most %d tenants", DURE_TENANTS_MAX);
        return;
    }
    struct dure_tenant_id self = {(uint32_t)growing->tenants.count};
    if (!tenant.path || !DURE_VEC_PUSH(&growing->tenants, tenant, DURE_TENANTS_MAX) ||
        !DURE_VEC_PUSH(&growing->fields, at, DURE_TENANTS_MAX) ||
        !dure_map_put(&growing->by_path, dure_name_key(tenant.path), self.v)) {
        read->no_memory = true;
        return;
    }
    const struct dure_tree *below = dure_read_list(read, map, "tenants", DURE_OPTIONAL, DURE_TENANTS_MAX);
    if (below)
        read_list(growing, below, self);
}

static void read_list(struct growing *growing, const struct dure_tree *list, struct dure_tenant_id parent)
{
    for (const struct dure_tree *map = list->first; map && !growing->read->no_memory; map = map->next)
        read_tenant(growing, map, parent);
}

static void keep_tenants(struct growing *growing, struct dure_tenants *tenants)
{
    struct dure_read *read = growing->read;
    uint32_t count = (uint32_t)growing->tenants.count;
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, count + 1);
    tenants->tenants = DURE_ARENA_NEW(read->arena, struct dure_tenant, count + 1);
    if (!names || !tenants->tenants || read->no_memory) {
        read->no_memory = true;
        return;
    }
    tenants->tenant_count = count;
    for (uint32_t i = 0; i < count; i++) {
        tenants->tenants[i] = growing->tenants.at[i];
        names[i] = (struct dure_named){tenants->tenants[i].path, i, growing->fields.at[i]};
    }
    tenants->by_path = dure_read_unique(read, names, count, "a tenant");
}

static void read_tenants(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                         const struct dure_tree *root)
{
    struct growing growing = {.read = read, .fleet = fleet};
    const struct dure_tree *list = dure_read_list(read, root, "tenants", DURE_REQUIRED, DURE_TENANTS_MAX);
    if (list && list->count == 0)
        dure_problem_add(read->problems, list, "an empty list", "at least one tenant");
    if (list)
        read_list(&growing, list, (struct dure_tenant_id){DURE_NONE32});
    keep_tenants(&growing, tenants);
    DURE_VEC_FREE(&growing.tenants);
    DURE_VEC_FREE(&growing.fields);
    dure_map_release(&growing.by_path);
}

bool dure_tenants_read_tenant(struct dure_read *read, const struct dure_tenants *tenants, const struct dure_tree *map,
                              const char *key, struct dure_tenant_id *ret_tenant)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field) {
        dure_problem_missing(read->problems, map, key, "the path of a tenant, such as government/llm");
        return false;
    }
    const char *path = dure_read_scalar(read, field, 4096, "the path of a tenant");
    if (!path)
        return false;
    if (dure_tenants_find(tenants, path, ret_tenant))
        return true;
    dure_problem_add(read->problems, field, NULL, "the path of a declared tenant");
    return false;
}

static void read_allotments(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                            const struct dure_tree *root)
{
    const struct dure_tree *list = dure_read_list(read, root, "allotments", DURE_OPTIONAL, DURE_ALLOTMENTS_MAX);
    struct dure_allot_reading reading;
    if (!dure_allot_begin(&reading, read, fleet, tenants))
        return;
    for (const struct dure_tree *map = list ? list->first : NULL; map && !read->no_memory; map = map->next) {
        if (read->canonical)
            dure_allot_read_canonical(&reading, map);
        else
            dure_allot_read(&reading, map);
    }
    dure_allot_check_tiers(&reading);
    uint32_t count = (uint32_t)reading.rows.count;
    tenants->allotments = DURE_ARENA_NEW(read->arena, struct dure_allotment, count + 1);
    if (!tenants->allotments)
        read->no_memory = true;
    else if (count)
        memcpy(tenants->allotments, reading.rows.at, count * sizeof *tenants->allotments);
    tenants->allotment_count = tenants->allotments ? count : 0;
    dure_allot_end(&reading);
}

static void read_all(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                     const struct dure_tree *root)
{
    static const char *const known[] = {"kind", "version", "tenants", "allotments", "lending", "roles", NULL};
    if (!dure_read_map(read, root, known))
        return;
    read->zone = fleet->zone;
    dure_read_kind(read, root, "Tenants");
    read_tenants(read, fleet, tenants, root);
    if (!read->no_memory)
        read_allotments(read, fleet, tenants, root);
    if (!read->no_memory)
        dure_tenants_read_lending(read, fleet, tenants, root);
    if (!read->no_memory)
        dure_tenants_read_roles(read, fleet, tenants, root);
}

static enum dure_err parse(const struct dure_tree *tree, const struct dure_fleet *fleet, bool canonical,
                           struct dure_tenants **ret_tenants, struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(TENANTS_ARENA_MAX);
    struct dure_tenants *tenants = arena ? DURE_ARENA_NEW(arena, struct dure_tenants, 1) : NULL;
    if (!tenants) {
        dure_arena_free(arena);
        return DURE_E_MEMORY;
    }
    tenants->arena = arena;
    struct dure_read read;
    dure_read_begin(&read, arena, problems);
    read.canonical = canonical;
    read_all(&read, fleet, tenants, tree);
    if (dure_read_clean(&read))
        read.no_memory |= !dure_tenants_write(tenants, fleet);
    if (dure_read_clean(&read) && tenants->spec_json_length > DURE_SPEC_BYTES_MAX)
        dure_problem_add(problems, tree, "a larger spec", "tenants and allotments that fit 8 MiB once written out");
    enum dure_err err = dure_read_end(&read);
    if (err)
        dure_arena_free(arena);
    else
        *ret_tenants = tenants;
    return err;
}

enum dure_err dure_tenants_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                                 struct dure_tenants **ret_tenants, struct dure_problems *problems)
{
    return parse(tree, fleet, false, ret_tenants, problems);
}

struct written {
    const struct dure_fleet *fleet;
    struct dure_tenants **ret_tenants;
};

static enum dure_err parse_written(void *context, const struct dure_tree *tree, struct dure_problems *problems)
{
    const struct written *to = context;
    return parse(tree, to->fleet, true, to->ret_tenants, problems);
}

enum dure_err dure_tenants_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                     struct dure_tenants **ret_tenants, struct dure_error *error)
{
    struct written to = {fleet, ret_tenants};
    return dure_read_written("tenants", TENANTS_ARENA_MAX, json, length, parse_written, &to, error);
}

enum dure_err dure_tenants_bind(struct dure_tenants *tenants, const struct dure_fleet *fleet,
                                const struct dure_principal_id *principals)
{
    struct dure_role_row *before = tenants->roles;
    struct dure_role_row *bound = DURE_ARENA_NEW(tenants->arena, struct dure_role_row, tenants->role_count + 1);
    if (!bound)
        return DURE_E_MEMORY;
    for (uint32_t i = 0; i < tenants->role_count; i++) {
        bound[i] = before[i];
        bound[i].principal = principals[i];
    }
    tenants->roles = bound;
    if (dure_tenants_write(tenants, fleet))
        return DURE_OK;
    tenants->roles = before;
    return DURE_E_MEMORY;
}

void dure_tenants_free(struct dure_tenants *tenants)
{
    if (tenants)
        dure_arena_free(tenants->arena);
}
