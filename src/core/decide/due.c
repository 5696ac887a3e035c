/* What time brings. */
#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/decide/after.h"
#include "core/decide/decide.h"
#include "core/gate/fence.h"
#include "core/place/ground.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

struct earliest {
    uint32_t chain;
    bool borrowed;
    int64_t made_us; /* of the first claim that waits for its leaves; DURE_NEVER_US: none */
};

static void earliest_claim(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct earliest *e = context;
    const uint32_t *claims = NULL;
    const uint32_t count = ground_claims(core, e->chain, leaf, &claims);
    if (count && place->gpu_milli < 1000 && !e->borrowed && (core->chains[e->chain].claim[leaf] & OCCUPANT_SHARED))
        return; /* fractions that are to stand beside it: they wait for others */
    for (uint32_t i = 0; i < count; i++)
        if (claim_at(core, claims[i])->d.made_us < e->made_us)
            e->made_us = claim_at(core, claims[i])->d.made_us;
}

/* Until when an attempt may go on after its walltime: its grace, less where somebody waits for its leaves since before. */
static int64_t last_moment(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int64_t grace = job_ask(core, attempt->job)->grace_us;
    struct earliest e = {attempt->d.chain, attempt->d.borrowed, fence_waited_since_us(core, slot)};
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, earliest_claim, &e);
    const int64_t deadline = attempt->d.walltime_end_us + grace;
    return e.made_us != DURE_NEVER_US && e.made_us + grace < deadline ? e.made_us + grace : deadline;
}

static void warn_of_walltime(struct dure_core *core, uint32_t slot, int64_t deadline)
{
    struct dure_record r;
    decide_record(core, DURE_REC_NOTICE, &r);
    r.attempt.v = attempt_at(core, slot)->d.id;
    r.cause = DURE_CAUSE_WALLTIME;
    r.deadline_us = deadline;
    decide_emit(core, &r);
}

/* SIGTERM at the end of the walltime, killed a grace later. */
static void walltime(struct dure_core *core, uint32_t slot)
{
    const int64_t deadline = last_moment(core, slot);
    if (deadline <= core->s.time_us)
        decide_stop(core, slot, DURE_CAUSE_WALLTIME);
    else
        warn_of_walltime(core, slot, deadline);
}

void decide_whole_grace(struct dure_core *core, uint32_t slot)
{
    const int64_t deadline = last_moment(core, slot);
    if (deadline > attempt_at(core, slot)->d.deadline_us)
        warn_of_walltime(core, slot, deadline);
}

void decide_due(struct dure_core *core)
{
    if (core->world_due && (core->world_next_us <= core->s.time_us || !DURE_CORE_MUTATED(MIDNIGHT))) {
        core->world_due = false;
        decide_world(core);
        decide_lending(core);
        decide_follow(core);
        if (core->tenants)
            queue_wake(core, queue_of_borrowed(core)); /* more may be lent from now on */
    }
    while (core->begins.count && core->begins.at[0].key <= core->s.time_us)
        queue_refresh(core, core->begins.at[0].slot);
    queue_look(core);
    decide_expiries(core, false);
    while (core->overruns.count && core->overruns.at[0].key <= core->s.time_us)
        decide_unplan(core, planned_at(core, core->overruns.at[0].slot)->job_slot, DURE_CAUSE_WALLTIME);
    while (core->deadlines.count && core->deadlines.at[0].key <= core->s.time_us) {
        const uint32_t slot = core->deadlines.at[0].slot;
        if (attempt_at(core, slot)->d.state == DURE_ATTEMPT_WARNED)
            decide_stop(core, slot, attempt_at(core, slot)->d.cause);
        else
            walltime(core, slot);
    }
}

