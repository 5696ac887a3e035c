#pragma once
/* Reading the core: plain structs for listings, boards and engines. Nothing here changes state. */
#include "core/core.h"
#include "model/power.h"
#include "model/prices.h"

/* What keeps a pending job waiting, in one word: squeue's reason column. */
#define DURE_WAITS(X)                                                                                                  \
    X(NONE, "None")                                                                                                    \
    X(PRIORITY, "Priority")   /* behind others of its tenant */                                                        \
    X(RESOURCES, "Resources") /* its place is busy */                                                                  \
    X(RIGHTS, "Rights")       /* the tenant's allotments are used up */                                                \
    X(DEPENDENCY, "Dependency")                                                                                        \
    X(BEGIN_TIME, "BeginTime")                                                                                         \
    X(HELD, "JobHeldUser")                                                                                             \
    X(ARRAY_LIMIT, "JobArrayTaskLimit")                                                                                \
    X(NOT_LENT, "NotLent")         /* nobody lends what it asks for now */                                             \
    X(PREEMPTING, "Preempting")    /* borrowers are leaving its cells */                                               \
    X(SUSPENDED, "RightSuspended") /* hardware was lost */                                                             \
    X(ARRIVING, "HardwareArriving")                                                                                    \
    X(NOT_BEGUN, "AllotmentNotBegun")                                                                                  \
    X(CEILING_GPUS, "AssocGrpGRES") /* a ceiling of its tenant or of one above; Slurm's words */                       \
    X(CEILING_JOBS, "AssocGrpJobsLimit")                                                                               \
    X(CEILING_USER_GPUS, "QOSMaxGRESPerUser")                                                                          \
    X(CEILING_USER_JOBS, "QOSMaxJobsPerUserLimit")                                                                     \
    X(MAINTENANCE, "ReqNodeNotAvail") /* booked maintenance begins before it would end */

enum dure_wait {
#define X(name, text) DURE_WAIT_##name,
    DURE_WAITS(X)
#undef X
};
const char *dure_wait_name(enum dure_wait wait);

struct dure_job_view {
    struct dure_job_id id;
    uint32_t element; /* DURE_NONE32: the not yet started rest of an array, or a batch job */
    uint32_t element_first, element_last, element_count; /* of a pending array rest */
    const struct dure_job *job;
    enum dure_job_state state;
    enum dure_wait wait;
    bool held;
    int64_t submitted_us, started_us, deadline_us; /* 0: not yet; deadline: when walltime or notice ends it */
    struct dure_attempt_id attempt;                /* DURE_NONE64: none */
    enum dure_attempt_state attempt_state;
    bool attempt_begun;    /* its engine has said that it runs */
    enum dure_cause cause; /* of a notice or stop */
    uint32_t requeues;
    int64_t planned_us; /* while it waits: when its planned start is, at the latest; 0: none is planned */
    struct dure_chain_id planned_chain;
    const struct dure_place *places;
    uint32_t place_count;
    struct dure_owner_id source_owner; /* whose GPUs the charge names; NONE while pending */
    struct dure_allot_id source_allot; /* NONE: borrowed */
};

/* Live jobs in id order; elements that run are rows of their own, then the pending rest. Returns false at the end. The cursor begins at zero. */
struct dure_job_cursor {
    uint64_t job;
    uint32_t element;
    bool rest_done;
};
bool dure_core_job_next(const struct dure_core *core, struct dure_job_cursor *cursor, struct dure_job_view *ret_view);
bool dure_core_job_view(const struct dure_core *core, struct dure_job_id job, uint32_t element,
                        struct dure_job_view *ret_view);
/* The first node that a live attempt stands on; false: there is no such attempt. */
bool dure_core_attempt_node(const struct dure_core *core, struct dure_attempt_id attempt,
                            struct dure_node_id *ret_node);
bool dure_core_attempt_view(const struct dure_core *core, struct dure_attempt_id attempt,
                            struct dure_job_view *ret_view);
bool dure_core_attempt_next(const struct dure_core *core, uint64_t *cursor,
                            struct dure_job_view *ret_view); /* running attempts in id order */

struct dure_core_counts {
    uint64_t jobs_pending, jobs_running, jobs_ended, attempts_started, attempts_evicted, passes, refused;
};
struct dure_core_counts dure_core_counts(const struct dure_core *core);

/* GPUs that fractions share, and the fractions on them: what prices are worked out from (advise/shared.h). Instances of MIG do not count. */
struct dure_holes_view {
    uint32_t left[DURE_HOLES];  /* GPUs, by how much of them is left, in steps of DURE_HOLE_MILLI rounded down */
    uint32_t tasks[DURE_HOLES]; /* attempts by GPU, by how much of it a task takes, rounded up */
};
/* O(GPUs of the fleet): for what happens once a minute, not once a decision. */
void dure_core_holes(const struct dure_core *core, struct dure_holes_view *ret_view);
const struct dure_prices *dure_core_prices(const struct dure_core *core); /* by which it goes; all 0: none yet */

