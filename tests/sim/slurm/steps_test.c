/* Each step that puts the engine's view and Slurm's together again, by the fault that it is there for. With a name of a step: that test alone; built
 * with the mutants, a number leaves the step out, and its test must fail (mutants.sh). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "engine/slurm/without.h"
#include "rig.h"
#include "tap.h"

#ifdef DURE_SLURM_MUTANTS
int dure_slurm_without;
#endif

#define RUN_S(s) rig_run((s)*DURE_SECOND_US)

static bool over_1(void)
{
    return rig.attempts[1].over;
}

static bool started_1(void)
{
    return rig.attempts[1].started;
}

/* It arrived, and its answer was lost: there is one job, and it is found again, even while looks are slow and other orders are answered. */
static void test_SEARCH(void)
{
    RUN_S(1);
    fake.lose_answers = 1;
    rig_start(1, 0, 2, 3);
    fake.list_late_us = 3 * DURE_SECOND_US;
    rig_run(30 * DURE_SECOND_US - 5000);
    rig_start(2, 2, 1, 3);
    RUN_S(200);
    TAP_EQ_UINT(fake.submits, 2, "each is handed over once although nobody said so");
    TAP_EQ_UINT(fake_starts_most(), 1, "and started once");
    TAP_OK(rig.attempts[1].over && rig.attempts[1].report == DURE_REPORT_ENDED, "and its end was seen");
}

static void test_ADOPT(void)
{
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    rig_crash();
    RUN_S(10);
    rig_engine();
    TAP_OK(rig_until(over_1, 120 * DURE_SECOND_US), "another daemon sees it end");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "as ended");
    TAP_EQ_UINT(fake.submits, 1, "handed over once");
}

static void test_ENDED_AWAY(void)
{
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    rig_crash();
    RUN_S(100);
    rig_engine();
    RUN_S(10);
    TAP_OK(rig.attempts[1].over, "what ended while nobody looked is reported");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "as ended");
    TAP_EQ_INT(rig.attempts[1].exit_code, 0, "with its exit code");
}

static void test_ORPHANS(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    rig_crash();
    rig.attempts[1].over = true; /* its end was decided, the order to forget it died with the daemon */
    struct fake_job *theirs = fake_foreign(8, 1, DURE_HOUR_US);
    rig_engine();
    RUN_S(10);
    TAP_OK(dure_slurm_state_ended(fake_job("dure-")->state), "what the core has ended does not run on");
    TAP_EQ_INT(theirs->state, DURE_SLURM_STATE_RUNNING, "what others gave does");
    TAP_EQ_UINT(fake.foreign_cancels, 0, "and nobody tried");
}

static void test_DUPLICATES(void)
{
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    const uint32_t twin = fake_twin(fake_job("dure-"))->id;
    RUN_S(20);
    const struct fake_job *last = fake_job("dure-");
    TAP_OK(last->id == twin && last->state == DURE_SLURM_STATE_CANCELLED, "the second job of an attempt goes");
    RUN_S(100);
    TAP_EQ_UINT(fake_starts_most(), 1, "one ever ran");
    TAP_OK(rig.attempts[1].report == DURE_REPORT_ENDED && !rig.attempts[1].cancelled, "the first ended by itself");
}

static void test_VANISHED(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    fake_crash();
    RUN_S(30);
    TAP_OK(rig.attempts[1].over, "what Slurm has forgotten is given up");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST, "as lost");
    TAP_EQ_UINT(fake.submits, 1, "and not begun again by the engine");
}

static void test_STALE(void)
{
    RUN_S(6);
    fake.list_late_us = 4 * DURE_SECOND_US;
    RUN_S(5); /* a list is on its way that is of before what follows */
    rig_start(1, 0, 1, 3);
    RUN_S(30);
    TAP_OK(!rig.attempts[1].over, "a list from before the order says nothing about it");
    RUN_S(100);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "it runs to its end");
}

static void test_REQUEUED(void)
{
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    struct fake_job *job = fake_job("dure-");
    job->restarts = 1;
    job->state = DURE_SLURM_STATE_PENDING;
    job->held = true;
    memset(job->mask, 0, sizeof job->mask);
    RUN_S(20);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST,
               "what Slurm put back into its queue is the core's to place again");
    TAP_EQ_INT(job->state, DURE_SLURM_STATE_CANCELLED, "and does not wait there");
}

static uint32_t foreign_on(unsigned node)
{
    return (uint32_t)__builtin_popcountll(rig.nodes[node].foreign);
}

static void test_RECOUNT(void)
{
    struct fake_job *theirs = fake_foreign(1, 2, 15 * DURE_SECOND_US);
    RUN_S(10);
    TAP_EQ_UINT(foreign_on(0), 2, "two GPUs of the first node are theirs");
    TAP_EQ_UINT(rig.nodes[0].foreign, theirs->mask[0], "those that Slurm says");
    fake.silent = true;
    RUN_S(30);
    fake_foreign(2, 3, DURE_HOUR_US);
    fake.silent = false;
    RUN_S(20);
    TAP_EQ_UINT(foreign_on(0), 0, "after the silence: none");
    TAP_EQ_UINT(foreign_on(1), 3, "and three of the second");
}

