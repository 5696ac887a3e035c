#pragma once
/* Records: everything that happens, inputs and decisions alike. State = fold(apply, records).
 *
 * A record is a flat struct with a kind; which fields a kind uses, under which CBOR key, stands in one table (record_fields.h) that drives
 * the encoder, the decoder and the printer. Encoding (RFC 8949 §4.2, deterministic): array [1, kind, term, time_us, map], the map's keys
 * small integers in ascending order, zero values absent. A leaf is at most DURE_LEAF_MAX bytes: a longer record is cut into a head leaf
 * [1, 0, total_bytes, chunk_count] followed by that many leaves [1, 255, index, bytes]. */
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/ids.h"
#include "model/job.h"

enum { DURE_LEAF_MAX = 60000, DURE_REASON_MAX = 255 };

/* number, name, is it an input? */
#define DURE_RECORDS(X)                                                                                                \
    X(CORE_VERSION, 1, "core-version", true)      /* number: the version of the rules from here on */                  \
    X(TERM, 2, "term", true)                      /* a leader began; number: wall clock jump held back, us */          \
    X(PRINCIPAL, 3, "principal", true)            /* principal, commitment (over its login) */                         \
    X(FLEET, 4, "fleet", true)                    /* text: canonical spec */                                           \
    X(TENANTS, 5, "tenants", true)                /* text: canonical spec without logins */                            \
    X(SUBMIT, 6, "submit", true)                  /* submit; job gets the next id */                                   \
    X(CANCEL, 7, "cancel", true)                  /* job, element (NONE32: all), principal */                          \
    X(HOLD, 8, "hold", true)                      /* job, principal */                                                 \
    X(RELEASE, 9, "release", true)                /* job, principal */                                                 \
    X(GRANT, 10, "grant", true)                   /* text: one allotment declaration (canonical JSON), principal */    \
    X(SHRINK, 11, "shrink", true)                 /* allot, count: cells that stay, principal */                       \
    X(END_ALLOT, 12, "end-allotment", true)       /* allot, principal */                                               \
    X(DRAIN, 13, "drain", true)                   /* node, reason, principal */                                        \
    X(RESUME, 14, "resume", true)                 /* node, principal */                                                \
    X(NODE_REPORT, 15, "node-report", true)       /* node, number: enum dure_node_report, reason */                    \
    X(ATTEMPT_REPORT, 16, "attempt-report", true) /* attempt, report, exit_code, exit_signal, usage */                 \
    X(TICK, 17, "tick", true)                     /* time alone */                                                     \
    X(PASS, 18, "pass", true)                     /* a scheduling pass; number: most starts it may make */             \
    X(ERASED, 19, "erased", true)                 /* principal (or job), number: field mask; by whom */                \
    X(POWER, 20, "power", true)                   /* text: canonical limits, principal */                              \
    X(DATA, 21, "data", true)                     /* text: canonical datasets, principal */                            \
    X(MODIFY, 22, "modify", true)           /* job, number: mask of DURE_CHANGES, submit: those fields; principal */   \
    X(REQUEUE_JOB, 23, "requeue-job", true) /* job, element (NONE32: all that run), number: 1 and hold; principal */   \
    X(BOOK, 24, "book",                                                                                                \
      true) /* maintenance: places (runs of nodes), number: from, deadline_us: until, reason, principal */             \
    X(UNBOOK, 25, "unbook", true)         /* number: which maintenance, principal */                                   \
    X(CHECKPOINT, 26, "checkpoint", true) /* attempt, principal: it has kept its work now */                           \
    X(PRICES, 27, "prices", true)         /* text: what is left of a shared GPU, priced (model/prices.h) */            \
    X(FOREIGN, 28, "foreign", true)       /* node, mask: its GPUs that work outside dure uses; reason */               \
    /* decisions */                                                                                                    \
    X(START, 64, "start", false)           /* job, element, attempt, places, bindings; orders the engine */            \
    X(NOTICE, 65, "notice", false)         /* attempt, deadline_us, cause: warned, to be stopped at the deadline */    \
    X(STOP, 66, "stop", false)             /* attempt, cause: kill now */                                              \
    X(END, 67, "end", false)               /* job, element, state, exit_code, exit_signal, cause: final */             \
    X(REQUEUE, 68, "requeue", false)       /* job, element, cause: pending again, place kept */                        \
    X(UNBIND, 69, "unbind", false)         /* allot, number: virtual cell */                                           \
    X(SUSPEND, 70, "suspend", false)       /* allot, number: virtual cell named short */                               \
    X(RESTORE, 71, "restore", false)       /* allot, number: virtual cell whole again */                               \
    X(NODE_STATE, 72, "node-state", false) /* node, number: new enum dure_node_state */                                \
    X(ALLOT_STATE, 73, "allotment-state", false) /* allot, number: new enum dure_allot_state */                        \
    X(CANCEL_NOTICE, 74, "cancel-notice", false) /* attempt: no longer to be stopped */                                \
    X(RESERVE, 75, "reserve", false)     /* job, element, places, bindings: its place is chosen, borrowers leave it */ \
    X(UNRESERVE, 76, "unreserve", false) /* job, element: the place is given up again */                               \
    X(PLAN, 77, "plan", false)           /* job, element, deadline_us, places, bindings: its planned start */          \
    X(UNPLAN, 78, "unplan", false)       /* job, element, cause: it is not kept any more */                            \
    X(POWER_STATE, 79, "power-state", false) /* node, mask: its GPUs that power limits keep dark */                    \
    X(BOOK_STATE, 80, "book-state", false)   /* number: which maintenance; count: 1 begun, 2 over */

