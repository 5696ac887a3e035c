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
    gate->cell_domains = NULL;
    gate->site_domain = NULL;
    gate->fed_mw = gate->leaving_mw = NULL;
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

/* There, and neither down nor drained: what still runs on a draining node is fed. */
static bool is_fed(const struct node_data *node)
{
    return node->state == DURE_NODE_UP || node->state == DURE_NODE_DRAINING;
}

void gate_count_node(struct dure_core *core, uint32_t id, int sign)
{
    if (!core->gate.site_domain)
        return;
    core->gate.due = true;
    const struct node_data *node = &core->nodes[id].d;
    const uint32_t at = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){id}).v;
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t at_node = id - chain->node_first;
    const uint64_t lit = is_fed(node) ? chain->node_gpus - (uint32_t)__builtin_popcountll(node->dark) : 0,
                   left = (uint32_t)__builtin_popcountll(node->dark & core->chains[at].used[at_node]);
    const uint64_t mw = lit * chain->leaf_power_mw, leaving = left * chain->leaf_power_mw;
    unsigned level = 0;
    for (uint32_t domain; (domain = gate_domain_next(core, at, at_node, &level)) != NONE;) {
        core->gate.fed_mw[domain] += sign > 0 ? mw : -mw;
        core->gate.leaving_mw[domain] += sign > 0 ? leaving : -leaving;
    }
}

/* Fed GPUs that fall idle are looked at too while a domain over them has work still to leave: they may not be filled in its stead. */
void gate_vacated(struct dure_core *core, uint32_t at, uint32_t node, uint64_t dark)
{
    const uint64_t mw = core->fleet->chains[at].leaf_power_mw * (uint64_t)__builtin_popcountll(dark);
    unsigned level = 0;
    for (uint32_t domain; (domain = gate_domain_next(core, at, node, &level)) != NONE;) {
        core->gate.due |= core->gate.leaving_mw[domain] > 0;
        core->gate.leaving_mw[domain] -= mw;
    }
}

/* When the limit kept to changes next: as one begins, less the lead, or ends. */
static int64_t next_change(const struct dure_core *core)
{
    const int64_t now = core->s.time_us, lead = core->power ? core->power->lead_us : 0;
    int64_t next = DURE_NEVER_US;
    for (uint32_t i = 0; core->power && i < core->power->limit_count; i++) {
        const struct dure_power_limit *limit = &core->power->limits[i];
        const int64_t ahead = limit->from_us == INT64_MIN ? now : limit->from_us - lead;
        if (ahead > now && ahead < next)
            next = ahead;
        if (limit->until_us != DURE_NEVER_US && limit->until_us > now && limit->until_us < next)
            next = limit->until_us;
    }
    return next;
}

void gate_advance(struct dure_core *core)
{
    if (core->gate.next_us > core->s.time_us)
        return;
    core->gate.due = true;
    core->gate.next_us = next_change(core);
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
    for (uint32_t i = 0; i < core->fleet->site_count; i++)
        gate->site_domain[i] = NONE;
    for (uint32_t i = 0; i < core->power->domain_count; i++)
        add_domain(core, i);
    for (uint32_t i = 0; i < core->fleet->node_count; i++)
        gate_count_node(core, i, 1);
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
