#include "core/why/cross.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/gate/gate.h"
#include "core/place/plan.h"
#include "core/place/plan_more.h"
#include "core/place/rules.h"

enum { RULES = DURE_RULE_HERE + 1 };
_Static_assert(RULES <= 64, "a set of rules is one word");

/* What the submitter wishes, then what its tenant decides, then operators and owners, then what only the end of others' work changes. */
static const enum dure_rule by_cost[] = {
    DURE_RULE_NOTICE,     DURE_RULE_WINDOW,          DURE_RULE_LEVEL,       DURE_RULE_SPREAD,     DURE_RULE_NODE_LIST,
    DURE_RULE_NODE_SHAPE, DURE_RULE_SHARE,           DURE_RULE_MODEL,       DURE_RULE_MIG_ENGINE, DURE_RULE_MIG,
    DURE_RULE_WHOLE_GPUS, DURE_RULE_IMAGE,           DURE_RULE_GPU_MEMORY,  DURE_RULE_EVEN,       DURE_RULE_SIZE,
    DURE_RULE_ORDER,      DURE_RULE_OWN_USE,         DURE_RULE_MAINTENANCE, DURE_RULE_LOST,       DURE_RULE_AWAY,
    DURE_RULE_FOREIGN,    DURE_RULE_SUSPENDED,       DURE_RULE_POWER,       DURE_RULE_NOT_LENT,   DURE_RULE_NEIGHBOURS,
    DURE_RULE_DATA,       DURE_RULE_RIGHT_TOO_SMALL, DURE_RULE_RIGHTS,      DURE_RULE_NOT_YET,    DURE_RULE_SCATTERED,
    DURE_RULE_BUSY,
};

unsigned cross_cost(enum dure_rule rule)
{
    unsigned cost = 0;
    while (cost < sizeof by_cost / sizeof by_cost[0] && by_cost[cost] != rule)
        cost++;
    return cost;
}

static uint64_t bit(enum dure_rule rule)
{
    return UINT64_C(1) << rule;
}

/* Gives up the one demand that this rule holds against. False: nothing is left to give up. */
static bool give_up(struct request *ask, enum dure_rule rule)
{
    switch (rule) {
    case DURE_RULE_MODEL: ask->model_mask = 0; return true;
    case DURE_RULE_MIG:
    case DURE_RULE_MIG_ENGINE:
    case DURE_RULE_WHOLE_GPUS: /* a whole GPU in place of a part of one */
        ask->mig = 0;
        ask->task_gpu_milli = 1000;
        return true;
    case DURE_RULE_IMAGE: ask->container = 0; return true;
    case DURE_RULE_GPU_MEMORY: ask->gpu_memory_mib = 0; return true;
    case DURE_RULE_NODE_SHAPE:
        ask->tasks_per_node = 0;
        ask->task_gpus = 1;
        return true;
    case DURE_RULE_LEVEL: ask->level_required = 0; return true;
    case DURE_RULE_EVEN:
    case DURE_RULE_SIZE: /* tasks_per_node divides them; of fractions it says nothing */
        ask->tasks = ask->tasks_per_node && ask->task_gpu_milli == 1000 ? ask->tasks_per_node : 1;
        return true;
    case DURE_RULE_SPREAD: ask->spread_max = ask->spread_level = 0; return true;
    case DURE_RULE_NODE_LIST: ask->lists = 0; return true;
    case DURE_RULE_DATA:
    case DURE_RULE_NEIGHBOURS: ask->data_mask = 0; return true;
    case DURE_RULE_SHARE: ask->task_cpu_milli = ask->task_memory_mib = 0; return true;
    default: return false;
    }
}

/* `left`: the request without what the hardware refuses. */
static uint64_t hardware_rules(const struct dure_core *core, struct request *left, uint32_t chain)
{
    uint64_t rules = 0;
    for (;;) {
        const enum dure_rule rule = rule_hardware(core, left, chain).rule;
        if (rule == DURE_RULE_FITS || rules & bit(rule))
            return rules;
        rules |= bit(rule);
        if (!give_up(left, rule))
            return rules;
    }
}

/* Where its data may not go, could it have the neighbours that it wants? Both rules are given up at once above. */
static uint64_t neighbour_rules(const struct dure_core *core, const struct request *ask, struct request left,
                                uint32_t chain)
{
    left.data_mask = ask->data_mask;
    return ask->data_mask ? bit(gate_neighbours(core, &left, chain).rule) & bit(DURE_RULE_NEIGHBOURS) : 0;
}

