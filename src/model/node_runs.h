#pragma once
/* Sets of nodes as runs of consecutive ids: sorted, apart from each other (two runs that touch are one), at most DURE_NODE_RUNS_MAX. */
#include "model/fleet.h"

enum { DURE_NODE_RUNS_MAX = 256 };

struct dure_node_run {
    uint32_t first; /* global node id */
    uint32_t count;
};
struct dure_node_runs {
    const struct dure_node_run *at; /* not owned */
    uint32_t count;
};

/* Sorts and joins in place; returns how many runs are left. */
uint32_t dure_node_runs_tidy(struct dure_node_run *runs, uint32_t count);
/* Are they as a record must hold them? */
bool dure_node_runs_valid(const struct dure_node_run *runs, uint32_t count);
/* The first node >= from that is in the set; DURE_NONE32: none. O(log runs). */
uint32_t dure_node_runs_next(struct dure_node_runs runs, uint32_t from);
/* How many nodes of [first, first + count) are in the set. O(runs). */
uint32_t dure_node_runs_count(struct dure_node_runs runs, uint32_t first, uint32_t count);
/* What is in `of` and not in `without`, into `to`, which has room for of.count + without.count. Returns how many. */
uint32_t dure_node_runs_minus(struct dure_node_runs of, struct dure_node_runs without, struct dure_node_run *to);

/* Reads names as Slurm writes them: "n1,pt-b200-[0001-0004,0007]". Without a fleet only the form is judged and nothing is added.
 * NULL, or what was expected instead; more runs than fit in `max`: so. */
const char *dure_node_runs_parse(const char *text, const struct dure_fleet *fleet, struct dure_node_run *runs,
                                 uint32_t max, uint32_t *count);
/* In the same notation. */
void dure_node_runs_write(const struct dure_fleet *fleet, struct dure_node_runs runs, struct dure_buf *buf);
