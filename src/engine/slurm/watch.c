/* When Slurm is looked at. An end is seen within a tenth of the time since anything last happened there, but not more often than twenty times a
 * second, than a rest after each answer (as long as an answer costs, if it costs much), or, once all is quiet, than the site's `poll`. With nothing of
 * ours there: every few seconds. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

enum { LOOK_KEY = 0x6c6f6f6b, FAILURES_MAX = 5 };

static void arm(struct slurm *slurm);

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What an answer costs Slurm: the shorter of the last two. One that is long for once had to wait for something else, when most is about to happen. */
static int64_t cost_us(const struct slurm *slurm)
{
    return slurm->took_us < slurm->took_before_us ? slurm->took_us : slurm->took_before_us;
}

static void note_took(struct slurm *slurm)
{
    slurm->took_before_us = slurm->took_us;
    slurm->took_us = slurm_steady_us(slurm) - slurm->asked_us;
}

/* Time since the last thing that happened, as a wait. */
static int64_t interval_us(const struct slurm *slurm)
{
    const int64_t most_us =
        slurm->live_count || slurm->orphans ? slurm->site.poll_us : later(SLURM_IDLE_US, slurm->site.poll_us);
    int64_t wait_us;
    if (slurm->failures)
        return SLURM_AGAIN_US << (slurm->failures < FAILURES_MAX ? slurm->failures - 1 : FAILURES_MAX - 1);
    if (!slurm->live_count && !slurm->orphans && slurm->nodes_listed)
        return most_us;
    /* Counted from the question: a short answer is followed by a short rest, a long one by one as long. */
    const int64_t cost = cost_us(slurm), least_us = cost < SLURM_LONG_US ? cost + SLURM_REST_US : 2 * cost;
    wait_us = slurm->gpus_unsaid ? 0 : (slurm_steady_us(slurm) - slurm->changed_us) / 10;
    wait_us = later(later(wait_us, SLURM_QUICK_US), least_us);
    return wait_us < most_us ? wait_us : later(most_us, least_us);
}

static void note_silence(struct slurm *slurm)
{
    const int64_t now = slurm_steady_us(slurm);
    if (slurm->away || SLURM_WITHOUT(AWAY) || now < slurm->heard_us + SLURM_SILENCE_US)
        return;
    slurm->away = true;
    if (slurm_ground_ready(slurm))
        slurm_ground_tell(slurm);
}

/* While its list of jobs cannot be read, no other answer says that it is there: nothing could be known of what runs. */
void slurm_heard(struct slurm *slurm)
{
    if (slurm->list_failed)
        return;
    slurm->heard_us = slurm_steady_us(slurm);
    slurm->heard_once = true;
    slurm->failures = 0;
    slurm->trouble[0] = '\0';
}

void slurm_unheard(struct slurm *slurm, const char *text)
{
    slurm->failures += slurm->failures < FAILURES_MAX;
    dure_text_copy(slurm->trouble, sizeof slurm->trouble, text);
    note_silence(slurm);
    arm(slurm);
}

/* It answers again: what is true of its nodes is looked at anew, all of it, before the core hears that they are back. */
static void come_back(struct slurm *slurm)
{
    if (!slurm->away || SLURM_WITHOUT(BACK))
        return;
    slurm->away = false;
    slurm->nodes_us = 0;
    slurm->nodes_listed = slurm->jobs_counted = false;
    slurm->list_mark_us = 0;
}

static bool heard_list(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    if (reply->result != DURE_SLURM_DONE) {
        slurm_unheard(slurm, reply->text);
        return false;
    }
    slurm_heard(slurm);
    return true;
}

static void on_nodes(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm *slurm = context;
    slurm->nodes_looking = false;
    if (!heard_list(slurm, reply))
        return;
    slurm->nodes_us = slurm_steady_us(slurm);
    slurm_ground_nodes(slurm, reply);
    slurm_ground_tell(slurm);
}

