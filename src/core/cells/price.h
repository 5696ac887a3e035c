#pragma once
/* What it costs to take a cell back from those who borrow in it, and which cell of a level costs least.
 *
 * The caller says for each gang which cells it stands in, and gives every one of them the gang's whole price: a gang of which one leaf goes, goes
 * as a whole. Work is lost at the rate of a gang's GPUs, so a price is a line in time, sums of prices are lines, and the order of two cells
 * changes at most once while nothing else happens. A tournament keeps each winner with the moment until which it stays the winner (Basch,
 * Guibas, Hershberger: Data Structures for Mobile Data, 1997); what changes or expires is looked at again when somebody asks, not before.
 *
 * Derived: never in the digest, in a snapshot or undone by a rollback (though it follows what a rollback frees and binds). Exact: the answer is
 * the cheapest cell by brute force, ties by index. Cost: a change O(levels * log cells) at most, and far less while nobody asks; an answer
 * O(levels) and what changed or expired since the last one; a gang's line crosses others O(log cells) times on the average. Memory: 48 bytes a
 * cell of a priced level, 48 a cell of that level or above. */
#include "core/cells/cells.h"

__extension__ typedef __int128 dure_cells_wide;

struct dure_cells_price {
    dure_cells_wide lost; /* lost work at t is slope * t - lost, in milli-GPU microseconds */
    int64_t slope;
    int64_t started_ms; /* sum over the gangs: age at t is gangs * t - started_ms */
    int64_t gone_ms;    /* sum over those that leave anyway, and cost nothing: when they are gone */
    uint32_t gangs, restarts;
};

/* From now on prices of this level are kept: all are zero. E_MEMORY. O(cells of the level). Opening twice is fine. */
DURE_NODISCARD enum dure_err dure_cells_price_open(struct dure_cells *cells, unsigned level, struct dure_error *error);
bool dure_cells_is_priced(const struct dure_cells *cells, unsigned level);
void dure_cells_price_add(struct dure_cells *cells, struct dure_cell cell, const struct dure_cells_price *price);
void dure_cells_price_sub(struct dure_cells *cells, struct dure_cell cell, const struct dure_cells_price *price);
/* What is kept of the cells over this leaf starts on its way from memory. */
void dure_cells_price_fetch(const struct dure_cells *cells, uint32_t leaf);
const struct dure_cells_price *dure_cells_price(const struct dure_cells *cells, struct dure_cell cell);

void dure_cells_price_sum(struct dure_cells_price *sum, const struct dure_cells_price *more);
/* Which is cheaper at this moment? Lost work, then restarts, then age (to the millisecond), then when those that leave anyway are gone: fewer
 * of them first, then sooner. Negative, zero, positive. */
int dure_cells_price_compare(const struct dure_cells_price *a, const struct dure_cells_price *b, int64_t now_us);

/* The cells that may be bound next to an owed virtual cell of a priced level, cheapest first, at most `most`: among all that the invariant
 * allows, the relaxed split included. `now_us` never decreases from call to call. Zero cells: as dure_cells_choose without a place. E_RIGHTS,
 * E_STATE (a suspended cell is served by dure_cells_choose alone), E_MEMORY. */
DURE_NODISCARD enum dure_err dure_cells_cheapest(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                                 int64_t now_us, uint32_t most, struct dure_cell *ret_cells,
                                                 uint32_t *ret_count, struct dure_error *error);
