#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "tap.h"

static bool chance(struct world *world, unsigned per_mille)
{
    return tap_random_below(&world->seed, 1000) < per_mille;
}

struct world_attempt *world_attempt(struct world *world, uint64_t attempt)
{
    for (unsigned i = world->attempt_count; i > 0; i--)
        if (world->attempts[i - 1].attempt == attempt)
            return &world->attempts[i - 1];
    return NULL;
}

static void send_report(struct world *world, uint64_t attempt, int report, int64_t after_us)
{
    if (world->report_count == sizeof world->reports / sizeof world->reports[0])
        tap_bail("too many reports under way");
    world->reports[world->report_count].attempt = attempt;
    world->reports[world->report_count].report = report;
    world->reports[world->report_count++].at_us = world->monotonic_us + after_us;
}

/* A report may be late or come twice, never be lost while the daemon lives: the engine's own rule. A lost one is lost with a crash. */
static void report(struct world *world, uint64_t attempt, int kind)
{
    int64_t after = chance(world, world->faults.late_report_per_mille) ? 30 * DURE_SECOND_US
                                                                       : (int64_t)tap_random_below(&world->seed, 5000);
    send_report(world, attempt, kind, after);
    if (chance(world, world->faults.doubled_report_per_mille))
        send_report(world, attempt, kind, after + 1000);
}

static void engine_start(void *context, const struct dure_order *order, bool recovering)
{
    struct world *world = context;
    struct world_attempt *attempt = world_attempt(world, order->attempt.v);
    if (attempt == NULL) {
        if (world->attempt_count == WORLD_ATTEMPTS_MAX)
            tap_bail("too many attempts");
        int64_t lasts = order->job->emulated_us > 0 ? order->job->emulated_us : order->job->walltime_us;
        attempt = &world->attempts[world->attempt_count++];
        *attempt = (struct world_attempt){.attempt = order->attempt.v,
                                          .job = order->ref.job.v,
                                          .element = order->ref.element,
                                          .running = true,
                                          .starts = 1,
                                          .ends_us = world->monotonic_us + lasts};
        report(world, attempt->attempt, DURE_REPORT_STARTED);
    } else if (!recovering) {
        attempt->starts++; /* the order was given twice: an engine that did not remember would run it twice */
    } else if (attempt->ended) {
        report(world, attempt->attempt, DURE_REPORT_ENDED);
    } else {
        report(world, attempt->attempt, DURE_REPORT_STARTED);
    }
}

static void finish(struct world *world, struct world_attempt *attempt, int exit_code)
{
    if (!attempt->running)
        return;
    attempt->running = false;
    attempt->ended = true;
    attempt->exit_code = exit_code;
    report(world, attempt->attempt, DURE_REPORT_ENDED);
}

static void engine_warn(void *context, struct dure_attempt_id id, int64_t deadline_us)
{
    struct world *world = context;
    struct world_attempt *attempt = world_attempt(world, id.v);
    (void)deadline_us;
    /* Half of the jobs obey at once, the others wait to be killed. */
    if (attempt != NULL && (id.v & 1) == 0)
        finish(world, attempt, 143);
}

static void engine_unwarn(void *context, struct dure_attempt_id id)
{
    (void)context;
    (void)id;
}

static void engine_stop(void *context, struct dure_attempt_id id)
{
    struct world_attempt *attempt = world_attempt(context, id.v);
    if (attempt != NULL)
        finish(context, attempt, 137);
}

static void engine_forget(void *context, struct dure_attempt_id id)
{
    struct world_attempt *attempt = world_attempt(context, id.v);
    if (attempt != NULL)
        attempt->running = false, attempt->ended = true, attempt->forgotten = true;
}

static int64_t now_us(void *context)
{
    return ((struct world *)context)->wall_us;
}

static int64_t monotonic_us(void *context)
{
    return ((struct world *)context)->monotonic_us;
}

static void append(void *context, struct dure_batch *batch)
{
    struct world *world = context;
    if (world->waiting_count == sizeof world->waiting / sizeof world->waiting[0])
        tap_bail("the store was handed too many batches");
    world->waiting[world->waiting_count++] = batch;
}

static void read_later(void *context, struct dure_store_read *read)
{
    struct world *world = context;
    if (world->read_count == sizeof world->reads / sizeof world->reads[0])
        tap_bail("too many reads");
    world->reads[world->read_count++] = read;
}

static void random_bytes(void *context, void *bytes, size_t length)
{
    struct world *world = context;
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)tap_random(&world->seed);
}

static void wake(void *context, int64_t at_us)
{
    struct world *world = context;
    int64_t at = at_us == 0 ? world->monotonic_us : at_us - world->wall_us + world->monotonic_us;
    if (at < world->wake_us)
        world->wake_us = at;
}

