/* What the Slurm engine does with what a cluster does: ends of every kind, others' work, nodes, refusals, and how often it asks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "engine/local.h"
#include "rig.h"
#include "tap.h"

#define RUN_S(s) rig_run((s)*DURE_SECOND_US)

static bool started_1(void)
{
    return rig.attempts[1].started;
}

static void begin_1(uint32_t nodes)
{
    fake.lasts_us = DURE_HOUR_US;
    rig_start(1, 0, nodes, 3);
    TAP_OK(rig_until(started_1, 20 * DURE_SECOND_US), "it runs");
}

static void test_end_seen_soon(void)
{
    fake.lasts_us = 20 * DURE_SECOND_US;
    rig_start(1, 0, 1, 3);
    TAP_OK(rig_until(started_1, DURE_SECOND_US), "a start is seen within a second");
    rig_run(22 * DURE_SECOND_US);
    TAP_OK(rig.attempts[1].over, "an end within a tenth of its run");
}

static void test_cancelled_by_others(void)
{
    begin_1(1);
    struct fake_job *job = fake_job("dure-");
    job->state = DURE_SLURM_STATE_CANCELLED;
    job->exit_signal = 15;
    job->end_us = fake.now_us;
    RUN_S(10);
    TAP_OK(rig.attempts[1].cancelled, "scancel on Slurm's side cancels the job");
    TAP_HAS(rig.attempts[1].reason, "scancel", "and is named");
}

static void test_stopped_by_us(void)
{
    begin_1(1);
    rig.engine->stop(rig.engine->state, (struct dure_attempt_id){1});
    RUN_S(10);
    TAP_OK(rig.attempts[1].over && !rig.attempts[1].cancelled, "a stop of ours is no cancellation by others");
    TAP_EQ_INT(rig.attempts[1].exit_signal, 9, "and kills");
}

static void test_warned(void)
{
    begin_1(1);
    rig.engine->warn(rig.engine->state, (struct dure_attempt_id){1}, 0);
    RUN_S(10);
    TAP_OK(rig.attempts[1].over, "a warning reaches it");
    TAP_EQ_INT(rig.attempts[1].exit_signal, 15, "as SIGTERM");
    TAP_EQ_UINT(fake.signals, 1, "once");
}

/* What Slurm gives beyond what was placed is nobody else's, and what it leaves is not free. */
static void test_counted_as_it_stands(void)
{
    fake.tells_states = false;
    begin_1(2);
    struct fake_job *job = fake_job("dure-");
    job->mask[0] = 1;
    job->mask[1] = 7;
    RUN_S(3);
    TAP_EQ_UINT(rig.nodes[1].foreign, 8, "a GPU that it took beyond is lost to others");
    TAP_EQ_UINT(rig.nodes[0].foreign, 0, "and one that it left stays its own");
    job->state = DURE_SLURM_STATE_COMPLETED;
    job->mask[0] = job->mask[1] = 0;
    job->end_us = fake.now_us;
    RUN_S(5);
    TAP_OK(rig.attempts[1].over && rig.nodes[1].foreign == 0, "with its end all are free");
}

/* Three GPUs of one node and two of another are no place that Slurm can be told. */
static void test_uneven(void)
{
    rig.more = 4;
    rig_start(1, 0, 2, 3);
    RUN_S(5);
    TAP_OK(rig.attempts[1].over && !rig.attempts[1].started, "it is not handed over");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_REFUSED, "but refused");
    TAP_HAS(rig.attempts[1].reason, "the same number of GPUs on each of its nodes", "with the reason");
    TAP_EQ_UINT(fake.job_count, 0, "Slurm has not heard of it");
}

