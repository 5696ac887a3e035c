#pragma once
/* The state of the core: every table and index, for the rooms of src/core alone.
 *
 * What is hashed and saved is kept apart from what is derived: `struct job_data`, `struct attempt_data` and so on are plain bytes without
 * padding. Whoever changes one takes its hash out of the digest first and puts it back after (the *_out and *_in pairs). Derived indexes
 * are rebuilt on load. Slot numbers of pools never enter a decision, the digest or a snapshot. */
#include "base/bits.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/timefmt.h"
#include "core/cells/cells.h"
#include "core/cells/price.h"
#include "core/core.h"
#include "core/place/mig.h"
#include "core/place/slots.h"
#include "core/queue/heap.h"
#include "core/state/mutants.h"
#include "core/state/pool.h"
#include "core/state/table.h"
#include "core/view.h"
#include "model/data.h"
#include "model/fleet.h"
#include "model/job.h"
#include "model/power.h"
#include "model/prices.h"
#include "model/tenants.h"

#define NONE DURE_NONE32

enum { OUTCOME_WINDOW = 1000000, VIEW_RING = 64, LASTING_PARTS = 20, CLASS_RECENT = 1024 };

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
    uint32_t price;       /* as the cells have it: place/price.h */
    uint32_t price_place; /* NONE: no price is kept */
    uint32_t price_stamp;
    bool doomed; /* a gang being placed takes its leaves already */
};

/* Where it stands in the heap of deadlines, and among the ends. Whoever leaves one of them moves others, whose own lines are cold: so this lies apart, by
 * the slots of attempts, small enough to stay at hand. */
struct attempt_stand {
    uint32_t deadline, end;
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

struct slot_list {
    uint32_t *at;
    uint32_t count, capacity;
};

/* GPUs of slots of a field. */
struct hidden_list {
    struct hidden {
        uint64_t gpus;
        uint32_t slot;
    } * at;
    uint32_t count, capacity;
};

static inline void slot_list_add(struct slot_list *list, uint32_t slot)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->at = dure_core_grow(list->at, sizeof *list->at, list->capacity);
    }
    list->at[list->count++] = slot;
}

/* Attempts and claims, and when each is gone at the latest, in no order: state/ends.h. */
struct ends {
    struct ending {
        int64_t at_us;
        uint32_t slot;
    } * at;
    uint32_t count, capacity;
};

/* A leaf shared by fractions of one tenant. */
struct shared {
    uint32_t chain, leaf;
    uint32_t tenant;
    uint32_t allot; /* NONE: borrowed */
    uint64_t rank;  /* its place among its like: in the private cluster, or on the hardware if borrowed */
    uint32_t free_milli, free_mib; /* memory is counted for milli-fractions only: instances have their own */
    struct mig_gpu mig;            /* its instances */
    bool is_mig;
    uint32_t next, prev; /* shares with room of the same tenant and source */
    bool is_listed;
    struct slot_list users;  /* attempts, in order of arrival */
    struct slot_list claims; /* reservations on it */
};

/* GPUs in use, by right and borrowed. */
struct tally {
    uint32_t by_right, borrowed;
};

enum { OCCUPANT_SHARED = 0x80000000u };

struct chain_state {
    struct dure_cells *cells;
    struct dure_digest factor; /* of its cells' digest in that of the state: odd, and its own */
    struct dure_digest seen;   /* that digest as it is in that of the state */
    struct dure_slots idle;    /* hardware: neither used, claimed nor lost */
    struct dure_slots away;    /* the same, of nodes that are under no bound right: where borrowers disturb least */
    uint32_t *occupant;        /* per leaf: attempt slot, or OCCUPANT_SHARED | slot of a shared leaf; NONE */
    uint32_t *claim;           /* per leaf: claim slot, or OCCUPANT_SHARED | slot of a shared leaf with claims; NONE */
    int64_t window_us;         /* the next booked maintenance of any of its nodes; DURE_NEVER_US: none */
    bool is_maintained;        /* one of its nodes is in booked maintenance */
    uint32_t owed_leaves;      /* under rights, now and promised */
    struct tally tally;        /* place/tally.h */
    uint32_t priced;           /* levels whose prices are kept: bit = level */
    uint64_t *kept;            /* per node: GPUs of the borrowers' planned start; NULL: there was none yet */
    bool is_kept;              /* they count as taken just now */
    struct hidden_list hidden; /* idle GPUs that are out of sight for that, by node */
    uint64_t *foreseen;        /* per node: scratch of place/later_lent.c, all 0; NULL: not used yet */
    uint64_t lent;             /* GPUs that borrowed attempts stand on, a shared one counted for each */
    struct ends ends;          /* borrowed attempts here */
};

