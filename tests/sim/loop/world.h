#pragma once
/* A world for the loop on virtual time: a clock that moves only when asked, engines that outlive the daemon as minders do, and a store that is a real
 * journal written late, so that a crash loses what was not yet synced. Every choice comes from one seed. */
#include "loop/loop.h"
#include "loop/recover.h"

enum { WORLD_ATTEMPTS_MAX = 20000, WORLD_ACKS_MAX = 20000 };

/* One attempt as the machine knows it: survives every crash of the daemon. */
struct world_attempt {
    uint64_t attempt, job;
    uint32_t element;
    bool running, ended, forgotten;
    unsigned starts; /* must never pass 1 */
    int64_t ends_us; /* by itself */
    int exit_code;
};

struct world_faults {
    unsigned crash_per_mille;      /* a crash at a turn of events */
    unsigned store_fail_per_mille; /* an append that fails: disk full or fsync */
    unsigned lost_report_per_mille, doubled_report_per_mille, late_report_per_mille;
    unsigned clock_jump_per_mille;
};

struct world {
    uint64_t seed;
    char directory[256];
    struct world_faults faults;
    int64_t wall_us, monotonic_us;

    struct dure_journal *journal;
    struct dure_core *core;
    struct dure_loop *loop;
    struct dure_engine engine;
    uint64_t term;
    int64_t wake_us;
    bool down; /* crashed, not yet recovered */
    enum dure_err fatal;
    int64_t held_us;

    struct dure_batch *waiting[64]; /* handed over, not yet written */
    unsigned waiting_count;
    struct dure_store_read *reads[1024];
    unsigned read_count;

    struct world_attempt attempts[WORLD_ATTEMPTS_MAX];
    unsigned attempt_count;
    struct {
        uint64_t attempt;
        int64_t at_us;
        int report;
    } reports[4096]; /* on their way to the loop */
    unsigned report_count;

    uint64_t acked[WORLD_ACKS_MAX]; /* job ids whose submission was answered */
    unsigned acked_count;
    uint64_t answers, refused, crashes, store_failures, events;
    uint64_t event_next; /* sequences must come in order */
    bool event_order_broken;
};

/* Begins with an empty journal in a fresh folder, or recovers what is there. False: it says why through tap_diag. */
bool world_open(struct world *world);
void world_crash(struct world *world); /* everything not synced is gone; engines go on */
void world_close(struct world *world);
/* One event: time moves to the next thing due, or a fault strikes. */
void world_turn(struct world *world);
bool world_quiet(const struct world *world); /* nothing is under way */
void world_submit(struct world *world, const struct dure_job *job, const char *idem_key);
void world_input(struct world *world, const struct dure_record *record);
struct world_attempt *world_attempt(struct world *world, uint64_t attempt);
