#include "loop/loop.h"

#include <string.h>

#include "base/utf8.h"
#include "loop/internal.h"
#include "model/cbor.h"

enum { CLOCK_JUMP_MAX_US = 5 * 1000000, QUEUED_SMALL = sizeof(struct queued) + 64, SPARES_MAX = 256 };

enum dure_err dure_loop_new(const struct dure_loop_options *options, struct dure_loop **ret_loop)
{
    const struct dure_world *world = &options->world;
    DURE_ASSERT(world->now_us && world->monotonic_us && world->read && world->random && world->wake && world->engine &&
                world->fatal && world->held && (world->event || !world->listening));
    struct dure_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return DURE_E_MEMORY;
    loop->core = options->core;
    loop->world = *world;
    loop->term = options->term;
    loop->size = loop->durable = options->size;
    loop->clock_jump_max_us = options->clock_jump_max_us > 0 ? options->clock_jump_max_us : CLOCK_JUMP_MAX_US;
    loop->clock_offset_us = world->now_us(world->context) - world->monotonic_us(world->context);
    loop->last = &loop->first;
    loop->flight_last = &loop->flight_first;
    *ret_loop = loop;
    return DURE_OK;
}

static void queued_free(struct dure_loop *loop, struct queued *queued)
{
    dure_body_free(queued->body);
    if (queued->is_small && loop->spare_count < SPARES_MAX) {
        queued->next = loop->spares;
        loop->spares = queued;
        loop->spare_count++;
    } else {
        free(queued);
    }
}

/* Most are small, and come and go all the time. */
static struct queued *queued_new(struct dure_loop *loop, size_t size)
{
    const bool is_small = size <= QUEUED_SMALL;
    struct queued *queued = is_small ? loop->spares : NULL;
    if (queued != NULL) {
        loop->spares = queued->next;
        loop->spare_count--;
    } else {
        queued = malloc(is_small ? QUEUED_SMALL : size);
    }
    if (queued != NULL)
        queued->is_small = is_small;
    return queued;
}

void dure_loop_free(struct dure_loop *loop)
{
    if (loop == NULL)
        return;
    while (loop->first != NULL) {
        struct queued *next = loop->first->next;
        queued_free(loop, loop->first);
        loop->first = next;
    }
    while (loop->spares != NULL) {
        struct queued *next = loop->spares->next;
        free(loop->spares);
        loop->spares = next;
    }
    loop->dead = true; /* batches are freed for good */
    while (loop->flight_first != NULL) {
        struct dure_batch *next = loop->flight_first->next;
        batch_free(loop->flight_first);
        loop->flight_first = next;
    }
    batch_free(loop->forming);
    batch_free(loop->spare);
    idem_free(loop);
    logins_free(loop);
    prices_release(loop);
    free(loop);
}

/* The node lists of a job, behind all else. */
static size_t lists_size(const struct dure_job *job)
{
    return ((size_t)job->include.count + job->exclude.count) * sizeof(struct dure_node_run);
}

static const char *own_name(char own[DURE_NAME_MAX + 1], const char *name)
{
    const size_t length = name != NULL ? strnlen(name, DURE_NAME_MAX) : 0;
    if (length > 0)
        memcpy(own, name, length);
    own[length] = '\0';
    return own;
}

static struct dure_node_runs own_runs(struct dure_node_run *own, struct dure_node_runs runs)
{
    if (runs.count > 0)
        memcpy(own, runs.at, runs.count * sizeof *own);
    return (struct dure_node_runs){own, runs.count};
}

static void own_job(struct queued *queued, const struct dure_job *from, struct dure_node_run *runs)
{
    struct dure_job *job = &queued->record.submit;

    job->level = own_name(queued->names[0], from->level);
    job->spread_level = own_name(queued->names[1], from->spread_level);
    job->mig = own_name(queued->names[2], from->mig);
    job->include = own_runs(runs, from->include);
    job->exclude = own_runs(runs + from->include.count, from->exclude);
}

static enum dure_err enqueue(struct dure_loop *loop, const struct dure_input *input, bool external)
{
    const struct dure_record *record = input->record;
    size_t text_length = record->text != NULL ? record->text_length : 0;
    const size_t align = _Alignof(struct dure_place);
    const size_t places_at = (sizeof(struct queued) + text_length + align) & ~(align - 1); /* after the text's NUL */
    const size_t places_size = record->place_count * sizeof *record->places;
    const size_t lists_at = (places_at + places_size + align - 1) & ~(align - 1);
    struct queued *queued = loop->dead || (external && loop->queued_external >= DURE_QUEUE_MAX)
                                ? NULL
                                : queued_new(loop, lists_at + lists_size(&record->submit));