static struct dure_engine *engine(void *context, struct dure_site_id site)
{
    (void)site;
    return &((struct world *)context)->engine;
}

static bool listening(void *context)
{
    (void)context;
    return true;
}

static void event(void *context, uint64_t sequence, const struct dure_record *record)
{
    struct world *world = context;
    world->events++;
    if (sequence < world->event_next || record->kind == 0)
        world->event_order_broken = true;
    world->event_next = sequence + 1;
    if (sequence >= dure_loop_durable(world->loop))
        world->event_order_broken = true;
}

static void fatal(void *context, enum dure_err err, const char *text)
{
    struct world *world = context;
    tap_diag("the loop stopped: %s: %s", dure_err_wire(err), text);
    world->fatal = err;
}

static void held(void *context, int64_t jump_us)
{
    ((struct world *)context)->held_us = jump_us;
}

static bool recover(struct world *world)
{
    struct dure_error error = {0};
    struct dure_recovery recovery;
    struct dure_journal_options options = {.directory = world->directory, .origin = "test/sim", .create = true};

    if (dure_journal_open(&options, &world->journal, &error) != DURE_OK ||
        dure_recover(world->journal, world->directory, &recovery, NULL, NULL, &error) != DURE_OK) {
        tap_diag("recovery: %s", error.text);
        return false;
    }
    world->core = recovery.core;
    struct dure_loop_options loop_options = {
        .core = world->core,
        .size = recovery.size,
        .term = ++world->term,
        .world = {.context = world,
                  .now_us = now_us,
                  .monotonic_us = monotonic_us,
                  .append = append,
                  .read = read_later,
                  .random = random_bytes,
                  .wake = wake,
                  .engine = engine,
                  .listening = listening,
                  .event = event,
                  .fatal = fatal,
                  .held = held},
    };
    world->event_next = recovery.size;
    return dure_loop_new(&loop_options, &world->loop) == DURE_OK;
}

/* What still runs of attempts that the core has ended: the order to forget them died with the daemon. Engines kill it before anything new begins, as
 * dure_engine_local_sweep does. */
static void sweep(struct world *world)
{
    struct dure_job_view view;
    for (unsigned i = 0; i < world->attempt_count; i++)
        if (!dure_core_attempt_view(world->core, (struct dure_attempt_id){world->attempts[i].attempt}, &view))
            engine_forget(world, (struct dure_attempt_id){world->attempts[i].attempt});
}

bool world_open(struct world *world)
{
    world->engine = (struct dure_engine){.name = "simulated",
                                         .state = world,
                                         .start = engine_start,
                                         .warn = engine_warn,
                                         .unwarn = engine_unwarn,
                                         .stop = engine_stop,
                                         .forget = engine_forget};
    if (world->directory[0] == '\0')
        snprintf(world->directory, sizeof world->directory, "%s", tap_tempdir());
    mkdir(world->directory, 0700); /* there already after a crash */
    if (world->wall_us == 0)
        world->wall_us = INT64_C(1772323200) * DURE_SECOND_US; /* 1 March 2026 */
    world->down = false;
    world->fatal = DURE_OK;
    world->wake_us = world->monotonic_us;
    if (!recover(world))
        return false;
    dure_loop_recover(world->loop);
    sweep(world);
    return true;
}

static void drop(struct world *world)
{
    for (unsigned i = 0; i < world->read_count; i++)
        world->reads[i]->done(world->reads[i]); /* their memory; nobody acts on them any more */
    world->read_count = world->waiting_count = 0;
    dure_loop_free(world->loop);
    dure_core_free(world->core);
    world->loop = NULL;
    world->core = NULL;
}

void world_crash(struct world *world)
{
    world->crashes++;
    drop(world);
    dure_journal_close(world->journal);
    world->journal = NULL;
    world->report_count = 0; /* reports under way die with who would have heard them */
    world->down = true;
}

void world_close(struct world *world)
{
    if (!world->down) {
        drop(world);
        dure_journal_close(world->journal);
    }
    world->journal = NULL;
    world->down = true;
}

static void write_one(struct world *world)
{
    struct dure_batch *batch = world->waiting[0];
    struct dure_error error = {0};
    memmove(world->waiting, world->waiting + 1, --world->waiting_count * sizeof world->waiting[0]);
    if (chance(world, world->faults.store_fail_per_mille)) {
        world->store_failures++;
        dure_loop_appended(world->loop, batch, DURE_E_FULL, "the disk is full");
        return;
    }
    enum dure_err err = dure_journal_append(world->journal, dure_batch_journal(batch), &error);
    if (chance(world, world->faults.crash_per_mille)) {
        world->fatal = DURE_E_IO; /* durable, but the daemon died before it could say so */
        return;
    }
    dure_loop_appended(world->loop, batch, err, error.text);
}

