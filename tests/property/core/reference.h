#pragma once
/* The rule of decision once more, slow and plain: arrays and searches, no index, no code of src/core. It takes the records that the core takes and says, as encoded records,
 * what must be decided.
 *
 * Covered: one chain of racks of nodes; tenants that stand alone, each with rights to nodes or racks; guaranteed work of whole GPUs, single or in gangs, inside a required or a preferred node or
 * rack or anywhere in its rights, over several of them too, with so many tasks a node or any; equal requests of a tenant first come, first served; the planned start of each tenant's blocked head, and backfill; passes with a budget; ends, losses with and without
 * requeue, cancellations and walltimes without grace; cells bound, kept while in use, and let go.
 *
 * Not covered: borrowed work and reclaim, fractions, priorities and shares inside a tenant, arrays, failures of nodes, rights that
 * come and go, power and data. */
#include "model/record.h"

enum {
    REFERENCE_NODES = 32,
    REFERENCE_RIGHTS = 8,
    REFERENCE_TENANTS = 8,
    REFERENCE_CELLS = 32,
    REFERENCE_JOBS = 4096,
    REFERENCE_PLACES = 64,
};

struct reference_right {
    uint32_t tenant, cell_nodes, count;
    uint32_t bound[REFERENCE_CELLS]; /* first node of the cell; NONE32: not bound */
};

struct reference_job {
    uint32_t tenant, tasks, gpus, tasks_per_node;
    uint32_t level_nodes; /* all inside so many nodes in line; 0: anywhere */
    bool level_required;
    int64_t walltime_us, submitted_us;
    bool requeue, waits;
    /* While it runs: */
    uint64_t attempt;
    int64_t end_us;
    enum dure_cause leaving;
    uint32_t place_count, binding_count;
    struct dure_place places[REFERENCE_PLACES];
    struct dure_binding bindings[REFERENCE_PLACES];
};

/* The start that is planned for one of a tenant's jobs, in its private cluster. */
struct reference_plan {
    uint64_t job; /* 0: none */
    int64_t at_us;
    uint64_t kept[REFERENCE_RIGHTS][REFERENCE_CELLS * 4]; /* GPUs, by right and node in it */
};

struct reference {
    uint32_t node_count, rack_nodes, node_gpus, right_count, tenant_count;
    struct reference_right rights[REFERENCE_RIGHTS]; /* by allotment id */
    uint64_t used[REFERENCE_NODES];                  /* GPUs, by node */
    struct reference_job jobs[REFERENCE_JOBS];       /* by id */
    struct reference_plan plans[REFERENCE_TENANTS];
    uint64_t next_job, next_attempt;
    void (*tell)(void *context, const struct dure_record *decision);
    void *context;
    const struct dure_record *input;
};

/* The fields above `used` are the caller's; the rest is made ready. */
void reference_begin(struct reference *reference);
void reference_step(struct reference *reference, const struct dure_record *input);
