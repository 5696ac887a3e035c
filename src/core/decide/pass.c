/* A scheduling pass: each holder's queue in its order, then all that borrow.
 *
 * The blocked head of a queue gets a planned start (place/later.h): the GPUs that it is to have are kept for it until then. One queue has one
 * plan. Who comes after it starts beside what is kept, or on it if it is gone in time; the planned job starts wherever it finds room first.
 *
 * A plan stands, whatever comes before its job in the order meanwhile, until its job starts or leaves the queue, or an input takes what was
 * planned on (hardware, rights, a guaranteed start on a borrower's place), or its time is past by a minute, or somebody *above* it takes its
 * place: of higher priority by the same holder's rights, or of the same tenant and older. So plans cannot be made and dropped in circles: a
 * plan that is put aside in a pass is followed in that instant by the start, or the plan, of a job above it; above is a strict order of the
 * jobs of a queue; and a pass looks at a queue once, makes a plan where there is none once, and plans for no need twice.
 *
 * What cannot be decided for a whole need (state/waiting.h) at once is refused for one class and until the next pass only. */
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/gate/fence.h"
#include "core/place/later.h"
#include "core/place/timeline.h"
#include "core/queue/ceilings.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

static void emit_place(struct dure_core *core, const struct job *job, const struct plan *plan)
{
    uint32_t ordinal;
    DURE_ASSERT(job_next_ordinal(job, &ordinal));
    const bool clear = plan->allot == NONE ||
                       (decide_is_clear(core, plan->chain, plan->places, plan->place_count) &&
                        !fence_obstructs(core, job_ask(core, job), plan->chain, plan->places, plan->place_count));
    struct dure_record r;
    decide_record(core, clear ? DURE_REC_START : DURE_REC_RESERVE, &r);
    r.job.v = job->d.id;
    r.element = job_element(job, ordinal);
    if (clear)
        r.attempt.v = core->s.next_attempt;
    r.places = plan->places;
    r.place_count = plan->place_count;
    r.bindings = plan->bindings;
    r.binding_count = plan->binding_count;
    decide_emit(core, &r);
    if (!clear)
        decide_clear(core, job_ask(core, job), plan->chain, plan->places, plan->place_count);
}

/* Searches for a planned start in one queue and pass: for the first so many of its blocked needs, and in every so many-th pass also for as many
 * of those behind them, in turn. So whoever is blocked is looked at in one of the next PLAN_ROUND * ceil(needs / LOOKS_MAX) passes, however many
 * before it have no hope. */
enum { LOOKS_MAX = 16, PLAN_ROUND = 16 };

struct run {
    struct dure_core *core;
    uint32_t queue;
    bool is_borrowed, is_keeping; /* keeping: the planned place counts as taken just now */
    bool is_out_of_turn;          /* a plan for one behind the first was made: who is above it may not have been seen */
    uint64_t blocked;             /* needs for which a start was to be planned so far */
    uint64_t turn_from, turn_end; /* whose turn it is of those behind the first */
    int64_t *budget;
};

static struct queue *queue_at(const struct run *run)
{
    return &run->core->queues[run->queue];
}

/* What the plan keeps counts as taken, or does not. */
static void keep(struct run *run, bool on)
{
    if (run->is_keeping == on || (on && queue_at(run)->planned == NONE) || DURE_CORE_MUTATED(PLAN_IGNORED))
        return;
    planned_keep(run->core, queue_at(run)->planned, on);
    run->is_keeping = on;
}

static bool find_place(struct run *run, const struct request *ask, bool keeping)
{
    keep(run, keeping);
    run->core->blamed = false;
    return plan_around(run->core, ask, run->core->plan);
}

static void start(struct run *run, uint32_t job_slot)
{
    /* A private cluster counts its slots anew when a job starts in it, and must see them all; and a plan goes with its job. */
    if (!run->is_borrowed || job_at(run->core, job_slot)->planned != NONE)
        keep(run, false);
    emit_place(run->core, job_at(run->core, job_slot), run->core->plan);
    --*run->budget;
}

