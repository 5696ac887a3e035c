#pragma once
/* What is kept of work that has left the core's memory: the row behind `dure jobs --ended` and `dure show`. Nothing personal. It is made of the
 * records themselves, so that it has no codec of its own: a CBOR array [requeues, source owner, source allotment, usage..., SUBMIT, START, END, reason]. */
#include "base/arena.h"
#include "core/view.h"

struct dure_summary {
    struct dure_record submit; /* job; time = when submitted */
    struct dure_record start;  /* attempt, places; time = when started; attempt NONE: it never did */
    struct dure_record end;    /* state, exit, cause; time = when it ended */
    uint32_t requeues;
    uint32_t element_count; /* of an array's rest that ended together; 1 otherwise */
    struct dure_owner_id source_owner;
    struct dure_allot_id source_allot;
    struct dure_usage usage;
    char reason[DURE_REASON_MAX + 1]; /* the engine's, of its last report; "" if it gave none */
};

/* False: the buffer's ceiling. */
bool dure_summary_encode(const struct dure_job_view *view, const struct dure_record *end,
                         const struct dure_usage *usage, const char *reason, struct dure_buf *buf);
/* What is pointed to lives in the arena. */
DURE_NODISCARD enum dure_err dure_summary_decode(const void *bytes, size_t length, struct dure_arena *arena,
                                                 struct dure_summary *ret_summary, struct dure_error *error);
