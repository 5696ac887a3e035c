#pragma once
/* The local engine: real processes on this machine, one dure-minder per attempt, which outlives the daemon.
 *
 * Slow work (folders, syncs, user lookups, launches, clean-up) runs on libuv's worker threads; observations come on the loop's thread. At most
 * DURE_LOCAL_LAUNCHES launches are under way at a time. freeing leaves every job running: run the loop once more after it, so that what it
 * still holds is given back. One engine serves all sites with `engine: local`. */
#include "engine/engine.h"

struct uv_loop_s;

enum { DURE_LOCAL_LAUNCHES = 16, DURE_LOCAL_ATTEMPTS_MAX = 65536 };

struct dure_local_options {
    struct uv_loop_s *loop;
    const char *directory;    /* <state>/attempts; made if missing (its parent must be there) */
    const char *minder_path;  /* the dure-minder program; NULL: dure_minder_find */
    const char *nvml_library; /* NULL: the environment's DURE_NVML_LIBRARY, else the system's */
    int64_t stop_patience_us; /* a minder that has not obeyed a stop by then is killed and done without; 0: 10 s */
    bool no_cgroup;           /* do not use control groups even where they are permitted */
};
DURE_NODISCARD enum dure_err dure_engine_local_new(const struct dure_local_options *options, dure_observe_fn observe,
                                                   void *context, struct dure_engine **ret_engine,
                                                   struct dure_error *error);
/* After every live attempt was handed over with `recovering`: whatever else lies in the folder belongs to attempts that the core has ended.
 * What still runs of them is killed, and their folders are removed. */
void dure_engine_local_sweep(struct dure_engine *engine);

/* Where an attempt's output lies: path of a task's stdout or stderr as expanded. Still known after `forget`. */
DURE_NODISCARD enum dure_err dure_local_log_path(const char *directory, struct dure_attempt_id attempt, uint32_t task,
                                                 bool is_stderr, char *path, size_t size);
/* Drops what is kept of an ended attempt (its login, names and paths): for the erasure of personal fields. Nothing there: fine. */
DURE_NODISCARD enum dure_err dure_local_erase(const char *directory, struct dure_attempt_id attempt);

/* $DURE_MINDER, else dure-minder beside the running program, in the build tree, or where it is installed. */
DURE_NODISCARD enum dure_err dure_minder_find(char *path, size_t size, struct dure_error *error);
