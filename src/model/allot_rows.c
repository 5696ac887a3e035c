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

/* What is owed over this period; NULL: out of memory. */
static struct dure_owed *owed_over(struct dure_allot_reading *reading, uint32_t chain, int64_t from_us,
                                   int64_t until_us)
{
    struct dure_owed *owed = reading->owed[chain];
    while (owed && (owed->from_us != from_us || owed->until_us != until_us))
        owed = owed->next;
    if (owed)
        return owed;
    owed = calloc(1, sizeof *owed);
    if (!owed) {
        reading->read->no_memory = true;
        return NULL;
    }
    owed->from_us = from_us;
    owed->until_us = until_us;
    owed->next = reading->owed[chain];
    reading->owed[chain] = owed;
    return owed;
}

/* A successor has the very cells of whom it follows: they are owed from when the first of the line begins until it ends. */
static void owe(struct dure_allot_reading *reading, const struct dure_allotment *row)
{
    const struct dure_allotment *old = NULL, *first = row;
    uint32_t before, at = (uint32_t)reading->rows.count - 1;
    for (; first->after[0] && dure_allot_row_find(reading, first->after, &before) && before < at; at = before) {
        const struct dure_allotment *followed = &reading->rows.at[before];
        if (followed->chain.v != row->chain.v || followed->level != row->level || followed->count < first->count)
            break;
        first = followed;
        old = old ? old : first;
    }
    struct dure_owed *was = old ? owed_over(reading, row->chain.v, first->from_us, old->until_us) : NULL,
                     *owed = owed_over(reading, row->chain.v, first->from_us, row->until_us);
    if (was && was->cells[row->level] >= row->count)
        was->cells[row->level] -= row->count;
    if (owed)
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

/* A tenant that holds allotments, as seen from those below it that would hold some too. */
struct tier {
    const struct dure_tree *at; /* the first row at fault */
    uint32_t first, second;     /* the first tenants below */
    uint32_t below;             /* how many */
};

static void say_tier(const struct dure_allot_reading *reading, uint32_t above, const struct tier *tier)
{
    const struct dure_tenant *tenants = reading->tenants->tenants;
    const struct dure_tree *at = dure_tree_get(tier->at, "tenant");
    if (tier->below == 1)
        dure_problem_add(reading->read->problems, at, NULL,
                         "allotments on one tier of a path: both '%s' and '%s' would hold some", tenants[above].path,
                         tenants[tier->first].path);
    else if (tier->below == 2)
        dure_problem_add(reading->read->problems, at, NULL,
                         "allotments on one tier of a path: '%s', and below it '%s' and '%s' would hold some",
                         tenants[above].path, tenants[tier->first].path, tenants[tier->second].path);
    else
        dure_problem_add(reading->read->problems, at, NULL,
                         "allotments on one tier of a path: '%s', and below it %u tenants ('%s', '%s' and %u more) "
                         "would hold some",
                         tenants[above].path, tier->below, tenants[tier->first].path, tenants[tier->second].path,
                         tier->below - 2);
}

/* The nearest tenant above that holds some too; NONE32. */
static uint32_t holder_above(const struct dure_allot_reading *reading, const uint8_t *holds, uint32_t tenant)
{
    uint32_t above = reading->tenants->tenants[tenant].parent.v;
    while (above != DURE_NONE32 && !holds[above])
        above = reading->tenants->tenants[above].parent.v;
    return above;
}

void dure_allot_check_tiers(struct dure_allot_reading *reading)
{
    enum { IN_FORCE = 1, NEW = 2, TOLD = 4 };
    const uint32_t tenants = reading->tenants->tenant_count;
    uint8_t *holds = calloc(tenants + 1, 1);
    struct tier *tiers = calloc(tenants + 1, sizeof *tiers);
    const struct dure_tree **first_row = calloc(tenants + 1, sizeof *first_row); /* just read, by tenant */
    if (!holds || !tiers || !first_row)
        reading->read->no_memory = true;
    for (size_t i = 0; !reading->read->no_memory && i < reading->rows.count; i++) {
        const uint32_t tenant = reading->rows.at[i].tenant.v;
        holds[tenant] |= reading->places.at[i] ? NEW : IN_FORCE;
        if (!first_row[tenant])
            first_row[tenant] = reading->places.at[i];
    }
    for (size_t i = 0; !reading->read->no_memory && i < reading->rows.count; i++) {
        const uint32_t tenant = reading->rows.at[i].tenant.v, above = holder_above(reading, holds, tenant);
        if (above == DURE_NONE32 || (holds[tenant] & TOLD) || !((holds[tenant] | holds[above]) & NEW))
            continue;
        holds[tenant] |= TOLD;
        struct tier *tier = &tiers[above];
        if (!tier->at) /* the row in force stays: the new one is at fault */
            tier->at = first_row[tenant] ? first_row[tenant] : first_row[above];
        if (tier->below == 0)
            tier->first = tenant;
        else if (tier->below == 1)
            tier->second = tenant;
        tier->below++;
    }
    for (uint32_t t = 0; !reading->read->no_memory && t < tenants; t++)
        if (tiers[t].below)
            say_tier(reading, t, &tiers[t]);
    free(holds);
    free(tiers);
    free(first_row);
}