    if (queued == NULL) {
        dure_body_free(input->body);
        return loop->dead ? DURE_E_IO : DURE_E_BUSY;
    }
    queued->next = NULL;
    queued->record = *record;
    dure_utf8_mend(queued->record.reason); /* cut to fit by whoever wrote it: a leaf's text is whole */
    queued->body = input->body;
    queued->body_kind = input->body_kind;
    queued->idem_hash = input->idem_hash;
    queued->answer = input->answer;
    queued->context = input->context;
    queued->external = external;
    queued->idem_key[0] = '\0';
    if (input->idem_key != NULL)
        memcpy(queued->idem_key, input->idem_key, strnlen(input->idem_key, DURE_IDEM_KEY_MAX) + 1);
    queued->idem_key[DURE_IDEM_KEY_MAX] = '\0';
    if (text_length > 0)
        memcpy(queued->text, record->text, text_length);
    queued->text[text_length] = '\0';
    queued->record.text = queued->text;
    if (places_size > 0)
        queued->record.places = memcpy((char *)queued + places_at, record->places, places_size);
    own_job(queued, &record->submit, (struct dure_node_run *)((char *)queued + lists_at));
    *loop->last = queued;
    loop->last = &queued->next;
    loop->queued_count++;
    loop->queued_external += external ? 1 : 0;
    if (loop->queued_count == 1)
        loop->world.wake(loop->world.context, 0);
    return DURE_OK;
}

enum dure_err dure_loop_input(struct dure_loop *loop, const struct dure_input *input)
{
    return enqueue(loop, input, true);
}

/* An observation lost would leave GPUs held for ever: no memory for it ends the process, and recovery asks the engine again. */
static void observed(struct dure_loop *loop, const struct dure_record *record)
{
    const struct dure_input input = {.record = record};
    if (enqueue(loop, &input, false) != DURE_OK && !loop->dead) {
        loop->dead = true;
        loop->world.fatal(loop->world.context, DURE_E_MEMORY, "out of memory for an observation");
    }
}

static void keep_reason(struct dure_record *record, const char *reason)
{
    memcpy(record->reason, reason, sizeof record->reason);
    record->reason[DURE_REASON_MAX] = '\0';
}

/* Somebody ended it by the engine's own means: as if they had cancelled it here. */
static void cancel_first(struct dure_loop *loop, struct dure_attempt_id attempt)
{
    struct dure_job_view view;
    struct dure_record record;

    if (!dure_core_attempt_view(loop->core, attempt, &view))
        return;
    dure_record_init(&record, DURE_REC_CANCEL, 0, 0);
    record.job = view.id;
    record.element = view.job->array_count > 0 ? view.element : DURE_NONE32;
    observed(loop, &record);
}

void dure_loop_observe(void *context, const struct dure_observation *observation)
{
    struct dure_record record;

    if (observation->cancelled)
        cancel_first(context, observation->attempt);

    dure_record_init(&record, DURE_REC_ATTEMPT_REPORT, 0, 0);
    record.attempt = observation->attempt;
    record.report = observation->report;
    record.exit_code = observation->exit_code;
    record.exit_signal = observation->exit_signal;
    record.usage = observation->usage;
    keep_reason(&record, observation->reason);
    observed(context, &record);
}

/* With nothing queued the core stands where it will when this is stepped: what is no news needs no place in the queue. */
static void observed_node(struct dure_loop *loop, const struct dure_record *record)
{
    if (loop->queued_count > 0 || step_is_news(loop, record))
        observed(loop, record);
}

void dure_loop_observe_node(void *context, const struct dure_node_observation *observation)
{
    struct dure_record record;

    dure_record_init(&record, DURE_REC_NODE_REPORT, 0, 0);
    record.node = observation->node;
    record.number = observation->state;
    keep_reason(&record, observation->reason);
    observed_node(context, &record);
    if (!observation->foreign_known)
        return;
    dure_record_init(&record, DURE_REC_FOREIGN, 0, 0);
    record.node = observation->node;
    record.mask = observation->foreign;
    keep_reason(&record, observation->foreign_reason);
    observed_node(context, &record);
}

static void step_all(struct dure_loop *loop)
{
    uint32_t stepped = 0;
    while (loop->first != NULL && stepped < DURE_BATCH_INPUTS_MAX && !loop->dead) {
        struct queued *queued = loop->first;
        loop->first = queued->next;
        if (loop->first == NULL)
            loop->last = &loop->first;
        loop->queued_count--;
        loop->queued_external -= queued->external ? 1 : 0;
        const struct queued *next = loop->first;
        for (unsigned after = 1; next != NULL && after <= DURE_CORE_EXPECTED; after++, next = next->next)
            dure_core_expect(loop->core, &next->record, after);
        step_queued(loop, queued);
        queued_free(loop, queued);
        stepped++;
    }
}

