#include "witness.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define FAULT(...) (w->faults++ < 10 ? tap_diag(__VA_ARGS__) : (void)0)

enum { LEAVES = 32, NODE_GPUS = 4 };

struct price {
    int64_t lost, age, gone; /* GPU-microseconds, microseconds */
    uint32_t restarts;
};

static void hear(struct rig *rig, const struct dure_record *r);

struct witness *witness_new(struct rig *rig)
{
    struct witness *w = calloc(1, sizeof *w);
    w->rig = rig;
    rig->watch = hear;
    rig->context = w;
    w->naive = (struct naive){
        .shape = {.levels = 3, .tops = 2, .holds = {0, 0, 4, 4}}, .leaf_count = LEAVES, .leaves = {0, 1, 4, 16}};
    struct dure_allot_view view;
    for (uint32_t i = 0; i < dure_core_allot_count(rig->core); i++)
        if (dure_core_allot_view(rig->core, (struct dure_allot_id){i}, &view) && view.spec->chain.v == 0)
            w->allots[i] = (struct witness_allot){.level = view.spec->level, .cells = view.spec->count};
    return w;
}

void witness_step(struct witness *w)
{
    w->evictor = 0;
}

/* ---- what going costs ---- */

/* Half of the interval, for who only declares one and has run so long; else since it was last kept, or began. */
static int64_t not_kept(const struct witness *w, const struct witness_attempt *a)
{
    const int64_t age = w->rig->now_us - a->started_us, half = w->jobs[a->job].checkpoint_us / 2;
    if (a->kept_us > a->started_us)
        return w->rig->now_us - a->kept_us;
    return half && age > half ? half : age;
}

static bool leaves_anyway(const struct witness *w, const struct witness_attempt *a)
{
    const int64_t grace = w->jobs[a->job].grace_us;
    return a->warned || (grace && a->until_us - w->rig->now_us <= grace);
}

static struct price price_of(const struct witness *w, uint32_t leaves)
{
    struct price sum = {0};
    for (uint32_t i = 1; i < WITNESS_ATTEMPTS && w->attempts[i].job; i++) {
        const struct witness_attempt *a = &w->attempts[i];
        if (!a->live || !a->borrowed || !(a->leaves & leaves))
            continue;
        if (leaves_anyway(w, a)) {
            sum.gone += (a->warned ? a->deadline_us : a->until_us) / 1000;
            continue;
        }
        sum.lost += __builtin_popcount(a->leaves) * not_kept(w, a);
        sum.age += (w->rig->now_us / 1000 - a->started_us / 1000);
        sum.restarts += a->restarts;
    }
    return sum;
}

static bool cheaper(const struct price *a, const struct price *b)
{
    if (a->lost != b->lost)
        return a->lost < b->lost;
    if (a->restarts != b->restarts)
        return a->restarts < b->restarts;
    return a->age != b->age ? a->age < b->age : a->gone < b->gone;
}

/* ---- which cells could have been given ---- */

static uint32_t bound_leaves(const struct witness *w)
{
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < WITNESS_ALLOTS; i++)
        for (uint32_t k = 0; k < w->allots[i].cells; k++)
            if (w->allots[i].bound[k])
                leaves |= naive_cell(&w->naive, w->allots[i].level, w->allots[i].bound[k] - 1);
    return leaves;
}

/* May cells with these leaves be bound, of an allotment, so that all that is owed can still be placed? */
static bool legal(const struct witness *w, uint32_t allot, uint32_t count, uint32_t leaves)
{
    const uint32_t taken = bound_leaves(w);
    uint32_t owed[DURE_CELLS_LEVELS_MAX + 1] = {0};
    if (taken & leaves)
        return false;
    for (uint32_t i = 0; i < WITNESS_ALLOTS; i++)
        for (uint32_t k = 0; k < w->allots[i].cells; k++)
            owed[w->allots[i].level] += !w->allots[i].bound[k];
    owed[w->allots[allot].level] -= count;
    return naive_matches(&w->naive, ~taken & ~leaves, owed);
}

/* The leaves used of one cell, as they would lie in another. */
static uint32_t moved(const struct witness *w, uint32_t used, unsigned level, uint32_t from, uint32_t to)
{
    return used >> from * w->naive.leaves[level] << to * w->naive.leaves[level];
}

static void judge_one(struct witness *w, const struct dure_binding *b, uint32_t used)
{
    const unsigned level = w->allots[b->allot.v].level;
    const uint32_t cells = LEAVES / w->naive.leaves[level];
    const struct price here = price_of(w, used), whole = price_of(w, naive_cell(&w->naive, level, b->cell_index));
    w->judged++;
    for (uint32_t i = 0; i < cells; i++) {
        const uint32_t leaves = naive_cell(&w->naive, level, i);
        if (i == b->cell_index || !legal(w, b->allot.v, 1, leaves))
            continue;
        const struct price there = price_of(w, moved(w, used, level, b->cell_index, i)), all = price_of(w, leaves);
        if (cheaper(&there, &here) || (!cheaper(&here, &there) && cheaper(&all, &whole)))
            FAULT("job %u gets cell %u of level %u, where %lld GPU-us are lost and %u restarts; in cell %u it is %lld "
                  "and %u",
                  w->evictor, b->cell_index, level, (long long)here.lost, here.restarts, i, (long long)there.lost,
                  there.restarts);
    }
}

