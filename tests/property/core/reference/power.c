/* Limits of power: which GPUs go dark, in which order, which come back, and who must leave because of it. Everything is counted anew each time, and
 * looked at until nothing more follows.
 *
 * First goes what costs nobody anything: idle GPUs, then borrowed ones, as long as every promise can be kept without them. After that what costs a
 * promise: idle ones that suspend a right, idle ones under a bound right, borrowed ones, and last those with work by right. Among like ones out of
 * the smallest free cell, from the last node and its last GPU. They come back in the opposite order. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "parts.h"

enum worth { FREE_IDLE, FREE_BORROWED, BOUND_IDLE, BOUND_BORROWED, GUARANTEED };

/* GPUs of one node that are worth the same, out of free cells of one level (0: of none). */
struct lot {
    enum worth worth;
    uint32_t level, node;
    uint64_t gpus;
};

struct lots {
    uint32_t count;
    struct lot at[REFERENCE_NODES * 64];
};

/* ---- what is drawn ---- */

static uint64_t all_of(const struct reference *reference)
{
    return (UINT64_C(1) << reference->node_gpus) - 1;
}

static uint64_t leaf_mw(const struct reference *reference)
{
    return reference->fleet->chains[0].leaf_power_mw;
}

static bool feeds(const struct reference_node *node)
{
    return node->state == DURE_NODE_UP || node->state == DURE_NODE_DRAINING || node->state == DURE_NODE_AWAY;
}

/* On which somebody works; or that somebody has reserved. */
static uint64_t taken(const struct reference *reference, uint32_t node, bool reserved)
{
    uint64_t gpus = 0;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if ((reference->runs[r].state == RUN_RESERVED) == reserved)
            gpus |= reference_gpus_on(&reference->runs[r], node);
    return gpus;
}

static uint64_t lit(const struct reference *reference, uint32_t node)
{
    const struct reference_node *n = &reference->nodes[node];
    return feeds(n) ? all_of(reference) & ~n->dark : 0;
}

static uint64_t idle(const struct reference *reference, uint32_t node)
{
    return lit(reference, node) & ~taken(reference, node, false) & ~taken(reference, node, true) &
           ~reference->nodes[node].foreign;
}

static bool is_in(const struct reference *reference, uint32_t domain, uint32_t node)
{
    const struct dure_power_domain *d = &reference->power->domains[domain];
    const struct reference_chain *chain = &reference->chains[reference_chain_of(reference, node)];
    if (d->site.v != DURE_NONE32)
        return d->site.v == chain->site;
    const uint32_t nodes = d->level > reference->fleet->chains[0].node_level ? reference->rack_nodes : 1;
    return chain == &reference->chains[d->chain.v] && (node - chain->first) / nodes == d->cell;
}

struct draw {
    uint64_t fed, leaving; /* leaving: work on dark GPUs, until it has left */
};

static struct draw drawn(const struct reference *reference, uint32_t domain)
{
    struct draw draw = {0, 0};
    for (uint32_t node = 0; node < reference->node_count; node++) {
        if (!is_in(reference, domain, node))
            continue;
        const uint64_t leaving = reference->nodes[node].dark & taken(reference, node, false);
        draw.fed += reference_ones(lit(reference, node)) * leaf_mw(reference);
        draw.leaving += reference_ones(leaving) * leaf_mw(reference);
    }
    return draw;
}

/* The lowest limit in force at any moment from now to `lead_us` later. */
static uint64_t limit_within(const struct reference *reference, uint32_t domain, int64_t lead_us)
{
    const struct dure_power_domain *d = &reference->power->domains[domain];
    const int64_t now = reference->input->time_us;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = d->limit_first; i < d->limit_first + d->limit_count; i++) {
        const struct dure_power_limit *limit = &reference->power->limits[i];
        if (limit->from_us <= now + lead_us && limit->until_us > now && limit->limit_mw < least)
            least = limit->limit_mw;
    }
    return least;
}

static uint64_t limit_kept(const struct reference *reference, uint32_t domain)
{
    return limit_within(reference, domain, reference->power->lead_us);
}

static uint64_t limit_now(const struct reference *reference, uint32_t domain)
{
    return limit_within(reference, domain, 0);
}

/* ---- what GPUs are worth ---- */

static bool has_by_right(const struct reference *reference, uint32_t node, uint64_t gpu)
{
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (!reference->runs[r].borrowed && (reference_gpus_on(&reference->runs[r], node) & gpu))
            return true;
    return false;
}

