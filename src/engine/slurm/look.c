/* One look at Slurm's jobs, and what follows from it: each step that puts our view and Slurm's together again is a function of its own. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

/* "dure-1a2b3c4d-12-34": this daemon's, job 12, attempt 34; "dure-1a2b3c4d-12_3-35" for an element. */
bool slurm_name_is_ours(const struct slurm *slurm, const char *name, uint64_t *ret_attempt)
{
    const size_t length = strlen(slurm->head);
    if (strncmp(name, slurm->head, length) != 0)
        return false;
    const char *dash = strrchr(name + length, '-');
    char *end;
    if (!dash || dash[1] < '1' || dash[1] > '9')
        return false;
    *ret_attempt = strtoull(dash + 1, &end, 10);
    return *end == '\0';
}

static bool ended(const struct dure_slurm_job *job)
{
    return dure_slurm_state_ended(job->state) && !(job->flags & DURE_SLURM_JOB_COMPLETING);
}

static bool began(const struct dure_slurm_job *job)
{
    return job->state == DURE_SLURM_STATE_RUNNING || job->state == DURE_SLURM_STATE_SUSPENDED ||
           job->state == DURE_SLURM_STATE_COMPLETING ||
           (dure_slurm_state_ended(job->state) && (job->node_count > 0 || job->flags & DURE_SLURM_JOB_CUT));
}

/* ---- how it ended, in the core's terms ---- */

#define NOT_LAUNCHED "Slurm: its node could not launch it (sinfo -R and the node's slurmd.log say why)"
/* A node that cannot launch what it was given (its spool is full, its prolog failed) has Slurm cancel the job, which looks as if somebody had: but it
 * ended as soon as it had its nodes, and by no signal. */
static bool never_launched(const struct dure_slurm_job *job)
{
    return job->state == DURE_SLURM_STATE_CANCELLED && began(job) && !job->exit_code && !job->exit_signal &&
           job->start_us && job->end_us <= job->start_us + 2 * DURE_SECOND_US;
}

/* Why the end was Slurm's own doing and none of the job's; NULL: it was not. */
static const char *lost_by_slurm(enum dure_slurm_state state)
{
    switch (state) {
    case DURE_SLURM_STATE_NODE_FAIL: return "Slurm: a node of it failed";
    case DURE_SLURM_STATE_BOOT_FAIL: return "Slurm: its nodes did not come up";
    case DURE_SLURM_STATE_PREEMPTED: return "Slurm preempted it: dure's partition should not be preempted by others";
    case DURE_SLURM_STATE_DEADLINE: return "Slurm: its deadline passed";
    default: return NULL;
    }
}

static void describe_end(const struct slurm_attempt *attempt, const struct dure_slurm_job *job,
                         struct dure_observation *over)
{
    const bool ours = attempt->stop_wanted || attempt->warn_wanted || attempt->withdrawn;
    const char *lost = !ours && never_launched(job) ? NOT_LAUNCHED : lost_by_slurm(job->state), *reason = "";
    over->report = lost ? DURE_REPORT_LOST : DURE_REPORT_ENDED;
    over->exit_code = job->exit_code;
    over->exit_signal = job->exit_signal;
    if (lost) {
        dure_text_copy(over->reason, sizeof over->reason, lost);
        return;
    }
    switch (job->state) {
    case DURE_SLURM_STATE_TIMEOUT:
        reason = "Slurm ended it at its time limit";
        over->exit_signal = job->exit_signal ? job->exit_signal : SIGTERM;
        break;
    case DURE_SLURM_STATE_OUT_OF_MEMORY:
        reason = "Slurm: it used more memory than it asked for";
        if (!over->exit_code && !over->exit_signal)
            over->exit_signal = SIGKILL;
        break;
    case DURE_SLURM_STATE_CANCELLED:
        if (!over->exit_code && !over->exit_signal)
            over->exit_signal = attempt->stop_wanted ? SIGKILL : SIGTERM;
        over->cancelled = !ours;
        reason = ours ? "" : "cancelled in Slurm (scancel)";
        break;
    case DURE_SLURM_STATE_FAILED:
        if (!over->exit_code && !over->exit_signal)
            over->exit_code = 1;
        if (job->exit_signal == 53)
            reason = "Slurm could not open its output file or enter its working directory on the node";
        else if (job->reason[0] && strcmp(job->reason, "None") != 0 && strcmp(job->reason, "NonZeroExitCode") != 0)
            reason = job->reason;
        break;
    default: break;
    }
    dure_text_copy(over->reason, sizeof over->reason, reason);
}

