#include "core/why/never.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/gate/gate.h"
#include "core/place/even.h"
#include "core/place/limited.h"
#include "core/place/plan.h"
#include "core/place/plan_more.h"

static struct verdict refuse(enum dure_rule rule, int64_t need, int64_t have, const char *unit)
{
    return (struct verdict){rule, need, have, unit};
}

static struct verdict rights_verdict(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    int64_t most = 0, all = 0;
    bool any = false, too_fine = false;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v != chain)
            continue;
        if (plan_suits(core, ask, allot))
            return refuse(DURE_RULE_FITS, 0, 0, "");
        const int64_t gpus = (int64_t)allot->cells * allot->cell_leaves;
        any = true;
        too_fine |= !gate_right_suits(core, ask, allot);
        most = gpus > most ? gpus : most;
        all += gpus;
    }
    if (any && plan_suits_together(core, ask, chain))
        return refuse(DURE_RULE_FITS, 0, 0, "");
    if (any && too_fine)
        return refuse(DURE_RULE_NEIGHBOURS, 0, 0, "");
    if (any && all >= (int64_t)request_gpus(ask) && even_chooses(core, ask, chain))
        return refuse(DURE_RULE_EVEN, 0, 0, "");
    if (!any)
        return refuse(DURE_RULE_RIGHTS, (int64_t)request_gpus(ask), 0, "GPUs");
    return refuse(DURE_RULE_RIGHT_TOO_SMALL, (int64_t)request_gpus(ask), most, "GPUs in cells that suit it");
}

struct verdict never_verdict(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const struct verdict hardware = rule_hardware(core, ask, chain);
    if (hardware.rule != DURE_RULE_FITS)
        return hardware;
    const struct verdict power = gate_power_ever(core, ask, chain);
    if (power.rule != DURE_RULE_FITS)
        return power;
    if (ask->job_class == DURE_GUARANTEED)
        return rights_verdict(core, ask, chain);
    int64_t notice;
    if (!lend_terms(core, chain, ask->tenant, true, &notice))
        return refuse(DURE_RULE_NOT_LENT, 0, 0, "");
    if (ask->grace_us > notice)
        return refuse(DURE_RULE_NOTICE, ask->grace_us / DURE_SECOND_US, notice / DURE_SECOND_US, "s");
    return refuse(DURE_RULE_FITS, 0, 0, "");
}

/* What one rule refuses: whole groups of the fleet, the nearest miss, and the first few by name. */
enum { NAMED_MAX = 3, RULE_COUNT = DURE_RULE_ORDER + 1 };
struct refusals {
    uint32_t groups, named[NAMED_MAX];
    uint64_t gpus;
    struct verdict nearest;
};

/* The verdict on a declared group is that of its chain which comes nearest: its remainders are smaller. */
static struct verdict group_verdict(const struct dure_core *core, const struct request *ask, uint32_t first,
                                    uint32_t *ret_end, uint64_t *ret_gpus)
{
    const struct dure_chain *chains = core->fleet->chains;
    struct verdict best = never_verdict(core, ask, first);
    uint32_t at = first;
    for (*ret_gpus = 0; at < core->fleet->chain_count && chains[at].group == chains[first].group; at++) {
        const struct verdict v = never_verdict(core, ask, at);
        *ret_gpus += chains[at].leaf_count;
        if (v.rule > best.rule || (v.rule == best.rule && v.have > best.have))
            best = v;
    }
    *ret_end = at;
    return best;
}

/* How many tasks, a few more, would lie evenly on a chain, and on how many nodes; false: none. */
static bool find_evener_on(const struct dure_core *core, const struct request *ask, uint32_t chain,
                           struct request *ret_shape)
{
    const uint32_t most = core->fleet->chains[chain].node_gpus / ask->task_gpus;
    struct request more = *ask, own;
    for (more.tasks++; more.tasks <= ask->tasks + most && more.tasks <= DURE_JOB_TASKS_MAX; more.tasks++)
        for (const struct request *as = even_first(core, &more, chain, &own); as; as = even_next(core, as, chain, &own))
            if (never_verdict(core, as, chain).rule == DURE_RULE_FITS) {
                *ret_shape = *as;
                return true;
            }
    return false;
}

static bool find_evener(const struct dure_core *core, const struct request *ask, struct request *ret_shape)
{
    for (uint32_t i = 0; i < core->fleet->chain_count; i++)
        if (even_chooses(core, ask, i) && find_evener_on(core, ask, i, ret_shape))
            return true;
    return false;
}

