/* One run: time moves from one thing due to the next, as in run/run.c. */
#include <stdlib.h>
#include <string.h>

#include "sim/make/draw.h"
#include "sim/rival/inner.h"

enum { PROGRESS_EVERY = 2048, NODES_UP_TRIES = 8 };

void rival_fail(struct rival *r, enum dure_err err, const char *text)
{
    if (!r->sim.failed)
        (void)dure_fail(r->sim.error, err, "%s", text);
    r->sim.failed = true;
}

static void foresee(struct rival *r, int64_t at_us, uint32_t kind, uint64_t what)
{
    if (!dure_sim_heap_add(&r->sim.heap, at_us, kind, what))
        rival_fail(r, DURE_E_MEMORY, "out of memory for what is to come");
}

void rival_foresee(struct rival *r, uint32_t job, int64_t ends_us)
{
    r->jobs[job].ends_us = ends_us;
    foresee(r, ends_us, EVENT_END, job);
}

/* Decisions go into the digest as they are made. */
static void hear(struct rival *r, enum dure_record_kind kind, uint32_t job, const struct dure_place *places,
                 uint32_t count)
{
    struct dure_digest *sum = &r->sim.decisions;
    const uint64_t words[] = {sum->lane[0], sum->lane[1], (uint64_t)kind, (uint64_t)r->sim.now_us, job, count};
    *sum = dure_hash_words(1, words, 6);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place[] = {sum->lane[0], sum->lane[1], places[i].node_first, places[i].gpu_mask};
        *sum = dure_hash_words(2, place, 4);
    }
    r->sim.result->records++;
}

/* ---- jobs ---- */

static void given(struct rival *r)
{
    for (uint32_t n = 0; n < r->need_count; n++) {
        r->needs[n].failed = false;
        r->needs[n].no_room = 0;
    }
    r->dirty = true;
}

static struct run *run_new(struct rival *r, uint32_t j, const struct need *need)
{
    const struct entry *job = &r->jobs[j];
    struct run *run = calloc(1, sizeof *run);
    if (run && need->tasks > 1 && !(run->more = malloc(need->tasks * sizeof *run->more))) {
        free(run);
        run = NULL;
    }
    if (!run) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for what runs");
        return NULL;
    }
    run->job = j + UINT64_C(1);
    run->element = DURE_NONE32;
    run->tenant = job->tenant;
    run->gpus_milli = need->milli;
    run->began_us = run->started_us = r->sim.now_us;
    run->borrowed = job->borrowed;
    run->gang = need->tasks > 1;
    run->size = job->size;
    run->place_count = need->tasks;
    run->one = r->places[0];
    if (need->tasks > 1)
        memcpy(run->more, r->places, need->tasks * sizeof *run->more);
    run->chain = dure_fleet_chain_id_of(r->sim.options.fleet, (struct dure_node_id){r->places[0].node_first}).v;
    return run;
}

/* Puts what has its place (r->places) among those that run. */
static struct run *enter(struct rival *r, uint32_t j, uint8_t kind)
{
    struct entry *job = &r->jobs[j];
    job->run = run_new(r, j, &r->needs[job->need]);
    if (!job->run)
        return NULL;
    job->state = ENTRY_RUNS;
    job->kind = kind;
    job->began_us = job->turned_us = r->sim.now_us;
    job->turn.running = true;
    job->running = r->running_count;
    r->running[r->running_count++] = j;
    r->sim.running++;
    rival_foresee(r, j, r->sim.now_us + job->left_us);
    if (r->policy.order->changes_in)
        foresee(r,
                r->sim.now_us + (int64_t)(r->policy.order->changes_in(&job->turn) < 1e9
                                              ? r->policy.order->changes_in(&job->turn) * 1000000
                                              : 1e15),
                RIVAL_TURN, j);
    return job->run;
}

