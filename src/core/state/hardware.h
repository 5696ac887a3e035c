#pragma once
/* Hardware: chains, nodes, GPUs that fractions share, booked maintenance. */
#include "core/cells/cells.h"
#include "core/place/mig.h"
#include "core/place/slots.h"
#include "core/state/mutants.h"
#include "core/state/types.h"

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
