#pragma once
/* Work: what is asked for, who asked, what runs of it, and what is kept for it. */
#include "core/cells/price.h"
#include "core/state/types.h"
#include "model/job.h"
#include "model/record.h"

struct class;

/* What places a job. Equal requests are kept once, as a class (see job_ask): they queue together and share one verdict. */
struct request {
    uint64_t model_mask;
    uint64_t model_order; /* byte k: the k-th model in order of preference + 1 */
    uint64_t lists;       /* of nodes it may and may not use: state/lists.h; 0: none */
    uint64_t data_mask;
    int64_t walltime_us, grace_us, checkpoint_us;
    uint32_t tenant, tasks, task_cpu_milli, task_memory_mib, gpu_memory_mib, tasks_per_node;
    int32_t priority;
    uint16_t task_gpu_milli, level; /* index among the fleet's level names + 1; 0: none */
    uint8_t task_gpus, job_class, level_required;
    uint8_t spread_level; /* as level: at most spread_max tasks in one cell of it; 0: none */
    uint8_t
        mig; /* index among the fleet's MIG profiles + 1; 0: none. It is a fraction then, and GPUs are shared by profile */
    uint8_t container; /* only where there are containers */
    uint16_t spread_max;
    uint32_t user; /* where a ceiling counts users: whose job it is; else NONE */
    uint32_t zero;
};

/* Words without padding: compared so, the compiler needs no call. */
static inline bool request_same(const struct request *a, const struct request *b)
{
    enum { WORDS = sizeof *a / 8 };
    _Static_assert(sizeof *a % 8 == 0, "compared by words");
    uint64_t x[WORDS], y[WORDS], differ = 0;
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    for (unsigned i = 0; i < WORDS; i++)
        differ |= x[i] ^ y[i];
    return !differ;
}

enum { JOB_HELD = 1, JOB_REQUEUE = 2, JOB_REST_GONE = 4, JOB_SUBMITTED_HELD = 8 };

struct job_data {
    uint64_t id;
    int64_t submitted_us, begin_us, emulated_us;
    int64_t deadline_us; /* 0: none */
    uint32_t principal;
    uint32_t array_first, array_count, array_step, array_limit;
    uint32_t cursor; /* elements before this ordinal have run or are gone; a batch job has one, ordinal 0 */
    uint32_t live;   /* attempts */
    uint32_t requeues;
    uint32_t failures; /* elements that ended other than completed */
    uint32_t unmet;    /* dependencies still open */
    uint32_t claims;   /* reservations held by its elements */
    uint8_t flags, commitment_length, dep_count, last_state, commitment[32];
};

/* A job before it has a place in the tables. */
struct job_made {
    struct job_data data;
    struct request ask;
};

enum where { WHERE_OUT, WHERE_LIST, WHERE_LATE };

struct job {
    struct job_data d;
    struct class *class; /* of its request */
    uint32_t next;       /* in its class's list */
    union {
        uint32_t prev;       /* there */
        uint32_t late_place; /* in its class's heap of late comers, if it stands in that instead */
    };
    uint32_t begin_place;      /* in the heap of begin times */
    uint32_t expiry_place;     /* in the heap of latest starts */
    uint32_t deps;             /* first of its dependencies */
    uint32_t waiters;          /* first dependency on it */
    uint32_t first_run;        /* its live attempts */
    uint32_t planned;          /* its planned start; NONE */
    struct elements *elements; /* exceptions of an array; NULL: none */
    struct dure_digest term;   /* its part of the digest, when it is in */
    uint8_t where;
    uint32_t
        loose_place; /* its hash is out of the digest until somebody asks: where it stands among such; NONE: it is in */
};

/* Ordinals of an array that do not simply follow the cursor, sorted. */
struct ordinals {
    uint32_t *at;
    uint32_t count, capacity;
};
struct elements {
    struct ordinals back; /* to run again */
    struct ordinals gone; /* cancelled before they ran */
};

enum dep_state { DEP_OPEN, DEP_MET, DEP_FAILED };
struct dep {
    uint64_t job;                      /* the one waited for */
    uint32_t owner;                    /* slot of the job that waits */
    uint32_t next;                     /* of the same owner */
    uint32_t next_waiter, prev_waiter; /* on the same job */
    uint8_t kind, state;
};

struct attempt_data {
    uint64_t id, job;
    int64_t started_us, walltime_end_us;
    int64_t deadline_us; /* while warned: when it is stopped */
    int64_t held_us;     /* since when it holds its cells by the rights it has */
    /* By rights: its whole walltime was charged then; what is left is given back at the end, at that moment's weight. Borrowed: since when. */
    int64_t charged_at_us;
    int64_t checkpointed_us; /* when it last said that it kept its work; started_us: it has not */
    uint32_t element, gpus_milli, place_count, binding_count;
    uint32_t chain, allot;
    uint32_t restarts; /* of its job, when it started */
    uint8_t state, cause, borrowed;
    uint8_t begun; /* its engine has reported that it runs */
};

struct attempt {
    struct attempt_data d;
    struct job *job;
    uint32_t job_slot;
    uint32_t next_run, prev_run;
    struct dure_place *places; /* one allocation; `one` when there is one */
    struct dure_place one;
    struct dure_binding *bindings;
    struct dure_binding one_binding;
    uint32_t price; /* as the cells have it: place/price.h */
    uint32_t price_stamp;
    bool doomed; /* a gang being placed takes its leaves already */
};

/* Where it stands in the heap of deadlines, among the ends, and in the heap of prices that change (NONE: no price is kept). Whoever leaves one of them
 * moves others, whose own lines are cold: so this lies apart, by the slots of attempts, small enough to stay at hand. */
struct attempt_stand {
    uint32_t deadline, end, price;
};

/* A gang whose cells are chosen and whose leaves are not all free yet. */
struct claim_data {
    uint64_t job;
    int64_t made_us;
    uint32_t element, gpus_milli, place_count, binding_count, chain, allot;
};
struct claim {
    struct claim_data d;
    uint32_t job_slot;
    uint32_t open; /* leaves that others still stand on */
    uint32_t end_place;
    struct dure_place *places;
    struct dure_binding *bindings;
};

/* A blocked job's start as it is planned: from when, and the GPUs that are kept for it until then. By rights they are slots of the private
 * cluster, and one binding a place names its allotment; of a borrower they are nodes. */
struct planned_data {
    uint64_t job;
    int64_t at_us;
    uint32_t element, chain, place_count;
    uint16_t borrowed;
    uint16_t firm; /* by right, with maintenance about: its cells are bound from when it is planned until it starts */
};
struct planned {
    struct planned_data d;
    uint32_t job_slot, queue;
    uint32_t heap_place;
    bool by_hardware; /* its places hang on what its cells are bound to: the bindings say it */
    bool is_kept;     /* it counts as taken just now */
    struct dure_place *places;
    struct dure_binding *bindings; /* NULL: borrowed */
};
