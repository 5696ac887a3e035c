/* One declaration of an allotment → rows, each of one chain and level. */
#include "base/timefmt.h"
#include "model/tenants_build.h"

#include <stdio.h>
#include <string.h>

/* A declaration as it is read. */
struct declared {
    const struct dure_tree *map;
    struct dure_allotment row; /* what its rows share */
    bool from_given;
    const char *after;
    const struct dure_tree *target; /* the field that names the hardware */
    struct dure_chain_id chain_first;
    uint32_t chain_count;
    bool filtered; /* by owner and model, over all chains */
    struct dure_owner_id owner;
    struct dure_gpu_model_id model;
    const struct dure_tree *level_field, *amount;
    uint32_t left; /* cells, or GPUs */
    uint32_t rows;
    uint32_t problems_before;
};

static void read_filter(struct dure_allot_reading *reading, struct declared *d, const struct dure_tree *owner)
{
    struct dure_read *read = reading->read;
    const struct dure_tree *model = dure_tree_get(d->map, "model");
    d->target = owner;
    d->filtered = true;
    d->chain_first = (struct dure_chain_id){0};
    d->chain_count = reading->fleet->chain_count;
    const char *name = dure_read_scalar(read, owner, DURE_NAME_MAX, "the name of an owner");
    if (name && !dure_fleet_owner_find(reading->fleet, name, &d->owner))
        dure_problem_add(read->problems, owner, NULL, "an owner of the fleet");
    if (!model) {
        dure_problem_missing(read->problems, d->map, "model", "the GPU model beside the owner");
        return;
    }
    name = dure_read_scalar(read, model, DURE_NAME_MAX, "the name of a model");
    if (name && !dure_fleet_model_find(reading->fleet, name, &d->model))
        dure_problem_add(read->problems, model, NULL, "a model of the fleet");
}

static void read_target(struct dure_allot_reading *reading, struct declared *d)
{
    struct dure_read *read = reading->read;
    const struct dure_tree *group = dure_tree_get(d->map, "group"), *chain = dure_tree_get(d->map, "chain");
    const struct dure_tree *owner = dure_tree_get(d->map, "owner");
    if (!group && !chain && !owner) {
        dure_problem_missing(read->problems, d->map, "group",
                             "the hardware: a group, a chain, or an owner and a model");
        return;
    }
    if ((group != NULL) + (chain != NULL) + (owner != NULL) > 1) {
        dure_problem_add(read->problems, d->map, "more than one of group, chain and owner", "one of them");
        return;
    }
    if (owner) {
        read_filter(reading, d, owner);
        return;
    }
    const struct dure_tree *model = dure_tree_get(d->map, "model");
    if (model)
        dure_problem_key(read->problems, model, "a model beside a group or chain", "model only beside owner");
    d->target = group ? group : chain;
    const char *name = dure_read_scalar(read, d->target, DURE_NAME_MAX, "the name of a group");
    if (!name)
        return;
    bool found = group ? dure_fleet_group_find(reading->fleet, name, &d->chain_first, &d->chain_count)
                       : dure_fleet_chain_find(reading->fleet, name, &d->chain_first);
    if (!found)
        dure_problem_add(read->problems, d->target, NULL,
                         group ? "a group of the fleet"
                               : "a chain of the fleet (a group, or name+rack for a remainder)");
    else if (chain)
        d->chain_count = 1;
}

static void read_amount(struct dure_allot_reading *reading, struct declared *d)
{
    struct dure_read *read = reading->read;
    const struct dure_tree *gpus = dure_tree_get(d->map, "gpus"), *count = dure_tree_get(d->map, "count");
    d->level_field = dure_tree_get(d->map, "level");
    if (gpus && (d->level_field || count)) {
        dure_problem_add(read->problems, d->map, "gpus beside level or count", "either gpus, or level and count");
        return;
    }
    if (gpus) {
        d->amount =
            dure_read_uint(read, d->map, "gpus", DURE_REQUIRED, 1, DURE_NODES_MAX * DURE_NODE_GPUS_MAX, &d->left);
        return;
    }
    if (!d->level_field) {
        dure_problem_missing(read->problems, d->map, "level", "a level and a count, or gpus");
        return;
    }
    d->amount = dure_read_uint(read, d->map, "count", DURE_REQUIRED, 1, DURE_NODES_MAX * DURE_NODE_GPUS_MAX, &d->left);
}

static void read_period(struct dure_allot_reading *reading, struct declared *d)
{
    d->row.from_us = INT64_MIN;
    d->row.until_us = DURE_NEVER_US;
    d->from_given = dure_read_time(reading->read, d->map, "from", &d->row.from_us);
    const struct dure_tree *until = dure_read_time(reading->read, d->map, "until", &d->row.until_us);
    if (until && d->row.until_us <= d->row.from_us)
        dure_problem_add(reading->read->problems, until, NULL, "a time after 'from'");
}

