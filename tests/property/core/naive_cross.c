/* What an answer says of all places together: the sums of its groups, the rule that is cheapest to change, and the rules that cross. */
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/why/cross.h"
#include "naive_walk.h"
#include "tap.h"

bool naive_why_sums(const struct dure_core *core, const struct dure_why *why)
{
    uint64_t gpus[2] = {0, 0}, nodes[2] = {0, 0};
    for (uint32_t i = 0; i < why->row_count; i++) {
        gpus[0] += why->rows[i].gpus;
        nodes[0] += why->rows[i].nodes;
    }
    for (uint32_t i = 0; i < why->group_count; i++) {
        gpus[1] += why->groups[i].gpus;
        nodes[1] += why->groups[i].nodes;
    }
    return gpus[0] == core->fleet->gpu_count && gpus[1] == gpus[0] && nodes[0] == core->fleet->node_count &&
           nodes[1] == nodes[0];
}

/* A rule of the submitter's own wishes that refuses a place alone: without it, the place is open. */
bool naive_why_opens(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    struct request changed = *ask;
    struct plan plan = {0};
    const uint32_t chain = why->opening.chain.v;
    switch (why->opening.rule) {
    case DURE_RULE_NOTICE: changed.grace_us = 0; break;
    case DURE_RULE_LEVEL: changed.level_required = 0; break;
    case DURE_RULE_NODE_LIST: changed.lists = 0; break;
    case DURE_RULE_NODE_SHAPE:
        changed.tasks_per_node = 0;
        changed.task_gpus = 1;
        break;
    case DURE_RULE_SHARE: changed.task_cpu_milli = changed.task_memory_mib = 0; break;
    case DURE_RULE_MODEL: changed.model_mask = 0; break;
    case DURE_RULE_GPU_MEMORY: changed.gpu_memory_mib = 0; break;
    case DURE_RULE_EVEN:
    case DURE_RULE_SIZE:
        changed.tasks = changed.tasks_per_node && changed.task_gpu_milli == 1000 ? changed.tasks_per_node : 1;
        break;
    case DURE_RULE_DATA:
    case DURE_RULE_NEIGHBOURS: changed.data_mask = 0; break;
    default: return true;
    }
    core->fences.lifted = why->opening.rule == DURE_RULE_NEIGHBOURS ? UINT64_MAX : 0;
    const bool fits = changed.job_class == DURE_BORROWED
                          ? plan_chain(core, &changed, chain, changed.level_required, &plan)
                          : plan_guaranteed(core, &changed, &plan);
    core->fences.lifted = 0;
    plan_release(&plan);
    return fits && rule_hardware(core, &changed, chain).rule == DURE_RULE_FITS;
}

/* Do these rules, of which a place has any, together refuse every place? */
static bool covers(const uint64_t *sets, uint32_t count, uint64_t rules)
{
    for (uint32_t i = 0; i < count; i++)
        if (!(sets[i] & rules))
            return false;
    return true;
}

static unsigned cost_of(uint64_t rules)
{
    unsigned cost = 0;
    for (; rules; rules &= rules - 1)
        cost += cross_cost((enum dure_rule)__builtin_ctzll(rules));
    return cost;
}

/* Every set of up to three rules is looked at: the smallest that refuse all, and of those the one that costs least. 0: there is none. */
static uint64_t least_cover(const uint64_t *sets, uint32_t count)
{
    uint64_t best = 0;
    for (unsigned a = 1; a < RULES; a++)
        for (unsigned b = a; b < RULES; b++)
            for (unsigned c = b; c < RULES; c++) {
                const uint64_t rules = UINT64_C(1) << a | UINT64_C(1) << b | UINT64_C(1) << c;
                const int size = __builtin_popcountll(rules), least = __builtin_popcountll(best);
                if (covers(sets, count, rules) &&
                    (!best || size < least || (size == least && cost_of(rules) < cost_of(best))))
                    best = rules;
            }
    return best;
}

/* Rules that cross: together they refuse every chain, none of them does alone, and no fewer or cheaper ones do. The opening is the cheapest that
 * refuses a chain alone. */
bool naive_why_crosses(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    uint64_t sets[64], together = 0;
    uint32_t count = 0;
    unsigned cheapest = UINT32_MAX;
    for (uint32_t i = 0; i < why->crossing_count; i++)
        together |= UINT64_C(1) << why->crossing[i].rule;
    for (uint32_t row = 0, next; row < why->row_count && count < 64; row = next) {
        for (next = row + 1; next < why->row_count && why->rows[next].chain.v == why->rows[row].chain.v; next++)
            ;
        const uint64_t rules = cross_rules(core, ask, &why->rows[row], next - row);
        if (!rules)
            return !together && why->opening.rule == DURE_RULE_FITS; /* it fits there */
        if (!(rules & (rules - 1)) && cost_of(rules) < cheapest)
            cheapest = cost_of(rules);
        sets[count++] = rules;
    }
    const uint64_t cover = least_cover(sets, count);
    if (cheapest == UINT32_MAX ? why->opening.rule != DURE_RULE_FITS : cross_cost(why->opening.rule) != cheapest)
        return false;
    if (!(cover & (cover - 1)))
        return !together; /* one does alone, or none do */
    return covers(sets, count, together) && __builtin_popcountll(together) == __builtin_popcountll(cover) &&
           cost_of(together) == cost_of(cover);
}