struct node_data {
    uint64_t dark;                                           /* GPUs that power limits leave without */
    uint64_t foreign;                                        /* GPUs that work outside dure uses */
    uint8_t state, drain, down, lost, booked, away, zero[2]; /* booked: in maintenance now */
};
/* What people said of a node; NULL: nothing. */
struct node_words {
    char *drain;   /* why it is drained */
    char *report;  /* why it is down or away */
    char *foreign; /* what uses its GPUs from outside dure */
};
enum { NODE_WORDS = sizeof(struct node_words) / sizeof(char *) };
/* What a node adds to the power domains over it, in GPUs: fed, dark with work that must leave, fed and idle (neither used nor claimed, by foreign
 * work either), dark and not there or used by foreign work: such a one cannot be dark. */
struct node_draw {
    uint8_t fed, leaving, idle, gone;
};
/* One line of the cache: whatever starts or ends on a node touches it. */
struct node {
    struct node_data d;
    uint64_t used;         /* GPUs with work on them */
    uint64_t claimed;      /* GPUs a claim waits for or holds */
    struct node_draw draw; /* as it is counted */
    bool veiled;           /* out of sight of the plan at hand */
    bool bound;            /* some of it is under a bound right */
    uint16_t busy;         /* GPUs with work */
    uint32_t chain;
    int64_t window_us; /* its next booked maintenance; DURE_NEVER_US: none */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct node) == 64, "one line of the cache");

/* Booked maintenance, to come or begun. */
struct booking_data {
    uint64_t id;
    int64_t from_us, until_us;
    uint32_t run_count, state;
};
struct booking {
    struct booking_data d;
    struct dure_place *runs; /* of nodes: the first two members alone count */
    char *reason;
};

/* What was used by right of an allotment and is over; hashed and saved. */
struct allot_use {
    int64_t active_us, last_us; /* when it began; when the last use ended. 0: not yet */
    uint64_t gpu_us;
};

/* An allotment: the promise itself, and its holder's private cluster (virtual nodes in slots). */
struct allot {
    struct dure_allotment spec; /* strings owned */
    uint8_t state;
    struct dure_slots slots;
    uint32_t slot_gpus, cell_slots, cell_leaves, cells;
    uint32_t next_of_holder;
    struct allot_use use;
    uint64_t use_milli, use_since[2]; /* of what runs by it: the sum, and the sum of each times when it began */
    uint64_t *kept;                   /* per slot: GPUs of its holder's planned start; NULL: there was none yet */
    bool is_kept;                     /* they count as taken just now */
    struct hidden_list hidden;        /* idle GPUs that are out of sight for that, by slot */
    int32_t priority_floor;           /* nothing of lower priority runs by it */
};

/* One distinct request: the jobs that made it, and those of them that are queued. */
struct class
{
    struct request ask;
    struct dure_digest digest; /* of the request */
    uint64_t possible_stamp;   /* of the rules by which there can be a place for it; 0: not known */
    uint32_t jobs;             /* live jobs that made it; without any it is idle, and goes when many others are */
    uint32_t holder;           /* its queue, while jobs are queued */
    uint32_t slot;             /* its own */
    uint32_t first, last, count;
    struct dure_heap late;
    uint32_t next_same_hash;
    uint32_t place;                  /* in its queue's array */
    uint32_t need;                   /* while queued */
    uint32_t band_place;             /* in its need's band; NONE: passed over in the pass at hand */
    uint32_t passed_place;           /* among those passed over */
    uint32_t idle_next, idle_before; /* among those that no job makes any more */
};

/* What is known of a need since it was last tried: queue/need.h. */
enum verdict_kind { VERDICT_OPEN, VERDICT_LONG, VERDICT_SHUT };

/* Classes of one need that last about as long: within a factor of two. */
struct band {
    int64_t least_us, most_us; /* none lasts less, or more */
    struct dure_heap heads;    /* by the age of their heads */
    uint8_t power;
};

