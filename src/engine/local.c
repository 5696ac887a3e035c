#include "engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "base/vec.h"
#include "engine/local_inner.h"

enum { TIMER_MS = 20, VISITS_MAX = 50, DEAD_MAX = 1 << 20 };
#define AGAIN_US INT64_C(20000)
#define AGAIN_LATER_US (1 * DURE_SECOND_US)
#define COUNTED_MAX_US (2 * DURE_SECOND_US) /* a launch that takes longer no longer holds others up */
#define STOP_PATIENCE_US (10 * DURE_SECOND_US)

static void pump(struct local *local);
static void timer_wanted(struct local *local);
static void clean_up_again(struct local *local, int64_t now);

static int64_t now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static struct local_attempt *find(const struct local *local, uint64_t id)
{
    uint64_t value;
    return dure_map_get(&local->map, id, &value) ? (struct local_attempt *)(uintptr_t)value : NULL;
}

static struct local_attempt *add(struct local *local, uint64_t id)
{
    struct local_attempt *attempt = local->live_count < DURE_LOCAL_ATTEMPTS_MAX ? calloc(1, sizeof *attempt) : NULL;
    if (!attempt || !dure_map_put(&local->map, id, (uint64_t)(uintptr_t)attempt)) {
        free(attempt);
        return NULL;
    }
    *attempt = (struct local_attempt){.local = local, .id = id, .next = local->all};
    if (local->all)
        local->all->prev = attempt;
    local->all = attempt;
    local->live_count++;
    return attempt;
}

static void uncount(struct local_attempt *attempt)
{
    if (attempt->counted)
        attempt->local->counted--;
    attempt->counted = false;
}

static void drop(struct local_attempt *attempt)
{
    struct local *local = attempt->local;
    uncount(attempt);
    local_channel_close(attempt);
    local_plan_free(attempt->plan);
    dure_map_remove(&local->map, attempt->id);
    if (attempt->prev)
        attempt->prev->next = attempt->next;
    else
        local->all = attempt->next;
    if (attempt->next)
        attempt->next->prev = attempt->prev;
    local->live_count--;
    free(attempt);
}

/* The attempt may be gone when this returns: the observer may forget it at once. */
static void tell(struct local_attempt *attempt, enum dure_report report, const struct dure_status *status)
{
    struct dure_observation observation = {.attempt = {attempt->id}, .report = report};
    if (status) {
        observation.exit_code = status->exit_code;
        observation.exit_signal = status->exit_signal;
        observation.usage = status->usage;
        memcpy(observation.reason, status->reason, sizeof observation.reason);
    }
    attempt->local->observe(attempt->local->context, &observation);
}

static void tell_over(struct local_attempt *attempt, enum dure_report report, const struct dure_status *status)
{
    struct local *local = attempt->local;
    attempt->state = LOCAL_OVER;
    uncount(attempt);
    local_plan_free(attempt->plan);
    attempt->plan = NULL;
    if (attempt->forget_wanted) /* the core has ended it already: nobody waits to hear */
        local->engine.forget(local, (struct dure_attempt_id){attempt->id});
    else
        tell(attempt, report, status);
    pump(local);
}

/* ---- visits: the worker's side is local_visit.c ---- */

struct local_job {
    uv_work_t work;
    struct local *local;
    struct local_visit visit;
};

static void on_work(uv_work_t *work)
{
    struct local_job *job = work->data;
    local_visit_run(&job->visit);
}

static void reap(struct local *local, pid_t pid)
{
    if (pid <= 0 || waitpid(pid, NULL, WNOHANG) != 0)
        return;
    if (DURE_VEC_PUSH(&local->dead, pid, DEAD_MAX))
        timer_wanted(local);
}

static void visit_later(struct local_attempt *attempt)
{
    attempt->state = LOCAL_WAITING;
    attempt->due_us = now_us() + (attempt->visits < VISITS_MAX ? AGAIN_US : AGAIN_LATER_US);
    timer_wanted(attempt->local);
}

/* The minder stops the job by itself where no daemon is there: it must know until when it may run. */
static void say_walltime(struct local_attempt *attempt)
{
    char word[48];
    if (!attempt->walltime_us)
        return;
    snprintf(word, sizeof word, "walltime %" PRId64, attempt->walltime_us);
    local_channel_say(attempt, word);
}

static void go_live(struct local_attempt *attempt, const struct local_visit *visit)
{
    attempt->state = LOCAL_LIVE;
    attempt->pid = visit->pid;
    attempt->peer = visit->peer;
    attempt->launches += visit->pid > 0;
    if (!local_channel_open(attempt, visit->fd)) {
        close(visit->fd); /* the minder goes on; a later visit attaches to it */
        reap(attempt->local, attempt->pid);
        visit_later(attempt);
        return;
    }
    if (attempt->warn_wanted)
        local_channel_say(attempt, "warn");
    if (attempt->stop_wanted)
        local_channel_say(attempt, "stop");
    say_walltime(attempt);
}

