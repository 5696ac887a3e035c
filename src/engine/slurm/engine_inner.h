#pragma once
/* Inside the Slurm engine. All of it lives on the loop's thread; a preparation (user, folder) owns what it touches on a worker. */
#include <uv.h>

#include "base/map.h"
#include "base/vec.h"
#include "engine/local_inner.h"
#include "engine/slurm/slurm.h"
#include "engine/slurm/wire.h"
#include "engine/slurm/without.h"

enum {
    SLURM_ATTEMPTS_MAX = 1 << 17,
    SLURM_HANDING_OVER = DURE_SLURM_UNDER_WAY - 2, /* at a time; the wire keeps room for looking */
    SLURM_COMMANDS_HANDING_OVER = DURE_SLURM_COMMANDS_UNDER_WAY - 4,
    SLURM_NAME_BYTES = 96,
    SLURM_LAUNCHES_MAX =
        3,                 /* nodes that may fail to launch a job before it is the job's fault: each is drained by it */
    SLURM_UNLAUNCHED = 32, /* jobs that are remembered for that */
    SLURM_SEARCHES = 2,    /* that find nothing, before what may have been handed over is taken not to have been */
};
#define SLURM_QUICK_US (DURE_SECOND_US / 20)   /* between two looks, at the least */
#define SLURM_LONG_US (DURE_SECOND_US / 4)     /* an answer that costs Slurm much */
#define SLURM_REST_US (DURE_SECOND_US / 40)    /* after one that does not */
#define SLURM_WHOLE_US (DURE_SECOND_US / 2)    /* between two whole lists, at the least */
#define SLURM_IDLE_US (5 * DURE_SECOND_US)     /* while nothing of ours is there */
#define SLURM_AGAIN_US (DURE_SECOND_US / 2)    /* after a request that failed; doubles */
#define SLURM_SETTLE_US (2 * DURE_SECOND_US)   /* what was on its way when its sender died has arrived by then */
#define SLURM_HOLD_US (5 * DURE_SECOND_US)     /* of what is handed over a second time, for the first to arrive */
#define SLURM_AGAIN ", handed over again"      /* in its comment, so that another daemon knows who holds it */
#define SLURM_SILENCE_US (10 * DURE_SECOND_US) /* without an answer: away */
#define SLURM_RETURN_US (60 * DURE_SECOND_US)  /* what never reached a silent cluster may run elsewhere by then */
#define SLURM_MEMORY_US (240 * DURE_SECOND_US) /* Slurm remembers what ended for 300 s unless told otherwise */
#define SLURM_REPEAT_US (5 * DURE_SECOND_US)   /* until an order that had no effect is given again */
#define SLURM_WORDS_US (60 * DURE_SECOND_US) /* until other words for what is as it was are told; doubles, to an hour */
#define SLURM_OUSTED_US (20 * DURE_SECOND_US) /* GPUs that others took meanwhile are waited for so long */

/* What is handed over, copied; the spec is the local engine's (it names output files), the rest lives in its arena. */
struct slurm_plan {
    struct local_plan *order;
    const char *nodelist; /* as Slurm names them */
    const char *comment;
    uint32_t gpus_per_node;
    uint32_t tasks_per_node; /* 0: not the same on all */
    uint32_t gpus_per_task;
};

/* One node's part of an attempt. */
struct slurm_share {
    uint32_t node; /* of the fleet */
    uint64_t mask; /* the core's */
};

enum slurm_attempt_state {
    SLURM_PREPARING,    /* its user is looked up, its folder made */
    SLURM_UNSURE,       /* it may have been handed over: searched for */
    SLURM_READY,        /* to be handed over */
    SLURM_HANDING,      /* under way */
    SLURM_IN_SLURM,     /* Slurm has it */
    SLURM_ATTEMPT_OVER, /* told */
};

