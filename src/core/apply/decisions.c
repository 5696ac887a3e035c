#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/decide/after.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/plan.h"
#include "core/place/price.h"
#include "core/place/shares.h"
#include "core/place/sight.h"
#include "core/queue/ceilings.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/lasting.h"
#include "core/state/moves.h"
#include "core/state/planned.h"

#define CORRUPT(...) dure_fail(error, DURE_E_CORRUPT, __VA_ARGS__)

struct target {
    struct job *job;
    uint32_t job_slot, ordinal, attempt, claim;
};

/* What a record's job and element name. */
static bool find(const struct dure_core *core, const struct dure_record *record, struct target *ret_target)
{
    struct target t = {.job_slot = job_find(core, record->job.v)};
    if (t.job_slot == NONE)
        return false;
    t.job = job_at(core, t.job_slot);
    if (!job_ordinal(t.job, record->element, &t.ordinal))
        return false;
    t.attempt = attempt_of(core, t.job_slot, t.ordinal);
    t.claim = claim_of(core, t.job_slot, t.ordinal);
    *ret_target = t;
    return true;
}

/* The state of what a record names: the job's, or its element's. */
static unsigned state_of(const struct dure_core *core, const struct target *t)
{
    if (t->attempt == NONE)
        return t->claim != NONE || job_is_pending(t->job, t->ordinal) ? DURE_JOB_PENDING : 0;
    const unsigned state = attempt_at(core, t->attempt)->d.state;
    return state == DURE_ATTEMPT_WARNED || state == DURE_ATTEMPT_STOPPING ? DURE_JOB_STOPPING : DURE_JOB_RUNNING;
}

/* Are these places free for it, in one chain? `claim`: its own, or NONE. A reserved place may have others on it still. */
static bool sound_starts(const struct dure_fleet *fleet, const struct request *ask, uint32_t chain,
                         const struct dure_place *place)
{
    if (!ask->mig)
        return !place->starts;
    const struct dure_mig_profile *profile = &fleet->migs[ask->mig - 1];
    return (uint32_t)__builtin_popcount(place->starts) == place->tasks && !(place->starts & ~profile->starts) &&
           place->gpu_milli == profile->milli && __builtin_popcountll(place->gpu_mask) == 1 &&
           dure_gpu_model_has_mig(&fleet->models[fleet->chains[chain].model.v], ask->mig - 1u);
}

/* One place of whole GPUs on one node, free for who has no claim: what mostly starts. False says nothing. */
static bool sound_one(const struct dure_core *core, const struct dure_record *record, const struct request *ask,
                      uint32_t *ret_chain)
{
    const struct dure_place *p = record->places;
    if (record->kind != DURE_REC_START || record->place_count != 1 || p->node_count != 1 || p->gpu_milli != 1000 ||
        p->starts || ask->mig || !p->tasks || !p->gpu_mask || p->node_first >= core->fleet->node_count)
        return false;
    const struct node *n = &core->nodes[p->node_first];
    if (p->gpu_mask & (n->used | n->claimed | ~core->chains[n->chain].idle.full))
        return false;
    *ret_chain = n->chain;
    return true;
}