void rival_start(struct rival *r, uint32_t j, uint8_t kind)
{
    struct entry *job = &r->jobs[j];
    const struct run *run = enter(r, j, kind);
    if (!run)
        return;
    const struct dure_order order = {
        .started_us = r->sim.now_us, .submitted_us = job->at_us, .restarts = job->restarts};
    r->sim.pending--;
    if (r->policy.quotas)
        rival_quota_start(r, job);
    measure_start(&r->sim, run, &order, false);
    hear(r, DURE_REC_START, j, run_places(run), run->place_count);
}

bool rival_resume(struct rival *r, uint32_t j, uint8_t kind, int64_t started_us)
{
    struct entry *job = &r->jobs[j];
    struct run *run = enter(r, j, kind);
    const struct dure_order order = {.started_us = started_us, .submitted_us = job->at_us};
    if (!run)
        return false;
    run->began_us = job->began_us = started_us;
    job->left_us += r->sim.now_us - started_us; /* counted from there */
    if (r->policy.quotas)
        rival_quota_start(r, job);
    measure_start(&r->sim, run, &order, true);
    return true;
}

void rival_turn_now(struct rival *r, struct entry *job)
{
    job->turn.attained_s += (double)(r->sim.now_us - job->turned_us) / 1000000;
    job->turn.remaining_s = (double)(job->began_us + job->left_us - r->sim.now_us) / 1000000;
    job->turned_us = r->sim.now_us;
}

/* It runs no more. */
static void leave(struct rival *r, uint32_t j, bool has_given)
{
    struct entry *job = &r->jobs[j];
    const uint32_t last = r->running[--r->running_count];
    r->running[job->running] = last;
    r->jobs[last].running = job->running;
    rival_turn_now(r, job);
    if (r->policy.quotas)
        rival_quota_end(r, job);
    if (!has_given)
        rival_give(r, &r->needs[job->need], run_places(job->run));
    measure_end(&r->sim, job->run);
    if (job->run->place_count > 1)
        free(job->run->more);
    free(job->run);
    job->run = NULL;
    job->turn.running = false;
    r->sim.running--;
    given(r);
}

static void wait_for_turn(struct rival *r, uint32_t j)
{
    r->sim.pending++;
    (void)(r->policy.quotas && r->jobs[j].holder != DURE_NONE32 ? rival_quota_wait(r, j) : rival_wait(r, j));
}

void rival_stop(struct rival *r, uint32_t j, enum dure_cause cause, bool has_given)
{
    struct entry *job = &r->jobs[j];
    const int64_t worked = r->sim.now_us - job->began_us;
    const int64_t kept = cause == DURE_CAUSE_NONE        ? worked
                         : job->checkpoint_us <= 0       ? 0
                         : cause == DURE_CAUSE_RECLAIMED ? worked
                                                         : worked / job->checkpoint_us * job->checkpoint_us;
    const uint64_t lost_ms = (uint64_t)((dure_wide)r->needs[job->need].milli * (uint64_t)(worked - kept) / 1000000);
    job->run->cause = (uint8_t)cause;
    job->run->requeued = true;
    hear(r, DURE_REC_REQUEUE, j, NULL, 0);
    leave(r, j, has_given);
    job->left_us = job->left_us > kept ? job->left_us - kept : 1;
    job->turn.remaining_s = (double)job->left_us / 1000000;
    job->restarts++;
    r->sim.result->lost_ms += lost_ms;
    r->sim.result->tenants[job->tenant].lost_ms += lost_ms;
    if (r->policy.order->passed)
        r->policy.order->passed(&job->turn, &r->counter);
    wait_for_turn(r, j);
}

static void ends(struct rival *r, uint32_t j)
{
    struct entry *job = &r->jobs[j];
    if (job->began_us + job->left_us > r->sim.now_us) {
        rival_stop(r, j, DURE_CAUSE_RECLAIMED, false); /* told to leave */
        return;
    }
    job->run->cause = DURE_CAUSE_FINISHED;
    hear(r, DURE_REC_END, j, NULL, 0);
    leave(r, j, false);
    job->state = ENTRY_OVER;
    measure_over(&r->sim, job->tenant,
                 job->overdue ? DURE_JOB_TIMEOUT
                 : job->fails ? DURE_JOB_FAILED
                              : DURE_JOB_COMPLETED,
                 r->sim.now_us - job->at_us);
}

