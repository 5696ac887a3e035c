#pragma once
/* Inside the local engine. An attempt is owned by the loop's thread; a job (one visit to a worker thread) owns all it touches. */
#include <dirent.h>
#include <sys/types.h>
#include <uv.h>

#include "base/map.h"
#include "engine/attempt.h"
#include "engine/cgroup.h"
#include "engine/discover.h"
#include "engine/local.h"

struct local_ids {
    uint64_t *at;
    size_t count, capacity;
};

/* What the engine knows without the loop: shared with worker threads, unchanging but for the GPUs (behind the lock). */
struct local_place {
    int dir_fd;
    char directory[DURE_LOCAL_PATH_MAX];
    char minder_path[DURE_LOCAL_PATH_MAX];
    char nvml_library[DURE_LOCAL_PATH_MAX];
    struct dure_cgroup cgroup;
    uv_mutex_t lock;
    struct dure_boot boot; /* first 0: nothing was begun in this boot yet */
    bool boot_stored;
    bool gpus_known;
    struct dure_machine gpus;   /* only gpu_count, gpus, nvml_note */
    struct local_ids leaving;   /* attempts that others may have taken the place of; local_leaving.c */
    struct local_ids beginning; /* attempts whose minder is about to be launched */
};

/* Makes the folder if need be, and looks at what the machine offers; the lock is not made here. */
DURE_NODISCARD enum dure_err local_place_open(struct local_place *place, const struct dure_local_options *options,
                                              struct dure_error *error);
void local_place_describe(struct local_place *place, struct dure_buf *text);

/* An order, copied: all spans point into the arena. */
struct local_plan {
    struct dure_arena *arena;
    struct dure_spec spec;      /* user, GPUs and token are filled in by a worker */
    const char *model;          /* of its GPUs, by the fleet's name */
    const char *image, *runner; /* the container that it runs in, and what runs that; NULL: none */
};
/* NULL with `reason`: cannot be carried out here. `one_machine`: GPUs that are there stand in one node. */
struct local_plan *local_plan_new(const struct dure_order *order, bool one_machine, char reason[DURE_REASON_MAX + 1]);
/* Who it runs as, on a worker: looks the login up on this machine. */
DURE_NODISCARD enum dure_err local_plan_user(struct local_plan *plan, struct dure_error *error);
void local_plan_free(struct local_plan *plan);
/* Puts its command or script into its container (local_contain.c); once its working folder is known. */
DURE_NODISCARD enum dure_err local_contain(struct local_plan *plan, struct dure_error *error);
void local_quote(struct dure_buf *buf, const char *text);         /* one word for a shell */
void local_end_mark(const struct dure_spec *spec, char mark[48]); /* a line that the script does not have */
/* The kernel's reading of a first line: the interpreter, and the rest as one argument; quoted. */
void local_interpreter(struct dure_buf *buf, const char *script);
DURE_NODISCARD enum dure_err local_plan_complete(struct local_plan *plan, struct local_place *place,
                                                 struct dure_error *error);

/* One look at an attempt's folder, and the next step taken. */
enum local_outcome {
    LOCAL_CHANNEL, /* fd (and pid): a minder has it */
    LOCAL_STATUS,  /* how it ended */
    LOCAL_LOST,    /* nothing of it lives, and how it ended is not known */
    LOCAL_AGAIN,   /* look again in a moment */
    LOCAL_REFUSED, /* never began; status.reason */
    LOCAL_NEVER,   /* not begun, and `may_begin` was false */
};
struct local_visit {
    struct local_place *place;
    uint64_t attempt;
    struct local_plan *plan; /* NULL: none (nothing may begin) */
    bool may_begin;
    bool recovering;
    unsigned launches; /* how often a minder was launched for it before */
    enum local_outcome outcome;
    int fd;
    pid_t pid;  /* of a minder that is our child; else 0 */
    pid_t peer; /* of any minder */
    struct dure_status status;
    char lost_reason[DURE_REASON_MAX + 1];
};
void local_visit_run(struct local_visit *visit); /* on a worker */

/* local_folder.c: on workers or where no loop is. */
DURE_NODISCARD enum dure_err local_read(int dir_fd, const char *name, size_t size_max, char **ret_bytes,
                                        size_t *ret_length);
DURE_NODISCARD enum dure_err local_write(int dir_fd, const char *name, const void *bytes, size_t length, bool sync,
                                         struct dure_error *error);
uint64_t local_folder_next(DIR *dir); /* the next attempt that has a folder; 0: no more */
int local_folder_open(const struct local_place *place, uint64_t attempt);
bool local_leftovers_kill(int folder_fd); /* true: nothing of the attempt lives any more */
bool local_end_by_force(const struct local_place *place,
                        uint64_t attempt); /* whatever runs of it; true: nothing lives */
