#include "sim/paper/turns.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Iterations take this much longer when jobs are watched, by the authors' measurement. */
#define WATCHED 1.015

/* GPUs held in one node. */
struct part {
    uint32_t node, gpus;
};

struct job {
    struct dure_turn_job turn;
    double iteration_s, iterations_left, overhead_s, checked_s, end_s;
    struct dure_turn_key key;
    struct part *parts; /* of a running job where nobody is preempted */
    uint32_t part_count;
};

struct run {
    const struct dure_turn_policy *policy;
    struct job *jobs; /* by submission */
    uint32_t job_count, arrived, done;
    uint32_t *order; /* those that have arrived and are not done */
    uint32_t order_count;
    uint32_t nodes, gpus;
    uint32_t *free, *later; /* GPUs of each node: now, and when the first in line could start */
    struct part *parts;     /* of the job last tried */
    uint32_t part_count;
    uint32_t free_gpus;
    double now_s;
    double *jcts_s;
    uint64_t counter, events, preemptions;
};

double dure_turns_overhead_s(enum dure_muri_model model, uint32_t gpus)
{
    /* by 1, 2, 4, 8, 16, 32 GPUs */
    static const uint8_t table[DURE_MURI_MODELS][6] = {
        [DURE_MURI_OTHER] = {10, 10, 10, 10, 10, 10}, [DURE_MURI_VGG16] = {7, 7, 8, 9, 9, 10},
        [DURE_MURI_VGG19] = {7, 7, 8, 9, 10, 10},     [DURE_MURI_RESNET18] = {4, 5, 5, 7, 7, 7},
        [DURE_MURI_SHUFFLENET] = {4, 4, 5, 5, 7, 8},  [DURE_MURI_BERT] = {10, 10, 10, 10, 10, 10},
        [DURE_MURI_GPT2] = {10, 10, 10, 10, 10, 10},  [DURE_MURI_A2C] = {38, 39, 39, 46, 46, 46},
        [DURE_MURI_DQN] = {5, 5, 6, 6, 8, 8},
    };
    unsigned column = 0;
    while (column < 5 && 1u << column < gpus)
        column++;
    return table[model][column];
}

static bool before(const struct dure_turn_key *a, const struct dure_turn_key *b)
{
    return a->first != b->first ? a->first < b->first : a->second < b->second;
}

/* Stable, and quick on what is nearly in order. */
static void sort_order(struct run *run)
{
    for (uint32_t i = 0; i < run->order_count; i++)
        run->jobs[run->order[i]].key = run->policy->key(&run->jobs[run->order[i]].turn);
    for (uint32_t i = 1; i < run->order_count; i++) {
        const uint32_t job = run->order[i];
        uint32_t at = i;
        for (; at > 0 && before(&run->jobs[job].key, &run->jobs[run->order[at - 1]].key); at--)
            run->order[at] = run->order[at - 1];
        run->order[at] = job;
    }
}

/* Finds the job's place into run->parts: up to a node's GPUs, the first node with enough; beyond, wholly free nodes, and one with the rest. */
static bool fits(struct run *run, const uint32_t *free, uint32_t gpus)
{
    const uint32_t whole = gpus <= run->gpus ? 0 : gpus / run->gpus;
    uint32_t rest = gpus - whole * run->gpus;
    run->part_count = 0;
    for (uint32_t n = 0; n < run->nodes && run->part_count < whole; n++)
        if (free[n] == run->gpus)
            run->parts[run->part_count++] = (struct part){n, run->gpus};
    if (run->part_count < whole)
        return false;
    for (uint32_t n = 0, taken = 0; n < run->nodes && rest > 0; n++) {
        if (taken < whole && run->parts[taken].node == n) {
            taken++;
        } else if (free[n] >= rest) {
            run->parts[run->part_count++] = (struct part){n, rest};
            rest = 0;
        }
    }
    return rest == 0;
}

static void occupy(uint32_t *free, const struct part *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free[parts[i].node] -= parts[i].gpus;
}

static void vacate(uint32_t *free, const struct part *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free[parts[i].node] += parts[i].gpus;
}

/* Work done since the last event, after the start cost that is charged then. */
static void advance(struct run *run)
{
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct job *job = &run->jobs[run->order[i]];
        const double passed_s = run->now_s - job->checked_s;
        job->checked_s = run->now_s;
        if (job->turn.running) {
            const double worked_s = passed_s - job->overhead_s;
            job->iterations_left -= (worked_s > 0 ? worked_s : 0) / job->iteration_s;
            job->turn.remaining_s = job->iterations_left * job->iteration_s;
            job->turn.attained_s += passed_s;
        }
        if (run->policy->ran)
            run->policy->ran(&job->turn, &run->counter);
    }
}

