#include "naive_why.h"

#include <string.h>

#include "core/booked/booked.h"
#include "core/place/plan.h"
#include "core/state/jobs.h"
#include "naive_walk.h"
#include "tap.h"

/* Where what is idle is counted: the rule that is named, if it is one of those that may refuse it; else the first of them. */
static void count_idle(struct walk *w, const struct dure_why *why, uint64_t rules, const struct count *idle)
{
    unsigned at = rules ? (unsigned)__builtin_ctzll(rules) : 0;
    for (uint32_t i = 0; i < why->row_count; i++)
        if (why->rows[i].chain.v == w->at && rules >> why->rows[i].rule & 1)
            at = why->rows[i].rule;
    w->count[at].gpus += idle->gpus;
    w->count[at].nodes += idle->nodes;
}

static bool compare(const struct walk *w, const struct dure_why *why)
{
    for (unsigned rule = 0; rule < RULES; rule++) {
        struct count said = {0};
        for (uint32_t i = 0; i < why->row_count; i++)
            if (why->rows[i].chain.v == w->at && why->rows[i].rule == rule)
                said = (struct count){why->rows[i].gpus,       why->rows[i].nodes,    why->rows[i].own,
                                      why->rows[i].guaranteed, why->rows[i].borrowed, why->rows[i].reserved};
        if (!memcmp(&said, &w->count[rule], sizeof said))
            continue;
        const struct count *is = &w->count[rule];
        tap_diag("%s, %s: said %llu GPUs %llu nodes (%llu %llu %llu %llu), found %llu %llu (%llu %llu %llu %llu)",
                 w->c->name, dure_rule_wire(rule), (unsigned long long)said.gpus, (unsigned long long)said.nodes,
                 (unsigned long long)said.own, (unsigned long long)said.guaranteed, (unsigned long long)said.borrowed,
                 (unsigned long long)said.reserved, (unsigned long long)is->gpus, (unsigned long long)is->nodes,
                 (unsigned long long)is->own, (unsigned long long)is->guaranteed, (unsigned long long)is->borrowed,
                 (unsigned long long)is->reserved);
        return false;
    }
    return true;
}

/* Where a pass would place it now, it is said to fit: in the place of lower priority, or on a damaged cell, as well. */
static bool fits_where_it_would_go(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    struct plan plan = {0};
    bool fits = true, idle = false;
    if (plan_around(core, ask, &plan)) {
        fits = false;
        for (uint32_t i = 0; i < why->row_count; i++) {
            const enum dure_rule rule = why->rows[i].rule;
            if (why->rows[i].chain.v != plan.chain)
                continue;
            fits |= rule == DURE_RULE_FITS || rule == DURE_RULE_ORDER;
            idle |= rule == DURE_RULE_TOO_FEW || rule == DURE_RULE_SCATTERED || rule == DURE_RULE_WINDOW;
        }
        if (!fits && idle)
            tap_diag("it would go to chain %u", plan.chain);
    }
    plan_release(&plan);
    return fits || !idle;
}

bool naive_why_agrees(struct rig *rig, struct dure_job_id id, const struct dure_why *why)
{
    struct dure_core *core = rig->core;
    const struct request *ask = job_ask(core, job_at(core, job_find(core, id.v)));
    if (!naive_why_sums(core, why)) {
        tap_diag("the groups do not sum to the fleet");
        return false;
    }
    if (!naive_why_opens(core, ask, why) || !naive_why_crosses(core, ask, why) || !naive_cross_agrees(core, ask, why)) {
        tap_diag("opening by %s on chain %u, %u rules cross", dure_rule_wire(why->opening.rule), why->opening.chain.v,
                 why->crossing_count);
        return false;
    }
    if (!fits_where_it_would_go(core, ask, why))
        return false;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        struct walk w = {.core = core,
                         .ask = ask,
                         .at = i,
                         .holder = core->tenant[ask->tenant].holder,
                         .c = &core->fleet->chains[i],
                         .state = &core->chains[i],
                         .cells = core->chains[i].cells,
                         .ahead = why->ahead > 0 && ask->job_class != DURE_BORROWED};
        struct count idle = {0};
        const uint64_t rules = ask->job_class == DURE_BORROWED ? naive_borrowed(&w, &idle) : naive_by_right(&w, &idle);
        count_idle(&w, why, rules, &idle);
        if (!compare(&w, why)) {
            tap_diag(
                "job %llu asks for %u x %u GPUs (%u milli, profile %u), %s, %u tasks a node, level %u%s, spread %u of "
                "%u, priority %d%s%s; idle for it: %llu GPUs, refused by one of %llx",
                (unsigned long long)id.v, ask->tasks, ask->task_gpus, ask->task_gpu_milli, ask->mig,
                ask->job_class == DURE_BORROWED ? "borrowed" : "by right", ask->tasks_per_node, ask->level,
                ask->level_required ? " required" : "", ask->spread_max, ask->spread_level, (int)ask->priority,
                ask->lists ? ", a list" : "", ask->data_mask ? ", data" : "", (unsigned long long)idle.gpus,
                (unsigned long long)rules);
            return false;
        }
    }
    return true;
}