static void on_visited(uv_work_t *work, int status)
{
    struct local_job *job = work->data;
    struct local *local = job->local;
    struct local_visit visit = job->visit;
    struct local_attempt *attempt = find(local, visit.attempt);
    (void)status;
    free(job);
    local->jobs--;
    if (local->closing || !attempt) {
        if (visit.outcome == LOCAL_CHANNEL)
            close(visit.fd);
        local_plan_free(visit.plan);
        local_unref(local);
        return;
    }
    attempt->plan = visit.plan;
    switch (visit.outcome) {
    case LOCAL_CHANNEL: go_live(attempt, &visit); break;
    case LOCAL_AGAIN: visit_later(attempt); break;
    case LOCAL_STATUS:
    case LOCAL_REFUSED: tell_over(attempt, visit.status.report, &visit.status); break;
    case LOCAL_NEVER: {
        const struct dure_status never = {.exit_signal = SIGKILL, .reason = "stopped before it began"};
        tell_over(attempt, DURE_REPORT_ENDED, &never);
        break;
    }
    case LOCAL_LOST: {
        struct dure_status lost = {0};
        memcpy(lost.reason, visit.lost_reason, sizeof lost.reason);
        tell_over(attempt, DURE_REPORT_LOST, &lost);
        break;
    }
    }
    pump(local);
}

static void visit(struct local_attempt *attempt)
{
    struct local *local = attempt->local;
    struct local_job *job = calloc(1, sizeof *job);
    if (!job) {
        visit_later(attempt);
        return;
    }
    job->local = local;
    job->work.data = job;
    job->visit = (struct local_visit){.place = &local->place,
                                      .attempt = attempt->id,
                                      .plan = attempt->plan,
                                      .may_begin = !attempt->stop_wanted,
                                      .recovering = attempt->recovering,
                                      .launches = attempt->launches};
    attempt->plan = NULL;
    attempt->state = LOCAL_VISITING;
    attempt->visits++;
    local->jobs++;
    DURE_ASSERT(uv_queue_work(local->loop, &job->work, on_work, on_visited) == 0);
}

/* ---- what minders say ---- */

void local_hung_up(struct local_attempt *attempt)
{
    struct local *local = attempt->local;
    local_channel_close(attempt);
    reap(local, attempt->pid);
    attempt->pid = attempt->peer = 0;
    if (attempt->state == LOCAL_OVER) {
        if (attempt->forget_wanted) {
            const uint64_t id = attempt->id;
            attempt->forget_wanted = false;
            local->engine.forget(local, (struct dure_attempt_id){id});
        }
        return;
    }
    /* Without a word about the end: the folder knows more. */
    visit(attempt);
}

void local_heard(struct local_attempt *attempt, const char *text, size_t length)
{
    struct local *local = attempt->local;
    struct dure_status status;
    if (length == 7 && memcmp(text, "started", 7) == 0) {
        uncount(attempt);
        if (!attempt->started_told && !attempt->forget_wanted && attempt->state == LOCAL_LIVE) {
            attempt->started_told = true;
            tell(attempt, DURE_REPORT_STARTED, NULL);
        }
        pump(local);
    } else if (attempt->state == LOCAL_LIVE && dure_status_decode(text, length, &status, NULL) == DURE_OK) {
        tell_over(attempt, status.report, &status);
    }
    /* "held": another minder has it; this one ends, and the next visit finds the other. */
}

/* ---- the timer: what waits, what is stuck, what is to be reaped ---- */

static void harden_stop(struct local_attempt *attempt, int64_t now)
{
    if (!attempt->stop_us || attempt->state != LOCAL_LIVE || now < attempt->stop_us + attempt->local->stop_patience_us)
        return;
    /* The minder does not obey (stopped by a signal, say): without it, whatever is left is found and killed from here. */
    attempt->stop_us = now;
    if (attempt->peer > 0)
        kill(attempt->peer, SIGKILL);
}