void rival_arrives(struct rival *r, uint32_t j)
{
    struct dure_sim_result *result = r->sim.result;
    const struct entry *job = &r->jobs[j];
    const bool comes = j >= r->taken_over; /* else it was there before */
    result->submitted += comes;
    if (comes && job->tenant < result->tenant_count)
        result->tenants[job->tenant].submitted++;
    if (r->needs[job->need].never || (r->policy.quotas && !job->borrowed && job->holder == DURE_NONE32)) {
        r->jobs[j].state = ENTRY_OVER;
        result->refused++;
        return;
    }
    wait_for_turn(r, j);
}

/* ---- machines ---- */

static void next_failure(struct rival *r)
{
    const struct dure_sim_options *o = &r->sim.options;
    const uint64_t mean = (uint64_t)o->node_fails_us / o->fleet->node_count + 1;
    foresee(r, r->sim.now_us + (int64_t)dure_draw_exponential(&r->sim.random, mean) + 1, EVENT_NODE_DOWN, 0);
}

static bool on_node(const struct run *run, uint32_t node)
{
    const struct dure_place *places = run_places(run);
    for (uint32_t p = 0; p < run->place_count; p++)
        if (places[p].node_first == node)
            return true;
    return false;
}

static void node_down(struct rival *r)
{
    const struct dure_sim_options *o = &r->sim.options;
    uint32_t node = 0;
    bool found = false;
    for (unsigned i = 0; i < NODES_UP_TRIES && !found; i++) {
        node = (uint32_t)dure_draw_below(&r->sim.random, o->fleet->node_count);
        found = !r->closed[node];
    }
    if (found) {
        const int64_t away = (int64_t)dure_draw_exponential(&r->sim.random, (uint64_t)o->node_mends_us);
        for (uint32_t i = r->running_count; i-- > 0;)
            if (i < r->running_count && on_node(r->jobs[r->running[i]].run, node))
                rival_stop(r, r->running[i], DURE_CAUSE_NODE_LOST, false);
        rival_close(r, node);
        measure_node(&r->sim, node, true);
        r->planned_kinds = 0; /* what was foreseen counted on it */
        r->sim.result->node_failures++;
        r->opens++;
        foresee(r, r->sim.now_us + away + 1, EVENT_NODE_UP, node);
    }
    next_failure(r);
}

static void comes(struct rival *r, uint32_t first, uint32_t count)
{
    r->opens--;
    for (uint32_t n = first; n < first + count; n++) {
        rival_open(r, n);
        measure_node(&r->sim, n, false);
    }
    given(r);
}

static void turns(struct rival *r, uint32_t j)
{
    struct entry *job = &r->jobs[j];
    if (job->state != ENTRY_RUNS)
        return;
    const uint32_t level = job->turn.level;
    rival_turn_now(r, job);
    r->policy.order->ran(&job->turn, &r->counter);
    if (job->turn.level == level)
        return; /* another attempt's, or too early by a rounding */
    const double again_s = r->policy.order->changes_in(&job->turn);
    if (again_s < 1e9)
        foresee(r, r->sim.now_us + (int64_t)(again_s * 1000000) + 1, RIVAL_TURN, j);
    given(r);
}

static void due(struct rival *r, const struct dure_sim_event *event)
{
    const uint32_t what = (uint32_t)event->what;
    switch (event->kind) {
    case EVENT_END:
        if (r->jobs[what].state == ENTRY_RUNS && r->jobs[what].ends_us == event->at_us)
            ends(r, what);
        break;
    case EVENT_NODE_DOWN: node_down(r); break;
    case EVENT_NODE_UP: comes(r, what, 1); break;
    case RIVAL_OPEN:
        comes(r, r->sim.options.fleet->chains[what].node_first, r->sim.options.fleet->chains[what].node_count);
        break;
    default: turns(r, what); break;
    }
}