static bool sound_places(const struct dure_core *core, const struct dure_record *record, const struct request *ask,
                         uint32_t claim, uint32_t *ret_chain)
{
    const struct dure_fleet *fleet = core->fleet;
    if (!record->place_count || !fleet)
        return false;
    uint32_t chain = NONE;
    uint64_t tasks = 0;          /* a rack taken whole may have nodes without any */
    uint64_t taken = 0, end = 0; /* of places that share nodes: their GPUs, and the first node behind them */
    for (uint32_t i = 0; i < record->place_count; i++) {
        const struct dure_place *p = &record->places[i];
        tasks += p->tasks;
        if (p->node_first >= fleet->node_count || !p->node_count || !p->gpu_mask)
            return false;
        const uint32_t at = core->nodes[p->node_first].chain;
        const struct dure_chain *c = &fleet->chains[at];
        if ((chain != NONE && at != chain) || p->node_first - c->node_first + (uint64_t)p->node_count > c->node_count ||
            (p->gpu_mask & ~core->chains[at].idle.full) || p->gpu_milli < 1 || p->gpu_milli > 1000 ||
            (p->gpu_milli < 1000 && (p->gpu_mask & (p->gpu_mask - 1))) || !sound_starts(fleet, ask, at, p))
            return false;
        chain = at;
        if (p->node_first >= end)
            taken = 0;
        if ((p->gpu_mask & taken) || (i && p->node_first < record->places[i - 1].node_first))
            return false;
        taken |= p->gpu_mask;
        end = p->node_first + (uint64_t)p->node_count > end ? p->node_first + (uint64_t)p->node_count : end;
        for (uint32_t k = 0; record->kind == DURE_REC_START && k < p->node_count; k++) {
            const struct node *n = node_of(core, at, p->node_first - c->node_first + k);
            const bool whole = p->gpu_milli == 1000; /* fractions are told apart by whom they join */
            if ((whole && (n->used & p->gpu_mask)) || (whole && claim == NONE && (n->claimed & p->gpu_mask)))
                return false;
        }
    }
    *ret_chain = chain;
    return tasks > 0;
}

/* Every fraction joins its like. */
static bool sound_shares(const struct dure_core *core, const struct dure_record *record, const struct request *ask,
                         uint32_t claim, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t allot = record->binding_count ? record->bindings[0].allot.v : NONE;
    for (uint32_t i = 0; i < record->place_count; i++) {
        const struct dure_place *p = &record->places[i];
        for (uint32_t k = 0; p->gpu_milli < 1000 && k < p->node_count; k++) {
            const uint32_t leaf =
                (p->node_first - chain->node_first + k) * chain->node_gpus + (uint32_t)__builtin_ctzll(p->gpu_mask);
            if (!share_admits(core, at, leaf, ask, allot, p, record->kind == DURE_REC_RESERVE, claim != NONE))
                return false;
        }
    }
    return true;
}

static void refresh_bound(struct dure_core *core, uint32_t chain, struct dure_cell cell)
{
    const struct dure_cells *cells = core->chains[chain].cells;
    sight_bound(core, chain, dure_cells_first_leaf(cells, cell), dure_cells_leaves(cells, cell.level));
}

enum dure_err apply_bindings(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    for (uint32_t i = 0; i < record->binding_count; i++) {
        const struct dure_binding *b = &record->bindings[i];
        if (b->allot.v >= core->s.allot_count || core->allots[b->allot.v]->state == DURE_ALLOT_ENDED)
            return CORRUPT("binding to an allotment that is not there");
        if (!b->is_new)
            continue;
        const struct dure_allotment *spec = &core->allots[b->allot.v]->spec;
        const struct dure_cell cell = {b->cell_index, spec->level};
        const enum dure_err err =
            dure_cells_take_exact(core->chains[spec->chain.v].cells, b->allot, b->virtual_index, cell, error);
        if (err != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "binding");
        sight_cell(core, b->allot.v, b->virtual_index);
        refresh_bound(core, spec->chain.v, cell);
    }
    return DURE_OK;
}