static void finish(struct run *run)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct job *job = &run->jobs[run->order[i]];
        if (!job->turn.running || job->end_s != run->now_s) {
            run->order[kept++] = run->order[i];
            continue;
        }
        vacate(run->free, job->parts, job->part_count);
        run->free_gpus += job->turn.gpus;
        free(job->parts);
        job->parts = NULL;
        job->turn.running = false;
        run->jcts_s[run->done++] = run->now_s - job->turn.submit_s;
    }
    run->order_count = kept;
}

static void arrive(struct run *run)
{
    for (; run->arrived < run->job_count && run->jobs[run->arrived].turn.submit_s <= run->now_s; run->arrived++) {
        run->jobs[run->arrived].checked_s = run->now_s;
        run->order[run->order_count++] = run->arrived;
    }
}

/* All stop; they start anew in order as far as there is room. */
static void start_all(struct run *run)
{
    run->free_gpus = run->nodes * run->gpus;
    for (uint32_t n = 0; n < run->nodes; n++)
        run->free[n] = run->gpus;
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct job *job = &run->jobs[run->order[i]];
        const bool ran = job->turn.running;
        job->turn.running =
            job->turn.gpus <= run->free_gpus && (run->policy->counts || fits(run, run->free, job->turn.gpus));
        run->preemptions += ran && !job->turn.running;
        if (job->turn.running) {
            run->free_gpus -= job->turn.gpus;
            if (!run->policy->counts)
                occupy(run->free, run->parts, run->part_count);
        } else if (run->policy->passed) {
            run->policy->passed(&job->turn, &run->counter);
        }
    }
}

/* When the job could start if nothing new did, into run->later the GPUs free then, its own taken off. */
static double first_start(struct run *run, const struct job *job, double *ends_s)
{
    uint32_t count = 0;
    memcpy(run->later, run->free, run->nodes * sizeof *run->free);
    for (uint32_t i = 0; i < run->order_count; i++)
        if (run->jobs[run->order[i]].turn.running)
            ends_s[count++] = run->jobs[run->order[i]].end_s;
    for (;;) {
        double next_s = INFINITY;
        for (uint32_t i = 0; i < count; i++)
            next_s = ends_s[i] < next_s ? ends_s[i] : next_s;
        DURE_ASSERT(count > 0 && next_s < INFINITY);
        uint32_t k = 0;
        for (uint32_t i = 0, at = 0; i < run->order_count; i++) {
            const struct job *other = &run->jobs[run->order[i]];
            if (!other->turn.running)
                continue;
            if (ends_s[at] == next_s) {
                vacate(run->later, other->parts, other->part_count);
                ends_s[at] = INFINITY;
                k++;
            }
            at++;
        }
        DURE_ASSERT(k > 0);
        if (fits(run, run->later, job->turn.gpus)) {
            occupy(run->later, run->parts, run->part_count);
            return next_s;
        }
    }
}

/* Behind a job that waits for `start_s`: it may start if it ends by then, or leaves the room that is set aside alone. */
static bool may_backfill(struct run *run, const struct job *job, double start_s)
{
    if (run->now_s + job->turn.remaining_s <= start_s)
        return true;
    for (uint32_t i = 0; i < run->part_count; i++)
        if (run->later[run->parts[i].node] < run->parts[i].gpus)
            return false;
    occupy(run->later, run->parts, run->part_count);
    return true;
}

static enum dure_err start(struct run *run, struct job *job)
{
    job->parts = malloc(run->part_count * sizeof *job->parts);
    if (!job->parts)
        return DURE_E_MEMORY;
    memcpy(job->parts, run->parts, run->part_count * sizeof *job->parts);
    job->part_count = run->part_count;
    occupy(run->free, job->parts, job->part_count);
    run->free_gpus -= job->turn.gpus;
    job->turn.running = true;
    job->end_s = run->now_s + job->turn.remaining_s;
    return DURE_OK;
}

/* Who runs, runs on; the others start in order. `ends_s`: scratch for as many numbers as there are jobs. */
static enum dure_err start_waiting(struct run *run, double *ends_s)
{
    double blocked_until_s = -1;
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct job *job = &run->jobs[run->order[i]];
        if (job->turn.running)
            continue;
        const bool room = job->turn.gpus <= run->free_gpus && fits(run, run->free, job->turn.gpus);
        if (room && (blocked_until_s < 0 || may_backfill(run, job, blocked_until_s))) {
            const enum dure_err err = start(run, job);
            if (err)
                return err;
        } else if (run->policy->fit == DURE_TURN_BLOCKS) {
            return DURE_OK;
        } else if (blocked_until_s < 0) {
            blocked_until_s = first_start(run, job, ends_s);
        }
    }
    return DURE_OK;
}

/* The time of the next event; INFINITY: none. */
static double next_event(struct run *run)
{
    double next_s = run->arrived < run->job_count ? run->jobs[run->arrived].turn.submit_s : INFINITY;
    double change_s = INFINITY;
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct job *job = &run->jobs[run->order[i]];
        if (!job->turn.running)
            continue;
        if (run->policy->preempts)
            job->end_s = run->now_s + job->turn.remaining_s;
        if (job->end_s < next_s)
            next_s = job->end_s;
        if (run->policy->changes_in && run->now_s + run->policy->changes_in(&job->turn) < change_s)
            change_s = run->now_s + run->policy->changes_in(&job->turn);
    }
    return change_s < next_s ? change_s : next_s;
}

