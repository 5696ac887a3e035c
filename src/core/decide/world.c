/* Hardware, allotments and lending terms, as the calendar and the reports have them. */
#include <stdlib.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/place/ground.h"
#include "core/state/attempts.h"

static enum dure_node_state node_target(const struct dure_core *core, uint32_t node)
{
    const struct node *n = &core->nodes[node];
    if (n->d.down)
        return DURE_NODE_DOWN;
    if (n->d.away) /* what still runs there is known no better, drained or not */
        return DURE_NODE_AWAY;
    if (n->d.drain || n->d.booked)
        return n->busy ? DURE_NODE_DRAINING : DURE_NODE_DRAINED;
    const uint32_t chain = core->nodes[node].chain;
    return core->fleet->chains[chain].available_from_us > core->s.time_us ? DURE_NODE_ARRIVING : DURE_NODE_UP;
}

static void lose_attempts(struct dure_core *core, uint32_t node)
{
    const uint32_t chain = core->nodes[node].chain;
    const uint32_t gpus = core->fleet->chains[chain].node_gpus,
                   first = (node - core->fleet->chains[chain].node_first) * gpus;
    for (uint32_t leaf = first; leaf < first + gpus; leaf++)
        for (;;) { /* lowest leaf first, there in order of arrival: which is the order of ids */
            const uint32_t *users = NULL;
            if (!ground_users(core, chain, leaf, &users))
                break;
            decide_ended(core, users[0], DURE_REPORT_LOST, 0, 0);
        }
}

static void emit_allot(struct dure_core *core, uint32_t allot, enum dure_allot_state state)
{
    struct dure_record r;
    decide_record(core, DURE_REC_ALLOT_STATE, &r);
    r.allot.v = allot;
    r.number = state;
    decide_emit(core, &r);
}

static void emit_shortness(struct dure_core *core, uint32_t allot)
{
    struct dure_cells_right_view view;
    const struct allot *a = core->allots[allot];
    if (!dure_cells_right(core->chains[a->spec.chain.v].cells, (struct dure_allot_id){allot}, &view))
        return;
    const bool is_short = view.suspended || view.served;
    if (is_short && a->state == DURE_ALLOT_ACTIVE)
        emit_allot(core, allot, DURE_ALLOT_SHORT);
    if (!is_short && a->state == DURE_ALLOT_SHORT)
        emit_allot(core, allot, DURE_ALLOT_ACTIVE);
}

void decide_settle(struct dure_core *core, uint32_t chain)
{
    struct dure_cells_step step;
    while (dure_cells_next_step(core->chains[chain].cells, &step)) {
        struct dure_record r;
        decide_record(core, step.suspend ? DURE_REC_SUSPEND : DURE_REC_RESTORE, &r);
        r.allot = step.allot;
        r.number = step.index;
        decide_emit(core, &r);
        emit_shortness(core, step.allot.v);
    }
}

void decide_end_allot(struct dure_core *core, uint32_t allot)
{
    emit_allot(core, allot, DURE_ALLOT_ENDED);
    if (!DURE_CORE_MUTATED(ROOM_FORGOTTEN))
        decide_settle(core, core->allots[allot]->spec.chain.v);
}

void decide_shrunk(struct dure_core *core, uint32_t allot)
{
    emit_shortness(core, allot);
    decide_settle(core, core->allots[allot]->spec.chain.v);
}

void decide_node(struct dure_core *core, uint32_t node)
{
    const enum dure_node_state target = node_target(core, node);
    if (target == core->nodes[node].d.state)
        return;
    struct dure_record r;
    decide_record(core, DURE_REC_NODE_STATE, &r);
    r.node.v = node;
    r.number = target;
    decide_emit(core, &r);
    decide_settle(core, core->nodes[node].chain);
    decide_unreserve_on(core, node, node_lost(core, &core->nodes[node]));
    if (target == DURE_NODE_DOWN || (target == DURE_NODE_AWAY && DURE_CORE_MUTATED(AWAY_IS_DOWN)))
        lose_attempts(core, node);
}

void decide_foreign(struct dure_core *core, uint32_t node)
{
    decide_settle(core, core->nodes[node].chain);
    decide_unreserve_on(core, node, core->nodes[node].d.foreign);
}

static void arrive(struct dure_core *core)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        const struct dure_chain *chain = &core->fleet->chains[c];
        if (chain->available_from_us > core->s.time_us)
            continue;
        for (uint32_t i = 0; i < chain->node_count; i++)
            if (core->nodes[chain->node_first + i].d.state == DURE_NODE_ARRIVING)
                decide_node(core, chain->node_first + i);
    }
}

void decide_world(struct dure_core *core)
{
    if (core->fleet)
        arrive(core);
    decide_bookings(core);
    for (uint32_t i = 0; i < core->s.allot_count; i++) /* at one instant, ends before starts */
        if (core->allots[i]->state != DURE_ALLOT_ENDED && core->allots[i]->spec.until_us <= core->s.time_us) {
            decide_end_allot(core, i);
            decide_follow(core);
        }
    for (uint32_t i = 0; i < core->s.allot_count; i++)
        if (core->allots[i]->state == DURE_ALLOT_PROMISED && core->allots[i]->spec.from_us <= core->s.time_us) {
            emit_allot(core, i, DURE_ALLOT_ACTIVE);
            emit_shortness(core, i);
        }
    core->world_next_us = world_next(core);
}