enum need_list {
    NEED_ANY,  /* shut, and tried again whenever its queue is looked at */
    NEED_FAR,  /* the same, and what others do counts too */
    NEED_LONG, /* only what ends in time may try */
    NEED_LISTS
};

/* Requests of one tenant and priority for which a place is to be had at the same moments: those that differ only in how long they last, or in
 * what depends on the hardware alone and comes out the same on every chain. They share one verdict. */
struct need {
    struct request ask;         /* with what does not matter left out */
    struct dure_digest carries; /* of the chains whose hardware can carry it */
    uint64_t key;
    uint32_t next_same_hash;
    uint32_t queue, lane, classes;  /* classes: with those passed over, and idle ones */
    uint32_t live_classes;          /* not idle */
    uint32_t open_place, all_place; /* in its lane's heaps; NONE: in none */
    uint8_t verdict;
    bool is_left_out;                 /* not in the pass at hand: scratch */
    uint8_t wait;                     /* GPUs that it waits for in one slot; 0: for none so */
    uint32_t wait_place;              /* in that heap */
    uint32_t list_places[NEED_LISTS]; /* NONE: not in it */
    uint32_t first;                   /* the class of its oldest job; NONE: no class of it is queued */
    int64_t first_key;
    struct band *bands;
    uint32_t band_count;
};

/* The needs of one tenant and priority in one queue, by the age of their oldest jobs. */
struct lane {
    uint32_t tenant;
    int32_t priority;
    uint32_t needs;
    uint32_t next;         /* of the same tenant among the borrowers', of lower priority; NONE */
    struct dure_heap open; /* that may be tried */
    struct dure_heap all;  /* for which a start may be planned, open or not */
};

/* The tree of tenants as those that wait to borrow see it: queue/branches.c. */
struct branch {
    uint32_t lane;                     /* its own of the highest priority; NONE */
    uint32_t first, next, before;      /* below it, and beside it: branches with anything in a lane */
    uint32_t open_count, filled_count; /* lanes of it and all below with something open; with anything */
};

/* The queue of one holder (or, at index tenant_count, of all that borrow). */
struct queue {
    uint32_t *classes;
    uint32_t count, capacity;
    uint32_t *lanes; /* slots, sorted: by priority, then tenant; of borrowers by tenant, then priority */
    uint32_t lane_count, lane_capacity;
    uint32_t planned;                               /* NONE: no start is planned */
    int64_t reach_us;                               /* what lasts no longer ends before it */
    struct dure_heap waits[DURE_NODE_GPUS_MAX + 1]; /* needs that wait for so many GPUs of one slot, by GPUs in all */
    uint32_t wait_count;
    struct slot_list lists[NEED_LISTS];
    struct freed {
        uint32_t at, slot; /* chain or allotment */
    } * freed;             /* where room came free since the last pass */
    uint32_t freed_count, freed_capacity;
    bool all_freed;  /* everybody may try again */
    bool is_cut;     /* more were blocked than a start was sought for */
    bool is_watched; /* somebody waits for something other than the queue's own room */
    int64_t look_us; /* when a start may be planned for who has come too lately so far */
    uint64_t newest; /* the newest job that was ever the oldest of its request here */
};

struct tenant_state {
    /* What orders tenants: one line of the cache each, since every start by a borrower compares many. */
    uint64_t usage[2];       /* fair share: grown GPU-microseconds of all below, low and high word; hashed */
    uint64_t own_usage[2];   /* of the jobs it submitted itself; hashed */
    uint64_t milli_borrowed; /* with all below */
    uint64_t own_borrowed;
    uint32_t parent, top, weight, depth; /* as the spec has them; top: its top-level ancestor */
    /* What every start and end counts. */
    uint64_t gpu_us_guaranteed, gpu_us_borrowed; /* charged at the end of each attempt; hashed */
    uint64_t pending, running, milli_used;       /* with all below */
    uint64_t held_milli, held_jobs, submitted;   /* against its ceilings: attempts and reservations; not ended */