static void start_claim(struct dure_core *core, uint32_t slot)
{
    struct claim *claim = claim_at(core, slot);
    const struct job_data *job = &job_at(core, claim->job_slot)->d;
    if (job->deadline_us &&
        core->s.time_us >
            job->deadline_us -
                job_ask(core, job_at(core, claim->job_slot))->walltime_us) { /* its borrowers left too late */
        decide_expire(core, claim->job_slot);
        return;
    }
    int64_t window_us;
    if (window_touches(core, claim->d.chain, claim->places, claim->d.place_count,
                       window_reach(core, job_ask(core, job_at(core, claim->job_slot))), &window_us)) {
        decide_unreserve(core, slot); /* maintenance came too near while its borrowers left */
        return;
    }
    struct dure_record r;
    decide_record(core, DURE_REC_START, &r);
    r.job.v = claim->d.job;
    r.element = claim->d.element;
    r.attempt.v = core->s.next_attempt;
    for (uint32_t i = 0; i < claim->d.binding_count; i++)
        claim->bindings[i].is_new = 0;
    /* The claim goes as the start is applied: what the record points to must outlive it. */
    struct plan *plan = core->plan;
    plan_copy(plan, claim);
    r.places = plan->places;
    r.place_count = plan->place_count;
    r.bindings = plan->bindings;
    r.binding_count = plan->binding_count;
    decide_emit(core, &r);
}

static void unbind_if_empty(struct dure_core *core, uint64_t what)
{
    const struct dure_allot_id id = {(uint32_t)(what >> 32)};
    const struct allot *allot = core->allots[id.v];
    const uint32_t chain = allot->spec.chain.v;
    struct dure_cells_virtual cell;
    if (allot->state == DURE_ALLOT_ENDED || !dure_cells_virtual(core->chains[chain].cells, id, (uint32_t)what, &cell))
        return;
    if (cell.used || planned_holds_cell(core, id.v, (uint32_t)what) ||
        (cell.state != DURE_CELLS_BOUND && cell.state != DURE_CELLS_SERVED))
        return;
    struct dure_record r;
    decide_record(core, DURE_REC_UNBIND, &r);
    r.allot = id;
    r.number = (uint32_t)what;
    decide_emit(core, &r);
    decide_settle(core, chain); /* a larger cell that is whole again may be owed to who is short of one */
}

static void see_by_right(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct {
        uint32_t chain;
        bool found;
    } *seen = context;
    const uint32_t *slots = NULL;
    const uint32_t count = ground_users(core, seen->chain, leaf, &slots);
    (void)place;
    for (uint32_t i = 0; i < count; i++)
        seen->found |= !attempt_at(core, slots[i])->d.borrowed;
}

/* Does it share a GPU with work by right? What is lent is apart from that. */
static bool shares_by_right(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    struct {
        uint32_t chain;
        bool found;
    } seen = {attempt->d.chain, false};
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, see_by_right, &seen);
    return seen.found;
}

/* One thing at a time, the most urgent kind first, until nothing is left. */
void decide_follow(struct dure_core *core)
{
    uint64_t what;
    while (core->after_count) {
        if (after_take(core, AFTER_NODE, &what)) {
            decide_node(core, (uint32_t)what);
        } else if (after_take(core, AFTER_DOOMED, &what)) {
            const uint32_t slot = job_find(core, what);
            if (slot != NONE)
                decide_cancel(core, slot, NONE, DURE_CAUSE_DEPENDENCY);
        } else if (after_take(core, AFTER_DEMOTED, &what)) {
            const uint32_t slot = attempt_find(core, what & ~AFTER_TAKEN_OVER);
            if (slot != NONE && ((what & AFTER_TAKEN_OVER) || !lend_keeps(core, slot) || shares_by_right(core, slot)))
                decide_send_away(core, slot, DURE_CAUSE_ALLOT_ENDED);
        } else if (after_take(core, AFTER_SPARED, &what)) {
            decide_spare(core, what);
        } else if (after_take(core, AFTER_READY, &what)) {
            const uint32_t claim = claim_of(core, (uint32_t)(what >> 32), (uint32_t)what);
            if (claim != NONE && !claim_at(core, claim)->open && !fence_holds_up(core, claim))
                start_claim(core, claim);
        } else if (after_take(core, AFTER_UNPLAN, &what)) {
            const uint32_t slot = job_find(core, what & ((UINT64_C(1) << AFTER_CAUSE_SHIFT) - 1));
            if (slot != NONE && job_at(core, slot)->planned != NONE)
                decide_unplan(core, slot, (enum dure_cause)(what >> AFTER_CAUSE_SHIFT));
        } else if (after_take(core, AFTER_EMPTY, &what)) {
            unbind_if_empty(core, what);
        }
    }
}
