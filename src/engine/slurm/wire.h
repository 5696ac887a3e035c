#pragma once
/* One Slurm cluster, spoken to without waiting: every call asks, and the answer comes later through its callback, once, on the loop's thread.
 *
 * Two ways behind one face (struct dure_slurm_site says which): the commands (sbatch, squeue, sinfo, scontrol, scancel, each a process
 * with an environment of its own, no shell), or slurmrestd (libcurl; Unix socket or HTTP). Nothing is polled: a cluster that nobody asks
 * costs nothing. Answers larger than small are parsed on libuv's worker threads.
 *
 * Limits: DURE_SLURM_UNDER_WAY requests at a time, DURE_SLURM_WAITING more wait in their order, then a call is E_BUSY; each request has a
 * deadline, counted from when it is sent; answers, jobs and nodes have ceilings, and an answer beyond one is MALFORMED.
 * What is handed to a call is copied. What a callback is given is valid until it returns. A callback may call, and may free the wire. */
#include "base/err.h"
#include "model/fleet.h"

struct uv_loop_s;
struct dure_slurm;

enum {
    DURE_SLURM_UNDER_WAY = 8,
    DURE_SLURM_COMMANDS_UNDER_WAY = 20, /* a process mostly waits for its answer */
    DURE_SLURM_WAITING = 65536,
    DURE_SLURM_ANSWER_MAX = 256 << 20, /* bytes of one answer */
    DURE_SLURM_JOBS_MAX = 1 << 18,     /* of one answer */
    DURE_SLURM_JOB_IDS_MAX = 512,      /* of one question */
    DURE_SLURM_NODES_MAX = 1 << 16,
    DURE_SLURM_PARTITIONS_MAX = 4096,
    DURE_SLURM_SWITCHES_MAX = 1 << 16,
    DURE_SLURM_SETTINGS_MAX = 4096,
    DURE_SLURM_JOB_NODES_MAX = 1 << 16,
    DURE_SLURM_SCRIPT_MAX = 4 << 20,
    DURE_SLURM_ENVIRONMENT_MAX = 1 << 20, /* bytes, all variables */
    DURE_SLURM_TEXT_MAX = 4096,           /* of what a submission names; nodes and paths apart */
    DURE_SLURM_NODELIST_MAX = 1 << 16,
};

enum dure_slurm_result {
    DURE_SLURM_DONE,
    DURE_SLURM_REFUSED,     /* Slurm heard it and said no; its words are in `text` */
    DURE_SLURM_NO_ANSWER,   /* none in time, or none that is Slurm's: it may have arrived (but see `unsent`) */
    DURE_SLURM_DENIED,      /* not authorised: the token, the account we run as, or the key of munge */
    DURE_SLURM_MALFORMED,   /* an answer that cannot be read or passes a ceiling: it may have arrived */
    DURE_SLURM_UNSUPPORTED, /* this way of speaking to Slurm has no such question; nothing was sent */
};
const char *dure_slurm_result_name(enum dure_slurm_result result); /* "no answer" */

enum dure_slurm_state {
    DURE_SLURM_STATE_UNKNOWN,
    DURE_SLURM_STATE_PENDING,
    DURE_SLURM_STATE_RUNNING,
    DURE_SLURM_STATE_SUSPENDED,
    DURE_SLURM_STATE_COMPLETED,
    DURE_SLURM_STATE_CANCELLED,
    DURE_SLURM_STATE_FAILED,
    DURE_SLURM_STATE_TIMEOUT,
    DURE_SLURM_STATE_NODE_FAIL,
    DURE_SLURM_STATE_PREEMPTED,
    DURE_SLURM_STATE_BOOT_FAIL,
    DURE_SLURM_STATE_DEADLINE,
    DURE_SLURM_STATE_OUT_OF_MEMORY,
    /* Flags beside a state. Slurm before 23.02 says the flag in place of the state, and then it stands here too. */
    DURE_SLURM_STATE_CONFIGURING,
    DURE_SLURM_STATE_COMPLETING,
    DURE_SLURM_STATE_REQUEUED,
    DURE_SLURM_STATE_OTHER_FLAG, /* stage out, signaling, resizing, stopped, special exit, ... */
};
const char *dure_slurm_state_name(enum dure_slurm_state state); /* "NODE_FAIL" */
/* Nothing of it runs any more, nor will. UNKNOWN and COMPLETING are not ended. */
bool dure_slurm_state_ended(enum dure_slurm_state state);