/* TERM first of all, then the deadline that has passed, then what was asked, then a pass. */
static bool form(struct dure_loop *loop)
{
    if (loop->forming == NULL)
        loop->forming = batch_new(loop);
    if (loop->forming == NULL) {
        loop->dead = true;
        loop->world.fatal(loop->world.context, DURE_E_MEMORY, "out of memory for a batch");
        return false;
    }
    if (!loop->term_written) {
        loop->term_written = true;
        if (!step_own(loop, DURE_REC_CORE_VERSION, DURE_CORE_VERSION) ||
            !step_own(loop, DURE_REC_TERM, (int64_t)loop->term))
            return false;
    }
    if (dure_core_next_deadline_us(loop->core) <= loop_time(loop) && !step_own(loop, DURE_REC_TICK, 0))
        return false;
    step_all(loop);
    if (loop->flight_count == 0 && !loop->dead && dure_core_wants_pass(loop->core))
        step_own(loop, DURE_REC_PASS, DURE_PASS_STARTS_MAX);
    return !loop->dead && prices_renew(loop);
}

static void hand_over(struct dure_loop *loop)
{
    struct dure_batch *batch = loop->forming;
    if (loop->size == batch->first_sequence && batch->answers.count == 0)
        return;
    loop->forming = NULL;
    batch->next_sequence = loop->size;
    batch_seal(batch);
    *loop->flight_last = batch;
    loop->flight_last = &batch->next;
    loop->flight_count++;
    loop->stats.batches++;
    if (batch->leaves.count > 0)
        loop->world.append(loop->world.context, batch);
    else
        dure_loop_appended(loop, batch, DURE_OK, "");
}

static void next_wake(struct dure_loop *loop)
{
    if (loop->dead)
        return;
    if (loop->first != NULL || (loop->flight_count == 0 && dure_core_wants_pass(loop->core))) {
        loop->world.wake(loop->world.context, 0);
        return;
    }
    int64_t deadline = dure_core_next_deadline_us(loop->core);
    if (deadline == DURE_NEVER_US)
        return;
    /* Deadlines stand in the records' time; the world waits in its own. */
    int64_t wait = deadline - loop_time(loop);
    loop->world.wake(loop->world.context, loop->world.now_us(loop->world.context) + (wait > 0 ? wait : 0));
}

void dure_loop_turn(struct dure_loop *loop)
{
    if (loop->dead)
        return;
    if (form(loop) && loop->flight_count == 0)
        hand_over(loop);
    next_wake(loop);
}

void dure_loop_appended(struct dure_loop *loop, struct dure_batch *batch, enum dure_err err, const char *text)
{
    if (loop->dead)
        return;
    DURE_ASSERT(batch == loop->flight_first);
    if (err != DURE_OK) {
        loop->dead = true;
        loop->world.fatal(loop->world.context, err, text);
        return;
    }
    loop->flight_first = batch->next;
    if (loop->flight_first == NULL)
        loop->flight_last = &loop->flight_first;
    loop->flight_count--;
    loop->durable = batch->next_sequence;
    effects_release(loop, batch);
    batch_free(batch);
    if (!loop->dead)
        loop->world.wake(loop->world.context, 0);
}

void dure_loop_recover(struct dure_loop *loop)
{
    struct dure_job_view view;
    uint64_t cursor = 0;
    while (!loop->dead && dure_core_attempt_next(loop->core, &cursor, &view))
        effect_recover(loop, &view);
}

uint64_t dure_loop_durable(const struct dure_loop *loop)
{
    return loop->durable;
}

uint64_t dure_loop_stepped(const struct dure_loop *loop)
{
    return loop->size;
}

bool dure_loop_idle(const struct dure_loop *loop)
{
    return loop->first == NULL && loop->flight_count == 0 &&
           (loop->forming == NULL || loop->size == loop->forming->first_sequence) && !dure_core_wants_pass(loop->core);
}

enum dure_err dure_loop_idem_put(struct dure_loop *loop, const struct dure_idem_row *row)
{
    struct dure_answer answer = {.principal = {DURE_NONE32}};
    struct dure_cbor_reader reader;

    dure_cbor_read(&reader, row->answer.data, row->answer.length);
    uint64_t items = dure_cbor_read_head(&reader, DURE_CBOR_ARRAY);
    answer.sequence = dure_cbor_read_uint(&reader, UINT64_MAX);
    answer.job.v = dure_cbor_read_uint(&reader, UINT64_MAX);
    answer.allot.v = (uint32_t)dure_cbor_read_uint(&reader, UINT32_MAX);
    if (items != 3 || !dure_cbor_read_done(&reader))
        return DURE_E_CORRUPT;
    return idem_add(loop, (struct dure_principal_id){row->principal}, row->key, row->request_hash, row->time_us,
                    &answer)
               ? DURE_OK
               : DURE_E_MEMORY;
}

struct dure_loop_stats dure_loop_stats(const struct dure_loop *loop)
{
    struct dure_loop_stats stats = loop->stats;
    stats.queued = loop->queued_count;
    return stats;
}