/* ---- recounted by the walk ---- */

static uint64_t bit(enum dure_rule rule)
{
    return UINT64_C(1) << rule;
}

static struct walk walk_of(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return (struct walk){.core = core,
                         .ask = ask,
                         .at = chain,
                         .holder = core->tenant[ask->tenant].holder,
                         .c = &core->fleet->chains[chain],
                         .state = &core->chains[chain],
                         .cells = core->chains[chain].cells};
}

/* Rules that refuse a whole chain, each found once those before it are given up: of the hardware, and of its lender or its holder's rights. */
static uint64_t chain_rules(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    struct request left = *ask;
    struct walk w = walk_of(core, &left, chain);
    uint64_t rules = 0;
    int64_t notice = 0;
    for (enum dure_rule rule = naive_hardware(&w); rule != DURE_RULE_FITS; rule = naive_hardware(&w)) {
        rules |= bit(rule);
        if (!naive_give_up(&w, rule, &left))
            break;
    }
    left.data_mask = ask->data_mask; /* could it have the neighbours that it wants where it may not be? */
    if (ask->data_mask && naive_neighbours_refuse(&w))
        rules |= bit(DURE_RULE_NEIGHBOURS);
    if (ask->job_class == DURE_BORROWED) {
        if (!lend_terms(core, chain, ask->tenant, false, &notice))
            rules |= bit(DURE_RULE_NOT_LENT);
        else if (ask->grace_us > notice)
            rules |= bit(DURE_RULE_NOTICE);
        return rules;
    }
    bool any = false;
    for (uint32_t id = 0; id < core->s.allot_count; id++)
        any |= core->allots[id]->spec.tenant.v == w.holder && core->allots[id]->spec.chain.v == chain &&
               core->allots[id]->state != DURE_ALLOT_ENDED;
    return any ? rules : rules | bit(DURE_RULE_RIGHTS);
}

/* Does it fit here now, with these demands? */
static bool is_open(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    struct walk w = walk_of(core, ask, chain);
    struct count idle = {0};
    const uint64_t rules = ask->job_class == DURE_BORROWED ? naive_borrowed(&w, &idle) : naive_by_right(&w, &idle);
    return rules == bit(DURE_RULE_FITS);
}

/* The cheapest rule that refuses a chain alone, as far as it is one that a request can give up, or its grace. */
static unsigned cheapest(struct dure_core *core, const struct request *ask, uint32_t *ret_chain)
{
    unsigned best = UINT32_MAX;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        const uint64_t rules = chain_rules(core, ask, i);
        struct request changed = *ask;
        const enum dure_rule rule = rules ? (enum dure_rule)__builtin_ctzll(rules) : DURE_RULE_FITS;
        const struct walk w = walk_of(core, ask, i);
        if (!rules || rules & (rules - 1) || cross_cost(rule) >= best ||
            (rule == DURE_RULE_DATA && naive_widest(&w) != DURE_DATA_ANYBODY))
            continue; /* at another site its data would still keep others away */
        changed.grace_us = rule == DURE_RULE_NOTICE ? 0 : changed.grace_us;
        if ((rule == DURE_RULE_NOTICE || naive_give_up(&w, rule, &changed)) && is_open(core, &changed, i)) {
            best = cross_cost(rule);
            *ret_chain = i;
        }
    }
    return best;
}

bool naive_cross_agrees(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    const uint64_t told = bit(DURE_RULE_RIGHTS) - 2 + bit(DURE_RULE_RIGHTS) + bit(DURE_RULE_NOT_LENT) +
                          bit(DURE_RULE_NOTICE); /* of the hardware; what is not of this or that moment */
    uint32_t chain = 0;
    for (uint32_t i = 0; i < why->group_count; i++)
        if (why->groups[i].rule == DURE_RULE_FITS || why->groups[i].rule == DURE_RULE_ORDER)
            return true; /* it needs none */
    const unsigned best = cheapest(core, ask, &chain);
    if (best != UINT32_MAX && (why->opening.rule == DURE_RULE_FITS || cross_cost(why->opening.rule) > best)) {
        tap_diag("opening by %s, though %s alone refuses chain %u and costs less", dure_rule_wire(why->opening.rule),
                 dure_rule_wire((enum dure_rule)__builtin_ctzll(chain_rules(core, ask, chain))), chain);
        return false;
    }
    for (uint32_t k = 0; k < why->crossing_count; k++) {
        const struct dure_why_crossed *c = &why->crossing[k];
        uint32_t leaves = 0, first = DURE_NONE32;
        for (uint32_t i = core->fleet->chain_count; i-- > 0;)
            if (!(chain_rules(core, ask, i) & bit(c->rule))) {
                first = i;
                leaves++;
            }
        if ((told & bit(c->rule)) && c->rule != DURE_RULE_NEIGHBOURS && c->rule != DURE_RULE_SPREAD &&
            c->rule != DURE_RULE_NODE_LIST && (leaves != c->leaves || first != c->first.v)) {
            tap_diag("%s leaves %u places, the first %u; found %u, %u", dure_rule_wire(c->rule), c->leaves, c->first.v,
                     leaves, first);
            return false;
        }
    }
    return true;
}