/* ---- time ---- */

static bool goes_on(const struct rival *r)
{
    return r->sim.options.until_us != DURE_NEVER_US || r->next_job < r->job_count || r->running_count > 0 ||
           (r->sim.pending > 0 && r->opens > 0);
}

static int64_t next_due(const struct rival *r)
{
    const struct dure_sim_event *first = dure_sim_heap_first(&r->sim.heap);
    const struct dure_sim_options *o = &r->sim.options;
    int64_t at = first ? first->at_us : DURE_NEVER_US;
    if (r->next_job < r->job_count && r->jobs[r->next_job].at_us < at)
        at = r->jobs[r->next_job].at_us;
    if (r->policy.quotas && r->claim_count && r->quota_next_us > r->sim.now_us && r->quota_next_us < at)
        at = r->quota_next_us;
    if (at == DURE_NEVER_US || o->batch_us <= 0)
        return at;
    return o->from_us + (at - o->from_us + o->batch_us - 1) / o->batch_us * o->batch_us;
}

static void pass(struct rival *r)
{
    if (r->policy.quotas) {
        rival_quota_pass(r);
        return;
    }
    while (r->dirty && !r->sim.failed)
        rival_pass(r);
}

static bool tell(struct rival *r)
{
    const struct dure_sim_options *o = &r->sim.options;
    const struct dure_sim_progress progress = {.from_us = o->from_us,
                                               .now_us = r->sim.now_us,
                                               .until_us = o->until_us,
                                               .jobs = r->sim.result->submitted,
                                               .pending = r->sim.pending,
                                               .running = r->sim.running};
    return !o->progress || o->progress(o->progress_context, &progress);
}

static void play(struct rival *r)
{
    struct sim *sim = &r->sim;
    pass(r);
    for (uint64_t turn = 0; !sim->failed && goes_on(r); turn++) {
        const struct dure_sim_event *first;
        const int64_t at = next_due(r);
        if (at > sim->options.until_us || at == DURE_NEVER_US) {
            sim->now_us = sim->options.until_us != DURE_NEVER_US ? sim->options.until_us : sim->now_us;
            break;
        }
        sim->now_us = at > sim->now_us ? at : sim->now_us;
        measure_to(sim, sim->now_us);
        while ((first = dure_sim_heap_first(&sim->heap)) && first->at_us <= sim->now_us && !sim->failed) {
            const struct dure_sim_event event = *first;
            dure_sim_heap_pop(&sim->heap);
            due(r, &event);
        }
        while (r->next_job < r->job_count && r->jobs[r->next_job].at_us <= sim->now_us && !sim->failed)
            rival_arrives(r, r->next_job++);
        pass(r);
        if (turn % PROGRESS_EVERY == 0 && !tell(r)) {
            sim->result->partial = true;
            break;
        }
    }
}

static void finish(struct rival *r)
{
    for (uint32_t i = 0; i < r->running_count; i++) { /* what still runs has used its GPUs too */
        const struct run *run = r->jobs[r->running[i]].run;
        const uint64_t used_ms =
            (uint64_t)((dure_wide)run->gpus_milli * (uint64_t)(r->sim.now_us - run->started_us) / 1000000);
        r->sim.result->tenants[run->tenant].gpu_ms[run->borrowed] += used_ms;
        r->sim.result->gang_ms += run->gang ? used_ms : 0;
    }
    measure_finish(&r->sim);
    for (uint32_t i = 0; i < r->claim_count; i++) {
        rival_quota_count(r, &r->jobs[r->claims[i]]);
        if (r->jobs[r->claims[i]].claimed_us)
            measure_waits_still(&r->sim, r->jobs[r->claims[i]].tenant, r->jobs[r->claims[i]].claimed_us);
    }
}