static void test_AWAY(void)
{
    RUN_S(10);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "it is up");
    fake.silent = true;
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "silence makes it away, not free");
    TAP_EQ_INT(rig.nodes[3].state, DURE_NODE_IS_AWAY, "all of it");
    TAP_HAS(rig.nodes[0].reason, "connection refused", "with the reason");
}

static void test_BACK(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    RUN_S(10);
    fake.silent = true;
    RUN_S(60);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "away");
    fake.silent = false;
    RUN_S(20);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "an answer brings it back");
    TAP_OK(!rig.attempts[1].over, "what ran there runs on");
}

static void test_RETURN(void)
{
    RUN_S(10);
    fake.silent = true;
    rig_start(1, 0, 1, 3);
    rig_start(2, 1, 1, 3);
    rig.attempts[2].requeue = false;
    RUN_S(120);
    TAP_OK(rig.attempts[1].over && rig.attempts[1].report == DURE_REPORT_LOST,
           "what never reached it may run elsewhere");
    fake.silent = false;
    RUN_S(20);
    TAP_OK(fake_job("-1-1") == NULL, "and is not begun there after all");
}

static void test_REPEAT(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    fake.lose_orders = 2;
    rig.engine->stop(rig.engine->state, (struct dure_attempt_id){1});
    RUN_S(30);
    TAP_OK(rig.attempts[1].over, "a stop that was not heard is said again");
    TAP_OK(!rig.attempts[1].cancelled, "and is known to be ours");
}

static void test_DOUBT(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    fake.forgets_nodes = true;
    RUN_S(20);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "a node that is down while its job runs is away");
    TAP_EQ_INT(rig.nodes[3].state, DURE_NODE_IS_DOWN, "another is down");
    fake.forgets_nodes = false;
    RUN_S(10);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "and comes back");
    TAP_OK(!rig.attempts[1].over, "its job runs on");
}

/* It arrives later than the first list that could have shown it, and before the second. */
static void test_SETTLE(void)
{
    RUN_S(6);
    fake.late_us = 1500000;
    rig_start(1, 0, 1, 3);
    rig_run(5000);
    rig_crash();
    rig_engine();
    RUN_S(100);
    TAP_EQ_UINT(fake.submits, 1, "a list that came too soon does not have it handed over again");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "it runs to its end");
}

static void test_FORGOTTEN(void)
{
    RUN_S(6);
    rig_start(1, 0, 1, 3);
    rig_run(5000); /* on its way, and nobody has heard that it arrived */
    rig_crash();
    TAP_OK(!rig.attempts[1].started, "the daemon died before it heard that it began");
    RUN_S(400);
    TAP_OK(fake_job("dure-") == NULL, "meanwhile it ran, ended, and Slurm forgot it");
    rig_engine();
    RUN_S(60);
    TAP_EQ_UINT(fake.submits, 1, "what may have run is not handed over again");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST, "but lost");
}

/* Handed over, on its way for long; the next daemon found nothing and handed it over again. */
static void test_HOLD(void)
{
    RUN_S(6);
    fake.lasts_us = 200000;
    fake.late_us = 5 * DURE_SECOND_US;
    rig_start(1, 0, 1, 3);
    RUN_S(1);
    rig_crash();
    rig_engine();
    RUN_S(90);
    TAP_EQ_UINT(fake.submits, 2, "it was handed over twice");
    TAP_EQ_UINT(fake_starts_most(), 1, "and ran once");
}

static void test_RELEASE(void)
{
    RUN_S(6);
    fake.late_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    RUN_S(36);
    TAP_OK(fake.submits == 2 && fake_job("dure-")->held, "what seems lost is handed over again, held");
    rig_crash();
    rig_engine();
    TAP_OK(rig_until(started_1, 30 * DURE_SECOND_US), "and let go, by another daemon too");
}

static void test_BEGUN(void)
{
    RUN_S(6);
    fake.lasts_us = 0;
    rig_start(1, 0, 1, 3);
    RUN_S(10);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "it ended before anybody looked");
    TAP_OK(rig.attempts[1].started, "and the core hears that it began");
}

static void test_SWEPT(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    rig_crash();
    rig.slow = true;
    rig_engine();
    RUN_S(30);
    rig_recover();
    RUN_S(30);
    TAP_OK(!rig.attempts[1].over, "a daemon that has not read its record yet ends nothing");
    TAP_EQ_UINT(fake.cancels + fake.signals, 0, "and says nothing");
}

static uint32_t foreign_on(unsigned node);

static void test_LEAVING(void)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    fake.lose_orders = 4;
    rig.attempts[1].over = true;
    rig.engine->forget(rig.engine->state, (struct dure_attempt_id){1});
    RUN_S(3);
    TAP_EQ_UINT(foreign_on(0), 2, "what the core has ended and Slurm has not holds its GPUs");
    RUN_S(20);
    TAP_EQ_UINT(foreign_on(0), 0, "until it is gone");
}

