#pragma once
/* What is idle at moments to come, if all that runs is gone when it must be at the latest: by the rights of one holder, or for those who borrow on one
 * chain. The fields of the index are those of the moment that it stands at, and must be put back to now before anybody else looks. */
#include "core/place/plan.h"

/* The state after everything up to one moment has ended. */
struct moment {
    int64_t at_us;
    uint32_t ends, changes; /* so many of them lie before its end */
    uint64_t gpus;          /* idle by then, at most */
};

struct change {
    struct dure_slots *slots;
    uint32_t slot;
    uint64_t was, is;
};

struct timeline {
    struct dure_core *core;
    const struct request *ask;
    const struct ends *list;
    uint32_t holder, chain; /* one of them NONE */
    int64_t at_us;          /* of the end at hand */
    uint32_t leaving;       /* whose it is */
    int64_t from_us;        /* no earlier, and all that ends by then is gone */
    int64_t before_us;      /* later is of no use */
    uint64_t idle, need;    /* GPUs: now, and of the request (of fractions: 0) */
    struct ending *front;   /* a heap of those to come */
    struct ending *ends;
    struct moment *moments;
    struct change *changes;
    uint32_t front_count, end_count, end_capacity, moment_count, moment_capacity, change_count, change_capacity, now,
        known; /* moments that have passed; of which the changes are worked out */
    struct plan *plan;
};

/* Puts what ends in order. Before timeline_next, once. */
void timeline_read(struct timeline *t);
/* One moment more is known, in which something ends; false: there is none. */
bool timeline_next(struct timeline *t);
/* The fields are those after so many moments; 0: now. */
void timeline_go_to(struct timeline *t, uint32_t moment);
void timeline_release(struct timeline *t);

/* When its holder's own work has left a place by right at the latest, if it is warned now. */
int64_t timeline_clear_at(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count);
/* When a reservation's work is gone at the latest. */
int64_t timeline_claim_ends(struct dure_core *core, uint32_t claim);
/* GPUs of a place on one node of a chain (counted within it) that are idle once the attempt `leaving`, which stands there, is gone, and all others that
 * end by then: neither claimed nor dark. */
uint64_t timeline_left_on(struct dure_core *core, uint32_t chain, uint32_t node, const struct dure_place *place,
                          uint32_t leaving, int64_t at_us);
