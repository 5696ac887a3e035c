#pragma once
/* Who had to leave, and was it right? A naive witness of one small chain, fed with nothing but records: it knows every borrower's place, what its
 * going would lose, and tries every cell that an owner could have been given. */
#include "../cells/model.h"
#include "rig.h"

enum { WITNESS_JOBS = 4096, WITNESS_ATTEMPTS = 8192, WITNESS_ALLOTS = 8, WITNESS_CELLS = 32 };

struct witness_attempt {
    bool live, borrowed, warned;
    uint32_t job, element, leaves; /* set of the chain's leaves; 0: elsewhere */
    int64_t started_us, kept_us, until_us, deadline_us;
    uint32_t restarts;
};

struct witness_allot {
    unsigned level;
    uint32_t cells;
    uint32_t bound[WITNESS_CELLS]; /* cell + 1; 0: not bound */
};

struct witness {
    struct rig *rig;
    struct dure_job jobs[WITNESS_JOBS];
    uint32_t requeues[WITNESS_JOBS];
    bool reserved[WITNESS_JOBS];
    struct witness_attempt attempts[WITNESS_ATTEMPTS];
    struct witness_allot allots[WITNESS_ALLOTS];
    struct naive naive;
    uint32_t evictor;        /* job of the last reservation in this step; 0: none */
    uint32_t evictor_leaves; /* its place */
    uint32_t told;           /* notices since */
    uint32_t faults;
    uint64_t reserves, evictions, judged, spared, needy, gangs_judged;
    uint64_t greedy_lost, least_lost; /* over gangs of several cells, GPU-milliseconds */
    uint64_t starts, requeued;
};

struct witness *witness_new(struct rig *rig); /* a rig's watch; chain 0 has 8 nodes of 4 GPUs in 2 racks */
void witness_step(struct witness *witness);   /* before each input */
