#include "core/why/cross.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/place/plan.h"
#include "core/place/plan_more.h"
#include "core/place/rules.h"

enum { RULES = DURE_RULE_HERE + 1 };
_Static_assert(RULES <= 64, "a set of rules is one word");

/* What the submitter wishes, then what its tenant decides, then operators and owners, then what only the end of others' work changes. */
static const enum dure_rule by_cost[] = {
    DURE_RULE_NOTICE,      DURE_RULE_WINDOW,
    DURE_RULE_LEVEL,       DURE_RULE_SPREAD,
    DURE_RULE_NODE_LIST,   DURE_RULE_NODE_SHAPE,
    DURE_RULE_SHARE,       DURE_RULE_MODEL,
    DURE_RULE_MIG_ENGINE,  DURE_RULE_MIG,
    DURE_RULE_GPU_MEMORY,  DURE_RULE_SIZE,
    DURE_RULE_ORDER,       DURE_RULE_OWN_USE,
    DURE_RULE_MAINTENANCE, DURE_RULE_LOST,
    DURE_RULE_SUSPENDED,   DURE_RULE_POWER,
    DURE_RULE_NOT_LENT,    DURE_RULE_NEIGHBOURS,
    DURE_RULE_DATA,        DURE_RULE_RIGHT_TOO_SMALL,
    DURE_RULE_RIGHTS,      DURE_RULE_NOT_YET,
    DURE_RULE_SCATTERED,   DURE_RULE_BUSY,
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
    case DURE_RULE_GPU_MEMORY: ask->gpu_memory_mib = 0; return true;
    case DURE_RULE_NODE_SHAPE:
        ask->tasks_per_node = 0;
        ask->task_gpus = 1;
        return true;
    case DURE_RULE_LEVEL: ask->level_required = 0; return true;
    case DURE_RULE_SIZE: ask->tasks = 1; return true;
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

/* What would do, were it lifted alone: the GPUs that are lost, in maintenance, or in use. */
static uint64_t room_rule(uint64_t need, uint64_t idle, uint64_t lost, uint64_t maintenance, enum dure_rule in_use)
{
    if (idle >= need)
        return bit(DURE_RULE_SCATTERED);
    if (idle + maintenance >= need)
        return bit(DURE_RULE_MAINTENANCE);
    if (idle + lost >= need)
        return bit(DURE_RULE_LOST);
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
        struct dure_ask gang;
        if (allot->spec.chain.v != chain)
            continue;
        any = true;
        begun |= allot->state != DURE_ALLOT_PROMISED;
        suits |= ask_of_allot(core, ask, allot, ask->level_required, &gang);
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
    plan_release(&plan);
    return fits;
}

uint64_t cross_rules(struct dure_core *core, const struct request *ask, const struct dure_why_row *rows, uint32_t count)
{
    const uint32_t chain = rows[0].chain.v;
    const bool borrowed = ask->job_class == DURE_BORROWED;
    const enum dure_rule in_use = borrowed ? DURE_RULE_BUSY : DURE_RULE_OWN_USE;
    struct request left = *ask;
    uint64_t rules = hardware_rules(core, &left, chain);
    rules |= borrowed ? borrowed_rules(core, ask, chain) : rights_rules(core, ask, chain);
    uint64_t limit = 0, dark = 0, idle = 0, lost = 0, maintenance = 0, used = 0, suspended = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_why_row *row = &rows[i];
        if (row->rule == DURE_RULE_FITS)
            return 0;
        if (row->rule == DURE_RULE_ORDER)
            return bit(DURE_RULE_ORDER);
        if (row->rule == DURE_RULE_WINDOW || row->rule == DURE_RULE_SPREAD || row->rule == DURE_RULE_NODE_LIST)
            limit |= bit(row->rule); /* what is idle would do without it */
        idle += row->rule == DURE_RULE_TOO_FEW || row->rule == DURE_RULE_SCATTERED ? row->gpus : 0;
        lost += row->rule == DURE_RULE_LOST ? row->gpus : 0;
        maintenance += row->rule == DURE_RULE_MAINTENANCE ? row->gpus : 0;
        dark += row->rule == DURE_RULE_POWER ? row->gpus : 0;
        used += row->rule == in_use ? row->gpus : 0;
        suspended += row->rule == DURE_RULE_SUSPENDED ? row->gpus : 0;
    }
    const uint64_t need = rule_gpus(core, ask, chain);
    if (limit) {
        rules |= limit;
    } else if (idle + lost + maintenance + used + suspended + dark) {
        if (dark && idle + dark >= need && idle < need)
            rules |= bit(DURE_RULE_POWER);
        else if (suspended && idle + lost + maintenance + used < need)
            rules |= bit(DURE_RULE_SUSPENDED);
        else
            rules |= room_rule(need, idle, lost, maintenance, in_use);
    } else if (!has_room(core, &left,
                         chain)) { /* ruled out as a whole, so that the rows do not say what stands there */
        rules |= bit(in_use);
    }
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
                    const unsigned cost = cross_cost(a) + cross_cost(b) + cross_cost(c);
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

static void find_opening(const struct sets *sets, struct dure_why *why)
{
    unsigned best = UINT32_MAX;
    for (uint32_t i = 0; i < sets->count; i++) {
        const enum dure_rule rule = (enum dure_rule)__builtin_ctzll(sets->masks[i]);
        if (sets->masks[i] != bit(rule) || cross_cost(rule) >= best)
            continue;
        best = cross_cost(rule);
        why->opening = (struct dure_why_opening){rule, {sets->first[i]}, sets->places[i], 0, 0, ""};
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

void cross_find(struct dure_core *core, const struct request *ask, struct dure_why *why)
{
    struct sets sets = {.count = 0};
    why->crossing_count = 0;
    why->opening = (struct dure_why_opening){.rule = DURE_RULE_FITS, .unit = ""};
    if (!gather(core, ask, why, &sets))
        return; /* it fits somewhere */
    find_opening(&sets, why);
    const uint64_t cover = smallest_cover(sets.masks, sets.count);
    if (!(cover & (cover - 1)))
        return; /* one rule refuses everything: no crossing */
    for (uint64_t rules = cover; rules; rules &= rules - 1) {
        struct dure_why_crossed *crossed = &why->crossing[why->crossing_count++];
        *crossed = (struct dure_why_crossed){.rule = (enum dure_rule)__builtin_ctzll(rules), .first = {NONE}};
        for (uint32_t i = 0; i < sets.count; i++) {
            if (sets.masks[i] & bit(crossed->rule))
                continue;
            crossed->leaves += sets.places[i];
            crossed->first.v = sets.first[i] < crossed->first.v ? sets.first[i] : crossed->first.v;
        }
    }
}