/* A job that no node can launch would drain one after the other: after some it has failed. */
static void judge_unlaunched(const struct slurm_attempt *attempt, struct dure_observation *over)
{
    struct slurm *slurm = attempt->slurm;
    unsigned at = 0;
    if (!attempt->plan)
        return;
    const uint64_t job = attempt->plan->order->spec.job, element = attempt->plan->order->spec.array_index;
    while (at < SLURM_UNLAUNCHED && (slurm->unlaunched[at].job != job || slurm->unlaunched[at].element != element))
        at++;
    if (at == SLURM_UNLAUNCHED) {
        at = slurm->unlaunched_next++ % SLURM_UNLAUNCHED;
        slurm->unlaunched[at].job = job;
        slurm->unlaunched[at].element = element;
        slurm->unlaunched[at].count = 0;
    }
    if (++slurm->unlaunched[at].count < SLURM_LAUNCHES_MAX)
        return;
    slurm->unlaunched[at].job = 0;
    over->report = DURE_REPORT_ENDED;
    over->exit_code = 1;
    dure_text_copy(over->reason, sizeof over->reason,
                   "Slurm: three times no node could launch it (slurmd.log says why)");
}

/* An end that was there before this daemon looked for the first time is one that happened while nobody looked. */
static void report_end(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    struct dure_observation over = {.attempt = {attempt->id}};
    if (attempt->recovering && !attempt->looked_at && SLURM_WITHOUT(ENDED_AWAY))
        return;
    if (began(job) && !attempt->started_told && !attempt->forget_wanted && !SLURM_WITHOUT(BEGUN)) {
        attempt->started_told = true;
        slurm_tell(attempt, DURE_REPORT_STARTED, "");
    }
    if (attempt->withdrawn && !began(job)) {
        over.report = DURE_REPORT_LOST;
        dure_text_copy(over.reason, sizeof over.reason, "its GPUs went to work outside dure before it began");
    } else {
        describe_end(attempt, job, &over);
        if (over.report == DURE_REPORT_LOST && never_launched(job))
            judge_unlaunched(attempt, &over);
    }
    slurm_tell_over(attempt, &over);
}

/* ---- the steps ---- */

/* What may have been handed over is there: it is this attempt's, and goes on. */
static bool adopt(struct slurm_attempt *attempt)
{
    if (SLURM_WITHOUT(ADOPT))
        return false;
    slurm_unqueue(attempt);
    attempt->state = SLURM_IN_SLURM;
    attempt->order_us = 0;
    attempt->pending_us = slurm_steady_us(attempt->slurm);
    return true;
}

/* Nothing was found of what may have been handed over. Twice, with time between, means that it is not there; and if Slurm would remember it, that
 * it never was. The time counts from when Slurm first answered: who sent it may have waited for that as well. */
static void search(struct slurm_attempt *attempt, int64_t asked_us)
{
    struct slurm *slurm = attempt->slurm;
    const int64_t now = slurm_steady_us(slurm), age_us = slurm_wall_us(slurm) - attempt->decided_us;
    if (SLURM_WITHOUT(SEARCH)) {
        slurm_ready(attempt);
        return;
    }
    if (asked_us < attempt->unsure_us)
        return;
    const bool maybe_sent = !attempt->recovering || attempt->noted || attempt->begun;
    if (attempt->searches++ == 0)
        attempt->searched_us = now;
    if (maybe_sent && !SLURM_WITHOUT(SETTLE) &&
        (attempt->searches < SLURM_SEARCHES || now < attempt->searched_us + SLURM_SETTLE_US))
        return;
    attempt->careful = maybe_sent && !SLURM_WITHOUT(HOLD);
    if (attempt->begun ||
        (attempt->recovering && attempt->noted && age_us > SLURM_MEMORY_US && !SLURM_WITHOUT(FORGOTTEN)))
        slurm_tell(attempt, DURE_REPORT_LOST, "Slurm knows nothing of it any more, and how it ended is not known");
    else
        slurm_ready(attempt);
}