enum dure_record_kind {
#define X(name, number, text, input) DURE_REC_##name = number,
    DURE_RECORDS(X)
#undef X
};

/* Of a node. AWAY: whoever runs its work does not answer, so that what runs there is as it was and nothing is known besides. */
enum dure_node_report { DURE_NODE_IS_DOWN, DURE_NODE_IS_UP, DURE_NODE_IS_AWAY, DURE_NODE_REPORTS_END };

enum dure_report { DURE_REPORT_STARTED = 1, DURE_REPORT_ENDED, DURE_REPORT_LOST, DURE_REPORT_REFUSED };

/* Why an attempt is stopped, a job ended or was put back. Wire names by dure_cause_name. */
#define DURE_CAUSES(X)                                                                                                 \
    X(NONE, 0, "none")                                                                                                 \
    X(FINISHED, 1, "finished")                                                                                         \
    X(CANCELLED, 2, "cancelled")                                                                                       \
    X(WALLTIME, 3, "walltime")                                                                                         \
    X(RECLAIMED, 4, "reclaimed by its owner")                                                                          \
    X(PRIORITY, 5, "higher priority in the tenant")                                                                    \
    X(NODE_LOST, 6, "node lost")                                                                                       \
    X(ALLOT_ENDED, 7, "allotment ended")                                                                               \
    X(DEPENDENCY, 8, "dependency can never be met")                                                                    \
    X(LENDING_ENDED, 9, "no longer lent")                                                                              \
    X(LAUNCH_FAILED, 10, "the engine could not start it")                                                              \
    X(DRAINED, 11, "node drained")                                                                                     \
    X(DEADLINE, 12, "it could not end by its deadline")                                                                \
    X(REQUEUED, 13, "requeued by its user")                                                                            \
    X(POWER, 14, "power limit")                                                                                        \
    X(DATA, 15, "data rule")                                                                                           \
    X(REDECLARED, 16, "fleet, tenants or datasets declared anew")

enum dure_cause {
#define X(name, number, text) DURE_CAUSE_##name = number,
    DURE_CAUSES(X)
#undef X
};

enum dure_job_state {
    DURE_JOB_PENDING = 1,
    DURE_JOB_RUNNING,
    DURE_JOB_STOPPING, /* live */
    DURE_JOB_COMPLETED,
    DURE_JOB_FAILED,
    DURE_JOB_CANCELLED,
    DURE_JOB_TIMEOUT,
    DURE_JOB_NODE_FAIL,
    DURE_JOB_EVICTED,
    DURE_JOB_DEADLINE,
    DURE_JOB_LAUNCH_FAILED,
};
enum dure_attempt_state {
    DURE_ATTEMPT_STARTING = 1,
    DURE_ATTEMPT_RUNNING,
    DURE_ATTEMPT_WARNED,
    DURE_ATTEMPT_STOPPING,
    DURE_ATTEMPT_GONE
};
enum dure_node_state {
    DURE_NODE_ARRIVING = 1,
    DURE_NODE_UP,
    DURE_NODE_DRAINING,
    DURE_NODE_DRAINED,
    DURE_NODE_DOWN,
    DURE_NODE_AWAY
};
enum dure_allot_state { DURE_ALLOT_PROMISED = 1, DURE_ALLOT_ACTIVE, DURE_ALLOT_SHORT, DURE_ALLOT_ENDED };

