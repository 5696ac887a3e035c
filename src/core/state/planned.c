#include "core/state/planned.h"

#include <stdlib.h>
#include <string.h>

#include "core/booked/booked.h"
#include "core/decide/after.h"
#include "core/place/ground.h"
#include "core/place/limited.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"

static struct dure_digest hash_of(const struct planned *planned)
{
    _Static_assert(sizeof planned->d % 8 == 0, "the digest takes words");
    struct dure_digest sum = dure_hash_words(DOMAIN_PLANNED, &planned->d, sizeof planned->d / 8);
    dure_digest_add(&sum,
                    attempt_lists_hash(UINT64_C(1) << 62 | planned->d.job, planned->places, planned->d.place_count,
                                       planned->bindings, planned->bindings ? planned->d.place_count : 0));
    return sum;
}

/* One place's masks, by slot of its allotment or node of its chain. */
static uint64_t *kept_of(struct dure_core *core, const struct planned *planned, uint32_t index, uint32_t *ret_first)
{
    const struct dure_place *place = &planned->places[index];
    if (planned->d.borrowed) {
        struct chain_state *chain = &core->chains[planned->d.chain];
        if (!chain->kept)
            chain->kept = dure_core_alloc(sizeof *chain->kept, core->fleet->chains[planned->d.chain].node_count);
        *ret_first = place->node_first - core->fleet->chains[planned->d.chain].node_first;
        return chain->kept;
    }
    struct allot *allot = core->allots[planned->bindings[index].allot.v];
    if (!allot->kept)
        allot->kept = dure_core_alloc(sizeof *allot->kept, allot->slots.count);
    *ret_first = place->node_first;
    return allot->kept;
}

static void mark(struct dure_core *core, const struct planned *planned, bool on)
{
    for (uint32_t i = 0; i < planned->d.place_count; i++) {
        if (!on && !planned->d.borrowed && !core->allots[planned->bindings[i].allot.v]->slots.count)
            continue; /* it ended */
        uint32_t first;
        uint64_t *kept = kept_of(core, planned, i, &first);
        for (uint32_t k = 0; k < planned->places[i].node_count; k++)
            kept[first + k] =
                on ? kept[first + k] | planned->places[i].gpu_mask : kept[first + k] & ~planned->places[i].gpu_mask;
    }
}

void planned_hide(struct hidden_list *hidden, uint32_t slot, uint64_t gpus)
{
    if (hidden->count == hidden->capacity) {
        hidden->capacity = hidden->capacity ? hidden->capacity * 2 : 16;
        hidden->at = dure_core_grow(hidden->at, sizeof *hidden->at, hidden->capacity);
    }
    hidden->at[hidden->count++] = (struct hidden){gpus, slot};
}

static void set_node(struct dure_core *core, uint32_t at, uint32_t node, uint64_t idle)
{
    struct chain_state *chain = &core->chains[at];
    dure_slots_set(&chain->idle, node, idle);
    dure_slots_set(&chain->away, node, node_of(core, at, node)->bound ? 0 : idle);
}

static void keep_nodes(struct dure_core *core, uint32_t at, const struct dure_place *place, bool on)
{
    struct chain_state *chain = &core->chains[at];
    const uint32_t first = place->node_first - core->fleet->chains[at].node_first;
    chain->is_kept = on;
    for (uint32_t node = first; on && node < first + place->node_count; node++) {
        const uint64_t idle = chain->idle.idle[node], hidden = idle & chain->kept[node];
        if (hidden) {
            planned_hide(&chain->hidden, node, hidden);
            set_node(core, at, node, idle & ~hidden);
        }
    }
    while (!on && chain->hidden.count) {
        const struct hidden *hidden = &chain->hidden.at[--chain->hidden.count];
        set_node(core, at, hidden->slot, chain->idle.idle[hidden->slot] | hidden->gpus);
    }
}

static void keep_slots(struct dure_core *core, uint32_t id, const struct dure_place *place, bool on)
{
    struct allot *allot = core->allots[id];
    const uint32_t first = place->node_first, end = first + place->node_count;
    allot->is_kept = on;
    for (uint32_t slot = first; on && slot < end && slot < allot->slots.count; slot++) {
        const uint64_t idle = allot->slots.idle[slot], hidden = idle & allot->kept[slot];
        if (hidden) {
            planned_hide(&allot->hidden, slot, hidden);
            dure_slots_set(&allot->slots, slot, idle & ~hidden);
        }
    }
    while (!on && allot->hidden.count) {
        const struct hidden *hidden = &allot->hidden.at[--allot->hidden.count];
        dure_slots_set(&allot->slots, hidden->slot, allot->slots.idle[hidden->slot] | hidden->gpus);
    }
}

