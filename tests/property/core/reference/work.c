/* What a decision does, and what follows from it. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "parts.h"

struct dure_record reference_decision(const struct reference *reference, enum dure_record_kind kind)
{
    struct dure_record record;
    dure_record_init(&record, kind, reference->input->term, reference->input->time_us);
    return record;
}

void reference_tell(struct reference *reference, const struct dure_record *record)
{
    reference->told++;
    reference->tell(reference->context, record);
}

void reference_leave_to_do(struct reference *reference, enum reference_after kind, uint64_t a, uint64_t b)
{
    struct reference_afters *afters = &reference->afters[kind];
    if (afters->count == REFERENCE_AFTERS)
        abort();
    afters->at[afters->count].a = a;
    afters->at[afters->count++].b = b;
}

static bool to_do(struct reference *reference, enum reference_after kind, uint64_t *a, uint64_t *b)
{
    struct reference_afters *afters = &reference->afters[kind];
    if (afters->count == 0)
        return false;
    *a = afters->at[0].a;
    *b = afters->at[0].b;
    memmove(afters->at, afters->at + 1, --afters->count * sizeof *afters->at);
    return true;
}

/* ---- elements ---- */

static uint32_t element_count(const struct reference_job *job)
{
    return job->array_count > 0 ? job->array_count : 1;
}

uint32_t reference_element_of(const struct reference_job *job, uint32_t ordinal)
{
    return job->array_count > 0 ? job->array_first + ordinal * job->array_step : 0;
}

static uint32_t count_elements(const struct reference_job *job, enum reference_element state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < element_count(job); i++)
        count += job->elements[i] == state;
    return count;
}

bool reference_is_live(const struct reference *reference, uint64_t id)
{
    const struct reference_job *job = &reference->jobs[id];
    return count_elements(job, ELEMENT_WAITS) + count_elements(job, ELEMENT_PLACED) > 0;
}

uint32_t reference_next(const struct reference *reference, uint64_t id)
{
    const struct reference_job *job = &reference->jobs[id];
    if (job->array_limit > 0 && count_elements(job, ELEMENT_PLACED) >= job->array_limit)
        return DURE_NONE32;
    if (job->held || job->begin_us > reference->input->time_us)
        return DURE_NONE32;
    for (uint32_t i = 0; i < job->dep_count; i++)
        if (job->dep_states[i] != DEP_HOLDS)
            return DURE_NONE32;
    for (uint32_t i = 0; i < element_count(job); i++)
        if (job->elements[i] == ELEMENT_WAITS)
            return i;
    return DURE_NONE32;
}

uint32_t reference_queue(const struct reference *reference, const struct reference_job *job)
{
    const uint32_t holder = reference->holders[job->tenant];
    return job->borrowed ? reference->tenant_count : holder == DURE_NONE32 ? reference->tenant_count + 1 : holder;
}

/* Who has lost its right borrows, whatever its job asked for. */
uint32_t reference_queue_of_run(const struct reference *reference, const struct reference_run *run)
{
    return run->borrowed ? reference->tenant_count : reference_queue(reference, &reference->jobs[run->job]);
}

/* Cells that it held need not stay bound any more. */
static void drop_plan(struct reference *reference, struct reference_plan *plan)
{
    plan->job = 0;
    for (uint32_t i = 0; i < plan->cell_count; i++)
        reference_leave_to_do(reference, AFTER_EMPTY, plan->cells[i].right, plan->cells[i].index);
}

void reference_left_queue(struct reference *reference, uint64_t id)
{
    struct reference_plan *plan = &reference->plans[reference_queue(reference, &reference->jobs[id])];
    if (plan->job != id || reference_next(reference, id) != DURE_NONE32)
        return;
    if (reference_is_live(reference, id))
        reference_leave_to_do(reference, AFTER_UNPLAN, id, 0);
    else
        drop_plan(reference, plan);
}

/* ---- places ---- */

