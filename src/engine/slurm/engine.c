#include "engine/slurm/slurm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

enum { NAMED_MAX = 8 };

int64_t slurm_steady_us(const struct slurm *slurm)
{
    return slurm->options.steady_us(slurm->options.clock.context);
}

int64_t slurm_wall_us(const struct slurm *slurm)
{
    return slurm->options.clock.now_us(slurm->options.clock.context);
}

struct slurm_attempt *slurm_find(const struct slurm *slurm, uint64_t id)
{
    uint64_t value;
    return dure_map_get(&slurm->map, id, &value) ? (struct slurm_attempt *)(uintptr_t)value : NULL;
}

static struct slurm_attempt *add(struct slurm *slurm, const struct dure_order *order)
{
    struct slurm_attempt *attempt = slurm->live_count < SLURM_ATTEMPTS_MAX ? calloc(1, sizeof *attempt) : NULL;
    if (!attempt || !slurm_shares_new(order, &attempt->shares, &attempt->share_count) ||
        !dure_map_put(&slurm->map, order->attempt.v, (uint64_t)(uintptr_t)attempt)) {
        free(attempt ? attempt->shares : NULL);
        free(attempt);
        return NULL;
    }
    attempt->slurm = slurm;
    attempt->id = order->attempt.v;
    attempt->next = slurm->all;
    if (slurm->all)
        slurm->all->prev = attempt;
    slurm->all = attempt;
    slurm->live_count++;
    return attempt;
}

static void free_attempt(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    slurm_unqueue(attempt);
    slurm_plan_free(attempt->plan);
    dure_map_remove(&slurm->map, attempt->id);
    if (attempt->prev)
        attempt->prev->next = attempt->next;
    else
        slurm->all = attempt->next;
    if (attempt->next)
        attempt->next->prev = attempt->prev;
    slurm->live_count--;
    free(attempt->shares);
    free(attempt);
}

void slurm_drop(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    const uint64_t id = attempt->id;
    if (attempt->state != SLURM_ATTEMPT_OVER)
        slurm->orphans++; /* something of it may be there: the next look says */
    if (attempt->job_id && attempt->state == SLURM_IN_SLURM)
        slurm_cancel_job(slurm, attempt->job_id, attempt->runs);
    free_attempt(attempt);
    slurm_folder_drop(slurm, id);
    slurm_poke(slurm); /* until nothing of it is left there, its GPUs are held by it and no longer by the core's word */
}

void slurm_tell_over(struct slurm_attempt *attempt, const struct dure_observation *observation)
{
    struct slurm *slurm = attempt->slurm;
    slurm_unqueue(attempt);
    attempt->state = SLURM_ATTEMPT_OVER;
    slurm_plan_free(attempt->plan);
    attempt->plan = NULL;
    slurm->changed_us = slurm_steady_us(slurm);
    if (attempt->forget_wanted)
        slurm_drop(attempt);
    else
        slurm->observe(slurm->context, observation);
}

void slurm_tell(struct slurm_attempt *attempt, enum dure_report report, const char *reason)
{
    struct dure_observation observation = {.attempt = {attempt->id}, .report = report};
    dure_text_copy(observation.reason, sizeof observation.reason, reason);
    if (report != DURE_REPORT_STARTED) {
        slurm_tell_over(attempt, &observation);
        return;
    }
    attempt->slurm->changed_us = slurm_steady_us(attempt->slurm);
    attempt->slurm->observe(attempt->slurm->context, &observation);
}

bool slurm_is_searching(const struct slurm *slurm)
{
    for (const struct slurm_attempt *attempt = slurm->all; attempt; attempt = attempt->next)
        if (attempt->state == SLURM_UNSURE ||
            (attempt->state == SLURM_IN_SLURM && (!attempt->looked_at || attempt->missing || attempt->pending_seen)))
            return true;
    return !slurm->jobs_counted;
}

/* ---- the engine's verbs ---- */

static void refuse(struct slurm *slurm, struct dure_attempt_id id, const char *reason)
{
    struct dure_observation observation = {.attempt = id, .report = DURE_REPORT_REFUSED};
    dure_text_copy(observation.reason, sizeof observation.reason, reason);
    slurm->observe(slurm->context, &observation);
}