static void on_timer(uv_timer_t *timer)
{
    struct local *local = timer->data;
    const int64_t now = now_us();
    bool wanted = false;
    for (struct local_attempt *attempt = local->all, *next; attempt; attempt = next) {
        next = attempt->next;
        if (attempt->counted && now >= attempt->counted_us + COUNTED_MAX_US)
            uncount(attempt);
        harden_stop(attempt, now);
        if (attempt->state == LOCAL_WAITING && now >= attempt->due_us)
            visit(attempt);
        wanted = wanted || attempt->counted || attempt->stop_us || attempt->state == LOCAL_WAITING;
    }
    for (size_t i = 0; i < local->dead.count;)
        if (waitpid(local->dead.at[i], NULL, WNOHANG) != 0)
            local->dead.at[i] = local->dead.at[--local->dead.count];
        else
            i++;
    clean_up_again(local, now);
    if (!wanted && local->dead.count == 0 && local->again.count == 0) {
        uv_timer_stop(&local->timer);
        local->timer_on = false;
    }
    pump(local);
}

static void timer_wanted(struct local *local)
{
    if (local->timer_on || local->closing)
        return;
    local->timer_on = true;
    uv_timer_start(&local->timer, on_timer, TIMER_MS, TIMER_MS);
}

static void pump(struct local *local)
{
    while (!local->closing && local->queue_first && local->counted < DURE_LOCAL_LAUNCHES) {
        struct local_attempt *attempt = local->queue_first;
        local->queue_first = attempt->queue_next;
        if (!local->queue_first)
            local->queue_last = NULL;
        attempt->counted = true;
        attempt->counted_us = now_us();
        local->counted++;
        timer_wanted(local);
        visit(attempt);
    }
}

/* ---- the engine's verbs ---- */

static void refuse(struct local *local, struct dure_attempt_id id, const char *reason)
{
    struct dure_observation observation = {.attempt = id, .report = DURE_REPORT_REFUSED};
    snprintf(observation.reason, sizeof observation.reason, "%s", reason);
    local->observe(local->context, &observation);
}

static void local_start(void *state, const struct dure_order *order, bool recovering)
{
    struct local *local = state;
    char reason[DURE_REASON_MAX + 1] = "";
    if (find(local, order->attempt.v))
        return; /* said twice */
    local_leaving_remove(&local->place, order->attempt.v);
    /* While recovering, an order that can no longer be carried out (its body was erased) may still be of an attempt that runs. */
    struct local_plan *plan = local_plan_new(order, true, reason);
    if (!plan && !recovering) {
        refuse(local, order->attempt, reason);
        return;
    }
    struct local_attempt *attempt = add(local, order->attempt.v);
    if (!attempt) {
        local_plan_free(plan);
        refuse(local, order->attempt, "the local engine has too many attempts, or no memory");
        return;
    }
    attempt->plan = plan;
    attempt->recovering = recovering;
    attempt->walltime_us = recovering ? order->job->walltime_us : 0; /* it may have been changed since its start */
    if (!recovering)
        local_boot_first(&local->place, attempt->id);
    if (local->queue_last)
        local->queue_last->queue_next = attempt;
    else
        local->queue_first = attempt;
    local->queue_last = attempt;
    pump(local);
}

static void local_warn(void *state, struct dure_attempt_id id, int64_t deadline_us)
{
    struct local_attempt *attempt = find(state, id.v);
    (void)deadline_us; /* the core orders the stop */
    if (!attempt || attempt->state == LOCAL_OVER)
        return;
    if (!attempt->warn_wanted) /* a second SIGTERM would say something else: only the deadline moved */
        local_channel_say(attempt, "warn");
    attempt->warn_wanted = true;
}

static void local_unwarn(void *state, struct dure_attempt_id id)
{
    struct local_attempt *attempt = find(state, id.v);
    if (attempt)
        attempt->warn_wanted = false; /* a signal cannot be taken back, only not yet sent */
}

static void local_extend(void *state, struct dure_attempt_id id, int64_t walltime_us)
{
    struct local_attempt *attempt = find(state, id.v);
    if (!attempt || attempt->state == LOCAL_OVER)
        return;
    attempt->walltime_us = walltime_us;
    say_walltime(attempt);
}

static void local_stop(void *state, struct dure_attempt_id id)
{
    struct local_attempt *attempt = find(state, id.v);
    if (!attempt || attempt->state == LOCAL_OVER)
        return;
    attempt->stop_wanted = true;
    attempt->stop_us = now_us();
    local_channel_say(attempt, "stop");
    timer_wanted(attempt->local);
}

struct forget_job {
    uv_work_t work;
    struct local *local;
    uint64_t attempt;
    bool by_force, gone;
};

static void on_forget(uv_work_t *work)
{
    struct forget_job *job = work->data;
    job->gone = !job->by_force || local_end_by_force(&job->local->place, job->attempt);
    if (job->gone)
        local_forget(&job->local->place, job->attempt);
}

