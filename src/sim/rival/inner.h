#pragma once
/* What the files of this room share. */
#include "base/map.h"
#include "base/timefmt.h"
#include "sim/policy/order.h"
#include "sim/policy/place.h"
#include "sim/rival/rival.h"
#include "sim/run/inner.h"

enum { RIVAL_OPEN = EVENT_NODE_UP + 1, RIVAL_BEGIN, RIVAL_TURN };

enum entry_state { ENTRY_COMES, ENTRY_WAITS, ENTRY_RUNS, ENTRY_OVER };

/* One job. */
struct entry {
    int64_t at_us, left_us, walltime_us, grace_us, checkpoint_us;
    int64_t began_us;   /* while it runs: this attempt */
    int64_t turned_us;  /* ... `turn` is up to date since */
    int64_t ends_us;    /* ... as foreseen */
    int64_t claimed_us; /* its quota admits it since; 0: not */
    int64_t blocked_us; /* ... and as many GPUs lie idle since; 0: not */
    uint64_t blocked_ms;
    struct dure_turn_job turn;
    struct dure_turn_key key;
    uint32_t need, tenant, holder, restarts;
    int32_t priority;
    uint32_t running; /* its place among those that run */
    uint8_t state, kind, size, borrowed, fails, overdue, leaving, admitted;
    struct run *run; /* while it runs */
};

/* Requests that are alike, in the order of their keys. */
struct need {
    uint64_t models; /* bits of kinds of machines */
    uint64_t milli;  /* GPUs in all */
    int64_t walltime_us;
    const char *level;
    uint32_t shape, tasks;
    bool required, never;
    bool failed;      /* and nothing has been given back since */
    uint64_t no_room; /* the same by kind, where quotas rule */
    uint32_t *jobs;
    uint32_t count, capacity;
};

/* A start that is set aside in one kind of machines (EASY). */
struct planned {
    uint32_t job;
    int64_t at_us;
    uint64_t spare; /* tasks of it that fit at that time beyond those it has */
    bool stands;    /* in the pass at hand: those before it in the order do not heed it */
};

/* What runs in a core that is taken over. */
struct resumed {
    uint64_t id;
    uint32_t job, element;
    int64_t started_us;
};

struct rival {
    struct dure_rival policy;
    struct sim sim; /* the meters, the heap, the options */
    struct dure_field field;
    struct dure_placer placer;
    struct dure_work work;
    struct dure_score_shape *shapes;
    struct dure_score_node *nodes; /* as they are, empty */
    struct entry *jobs;
    uint32_t job_count, job_capacity, next_job, taken_over;
    struct resumed *resumed;
    uint32_t resumed_count;
    struct dure_map shape_of, need_of;
    struct need *needs;
    uint32_t need_count, need_capacity;
    uint32_t *order; /* needs of the pass at hand */
    uint32_t *running, running_count;
    uint8_t *chain_kind;
    uint32_t kind_count;
    uint64_t *access;         /* of each tenant: kinds */
    uint64_t kind_models[64]; /* of each GPU model: kinds that have it */
    int64_t free_milli[DURE_RIVAL_KINDS_MAX];
    uint32_t **idle;      /* by chain, then level above the node's, then cell: nodes wholly idle */
    bool *closed;         /* nodes that are not there */
    uint32_t away, opens; /* nodes that fail, and will mend; events that bring nodes */
    bool dirty;
    uint64_t counter;          /* the order's */
    struct dure_place *places; /* of the job last tried */
    uint32_t place_room;
    /* EASY */
    struct planned planned[DURE_RIVAL_KINDS_MAX];
    uint64_t planned_kinds;
    uint8_t *later; /* GPUs of each node, when the planned start of its kind is due */
    uint32_t *by_end;
    /* quotas */
    uint32_t *claims, claim_count, claim_capacity; /* by right, waiting: by priority and age */
    uint32_t *holder_of;                           /* of each tenant; DURE_NONE32 */
    int64_t *used_milli, *quota_milli;             /* [tenant][kind] */
    int64_t quota_next_us;                         /* when quotas change */
    int64_t kept_milli[DURE_RIVAL_KINDS_MAX], leaving_milli[DURE_RIVAL_KINDS_MAX];
};

static inline const struct dure_score_task *need_task(const struct rival *r, const struct need *need)
{
    return &r->work.shapes[need->shape].task;
}

void rival_fail(struct rival *r, enum dure_err err, const char *text);

/* jobs.c: all of them, before time begins. */
bool rival_jobs(struct rival *r);
void rival_jobs_release(struct rival *r);
bool rival_take(struct rival *r, const struct dure_job *job, int64_t at_us, uint32_t *ret_job);

/* state.c: a core that is taken over, where there is one: its changes first, its jobs before all others, what runs there once there are machines. */
bool rival_changes(struct rival *r);
bool rival_core(struct rival *r);
void rival_core_resume(struct rival *r);
void rival_core_release(struct rival *r);

/* cluster.c: machines. */
bool rival_kinds(struct rival *r);   /* before the jobs */
bool rival_cluster(struct rival *r); /* with them */
void rival_cluster_release(struct rival *r);
void rival_close(struct rival *r, uint32_t node);
void rival_open(struct rival *r, uint32_t node);
/* A place for it among kinds of these bits, into r->places, which is taken; false: none, and nothing is. */
bool rival_place(struct rival *r, const struct need *need, uint64_t models, uint8_t *ret_kind);
void rival_give(struct rival *r, const struct need *need, const struct dure_place *places);
bool rival_retake(struct rival *r, const struct need *need, const struct dure_place *places); /* false: not free */
bool rival_places_room(struct rival *r, uint32_t tasks);
bool rival_ever(struct rival *r, const struct need *need); /* on a fleet that is empty */

/* queue.c */
uint32_t rival_need_of(struct rival *r, const struct need *need); /* DURE_NONE32: no memory */
bool rival_wait(struct rival *r, uint32_t job);                   /* into its queue */
void rival_unwait(struct rival *r, struct need *need);            /* its first */
bool rival_before(const struct rival *r, uint32_t a, uint32_t b);
uint32_t rival_candidates(struct rival *r); /* needs with somebody waiting into r->order, by whose turn is first */
void rival_sink(struct rival *r, uint32_t at, uint32_t count); /* the need there has another first now */
void rival_pass(struct rival *r);

/* run.c */
void rival_start(struct rival *r, uint32_t job, uint8_t kind);
/* Puts it back; `has_given`: its place is given already. Cause NONE: for another in the order, and what it did is kept. */
void rival_stop(struct rival *r, uint32_t job, enum dure_cause cause, bool has_given);
bool rival_resume(struct rival *r, uint32_t job, uint8_t kind, int64_t started_us);
void rival_arrives(struct rival *r, uint32_t job);
void rival_foresee(struct rival *r, uint32_t job, int64_t ends_us);
void rival_turn_now(struct rival *r, struct entry *job); /* what it lacks and has had, by now */

/* easy.c */
void rival_plan(struct rival *r, uint32_t job);
bool rival_spares(struct rival *r, const struct need *need, uint8_t kind, int64_t ends_us);

bool rival_make_room(struct rival *r, uint32_t job, uint8_t *ret_kind); /* preempt.c */

/* quota.c */
bool rival_quota(struct rival *r);
void rival_quota_pass(struct rival *r);
bool rival_quota_wait(struct rival *r, uint32_t job);
void rival_quota_start(struct rival *r, struct entry *job);
void rival_quota_count(struct rival *r, struct entry *job); /* how long it was kept waiting by shape alone */
void rival_quota_end(struct rival *r, struct entry *job);
