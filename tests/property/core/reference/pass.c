/* Whose turn it is, and who may go past whom: a pass over the queues, each in its order. */
#include <string.h>

#include "base/timefmt.h"
#include "parts.h"

/* What is known in this pass of those who ask for the same: not tried yet; only what ends before the planned start may try; nobody. */
enum verdict { VERDICT_OPEN, VERDICT_LONG, VERDICT_SHUT };

enum { FIRST_LOOKS = 16, TURN_LOOKS = 16, TURN_EVERY = 16 };

/* One queue's part of a pass. */
struct turn {
    struct reference *reference;
    uint32_t queue;
    bool is_borrowed;
    int64_t budget;
    struct trial *trial;
    uint32_t blocked; /* for which a start was to be planned */
    uint32_t needs;   /* as the pass found them */
    enum verdict verdict[REFERENCE_JOBS];
    bool left_out[REFERENCE_JOBS]; /* no start is planned for it any more; both by the first who asks for the same */
    bool passed[REFERENCE_JOBS];   /* it would have room, were it shorter */
    bool done[REFERENCE_JOBS];     /* maintenance is in its way, and says nothing of others */
    struct lent lent;
};

static bool alike(const struct reference *reference, const struct reference_job *a, const struct reference_job *b)
{
    return a->tenant == b->tenant && reference_user(reference, a) == reference_user(reference, b) &&
           a->borrowed == b->borrowed && (!a->borrowed || a->grace_us == b->grace_us) && a->priority == b->priority &&
           a->tasks == b->tasks && a->gpus == b->gpus && a->milli == b->milli && a->memory_mib == b->memory_mib &&
           a->models == b->models && a->model_order == b->model_order && a->tasks_per_node == b->tasks_per_node &&
           a->level_nodes == b->level_nodes && (!a->level_nodes || a->level_required == b->level_required) &&
           a->is_listed == b->is_listed && a->nodes == b->nodes && a->data == b->data && a->mig == b->mig &&
           a->spread_max == b->spread_max && a->spread_nodes == b->spread_nodes;
}

static uint64_t first_alike(const struct turn *turn, uint64_t id)
{
    uint64_t first = 1;
    while (!alike(turn->reference, &turn->reference->jobs[first], &turn->reference->jobs[id]))
        first++;
    return first;
}

static struct reference_plan *plan_of(const struct turn *turn)
{
    return &turn->reference->plans[turn->queue];
}

static bool is_ready(const struct turn *turn, uint64_t id)
{
    return reference_queue(turn->reference, &turn->reference->jobs[id]) == turn->queue &&
           reference_next(turn->reference, id) != DURE_NONE32;
}

static int64_t lasts(const struct turn *turn, uint64_t id)
{
    return turn->reference->jobs[id].walltime_us + turn->reference->jobs[id].grace_us;
}

static int64_t reach(const struct turn *turn)
{
    return plan_of(turn)->at_us - turn->reference->input->time_us;
}

/* First by priority; of those who borrow first the tenant that borrows least; then by its share, then by age. */
static bool is_before(const struct turn *turn, uint64_t a, uint64_t b)
{
    const struct reference_job *x = &turn->reference->jobs[a], *y = &turn->reference->jobs[b];
    if (!turn->is_borrowed && x->priority != y->priority)
        return x->priority > y->priority;
    if (x->tenant != y->tenant)
        return reference_is_before(turn->reference, turn->is_borrowed ? &turn->lent : NULL, x->tenant, y->tenant);
    return x->priority != y->priority ? x->priority > y->priority : a < b;
}

/* Whatever anybody's share: by priority, or of one tenant and older. */
static bool is_above(const struct turn *turn, uint64_t a, uint64_t b)
{
    const struct reference_job *x = &turn->reference->jobs[a], *y = &turn->reference->jobs[b];
    if (turn->is_borrowed && x->tenant != y->tenant)
        return false;
    return x->priority != y->priority ? x->priority > y->priority : x->tenant == y->tenant && a < b;
}

/* Only who has waited a second gets a planned start; whole seconds count. */
static bool is_too_soon(const struct turn *turn, uint64_t id)
{
    const int64_t ripe = (turn->reference->jobs[id].submitted_us + 2 * DURE_SECOND_US - 1) / DURE_SECOND_US;
    return ripe * DURE_SECOND_US > turn->reference->input->time_us;
}

static bool try(struct turn *turn, uint64_t id, bool beside_plan)
{
    turn->trial->beside_plan = beside_plan && plan_of(turn)->job;
    turn->trial->later_us = INT64_MIN;
    return reference_place_around(turn->reference, id, turn->trial);
}

/* They ask for the same for as long. */
static bool same(const struct turn *turn, uint64_t a, uint64_t b)
{
    const struct reference_job *x = &turn->reference->jobs[a], *y = &turn->reference->jobs[b];
    return alike(turn->reference, x, y) && x->walltime_us == y->walltime_us && x->grace_us == y->grace_us &&
           x->checkpoint_us == y->checkpoint_us;
}