static void copy_bound(const struct reference *reference, struct trial *trial)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(trial->bound[r], reference->rights[r].bound, sizeof trial->bound[r]);
}

static bool is_whole(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes)
{
    for (uint32_t node = first; node < first + nodes; node++)
        if (reference->nodes[node].lost > 0 || reference_is_bound(reference, trial, node))
            return false;
    return true;
}

static struct lot lot_of(const struct reference *reference, const struct trial *now, uint32_t node, uint64_t gpu)
{
    struct lot lot = {.node = node, .gpus = gpu};
    const bool is_bound = reference_is_bound(reference, now, node),
               is_idle = !(taken(reference, node, false) & gpu) && !(taken(reference, node, true) & gpu);
    if (has_by_right(reference, node, gpu))
        lot.worth = GUARANTEED;
    else if (is_bound)
        lot.worth = is_idle ? BOUND_IDLE : BOUND_BORROWED;
    else
        lot.worth = is_idle ? FREE_IDLE : FREE_BORROWED;
    const uint32_t rack = node / reference->rack_nodes * reference->rack_nodes;
    if (lot.worth <= FREE_BORROWED && !(reference->nodes[node].lost & gpu))
        lot.level = is_whole(reference, now, rack, reference->rack_nodes) ? 3
                    : is_whole(reference, now, node, 1)                   ? 2
                                                                          : 1;
    return lot;
}

/* From the last GPU down; like ones that follow each other are one lot. */
static void add_lots(const struct reference *reference, uint32_t node, uint64_t gpus, struct lots *lots)
{
    static struct trial now;
    const uint32_t first = lots->count;
    copy_bound(reference, &now);
    for (uint32_t bit = reference->node_gpus; bit-- > 0;) {
        if (!(gpus >> bit & 1))
            continue;
        const struct lot lot = lot_of(reference, &now, node, UINT64_C(1) << bit);
        struct lot *last = lots->count > first ? &lots->at[lots->count - 1] : NULL;
        if (last && last->worth == lot.worth && last->level == lot.level)
            last->gpus |= lot.gpus;
        else
            lots->at[lots->count++] = lot;
    }
}

static int by_worth(const void *a, const void *b)
{
    const struct lot *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth < y->worth ? -1 : 1;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->node != y->node)
        return x->node > y->node ? -1 : 1;
    return x->gpus > y->gpus ? -1 : x->gpus < y->gpus;
}

/* ---- going dark ---- */

static void set_dark(struct reference *reference, uint32_t node, uint64_t dark)
{
    struct dure_record record = reference_decision(reference, DURE_REC_POWER_STATE);
    record.node.v = node;
    record.mask = dark;
    reference_tell(reference, &record);
    reference->nodes[node].dark = dark;
    reference_lose(reference, node, DURE_CAUSE_POWER);
}

static uint64_t highest(uint64_t gpus, uint64_t most)
{
    uint64_t part = 0;
    for (uint32_t bit = 64; bit-- > 0 && most > 0;)
        if (gpus >> bit & 1) {
            part |= UINT64_C(1) << bit;
            most--;
        }
    return part;
}

/* The last of them that can go while every promise can be kept. */
static uint64_t highest_safe(struct reference *reference, const struct lot *lot, uint64_t most)
{
    static struct trial now;
    struct reference_node *node = &reference->nodes[lot->node];
    const uint64_t lost = node->lost;
    uint64_t part = 0;
    copy_bound(reference, &now);
    for (uint64_t count = 1; count <= most && count <= reference_ones(lot->gpus); count++) {
        node->lost = lost | highest(lot->gpus, count);
        const struct spare spare = reference_spare(reference, &now, reference_chain_of(reference, lot->node));
        if (lot->level > 0 && !reference_spare_is_whole(spare))
            break;
        part = highest(lot->gpus, count);
    }
    node->lost = lost;
    return part;
}

struct aim {
    uint32_t domain;
    uint64_t limit;
    bool leaving; /* what has to leave counts too */
};

static uint64_t over(const struct reference *reference, const struct aim *aim)
{
    const struct draw draw = drawn(reference, aim->domain);
    const uint64_t all = draw.fed + (aim->leaving ? draw.leaving : 0);
    return all > aim->limit ? all - aim->limit : 0;
}