/* The fleet says that its Slurm is reached otherwise, while a submission is under way and a job runs. */
static void test_block_changes(void)
{
    struct dure_error error = {0};
    bool changed = false;
    begin_1(1);
    TAP_OK(dure_engine_slurm_renew(rig.engine, &changed, &error) == DURE_OK && !changed, "nothing changed");
    rig_start(2, 1, 1, 3);
    rig_run(1);
    rig_block("other");
    TAP_OK(dure_engine_slurm_renew(rig.engine, &changed, &error) == DURE_OK && changed, "another way is taken");
    rig_block("third");
    TAP_OK(dure_engine_slurm_renew(rig.engine, &changed, &error) == DURE_OK && !changed,
           "a third when what is under way has ended");
    rig_start(3, 2, 1, 3);
    RUN_S(5);
    TAP_OK(rig.attempts[2].started && rig.attempts[3].started, "what was under way and what came after run");
    TAP_OK(!rig.attempts[1].over, "and what ran");
    TAP_EQ_UINT(fake_starts_most(), 1, "each once");
    TAP_OK(dure_engine_slurm_renew(rig.engine, &changed, &error) == DURE_OK && changed, "then the third");
    RUN_S(3);
    TAP_OK(rig.sights > 0 && rig.nodes[0].state == DURE_NODE_IS_UP, "nobody was away");
    rig_block("");
}

static void test_warned_before_it_began(void)
{
    fake_foreign(1, 4, DURE_HOUR_US);
    rig_start(1, 0, 1, 3);
    RUN_S(5);
    rig.engine->warn(rig.engine->state, (struct dure_attempt_id){1}, 0);
    RUN_S(10);
    TAP_OK(rig.attempts[1].over && !rig.attempts[1].cancelled, "what waits in Slurm goes at once when it is warned");
}

static void test_node_dies_in_gang(void)
{
    begin_1(2);
    fake.node_flags[1] = DURE_SLURM_NODE_DOWN;
    snprintf(fake.node_reason[1], sizeof fake.node_reason[1], "Not responding");
    RUN_S(20);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST, "the gang is lost");
    TAP_EQ_INT(rig.nodes[1].state, DURE_NODE_IS_DOWN, "the node is down");
    TAP_HAS(rig.nodes[1].reason, "Not responding", "with Slurm's reason");
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "the other is not");
}

static void test_drained(void)
{
    begin_1(1);
    fake.node_flags[0] = DURE_SLURM_NODE_DRAIN | DURE_SLURM_NODE_MIXED;
    snprintf(fake.node_reason[0], sizeof fake.node_reason[0], "fan 3");
    RUN_S(10);
    TAP_EQ_UINT(rig.nodes[0].foreign, 12, "what is free of a drained node is nobody's to use");
    TAP_HAS(rig.nodes[0].foreign_reason, "drained: fan 3", "with its reason");
    TAP_OK(!rig.attempts[1].over, "what runs there runs on");
    fake.node_flags[0] = 0;
    RUN_S(10);
    TAP_EQ_UINT(rig.nodes[0].foreign, 0, "and comes back");
}

static void test_failing(void)
{
    RUN_S(6);
    fake.node_flags[0] = DURE_SLURM_NODE_FAIL | DURE_SLURM_NODE_IDLE;
    RUN_S(10);
    TAP_EQ_UINT(rig.nodes[0].foreign, 15, "a node that is expected to fail is nobody's to use");
    TAP_HAS(rig.nodes[0].foreign_reason, "expected to fail", "and that is said");
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "it is not down");
}

/* Nodes are told and submissions answered, but the list of jobs passes what is taken: nothing is known of what runs. */
static void test_list_unreadable(void)
{
    begin_1(1);
    fake.list_unreadable = true;
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "whose jobs cannot be listed is away");
    TAP_HAS(rig.nodes[0].reason, "an answer of more", "with the reason");
    TAP_OK(!rig.attempts[1].over, "what runs there runs on");
    const unsigned before = fake.submits;
    rig_start(2, 1, 1, 3);
    RUN_S(20);
    TAP_EQ_UINT(fake.submits, before, "nothing new is handed over");
    fake.list_unreadable = false;
    RUN_S(20);
    TAP_OK(rig.nodes[0].state == DURE_NODE_IS_UP && rig.attempts[2].started, "and all goes on when they can");
}