/* What is there when time begins. */
static void machines(struct rival *r)
{
    const struct dure_fleet *fleet = r->sim.options.fleet;
    for (uint32_t n = 0; n < r->need_count; n++)
        r->needs[n].never = !rival_ever(r, &r->needs[n]);
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        const bool later = chain->available_from_us > r->sim.now_us;
        if (later) {
            r->opens++;
            foresee(r, chain->available_from_us, RIVAL_OPEN, c);
        }
        for (uint32_t k = 0; k < chain->node_count; k++) {
            struct dure_node_view view;
            const struct dure_node_id node = {chain->node_first + k};
            const bool down = r->sim.options.core && !later &&
                              (!dure_core_node_view(r->sim.options.core, node, &view) || view.state != DURE_NODE_UP);
            if (later || down)
                rival_close(r, node.v);
            else
                measure_node(&r->sim, node.v, false);
        }
    }
}

static bool tables(struct rival *r)
{
    r->order = calloc(r->need_count + 1, sizeof *r->order);
    r->running = calloc(r->job_count + 1, sizeof *r->running);
    r->by_end = calloc(r->job_count + 1, sizeof *r->by_end);
    r->later = calloc(r->sim.options.fleet->node_count + 1, sizeof *r->later);
    if (r->order && r->running && r->by_end && r->later)
        return true;
    rival_fail(r, DURE_E_MEMORY, "out of memory for the jobs");
    return false;
}

static enum dure_err refuse(const struct dure_sim_options *o, struct dure_error *error)
{
    if (o->power || o->data)
        return dure_fail(error, DURE_E_UNSUPPORTED,
                         "found %s, expected none: only dure knows %s; leave them out, or compare dure alone",
                         o->power ? "power limits" : "datasets", o->power ? "power limits" : "where data may go");
    if (o->journal)
        return dure_fail(error, DURE_E_UNSUPPORTED, "found a journal to keep, expected none: only dure writes records");
    return DURE_OK;
}

enum dure_err dure_rival_run(const struct dure_rival *rival, const struct dure_sim_options *options,
                             struct dure_sim_result *ret_result, struct dure_error *error)
{
    struct dure_error own = {0};
    struct dure_sim_result result = {0};
    struct rival r = {.policy = *rival,
                      .sim = {.options = *options, .now_us = options->from_us, .error = &own, .result = &result}};
    enum dure_err err = refuse(options, error);
    if (err) {
        dure_core_free(options->core);
        return err;
    }
    r.sim.random = options->seed ^ UINT64_C(0x6e6f646573);
    r.sim.no_rights = result.no_rights = !rival->quotas;
    result.no_cells = rival->quotas;
    bool fine = measure_tables(&r.sim);
    if (!fine)
        rival_fail(&r, DURE_E_MEMORY, "out of memory for the figures");
    fine = fine && rival_changes(&r) && rival_kinds(&r) && (!rival->quotas || rival_quota(&r)) && rival_jobs(&r) &&
           tables(&r) && rival_cluster(&r);
    if (fine) {
        machines(&r);
        rival_core_resume(&r);
        if (options->node_fails_us > 0)
            next_failure(&r);
        play(&r);
    }
    if (!r.sim.failed)
        finish(&r);
    rival_jobs_release(&r);
    rival_cluster_release(&r);
    rival_core_release(&r);
    dure_sim_heap_release(&r.sim.heap);
    dure_map_release(&r.sim.claimed);
    measure_release(&r.sim);
    free(r.order);
    free(r.running);
    free(r.by_end);
    free(r.later);
    free(r.claims);
    free(r.holder_of);
    free(r.used_milli);
    free(r.quota_milli);
    dure_core_free(options->core);
    if (r.sim.failed) {
        dure_sim_result_release(&result);
        return dure_fail(error, own.code, "%s", own.text);
    }
    *ret_result = result;
    return DURE_OK;
}