/* It found no place: nor do others who ask for the same, unless maintenance was in its way. */
static void refuse(struct turn *turn, uint64_t id, enum verdict verdict)
{
    if (!turn->trial->is_blamed)
        turn->verdict[first_alike(turn, id)] = verdict;
    for (uint64_t other = 1; turn->trial->is_blamed && other < turn->reference->next_job; other++)
        turn->done[other] |= same(turn, other, id);
}

static void begin(struct turn *turn, uint64_t id)
{
    reference_give(turn->reference, id, turn->trial);
    turn->budget--;
}

/* ---- planned starts ---- */

static void keep(struct turn *turn, uint64_t id, int64_t at_us)
{
    struct reference *reference = turn->reference;
    struct reference_plan *plan = plan_of(turn);
    struct trial *trial = turn->trial;
    struct dure_binding bindings[REFERENCE_PLACES] = {0};
    *plan = (struct reference_plan){
        .job = id,
        .element = reference_element_of(&reference->jobs[id], reference_next(reference, id)),
        .at_us = at_us,
        .chain = turn->is_borrowed ? reference_chain_of(reference, trial->virtuals[0].node_first)
                                   : reference->rights[trial->named[0].allot.v].chain,
        .is_firm = reference_is_firm(reference, &reference->jobs[id], trial, at_us),
        .place_count = trial->virtual_count};
    for (uint32_t i = 0; i < trial->virtual_count; i++) {
        const struct dure_binding *b = &trial->named[i];
        uint64_t *kept = turn->is_borrowed ? plan->kept_nodes : plan->kept[b->allot.v];
        kept[trial->virtuals[i].node_first] |= trial->virtuals[i].gpu_mask;
        if (turn->is_borrowed)
            continue;
        bindings[i] = *b;
        if (plan->is_firm || reference_by_hardware(reference, &reference->jobs[id], b->allot.v) || b->is_new)
            plan->cells[plan->cell_count++] =
                (struct reference_cell){.right = b->allot.v,
                                        .index = b->virtual_index,
                                        .first = reference_first_of(reference, b->allot.v, b->cell_index),
                                        .nodes = reference->rights[b->allot.v].cell_nodes,
                                        .is_new = b->is_new && !plan->is_firm};
        plan->places[i] = trial->virtuals[i];
        plan->bindings[i] = *b;
    }
    struct dure_record record = reference_decision(reference, DURE_REC_PLAN);
    record.job.v = id;
    record.element = plan->element;
    record.deadline_us = at_us;
    record.places = trial->virtuals;
    record.bindings = bindings;
    record.place_count = trial->virtual_count;
    record.binding_count = turn->is_borrowed ? 0 : trial->virtual_count;
    reference_tell(reference, &record);
    for (uint32_t i = 0; plan->is_firm && i < trial->virtual_count; i++)
        if (bindings[i].is_new) {
            struct reference_right *right = &reference->rights[bindings[i].allot.v];
            right->bound[bindings[i].virtual_index] =
                reference_first_of(reference, bindings[i].allot.v, bindings[i].cell_index);
            reference->chains[right->chain].is_shaken = false;
        }
}

/* Those who wait for different things. */
static uint32_t count_needs(const struct turn *turn)
{
    uint32_t needs = 0;
    for (uint64_t id = 1; id < turn->reference->next_job; id++) {
        bool is_first = is_ready(turn, id);
        for (uint64_t other = 1; other < id && is_first; other++)
            is_first = !is_ready(turn, other) ||
                       !alike(turn->reference, &turn->reference->jobs[other], &turn->reference->jobs[id]);
        needs += is_first;
    }
    return needs;
}

/* The first few are looked at in each pass; every now and then a few of those behind them, in turn. Whose turn it is holds for the whole pass: would it
 * move with each need that starts meanwhile, somebody could be passed by for ever. */
static bool is_looked_at(const struct turn *turn, uint32_t nth)
{
    if (nth < FIRST_LOOKS)
        return true;
    if (turn->reference->passes % TURN_EVERY != 0 || turn->needs <= FIRST_LOOKS)
        return false;
    const uint64_t turns = (turn->needs - FIRST_LOOKS + TURN_LOOKS - 1) / TURN_LOOKS;
    return (nth - FIRST_LOOKS) / TURN_LOOKS == turn->reference->passes / TURN_EVERY % turns;
}

static void plan_for(struct turn *turn, uint64_t id)
{
    const uint64_t need = first_alike(turn, id);
    if (turn->left_out[need])
        return;
    turn->left_out[need] = true;
    if (is_too_soon(turn, id) || !is_looked_at(turn, turn->blocked++))
        return;
    const int64_t at_us = reference_later(turn->reference, id, turn->trial);
    if (at_us == INT64_MIN || at_us == INT64_MAX)
        return;
    reference_unplan(turn->reference, turn->queue, DURE_CAUSE_PRIORITY);
    keep(turn, id, at_us);
}

/* ---- in order ---- */

