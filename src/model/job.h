#pragma once
/* A job as the core decides on it: integers only, nothing personal. What a person wrote beside it (name, script, environment, paths)
 * is a struct dure_body (model/body.h). */
#include "base/err.h"
#include "model/fleet.h"
#include "model/ids.h"
#include "model/node_runs.h"
#include "model/tenants.h"

enum {
    DURE_JOB_TASKS_MAX = 131072,
    DURE_JOB_DEPS_MAX = 16,
    DURE_ARRAY_MAX = 1000000,       /* elements */
    DURE_PRIORITY_MAX = 1000000,
    DURE_SPREAD_MAX = 65535,        /* tasks in one cell, as a limit that says something */
    DURE_MODEL_ORDER_MAX = 8,       /* models whose order is kept; what is listed after them comes last */
};
#define DURE_WALLTIME_DEFAULT_US (INT64_C(3600) * 1000000)       /* 1 h, stated in the reference */
#define DURE_WALLTIME_MAX_US (INT64_C(366) * 86400 * 1000000)
#define DURE_GRACE_DEFAULT_US (INT64_C(30) * 1000000)            /* 30 s */
#define DURE_GRACE_MAX_US (INT64_C(86400) * 1000000)

enum dure_job_class { DURE_GUARANTEED, DURE_BORROWED };
enum dure_dep_kind { DURE_DEP_OK, DURE_DEP_ANY, DURE_DEP_FAILED }; /* afterok, afterany, afternotok */

struct dure_dep {
    struct dure_job_id job;
    enum dure_dep_kind kind;
};

struct dure_job {
    struct dure_tenant_id tenant;
    struct dure_principal_id principal; /* who submitted */
    enum dure_job_class job_class;
    uint32_t tasks;           /* processes; the whole set is one gang */
    uint32_t task_gpus;       /* whole GPUs per task, inside one node; 1 when task_gpu_milli < 1000 */
    uint32_t task_gpu_milli;  /* 1000: whole GPUs; 1..999: a fraction of one GPU, shared only inside the tenant */
    uint32_t gpu_memory_mib;  /* least memory of each GPU (of the fraction, if one); 0 = any */
    uint32_t task_cpu_milli;  /* 0 = the leaf's share */
    uint32_t task_memory_mib; /* 0 = the leaf's share */
    uint64_t model_mask;      /* bit = dure_gpu_model_id; 0 = any */
    uint32_t tasks_per_node;  /* 0 = any; else exactly so many tasks share a node (Slurm's --ntasks-per-node) */
    const char *level;        /* the whole gang inside one cell of this level; "" = none. Points into the fleet's level names */
    bool level_required;      /* else preferred */
    const char *spread_level; /* at most spread_max tasks in one cell of this level; "" = no limit. As `level` */
    uint32_t spread_max;
    const char *mig;          /* each task gets one MIG instance of this profile; "" = none. As `level` */
    struct dure_node_runs include; /* only these nodes; empty = all. Parsed: lives as long as the body */
    struct dure_node_runs exclude; /* none of these */
    uint64_t model_order;     /* several models: byte k = the k-th in order of preference + 1; 0 = no order */
    int64_t walltime_us;
    int64_t grace_us;         /* between warning and kill */
    int64_t checkpoint_us;    /* it keeps its work at least so often: what an eviction loses is no more; 0 = never */
    int64_t begin_us;         /* INT64_MIN: at once */
    int64_t deadline_us;      /* it must have ended by then; 0: none */
    int64_t emulated_us;      /* how long it lasts on an emulated site; 0 = its walltime */
    int32_t priority;         /* within the tenant; higher first; -1,000,000..1,000,000 */
    bool requeue;             /* start again after node failure or eviction (default true) */
    bool hold;                /* submitted held */
    bool container;           /* it runs in a container, whose image is in the body: only at sites that have containers */
    uint32_t array_first, array_count, array_step; /* count 0: a batch job */
    uint32_t array_limit;     /* most elements at a time; 0 = no limit */
    uint64_t data_mask;       /* bit = dataset (model/data.h): which it uses */
    uint32_t dep_count;
    struct dure_dep deps[DURE_JOB_DEPS_MAX];
    uint32_t commitment_length;  /* 32, or 0 when there is no body */
    uint8_t commitment[32];      /* over the body's fields: model/body.h */
};

struct dure_body;

/* Models in order of preference: rank of a model, lower first; those of the mask that the order does not name come last, together. */
unsigned dure_job_model_rank(uint64_t model_order, struct dure_gpu_model_id model);

/* Validates a tree of kind Job. Names resolve against fleet and tenants, either of which may be NULL (the CLI checks what it can without
 * the daemon: names are then left at DURE_NONE32 / mask 0). Fills job and body (the body is allocated; the caller frees it).
 * `zone` for dates. E_INVALID with up to 20 problems. */
