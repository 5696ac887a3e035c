/* One input through the core into the forming batch: its leaf, the decisions' leaves, the body, the answer and what must be done once durable. */
#include <string.h>

#include "loop/internal.h"
#include "loop/summary.h"
#include "model/cbor.h"

enum { ROWS_MAX = 1 << 24, SUMMARY_MAX = 1 << 26 };

/* A step that ran out of memory half way leaves the core ahead of the journal: only the journal is right then. */
static void give_up(struct dure_loop *loop, const char *text)
{
    if (!loop->dead)
        loop->world.fatal(loop->world.context, DURE_E_MEMORY, text);
    loop->dead = true;
}

static bool keep_summary(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *end)
{
    static const struct dure_usage none;
    const struct dure_record *input = loop->stepping;
    struct dure_job_view view;
    struct dure_buf buf DURE_CLEANUP_BUF = {0};

    if (loop->world.append == NULL)
        return true;
    if (!dure_core_job_view(loop->core, end->job, end->element, &view))
        return false;
    dure_buf_init(&buf, SUMMARY_MAX);
    const bool reported = input != NULL && input->kind == DURE_REC_ATTEMPT_REPORT && input->attempt.v == end->attempt.v;
    if (!dure_summary_encode(&view, end, reported ? &input->usage : &none, reported ? input->reason : "", &buf))
        return false;
    struct dure_history_row row = {
        .job = end->job.v,
        .element = end->element,
        .tenant = view.job->tenant.v,
        .principal = view.job->principal.v,
        .ended_us = end->time_us,
    };
    row.summary.data = (const void *)(uintptr_t)batch_keep(batch, buf.data, buf.length);
    row.summary.length = buf.length;
    return !batch->bytes.failed && DURE_VEC_PUSH(&batch->history, row, ROWS_MAX);
}

/* The core calls this before it applies the decision: what ends is still to be seen. */
static void decided(void *context, const struct dure_record *decision)
{
    struct dure_loop *loop = context;
    struct dure_batch *batch = loop->forming;

    loop->stats.decisions++;
    prices_note(loop, decision);
    if (loop->world.decided != NULL)
        loop->world.decided(loop->world.context, decision);
    if (!batch_record(batch, decision) || (decision->kind == DURE_REC_END && !keep_summary(loop, batch, decision)) ||
        !effect_from(loop, batch, decision))
        loop->stepping_failed = true;
}

/* Leaf of the input, then the core. The input's leaf must come first, but a refused input must leave none: taken back. */
static enum dure_err step_record(struct dure_loop *loop, const struct dure_record *record, uint64_t *ret_sequence,
                                 struct dure_error *error)
{
    struct dure_batch *batch = loop->forming;
    struct {
        size_t bytes, records, leaves, events;
        uint64_t size;
    } before = {batch->bytes.length, batch->records.length, batch->leaves.count, batch->events.count, loop->size};

    if (!batch_record(batch, record)) {
        give_up(loop, "out of memory for a batch");
        return DURE_E_MEMORY;
    }
    *ret_sequence = before.size;
    loop->stepping = record;
    enum dure_err err = dure_core_step(loop->core, record, decided, loop, error);
    loop->stepping = NULL;
    if (err == DURE_OK && !effect_of_input(loop, batch, record))
        loop->stepping_failed = true;
    if (loop->stepping_failed) {
        give_up(loop, "out of memory while deciding");
        return DURE_E_MEMORY;
    }
    if (err != DURE_OK) {
        DURE_ASSERT(loop->world.append == NULL || batch->leaves.count - before.leaves == loop->size - before.size);
        batch->bytes.length = before.bytes;
        batch->records.length = before.records;
        batch->leaves.count = before.leaves;
        batch->events.count = before.events;
        loop->size = before.size;
        loop->stats.refused++;
        return err;
    }
    loop->stats.inputs++;
    return DURE_OK;
}

