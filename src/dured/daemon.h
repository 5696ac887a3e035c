#pragma once
/* What the files of the daemon share. Two threads: the owner's (uv loop, core, loop, API, engines) and the store's (journal). */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/un.h>
#include <uv.h>

#include "api/api.h"
#include "base/vec.h"
#include "engine/local.h"
#include "loop/loop.h"
#include "loop/recover.h"

enum {
    PATH_BYTES = 4096,
    SNAPSHOT_LEAVES = 131072,
    SNAPSHOT_IDLE_LEAVES = 1000,
    SNAPSHOT_SECONDS = 300,
    DISK_LOW_MIB = 256,
    STOP_WAIT_MS = 5000,
};

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct options {
    char state[PATH_BYTES];
    char socket[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *fleet; /* file; NULL: none */
    const char *tenants;
    char launch_to[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": nobody is told of emulated starts */
    char log[PATH_BYTES];                                      /* file; "": standard error */
    const char *origin;
    enum log_level level;
    bool foreground, new_key;
    uint64_t clock_speed;  /* 1: the machine's */
    int64_t clock_from_us; /* 0: the machine's */
    mode_t socket_mode;
    uint64_t disk_low_mib;
    uint64_t snapshot_leaves;
    unsigned writes_per_second;
};

/* options.c: 0: go on; else the exit status + 1 (--help and --version end with 0). */
int options_read(int argc, char **argv, struct options *ret_options);

/* log.c. Lines go out whole; both threads may write. Never a body, a login or a key. */
void log_open(const struct options *options);
void log_line(enum log_level level, const char *format, ...) DURE_PRINTF(2, 3);

/* detach.c: the parent waits for the child's word. */
DURE_NODISCARD bool
detach(const struct options *options);            /* returns in the child only; false: it failed, and was said */
void detach_ready(void);                          /* the parent may go: exit 0 */
void detach_failed(int status, const char *text); /* the parent says it and exits so */

/* listen.c */
DURE_NODISCARD enum dure_err listen_open(const struct options *options, int *ret_fd, struct dure_error *error);
DURE_NODISCARD enum dure_err folder_make(const char *path, mode_t mode,
                                         struct dure_error *error); /* with its parents */

/* notify.c: tells systemd, if it asked ($NOTIFY_SOCKET). */
void notify_systemd(const char *text);

/* store.c: one thread owns the journal; appends and reads in the order asked. */
struct store;
struct store_item {
    struct store_item *next;
    struct dure_batch *batch;     /* an append */
    struct dure_store_read *read; /* or a read */
    enum dure_err err;
    struct dure_error error;
};
struct store {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct store_item *first, **last;     /* to do */
    struct store_item *done, **done_last; /* done, for the owner */
    struct store_item *spare;
    bool stop, started;
    uint64_t outstanding; /* asked for and not yet back, as the owner counts */
    uv_async_t async;
    struct dure_journal *journal;
    void (*begin)(struct store *store); /* first on the thread: opens the journal; false ends it */
    void (*finished)(struct store *store, struct store_item *item); /* on the owner's thread */
    void *context;
};
DURE_NODISCARD enum dure_err store_start(struct store *store, uv_loop_t *loop, struct dure_error *error);
void store_append(struct store *store, struct dure_batch *batch);
void store_read(struct store *store, struct dure_store_read *read);
void store_wake_owner(struct store *store);
void store_stop(struct store *store); /* does what is queued, closes the journal, joins */

/* timers.c: the engines' clock. */
struct timer;
struct timers {
    uv_loop_t *loop;
    struct timer *first;
};
void timers_set(void *timers, uint64_t key, int64_t at_us, void (*fire)(void *fire_context, uint64_t key),
                void *fire_context);
void timers_close(struct timers *timers);

/* What the store's thread brings back from recovery, besides the daemon's core and loop; nobody else touches those before `finished`. */
struct recovered {
    struct dure_recovery recovery;
    enum dure_err err;
    struct dure_error error;
    _Atomic uint64_t done, total; /* leaves, for /healthz */
    atomic_bool finished;
    uint32_t instance; /* of this journal, for ever: the beginning of its first key */
};

/* Of one site; `failed`: it cannot run here, and the log says why. */
struct slurm_engine {
    struct dure_engine *engine;
    const struct dure_fleet *seen; /* the last that it was compared with; only compared */
    bool failed;
};

enum daemon_phase { PHASE_RECOVERING, PHASE_FIRST, PHASE_RUNNING, PHASE_STOPPING };

struct daemon {
    struct options options;
    uv_loop_t uv;
    struct store store;
    struct recovered recovered;
    struct dure_core *core;
    struct dure_loop *loop;
    struct dure_api *api;
    struct timers timers;
    struct dure_engine *local, *emulated;
    bool local_failed;
    struct slurm_engine *slurm; /* by site */
    uint32_t slurm_count;
    bool swept; /* every live attempt was handed over */
    enum daemon_phase phase;
    int exit_status;
    int64_t started_us;
    /* Turning the loop. */
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t wake_timer;
    int64_t wake_at_us; /* 0: none */
    bool turn_due;
    /* Well-being. */
    uv_timer_t second;
    unsigned seconds;
    struct chores *chores; /* under way in the store; NULL: none */
    uint64_t disk_free_mib;
    bool disk_low;
    int64_t clock_held_us;
    uv_signal_t signal_term, signal_int, signal_hup;
    /* Stopping. */
    uv_timer_t stop_timer;
    int64_t stop_begun_us;
    /* Snapshots. */
    pid_t snapshot_child;
    int snapshot_pipe;          /* a byte: what the child holds is on disk */
    uint64_t snapshot_sequence; /* of the one being written */
    uint64_t snapshot_last;     /* leaves the newest stands for */
    int64_t snapshot_last_us;
    int64_t snapshot_begun_us;
    bool snapshot_wanted;
    uv_signal_t signal_child;
    uint8_t random[4096];
    size_t random_left;
};

/* world.c: the loop's world on this daemon, and the loop's turns. */
void world_make(struct daemon *daemon, struct dure_world *ret_world);
void world_start(struct daemon *daemon);
void world_turn_soon(
    struct daemon *daemon); /* a turn of the loop at the end of this turn of uv, which does not sleep before it */
void world_finished(struct store *store, struct store_item *item);
struct dure_engine *world_local(struct daemon *daemon);

/* world_slurm.c */
struct dure_engine *world_slurm(struct daemon *daemon, struct dure_site_id site);
void slurm_make_all(struct daemon *daemon); /* of the sites that the fleet declares; what is there is left alone */
void slurm_sweep_all(struct daemon *daemon);
void slurm_free_all(struct daemon *daemon);
DURE_NODISCARD bool slurm_folder(const struct daemon *daemon, const struct dure_site *site, char *path, size_t size);

/* clock.c: what the records' time follows, and how long the machine must wait for a moment of it. */
int64_t wall_us(void *context);
int64_t boot_us(void *context);
uint64_t clock_wait_ms(int64_t at_us);
/* The machine's own, whatever the clocks above do: for what the process itself waits for. */
int64_t real_us(void);
/* Times `speed`, from this moment (0: the machine's). Once, before anything reads them. */
void clock_set(int64_t speed, int64_t from_us);
bool clock_is_real(void);
int64_t clock_speed(void);

/* recovery.c: on the store's thread. */
void recovery_run(struct store *store);

/* first.c: the specs of a first start. */
void first_begin(struct daemon *daemon);
void first_done(struct daemon *daemon); /* in daemon.c */

/* chores.c: now and then, on the store's thread: old idempotency answers go, the signed checkpoint is put beside the journal. */
void chores_consider(struct daemon *daemon);

/* host.c: what the API asks. */
void host_make(struct daemon *daemon, struct dure_api_host *ret_host);

/* snapshot.c */
void snapshot_start(struct daemon *daemon);    /* begins to watch children */
void snapshot_consider(struct daemon *daemon); /* once a second */
void snapshot_durable(struct daemon *daemon);  /* leaves became durable */
void snapshot_now(struct daemon *daemon);      /* in this process: at an orderly stop */
void snapshot_cancel(struct daemon *daemon);

/* daemon.c */
int daemon_run(const struct options *options);
void daemon_fail(struct daemon *daemon, int status, const char *format, ...)
    DURE_PRINTF(3, 4); /* says it and ends the process at once */
void daemon_stop(struct daemon *daemon, const char *why);