static void engines_move(struct world *world)
{
    for (unsigned i = 0; i < world->attempt_count; i++)
        if (world->attempts[i].running && world->attempts[i].ends_us <= world->monotonic_us)
            finish(world, &world->attempts[i], 0);
}

static void deliver(struct world *world)
{
    for (unsigned i = 0; i < world->report_count;) {
        if (world->reports[i].at_us > world->monotonic_us) {
            i++;
            continue;
        }
        struct dure_observation observation = {.attempt = {world->reports[i].attempt},
                                               .report = (enum dure_report)world->reports[i].report};
        struct world_attempt *attempt = world_attempt(world, observation.attempt.v);
        observation.exit_code = attempt != NULL ? attempt->exit_code : 0;
        world->reports[i] = world->reports[--world->report_count];
        dure_loop_observe(world->loop, &observation);
    }
}

static int64_t next_due(const struct world *world)
{
    int64_t due = world->wake_us;
    for (unsigned i = 0; i < world->report_count; i++)
        due = world->reports[i].at_us < due ? world->reports[i].at_us : due;
    for (unsigned i = 0; i < world->attempt_count; i++)
        if (world->attempts[i].running && world->attempts[i].ends_us < due)
            due = world->attempts[i].ends_us;
    return due;
}

static void move_time(struct world *world)
{
    int64_t due = next_due(world);
    int64_t step = due == INT64_MAX ? DURE_SECOND_US : due - world->monotonic_us;
    step = step < 0 ? 0 : step;
    world->monotonic_us += step;
    world->wall_us += step;
    if (chance(world, world->faults.clock_jump_per_mille))
        world->wall_us += tap_random_below(&world->seed, 2) == 0 ? DURE_HOUR_US : -DURE_HOUR_US;
}

void world_turn(struct world *world)
{
    if (world->down || world->fatal != DURE_OK) {
        if (!world->down)
            world_crash(world);
        if (!world_open(world))
            tap_bail("the world cannot be opened again");
        return;
    }
    if (chance(world, world->faults.crash_per_mille)) {
        world_crash(world);
        return;
    }
    unsigned pick = (unsigned)tap_random_below(&world->seed, 4);
    if (world->waiting_count > 0 && pick != 0) {
        write_one(world);
    } else if (world->read_count > 0 && world->waiting_count == 0) {
        struct dure_store_read *read = world->reads[0];
        memmove(world->reads, world->reads + 1, --world->read_count * sizeof world->reads[0]);
        read->read(read, world->journal);
        read->done(read);
    } else if (world->wake_us <= world->monotonic_us) {
        world->wake_us = INT64_MAX;
        dure_loop_turn(world->loop);
    } else {
        move_time(world);
        engines_move(world);
        deliver(world);
    }
}

bool world_quiet(const struct world *world)
{
    if (world->down || world->fatal != DURE_OK || world->waiting_count > 0 || world->read_count > 0 ||
        world->report_count > 0)
        return false;
    for (unsigned i = 0; i < world->attempt_count; i++)
        if (world->attempts[i].running)
            return false;
    return dure_loop_idle(world->loop);
}

static void answered(void *context, const struct dure_answer *answer)
{
    struct world *world = context;
    world->answers++;
    if (answer->err != DURE_OK) {
        world->refused++;
        return;
    }
    if (answer->sequence >= dure_loop_durable(world->loop))
        tap_bail("an answer came before its record was durable");
    if (world->acked_count == WORLD_ACKS_MAX)
        tap_bail("too many answers");
    if (answer->job.v != DURE_NONE64)
        world->acked[world->acked_count++] = answer->job.v;
}

void world_submit(struct world *world, const struct dure_job *job, const char *idem_key)
{
    struct dure_record record;
    struct dure_input input = {.record = &record,
                               .answer = answered,
                               .context = world,
                               .body_kind = DURE_BODY_OF_JOB,
                               .idem_key = idem_key,
                               .idem_hash = 1};

    if (world->loop == NULL)
        return;
    dure_record_init(&record, DURE_REC_SUBMIT, 0, 0);
    record.submit = *job;
    input.body = dure_body_new();
    if (input.body == NULL || dure_body_set(input.body, DURE_BODY_NAME, "sim", 3) != DURE_OK)
        tap_bail("out of memory");
    if (dure_loop_input(world->loop, &input) != DURE_OK && world->fatal == DURE_OK)
        tap_bail("the queue is full");
}

void world_input(struct world *world, const struct dure_record *record)
{
    struct dure_input input = {.record = record};
    if (world->loop != NULL && dure_loop_input(world->loop, &input) != DURE_OK && world->fatal == DURE_OK)
        tap_bail("the queue is full");
}
