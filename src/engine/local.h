#pragma once
/* The local engine: real processes on this machine, one dure-minder per attempt, which outlives the daemon. */
#include "engine/engine.h"

struct uv_loop_s;

struct dure_local_options {
    struct uv_loop_s *loop;
    const char *directory;   /* <state>/attempts */
    const char *minder_path; /* the dure-minder program */
};
DURE_NODISCARD enum dure_err dure_engine_local_new(const struct dure_local_options *options, dure_observe_fn observe, void *context,
                                                   struct dure_engine **ret_engine, struct dure_error *error);
/* Where an attempt's output lies: path of task's stdout or stderr as expanded. */
DURE_NODISCARD enum dure_err dure_local_log_path(const char *directory, struct dure_attempt_id attempt, uint32_t task, bool is_stderr, char *path, size_t size);
