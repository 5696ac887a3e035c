/* Dark GPUs: which go, which come back, and who must leave because of it.
 *
 * What costs nobody anything goes first: idle GPUs, then borrowed ones, as long as every promise can still be kept without them. After that
 * what costs a promise: idle GPUs that suspend a right (which is named short), idle ones under a bound right, borrowed ones, and last those
 * with guaranteed work. Among like: out of the smallest free cell, so that shapes stay whole, and the highest node first. They come back in
 * the opposite order. */
#include <stdlib.h>

#include "core/apply/apply.h"
#include "core/decide/after.h"
#include "core/decide/decide.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/planned.h"

enum { ROUNDS_MAX = 100 };
enum worth { FREE_IDLE, FREE_BORROWED, BOUND_IDLE, BOUND_BORROWED, GUARANTEED };

/* GPUs of one node that are worth the same, out of free cells of one level (0: not of a free cell). */
struct lot {
    uint64_t mask;
    uint32_t chain, node; /* in the chain */
    uint8_t worth, level;
};

struct lots {
    struct lot *at;
    uint32_t count, capacity;
};

static void add_lot(struct lots *lots, struct lot lot)
{
    if (lots->count && lots->at[lots->count - 1].node == lot.node && lots->at[lots->count - 1].chain == lot.chain &&
        lots->at[lots->count - 1].worth == lot.worth && lots->at[lots->count - 1].level == lot.level) {
        lots->at[lots->count - 1].mask |= lot.mask;
        return;
    }
    if (lots->count == lots->capacity) {
        lots->capacity = lots->capacity ? lots->capacity * 2 : 64;
        lots->at = dure_core_grow(lots->at, sizeof *lots->at, lots->capacity);
    }
    lots->at[lots->count++] = lot;
}

static bool has_guaranteed(const struct dure_core *core, uint32_t chain, uint32_t leaf)
{
    const uint32_t *slots = NULL;
    const uint32_t count = ground_users(core, chain, leaf, &slots);
    for (uint32_t i = 0; i < count; i++)
        if (!attempt_at(core, slots[i])->d.borrowed)
            return true;
    return false;
}

static struct lot lot_of(const struct dure_core *core, uint32_t at, uint32_t leaf)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const struct chain_state *state = &core->chains[at];
    struct dure_cells_leaf l;
    dure_cells_leaf(state->cells, leaf, &l);
    struct lot lot = {.mask = UINT64_C(1) << (leaf % chain->node_gpus), .chain = at, .node = leaf / chain->node_gpus};
    const bool idle = state->occupant[leaf] == NONE && state->claim[leaf] == NONE;
    if (state->claim[leaf] != NONE || has_guaranteed(core, at, leaf))
        lot.worth = GUARANTEED;
    else if (l.allot.v != NONE)
        lot.worth = idle ? BOUND_IDLE : BOUND_BORROWED;
    else
        lot.worth = idle ? FREE_IDLE : FREE_BORROWED;
    if (lot.worth <= FREE_BORROWED && !l.lost) { /* of a draining node: no cell's any more */
        const unsigned level = dure_cells_free_level(state->cells, leaf);
        lot.level = level ? (uint8_t)level : 1;
    }
    return lot;
}

/* All of a node, where it is idle and free as a whole: most of a fleet with room. */
static bool is_one_lot(const struct dure_core *core, uint32_t at, uint32_t node, uint64_t mask, struct lot *ret_lot)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const struct node *n = node_of(core, at, node);
    if (mask != core->chains[at].idle.full || n->used || n->claimed)
        return false;
    const unsigned level = dure_cells_free_level(core->chains[at].cells, node * chain->node_gpus);
    *ret_lot = (struct lot){mask, at, node, FREE_IDLE, (uint8_t)level};
    return level >= chain->node_level;
}

static int by_worth(const void *a, const void *b)
{
    const struct lot *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth < y->worth ? -1 : 1;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->chain != y->chain)
        return x->chain > y->chain ? -1 : 1;
    if (x->node != y->node)
        return x->node > y->node ? -1 : 1;
    return x->mask > y->mask ? -1 : x->mask < y->mask;
}

