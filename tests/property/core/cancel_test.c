/* A cancelled preemption leaves no trace (property 10 of CELLS.md's list): two cores live the same random history; in one an owner's job comes, is given the
 * place of borrowers, who are warned, and is cancelled (or held) before they have left; in the other the same job came held and never had a place. From
 * then on both have the same state, to the digest, and decide the same. Where victims have gone in between, they are queued again and nobody else is
 * still warned. Where the owner's job put the planned start of a lower priority aside, that is planned anew, and may come out otherwise: such lives are
 * not compared.
 *
 * Mutant that must die (mutants.sh): a notice that is not taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static uint64_t seed;
static uint64_t preemptions, gone, unplans;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static struct dure_job random_job(struct rig *rig, bool owner)
{
    static const char *const owners[] = {"state/a", "state/b", "firm/c"}, *const guests[] = {"guest", "firm", "state"};
    struct dure_job job = rig_job(rig, (owner ? owners : guests)[below(3)], 1, 1 + below(4), !owner);
    if (!below(3)) {
        job.tasks = 1 + below(4);
        job.task_gpus = 4;
    } else if (!below(4)) {
        job.task_gpus = 1;
        job.task_gpu_milli = 250;
        job.tasks = 1 + below(3);
    }
    job.priority = (int32_t)below(3);
    job.grace_us = (40 + below(60)) * DURE_SECOND_US;
    job.walltime_us = (10 + below(100)) * DURE_MINUTE_US;
    return job;
}

static void both(struct rig rigs[2], enum dure_err (*step)(struct rig *rig))
{
    for (int i = 0; i < 2; i++)
        if (step(&rigs[i]) != DURE_OK)
            tap_bail("step: %s", rigs[i].error.text);
}

static enum dure_err one_second(struct rig *rig)
{
    return rig_tick(rig, rig->now_us + DURE_SECOND_US);
}

/* As many passes in one as in the other: the state counts them. */
static enum dure_err pass(struct rig *rig)
{
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; i < 4 && err == DURE_OK; i++)
        err = rig_pass(rig);
    return err;
}

static enum dure_err reap(struct rig *rig)
{
    rig_reap(rig);
    return DURE_OK;
}

static void live(struct rig rigs[2], uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        const struct dure_job job = random_job(&rigs[0], !below(4));
        const int64_t by = below(200) * DURE_SECOND_US;
        for (int k = 0; k < 2; k++) {
            (void)!rig_submit(&rigs[k], &job);
            (void)!rig_tick(&rigs[k], rigs[k].now_us + by);
        }
        both(rigs, reap);
        both(rigs, pass);
    }
}

static bool alike(const struct rig rigs[2])
{
    const struct dure_digest a = dure_core_digest(rigs[0].core), b = dure_core_digest(rigs[1].core);
    return memcmp(&a, &b, sizeof a) == 0;
}

static uint32_t warned(const struct rig *rig)
{
    struct dure_job_view view;
    uint32_t count = 0;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        count += view.attempt_state == DURE_ATTEMPT_WARNED &&
                 (view.cause == DURE_CAUSE_RECLAIMED || view.cause == DURE_CAUSE_PRIORITY);
    return count;
}

static void count_unplans(struct rig *rig, const struct dure_record *decision)
{
    (void)rig;
    unplans += decision->kind == DURE_REC_UNPLAN;
}

static void round_of(uint64_t number)
{
    struct rig rigs[2];
    for (int i = 0; i < 2; i++) {
        rig_init(&rigs[i], specs_fleet, specs_tenants);
        rigs[i].own_log = false;
    }
    live(rigs, 8 + below(20));
    if (!alike(rigs))
        tap_bail("the same history gives two states");
    struct dure_job job = random_job(&rigs[0], true);
    const uint64_t id = dure_core_next_job(rigs[0].core).v;
    const uint32_t before = warned(&rigs[0]);
    const bool refused = rig_submit(&rigs[0], &job) != DURE_OK;
    job.hold = true;
    (void)!rig_submit(&rigs[1], &job);
    unplans = 0;
    rigs[0].watch = count_unplans;
    both(rigs, pass);
    rigs[0].watch = NULL;
    struct dure_job_view view;
    const bool preempts = !refused && dure_core_job_view(rigs[0].core, (struct dure_job_id){id}, DURE_NONE32, &view) &&
                          view.wait == DURE_WAIT_PREEMPTING;
    if (preempts && before == 0 && warned(&rigs[0]) > 0 && !unplans) {
        const bool late = !below(3);
        preemptions++;
        for (uint32_t i = late ? 45 : below(5); i; i--) {
            both(rigs, one_second);
            both(rigs, reap);
        }
        const bool went =
            rigs[0].core && !dure_core_job_view(rigs[0].core, (struct dure_job_id){id}, DURE_NONE32, &view);
        for (int i = 0; i < 2; i++)
            (void)!rig_simple(&rigs[i], DURE_REC_CANCEL, id, DURE_NONE32);
        if (late) {
            gone++;
            if (!went && view.state == DURE_JOB_PENDING && warned(&rigs[0]) != warned(&rigs[1]))
                TAP_FAIL("round %llu: somebody is warned for nobody", (unsigned long long)number);
        } else if (!alike(rigs)) {
            TAP_FAIL("round %llu: a cancelled preemption left a trace", (unsigned long long)number);
        } else {
            live(rigs, 6);
            if (!alike(rigs))
                TAP_FAIL("round %llu: what comes after a cancelled preemption is another thing",
                         (unsigned long long)number);
        }
    }
    for (int i = 0; i < 2; i++)
        rig_release(&rigs[i]);
}

int main(int argc, char **argv)
{
    seed = tap_seed(10);
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 400;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = (int)rounds;
    rounds = 150;
#endif
    for (uint64_t i = 0; i < rounds; i++)
        round_of(i);
    TAP_OK(preemptions > rounds / 20 && gone, "%llu preemptions cancelled, %llu of them late",
           (unsigned long long)preemptions, (unsigned long long)gone);
    return tap_done();
}