static enum dure_err play(struct run *run)
{
    double *ends_s = calloc(run->job_count, sizeof *ends_s);
    enum dure_err err = ends_s ? DURE_OK : DURE_E_MEMORY;
    while (!err && run->done < run->job_count) {
        run->now_s = next_event(run);
        DURE_ASSERT(run->now_s < INFINITY);
        run->events++;
        finish(run);
        arrive(run);
        advance(run);
        sort_order(run);
        if (run->policy->preempts)
            start_all(run);
        else
            err = start_waiting(run, ends_s);
    }
    free(ends_s);
    return err;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_up(struct run *run, struct dure_turns_result *result)
{
    double sum = 0;
    for (uint32_t i = 0; i < run->done; i++)
        sum += run->jcts_s[i];
    qsort(run->jcts_s, run->done, sizeof *run->jcts_s, by_size);
    *result = (struct dure_turns_result){.avg_jct_s = sum / run->done,
                                         .makespan_s = run->now_s,
                                         .p99_jct_s = run->jcts_s[(uint64_t)run->done * 99 / 100],
                                         .jobs = run->done,
                                         .events = run->events,
                                         .preemptions = run->preemptions};
}

static int by_submission(const void *a, const void *b)
{
    const struct dure_muri_job *const *x = a, *const *y = b;
    if ((*x)->submit_s != (*y)->submit_s)
        return (*x)->submit_s < (*y)->submit_s ? -1 : 1;
    return (*x > *y) - (*x < *y);
}

static enum dure_err take_jobs(struct run *run, const struct dure_muri *trace)
{
    const struct dure_muri_job **sorted = calloc(trace->count, sizeof *sorted);
    if (!sorted)
        return DURE_E_MEMORY;
    for (uint32_t i = 0; i < trace->count; i++)
        sorted[i] = &trace->jobs[i];
    qsort(sorted, trace->count, sizeof *sorted, by_submission);
    for (uint32_t i = 0; i < trace->count; i++) {
        struct job *job = &run->jobs[i];
        job->iteration_s = sorted[i]->iteration_ms * WATCHED / 1000;
        job->iterations_left = sorted[i]->iterations;
        job->turn = (struct dure_turn_job){.submit_s = sorted[i]->submit_s,
                                           .service_s = job->iterations_left * job->iteration_s,
                                           .remaining_s = job->iterations_left * job->iteration_s,
                                           .gpus = sorted[i]->gpus};
        if (run->policy->preempts)
            job->overhead_s = dure_turns_overhead_s(sorted[i]->model, sorted[i]->gpus);
    }
    free(sorted);
    return DURE_OK;
}

static enum dure_err too_large(const struct dure_muri *trace, uint64_t all, struct dure_error *error)
{
    for (uint32_t i = 0; i < trace->count; i++)
        if (trace->jobs[i].gpus > all)
            return dure_fail(error, DURE_E_NEVER,
                             "%s: num_gpu: found a job of %" PRIu32 " GPUs, expected at most the cluster's %" PRIu64
                             "; give more --nodes or --gpus",
                             trace->report.problems.file, trace->jobs[i].gpus, all);
    return DURE_OK;
}

enum dure_err dure_turns_play(const struct dure_muri *trace, uint32_t nodes, uint32_t gpus,
                              const struct dure_turn_policy *policy, struct dure_turns_result *ret_result,
                              struct dure_error *error)
{
    struct run run = {.policy = policy, .job_count = trace->count, .nodes = nodes, .gpus = gpus};
    enum dure_err err = too_large(trace, (uint64_t)nodes * gpus, error);
    if (err)
        return err;
    run.jobs = calloc(trace->count, sizeof *run.jobs);
    run.order = calloc(trace->count, sizeof *run.order);
    run.jcts_s = calloc(trace->count, sizeof *run.jcts_s);
    run.free = calloc(nodes, sizeof *run.free);
    run.later = calloc(nodes, sizeof *run.later);
    run.parts = calloc(nodes + 1, sizeof *run.parts);
    run.free_gpus = nodes * gpus;
    err = run.jobs && run.order && run.jcts_s && run.free && run.later && run.parts ? take_jobs(&run, trace)
                                                                                    : DURE_E_MEMORY;
    for (uint32_t n = 0; !err && n < nodes; n++)
        run.free[n] = gpus;
    if (!err)
        err = play(&run);
    if (!err)
        add_up(&run, ret_result);
    else
        dure_fail(error, err, "out of memory");
    for (uint32_t i = 0; run.jobs && i < trace->count; i++)
        free(run.jobs[i].parts);
    free(run.jobs);
    free(run.order);
    free(run.jcts_s);
    free(run.free);
    free(run.later);
    free(run.parts);
    return err;
}
