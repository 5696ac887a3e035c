#pragma once
/* A chain under a random history, with a twin that is only told what was decided, and a naive model looking over its
 * shoulder. */
#include "model.h"

/* What a history has been through, so that a test can see that it tests something. */
struct world_tally {
    uint64_t steps, accepted, refused, taken, refused_unsafe, given, suspended, restored, served, healed, handed_over,
        released, in_use, waited;
};

struct world {
    struct dure_cells *cells;
    struct dure_cells *twin; /* replays decisions by take_exact, give, do_step: must stay equal */
    uint64_t random;
    uint32_t next_id;
    bool trying; /* under a mark: the twin is not told */
    bool naive;  /* at most 16 leaves: compare with brute force */
    struct world_tally tally;
    char bad[512]; /* the first thing found wrong; "" = nothing */
};

void world_open(struct world *world, const struct dure_cells_shape *shape, uint64_t seed);
void world_close(struct world *world);
/* One random operation and all checks after it. False: something is wrong, world->bad says what. */
bool world_step(struct world *world);