static void test_OUSTED(void)
{
    RUN_S(6);
    fake_foreign(1, 3, DURE_HOUR_US);
    rig_start(1, 0, 1, 3);
    RUN_S(60);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST, "whose GPUs went to others is the core's to place again");
    TAP_OK(!rig.attempts[1].started && dure_slurm_state_ended(fake_job("dure-")->state), "and waits there no longer");
}

static void test_LIMIT(void)
{
    fake.lasts_us = 3 * DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
    rig_crash();
    rig.attempts[1].walltime_us = 2 * DURE_HOUR_US; /* recorded; the order died with the daemon */
    rig_engine();
    RUN_S(20);
    const int64_t limit_us = fake_job("dure-")->walltime_us;
    TAP_OK(limit_us > 2 * DURE_HOUR_US && limit_us < 2 * DURE_HOUR_US + 3 * DURE_MINUTE_US,
           "Slurm's limit follows the walltime: %lld s", (long long)(limit_us / DURE_SECOND_US));
}

/* Slurm may say "nothing changed" in place of a list. Who is searched for is not in it, and that must be heard. */
static void test_WHOLE(void)
{
    fake.marks = true;
    RUN_S(20);
    fake.late_us = DURE_HOUR_US;
    rig_start(1, 0, 1, 3);
    RUN_S(90);
    TAP_EQ_UINT(fake.submits, 2, "what never arrived is handed over again");
    TAP_OK(rig.attempts[1].started, "and runs");
}

/* A list of states says that others' job runs, and not with how many GPUs. */
static void test_DETAILS(void)
{
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "ours runs");
    RUN_S(5);
    TAP_EQ_UINT(fake.whole_lists, 0, "of ours a list of states says all");
    fake_foreign(2, 3, DURE_HOUR_US);
    RUN_S(5);
    TAP_EQ_UINT(foreign_on(1), 3, "of others' the whole list is asked for their GPUs");
}

/* What it said is not asked again, and not forgotten while it holds. */
static void test_RECALL(void)
{
    struct fake_job *theirs = fake_foreign(2, 3, 100 * DURE_SECOND_US);
    RUN_S(10);
    const unsigned asked = fake.whole_lists;
    for (uint64_t id = 1; id <= 4; id++) {
        rig_start(id, 0, 1, 3);
        RUN_S(15);
        TAP_EQ_UINT(foreign_on(1), 3, "theirs stays theirs while ours come and go");
    }
    TAP_EQ_UINT(fake.whole_lists, asked, "without another whole list");
    theirs->start_us += DURE_SECOND_US; /* it was begun again, elsewhere on the node */
    theirs->mask[1] = 6;
    RUN_S(15);
    TAP_EQ_UINT(rig.nodes[1].foreign, 6, "begun again it is asked for again");
    theirs->lasts_us = 0;
    RUN_S(15);
    TAP_EQ_UINT(foreign_on(1), 0, "and free when it has ended");
}

/* Why a node is down may change while it is; that is told, but not with every look. */
static void test_WORDS(void)
{
    fake.node_flags[1] = DURE_SLURM_NODE_DOWN;
    snprintf(fake.node_reason[1], sizeof fake.node_reason[1], "no power");
    RUN_S(10);
    TAP_HAS(rig.nodes[1].reason, "no power", "a node that is down is down for a reason");
    const unsigned sights = rig.sights;
    snprintf(fake.node_reason[1], sizeof fake.node_reason[1], "no cooling");
    RUN_S(20);
    TAP_EQ_UINT(rig.sights, sights, "another reason is not told at once");
    RUN_S(60);
    TAP_HAS(rig.nodes[1].reason, "no cooling", "but within a minute");
    RUN_S(300);
    TAP_EQ_UINT(rig.sights, sights + 1, "and once");
    for (unsigned i = 0; i < 3600; i += 10) {
        snprintf(fake.node_reason[1], sizeof fake.node_reason[1], "reason %u", i);
        RUN_S(10);
    }
    TAP_OK(rig.sights <= sights + 7, "reasons that never rest are told less and less often: %u", rig.sights - sights);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define X(name, text) {#name, test_##name},
    SLURM_STEPS(X)
#undef X
};

int main(int argc, char **argv)
{
#ifdef DURE_SLURM_MUTANTS
    dure_slurm_without = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
#endif
    if (argc > 1 && strcmp(argv[1], "steps") == 0) {
        for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++)
            puts(tests[i].name);
        return 0;
    }
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], tests[i].name) != 0)
            continue;
        tap_diag("%s", tests[i].name);
        rig_begin();
        tests[i].run();
        TAP_EQ_UINT(fake.foreign_cancels, 0, "%s: nothing of others is touched", tests[i].name);
        rig_end();
    }
    return tap_done();
}