struct dure_node_view {
    struct dure_node_id id;
    enum dure_node_state state;
    enum dure_node_report report;            /* what was said of it last */
    const char *report_reason;               /* and why; "" while it is up */
    const char *reason;                      /* of the report, else of who drained it or booked it; "" */
    uint32_t gpus, gpus_used, gpus_borrowed; /* used includes borrowed */
    int64_t window_us;                       /* its next booked maintenance; DURE_NEVER_US: none */
    uint32_t gpus_dark;                      /* by a power limit */
    char dark_by[DURE_POWER_NAME_MAX];       /* "site pohang": the innermost domain that feeds no more; "" */
    uint32_t gpus_foreign;                   /* used by work outside dure, as its engine says */
    uint64_t foreign;                        /* and which: bit = GPU */
    const char *foreign_reason;              /* "" */
};
bool dure_core_node_view(const struct dure_core *core, struct dure_node_id node, struct dure_node_view *ret_view);

/* Booked maintenance, to come or begun, in the order of booking: index 0 and up; false: no more. */
struct dure_booking_view {
    uint64_t id;
    int64_t from_us, until_us;
    bool begun;
    const char *reason;
    const struct dure_place *runs; /* of nodes */
    uint32_t run_count, node_count, gpus;
};
bool dure_core_booking_view(const struct dure_core *core, uint32_t index, struct dure_booking_view *ret_view);
/* What a BOOK would bring, without doing it: jobs that would still run when it begins, and allotments that would be short while it lasts. */
DURE_NODISCARD enum dure_err dure_core_booking_preview(struct dure_core *core, const struct dure_record *input,
                                                       struct dure_buf *ret_text, struct dure_error *error);

/* GPU sums of one chain, for the board. own: used by guaranteed work; lent: by borrowed work of others; idle = rest of available. */
struct dure_chain_view {
    uint64_t gpus, arriving, guaranteed, borrowed, promised; /* promised: under rights, now */
    /* Without work of ours, each GPU in the first that holds: its node is down, drained or draining; is away; a power limit keeps it dark; work
     * outside dure uses it. */
    uint64_t lost, away, dark, foreign;
};
void dure_core_chain_view(const struct dure_core *core, struct dure_chain_id chain, struct dure_chain_view *ret_view);

struct dure_allot_view {
    struct dure_allot_id id;
    const struct dure_allotment *spec;
    enum dure_allot_state state;
    uint32_t cells, cells_bound, cells_suspended, gpus, gpus_used, gpus_lent;
    int64_t active_us;     /* when it began; 0: not yet */
    int64_t idle_since_us; /* 0: in use, or not begun */
    uint64_t gpu_us_used;  /* by right of it, since it began */
};
uint32_t dure_core_allot_count(const struct dure_core *core); /* ids 0..count-1, ended ones included */
bool dure_core_allot_view(const struct dure_core *core, struct dure_allot_id allot, struct dure_allot_view *ret_view);
bool dure_core_allot_find(const struct dure_core *core, const char *name, struct dure_allot_id *ret_allot);

struct dure_tenant_view {
    uint64_t pending, running, gpus_used, gpus_borrowed, gpus_promised;
    uint64_t gpu_us_guaranteed, gpu_us_borrowed;
};
void dure_core_tenant_view(const struct dure_core *core, struct dure_tenant_id tenant,
                           struct dure_tenant_view *ret_view); /* with all below it */

/* The effect of a GRANT, SHRINK or END_ALLOT without doing it: text in words; E_SHORT with figures when it would be refused. */
DURE_NODISCARD enum dure_err dure_core_allot_preview(struct dure_core *core, const struct dure_record *input,
                                                     struct dure_buf *ret_text, struct dure_error *error);

/* One domain of the power limits in force, ids 0..count-1. In milliwatt, at worst case. */
struct dure_power_view {
    char name[DURE_POWER_NAME_MAX];
    uint64_t limit_mw;    /* now; DURE_POWER_NO_LIMIT: none at this moment */
    uint64_t kept_mw;     /* what it is kept to: the least from now to a lead ahead */
    int64_t next_us;      /* when a limit of it begins or ends next; DURE_NEVER_US */
    uint64_t fed_mw;      /* GPUs that are there and not dark */
    uint64_t used_mw;     /* GPUs with work */
    uint64_t promised_mw; /* of a site: under rights now; of a cell DURE_POWER_NO_LIMIT */
    uint64_t gpus, gpus_dark;
};
uint32_t dure_core_power_count(const struct dure_core *core);
void dure_core_power_view(const struct dure_core *core, uint32_t domain,
                          struct dure_power_view *ret_view); /* O(its nodes) */
/* What taking this DATA record would do to work that runs, in words; "" if nothing. After dure_core_check. */
void dure_core_data_effect(const struct dure_core *core, const struct dure_record *record, struct dure_buf *ret_text);