/* Only what is idle of what is kept goes out of sight; the rest of it is taken anyway. */
void planned_keep(struct dure_core *core, uint32_t slot, bool on)
{
    struct planned *planned = planned_at(core, slot);
    planned->is_kept = on;
    for (uint32_t i = 0; i < planned->d.place_count; i++)
        if (planned->d.borrowed)
            keep_nodes(core, planned->d.chain, &planned->places[i], on);
        else
            keep_slots(core, planned->bindings[i].allot.v, &planned->places[i], on);
}

/* Ids rise with the time of submission, and who is too new was submitted within the last second, so in one of two seconds. */
void planned_note_job(struct dure_core *core, const struct job_data *data)
{
    const int64_t waited_us = data->submitted_us + PLAN_AFTER_US,
                  at_us = (waited_us + DURE_SECOND_US - 1) / DURE_SECOND_US * DURE_SECOND_US;
    if (at_us <= core->soon[1].at_us)
        return;
    core->soon[0] = core->soon[1];
    core->soon[1] = (struct soon){at_us, data->id};
}

uint64_t planned_soon_from(const struct dure_core *core)
{
    for (unsigned i = 0; i < 2; i++)
        if (core->soon[i].at_us > core->s.time_us)
            return core->soon[i].job;
    return UINT64_MAX;
}

void planned_look_later(struct dure_core *core, uint32_t queue, uint64_t job)
{
    const int64_t at_us = core->soon[job >= core->soon[1].job].at_us;
    struct queue *q = &core->queues[queue];
    if (at_us < q->look_us)
        q->look_us = at_us;
    if (at_us < core->look_next_us)
        core->look_next_us = at_us;
}

bool planned_is_too_soon(struct dure_core *core, uint32_t queue, uint64_t job)
{
    if (job < planned_soon_from(core))
        return false;
    planned_look_later(core, queue, job);
    return true;
}

bool planned_is_below(const struct dure_core *core, uint32_t slot, const struct request *other, uint64_t job)
{
    const struct planned *planned = planned_at(core, slot);
    const struct request *ask = job_ask(core, job_at(core, planned->job_slot));
    if (other->tenant != ask->tenant && planned->d.borrowed)
        return false;
    if (other->priority != ask->priority)
        return other->priority > ask->priority;
    return other->tenant == ask->tenant && job < planned->d.job;
}

static void moved(void *owner, uint32_t slot, uint32_t place)
{
    planned_at(owner, slot)->heap_place = place;
}

uint32_t planned_add(struct dure_core *core, uint32_t job_slot, const struct planned_data *data,
                     const struct dure_place *places, const struct dure_binding *bindings)
{
    struct job *job = job_at(core, job_slot);
    const uint32_t slot = dure_pool_take(&core->planneds), queue = queue_of(core, job_ask(core, job));
    struct planned *planned = planned_at(core, slot);
    *planned = (struct planned){.d = *data, .job_slot = job_slot, .queue = queue};
    planned->places = dure_core_alloc(sizeof *places, data->place_count);
    memcpy(planned->places, places, data->place_count * sizeof *places);
    if (!data->borrowed) {
        planned->bindings = dure_core_alloc(sizeof *bindings, data->place_count);
        memcpy(planned->bindings, bindings, data->place_count * sizeof *bindings);
        for (uint32_t i = 0; i < data->place_count; i++) {
            planned->by_hardware |= limited_by_hardware(core, job_ask(core, job), core->allots[bindings[i].allot.v]);
            planned->bindings[i].is_new &= !data->firm; /* bound since */
        }
    }
    core->overruns.owner = core;
    core->overruns.moved = moved;
    dure_heap_add(&core->overruns, data->at_us + PLAN_OVERRUN_US, data->job, slot);
    core->queues[queue].planned = slot;
    job->planned = slot;
    mark(core, planned, true);
    if (core->queues[queue].is_watched || core->queues[queue].lists[NEED_FAR].count)
        queue_moved(core, queue); /* beside it, what a rule refused may stand elsewhere */
    dure_digest_add(&core->digest, hash_of(planned));
    return slot;
}

