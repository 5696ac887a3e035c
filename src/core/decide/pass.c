/* A scheduling pass: each holder's queue in its order, then all that borrow. */
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/place/ground.h"
#include "core/place/plan_more.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"

static void emit_place(struct dure_core *core, const struct job *job, const struct plan *plan)
{
    uint32_t ordinal;
    DURE_ASSERT(job_next_ordinal(job, &ordinal));
    const bool clear = plan->allot == NONE || decide_is_clear(core, plan->chain, plan->places, plan->place_count);
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
        decide_clear(core, plan->chain, plan->places, plan->place_count);
}

/* The head of a queue that finds no place keeps what it waits for from those behind it. */
static void block(struct dure_core *core, uint32_t queue, uint32_t slot)
{
    struct class *class = class_at(core, slot);
    class->blocked_stamp = core->queues[queue].stamp;
    order_pass_over(core, slot);
    if (queue == queue_of_borrowed(core))
        return;
    dure_bits_set(&core->hanging, queue);
    const uint32_t holder = core->tenant[class->ask.tenant].holder;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder)
        if (plan_suits(core, &class->ask, core->allots[id]) ||
            plan_suits_together(core, &class->ask, core->allots[id]->spec.chain.v))
            core->allots[id]->blocked_round = core->round;
}

/* Can anything start in the rest of the queue? Not when others wait for every allotment that is open. */
static bool is_shut(const struct dure_core *core, uint32_t queue)
{
    if (queue == queue_of_borrowed(core))
        return false;
    uint32_t id = queue < core->tenants->tenant_count ? core->tenant[queue].first_allot : NONE;
    while (id != NONE &&
           (core->allots[id]->blocked_round == core->round ||
            (core->allots[id]->state != DURE_ALLOT_ACTIVE && core->allots[id]->state != DURE_ALLOT_SHORT)))
        id = core->allots[id]->next_of_holder;
    return id == NONE;
}

/* True: the queue is through; false: the budget ran out. */
static bool run_queue(struct dure_core *core, uint32_t queue, int64_t *budget)
{
    core->round++;
    dure_bits_clear(&core->hanging, queue);
    for (;;) {
        const uint32_t slot = is_shut(core, queue) ? NONE : order_first(core, queue);
        if (slot == NONE)
            return true;
        struct class *class = class_at(core, slot);
        if (ceiling_passes_over(core, &class->ask, queue)) { /* it waits for its own, and keeps nothing from others */
            order_pass_over(core, slot);
            continue;
        }
        /* Nothing opened since it last failed. That holds for borrowers only: by right, a place may hang on how others' cells lie (booked
         * maintenance, limits, short rights) and on who stands in front (shares, ceilings), of which no stamp tells. */
        if (queue == queue_of_borrowed(core) && class->blocked_stamp == core->queues[queue].stamp) {
            block(core, queue, slot);
            continue;
        }
        if (*budget <= 0)
            return false;
        if (plan_around(core, &class->ask, core->plan)) {
            emit_place(core, job_at(core, class_head(core, class)), core->plan);
            --*budget;
        } else {
            block(core, queue, slot);
        }
    }
}

void decide_pass(struct dure_core *core, int64_t starts_max)
{
    if (!core->tenants)
        return;
    int64_t budget = starts_max;
    queue_wake_hanging(core);
    for (uint64_t queue = dure_bits_first(&core->dirty, 0); queue != UINT64_MAX;
         queue = dure_bits_first(&core->dirty, queue + 1)) {
        dure_bits_clear(&core->dirty, queue);
        const bool through = run_queue(core, (uint32_t)queue, &budget);
        order_restore(core);
        if (!through) {
            dure_bits_set(&core->dirty, queue);
            break;
        }
        if (queue + 1 == core->dirty.size)
            break;
    }
}