void local_forget(const struct local_place *place, uint64_t attempt);
void local_spare_name(unsigned number, char name[24]);
/* A folder that held a spec and nothing else, forgotten and kept as spare `number`; false: it is as it was, or gone if there was none. */
DURE_NODISCARD bool local_forget_spare(const struct local_place *place, uint64_t attempt, unsigned number);
/* That spare as the attempt's folder, with its spec: whole or not at all. False: it is not, and the spare may be anything. */
DURE_NODISCARD bool local_spare_use(const struct local_place *place, unsigned number, uint64_t attempt,
                                    const void *spec, size_t length);

/* local_ended.c: of ended attempts; dir_fd is the folder of all attempts. From any thread and process. */
void local_ended_keep(int dir_fd, uint64_t attempt, const void *bytes, size_t length); /* where there is no room, not */
DURE_NODISCARD enum dure_err local_ended_read(int dir_fd, uint64_t attempt, char **ret_bytes, size_t *ret_length);
DURE_NODISCARD enum dure_err local_ended_erase(int dir_fd, uint64_t attempt); /* nothing there: fine */

enum local_found {
    LOCAL_FOUND_NOTHING,
    LOCAL_FOUND_STATUS,
    LOCAL_FOUND_ALIVE,
    LOCAL_FOUND_DEAD,
    LOCAL_FOUND_UNREADABLE
};
enum local_found local_look(int folder_fd, struct dure_status *ret_status);

/* local_boot.c: attempts of an earlier boot of the machine. */
DURE_NODISCARD enum dure_err local_boot_read(struct local_place *place, struct dure_error *error);
void local_boot_first(struct local_place *place, uint64_t attempt); /* on the loop's thread: about to begin a new one */
bool local_boot_earlier(struct local_place *place, uint64_t attempt);
DURE_NODISCARD enum dure_err local_boot_store(struct local_place *place, struct dure_error *error);

/* local_leaving.c: attempts that are no longer the core's, until nothing of them lives. */
bool local_leaving_read(
    struct local_place *place); /* all that have a folder; false: no memory, or the folder cannot be read */
bool local_leaving_add(struct local_place *place, uint64_t attempt);
void local_leaving_remove(struct local_place *place, uint64_t attempt); /* handed over, or gone */
/* On a worker: may the attempt begin? NOW: it is counted as beginning until local_leaving_begun. `plan` NULL: as its folder says. */
enum local_turn { LOCAL_TURN_NOW, LOCAL_TURN_LATER, LOCAL_TURN_NEVER };
enum local_turn local_leaving_turn(struct local_place *place, uint64_t attempt, const struct dure_spec *plan,
                                   int folder_fd);
void local_leaving_begun(struct local_place *place, uint64_t attempt);

/* local_spawn.c */
DURE_NODISCARD enum dure_err local_minder_start(const struct local_place *place, uint64_t attempt, int *ret_fd,
                                                pid_t *ret_pid, struct dure_error *error);
int local_minder_connect(const struct local_place *place, uint64_t attempt, pid_t *ret_peer);

enum local_state { LOCAL_QUEUED, LOCAL_VISITING, LOCAL_WAITING, LOCAL_LIVE, LOCAL_OVER };
struct local_attempt {
    struct local *local;
    uint64_t id;
    enum local_state state;
    bool recovering, counted, warn_wanted, stop_wanted, forget_wanted, started_told;
    unsigned visits, launches;
    int64_t walltime_us; /* as the last order said; 0: as its specification on disk says */
    int64_t due_us;      /* LOCAL_WAITING: when to look again */
    int64_t counted_us, stop_us;
    struct local_plan *plan;
    struct local_channel *channel;
    pid_t pid, peer;
    struct local_attempt *prev, *next; /* all */
    struct local_attempt *queue_next;  /* waiting for a launch */
};

struct local {
    struct dure_engine engine;
    struct local_place place;
    uv_loop_t *loop;
    uv_timer_t timer;
    dure_observe_fn observe;
    void *context;
    struct dure_map map; /* attempt → struct local_attempt* */
    struct local_attempt *all, *queue_first, *queue_last;
    uint32_t live_count, counted, jobs, handles;
    struct {
        pid_t *at;
        size_t count, capacity;
    } dead;                 /* minders to be reaped */
    struct local_ids again; /* could not be ended yet */
    int64_t again_us;       /* not before */
    int64_t stop_patience_us;
    bool closing, timer_on;
};

/* local_channel.c */
struct local_channel;
DURE_NODISCARD bool local_channel_open(struct local_attempt *attempt, int fd);
void local_channel_close(struct local_attempt *attempt);
void local_channel_say(struct local_attempt *attempt, const char *word);

/* local.c, called by the channel */
void local_heard(struct local_attempt *attempt, const char *text, size_t length);
void local_hung_up(struct local_attempt *attempt);
void local_unref(struct local *local);