/* Slurm had it and does not have it any more: its memory was lost, or it ended longer ago than Slurm remembers. */
static void vanish(struct slurm_attempt *attempt, int64_t asked_us)
{
    const int64_t now = slurm_steady_us(attempt->slurm);
    if (SLURM_WITHOUT(VANISHED) || (asked_us <= attempt->order_us && !SLURM_WITHOUT(STALE)))
        return;
    if (attempt->missing++ == 0)
        attempt->missing_us = now;
    if (SLURM_WITHOUT(STALE) || (attempt->missing >= SLURM_SEARCHES && now >= attempt->missing_us + SLURM_SETTLE_US))
        slurm_tell(attempt, DURE_REPORT_LOST, "Slurm knows nothing of it any more, and how it ended is not known");
}

/* Slurm put it back into its own queue, or started it again: where it goes next is the core's to say. */
static bool requeued(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    if (SLURM_WITHOUT(REQUEUED) ||
        (job->restarts == 0 && !((attempt->runs || attempt->begun) && job->state == DURE_SLURM_STATE_PENDING)))
        return false;
    slurm_cancel_job(attempt->slurm, job->job_id, false);
    slurm_tell(attempt, DURE_REPORT_LOST, "Slurm put it back into its queue");
    return true;
}

/* Handed over a second time, held: another that was on its way has had its time to arrive, and then this one goes. */
static void let_go(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    const int64_t now = slurm_steady_us(attempt->slurm);
    attempt->careful = attempt->careful || strstr(job->comment, SLURM_AGAIN) != NULL;
    if (!attempt->careful || !(job->flags & DURE_SLURM_JOB_HELD) || now < attempt->pending_us + SLURM_HOLD_US ||
        now < attempt->released_us + (SLURM_WITHOUT(REPEAT) ? DURE_HOUR_US : SLURM_REPEAT_US))
        return;
    if (SLURM_WITHOUT(RELEASE))
        return;
    attempt->released_us = now;
    slurm_release_job(attempt->slurm, job->job_id);
}

/* It waits in Slurm although the core has given it its place: others took the GPUs first. Where it can run elsewhere it is taken back. */
static void wait_in_slurm(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    struct slurm *slurm = attempt->slurm;
    const int64_t now = slurm_steady_us(slurm);
    attempt->pending_seen = true;
    let_go(attempt, job);
    dure_text_copy(attempt->waits_for, sizeof attempt->waits_for, job->reason);
    if (job->flags & DURE_SLURM_JOB_HELD || attempt->withdrawn || !attempt->requeue || SLURM_WITHOUT(OUSTED) ||
        now < attempt->pending_us + SLURM_OUSTED_US || !slurm_ground_ousted(slurm, attempt))
        return;
    attempt->withdrawn = true;
    slurm_cancel_job(slurm, job->job_id, false);
}

/* Its walltime may have been changed while nobody was there to say so. */
static void look_at_limit(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    const int64_t limit_us = slurm_limit_us(attempt);
    if (!SLURM_WITHOUT(LIMIT) && job->walltime_us > 0 &&
        (job->walltime_us < limit_us || job->walltime_us >= limit_us + DURE_MINUTE_US))
        attempt->extend_wanted = true;
}

static void update(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    attempt->job_id = job->job_id;
    attempt->missing = 0;
    if (requeued(attempt, job))
        return;
    if (ended(job)) {
        report_end(attempt, job);
        return;
    }
    if (!attempt->looked_at && attempt->recovering)
        look_at_limit(attempt, job);
    attempt->looked_at = true;
    if (job->state == DURE_SLURM_STATE_PENDING || job->state == DURE_SLURM_STATE_CONFIGURING ||
        job->flags & DURE_SLURM_JOB_CONFIGURING) {
        wait_in_slurm(attempt, job);
    } else if (began(job)) {
        attempt->runs = true;
        attempt->pending_seen = false;
        attempt->waits_for[0] = '\0';
        if (!attempt->started_told && !attempt->forget_wanted) {
            attempt->started_told = true;
            slurm_tell(attempt, DURE_REPORT_STARTED, "");
        }
    }
    slurm_orders(attempt);
}

static void judge(struct slurm_attempt *attempt, int64_t asked_us)
{
    const struct dure_slurm_job *job = attempt->seen;
    attempt->seen = NULL;
    if ((attempt->state == SLURM_UNSURE || attempt->state == SLURM_READY) && job && adopt(attempt))
        update(attempt, job);
    else if (attempt->state == SLURM_UNSURE)
        search(attempt, asked_us);
    else if (attempt->state == SLURM_IN_SLURM && job)
        update(attempt, job);
    else if (attempt->state == SLURM_IN_SLURM)
        vanish(attempt, asked_us);
}

void slurm_look_one(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    if (attempt->state == SLURM_IN_SLURM)
        update(attempt, job);
}

