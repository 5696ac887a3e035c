#pragma once
/* A core to measure: a fleet of six owners and sixty tenants with rights to seven tenths of it, all lending to all, and the work on it. Every step is timed,
 * every decision is logged, and bench_world_recount lets bench/recount.c count it again. With DURE_BENCH_PLANT=double in the environment the log gives one
 * start the place of another: the recount must say so. */
#include "bench/inner.h"
#include "bench/recount.h"
#include "core/core.h"

enum {
    BENCH_OWNERS = 6,
    BENCH_TEAMS = 9,
    BENCH_BLOCK_NODES = 64,
    BENCH_NODES_LEAST = BENCH_OWNERS * 2 * BENCH_BLOCK_NODES /* a promised block each */,
    BENCH_NODES_MOST = 200000,
    BENCH_GANG_LEAST = 8,
    BENCH_GANG_MOST = 40000,
    BENCH_GPU_MW = 1250000 /* a node of 10 kW */,
    BENCH_LEAVERS_MAX = 1024 /* a gang is of 512 GPUs at most */
};

/* Those that share rights, and last the pool of those that borrow. */
struct bench_pool {
    uint32_t tenants[BENCH_TEAMS], tenant_count;
    uint64_t gpus, used, given; /* given: asked for while filling */
    uint32_t *running;          /* attempts */
    size_t running_count, running_room;
};

struct bench_job {
    uint32_t pool, gpus;
    bool started;
};

struct bench_attempt {
    uint32_t job, index;         /* index in its pool's running */
    bool running, leaving, gone; /* not running and not gone: taken out */
};

struct bench_ask {
    uint32_t pool, tasks, gpus; /* GPUs a task */
    const char *level;          /* "" = none */
    uint32_t memory_mib;        /* of a task; 0 = the share */
};

struct bench_world {
    struct dure_core *core;
    struct recount_fleet fleet;
    uint32_t node_count, site_nodes; /* site_nodes: nodes in a cell of the level "site"; 0: there is none */
    uint32_t tenants[BENCH_OWNERS * (1 + BENCH_TEAMS)]; /* ids: each owner's own, then its teams */
    struct bench_pool pools[BENCH_OWNERS * BENCH_TEAMS + 1];
    uint32_t pool_count; /* with the last, which borrows */
    struct bench_job *jobs;
    struct bench_attempt *attempts;
    uint64_t job_room, attempt_room;
    uint32_t *leaving;
    size_t leaving_count, leaving_room;
    uint32_t *log;
    size_t log_count, log_room;
    FILE *file;
    struct dure_digest digest; /* of the last batch */
    uint64_t random, starts, notices, elapsed_ns;
    uint64_t asked_ns; /* elapsed_ns when the last job of the mix was asked for: room had been made */
    int64_t time_us;
    uint32_t last_place[4], last_attempt, plant;
    struct dure_record
        coming[DURE_CORE_EXPECTED]; /* attempts that end after the next step, and after one more, ...; id 0: none */
    bool no_memory;
};

uint64_t bench_now_ns(void);
uint64_t bench_below(struct bench_world *world, uint64_t bound);

/* `by_site`: each owner holds a right to its whole site, else its teams to blocks. */
DURE_NODISCARD enum dure_err bench_world_make(uint32_t nodes, bool by_site, struct bench_world *world,
                                              struct dure_error *error);
void bench_world_release(struct bench_world *world);
/* Without a core, for a daemon: the text of both specs, and what the recount must know of them. */
DURE_NODISCARD enum dure_err bench_world_plan(uint32_t nodes, bool by_site, struct bench_world *world,
                                              struct dure_buf *fleet, struct dure_buf *tenants,
                                              struct dure_error *error);
/* Both texts, YAML or JSON; what is wrong with them is said in words. What was read before a fault is the caller's to free. */
DURE_NODISCARD enum dure_err bench_read_specs(const struct dure_buf *fleet_text, const struct dure_buf *tenants_text,
                                              struct dure_fleet **ret_fleet, struct dure_tenants **ret_tenants,
                                              struct dure_error *error);