/* False: it is not enough. */
static bool take(struct reference *reference, const struct aim *aim, struct lots *lots, enum worth worth, bool safe)
{
    for (uint32_t i = 0; i < lots->count; i++) {
        struct lot *lot = &lots->at[i];
        const uint64_t left = over(reference, aim);
        if (left == 0)
            return true;
        if (lot->worth != worth || lot->gpus == 0)
            continue;
        const uint64_t need = (left + leaf_mw(reference) - 1) / leaf_mw(reference),
                       part = safe ? highest_safe(reference, lot, need) : highest(lot->gpus, need);
        if (part == 0)
            continue;
        lot->gpus &= ~part;
        set_dark(reference, lot->node, reference->nodes[lot->node].dark | part);
        reference_unreserve_on(reference, lot->node, part);
    }
    return over(reference, aim) == 0;
}

static void settle_all(struct reference *reference)
{
    for (uint32_t chain = 0; chain < reference->chain_count; chain++)
        reference_settle(reference, chain);
}

static void shed(struct reference *reference, uint32_t domain)
{
    static struct lots lots;
    struct aim aim = {domain, limit_kept(reference, domain), false}, now = {domain, limit_now(reference, domain), true};
    if (over(reference, &aim) == 0 && over(reference, &now) == 0)
        return;
    lots.count = 0;
    for (uint32_t node = 0; node < reference->node_count; node++)
        if (is_in(reference, domain, node))
            add_lots(reference, node, idle(reference, node), &lots);
    qsort(lots.at, lots.count, sizeof *lots.at, by_worth);
    if (!take(reference, &aim, &lots, FREE_IDLE, true)) {
        for (uint32_t node = 0; node < reference->node_count; node++)
            if (is_in(reference, domain, node))
                add_lots(reference, node,
                         lit(reference, node) & ~idle(reference, node) & ~reference->nodes[node].foreign, &lots);
        qsort(lots.at, lots.count, sizeof *lots.at, by_worth);
        static const struct {
            enum worth worth;
            bool safe;
        } order[] = {{FREE_BORROWED, true},  {FREE_IDLE, false},      {BOUND_IDLE, false},
                     {FREE_BORROWED, false}, {BOUND_BORROWED, false}, {GUARANTEED, false}};
        for (size_t i = 0; i < sizeof order / sizeof *order; i++)
            if (take(reference, &aim, &lots, order[i].worth, order[i].safe))
                break;
    }
    /* While work that must go still draws, nothing new may begin in its stead. */
    (void)(take(reference, &now, &lots, FREE_IDLE, true) || take(reference, &now, &lots, FREE_IDLE, false) ||
           take(reference, &now, &lots, BOUND_IDLE, false));
    settle_all(reference);
}

/* ---- coming back ---- */

/* What the domains over a node could feed besides. What is idle waits until others have left; and while they must, nobody is spared for whose going
 * others would take longer. */
static uint64_t room_for(const struct reference *reference, uint32_t node, bool is_idle)
{
    uint64_t room = UINT64_MAX;
    for (uint32_t domain = 0; domain < reference->power->domain_count; domain++) {
        if (!is_in(reference, domain, node))
            continue;
        const struct draw draw = drawn(reference, domain);
        const uint64_t kept = limit_kept(reference, domain), now = limit_now(reference, domain),
                       all = draw.fed + draw.leaving, left = kept > draw.fed ? kept - draw.fed : 0;
        room = left < room && kept != UINT64_MAX ? left : room;
        if (now == UINT64_MAX || (!is_idle && all <= now))
            continue;
        room = (now > all ? now - all : 0) < room ? (now > all ? now - all : 0) : room;
    }
    return room;
}

static void spare_users(struct reference *reference, uint32_t node, uint64_t gpus)
{
    for (; gpus; gpus &= gpus - 1)
        for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
            const struct reference_run *run = reference_attempt(reference, attempt);
            if (run && (reference_gpus_on(run, node) & gpus & -gpus))
                reference_leave_to_do(reference, AFTER_SPARE, attempt, 0);
        }
}

