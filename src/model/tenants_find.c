/* Questions about tenants: pure functions of them. */
#include "model/tenants.h"

#include <stdlib.h>
#include <string.h>

bool dure_tenants_find(const struct dure_tenants *tenants, const char *path, struct dure_tenant_id *ret_tenant)
{
    uint32_t low = 0, high = tenants->tenant_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, tenant = tenants->by_path[middle];
        int order = strcmp(tenants->tenants[tenant].path, path);
        if (order == 0) {
            *ret_tenant = (struct dure_tenant_id){tenant};
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool dure_tenants_within(const struct dure_tenants *tenants, struct dure_tenant_id tenant,
                         struct dure_tenant_id ancestor)
{
    while (tenant.v != DURE_NONE32) {
        if (tenant.v == ancestor.v)
            return true;
        tenant = tenants->tenants[tenant.v].parent;
    }
    return false;
}

const char *const dure_role_names[] = {"operator", "owner", "member", "auditor", NULL};

const char *dure_role_name(enum dure_role role)
{
    return dure_role_names[role];
}

static int by_name(const void *a, const void *b)
{
    const struct dure_allotment *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool same_allotment(const struct dure_allotment *a, const struct dure_allotment *b)
{
    return a->tenant.v == b->tenant.v && a->chain.v == b->chain.v && a->level == b->level && a->count == b->count &&
           a->from_us == b->from_us && a->until_us == b->until_us && strcmp(a->after, b->after) == 0;
}

static enum dure_err compare_allotments(const struct dure_tenants *now, const struct dure_tenants *next,
                                        struct dure_error *error)
{
    const struct dure_allotment **sorted = calloc(next->allotment_count + 1, sizeof *sorted);
    if (!sorted)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < next->allotment_count; i++)
        sorted[i] = &next->allotments[i];
    qsort(sorted, next->allotment_count, sizeof *sorted, by_name);
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; i < now->allotment_count && !err; i++) {
        const struct dure_allotment *wanted = &now->allotments[i];
        const struct dure_allotment **found = bsearch(&wanted, sorted, next->allotment_count, sizeof *sorted, by_name);
        if (found && !same_allotment(*found, wanted))
            err = dure_fail(
                error, DURE_E_STATE,
                "allotment '%s' is in force with other terms: shrink or end it, or give the new one another name",
                wanted->name);
    }
    free(sorted);
    return err;
}

enum dure_err dure_tenants_may_follow(const struct dure_tenants *now, const struct dure_tenants *next,
                                      struct dure_error *error)
{
    for (uint32_t i = 0; i < now->tenant_count; i++) {
        const struct dure_tenant *a = &now->tenants[i], *b = &next->tenants[i];
        if (i >= next->tenant_count || strcmp(a->path, b->path) != 0)
            return dure_fail(error, DURE_E_STATE,
                             "tenant '%s' is gone or moved: add tenants at the end of the list (with `under:` for one "
                             "inside a tree); `dure tenants --spec` prints the spec in force",
                             a->path);
        if (a->owner.v != b->owner.v)
            return dure_fail(error, DURE_E_STATE, "tenant '%s' belongs to another owner than before", a->path);
    }
    return compare_allotments(now, next, error);
}
