#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cgroup.h"
#include "engine/nvml.h"
#include "engine/procs.h"
#include "minder/minder.h"

static void add_rss(void *context, pid_t pid)
{
    *(uint64_t *)context += dure_proc_rss_kib(pid);
}

/* Memory that a control group does not count is seen only by looking: the sum of what is resident, shared pages counted in each process. */
void minder_sample(struct minder *minder)
{
    uint64_t kib = 0;
    minder->sampled_us = minder_now_us();
    minder->samples++;
    if (dure_cgroup_each(minder->leaf, add_rss, &kib) == 0)
        dure_proc_descendants(getpid(), add_rss, &kib);
    if (kib > minder->rss_peak_kib)
        minder->rss_peak_kib = kib;
}

static _Noreturn void watch_gpus(const struct minder *minder, uint64_t mask, int fd)
{
    enum { PERIOD_MS = 1000 };
    char note[256];
    struct minder_gpu_sums sums = {0};
    uint64_t energy_first[64] = {0};
    struct dure_nvml *nvml = dure_nvml_open(minder->spec.nvml.data, note, sizeof note);
    if (!nvml)
        _exit(1);
    for (int64_t last_us = minder_now_us();;) {
        uint64_t memory_mib = 0, energy_mj = 0, busy_us = 0;
        const int64_t now_us = minder_now_us();
        for (unsigned i = 0; i < 64; i++) {
            struct dure_nvml_reading reading;
            if (!(mask >> i & 1) || !dure_nvml_read(nvml, dure_span_item(minder->spec.gpu_uuids, i), &reading))
                continue;
            if (!energy_first[i])
                energy_first[i] = reading.energy_mj;
            memory_mib += reading.memory_used_mib;
            energy_mj += reading.energy_mj - energy_first[i];
            busy_us += (uint64_t)(now_us - last_us) * reading.busy_percent / 100;
        }
        last_us = now_us;
        sums.busy_us += busy_us;
        sums.energy_mj = energy_mj;
        if (memory_mib > sums.memory_peak_mib)
            sums.memory_peak_mib = memory_mib;
        if (write(fd, &sums, sizeof sums) != sizeof sums && errno == EPIPE)
            _exit(0);
        poll(NULL, 0, PERIOD_MS);
    }
}

/* In a process of its own, because a call into the driver can hang for ever. A shared GPU's figures are not this attempt's: not taken. */
void minder_gpu_start(struct minder *minder)
{
    uint64_t mask = 0;
    int fds[2];
    for (uint32_t i = 0; i < minder->spec.tasks; i++)
        mask |= dure_spec_task_at(&minder->spec, i).gpu_mask;
    if (minder->spec.is_virtual || minder->spec.gpu_milli != 1000 || minder->spec.gpu_uuids.length == 0 || !mask ||
        pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        close(minder->listen_fd);
        for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
            if (minder->channels[i] >= 0)
                close(minder->channels[i]);
        watch_gpus(minder, mask, fds[1]);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return;
    }
    minder->gpu_pid = pid;
    minder->gpu_fd = fds[0];
}

void minder_gpu_read(struct minder *minder)
{
    struct minder_gpu_sums sums;
    ssize_t got;
    while ((got = read(minder->gpu_fd, &sums, sizeof sums)) == (ssize_t)sizeof sums)
        minder->gpu = sums;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close(minder->gpu_fd);
    minder->gpu_fd = -1;
}

void minder_usage(const struct minder *minder, struct dure_usage *ret_usage)
{
    const uint64_t group_us = dure_cgroup_cpu_us(minder->leaf), group_mib = dure_cgroup_memory_peak_mib(minder->leaf);
    const uint64_t rss_mib = (minder->rss_peak_kib + 1023) / 1024;
    *ret_usage = (struct dure_usage){
        .cpu_us = group_us > minder->cpu_us ? group_us : minder->cpu_us,
        .memory_peak_mib = group_mib ? group_mib : rss_mib,
        .gpu_busy_us = minder->gpu.busy_us,
        .gpu_memory_peak_mib = minder->gpu.memory_peak_mib,
        .energy_mj = minder->gpu.energy_mj,
    };
}
