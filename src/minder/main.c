#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cgroup.h"
#include "engine/nvml.h"
#include "minder/minder.h"

enum { EXIT_USAGE = 2, EXIT_HELD = 3, CHANNEL_FD_MIN = 10 };

static int usage(void)
{
    fprintf(stderr, "usage: dure-minder FOLDER        supervise the attempt whose folder this is (dured starts it)\n"
                    "       dure-minder --gpus [LIB]  list this machine's GPUs as NVML shows them\n");
    return EXIT_USAGE;
}

static void print_clean(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 ? ' ' : *text);
}

/* One line a GPU: "gpu <TAB> uuid <TAB> MiB <TAB> mW <TAB> name"; or one line "none <TAB> why". */
static int list_gpus(const char *library)
{
    char note[256] = "";
    struct dure_nvml *nvml = dure_nvml_open(library, note, sizeof note);
    if (!nvml) {
        printf("none\t");
        print_clean(note);
        putchar('\n');
        return 0;
    }
    for (uint32_t i = 0; i < dure_nvml_count(nvml); i++) {
        struct dure_machine_gpu gpu;
        if (!dure_nvml_gpu(nvml, i, &gpu)) {
            printf("none\tNVML cannot describe GPU %u\n", i);
            return 1;
        }
        printf("gpu\t%s\t%u\t%u\t", gpu.uuid, gpu.memory_mib, gpu.power_mw);
        print_clean(gpu.name);
        putchar('\n');
    }
    dure_nvml_close(nvml);
    return 0;
}

static void say_refused(struct minder *minder, const char *reason)
{
    minder_status_set(minder, DURE_REPORT_REFUSED, 0, 0, reason);
    minder_say(minder, minder->status_text, minder->status_length);
}

/* Without a leaf, process groups and descent serve. */
static void make_leaf(struct minder *minder)
{
    const struct dure_spec *spec = &minder->spec;
    if (spec->cgroup.length == 0)
        return;
    const int length = snprintf(minder->leaf, sizeof minder->leaf, "%s/%llu-%.16s", spec->cgroup.data,
                                (unsigned long long)spec->attempt, spec->token.data);
    if (length < (int)sizeof minder->leaf &&
        dure_cgroup_make(minder->leaf, spec->task_memory_mib * spec->tasks, spec->task_cpu_milli * spec->tasks)) {
        minder->leaf_fd = open(minder->leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (minder->leaf_fd >= 0)
            return;
        dure_cgroup_remove(minder->leaf);
    }
    minder->leaf[0] = '\0';
}

/* From the claim on, whatever goes wrong ends in a status. */
static int supervise(struct minder *minder)
{
    struct dure_error error;
    make_leaf(minder);
    enum dure_err err = minder_listen(minder, &error);
    if (!err)
        err = minder_files_open(minder, &error);
    if (!err)
        err = minder_tasks_start(minder, &error);
    if (err) {
        /* Of a gang nothing runs unless all runs. */
        snprintf(minder->status.reason, sizeof minder->status.reason, "%.*s", DURE_REASON_MAX, error.text);
        minder->refused = true;
        minder->stop_wanted = true;
    }
    minder_watch(minder);
    return 0;
}

static bool set_up(struct minder *minder, const char *folder)
{
    sigset_t signals;
    const int channel = fcntl(DURE_MINDER_CHANNEL_FD, F_DUPFD_CLOEXEC, CHANNEL_FD_MIN);
    struct stat info;
    const bool is_socket = channel >= 0 && fstat(channel, &info) == 0 && S_ISSOCK(info.st_mode);
    if (is_socket && channel > CHANNEL_FD_MIN)
        close_range(CHANNEL_FD_MIN, (unsigned)channel - 1, 0);
    close_range(DURE_MINDER_CHANNEL_FD, CHANNEL_FD_MIN - 1, 0);
    close_range(is_socket ? (unsigned)channel + 1 : CHANNEL_FD_MIN, ~0u, 0);
    if (is_socket)
        minder->channels[0] = channel;
    umask(077);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigfillset(&signals);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    minder->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    minder->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return minder->signal_fd >= 0 && minder->dir_fd >= 0 && fchdir(minder->dir_fd) == 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && argc <= 3 && strcmp(argv[1], "--gpus") == 0)
        return list_gpus(argc == 3 ? argv[2] : NULL);
    if (argc != 2 || argv[1][0] == '-')
        return usage();
    static struct minder minder = {.dir_fd = -1,
                                   .leaf_fd = -1,
                                   .workdir_fd = -1,
                                   .script_fd = -1,
                                   .null_fd = -1,
                                   .signal_fd = -1,
                                   .listen_fd = -1,
                                   .exec_fd = -1,
                                   .gpu_fd = -1};
    for (unsigned i = 0; i < MINDER_CHANNELS_MAX; i++)
        minder.channels[i] = -1;
    struct dure_error error;
    bool taken = false;
    if (!set_up(&minder, argv[1])) {
        say_refused(&minder, "the attempt's folder cannot be entered");
        return 1;
    }
    enum dure_err err = minder_spec_read(&minder, &error);
    if (!err && !(minder.tasks = calloc(minder.spec.tasks, sizeof *minder.tasks)))
        err = dure_fail(&error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = minder_claim(&minder, &taken, &error);
    if (err) {
        say_refused(&minder, error.text);
        return 1;
    }
    if (!taken) {
        minder_say(&minder, "held", 4);
        return EXIT_HELD;
    }
    return supervise(&minder);
}