/* Its states can be listed, and who has which GPUs cannot: where something is left open by that, it is no better than no list. */
static void test_whole_list_unreadable(void)
{
    begin_1(1);
    fake.whole_unreadable = true;
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "what is ours alone needs no whole list");
    fake_foreign(2, 3, 70 * DURE_SECOND_US);
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "whose GPUs cannot be known is away");
    const unsigned before = fake.submits;
    rig_start(2, 1, 1, 3);
    RUN_S(20);
    TAP_EQ_UINT(fake.submits, before, "nothing new is handed over");
    TAP_OK(!rig.attempts[1].over, "what runs there runs on");
    RUN_S(80);
    TAP_OK(rig.nodes[0].state == DURE_NODE_IS_UP && rig.attempts[2].started,
           "and all goes on when nothing is left open any more");
}

static void remember_twenty(void)
{
    fake.lasts_us = DURE_SECOND_US;
    for (uint64_t id = 1; id <= 20; id++) {
        rig_start(id, 0, 1, 3);
        RUN_S(3);
    }
    TAP_OK(rig.attempts[20].over, "twenty have ended, and are remembered");
}

/* By slurmrestd a list is always the whole one. Where Slurm remembers much, what lives is glanced at between, and lists are few. */
static void test_glances(void)
{
    fake.tells_states = false;
    remember_twenty();
    fake.list_late_us = DURE_SECOND_US;
    RUN_S(10);
    fake.lasts_us = 4 * DURE_SECOND_US;
    const unsigned lists = fake.whole_lists, glances = fake.glances;
    rig_start(21, 0, 1, 3);
    RUN_S(2);
    struct fake_job *theirs = fake_foreign(2, 3, DURE_HOUR_US);
    RUN_S(4);
    TAP_OK(rig.attempts[21].over && fake.glances > glances, "another's end is seen by glancing at it");
    RUN_S(8);
    TAP_EQ_UINT(__builtin_popcountll(rig.nodes[1].foreign), 3, "what others begin is listed all the same");
    TAP_OK(fake.whole_lists - lists < 10, "with few lists");
    fake.lasts_us = DURE_HOUR_US;
    rig_start(22, 0, 1, 3);
    RUN_S(5);
    fake.list_unreadable = true;
    RUN_S(60);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "and where no list can be read a glance says nothing");
    fake.list_unreadable = false;
    fake.list_late_us = theirs->lasts_us = 0;
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_UP, "until one can");
}

/* By the commands those of ours are asked for together, in one question. */
static void test_glances_together(void)
{
    fake.tells_states = true;
    remember_twenty();
    fake.lasts_us = 4 * DURE_SECOND_US;
    rig_start(21, 0, 1, 3);
    rig_start(22, 1, 1, 3);
    RUN_S(1);
    const unsigned lists = fake.state_lists, glances = fake.glances;
    struct fake_job *theirs = fake_foreign(4, 3, DURE_HOUR_US);
    RUN_S(2);
    TAP_OK(fake.glances - glances > fake.state_lists - lists, "most looks are glances: %u to %u lists",
           fake.glances - glances, fake.state_lists - lists);
    TAP_EQ_UINT(__builtin_popcountll(rig.nodes[2].foreign), 3, "what others begin is listed all the same");
    RUN_S(2);
    TAP_OK(rig.attempts[21].over && rig.attempts[22].over, "and both ends are seen");
    theirs->lasts_us = 0;
    RUN_S(30);
    TAP_EQ_UINT(rig.nodes[2].foreign, 0, "as is the end of theirs");
    const unsigned lists_before = fake.state_lists;
    fake.lasts_us = DURE_SECOND_US / 2;
    for (uint64_t id = 23; id < 33; id++) {
        rig_start(id, 0, 1, 3);
        RUN_S(1);
    }
    TAP_OK(rig.attempts[32].over && fake.state_lists - lists_before >= 4 && fake.state_lists - lists_before <= 6,
           "while much happens a list comes with each poll, of two seconds: %u in ten",
           fake.state_lists - lists_before);
}

