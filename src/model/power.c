/* Reading Power: limits of sites, of cells of a group, and of nodes. */
#include "model/power.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "base/vec.h"
#include "model/read.h"
#include "model/units.h"

enum { POWER_ARENA_MAX = 64 * 1024 * 1024, SOURCE_MAX = 1024, CELLS_TEXT_MAX = 65536 };

/* One limit of one domain, before those of one domain stand together. */
struct row {
    struct dure_power_domain domain;
    struct dure_power_limit limit;
    uint32_t order;
};

struct reading {
    struct dure_read *read;
    const struct dure_fleet *fleet;
    DURE_VEC(struct row) rows;
};

static void add(struct reading *r, const struct dure_tree *at, struct dure_power_domain domain,
                const struct dure_power_limit *limit)
{
    if (r->rows.count == DURE_POWER_DOMAINS_MAX) {
        dure_problem_add(r->read->problems, at, "more domains", "at most %d limits of single domains",
                         DURE_POWER_DOMAINS_MAX);
        return;
    }
    const struct row row = {domain, *limit, (uint32_t)r->rows.count};
    r->read->no_memory |= !DURE_VEC_PUSH(&r->rows, row, DURE_POWER_DOMAINS_MAX);
}

static void add_cell(struct reading *r, const struct dure_tree *at, uint32_t chain, unsigned level, uint32_t cell,
                     const struct dure_power_limit *limit)
{
    add(r, at,
        (struct dure_power_domain){.site = {DURE_NONE32}, .chain = {chain}, .cell = cell, .level = (uint8_t)level},
        limit);
}

static void read_site(struct reading *r, const struct dure_tree *map, const struct dure_power_limit *limit)
{
    const struct dure_tree *field = dure_tree_get(map, "site");
    const char *name = dure_read_scalar(r->read, field, DURE_NAME_MAX, "the name of a site");
    struct dure_site_id site;
    if (!name)
        return;
    if (!dure_fleet_site_find(r->fleet, name, &site)) {
        dure_problem_add(r->read->problems, field, NULL, "a site of the fleet");
        return;
    }
    add(r, map, (struct dure_power_domain){.site = site, .chain = {DURE_NONE32}}, limit);
}

/* Cells of a node or more: what draws power as one. */
static uint32_t cells_at(const struct dure_chain *chain, unsigned level)
{
    return level >= chain->node_level ? chain->leaf_count / dure_chain_leaves_at(chain, level) : 0;
}

/* Cell `number` (from 1) of the group: counted over its chains. False: there are not so many. */
static bool add_number(struct reading *r, const struct dure_tree *at, struct dure_chain_id first, uint32_t count,
                       const char *level, uint64_t number, const struct dure_power_limit *limit)
{
    for (uint32_t c = first.v; c < first.v + count && number; c++) {
        const struct dure_chain *chain = &r->fleet->chains[c];
        const unsigned l = dure_chain_level(chain, level);
        if (number <= cells_at(chain, l)) {
            add_cell(r, at, c, l, (uint32_t)number - 1, limit);
            return true;
        }
        number -= cells_at(chain, l);
    }
    return false;
}

static bool number_at(const char **at, uint64_t *ret_number)
{
    const size_t width = strspn(*at, "0123456789");
    if (!width || width > 9)
        return false;
    *ret_number = strtoull(*at, NULL, 10);
    *at += width;
    return true;
}

/* "3", "[1-4,7]". */
static void read_numbers(struct reading *r, const struct dure_tree *field, const char *text, struct dure_chain_id first,
                         uint32_t count, const char *level, uint64_t cells, const struct dure_power_limit *limit)
{
    const bool many = *text == '[';
    bool well = true;
    text += many;
    while (well) {
        uint64_t low, high;
        well = number_at(&text, &low);
        high = low;
        if (well && many && *text == '-')
            well = (text++, number_at(&text, &high)) && high >= low;
        well = well && low >= 1 && high <= cells;
        for (uint64_t n = low; well && n <= high && !r->read->no_memory; n++)
            well = add_number(r, field, first, count, level, n, limit);
        if (!well || !many || *text != ',')
            break;
        text++;
    }
    if (!well || strcmp(text, many ? "]" : "") != 0)
        dure_problem_add(r->read->problems, field, NULL, "numbers of cells such as 3 or [1-4,7], from 1 to %llu",
                         (unsigned long long)cells);
}

