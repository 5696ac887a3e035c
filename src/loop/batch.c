/* One batch: everything that becomes durable together, and what waits for that. Its memory is one growing run of bytes plus small arrays, kept for the next. */
#include <string.h>

#include "loop/internal.h"

enum { ROWS_MAX = 1 << 24 };

struct dure_batch *batch_new(struct dure_loop *loop)
{
    struct dure_batch *batch = loop->spare;
    loop->spare = NULL;
    if (batch == NULL) {
        batch = calloc(1, sizeof *batch);
        if (batch == NULL)
            return NULL;
        batch->arena = dure_arena_new(BATCH_ARENA_MAX);
        if (batch->arena == NULL) {
            free(batch);
            return NULL;
        }
        dure_buf_init(&batch->bytes, BATCH_BYTES_MAX);
        dure_buf_init(&batch->records, BATCH_BYTES_MAX);
    }
    batch->loop = loop;
    batch->first_sequence = loop->size;
    return batch;
}

static void batch_clear(struct dure_batch *batch)
{
    dure_arena_reset(batch->arena);
    dure_buf_clear(&batch->bytes);
    dure_buf_clear(&batch->records);
    batch->leaves.count = batch->bodies.count = batch->idems.count = batch->history.count = 0;
    batch->answers.count = batch->effects.count = batch->events.count = batch->leaf_bytes.count = 0;
    batch->handed = false;
    batch->next = NULL;
}

void batch_free(struct dure_batch *batch)
{
    if (batch == NULL)
        return;
    if (batch->loop->spare == NULL && !batch->loop->dead) {
        batch_clear(batch);
        batch->loop->spare = batch;
        return;
    }
    dure_arena_free(batch->arena);
    dure_buf_release(&batch->bytes);
    dure_buf_release(&batch->records);
    DURE_VEC_FREE(&batch->leaves);
    DURE_VEC_FREE(&batch->bodies);
    DURE_VEC_FREE(&batch->idems);
    DURE_VEC_FREE(&batch->history);
    DURE_VEC_FREE(&batch->answers);
    DURE_VEC_FREE(&batch->effects);
    DURE_VEC_FREE(&batch->events);
    DURE_VEC_FREE(&batch->leaf_bytes);
    free(batch);
}

size_t batch_keep(struct dure_batch *batch, const void *bytes, size_t length)
{
    size_t offset = batch->bytes.length;
    dure_buf_add(&batch->bytes, bytes, length);
    return offset;
}

static bool keep_leaf(void *context, const void *bytes, size_t length)
{
    struct dure_batch *batch = context;
    struct leaf_span span = {.offset = batch->bytes.length, .length = length};
    /* An unchunked record was encoded in place: its leaf is where it stands. */
    if ((const char *)bytes >= batch->bytes.data && (const char *)bytes < batch->bytes.data + batch->bytes.length)
        span.offset = (size_t)((const char *)bytes - batch->bytes.data);
    else
        dure_buf_add(&batch->bytes, bytes, length);
    return !batch->bytes.failed && DURE_VEC_PUSH(&batch->leaves, span, ROWS_MAX);
}

bool batch_record(struct dure_batch *batch, const struct dure_record *record)
{
    struct dure_loop *loop = batch->loop;
    size_t from = batch->bytes.length;
    size_t leaves = batch->leaves.count;

    if (loop->world.append == NULL) {
        loop->size++;
        return true;
    }
    if (!dure_record_encode(record, &batch->bytes))
        return false;
    size_t length = batch->bytes.length - from;
    if (loop->world.listening != NULL && loop->world.listening(loop->world.context)) {
        struct event event = {.sequence = loop->size, .offset = batch->records.length, .length = length};
        dure_buf_add(&batch->records, batch->bytes.data + from, length);
        if (batch->records.failed || !DURE_VEC_PUSH(&batch->events, event, ROWS_MAX))
            return false;
    }
    if (length <= DURE_LEAF_MAX) {
        if (!keep_leaf(batch, batch->bytes.data + from, length))
            return false;
    } else {
        /* The buffer may move while chunks are added to it: cut from a copy. */
        char *copy = malloc(length);
        if (copy == NULL)
            return false;
        memcpy(copy, batch->bytes.data + from, length);
        bool cut = dure_leaves_cut(copy, length, keep_leaf, batch);
        free(copy);
        if (!cut)
            return false;
    }
    loop->size += batch->leaves.count - leaves;
    return true;
}

void batch_seal(struct dure_batch *batch)
{
    const char *base = batch->bytes.data;
    bool kept = true;

    for (size_t i = 0; i < batch->leaves.count; i++) {
        struct dure_bytes bytes = {.data = base + batch->leaves.at[i].offset, .length = batch->leaves.at[i].length};
        kept = kept && DURE_VEC_PUSH(&batch->leaf_bytes, bytes, ROWS_MAX);
    }
    DURE_ASSERT(kept);
    for (size_t i = 0; i < batch->bodies.count; i++)
        batch->bodies.at[i].body.data = base + (uintptr_t)batch->bodies.at[i].body.data;
    for (size_t i = 0; i < batch->idems.count; i++)
        batch->idems.at[i].answer.data = base + (uintptr_t)batch->idems.at[i].answer.data;
    for (size_t i = 0; i < batch->history.count; i++)
        batch->history.at[i].summary.data = base + (uintptr_t)batch->history.at[i].summary.data;
    batch->journal = (struct dure_journal_batch){
        .leaves = batch->leaf_bytes.at,
        .leaf_count = (uint32_t)batch->leaf_bytes.count,
        .bodies = batch->bodies.at,
        .body_count = (uint32_t)batch->bodies.count,
        .idems = batch->idems.at,
        .idem_count = (uint32_t)batch->idems.count,
        .history = batch->history.at,
        .history_count = (uint32_t)batch->history.count,
        .digest = dure_core_digest(batch->loop->core),
        .time_us = dure_core_time_us(batch->loop->core),
    };
}

const struct dure_journal_batch *dure_batch_journal(const struct dure_batch *batch)
{
    return &batch->journal;
}