/* One answer that is long in coming says nothing of what the next costs, and most is about to happen just then. */
static void test_one_long_answer(void)
{
    fake.lasts_us = 3 * DURE_SECOND_US;
    rig_start(1, 0, 1, 3);
    RUN_S(2);
    rig_start(2, 1, 1, 3);
    fake.list_late_us = 2 * DURE_SECOND_US;
    rig_run(DURE_SECOND_US / 5);
    fake.list_late_us = 0;
    TAP_OK(!rig.attempts[1].over, "it is asked, and the answer is long in coming");
    rig_run(DURE_SECOND_US * 5 / 2);
    TAP_OK(rig.attempts[1].over, "what ended meanwhile is seen with the next question, soon after");
}

/* Folders that have served serve again, also those of a daemon before; and of what they held nothing is left but where the output lies. */
static void test_folders_serve_again(void)
{
    char path[300], log[4096], log_before[4096];
    struct stat before, after;
    fake.lasts_us = DURE_SECOND_US;
    rig_start(1, 0, 1, 3);
    snprintf(path, sizeof path, "%.200s/1/spec", rig.directory);
    RUN_S(1);
    TAP_OK(stat(path, &before) == 0 && dure_local_log_path(rig.directory, (struct dure_attempt_id){1}, 0, false,
                                                           log_before, sizeof log_before) == DURE_OK,
           "an attempt has its folder");
    RUN_S(5);
    TAP_OK(rig.attempts[1].over && access(path, F_OK) != 0, "and when it is over, none");
    snprintf(path, sizeof path, "%.200s/spare-0/spec", rig.directory);
    TAP_OK(stat(path, &after) == 0 && after.st_ino == before.st_ino && after.st_size == 0,
           "the folder is kept, and nothing of it");
    TAP_OK(dure_local_log_path(rig.directory, (struct dure_attempt_id){1}, 0, false, log, sizeof log) == DURE_OK &&
               strcmp(log, log_before) == 0,
           "where its output lies is still known");
    rig_crash();
    rig_engine();
    rig_recover();
    fake.lasts_us = DURE_HOUR_US;
    rig_start(2, 0, 1, 3);
    RUN_S(3);
    snprintf(path, sizeof path, "%.200s/2/spec", rig.directory);
    TAP_OK(stat(path, &after) == 0 && after.st_ino == before.st_ino && after.st_size > 0,
           "the next attempt has it, under another daemon");
    rig_start(3, 1, 1, 3);
    RUN_S(3);
    snprintf(path, sizeof path, "%.200s/3/spec", rig.directory);
    TAP_OK(stat(path, &after) == 0 && after.st_ino != before.st_ino, "and the one after it another");
    /* A spare that is no folder that can be used: a new one is made. */
    snprintf(path, sizeof path, "%.200s/spare-0", rig.directory);
    if (mkdir(path, 0700) != 0)
        tap_bail("%s", path);
    snprintf(path, sizeof path, "%.200s/spare-0/spec", rig.directory);
    if (mkdir(path, 0700) != 0)
        tap_bail("%s", path);
    rig_crash();
    rig_engine();
    rig_recover();
    rig_start(4, 2, 1, 3);
    RUN_S(3);
    TAP_OK(rig.attempts[4].started, "where a spare is of no use, one is made");
    snprintf(path, sizeof path, "%.200s/4/spec", rig.directory);
    TAP_OK(stat(path, &after) == 0 && S_ISREG(after.st_mode), "as before");
}