void planned_drop(struct dure_core *core, uint32_t job_slot)
{
    struct job *job = job_at(core, job_slot);
    const uint32_t slot = job->planned;
    if (slot == NONE)
        return;
    struct planned *planned = planned_at(core, slot);
    DURE_ASSERT(core->queues[planned->queue].planned == slot);
    dure_digest_sub(&core->digest, hash_of(planned));
    mark(core, planned, false);
    dure_heap_remove(&core->overruns, planned->heap_place);
    core->queues[planned->queue].planned = NONE;
    job->planned = NONE;
    need_reopen(core, planned->queue, NEED_LONG);
    queue_moved(core, planned->queue);
    for (uint32_t i = 0; (planned->by_hardware || planned->d.firm) && i < planned->d.place_count; i++)
        after_add(core, AFTER_EMPTY, (uint64_t)planned->bindings[i].allot.v << 32 | planned->bindings[i].virtual_index);
    free(planned->places);
    free(planned->bindings);
    dure_pool_give(&core->planneds, slot);
}

void planned_seat_all(struct dure_core *core, uint32_t tenants)
{
    for (uint32_t i = 0; i < core->overruns.count; i++) {
        struct planned *planned = planned_at(core, core->overruns.at[i].slot);
        planned->queue = planned->d.borrowed ? tenants : planned->queue;
        core->queues[planned->queue].planned = core->overruns.at[i].slot;
    }
}

void planned_free_all(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->overruns.count; i++) {
        free(planned_at(core, core->overruns.at[i].slot)->places);
        free(planned_at(core, core->overruns.at[i].slot)->bindings);
    }
    dure_heap_release(&core->overruns);
}

void planned_void_borrowed(struct dure_core *core, uint32_t at, const struct dure_place *places, uint32_t count,
                           int64_t until_us)
{
    const uint32_t slot = core->queues[queue_of_borrowed(core)].planned;
    const uint64_t *kept = core->chains[at].kept;
    if (slot == NONE || !kept || planned_at(core, slot)->d.chain != at || planned_at(core, slot)->d.at_us >= until_us)
        return;
    const uint32_t first = core->fleet->chains[at].node_first;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++)
            if (kept[places[i].node_first + k - first] & places[i].gpu_mask) {
                after_add(core, AFTER_UNPLAN,
                          planned_at(core, slot)->d.job | (uint64_t)DURE_CAUSE_RECLAIMED << AFTER_CAUSE_SHIFT);
                return;
            }
}

bool planned_keeps_leaf(const struct dure_core *core, uint32_t id, uint32_t at, uint32_t leaf)
{
    if (id == NONE) {
        const struct chain_state *chain = &core->chains[at];
        const uint32_t gpus = core->fleet->chains[at].node_gpus;
        return chain->is_kept && chain->kept[leaf / gpus] >> (leaf % gpus) & 1;
    }
    const struct allot *allot = core->allots[id];
    if (!allot->is_kept)
        return false;
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    return l.allot.v == id &&
           allot->kept[l.index * allot->cell_slots + l.offset / allot->slot_gpus] >> (l.offset % allot->slot_gpus) & 1;
}

static const struct planned *by_cells(const struct dure_core *core, uint32_t allot)
{
    const uint32_t slot = core->queues ? core->queues[core->allots[allot]->spec.tenant.v].planned : NONE;
    const struct planned *planned = slot == NONE ? NULL : planned_at(core, slot);
    return planned && (planned->by_hardware || planned->d.firm) && !DURE_CORE_MUTATED(PLAN_CELLS) ? planned : NULL;
}

bool planned_wants_cell(const struct dure_core *core, uint32_t allot, struct dure_cell cell)
{
    const struct planned *planned = by_cells(core, allot);
    const uint32_t chain = core->allots[allot]->spec.chain.v;
    if (!planned || !planned->is_kept || planned->d.chain != chain)
        return false;
    const struct dure_cells *cells = core->chains[chain].cells;
    const uint32_t first = dure_cells_first_leaf(cells, cell), leaves = dure_cells_leaves(cells, cell.level);
    for (uint32_t i = 0; i < planned->d.place_count; i++) {
        const struct allot *other = core->allots[planned->bindings[i].allot.v];
        const uint32_t kept = planned->bindings[i].cell_index * other->cell_leaves;
        if (planned->bindings[i].is_new && kept < first + leaves && first < kept + other->cell_leaves)
            return true;
    }
    return false;
}

