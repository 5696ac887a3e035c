#include "model/record_fields.h"

#define FIELD(key, member, type, absent, name)                                                                         \
    {key, DURE_FIELD_##type, offsetof(struct dure_record, member), absent, name},
const struct dure_field dure_record_field_table[] = {DURE_RECORD_FIELDS(FIELD)};
#undef FIELD
const unsigned dure_record_field_count = sizeof dure_record_field_table / sizeof dure_record_field_table[0];

#define FIELD(key, member, type, absent, name)                                                                         \
    {key, DURE_FIELD_##type, offsetof(struct dure_job, member), absent, name},
const struct dure_field dure_job_field_table[] = {DURE_JOB_FIELDS(FIELD)};
#undef FIELD
const unsigned dure_job_field_count = sizeof dure_job_field_table / sizeof dure_job_field_table[0];

enum {
    K_JOB = DURE_KEY(1),
    K_ELEMENT = DURE_KEY(2),
    K_ATTEMPT = DURE_KEY(3),
    K_NODE = DURE_KEY(4),
    K_ALLOT = DURE_KEY(5),
    K_PRINCIPAL = DURE_KEY(6),
    K_COUNT = DURE_KEY(7),
    K_NUMBER = DURE_KEY(8),
    K_DEADLINE = DURE_KEY(9),
    K_CAUSE = DURE_KEY(10),
    K_REPORT = DURE_KEY(11),
    K_STATE = DURE_KEY(12),
    K_EXIT = DURE_KEY(13) | DURE_KEY(14),
    K_USAGE = DURE_KEY(15),
    K_COMMITMENT = DURE_KEY(16),
    K_REASON = DURE_KEY(17),
    K_TEXT = DURE_KEY(18),
    K_PLACES = DURE_KEY(19),
    K_BINDINGS = DURE_KEY(20),
    K_SUBMIT = DURE_KEY(21),
    K_STARTS = DURE_KEY(30),
    K_MASK = DURE_KEY(26),
    K_REF = K_JOB | K_ELEMENT,
};

uint64_t dure_record_keys(enum dure_record_kind kind)
{
    switch (kind) {
    case DURE_REC_CORE_VERSION:
    case DURE_REC_TERM:
    case DURE_REC_PASS: return K_NUMBER;
    case DURE_REC_PRINCIPAL: return K_PRINCIPAL | K_COMMITMENT;
    case DURE_REC_FLEET:
    case DURE_REC_TENANTS:
    case DURE_REC_POWER:
    case DURE_REC_DATA:
    case DURE_REC_GRANT: return K_TEXT | K_PRINCIPAL;
    case DURE_REC_SUBMIT: return K_SUBMIT;
    case DURE_REC_MODIFY: return K_JOB | K_NUMBER | K_SUBMIT | K_PRINCIPAL;
    case DURE_REC_REQUEUE_JOB: return K_REF | K_NUMBER | K_PRINCIPAL;
    case DURE_REC_CANCEL: return K_REF | K_PRINCIPAL;
    case DURE_REC_HOLD:
    case DURE_REC_RELEASE: return K_JOB | K_PRINCIPAL;
    case DURE_REC_SHRINK: return K_ALLOT | K_COUNT | K_PRINCIPAL;
    case DURE_REC_END_ALLOT: return K_ALLOT | K_PRINCIPAL;
    case DURE_REC_DRAIN: return K_NODE | K_REASON | K_PRINCIPAL;
    case DURE_REC_RESUME: return K_NODE | K_PRINCIPAL;
    case DURE_REC_NODE_REPORT: return K_NODE | K_NUMBER | K_REASON;
    case DURE_REC_FOREIGN: return K_NODE | K_MASK | K_REASON;
    case DURE_REC_ATTEMPT_REPORT: return K_ATTEMPT | K_REPORT | K_EXIT | K_USAGE | K_REASON;
    case DURE_REC_CHECKPOINT: return K_ATTEMPT | K_PRINCIPAL;
    case DURE_REC_PRICES: return K_TEXT;
    case DURE_REC_TICK: return 0;
    case DURE_REC_ERASED: return K_JOB | K_PRINCIPAL | K_NUMBER | K_COUNT;
    case DURE_REC_START: return K_REF | K_ATTEMPT | K_PLACES | K_STARTS | K_BINDINGS | K_NUMBER | K_ALLOT;
    case DURE_REC_NOTICE: return K_REF | K_ATTEMPT | K_DEADLINE | K_CAUSE;
    case DURE_REC_STOP: return K_REF | K_ATTEMPT | K_CAUSE;
    case DURE_REC_END: return K_REF | K_ATTEMPT | K_STATE | K_EXIT | K_CAUSE;
    case DURE_REC_REQUEUE: return K_REF | K_ATTEMPT | K_CAUSE;
    case DURE_REC_UNBIND:
    case DURE_REC_SUSPEND:
    case DURE_REC_RESTORE: return K_ALLOT | K_NUMBER | K_COUNT;
    case DURE_REC_NODE_STATE: return K_NODE | K_NUMBER;
    case DURE_REC_ALLOT_STATE: return K_ALLOT | K_NUMBER;
    case DURE_REC_CANCEL_NOTICE: return K_REF | K_ATTEMPT;
    case DURE_REC_RESERVE: return K_REF | K_PLACES | K_STARTS | K_BINDINGS | K_DEADLINE | K_NUMBER;
    case DURE_REC_UNRESERVE: return K_REF;
    case DURE_REC_BOOK: return K_PLACES | K_NUMBER | K_DEADLINE | K_REASON | K_PRINCIPAL;
    case DURE_REC_UNBOOK: return K_NUMBER | K_PRINCIPAL;
    case DURE_REC_BOOK_STATE: return K_NUMBER | K_COUNT;
    case DURE_REC_POWER_STATE: return K_NODE | K_MASK;
    case DURE_REC_PLAN: return K_REF | K_PLACES | K_BINDINGS | K_DEADLINE;
    case DURE_REC_UNPLAN: return K_REF | K_CAUSE;
    }
    return 0;
}

bool dure_record_kind_known(enum dure_record_kind kind)
{
    return kind == DURE_REC_TICK || dure_record_keys(kind) != 0;
}