struct reference_run *reference_run_of(struct reference *reference, uint64_t job, uint32_t ordinal)
{
    for (uint32_t r = 0; r < reference->run_end; r++) {
        struct reference_run *run = &reference->runs[r];
        if (run->state != RUN_NONE && run->job == job && run->ordinal == ordinal)
            return run;
    }
    return NULL;
}

struct reference_run *reference_attempt(struct reference *reference, uint64_t attempt)
{
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (reference->runs[r].state > RUN_RESERVED && reference->runs[r].attempt == attempt)
            return &reference->runs[r];
    return NULL;
}

static struct reference_run *new_run(struct reference *reference, uint64_t job, uint32_t ordinal,
                                     const struct trial *trial)
{
    struct reference_run *run = reference->runs;
    while (run->state != RUN_NONE)
        if (++run == reference->runs + REFERENCE_RUNS)
            abort();
    if (run == reference->runs + reference->run_end)
        reference->run_end++;
    *run = (struct reference_run){.job = job,
                                  .ordinal = ordinal,
                                  .borrowed = reference->jobs[job].borrowed,
                                  .since_us = reference->input->time_us,
                                  .walltime_us = reference->jobs[job].walltime_us,
                                  .charged_us = reference->input->time_us,
                                  .place_count = trial->place_count,
                                  .binding_count = trial->binding_count};
    const struct dure_place *last = &trial->places[trial->place_count - 1]; /* they are in order */
    run->node_first = trial->places[0].node_first;
    run->node_end = last->node_first + last->node_count;
    memcpy(run->places, trial->places, sizeof run->places);
    memcpy(run->bindings, trial->bindings, sizeof run->bindings);
    if (!run->borrowed)
        reference_charge(reference, reference->jobs[job].tenant, reference_run_milli(run), run->walltime_us,
                         run->charged_us, false);
    return run;
}

static void tell_place(struct reference *reference, const struct reference_run *run, enum dure_record_kind kind)
{
    struct dure_record record = reference_decision(reference, kind);
    record.job.v = run->job;
    record.element = reference_element_of(&reference->jobs[run->job], run->ordinal);
    if (kind == DURE_REC_START)
        record.attempt.v = run->attempt;
    record.places = (struct dure_place *)run->places;
    record.place_count = run->place_count;
    record.bindings = (struct dure_binding *)run->bindings;
    record.binding_count = run->binding_count;
    reference_tell(reference, &record);
}

/* What borrowers plan on is taken by an owner until after its time: it is planned anew. */
static void disturb_plan(struct reference *reference, const struct reference_run *run)
{
    const struct reference_plan *plan = &reference->plans[reference->tenant_count];
    bool disturbs = false;
    for (uint32_t node = 0; !run->borrowed && node < reference->node_count; node++)
        disturbs |= (reference_gpus_on(run, node) & plan->kept_nodes[node]) != 0;
    if (disturbs && plan->job && plan->at_us < run->end_us + reference->jobs[run->job].grace_us)
        reference_leave_to_do(reference, AFTER_UNPLAN, plan->job, DURE_CAUSE_RECLAIMED);
}

static void begin_run(struct reference *reference, struct reference_run *run)
{
    run->state = RUN_RUNS;
    run->attempt = reference->next_attempt++;
    run->since_us = reference->input->time_us;
    run->kept_us = run->since_us;
    run->end_us = run->since_us + reference->jobs[run->job].walltime_us;
    run->restarts = reference->jobs[run->job].requeues;
    tell_place(reference, run, DURE_REC_START);
    disturb_plan(reference, run);
}

static void tell_attempt(struct reference *reference, const struct reference_run *run, enum dure_record_kind kind)
{
    struct dure_record record = reference_decision(reference, kind);
    record.attempt.v = run->attempt;
    if (kind != DURE_REC_CANCEL_NOTICE)
        record.cause = run->cause;
    if (kind == DURE_REC_NOTICE)
        record.deadline_us = run->deadline_us;
    reference_tell(reference, &record);
}

