#include "core/state/lists.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/domains.h"

struct lists {
    struct dure_pool sets;
    struct dure_map map;
    uint64_t loose; /* made last and held by nobody yet; 0: none */
};

enum dure_err lists_new(struct lists **ret_lists)
{
    struct lists *lists = calloc(1, sizeof *lists);
    if (!lists)
        return DURE_E_MEMORY;
    dure_pool_init(&lists->sets, sizeof(struct node_set));
    *ret_lists = lists;
    return DURE_OK;
}

void lists_free(struct lists *lists)
{
    if (!lists)
        return;
    for (uint32_t i = 0; i < lists->sets.top; i++)
        free(((struct node_set *)dure_pool_at(&lists->sets, i))->runs);
    dure_pool_release(&lists->sets);
    dure_map_release(&lists->map);
    free(lists);
}

static struct node_set *find(const struct lists *lists, uint64_t key)
{
    uint64_t slot;
    return key && dure_map_get(&lists->map, key, &slot) ? dure_pool_at(&lists->sets, (uint32_t)slot) : NULL;
}

static struct node_set *must_find(const struct dure_core *core, uint64_t key)
{
    struct node_set *set = find(core->lists, key);
    DURE_ASSERT(set);
    return set;
}

static void forget(struct lists *lists, uint64_t key)
{
    uint64_t slot;
    DURE_ASSERT(dure_map_get(&lists->map, key, &slot) && dure_map_remove(&lists->map, key));
    struct node_set *set = dure_pool_at(&lists->sets, (uint32_t)slot);
    free(set->runs);
    set->runs = NULL;
    dure_pool_give(&lists->sets, (uint32_t)slot);
}

static bool same(struct dure_node_runs a, const struct dure_node_run *b, uint32_t count)
{
    return a.count == count && (!count || !memcmp(a.at, b, count * sizeof *b));
}

static uint64_t key_of(struct dure_node_runs include, struct dure_node_runs exclude)
{
    const uint64_t words[3] = {dure_hash128(DOMAIN_LISTS, include.at, include.count * sizeof *include.at).lane[0],
                               dure_hash128(DOMAIN_LISTS, exclude.at, exclude.count * sizeof *exclude.at).lane[0],
                               (uint64_t)include.count << 32 | exclude.count};
    return dure_hash128(DOMAIN_LISTS, words, sizeof words).lane[0] >> 1 | 1; /* neither 0 nor the map's reserved key */
}

static void fill(struct node_set *set, uint64_t key, struct dure_node_runs include, struct dure_node_runs exclude)
{
    static const struct dure_node_run everything = {0, DURE_NODES_MAX};
    const uint32_t given = include.count + exclude.count;
    *set = (struct node_set){.key = key, .include_count = include.count, .exclude_count = exclude.count};
    set->runs = dure_core_alloc(sizeof *set->runs, 2 * (size_t)given + 1);
    if (include.count)
        memcpy(set->runs, include.at, include.count * sizeof *include.at);
    if (exclude.count)
        memcpy(set->runs + include.count, exclude.at, exclude.count * sizeof *exclude.at);
    const struct dure_node_runs of = include.count ? include : (struct dure_node_runs){&everything, 1};
    set->allowed_count = dure_node_runs_minus(of, exclude, set->runs + given);
}

uint64_t lists_intern(struct lists *lists, struct dure_node_runs include, struct dure_node_runs exclude)
{
    if (!include.count && !exclude.count)
        return 0;
    const struct node_set *loose = find(lists, lists->loose);
    if (loose && !loose->refs)
        forget(lists, lists->loose);
    lists->loose = 0;
    for (uint64_t key = key_of(include, exclude);; key += 2) {
        const struct node_set *set = find(lists, key);
        if (set && same(include, set->runs, set->include_count) &&
            same(exclude, set->runs + set->include_count, set->exclude_count))
            return key;
        if (set)
            continue;
        const uint32_t slot = dure_pool_take(&lists->sets);
        fill(dure_pool_at(&lists->sets, slot), key, include, exclude);
        DURE_ASSERT(dure_map_put(&lists->map, key, slot));
        lists->loose = key;
        return key;
    }
}

static struct dure_digest hash_of(const struct node_set *set)
{
    const struct dure_digest runs =
        dure_hash128(DOMAIN_LISTS, set->runs, ((size_t)set->include_count + set->exclude_count) * sizeof *set->runs);
    const uint64_t words[4] = {set->key, runs.lane[0], runs.lane[1],
                               (uint64_t)set->include_count << 32 | set->exclude_count};
    return dure_hash128(DOMAIN_LISTS, words, sizeof words);
}

void lists_hold(struct dure_core *core, uint64_t key)
{
    if (!key)
        return;
    struct node_set *set = must_find(core, key);
    if (set->refs++ == 0)
        dure_digest_add(&core->digest, hash_of(set));
}

void lists_release(struct dure_core *core, uint64_t key)
{
    if (!key)
        return;
    struct node_set *set = must_find(core, key);
    if (--set->refs)
        return;
    dure_digest_sub(&core->digest, hash_of(set));
    if (core->lists->loose == key)
        core->lists->loose = 0;
    forget(core->lists, key);
}

void lists_digest_all(const struct dure_core *core, struct dure_digest *sum)
{
    for (uint32_t i = 0; i < core->lists->sets.top; i++) {
        const struct node_set *set = dure_pool_at(&core->lists->sets, i);
        if (set->runs && set->refs)
            dure_digest_add(sum, hash_of(set));
    }
}

struct dure_node_runs lists_include(const struct dure_core *core, uint64_t key)
{
    const struct node_set *set = find(core->lists, key);
    return set ? (struct dure_node_runs){set->runs, set->include_count} : (struct dure_node_runs){0};
}

struct dure_node_runs lists_exclude(const struct dure_core *core, uint64_t key)
{
    const struct node_set *set = find(core->lists, key);
    return set ? (struct dure_node_runs){set->runs + set->include_count, set->exclude_count}
               : (struct dure_node_runs){0};
}

struct dure_node_runs lists_allowed(const struct dure_core *core, uint64_t key)
{
    const struct node_set *set = must_find(core, key);
    return (struct dure_node_runs){set->runs + set->include_count + set->exclude_count, set->allowed_count};
}

bool lists_known(const struct dure_core *core, uint64_t key)
{
    return find(core->lists, key) != NULL;
}