enum dure_slurm_job_flag {
    DURE_SLURM_JOB_COMPLETING = 1,
    DURE_SLURM_JOB_CONFIGURING = 2,
    DURE_SLURM_JOB_REQUEUED = 4, /* was put back into the queue (also: requeue hold) */
    DURE_SLURM_JOB_HELD = 8,     /* priority 0, or a reason that says held */
    DURE_SLURM_JOB_CUT = 16,     /* it has more nodes than fit a line: `nodes` is empty, `nodes_text` their beginning */
};

/* What a job has of one node. */
struct dure_slurm_job_node {
    const char *name;
    uint32_t gpu_count; /* 0: none, or not said */
    uint64_t gpu_mask;  /* bit = Slurm's index of a GPU; 0: not said */
};

struct dure_slurm_job {
    uint32_t job_id;
    uint32_t array_job_id, array_task_id; /* 0 and DURE_NONE32: none */
    const char *name, *comment, *user, *account, *partition, *qos, *reason, *directory, *output;
    uint32_t user_id;
    enum dure_slurm_state state;
    uint32_t flags; /* enum dure_slurm_job_flag */
    int32_t exit_code, exit_signal;
    int64_t submit_us, start_us, end_us; /* 0: not yet, or not said; end_us of what runs is when its walltime ends */
    int64_t walltime_us;                 /* 0: none, or not said */
    uint32_t restarts;
    const char *batch_node; /* "" : not said */
    const char *nodes_text; /* Slurm's hostlist; "" = none */
    uint32_t node_count;    /* of `nodes`: 0 where it has none, or where there are more than DURE_SLURM_JOB_NODES_MAX */
    struct dure_slurm_job_node *nodes;
};
extern const struct dure_slurm_job dure_slurm_no_job; /* every text "" */

enum dure_slurm_node_flag {
    DURE_SLURM_NODE_IDLE = 1,
    DURE_SLURM_NODE_ALLOCATED = 2, /* whole */
    DURE_SLURM_NODE_MIXED = 4,
    DURE_SLURM_NODE_DOWN = 8, /* also ERROR, UNKNOWN */
    DURE_SLURM_NODE_DRAIN = 16,
    DURE_SLURM_NODE_FAIL = 32,
    DURE_SLURM_NODE_SILENT = 64, /* NO_RESPOND: slurmctld does not hear it */
    DURE_SLURM_NODE_MAINT = 128,
    DURE_SLURM_NODE_PLANNED = 256,
    DURE_SLURM_NODE_COMPLETING = 512,
    DURE_SLURM_NODE_RESERVED = 1024,
    DURE_SLURM_NODE_POWERED_DOWN = 2048, /* or on its way down or up */
    DURE_SLURM_NODE_REBOOT = 4096,
    DURE_SLURM_NODE_FUTURE = 8192,
    DURE_SLURM_NODE_INVALID = 16384, /* INVALID_REG: it registered with less than slurm.conf says */
};

struct dure_slurm_node {
    const char *name, *address, *hostname, *version, *reason, *features, *partitions; /* comma lists */
    const char *gres, *gres_used; /* "gpu:b200:8(S:0-1)", "gpu:b200:2(IDX:0-1)" */
    uint32_t flags;               /* enum dure_slurm_node_flag */
    uint32_t cpu_count;
    uint64_t memory_mib;
    uint32_t gpu_count, gpu_used_count;
    uint64_t gpu_used_mask;           /* 0: none, or not said */
    char gpu_type[DURE_NAME_MAX + 1]; /* of its gres; "" = none given; of several types the first */
    bool gpu_types_many;
    int64_t boot_us, reason_us; /* 0: not said */
};

struct dure_slurm_partition {
    const char *name, *nodes_text, *state, *allow_accounts, *qos, *preempt_mode; /* "" : not said */
    int64_t walltime_max_us;                                                     /* INT64_MAX: unlimited; 0: not said */
    uint32_t nodes_max; /* DURE_NONE32: unlimited or not said */
    uint32_t priority_tier;
    bool is_default, default_unsaid; /* unsaid: by slurmrestd v0.0.39 to v0.0.44 */
};

