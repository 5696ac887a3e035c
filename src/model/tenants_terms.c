/* Lending terms and roles. */
#include "base/timefmt.h"
#include "model/tenants_build.h"

#include <stdio.h>
#include <string.h>

enum { LOGIN_MAX = 64 };

static bool read_owner(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tree *map,
                       struct dure_owner_id *ret_owner)
{
    const struct dure_tree *field = dure_tree_get(map, "owner");
    if (!field) {
        dure_problem_missing(read->problems, map, "owner", "the name of an owner");
        return false;
    }
    const char *name = dure_read_scalar(read, field, DURE_NAME_MAX, "the name of an owner");
    if (!name)
        return false;
    if (dure_fleet_owner_find(fleet, name, ret_owner))
        return true;
    dure_problem_add(read->problems, field, NULL, "an owner of the fleet");
    return false;
}

static void read_top_tenants(struct dure_read *read, const struct dure_tenants *tenants, const struct dure_tree *list,
                             uint32_t *ret_count, struct dure_tenant_id **ret_ids)
{
    struct dure_tenant_id *ids = DURE_ARENA_NEW(read->arena, struct dure_tenant_id, list->count + 1);
    if (!ids) {
        read->no_memory = true;
        return;
    }
    uint32_t count = 0;
    for (const struct dure_tree *entry = list->first; entry; entry = entry->next) {
        const char *name = dure_read_scalar(read, entry, DURE_NAME_MAX, "the name of a top-level tenant");
        if (!name)
            continue;
        if (!dure_tenants_find(tenants, name, &ids[count]) || tenants->tenants[ids[count].v].depth != 0)
            dure_problem_add(read->problems, entry, NULL, "the name of a top-level tenant");
        else
            count++;
    }
    *ret_count = count;
    *ret_ids = ids;
}

static void read_audience(struct dure_read *read, struct dure_tenants *tenants, struct dure_lending *lending,
                          const struct dure_tree *map)
{
    static const char expected[] = "all, or a list of top-level tenants";
    const struct dure_tree *to = dure_tree_get(map, "to");
    if (!to)
        dure_problem_missing(read->problems, map, "to", "%s", expected);
    else if (to->kind == DURE_TREE_SCALAR && strcmp(to->text, "all") == 0)
        lending->to_all = true;
    else if (to->kind != DURE_TREE_LIST)
        dure_problem_add(read->problems, to, NULL, "%s", expected);
    else if ((to = dure_read_list(read, map, "to", DURE_OPTIONAL, DURE_LENDING_TO_MAX)))
        read_top_tenants(read, tenants, to, &lending->to_count, &lending->to);
    const struct dure_tree *except = dure_read_list(read, map, "except", DURE_OPTIONAL, DURE_LENDING_TO_MAX);
    if (!except)
        return;
    if (!lending->to_all)
        dure_problem_key(read->problems, except, "except beside a list", "except only with 'to: all'");
    read_top_tenants(read, tenants, except, &lending->except_count, &lending->except);
}

void dure_tenants_read_lending(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                               const struct dure_tree *root)
{
    static const char *const known[] = {"owner", "notice", "to", "except", "from", "until", NULL};
    bool seen[DURE_OWNERS_MAX] = {false};
    const struct dure_tree *list = dure_read_list(read, root, "lending", DURE_OPTIONAL, DURE_OWNERS_MAX);
    tenants->lendings = DURE_ARENA_NEW(read->arena, struct dure_lending, (list ? list->count : 0) + 1);
    if (!tenants->lendings) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map && !read->no_memory; map = map->next) {
        struct dure_lending *lending = &tenants->lendings[map->index];
        *lending = (struct dure_lending){.owner = {DURE_NONE32}, .from_us = INT64_MIN, .until_us = DURE_NEVER_US};
        if (!dure_read_map(read, map, known))
            continue;
        if (read_owner(read, fleet, map, &lending->owner)) {
            if (seen[lending->owner.v])
                dure_problem_add(read->problems, dure_tree_get(map, "owner"), NULL, "one entry for each owner");
            seen[lending->owner.v] = true;
        }
        dure_read_duration(read, map, "notice", DURE_REQUIRED, 0, DURE_DAY_US, &lending->notice_us);
        read_audience(read, tenants, lending, map);
        dure_read_time(read, map, "from", &lending->from_us);
        const struct dure_tree *until = dure_read_time(read, map, "until", &lending->until_us);
        if (until && lending->until_us <= lending->from_us)
            dure_problem_add(read->problems, until, NULL, "a time after 'from'");
    }
    tenants->lending_count = list ? list->count : 0;
}

