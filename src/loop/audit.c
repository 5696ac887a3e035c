/* Audit: the stored inputs through a core of our own, and every decision it makes compared with the stored one, byte for byte. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "loop/recover.h"

enum { RECORD_ARENA_MAX = 1 << 28, EXPECTED_BYTES_MAX = 1 << 30, EXPECTED_MAX = 1 << 24 };

struct span {
    size_t offset;
    size_t length;
    enum dure_record_kind kind;
};

struct dure_audit {
    struct dure_core *core;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    struct dure_buf bytes; /* of the decisions that must follow the input at hand */
    DURE_VEC(struct span) expected;
    size_t next;
    bool failed; /* out of memory while deciding */
    uint64_t input_sequence;
    uint64_t record_sequence; /* first leaf of the record at hand */
    int64_t version;
    struct dure_audit_result result;
    void (*heard)(void *context, const struct dure_record *record, bool decided);
    void *context;
};

enum dure_err dure_audit_new(struct dure_audit **ret_audit)
{
    struct dure_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return DURE_E_MEMORY;
    audit->arena = dure_arena_new(RECORD_ARENA_MAX);
    dure_buf_init(&audit->bytes, EXPECTED_BYTES_MAX);
    if (audit->arena == NULL || dure_core_new(&audit->core) != DURE_OK) {
        dure_audit_free(audit);
        return DURE_E_MEMORY;
    }
    audit->result.first_bad = UINT64_MAX;
    audit->record_sequence = UINT64_MAX;
    *ret_audit = audit;
    return DURE_OK;
}

void dure_audit_free(struct dure_audit *audit)
{
    if (audit == NULL)
        return;
    dure_core_free(audit->core);
    dure_arena_free(audit->arena);
    dure_buf_release(&audit->bytes);
    dure_buf_release(&audit->join.whole);
    DURE_VEC_FREE(&audit->expected);
    free(audit);
}

void dure_audit_hear(struct dure_audit *audit,
                     void (*heard)(void *context, const struct dure_record *record, bool decided), void *context)
{
    audit->heard = heard;
    audit->context = context;
}

struct dure_core *dure_audit_core(struct dure_audit *audit)
{
    return audit->core;
}

static void tell(const struct dure_audit *audit, const struct dure_record *record)
{
    if (audit->heard)
        audit->heard(audit->context, record, !dure_record_is_input(record->kind));
}

static void expect(void *context, const struct dure_record *decision)
{
    struct dure_audit *audit = context;
    struct span span = {.offset = audit->bytes.length, .kind = decision->kind};
    tell(audit, decision);
    if (!dure_record_encode(decision, &audit->bytes)) {
        audit->failed = true;
        return;
    }
    span.length = audit->bytes.length - span.offset;
    audit->failed = audit->failed || !DURE_VEC_PUSH(&audit->expected, span, EXPECTED_MAX);
}

static enum dure_err bad(struct dure_audit *audit, struct dure_error *error, const char *text)
{
    audit->result.first_bad = audit->record_sequence;
    snprintf(audit->result.text, sizeof audit->result.text, "%.1000s", text);
    return dure_fail(error, DURE_E_DIVERGED, "%s", audit->result.text);
}

static void describe(const void *bytes, size_t length, struct dure_buf *text)
{
    struct dure_arena *arena = dure_arena_new(RECORD_ARENA_MAX);
    struct dure_record record;
    if (arena != NULL && dure_record_decode(bytes, length, arena, &record, NULL) == DURE_OK)
        dure_record_print(&record, text);
    dure_arena_free(arena);
}

static enum dure_err audit_decision(struct dure_audit *audit, const void *bytes, size_t length,
                                    struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    const struct span *span = audit->next < audit->expected.count ? &audit->expected.at[audit->next] : NULL;

    audit->result.decisions++;
    if (span != NULL && span->length == length && memcmp(audit->bytes.data + span->offset, bytes, length) == 0) {
        audit->next++;
        return DURE_OK;
    }
    dure_buf_init(&text, 1 << 20);
    dure_buf_printf(&text,
                    "leaf %" PRIu64 " is not what the rules decide after the input at leaf %" PRIu64 ": the rules say ",
                    audit->record_sequence, audit->input_sequence);
    if (span == NULL)
        dure_buf_str(&text, "nothing more");
    else
        describe(audit->bytes.data + span->offset, span->length, &text);
    dure_buf_str(&text, "; the journal says ");
    describe(bytes, length, &text);
    return bad(audit, error, text.failed ? "a decision differs" : text.data);
}