/* Nodes of a chain that lie in the domain: [ret_first, ret_end). */
static void range_of(const struct dure_core *core, uint32_t domain, uint32_t at, uint32_t *ret_first, uint32_t *ret_end)
{
    const struct dure_power_domain *d = &core->power->domains[domain];
    const struct dure_chain *chain = &core->fleet->chains[at];
    *ret_first = *ret_end = 0;
    if (d->site.v != NONE) {
        *ret_end = d->site.v == chain->site.v ? chain->node_count : 0;
    } else if (d->chain.v == at) {
        const uint32_t nodes = dure_chain_leaves_at(chain, d->level) / chain->node_gpus;
        *ret_first = d->cell * nodes;
        *ret_end = *ret_first + nodes;
    }
}

static void sort(struct lots *lots)
{
    if (lots->count)
        qsort(lots->at, lots->count, sizeof *lots->at, by_worth);
}

/* What is fed of a node, but for work outside dure, which nobody here can send away. */
static uint64_t lit_of(const struct dure_core *core, uint32_t at, uint32_t node)
{
    const struct node *n = node_of(core, at, node);
    return core->chains[at].idle.full & ~n->d.dark & ~n->d.foreign;
}

static uint64_t idle_of(const struct dure_core *core, uint32_t at, uint32_t node)
{
    const struct node *n = node_of(core, at, node);
    return lit_of(core, at, node) & ~n->used & ~n->claimed;
}

static void add_lots(const struct dure_core *core, uint32_t at, uint32_t node, uint64_t mask, struct lots *lots)
{
    const uint32_t gpus = core->fleet->chains[at].node_gpus;
    struct lot lot;
    if (is_one_lot(core, at, node, mask, &lot)) {
        add_lot(lots, lot);
        return;
    }
    for (; mask; mask &= ~(UINT64_C(1) << (63 - __builtin_clzll(mask))))
        add_lot(lots, lot_of(core, at, node * gpus + 63 - (uint32_t)__builtin_clzll(mask)));
}

/* The idle GPUs of the domain, which are few and found by the nodes that have some. */
static void gather_idle(const struct dure_core *core, uint32_t domain, struct lots *lots)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        uint32_t first, end;
        range_of(core, domain, c, &first, &end);
        for (uint32_t node = gate_next(core, &core->gate.idle, c, first); node < end;
             node = gate_next(core, &core->gate.idle, c, node + 1))
            add_lots(core, c, node, idle_of(core, c, node), lots);
    }
    sort(lots);
}

/* And all others. */
static void gather_busy(const struct dure_core *core, uint32_t domain, struct lots *lots)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        const struct dure_chain *chain = &core->fleet->chains[c];
        uint32_t first, end;
        range_of(core, domain, c, &first, &end);
        for (uint32_t node = first; node < end; node++) {
            const struct node_data *n = &core->nodes[chain->node_first + node].d;
            if (gate_feeds(n))
                add_lots(core, c, node, lit_of(core, c, node) & ~idle_of(core, c, node), lots);
        }
    }
    sort(lots);
}

static void emit_dark(struct dure_core *core, uint32_t chain, uint32_t node, uint64_t dark)
{
    struct dure_record r;
    decide_record(core, DURE_REC_POWER_STATE, &r);
    r.node.v = core->fleet->chains[chain].node_first + node;
    r.mask = dark;
    decide_emit(core, &r);
}

/* Once for all that went or came: what was suspended on the way would be restored again. */
static void settle(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->fleet->chain_count; i++)
        decide_settle(core, i);
}

/* Of the lot's GPUs, the highest `most` that can go while every promise can be kept. */
static uint64_t safe_part(struct dure_core *core, const struct lot *lot, uint64_t most)
{
    const struct dure_chain *chain = &core->fleet->chains[lot->chain];
    struct dure_cells *cells = core->chains[lot->chain].cells;
    uint64_t part = 0;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    for (uint32_t i = chain->node_gpus; i-- > 0 && most;) {
        if (!(lot->mask >> i & 1))
            continue;
        const uint32_t leaf = lot->node * chain->node_gpus + i;
        if (lot->level && (dure_cells_lose(cells, leaf, NULL) != DURE_OK || !dure_cells_whole(cells)))
            break;
        part |= UINT64_C(1) << i;
        most--;
    }
    dure_cells_rollback(cells, mark);
    return part;
}