/* The first who is before the planned job, and not tried yet, or not planned for. */
static uint64_t first_above(struct turn *turn)
{
    reference_count_lent(turn->reference, &turn->lent);
    const uint64_t planned = plan_of(turn)->job;
    uint64_t first = 0;
    for (uint64_t id = 1; id < turn->reference->next_job && planned; id++) {
        const uint64_t need = first_alike(turn, id);
        if (is_ready(turn, id) && !turn->done[id] && is_above(turn, id, planned) &&
            (!first || is_before(turn, id, first)) &&
            !reference_is_at_ceiling(turn->reference, &turn->reference->jobs[id]) &&
            (turn->verdict[need] == VERDICT_OPEN || (!turn->left_out[need] && !is_too_soon(turn, id))))
            first = id;
    }
    return first;
}

/* Who is before the planned job takes what is kept for it, or has the plan instead. */
static void above(struct turn *turn)
{
    uint64_t id;
    while (turn->budget > 0 && (id = first_above(turn)) != 0) {
        const bool is_open = turn->verdict[first_alike(turn, id)] == VERDICT_OPEN;
        if (is_open && try(turn, id, true)) {
            begin(turn, id);
        } else if (is_open && try(turn, id, false)) {
            reference_unplan(turn->reference, turn->queue, DURE_CAUSE_PRIORITY);
            begin(turn, id);
        } else {
            if (is_open)
                refuse(turn, id, VERDICT_SHUT);
            plan_for(turn, id);
        }
    }
}

static void planned(struct turn *turn)
{
    const uint64_t id = plan_of(turn)->job;
    const bool is_open = id && turn->verdict[first_alike(turn, id)] == VERDICT_OPEN;
    if (!id || turn->budget <= 0 || turn->done[id] ||
        reference_is_at_ceiling(turn->reference, &turn->reference->jobs[id]))
        return;
    if ((is_open && try(turn, id, false)) || reference_place_as_planned(turn->reference, id, turn->trial))
        begin(turn, id);
    else if (is_open)
        refuse(turn, id, VERDICT_SHUT);
}

/* Next in the order: who may be tried; or, where nobody has a plan, who may get one. */
static uint64_t next_of(struct turn *turn)
{
    reference_count_lent(turn->reference, &turn->lent);
    uint64_t next = 0;
    for (uint64_t id = 1; id < turn->reference->next_job; id++) {
        if (!is_ready(turn, id) || turn->done[id] || (next && !is_before(turn, id, next)) ||
            reference_is_at_ceiling(turn->reference, &turn->reference->jobs[id]))
            continue;
        const uint64_t need = first_alike(turn, id);
        const bool may_try =
            turn->verdict[need] == VERDICT_OPEN ||
            (turn->verdict[need] == VERDICT_LONG && lasts(turn, id) <= reach(turn) && !turn->passed[id]);
        if (may_try || (!plan_of(turn)->job && !turn->left_out[need] && !is_too_soon(turn, id)))
            next = id;
    }
    return next;
}

/* Is it gone before the planned start, once those whom it displaces are? */
static bool is_in_time(const struct turn *turn, uint64_t id)
{
    const int64_t clear = reference_clear_by(turn->reference, turn->trial->places, turn->trial->place_count);
    return clear - turn->reference->input->time_us + lasts(turn, id) <= reach(turn);
}

/* For those who would come too late the place says nothing of others: a shorter one may have it. */
static void pass_over(struct turn *turn, uint64_t id)
{
    for (uint64_t other = 1; other < turn->reference->next_job; other++)
        turn->passed[other] |= same(turn, other, id);
}

/* On what is kept for the planned job, if it is gone by then. */
static void on_plan(struct turn *turn, uint64_t id)
{
    if (!try(turn, id, false))
        refuse(turn, id, VERDICT_SHUT);
    else if (is_in_time(turn, id))
        begin(turn, id);
    else
        pass_over(turn, id);
}

static void in_order(struct turn *turn)
{
    uint64_t id;
    above(turn);
    planned(turn);
    while (turn->budget > 0 && (id = next_of(turn)) != 0) {
        const enum verdict verdict = turn->verdict[first_alike(turn, id)];
        if (verdict == VERDICT_OPEN && try(turn, id, true)) {
            begin(turn, id);
        } else if (verdict == VERDICT_LONG || (verdict == VERDICT_OPEN && plan_of(turn)->job &&
                                               turn->trial->is_blamed && lasts(turn, id) <= reach(turn))) {
            on_plan(turn, id);
        } else if (verdict == VERDICT_OPEN && plan_of(turn)->job) {
            refuse(turn, id, VERDICT_LONG);
        } else {
            if (verdict == VERDICT_OPEN)
                refuse(turn, id, VERDICT_SHUT);
            if (!plan_of(turn)->job)
                plan_for(turn, id);
        }
    }
}

void reference_pass(struct reference *reference, int64_t budget)
{
    static struct trial trial;
    static struct turn turn;
    reference->passes++;
    for (uint32_t queue = 0; queue <= reference->tenant_count && budget > 0; queue++) {
        memset(&turn, 0, sizeof turn);
        turn.reference = reference;
        turn.queue = queue;
        turn.is_borrowed = queue == reference->tenant_count;
        turn.budget = budget;
        turn.trial = &trial;
        turn.needs = count_needs(&turn);
        in_order(&turn);
        budget = turn.budget;
    }
}