/* What would do, were it lifted alone: the GPUs that are in maintenance, lost, away, used by others than us, or in use. `gpus`: by rule. */
static uint64_t room_rule(uint64_t need, uint64_t idle, const uint64_t gpus[RULES], enum dure_rule in_use)
{
    static const enum dure_rule out[] = {DURE_RULE_MAINTENANCE, DURE_RULE_LOST, DURE_RULE_AWAY, DURE_RULE_FOREIGN};
    if (idle >= need)
        return bit(DURE_RULE_SCATTERED);
    for (unsigned i = 0; i < sizeof out / sizeof out[0]; i++)
        if (idle + gpus[out[i]] >= need)
            return bit(out[i]);
    return bit(in_use);
}

static uint64_t borrowed_rules(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    int64_t notice = 0;
    uint64_t rules = 0;
    if (core->fleet->chains[chain].available_from_us > core->s.time_us)
        rules |= bit(DURE_RULE_NOT_YET);
    if (!lend_terms(core, chain, ask->tenant, false, &notice))
        rules |= bit(DURE_RULE_NOT_LENT);
    else if (ask->grace_us > notice)
        rules |= bit(DURE_RULE_NOTICE);
    return rules;
}

static uint64_t rights_rules(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool any = false, suits = plan_suits_together(core, ask, chain), begun = false;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain)
            continue;
        any = true;
        begun |= allot->state != DURE_ALLOT_PROMISED;
        suits |= plan_suits(core, ask, allot);
    }
    if (!any)
        return bit(DURE_RULE_RIGHTS);
    return (suits ? 0 : bit(DURE_RULE_RIGHT_TOO_SMALL)) | (begun ? 0 : bit(DURE_RULE_NOT_YET));
}

/* Would it fit, whatever the terms are? */
static bool has_room(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    struct plan plan = {0};
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool fits = ask->job_class == DURE_BORROWED && plan_chain(core, ask, chain, ask->level_required, &plan);
    for (uint32_t id = ask->job_class == DURE_BORROWED || holder == NONE ? NONE : core->tenant[holder].first_allot;
         id != NONE && !fits; id = core->allots[id]->next_of_holder)
        fits = core->allots[id]->spec.chain.v == chain && core->allots[id]->state != DURE_ALLOT_PROMISED &&
               plan_allot(core, ask, id, ask->level_required, &plan);
    if (ask->job_class != DURE_BORROWED && holder != NONE && !fits)
        fits = plan_spanning_on(core, ask, holder, chain, &plan);
    plan_release(&plan);
    return fits;
}

/* GPUs idle for the request: of the chain, or of its holder's rights there. */
static uint64_t idle_of(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    uint64_t idle = 0;
    if (ask->job_class == DURE_BORROWED)
        return core->chains[chain].idle.idle_total;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder)
        idle += core->allots[id]->spec.chain.v == chain ? core->allots[id]->slots.idle_total : 0;
    return idle;
}

/* GPUs that would be its as well, were none dark: of the chain, or under its holder's rights, those suspended by it among them. */
static uint64_t dark_of(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t holder = core->tenant[ask->tenant].holder;
    uint64_t dark = 0;
    for (uint32_t i = 0; core->power && i < chain->node_count; i++) {
        const struct node_data *node = &core->nodes[chain->node_first + i].d;
        for (uint64_t mask = node->lost ? 0 : node->dark; mask; mask &= mask - 1) {
            struct dure_cells_leaf leaf;
            dure_cells_leaf(core->chains[at].cells, i * chain->node_gpus + (uint32_t)__builtin_ctzll(mask), &leaf);
            dark += ask->job_class == DURE_BORROWED ||
                    (leaf.allot.v != NONE && core->allots[leaf.allot.v]->spec.tenant.v == holder);
        }
    }
    if (ask->job_class == DURE_BORROWED || holder == NONE || !gate_all_dark(core, at))
        return dark;
    for (uint32_t id = core->tenant[holder].first_allot; id != NONE; id = core->allots[id]->next_of_holder) {
        struct dure_cells_right_view right;
        if (core->allots[id]->spec.chain.v == at &&
            dure_cells_right(core->chains[at].cells, (struct dure_allot_id){id}, &right))
            dark += (uint64_t)right.suspended * core->allots[id]->cell_leaves;
    }
    return dark;
}

/* Ruled out as a whole, so that the rows do not say what stands there: power, if lifting it alone would do. */
static uint64_t hidden_rules(struct dure_core *core, const struct request *left, uint32_t chain, enum dure_rule in_use)
{
    if (has_room(core, left, chain))
        return 0;
    const uint64_t need = rule_gpus(core, left, chain), idle = idle_of(core, left, chain);
    return bit(idle < need && idle + dark_of(core, left, chain) >= need ? DURE_RULE_POWER : in_use);
}

