/* Which cell of the hardware a right is bound to: where nobody borrows, else where those who borrow lose least. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

bool reference_is_bound(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            if (trial->bound[r][i] != DURE_NONE32 && node - trial->bound[r][i] < reference->rights[r].cell_nodes)
                return true;
    return false;
}

static bool is_free(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    return reference->nodes[node].lost == 0 && !reference_is_bound(reference, trial, node);
}

static uint32_t free_in(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < nodes; i++)
        count += is_free(reference, trial, first + i);
    return count;
}

/* Is all of the rack of this node there, and nobody's? */
static bool in_whole_rack(const struct reference *reference, const struct trial *trial, uint32_t node)
{
    const uint32_t nodes = reference->rack_nodes;
    return free_in(reference, trial, node / nodes * nodes, nodes) == nodes;
}

struct spare reference_spare(const struct reference *reference, const struct trial *trial, uint32_t chain)
{
    struct spare spare = {0, 0};
    for (uint32_t node = reference->chains[chain].first; node < reference->chains[chain].end; node++) {
        const bool whole = in_whole_rack(reference, trial, node);
        spare.racks += whole && node % reference->rack_nodes == 0;
        spare.nodes += !whole && is_free(reference, trial, node);
    }
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *right = &reference->rights[r];
            const bool owed =
                right->chain == chain && trial->bound[r][i] == DURE_NONE32 && !reference_is_unserved(right, i);
            spare.racks -= owed && reference->rights[r].cell_nodes > 1;
            spare.nodes -= owed && reference->rights[r].cell_nodes == 1;
        }
    spare.nodes += (int32_t)reference->rack_nodes * spare.racks;
    return spare;
}

bool reference_spare_is_whole(struct spare spare)
{
    return spare.racks >= 0 && spare.nodes >= 0;
}

/* May these nodes be bound, so that all that is owed can still be bound after? */
bool reference_may_bind(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes)
{
    return free_in(reference, trial, first, nodes) == nodes &&
           (nodes > 1 || !in_whole_rack(reference, trial, first) ||
            reference_spare(reference, trial, reference_chain_of(reference, first)).racks > 0);
}

/* ---- those who borrow ---- */

static bool borrows_on(const struct reference_run *run, uint32_t node)
{
    return run->borrowed && reference_gpus_on(run, node);
}

uint32_t reference_borrowed_in(const struct reference *reference, uint32_t first, uint32_t nodes)
{
    uint32_t gpus = 0;
    for (uint32_t node = first; node < first + nodes; node++) {
        uint64_t borrowed = 0;
        for (uint32_t r = 0; r < reference->run_end; r++)
            if (borrows_on(&reference->runs[r], node))
                borrowed |= reference_gpus_on(&reference->runs[r], node);
        gpus += reference_ones(borrowed);
    }
    return gpus;
}

/* What goes lost with gangs, each whole; then how often they were put back; then their age; then when those who leave anyway are gone. */
__extension__ typedef __int128 wide;
struct loss {
    wide work;
    int64_t age_ms, gone_ms;
    uint32_t restarts;
};

static void add_loss(const struct reference *reference, const struct reference_run *run, struct loss *loss)
{
    const struct reference_job *job = &reference->jobs[run->job];
    const int64_t now = reference->input->time_us;
    if (run->state == RUN_STOPPING) {
        loss->gone_ms += run->since_us / 1000;
    } else if (run->state == RUN_WARNED) {
        loss->gone_ms += run->deadline_us / 1000;
    } else if (job->grace_us > 0 && run->end_us - now <= job->grace_us) {
        loss->gone_ms += run->end_us / 1000;
    } else {
        const int64_t ran = now - run->kept_us, half = run->kept_us > run->since_us ? 0 : job->checkpoint_us / 2,
                      unsaved = half > 0 && ran > half ? half : ran;
        loss->work += (wide)reference_run_milli(run) * unsaved;
        loss->restarts += run->restarts;
        loss->age_ms += now / 1000 - run->since_us / 1000;
    }
}