/* Several whole cells: greedy, so no fault, but how far from the least? */
static void judge_many(struct witness *w, const struct dure_record *r, uint32_t used)
{
    const unsigned level = w->allots[r->bindings[0].allot.v].level;
    const uint32_t cells = LEAVES / w->naive.leaves[level];
    int64_t least = INT64_MAX;
    for (uint32_t set = 0; set < 1u << cells; set++) {
        uint32_t leaves = 0;
        if ((uint32_t)__builtin_popcount(set) != r->binding_count)
            continue;
        for (uint32_t i = 0; i < cells; i++)
            leaves |= set >> i & 1 ? naive_cell(&w->naive, level, i) : 0;
        if (!legal(w, r->bindings[0].allot.v, r->binding_count, leaves))
            continue;
        const struct price price = price_of(w, leaves);
        if (price.lost < least)
            least = price.lost;
    }
    const struct price price = price_of(w, used);
    if (price.lost < least)
        FAULT("brute force finds %lld, the greedy choice loses %lld", (long long)least, (long long)price.lost);
    w->gangs_judged++;
    w->greedy_lost += (uint64_t)price.lost / 1000;
    w->least_lost += (uint64_t)least / 1000;
}

static void judge(struct witness *w, const struct dure_record *r, uint32_t used)
{
    bool alike = r->binding_count > 0;
    for (uint32_t i = 0; i < r->binding_count; i++)
        alike = alike && r->bindings[i].is_new && r->bindings[i].allot.v == r->bindings[0].allot.v &&
                r->bindings[i].allot.v < WITNESS_ALLOTS && w->allots[r->bindings[i].allot.v].level;
    if (!alike)
        return;
    if (r->binding_count == 1)
        judge_one(w, &r->bindings[0], used);
    else if (w->allots[r->bindings[0].allot.v].level == 2 &&
             (uint32_t)__builtin_popcount(used) == r->binding_count * NODE_GPUS)
        judge_many(w, r, used);
}

/* ---- records ---- */

static uint32_t leaves_of(const struct dure_record *r)
{
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < r->place_count; i++)
        for (uint32_t k = 0; k < r->places[i].node_count; k++)
            if (r->places[i].node_first + k < LEAVES / NODE_GPUS)
                leaves |= (uint32_t)r->places[i].gpu_mask << (r->places[i].node_first + k) * NODE_GPUS;
    return leaves;
}

static void bind(struct witness *w, const struct dure_record *r)
{
    for (uint32_t i = 0; i < r->binding_count; i++)
        if (r->bindings[i].is_new && r->bindings[i].allot.v < WITNESS_ALLOTS)
            w->allots[r->bindings[i].allot.v].bound[r->bindings[i].virtual_index] = r->bindings[i].cell_index + 1;
}

/* Nobody of the same kind that came before waits while a later one starts: who was evicted has kept its place. One that is over sooner may start before
 * the planned start of one that came before it. */
static void check_turn(struct witness *w, const struct dure_record *r)
{
    const struct dure_job *job = &w->jobs[r->job.v];
    struct dure_job_view view;
    for (uint64_t id = 1; id <= r->job.v; id++) {
        const struct dure_job *other = &w->jobs[id];
        if (other->job_class != job->job_class || other->tenant.v != job->tenant.v || other->tasks != job->tasks ||
            other->task_gpus != job->task_gpus || other->priority != job->priority ||
            other->grace_us != job->grace_us || other->walltime_us > job->walltime_us || other->array_limit)
            continue;
        for (uint32_t element = 0; element < (other->array_count ? other->array_count : 1); element++) {
            if (id == r->job.v && element >= (other->array_count ? r->element : 0))
                break;
            if (dure_core_job_view(w->rig->core, (struct dure_job_id){id}, other->array_count ? element : DURE_NONE32,
                                   &view) &&
                view.state == DURE_JOB_PENDING && view.wait != DURE_WAIT_PREEMPTING && !view.held)
                FAULT("job %llu.%u starts before job %llu.%u of its kind", (unsigned long long)r->job.v, r->element,
                      (unsigned long long)id, element);
        }
    }
}