static void notice(struct reference *reference, struct reference_run *run, enum dure_cause cause, int64_t deadline_us)
{
    run->state = RUN_WARNED;
    run->cause = cause;
    run->deadline_us = deadline_us;
    tell_attempt(reference, run, DURE_REC_NOTICE);
}

static void stop(struct reference *reference, struct reference_run *run, enum dure_cause cause)
{
    run->state = RUN_STOPPING;
    run->cause = cause;
    tell_attempt(reference, run, DURE_REC_STOP);
}

/* Whoever is not gone by then anyway is told to be gone within its grace. */
static void warn(struct reference *reference, struct reference_run *run, enum dure_cause cause)
{
    const int64_t now = reference->input->time_us, grace = reference->jobs[run->job].grace_us;
    const bool leaves = run->state == RUN_STOPPING || (run->state == RUN_WARNED && run->deadline_us <= now + grace) ||
                        (run->state == RUN_RUNS && grace > 0 && run->end_us - now <= grace);
    if (!leaves)
        notice(reference, run, cause, now + grace);
}

/* Is what it was warned for something that may pass? */
static bool may_be_spared(const struct reference_run *run)
{
    return run->cause == DURE_CAUSE_RECLAIMED || run->cause == DURE_CAUSE_PRIORITY || run->cause == DURE_CAUSE_POWER;
}

/* A notice that could be taken back is given again, for what it will not be. */
void reference_send_away(struct reference *reference, struct reference_run *run, enum dure_cause cause)
{
    const int64_t by = reference->input->time_us + reference->jobs[run->job].grace_us;
    if (run->state == RUN_WARNED && may_be_spared(run))
        notice(reference, run, cause, run->deadline_us < by ? run->deadline_us : by);
    else
        warn(reference, run, cause);
}

void reference_warn_of_power(struct reference *reference, struct reference_run *run, int64_t falls_us)
{
    const int64_t in_grace = reference->input->time_us + reference->jobs[run->job].grace_us,
                  by = falls_us < in_grace ? falls_us : in_grace;
    if (run->state == RUN_STOPPING || (run->state == RUN_WARNED && run->deadline_us <= by))
        return;
    if (run->state == RUN_WARNED && !may_be_spared(run))
        notice(reference, run, run->cause, by); /* it leaves anyway, be the limit lifted or not */
    else if (run->borrowed && !reference_is_lent(reference, reference->jobs[run->job].tenant, 0))
        notice(reference, run, DURE_CAUSE_LENDING_ENDED, by);
    else
        notice(reference, run, DURE_CAUSE_POWER, by);
}

static bool is_older(const struct reference_run *a, const struct reference_run *b)
{
    return a->job != b->job ? a->job < b->job : a->ordinal < b->ordinal;
}

/* Does it stand in the way of what the other has reserved? */
static bool is_in_way_of(const struct reference *reference, const struct reference_run *run,
                         const struct reference_run *reserved)
{
    for (uint32_t i = 0; i < reserved->place_count; i++)
        if (reference_obstructs(reference, run, &reserved->places[i]))
            return true;
    return false;
}

static bool shares_gpus(const struct reference_run *a, const struct reference_run *b, uint32_t node_count)
{
    for (uint32_t node = 0; node < node_count; node++)
        if (reference_gpus_on(a, node) & reference_gpus_on(b, node))
            return true;
    return false;
}

/* Everybody on the places of a reservation, in the order in which they started. */
static void clear(struct reference *reference, const struct reference_run *reserved)
{
    for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
        struct reference_run *run = reference_attempt(reference, attempt);
        if (run && (is_in_way_of(reference, run, reserved) || reference_is_foe(reference, run, reserved)))
            warn(reference, run, run->borrowed ? DURE_CAUSE_RECLAIMED : DURE_CAUSE_PRIORITY);
    }
}