/* A run of consecutive nodes with the same tasks and GPUs on each. */
struct dure_place {
    uint32_t node_first; /* global node id */
    uint32_t node_count;
    uint64_t gpu_mask;  /* bit = GPU of the node, taken whole; for a fraction the one bit of the shared GPU */
    uint32_t tasks;     /* tasks on each of these nodes */
    uint16_t gpu_milli; /* 1000 whole; else what each task takes of that GPU */
    uint16_t starts; /* MIG instances: bit k = one begins at memory slice k, one for each task; 0 = not partitioned */
};

/* The private cell of a right that a start uses, and the cell of hardware it is bound to. */
struct dure_binding {
    struct dure_allot_id allot;
    uint32_t virtual_index;
    uint32_t cell_index; /* of the allotment's level and chain */
    uint32_t is_new;     /* 1: this start binds it */
};

/* What an attempt used, in sums over its tasks. */
struct dure_usage {
    uint64_t cpu_us;
    uint64_t memory_peak_mib;
    uint64_t gpu_busy_us; /* 0 where nothing measures it */
    uint64_t gpu_memory_peak_mib;
    uint64_t energy_mj;
};

struct dure_record {
    enum dure_record_kind kind;
    uint64_t term;
    int64_t time_us;
    struct dure_job_id job;
    uint32_t element;
    struct dure_attempt_id attempt;
    struct dure_node_id node;
    struct dure_allot_id allot;
    struct dure_principal_id principal;
    uint32_t count;
    uint64_t mask;
    int64_t number;
    int64_t deadline_us;
    enum dure_cause cause;
    enum dure_report report;
    enum dure_job_state state;
    int32_t exit_code;
    int32_t exit_signal;
    struct dure_usage usage;
    uint32_t commitment_length; /* 32 or 0 */
    uint8_t commitment[32];
    const char *text; /* not owned */
    size_t text_length;
    const struct dure_place *places; /* not owned */
    uint32_t place_count;
    const struct dure_binding *bindings; /* not owned */
    uint32_t binding_count;
    /* The large ones stand last; in a decision dure_record_init leaves them as they lie, with an empty reason. */
    char reason[DURE_REASON_MAX + 1]; /* words of a drain or an engine: never personal, no paths, no names */
    struct dure_job submit;           /* of SUBMIT only; level points to a name (decoded: into the arena) */
};

void dure_record_init(struct dure_record *record, enum dure_record_kind kind, uint64_t term,
                      int64_t time_us); /* ids at NONE */

/* Appends the record's encoding (unchunked). False: the buffer's ceiling. */
bool dure_record_encode(const struct dure_record *record, struct dure_buf *buf);
/* Strict: wrong order, unknown keys, wrong types, trailing bytes, non-minimal integers are E_CORRUPT. What is pointed to lives in the arena. */
DURE_NODISCARD enum dure_err dure_record_decode(const void *bytes, size_t length, struct dure_arena *arena,
                                                struct dure_record *ret_record, struct dure_error *error);
/* One line of JSON for `dure events` and `dure audit show`. */
void dure_record_print(const struct dure_record *record, struct dure_buf *buf);

/* Cutting into leaves: calls `leaf` once a leaf. And joining: feed leaves in order; a whole record's bytes come out when complete. */
typedef bool (*dure_leaf_fn)(void *context, const void *bytes, size_t length);
bool dure_leaves_cut(const void *bytes, size_t length, dure_leaf_fn leaf, void *context);
struct dure_leaves_join {
    struct dure_buf whole;
    uint64_t expected_bytes;
    uint32_t expected_chunks, seen_chunks;
};
/* 1: `ret_bytes` is a whole record (valid until the next call); 0: more to come; negative enum dure_err. */
int dure_leaves_join_next(struct dure_leaves_join *join, const void *leaf, size_t length, const void **ret_bytes,
                          size_t *ret_length, struct dure_error *error);

bool dure_record_is_input(enum dure_record_kind kind);
const char *dure_record_kind_name(enum dure_record_kind kind);
const char *dure_cause_name(enum dure_cause cause);
const char *dure_job_state_name(enum dure_job_state state); /* "COMPLETED" */
const char *dure_job_state_code(enum dure_job_state state); /* squeue's "CD" */
const char *dure_node_state_name(enum dure_node_state state);
const char *dure_allot_state_name(enum dure_allot_state state);
const char *dure_attempt_state_name(enum dure_attempt_state state);
