#pragma once
/* Engines carry out what the core decided on a site: start, warn, stop, observe. They never decide where. Every order carries term, job and
 * attempt; an attempt is started at most once, whatever is repeated. Observations come back through one callback on the loop's thread. */
#include "base/err.h"
#include "model/body.h"
#include "model/fleet.h"
#include "model/record.h"

struct dure_order {
    uint64_t term;
    struct dure_task_ref ref;
    struct dure_attempt_id attempt;
    const struct dure_job *job;
    const struct dure_body *body; /* NULL for engines that need none; valid during the call */
    const char *login; /* whose processes they are; "" = nobody is known: a root daemon refuses to start it */
    const char *tenant_path;
    const struct dure_fleet *fleet;
    const struct dure_place *places;
    uint32_t place_count;
    int64_t submitted_us, started_us; /* when the core was asked, and when it decided */
    uint32_t restarts;                /* earlier attempts of this job */
    bool begun;                       /* while recovering: the core has heard before that it began */
};

struct dure_observation {
    struct dure_attempt_id attempt;
    enum dure_report
        report; /* STARTED, ENDED, LOST (nothing is known of it any more), REFUSED (could not be started; reason) */
    int32_t exit_code, exit_signal;
    struct dure_usage usage;
    bool cancelled; /* ENDED: somebody ended it by the engine's own means (scancel), not by ours: the job is cancelled */
    char reason[DURE_REASON_MAX + 1];
};
typedef void (*dure_observe_fn)(void *context, const struct dure_observation *observation);

/* What an engine sees of a node. Whatever it says again is journaled once: it need not remember what it said. */
struct dure_node_observation {
    struct dure_node_id node;
    enum dure_node_report
        state; /* AWAY: the engine cannot say; its work stays as it is, and nothing new starts there */
    char reason[DURE_REASON_MAX + 1];         /* why it is down or away; "" */
    bool foreign_known;                       /* false: what was said of it last stays */
    uint64_t foreign;                         /* bit = a GPU of the node that work outside dure uses */
    char foreign_reason[DURE_REASON_MAX + 1]; /* in words, never personal; "" */
};
typedef void (*dure_observe_node_fn)(void *context, const struct dure_node_observation *observation);

struct dure_engine {
    const char *name; /* "local", "emulated", "slurm" */
    bool needs_body;  /* start wants order.body and order.login */
    void *state;
    /* Begins the attempt; the outcome comes as an observation. Also called again for attempts that may have been started before (`recovering`):
     * the engine then attaches to what runs, reports what ended, or starts what never began. */
    void (*start)(void *state, const struct dure_order *order, bool recovering);
    void (*warn)(void *state, struct dure_attempt_id attempt,
                 int64_t deadline_us);                           /* SIGTERM now; the core orders the stop */
    void (*unwarn)(void *state, struct dure_attempt_id attempt); /* the notice is taken back (nothing to do for most) */
    /* The walltime of what runs is another, counted from its start; NULL: the engine does not watch it. */
    void (*extend)(void *state, struct dure_attempt_id attempt, int64_t walltime_us);
    void (*stop)(void *state, struct dure_attempt_id attempt); /* SIGKILL of the whole tree */
    /* Its end is durable: clean up, and kill what still runs. Until that is gone, nothing begins that is of its job or has its GPUs. */
    void (*forget)(void *state, struct dure_attempt_id attempt);
    void (*free)(void *state);
    /* What this engine enforces on this machine, for people: one line each, e.g. "memory: accounted, not enforced (no delegated cgroup)". */
    void (*describe)(void *state, struct dure_buf *text);
};

/* Time for engines: microseconds now, and a one-shot timer. The daemon gives libuv's, tests give virtual time. */
struct dure_engine_clock {
    void *context;
    int64_t (*now_us)(void *context);
    /* Calls fire(fire_context, key) at or after `at_us`; one timer per key, setting it again moves it, DURE_NEVER_US removes it. */
    void (*timer)(void *context, uint64_t key, int64_t at_us, void (*fire)(void *fire_context, uint64_t key),
                  void *fire_context);
};

/* No process: an attempt lasts job.emulated_us (or its walltime) from started_us, ends with exit 0, and obeys warn by ending at once with exit 0
 * unless told otherwise. Millions of them: one heap, one timer. */
DURE_NODISCARD enum dure_err dure_engine_emulated_new(const struct dure_engine_clock *clock, dure_observe_fn observe,
                                                      void *context, struct dure_engine **ret_engine);
/* From now on (before its first start) each start of this emulated engine sends a message to the Unix socket `path`; the attempt has started when it is out (launch.h). */
DURE_NODISCARD enum dure_err dure_engine_emulated_launch_to(struct dure_engine *engine, const char *path,
                                                            struct dure_error *error);
void dure_engine_free(struct dure_engine *engine);
