/* Forbidden neighbours: a gang that must be alone in its nodes (or its rack) takes them whole, so that nobody else's work finds a GPU there, and
 * whoever stands on any of their GPUs is in its way and leaves like every other borrower. What the gang does not need of them stays empty. */
#include "core/gate/fence.h"
#include "core/gate/gate.h"

enum dure_data_level gate_alone(const struct dure_core *core, const struct request *ask)
{
    return ask->data_mask && core->data && !DURE_CORE_MUTATED(FENCE_FORGOTTEN)
               ? dure_data_alone(core->data, ask->data_mask)
               : DURE_DATA_ANYBODY;
}

uint32_t gate_tasks_a_node(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return ask->tasks_per_node ? ask->tasks_per_node : core->fleet->chains[chain].node_gpus / ask->task_gpus;
}

/* Nodes that the gang fills; nodes of the rack that it has to itself, 0: no rack. */
static uint32_t nodes_of(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const uint32_t a_node = gate_tasks_a_node(core, ask, at);
    return a_node ? (ask->tasks + a_node - 1) / a_node : UINT32_MAX;
}

static uint32_t rack_nodes(const struct dure_core *core, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const unsigned level = dure_chain_level(chain, dure_data_level_names[DURE_DATA_RACK]);
    return level >= chain->node_level ? dure_chain_leaves_at(chain, level) / chain->node_gpus : 0;
}

bool gate_widen(const struct dure_core *core, const struct request *ask, uint32_t at, struct dure_ask *gang)
{
    const enum dure_data_level alone = gate_alone(core, ask);
    if (alone == DURE_DATA_ANYBODY)
        return true;
    if (ask->task_gpu_milli < 1000)
        return false;
    uint32_t nodes = nodes_of(core, ask, at);
    if (alone == DURE_DATA_RACK) {
        const uint32_t rack = rack_nodes(core, at);
        if (nodes > rack)
            return false;
        nodes = gang->span = rack;
    }
    gang->tasks = nodes;
    gang->task_gpus = core->fleet->chains[at].node_gpus;
    gang->per_slot = gang->group = 0;
    return true;
}

struct verdict gate_neighbours(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct verdict fits = {DURE_RULE_FITS, 0, 0, ""};
    if (!ask->data_mask || !core->data)
        return fits;
    const enum dure_data_level alone = gate_alone(core, ask);
    if (dure_data_fenced(core->data, ask->data_mask) == DURE_DATA_RACK && !rack_nodes(core, at))
        return (struct verdict){DURE_RULE_NEIGHBOURS, 1, 0, "racks here"};
    if (alone == DURE_DATA_ANYBODY)
        return fits;
    if (ask->task_gpu_milli < 1000)
        return (struct verdict){DURE_RULE_NEIGHBOURS, 1000, ask->task_gpu_milli, "milli-GPU: it takes its nodes whole"};
    if (ask->lists || ask->spread_max) /* whole nodes are not counted out over a list or a spread */
        return (struct verdict){DURE_RULE_NEIGHBOURS, 0, 0, ""};
    const uint32_t nodes = nodes_of(core, ask, at);
    if (alone == DURE_DATA_RACK && nodes > rack_nodes(core, at))
        return (struct verdict){DURE_RULE_NEIGHBOURS, nodes, rack_nodes(core, at), "nodes of one rack to itself"};
    return nodes <= core->fleet->chains[at].node_count
               ? fits
               : (struct verdict){DURE_RULE_NEIGHBOURS, nodes, core->fleet->chains[at].node_count, "nodes to itself"};
}

uint32_t gate_neighbours_dataset(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const enum dure_data_level alone = gate_alone(core, ask);
    uint32_t own = NONE;
    for (uint32_t i = core->data ? core->data->dataset_count : 0; i-- > 0;) {
        const struct dure_dataset *set = &core->data->datasets[i];
        if ((ask->data_mask >> i & 1) && set->alone != DURE_DATA_ANYBODY &&
            (alone == DURE_DATA_ANYBODY || (set->alone == alone && !set->forbidden_count)))
            own = i;
    }
    const uint32_t fence = fence_dataset(core, ask, chain, ask->job_class != DURE_BORROWED);
    return alone != DURE_DATA_ANYBODY || fence == NONE ? own : fence;
}

bool gate_right_suits(const struct dure_core *core, const struct request *ask, const struct allot *allot)
{
    const struct dure_chain *chain = &core->fleet->chains[allot->spec.chain.v];
    const enum dure_data_level alone = gate_alone(core, ask),
                               fenced = ask->data_mask && core->data ? dure_data_fenced(core->data, ask->data_mask)
                                                                     : DURE_DATA_ANYBODY;
    switch (alone > fenced ? alone : fenced) {
    case DURE_DATA_NODE: return allot->spec.level >= chain->node_level;
    case DURE_DATA_RACK: {
        const unsigned level = dure_chain_level(chain, dure_data_level_names[DURE_DATA_RACK]);
        return level && allot->spec.level >= level;
    }
    default: return true;
    }
}
