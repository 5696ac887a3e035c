/* Node names: sorted for lookups, and proved distinct. */
#include "model/fleet_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sorted_chain {
    const struct dure_chain *chain;
    uint32_t index;
};

static int by_pattern(const void *a, const void *b)
{
    const struct sorted_chain *x = a, *y = b;
    int order = strcmp(x->chain->name_prefix, y->chain->name_prefix);
    if (order == 0)
        order = strcmp(x->chain->name_suffix, y->chain->name_suffix);
    if (order == 0)
        order = (x->chain->number_first > y->chain->number_first) - (x->chain->number_first < y->chain->number_first);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void refuse(struct dure_read *read, const struct dure_tree *const *fields, const struct dure_chain *a,
                   const struct dure_chain *b)
{
    const struct dure_chain *later = a->group > b->group ? a : b, *earlier = later == a ? b : a;
    dure_problem_add(read->problems, fields[later->group], NULL, "names that group '%s' does not have already",
                     earlier->name);
}

/* Ranges of one prefix and suffix may not meet, whatever their width: n1 and n01 are too easily taken for each other. */
static void check_ranges(struct dure_read *read, const struct sorted_chain *sorted, uint32_t count,
                         const struct dure_tree *const *fields)
{
    const struct dure_chain *widest = NULL; /* of the same pattern, the one that reaches furthest */
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_chain *chain = sorted[i].chain;
        if (widest && strcmp(widest->name_prefix, chain->name_prefix) == 0 &&
            strcmp(widest->name_suffix, chain->name_suffix) == 0) {
            if (chain->number_first < widest->number_first + widest->node_count)
                refuse(read, fields, widest, chain);
            if (chain->number_first + chain->node_count < widest->number_first + widest->node_count)
                continue;
        }
        widest = chain;
    }
}

/* A single name may also be spelled by a range. */
static void check_singles(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *const *fields)
{
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        struct dure_node_id node;
        if (chain->number_width != 0 || !dure_fleet_node_find(fleet, chain->name_prefix, &node))
            continue;
        const struct dure_chain *found = dure_fleet_chain_of(fleet, node, NULL);
        if (found != chain && found->number_width != 0)
            refuse(read, fields, found, chain);
    }
}

void dure_fleet_check_node_names(struct dure_read *read, struct dure_fleet *fleet,
                                 const struct dure_tree *const *nodes_field)
{
    struct sorted_chain *sorted = DURE_ARENA_NEW(read->arena, struct sorted_chain, fleet->chain_count + 1);
    uint32_t *order = DURE_ARENA_NEW(read->arena, uint32_t, fleet->chain_count + 1);
    if (!sorted || !order) {
        read->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        sorted[i] = (struct sorted_chain){&fleet->chains[i], i};
    if (fleet->chain_count > 1)
        qsort(sorted, fleet->chain_count, sizeof *sorted, by_pattern);
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        order[i] = sorted[i].index;
    fleet->chains_by_node_name = order;
    check_ranges(read, sorted, fleet->chain_count, nodes_field);
    check_singles(read, fleet, nodes_field);
}