static void on_jobs(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm *slurm = context;
    const bool was_away = slurm->away;
    const bool whole = slurm->asked_whole;
    slurm->looking = false;
    /* What one of states leaves open and no whole one tells stays open: then the cluster is not known either. */
    slurm->list_failed = reply->result != DURE_SLURM_DONE || (!whole && slurm->whole_failed && slurm->gpus_unsaid);
    slurm->whole_failed = whole ? reply->result != DURE_SLURM_DONE : slurm->whole_failed && slurm->list_failed;
    if (!heard_list(slurm, reply))
        return;
    if (was_away && !slurm->list_failed)
        come_back(slurm);
    if (!was_away || !reply->unchanged) { /* of a list from before the silence nothing is left to stand by */
        *(whole ? &slurm->whole_latency_us : &slurm->latency_us) = slurm_steady_us(slurm) - slurm->asked_us;
        if (!whole)
            note_took(slurm);
        slurm->list_mark_us = reply->as_of_us;
        slurm->few = reply->few;
        slurm->listed_us = slurm_steady_us(slurm);
        slurm->listed_count = reply->unchanged ? slurm->listed_count : reply->job_count;
        slurm_look_jobs(slurm, reply, slurm->asked_us);
        slurm_ground_tell(slurm);
    }
    slurm_pump(slurm);
    arm(slurm);
}

void slurm_glanced(struct slurm *slurm, const char *trouble)
{
    slurm->looking = false;
    note_took(slurm);
    if (trouble) {
        slurm_unheard(slurm, trouble);
        return;
    }
    slurm_heard(slurm);
    slurm_pump(slurm);
    arm(slurm);
}

static void look_nodes(struct slurm *slurm)
{
    if (slurm->nodes_looking)
        return;
    if (dure_slurm_list_nodes(slurm->wire, on_nodes, slurm, NULL) == DURE_OK) {
        slurm->nodes_looking = true;
        slurm->requests++;
    }
}

/* The whole list costs ten times one of states: where it is needed, then with a rest between; and where it failed, one of states between. */
static bool needs_whole(const struct slurm *slurm)
{
    return slurm->gpus_unsaid && !(slurm->asked_whole && slurm->whole_failed) &&
           slurm_steady_us(slurm) >= slurm->whole_us + later(SLURM_WHOLE_US, 2 * slurm->whole_latency_us);
}

static void look(struct slurm *slurm)
{
    const int64_t now = slurm_steady_us(slurm);
    const bool whole = needs_whole(slurm);
    /* A list that is the same as before may be said so, but not to those who wait to hear that something is not in it. */
    const struct dure_slurm_filter filter = {
        .states_only = !whole,
        .since_us = slurm_is_searching(slurm) && !SLURM_WITHOUT(WHOLE) ? 0 : slurm->list_mark_us};
    slurm->asked_us = now;
    if (now >= slurm->nodes_us + slurm->site.poll_us || !slurm->nodes_listed)
        look_nodes(slurm);
    if (!whole && slurm_glance(slurm)) {
        slurm->looking = true;
        return;
    }
    if (dure_slurm_list(slurm->wire, &filter, on_jobs, slurm, NULL) == DURE_OK) {
        slurm->looking = true;
        slurm->asked_whole = whole;
        slurm->whole_us = whole ? now : slurm->whole_us;
        slurm->requests++;
    }
}

static void on_time(void *context, uint64_t key)
{
    struct slurm *slurm = context;
    (void)key;
    if (slurm->closing)
        return;
    note_silence(slurm);
    slurm_return_unreached(slurm);
    if (!slurm->looking && slurm_steady_us(slurm) >= slurm->look_us)
        look(slurm);
    slurm_pump(slurm);
    arm(slurm);
}

static void arm(struct slurm *slurm)
{
    const int64_t now = slurm_steady_us(slurm);
    if (slurm->closing)
        return;
    slurm->look_us = slurm->looking ? now + SLURM_AGAIN_US : slurm->asked_us + interval_us(slurm);
    if (slurm->look_us < now)
        slurm->look_us = now;
    slurm->options.clock.timer(slurm->options.clock.context, LOOK_KEY, slurm_wall_us(slurm) + (slurm->look_us - now),
                               on_time, slurm);
}

void slurm_poke(struct slurm *slurm)
{
    slurm->changed_us = slurm_steady_us(slurm);
    if (!slurm->looking)
        arm(slurm);
}

void slurm_watch_start(struct slurm *slurm)
{
    slurm->changed_us = slurm->heard_us = slurm_steady_us(slurm);
    slurm->asked_us = slurm->changed_us - SLURM_IDLE_US;
    arm(slurm);
}

void slurm_watch_stop(struct slurm *slurm)
{
    slurm->options.clock.timer(slurm->options.clock.context, LOOK_KEY, DURE_NEVER_US, on_time, slurm);
}
