#pragma once
/* A naive model of what may stand where, fed with nothing but records: a list of who is on each GPU. */
#include "rig.h"

enum { MODEL_LEAVES = 256, MODEL_ATTEMPTS = 65536, MODEL_JOBS = 65536, MODEL_TENANTS = 16, MODEL_NODES = 64 };

struct model_attempt {
    bool live, borrowed, warned;
    uint32_t job, element;
    uint32_t leaf_count;
    uint32_t leaves[MODEL_LEAVES];
    uint32_t milli[MODEL_LEAVES];
    uint16_t starts[MODEL_LEAVES]; /* of MIG instances on it */
};

struct model {
    struct rig *rig;
    struct dure_job jobs[MODEL_JOBS];                                           /* by id */
    struct model_attempt *attempts;                                             /* by id */
    struct dure_ceilings ceilings[MODEL_TENANTS], ceilings_next[MODEL_TENANTS]; /* in force; about to be */
    uint64_t foreign[MODEL_NODES];                                              /* GPUs that work outside dure uses */
    uint64_t given_up; /* the attempt that is being reported lost; 0: none is */
    uint32_t faults, booked;
    uint64_t starts, notices, stops, ends, requeues, reserves, unreserves, suspends, restores, evictions, grants, plans,
        unplans;
};

struct model *model_new(struct rig *rig);
void model_free(struct model *model);
void model_hear(struct rig *rig, const struct dure_record *decision); /* a rig's watch; its context is the model */
