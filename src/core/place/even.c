#include "core/place/even.h"

bool even_next(const struct dure_core *core, uint32_t chain, struct request *shape)
{
    const uint32_t most = core->fleet->chains[chain].node_gpus / shape->task_gpus;
    uint32_t each = shape->tasks_per_node;
    if (!each)
        each = (shape->tasks < most ? shape->tasks : most) + 1;
    while (--each > 0 && shape->tasks % each != 0)
        ;
    shape->tasks_per_node = each;
    return each > 0;
}

bool even_spans(const struct dure_core *core, const struct allot *allot)
{
    const uint32_t chain = allot->spec.chain.v;
    return allot->slot_gpus >= core->fleet->chains[chain].node_gpus || !even_is_chain(core, chain) ||
           DURE_CORE_MUTATED(EVEN_PARTS);
}