/* What each site may draw: all but one of its GPUs in fifty (of a site that is promised whole, half of what lies beside it). As JSON, which is YAML too. */
void bench_world_power(const struct bench_world *world, struct dure_buf *power);
/* replay.c: logs what a journal's records say, inputs and decisions in their order; counts starts. */
DURE_NODISCARD enum dure_err bench_world_replay(struct bench_world *world, const char *state, struct dure_error *error);
/* world.c for it. */
void bench_log(struct bench_world *world, const uint32_t *words, size_t count);
void bench_log_places(struct bench_world *world, uint32_t kind, const struct dure_record *record);
bool bench_log_attempt(struct bench_world *world, uint32_t attempt); /* room for it; false: out of memory */
DURE_NODISCARD enum dure_err bench_log_flush(struct bench_world *world, struct dure_error *error);
uint32_t bench_block_nodes(const struct bench_world *world,
                           const char *level); /* nodes in a cell of this level; 0: none */
/* The place of a tenant of the ask's pool, drawn by chance. */
uint32_t bench_asker(struct bench_world *world, const struct bench_ask *ask);
/* The path of the tenant at a place ("o0/t3"). */
void bench_tenant_path(uint32_t place, char path[32]);

/* Each adds what the core took to elapsed_ns. */
DURE_NODISCARD enum dure_err bench_submit_ask(struct bench_world *world, const struct bench_ask *ask, uint32_t *ret_job,
                                              struct dure_error *error);
DURE_NODISCARD enum dure_err bench_pass(struct bench_world *world, struct dure_error *error);
DURE_NODISCARD enum dure_err bench_end(struct bench_world *world, uint32_t attempt, struct dure_error *error);
/* Out of the lists of its pool: it is as good as gone, and bench_end follows. */
void bench_take_out(struct bench_world *world, uint32_t attempt);
/* These end after so many more steps: the core is told before each, as a daemon does of what is in its queue. Holds for the next step. */
void bench_expect(struct bench_world *world, const uint32_t *attempts, uint32_t count, unsigned after);
DURE_NODISCARD enum dure_err bench_cancel(struct bench_world *world, uint32_t job, struct dure_error *error);
/* Passes until nothing more starts; those told to leave end at once. */
DURE_NODISCARD enum dure_err bench_settle(struct bench_world *world, struct dure_error *error);
DURE_NODISCARD enum dure_err bench_world_recount(struct bench_world *world, struct dure_error *error);

/* One job of the mix (70 % one GPU, 15 % 2 to 4, 10 % 8, 5 % gangs of 16 to 512 in one block) in a pool drawn by chance, three tenths borrowed. */
struct bench_ask bench_mix(struct bench_world *world);
/* What is asked for next, and those who end before it, so that its pool stays within the load. */
struct bench_turn {
    struct bench_ask ask;
    uint32_t leavers[BENCH_LEAVERS_MAX], leaver_count;
};
/* Drawn some ahead of what is played, so that the core can be told of ends before they come. */
enum { BENCH_TURNS = 4 };
struct bench_turns {
    struct bench_turn at[BENCH_TURNS];
    uint32_t first; /* which comes next */
    unsigned load_percent;
};
void bench_turns_begin(struct bench_world *world, unsigned load_percent, struct bench_turns *ret_turns);
/* The leavers of the next turn end, its job is asked for, and withdrawn if there is no place now. */
DURE_NODISCARD enum dure_err bench_turns_play(struct bench_world *world, struct bench_turns *turns, bool *ret_started,
                                              struct dure_error *error);
/* The leavers of all that are drawn end. */
DURE_NODISCARD enum dure_err bench_turns_end(struct bench_world *world, const struct bench_turns *turns,
                                             struct dure_error *error);
/* Work of the mix until about `load_percent` of every pool is in use. */
DURE_NODISCARD enum dure_err bench_fill_mixed(struct bench_world *world, unsigned load_percent,
                                              struct dure_error *error);
/* All GPUs to jobs of `gpus` each, 256 submissions to a pass, as a daemon does that has them in one batch; `latency` (may be NULL) takes the nanoseconds
 * of each: its submission and an equal part of the passes. */
DURE_NODISCARD enum dure_err bench_fill_single(struct bench_world *world, uint32_t gpus, uint64_t *latency,
                                               uint64_t *ret_jobs, uint64_t *ret_refused, struct dure_error *error);