void decide_unplan(struct dure_core *core, uint32_t job_slot, enum dure_cause cause)
{
    const struct planned *planned = planned_at(core, job_at(core, job_slot)->planned);
    struct dure_record r;
    decide_record(core, DURE_REC_UNPLAN, &r);
    r.job.v = planned->d.job;
    r.element = planned->d.element;
    r.cause = cause;
    decide_emit(core, &r);
}

/* For somebody above, of whom it is known by now that it starts, or has a plan. */
static void put_aside(struct run *run)
{
    const uint32_t planned = queue_at(run)->planned;
    keep(run, false);
    if (planned != NONE)
        decide_unplan(run->core, planned_at(run->core, planned)->job_slot, DURE_CAUSE_PRIORITY);
}

static void emit_plan(struct run *run, uint32_t class, int64_t at_us)
{
    struct dure_core *core = run->core;
    const struct job *job = job_at(core, class_head(core, class_at(core, class)));
    uint32_t ordinal;
    DURE_ASSERT(job_next_ordinal(job, &ordinal));
    struct dure_record r;
    decide_record(core, DURE_REC_PLAN, &r);
    r.job.v = job->d.id;
    r.element = job_element(job, ordinal);
    r.deadline_us = at_us;
    r.places = core->plan->places;
    r.place_count = core->plan->place_count;
    r.bindings = core->plan->bindings;
    r.binding_count = core->plan->binding_count;
    decide_emit(core, &r);
}

/* Who is looked at behind the first: told by the number of the pass, which is state. */
static void find_turn(struct run *run)
{
    const uint64_t passes = run->core->s.passes;
    const uint64_t needs = passes % PLAN_ROUND ? 0 : order_needs(run->core, run->queue);
    if (needs <= LOOKS_MAX)
        return;
    const uint64_t turns = (needs - LOOKS_MAX + LOOKS_MAX - 1) / LOOKS_MAX;
    run->turn_from = LOOKS_MAX + passes / PLAN_ROUND % turns * LOOKS_MAX;
    run->turn_end = run->turn_from + LOOKS_MAX;
}

static bool has_turn(const struct run *run, uint64_t blocked)
{
    return blocked < LOOKS_MAX ||
           (blocked >= run->turn_from && blocked < run->turn_end && !DURE_CORE_MUTATED(PLAN_FIRST));
}

/* Nobody behind these is looked at in this pass. */
static bool is_looked_through(const struct run *run)
{
    return run->blocked >= LOOKS_MAX && run->blocked >= run->turn_end;
}

/* A start is planned for the need's oldest job, if one can be, instead of any that is planned below it. */
static void plan_for(struct run *run, uint32_t need, uint32_t class)
{
    struct dure_core *core = run->core;
    int64_t at_us;
    if (need_at(core, need)->is_left_out)
        return;
    const bool too_soon =
        planned_is_too_soon(core, run->queue, job_at(core, class_head(core, class_at(core, class)))->d.id);
    need_leave_out(core, need);
    const uint64_t before = run->blocked;
    if (too_soon || !has_turn(run, run->blocked++))
        return;
    keep(run, false);
    const struct request *ask = &class_at(core, class)->ask;
    const enum later later = later_around(core, ask, core->plan, &at_us);
    if (later != LATER_FOUND)
        return;
    put_aside(run);
    emit_plan(run, class, at_us);
    if (planned_at(core, queue_at(run)->planned)->d.firm)
        queue_watch(core, run->queue);
    run->is_out_of_turn |= before >= LOOKS_MAX;
}

/* It found no place. If it was not room that was lacking, that says nothing about the rest of its need. */
static void refuse(struct run *run, uint32_t class, enum verdict_kind verdict)
{
    struct dure_core *core = run->core;
    if (core->blamed)
        queue_watch(core, run->queue);
    if (core->forgetful || core->blamed)
        order_pass_over(core, class);
    else
        need_judge(core, class_at(core, class)->need, verdict);
}

/* At a ceiling it waits for its own, and keeps nothing from others. */
static bool is_at_ceiling(struct run *run, uint32_t class)
{
    if (!ceiling_passes_over(run->core, &class_at(run->core, class)->ask, run->queue))
        return false;
    order_pass_over(run->core, class);
    return true;
}