static bool is_less(const struct loss *a, const struct loss *b)
{
    if (a->work != b->work)
        return a->work < b->work;
    if (a->restarts != b->restarts)
        return a->restarts < b->restarts;
    return a->age_ms != b->age_ms ? a->age_ms < b->age_ms : a->gone_ms < b->gone_ms;
}

/* Of all who borrow in these nodes. */
static struct loss loss_in(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes)
{
    struct loss loss = {0};
    for (uint32_t r = 0; r < reference->run_end; r++) {
        bool is_there = false;
        for (uint32_t node = first; node < first + nodes; node++)
            is_there |= borrows_on(&reference->runs[r], node);
        if (is_there && !trial->doomed[r])
            add_loss(reference, &reference->runs[r], &loss);
    }
    return loss;
}

/* Does the run borrow a GPU that is taken in this cell, if it begins at that node? */
static bool is_in_way(const struct reference_job *job, const struct reference_run *run, const struct takes *takes,
                      uint32_t from, uint32_t first)
{
    for (uint32_t t = from; run->borrowed && t < takes->count; t++) {
        const struct slot *slot = takes->at[t];
        if (slot->right == takes->at[from]->right && slot->index == takes->at[from]->index &&
            (reference_gpus_on(run, first + slot->offset) & reference_taken(job, slot)))
            return true;
    }
    return false;
}

static struct loss loss_of_taken(const struct reference *reference, const struct reference_job *job,
                                 const struct trial *trial, const struct takes *takes, uint32_t from, uint32_t first)
{
    struct loss loss = {0};
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (!trial->doomed[r] && is_in_way(job, &reference->runs[r], takes, from, first))
            add_loss(reference, &reference->runs[r], &loss);
    return loss;
}

void reference_doom(const struct reference *reference, const struct reference_job *job, struct trial *trial,
                    const struct takes *takes, uint32_t from)
{
    const uint32_t first = trial->bound[takes->at[from]->right][takes->at[from]->index];
    for (uint32_t r = 0; r < reference->run_end; r++)
        trial->doomed[r] |= is_in_way(job, &reference->runs[r], takes, from, first);
}

/* ---- choosing ---- */

/* Of free nodes in broken racks (or in whole ones), or of whole racks: the one with fewest borrowed GPUs; the first of equals. NONE32: none. */
static uint32_t least_borrowed(const struct reference *reference, const struct trial *trial, uint32_t from,
                               uint32_t end, uint32_t nodes, bool whole_racks)
{
    uint32_t best = DURE_NONE32;
    for (uint32_t first = from; first < end; first += nodes)
        if (in_whole_rack(reference, trial, first) == whole_racks && is_free(reference, trial, first) &&
            (best == DURE_NONE32 ||
             reference_borrowed_in(reference, first, nodes) < reference_borrowed_in(reference, best, nodes)))
            best = first;
    return best;
}

/* By count alone: a node of a broken rack, the least borrowed; or, if none is left or it evicts fewer and a rack can be spared, one of the least
 * borrowed whole rack. */
uint32_t reference_choose_by_count(const struct reference *reference, const struct trial *trial, uint32_t chain,
                                   uint32_t nodes)
{
    const struct reference_chain *c = &reference->chains[chain];
    const uint32_t rack = least_borrowed(reference, trial, c->first, c->end, reference->rack_nodes, true);
    if (nodes > 1)
        return rack;
    const uint32_t node = least_borrowed(reference, trial, c->first, c->end, 1, false);
    if (rack == DURE_NONE32 || (node != DURE_NONE32 && reference_spare(reference, trial, chain).racks < 1))
        return node;
    const uint32_t inside = least_borrowed(reference, trial, rack, rack + reference->rack_nodes, 1, true);
    return node != DURE_NONE32 &&
                   reference_borrowed_in(reference, node, 1) <= reference_borrowed_in(reference, inside, 1)
               ? node
               : inside;
}

