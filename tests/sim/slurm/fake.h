#pragma once
/* A Slurm cluster on virtual time, and the wire to it: what slurmctld keeps, what nodes run, and everything that can go wrong between. It outlives the
 * engine, as the real one outlives the daemon. */
#include "engine/slurm/slurm.h"
#include "engine/slurm/wire.h"

enum { FAKE_NODES = 4, FAKE_GPUS = 4, FAKE_JOBS_MAX = 40000, FAKE_SEEN_MAX = 16384 };

struct fake_job {
    uint32_t id;
    char name[96], reason[32], comment[96];
    enum dure_slurm_state state;
    uint32_t nodes;            /* bit = node */
    uint32_t gpus;             /* on each */
    uint64_t mask[FAKE_NODES]; /* which, while it runs */
    int64_t lasts_us, start_us, end_us, submit_us;
    int64_t arrives_us; /* until then it is on its way */
    int64_t walltime_us;
    int exit_code, exit_signal;
    uint32_t restarts;
    bool held, foreign, obeys_nothing, completing;
};

struct fake {
    int64_t now_us;
    struct fake_job *jobs;
    uint32_t job_count, next_id;
    uint32_t node_flags[FAKE_NODES];
    char node_reason[FAKE_NODES][32];
    int64_t lasts_us; /* of what is submitted */
    int64_t memory_us;

    /* Faults. */
    bool silent;           /* nothing arrives, nothing is answered */
    bool forgets_nodes;    /* slurmctld has just begun: it calls all nodes down, and leaves their jobs alone */
    bool denied;           /* every request is refused as not authorised */
    bool stuck;            /* requests arrive; nothing is answered before their time is up */
    unsigned lose_answers; /* of the next submissions, which arrive */
    int64_t late_us;       /* the next submission is on its way for so long */
    unsigned lose_orders;  /* signals and cancellations that do not arrive and say so */
    int64_t list_late_us;  /* a list is taken now and comes so much later */
    int64_t start_late_us; /* between a submission and its start */
    const char *refuse;    /* the words that a submission is refused with */
    bool list_unreadable;  /* the list of jobs, and nothing else */
    bool whole_unreadable; /* the whole one; that of states is fine */
    bool
        tells_states; /* as the commands do: lists without GPUs, where those are asked for, and some together; else as slurmrestd, where one alone is cheap */
    bool launch_fails; /* what begins is cancelled at once by its node */
    bool marks;        /* a list that is asked for since a time says "nothing changed", as newer versions do */
    bool gone;         /* nothing arrives and nothing says so: a cut cable */
    bool ctld_dead;    /* nothing arrives; and nothing begins, and no end is known, before it is back */

    /* What was seen. */
    unsigned whole_lists, state_lists, glances; /* glances: at one job, or at some */
    unsigned submits, requests, foreign_cancels, cancels, signals;
    struct {
        char name[96];
        unsigned starts;
    } * started;
    uint32_t started_count;
};

extern struct fake fake;
void fake_begin(void);
void fake_free(void);
void fake_jobs_move(void);                        /* what is due by now: starts, ends */
int64_t fake_next_us(void);                       /* when something is due: a reply or a job; INT64_MAX: never */
void fake_replies_move(void);                     /* replies that are due */
void fake_crash(void);                            /* slurmctld forgets all */
struct fake_job *fake_job(const char *name_part); /* the last whose name contains it; NULL */
struct fake_job *fake_foreign(uint32_t nodes, uint32_t gpus, int64_t lasts_us); /* given to it by others */
struct fake_job *fake_running(const char *name,
                              uint32_t nodes);         /* ours, for long, with no GPU that others would miss */
struct fake_job *fake_twin(const struct fake_job *of); /* the same order, come a second time */
unsigned fake_starts_most(void);                       /* of one attempt: must never pass 1 */