static void read_cells(struct reading *r, const struct dure_tree *map, const struct dure_power_limit *limit)
{
    struct dure_read *read = r->read;
    const char *group = NULL, *level = NULL;
    struct dure_chain_id first;
    uint32_t count;
    uint64_t cells = 0;
    const struct dure_tree *at = dure_read_name(read, map, "group", DURE_REQUIRED, &group);
    const struct dure_tree *level_at = dure_read_name(read, map, "level", DURE_REQUIRED, &level);
    const struct dure_tree *field = dure_tree_get(map, "cells");
    if (!at || !level_at)
        return;
    if (!dure_fleet_group_find(r->fleet, group, &first, &count)) {
        dure_problem_add(read->problems, at, NULL, "a group of the fleet");
        return;
    }
    for (uint32_t c = first.v; c < first.v + count; c++)
        cells += cells_at(&r->fleet->chains[c], dure_chain_level(&r->fleet->chains[c], level));
    if (!cells) {
        dure_problem_add(read->problems, level_at, NULL, "a level of group '%s', a node or above", group);
        return;
    }
    if (!field) {
        dure_problem_missing(read->problems, map, "cells", "which cells of the level, such as 3 or [1-4,7]");
        return;
    }
    const char *text = dure_read_scalar(read, field, CELLS_TEXT_MAX, "numbers of cells such as 3 or [1-4,7]");
    if (text)
        read_numbers(r, field, text, first, count, level, cells, limit);
}

static void read_nodes(struct reading *r, const struct dure_tree *map, const struct dure_power_limit *limit)
{
    static const char expected[] = "the name of a node, or names such as gv-b200-[0001-0004,0007]";
    const struct dure_tree *field = dure_tree_get(map, "node");
    const char *text = dure_read_scalar(r->read, field, CELLS_TEXT_MAX, expected);
    uint32_t *nodes = text ? malloc(sizeof *nodes * DURE_POWER_DOMAINS_MAX) : NULL;
    uint32_t count = 0;
    struct dure_error error = {0};
    if (!text)
        return;
    if (!nodes) {
        r->read->no_memory = true;
        return;
    }
    if (dure_fleet_nodes(r->fleet, text, nodes, DURE_POWER_DOMAINS_MAX, &count, &error))
        dure_problem_add(r->read->problems, field, NULL, "%s (%s)", expected, error.text);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t in_chain;
        const struct dure_chain *chain = dure_fleet_chain_of(r->fleet, (struct dure_node_id){nodes[i]}, &in_chain);
        add_cell(r, field, (uint32_t)(chain - r->fleet->chains), chain->node_level, in_chain, limit);
    }
    free(nodes);
}

static bool read_limit(struct reading *r, const struct dure_tree *map, struct dure_power_limit *ret_limit)
{
    static const char expected[] = "power such as 132kW or 12MW, at most 1,000,000MW";
    struct dure_power_limit limit = {.from_us = INT64_MIN, .until_us = DURE_NEVER_US};
    const struct dure_tree *field = dure_tree_get(map, "limit");
    const char *source = "";
    bool well = field && field->kind == DURE_TREE_SCALAR && dure_units_power(field->text, &limit.limit_mw) &&
                limit.limit_mw <= DURE_POWER_MAX_MW;
    if (!field)
        dure_problem_missing(r->read->problems, map, "limit", "%s", expected);
    else if (!well)
        dure_problem_add(r->read->problems, field, NULL, "%s", expected);
    dure_read_time(r->read, map, "from", &limit.from_us);
    const struct dure_tree *until = dure_read_time(r->read, map, "until", &limit.until_us);
    dure_read_text(r->read, map, "source", DURE_OPTIONAL, SOURCE_MAX, &source);
    if (until && limit.until_us <= limit.from_us) {
        dure_problem_add(r->read->problems, until, NULL, "an end after the beginning");
        well = false;
    }
    *ret_limit = limit;
    return well;
}

static void read_row(struct reading *r, const struct dure_tree *map)
{
    static const char *const known[] = {"site",  "group", "level", "cells",  "node",
                                        "limit", "from",  "until", "source", NULL};
    struct dure_power_limit limit;
    if (!dure_read_map(r->read, map, known) || !read_limit(r, map, &limit))
        return;
    const bool site = dure_tree_get(map, "site"), group = dure_tree_get(map, "group"),
               node = dure_tree_get(map, "node");
    if (site + group + node != 1) {
        dure_problem_add(r->read->problems, map, site + group + node > 0 ? "several places" : "no place",
                         "one of site, group (with level and cells), or node");
        return;
    }
    if (!group && (dure_tree_get(map, "level") || dure_tree_get(map, "cells"))) {
        dure_problem_add(r->read->problems, map, "level or cells without a group", "level and cells beside group only");
        return;
    }
    if (site)
        read_site(r, map, &limit);
    else if (group)
        read_cells(r, map, &limit);
    else
        read_nodes(r, map, &limit);
}

