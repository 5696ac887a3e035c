#include "model/node_runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/read.h"

static int by_first(const void *a, const void *b)
{
    const struct dure_node_run *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

uint32_t dure_node_runs_tidy(struct dure_node_run *runs, uint32_t count)
{
    uint32_t kept = 0;
    if (!count)
        return 0;
    qsort(runs, count, sizeof *runs, by_first);
    for (uint32_t i = 1; i < count; i++) {
        const uint64_t end = (uint64_t)runs[kept].first + runs[kept].count,
                       next = (uint64_t)runs[i].first + runs[i].count;
        if (runs[i].first > end)
            runs[++kept] = runs[i];
        else if (next > end)
            runs[kept].count = (uint32_t)(next - runs[kept].first);
    }
    return kept + 1;
}

bool dure_node_runs_valid(const struct dure_node_run *runs, uint32_t count)
{
    if (count > DURE_NODE_RUNS_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!runs[i].count || runs[i].first >= DURE_NODES_MAX || runs[i].count > DURE_NODES_MAX - runs[i].first ||
            (i && runs[i].first <= runs[i - 1].first + runs[i - 1].count))
            return false;
    return true;
}

/* The first run that ends after `from`; runs.count if none. */
static uint32_t run_at(struct dure_node_runs runs, uint32_t from)
{
    uint32_t low = 0, high = runs.count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (runs.at[middle].first + runs.at[middle].count <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t dure_node_runs_next(struct dure_node_runs runs, uint32_t from)
{
    const uint32_t i = run_at(runs, from);
    if (i == runs.count)
        return DURE_NONE32;
    return runs.at[i].first > from ? runs.at[i].first : from;
}

uint32_t dure_node_runs_count(struct dure_node_runs runs, uint32_t first, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = run_at(runs, first); i < runs.count && runs.at[i].first < first + count; i++) {
        const uint32_t begin = runs.at[i].first > first ? runs.at[i].first : first;
        const uint32_t end = runs.at[i].first + runs.at[i].count;
        sum += (end < first + count ? end : first + count) - begin;
    }
    return sum;
}

uint32_t dure_node_runs_minus(struct dure_node_runs of, struct dure_node_runs without, struct dure_node_run *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < of.count; i++) {
        uint32_t at = of.at[i].first;
        const uint32_t end = at + of.at[i].count;
        for (uint32_t k = run_at(without, at); at < end; k++) {
            const uint32_t stop = k < without.count && without.at[k].first < end ? without.at[k].first : end;
            if (stop > at)
                to[count++] = (struct dure_node_run){at, stop - at};
            if (stop == end)
                break;
            at = without.at[k].first + without.at[k].count;
        }
    }
    return count;
}

/* ---- as people write them ---- */

struct reading {
    const struct dure_fleet *fleet;
    struct dure_node_run *runs;
    uint32_t max, count;
};

static const char form[] = "node names such as n7 or pt-b200-[0001-0004,0007]";

static const char *add_run(struct reading *r, uint32_t first, uint32_t count)
{
    if (r->count == r->max)
        r->count = dure_node_runs_tidy(r->runs, r->count);
    if (r->count == r->max)
        return "at most 256 runs of consecutive nodes";
    r->runs[r->count++] = (struct dure_node_run){first, count};
    return NULL;
}

static unsigned digits_of(uint64_t number)
{
    unsigned digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

/* Do both paddings write this number, and all above it, alike? */
static bool same_padding(unsigned a, unsigned b, uint64_t number)
{
    return a == b || digits_of(number) >= (a > b ? a : b);
}

/* The nodes `prefix``first`..`last``suffix`: chain by chain, since remainders of a group are chains of their own. */
static const char *add_numbers(struct reading *r, const char *prefix, size_t prefix_length, const char *suffix,
                               size_t suffix_length, uint64_t first, uint64_t last, unsigned width)
{
    char name[2 * DURE_NAME_MAX + 32];
    while (first <= last) {
        struct dure_node_id node;
        uint32_t in_chain;
        const int length = snprintf(name, sizeof name, "%.*s%0*" PRIu64 "%.*s", (int)prefix_length, prefix, (int)width,
                                    first, (int)suffix_length, suffix);
        if (length > DURE_NAME_MAX || !dure_name_valid(name))
            return form;
        if (!r->fleet)
            return NULL;
        if (!dure_fleet_node_find(r->fleet, name, &node))
            return "nodes of the fleet";
        const struct dure_chain *chain = dure_fleet_chain_of(r->fleet, node, &in_chain);
        uint64_t count = chain->node_count - in_chain;
        if (strlen(chain->name_prefix) != prefix_length || !same_padding(chain->number_width, width, first))
            count = 1; /* the number that was written is not the one that counts the chain's nodes */
        if (count > last - first + 1)
            count = last - first + 1;
        const char *wanted = add_run(r, node.v, (uint32_t)count);
        if (wanted)
            return wanted;
        first += count;
    }
    return NULL;
}

/* "[0001-0004,0007]" from behind its bracket on; `*at` ends behind the closing one. */
static const char *read_brackets(struct reading *r, const char *prefix, size_t prefix_length, const char **at)
{
    const char *close = strchr(*at, ']');
    if (!close)
        return form;
    const char *suffix = close + 1;
    const size_t suffix_length = strcspn(suffix, ",[]");
    for (const char *item = *at;; item++) {
        const size_t width = strspn(item, "0123456789");
        if (!width || width > 12)
            return form;
        const uint64_t first = strtoull(item, NULL, 10);
        uint64_t last = first;
        item += width;
        if (*item == '-') {
            const size_t last_width = strspn(++item, "0123456789");
            if (!last_width || last_width > 12)
                return form;
            last = strtoull(item, NULL, 10);
            item += last_width;
            if (last < first || last - first >= DURE_NODES_MAX)
                return "a range that ends no lower than it begins, of at most 1,048,576 nodes";
        }
        const char *wanted = add_numbers(r, prefix, prefix_length, suffix, suffix_length, first, last, (unsigned)width);
        if (wanted)
            return wanted;
        if (item == close)
            break;
        if (*item != ',')
            return form;
    }
    *at = suffix + suffix_length;
    return NULL;
}

static const char *add_name(struct reading *r, const char *text, size_t length)
{
    char name[DURE_NAME_MAX + 1];
    struct dure_node_id node;
    if (!length || length > DURE_NAME_MAX)
        return form;
    memcpy(name, text, length);
    name[length] = '\0';
    if (!dure_name_valid(name))
        return form;
    if (!r->fleet)
        return NULL;
    return dure_fleet_node_find(r->fleet, name, &node) ? add_run(r, node.v, 1) : "nodes of the fleet";
}

const char *dure_node_runs_parse(const char *text, const struct dure_fleet *fleet, struct dure_node_run *runs,
                                 uint32_t max, uint32_t *count)
{
    struct reading r = {fleet, runs, max, *count};
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",[]");
        const char *const begin = at, *wanted;
        at += length;
        if (*at == '[') {
            at++;
            wanted = read_brackets(&r, begin, length, &at);
        } else {
            wanted = add_name(&r, begin, length);
        }
        if (wanted)
            return wanted;
        if (!*at)
            break;
        if (*at != ',')
            return form;
    }
    *count = r.count;
    return NULL;
}

void dure_node_runs_write(const struct dure_fleet *fleet, struct dure_node_runs runs, struct dure_buf *buf)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < runs.count; i++)
        total += runs.at[i].count;
    uint32_t *nodes = malloc(total ? total * sizeof *nodes : 1), count = 0;
    if (!nodes) {
        buf->failed = true;
        return;
    }
    for (uint32_t i = 0; i < runs.count; i++)
        for (uint32_t k = 0; k < runs.at[i].count && runs.at[i].first + k < fleet->node_count; k++)
            nodes[count++] = runs.at[i].first + k;
    dure_fleet_hostlist(fleet, nodes, count, buf);
    free(nodes);
}