/* ---- whose is what ---- */

/* Of two jobs of one attempt: what runs, else what has run, else what may run, else what we hold back. */
static int rank(const struct dure_slurm_job *job)
{
    if (!ended(job))
        return began(job) ? 4 : job->flags & DURE_SLURM_JOB_HELD ? 1 : 2;
    return began(job) ? 3 : 0;
}

static const struct dure_slurm_job *better(const struct dure_slurm_job *a, const struct dure_slurm_job *b)
{
    if (rank(a) != rank(b))
        return rank(a) > rank(b) ? a : b;
    return a->job_id < b->job_id ? a : b;
}

static void see(struct slurm_attempt *attempt, const struct dure_slurm_job *job)
{
    struct slurm *slurm = attempt->slurm;
    if (!attempt->seen) {
        attempt->seen = job;
        return;
    }
    const struct dure_slurm_job *keep = better(attempt->seen, job), *other = keep == job ? attempt->seen : job;
    attempt->seen = keep;
    if (!ended(other) && !SLURM_WITHOUT(DUPLICATES))
        slurm_cancel_job(slurm, other->job_id, began(other));
}

/* Of ours, and the core has ended it, or never knew it: it goes. */
static void orphan(struct slurm *slurm, const struct dure_slurm_job *job)
{
    if (ended(job))
        return;
    slurm->orphans++;
    if ((slurm->swept || SLURM_WITHOUT(SWEPT)) && !SLURM_WITHOUT(ORPHANS) &&
        job->state != DURE_SLURM_STATE_COMPLETING && !(job->flags & DURE_SLURM_JOB_COMPLETING) &&
        slurm_steady_us(slurm) >= slurm->orphans_us)
        slurm_cancel_job(slurm, job->job_id, began(job));
}

static void sort_jobs(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    const uint32_t before = slurm->orphans;
    slurm->orphans = 0;
    for (uint32_t i = 0; i < reply->job_count; i++) {
        uint64_t id;
        if (!slurm_name_is_ours(slurm, reply->jobs[i].name, &id))
            continue;
        struct slurm_attempt *attempt = slurm_find(slurm, id);
        if (attempt && attempt->state != SLURM_ATTEMPT_OVER)
            see(attempt, &reply->jobs[i]);
        else if (!attempt || !ended(&reply->jobs[i]))
            orphan(slurm, &reply->jobs[i]);
    }
    /* Not with every look: what was told to end takes a while. */
    if (slurm->orphans && slurm_steady_us(slurm) >= slurm->orphans_us)
        slurm->orphans_us = slurm_steady_us(slurm) + SLURM_SETTLE_US;
    if (slurm->orphans != before)
        slurm_poke(slurm);
}

/* Nothing can be told from a silent cluster; but what never reached it may run elsewhere. */
void slurm_return_unreached(struct slurm *slurm)
{
    const int64_t now = slurm_steady_us(slurm);
    if (SLURM_WITHOUT(RETURN) || !slurm->away)
        return;
    for (struct slurm_attempt *attempt = slurm->all, *next; attempt; attempt = next) {
        next = attempt->next;
        if (attempt->state == SLURM_READY && attempt->requeue && !attempt->recovering &&
            now >= attempt->ready_us + SLURM_RETURN_US)
            slurm_tell(attempt, DURE_REPORT_LOST, "its cluster does not answer; it never began there");
    }
}

/* Of a list of states that leaves open who has which GPUs nothing is counted: what was counted before stands until the whole list comes. */
static void look_at_ground(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    if (!slurm_ground_ready(slurm))
        return;
    if (!reply->states_only)
        slurm_recall_keep(slurm, reply);
    slurm->gpus_unsaid = reply->states_only && !SLURM_WITHOUT(DETAILS) && !slurm_recall_covers(slurm, reply);
    if (!slurm->gpus_unsaid)
        slurm_ground_jobs(slurm, reply);
}

void slurm_look_jobs(struct slurm *slurm, const struct dure_slurm_reply *reply, int64_t asked_us)
{
    if (!reply->unchanged) {
        sort_jobs(slurm, reply);
        look_at_ground(slurm, reply);
    }
    for (struct slurm_attempt *attempt = slurm->all, *next; attempt; attempt = next) {
        next = attempt->next;
        if (reply->unchanged && attempt->state == SLURM_IN_SLURM && attempt->looked_at)
            slurm_orders(attempt);
        else if (!reply->unchanged)
            judge(attempt, asked_us);
    }
}
