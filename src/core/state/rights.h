#pragma once
/* Rights and those who hold them. */
#include "base/hash.h"
#include "core/place/slots.h"
#include "core/state/types.h"
#include "model/tenants.h"

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