static void tell(const struct dure_core *core, const struct request *ask, const struct refusals *r, const char *between,
                 struct dure_buf *text)
{
    const bool has_figures = r->nearest.need || r->nearest.have;
    struct request shape;
    dure_buf_printf(text, "%s%s", between, dure_rule_text(r->nearest.rule));
    if (has_figures)
        dure_buf_printf(text, " (needs %lld, at most %lld there: %s", (long long)r->nearest.need,
                        (long long)r->nearest.have, r->nearest.unit);
    const bool evener = r->nearest.rule == DURE_RULE_EVEN && find_evener(core, ask, &shape);
    if (evener)
        dure_buf_printf(text, "%s%u tasks would lie %u on each of %u", has_figures ? "; " : " (", shape.tasks,
                        shape.tasks_per_node, shape.tasks / shape.tasks_per_node);
    if (has_figures || evener)
        dure_buf_str(text, ")");
    for (uint32_t i = 0; i < r->groups && i < NAMED_MAX; i++)
        dure_buf_printf(text, "%s%s", i == 0 ? ": " : ", ", core->fleet->chains[r->named[i]].name);
    if (r->groups > NAMED_MAX)
        dure_buf_printf(text, " and %u more groups", r->groups - NAMED_MAX);
    dure_buf_printf(text, ", %llu GPUs", (unsigned long long)r->gpus);
}

void never_proof(const struct dure_core *core, const struct request *ask, struct dure_buf *text)
{
    struct refusals by_rule[RULE_COUNT] = {0};
    uint32_t end;
    for (uint32_t i = 0; i < core->fleet->chain_count; i = end) {
        uint64_t gpus;
        const struct verdict v = group_verdict(core, ask, i, &end, &gpus);
        struct refusals *r = &by_rule[v.rule];
        if (r->groups < NAMED_MAX)
            r->named[r->groups] = i;
        if (!r->groups++ || v.have > r->nearest.have)
            r->nearest = v;
        r->gpus += gpus;
    }
    /* The rules are tried in order: who failed late came nearest, and is told first. */
    const char *between = "";
    for (uint32_t rule = RULE_COUNT; rule-- > 0;) {
        if (!by_rule[rule].groups)
            continue;
        tell(core, ask, &by_rule[rule], between, text);
        between = "; ";
    }
}

enum dure_err never_check(const struct dure_core *core, const struct request *ask, struct dure_error *error)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    if (ask->job_class == DURE_GUARANTEED) {
        for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
             id = core->allots[id]->next_of_holder)
            if (plan_suits(core, ask, core->allots[id]) ||
                plan_suits_together(core, ask, core->allots[id]->spec.chain.v))
                return DURE_OK;
    } else {
        for (uint32_t i = 0; i < core->fleet->chain_count; i++)
            if (never_verdict(core, ask, i).rule == DURE_RULE_FITS)
                return DURE_OK;
    }
    if (!error)
        return DURE_E_NEVER;
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 16384);
    if (ask->job_class == DURE_GUARANTEED && holder == NONE)
        dure_buf_printf(&text, "neither '%s' nor a tenant above it holds an allotment, which a guaranteed job needs; ",
                        core->tenants->tenants[ask->tenant].path);
    never_proof(core, ask, &text);
    return dure_fail(error, DURE_E_NEVER, "no place for it: %s", text.data ? text.data : "");
}

const char *dure_core_unpromised(const struct dure_core *core, const struct dure_job *job)
{
    struct job_made data;
    if (!core->tenants || job->job_class != DURE_GUARANTEED || job_pack(core, job, &data, NULL) != DURE_OK)
        return NULL;
    const struct request *ask = &data.ask;
    if (ask->lists)
        return "a list of nodes names hardware, and no right names the hardware that it is bound to: this job starts "
               "when its "
               "rights can be bound there without breaking a promise, and is not promised a place";
    const uint32_t holder = core->tenant[ask->tenant].holder;
    bool beyond = false;
    for (uint32_t id = ask->spread_max && holder != NONE ? core->tenant[holder].first_allot : NONE; id != NONE;
         id = core->allots[id]->next_of_holder) {
        if (!plan_suits(core, ask, core->allots[id]))
            continue;
        if (!limited_by_hardware(core, ask, core->allots[id]))
            return NULL;
        beyond = true;
    }
    return beyond ? "its spread is over cells larger than its rights, and how near two rights stand is not promised: "
                    "this job "
                    "starts when they can be bound apart without breaking a promise, and is not promised a place"
                  : NULL;
}