static enum dure_err apply_start(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    struct target t;
    uint32_t chain;
    if (!find(core, record, &t) || t.attempt != NONE || !dure_move_job(state_of(core, &t), DURE_JOB_RUNNING))
        return CORRUPT("start of what is not pending");
    struct job *job = t.job;
    const struct request *ask = job_ask(core, job);
    if (record->attempt.v != core->s.next_attempt ||
        (!sound_one(core, record, ask, &chain) &&
         (!sound_places(core, record, ask, t.claim, &chain) || !sound_shares(core, record, ask, t.claim, chain))))
        return CORRUPT("start of job %llu at a place that is not free", (unsigned long long)record->job.v);
    const enum dure_err err = apply_bindings(core, record, error);
    if (err != DURE_OK)
        return err;
    struct plan plan = {.places = (struct dure_place *)record->places, .place_count = record->place_count};
    const bool emulated = core->fleet->sites[core->fleet->chains[chain].site.v].engine == DURE_ENGINE_EMULATED;
    struct attempt_data data = {.id = core->s.next_attempt++,
                                .job = job->d.id,
                                .started_us = core->s.time_us,
                                .walltime_end_us = core->s.time_us + ask->walltime_us,
                                .charged_at_us = core->s.time_us,
                                .held_us = core->s.time_us,
                                .checkpointed_us = core->s.time_us,
                                .element = job_element(job, t.ordinal),
                                .gpus_milli = plan_milli(&plan),
                                .place_count = record->place_count,
                                .binding_count = record->binding_count,
                                .chain = chain,
                                .restarts = job->d.requeues,
                                .allot = record->binding_count ? record->bindings[0].allot.v : NONE,
                                .state = emulated ? DURE_ATTEMPT_RUNNING : DURE_ATTEMPT_STARTING,
                                .borrowed = !record->binding_count,
                                .begun = emulated};
    job_out(core, job);
    if (t.claim != NONE) {
        data.charged_at_us = claim_at(core, t.claim)->d.made_us;
        ground_unclaim(core, t.claim);
        claim_drop(core, t.claim);
        job->d.claims--;
    } else {
        if (job->planned != NONE)
            planned_drop(core, t.job_slot);
        job_take_ordinal(core, job, t.ordinal);
        if (!data.borrowed)
            share_charge(core, ask->tenant, share_cost(data.gpus_milli, ask->walltime_us), core->s.time_us, false);
    }
    job->d.live++;
    job_in(core, job);
    const uint32_t slot = attempt_add(core, t.job_slot, &data, record->places, record->bindings);
    ground_occupy(core, slot);
    if (!data.borrowed)
        planned_void_borrowed(core, chain, record->places, record->place_count, data.walltime_end_us + ask->grace_us);
    core->s.attempts_started++;
    queue_refresh(core, t.job_slot);
    return DURE_OK;
}

static enum dure_err apply_reserve(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    struct target t;
    uint32_t chain;
    if (!find(core, record, &t) || t.attempt != NONE || t.claim != NONE || !job_is_pending(t.job, t.ordinal))
        return CORRUPT("reservation for what is not pending");
    if (!record->binding_count || !sound_places(core, record, job_ask(core, t.job), NONE, &chain) ||
        !sound_shares(core, record, job_ask(core, t.job), NONE, chain))
        return CORRUPT("reservation of no place");
    const enum dure_err err = apply_bindings(core, record, error);
    if (err != DURE_OK)
        return err;
    struct job *job = t.job;
    const struct plan plan = {.places = (struct dure_place *)record->places, .place_count = record->place_count};
    const struct claim_data data = {.job = job->d.id,
                                    .made_us = core->s.time_us,
                                    .element = job_element(job, t.ordinal),
                                    .gpus_milli = plan_milli(&plan),
                                    .place_count = record->place_count,
                                    .binding_count = record->binding_count,
                                    .chain = chain,
                                    .allot = record->bindings[0].allot.v};
    job_out(core, job);
    planned_drop(core, t.job_slot);
    job_take_ordinal(core, job, t.ordinal);
    job->d.claims++;
    job_in(core, job);
    ground_claim(core, claim_add(core, t.job_slot, &data, record->places, record->bindings));
    share_charge(core, job_ask(core, job)->tenant, share_cost(data.gpus_milli, job_ask(core, job)->walltime_us),
                 core->s.time_us, false);
    queue_refresh(core, t.job_slot);
    return DURE_OK;
}

static enum dure_err apply_unreserve(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    struct target t;
    if (!find(core, record, &t) || t.claim == NONE)
        return CORRUPT("no reservation to give up");
    after_give_up_claim(core, t.claim);
    return DURE_OK;
}

static enum dure_err apply_attempt(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const uint32_t slot = attempt_find(core, record->attempt.v);
    if (slot == NONE)
        return CORRUPT("no such attempt");
    const unsigned from = attempt_at(core, slot)->d.state;
    const bool warns = record->kind == DURE_REC_NOTICE, spares = record->kind == DURE_REC_CANCEL_NOTICE;
    const unsigned before = attempt_at(core, slot)->d.begun ? DURE_ATTEMPT_RUNNING : DURE_ATTEMPT_STARTING;
    const unsigned to = warns ? DURE_ATTEMPT_WARNED : spares ? before : DURE_ATTEMPT_STOPPING;
    if (!dure_move_attempt(from, to) || (!spares && !record->cause) || (spares && from != DURE_ATTEMPT_WARNED))
        return CORRUPT("attempt %llu cannot go from %s to %s", (unsigned long long)record->attempt.v,
                       dure_attempt_state_name(from), dure_attempt_state_name(to));
    attempt_to(core, slot, to, spares ? DURE_CAUSE_NONE : record->cause, warns ? record->deadline_us : 0);
    price_change(core, slot);
    return DURE_OK;
}

