#pragma once
/* Why: for a pending job every chain it could go to, the first rule that refused it there, with figures; what would let it start.
 * For a running job: why here. For a job that can never run: the proof. */
#include "core/view.h"

enum { DURE_WHY_CHANGES_MAX = 16 };

/* In the order in which they are tried; the first that refuses is the one named. The last two are for jobs that run. */
#define DURE_RULES(X)                                                                                                  \
    X(FITS, "fits", "it fits here now")                                                                                \
    X(DATA, "data", "a dataset of the job may not be used at this site")                                               \
    X(MODEL, "model", "not a GPU model it accepts")                                                                    \
    X(MIG, "mig", "its GPUs have no such MIG profile")                                                                 \
    X(MIG_ENGINE, "mig-engine",                                                                                        \
      "the local engine makes no MIG instances; ask for a fraction (gpus: 0.125), or for a site whose engine does")    \
    X(WHOLE_GPUS, "whole-gpus",                                                                                        \
      "Slurm gives whole GPUs only; ask for whole ones (gpus: 1), or for a site whose engine shares them")             \
    X(IMAGE, "image", "the site has no containers; its operator says so with containers: apptainer where it has")      \
    X(GPU_MEMORY, "gpu-memory", "the GPUs have too little memory")                                                     \
    X(NODE_SHAPE, "node-shape", "a task does not fit into one node")                                                   \
    X(LEVEL, "level", "the gang does not fit into one cell of the required level")                                     \
    X(NEIGHBOURS, "neighbours", "no place without other tenants' work beside it")                                      \
    X(SIZE, "size", "fewer GPUs than it asks for")                                                                     \
    X(SPREAD, "spread", "its spread over cells of a level asks for more of them")                                      \
    X(NODE_LIST, "node-list", "too few of the nodes that it may use")                                                  \
    X(SHARE, "share", "more CPU or memory than its GPUs' share")                                                       \
    X(EVEN, "even",                                                                                                    \
      "Slurm is told one number of tasks for each node, and these do not lie so here; ask for another number of "      \
      "tasks, or for a site whose engine divides them")                                                                \
    X(RIGHTS, "rights", "no allotment of the tenant holds them")                                                       \
    X(RIGHT_TOO_SMALL, "right-too-small", "the allotment here is smaller than the job")                                \
    X(NOT_LENT, "not-lent", "the owner does not lend to this tenant")                                                  \
    X(NOTICE, "notice", "the job's grace is longer than the lender's notice")                                          \
    X(NOT_YET, "not-yet", "the hardware or the allotment has not begun")                                               \
    X(SUSPENDED, "suspended",                                                                                          \
      "GPUs of its group are lost (failed, drained, away or used outside dure): this right is named short")            \
    X(LOST, "lost", "nodes are down")                                                                                  \
    X(AWAY, "away", "nodes whose engine does not answer: nothing is started there until it does")                      \
    X(MAINTENANCE, "maintenance", "nodes are drained or in maintenance")                                               \
    X(WINDOW, "window", "booked maintenance begins before it would end")                                               \
    X(FOREIGN, "foreign", "GPUs used by work outside dure")                                                            \
    X(POWER, "power", "a power limit leaves GPUs dark")                                                                \
    X(OWN_USE, "own-use", "the tenant's own work fills its allotment")                                                 \
    X(PREEMPTING, "preempting", "borrowers are leaving")                                                               \
    X(BUSY, "busy", "other work is there")                                                                             \
    X(TOO_FEW, "too-few", "idle, but fewer GPUs than it asks for")                                                     \
    X(SCATTERED, "scattered", "idle GPUs are enough, but no place here holds its shape")                               \
    X(ORDER, "order", "another job of the tenant is before it")                                                        \
    X(COULD, "could", "it could run here as well, when there is room")                                                 \
    X(HERE, "here", "it runs here")

enum dure_rule {
#define X(name, wire, text) DURE_RULE_##name,
    DURE_RULES(X)
#undef X
};
const char *dure_rule_wire(enum dure_rule rule);
const char *dure_rule_text(enum dure_rule rule);

