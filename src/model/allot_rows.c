/* Rows of allotments while a spec is read: their names, whom they follow, what they owe and what is left. */
#include "model/tenants_build.h"

#include <stdlib.h>

bool dure_allot_begin(struct dure_allot_reading *reading, struct dure_read *read, const struct dure_fleet *fleet,
                      const struct dure_tenants *tenants)
{
    *reading = (struct dure_allot_reading){
        .read = read, .fleet = fleet, .tenants = tenants, .room = dure_allot_room, .room_context = reading};
    reading->owed = calloc(fleet->chain_count + 1, sizeof *reading->owed);
    read->no_memory |= !reading->owed;
    return reading->owed;
}

void dure_allot_end(struct dure_allot_reading *reading)
{
    for (uint32_t i = 0; reading->owed && i < reading->fleet->chain_count; i++)
        for (struct dure_owed *owed = reading->owed[i], *next; owed; owed = next) {
            next = owed->next;
            free(owed);
        }
    free(reading->owed);
    dure_map_release(&reading->by_name);
    dure_map_release(&reading->followed);
    DURE_VEC_FREE(&reading->rows);
    DURE_VEC_FREE(&reading->places);
}

bool dure_allot_row_find(const struct dure_allot_reading *reading, const char *name, uint32_t *ret_row)
{
    uint64_t row;
    if (!dure_map_get(&reading->by_name, dure_name_key(name), &row) || strcmp(reading->rows.at[row].name, name) != 0)
        return false;
    *ret_row = (uint32_t)row;
    return true;
}

static void owe(struct dure_allot_reading *reading, const struct dure_allotment *row)
{
    struct dure_owed *owed = reading->owed[row->chain.v];
    while (owed && (owed->from_us != row->from_us || owed->until_us != row->until_us))
        owed = owed->next;
    if (!owed) {
        owed = calloc(1, sizeof *owed);
        if (!owed) {
            reading->read->no_memory = true;
            return;
        }
        owed->from_us = row->from_us;
        owed->until_us = row->until_us;
        owed->next = reading->owed[row->chain.v];
        reading->owed[row->chain.v] = owed;
    }
    owed->cells[row->level] += row->count;
}

void dure_allot_enter(struct dure_allot_reading *reading, const struct dure_allotment *row, const struct dure_tree *at)
{
    struct dure_read *read = reading->read;
    uint32_t before;
    if (reading->rows.count == DURE_ALLOTMENTS_MAX) {
        if (at)
            dure_problem_add(read->problems, at, "more allotments", "at most %d allotments, each counted by its rows",
                             DURE_ALLOTMENTS_MAX);
        return;
    }
    if (row->after[0] && dure_allot_row_find(reading, row->after, &before))
        read->no_memory |= !dure_map_put(&reading->followed, before, 1);
    read->no_memory |= !dure_map_put(&reading->by_name, dure_name_key(row->name), reading->rows.count) ||
                       !DURE_VEC_PUSH(&reading->rows, *row, DURE_ALLOTMENTS_MAX) ||
                       !DURE_VEC_PUSH(&reading->places, at, DURE_ALLOTMENTS_MAX);
    if (!read->no_memory)
        owe(reading, row);
}

uint32_t dure_room_any(void *context, struct dure_chain_id chain, unsigned level, int64_t from_us, int64_t until_us)
{
    (void)context, (void)chain, (void)level, (void)from_us, (void)until_us;
    return UINT32_MAX;
}

/* The invariant of cells on an empty chain: s[K] = tops - r[K], s[l] = c[l+1] s[l+1] - r[l], all at least 0. What is owed in any
 * period that meets this one counts whole: a right is owed from its acceptance on. */
uint32_t dure_allot_room(void *context, struct dure_chain_id chain_id, unsigned level, int64_t from_us,
                         int64_t until_us)
{
    const struct dure_allot_reading *reading = context;
    const struct dure_chain *chain = &reading->fleet->chains[chain_id.v];
    uint64_t owed[DURE_LEVELS_MAX + 1] = {0};
    for (const struct dure_owed *o = reading->owed[chain_id.v]; o; o = o->next)
        for (unsigned l = 1; o->from_us < until_us && from_us < o->until_us && l <= chain->level_count; l++)
            owed[l] += o->cells[l];
    int64_t spare = chain->tops, room = INT64_MAX, under = 1;
    for (unsigned l = chain->level_count; l >= 1; l--) {
        if (l < chain->level_count)
            spare *= chain->levels[l + 1].holds;
        spare -= (int64_t)owed[l];
        if (spare < 0)
            return 0;
        if (l < level)
            under *= chain->levels[l + 1].holds;
        if (l <= level && spare / under < room)
            room = spare / under;
    }
    return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

void dure_allot_check_tiers(struct dure_allot_reading *reading)
{
    uint32_t tenants = reading->tenants->tenant_count;
    uint8_t *holds = calloc(tenants + 1, 1); /* 1: by rows in force, 2: by rows just read */
    if (!holds) {
        reading->read->no_memory = true;
        return;
    }
    for (size_t i = 0; i < reading->rows.count; i++)
        holds[reading->rows.at[i].tenant.v] |= reading->places.at[i] ? 2 : 1;
    const struct dure_tree *last = NULL;
    for (size_t i = 0; i < reading->rows.count; i++) {
        const struct dure_tree *at = reading->places.at[i];
        uint32_t tenant = reading->rows.at[i].tenant.v;
        uint32_t above = reading->tenants->tenants[tenant].parent.v;
        while (above != DURE_NONE32 && !holds[above])
            above = reading->tenants->tenants[above].parent.v;
        if (above == DURE_NONE32 || (!at && !(holds[above] & 2)) || (at && at == last))
            continue;
        last = at;
        for (size_t k = 0; !at && k < reading->rows.count;
             k++) /* the row in force stays: the new one above it is at fault */
            if (reading->rows.at[k].tenant.v == above)
                at = reading->places.at[k];
        if (at)
            dure_problem_add(reading->read->problems, dure_tree_get(at, "tenant"), NULL,
                             "allotments on one tier of a path: both '%s' and '%s' would hold some",
                             reading->tenants->tenants[above].path, reading->tenants->tenants[tenant].path);
    }
    free(holds);
}
