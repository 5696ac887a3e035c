/* Single grants: one declaration against the tenants in force, and the rows a record carries. */
#include "model/tenants_build.h"

static bool enter_those_in_force(struct dure_allot_reading *reading)
{
    for (uint32_t i = 0; i < reading->tenants->allotment_count && !reading->read->no_memory; i++)
        dure_allot_enter(reading, &reading->tenants->allotments[i], NULL);
    return !reading->read->no_memory;
}

static void keep_new(const struct dure_allot_reading *reading, struct dure_allotment **ret_rows, uint32_t *ret_count)
{
    uint32_t first = reading->tenants->allotment_count, count = (uint32_t)reading->rows.count - first;
    struct dure_allotment *rows = DURE_ARENA_NEW(reading->read->arena, struct dure_allotment, count + 1);
    if (!rows) {
        reading->read->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        rows[i] = reading->rows.at[first + i];
    *ret_rows = rows;
    *ret_count = count;
}

enum dure_err dure_allotment_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                                   const struct dure_tenants *tenants, struct dure_arena *arena, dure_room_fn room,
                                   void *context, struct dure_allotment **ret_rows, uint32_t *ret_count,
                                   struct dure_problems *problems)
{
    struct dure_read read;
    struct dure_allot_reading reading;
    struct dure_allotment *rows = NULL;
    uint32_t count = 0;
    dure_read_begin(&read, arena, problems);
    read.zone = fleet->zone;
    if (!dure_allot_begin(&reading, &read, fleet, tenants))
        return dure_read_end(&read);
    if (room) {
        reading.room = room;
        reading.room_context = context;
    }
    if (enter_those_in_force(&reading))
        dure_allot_read(&reading, tree);
    dure_allot_check_tiers(&reading);
    if (dure_read_clean(&read))
        keep_new(&reading, &rows, &count);
    dure_allot_end(&reading);
    enum dure_err err = dure_read_end(&read);
    if (!err) {
        *ret_rows = rows;
        *ret_count = count;
    }
    return err;
}

static enum dure_err read_rows(const struct dure_tree *list, const struct dure_fleet *fleet,
                               const struct dure_tenants *tenants, struct dure_arena *arena,
                               struct dure_allotment **ret_rows, uint32_t *ret_count, struct dure_problems *problems)
{
    struct dure_read read;
    struct dure_allot_reading reading;
    dure_read_begin(&read, arena, problems);
    read.canonical = true;
    if (!dure_allot_begin(&reading, &read, fleet, tenants))
        return dure_read_end(&read);
    if (list->kind != DURE_TREE_LIST)
        dure_problem_add(problems, list, NULL, "a list");
    else if (enter_those_in_force(&reading))
        for (const struct dure_tree *map = list->first; map && !read.no_memory; map = map->next)
            dure_allot_read_canonical(&reading, map);
    dure_allot_check_tiers(&reading);
    if (dure_read_clean(&read))
        keep_new(&reading, ret_rows, ret_count);
    dure_allot_end(&reading);
    return dure_read_end(&read);
}

enum dure_err dure_allotments_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                        const struct dure_tenants *tenants, struct dure_arena *arena,
                                        struct dure_allotment **ret_rows, uint32_t *ret_count, struct dure_error *error)
{
    struct dure_problems problems = {.file = "grant"};
    struct dure_tree *tree;
    struct dure_allotment *rows = NULL;
    uint32_t count = 0;
    enum dure_err err = dure_tree_from_json(arena, json, length, &tree, &problems);
    if (!err)
        err = read_rows(tree, fleet, tenants, arena, &rows, &count, &problems);
    if (err == DURE_E_MEMORY)
        return dure_fail(error, err, "out of memory");
    if (err) {
        (void)dure_problems_fail(&problems, error);
        if (error)
            error->code = err;
        return err;
    }
    *ret_rows = rows;
    *ret_count = count;
    return DURE_OK;
}