struct dure_slurm_setting {
    const char *name, *value; /* as `scontrol show config` has them */
};

/* A switch of topology.conf (or a block: then it holds nodes only). */
struct dure_slurm_switch {
    const char *name, *nodes_text, *switches_text; /* hostlists; switches_text "" = a leaf */
    uint32_t level;                                /* 0 = a leaf */
    bool is_block;
};

/* What a few jobs cost where Slurm remembers many. */
enum dure_slurm_few {
    DURE_SLURM_FEW_AS_ALL,     /* as much as all */
    DURE_SLURM_FEW_ONE_BY_ONE, /* each alone (filter.job_id) a small part of it */
    DURE_SLURM_FEW_TOGETHER,   /* together (filter.job_ids) less than it */
};

struct dure_slurm_reply {
    enum dure_slurm_result result;
    bool unsent;       /* NO_ANSWER: nothing of it left this machine, so Slurm cannot have heard it */
    const char *text;  /* for people; "" with DONE */
    uint32_t job_id;   /* of a submission */
    bool unchanged;    /* jobs: nothing changed since; there is no list */
    enum dure_slurm_few few; /* jobs: how a few of many are best asked for */
    bool states_only;  /* jobs: all but GPUs, users, partitions, folders */
    int64_t as_of_us;  /* jobs: to ask with the next time; 0: this way has no such thing */
    const struct dure_slurm_job *jobs;
    uint32_t job_count;
    const struct dure_slurm_node *nodes;
    uint32_t node_count;
    const struct dure_slurm_partition *partitions;
    uint32_t partition_count;
    const struct dure_slurm_setting *settings;
    uint32_t setting_count;
    const struct dure_slurm_switch *switches;
    uint32_t switch_count;
    const char *version; /* Slurm's, where the answer says it: "22.05.8"; else "" */
    const char *api;     /* "v0.0.38"; "" = commands */
    int64_t latency_us;  /* ping: how long it took */
    int64_t clock_us;    /* ping, config: the controller's clock where it tells; 0: not said */
};
typedef void (*dure_slurm_fn)(void *context, const struct dure_slurm_reply *reply);

/* One job to be. NULL or "" or 0: not said, so Slurm's default holds, unless noted. */
struct dure_slurm_submit {
    const char *name, *comment, *account, *partition, *qos, *reservation;
    const char *
        user; /* login it belongs to; NULL: as whom we speak (only root, or the token of root or SlurmUser, may name another) */
    const char *directory; /* required, absolute */
    const char *input, *output,
        *error_output; /* Slurm's patterns (%j) hold; NULL: /dev/null; error_output NULL: as output */
    /* Begins with #!. Lines that begin with #SBATCH are made plain comments, so that they say nothing here. */
    const char *script;
    size_t script_length;
    /* "NAME=value", `environment_count` of them: all that the job gets beside what Slurm adds. Those named SLURM_* or SBATCH_* are left
     * out: they would change what is asked for. */
    const char *const *environment;
    uint32_t environment_count;
    const char *nodelist; /* exactly these, in Slurm's hostlist notation; node_count of them */
    uint32_t node_count;  /* required */
    uint32_t tasks;
    uint32_t tasks_per_node, cpus_per_task;
    uint32_t gpus_per_node;
    const char *gpu_type;                             /* of gres */
    uint32_t memory_per_node_mib, memory_per_cpu_mib; /* at most one of the two */
    int64_t walltime_us;                              /* rounded up to minutes, Slurm's grain */
    int warn_signal;                                  /* warn_s before the walltime ends; 0: none */
    bool warn_batch;                                  /* to the batch script alone; else to the steps alone */
    uint32_t warn_s;
    bool append;  /* to output that is there; else it begins anew */
    bool requeue; /* false: Slurm never puts it back into its queue */
    bool hold;
    bool exclusive;
    const char *dependency; /* "afterok:12:13" */
};

struct dure_slurm_options {
    struct uv_loop_s *loop;
    const struct dure_slurm_site *site; /* copied */
    int64_t timeout_us;                 /* of a request; 0: 30 s */
    uint32_t under_way_max;             /* 0: DURE_SLURM_UNDER_WAY, by commands more; at most 64 */
};

