#pragma once
/* dure-minder: the supervisor of one attempt. Single-threaded. It outlives the daemon, holds the attempt's claim, and leaves the exit status on disk.
 *
 * Order of things: read spec → claim → control socket → cgroup, working directory, output files (with the user's rights) → processes → watch →
 * kill what is left → status on disk → said to whoever listens → exit. */
#include <sys/resource.h>
#include <sys/types.h>

#include "engine/attempt.h"

enum { MINDER_CHANNELS_MAX = 8 };

struct minder_task {
    pid_t pid; /* also its process group; 0: never forked */
    bool running;
    int32_t exit_code, exit_signal;
    int out_fd, err_fd;
};

/* Sums that the watching child sends; memory and busy time of whole GPUs. */
struct minder_gpu_sums {
    uint64_t busy_us, memory_peak_mib, energy_mj;
};

struct minder {
    int dir_fd;
    struct dure_spec spec;
    char *spec_bytes;
    struct minder_task *tasks;
    uint32_t running;
    char leaf[600]; /* cgroup of the attempt; "" = none */
    int leaf_fd;    /* -1: none */
    int workdir_fd, script_fd, null_fd;
    int signal_fd, listen_fd, exec_fd, gpu_fd;
    int channels[MINDER_CHANNELS_MAX];
    pid_t gpu_pid;
    struct rlimit files_before; /* RLIMIT_NOFILE as found */
    uint64_t cpu_us, rss_peak_kib;
    struct minder_gpu_sums gpu;
    int64_t begun_us; /* monotonic: first process forked */
    int64_t warned_us, stopped_us, sampled_us;
    uint32_t samples;
    bool started_said, stop_wanted, forget_wanted, refused;
    bool status_known, status_stored;
    struct dure_status status;
    char status_text[DURE_STATUS_BYTES_MAX];
    size_t status_length;
};

int64_t minder_now_us(void); /* monotonic */

/* claim.c. `ret_taken` false with DURE_OK: another minder holds it. */
DURE_NODISCARD enum dure_err minder_spec_read(struct minder *minder, struct dure_error *error);
DURE_NODISCARD enum dure_err minder_claim(struct minder *minder, bool *ret_taken, struct dure_error *error);
DURE_NODISCARD enum dure_err minder_status_store(struct minder *minder, struct dure_error *error);

/* user.c: between the two calls the process has the user's rights over files (root only; else nothing happens). */
DURE_NODISCARD bool minder_user_enter(const struct minder *minder);
void minder_user_leave(const struct minder *minder);
DURE_NODISCARD bool minder_user_become(const struct minder *minder); /* for good, in a child */

/* output.c: working directory, script, null device, and every task's output files, before anything starts. */
DURE_NODISCARD enum dure_err minder_files_open(struct minder *minder, struct dure_error *error);

/* environ.c: the whole environment of one task, NUL-terminated strings and a NULL-ended vector (NULL: out of memory). */
char **minder_environment(const struct minder *minder, uint32_t task, struct dure_buf *strings);

/* task.c */
struct minder_exec_failure {
    uint32_t task;
    int32_t error;
};
DURE_NODISCARD enum dure_err minder_tasks_start(struct minder *minder, struct dure_error *error);
void minder_exec_read(struct minder *minder);

/* control.c */
void minder_channel_add(struct minder *minder, int fd);
DURE_NODISCARD enum dure_err minder_listen(struct minder *minder, struct dure_error *error);
void minder_accept(struct minder *minder);
void minder_hear(struct minder *minder, unsigned channel);
void minder_say(struct minder *minder, const char *text, size_t length);

/* tree.c */
void minder_warn(struct minder *minder);
void minder_kill(struct minder *minder);
void minder_reap(struct minder *minder);
bool minder_alone(struct minder *minder); /* nothing of the attempt lives */

/* usage.c */
void minder_sample(struct minder *minder);
void minder_gpu_start(struct minder *minder);
void minder_gpu_read(struct minder *minder);
void minder_usage(const struct minder *minder, struct dure_usage *ret_usage);

/* watch.c: from the first process to the status. */
void minder_rewall(struct minder *minder, const char *digits, size_t length); /* another walltime, in microseconds */
void minder_status_set(struct minder *minder, enum dure_report report, int32_t code, int32_t signal,
                       const char *reason);
void minder_watch(struct minder *minder);