static void test_silent_node(void)
{
    RUN_S(6);
    fake.node_flags[2] = DURE_SLURM_NODE_SILENT | DURE_SLURM_NODE_IDLE;
    RUN_S(10);
    TAP_EQ_INT(rig.nodes[2].state, DURE_NODE_IS_AWAY, "a node that slurmctld does not hear is away");
}

static void test_foreign_beside_ours(void)
{
    begin_1(1); /* the core says GPUs 0 and 1 */
    const struct fake_job *theirs = fake_foreign(1, 1, DURE_HOUR_US);
    RUN_S(10);
    TAP_EQ_UINT(theirs->mask[0], 4, "Slurm gives others the third");
    TAP_EQ_UINT(rig.nodes[0].foreign, 4, "and so it is told");
    RUN_S(60);
    TAP_EQ_UINT(rig.nodes[0].foreign, 4, "and stays told");
}

/* Slurm chose other GPUs than the core did: what others hold is put where none of ours stands. */
static void test_relabelled(void)
{
    fake.lasts_us = DURE_HOUR_US;
    const struct fake_job *theirs = fake_foreign(1, 2, DURE_HOUR_US);
    RUN_S(10);
    TAP_EQ_UINT(rig.nodes[0].foreign, theirs->mask[0], "theirs are the first two");
    rig_start(1, 0, 1, 12);
    RUN_S(10);
    TAP_OK(rig.attempts[1].started, "ours starts on the others");
    rig_crash();
    rig.attempts[1].mask = 3; /* as if the core had it on the first two */
    rig_engine();
    RUN_S(20);
    TAP_EQ_UINT(rig.nodes[0].foreign, 12, "a leaf is ours or theirs, never both");
}

static void test_ousted(void)
{
    RUN_S(6);
    fake_foreign(1, 3, DURE_HOUR_US);
    rig_start(1, 0, 1, 3);
    RUN_S(60);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_LOST, "whose GPUs went to others is given back");
    TAP_HAS(rig.attempts[1].reason, "outside dure", "with the reason");
    TAP_OK(!rig.attempts[1].started, "it never ran");
}

static void test_refused(void)
{
    RUN_S(6);
    fake.refuse = "Invalid account or account/partition combination specified";
    rig_start(1, 0, 1, 3);
    RUN_S(5);
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_REFUSED, "what Slurm refuses is refused");
    TAP_HAS(rig.attempts[1].reason, "Invalid account", "in its words");
    fake.refuse = "Slurm temporarily unable to accept job, sleeping and retrying";
    rig_start(2, 0, 1, 3);
    RUN_S(20);
    TAP_OK(!rig.attempts[2].over && fake.submits > 3, "what passes is tried again");
    fake.refuse = NULL;
    RUN_S(20);
    TAP_OK(rig.attempts[2].started, "until it is taken");
}

static void test_full_disk_of_slurmctld(void)
{
    RUN_S(6);
    fake.refuse = "Batch job submission failed: I/O error writing script/environment to file";
    rig_start(1, 0, 1, 3);
    RUN_S(20);
    TAP_OK(!rig.attempts[1].over && fake.submits > 3, "what slurmctld cannot keep is no fault of the job: it waits");
    fake.refuse = NULL;
    RUN_S(20);
    TAP_OK(rig.attempts[1].started, "and runs when there is room");
}

/* A node that cannot launch it has Slurm cancel it at once. */
static void test_not_launched(void)
{
    RUN_S(6);
    fake.lasts_us = 0;
    fake.launch_fails = true;
    rig_start(1, 0, 1, 3);
    RUN_S(10);
    TAP_OK(rig.attempts[1].report == DURE_REPORT_LOST && !rig.attempts[1].cancelled,
           "what its node could not launch is placed again, not cancelled");
    TAP_HAS(rig.attempts[1].reason, "could not launch", "and that is said");
    rig.job = 7; /* of one that no node can launch: each that tries is drained */
    for (uint64_t id = 2; id <= 4; id++) {
        rig_start(id, (uint32_t)id - 1, 1, 3);
        RUN_S(10);
        TAP_EQ_INT(rig.attempts[id].report, id < 4 ? DURE_REPORT_LOST : DURE_REPORT_ENDED, "node %llu",
                   (unsigned long long)id);
    }
    TAP_EQ_INT(rig.attempts[4].exit_code, 1, "after three it has failed");
    TAP_HAS(rig.attempts[4].reason, "three times", "and that is said");
}