    struct dure_digest term, lasted_term; /* its parts of the digest, when they are in */
    uint32_t holder;                      /* nearest tenant on the path with allotments; NONE */
    uint32_t first_allot, last_allot;
    struct slot_list stopped;       /* queues passed over because of its ceilings */
    uint8_t loose;                  /* which of the terms are out */
    uint32_t lasted[LASTING_PARTS]; /* state/lasting.h; hashed */
    struct ends ends;               /* of a holder: attempts and claims by its rights */
    struct tally *tallies;          /* by chain, of its own jobs; NULL: it had none yet */
    uint32_t tally_count;           /* chains that there is room for */
} __attribute__((aligned(64)));

/* What one user holds of one tenant with all below it. */
struct user_held {
    uint64_t milli, jobs;
};

struct scalars {
    uint64_t term, next_job, next_attempt, next_principal, next_booking;
    int64_t time_us, growth_base_us;
    uint64_t jobs_ended, attempts_started, attempts_evicted, passes;
    uint32_t core_version, fleet_set, tenants_set, allot_count, power_set, data_set;
    struct dure_digest fleet, tenants, principals, power, data, prices;
};

/* Power by domain, of the limits in force: derived. */
struct gate {
    uint64_t *fed_mw;        /* per domain: worst case of GPUs that are there, not lost and not dark */
    uint64_t *limit_mw;      /* per domain: in force until next_us */
    uint64_t *leaving_mw;    /* per domain: of work that still stands on dark GPUs */
    uint32_t *site_domain;   /* per site; NONE: no limit. NULL: no limits at all */
    uint32_t **cell_domains; /* per chain and level ([chain * (DURE_LEVELS_MAX + 1) + level]): per cell; NULL: none */
    uint32_t chains;         /* that cell_domains was made for */
    struct dure_bits dark;   /* nodes with dark GPUs */
    struct dure_bits idle;   /* nodes with GPUs that are fed and idle */
    uint32_t leaving, gone;  /* nodes with such GPUs */
    uint32_t over_count;     /* domains that draw more than their limit, with what leaves */
    int64_t next_us;         /* when a limit changes next, or its lead begins */
    bool due;                /* something changed: decide_power looks */
};

/* Neighbours that lists of datasets forbid: gate/fence.h; derived. */
struct fences {
    uint64_t listed; /* datasets with a list */
    uint64_t lifted; /* of a trial: datasets whose lists do not hold */
    struct fence **at;
    uint32_t count, chains;
    int64_t later_us; /* of a trial: the moment that is looked at; 0: now */
};

struct packed {
    const struct dure_record *of; /* the record at hand; NULL: none is */
    bool ready;
    uint32_t class_slot;  /* of its request; NONE: there is none yet */
    uint64_t rules_stamp; /* of the check */
    struct job_made made;
};

struct view_ring {
    struct dure_job jobs[VIEW_RING];
    uint32_t next;
};

struct dure_core {
    struct scalars s;
    struct dure_digest digest; /* of everything but the scalars and what is loose */
    struct job **loose_jobs;   /* changed since the digest was asked for last: hashed once, when it is */
    uint32_t loose_job_count, loose_job_capacity;
    struct slot_list loose_tenants;
    uint64_t *loose_chains; /* bit = chain: its cells changed so */
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_power *power;       /* NULL: no limits */
    struct dure_data *data;         /* NULL: no datasets */
    struct dure_prices hole_prices; /* all 0 until the first record */
    struct gate gate;
    struct fences fences;
    struct chain_state *chains;
    struct node *nodes;
    struct node_words *node_words;
    struct allot **allots;
    uint32_t allot_capacity;
    struct tenant_state *tenant;
    struct branch *branches; /* per tenant, and the root of all; derived */
    struct queue *queues;    /* tenant_count + 2 */
    struct dure_bits dirty;  /* queues a pass looks at */

    struct dure_pool needs, planneds, prices, jobs, attempts, deps, claims, shareds, classes, lanes;
    struct lists *lists;                        /* state/lists.h */
    struct dure_table job_table, attempt_table; /* by id */
    struct attempt_stand *stands;               /* by attempt slot */
    uint32_t stand_capacity;
    struct dure_map run_map, claim_map, class_map, need_map,
        share_map;                  /* the first two by DURE_RUN_KEY: runs of arrays, and claims */
    uint64_t lasted[LASTING_PARTS]; /* of all tenants */
    struct dure_heap deadlines, begins, expiries, overruns;
    int64_t world_next_us; /* next change of hardware, allotments or lending */
    uint32_t cut_count;    /* queues that are cut; derived */
    uint64_t watchers;     /* queues, and needs, that wait for what others do; derived */
    bool moved;            /* something stands elsewhere than at the last pass, and there are such; derived */
    int64_t look_next_us;  /* when a start may be planned for who came too lately so far; derived */
    struct soon {
        int64_t at_us; /* when a start may be planned for those who were submitted within one second */
        uint64_t job;  /* the first of them */
    } soon[2];         /* the last two such seconds: all of whom that may be to come; derived */
    uint8_t *outcomes; /* ring over job ids: enum dure_job_state; 0: live or unknown */