void reference_give(struct reference *reference, uint64_t id, struct trial *trial)
{
    struct reference_job *job = &reference->jobs[id];
    const uint32_t ordinal = reference_next(reference, id);
    reference_tidy(trial);
    struct reference_plan *plan = &reference->plans[reference_queue(reference, job)];
    if (plan->job == id)
        drop_plan(reference, plan);
    job->elements[ordinal] = ELEMENT_PLACED;
    bool is_clear = job->borrowed || reference_is_clear(reference, trial->places, trial->place_count);
    struct reference_run *run = new_run(reference, id, ordinal, trial);
    run->state = RUN_RESERVED;
    is_clear &= job->borrowed || !reference_has_foe_beside(reference, run);
    for (uint32_t r = 0; !job->borrowed && r < reference->right_count; r++)
        memcpy(reference->rights[r].bound, trial->bound[r], sizeof trial->bound[r]);
    if (is_clear) {
        begin_run(reference, run);
    } else {
        run->state = RUN_RESERVED;
        tell_place(reference, run, DURE_REC_RESERVE);
    }
    for (uint32_t i = 0; i < run->binding_count; i++) {
        const struct dure_binding *binding = &run->bindings[i];
        reference->served += reference->rights[binding->allot.v].suspended[binding->virtual_index] && binding->is_new;
        reference->chains[reference->rights[binding->allot.v].chain].is_shaken &= !binding->is_new;
        run->bindings[i].is_new = 0;
    }
    if (!is_clear)
        clear(reference, run);
}

void reference_unplan(struct reference *reference, uint32_t queue, enum dure_cause cause)
{
    struct reference_plan *plan = &reference->plans[queue];
    if (!plan->job)
        return;
    struct dure_record record = reference_decision(reference, DURE_REC_UNPLAN);
    record.job.v = plan->job;
    record.element = plan->element;
    record.cause = cause;
    reference_tell(reference, &record);
    drop_plan(reference, plan);
}

void reference_void_plan(struct reference *reference, uint32_t queue, enum dure_cause cause)
{
    if (reference->plans[queue].job)
        reference_leave_to_do(reference, AFTER_UNPLAN, reference->plans[queue].job, cause);
}

/* ---- ends ---- */

static enum dure_job_state end_state(enum dure_cause cause, const struct dure_record *report)
{
    switch (cause) {
    case DURE_CAUSE_FINISHED: return report->exit_code || report->exit_signal ? DURE_JOB_FAILED : DURE_JOB_COMPLETED;
    case DURE_CAUSE_WALLTIME: return DURE_JOB_TIMEOUT;
    case DURE_CAUSE_CANCELLED: return DURE_JOB_CANCELLED;
    case DURE_CAUSE_NODE_LOST: return DURE_JOB_NODE_FAIL;
    case DURE_CAUSE_LAUNCH_FAILED: return DURE_JOB_LAUNCH_FAILED;
    default: return DURE_JOB_EVICTED;
    }
}

/* Of those that wait for a GPU, in the order of jobs and elements: the first after `last` (NULL: of all). */
static const struct reference_run *next_waiting(const struct reference *reference, uint32_t node, uint64_t gpu,
                                                const struct reference_run *last)
{
    const struct reference_run *next = NULL;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (run->state == RUN_RESERVED && (reference_gpus_on(run, node) & gpu) && (!last || is_older(last, run)) &&
            (!next || is_older(run, next)))
            next = run;
    }
    return next;
}

static bool is_clear_for(const struct reference *reference, const struct reference_run *waits)
{
    return reference_is_clear(reference, waits->places, waits->place_count);
}

/* Who waits for a neighbour less is looked at, in the order of jobs and elements. */
static void free_neighbours(struct reference *reference, struct reference_run *run)
{
    const uint32_t left = run->left;
    run->left = 0; /* where it stood */
    for (const struct reference_run *last = NULL, *next;; last = next) {
        next = NULL;
        for (uint32_t r = 0; r < reference->run_end; r++) {
            const struct reference_run *waits = &reference->runs[r];
            if (waits->state == RUN_RESERVED && reference_is_foe(reference, run, waits) &&
                (!last || is_older(last, waits)) && (!next || is_older(waits, next)))
                next = waits;
        }
        if (!next)
            break;
        reference_leave_to_do(reference, AFTER_READY, next->job, next->ordinal);
    }
    run->left = left;
}

