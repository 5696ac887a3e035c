/* One run: time moves from one thing due to the next; what is due becomes inputs of the loop; the loop turns until it waits again. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/run/inner.h"

enum { PROGRESS_EVERY = 2048 };

static int64_t now_us(void *context)
{
    return ((struct sim *)context)->now_us;
}

static void fail(struct sim *sim, enum dure_err err, const char *text)
{
    if (!sim->failed)
        (void)dure_fail(sim->error, err, "%s", text);
    sim->failed = true;
}

static void read_never(void *context, struct dure_store_read *read)
{
    read->done(read);
    fail(context, DURE_E_STATE, "the loop asked for a stored body: nothing is stored in a simulation");
}

static void no_salts(void *context, void *bytes, size_t length)
{
    (void)context;
    memset(bytes, 0, length); /* nothing personal is in a simulation */
}

static void wake(void *context, int64_t at_us)
{
    struct sim *sim = context;
    const int64_t at = at_us > sim->now_us ? at_us : sim->now_us;
    sim->wake_us = at < sim->wake_us ? at : sim->wake_us;
}

static struct dure_engine *engine(void *context, struct dure_site_id site)
{
    (void)site;
    return &((struct sim *)context)->engine;
}

static void append(void *context, struct dure_batch *batch)
{
    struct sim *sim = context;
    struct dure_error error = {0};
    const enum dure_err err = dure_journal_append(sim->options.journal, dure_batch_journal(batch), &error);
    dure_loop_appended(sim->loop, batch, err, error.text);
}

static void decided(void *context, const struct dure_record *decision)
{
    struct sim *sim = context;
    measure_decision(sim, decision, work_decided(sim, decision));
    if (sim->options.heard)
        sim->options.heard(sim->options.heard_context, decision);
}

static void fatal(void *context, enum dure_err err, const char *text)
{
    fail(context, err, text);
}

static void held(void *context, int64_t jump_us)
{
    (void)context;
    (void)jump_us; /* both clocks are one here: it cannot jump */
}

static bool loop_begin(struct sim *sim)
{
    const struct dure_loop_options options = {.core = sim->core,
                                              .size = sim->options.leaves,
                                              .term = sim->options.core ? dure_core_term(sim->core) + 1 : 1,
                                              .world = {.context = sim,
                                                        .now_us = now_us,
                                                        .monotonic_us = now_us,
                                                        .append = sim->options.journal ? append : NULL,
                                                        .read = read_never,
                                                        .random = no_salts,
                                                        .wake = wake,
                                                        .engine = engine,
                                                        .decided = decided,
                                                        .fatal = fatal,
                                                        .held = held}};
    return dure_loop_new(&options, &sim->loop) == DURE_OK;
}

static void settle(struct sim *sim)
{
    do {
        sim->wake_us = DURE_NEVER_US;
        dure_loop_turn(sim->loop);
    } while (sim->wake_us <= sim->now_us && !sim->failed);
}

static void declared(void *context, const struct dure_answer *answer)
{
    if (answer->err != DURE_OK)
        fail(context, answer->err, answer->text);
}

static void declare(struct sim *sim, enum dure_record_kind kind, const char *json, size_t length)
{
    struct dure_record record;
    const struct dure_input input = {.record = &record, .answer = declared, .context = sim};
    dure_record_init(&record, kind, 0, 0);
    record.text = json;
    record.text_length = length;
    if (!sim->failed && dure_loop_input(sim->loop, &input) != DURE_OK)
        fail(sim, DURE_E_MEMORY, "out of memory for the specs");
}

/* Roles name people and decide nothing here; the core wants to know who they are, so they stay out. */
static enum dure_err tenants_alone(const struct dure_tenants *tenants, struct dure_buf *json)
{
    const char *roles = strstr(tenants->spec_json, ",\"roles\":[");
    const char *end = roles ? strchr(roles, ']') : NULL;
    dure_buf_add(json, tenants->spec_json,
                 roles && end ? (size_t)(roles - tenants->spec_json) : tenants->spec_json_length);
    if (roles && end)
        dure_buf_add(json, end + 1, tenants->spec_json_length - (size_t)(end + 1 - tenants->spec_json));
    return json->failed ? DURE_E_MEMORY : DURE_OK;
}

/* What runs is given to the engine; then the changes, in their order. */
static bool change(struct sim *sim)
{
    if (sim->options.core)
        dure_loop_recover(sim->loop);
    for (size_t i = 0; i < sim->options.change_count && !sim->failed; i++) {
        const struct dure_input input = {.record = &sim->options.changes[i], .answer = declared, .context = sim};
        if (dure_loop_input(sim->loop, &input) == DURE_E_BUSY) {
            settle(sim);
            if (dure_loop_input(sim->loop, &input) != DURE_OK)
                fail(sim, DURE_E_MEMORY, "out of memory for a change");
        }
    }
    settle(sim);
    return !sim->failed;
}

static bool specs(struct sim *sim)
{
    const struct dure_sim_options *o = &sim->options;
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    dure_buf_init(&tenants, DURE_SPEC_BYTES_MAX);
    if (tenants_alone(o->tenants, &tenants) != DURE_OK) {
        fail(sim, DURE_E_MEMORY, "out of memory for the specs");
        return false;
    }
    if (o->core)
        return change(sim);
    declare(sim, DURE_REC_FLEET, o->fleet->spec_json, o->fleet->spec_json_length);
    declare(sim, DURE_REC_TENANTS, tenants.data, tenants.length);
    if (o->power)
        declare(sim, DURE_REC_POWER, o->power->spec_json, o->power->spec_json_length);
    if (o->data)
        declare(sim, DURE_REC_DATA, o->data->spec_json, o->data->spec_json_length);
    settle(sim);
    return !sim->failed && change(sim);
}

