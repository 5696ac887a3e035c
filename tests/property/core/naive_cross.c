/* What an answer says of all places together: the sums of its groups, the rule that is cheapest to change, and the rules that cross. */
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/why/cross.h"
#include "naive_why.h"

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
    case DURE_RULE_SIZE: changed.tasks = 1; break;
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

/* Rules that cross: together they refuse every chain, and none of them does alone. */
bool naive_why_crosses(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    uint64_t together = 0, alone = UINT64_MAX;
    for (uint32_t i = 0; i < why->crossing_count; i++)
        together |= UINT64_C(1) << why->crossing[i].rule;
    for (uint32_t row = 0, next; row < why->row_count; row = next) {
        for (next = row + 1; next < why->row_count && why->rows[next].chain.v == why->rows[row].chain.v; next++)
            ;
        const uint64_t rules = cross_rules(core, ask, &why->rows[row], next - row);
        if (together && !(rules & together))
            return false;
        alone &= rules;
    }
    return !(alone & together);
}