/* What one rule rules out of one chain: each GPU of the fleet is in the row of the first rule that refuses it, so that the rows' GPUs sum to
 * the fleet's, and their nodes too. A node is counted once, where its GPU nearest to a start is; of rights, virtual nodes are
 * counted (none where a right is smaller than a node). need/have in the rule's own unit, said in `unit`. */
struct dure_why_row {
    enum dure_rule rule;
    struct dure_chain_id chain;
    uint64_t gpus, nodes;
    int64_t need, have;
    const char *unit; /* "GPUs", "MiB", "cells of rack", "s" */
    /* Of BUSY: in use by the tenant's own jobs, by guaranteed jobs of others, by borrowed ones of others; chosen for a job that waits until it
     * is clear. Their sum is `gpus`. */
    uint64_t own, guaranteed, borrowed, reserved;
};

/* The rows of one rule. */
struct dure_why_group {
    enum dure_rule rule;
    uint32_t chains;
    uint64_t gpus, nodes, own, guaranteed, borrowed, reserved;
    const struct dure_why_row *nearest; /* the one with most to offer, first declared */
};

/* One field of the job's spec, changed: then it would start now (its turn in the queue apart). Each was tried on the state as it is. */
struct dure_why_change {
    const char *field; /* as specs.md names it: "tasks", "class", ... */
    const char *value; /* as a spec has it; "" takes the field out */
    const char *text;  /* for people */
};

/* A job that ends (or, waiting itself before the one asked about, starts and ends) before it can start. */
struct dure_why_awaited {
    struct dure_job_id job; /* 0: it is booked maintenance that has begun, and is over then */
    uint64_t booking;
    uint32_t element;
    struct dure_tenant_id tenant;
    int64_t ends_us; /* as likely as not by then */
};

enum { DURE_WHY_AWAITED_MAX = 8 };

/* When a pending job starts: by GPUs alone, in the order of its queue, without what comes later, fails or is evicted. Earliest and likely go by
 * how long work of each tenant has lasted (a tenth, and half of it, is gone by then), latest by walltimes. 0: cannot be said. */
struct dure_why_estimate {
    int64_t earliest_us, likely_us, latest_us;
    bool is_rough; /* much is before it: the rest of it was added up, not gone through */
    uint32_t awaited_count;
    struct dure_why_awaited awaited[DURE_WHY_AWAITED_MAX]; /* the last ones before it starts, as is likely */
};

/* One of two or three rules that refuse every place together though none of them does alone: the places (chains) that it would leave. */
struct dure_why_crossed {
    enum dure_rule rule;
    uint32_t leaves;
    struct dure_chain_id first;
    const char *
        what; /* where it refuses with the fewest others: the dataset, or what has the limit of power; "": a rule of no such thing */
};
enum { DURE_WHY_CROSSED_MAX = 3 };

/* The rule that is cheapest to change among those that refuse some place alone: changed there, the place is open. FITS: there is none. */
struct dure_why_opening {
    enum dure_rule rule;
    struct dure_chain_id chain; /* the first such place */
    uint32_t places;
    int64_t need, have;
    const char *unit;
    const char *what; /* as above */
    /* Of POWER: by how much that limit is too low, for so many GPUs more to be idle; and other limits that are too low for them as well. */
    uint64_t more_mw, more_gpus;
    uint32_t more_limits;
};

/* A place of a running job's ranking, as it is now (not as it was at the start): the core takes the first that fits. */
struct dure_why_other {
    struct dure_chain_id chain;
    struct dure_allot_id allot; /* NONE: borrowed */
    uint32_t rank; /* from 1: allotments in the order of their grant; of chains that lend, the least promised first */
    bool here;     /* it runs here */
    bool fits;     /* one more like it would fit now */
    uint32_t promised_permille; /* of the chain, under rights */
    uint64_t idle;              /* GPUs there */
    uint64_t evicts;            /* if it fits: GPUs that others would have to leave */
    uint64_t left_over;         /* if it fits: GPUs that stay idle on the nodes it would take */
};
enum { DURE_WHY_OTHERS_MAX = 64 };