/* Looks at nothing but `options` and the token file: E_INVALID, E_PERMISSION (others may read the token file), E_UNSUPPORTED, E_MEMORY. */
DURE_NODISCARD enum dure_err dure_slurm_new(const struct dure_slurm_options *options, struct dure_slurm **ret_slurm,
                                            struct dure_error *error);
/* Requests that wait or are under way end without their callbacks (a process is killed, a connection closed: what it asked may have
 * arrived). NULL is fine. What it still holds of the loop is given back by the loop, in its next turns. */
void dure_slurm_free(struct dure_slurm *slurm);
void dure_slurm_describe(const struct dure_slurm *slurm,
                         struct dure_buf *text); /* "sbatch and squeue of /usr/bin, /etc/slurm/slurm.conf" */
uint32_t dure_slurm_under_way(const struct dure_slurm *slurm); /* with those that wait */

/* Each: DURE_OK: the callback comes, never before the call returns. E_BUSY, E_INVALID, E_LIMIT, E_MEMORY: it does not, nothing was sent. */
DURE_NODISCARD enum dure_err dure_slurm_submit(struct dure_slurm *slurm, const struct dure_slurm_submit *submit,
                                               dure_slurm_fn fn, void *context, struct dure_error *error);
/* Whom to list. All fields 0 or NULL: all that slurmctld remembers, ended ones too (for MinJobAge). */
struct dure_slurm_filter {
    int64_t
        since_us; /* reply.as_of_us of an earlier list: where nothing changed, `unchanged`; else still the whole list */
    bool states_only; /* where that is cheaper (by the commands: a tenth), without what reply.states_only leaves out */
    uint32_t job_id;  /* this one alone; none: DONE with no job */
    const uint32_t *job_ids; /* these, as many of them as there are; where that is no cheaper, others may come too */
    uint32_t job_id_count;   /* at most DURE_SLURM_JOB_IDS_MAX */
    const char *name; /* those of this name */
    const char *name_head; /* those whose name begins so */
    const char *comment;   /* those of this comment */
};
DURE_NODISCARD enum dure_err dure_slurm_list(struct dure_slurm *slurm, const struct dure_slurm_filter *filter,
                                             dure_slurm_fn fn, void *context, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_slurm_list_nodes(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                                   struct dure_error *error);
DURE_NODISCARD enum dure_err dure_slurm_list_partitions(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                                        struct dure_error *error);
/* REFUSED where it has ended (by slurmrestd before v0.0.39: DONE). An srun that is signalled itself (BATCH, ALL) cancels its step at once: steps that shall hear a signal and go on
 * for a while get it with STEPS. By slurmrestd before v0.0.39 there is ALL alone; others are UNSUPPORTED. */
enum dure_slurm_scope { DURE_SLURM_STEPS, DURE_SLURM_BATCH, DURE_SLURM_ALL };
DURE_NODISCARD enum dure_err dure_slurm_signal(struct dure_slurm *slurm, uint32_t job_id, int signal,
                                               enum dure_slurm_scope scope, dure_slurm_fn fn, void *context,
                                               struct dure_error *error);
/* It ends, pending or running: SIGTERM, and SIGKILL after Slurm's KillWait. DONE too where it had ended already or is unknown. */
DURE_NODISCARD enum dure_err dure_slurm_cancel(struct dure_slurm *slurm, uint32_t job_id, dure_slurm_fn fn,
                                               void *context, struct dure_error *error);
/* A held job may run; and a pending or running job's walltime is another. */
DURE_NODISCARD enum dure_err dure_slurm_release(struct dure_slurm *slurm, uint32_t job_id, dure_slurm_fn fn,
                                                void *context, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_slurm_extend(struct dure_slurm *slurm, uint32_t job_id, int64_t walltime_us,
                                               dure_slurm_fn fn, void *context, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_slurm_ping(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                             struct dure_error *error);
/* `scontrol show config`; UNSUPPORTED by rest, which has no such question. */
DURE_NODISCARD enum dure_err dure_slurm_config(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                               struct dure_error *error);
/* Switches or blocks, from the top down; none where topology.conf says nothing. UNSUPPORTED by rest. */
DURE_NODISCARD enum dure_err dure_slurm_topology(struct dure_slurm *slurm, dure_slurm_fn fn, void *context,
                                                 struct dure_error *error);
