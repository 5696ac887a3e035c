#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "parts.h"

static void muted(void *context, const struct dure_record *decision)
{
    (void)context;
    (void)decision;
}

void reference_begin(struct reference *reference, const struct dure_tenants *tenants, int64_t now_us)
{
    static struct dure_record declared;
    memset(reference->jobs, 0, sizeof reference->jobs);
    memset(reference->runs, 0, sizeof reference->runs);
    memset(reference->plans, 0, sizeof reference->plans);
    memset(reference->afters, 0, sizeof reference->afters);
    reference->next_job = reference->next_attempt = reference->next_booking = 1;
    reference->booking_count = 0;
    reference->hides_unbound = false;
    reference->passes = 0;
    memset(reference->used, 0, sizeof reference->used);
    memset(reference->used_below, 0, sizeof reference->used_below);
    reference->base_us = now_us;
    reference->run_end = reference->right_count = 0;
    reference->served = reference->around = reference->kept_off = reference->behind = reference->too_near = 0;
    reference->chain_count = reference->fleet->chain_count;
    for (uint32_t i = 0; i < reference->chain_count; i++) {
        const struct dure_chain *chain = &reference->fleet->chains[i];
        reference->chains[i] = (struct reference_chain){.first = chain->node_first,
                                                        .end = chain->node_first + chain->node_count,
                                                        .model = chain->model.v,
                                                        .site = chain->site.v};
    }
    reference->data = NULL;
    reference->power = NULL;
    memset(&reference->prices, 0, sizeof reference->prices);
    reference->told = 0;
    memset(reference->nodes, 0, sizeof reference->nodes);
    for (uint32_t node = 0; node < reference->node_count; node++)
        reference->nodes[node] = (struct reference_node){.state = DURE_NODE_UP, .booked_until_us = INT64_MIN};
    reference->tenants = tenants->tenants;
    reference->tenant_count = tenants->tenant_count;
    reference->declared = tenants;
    dure_record_init(&declared, DURE_REC_TENANTS, 1, now_us);
    reference->input = &declared;
    reference->tell = muted;
    if (reference->tenant_count > REFERENCE_TENANTS ||
        !reference_grant(reference, tenants->allotments, tenants->allotment_count))
        abort(); /* the core has taken them */
    reference_world(reference);
}

void reference_end_life(struct reference *reference)
{
    dure_power_free(reference->power);
    reference->power = NULL;
}

static uint32_t level_nodes(const struct reference *reference, const char *level)
{
    return !level || !*level ? 0 : !strcmp(level, "rack") ? reference->rack_nodes : 1;
}

/* Every node that is named and not left out; without names every one. */
static void limit(const struct reference *reference, const struct dure_job *asked, struct reference_job *job)
{
    job->is_listed = asked->include.count > 0 || asked->exclude.count > 0;
    for (uint32_t node = 0; job->is_listed && node < reference->node_count; node++) {
        bool in = asked->include.count == 0;
        for (uint32_t i = 0; i < asked->include.count; i++)
            in |= node - asked->include.at[i].first < asked->include.at[i].count;
        for (uint32_t i = 0; i < asked->exclude.count; i++)
            in &= node - asked->exclude.at[i].first >= asked->exclude.at[i].count;
        job->nodes |= (uint64_t)in << node;
    }
    job->spread_max = asked->spread_max;
    job->spread_nodes = asked->spread_max > 0 ? level_nodes(reference, asked->spread_level) : 0;
}

static uint32_t find_profile(const struct reference *reference, const char *name)
{
    uint32_t mig = 1;
    while (strcmp(reference->fleet->migs[mig - 1].name, name) != 0)
        mig++;
    return mig;
}

