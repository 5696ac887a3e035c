#pragma once
/* Neighbours that a dataset's list forbids: while a job uses it, no work of the tenants that the list names, or of any below them, stands in the
 * same node (rack), and such work comes to none where the dataset is in use. A job's own tenant and all below it are never forbidden to it.
 *
 * A *fence* is a dataset with a list as the tenants see it that are all alike to it: those that are neither above nor below one that it names share
 * one, each other has its own. A fence counts, for each cell of its level, the attempts and reservations of its users, and those of whom it forbids;
 * the nodes of cells with any are one bitmap each, so that a search by the index leaves them out as it goes. Fences are derived, come to be when
 * the first job asks for one, and go when datasets, tenants or the fleet change. A start or an end costs O(fences * nodes of its gang); without a
 * job that uses such a dataset, one comparison.
 *
 * Who asks by right is kept away from work by right alone, which in its private cluster is its own holder's; borrowers that it may not stand beside
 * leave it their place like those on its GPUs. */
#include "core/state/state.h"

struct fence_part {
    uint32_t *all, *by_right;           /* per cell; NULL: never any */
    struct dure_bits all_on, right_on;  /* nodes of the chain whose cell has any */
    uint64_t all_count, by_right_count; /* in all cells */
};

enum fence_who { FENCE_USERS, FENCE_FORBIDDEN };

struct fence_chain {
    uint32_t cell_nodes; /* 0: no such level here */
    struct fence_part part[2];
};

struct fence {
    uint32_t dataset, tenant; /* tenant NONE: of all that are alike */
    enum dure_data_level level;
    struct dure_bits owners, forbidden; /* tenants */
    struct fence_chain *chains;
    uint64_t all_count[2]; /* on all chains, by enum fence_who */
    uint32_t *by_right[2]; /* the same of each holder's rights, by tenant */
    bool is_fresh;         /* counted already with what is being added */
};

/* A part of a fence on one chain that a request must keep clear of. */
struct fence_side {
    const struct fence *fence;
    const struct fence_part *part;
    const struct dure_bits *on;
};

void fence_release(struct dure_core *core);
/* After datasets, tenants or the fleet have changed. */
void fence_rebuild(struct dure_core *core);
/* What the next two do where there is a dataset with a list. */
void fence_count_attempt(struct dure_core *core, uint32_t slot, int sign);
void fence_count_claim(struct dure_core *core, uint32_t slot, int sign);
static inline void fence_attempt(struct dure_core *core, uint32_t slot, int sign)
{
    if (core->fences.listed)
        fence_count_attempt(core, slot, sign);
}
static inline void fence_claim(struct dure_core *core, uint32_t slot, int sign)
{
    if (core->fences.listed)
        fence_count_claim(core, slot, sign);
}

/* Is there anything now, on any chain, that the request must keep clear of? By right its own holder's work alone counts, so that nobody else's makes it
 * look for a place in another way. */
bool fence_stands(struct dure_core *core, const struct request *ask, bool by_right);
static inline bool fence_touches(struct dure_core *core, const struct request *ask, bool by_right)
{
    return core->fences.listed && fence_stands(core, ask, by_right);
}
/* The sides on one chain with anything in them; the caller frees them. */
uint32_t fence_sides(struct dure_core *core, const struct request *ask, uint32_t chain, bool by_right,
                     struct fence_side **ret_sides);
/* The first set bit of `bits` (nodes of the chain) at or after `from` that none of the sides is on; UINT64_MAX: none. */
uint64_t fence_first(const struct fence_side *sides, uint32_t count, const struct dure_bits *bits, uint64_t from);
bool fence_is_on(const struct fence_side *sides, uint32_t count, uint32_t node);
/* As the last, but for who is gone by then. */
bool fence_is_on_at(struct dure_core *core, const struct request *ask, uint32_t chain, const struct fence_side *sides,
                    uint32_t count, uint32_t node, bool by_right, int64_t at_us);

/* Does work stand where, or beside where, these places are that the request may not have beside it? */
bool fence_obstructs(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                     uint32_t count);
/* Each attempt of that kind, more than once where it stands on several GPUs. */
typedef void (*fence_fn)(struct dure_core *core, void *context, uint32_t attempt);
void fence_each(struct dure_core *core, const struct request *ask, uint32_t chain, const struct dure_place *places,
                uint32_t count, fence_fn each, void *context);
/* Since when a reservation waits for the attempt to go, because it may not have it beside it; DURE_NEVER_US: none does. */
int64_t fence_waited_since_us(struct dure_core *core, uint32_t attempt);
/* Does the reservation wait for work to go that it may not have beside it? */
bool fence_holds_up(struct dure_core *core, uint32_t claim);
/* The attempt is gone from the counts: who waited for that is looked at. */
void fence_gone(struct dure_core *core, uint32_t attempt);
static inline void fence_left(struct dure_core *core, uint32_t attempt)
{
    if (core->fences.listed)
        fence_gone(core, attempt);
}
/* The first dataset whose list keeps it from some of the chain now; NONE. */
uint32_t fence_dataset(struct dure_core *core, const struct request *ask, uint32_t chain, bool by_right);
/* May work by the two requests not stand in one cell of a level? The widest such level. */
enum dure_data_level fence_between(struct dure_core *core, const struct request *a, const struct request *b);
