/* Which domains a node is in, and what each feeds: kept as nodes and dark GPUs change. */
#include <stdlib.h>

#include "core/gate/gate.h"

enum { LEVELS = DURE_LEVELS_MAX + 1 };

void gate_release(struct dure_core *core)
{
    struct gate *gate = &core->gate;
    for (uint32_t i = 0; gate->cell_domains && i < gate->chains * LEVELS; i++)
        free(gate->cell_domains[i]);
    free(gate->cell_domains);
    free(gate->site_domain);
    free(gate->fed_mw);
    free(gate->leaving_mw);
    free(gate->limit_mw);
    gate->cell_domains = NULL;
    gate->site_domain = NULL;
    gate->fed_mw = gate->leaving_mw = gate->limit_mw = NULL;
    dure_bits_release(&gate->dark);
    dure_bits_release(&gate->idle);
    gate->leaving = gate->gone = 0;
    gate->chains = 0;
}

static void add_domain(struct dure_core *core, uint32_t domain)
{
    const struct dure_power_domain *d = &core->power->domains[domain];
    struct gate *gate = &core->gate;
    if (d->site.v != NONE) {
        gate->site_domain[d->site.v] = domain;
        return;
    }
    const struct dure_chain *chain = &core->fleet->chains[d->chain.v];
    uint32_t **cells = &gate->cell_domains[d->chain.v * LEVELS + d->level];
    const uint32_t count = chain->leaf_count / dure_chain_leaves_at(chain, d->level);
    if (!*cells) {
        *cells = dure_core_alloc(sizeof **cells, count);
        for (uint32_t i = 0; i < count; i++)
            (*cells)[i] = NONE;
    }
    (*cells)[d->cell] = domain;
}

uint32_t gate_domain_of_site(const struct dure_core *core, uint32_t site)
{
    return core->gate.site_domain ? core->gate.site_domain[site] : NONE;
}

uint32_t gate_domain_next(const struct dure_core *core, uint32_t at, uint32_t node, unsigned *level)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    if (!core->gate.site_domain)
        return NONE;
    if (!*level)
        *level = chain->node_level;
    for (; *level <= chain->level_count; ++*level) {
        const uint32_t *cells = core->gate.cell_domains[at * LEVELS + *level];
        const uint32_t domain =
            cells ? cells[(uint64_t)node * chain->node_gpus / dure_chain_leaves_at(chain, *level)] : NONE;
        if (domain != NONE) {
            ++*level;
            return domain;
        }
    }
    return (*level)++ == chain->level_count + 1u ? gate_domain_of_site(core, chain->site.v) : NONE;
}

uint32_t gate_next(const struct dure_core *core, const struct dure_bits *set, uint32_t at, uint32_t from)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    if (from >= chain->node_count)
        return NONE;
    const uint64_t node = dure_bits_first(set, (uint64_t)chain->node_first + from);
    return node < (uint64_t)chain->node_first + chain->node_count ? (uint32_t)node - chain->node_first : NONE;
}

bool gate_feeds(const struct node_data *node)
{
    return node->state == DURE_NODE_UP || node->state == DURE_NODE_DRAINING || node->state == DURE_NODE_AWAY;
}

static struct node_draw draw_of(const struct dure_core *core, uint32_t id)
{
    const struct node *node = &core->nodes[id];
    const uint64_t lit = gate_feeds(&node->d) ? core->chains[node->chain].idle.full & ~node->d.dark : 0;
    return (struct node_draw){
        (uint8_t)__builtin_popcountll(lit), (uint8_t)__builtin_popcountll(node->d.dark & node->used),
        (uint8_t)__builtin_popcountll(lit & ~node->used & ~node->claimed & ~node->d.foreign),
        (uint8_t)__builtin_popcountll(node->d.dark & (gate_feeds(&node->d) ? node->d.foreign : UINT64_MAX))};
}

static void mark(struct dure_bits *bits, uint32_t node, bool on)
{
    if (on)
        dure_bits_set(bits, node);
    else
        dure_bits_clear(bits, node);
}

static bool is_over(const struct gate *gate, uint32_t domain)
{
    return gate->fed_mw[domain] + gate->leaving_mw[domain] > gate->limit_mw[domain];
}

/* All that it adds, anew. */
__attribute__((noinline)) static void recount(struct dure_core *core, uint32_t id, struct node_draw was)
{
    struct gate *gate = &core->gate;
    struct node *node = &core->nodes[id];
    const struct node_draw is = draw_of(core, id);
    const struct dure_chain *chain = &core->fleet->chains[node->chain];
    const uint64_t leaf_mw = chain->leaf_power_mw;
    const bool fed_changed = was.fed != is.fed || was.leaving != is.leaving;
    node->draw = is;
    mark(&gate->dark, id, node->d.dark);
    if (!was.idle != !is.idle)
        mark(&gate->idle, id, is.idle);
    gate->leaving += (uint32_t)(is.leaving > 0) - (uint32_t)(was.leaving > 0);
    gate->gone += (uint32_t)(is.gone > 0) - (uint32_t)(was.gone > 0);
    gate->due |= fed_changed || is.gone; /* nothing is kept dark that is not there */
    if (!fed_changed && (is.idle <= was.idle || !gate->over_count))
        return;
    unsigned level = 0;
    for (uint32_t domain; (domain = gate_domain_next(core, node->chain, id - chain->node_first, &level)) != NONE;) {
        const bool was_over = is_over(gate, domain);
        gate->fed_mw[domain] += is.fed * leaf_mw - was.fed * leaf_mw;
        gate->leaving_mw[domain] += is.leaving * leaf_mw - was.leaving * leaf_mw;
        gate->over_count += (uint32_t)is_over(gate, domain) - was_over;
        /* What falls idle may not be filled in the stead of what has to leave. */
        gate->due |= is_over(gate, domain);
    }
}