/* Those above the planned job: by priority, or of its tenant and older. What is kept for it is open to them. */
static void try_above(struct run *run)
{
    struct dure_core *core = run->core;
    while (*run->budget > 0) {
        const uint32_t need = order_above_plan(core, run->queue);
        if (need == NONE)
            return;
        const uint32_t class = need_oldest(core, need_at(core, need));
        if (is_at_ceiling(run, class))
            continue;
        const bool is_open = need_at(core, need)->verdict == VERDICT_OPEN;
        const struct request *ask = &class_at(core, class)->ask;
        if (is_open && find_place(run, ask, true)) {
            start(run, class_head(core, class_at(core, class)));
        } else if (is_open && find_place(run, ask, false)) {
            const bool had_plan = queue_at(run)->planned != NONE;
            put_aside(run);
            DURE_ASSERT(had_plan);
            start(run, class_head(core, class_at(core, class)));
        } else {
            if (is_open)
                refuse(run, class, VERDICT_SHUT);
            plan_for(run, need, class);
        }
    }
}

/* The planned job itself, before those behind it. */
static void try_planned(struct run *run)
{
    struct dure_core *core = run->core;
    const uint32_t planned = queue_at(run)->planned;
    if (planned == NONE || *run->budget <= 0)
        return;
    const uint32_t job_slot = planned_at(core, planned)->job_slot, class = job_at(core, job_slot)->class->slot;
    const struct request *ask = &class_at(core, class)->ask;
    const bool is_open = need_at(core, class_at(core, class)->need)->verdict == VERDICT_OPEN,
               is_firm = planned_at(core, planned)->d.firm;
    if (class_at(core, class)->passed_place != NONE || (!is_open && !is_firm))
        return;
    if (ceiling_passes_over(core, ask, run->queue))
        return;
    keep(run, false);
    if (is_firm) /* whether its very place is free no verdict of its need tells */
        queue_watch(core, run->queue);
    if ((is_open && find_place(run, ask, false)) ||
        (is_firm && plan_as_planned(core, ask, planned_at(core, planned), core->plan)))
        start(run, job_slot);
    else if (is_open)
        refuse(run, class, VERDICT_SHUT);
}

/* Is what starts where the plan found room gone before the planned start? Those that it displaces take a while to leave. */
static bool is_in_time(const struct run *run, const struct request *ask)
{
    struct dure_core *core = run->core;
    const int64_t now = core->s.time_us;
    const int64_t clear = run->is_borrowed
                              ? now
                              : timeline_clear_at(core, core->plan->chain, core->plan->places, core->plan->place_count);
    return clear - now + request_lasts_us(ask) <= run->core->queues[run->queue].reach_us;
}

/* On what is kept for the planned job. */
static void try_on_plan(struct run *run, uint32_t class)
{
    struct dure_core *core = run->core;
    const struct request *ask = &class_at(core, class)->ask;
    const bool found = find_place(run, ask, false);
    if (found && is_in_time(run, ask)) {
        start(run, class_head(core, class_at(core, class)));
        return;
    }
    core->blamed |= found; /* by those that stand there */
    refuse(run, class, VERDICT_SHUT);
}

bool decide_would_start(struct dure_core *core, const struct request *ask, const struct job *job, struct plan *plan)
{
    const uint32_t queue = queue_of(core, ask), slot = core->queues[queue].planned;
    const bool is_own = slot != NONE && job && job->planned == slot;
    if (slot == NONE || is_own || planned_is_below(core, slot, ask, job ? job->d.id : UINT64_MAX))
        return plan_around(core, ask, plan);
    struct plan *own = core->plan;
    struct run run = {.core = core, .queue = queue, .is_borrowed = queue == queue_of_borrowed(core)};
    core->plan = plan;
    core->queues[queue].reach_us = planned_at(core, slot)->d.at_us - core->s.time_us;
    bool found = find_place(&run, ask, true);
    if (!found && request_lasts_us(ask) <= core->queues[queue].reach_us)
        found = find_place(&run, ask, false) && is_in_time(&run, ask);
    keep(&run, false);
    core->plan = own;
    return found;
}