static void test_wrong_token(void)
{
    RUN_S(6);
    fake.denied = true;
    rig_start(1, 0, 1, 3);
    RUN_S(30);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "a token that is not taken makes the site away");
    TAP_HAS(rig.nodes[0].reason, "token", "and the reason says so");
    TAP_OK(!rig.attempts[1].over, "what waits for it waits");
    fake.denied = false;
    RUN_S(30);
    TAP_OK(rig.attempts[1].started, "a good one sets it going");
    TAP_EQ_UINT(fake_starts_most(), 1, "once");
}

/* Requests arrive and nothing comes back: nothing is done twice, and when it answers again everything is found. */
static void test_stuck(void)
{
    RUN_S(6);
    fake.stuck = true;
    rig_start(1, 0, 2, 3);
    RUN_S(45);
    TAP_EQ_INT(rig.nodes[0].state, DURE_NODE_IS_AWAY, "who does not answer is away");
    fake.stuck = false;
    RUN_S(120);
    TAP_EQ_UINT(fake.submits, 1, "what arrived unanswered is not sent again");
    TAP_EQ_INT(rig.attempts[1].report, DURE_REPORT_ENDED, "and is seen to end");
}

/* Handed over, on its way for long; meanwhile the daemon died, and the next one found nothing and handed it over again. */
static void test_late_arrival(void)
{
    static const int64_t late_s[] = {3, 5, 34, 36};
    for (unsigned i = 0; i < sizeof late_s / sizeof late_s[0]; i++) {
        if (i) {
            rig_end();
            rig_begin();
        }
        RUN_S(6);
        fake.lasts_us = 200000;
        fake.late_us = late_s[i] * DURE_SECOND_US;
        rig_start(1, 0, 1, 3);
        RUN_S(1);
        if (i < 2) {
            rig_crash();
            rig_engine();
        }
        RUN_S(90);
        TAP_EQ_UINT(fake_starts_most(), 1, "late by %lld s: it runs once", (long long)late_s[i]);
        TAP_OK(rig.attempts[1].report == DURE_REPORT_ENDED && !rig.attempts[1].cancelled, "and its end is told");
    }
}

static void test_held(void)
{
    struct dure_buf text DURE_CLEANUP_BUF;
    RUN_S(6);
    fake.start_late_us = 2 * DURE_SECOND_US;
    rig_start(1, 0, 1, 3);
    RUN_S(1);
    fake_job("dure-")->held = true;
    RUN_S(60);
    dure_buf_init(&text, 1024);
    dure_engine_slurm_note(rig.engine, (struct dure_attempt_id){1}, &text);
    TAP_HAS(text.data ? text.data : "", "JobHeldUser", "why it waits in Slurm can be asked");
    fake_job("dure-")->held = false;
    RUN_S(5);
    TAP_OK(rig.attempts[1].started, "and when it is released it runs");
}

static void test_forgotten_while_handed_over(void)
{
    fake.lasts_us = DURE_HOUR_US;
    RUN_S(6);
    fake.lose_answers = 1;
    rig_start(1, 0, 1, 3);
    RUN_S(1);
    rig.attempts[1].over = true;
    rig.engine->forget(rig.engine->state, (struct dure_attempt_id){1});
    RUN_S(60);
    TAP_OK(dure_slurm_state_ended(fake_job("dure-")->state), "it is found and ended");
    RUN_S(20);
    TAP_EQ_UINT(rig.nodes[0].foreign, 0, "and holds nothing");
}