static uint64_t highest(uint64_t mask, uint64_t most)
{
    uint64_t part = 0;
    for (; mask && most; most--) {
        const uint64_t bit = UINT64_C(1) << (63 - __builtin_clzll(mask));
        part |= bit;
        mask &= ~bit;
    }
    return part;
}

/* What a domain draws too much: of what is fed, or of that and what still leaves. */
static uint64_t over(const struct dure_core *core, uint32_t domain, uint64_t limit, bool leaving)
{
    const uint64_t all = core->gate.fed_mw[domain] + (leaving ? core->gate.leaving_mw[domain] : 0);
    return all > limit ? all - limit : 0;
}

struct aim {
    struct lots lots;
    uint64_t limit;
    uint32_t domain;
    bool leaving; /* counts too: then only what is idle helps */
};

/* Takes from lots of one worth until the domain is within its limit. */
static bool take(struct dure_core *core, struct aim *aim, enum worth worth, bool safe)
{
    uint64_t left;
    for (uint32_t i = 0; i < aim->lots.count && (left = over(core, aim->domain, aim->limit, aim->leaving)); i++) {
        struct lot *lot = &aim->lots.at[i];
        const struct dure_chain *chain = &core->fleet->chains[lot->chain];
        if (lot->worth != worth || !lot->mask || !chain->leaf_power_mw)
            continue;
        const uint64_t need = (left + chain->leaf_power_mw - 1) / chain->leaf_power_mw;
        const uint64_t part = safe ? safe_part(core, lot, need) : highest(lot->mask, need);
        if (!part)
            continue;
        lot->mask &= ~part;
        emit_dark(core, lot->chain, lot->node, core->nodes[chain->node_first + lot->node].d.dark | part);
        decide_unreserve_on(core, chain->node_first + lot->node, part);
    }
    return !over(core, aim->domain, aim->limit, aim->leaving);
}

static void shed(struct dure_core *core, uint32_t domain)
{
    const uint64_t kept = gate_limit_kept(core, domain), now = gate_limit_now(core, domain);
    if ((!over(core, domain, kept, false) && !over(core, domain, now, true)) || DURE_CORE_MUTATED(POWER_FORGOTTEN))
        return;
    struct aim aim = {.limit = kept, .domain = domain};
    gather_idle(core, domain, &aim.lots);
    if (!take(core, &aim, FREE_IDLE, true)) {
        gather_busy(core, domain, &aim.lots);
        (void)(take(core, &aim, FREE_BORROWED, true) || take(core, &aim, FREE_IDLE, false) ||
               take(core, &aim, BOUND_IDLE, false) || take(core, &aim, FREE_BORROWED, false) ||
               take(core, &aim, BOUND_BORROWED, false) || take(core, &aim, GUARANTEED, false));
    }
    /* While work that must go still draws, nothing new may begin in its stead. */
    aim.limit = now;
    aim.leaving = true;
    (void)(take(core, &aim, FREE_IDLE, true) || take(core, &aim, FREE_IDLE, false) ||
           take(core, &aim, BOUND_IDLE, false));
    free(aim.lots.at);
    settle(core);
}

/* ---- back ---- */

/* Power that the domains over a node could feed besides. What is idle waits until others have left; and while they must, nobody is spared for
 * whose going others may take longer. */
static uint64_t room_for(const struct dure_core *core, uint32_t chain, uint32_t node, bool idle)
{
    unsigned level = 0;
    uint64_t room = DURE_POWER_NO_LIMIT;
    for (uint32_t domain; (domain = gate_domain_next(core, chain, node, &level)) != NONE;) {
        const uint64_t kept = gate_limit_kept(core, domain), fed = core->gate.fed_mw[domain],
                       now = gate_limit_now(core, domain), all = fed + core->gate.leaving_mw[domain];
        const uint64_t left = kept == DURE_POWER_NO_LIMIT ? kept
                              : kept > fed                ? kept - fed
                                                          : 0,
                       besides = now == DURE_POWER_NO_LIMIT || (!idle && all <= now) ? DURE_POWER_NO_LIMIT
                                 : now > all                                         ? now - all
                                                                                     : 0;
        room = left < room ? left : room;
        room = besides < room ? besides : room;
    }
    return room;
}