static bool takes_all(const struct reference *reference, const struct reference_job *job, const struct takes *takes,
                      uint32_t from, uint32_t nodes)
{
    uint32_t taken = 0;
    for (uint32_t t = from; t < takes->count; t++)
        if (takes->at[t]->right == takes->at[from]->right && takes->at[t]->index == takes->at[from]->index)
            taken += reference_ones(reference_taken(job, takes->at[t]));
    return taken == nodes * reference->node_gpus;
}

/* Where those on what is taken lose least, then where all in the cell lose least; where all is taken, that alone counts. */
static uint32_t choose_by_loss(const struct reference *reference, const struct reference_job *job,
                               const struct trial *trial, const struct takes *takes, uint32_t from)
{
    const struct reference_right *right = &reference->rights[takes->at[from]->right];
    const struct reference_chain *chain = &reference->chains[right->chain];
    const uint32_t nodes = right->cell_nodes;
    uint32_t best = DURE_NONE32;
    const bool all = takes_all(reference, job, takes, from, nodes);
    struct loss least = {0}, least_in = {0};
    for (uint32_t first = chain->first; first < chain->end; first += nodes) {
        if (!reference_may_bind(reference, trial, first, nodes))
            continue;
        const struct loss in = loss_in(reference, trial, first, nodes),
                          loss = all ? in : loss_of_taken(reference, job, trial, takes, from, first);
        if (best == DURE_NONE32 || is_less(&loss, &least) || (!is_less(&least, &loss) && is_less(&in, &least_in))) {
            best = first;
            least = loss;
            least_in = in;
        }
    }
    return best;
}

uint32_t reference_choose_cell(const struct reference *reference, const struct reference_job *job,
                               const struct trial *trial, const struct takes *takes, uint32_t from)
{
    const struct reference_right *right = &reference->rights[takes->at[from]->right];
    const struct reference_chain *chain = &reference->chains[right->chain];
    const uint32_t nodes = right->cell_nodes;
    uint32_t best = reference_choose_by_count(reference, trial, right->chain, nodes);
    if (best == DURE_NONE32 || reference_borrowed_in(reference, best, nodes) > 0)
        best = choose_by_loss(reference, job, trial, takes, from);
    if (best == DURE_NONE32)
        abort(); /* the promise: there is always one */
    if (!reference_is_wanted(reference, trial, reference->holders[job->tenant], best, nodes))
        return best;
    for (best = chain->first; best < chain->end; best += nodes)
        if (!reference_is_wanted(reference, trial, reference->holders[job->tenant], best, nodes) &&
            reference_may_bind(reference, trial, best, nodes))
            return best;
    return DURE_NONE32;
}

static uint32_t lost_in(const struct reference *reference, uint32_t first, uint32_t nodes)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < nodes; i++)
        lost += reference_ones(reference->nodes[first + i].lost);
    return lost;
}

bool reference_may_serve(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes)
{
    const uint32_t lost = lost_in(reference, first, nodes);
    uint32_t whole = 0;
    bool bound = false;
    for (uint32_t i = 0; i < nodes; i++) {
        whole += nodes > 1 && reference->nodes[first + i].lost == 0;
        bound |= reference_is_bound(reference, trial, first + i);
    }
    return lost > 0 && lost < nodes * reference->node_gpus && !bound &&
           reference_spare(reference, trial, reference_chain_of(reference, first)).nodes >= (int32_t)whole;
}

/* The one with fewest lost GPUs, then fewest borrowed ones, of those of which some are there, all of them free, and can be spared. */
uint32_t reference_choose_damaged(const struct reference *reference, const struct trial *trial, uint32_t chain,
                                  uint32_t nodes)
{
    const struct reference_chain *c = &reference->chains[chain];
    uint32_t best = DURE_NONE32;
    for (uint32_t first = c->first; first < c->end; first += nodes) {
        const uint32_t lost = lost_in(reference, first, nodes);
        const bool better =
            best == DURE_NONE32 || lost < lost_in(reference, best, nodes) ||
            (lost == lost_in(reference, best, nodes) &&
             reference_borrowed_in(reference, first, nodes) < reference_borrowed_in(reference, best, nodes));
        if (better && reference_may_serve(reference, trial, first, nodes))
            best = first;
    }
    return best;
}
