/* Maintenance to come. A start may not reach into it: a place is sought as if nothing were booked, and where it would reach into a window once more
 * with those nodes out of sight, and by rights with the cells as they would be if these nodes were lost, settled. */
#include <string.h>

#include "base/timefmt.h"
#include "parts.h"

static bool covers(const struct reference_booking *booking, uint32_t node)
{
    return booking->nodes >> node & 1;
}

static bool meets(const struct reference_booking *booking, int64_t from_us, int64_t until_us)
{
    return !booking->has_begun && booking->from_us < until_us && booking->until_us > from_us;
}

bool reference_meets_window(const struct reference *reference, uint32_t node, int64_t from_us, int64_t until_us)
{
    for (uint32_t b = 0; b < reference->booking_count; b++)
        if (covers(&reference->bookings[b], node) && meets(&reference->bookings[b], from_us, until_us))
            return true;
    return false;
}

int64_t reference_window_over(const struct reference *reference, int64_t from_us, int64_t until_us)
{
    int64_t first = INT64_MAX;
    for (uint32_t b = 0; b < reference->booking_count; b++)
        if (meets(&reference->bookings[b], from_us, until_us) && reference->bookings[b].until_us < first)
            first = reference->bookings[b].until_us;
    return first;
}

bool reference_reaches_window(const struct reference *reference, const struct dure_place *places, uint32_t count,
                              int64_t from_us, int64_t until_us)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            if (reference_meets_window(reference, places[i].node_first + k, from_us, until_us))
                return true;
    return false;
}

/* ---- out of sight ---- */

void reference_see(const struct reference *reference, struct hidden *now)
{
    memcpy(now->nodes, reference->nodes, sizeof now->nodes);
    memcpy(now->rights, reference->rights, sizeof now->rights);
    memcpy(now->chains, reference->chains, sizeof now->chains);
}

void reference_hide(struct reference *reference, int64_t from_us, int64_t until_us, bool rights, struct hidden *hidden)
{
    reference_see(reference, hidden);
    for (uint32_t node = 0; node < reference->node_count; node++) {
        struct reference_node *n = &reference->nodes[node];
        const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1;
        if (!reference_meets_window(reference, node, from_us, until_us))
            continue;
        reference->chains[reference_chain_of(reference, node)].is_shaken |= n->lost != all;
        n->lost = all;
    }
    for (uint32_t chain = 0; rights && chain < reference->chain_count; chain++)
        reference_settle_unseen(reference, chain);
}

void reference_unhide(struct reference *reference, const struct hidden *hidden)
{
    memcpy(reference->nodes, hidden->nodes, sizeof hidden->nodes);
    memcpy(reference->rights, hidden->rights, sizeof hidden->rights);
    memcpy(reference->chains, hidden->chains, sizeof hidden->chains);
}

/* ---- a place around them ---- */

bool reference_can_bind(const struct reference *reference, const struct dure_binding *bindings, uint32_t count)
{
    static struct trial cells;
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(cells.bound[r], reference->rights[r].bound, sizeof cells.bound[r]);
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_binding *b = &bindings[i];
        const struct reference_right *right = &reference->rights[b->allot.v];
        const uint32_t first = reference_first_of(reference, b->allot.v, b->cell_index);
        if (!b->is_new)
            continue;
        if (cells.bound[b->allot.v][b->virtual_index] != DURE_NONE32 ||
            !(right->suspended[b->virtual_index] ? reference_may_serve(reference, &cells, first, right->cell_nodes)
                                                 : reference_may_bind(reference, &cells, first, right->cell_nodes)))
            return false;
        cells.bound[b->allot.v][b->virtual_index] = first;
    }
    return true;
}

bool reference_place_around(struct reference *reference, uint64_t id, struct trial *trial)
{
    static struct hidden hidden;
    const struct reference_job *job = &reference->jobs[id];
    const int64_t now = reference->input->time_us, until_us = now + job->walltime_us + job->grace_us;
    trial->is_blamed = false;
    if (!reference_place(reference, id, true, trial))
        return false;
    if (!reference_reaches_window(reference, trial->places, trial->place_count, now, until_us))
        return true;
    reference_hide(reference, now, until_us, !job->borrowed, &hidden);
    const bool found = reference_place(reference, id, true, trial);
    reference_unhide(reference, &hidden);
    trial->is_blamed =
        !found || (!job->borrowed && !reference_can_bind(reference, trial->bindings, trial->binding_count));
    reference->around += !trial->is_blamed;
    reference->kept_off += trial->is_blamed;
    return !trial->is_blamed;
}
