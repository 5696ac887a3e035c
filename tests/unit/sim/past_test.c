/* The work of the recent past, once more: what is taken, how long it lasts, and when it comes again. */
#include <string.h>

#include "base/timefmt.h"
#include "sim/change/past.h"
#include "tap.h"

#define DAY DURE_DAY_US
#define HOUR DURE_HOUR_US

static struct dure_record record_of(enum dure_record_kind kind, int64_t at_us)
{
    struct dure_record r;
    memset(&r, 0, sizeof r);
    dure_record_init(&r, kind, 1, at_us);
    return r;
}

static void submit(struct dure_past *past, int64_t at_us, uint32_t gpus, int64_t since_us)
{
    char level[] = "block"; /* gone after the call, as a decoded record's */
    struct dure_record r = record_of(DURE_REC_SUBMIT, at_us);
    r.submit = dure_job_blank();
    r.submit.task_gpus = gpus;
    r.submit.level = level;
    r.submit.hold = true;
    r.submit.dep_count = 2;
    r.submit.begin_us = at_us + HOUR;
    r.submit.walltime_us = 5 * HOUR;
    TAP_EQ_INT(dure_past_take(past, &r, since_us), DURE_OK, "a submission is taken");
    memset(level, 'x', sizeof level - 1);
}

static void attempt(struct dure_past *past, uint64_t job, uint64_t number, int64_t from_us, int64_t until_us, bool ends)
{
    struct dure_record r = record_of(DURE_REC_START, from_us);
    r.job.v = job;
    r.attempt.v = number;
    enum dure_err err = dure_past_take(past, &r, INT64_MIN);
    r.kind = ends ? DURE_REC_END : DURE_REC_REQUEUE;
    r.time_us = until_us;
    err = err ? err : dure_past_take(past, &r, INT64_MIN);
    TAP_EQ_INT(err, DURE_OK, "an attempt is taken");
}

static void again(void)
{
    struct dure_past *past;
    struct dure_past_sum sum;
    struct dure_sim_job job;
    const int64_t now = 100 * DAY;
    if (dure_past_new(&past) != DURE_OK)
        tap_bail("out of memory");
    submit(past, now - 9 * DAY, 1, now - 7 * DAY); /* too old */
    submit(past, now - 6 * DAY, 2, now - 7 * DAY);
    submit(past, now - HOUR, 3, now - 7 * DAY);
    attempt(past, 41, 7, now - 6 * DAY, now - 6 * DAY + HOUR, false);
    attempt(past, 41, 8, now - 5 * DAY, now - 5 * DAY + HOUR / 2, true);
    attempt(past, 42, 9, now - HOUR / 2, now - HOUR / 4, false); /* waits again */
    TAP_EQ_INT(dure_past_close(past, (struct dure_job_id){43}, now, 7 * DAY, &sum), DURE_OK, "the past ends");
    TAP_EQ_UINT(sum.jobs, 2, "two jobs are in it");
    TAP_EQ_UINT(sum.unended, 1, "of which one has not ended");
    TAP_EQ_INT(sum.span_us, 7 * DAY, "seven days of it");
    struct dure_past_player player = {.past = past, .until_us = now + 9 * DAY};
    TAP_OK(dure_past_next(&player, &job) && job.at_us == now + DAY, "the first comes seven days after its time");
    TAP_EQ_INT(job.job.emulated_us, HOUR + HOUR / 2, "as long as its attempts worked together");
    TAP_EQ_INT(job.job.begin_us, now + DAY + HOUR, "what it says of time moves along");
    TAP_OK(!job.job.hold && job.job.dep_count == 0, "without hold or dependencies");
    TAP_EQ_STR(job.job.level, "block", "its names are kept");
    TAP_OK(dure_past_next(&player, &job) && job.at_us == now + 7 * DAY - HOUR, "the second too");
    TAP_OK(job.job.emulated_us == 0 && job.job.walltime_us == 5 * HOUR, "which has not ended: its walltime counts");
    TAP_OK(dure_past_next(&player, &job) && job.at_us == now + 8 * DAY, "and then the first once more");
    TAP_OK(!dure_past_next(&player, &job), "until the end that was asked for");
    dure_past_free(past);
}

static void young(void)
{
    struct dure_past *past;
    struct dure_past_sum sum;
    struct dure_sim_job job;
    const int64_t now = 100 * DAY;
    if (dure_past_new(&past) != DURE_OK)
        tap_bail("out of memory");
    submit(past, now - 2 * HOUR, 1, now - 7 * DAY);
    TAP_EQ_INT(dure_past_close(past, (struct dure_job_id){0}, now, 7 * DAY, &sum), DURE_E_CORRUPT,
               "more submissions than the core has numbered are none");
    TAP_EQ_INT(dure_past_close(past, (struct dure_job_id){2}, now, 7 * DAY, &sum), DURE_OK, "a young record ends");
    TAP_EQ_INT(sum.span_us, DAY, "and counts as a day");
    struct dure_past_player player = {.past = past, .until_us = now + DAY};
    TAP_OK(dure_past_next(&player, &job) && job.at_us == now + 22 * HOUR, "it comes a day later");
    TAP_OK(!dure_past_next(&player, &job), "once");
    dure_past_free(past);
    if (dure_past_new(&past) != DURE_OK)
        tap_bail("out of memory");
    TAP_EQ_INT(dure_past_close(past, (struct dure_job_id){1}, now, 7 * DAY, &sum), DURE_OK,
               "nothing is a past as well");
    player = (struct dure_past_player){.past = past, .until_us = INT64_MAX};
    TAP_OK(sum.jobs == 0 && !dure_past_next(&player, &job), "of which nothing comes, ever");
    dure_past_free(past);
    dure_past_free(NULL);
}

int main(void)
{
    again();
    young();
    return tap_done();
}