static void try_one(struct run *run, uint32_t need, uint32_t class)
{
    struct dure_core *core = run->core;
    const struct request *ask = &class_at(core, class)->ask;
    if (need_at(core, need)->verdict == VERDICT_LONG) {
        try_on_plan(run, class);
    } else if (find_place(run, ask, true)) {
        start(run, class_head(core, class_at(core, class)));
    } else if (queue_at(run)->planned == NONE) {
        refuse(run, class, VERDICT_SHUT);
        plan_for(run, need, class);
    } else if ((core->forgetful || core->blamed) && request_lasts_us(ask) <= queue_at(run)->reach_us) {
        try_on_plan(run, class);
    } else {
        refuse(run, class, VERDICT_LONG);
    }
}

/* Nothing that the holder has can be used: all its allotments are over, or yet to begin. */
static bool is_shut(const struct dure_core *core, uint32_t queue)
{
    if (queue == queue_of_borrowed(core))
        return false;
    uint32_t id = queue < core->tenants->tenant_count ? core->tenant[queue].first_allot : NONE;
    while (id != NONE && core->allots[id]->state != DURE_ALLOT_ACTIVE && core->allots[id]->state != DURE_ALLOT_SHORT)
        id = core->allots[id]->next_of_holder;
    return id == NONE;
}

/* True: the queue is through; false: the budget ran out. */
static bool run_queue(struct run *run)
{
    struct dure_core *core = run->core;
    if (is_shut(core, run->queue))
        return true;
    if (*run->budget <= 0)
        return false;
    queue_wake_met(core, run->queue);
    find_turn(run);
    try_above(run);
    try_planned(run);
    for (;;) {
        const uint32_t planned = queue_at(run)->planned;
        if (planned != NONE)
            queue_at(run)->reach_us = planned_at(core, planned)->d.at_us - core->s.time_us;
        const uint32_t need = order_first(core, run->queue, planned == NONE && !is_looked_through(run));
        if (need == NONE || *run->budget <= 0) {
            keep(run, false);
            return need == NONE;
        }
        const uint32_t class = need_candidate(core, need_at(core, need));
        const uint32_t first = class != NONE ? class : need_oldest(core, need_at(core, need));
        if (is_at_ceiling(run, first))
            continue;
        if (class != NONE)
            try_one(run, need, class);
        else
            plan_for(run, need, first);
    }
}

/* Could a pass that comes at once do more for those who still wait? What started took room, which helps a fraction that may join it, a need that
 * something other than room refused, and the plan of who lacked something other than room: not the rest. */
static bool wants_more(const struct run *run)
{
    const struct queue *q = queue_at(run);
    return q->is_watched || q->lists[NEED_ANY].count || q->lists[NEED_FAR].count ||
           (q->planned == NONE ? run->blocked > 0 : order_above_plan(run->core, run->queue) != NONE);
}

void decide_pass(struct dure_core *core, int64_t starts_max)
{
    if (!core->tenants)
        return;
    int64_t budget = starts_max;
    queue_look(core);
    const uint32_t queues = core->tenants->tenant_count + 2;
    for (uint32_t i = 0; core->cut_count && core->s.passes % PLAN_ROUND == 0 && i < queues; i++)
        if (core->queues[i].is_cut && core->queues[i].count)
            dure_bits_set(&core->dirty, i);
    if (core->forgetful)
        dure_bits_put_range(&core->dirty, 0, core->dirty.size, true);
    for (uint64_t queue = dure_bits_first(&core->dirty, 0); queue != UINT64_MAX;
         queue = dure_bits_first(&core->dirty, queue + 1)) {
        dure_bits_clear(&core->dirty, queue); /* what moves meanwhile is for the next pass */
        struct run run = {
            .core = core, .queue = (uint32_t)queue, .is_borrowed = queue == queue_of_borrowed(core), .budget = &budget};
        const bool through = run_queue(&run);
        order_restore(core);
        core->cut_count += (uint32_t)(run.blocked >= LOOKS_MAX) - (uint32_t)core->queues[queue].is_cut;
        core->queues[queue].is_cut = run.blocked >= LOOKS_MAX;
        if (!core->queues[queue].count || (through && !wants_more(&run)))
            dure_bits_clear(&core->dirty, queue);
        if (run.is_out_of_turn)
            dure_bits_set(&core->dirty, queue);
        if (!through) {
            dure_bits_set(&core->dirty, queue);
            break;
        }
        if (queue + 1 == core->dirty.size)
            break;
    }
}