static int compare(const struct dure_power_domain *x, const struct dure_power_domain *y)
{
    if ((x->site.v == DURE_NONE32) != (y->site.v == DURE_NONE32))
        return x->site.v == DURE_NONE32 ? -1 : 1;
    if (x->site.v != y->site.v)
        return x->site.v < y->site.v ? -1 : 1;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->chain.v != y->chain.v)
        return x->chain.v < y->chain.v ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static int by_domain(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int order = compare(&x->domain, &y->domain);
    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static void keep(struct reading *r, struct dure_power *power)
{
    const uint32_t count = (uint32_t)r->rows.count;
    power->limits = DURE_ARENA_NEW(power->arena, struct dure_power_limit, count + 1);
    power->domains = DURE_ARENA_NEW(power->arena, struct dure_power_domain, count + 1);
    if (!power->limits || !power->domains) {
        r->read->no_memory = true;
        return;
    }
    if (count)
        qsort(r->rows.at, count, sizeof *r->rows.at, by_domain);
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &r->rows.at[i];
        if (!i || compare(&row[-1].domain, &row->domain) != 0) {
            power->domains[power->domain_count] = row->domain;
            power->domains[power->domain_count++].limit_first = i;
        }
        power->domains[power->domain_count - 1].limit_count++;
        power->limits[i] = row->limit;
    }
    power->limit_count = count;
}

static void read_all(struct reading *r, struct dure_power *power, const struct dure_tree *root)
{
    static const char *const known[] = {"kind", "version", "limits", "lead", "source", NULL};
    struct dure_read *read = r->read;
    power->lead_us = DURE_POWER_LEAD_DEFAULT_US;
    power->source = "";
    if (!dure_read_map(read, root, known))
        return;
    read->zone = r->fleet->zone;
    dure_read_kind(read, root, "Power");
    dure_read_duration(read, root, "lead", DURE_OPTIONAL, 0, DURE_POWER_LEAD_MAX_US, &power->lead_us);
    dure_read_text(read, root, "source", DURE_OPTIONAL, SOURCE_MAX, &power->source);
    const struct dure_tree *list = dure_read_list(read, root, "limits", DURE_REQUIRED, DURE_POWER_ROWS_MAX);
    for (const struct dure_tree *map = list ? list->first : NULL; map && !read->no_memory; map = map->next)
        read_row(r, map);
    power->row_count = list ? list->count : 0;
}

static enum dure_err parse(const struct dure_tree *tree, const struct dure_fleet *fleet, bool canonical,
                           struct dure_power **ret_power, struct dure_problems *problems)
{
    struct dure_arena *arena = dure_arena_new(POWER_ARENA_MAX);
    struct dure_power *power = arena ? DURE_ARENA_NEW(arena, struct dure_power, 1) : NULL;
    if (!power) {
        dure_arena_free(arena);
        return DURE_E_MEMORY;
    }
    power->arena = arena;
    struct dure_read read;
    dure_read_begin(&read, arena, problems);
    read.canonical = canonical;
    struct reading reading = {.read = &read, .fleet = fleet};
    read_all(&reading, power, tree);
    if (dure_read_clean(&read))
        keep(&reading, power);
    if (dure_read_clean(&read))
        power->spec_json = dure_read_keep(&read, tree, &power->spec_json_length);
    DURE_VEC_FREE(&reading.rows);
    const enum dure_err err = dure_read_end(&read);
    if (err)
        dure_arena_free(arena);
    else
        *ret_power = power;
    return err;
}

enum dure_err dure_power_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                               struct dure_power **ret_power, struct dure_problems *problems)
{
    return parse(tree, fleet, false, ret_power, problems);
}

struct written {
    const struct dure_fleet *fleet;
    struct dure_power **ret_power;
};

static enum dure_err parse_written(void *context, const struct dure_tree *tree, struct dure_problems *problems)
{
    const struct written *to = context;
    return parse(tree, to->fleet, true, to->ret_power, problems);
}

enum dure_err dure_power_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                   struct dure_power **ret_power, struct dure_error *error)
{
    struct written to = {fleet, ret_power};
    return dure_read_written("power", POWER_ARENA_MAX, json, length, parse_written, &to, error);
}

void dure_power_free(struct dure_power *power)
{
    if (power)
        dure_arena_free(power->arena);
}