static bool has_cell_limits(const struct dure_core *core, uint32_t at)
{
    for (unsigned level = 0; level <= core->fleet->chains[at].level_count; level++)
        if (core->gate.cell_domains[at * (DURE_LEVELS_MAX + 1) + level])
            return true;
    return false;
}

/* May any of the node's dark GPUs come back? What is not there always may; and where there is no room now, none is made on the way. */
static bool may_come_back(const struct dure_core *core, uint32_t at, uint32_t node)
{
    const uint64_t mw = core->fleet->chains[at].leaf_power_mw;
    return !mw || room_for(core, at, node, false) >= mw ||
           !gate_feeds(&core->nodes[core->fleet->chains[at].node_first + node].d);
}

/* Dark GPUs: all, or those that may come back. */
static void gather_dark(const struct dure_core *core, bool all, struct lots *lots)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        if (!all && !core->gate.gone && !has_cell_limits(core, c) && !may_come_back(core, c, 0))
            continue; /* its site has no room, and nothing else limits it */
        for (uint32_t node = gate_next(core, &core->gate.dark, c, 0); node != NONE;
             node = gate_next(core, &core->gate.dark, c, node + 1))
            if (all || may_come_back(core, c, node))
                add_lots(core, c, node, core->nodes[core->fleet->chains[c].node_first + node].d.dark, lots);
    }
    sort(lots);
}

static void spare(struct dure_core *core, uint32_t chain, uint32_t node, uint64_t mask)
{
    const uint32_t gpus = core->fleet->chains[chain].node_gpus;
    for (; mask; mask &= mask - 1) {
        const uint32_t *slots = NULL;
        const uint32_t count = ground_users(core, chain, node * gpus + (uint32_t)__builtin_ctzll(mask), &slots);
        for (uint32_t i = 0; i < count; i++)
            after_add(core, AFTER_SPARED, attempt_at(core, slots[i])->d.id);
    }
}

/* What work outside dure uses draws, whatever is decided here. */
static void light_foreign(struct dure_core *core)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++)
        for (uint32_t node = gate_next(core, &core->gate.dark, c, 0); node != NONE;
             node = gate_next(core, &core->gate.dark, c, node + 1)) {
            const struct node_data *n = &node_of(core, c, node)->d;
            if (n->dark & n->foreign)
                emit_dark(core, c, node, n->dark & ~n->foreign);
        }
}

static void bring_back(struct dure_core *core)
{
    struct lots lots = {0};
    if (core->gate.gone)
        light_foreign(core);
    gather_dark(core, false, &lots);
    for (uint32_t i = lots.count; i-- > 0;) {
        const struct lot *lot = &lots.at[i];
        const struct dure_chain *chain = &core->fleet->chains[lot->chain];
        const bool idle = lot->worth == FREE_IDLE || lot->worth == BOUND_IDLE;
        const uint64_t room = room_for(core, lot->chain, lot->node, idle);
        const bool counts = gate_feeds(&core->nodes[chain->node_first + lot->node].d);
        uint64_t most = counts && chain->leaf_power_mw ? room / chain->leaf_power_mw : 64, part = 0;
        for (uint64_t mask = lot->mask; mask && most; mask &= mask - 1, most--)
            part |= mask & -mask;
        if (!part)
            continue;
        emit_dark(core, lot->chain, lot->node, core->nodes[chain->node_first + lot->node].d.dark & ~part);
        spare(core, lot->chain, lot->node, part);
    }
    if (lots.count)
        settle(core);
    free(lots.at);
}

/* ---- what is missing ---- */

