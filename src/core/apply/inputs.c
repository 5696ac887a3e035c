#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/decide/after.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/price.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/why/never.h"

enum dure_err check_moment(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (record->time_us < core->s.time_us)
        return dure_fail(error, DURE_E_STATE, "the record's time lies before the core's");
    if (record->term < core->s.term)
        return dure_fail(error, DURE_E_STATE, "term %llu is over; this is term %llu", (unsigned long long)record->term,
                         (unsigned long long)core->s.term);
    return DURE_OK;
}

void rules_note(struct dure_core *core, const struct dure_record *record)
{
    switch (record->kind) {
    case DURE_REC_SUBMIT:
    case DURE_REC_CANCEL:
    case DURE_REC_HOLD:
    case DURE_REC_RELEASE:
    case DURE_REC_ATTEMPT_REPORT:
    case DURE_REC_CHECKPOINT:
    case DURE_REC_TICK:
    case DURE_REC_PASS:
    case DURE_REC_PRICES:
    case DURE_REC_START:
    case DURE_REC_RESERVE:
    case DURE_REC_UNRESERVE:
    case DURE_REC_NOTICE:
    case DURE_REC_CANCEL_NOTICE:
    case DURE_REC_STOP:
    case DURE_REC_END:
    case DURE_REC_REQUEUE:
    case DURE_REC_UNBIND:
    case DURE_REC_PLAN:
    case DURE_REC_UNPLAN: return;
    default: core->rules_stamp++; core->rules_until_us = INT64_MIN;
    }
}

/* When time alone changes them next. */
static int64_t rules_next(const struct dure_core *core)
{
    int64_t next = world_next(core);
    for (uint32_t i = 0; core->power && i < core->power->domain_count; i++) {
        const int64_t at = dure_power_next(core->power, i, core->s.time_us);
        next = at < next ? at : next;
    }
    return next;
}

void apply_moment(struct dure_core *core, const struct dure_record *record)
{
    core->s.term = record->term;
    if (record->time_us > core->s.time_us) {
        core->s.time_us = record->time_us;
        share_renew(core);
        gate_advance(core);
        core->world_due |= record->time_us >= core->world_next_us;
        if (record->time_us >= core->rules_until_us) {
            core->rules_stamp++;
            core->rules_until_us = rules_next(core);
        }
    }
}

/* ---- jobs ---- */

enum dure_err check_deps(const struct dure_core *core, const struct dure_job *job, struct dure_error *error)
{
    for (uint32_t i = 0; i < job->dep_count; i++) {
        const uint64_t id = job->deps[i].job.v;
        const unsigned long long shown = id;
        if (!id || id >= core->s.next_job)
            return dure_fail(error, DURE_E_NOT_FOUND, "dependency: there is no job %llu", shown);
        if (job_find(core, id) != NONE)
            continue;
        const unsigned outcome = outcome_get(core, id);
        if (!outcome)
            return dure_fail(error, DURE_E_NOT_FOUND,
                             "dependency: job %llu ended too long ago for its outcome to be known", shown);
        if (dep_verdict(job->deps[i].kind, outcome) == DEP_FAILED)
            return dure_fail(error, DURE_E_NEVER, "dependency: job %llu has ended %s, so this job could never start",
                             shown, dure_job_state_name(outcome));
    }
    return DURE_OK;
}

enum dure_err check_submit(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no fleet or no tenants are declared yet");
    if (core->jobs.count >= DURE_JOBS_LIVE_MAX)
        return dure_fail(error, DURE_E_LIMIT, "more than %d jobs live at once", DURE_JOBS_LIVE_MAX);
    const bool is_kept = core->packed->of == record; /* for apply_submit */
    struct job_made own, *made = is_kept ? &core->packed->made : &own;
    enum dure_err err = job_pack(core, &record->submit, made, error);
    if (err == DURE_OK)
        err = check_deadline(core, &record->submit, error);
    if (err == DURE_OK)
        err = check_deps(core, &record->submit, error);
    const uint32_t class = err == DURE_OK ? class_find(core, &made->ask) : NONE;
    if (err == DURE_OK && (class == NONE || class_at(core, class)->possible_stamp != core->rules_stamp))
        err = never_check(core, &made->ask, error);
    if (err == DURE_OK)
        err = ceiling_check_submit(core, &made->ask, made->data.array_count ? made->data.array_count : 1, error);
    if (is_kept) {
        core->packed->class_slot = class;
        core->packed->rules_stamp = core->rules_stamp;
        core->packed->ready = err == DURE_OK;
    }
    return err;
}

enum dure_err apply_submit(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no tenants");
    struct job_made *made = &core->packed->made;
    const bool is_checked = core->packed->ready;
    const enum dure_err err = is_checked ? DURE_OK : job_pack(core, &record->submit, made, error);
    if (err != DURE_OK)
        return err;
    struct job_data *data = &made->data;
    data->id = core->s.next_job++;
    data->submitted_us = core->s.time_us;
    const struct dure_job *job = &record->submit;
    for (uint32_t i = 0; i < job->dep_count; i++)
        data->unmet += job_find(core, job->deps[i].job.v) != NONE;
    outcome_set(core, data->id, 0);
    const uint32_t slot = job_add(core, made, is_checked ? core->packed->class_slot : NONE);
    if (is_checked)
        job_at(core, slot)->class->possible_stamp = core->packed->rules_stamp;
    for (uint32_t i = 0; i < job->dep_count; i++)
        dep_add(core, slot, job->deps[i], job_find(core, job->deps[i].job.v) != NONE ? DEP_OPEN : DEP_MET);
    core->pending_count += job_ordinals(job_at(core, slot));
    ceiling_submitted(core, job_at(core, slot), job_ordinals(job_at(core, slot)));
    queue_refresh(core, slot);
    return DURE_OK;
}

