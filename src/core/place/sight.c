#include "core/place/sight.h"

#include "core/gate/gate.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/planned.h"

/* The idle GPUs of a node that may be used: whoever waits hears of those that came free, and power of all. */
static uint64_t look_at(struct dure_core *core, uint32_t at, uint32_t node)
{
    struct chain_state *chain = &core->chains[at];
    const uint32_t id = core->fleet->chains[at].node_first + node;
    const struct node *n = &core->nodes[id];
    uint64_t idle = n->d.state == DURE_NODE_UP ? chain->idle.full & ~(n->used | n->claimed | node_withheld(n)) : 0;
    if (chain->is_kept && idle & chain->kept[node]) {
        planned_hide(&chain->hidden, node, idle & chain->kept[node]);
        idle &= ~chain->kept[node];
    }
    if (core->tenants) {
        const uint32_t queue = queue_of_borrowed(core);
        if (idle & ~chain->idle.idle[node])
            queue_freed(core, queue, at, node);
        queue_moved(core, queue);
    }
    gate_recount(core, id);
    return idle;
}

static void see_node(struct dure_core *core, uint32_t at, uint32_t node)
{
    struct chain_state *chain = &core->chains[at];
    const uint64_t idle = look_at(core, at, node);
    dure_slots_set(&chain->idle, node, idle);
    dure_slots_set(&chain->away, node, node_of(core, at, node)->bound ? 0 : idle);
}

/* Nodes beside each other are mostly alike: the fields hear of them together. */
static void see_run(struct dure_core *core, uint32_t at, uint32_t first, uint32_t count)
{
    struct chain_state *chain = &core->chains[at];
    const struct node *nodes = node_of(core, at, first);
    uint64_t idle[SIGHT_RUN_MAX];
    for (uint32_t i = 0; i < count; i++)
        idle[i] = look_at(core, at, first + i);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && idle[end] == idle[i] && nodes[end].bound == nodes[i].bound;)
            end++;
        dure_slots_set_run(&chain->idle, first + i, end - i, idle[i]);
        dure_slots_set_run(&chain->away, first + i, end - i, nodes[i].bound ? 0 : idle[i]);
    }
}

void sight_nodes(struct dure_core *core, uint32_t at, uint32_t first, uint32_t count)
{
    if (count == 1)
        see_node(core, at, first);
    else
        see_run(core, at, first, count);
}

void sight_bound(struct dure_core *core, uint32_t at, uint32_t leaf, uint32_t leaves)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t first = leaf / chain->node_gpus, last = (leaf + leaves - 1) / chain->node_gpus;
    const bool bound = dure_cells_sum(core->chains[at].cells, (struct dure_cell){first, chain->node_level}).bound > 0;
    for (uint32_t node = first; node <= last; node++) {
        node_of(core, at, node)->bound = bound;
        see_node(core, at, node);
    }
}

/* ---- the private cluster ---- */