/* ---- ends ---- */

static void close_attempt(struct dure_core *core, uint32_t slot, bool evicted)
{
    const struct attempt *attempt = attempt_at(core, slot);
    struct job *job = attempt->job;
    share_close(core, attempt);
    ground_vacate(core, slot);
    for (uint32_t i = 0; i < attempt->d.binding_count; i++)
        after_add(core, AFTER_EMPTY, (uint64_t)attempt->bindings[i].allot.v << 32 | attempt->bindings[i].virtual_index);
    attempt_drop(core, slot);
    core->s.attempts_evicted += evicted;
    job_out(core, job);
    job->d.live--;
    job_in(core, job);
}

static void dep_changed(struct dure_core *core, uint32_t slot, bool doomed)
{
    if (doomed)
        after_add(core, AFTER_DOOMED, job_at(core, slot)->d.id);
    else
        queue_refresh(core, slot);
}

static void finish(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    if (job->d.live || job->d.claims || job_pending_count(job)) {
        queue_refresh(core, slot);
        return;
    }
    const uint64_t id = job->d.id;
    const unsigned outcome = job->d.failures ? job->d.last_state : DURE_JOB_COMPLETED;
    queue_leave(core, slot);
    dep_resolve(core, id, outcome, dep_changed);
    if (outcome_known(core, id))
        outcome_set(core, id, outcome);
    job_out(core, job);
    job_take_rest(core, job); /* forgets which elements were cancelled before their turn */
    job_in(core, job);
    job_drop(core, slot);
    core->s.jobs_ended++;
}

static bool is_eviction(enum dure_cause cause)
{
    return cause == DURE_CAUSE_RECLAIMED || cause == DURE_CAUSE_PRIORITY || cause == DURE_CAUSE_ALLOT_ENDED ||
           cause == DURE_CAUSE_LENDING_ENDED || cause == DURE_CAUSE_POWER || cause == DURE_CAUSE_DATA;
}

static enum dure_err apply_end(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const uint32_t slot = job_find(core, record->job.v);
    if (slot == NONE || record->state < DURE_JOB_COMPLETED || record->state > DURE_JOB_LAUNCH_FAILED)
        return CORRUPT("end of a job that is not live");
    struct job *job = job_at(core, slot);
    if (record->element == NONE && job->d.array_count) { /* the rest of an array */
        ceiling_submitted(core, job, -(int64_t)job_pending_count(job));
        job_out(core, job);
        job_take_rest(core, job);
        job->d.flags |= JOB_REST_GONE;
        job->d.failures++;
        job->d.last_state = (uint8_t)record->state;
        job_in(core, job);
    } else {
        struct target t;
        if (!find(core, record, &t) || t.claim != NONE || !dure_move_job(state_of(core, &t), record->state))
            return CORRUPT("end of what cannot end so");
        if (t.attempt != NONE)
            lasting_count(core, t.attempt, record->state);
        if (t.attempt != NONE)
            close_attempt(core, t.attempt, is_eviction(record->cause));
        ceiling_submitted(core, job, -1);
        job_out(core, job);
        if (t.attempt == NONE)
            job_take_ordinal(core, job, t.ordinal);
        if (record->state != DURE_JOB_COMPLETED) {
            job->d.failures++;
            job->d.last_state = (uint8_t)record->state;
        }
        job_in(core, job);
    }
    finish(core, slot);
    return DURE_OK;
}

