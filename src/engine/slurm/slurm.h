#pragma once
/* The Slurm engine: one existing cluster carries out what the core decided for one site. One Slurm job an attempt, named so that it can be found
 * again; nothing of it is remembered that Slurm does not say, but for where the output lies.
 *
 * An attempt is handed over at most once: what may have been handed over is searched for before it is handed over again. Slurm chooses which GPUs of
 * a node a job gets: the core's choice below the node is a count. Work that others gave that cluster is foreign load: reported, never touched.
 *
 * Looks at the cluster often while something is about to happen there and seldom otherwise: an idle site costs less than one request a second. */
#include "engine/engine.h"

struct uv_loop_s;

struct dure_slurm_engine_options {
    struct uv_loop_s *loop;
    struct dure_engine_clock clock;      /* for timers */
    int64_t (*steady_us)(void *context); /* set by nobody: what silence and patience are measured by */
    const char *directory;               /* where this site's attempts are noted; its parent must be there */
    uint32_t instance;                   /* tells this daemon's jobs, with the site, from others' on the same cluster */
    struct dure_site_id site;
    /* The fleet as it is now; `context` is the observer's. */
    const struct dure_fleet *(*fleet)(void *context);
    dure_observe_node_fn observe_node; /* what it sees of its nodes, when it is another than before */
    void *node_context;
};
/* `site` must be one whose engine is Slurm. E_INVALID, E_PERMISSION, E_UNSUPPORTED from the way of reaching it. */
DURE_NODISCARD enum dure_err dure_engine_slurm_new(const struct dure_slurm_engine_options *options,
                                                   dure_observe_fn observe, void *context,
                                                   struct dure_engine **ret_engine, struct dure_error *error);
/* Every live attempt was handed over by now: jobs of ours that are found beside them belong to attempts that have ended, and are cancelled. */
void dure_engine_slurm_sweep(struct dure_engine *engine);
/* The fleet's block of this site may be another than before: then the cluster is spoken to as it says from now on. Where that cannot be, it goes on as
 * before, and `error` says why. Cheap where nothing changed. */
DURE_NODISCARD enum dure_err dure_engine_slurm_renew(struct dure_engine *engine, bool *ret_changed,
                                                     struct dure_error *error);
/* Why an attempt that was handed over does not run yet, in Slurm's words; of one that runs, what Slurm gave it otherwise than it was placed; "" = nothing
 * to say. */
void dure_engine_slurm_note(const struct dure_engine *engine, struct dure_attempt_id attempt, struct dure_buf *text);

/* Requests since the beginning, for tests and benches. */
uint64_t dure_engine_slurm_requests(const struct dure_engine *engine);