/* Does it say on which cells of this right it counts? Else its bindings name the right alone. */
static bool tells_cells(const struct dure_core *core, const struct planned *planned, uint32_t allot)
{
    return planned->d.firm ||
           limited_by_hardware(core, job_ask(core, job_at(core, planned->job_slot)), core->allots[allot]);
}

bool planned_holds_cell(const struct dure_core *core, uint32_t allot, uint32_t index)
{
    const struct planned *planned = by_cells(core, allot);
    if (planned && !tells_cells(core, planned, allot))
        return false;
    for (uint32_t i = 0; planned && i < planned->d.place_count; i++)
        if (planned->bindings[i].allot.v == allot && planned->bindings[i].virtual_index == index)
            return !planned->bindings[i].is_new;
    return false;
}

static int by_id(const void *a, const void *b)
{
    const struct dure_heap_entry *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

void planned_each(const struct dure_core *core, void (*each)(void *context, const struct planned *planned),
                  void *context)
{
    const uint32_t count = core->overruns.count;
    struct dure_heap_entry *entries = dure_core_alloc(sizeof *entries, count);
    if (count) {
        memcpy(entries, core->overruns.at, count * sizeof *entries);
        qsort(entries, count, sizeof *entries, by_id);
    }
    for (uint32_t i = 0; i < count; i++)
        each(context, planned_at(core, entries[i].slot));
    free(entries);
}

void planned_void(struct dure_core *core, uint32_t queue, enum dure_cause cause)
{
    const uint32_t slot = core->queues[queue].planned;
    if (slot != NONE)
        after_add(core, AFTER_UNPLAN, planned_at(core, slot)->d.job | (uint64_t)cause << AFTER_CAUSE_SHIFT);
}

void planned_void_right(struct dure_core *core, uint32_t allot, enum dure_cause cause)
{
    const struct dure_allotment *spec = &core->allots[allot]->spec;
    const uint32_t slot = core->queues[spec->tenant.v].planned;
    if (slot != NONE && !planned_at(core, slot)->d.firm && planned_at(core, slot)->d.chain == spec->chain.v)
        planned_void(core, spec->tenant.v, cause);
}

static void void_one(void *context, const struct planned *planned)
{
    const struct {
        struct dure_core *core;
        enum dure_cause cause;
    } *all = context;
    planned_void(all->core, planned->queue, all->cause);
}

void planned_void_all(struct dure_core *core, enum dure_cause cause)
{
    struct {
        struct dure_core *core;
        enum dure_cause cause;
    } all = {core, cause};
    planned_each(core, void_one, &all);
}

/* It is there again when the plan begins: booked maintenance alone has it, and is over by then. */
static bool comes_back(const struct dure_core *core, const struct planned *planned, uint32_t node)
{
    const struct node_data *d = &core->nodes[node].d;
    const struct booking *booking = d->booked && !d->drain && !d->down && !d->away ? booking_of_node(core, node) : NULL;
    return booking && booking->d.until_us <= planned->d.at_us;
}

void planned_void_leaf(struct dure_core *core, uint32_t at, uint32_t leaf, enum dure_cause cause)
{
    if (!core->tenants)
        return;
    const uint32_t borrowed = queue_of_borrowed(core), gpus = core->fleet->chains[at].node_gpus;
    const uint32_t node = core->fleet->chains[at].node_first + leaf / gpus, slot = core->queues[borrowed].planned;
    const uint64_t *kept = core->chains[at].kept;
    if (kept && kept[leaf / gpus] >> (leaf % gpus) & 1 && !comes_back(core, planned_at(core, slot), node))
        planned_void(core, borrowed, cause);
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    if (l.allot.v == NONE)
        return;
    const struct allot *allot = core->allots[l.allot.v];
    const uint32_t own = core->queues[allot->spec.tenant.v].planned;
    const uint32_t place = l.index * allot->cell_slots + l.offset / allot->slot_gpus;
    const bool is_kept = allot->kept && allot->kept[place] >> (l.offset % allot->slot_gpus) & 1;
    if (own == NONE || !planned_at(core, own)->d.firm)
        planned_void_right(core, l.allot.v, cause);
    else if (is_kept && !comes_back(core, planned_at(core, own), node))
        planned_void(core, allot->spec.tenant.v, cause);
}

void planned_digest_all(const struct dure_core *core, struct dure_digest *sum)
{
    for (uint32_t i = 0; i < core->overruns.count; i++)
        dure_digest_add(sum, hash_of(planned_at(core, core->overruns.at[i].slot)));
}
