/* Booked maintenance: its nodes drain when it begins and come back when it is over. While it lasts, what is planned by right is firm: it counts on
 * cells that are bound, or binds them when it is made, and nothing that others do takes its place. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "parts.h"

/* ---- its course ---- */

static void mark_nodes(struct reference *reference)
{
    for (uint32_t node = 0; node < reference->node_count; node++) {
        reference->nodes[node].booked_until_us = INT64_MIN;
        for (uint32_t b = 0; b < reference->booking_count; b++)
            if (reference->bookings[b].has_begun && (reference->bookings[b].nodes >> node & 1))
                reference->nodes[node].booked_until_us = reference->bookings[b].until_us;
    }
}

static void tell(struct reference *reference, uint64_t id, uint32_t count)
{
    struct dure_record record = reference_decision(reference, DURE_REC_BOOK_STATE);
    record.number = (int64_t)id;
    record.count = count;
    reference_tell(reference, &record);
}

static void update_nodes(struct reference *reference, uint64_t nodes)
{
    for (; nodes; nodes &= nodes - 1)
        reference_update_node(reference, (uint32_t)__builtin_ctzll(nodes));
}

/* By itself, or because it is cancelled: then what was planned behind it may be sooner. */
static void end_booking(struct reference *reference, uint32_t b)
{
    const struct reference_booking gone = reference->bookings[b];
    tell(reference, gone.id, 2);
    if (gone.until_us > reference->input->time_us)
        reference_void_plans(reference, DURE_CAUSE_DRAINED);
    memmove(&reference->bookings[b], &reference->bookings[b + 1],
            (--reference->booking_count - b) * sizeof reference->bookings[b]);
    mark_nodes(reference);
    update_nodes(reference, gone.nodes);
}

/* Ends before beginnings, each in the order of booking. */
void reference_bookings(struct reference *reference)
{
    for (uint32_t b = 0; b < reference->booking_count;)
        if (reference->bookings[b].until_us <= reference->input->time_us)
            end_booking(reference, b);
        else
            b++;
    for (uint32_t b = 0; b < reference->booking_count; b++) {
        struct reference_booking *booking = &reference->bookings[b];
        if (booking->has_begun || booking->from_us > reference->input->time_us)
            continue;
        tell(reference, booking->id, 1);
        booking->has_begun = true;
        mark_nodes(reference);
        update_nodes(reference, booking->nodes);
    }
}

void reference_book(struct reference *reference, const struct dure_record *input)
{
    if (input->kind == DURE_REC_UNBOOK) {
        for (uint32_t b = 0; b < reference->booking_count; b++)
            if (reference->bookings[b].id == (uint64_t)input->number) {
                end_booking(reference, b);
                return;
            }
        return;
    }
    if (reference->booking_count == REFERENCE_BOOKINGS)
        abort();
    struct reference_booking *booking = &reference->bookings[reference->booking_count++];
    *booking = (struct reference_booking){
        .id = reference->next_booking++, .from_us = input->number, .until_us = input->deadline_us};
    for (uint32_t i = 0; i < input->place_count; i++)
        for (uint32_t k = 0; k < input->places[i].node_count; k++)
            booking->nodes |= UINT64_C(1) << (input->places[i].node_first + k);
    reference_void_plans(reference, DURE_CAUSE_DRAINED); /* they knew nothing of it */
    reference_bookings(reference);
}

/* ---- firm plans ---- */

bool reference_is_booked_before(const struct reference *reference, uint32_t chain, int64_t until_us)
{
    const struct reference_chain *c = &reference->chains[chain];
    const uint64_t nodes = ((UINT64_C(1) << c->end) - 1) & ~((UINT64_C(1) << c->first) - 1);
    for (uint32_t b = 0; b < reference->booking_count; b++)
        if ((reference->bookings[b].nodes & nodes) > 0 &&
            (reference->bookings[b].has_begun || reference->bookings[b].from_us < until_us))
            return true;
    return false;
}

/* It is there again when the plan begins: maintenance alone has it, and is over by then. */
bool reference_is_back_by(const struct reference *reference, uint32_t node, int64_t at_us)
{
    const struct reference_node *n = &reference->nodes[node];
    return n->booked_until_us != INT64_MIN && !n->drained && !n->down && !n->away && n->booked_until_us <= at_us;
}

bool reference_bind_firmly(const struct reference *reference, struct trial *trial)
{
    static struct trial cells;
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(cells.bound[r], reference->rights[r].bound, sizeof cells.bound[r]);
    for (uint32_t i = 0; i < trial->virtual_count; i++) {
        struct dure_binding *b = &trial->named[i];
        const uint32_t nodes = reference->rights[b->allot.v].cell_nodes;
        b->virtual_index = trial->virtuals[i].node_first / nodes;
        uint32_t *cell = &cells.bound[b->allot.v][b->virtual_index];
        const bool is_unbound = *cell == DURE_NONE32;
        if (is_unbound) {
            const uint32_t chosen =
                b->is_new ? reference_first_of(reference, b->allot.v, b->cell_index)
                          : reference_choose_by_count(reference, &cells, reference->rights[b->allot.v].chain, nodes);
            if (chosen == DURE_NONE32 || !reference_may_bind(reference, &cells, chosen, nodes))
                return false;
            *cell = chosen;
        }
        b->is_new = is_unbound;
        b->cell_index = reference_cell_at(reference, b->allot.v, *cell);
    }
    return true;
}

bool reference_is_firm(const struct reference *reference, const struct reference_job *job, const struct trial *trial,
                       int64_t at_us)
{
    return !job->borrowed && reference_is_booked_before(reference, reference->rights[trial->named[0].allot.v].chain,
                                                        at_us + job->walltime_us + job->grace_us);
}

/* When it is time: the very place that was kept, if the rules find it no other. */
bool reference_place_as_planned(const struct reference *reference, uint64_t id, struct trial *trial)
{
    const struct reference_plan *plan = &reference->plans[reference_queue(reference, &reference->jobs[id])];
    const struct reference_job there = reference_there(reference, &reference->jobs[id], plan->chain), *job = &there;
    struct slots slots;
    if (!plan->is_firm || reference_has_foes(reference, job) || reference_takes_rack(reference, job))
        return false;
    trial->beside_plan = false;
    trial->later_us = INT64_MIN;
    trial->serves = trial->rebinds = false;
    memset(trial->freed, 0, sizeof trial->freed);
    reference_begin_trial(reference, job, trial);
    trial->is_many = plan->place_count > 1;
    for (uint32_t i = 0; i < plan->place_count;) {
        const uint32_t right = plan->bindings[i].allot.v;
        struct takes takes = {.count = 0};
        uint32_t tasks = 0;
        slots.count = 0;
        reference_list_slots(reference, right, trial, &slots);
        for (; i < plan->place_count && plan->bindings[i].allot.v == right; i++) {
            const struct dure_place *place = &plan->places[i];
            if (place->tasks == 0)
                continue;
            struct slot *slot = &slots.at[place->node_first];
            if (place->gpu_mask & ~slot->idle)
                return false;
            slot->tasks = place->tasks;
            slot->exact = place->gpu_mask;
            takes.at[takes.count++] = slot;
            tasks += place->tasks;
        }
        if (!reference_realise(reference, job, &takes, job->milli < 1000 ? job->tasks : tasks, trial))
            return false;
    }
    const int64_t now = reference->input->time_us;
    return !reference_reaches_window(reference, trial->places, trial->place_count, now,
                                     now + job->walltime_us + job->grace_us);
}