/* What is idle would do without it. */
static bool is_limit(enum dure_rule rule)
{
    return rule == DURE_RULE_WINDOW || rule == DURE_RULE_SPREAD || rule == DURE_RULE_NODE_LIST ||
           rule == DURE_RULE_NEIGHBOURS;
}

uint64_t cross_rules(struct dure_core *core, const struct request *ask, const struct dure_why_row *rows, uint32_t count)
{
    const uint32_t chain = rows[0].chain.v;
    const bool borrowed = ask->job_class == DURE_BORROWED;
    const enum dure_rule in_use = borrowed ? DURE_RULE_BUSY : DURE_RULE_OWN_USE;
    struct request left = *ask;
    const uint64_t hardware = hardware_rules(core, &left, chain);
    uint64_t rules = hardware | neighbour_rules(core, ask, left, chain);
    rules |= borrowed ? borrowed_rules(core, ask, chain) : rights_rules(core, &left, chain);
    uint64_t limit = 0, gpus[RULES] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_why_row *row = &rows[i];
        if (row->rule == DURE_RULE_FITS)
            return 0;
        if (row->rule == DURE_RULE_ORDER)
            return bit(DURE_RULE_ORDER);
        if (is_limit(row->rule) && !hardware)
            limit |= bit(row->rule);
        gpus[row->rule] += row->gpus;
    }
    const uint64_t need = rule_gpus(core, ask, chain), dark = gpus[DURE_RULE_POWER],
                   suspended = gpus[DURE_RULE_SUSPENDED], idle = gpus[DURE_RULE_TOO_FEW] + gpus[DURE_RULE_SCATTERED],
                   standing = idle + gpus[DURE_RULE_LOST] + gpus[DURE_RULE_AWAY] + gpus[DURE_RULE_MAINTENANCE] +
                              gpus[DURE_RULE_FOREIGN] + gpus[in_use];
    if (limit) {
        rules |= limit;
    } else if (standing + suspended + dark) {
        if (dark && idle + dark >= need && idle < need)
            rules |= bit(DURE_RULE_POWER);
        else if (suspended && standing < need)
            rules |= bit(DURE_RULE_SUSPENDED);
        else
            rules |= room_rule(need, idle, gpus, in_use);
    } else if (!(rules & bit(DURE_RULE_RIGHTS))) { /* nothing of it stands where it holds no right */
        rules |= hidden_rules(core, &left, chain, in_use);
    }
    if (gate_power_ever(core, &left, chain).rule != DURE_RULE_FITS) /* for what is left of it */
        rules |= bit(DURE_RULE_POWER);
    return rules;
}

/* Do these rules together refuse every place? */
static bool covers(const uint64_t *masks, uint32_t count, uint64_t rules)
{
    for (uint32_t i = 0; i < count; i++)
        if (!(masks[i] & rules))
            return false;
    return true;
}

/* The fewest rules that refuse everything together, the cheapest to change among them: one, a pair, or three. */
static uint64_t smallest_cover(const uint64_t *masks, uint32_t count)
{
    uint64_t best = 0;
    unsigned best_cost = UINT32_MAX;
    for (unsigned size = 1; size <= 3 && !best; size++)
        for (unsigned a = 1; a < RULES; a++)
            for (unsigned b = size > 1 ? a + 1 : a; b < (size > 1 ? RULES : a + 1); b++)
                for (unsigned c = size > 2 ? b + 1 : b; c < (size > 2 ? RULES : b + 1); c++) {
                    const uint64_t rules = bit(a) | bit(b) | bit(c);
                    const unsigned cost =
                        cross_cost(a) + (size > 1 ? cross_cost(b) : 0) + (size > 2 ? cross_cost(c) : 0);
                    if (cost >= best_cost || !covers(masks, count, rules))
                        continue;
                    best = rules;
                    best_cost = cost;
                }
    return best;
}

/* Distinct sets of rules: as many as there are kinds of places, however many places there are. */
struct sets {
    uint64_t masks[64];
    uint32_t first[64], places[64], count;
};

static bool gather(struct dure_core *core, const struct request *ask, const struct dure_why *why, struct sets *sets)
{
    for (uint32_t row = 0, next; row < why->row_count; row = next) { /* by chain */
        for (next = row + 1; next < why->row_count && why->rows[next].chain.v == why->rows[row].chain.v; next++)
            ;
        const uint32_t chain = why->rows[row].chain.v;
        const uint64_t mask = cross_rules(core, ask, &why->rows[row], next - row);
        uint32_t at = 0;
        if (!mask)
            return false;
        while (at < sets->count && sets->masks[at] != mask)
            at++;
        if (at == sizeof sets->masks / sizeof sets->masks[0])
            continue; /* so many kinds of refusal: the first tell enough */
        if (at == sets->count) {
            sets->masks[sets->count] = mask;
            sets->first[sets->count++] = chain;
        }
        sets->places[at]++;
    }
    return true;
}

