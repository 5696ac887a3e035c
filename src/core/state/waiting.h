#pragma once
/* What waits: requests in classes, classes in needs, needs in lanes, lanes in queues. */
#include "core/queue/heap.h"
#include "core/state/work.h"

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
