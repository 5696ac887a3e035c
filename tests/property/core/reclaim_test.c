/* Reclaim, recounted: random histories of owners that come back to a chain full of borrowers, watched by a naive witness (witness.c) that tries every
 * cell. Every choice of one cell is the cheapest; every eviction is needed, by the reservation just made, and would not have come by itself within the
 * grace; borrowed work evicts nobody, nor does a tenant's guaranteed work another tenant's, so that no eviction leads back to its cause; nobody is told
 * later or stopped sooner than was promised; who was evicted, an array's element too, is next of its kind. All of it again after snapshots.
 *
 * Mutants that must die (mutants.sh): victims chosen by youth alone; a gang cut in half (only its GPUs in the cell count); a notice shorter than promised;
 * a notice given though the walltime ends in time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "specs.h"
#include "tap.h"
#include "witness.h"

static const char tenants_text[] = "kind: Tenants\nversion: 1\n"
                                   "tenants: [{name: state, owner: state, tenants: [{name: a}, {name: b}]}, {name: "
                                   "firm, owner: firm, tenants: [{name: c}]}, {name: guest}]\n"
                                   "allotments:\n"
                                   "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
                                   "  - {name: rb, tenant: state/b, group: st, level: node, count: 2}\n"
                                   "  - {name: rc, tenant: firm/c, group: st, level: gpu, count: 6}\n"
                                   "lending: [{owner: state, notice: 10m, to: all}]\n";

static uint64_t seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static struct dure_job borrower(struct rig *rig)
{
    static const char *const who[] = {"guest", "firm", "guest", "state/a"};
    struct dure_job job = rig_job(rig, who[below(4)], 1, 1 + below(4), true);
    if (!below(3)) {
        job.tasks = 1 + below(5);
        job.task_gpus = 4;
    }
    job.grace_us = below(4) * 40 * DURE_SECOND_US;
    job.walltime_us = (1 + below(60)) * DURE_MINUTE_US;
    job.checkpoint_us = below(3) ? 0 : (1 + below(20)) * DURE_MINUTE_US;
    if (!below(4)) {
        job.array_count = 2 + below(6);
        job.array_step = 1;
    }
    return job;
}

static struct dure_job owner(struct rig *rig)
{
    static const char *const who[] = {"state/a", "state/b", "firm/c", "state/b"};
    const uint32_t which = below(4);
    struct dure_job job = rig_job(rig, who[which], 1, 4, false);
    if (which == 0)
        job.tasks = below(2) ? 4 : 1 + below(4);
    else if (which == 2)
        job.task_gpus = 1;
    else
        job.tasks = 1 + below(2);
    if (which == 2)
        job.tasks = 1 + below(3);
    job.priority = (int32_t)below(3);
    job.walltime_us = (1 + below(20)) * DURE_MINUTE_US;
    job.grace_us = below(3) * 30 * DURE_SECOND_US;
    return job;
}

static uint64_t some_attempt(struct rig *rig)
{
    struct dure_job_view view;
    uint64_t chosen = 0;
    uint32_t seen = 0;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        if (!below(++seen))
            chosen = view.attempt.v;
    return chosen;
}

static bool append(void *context, const void *bytes, size_t length)
{
    dure_buf_add(context, bytes, length);
    return true;
}

/* What was loaded decides from here; the old one only follows. */
static void reload(struct rig *rig)
{
    struct dure_buf bytes;
    struct dure_core *loaded = NULL;
    dure_buf_init(&bytes, 64u << 20);
    if (dure_core_save(rig->core, append, &bytes) != DURE_OK ||
        dure_core_load(bytes.data, bytes.length, &loaded, &rig->error) != DURE_OK)
        tap_bail("save and load: %s", rig->error.text);
    dure_buf_release(&bytes);
    dure_core_free(rig->follower);
    rig->follower = rig->core;
    rig->core = loaded;
}

static void submit(struct rig *rig, struct witness *w, const struct dure_job *job)
{
    w->jobs[dure_core_next_job(rig->core).v] = *job;
    const enum dure_err err = rig_submit(rig, job);
    if (err != DURE_OK && err != DURE_E_NEVER)
        tap_bail("submit: %s", rig->error.text);
}

static void kept(struct rig *rig, struct witness *w)
{
    struct dure_record r = rig_record(rig, DURE_REC_CHECKPOINT);
    r.attempt.v = some_attempt(rig);
    if (!r.attempt.v)
        return;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("checkpoint: %s", rig->error.text);
    w->attempts[r.attempt.v].kept_us = rig->now_us;
}

static void turn(struct rig *rig, struct witness *w)
{
    const uint32_t what = below(100);
    struct dure_job job;
    witness_step(w);
    if (what < 25) {
        job = borrower(rig);
        submit(rig, w, &job);
    } else if (what < 40) {
        job = owner(rig);
        submit(rig, w, &job);
    } else if (what < 65) {
        (void)!rig_pass(rig);
    } else if (what < 80) {
        (void)!rig_tick(rig, rig->now_us + (below(3) ? 1 + below(60) : below(20) * 60) * DURE_SECOND_US + below(1000));
    } else if (what < 88) {
        const uint64_t attempt = some_attempt(rig);
        if (attempt)
            (void)!rig_report(rig, attempt, DURE_REPORT_ENDED, 0);
    } else if (what < 94) {
        rig_reap(rig);
    } else if (what < 96) {
        kept(rig, w);
    } else if (what < 98) {
        (void)!rig_simple(rig, DURE_REC_CANCEL, 1 + below((uint32_t)dure_core_next_job(rig->core).v), DURE_NONE32);
    } else {
        reload(rig);
    }
}

static void history(struct witness *sum)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, tenants_text);
    struct witness *w = witness_new(&rig);
    reload(&rig);
    for (uint32_t i = 0; i < 1500 && w->faults == 0; i++)
        turn(&rig, w);
    TAP_EQ_UINT(w->faults, 0, "the witness finds no fault in %llu reservations and %llu evictions",
                (unsigned long long)w->reserves, (unsigned long long)w->evictions);
    sum->reserves += w->reserves;
    sum->evictions += w->evictions;
    sum->judged += w->judged;
    sum->gangs_judged += w->gangs_judged;
    sum->greedy_lost += w->greedy_lost;
    sum->least_lost += w->least_lost;
    sum->requeued += w->requeued;
    free(w);
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    seed = tap_seed(20261127);
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 12;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = (int)rounds;
    rounds = 5;
#endif
    struct witness *sum = calloc(1, sizeof *sum);
    for (uint32_t i = 0; i < rounds; i++)
        history(sum);
    TAP_OK(sum->judged > 20 * rounds && sum->evictions > 10 * rounds && sum->requeued > 5 * rounds,
           "%llu choices of one cell, %llu evictions, %llu put back", (unsigned long long)sum->judged,
           (unsigned long long)sum->evictions, (unsigned long long)sum->requeued);
    tap_diag("%llu choices of several cells lose %llu GPU-ms; brute force %llu: %.2f %% more",
             (unsigned long long)sum->gangs_judged, (unsigned long long)sum->greedy_lost,
             (unsigned long long)sum->least_lost,
             sum->least_lost ? 100.0 * ((double)sum->greedy_lost / (double)sum->least_lost - 1) : 0.0);
    free(sum);
    return tap_done();
}