/* The dataset that a rule of data is of; the limit of power that is too low by most on this chain, and by how much. */
static const char *subject(struct dure_core *core, const struct request *ask, enum dure_rule rule, uint32_t chain,
                           struct dure_arena *arena, struct dure_why_opening *opening)
{
    const char *name = "";
    char text[DURE_POWER_NAME_MAX];
    struct gate_shortage shortage;
    if (rule == DURE_RULE_DATA)
        (void)gate_data(core, ask, chain, &name);
    const uint32_t dataset = rule == DURE_RULE_NEIGHBOURS ? gate_neighbours_dataset(core, ask, chain) : NONE;
    if (dataset != NONE)
        name = core->data->datasets[dataset].name;
    if (rule == DURE_RULE_POWER) {
        const uint64_t need = rule_gpus(core, ask, chain), idle = idle_of(core, ask, chain),
                       more = need > idle ? need - idle : 1;
        if (gate_short_of(core, chain, more, &shortage)) {
            name = dure_power_name(core->power, core->fleet, shortage.domain, text);
            opening->more_mw = shortage.mw;
            opening->more_gpus = more;
            opening->more_limits = shortage.others;
        }
    }
    name = dure_arena_strdup(arena, name);
    return name ? name : "";
}

static void find_opening(const struct sets *sets, struct dure_why *why)
{
    unsigned best = UINT32_MAX;
    for (uint32_t i = 0; i < sets->count; i++) {
        const enum dure_rule rule = (enum dure_rule)__builtin_ctzll(sets->masks[i]);
        if (sets->masks[i] != bit(rule) || cross_cost(rule) >= best)
            continue;
        best = cross_cost(rule);
        why->opening = (struct dure_why_opening){rule, {sets->first[i]}, sets->places[i], .unit = "", .what = ""};
        for (uint32_t r = 0; r < why->row_count; r++) {
            const struct dure_why_row *row = &why->rows[r];
            const bool same = row->rule == rule || (rule == DURE_RULE_BUSY && row->rule == DURE_RULE_TOO_FEW);
            if (row->chain.v != sets->first[i] || !same)
                continue;
            why->opening.need = row->need;
            why->opening.have = row->have;
            why->opening.unit = row->unit;
        }
    }
}

/* One of the rules that cross: what it would leave, and what it is of where it refuses first. */
static struct dure_why_crossed crossed_by(struct dure_core *core, const struct request *ask, enum dure_rule rule,
                                          const struct sets *sets, struct dure_arena *arena)
{
    struct dure_why_crossed crossed = {.rule = rule, .first = {NONE}, .what = ""};
    struct dure_why_opening unused = {.what = ""};
    uint32_t refused = NONE;
    unsigned fewest = UINT32_MAX;
    for (uint32_t i = 0; i < sets->count; i++) {
        const uint32_t chain = sets->first[i];
        if (sets->masks[i] & bit(rule)) {
            const unsigned rules = (unsigned)__builtin_popcountll(sets->masks[i]);
            refused = rules < fewest ? chain : refused; /* where it comes nearest to being the only one */
            fewest = rules < fewest ? rules : fewest;
            continue;
        }
        crossed.leaves += sets->places[i];
        crossed.first.v = chain < crossed.first.v ? chain : crossed.first.v;
    }
    if (refused != NONE)
        crossed.what = subject(core, ask, rule, refused, arena, &unused);
    return crossed;
}

void cross_find(struct dure_core *core, const struct request *ask, struct dure_arena *arena, struct dure_why *why)
{
    struct sets sets = {.count = 0};
    why->crossing_count = 0;
    why->opening = (struct dure_why_opening){.rule = DURE_RULE_FITS, .unit = "", .what = ""};
    if (!gather(core, ask, why, &sets))
        return; /* it fits somewhere */
    find_opening(&sets, why);
    if (why->opening.rule != DURE_RULE_FITS)
        why->opening.what = subject(core, ask, why->opening.rule, why->opening.chain.v, arena, &why->opening);
    const uint64_t cover = smallest_cover(sets.masks, sets.count);
    if (!(cover & (cover - 1)))
        return; /* one rule refuses everything: no crossing */
    for (uint64_t rules = cover; rules; rules &= rules - 1)
        why->crossing[why->crossing_count++] =
            crossed_by(core, ask, (enum dure_rule)__builtin_ctzll(rules), &sets, arena);
}