    struct booking **bookings; /* in the order of their ids */
    uint32_t booking_count, booking_capacity;
    struct dure_pool users;
    struct dure_map user_map; /* tenant << 32 | principal */
    bool has_ceilings;
    struct dure_heap price_changes; /* borrowed attempts of chains with prices, by when theirs is another line */
    struct slot_list doomed;
    uint32_t price_stamp;

    uint32_t *borrow_order;  /* chains, least promised first */
    struct lenders *lenders; /* place/lenders.h */
    uint64_t lenders_stamp;  /* counts what changes them */
    uint64_t rules_stamp;    /* counts what may change which requests there can ever be a place for */
    int64_t rules_until_us;  /* when time alone does; INT64_MIN: to be found */
    uint64_t pending_count, refused;
    bool forgetful;  /* of a test: verdicts are forgotten as soon as they are made */
    unsigned trials; /* under way: GPUs come and go from sight, not free */
    bool blamed;     /* scratch of a trial: something other than room refused it */
    uint32_t idle_class_first, idle_class_last, idle_class_count; /* longest idle first */
    uint32_t class_recent[CLASS_RECENT]; /* by a part of the request: where it was found last; NONE */
    struct slot_list passed;             /* classes passed over in the pass at hand */
    struct slot_list met;                /* scratch of queue/wake.c */
    struct slot_list left_out;           /* needs for which it plans no start any more */
    struct dure_takes takes;
    struct plan *plan;     /* scratch of a decision */
    struct packed *packed; /* scratch of a submission: its job as the check found it */
    struct view_ring *ring;

    bool loading;      /* the cells know all uses already */
    dure_emit_fn emit; /* during a step */
    void *emit_context;
    struct after {
        uint64_t *at;
        uint32_t first, count, capacity;
    } after[7];           /* decide/after.h */
    uint32_t after_count; /* not yet taken, of all kinds */
};

static inline struct job *job_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->jobs, slot, sizeof(struct job));
}
static inline struct attempt *attempt_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->attempts, slot, sizeof(struct attempt));
}
static inline struct dure_cells_price *price_at(const struct dure_core *core, const struct attempt *attempt)
{
    return dure_pool_entry(&core->prices, attempt->price, sizeof(struct dure_cells_price));
}
static inline struct claim *claim_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->claims, slot, sizeof(struct claim));
}
static inline struct shared *shared_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->shareds, slot, sizeof(struct shared));
}
static inline struct class *class_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->classes, slot, sizeof(struct class));
}
static inline struct need *need_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->needs, slot, sizeof(struct need));
}
static inline struct planned *planned_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->planneds, slot, sizeof(struct planned));
}
static inline struct lane *lane_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->lanes, slot, sizeof(struct lane));
}
/* By its number in the chain. */
static inline struct node *node_of(const struct dure_core *core, uint32_t chain, uint32_t node)
{
    return &core->nodes[core->fleet->chains[chain].node_first + node];
}
/* GPUs of a node that is there which nothing may be started on. */
static inline uint64_t node_withheld(const struct node *node)
{
    return node->d.dark | (DURE_CORE_MUTATED(FOREIGN_FORGOTTEN) ? 0 : node->d.foreign);
}
/* GPUs that are lost to the cells: those, or all of a node that is not there. */
static inline uint64_t node_lost(const struct dure_core *core, const struct node *node)
{
    return node->d.lost ? core->chains[node->chain].idle.full : node_withheld(node);
}
static inline const struct request *job_ask(const struct dure_core *core, const struct job *job)
{
    (void)core; /* whoever asks has it, and where a request is kept is nobody else's business */
    return &job->class->ask;
}
static inline struct dep *dep_at(const struct dure_core *core, uint32_t slot)
{
    return dure_pool_entry(&core->deps, slot, sizeof(struct dep));
}