/* What the loop itself has to say is never refused. */
static bool step_sure(struct dure_loop *loop, const struct dure_record *record)
{
    struct dure_error error = {0};
    uint64_t sequence;
    const enum dure_err err = step_record(loop, record, &sequence, &error);
    if (err != DURE_OK && !loop->dead) {
        loop->world.fatal(loop->world.context, err, error.text);
        loop->dead = true;
    }
    return err == DURE_OK;
}

bool step_own(struct dure_loop *loop, enum dure_record_kind kind, int64_t number)
{
    struct dure_record record;
    dure_record_init(&record, kind, loop->term, loop_time(loop));
    record.number = number;
    return step_sure(loop, &record);
}

bool step_text(struct dure_loop *loop, enum dure_record_kind kind, const char *text, size_t length)
{
    struct dure_record record;
    dure_record_init(&record, kind, loop->term, loop_time(loop));
    record.text = text;
    record.text_length = length;
    return step_sure(loop, &record);
}

/* Salts, commits and encodes the body before the record that carries its commitment is stepped. */
static bool commit_body(struct dure_loop *loop, struct queued *queued, struct dure_buf *buf)
{
    uint8_t salts[DURE_BODY_FIELD_COUNT * 16];
    uint8_t commitment[32];

    loop->world.random(loop->world.context, salts, sizeof salts);
    dure_body_commit(queued->body, salts, commitment);
    explicit_bzero(salts, sizeof salts);
    if (queued->record.kind == DURE_REC_SUBMIT) {
        memcpy(queued->record.submit.commitment, commitment, 32);
        queued->record.submit.commitment_length = 32;
    } else {
        memcpy(queued->record.commitment, commitment, 32);
        queued->record.commitment_length = 32;
    }
    return dure_body_encode(queued->body, buf) == DURE_OK;
}

static bool keep_body(struct dure_loop *loop, struct queued *queued, const struct dure_buf *buf, uint64_t job)
{
    struct dure_batch *batch = loop->forming;
    struct dure_body_row row = {.kind = queued->body_kind};

    row.id = queued->body_kind == DURE_BODY_OF_JOB ? job : queued->record.principal.v;
    row.body.data = (const void *)(uintptr_t)batch_keep(batch, buf->data, buf->length);
    row.body.length = buf->length;
    if (queued->body_kind == DURE_BODY_OF_PRINCIPAL &&
        dure_loop_principal_put(loop, queued->record.principal, dure_body_text(queued->body, DURE_BODY_LOGIN)) !=
            DURE_OK)
        return false;
    return !batch->bytes.failed && DURE_VEC_PUSH(&batch->bodies, row, ROWS_MAX);
}

static struct dure_principal_id principal_of(const struct dure_record *record)
{
    return record->kind == DURE_REC_SUBMIT ? record->submit.principal : record->principal;
}

static bool keep_idem(struct dure_loop *loop, const struct queued *queued, const struct dure_answer *answer)
{
    struct dure_batch *batch = loop->forming;
    struct dure_buf buf DURE_CLEANUP_BUF = {0};
    struct dure_principal_id principal = principal_of(&queued->record);
    int64_t now = dure_core_time_us(loop->core);

    dure_buf_init(&buf, 64);
    dure_cbor_head(&buf, DURE_CBOR_ARRAY, 3);
    dure_cbor_uint(&buf, answer->sequence);
    dure_cbor_uint(&buf, answer->job.v);
    dure_cbor_uint(&buf, answer->allot.v);
    struct dure_idem_row row = {.principal = principal.v, .request_hash = queued->idem_hash, .time_us = now};
    row.key = dure_arena_strdup(batch->arena, queued->idem_key);
    row.answer.data = (const void *)(uintptr_t)batch_keep(batch, buf.data, buf.length);
    row.answer.length = buf.length;
    return row.key != NULL && !batch->bytes.failed && DURE_VEC_PUSH(&batch->idems, row, ROWS_MAX) &&
           idem_add(loop, principal, queued->idem_key, queued->idem_hash, now, answer);
}