enum dure_err check_job_of(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const unsigned long long id = record->job.v;
    const uint32_t slot = job_find(core, record->job.v);
    if (slot == NONE)
        return id && id < core->s.next_job ? dure_fail(error, DURE_E_STATE, "job %llu has ended", id)
                                           : dure_fail(error, DURE_E_NOT_FOUND, "there is no job %llu", id);
    const struct job *job = job_at(core, slot);
    uint32_t ordinal;
    if (record->kind == DURE_REC_CANCEL && record->element != NONE) {
        if (!job_ordinal(job, record->element, &ordinal))
            return dure_fail(error, DURE_E_NOT_FOUND, "job %llu has no element %u", id, record->element);
        if (!job_is_pending(job, ordinal) && attempt_of(core, slot, ordinal) == NONE &&
            claim_of(core, slot, ordinal) == NONE)
            return dure_fail(error, DURE_E_STATE, "element %u of job %llu has ended", record->element, id);
    }
    if (record->kind == DURE_REC_HOLD && (job->d.flags & JOB_HELD))
        return dure_fail(error, DURE_E_STATE, "job %llu is held already", id);
    if (record->kind == DURE_REC_HOLD && !job_pending_count(job) && !job->d.claims)
        return dure_fail(error, DURE_E_STATE, "nothing of job %llu is pending", id);
    if (record->kind == DURE_REC_RELEASE && !(job->d.flags & JOB_HELD))
        return dure_fail(error, DURE_E_STATE, "job %llu is not held", id);
    return DURE_OK;
}

enum dure_err apply_hold(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    const uint32_t slot = job_find(core, record->job.v);
    struct job *job = job_at(core, slot);
    job_out(core, job);
    if (record->kind == DURE_REC_HOLD)
        job->d.flags |= JOB_HELD;
    else
        job->d.flags &= (uint8_t)~JOB_HELD;
    job_in(core, job);
    queue_refresh(core, slot);
    return DURE_OK;
}

/* ---- attempts, allotments, principals ---- */

enum dure_err check_report(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const uint32_t slot = attempt_find(core, record->attempt.v);
    if (slot == NONE)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no live attempt %llu",
                         (unsigned long long)record->attempt.v);
    attempt_fetch(core, slot);
    attempt_fetch_around(core, slot);
    if (record->kind == DURE_REC_ATTEMPT_REPORT &&
        (record->report < DURE_REPORT_STARTED || record->report > DURE_REPORT_REFUSED))
        return dure_fail(error, DURE_E_INVALID, "report: expected started, ended, lost or refused");
    return DURE_OK;
}

enum dure_err apply_report(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    const uint32_t slot = attempt_find(core, record->attempt.v);
    struct attempt *attempt = attempt_at(core, slot);
    if (record->report == DURE_REPORT_STARTED && !attempt->d.begun) {
        attempt_out(core, attempt);
        attempt->d.begun = 1; /* a notice that is taken back later returns it to where it is now */
        attempt_in(core, attempt);
    }
    if (record->report == DURE_REPORT_STARTED && attempt->d.state == DURE_ATTEMPT_STARTING)
        attempt_to(core, slot, DURE_ATTEMPT_RUNNING, DURE_CAUSE_NONE, 0);
    return DURE_OK; /* what an end leads to is decided, and applied as a decision */
}

enum dure_err apply_checkpoint(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    const uint32_t slot = attempt_find(core, record->attempt.v);
    struct attempt *attempt = attempt_at(core, slot);
    attempt_out(core, attempt);
    attempt->d.checkpointed_us = core->s.time_us;
    attempt_in(core, attempt);
    price_change(core, slot);
    return DURE_OK;
}

enum dure_err check_cut(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (record->allot.v >= core->s.allot_count)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no such allotment");
    const struct allot *allot = core->allots[record->allot.v];
    if (allot->state == DURE_ALLOT_ENDED)
        return dure_fail(error, DURE_E_STATE, "allotment '%s' has ended", allot->spec.name);
    if (record->kind == DURE_REC_SHRINK && (!record->count || record->count >= allot->cells))
        return dure_fail(error, DURE_E_INVALID, "allotment '%s' has %u cells; expected fewer to stay, and at least one",
                         allot->spec.name, allot->cells);
    return DURE_OK;
}

enum dure_err apply_shrink(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    allots_cut(core, record->allot.v, record->count);
    allots_rehold(core);
    return DURE_OK;
}

enum dure_err check_principal(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (record->principal.v != core->s.next_principal)
        return dure_fail(error, DURE_E_INVALID, "principal: expected number %llu",
                         (unsigned long long)core->s.next_principal);
    return DURE_OK;
}

enum dure_err apply_principal(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    uint8_t bytes[40] = {0};
    memcpy(bytes, &record->principal.v, sizeof record->principal.v);
    memcpy(bytes + 8, record->commitment, 32);
    dure_digest_add(&core->s.principals, dure_hash128(DOMAIN_PRINCIPAL, bytes, sizeof bytes));
    core->s.next_principal++;
    return DURE_OK;
}
