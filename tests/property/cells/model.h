#pragma once
/* A chain of at most 32 leaves seen naively: as sets of leaves in a word, and promises placed by trying every
 * position. */
#include "core/cells/cells.h"

struct naive {
    struct dure_cells_shape shape;
    uint32_t leaf_count;
    uint32_t leaves[DURE_CELLS_LEVELS_MAX + 1]; /* under a cell */
    uint32_t free, lost, bound;                 /* sets of leaves; lost ones may be bound */
    uint32_t owed[DURE_CELLS_LEVELS_MAX + 1];   /* virtual cells */
    uint32_t suspended[DURE_CELLS_LEVELS_MAX + 1];
};

/* What `cells` tells through dure_cells_virtual and dure_cells_leaf. NULL, or what contradicts itself: a leaf in two
 * places or none, a free list that is not the merged form of the free leaves, sums that do not add up. */
const char *naive_read(const struct dure_cells *cells, struct naive *ret_naive);
uint32_t naive_cell(const struct naive *naive, unsigned level, uint32_t index); /* its leaves */
/* Can `owed` cells by level be placed side by side in these leaves? By trying every place. */
bool naive_matches(const struct naive *naive, uint32_t free, const uint32_t owed[DURE_CELLS_LEVELS_MAX + 1]);
/* The fewest leaves whose suspension lets the rest be placed, of all that is owed or suspended now. By trying every
 * choice. */
uint32_t naive_least_suspended(const struct naive *naive);