static void bring_back(struct reference *reference)
{
    static struct lots lots;
    const uint64_t mw = leaf_mw(reference);
    for (uint32_t node = 0; node < reference->node_count; node++) { /* others draw whatever is decided here */
        const struct reference_node *n = &reference->nodes[node];
        if (n->dark & n->foreign)
            set_dark(reference, node, n->dark & ~n->foreign);
    }
    lots.count = 0;
    for (uint32_t node = 0; node < reference->node_count; node++)
        if (room_for(reference, node, false) >= mw || !feeds(&reference->nodes[node]))
            add_lots(reference, node, reference->nodes[node].dark, &lots);
    qsort(lots.at, lots.count, sizeof *lots.at, by_worth);
    for (uint32_t i = lots.count; i-- > 0;) {
        const struct lot *lot = &lots.at[i];
        const bool is_idle = lot->worth == FREE_IDLE || lot->worth == BOUND_IDLE;
        const uint64_t most = feeds(&reference->nodes[lot->node]) ? room_for(reference, lot->node, is_idle) / mw
                                                                  : UINT64_MAX,
                       part = reference_lowest(lot->gpus, most < 64 ? (uint32_t)most : 64);
        if (part == 0)
            continue;
        set_dark(reference, lot->node, reference->nodes[lot->node].dark & ~part);
        spare_users(reference, lot->node, part);
    }
    if (lots.count > 0)
        settle_all(reference);
}

/* ---- who must leave ---- */

/* When a limit begins, within the lead, that cannot feed the work on dark GPUs as well; NEVER: none does. `ret_now`: the one of now cannot either. */
static int64_t falls(const struct reference *reference, uint32_t domain, bool *ret_now)
{
    const struct dure_power_domain *d = &reference->power->domains[domain];
    const struct draw draw = drawn(reference, domain);
    const int64_t now = reference->input->time_us;
    int64_t at_us = DURE_NEVER_US;
    for (uint32_t i = d->limit_first; i < d->limit_first + d->limit_count; i++) {
        const struct dure_power_limit *limit = &reference->power->limits[i];
        if (limit->limit_mw >= draw.fed + draw.leaving || limit->until_us <= now ||
            limit->from_us > now + reference->power->lead_us)
            continue;
        *ret_now |= limit->from_us <= now;
        if (limit->from_us > now && limit->from_us < at_us)
            at_us = limit->from_us;
    }
    return at_us;
}

static void warn_on(struct reference *reference, uint32_t node, int64_t falls_us)
{
    uint64_t gpus = reference->nodes[node].dark & taken(reference, node, false);
    for (; gpus; gpus &= gpus - 1)
        for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
            struct reference_run *run = reference_attempt(reference, attempt);
            if (run && (reference_gpus_on(run, node) & gpus & -gpus))
                reference_warn_of_power(reference, run, falls_us);
        }
}

static void warn(struct reference *reference)
{
    for (uint32_t node = 0; node < reference->node_count; node++) {
        int64_t first_us = DURE_NEVER_US;
        bool now = false;
        if (!(reference->nodes[node].dark & taken(reference, node, false)))
            continue;
        for (uint32_t domain = 0; domain < reference->power->domain_count; domain++) {
            const int64_t at_us = is_in(reference, domain, node) ? falls(reference, domain, &now) : DURE_NEVER_US;
            first_us = at_us < first_us ? at_us : first_us;
        }
        if (now || first_us != DURE_NEVER_US)
            warn_on(reference, node, first_us);
    }
}

bool reference_is_dark(const struct reference *reference, const struct reference_run *run)
{
    for (uint32_t node = 0; node < reference->node_count; node++)
        if (reference_gpus_on(run, node) & reference->nodes[node].dark)
            return true;
    return false;
}

void reference_power(struct reference *reference)
{
    uint64_t told;
    do {
        told = reference->told;
        for (uint32_t domain = 0; reference->power && domain < reference->power->domain_count; domain++)
            shed(reference, domain);
        if (reference->power) {
            bring_back(reference);
            warn(reference);
        }
        reference_follow(reference);
    } while (reference->told != told);
}

/* ---- what may be promised ---- */

static uint64_t promised_mw(const struct reference *reference, uint32_t domain, uint32_t from, uint32_t end,
                            int64_t at_us)
{
    uint64_t mw = 0;
    for (uint32_t r = from; r < end; r++) {
        const struct reference_right *right = &reference->rights[r];
        for (uint32_t i = 0; i < right->count; i++)
            if (reference->chains[right->chain].site == reference->power->domains[domain].site.v &&
                right->state != DURE_ALLOT_ENDED && right->has[i] && right->from_us <= at_us && at_us < right->until_us)
                mw += right->cell_nodes * reference->node_gpus * leaf_mw(reference);
    }
    return mw;
}

static uint64_t limit_at(const struct reference *reference, uint32_t domain, int64_t at_us)
{
    const struct dure_power_domain *d = &reference->power->domains[domain];
    uint64_t least = UINT64_MAX;
    for (uint32_t i = d->limit_first; i < d->limit_first + d->limit_count; i++) {
        const struct dure_power_limit *limit = &reference->power->limits[i];
        if (limit->from_us <= at_us && at_us < limit->until_us && limit->limit_mw < least)
            least = limit->limit_mw;
    }
    return least;
}