/* It leaves its GPUs, one by one: who waits for nobody else any more then is ready. Its cells may be empty. */
static void vacate(struct reference *reference, struct reference_run *run)
{
    for (uint32_t node = 0; node < reference->node_count; node++) {
        const bool stood = reference_gpus_on(run, node) != 0;
        for (uint64_t mask = reference_gpus_on(run, node); mask; mask &= mask - 1) {
            bool was_clear[REFERENCE_RUNS];
            const struct reference_run *waits = NULL;
            for (uint32_t r = 0; r < reference->run_end; r++)
                was_clear[r] = reference->runs[r].state != RUN_RESERVED || is_clear_for(reference, &reference->runs[r]);
            run->left = node * 64 + (uint32_t)__builtin_ctzll(mask) + 1;
            while ((waits = next_waiting(reference, node, mask & -mask, waits)) != NULL)
                if (!was_clear[waits - reference->runs] && is_clear_for(reference, waits))
                    reference_leave_to_do(reference, AFTER_READY, waits->job, waits->ordinal);
        }
        if (stood && reference->nodes[node].state == DURE_NODE_DRAINING && !reference_is_busy(reference, node))
            reference_leave_to_do(reference, AFTER_NODE, node, 0);
    }
    for (uint32_t i = 0; i < run->binding_count; i++)
        reference_leave_to_do(reference, AFTER_EMPTY, run->bindings[i].allot.v, run->bindings[i].virtual_index);
    free_neighbours(reference, run);
    run->state = RUN_NONE;
}

bool reference_comes_back(enum dure_cause cause)
{
    return cause != DURE_CAUSE_FINISHED && cause != DURE_CAUSE_WALLTIME && cause != DURE_CAUSE_CANCELLED &&
           cause != DURE_CAUSE_LAUNCH_FAILED;
}

void reference_end(struct reference *reference, struct reference_run *run, const struct dure_record *report)
{
    struct reference_job *job = &reference->jobs[run->job];
    enum dure_cause cause = run->cause;
    if (cause == DURE_CAUSE_NONE)
        cause = report && report->report == DURE_REPORT_ENDED     ? DURE_CAUSE_FINISHED
                : report && report->report == DURE_REPORT_REFUSED ? DURE_CAUSE_LAUNCH_FAILED
                                                                  : DURE_CAUSE_NODE_LOST;
    const bool back = reference_comes_back(cause) && job->requeue && !job->rest_gone;
    struct dure_record record = reference_decision(reference, back ? DURE_REC_REQUEUE : DURE_REC_END);
    record.job.v = run->job;
    record.element = reference_element_of(job, run->ordinal);
    record.attempt.v = run->attempt;
    record.cause = cause;
    if (!back) {
        record.exit_code = report ? report->exit_code : 0;
        record.exit_signal = report ? report->exit_signal : 0;
        record.state = end_state(cause, report);
    }
    reference_tell(reference, &record);
    job->elements[run->ordinal] = back ? ELEMENT_WAITS : ELEMENT_GONE;
    job->requeues += back;
    if (!run->borrowed)
        reference_charge(reference, job->tenant, reference_run_milli(run), run->end_us - record.time_us,
                         run->charged_us, true);
    job->has_failed |= !back && record.state != DURE_JOB_COMPLETED;
    const uint64_t id = run->job;
    vacate(reference, run);
    reference_left_queue(reference, id);
    reference_over(reference, id);
}

void reference_report(struct reference *reference, const struct dure_record *input)
{
    struct reference_run *run = reference_attempt(reference, input->attempt.v);
    if (run && input->report != DURE_REPORT_STARTED)
        reference_end(reference, run, input);
}