static void keep_answer(struct dure_loop *loop, const struct queued *queued, struct dure_answer answer,
                        const char *text)
{
    struct dure_batch *batch = loop->forming;
    if (queued->answer == NULL)
        return;
    const char *copy = text == NULL || *text == '\0' ? "" : dure_arena_strdup(batch->arena, text);
    answer.text = copy != NULL ? copy : dure_err_sentence(answer.err);
    struct answer row = {.fn = queued->answer, .context = queued->context, .answer = answer};
    if (!DURE_VEC_PUSH(&batch->answers, row, ROWS_MAX))
        give_up(loop, "out of memory for answers");
}

/* The answer of an earlier request under the same key, if any: true when this one needs no step. */
static bool replay(struct dure_loop *loop, const struct queued *queued, struct dure_answer *answer,
                   const char **ret_text)
{
    struct idem_entry *entry =
        queued->idem_key[0] != '\0' ? idem_find(loop, principal_of(&queued->record), queued->idem_key) : NULL;
    if (entry == NULL)
        return false;
    if (entry->request_hash == queued->idem_hash) {
        *answer = entry->answer;
        answer->replayed = true;
    } else {
        answer->err = DURE_E_CONFLICT;
        *ret_text = "this Idempotency-Key was used for another request; take a new key";
    }
    return true;
}

bool step_is_news(const struct dure_loop *loop, const struct dure_record *record)
{
    struct dure_node_view view;
    const bool report = record->kind == DURE_REC_NODE_REPORT, foreign = record->kind == DURE_REC_FOREIGN;
    if ((!report && !foreign) || !dure_core_node_view(loop->core, record->node, &view))
        return true;
    if (foreign)
        return record->mask != view.foreign;
    return record->number != (int64_t)view.report ||
           (view.report != DURE_NODE_IS_UP && strcmp(record->reason, view.report_reason) != 0);
}

void step_queued(struct dure_loop *loop, struct queued *queued)
{
    struct dure_answer answer = {.job = {DURE_NONE64}, .allot = {DURE_NONE32}, .principal = {DURE_NONE32}};
    struct dure_error error = {0};
    const char *text = error.text;
    struct dure_buf body DURE_CLEANUP_BUF = {0};
    struct dure_record *record = &queued->record;

    if (!queued->external && !step_is_news(loop, record))
        return;
    dure_buf_init(&body, 4 << 20);
    if (replay(loop, queued, &answer, &text)) {
        keep_answer(loop, queued, answer, text);
        return;
    }
    /* Two requests may bring the same login at once: the second finds the first one's number. */
    if (record->kind == DURE_REC_PRINCIPAL && record->principal.v == DURE_NONE32 && queued->body != NULL &&
        dure_loop_principal_find(loop, dure_body_text(queued->body, DURE_BODY_LOGIN), &answer.principal)) {
        keep_answer(loop, queued, answer, text);
        return;
    }
    record->term = loop->term;
    record->time_us = loop_time(loop);
    if (record->kind == DURE_REC_PRINCIPAL && record->principal.v == DURE_NONE32)
        record->principal = dure_core_next_principal(loop->core);
    if (queued->body != NULL && !commit_body(loop, queued, &body)) {
        answer.err = dure_fail(&error, DURE_E_LIMIT,
                               "what stands beside the job (script, environment, paths) is larger than 2 MiB");
        keep_answer(loop, queued, answer, text);
        return;
    }
    struct dure_job_id job = dure_core_next_job(loop->core);
    uint32_t allots = dure_core_allot_count(loop->core);
    const struct dure_job_id booking = {dure_core_next_booking(loop->core)};
    answer.err = step_record(loop, record, &answer.sequence, &error);
    if (loop->dead)
        return;
    if (answer.err == DURE_OK) {
        answer.job = record->kind == DURE_REC_SUBMIT ? job
                     : record->kind == DURE_REC_BOOK ? booking /* the number of what was made */
                                                     : record->job;
        answer.allot.v = record->kind == DURE_REC_GRANT ? allots : record->allot.v;
        answer.principal = record->principal;
        if ((queued->body != NULL && !keep_body(loop, queued, &body, job.v)) ||
            (queued->idem_key[0] != '\0' && !keep_idem(loop, queued, &answer)))
            give_up(loop, "out of memory beside a record");
    }
    keep_answer(loop, queued, answer, text);
}
