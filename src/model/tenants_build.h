#pragma once
/* What the files that read Tenants share. */
#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/read.h"
#include "model/tenants.h"

#include <string.h>

/* A name's key in a dure_map. Two names of one key are told apart by comparing the names; the later is then as good as absent. */
static inline uint64_t dure_name_key(const char *name)
{
    return dure_hash128(0, name, strlen(name)).lane[0] >> 1;
}

/* What a chain owes over one period: cells by level. */
struct dure_owed {
    int64_t from_us, until_us;
    uint64_t cells[DURE_LEVELS_MAX + 1];
    struct dure_owed *next;
};

/* Reading declarations of allotments into rows. */
struct dure_allot_reading {
    struct dure_read *read;
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants; /* its tree of tenants; its rows are in `rows` too */
    dure_room_fn room;
    void *room_context;
    DURE_VEC(struct dure_allotment) rows;
    DURE_VEC(const struct dure_tree *) places; /* parallel: the declaration; NULL: in force already */
    struct dure_map by_name;                   /* hash of a row's name → row */
    struct dure_map followed;                  /* rows that have a successor */
    struct dure_owed **owed;                   /* by chain, malloc'd lists */
};

/* False: out of memory (sticky in `read`). */
bool dure_allot_begin(struct dure_allot_reading *reading, struct dure_read *read, const struct dure_fleet *fleet,
                      const struct dure_tenants *tenants);
void dure_allot_end(struct dure_allot_reading *reading);
void dure_allot_read(struct dure_allot_reading *reading, const struct dure_tree *map);
/* Enters a row: its name, what it owes, what it follows. `at` NULL: already in force. */
void dure_allot_enter(struct dure_allot_reading *reading, const struct dure_allotment *row, const struct dure_tree *at);
bool dure_allot_row_find(const struct dure_allot_reading *reading, const char *name, uint32_t *ret_row);
/* At most one tier of a path holds allotments. */
void dure_allot_check_tiers(struct dure_allot_reading *reading);
/* What the entered rows leave (the default room function; context: the reading). */
uint32_t dure_allot_room(void *context, struct dure_chain_id chain, unsigned level, int64_t from_us, int64_t until_us);
/* One row as dure wrote it. */
void dure_allot_read_canonical(struct dure_allot_reading *reading, const struct dure_tree *map);
/* A tenant's path; false: a problem was added. */
bool dure_tenants_read_tenant(struct dure_read *read, const struct dure_tenants *tenants, const struct dure_tree *map,
                              const char *key, struct dure_tenant_id *ret_tenant);

void dure_tenants_read_ceilings(struct dure_read *read, const struct dure_tree *tenant, struct dure_ceilings *ceilings);
void dure_tenants_read_lending(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                               const struct dure_tree *root);
void dure_tenants_read_roles(struct dure_read *read, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                             const struct dure_tree *root);
/* Makes spec_json from the structs. False: out of memory. */
bool dure_tenants_write(struct dure_tenants *tenants, const struct dure_fleet *fleet);
extern const char *const dure_role_names[];