DURE_NODISCARD enum dure_err dure_job_parse(const struct dure_tree *tree, const struct dure_fleet *fleet, const struct dure_tenants *tenants,
                                            struct dure_job *ret_job, struct dure_body **ret_body, struct dure_problems *problems);

/* What may be changed of a job after its submission, by the name of the Job spec's field; `array_limit` is the array's N of %N. The bits of a
 * MODIFY record. */
#define DURE_CHANGES(X)                                                                                                \
    X(PRIORITY, 0, "priority")                                                                                         \
    X(WALLTIME, 1, "walltime")                                                                                         \
    X(GRACE, 2, "grace")                                                                                               \
    X(BEGIN, 3, "begin")                                                                                               \
    X(DEADLINE, 4, "deadline")                                                                                         \
    X(REQUEUE, 5, "requeue")                                                                                           \
    X(HOLD, 6, "hold")                                                                                                 \
    X(ARRAY_LIMIT, 7, "array_limit")                                                                                   \
    X(CLASS, 8, "class")                                                                                               \
    X(TASKS, 9, "tasks")                                                                                               \
    X(GPUS, 10, "gpus")                                                                                                \
    X(GPU_MEMORY, 11, "gpu_memory")                                                                                    \
    X(MODELS, 12, "models")                                                                                            \
    X(CPUS, 13, "cpus")                                                                                                \
    X(MEMORY, 14, "memory")                                                                                            \
    X(TASKS_PER_NODE, 15, "tasks_per_node")                                                                            \
    X(LEVEL, 16, "level")                                                                                              \
    X(SPREAD, 17, "spread")                                                                                            \
    X(NODES, 18, "nodes")                                                                                              \
    X(EXCLUDE, 19, "exclude")                                                                                          \
    X(MIG, 20, "mig")                                                                                                  \
    X(CHECKPOINT, 21, "checkpoint")

enum dure_change {
#define X(name, bit, field) DURE_CHANGE_##name = 1 << (bit),
    DURE_CHANGES(X)
#undef X
        DURE_CHANGE_ALL = (1 << 22) - 1,
    /* What a job that runs, or whose array's elements run, may still change: the rest says where it would run. */
    DURE_CHANGE_RUNNING = DURE_CHANGE_PRIORITY | DURE_CHANGE_WALLTIME | DURE_CHANGE_BEGIN | DURE_CHANGE_DEADLINE |
                          DURE_CHANGE_REQUEUE | DURE_CHANGE_HOLD | DURE_CHANGE_ARRAY_LIMIT | DURE_CHANGE_CHECKPOINT,
};

/* Reads a map of such fields against the job as it is (`job`: changed in place; untouched on failure) and says which were there. "none" (of
 * `models`, `model` and `level` also "any") takes away what was asked. The tree loses the entries it has read so; lists of nodes are kept in
 * the arena. */
DURE_NODISCARD enum dure_err dure_job_changes_parse(struct dure_tree *tree, const struct dure_fleet *fleet, struct dure_arena *keep,
                                                    struct dure_job *job, uint64_t *ret_mask, struct dure_problems *problems);
/* Takes the fields of the mask over. */
void dure_job_change(struct dure_job *to, const struct dure_job *from, uint64_t mask);
struct dure_job dure_job_blank(void); /* every field at the value that a record leaves out */

/* A script with #SBATCH lines and/or an option vector (as `dure submit` took it) → a Job tree in the arena, ready for dure_job_parse and for the wire.
 * `ignored` receives one line for every option that is not honoured, by name and why. --parsable, --test-only and --wrap are reported in the flags.
 * `now_us` is what "now" and a time of day are about. */
struct dure_sbatch_flags {
    bool parsable;
    bool test_only;
};
struct dure_sbatch_option {
    const char *name;  /* long name without dashes */
    const char *value; /* "" if none */
    uint32_t line;     /* in the script; 0 = command line */
};
DURE_NODISCARD enum dure_err dure_sbatch_to_tree(struct dure_arena *arena, const char *script, size_t length,
                                                 const struct dure_sbatch_option *options, uint32_t option_count,
                                                 int64_t now_us, struct dure_tree **ret_tree, struct dure_sbatch_flags *ret_flags,
                                                 struct dure_buf *ignored, struct dure_problems *problems);
/* Is this text a batch script (begins with "#!")? Else it is a YAML job. */
bool dure_sbatch_is_script(const char *text, size_t length);
/* The long option of a short one ("-J" → "job-name"); NULL if unknown. `ret_takes_value` says if it wants an argument. */
const char *dure_sbatch_short(char letter, bool *ret_takes_value);
bool dure_sbatch_known(const char *long_name, bool *ret_takes_value);