static void hear_start(struct witness *w, const struct dure_record *r)
{
    const uint32_t leaves = leaves_of(r);
    w->starts++;
    for (uint32_t i = 1; i < WITNESS_ATTEMPTS && w->attempts[i].job; i++)
        if (w->attempts[i].live && (w->attempts[i].leaves & leaves))
            FAULT("job %llu starts where attempt %u still is", (unsigned long long)r->job.v, i);
    judge(w, r, leaves);
    bind(w, r);
    if (!w->reserved[r->job.v]) /* else its turn was when it got the place */
        check_turn(w, r);
    w->reserved[r->job.v] = false;
    w->attempts[r->attempt.v] = (struct witness_attempt){.live = true,
                                                         .borrowed = !r->binding_count,
                                                         .job = (uint32_t)r->job.v,
                                                         .element = r->element,
                                                         .leaves = leaves,
                                                         .started_us = w->rig->now_us,
                                                         .until_us = w->rig->now_us + w->jobs[r->job.v].walltime_us,
                                                         .restarts = w->requeues[r->job.v]};
}

static void hear_notice(struct witness *w, const struct dure_record *r)
{
    struct witness_attempt *a = &w->attempts[r->attempt.v];
    const struct dure_job *job = &w->jobs[a->job], *by = &w->jobs[w->evictor];
    const bool reclaims = r->cause == DURE_CAUSE_RECLAIMED, evicts = reclaims || r->cause == DURE_CAUSE_PRIORITY;
    const bool sooner = a->warned && a->deadline_us > r->deadline_us;
    if (evicts) {
        w->evictions++;
        w->told++;
        if (!w->evictor)
            FAULT("attempt %llu has to go and nobody needs its place", (unsigned long long)r->attempt.v);
        else if (by->job_class != DURE_GUARANTEED || (a->leaves && !(a->leaves & w->evictor_leaves)))
            FAULT("attempt %llu has to go for job %u, which does not need its place", (unsigned long long)r->attempt.v,
                  w->evictor);
        if (reclaims != a->borrowed)
            FAULT("attempt %llu is reclaimed, or is borrowed and yields to priority", (unsigned long long)r->attempt.v);
        if (!reclaims && (by->tenant.v != job->tenant.v || by->priority <= job->priority))
            FAULT("guaranteed attempt %llu goes for another tenant, or for no higher priority",
                  (unsigned long long)r->attempt.v);
        if (r->deadline_us != w->rig->now_us + job->grace_us)
            FAULT("attempt %llu has %lld us, and was promised %lld", (unsigned long long)r->attempt.v,
                  (long long)(r->deadline_us - w->rig->now_us), (long long)job->grace_us);
        if (!sooner && job->grace_us && a->until_us - w->rig->now_us <= job->grace_us)
            FAULT("attempt %llu would have been gone in time by itself", (unsigned long long)r->attempt.v);
    }
    a->warned = true;
    a->deadline_us = r->deadline_us;
}

static void hear_stop(struct witness *w, const struct dure_record *r)
{
    struct witness_attempt *a = &w->attempts[r->attempt.v];
    const bool evicts = r->cause == DURE_CAUSE_RECLAIMED || r->cause == DURE_CAUSE_PRIORITY;
    if (evicts && (!a->warned || w->rig->now_us < a->deadline_us))
        FAULT("attempt %llu is stopped before its time", (unsigned long long)r->attempt.v);
    a->warned = true;
    a->deadline_us = a->started_us; /* before all whose notice still runs */
}

static void hear_gone(struct witness *w, const struct dure_record *r)
{
    if (r->kind == DURE_REC_REQUEUE) {
        w->requeues[r->job.v]++;
        w->requeued++;
    }
    if (r->attempt.v < WITNESS_ATTEMPTS)
        w->attempts[r->attempt.v].live = false;
}

static void hear_reserve(struct witness *w, const struct dure_record *r)
{
    w->evictor = (uint32_t)r->job.v;
    w->evictor_leaves = leaves_of(r);
    w->told = 0;
    w->reserves++;
    judge(w, r, w->evictor_leaves);
    bind(w, r);
    check_turn(w, r);
    w->reserved[r->job.v] = true;
}

static void hear(struct rig *rig, const struct dure_record *r)
{
    struct witness *w = rig->context;
    switch (r->kind) {
    case DURE_REC_START: hear_start(w, r); break;
    case DURE_REC_RESERVE: hear_reserve(w, r); break;
    case DURE_REC_NOTICE: hear_notice(w, r); break;
    case DURE_REC_CANCEL_NOTICE: w->attempts[r->attempt.v].warned = false; break;
    case DURE_REC_STOP: hear_stop(w, r); break;
    case DURE_REC_UNRESERVE: w->reserved[r->job.v] = false; break;
    case DURE_REC_END:
    case DURE_REC_REQUEUE: hear_gone(w, r); break;
    case DURE_REC_UNBIND:
        if (r->allot.v < WITNESS_ALLOTS)
            w->allots[r->allot.v].bound[r->number] = 0;
        break;
    default: break;
    }
}