static void on_forgotten(uv_work_t *work, int status)
{
    struct forget_job *job = work->data;
    struct local *local = job->local;
    (void)status;
    if (job->gone)
        local_leaving_remove(&local->place, job->attempt);
    else if (!local->closing && DURE_VEC_PUSH(&local->again, job->attempt, DURE_LOCAL_ATTEMPTS_MAX))
        timer_wanted(local); /* something of it still lives */
    free(job);
    local->jobs--;
    local_unref(local);
}

static void clean_up(struct local *local, uint64_t attempt, bool by_force)
{
    struct forget_job *job = calloc(1, sizeof *job);
    if (!job)
        return; /* the folder stays for the next sweep */
    *job = (struct forget_job){.local = local, .attempt = attempt, .by_force = by_force};
    job->work.data = job;
    local->jobs++;
    DURE_ASSERT(uv_queue_work(local->loop, &job->work, on_forget, on_forgotten) == 0);
}

static void clean_up_again(struct local *local, int64_t now)
{
    if (!local->again.count || now < local->again_us)
        return;
    local->again_us = now + AGAIN_LATER_US;
    for (size_t i = local->again.count; i-- > 0;)
        clean_up(local, local->again.at[i], true);
    local->again.count = 0;
}

static void local_forget_order(void *state, struct dure_attempt_id id)
{
    struct local *local = state;
    struct local_attempt *attempt = find(local, id.v);
    if (!attempt || attempt->state != LOCAL_OVER)      /* it may run while the core has put others in its place */
        (void)!local_leaving_add(&local->place, id.v); /* without memory they overlap for as long as a kill takes */
    if (!attempt) {
        clean_up(local, id.v, true);
        return;
    }
    attempt->forget_wanted = true;
    if (attempt->state != LOCAL_OVER) {
        local_stop(local, id);
    } else if (attempt->channel) {
        local_channel_say(attempt,
                          "forget"); /* its minder is about to end, or waits for this with a status in memory */
    } else {
        drop(attempt);
        clean_up(local, id.v, false);
    }
}

void dure_engine_local_sweep(struct dure_engine *engine)
{
    struct local *local = engine->state;
    DIR *dir = opendir(local->place.directory);
    for (uint64_t id; dir && (id = local_folder_next(dir));)
        if (!find(local, id) && local_leaving_add(&local->place, id))
            clean_up(local, id, true);
    if (dir)
        closedir(dir);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct local *local = handle->data;
    local->handles--;
    local_unref(local);
}

void local_unref(struct local *local)
{
    if (!local->closing || local->jobs || local->handles)
        return;
    dure_map_release(&local->map);
    DURE_VEC_FREE(&local->dead);
    DURE_VEC_FREE(&local->again);
    DURE_VEC_FREE(&local->place.leaving);
    DURE_VEC_FREE(&local->place.beginning);
    uv_mutex_destroy(&local->place.lock);
    dure_cgroup_release(&local->place.cgroup);
    close(local->place.dir_fd);
    free(local);
}

static void local_free(void *state)
{
    struct local *local = state;
    local->closing = true;
    local->queue_first = local->queue_last = NULL;
    for (struct local_attempt *attempt = local->all, *next; attempt; attempt = next) {
        next = attempt->next;
        drop(attempt);
    }
    uv_close((uv_handle_t *)&local->timer, on_timer_closed);
}

static void local_describe(void *state, struct dure_buf *text)
{
    struct local *local = state;
    local_place_describe(&local->place, text);
}

enum dure_err dure_engine_local_new(const struct dure_local_options *options, dure_observe_fn observe, void *context,
                                    struct dure_engine **ret_engine, struct dure_error *error)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const enum dure_err err = local_place_open(&local->place, options, error);
    if (err) {
        free(local);
        return err;
    }
    if (!local_leaving_read(&local->place)) {
        close(local->place.dir_fd);
        DURE_VEC_FREE(&local->place.leaving);
        free(local);
        return dure_fail(error, DURE_E_IO, "%.512s cannot be read, or out of memory", options->directory);
    }
    DURE_ASSERT(uv_mutex_init(&local->place.lock) == 0);
    DURE_ASSERT(uv_timer_init(options->loop, &local->timer) == 0);
    local->timer.data = local;
    local->handles = 1;
    local->loop = options->loop;
    local->stop_patience_us = options->stop_patience_us > 0 ? options->stop_patience_us : STOP_PATIENCE_US;
    local->observe = observe;
    local->context = context;
    local->engine = (struct dure_engine){.name = "local",
                                         .needs_body = true,
                                         .state = local,
                                         .start = local_start,
                                         .warn = local_warn,
                                         .unwarn = local_unwarn,
                                         .extend = local_extend,
                                         .stop = local_stop,
                                         .forget = local_forget_order,
                                         .free = local_free,
                                         .describe = local_describe};
    *ret_engine = &local->engine;
    return DURE_OK;
}