static void read_predecessor(struct dure_allot_reading *reading, struct declared *d)
{
    struct dure_read *read = reading->read;
    uint32_t before;
    const struct dure_tree *at = dure_read_text(read, d->map, "after", DURE_OPTIONAL, 2 * DURE_NAME_MAX, &d->after);
    if (!at)
        return;
    if (!dure_allot_row_find(reading, d->after, &before)) {
        dure_problem_add(read->problems, at, NULL, "the name of an allotment declared above");
        return;
    }
    if (!d->from_given && reading->rows.at[before].until_us != DURE_NEVER_US)
        d->row.from_us = reading->rows.at[before].until_us;
    if (reading->rows.at[before].until_us > d->row.from_us)
        dure_problem_add(read->problems, at, NULL, "an allotment that ends no later than this one begins");
}

/* The level that the declaration names, in this chain; 0: it has none. */
static unsigned level_in(const struct declared *d, const struct dure_chain *chain)
{
    int64_t number;
    if (dure_tree_is_int(d->level_field, &number))
        return number >= 1 && number <= chain->level_count ? (unsigned)number : 0;
    return d->level_field->kind == DURE_TREE_SCALAR ? dure_chain_level(chain, d->level_field->text) : 0;
}

/* Row k of a successor follows row k of its predecessor. */
static void link_row(struct dure_allot_reading *reading, struct declared *d, struct dure_allotment *row)
{
    struct dure_read *read = reading->read;
    const struct dure_tree *at = dure_tree_get(d->map, "after");
    uint32_t before;
    uint64_t taken;
    row->after = d->rows == 0 ? d->after : dure_arena_printf(read->arena, "%s#%u", d->after, d->rows + 1);
    if (!row->after) {
        read->no_memory = true;
        row->after = "";
        return;
    }
    if (read->problems->total != d->problems_before)
        return; /* said once for all rows */
    bool found = dure_allot_row_find(reading, row->after, &before);
    const struct dure_allotment *old = found ? &reading->rows.at[before] : NULL;
    if (!found || old->chain.v != row->chain.v || old->level != row->level || old->count < row->count)
        dure_problem_add(read->problems, at, NULL, "an allotment of the same chain and level, of no fewer cells");
    else if (dure_map_get(&reading->followed, before, &taken))
        dure_problem_add(read->problems, at, NULL, "an allotment that no other one follows");
}

static void add_row(struct dure_allot_reading *reading, struct declared *d, uint32_t chain, unsigned level,
                    uint32_t count, int64_t from_us)
{
    struct dure_read *read = reading->read;
    struct dure_allotment row = d->row;
    row.chain = (struct dure_chain_id){chain};
    row.level = (uint8_t)level;
    row.count = count;
    row.from_us = from_us;
    row.after = "";
    if (d->after[0])
        link_row(reading, d, &row);
    if (d->rows > 0)
        row.name = dure_arena_printf(read->arena, "%s#%u", d->row.name, d->rows + 1);
    if (!row.name)
        read->no_memory = true;
    if (read->no_memory)
        return;
    uint32_t same;
    if (d->rows > 0 && dure_allot_row_find(reading, row.name, &same)) {
        dure_problem_add(read->problems, dure_tree_get(d->map, "name"), NULL,
                         "a name whose further rows ('%s') no other allotment has", row.name);
        return;
    }
    d->rows++;
    dure_allot_enter(reading, &row, d->map);
}

/* Takes what it can from one chain: cells of the level named, or the largest whole cells that the GPUs divide into. */
static void take_from(struct dure_allot_reading *reading, struct declared *d, uint32_t chain_index, int64_t from_us)
{
    const struct dure_chain *chain = &reading->fleet->chains[chain_index];
    unsigned named = d->level_field ? level_in(d, chain) : 0;
    for (unsigned level = named ? named : chain->level_count; level >= 1 && d->left > 0; level--) {
        uint32_t size = named ? 1 : dure_chain_leaves_at(chain, level);
        uint32_t count = d->left / size;
        uint32_t room =
            reading->room(reading->room_context, (struct dure_chain_id){chain_index}, level, from_us, d->row.until_us);
        if (count > room)
            count = room;
        if (count > 0) {
            add_row(reading, d, chain_index, level, count, from_us);
            d->left -= count * size;
        }
        if (named)
            return;
    }
}

static void resolve(struct dure_allot_reading *reading, struct declared *d)
{
    struct dure_read *read = reading->read;
    const struct dure_fleet *fleet = reading->fleet;
    uint32_t wanted = d->left;
    bool level_known = !d->level_field;
    int64_t arrives_us = INT64_MIN;
    for (uint32_t i = d->chain_first.v; i < d->chain_first.v + d->chain_count && d->left > 0 && !read->no_memory; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        if (d->filtered && (chain->owner.v != d->owner.v || chain->model.v != d->model.v))
            continue;
        if (d->level_field && !level_in(d, chain))
            continue;
        level_known = true;
        int64_t from_us = d->row.from_us;
        if (chain->available_from_us > from_us && (d->from_given || d->after[0])) {
            arrives_us = chain->available_from_us;
            continue;
        }
        if (chain->available_from_us > from_us)
            from_us = chain->available_from_us;
        take_from(reading, d, i, from_us);
    }
    char date[DURE_TIME_TEXT_MAX];
    if (!level_known)
        dure_problem_add(read->problems, d->level_field, NULL,
                         "a level of this hardware: its name, or its number (1 = gpu)");
    else if (d->left == wanted && arrives_us != INT64_MIN)
        dure_problem_add(read->problems, dure_tree_get(d->map, d->from_given ? "from" : "after"), NULL,
                         "a start no earlier than %s, when this hardware arrives",
                         dure_time_format_utc(arrives_us, date));
    else if (d->left > 0)
        dure_problem_add(read->problems, d->amount, NULL,
                         "at most %u, what this hardware can still promise in this period", wanted - d->left);
}