static void answered(void *context, const struct dure_answer *answer)
{
    struct sim *sim = context;
    if (answer->err == DURE_OK)
        return;
    if (answer->err == DURE_E_MEMORY)
        fail(sim, answer->err, answer->text);
    sim->result->refused++;
}

static void submit(struct sim *sim)
{
    struct dure_record record;
    const struct dure_input input = {.record = &record, .answer = answered, .context = sim};
    dure_record_init(&record, DURE_REC_SUBMIT, 0, 0);
    record.submit = sim->next.job;
    enum dure_err err = dure_loop_input(sim->loop, &input);
    if (err == DURE_E_BUSY) { /* more at one moment than the daemon takes at a time */
        settle(sim);
        err = dure_loop_input(sim->loop, &input);
    }
    if (err != DURE_OK)
        fail(sim, err, "out of memory for a submission");
    sim->result->submitted++;
    if (sim->next.job.tenant.v < sim->result->tenant_count)
        sim->result->tenants[sim->next.job.tenant.v].submitted++;
    sim->has_next = sim->options.next(sim->options.context, &sim->next);
}

/* When the next thing is due, at the end of its batch; DURE_NEVER_US: nothing is. */
static int64_t due(const struct sim *sim)
{
    const struct dure_sim_event *first = dure_sim_heap_first(&sim->heap);
    int64_t at = sim->wake_us;
    if (first && first->at_us < at)
        at = first->at_us;
    if (sim->has_next && sim->next.at_us < at)
        at = sim->next.at_us;
    if (at == DURE_NEVER_US || sim->options.batch_us <= 0)
        return at;
    const int64_t since = at - sim->options.from_us, batch = sim->options.batch_us;
    return sim->options.from_us + (since + batch - 1) / batch * batch;
}

/* Does anything go on? A time that was asked for is played to its end; without one, nodes that fail and mend would never let a run end. */
static bool goes_on(const struct sim *sim)
{
    return sim->options.until_us != DURE_NEVER_US || sim->has_next || sim->by_attempt.count > 0 ||
           !dure_loop_idle(sim->loop) ||
           (sim->wake_us != DURE_NEVER_US && dure_core_counts(sim->core).jobs_pending > 0);
}

static void turn(struct sim *sim, int64_t at_us)
{
    const struct dure_sim_event *first;
    sim->now_us = at_us > sim->now_us ? at_us : sim->now_us;
    measure_to(sim, sim->now_us);
    while ((first = dure_sim_heap_first(&sim->heap)) && first->at_us <= sim->now_us && !sim->failed) {
        const struct dure_sim_event event = *first;
        dure_sim_heap_pop(&sim->heap);
        if (sim->heap.count)
            work_fetch(sim, dure_sim_heap_first(&sim->heap));
        work_due(sim, &event);
    }
    while (sim->has_next && sim->next.at_us <= sim->now_us && !sim->failed)
        submit(sim);
    settle(sim);
}

static bool tell(struct sim *sim)
{
    const struct dure_core_counts counts = dure_core_counts(sim->core);
    const struct dure_sim_progress progress = {.from_us = sim->options.from_us,
                                               .now_us = sim->now_us,
                                               .until_us = sim->options.until_us,
                                               .jobs = sim->result->submitted,
                                               .pending = counts.jobs_pending,
                                               .running = counts.jobs_running};
    return !sim->options.progress || sim->options.progress(sim->options.progress_context, &progress);
}

static void play(struct sim *sim)
{
    sim->has_next = sim->options.next(sim->options.context, &sim->next);
    for (uint64_t turns = 0; !sim->failed && goes_on(sim); turns++) {
        const int64_t at = due(sim);
        if (at > sim->options.until_us || at == DURE_NEVER_US) {
            sim->now_us = sim->options.until_us != DURE_NEVER_US ? sim->options.until_us : sim->now_us;
            break;
        }
        turn(sim, at);
        if (turns % PROGRESS_EVERY == 0 && !tell(sim)) {
            sim->result->partial = true;
            break;
        }
    }
    if (!sim->failed)
        measure_finish(sim);
}

enum dure_err dure_sim_run(const struct dure_sim_options *options, struct dure_sim_result *ret_result,
                           struct dure_error *error)
{
    struct dure_error own = {0};
    struct dure_sim_result result = {0};
    struct sim sim = {
        .options = *options, .now_us = options->from_us, .wake_us = DURE_NEVER_US, .error = &own, .result = &result};
    work_engine(&sim);
    sim.core = options->core;
    bool fine = (sim.core || dure_core_new(&sim.core) == DURE_OK) && loop_begin(&sim);
    if (!fine)
        fail(&sim, DURE_E_MEMORY, "out of memory for a core");
    fine = fine && measure_tables(&sim);
    if (!fine)
        fail(&sim, DURE_E_MEMORY, "out of memory for the figures");
    if (fine && specs(&sim)) {
        measure_begin(&sim);
        if (!work_failures_begin(&sim))
            fail(&sim, DURE_E_MEMORY, "out of memory for failures");
        play(&sim);
    }
    dure_loop_free(sim.loop);
    dure_core_free(sim.core);
    work_release(&sim);
    measure_release(&sim);
    if (sim.failed) {
        dure_sim_result_release(&result);
        return dure_fail(error, own.code != DURE_OK ? own.code : DURE_E_MEMORY, "%s",
                         own.text[0] ? own.text : "out of memory");
    }
    *ret_result = result;
    return DURE_OK;
}

void dure_sim_result_release(struct dure_sim_result *result)
{
    free(result->tenants);
    free(result->chains);
    free(result->tops);
    free(result->top_waits);
    free(result->samples);
    free(result->series);
    *result = (struct dure_sim_result){0};
}