struct slurm_attempt {
    struct slurm *slurm;
    uint64_t id;
    enum slurm_attempt_state state;
    char name[SLURM_NAME_BYTES];
    bool recovering, begun, noted; /* the core has heard that it began; its folder was there before this daemon */
    bool requeue;                  /* the core puts it back if it is lost */
    bool pending_seen;             /* in the last look */
    bool looked_at;                /* seen alive since this daemon has it */
    bool withdrawn;                /* taken back by us */
    bool queued;
    bool has_steps; /* srun is how it starts its tasks */
    bool warn_all;  /* this way of reaching Slurm signals all of it or nothing */
    bool warn_wanted, warn_sent, stop_wanted, forget_wanted, started_told, runs, extend_wanted;
    uint32_t job_id; /* 0: not known */
    uint32_t restarts;
    int64_t decided_us; /* wall clock */
    int64_t order_us;  /* steady, when what we last did to it was done: a look asked for before says nothing about it */
    int64_t unsure_us; /* since */
    unsigned searches, missing;
    bool careful; /* it may have been handed over before: held until that would have arrived */
    int64_t searched_us, released_us;
    int64_t missing_us, ready_us, retry_us, pending_us, stop_us;
    int64_t walltime_us, grace_us;
    char waits_for[128]; /* Slurm's reason */
    struct slurm_plan *plan;
    struct slurm_share *shares;
    uint32_t share_count;
    const struct dure_slurm_job *seen; /* while a look is judged */
    struct slurm_attempt *prev, *next, *queue_prev, *queue_next;
};

struct slurm_order;

/* One node of the site. */
struct slurm_node {
    uint32_t id;
    uint32_t gpus;
    uint64_t own, slurm_foreign, told_foreign; /* core's bits; Slurm's bits */
    uint32_t live;                             /* jobs of ours that Slurm has running there */
    uint32_t foreign, foreign_jobs;            /* GPUs that others have, and how many they are */
    uint32_t flags;                            /* as Slurm lists it */
    bool listed, whole;                        /* whole: nothing else can begin here */
    enum dure_node_report told_state;
    bool told;
    int64_t told_us;
    unsigned renewals;                                                  /* of the reason, since its state was told */
    char reason[DURE_REASON_MAX + 1], told_reason[DURE_REASON_MAX + 1]; /* as it is listed now; of the last report */
};

struct slurm {
    struct dure_engine engine;
    struct dure_slurm_engine_options options;
    struct local_place place;              /* only its folder */
    char head[24];                         /* of the names of our jobs */
    struct dure_slurm *wire, *wire_before; /* before: until what is under way there has ended */
    struct dure_slurm_site site;           /* copied */
    char *site_texts;
    dure_observe_fn observe;
    void *context;
    struct dure_map map; /* attempt → struct slurm_attempt* */
    struct slurm_order *orders;
    struct slurm_attempt *all, *queue_first, *queue_last;
    uint32_t live_count, handing, preparing;
    uint64_t spares_free, spares_busy; /* folders that have served, by number (prepare.c) */
    bool closing, swept;

    /* Looking (watch.c). */
    int64_t changed_us, look_us, asked_us, heard_us, latency_us, nodes_us, orphans_us;
    int64_t took_us, took_before_us;                            /* the last two lists of states or glances */
    bool looking, nodes_looking, away, heard_once, list_failed; /* list_failed: the last one of jobs */
    unsigned failures;
    uint64_t requests;
    char trouble[256];
    int64_t list_mark_us; /* as_of of the last list */
    /* Lists of states do for most looks; the whole one is asked for where they leave something open. */
    bool gpus_unsaid, asked_whole, whole_failed;
    int64_t whole_us, whole_latency_us;
    /* Between lists, where Slurm remembers many more than ours: glances (glance.c). */
    enum dure_slurm_few few;
    bool glance_failed;
    uint32_t listed_count, glances;
    int64_t listed_us;
    struct dure_map recalled; /* job → who has which GPUs, of the last whole list */
    struct dure_arena *recall_arena;
    struct {
        uint64_t job, element;
        unsigned count;
    } unlaunched[SLURM_UNLAUNCHED];
    unsigned unlaunched_next;

    /* Nodes (ground.c). */
    const struct dure_fleet *fleet; /* the one they were listed from; only compared */
    struct slurm_node *nodes;
    uint32_t node_count, fleet_nodes;
    bool nodes_listed, jobs_counted; /* since it last came back */
    struct dure_map node_map;        /* fleet's id → index */
    uint32_t orphans;                /* of ours, seen in the last look */
    uint64_t jobs_counts;            /* how often foreign load was counted */
};

int64_t slurm_steady_us(const struct slurm *slurm); /* steady */
int64_t slurm_wall_us(const struct slurm *slurm);
bool slurm_is_searching(const struct slurm *slurm); /* does something wait to hear what is, although nothing changes? */
struct slurm_attempt *slurm_find(const struct slurm *slurm, uint64_t id);
/* Ends it for the core; the attempt may be gone when this returns. */
void slurm_tell_over(struct slurm_attempt *attempt, const struct dure_observation *observation);
void slurm_tell(struct slurm_attempt *attempt, enum dure_report report, const char *reason);
void slurm_drop(struct slurm_attempt *attempt); /* without a word; its folder goes too */
void slurm_engine_unref(struct slurm *slurm);