static bool feeds_at(const struct reference *reference, uint32_t domain, uint32_t first_new, int64_t at_us)
{
    const int64_t now = reference->input->time_us, then = at_us > now ? at_us : now;
    const uint64_t asked = promised_mw(reference, domain, first_new, reference->right_count, then);
    return asked == 0 ||
           asked + promised_mw(reference, domain, 0, first_new, then) <= limit_at(reference, domain, then);
}

/* At every moment at which anything changes. */
static bool site_feeds(const struct reference *reference, uint32_t domain, uint32_t first_new)
{
    const struct dure_power_domain *d = &reference->power->domains[domain];
    bool fed = feeds_at(reference, domain, first_new, reference->input->time_us);
    for (uint32_t r = 0; r < reference->right_count; r++)
        fed &= feeds_at(reference, domain, first_new, reference->rights[r].from_us) &&
               feeds_at(reference, domain, first_new, reference->rights[r].until_us);
    for (uint32_t i = d->limit_first; i < d->limit_first + d->limit_count; i++)
        fed &= feeds_at(reference, domain, first_new, reference->power->limits[i].from_us);
    return fed;
}

/* The lowest limit from now on. */
static uint64_t limit_ever(const struct reference *reference, uint32_t domain)
{
    return limit_within(reference, domain, DURE_NEVER_US - reference->input->time_us);
}

/* GPUs that the least limit to come cannot feed are lost, those under no bound cell first, from the last down. */
static void lose_until(struct reference *reference, uint32_t domain, uint64_t least)
{
    static struct trial now;
    uint64_t fed = 0;
    copy_bound(reference, &now);
    for (uint32_t node = 0; node < reference->node_count; node++)
        if (is_in(reference, domain, node))
            fed += leaf_mw(reference) *
                   reference_ones(all_of(reference) & ~(reference->nodes[node].lost & ~reference->nodes[node].foreign));
    for (unsigned bound = 0; bound < 2; bound++)
        for (uint32_t gpu = reference->node_count * reference->node_gpus; gpu-- > 0 && fed > least;) {
            const uint32_t node = gpu / reference->node_gpus;
            const uint64_t bit = UINT64_C(1) << gpu % reference->node_gpus;
            if (!is_in(reference, domain, node) || (reference->nodes[node].lost & bit) ||
                reference_is_bound(reference, &now, node) != bound)
                continue;
            reference->nodes[node].lost |= bit;
            fed -= leaf_mw(reference);
        }
}

/* Is any of the new rights in the chain? */
static bool names(const struct reference *reference, uint32_t first_new, uint32_t chain)
{
    for (uint32_t r = first_new; r < reference->right_count; r++)
        if (reference->rights[r].chain == chain)
            return true;
    return false;
}

bool reference_can_feed(struct reference *reference, uint32_t first_new)
{
    static struct trial now;
    struct reference_node kept[REFERENCE_NODES];
    bool fed = true;
    memcpy(kept, reference->nodes, sizeof kept);
    copy_bound(reference, &now);
    for (uint32_t domain = 0; fed && reference->power && domain < reference->power->domain_count; domain++) {
        const uint64_t least = limit_ever(reference, domain);
        if (reference->power->domains[domain].site.v != DURE_NONE32) {
            fed = site_feeds(reference, domain, first_new);
        } else if (names(reference, first_new, reference->power->domains[domain].chain.v) &&
                   reference_spare_is_whole(
                       reference_spare(reference, &now, reference->power->domains[domain].chain.v))) {
            struct reference_node trial[REFERENCE_NODES];
            memcpy(trial, reference->nodes, sizeof trial);
            memcpy(reference->nodes, kept, sizeof kept);
            const bool is_low = drawn(reference, domain).fed > least;
            memcpy(reference->nodes, trial, sizeof trial);
            if (!is_low)
                continue;
            lose_until(reference, domain, least);
            fed = reference_spare_is_whole(reference_spare(reference, &now, reference->power->domains[domain].chain.v));
        }
    }
    memcpy(reference->nodes, kept, sizeof kept);
    return fed;
}

void reference_declare_power(struct reference *reference, const struct dure_record *input)
{
    dure_power_free(reference->power);
    reference->power = NULL;
    if (dure_power_from_json(input->text, input->text_length, reference->fleet, &reference->power, NULL) != DURE_OK)
        abort(); /* the core has taken it */
}
