/* Planned starts, as they are recorded. */
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

#define CORRUPT(...) dure_fail(error, DURE_E_CORRUPT, __VA_ARGS__)

/* Slots of allotments, or nodes of one chain. */
static bool sound_place(const struct dure_core *core, const struct dure_record *record, uint32_t index,
                        uint32_t *ret_chain)
{
    const struct dure_place *place = &record->places[index];
    if (!place->node_count || !place->gpu_mask)
        return false;
    if (!record->binding_count) {
        if (place->node_first >= core->fleet->node_count)
            return false;
        const uint32_t at = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){place->node_first}).v;
        const struct dure_chain *chain = &core->fleet->chains[at];
        *ret_chain = at;
        return place->node_first - chain->node_first + (uint64_t)place->node_count <= chain->node_count &&
               !(place->gpu_mask & ~core->chains[at].idle.full);
    }
    const uint32_t id = record->bindings[index].allot.v;
    if (id >= core->s.allot_count)
        return false;
    const struct allot *allot = core->allots[id];
    *ret_chain = allot->spec.chain.v;
    return place->node_first + (uint64_t)place->node_count <= allot->slots.count &&
           !(place->gpu_mask & ~allot->slots.full);
}

static enum dure_err make(struct dure_core *core, const struct dure_record *record, uint32_t job_slot,
                          struct dure_error *error)
{
    const struct job *job = job_at(core, job_slot);
    const bool borrowed = job_ask(core, job)->job_class == DURE_BORROWED;
    struct planned_data data = {.job = job->d.id,
                                .at_us = record->deadline_us,
                                .element = record->element,
                                .place_count = record->place_count,
                                .borrowed = borrowed};
    if (!queue_is_ready(core, job) || core->queues[queue_of(core, job_ask(core, job))].planned != NONE)
        return CORRUPT("a plan for job %llu, which is not the one to be planned", (unsigned long long)data.job);
    if (!record->place_count || record->binding_count != (borrowed ? 0 : record->place_count))
        return CORRUPT("a plan for job %llu without a place", (unsigned long long)data.job);
    for (uint32_t i = 0; i < record->place_count; i++) {
        uint32_t chain;
        if (!sound_place(core, record, i, &chain) || (i && chain != data.chain))
            return CORRUPT("a plan for job %llu at a place that is not there", (unsigned long long)data.job);
        data.chain = chain;
    }
    data.firm = !borrowed && booked_before(core, data.chain, data.at_us + request_lasts_us(job_ask(core, job)));
    if (data.firm) {
        const enum dure_err err = apply_bindings(core, record, error);
        if (err != DURE_OK)
            return err;
    }
    planned_add(core, job_slot, &data, record->places, record->bindings);
    return DURE_OK;
}

enum dure_err apply_plan(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const uint32_t slot = core->tenants ? job_find(core, record->job.v) : NONE;
    if (slot == NONE)
        return CORRUPT("a plan for a job that is not live");
    if (record->kind == DURE_REC_PLAN)
        return make(core, record, slot, error);
    if (job_at(core, slot)->planned == NONE)
        return CORRUPT("job %llu has no planned start to give up", (unsigned long long)record->job.v);
    planned_drop(core, slot);
    return DURE_OK;
}
