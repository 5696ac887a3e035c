#pragma once
/* What evicting borrowed work costs, and the cell of hardware that costs its borrowers least to give up.
 *
 * A gang's price is the work it loses (its GPUs times the time since its last checkpoint), then how often its job was put back before, then its age: the
 * young go first. A gang that leaves anyway, because it is warned or because its walltime ends within its grace, costs nothing. A cell's price is
 * that of all gangs in it, each whole. Prices of a chain's level are kept from the first time that a cell of it had to be taken from
 * borrowers: until then, and where nobody borrows, they cost nothing. Derived: what is chosen follows from attempts and time alone. */
#include "core/cells/price.h"
#include "core/state/state.h"

/* An attempt stands as borrowed from now on, or is about to go, or what its price follows from has changed (nothing, if it is not borrowed). */
void price_enter(struct dure_core *core, uint32_t attempt);
void price_leave(struct dure_core *core, uint32_t attempt);
void price_change(struct dure_core *core, uint32_t attempt);
void price_fetch(const struct dure_core *core,
                 uint32_t attempt); /* it is about to go: what is kept of it starts on its way */
struct dure_cells_price price_of(const struct dure_core *core, const struct attempt *attempt);

/* The cell to bind to virtual cell `index`, for the leaves of it that the takes from `from` on use. One without borrowers; else, of the cells
 * that may be bound, the one whose borrowers on the leaves used cost least, then whose borrowers in all cost least. Exact when all leaves of the
 * cell are used; else the best of the PRICE_FEW cells that are cheapest as a whole. False: none may be bound. */
enum { PRICE_FEW = 32 };
bool price_choose(struct dure_core *core, uint32_t allot, uint32_t index, const struct dure_takes *takes, uint32_t from,
                  struct dure_cell *ret_cell);
/* (While a plan keeps hardware, the first other one instead.) */
/* For the next choices of the same gang, those who stand on these leaves cost nothing more: they go. Until price_spare_all. */
void price_doom(struct dure_core *core, uint32_t allot, struct dure_cell cell, uint32_t index,
                const struct dure_takes *takes, uint32_t from);
void price_spare_all(struct dure_core *core);
