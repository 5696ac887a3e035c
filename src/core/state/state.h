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
#include "core/core.h"
#include "core/state/hardware.h"
#include "core/state/mutants.h"
#include "core/state/rights.h"
#include "core/state/table.h"
#include "core/state/waiting.h"
#include "core/state/work.h"
#include "core/view.h"
#include "model/data.h"
#include "model/fleet.h"
#include "model/power.h"
#include "model/prices.h"

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
    bool world_due;        /* one has come, and is not seen to yet, wherever the next one lies by now */
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
    bool forgetful;     /* of a test: verdicts are forgotten as soon as they are made */
    unsigned trials;    /* under way: GPUs come and go from sight, not free */
    bool is_bound_only; /* while a start is looked for: no cell may be bound for it */
    bool blamed;        /* scratch of a trial: something other than room refused it */
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