static void end_pending(struct reference *reference, uint64_t id, uint32_t element, enum dure_cause cause)
{
    struct dure_record record = reference_decision(reference, DURE_REC_END);
    record.job.v = id;
    record.element = element;
    record.state = cause == DURE_CAUSE_DEADLINE ? DURE_JOB_DEADLINE : DURE_JOB_CANCELLED;
    record.cause = cause;
    reference_tell(reference, &record);
    reference->jobs[id].has_failed = true;
}

void reference_leave_reserved(struct reference *reference, const struct reference_run *gone)
{
    for (uint32_t node = 0; node < reference->node_count; node++)
        for (uint64_t mask = reference_gpus_on(gone, node); mask; mask &= mask - 1)
            for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
                const struct reference_run *other = reference_attempt(reference, attempt);
                if (other && (reference_gpus_on(other, node) & mask & -mask))
                    reference_leave_to_do(reference, AFTER_SPARE, attempt, 0);
            }
    for (uint32_t gpu = 0; gpu < reference->node_count * reference->node_gpus;
         gpu++) /* who was not to stand beside it */
        for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
            const struct reference_run *other = reference_attempt(reference, attempt);
            if (other && (reference_gpus_on(other, gpu / reference->node_gpus) >> gpu % reference->node_gpus & 1) &&
                reference_is_foe(reference, other, gone))
                reference_leave_to_do(reference, AFTER_SPARE, attempt, 0);
        }
    for (uint32_t i = 0; i < gone->binding_count; i++)
        reference_leave_to_do(reference, AFTER_EMPTY, gone->bindings[i].allot.v, gone->bindings[i].virtual_index);
    reference_charge(reference, reference->jobs[gone->job].tenant, reference_run_milli(gone), gone->walltime_us,
                     gone->charged_us, true);
}

void reference_give_up(struct reference *reference, struct reference_run *run)
{
    const struct reference_run gone = *run;
    run->state = RUN_NONE; /* `gone` still says where it stood */
    reference->jobs[gone.job].elements[gone.ordinal] = ELEMENT_WAITS;
    reference_leave_reserved(reference, &gone);
}

/* Its place is given up: who was to leave for it may stay. */
void reference_unreserve(struct reference *reference, struct reference_run *run)
{
    struct dure_record record = reference_decision(reference, DURE_REC_UNRESERVE);
    record.job.v = run->job;
    record.element = reference_element_of(&reference->jobs[run->job], run->ordinal);
    reference_tell(reference, &record);
    reference_give_up(reference, run);
}

void reference_cancel_run(struct reference *reference, struct reference_run *run, enum dure_cause cause)
{
    const int64_t now = reference->input->time_us, grace = reference->jobs[run->job].grace_us;
    if (run->state == RUN_STOPPING || grace == 0) {
        if (run->cause != cause || run->state != RUN_STOPPING)
            stop(reference, run, cause);
        return;
    }
    const bool sooner = run->state == RUN_WARNED && run->deadline_us < now + grace;
    notice(reference, run, cause, sooner ? run->deadline_us : now + grace);
}

void reference_unreserve_all(struct reference *reference, uint64_t id)
{
    for (uint32_t i = 0; i < element_count(&reference->jobs[id]); i++) {
        struct reference_run *run = reference_run_of(reference, id, i);
        if (run && run->state == RUN_RESERVED)
            reference_unreserve(reference, run);
    }
}

void reference_end_waiting(struct reference *reference, uint64_t id, enum dure_cause cause)
{
    struct reference_job *job = &reference->jobs[id];
    if (count_elements(job, ELEMENT_WAITS) == 0)
        return;
    end_pending(reference, id, job->array_count > 0 ? DURE_NONE32 : 0, cause);
    job->rest_gone = job->array_count > 0;
    for (uint32_t i = 0; i < element_count(job); i++)
        job->elements[i] = job->elements[i] == ELEMENT_WAITS ? ELEMENT_GONE : job->elements[i];
    reference_left_queue(reference, id);
    reference_over(reference, id);
}