static void test_leaving_holds_its_gpus(void)
{
    begin_1(1);
    rig.attempts[1].over = true;
    fake.lose_orders = 4;
    rig.engine->forget(rig.engine->state, (struct dure_attempt_id){1});
    RUN_S(3);
    TAP_EQ_UINT((unsigned)__builtin_popcountll(rig.nodes[0].foreign), 2,
                "until it is gone its GPUs are held against others");
    RUN_S(20);
    TAP_EQ_UINT(rig.nodes[0].foreign, 0, "then free");
}

static void test_idle_costs_little(void)
{
    RUN_S(20);
    const unsigned before = fake.requests;
    RUN_S(100);
    TAP_OK(fake.requests - before <= 100, "an idle site is asked at most once a second: %u in 100 s",
           fake.requests - before);
    begin_1(1);
    RUN_S(100);
    const unsigned running = fake.requests;
    RUN_S(100);
    TAP_OK(fake.requests - running <= 110, "and one where a job runs hardly more: %u", fake.requests - running);
}

/* As the daemon before left it. */
static void note(uint64_t id)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%llu", rig.directory, (unsigned long long)id);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%llu/spec", rig.directory, (unsigned long long)id);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        tap_bail("no folder for an attempt");
    close(fd);
}

/* However many live (ten thousand with DURE_SOAK), they are found again with one list, and none is handed over a second time. */
static void test_many(void)
{
    const uint64_t many = getenv("DURE_SOAK") ? 10000 : 1000;
    char name[96];
    unsigned begun = 0, over = 0;
    rig_crash();
    for (uint64_t id = 1; id <= many; id++) {
        snprintf(name, sizeof name, "dure-1a2b3c4d-%llu-%llu", (unsigned long long)id, (unsigned long long)id);
        fake_running(name, 1u << id % FAKE_NODES);
        note(id);
        rig.attempts[id] = (struct rig_attempt){.ordered = true,
                                                .node = (uint32_t)(id % FAKE_NODES),
                                                .nodes = 1,
                                                .mask = 1,
                                                .requeue = true,
                                                .decided_us = fake.now_us};
    }
    const unsigned before = fake.requests;
    const clock_t from = clock();
    rig_engine();
    RUN_S(2);
    const double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
    for (uint64_t id = 1; id <= many; id++) {
        begun += rig.attempts[id].started;
        over += rig.attempts[id].over;
    }
    TAP_EQ_UINT(begun, many, "all are found");
    TAP_EQ_UINT(over + fake.submits, 0, "none is given up, none handed over again");
    TAP_OK(fake.requests - before < 60, "with a few requests: %u", fake.requests - before);
    TAP_OK(seconds < 5, "in %.2f s of processor", seconds);
}

int main(void)
{
    static void (*const tests[])(void) = {test_end_seen_soon,
                                          test_cancelled_by_others,
                                          test_stopped_by_us,
                                          test_warned,
                                          test_warned_before_it_began,
                                          test_counted_as_it_stands,
                                          test_uneven,
                                          test_block_changes,
                                          test_node_dies_in_gang,
                                          test_drained,
                                          test_failing,
                                          test_list_unreadable,
                                          test_whole_list_unreadable,
                                          test_glances,
                                          test_glances_together,
                                          test_one_long_answer,
                                          test_folders_serve_again,
                                          test_silent_node,
                                          test_foreign_beside_ours,
                                          test_relabelled,
                                          test_ousted,
                                          test_refused,
                                          test_full_disk_of_slurmctld,
                                          test_not_launched,
                                          test_wrong_token,
                                          test_stuck,
                                          test_late_arrival,
                                          test_held,
                                          test_forgotten_while_handed_over,
                                          test_leaving_holds_its_gpus,
                                          test_idle_costs_little,
                                          test_many};
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        rig_begin();
        tests[i]();
        TAP_EQ_UINT(fake.foreign_cancels, 0, "nothing of others is touched");
        rig_end();
    }
    return tap_done();
}
