#pragma once
/* A second opinion on decisions: a small model of fleet, rights and jobs that shares no code with the core. It reads the log that a bench wrote and
 * counts again: no GPU is given twice, a start has the GPUs it asked for, a gang stands inside one whole cell of its level, guaranteed work stands on
 * cells of its own tenant's rights, no cell serves two rights, what is not yet bound could still be, and no group draws
 * more than its power limit. Nodes of 8 GPUs, whole GPUs only. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { RECOUNT_NODE_GPUS = 8, RECOUNT_GROUPS_MAX = 16, RECOUNT_RIGHTS_MAX = 256 };

struct recount_group {
    uint32_t node_first, node_count;
    uint64_t limit_mw, gpu_mw; /* what its GPUs in use may draw at worst, and what each does; limit 0: any */
};

/* `count` cells of `cell_nodes` consecutive nodes of one group, for a tenant and what stands below it. */
struct recount_right {
    uint32_t group, cell_nodes, count, tenant;
};

struct recount_fleet {
    uint32_t group_count, right_count;
    struct recount_group groups[RECOUNT_GROUPS_MAX];
    struct recount_right rights[RECOUNT_RIGHTS_MAX];
};

/* The log: 32-bit words, an event after another: kind, then its fields. Ids fit into 32 bits. */
enum recount_event {
    RECOUNT_JOB =
        1, /* job (1, 2, ...), tenant, tenant above it, guaranteed, tasks, GPUs of each, nodes in a cell of its level (0: none) */
    RECOUNT_START, /* job, attempt, places, bindings; a place: first node, nodes, mask, tasks on each; a binding: right, number, cell, is new */
    RECOUNT_RESERVE, /* the same, attempt 0: binds, takes no GPU */
    RECOUNT_GONE,    /* attempt */
    RECOUNT_UNBIND,  /* right, number */
};

struct recount_sums {
    uint64_t starts, gpus_peak;
};

/* False: what was wrong stands in `text`. */
bool recount(const struct recount_fleet *fleet, FILE *log, struct recount_sums *ret_sums, char *text, size_t size);