static void submit(struct reference *reference, const struct dure_record *input)
{
    const struct dure_job *asked = &input->submit;
    struct reference_job *job = &reference->jobs[reference->next_job++];
    *job = (struct reference_job){.tenant = asked->tenant.v,
                                  .tasks_per_node = asked->tasks_per_node,
                                  .level_nodes = level_nodes(reference, asked->level),
                                  .level_required = asked->level_required,
                                  .tasks = asked->tasks,
                                  .gpus = asked->task_gpus,
                                  .milli = asked->task_gpu_milli,
                                  .memory_mib = asked->gpu_memory_mib,
                                  .models = asked->model_mask,
                                  .model_order = asked->model_order,
                                  .data = asked->data_mask,
                                  .priority = asked->priority,
                                  .walltime_us = asked->walltime_us,
                                  .grace_us = asked->grace_us,
                                  .submitted_us = input->time_us,
                                  .array_count = asked->array_count,
                                  .array_first = asked->array_first,
                                  .array_step = asked->array_step,
                                  .array_limit = asked->array_limit,
                                  .checkpoint_us = asked->checkpoint_us,
                                  .borrowed = asked->job_class == DURE_BORROWED,
                                  .requeue = asked->requeue,
                                  .principal = asked->principal.v,
                                  .held = asked->hold,
                                  .begin_us = asked->begin_us,
                                  .deadline_us = asked->deadline_us,
                                  .dep_count = asked->dep_count};
    for (uint32_t i = 0; i < job->dep_count; i++) {
        job->deps[i] = asked->deps[i];
        job->dep_states[i] = reference_is_live(reference, job->deps[i].job.v) ? DEP_WAITS : DEP_HOLDS;
    }
    if (asked->mig && *asked->mig)
        job->mig = find_profile(reference, asked->mig);
    if (job->mig > 0)
        job->milli = reference->fleet->migs[job->mig - 1].milli;
    limit(reference, asked, job);
    for (uint32_t i = 0; i < (job->array_count > 0 ? job->array_count : 1); i++)
        job->elements[i] = ELEMENT_WAITS;
}

static bool grant(struct reference *reference, const struct dure_record *input)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_allotment *rows = NULL;
    uint32_t count = 0;
    const bool taken = dure_allotments_from_json(input->text, input->text_length, reference->fleet, reference->declared,
                                                 arena, &rows, &count, NULL) == DURE_OK &&
                       reference_grant(reference, rows, count);
    dure_arena_free(arena);
    return taken;
}

bool reference_step(struct reference *reference, const struct dure_record *input)
{
    reference->input = input;
    switch (input->kind) {
    case DURE_REC_SUBMIT: submit(reference, input); break;
    case DURE_REC_TENANTS: reference_redeclare(reference); break;
    case DURE_REC_DATA: reference_redeclare_data(reference); break;
    case DURE_REC_PRICES:
        if (dure_prices_read(input->text, input->text_length, &reference->prices, NULL) != DURE_OK)
            abort(); /* the core has taken them */
        break;
    case DURE_REC_CHECKPOINT: reference_attempt(reference, input->attempt.v)->kept_us = input->time_us; break;
    case DURE_REC_BOOK:
    case DURE_REC_UNBOOK: reference_book(reference, input); break;
    case DURE_REC_POWER: reference_declare_power(reference, input); break;
    case DURE_REC_PASS:
        reference_power(reference); /* nothing starts on what a limit takes away at this moment */
        reference_expire(reference, false);
        reference_pass(reference, input->number);
        reference_expire(reference, true); /* who could start now at the latest has had its chance */
        break;
    case DURE_REC_ATTEMPT_REPORT: reference_report(reference, input); break;
    case DURE_REC_NODE_REPORT:
    case DURE_REC_DRAIN:
    case DURE_REC_RESUME: reference_node(reference, input); break;
    case DURE_REC_GRANT:
        if (!grant(reference, input))
            return false;
        reference_world(reference);
        break;
    case DURE_REC_SHRINK: reference_shrink(reference, input->allot.v, input->count); break;
    case DURE_REC_END_ALLOT: reference_end_right(reference, input->allot.v); break;
    case DURE_REC_FOREIGN: reference_foreign(reference, input); break;
    case DURE_REC_CANCEL: reference_cancel(reference, input->job.v, input->element, DURE_CAUSE_CANCELLED); break;
    case DURE_REC_HOLD:
    case DURE_REC_RELEASE: reference_hold(reference, input); break;
    case DURE_REC_MODIFY: reference_modify(reference, input); break;
    case DURE_REC_REQUEUE_JOB: reference_requeue(reference, input); break;
    default: break;
    }
    reference_follow(reference);
    reference_power(reference);
    reference_due(reference);
    reference_follow(reference);
    reference_power(reference);
    return true;
}
