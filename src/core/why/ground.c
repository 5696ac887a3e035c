#include "core/why/ground.h"

#include "core/place/tally.h"
#include "core/state/jobs.h"

static uint64_t slots_with_idle(const struct dure_slots *slots)
{
    uint64_t count = 0;
    for (uint32_t c = 1; slots->count && c <= slots->gpus; c++)
        count += slots->by_idle[c].count;
    return count;
}

/* Whose work is on a leaf that is in use: of this tenant, else by right or borrowed. */
static uint64_t *part_of(const struct dure_core *core, uint32_t occupant, uint32_t tenant, struct stand *stand)
{
    uint32_t whose;
    bool borrowed;
    if (occupant & OCCUPANT_SHARED) {
        const struct shared *shared = shared_at(core, occupant & ~OCCUPANT_SHARED);
        whose = shared->tenant;
        borrowed = shared->allot == NONE;
    } else {
        const struct attempt *attempt = attempt_at(core, occupant);
        whose = job_ask(core, attempt->job)->tenant;
        borrowed = attempt->d.borrowed;
    }
    return whose == tenant ? &stand->own : borrowed ? &stand->borrowed : &stand->guaranteed;
}

/* The next node of a chain at or after `node` with a lost leaf; NONE. All leaves of a node are lost together, or some that are dark or foreign. */
static uint32_t lost_node(const struct dure_core *core, uint32_t chain, uint32_t node)
{
    const struct dure_chain *c = &core->fleet->chains[chain];
    const uint32_t leaf =
        node < c->node_count ? dure_cells_lost_next(core->chains[chain].cells, node * c->node_gpus) : NONE;
    return leaf == NONE ? NONE : leaf / c->node_gpus;
}

/* Where GPUs of a lost node are counted, and the node. */
static void add_lost(struct stand *s, unsigned state, uint64_t gpus, uint64_t nodes)
{
    uint64_t *at = state == DURE_NODE_DOWN ? &s->lost : state == DURE_NODE_AWAY ? &s->away : &s->maintenance;
    uint64_t *nodes_at = state == DURE_NODE_DOWN   ? &s->lost_nodes
                         : state == DURE_NODE_AWAY ? &s->away_nodes
                                                   : &s->maintenance_nodes;
    *at += gpus;
    *nodes_at += nodes;
}

/* And lost GPUs of a node that is there: where all of them are, it is counted with the nearer to a start, and power is changed sooner. */
static void add_withheld(struct stand *s, const struct node_data *node, uint64_t here, uint64_t whole)
{
    s->foreign += (uint64_t)__builtin_popcountll(here & node->foreign);
    s->dark += (uint64_t)__builtin_popcountll(here & ~node->foreign);
    if (whole && here == whole)
        *(here & ~node->foreign ? &s->dark_nodes : &s->foreign_nodes) += 1;
}

/* GPUs that are out, for whatever reason. */
static uint64_t out_of(const struct stand *s)
{
    return s->lost + s->away + s->maintenance + s->foreign + s->dark;
}

static uint64_t nodes_out_of(const struct stand *s)
{
    return s->lost_nodes + s->away_nodes + s->maintenance_nodes + s->foreign_nodes + s->dark_nodes;
}

struct stand stand_of_chain(const struct dure_core *core, uint32_t tenant, uint32_t at)
{
    const struct chain_state *chain = &core->chains[at];
    const struct dure_chain *c = &core->fleet->chains[at];
    const struct tally own = tally_of(core, tenant, at);
    struct stand s = {.idle = chain->idle.idle_total, .idle_nodes = slots_with_idle(&chain->idle)};
    struct stand out = {0}; /* in use on what is lost: it leaves, or nobody knows */
    for (uint32_t node = lost_node(core, at, 0); node != NONE; node = lost_node(core, at, node + 1)) {
        const struct node *n = node_of(core, at, node);
        if (n->d.lost)
            add_lost(&s, n->d.state, c->node_gpus, 1);
        else
            add_withheld(&s, &n->d, node_lost(core, n), chain->idle.full);
        for (uint64_t left = n->used & node_lost(core, n); left; left &= left - 1)
            ++*part_of(core, chain->occupant[node * c->node_gpus + (uint32_t)__builtin_ctzll(left)], tenant, &out);
    }
    s.busy = c->leaf_count - out_of(&s) - s.idle;
    s.busy_nodes = c->node_count - nodes_out_of(&s) - s.idle_nodes;
    s.own = own.by_right + own.borrowed - out.own;
    s.guaranteed = chain->tally.by_right - own.by_right - out.guaranteed;
    s.borrowed = chain->tally.borrowed - own.borrowed - out.borrowed;
    s.reserved = s.busy - s.own - s.guaranteed - s.borrowed;
    return s;
}

static bool counts(const struct dure_core *core, uint32_t allot, uint32_t holder, const bool *suits)
{
    return core->allots[allot]->spec.tenant.v == holder && suits[allot];
}

/* Lost leaves under the holder's bound cells. */
static void count_lost(const struct dure_core *core, uint32_t holder, uint32_t at, const bool *suits, struct stand *s)
{
    const struct dure_chain *c = &core->fleet->chains[at];
    for (uint32_t node = lost_node(core, at, 0); node != NONE; node = lost_node(core, at, node + 1)) {
        const struct node_data *n = &node_of(core, at, node)->d;
        uint64_t here = 0;
        bool whole = false; /* the node is a virtual one */
        for (uint32_t k = 0; k < c->node_gpus; k++) {
            struct dure_cells_leaf l;
            dure_cells_leaf(core->chains[at].cells, node * c->node_gpus + k, &l);
            if (!l.lost || l.allot.v == NONE || !counts(core, l.allot.v, holder, suits))
                continue;
            here |= UINT64_C(1) << k;
            whole = core->allots[l.allot.v]->slot_gpus == c->node_gpus;
        }
        if (n->lost)
            add_lost(s, n->state, (uint64_t)__builtin_popcountll(here), whole);
        else
            add_withheld(s, n, here, whole ? core->chains[at].idle.full : 0);
    }
}

struct stand stand_of_rights(const struct dure_core *core, uint32_t holder, uint32_t at, const bool *suits)
{
    const uint32_t node_gpus = core->fleet->chains[at].node_gpus;
    struct stand s = {0};
    uint64_t gpus = 0, nodes = 0;
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        struct dure_cells_right_view right;
        if (allot->spec.chain.v != at || !suits[id] ||
            !dure_cells_right(core->chains[at].cells, (struct dure_allot_id){id}, &right))
            continue;
        const uint64_t cells = (uint64_t)right.unbound + right.bound + right.served;
        const bool whole = allot->slot_gpus == node_gpus;
        gpus += cells * allot->cell_leaves;
        nodes += whole ? cells * allot->cell_slots : 0;
        s.idle += allot->slots.idle_total;
        s.idle_nodes += whole ? slots_with_idle(&allot->slots) : 0;
    }
    if (gpus)
        count_lost(core, holder, at, suits, &s);
    s.busy = s.own = gpus - s.idle - out_of(&s);
    s.busy_nodes = nodes - s.idle_nodes - nodes_out_of(&s);
    return s;
}