static void slurm_start(void *state, const struct dure_order *order, bool recovering)
{
    struct slurm *slurm = state;
    char reason[DURE_REASON_MAX + 1] = "";
    if (slurm_find(slurm, order->attempt.v))
        return; /* said twice */
    /* While recovering, an order that can no longer be carried out may still be of an attempt that runs. */
    struct slurm_plan *plan = slurm_plan_new(order, &slurm->site, reason);
    if (!plan && !recovering) {
        refuse(slurm, order->attempt, reason);
        return;
    }
    struct slurm_attempt *attempt = add(slurm, order);
    if (!attempt) {
        slurm_plan_free(plan);
        refuse(slurm, order->attempt, "the Slurm engine has too many attempts, or no memory");
        return;
    }
    attempt->plan = plan;
    attempt->has_steps = plan && slurm_plan_has_steps(plan);
    attempt->recovering = recovering;
    attempt->begun = order->begun;
    attempt->started_told = order->begun;
    attempt->requeue = order->job->requeue;
    attempt->decided_us = order->started_us;
    attempt->walltime_us = order->job->walltime_us;
    attempt->grace_us = order->job->grace_us;
    if (order->job->array_count)
        snprintf(attempt->name, sizeof attempt->name, "%s%" PRIu64 "_%" PRIu32 "-%" PRIu64, slurm->head,
                 order->ref.job.v, order->ref.element, attempt->id);
    else
        snprintf(attempt->name, sizeof attempt->name, "%s%" PRIu64 "-%" PRIu64, slurm->head, order->ref.job.v,
                 attempt->id);
    slurm->changed_us = slurm_steady_us(slurm);
    slurm_prepare(attempt);
}

static void slurm_warn(void *state, struct dure_attempt_id id, int64_t deadline_us)
{
    struct slurm_attempt *attempt = slurm_find(state, id.v);
    (void)deadline_us; /* the core orders the stop */
    if (!attempt || attempt->state == SLURM_ATTEMPT_OVER || attempt->warn_wanted)
        return;
    attempt->warn_wanted = true;
    slurm_orders(attempt);
    slurm_poke(attempt->slurm);
}

static void slurm_unwarn(void *state, struct dure_attempt_id id)
{
    struct slurm_attempt *attempt = slurm_find(state, id.v);
    if (attempt)
        attempt->warn_wanted = attempt->warn_sent = false; /* a signal cannot be taken back, only not yet sent */
}

static void slurm_extend(void *state, struct dure_attempt_id id, int64_t walltime_us)
{
    struct slurm_attempt *attempt = slurm_find(state, id.v);
    if (!attempt || attempt->state == SLURM_ATTEMPT_OVER)
        return;
    attempt->walltime_us = walltime_us;
    attempt->extend_wanted = attempt->state == SLURM_IN_SLURM || attempt->state == SLURM_HANDING;
    slurm_orders(attempt);
}

static void slurm_stop(void *state, struct dure_attempt_id id)
{
    struct slurm_attempt *attempt = slurm_find(state, id.v);
    if (!attempt || attempt->state == SLURM_ATTEMPT_OVER)
        return;
    attempt->stop_wanted = true;
    if (attempt->state == SLURM_READY)
        slurm_never_began(attempt);
    else
        slurm_orders(attempt);
    slurm_poke(state);
}

static void slurm_forget(void *state, struct dure_attempt_id id)
{
    struct slurm *slurm = state;
    struct slurm_attempt *attempt = slurm_find(slurm, id.v);
    if (!attempt) {
        slurm_folder_drop(slurm, id.v);
        return;
    }
    attempt->forget_wanted = true;
    if (attempt->state != SLURM_HANDING && attempt->state != SLURM_PREPARING)
        slurm_drop(attempt);
}

/* ---- beginning and end ---- */

void slurm_engine_unref(struct slurm *slurm)
{
    if (!slurm->closing || slurm->preparing)
        return;
    dure_map_release(&slurm->map);
    dure_map_release(&slurm->node_map);
    slurm_recall_free(slurm);
    free(slurm->nodes);
    free(slurm->site_texts);
    close(slurm->place.dir_fd);
    free(slurm);
}

/* What runs goes on; what is on its way to Slurm may or may not arrive, and the next daemon looks. */
static void slurm_free(void *state)
{
    struct slurm *slurm = state;
    slurm->closing = true;
    slurm_watch_stop(slurm);
    dure_slurm_free(slurm->wire);
    dure_slurm_free(slurm->wire_before);
    slurm_orders_free(slurm);
    while (slurm->all)
        free_attempt(slurm->all);
    slurm_engine_unref(slurm);
}

static void slurm_describe(void *state, struct dure_buf *text)
{
    const struct slurm *slurm = state;
    unsigned named = 0;
    dure_buf_str(text, "Slurm: ");
    dure_slurm_describe(slurm->wire, text);
    dure_buf_printf(text, ", asked %" PRIu64 " times", slurm->requests);
    dure_buf_printf(text, "; %s%s%s\n",
                    slurm->away         ? "does not answer: "
                    : slurm->heard_once ? "answers"
                                        : "not heard yet",
                    slurm->away ? slurm->trouble : "", "");
    dure_buf_str(
        text,
        "GPUs: whole ones, as many of each node as were placed; which of them, and so their shape below the node, "
        "Slurm chooses\n");
    dure_buf_str(
        text, "memory, processors: as that Slurm is configured to enforce them\n"
              "walltime: ended by dure; Slurm's own limit is a minute and the grace longer, rounded up to minutes\n");
    dure_buf_printf(text, "user: %s\n",
                    slurm->site.as_daemon ? "all jobs belong to whom the daemon speaks as"
                                          : "each job belongs to the user who submitted it");
    for (const struct slurm_attempt *attempt = slurm->all; attempt && named < NAMED_MAX; attempt = attempt->next)
        if (attempt->state == SLURM_IN_SLURM && attempt->pending_seen) {
            dure_buf_printf(text, "waits in Slurm: attempt %" PRIu64 " (Slurm job %" PRIu32 "): %s\n", attempt->id,
                            attempt->job_id, attempt->waits_for);
            named++;
        }
}