static void cancel_all(struct reference *reference, uint64_t id, enum dure_cause cause)
{
    reference_unreserve_all(reference, id);
    for (uint64_t attempt = reference->next_attempt; attempt-- > 1;) { /* the youngest first */
        struct reference_run *run = reference_attempt(reference, attempt);
        if (run && run->job == id)
            reference_cancel_run(reference, run, cause);
    }
    reference_end_waiting(reference, id, cause);
}

void reference_cancel(struct reference *reference, uint64_t id, uint32_t element, enum dure_cause cause)
{
    struct reference_job *job = &reference->jobs[id];
    if (element == DURE_NONE32 || job->array_count == 0) {
        cancel_all(reference, id, cause);
        return;
    }
    const uint32_t ordinal = (element - job->array_first) / job->array_step;
    struct reference_run *run = reference_run_of(reference, id, ordinal);
    if (run && run->state != RUN_RESERVED) {
        reference_cancel_run(reference, run, cause);
        return;
    }
    if (run)
        reference_unreserve(reference, run);
    end_pending(reference, id, element, cause);
    job->elements[ordinal] = ELEMENT_GONE;
    reference_left_queue(reference, id);
    reference_over(reference, id);
}

/* ---- time ---- */

/* SIGTERM at the end of the walltime, killed a grace later: or sooner, where somebody has waited for its place. */
static int64_t last_moment(const struct reference *reference, const struct reference_run *run)
{
    const int64_t grace = reference->jobs[run->job].grace_us;
    int64_t last = run->end_us + grace;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *waits = &reference->runs[r];
        if (waits->state == RUN_RESERVED && waits->since_us + grace < last &&
            (is_in_way_of(reference, run, waits) || reference_is_foe(reference, run, waits)))
            last = waits->since_us + grace;
    }
    return last;
}

static void walltime(struct reference *reference, struct reference_run *run)
{
    const int64_t last = last_moment(reference, run);
    if (last <= reference->input->time_us)
        stop(reference, run, DURE_CAUSE_WALLTIME);
    else
        notice(reference, run, DURE_CAUSE_WALLTIME, last);
}

/* Plans a minute past their time are given up, the earliest first. */
static void overrun(struct reference *reference)
{
    for (;;) {
        const struct reference_plan *first = NULL;
        for (uint32_t t = 0; t <= reference->tenant_count; t++) {
            const struct reference_plan *plan = &reference->plans[t];
            if (plan->job && plan->at_us + DURE_MINUTE_US <= reference->input->time_us &&
                (!first || plan->at_us < first->at_us || (plan->at_us == first->at_us && plan->job < first->job)))
                first = plan;
        }
        if (!first)
            return;
        reference_unplan(reference, (uint32_t)(first - reference->plans), DURE_CAUSE_WALLTIME);
    }
}

void reference_due(struct reference *reference)
{
    reference_world(reference);
    reference_lending(reference);
    reference_follow(reference);
    reference_expire(reference, false);
    overrun(reference);
    for (;;) {
        struct reference_run *first = NULL;
        int64_t first_us = reference->input->time_us;
        for (uint32_t r = 0; r < reference->run_end; r++) {
            struct reference_run *run = &reference->runs[r];
            const int64_t at_us = run->state == RUN_RUNS     ? run->end_us
                                  : run->state == RUN_WARNED ? run->deadline_us
                                                             : DURE_NEVER_US;
            if (at_us < first_us || (at_us == first_us && (!first || run->attempt < first->attempt))) {
                first = run;
                first_us = at_us;
            }
        }
        if (!first)
            return;
        if (first->state == RUN_WARNED)
            stop(reference, first, first->cause);
        else
            walltime(reference, first);
    }
}

/* ---- what follows ---- */

/* Nobody waits for its place any more: it may stay, and after its walltime it has its whole grace. */
static void spare(struct reference *reference, uint64_t attempt)
{
    struct reference_run *run = reference_attempt(reference, attempt);
    if (!run || run->state != RUN_WARNED || reference_is_dark(reference, run))
        return;
    if (run->cause == DURE_CAUSE_WALLTIME && last_moment(reference, run) > run->deadline_us)
        notice(reference, run, DURE_CAUSE_WALLTIME, last_moment(reference, run));
    if (!may_be_spared(run))
        return;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (reference->runs[r].state == RUN_RESERVED && (shares_gpus(&reference->runs[r], run, reference->node_count) ||
                                                         reference_is_foe(reference, run, &reference->runs[r])))
            return;
    run->state = RUN_RUNS;
    run->cause = DURE_CAUSE_NONE;
    tell_attempt(reference, run, DURE_REC_CANCEL_NOTICE);
}

