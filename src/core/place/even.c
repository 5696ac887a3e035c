#include "core/place/even.h"

const struct request *even_fewer(const struct dure_core *core, const struct request *from, uint32_t chain,
                                 struct request *own)
{
    const uint32_t most = core->fleet->chains[chain].node_gpus / from->task_gpus;
    uint32_t each = from->tasks_per_node;
    if (!each)
        each = (from->tasks < most ? from->tasks : most) + 1;
    while (--each > 0 && from->tasks % each != 0)
        ;
    if (!each)
        return NULL;
    *own = *from;
    own->tasks_per_node = each;
    return own;
}

bool even_spans(const struct dure_core *core, const struct allot *allot)
{
    const uint32_t chain = allot->spec.chain.v;
    return allot->slot_gpus >= core->fleet->chains[chain].node_gpus || !even_is_chain(core, chain) ||
           DURE_CORE_MUTATED(EVEN_PARTS);
}