DURE_NODISCARD bool slurm_site_copy(struct slurm *slurm, const struct dure_slurm_site *site); /* renew.c */

/* plan.c. NULL with `reason`. */
struct slurm_plan *slurm_plan_new(const struct dure_order *order, const struct dure_slurm_site *site,
                                  char reason[DURE_REASON_MAX + 1]);
void slurm_plan_free(struct slurm_plan *plan);
bool slurm_plan_has_steps(const struct slurm_plan *plan); /* srun starts its tasks, by us or by its script */
DURE_NODISCARD bool slurm_shares_new(const struct dure_order *order, struct slurm_share **ret_shares,
                                     uint32_t *ret_count);

/* script.c: what the node runs; the environment, each NUL-terminated. */
void slurm_script_write(const struct slurm_plan *plan, const char *prefix, struct dure_buf *script);
uint32_t slurm_environment_write(const struct slurm_plan *plan, struct dure_buf *list);

/* prepare.c */
void slurm_prepare(struct slurm_attempt *attempt);
void slurm_folder_drop(struct slurm *slurm, uint64_t attempt);
void slurm_spares_find(struct slurm *slurm); /* of a daemon before this one */

/* orders.c: what is said to Slurm. */
int64_t slurm_limit_us(const struct slurm_attempt *attempt); /* Slurm's own limit of its run */
void slurm_ready(struct slurm_attempt *attempt);             /* may be handed over when its turn comes */
void slurm_unsure(struct slurm_attempt *attempt);
void slurm_unqueue(struct slurm_attempt *attempt);
void slurm_never_began(struct slurm_attempt *attempt); /* ends it: stopped before it was handed over */
void slurm_pump(struct slurm *slurm);
void slurm_orders(struct slurm_attempt *attempt); /* warn, stop and walltime, as far as it can be told */
void slurm_orders_free(struct slurm *slurm);
void slurm_release_job(struct slurm *slurm, uint32_t job_id);
void slurm_cancel_job(struct slurm *slurm, uint32_t job_id, bool kill_first);

/* look.c */
void slurm_look_jobs(struct slurm *slurm, const struct dure_slurm_reply *reply, int64_t asked_us);
void slurm_look_one(struct slurm_attempt *attempt, const struct dure_slurm_job *job); /* of a glance */
void slurm_return_unreached(struct slurm *slurm);
bool slurm_name_is_ours(const struct slurm *slurm, const char *name, uint64_t *ret_attempt);

/* ground.c */
bool slurm_ground_ready(struct slurm *slurm); /* the nodes of the fleet as it is now */
void slurm_ground_jobs(struct slurm *slurm, const struct dure_slurm_reply *reply);
void slurm_ground_nodes(struct slurm *slurm, const struct dure_slurm_reply *reply);
void slurm_ground_tell(struct slurm *slurm);
bool slurm_ground_ousted(const struct slurm *slurm, const struct slurm_attempt *attempt);

/* A look at a job that runs, or leaves: it has its nodes. */
bool slurm_ground_holds(const struct dure_slurm_job *job);

/* glance.c: true: it glances, and slurm_glanced follows. */
bool slurm_glance(struct slurm *slurm);

/* recall.c */
void slurm_recall_keep(struct slurm *slurm, const struct dure_slurm_reply *reply); /* of a whole list */
bool slurm_recall_covers(const struct slurm *slurm,
                         const struct dure_slurm_reply *reply); /* of states: nothing is open */
const struct dure_slurm_job_node *slurm_recall_nodes(const struct slurm *slurm, const struct dure_slurm_job *job,
                                                     bool states_only, uint32_t *ret_count);
void slurm_recall_free(struct slurm *slurm);

/* watch.c */
void slurm_poke(struct slurm *slurm); /* something is about to happen: look soon */
void slurm_watch_start(struct slurm *slurm);
void slurm_watch_stop(struct slurm *slurm);
void slurm_heard(struct slurm *slurm);                        /* Slurm answered */
void slurm_glanced(struct slurm *slurm, const char *trouble); /* NULL: all was answered */
void slurm_unheard(struct slurm *slurm, const char *text);