static void let_go_if_empty(struct reference *reference, uint32_t right, uint32_t index)
{
    struct reference_right *r = &reference->rights[right];
    const uint32_t cell = r->bound[index];
    if (cell == DURE_NONE32 || reference_is_held(reference, right, index))
        return;
    bool lost = false;
    for (uint32_t k = 0; k < r->cell_nodes; k++) {
        lost |= reference->nodes[cell + k].lost != 0;
        for (uint32_t i = 0; i < reference->run_end; i++)
            if (reference->runs[i].binding_count > 0 && reference_gpus_on(&reference->runs[i], cell + k))
                return;
    }
    r->bound[index] = DURE_NONE32;
    reference->chains[r->chain].is_shaken = lost && !r->suspended[index];
    struct dure_record record = reference_decision(reference, DURE_REC_UNBIND);
    record.allot.v = right;
    record.number = index;
    reference_tell(reference, &record);
    if (r->state == DURE_ALLOT_SHORT && !reference->plans[r->tenant].is_firm &&
        reference->plans[r->tenant].chain == r->chain)
        reference_void_plan(reference, r->tenant, DURE_CAUSE_NODE_LOST);
    reference_settle(reference, r->chain); /* a rack that is whole again may be owed to who is short of one */
}

/* Maintenance came too near while others left. */
static void give_up_too_near(struct reference *reference, struct reference_run *run)
{
    reference->too_near++;
    reference_unreserve(reference, run);
}

/* Whose latest start is over by now is too late. */
static void begin_reserved(struct reference *reference, struct reference_run *run)
{
    const struct reference_job *job = &reference->jobs[run->job];
    const int64_t now = reference->input->time_us;
    if (job->deadline_us > 0 && now > job->deadline_us - job->walltime_us)
        reference_expire_one(reference, run->job);
    else if (reference_reaches_window(reference, run->places, run->place_count, now,
                                      now + job->walltime_us + job->grace_us))
        give_up_too_near(reference, run);
    else
        begin_run(reference, run);
}

void reference_follow(struct reference *reference)
{
    uint64_t a, b;
    for (;;) {
        if (to_do(reference, AFTER_NODE, &a, &b)) {
            reference_update_node(reference, (uint32_t)a);
        } else if (to_do(reference, AFTER_DOOMED, &a, &b)) {
            if (reference_is_live(reference, a))
                reference_cancel(reference, a, DURE_NONE32, DURE_CAUSE_DEPENDENCY);
        } else if (to_do(reference, AFTER_DEMOTED, &a, &b)) {
            reference_demoted(reference, a, b);
        } else if (to_do(reference, AFTER_SPARE, &a, &b)) {
            spare(reference, a);
        } else if (to_do(reference, AFTER_READY, &a, &b)) {
            struct reference_run *run = reference_run_of(reference, a, (uint32_t)b);
            if (run && run->state == RUN_RESERVED && reference_is_clear(reference, run->places, run->place_count) &&
                !reference_has_foe_beside(reference, run))
                begin_reserved(reference, run);
        } else if (to_do(reference, AFTER_UNPLAN, &a, &b)) {
            for (uint32_t queue = 0; queue <= reference->tenant_count; queue++) /* its class may have changed */
                if (reference->plans[queue].job == a)
                    reference_unplan(reference, queue, (enum dure_cause)b);
        } else if (to_do(reference, AFTER_EMPTY, &a, &b)) {
            let_go_if_empty(reference, (uint32_t)a, (uint32_t)b);
        } else {
            return;
        }
    }
}
