#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "engine/cgroup.h"
#include "minder/minder.h"
#include "model/job.h"

/* The core ends a job at its walltime. These only take over when nobody is there to say so. */
#define WARN_SLACK_US (1 * DURE_SECOND_US)
#define STOP_SLACK_US (5 * DURE_SECOND_US)
#define KILL_AGAIN_US (20 * 1000)
#define STORE_AGAIN_US DURE_SECOND_US
#define SAMPLE_FIRST_US DURE_SECOND_US
#define SAMPLE_LATER_US (10 * DURE_SECOND_US)

int64_t minder_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * DURE_SECOND_US + now.tv_nsec / 1000;
}

void minder_status_set(struct minder *minder, enum dure_report report, int32_t code, int32_t signal, const char *reason)
{
    minder->status.report = report;
    minder->status.exit_code = code;
    minder->status.exit_signal = signal;
    if (reason)
        snprintf(minder->status.reason, sizeof minder->status.reason, "%s", reason);
    struct dure_buf buf;
    dure_buf_init(&buf, sizeof minder->status_text - 1);
    dure_status_encode(&minder->status, &buf);
    DURE_ASSERT(!buf.failed);
    memcpy(minder->status_text, buf.data, buf.length);
    minder->status_length = buf.length;
    minder->status_known = true;
    dure_buf_release(&buf);
}

/* As Slurm has it: the task with the highest exit code speaks for the job; a signal counts as 128 more than its number. */
static void conclude(struct minder *minder)
{
    const struct minder_task *worst = &minder->tasks[0];
    int32_t worst_rank = -1;
    for (uint32_t i = 0; i < minder->spec.tasks; i++) {
        const struct minder_task *task = &minder->tasks[i];
        const int32_t rank = task->exit_signal ? 128 + task->exit_signal : task->exit_code;
        if (rank > worst_rank) {
            worst = task;
            worst_rank = rank;
        }
    }
    minder_usage(minder, &minder->status.usage);
    dure_cgroup_remove(minder->leaf);
    if (minder->refused)
        minder_status_set(minder, DURE_REPORT_REFUSED, 0, 0, NULL);
    else
        minder_status_set(minder, DURE_REPORT_ENDED, worst->exit_code, worst->exit_signal, NULL);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void minder_rewall(struct minder *minder, const char *digits, size_t length)
{
    uint64_t us = 0;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || us > UINT64_MAX / 100)
            return;
        us = us * 10 + (uint64_t)(digits[i] - '0');
    }
    if (us && us <= (uint64_t)DURE_WALLTIME_MAX_US)
        minder->spec.walltime_us = us;
}

/* What is due by time alone. Returns when to look again. */
static int64_t keep_time(struct minder *minder, int64_t now_us)
{
    const int64_t walltime_us = (int64_t)minder->spec.walltime_us, grace_us = (int64_t)minder->spec.grace_us;
    const int64_t warn_us = minder->begun_us + walltime_us + WARN_SLACK_US;
    int64_t stop_us = minder->begun_us + walltime_us + grace_us + STOP_SLACK_US;
    const int64_t sample_us = minder->sampled_us + (minder->samples < 10 ? SAMPLE_FIRST_US : SAMPLE_LATER_US);
    int64_t next_us = sample_us > now_us ? sample_us : now_us + SAMPLE_FIRST_US;
    if (now_us >= sample_us)
        minder_sample(minder);
    if (!minder->warned_us && now_us >= warn_us) {
        snprintf(minder->status.reason, sizeof minder->status.reason,
                 "walltime passed while no daemon was there; warned by its minder");
        minder_warn(minder);
    }
    if (!minder->stop_wanted && now_us >= stop_us) {
        snprintf(minder->status.reason, sizeof minder->status.reason,
                 "walltime passed while no daemon was there; stopped by its minder");
        minder->stop_wanted = true;
    }
    if (!minder->warned_us)
        next_us = earlier(next_us, warn_us);
    if (!minder->stop_wanted)
        return earlier(next_us, stop_us);
    if (now_us >= minder->stopped_us + KILL_AGAIN_US) {
        minder->stopped_us = now_us;
        minder_kill(minder);
        minder_reap(minder);
    }
    return earlier(next_us, minder->stopped_us + KILL_AGAIN_US);
}

static void take_signals(struct minder *minder)
{
    struct signalfd_siginfo info;
    while (read(minder->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM &&
            !minder->warned_us) { /* the machine goes down: let the job know, the rest is its grace */
            minder_warn(minder);
        }
    minder_reap(minder);
}

static void wait_once(struct minder *minder, int64_t until_us)
{
    struct pollfd fds[4 + MINDER_CHANNELS_MAX] = {{minder->signal_fd, POLLIN, 0},
                                                  {minder->listen_fd, POLLIN, 0},
                                                  {minder->exec_fd, POLLIN, 0},
                                                  {minder->gpu_fd, POLLIN, 0}};
    for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
        fds[4 + i] = (struct pollfd){minder->channels[i], POLLIN, 0};
    const int64_t left_us = until_us - minder_now_us();
    const int timeout_ms = left_us <= 0 ? 0 : left_us > 60 * DURE_SECOND_US ? 60000 : (int)((left_us + 999) / 1000);
    if (poll(fds, 4 + MINDER_CHANNELS_MAX, timeout_ms) <= 0)
        return;
    /* Before the reaping: "started" is said before the end, however short the job. */
    if (fds[2].revents)
        minder_exec_read(minder);
    if (fds[0].revents)
        take_signals(minder);
    if (fds[1].revents)
        minder_accept(minder);
    if (fds[3].revents)
        minder_gpu_read(minder);
    for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
        if (fds[4 + i].revents && minder->channels[i] >= 0)
            minder_hear(minder, i);
}

/* Daemonised grandchildren and other leftovers go with the job. What cannot be killed yet (in the kernel's hands) is waited for: its GPU is in use. */
static void clear_tree(struct minder *minder)
{
    if (minder->gpu_pid)
        kill(minder->gpu_pid, SIGKILL);
    while (!minder_alone(minder)) {
        minder_kill(minder);
        wait_once(minder, minder_now_us() + KILL_AGAIN_US / 4);
        minder_reap(minder);
    }
}

/* The status is said only once it is on disk, or, while the disk takes nothing, with the word that it is kept in memory. */
static void report(struct minder *minder)
{
    for (bool said = false; !minder->forget_wanted;) {
        struct dure_error error;
        minder->status_stored = minder_status_store(minder, &error) == DURE_OK;
        if (!said || minder->status_stored)
            minder_say(minder, minder->status_text, minder->status_length);
        said = true;
        if (minder->status_stored)
            return;
        const int64_t again_us = minder_now_us() + STORE_AGAIN_US;
        while (!minder->forget_wanted && minder_now_us() < again_us)
            wait_once(minder, again_us);
    }
}

void minder_watch(struct minder *minder)
{
    bool gpus_begun = false;
    while (minder->running || minder->exec_fd >= 0) {
        const int64_t until_us = keep_time(minder, minder_now_us());
        if (!minder->running && minder->exec_fd < 0)
            break;
        wait_once(minder, until_us);
        if (!gpus_begun && minder->exec_fd < 0) {
            gpus_begun = true;
            minder_gpu_start(minder);
        }
    }
    clear_tree(minder);
    conclude(minder);
    report(minder);
}
