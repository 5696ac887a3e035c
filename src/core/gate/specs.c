/* Limits and datasets as records bring them. */
#include "core/apply/apply.h"
#include "core/gate/fence.h"
#include "core/gate/gate.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"

void gate_install_power(struct dure_core *core, struct dure_power *power)
{
    dure_power_free(core->power);
    core->power = power;
    core->s.power_set = 1;
    core->s.power = dure_hash128(DOMAIN_TEXT, power->spec_json, power->spec_json_length);
    gate_rebuild(core);
}

enum dure_err spec_power(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    if (!core->fleet)
        return dure_fail(error, DURE_E_STATE, "no fleet is declared yet");
    struct dure_power *power = NULL;
    const enum dure_err err = dure_power_from_json(record->text, record->text_length, core->fleet, &power, error);
    if (err != DURE_OK || dry) {
        dure_power_free(err == DURE_OK ? power : NULL);
        return err;
    }
    apply_moment(core, record);
    gate_install_power(core, power);
    return DURE_OK;
}

void gate_install_data(struct dure_core *core, struct dure_data *data)
{
    dure_data_free(core->data);
    core->data = data;
    core->lenders_stamp++; /* where data may go is part of who may borrow where */
    core->s.data_set = 1;
    core->s.data = dure_hash128(DOMAIN_TEXT, data->spec_json, data->spec_json_length);
    fence_rebuild(core);
}

/* Neighbours of work that has begun, or whose place is chosen, were kept away by the rule of then. */
static enum dure_err keeps_neighbours(const struct dure_core *core, const struct dure_data *next,
                                      struct dure_error *error)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        if (!job_ask(core, job)->data_mask || (!job->d.live && !job->d.claims))
            continue;
        if (!dure_data_same_neighbours(core->data, next, job_ask(core, job)->data_mask))
            return dure_fail(error, DURE_E_STATE,
                             "job %llu runs with a dataset whose forbidden neighbours would change; its place was "
                             "chosen by the rule of then: let it end first, or cancel it",
                             (unsigned long long)job->d.id);
    }
    return DURE_OK;
}

enum dure_err spec_data(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    if (!core->fleet)
        return dure_fail(error, DURE_E_STATE, "no fleet is declared yet");
    struct dure_data *data = NULL;
    enum dure_err err = dure_data_from_json(record->text, record->text_length, core->fleet, &data, error);
    if (err != DURE_OK)
        return err;
    if (core->data)
        err = dure_data_may_follow(core->data, data, error);
    if (err == DURE_OK && core->data)
        err = keeps_neighbours(core, data, error);
    if (err != DURE_OK || dry) {
        dure_data_free(data);
        return err;
    }
    apply_moment(core, record);
    gate_install_data(core, data);
    if (core->tenants)
        queue_rebuild(core); /* which chains carry what is part of a need */
    return DURE_OK;
}