static enum dure_err apply_requeue(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    struct target t;
    if (!find(core, record, &t) || t.attempt == NONE || !dure_move_job(state_of(core, &t), DURE_JOB_PENDING))
        return CORRUPT("requeue of what does not run");
    struct job *job = t.job;
    close_attempt(core, t.attempt, is_eviction(record->cause));
    job_out(core, job);
    job_back_ordinal(core, job, t.ordinal);
    job->d.requeues++;
    job_in(core, job);
    queue_refresh(core, t.job_slot);
    return DURE_OK;
}

/* ---- cells, nodes, allotments ---- */

static enum dure_err apply_cell(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (record->allot.v >= core->s.allot_count || record->number < 0 || record->number > UINT32_MAX)
        return CORRUPT("no such cell");
    const struct allot *allot = core->allots[record->allot.v];
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const struct dure_cells_step step = {record->kind == DURE_REC_SUSPEND, record->allot, (uint32_t)record->number};
    struct dure_cells_virtual was = {.cell = {0, 0}};
    dure_cells_virtual(cells, record->allot, step.index, &was);
    const enum dure_err err = record->kind == DURE_REC_UNBIND ? dure_cells_give(cells, record->allot, step.index, error)
                                                              : dure_cells_do_step(cells, &step, error);
    if (err != DURE_OK)
        return dure_fail_prefix(error, DURE_E_CORRUPT, "%s", dure_record_kind_name(record->kind));
    sight_cell(core, record->allot.v, step.index);
    if (record->kind == DURE_REC_UNBIND && was.cell.level)
        refresh_bound(core, allot->spec.chain.v, was.cell);
    if (record->kind == DURE_REC_SUSPEND || allot->state == DURE_ALLOT_SHORT)
        planned_void_right(core, record->allot.v, DURE_CAUSE_NODE_LOST);
    if (record->kind == DURE_REC_RESTORE)
        queue_wake(core, allot->spec.tenant.v);
    ground_wake_short(core, allot->spec.chain.v);
    return DURE_OK;
}

static enum dure_err apply_allot_state(struct dure_core *core, const struct dure_record *record,
                                       struct dure_error *error)
{
    if (record->allot.v >= core->s.allot_count || record->number < 0 || record->number > DURE_ALLOT_ENDED ||
        !dure_move_allot(core->allots[record->allot.v]->state, (unsigned)record->number))
        return CORRUPT("an allotment cannot go there");
    const unsigned was = core->allots[record->allot.v]->state;
    if (record->number == DURE_ALLOT_ENDED)
        allots_cut(core, record->allot.v, 0);
    allots_set_state(core, record->allot.v, (unsigned)record->number);
    if (record->number == DURE_ALLOT_ACTIVE && was == DURE_ALLOT_PROMISED) {
        allots_start(core, record->allot.v);
        allot_use_active(core, record->allot.v);
    }
    if (record->number == DURE_ALLOT_ENDED)
        allots_rehold(core);
    queue_wake(core, core->allots[record->allot.v]->spec.tenant.v); /* a short one may be served by a damaged cell */
    core->world_next_us = world_next(core);
    return DURE_OK;
}

enum dure_err apply_decision(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    rules_note(core, record);
    switch (record->kind) {
    case DURE_REC_START: return apply_start(core, record, error);
    case DURE_REC_RESERVE: return apply_reserve(core, record, error);
    case DURE_REC_UNRESERVE: return apply_unreserve(core, record, error);
    case DURE_REC_PLAN:
    case DURE_REC_UNPLAN: return apply_plan(core, record, error);
    case DURE_REC_NOTICE:
    case DURE_REC_STOP:
    case DURE_REC_CANCEL_NOTICE: return apply_attempt(core, record, error);
    case DURE_REC_END: return apply_end(core, record, error);
    case DURE_REC_REQUEUE: return apply_requeue(core, record, error);
    case DURE_REC_UNBIND:
    case DURE_REC_SUSPEND:
    case DURE_REC_RESTORE: return apply_cell(core, record, error);
    case DURE_REC_NODE_STATE: return apply_node_state(core, record, error);
    case DURE_REC_BOOK_STATE: return apply_book_state(core, record, error);
    case DURE_REC_ALLOT_STATE: return apply_allot_state(core, record, error);
    case DURE_REC_POWER_STATE: return apply_power_state(core, record, error);
    default: return CORRUPT("no record of kind %d", (int)record->kind);
    }
}
