/* Slurm's hostlist notation for sets of nodes. */
#include "model/fleet.h"

#include <inttypes.h>
#include <string.h>

static bool same_pattern(const struct dure_chain *a, const struct dure_chain *b)
{
    return a == b || (a->number_width == b->number_width && strcmp(a->name_prefix, b->name_prefix) == 0 &&
                      strcmp(a->name_suffix, b->name_suffix) == 0);
}

static void write_run(struct dure_buf *buf, unsigned width, uint64_t first, uint64_t last)
{
    dure_buf_printf(buf, "%0*" PRIu64, (int)width, first);
    if (last > first)
        dure_buf_printf(buf, "-%0*" PRIu64, (int)width, last);
}

/* Writes the nodes from `begin` that share one pattern; returns where they end. */
static uint32_t write_pattern(const struct dure_fleet *fleet, const uint32_t *nodes, uint32_t count, uint32_t begin,
                              struct dure_buf *buf)
{
    uint32_t in_chain;
    const struct dure_chain *chain = dure_fleet_chain_of(fleet, (struct dure_node_id){nodes[begin]}, &in_chain);
    if (chain->number_width == 0) {
        dure_buf_str(buf, chain->name_prefix);
        return begin + 1;
    }
    uint64_t first = chain->number_first + in_chain, last = first;
    uint32_t end = begin + 1;
    bool opened = false;
    for (; end < count; end++) {
        const struct dure_chain *next = dure_fleet_chain_of(fleet, (struct dure_node_id){nodes[end]}, &in_chain);
        if (!same_pattern(chain, next))
            break;
        uint64_t number = next->number_first + in_chain;
        if (!opened)
            dure_buf_printf(buf, "%s[", chain->name_prefix);
        opened = true;
        if (number != last + 1) {
            write_run(buf, chain->number_width, first, last);
            dure_buf_byte(buf, ',');
            first = number;
        }
        last = number;
    }
    if (!opened)
        dure_buf_str(buf, chain->name_prefix);
    write_run(buf, chain->number_width, first, last);
    dure_buf_printf(buf, "%s%s", opened ? "]" : "", chain->name_suffix);
    return end;
}

void dure_fleet_hostlist(const struct dure_fleet *fleet, const uint32_t *nodes, uint32_t count, struct dure_buf *buf)
{
    for (uint32_t i = 0; i < count;) {
        if (i > 0)
            dure_buf_byte(buf, ',');
        i = write_pattern(fleet, nodes, count, i, buf);
    }
}