void gate_recount(struct dure_core *core, uint32_t id)
{
    struct gate *gate = &core->gate;
    if (!gate->site_domain)
        return;
    struct node *node = &core->nodes[id];
    const struct node_draw was = node->draw;
    const uint64_t full = core->chains[node->chain].idle.full;
    if (gate_feeds(&node->d) && !node->d.dark && !was.leaving && !was.gone &&
        was.fed == __builtin_popcountll(full)) { /* fed, as it was: only work came or went */
        const uint8_t idle = (uint8_t)__builtin_popcountll(full & ~(node->used | node->claimed | node->d.foreign));
        node->draw.idle = idle;
        if (!was.idle != !idle)
            mark(&gate->idle, id, idle);
        if (idle <= was.idle || !gate->over_count)
            return;
    }
    recount(core, id, was);
}

uint64_t gate_limit_now(const struct dure_core *core, uint32_t domain)
{
    return core->s.time_us < core->gate.next_us ? core->gate.limit_mw[domain]
                                                : dure_power_at(core->power, domain, core->s.time_us);
}

static void keep_limits(struct dure_core *core)
{
    core->gate.over_count = 0;
    for (uint32_t i = 0; core->power && i < core->power->domain_count; i++) {
        core->gate.limit_mw[i] = dure_power_at(core->power, i, core->s.time_us);
        core->gate.over_count += is_over(&core->gate, i);
    }
}

/* When a limit changes next, that of now or the one kept to: as one begins, or will within the lead, or ends. */
static int64_t next_change(const struct dure_core *core)
{
    const int64_t now = core->s.time_us, lead = core->power ? core->power->lead_us : 0;
    int64_t next = DURE_NEVER_US;
    for (uint32_t i = 0; core->power && i < core->power->limit_count; i++) {
        const struct dure_power_limit *limit = &core->power->limits[i];
        const int64_t changes[] = {limit->from_us == INT64_MIN ? now : limit->from_us - lead, limit->from_us,
                                   limit->until_us};
        for (unsigned k = 0; k < sizeof changes / sizeof changes[0]; k++)
            if (changes[k] > now && changes[k] < next)
                next = changes[k];
    }
    return next;
}

void gate_advance(struct dure_core *core)
{
    if (core->gate.next_us > core->s.time_us)
        return;
    core->gate.due = true;
    core->gate.next_us = next_change(core);
    keep_limits(core);
}

void gate_rebuild(struct dure_core *core)
{
    gate_release(core);
    core->gate.next_us = DURE_NEVER_US;
    if (!core->power)
        return;
    struct gate *gate = &core->gate;
    gate->chains = core->fleet->chain_count;
    gate->cell_domains = dure_core_alloc(sizeof *gate->cell_domains, (size_t)gate->chains * LEVELS);
    gate->site_domain = dure_core_alloc(sizeof *gate->site_domain, core->fleet->site_count);
    gate->fed_mw = dure_core_alloc(sizeof *gate->fed_mw, core->power->domain_count);
    gate->leaving_mw = dure_core_alloc(sizeof *gate->leaving_mw, core->power->domain_count);
    gate->limit_mw = dure_core_alloc(sizeof *gate->limit_mw, core->power->domain_count);
    DURE_ASSERT(dure_bits_init(&gate->dark, core->fleet->node_count));
    DURE_ASSERT(dure_bits_init(&gate->idle, core->fleet->node_count));
    keep_limits(core);
    for (uint32_t i = 0; i < core->fleet->site_count; i++)
        gate->site_domain[i] = NONE;
    for (uint32_t i = 0; i < core->power->domain_count; i++)
        add_domain(core, i);
    for (uint32_t i = 0; i < core->fleet->node_count; i++) {
        core->nodes[i].draw = (struct node_draw){0};
        gate_recount(core, i);
    }
    gate->next_us = next_change(core);
    gate->due = true;
}

uint64_t gate_limit_kept(const struct dure_core *core, uint32_t domain)
{
    const int64_t now = core->s.time_us;
    int64_t end;
    if (DURE_CORE_MUTATED(FUTURE_LIMIT_IGNORED))
        return dure_power_at(core->power, domain, now);
    if (__builtin_add_overflow(now, core->power->lead_us + 1, &end))
        end = DURE_NEVER_US;
    return dure_power_least(core->power, domain, now, end, NULL);
}