struct dure_why {
    struct dure_job_view job;
    enum dure_wait wait;
    uint32_t row_count;
    struct dure_why_row *rows; /* by chain, in declaration order, and rule; a running job's: one a chain */
    uint32_t group_count;
    struct dure_why_group *groups; /* by rule, in the order in which they are tried */
    uint32_t ahead;                /* jobs of its tenant before it */
    struct dure_job_id kept_for;   /* it fits but for what is kept for this job's planned start; 0: none */
    int64_t kept_until_us;
    int64_t start_estimate_us; /* the likely start; 0: cannot be said */
    struct dure_why_estimate estimate;
    const char *sentence; /* the answer in one or two sentences */
    /* Of a job not submitted: where it would start now; none if it would not. `place_clear`: at once, else when those who are there have had
     * their notice. */
    const struct dure_place *places;
    uint32_t place_count;
    bool place_clear;
    struct dure_allot_id place_allot; /* NONE: borrowed, or no place */
    uint32_t other_count;             /* of a running job */
    struct dure_why_other *others;    /* in the order in which they are tried */
    uint32_t crossing_count;          /* 0: no rules cross */
    struct dure_why_crossed crossing[DURE_WHY_CROSSED_MAX];
    struct dure_why_opening opening;
    uint32_t change_count;
    struct dure_why_change changes[DURE_WHY_CHANGES_MAX]; /* the cheapest first */
};

/* Everything lives in the arena. A running job: rows say for every chain whether it was feasible at its start's rules; sentence says why here. */
DURE_NODISCARD enum dure_err dure_core_why(struct dure_core *core, struct dure_job_id job, uint32_t element,
                                           struct dure_arena *arena, struct dure_why *ret_why,
                                           struct dure_error *error);
/* The same for a job not submitted (--test-only, a preview): `never` says that it would be refused, sentence is the proof. */
DURE_NODISCARD enum dure_err dure_core_why_not(struct dure_core *core, const struct dure_job *job,
                                               struct dure_arena *arena, struct dure_why *ret_why, bool *ret_never,
                                               struct dure_error *error);
/* A guaranteed job that is accepted and still promised no place, because what it asks of its place is not its holder's to choose: the reason in
 * words. NULL: it is promised one, or borrows, or would be refused. */
const char *dure_core_unpromised(const struct dure_core *core, const struct dure_job *job);

/* What each rule costs, added up over all pending jobs: those whose request it refuses as the cheapest to change (see the opening; where no
 * rule refuses a place alone, the nearest one), those that wait for something else (held, a dependency, their begin, their array's limit).
 * Goes through jobs in the order of their numbers, in slices, and judges equal requests once: the state may change between slices, and each
 * request is judged as it was when it was met. */
struct dure_toll_row {
    enum dure_rule rule;  /* FITS: it could start; its turn will come */
    enum dure_wait wait;  /* of those that no rule is asked about; else NONE */
    uint64_t jobs, gpus;  /* elements of arrays count each */
    uint64_t gpu_seconds; /* waited until now */
};
struct dure_toll;
DURE_NODISCARD enum dure_err dure_core_toll_begin(struct dure_core *core, struct dure_toll **ret_toll,
                                                  struct dure_error *error);
/* Goes on for so much work: a job counts 1, a request judged TOLL_REQUEST. True: there is more. E_MEMORY shows in dure_core_toll_rows. */
enum { DURE_TOLL_REQUEST = 64 };
bool dure_core_toll_next(struct dure_core *core, struct dure_toll *toll, uint32_t work);
/* The rows, by what they cost, the most first; valid until the toll is freed. */
const struct dure_toll_row *dure_core_toll_rows(struct dure_toll *toll, uint32_t *ret_count, uint64_t *ret_requests);
void dure_core_toll_free(struct dure_toll *toll); /* NULL is fine */
