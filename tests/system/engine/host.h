#pragma once
/* A stand-in for the daemon around the local engine: one loop, a fleet of one virtual machine, orders made by hand, observations kept. */
#include <uv.h>

#include "engine/local.h"
#include "tap.h"

enum { HOST_SEEN_MAX = 8192 };

struct host {
    uv_loop_t loop;
    uv_timer_t alarm;
    bool rang;
    struct dure_engine *engine;
    struct dure_fleet *fleet;
    char directory[4096]; /* attempts/ */
    struct dure_observation seen[HOST_SEEN_MAX];
    int64_t seen_at_us[HOST_SEEN_MAX];
    uint32_t seen_count, over_count;
};

/* What a test asks for; zero is one task on one GPU, a walltime of 10 minutes, in the current folder. */
struct host_job {
    const char *script;  /* or */
    const char *command; /* of `command_length` bytes, NUL-terminated items */
    size_t command_length;
    const char *workdir, *out, *err, *login, *name;
    const char *environment;
    size_t environment_length;
    uint32_t tasks, task_gpus, restarts, element;
    uint64_t job; /* 0: one of its own */
    bool is_array;
    int64_t walltime_us, grace_us;
};

extern const char host_fleet_yaml[];
struct dure_fleet *host_fleet(const char *yaml);
void host_open(struct host *host,
               const char *directory); /* bails out when the engine does not begin; the minder is $DURE_MINDER */
void host_open_fleet(struct host *host, const char *directory, const char *yaml,
                     const struct dure_local_options *extra);
void host_close(struct host *host);
void host_start(struct host *host, uint64_t attempt, const struct host_job *job, bool recovering);
/* Runs the loop until the attempt was reported so; NULL: it was not, in five times the `seconds` that an idle machine may need. */
const struct dure_observation *host_wait(struct host *host, uint64_t attempt, enum dure_report report, double seconds);
const struct dure_observation *host_wait_over(struct host *host, uint64_t attempt,
                                              double seconds);              /* ENDED, LOST or REFUSED */
bool host_wait_all(struct host *host, uint32_t over_count, double seconds); /* so many attempts are over */
void host_turn(struct host *host, double seconds);
bool host_turn_gone(struct host *host, const char *path); /* turns the loop until there is no such file; up to 20 s */
uint32_t host_count(const struct host *host, uint64_t attempt, enum dure_report report);
int64_t host_now_us(void);

char *host_read(const char *path); /* the whole file, or "" ; freed at exit */
bool host_exists(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool host_until(bool (*holds)(void *context), void *context, double seconds);
pid_t host_pid(const char *path);                             /* a number that a job wrote; waits up to 5 s; 0 */
bool host_alive(pid_t pid);                                   /* zombies are not */
bool host_gone(pid_t pid);                                    /* waits up to 5 s */
pid_t host_minder(const struct host *host, uint64_t attempt); /* from the claim */
