#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cgroup.h"
#include "engine/procs.h"
#include "minder/minder.h"

void minder_warn(struct minder *minder)
{
    minder->warned_us = minder_now_us();
    for (uint32_t i = 0; i < minder->spec.tasks; i++)
        if (minder->tasks[i].running)
            kill(-minder->tasks[i].pid, SIGTERM);
}

static void kill_one(void *context, pid_t pid)
{
    const struct minder *minder = context;
    if (pid != minder->gpu_pid)
        kill(pid, SIGKILL);
}

void minder_kill(struct minder *minder)
{
    dure_cgroup_kill(minder->leaf);
    for (uint32_t i = 0; i < minder->spec.tasks; i++)
        if (minder->tasks[i].running)
            kill(-minder->tasks[i].pid, SIGKILL);
    /* Those that left group and session are still ours: whatever loses its parent becomes the minder's child. */
    dure_proc_descendants(getpid(), kill_one, minder);
}

static void task_ended(struct minder *minder, pid_t pid, int status)
{
    for (uint32_t i = 0; i < minder->spec.tasks; i++) {
        struct minder_task *task = &minder->tasks[i];
        if (!task->running || task->pid != pid)
            continue;
        task->running = false;
        task->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        task->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        minder->running--;
        return;
    }
}

static bool reap_one(struct minder *minder)
{
    int status;
    struct rusage usage;
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0)
        return false;
    if (pid == minder->gpu_pid) {
        minder->gpu_pid = 0;
        return true;
    }
    minder->cpu_us += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                      (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    if ((uint64_t)usage.ru_maxrss > minder->rss_peak_kib)
        minder->rss_peak_kib = (uint64_t)usage.ru_maxrss;
    task_ended(minder, pid, status);
    return true;
}

void minder_reap(struct minder *minder)
{
    while (reap_one(minder))
        continue;
}

struct counter {
    pid_t but;
    uint32_t count;
};

static void count_other(void *context, pid_t pid)
{
    struct counter *counter = context;
    counter->count += pid != counter->but;
}

bool minder_alone(struct minder *minder)
{
    siginfo_t info = {0};
    if (dure_cgroup_populated(minder->leaf))
        return false;
    /* The usual case needs no look at every process: there is no child at all. */
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD)
        return true;
    struct counter counter = {minder->gpu_pid, 0};
    dure_proc_descendants(getpid(), count_other, &counter);
    return counter.count == 0;
}