static uint64_t low_bits(uint64_t count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* The leaves of `mask` in one virtual slot: bit `low` of it is the slot's GPU number `place`. */
static void sync_slot(struct dure_core *core, struct allot *allot, uint32_t id, uint32_t slot, uint32_t place,
                      uint64_t changed, uint64_t is)
{
    const uint64_t was = allot->slots.idle[slot];
    if (is << place & ~was)
        queue_freed(core, allot->spec.tenant.v, id, slot);
    dure_slots_set(&allot->slots, slot, (was & ~(changed << place)) | is << place);
}

/* If the leaves from `offset` on that the mask says are whole slots beside each other, how many. */
static uint32_t whole_slots(const struct allot *allot, uint32_t offset, uint64_t leaves)
{
    const uint32_t count = (uint32_t)__builtin_popcountll(leaves), gpus = allot->slot_gpus;
    const uint32_t slots = leaves & (leaves + 1) ? 0 : dure_bits_divide(count, gpus);
    return slots * gpus == count && dure_bits_divide(offset, gpus) * gpus == offset ? slots : 0;
}

static void sync_slots(struct dure_core *core, struct allot *allot, uint32_t id, uint32_t first, uint32_t count,
                       uint64_t is)
{
    for (uint32_t slot = first; slot < first + count; slot++)
        if (is & ~allot->slots.idle[slot])
            queue_freed(core, allot->spec.tenant.v, id, slot);
    dure_slots_set_run(&allot->slots, first, count, is);
}

/* Leaves of the hardware as their holders see them: in use all of them, or whatever the cells say. */
static void sync_virtual(struct dure_core *core, uint32_t at, uint32_t first, uint64_t mask, bool used)
{
    const struct dure_cells *cells = core->chains[at].cells;
    while (mask) {
        const uint32_t low = (uint32_t)__builtin_ctzll(mask);
        struct dure_cells_held l;
        struct allot *allot = dure_cells_holder(cells, first + low, &l) ? core->allots[l.allot.v] : NULL;
        if (!allot || !allot->slots.count) {
            mask &= mask - 1;
            continue;
        }
        const uint64_t in_cell = mask & low_bits((uint64_t)low + allot->cell_leaves - l.offset);
        uint64_t free = used ? 0 : dure_cells_unused(cells, first, in_cell);
        for (uint64_t left = DURE_CORE_MUTATED(BORROWED_AS_USED) ? in_cell : 0; left; left &= left - 1) {
            struct dure_cells_leaf leaf;
            dure_cells_leaf(cells, first + (uint32_t)__builtin_ctzll(left), &leaf);
            free &= leaf.borrowed ? ~(left & -left) : UINT64_MAX;
        }
        DURE_ASSERT(!allot->is_kept);
        queue_moved(core, allot->spec.tenant.v);
        mask ^= in_cell;
        const uint32_t whole = !free || free == in_cell ? whole_slots(allot, l.offset, in_cell >> low) : 0;
        if (whole > 1) {
            const uint32_t slot = dure_bits_divide(l.offset, allot->slot_gpus);
            sync_slots(core, allot, l.allot.v, l.index * allot->cell_slots + slot, whole, free ? allot->slots.full : 0);
            continue;
        }
        for (uint64_t left = in_cell; left;) {
            const uint32_t bit = (uint32_t)__builtin_ctzll(left), offset = l.offset + bit - low;
            const uint32_t slot = dure_bits_divide(offset, allot->slot_gpus), place = offset - slot * allot->slot_gpus;
            const uint64_t here = left & low_bits((uint64_t)bit + allot->slot_gpus - place);
            sync_slot(core, allot, l.allot.v, l.index * allot->cell_slots + slot, place, here >> bit,
                      (free & here) >> bit);
            left ^= here;
        }
    }
}

static uint64_t slot_idle(const struct dure_core *core, const struct allot *allot,
                          const struct dure_cells_virtual *cell, uint32_t slot)
{
    if (cell->state == DURE_CELLS_UNBOUND)
        return allot->slots.full;
    if (cell->state != DURE_CELLS_BOUND && cell->state != DURE_CELLS_SERVED)
        return 0;
    const struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const uint32_t first = dure_cells_first_leaf(cells, cell->cell) + slot * allot->slot_gpus;
    return dure_cells_unused(cells, first, allot->slots.full);
}

static void refresh_slots(struct dure_core *core, uint32_t id, uint32_t first, uint32_t count)
{
    struct allot *allot = core->allots[id];
    if (!allot->slots.count)
        return;
    struct dure_cells_virtual cell = {.state = DURE_CELLS_GONE};
    if (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT)
        dure_cells_virtual(core->chains[allot->spec.chain.v].cells, (struct dure_allot_id){id},
                           first / allot->cell_slots, &cell);
    queue_moved(core, allot->spec.tenant.v);
    for (uint32_t slot = first; slot < first + count; slot++) {
        uint64_t idle = slot_idle(core, allot, &cell, slot % allot->cell_slots);
        if (idle & ~allot->slots.idle[slot])
            queue_freed(core, allot->spec.tenant.v, id, slot);
        if (allot->is_kept && idle & allot->kept[slot]) {
            planned_hide(&allot->hidden, slot, idle & allot->kept[slot]);
            idle &= ~allot->kept[slot];
        }
        dure_slots_set(&allot->slots, slot, idle);
    }
}

void sight_cell(struct dure_core *core, uint32_t id, uint32_t index)
{
    refresh_slots(core, id, index * core->allots[id]->cell_slots, core->allots[id]->cell_slots);
}

void sight_slot(struct dure_core *core, uint32_t id, uint32_t slot)
{
    refresh_slots(core, id, slot, 1);
}

void sight_allot(struct dure_core *core, uint32_t id)
{
    const struct allot *allot = core->allots[id];
    for (uint32_t i = 0; allot->slots.count && i < allot->slots.count / allot->cell_slots; i++)
        sight_cell(core, id, i);
}

static void must(enum dure_err err)
{
    DURE_ASSERT(err == DURE_OK);
}

/* Counts one job in or out of leaves of one node, on behalf of its kind. */
void sight_count(struct dure_core *core, uint32_t chain, uint32_t first, uint64_t mask, bool borrowed, int delta)
{
    if (core->loading)
        return;
    if (borrowed) {
        must(dure_cells_borrowed_mask(core->chains[chain].cells, first, mask, delta, NULL));
        if (DURE_CORE_MUTATED(BORROWED_AS_USED))
            sync_virtual(core, chain, first, mask, false);
        return;
    }
    must(dure_cells_use_mask(core->chains[chain].cells, first, mask, delta, NULL));
    sync_virtual(core, chain, first, mask, delta > 0);
}