static void refuse_field(struct dure_read *read, const struct dure_tree *map, const char *key, const char *role)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (field)
        dure_problem_key(read->problems, field, "a field that means nothing here", "no '%s' for the role %s", key,
                         role);
}

static void read_scope(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tenants *tenants,
                       struct dure_role_row *row, const struct dure_tree *map)
{
    if (row->role == DURE_ROLE_MEMBER)
        dure_tenants_read_tenant(read, tenants, map, "tenant", &row->tenant);
    else
        refuse_field(read, map, "tenant", dure_role_name(row->role));
    if (row->role == DURE_ROLE_OWNER)
        read_owner(read, fleet, map, &row->owner);
    else
        refuse_field(read, map, "owner", dure_role_name(row->role));
}

static const struct dure_tree *read_login(struct dure_read *read, struct dure_role_row *row,
                                          const struct dure_tree *map)
{
    if (read->canonical) {
        uint32_t principal = 0;
        if (dure_read_uint(read, map, "principal", DURE_OPTIONAL, 0, UINT32_MAX - 1, &principal))
            row->principal = (struct dure_principal_id){principal};
        return NULL;
    }
    const struct dure_tree *login = dure_read_text(read, map, "login", DURE_REQUIRED, LOGIN_MAX, &row->login);
    if (login && (!row->login[0] || strpbrk(row->login, " \t\n:/"))) {
        dure_problem_add(read->problems, login, NULL, "a login name without blanks, colons and slashes");
        return NULL;
    }
    return login;
}

void dure_tenants_read_roles(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                             const struct dure_tree *root)
{
    static const char *const written[] = {"login", "role", "tenant", "owner", NULL};
    static const char *const canonical[] = {"principal", "role", "tenant", "owner", NULL};
    const struct dure_tree *list = dure_read_list(read, root, "roles", DURE_OPTIONAL, DURE_ROLES_MAX);
    uint32_t count = list ? list->count : 0;
    tenants->roles = DURE_ARENA_NEW(read->arena, struct dure_role_row, count + 1);
    struct dure_named *names = DURE_ARENA_NEW(read->arena, struct dure_named, count + 1);
    if (!tenants->roles || !names) {
        read->no_memory = true;
        return;
    }
    for (const struct dure_tree *map = list ? list->first : NULL; map && !read->no_memory; map = map->next) {
        struct dure_role_row *row = &tenants->roles[map->index];
        *row = (struct dure_role_row){
            .login = "", .principal = {DURE_NONE32}, .tenant = {DURE_NONE32}, .owner = {DURE_NONE32}};
        names[map->index] = (struct dure_named){"", map->index, NULL};
        unsigned role;
        if (!dure_read_map(read, map, read->canonical ? canonical : written))
            continue;
        const struct dure_tree *login = read_login(read, row, map);
        if (!dure_read_choice(read, map, "role", DURE_REQUIRED, dure_role_names, &role))
            continue;
        row->role = (enum dure_role)role;
        read_scope(read, fleet, tenants, row, map);
        const char *key = dure_arena_printf(read->arena, "%s %u %u %u", row->login, role, row->tenant.v, row->owner.v);
        read->no_memory |= !key;
        if (login && key)
            names[map->index] = (struct dure_named){key, map->index, login};
    }
    tenants->role_count = count;
    dure_read_unique(read, names, count, "a login that has not this role");
}

enum dure_err dure_tenants_lend_rest(struct dure_tenants *tenants, const struct dure_fleet *fleet, int64_t notice_us)
{
    DURE_ASSERT(notice_us >= 0 && notice_us <= DURE_DAY_US);
    struct dure_lending *rows = DURE_ARENA_NEW(tenants->arena, struct dure_lending, (size_t)fleet->owner_count + 1);
    if (!rows)
        return DURE_E_MEMORY;
    bool lends[DURE_OWNERS_MAX] = {0};
    uint32_t count = 0;
    for (; count < tenants->lending_count; count++) {
        rows[count] = tenants->lendings[count];
        lends[rows[count].owner.v] = true;
    }
    for (uint32_t i = 0; i < fleet->owner_count; i++)
        if (!lends[i])
            rows[count++] = (struct dure_lending){
                .owner = {i}, .notice_us = notice_us, .to_all = true, .from_us = INT64_MIN, .until_us = DURE_NEVER_US};
    tenants->lendings = rows;
    tenants->lending_count = count;
    return dure_tenants_write(tenants, fleet) ? DURE_OK : DURE_E_MEMORY;
}
