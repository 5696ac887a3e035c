#pragma once
/* What the local engine and dure-minder say to each other, on disk and over sockets. One folder per attempt, <state>/attempts/<id>/:
 *
 *   spec      all that the minder needs; written whole (beside it, then renamed) by the engine before the minder is launched
 *   claimed   made by the minder with link(2), which fails if it is there: so an attempt begins at most once, whatever is repeated
 *   ctl       SOCK_SEQPACKET socket of the minder, mode 0600: takes "warn", "stop", "forget"; says "started", then the status
 *   status    how it ended; synced before it is said
 *
 * Beside the folders, <state>/attempts/boot says which attempts belong to the present boot of the machine. It is the only thing synced on the way to
 * a start, once a boot: what is not synced is still seen by every process for as long as the machine is up, and after the machine went down an
 * attempt of an earlier boot is never started again, only reported as ended or lost.
 *
 * Spec: a strict binary form (magic, fields in ascending order each exactly once, a hash over all). Status and claim: strict text, one
 * "name value" a line, with first and last line fixed. Limits: spec 4 MiB, status 4 KiB, 4,096 tasks. Owns nothing; thread-safe. */
#include "base/buf.h"
#include "base/err.h"
#include "model/record.h"

enum {
    DURE_ATTEMPT_BYTES_MAX = 4 * 1024 * 1024,
    DURE_STATUS_BYTES_MAX = 4096,
    DURE_LOCAL_TASKS_MAX = 4096,
    DURE_LOCAL_GROUPS_MAX = 1024,
    DURE_LOCAL_PATH_MAX = 4096,
    DURE_MINDER_CHANNEL_FD = 3, /* where a freshly launched minder finds its end of the channel */
    DURE_MINDER_MESSAGE_MAX = DURE_STATUS_BYTES_MAX,
};

/* Bytes with a NUL after them (not counted); data is never NULL once decoded. */
struct dure_span {
    const char *data;
    uint32_t length;
};

/* name, number on disk (ascending), for people */
#define DURE_SPEC_NUMBERS(X)                                                                                           \
    X(attempt, 1)                                                                                                      \
    X(job, 2)                                                                                                          \
    X(is_array, 3)                                                                                                     \
    X(array_index, 4)                                                                                                  \
    X(array_first, 5)                                                                                                  \
    X(array_count, 6)                                                                                                  \
    X(array_step, 7)                                                                                                   \
    X(term, 8)                                                                                                         \
    X(restarts, 9)                                                                                                     \
    X(tasks, 10)                                                                                                       \
    X(nodes, 11)                                                                                                       \
    X(task_cpu_milli, 12)                                                                                              \
    X(task_memory_mib, 13)                                                                                             \
    X(gpu_milli, 14)  /* 1000: whole GPUs */                                                                           \
    X(is_virtual, 15) /* slots without a GPU behind them */                                                            \
    X(is_borrowed, 16)                                                                                                 \
    X(walltime_us, 17)                                                                                                 \
    X(grace_us, 18)                                                                                                    \
    X(started_us, 19)                                                                                                  \
    X(set_user, 20) /* 1: become uid, gid, groups; 0: stay who the minder is */                                        \
    X(uid, 21)                                                                                                         \
    X(gid, 22)

#define DURE_SPEC_SPANS(X)                                                                                             \
    X(token, 64) /* hex; in every task's environment and in the cgroup's name */                                       \
    X(login, 65)                                                                                                       \
    X(home, 66)                                                                                                        \
    X(shell, 67)                                                                                                       \
    X(groups, 68) /* uint32_t each */                                                                                  \
    X(tenant, 69)                                                                                                      \
    X(job_name, 70)                                                                                                    \
    X(workdir, 71)                                                                                                     \
    X(script, 72)                                                                                                      \
    X(command, 73)     /* argv, each NUL-terminated; the arguments of the script where there is one */                 \
    X(environment, 74) /* NAME=value, each NUL-terminated */                                                           \
    X(out_name, 75)    /* patterns; "" = the default */                                                                \
    X(err_name, 76)    /* "" = where stdout goes */                                                                    \
    X(fleet, 77)                                                                                                       \
    X(nodelist, 78)   /* hostlist of all nodes */                                                                      \
    X(node_names, 79) /* each NUL-terminated, in the order of node indices */                                          \
    X(layout, 80)     /* struct dure_spec_task each */                                                                 \
    X(gpu_uuids, 81)  /* of this machine's GPUs, each NUL-terminated, by index; empty for virtual ones */              \
    X(cgroup, 82)     /* folder in which the attempt's own is made; "" = none */                                       \
    X(nvml, 83)       /* library; "" = the system's */

/* Where one task runs. */
struct dure_spec_task {
    uint32_t node;     /* index into the attempt's nodes */
    uint32_t local;    /* rank on that node */
    uint64_t gpu_mask; /* bit = GPU of the node */
};

struct dure_spec {
#define X(name, number) uint64_t name;
    DURE_SPEC_NUMBERS(X)
#undef X
#define X(name, number) struct dure_span name;
    DURE_SPEC_SPANS(X)
#undef X
};

void dure_spec_encode(const struct dure_spec *spec, struct dure_buf *buf); /* buf->failed: too large */
/* Spans point into `bytes`. Checks form and the relations that the minder relies on; E_CORRUPT, E_VERSION, E_LIMIT. */
DURE_NODISCARD enum dure_err dure_spec_decode(const void *bytes, size_t length, struct dure_spec *ret_spec,
                                              struct dure_error *error);
struct dure_spec_task dure_spec_task_at(const struct dure_spec *spec, uint32_t task);
const char *dure_span_item(struct dure_span list, uint32_t index); /* of NUL-terminated items; "" past the end */

struct dure_status {
    enum dure_report report; /* ENDED or REFUSED */
    int32_t exit_code, exit_signal;
    struct dure_usage usage;
    char reason[DURE_REASON_MAX + 1]; /* one line */
};
void dure_status_encode(const struct dure_status *status, struct dure_buf *buf);
DURE_NODISCARD enum dure_err dure_status_decode(const char *text, size_t length, struct dure_status *ret_status,
                                                struct dure_error *error);

/* Who holds an attempt: enough to tell a living minder from another process that got its number. */
struct dure_claim {
    int64_t pid;
    uint64_t start_ticks; /* /proc/<pid>/stat, field 22 */
    char boot[40];        /* /proc/sys/kernel/random/boot_id */
};
void dure_claim_encode(const struct dure_claim *claim, struct dure_buf *buf);
/* /proc/sys/kernel/random/boot_id, and the first attempt that this boot may begin. */
struct dure_boot {
    char boot[40];
    uint64_t first;
};
void dure_boot_encode(const struct dure_boot *boot, struct dure_buf *buf);
DURE_NODISCARD enum dure_err dure_boot_decode(const char *text, size_t length, struct dure_boot *ret_boot,
                                              struct dure_error *error);
DURE_NODISCARD enum dure_err dure_claim_decode(const char *text, size_t length, struct dure_claim *ret_claim,
                                               struct dure_error *error);