/* What the domains over a lot would draw besides, were `count` of its GPUs back. False: a limit on less than a site holds another chain's. */
static bool count_back(const struct dure_core *core, const struct lot *lot, uint64_t count, bool other, uint64_t *fed,
                       uint64_t *all)
{
    const uint64_t mw = count * core->fleet->chains[lot->chain].leaf_power_mw;
    const bool idle = lot->worth == FREE_IDLE || lot->worth == BOUND_IDLE;
    for (unsigned pass = other ? 0 : 1, level = 0; pass < 2; pass++, level = 0)
        for (uint32_t domain; (domain = gate_domain_next(core, lot->chain, lot->node, &level)) != NONE;) {
            const uint64_t limit = gate_limit_kept(core, domain);
            if (!pass && core->power->domains[domain].site.v == NONE && limit != DURE_POWER_NO_LIMIT &&
                core->gate.fed_mw[domain] + fed[domain] + mw > limit)
                return false;
            fed[domain] += pass ? mw : 0;
            all[domain] += pass && idle ? mw : 0; /* of others, it is counted while they leave */
        }
    return true;
}

/* By how much the domain's limits are too low for that. */
static uint64_t short_by(const struct dure_core *core, uint32_t domain, uint64_t fed, uint64_t all)
{
    const uint64_t kept = gate_limit_kept(core, domain), now = gate_limit_now(core, domain),
                   most = core->gate.fed_mw[domain] + fed,
                   most_now = core->gate.fed_mw[domain] + core->gate.leaving_mw[domain] + all;
    const uint64_t over_kept = most > kept ? most - kept : 0, over_now = most_now > now ? most_now - now : 0;
    return over_kept > over_now ? over_kept : over_now;
}

bool gate_short_of(const struct dure_core *core, uint32_t at, uint64_t gpus, struct gate_shortage *ret_shortage)
{
    struct lots lots = {0};
    struct gate_shortage found = {.domain = NONE};
    if (!core->gate.site_domain)
        return false;
    uint64_t *fed = dure_core_alloc(sizeof *fed, core->power->domain_count),
             *all = dure_core_alloc(sizeof *all, core->power->domain_count);
    gather_dark(core, true, &lots);
    for (uint32_t i = lots.count; i-- > 0 && gpus;) { /* as they come back */
        const struct lot *lot = &lots.at[i];
        const struct dure_chain *chain = &core->fleet->chains[lot->chain];
        const bool mine = lot->chain == at && (lot->worth == FREE_IDLE || lot->worth == BOUND_IDLE);
        const uint64_t count = (uint64_t)__builtin_popcountll(lot->mask), taken = mine && count > gpus ? gpus : count;
        if (chain->site.v == core->fleet->chains[at].site.v &&
            gate_feeds(&core->nodes[chain->node_first + lot->node].d) &&
            count_back(core, lot, taken, lot->chain != at, fed, all))
            gpus -= mine ? taken : 0;
    }
    for (uint32_t domain = 0; !gpus && domain < core->power->domain_count; domain++) {
        const uint64_t mw = fed[domain] ? short_by(core, domain, fed[domain], all[domain]) : 0;
        found.others += mw && found.mw;
        if (mw > found.mw)
            found = (struct gate_shortage){mw, domain, found.others};
    }
    free(lots.at);
    free(fed);
    free(all);
    *ret_shortage = found;
    return found.mw > 0;
}

void decide_power(struct dure_core *core)
{
    for (unsigned round = 0; core->gate.due && core->gate.site_domain; round++) {
        DURE_ASSERT(
            round <
            ROUNDS_MAX); /* what a round leaves undone is done by the next: a claim given up frees GPUs elsewhere */
        core->gate.due = false;
        for (uint32_t domain = 0; domain < core->power->domain_count; domain++)
            shed(core, domain);
        bring_back(core);
        gate_warn(core);
        decide_follow(core);
    }
}

/* ---- applying ---- */

enum dure_err apply_power_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (!core->fleet || record->node.v >= core->fleet->node_count)
        return dure_fail(error, DURE_E_CORRUPT, "no such node");
    struct node *node = &core->nodes[record->node.v];
    if (record->mask & ~core->chains[node->chain].idle.full)
        return dure_fail(error, DURE_E_CORRUPT, "a node without such GPUs");
    const uint64_t was = node_lost(core, node);
    dure_digest_sub(&core->digest, node_hash(core, record->node.v));
    node->d.dark = record->mask;
    dure_digest_add(&core->digest, node_hash(core, record->node.v));
    ground_lose(core, record->node.v, was, DURE_CAUSE_POWER);
    return DURE_OK;
}