/* "x", and "x#2" as further rows of a declaration are named: a spec in force can be declared as it is printed. */
static const struct dure_tree *read_row_name(struct dure_read *read, const struct dure_tree *map, const char **ret_name)
{
    const struct dure_tree *field = dure_tree_get(map, "name");
    const char *mark = field && field->kind == DURE_TREE_SCALAR ? strchr(field->text, '#') : NULL;
    char first[DURE_NAME_MAX + 1];
    if (!mark || (size_t)(mark - field->text) > DURE_NAME_MAX)
        return dure_read_name(read, map, "name", DURE_REQUIRED, ret_name);
    memcpy(first, field->text, (size_t)(mark - field->text));
    first[mark - field->text] = 0;
    const size_t digits = strspn(mark + 1, "0123456789");
    if (!dure_name_valid(first) || digits < 1 || digits > 9 || mark[1 + digits] || mark[1] == '0')
        return dure_read_name(read, map, "name", DURE_REQUIRED, ret_name);
    return dure_read_text(read, map, "name", DURE_REQUIRED, 2 * DURE_NAME_MAX, ret_name);
}

void dure_allot_read(struct dure_allot_reading *reading, const struct dure_tree *map)
{
    static const char *const known[] = {"name",  "tenant", "group", "chain", "owner", "model", "level",
                                        "count", "gpus",   "from",  "until", "after", NULL};
    struct dure_read *read = reading->read;
    struct declared d = {
        .map = map, .row = {.name = "", .after = ""}, .after = "", .owner = {DURE_NONE32}, .model = {DURE_NONE32}};
    uint32_t before = read->problems->total, same;
    d.problems_before = before;
    if (!dure_read_map(read, map, known))
        return;
    const struct dure_tree *name = read_row_name(read, map, &d.row.name);
    if (name && dure_allot_row_find(reading, d.row.name, &same))
        dure_problem_add(read->problems, name, NULL, "a name that no other allotment has");
    dure_tenants_read_tenant(read, reading->tenants, map, "tenant", &d.row.tenant);
    read_target(reading, &d);
    read_amount(reading, &d);
    read_period(reading, &d);
    read_predecessor(reading, &d);
    if (read->problems->total == before && !read->no_memory)
        resolve(reading, &d);
}

void dure_allot_read_canonical(struct dure_allot_reading *reading, const struct dure_tree *map)
{
    static const char *const known[] = {"after", "chain", "count", "from", "level", "name", "tenant", "until", NULL};
    struct dure_read *read = reading->read;
    struct dure_allotment row = {.name = "", .after = "", .from_us = INT64_MIN, .until_us = DURE_NEVER_US};
    const char *chain = "";
    uint32_t level = 0, before = read->problems->total, same;
    if (!dure_read_map(read, map, known))
        return;
    const struct dure_tree *name = dure_read_text(read, map, "name", DURE_REQUIRED, 2 * DURE_NAME_MAX, &row.name);
    if (name && dure_allot_row_find(reading, row.name, &same))
        dure_problem_add(read->problems, name, NULL, "a name that no other allotment has");
    dure_read_text(read, map, "after", DURE_OPTIONAL, 2 * DURE_NAME_MAX, &row.after);
    dure_tenants_read_tenant(read, reading->tenants, map, "tenant", &row.tenant);
    const struct dure_tree *at = dure_read_name(read, map, "chain", DURE_REQUIRED, &chain);
    if (at && !dure_fleet_chain_find(reading->fleet, chain, &row.chain))
        dure_problem_add(read->problems, at, NULL, "a chain of the fleet");
    dure_read_uint(read, map, "count", DURE_REQUIRED, 1, UINT32_MAX, &row.count);
    at = dure_read_uint(read, map, "level", DURE_REQUIRED, 1, DURE_LEVELS_MAX, &level);
    if (at && read->problems->total == before && level > reading->fleet->chains[row.chain.v].level_count)
        dure_problem_add(read->problems, at, NULL, "a level of the chain");
    row.level = (uint8_t)level;
    dure_read_time(read, map, "from", &row.from_us);
    dure_read_time(read, map, "until", &row.until_us);
    if (read->problems->total == before && !read->no_memory)
        dure_allot_enter(reading, &row, map);
}