static enum dure_err open_folder(struct slurm *slurm, const char *directory, struct dure_error *error)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return dure_fail(error, DURE_E_IO, "%.512s cannot be made: %s", directory, strerror(errno));
    slurm->place.dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slurm->place.dir_fd < 0)
        return dure_fail(error, DURE_E_IO, "%.512s cannot be opened: %s", directory, strerror(errno));
    slurm_spares_find(slurm);
    return DURE_OK;
}

static enum dure_err make(struct slurm *slurm, const struct dure_slurm_engine_options *options,
                          struct dure_error *error)
{
    const struct dure_fleet *fleet = options->fleet(slurm->context);
    DURE_ASSERT(fleet && options->site.v < fleet->site_count && fleet->sites[options->site.v].slurm);
    if (!slurm_site_copy(slurm, fleet->sites[options->site.v].slurm))
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const struct dure_slurm_options wire = {.loop = options->loop, .site = &slurm->site};
    enum dure_err err = open_folder(slurm, options->directory, error);
    if (!err)
        err = dure_slurm_new(&wire, &slurm->wire, error);
    return err;
}

enum dure_err dure_engine_slurm_new(const struct dure_slurm_engine_options *options, dure_observe_fn observe,
                                    void *context, struct dure_engine **ret_engine, struct dure_error *error)
{
    struct slurm *slurm = calloc(1, sizeof *slurm);
    if (!slurm)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    slurm->options = *options;
    slurm->observe = observe;
    slurm->context = context;
    slurm->place.dir_fd = -1;
    /* Two sites may be partitions of one cluster: each knows its own. */
    snprintf(slurm->head, sizeof slurm->head, "dure-%08" PRIx32 "-", options->instance + options->site.v);
    const enum dure_err err = make(slurm, options, error);
    if (err) {
        if (slurm->place.dir_fd >= 0)
            close(slurm->place.dir_fd);
        free(slurm->site_texts);
        free(slurm);
        return err;
    }
    slurm->options.directory = NULL; /* the caller's */
    slurm->engine = (struct dure_engine){.name = "slurm",
                                         .needs_body = true,
                                         .state = slurm,
                                         .start = slurm_start,
                                         .warn = slurm_warn,
                                         .unwarn = slurm_unwarn,
                                         .extend = slurm_extend,
                                         .stop = slurm_stop,
                                         .forget = slurm_forget,
                                         .free = slurm_free,
                                         .describe = slurm_describe};
    slurm_watch_start(slurm);
    *ret_engine = &slurm->engine;
    return DURE_OK;
}

void dure_engine_slurm_sweep(struct dure_engine *engine)
{
    struct slurm *slurm = engine->state;
    const int fd = openat(slurm->place.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    slurm->swept = true;
    for (uint64_t id; dir && (id = local_folder_next(dir));)
        if (!slurm_find(slurm, id))
            slurm_folder_drop(slurm, id);
    if (dir)
        closedir(dir);
    slurm_poke(slurm);
}

void dure_engine_slurm_note(const struct dure_engine *engine, struct dure_attempt_id id, struct dure_buf *text)
{
    const struct slurm *slurm = engine->state;
    const struct slurm_attempt *attempt = slurm_find(slurm, id.v);
    if (!attempt || attempt->state == SLURM_ATTEMPT_OVER || attempt->runs)
        return;
    if (attempt->state == SLURM_IN_SLURM && attempt->pending_seen)
        dure_buf_printf(text, "waits in Slurm as job %" PRIu32 ": %s", attempt->job_id, attempt->waits_for);
    else if (attempt->state == SLURM_UNSURE)
        dure_buf_str(text, "searched for in Slurm: it may have been handed over before");
    else if (attempt->state == SLURM_READY && attempt->waits_for[0])
        dure_buf_printf(text, "not handed over yet: %s", attempt->waits_for);
    else if (slurm->failures)
        dure_buf_printf(text, "not handed over: Slurm does not answer: %s", slurm->trouble);
}

uint64_t dure_engine_slurm_requests(const struct dure_engine *engine)
{
    return ((const struct slurm *)engine->state)->requests;
}