static enum dure_err audit_input(struct dure_audit *audit, const struct dure_record *record, struct dure_error *error)
{
    char text[DURE_ERROR_TEXT_MAX + 160];
    struct dure_error refused = {0};

    if (audit->next < audit->expected.count) {
        snprintf(text, sizeof text,
                 "leaf %" PRIu64
                 ": before it the journal lacks a decision (%s) that the rules make after the input at leaf %" PRIu64,
                 audit->record_sequence, dure_record_kind_name(audit->expected.at[audit->next].kind),
                 audit->input_sequence);
        return bad(audit, error, text);
    }
    dure_buf_clear(&audit->bytes);
    audit->expected.count = audit->next = 0;
    audit->input_sequence = audit->record_sequence;
    audit->result.inputs++;
    tell(audit, record);
    if (dure_core_step(audit->core, record, expect, audit, &refused) != DURE_OK) {
        snprintf(text, sizeof text, "leaf %" PRIu64 ": the rules refuse this input: %s", audit->record_sequence,
                 refused.text);
        return bad(audit, error, text);
    }
    return audit->failed ? dure_fail(error, DURE_E_MEMORY, "out of memory at leaf %" PRIu64, audit->record_sequence)
                         : DURE_OK;
}

static enum dure_err audit_record(struct dure_audit *audit, const void *bytes, size_t length, struct dure_error *error)
{
    struct dure_record record;
    struct dure_error text = {0};

    dure_arena_reset(audit->arena);
    enum dure_err err = dure_record_decode(bytes, length, audit->arena, &record, &text);
    if (err != DURE_OK)
        return bad(audit, error, text.text);
    if (record.kind == DURE_REC_CORE_VERSION)
        audit->version = record.number;
    if (audit->version == DURE_CORE_VERSION)
        return dure_record_is_input(record.kind) ? audit_input(audit, &record, error)
                                                 : audit_decision(audit, bytes, length, error);
    audit->result.skipped++;
    tell(audit, &record);
    if (dure_core_apply(audit->core, &record, &text) != DURE_OK)
        return bad(audit, error, text.text);
    return DURE_OK;
}

enum dure_err dure_audit_leaf(struct dure_audit *audit, uint64_t sequence, const void *leaf, size_t length,
                              struct dure_error *error)
{
    const void *bytes;
    size_t bytes_length;
    struct dure_error text = {0};

    if (audit->record_sequence == UINT64_MAX)
        audit->record_sequence = sequence;
    audit->result.leaves++;
    int whole = dure_leaves_join_next(&audit->join, leaf, length, &bytes, &bytes_length, &text);
    if (whole == 0)
        return DURE_OK;
    enum dure_err err = whole < 0 ? bad(audit, error, text.text) : audit_record(audit, bytes, bytes_length, error);
    audit->record_sequence = UINT64_MAX;
    return err;
}

enum dure_err dure_audit_digest(struct dure_audit *audit, struct dure_digest stored, struct dure_error *error)
{
    struct dure_digest mine = dure_core_digest(audit->core);
    if (audit->version != DURE_CORE_VERSION || memcmp(&mine, &stored, sizeof mine) == 0)
        return DURE_OK;
    audit->record_sequence = audit->input_sequence;
    char text[200];
    snprintf(text, sizeof text,
             "after the input at leaf %" PRIu64 " the state's digest is %016" PRIx64 "%016" PRIx64
             ", the journal says %016" PRIx64 "%016" PRIx64,
             audit->input_sequence, mine.lane[0], mine.lane[1], stored.lane[0], stored.lane[1]);
    return bad(audit, error, text);
}

void dure_audit_result(const struct dure_audit *audit, struct dure_audit_result *ret_result)
{
    *ret_result = audit->result;
    if (audit->result.first_bad == UINT64_MAX && audit->next < audit->expected.count)
        snprintf(ret_result->text, sizeof ret_result->text,
                 "the journal ends before the decision (%s) that follows the input at leaf %" PRIu64,
                 dure_record_kind_name(audit->expected.at[audit->next].kind), audit->input_sequence);
}
