#include "cli/audit_bodies.h"

#include <inttypes.h>
#include <string.h>

#include "model/body.h"

enum { RECORD_MAX = 1 << 28, BODY_ROW_MAX = 4 << 20 };

enum dure_err dure_bodies_begin(struct dure_bodies *bodies, struct dure_journal *journal)
{
    *bodies = (struct dure_bodies){.journal = journal, .arena = dure_arena_new(RECORD_MAX)};
    return bodies->arena ? DURE_OK : DURE_E_MEMORY;
}

void dure_bodies_end(struct dure_bodies *bodies)
{
    dure_arena_free(bodies->arena);
    dure_buf_release(&bodies->join.whole);
}

static bool compare(struct dure_bodies *bodies, struct dure_check *check, enum dure_body_kind kind, uint64_t id,
                    const uint8_t commitment[32])
{
    DURE_CLEANUP_BUF struct dure_buf row;
    struct dure_error error = {0};
    struct dure_body *body = NULL;
    const char *whose = kind == DURE_BODY_OF_JOB ? "job" : "principal";
    dure_buf_init(&row, BODY_ROW_MAX);
    enum dure_err err = dure_journal_body(bodies->journal, kind, id, &row, &error);
    if (!err)
        err = dure_body_decode(row.data, row.length, &body, &error);
    if (err)
        return dure_check_wrong(check, bodies->first, "the personal fields of %s %" PRIu64 " that it commits to: %s",
                                whose, id, error.text);
    const bool same = dure_body_matches(body, commitment);
    dure_body_free(body);
    bodies->bodies++;
    return same ||
           dure_check_wrong(check, bodies->first,
                            "the personal fields kept of %s %" PRIu64 " are not those that it commits to", whose, id);
}

bool dure_bodies_leaf(struct dure_bodies *bodies, struct dure_check *check, uint64_t sequence, const void *leaf,
                      size_t length)
{
    struct dure_record record;
    struct dure_error error = {0};
    const void *bytes;
    size_t bytes_length;
    if (!bodies->begun)
        bodies->first = sequence;
    const int whole = dure_leaves_join_next(&bodies->join, leaf, length, &bytes, &bytes_length, &error);
    bodies->begun = whole == 0;
    if (whole == 0)
        return true;
    dure_arena_reset(bodies->arena);
    if (whole < 0 || dure_record_decode(bytes, bytes_length, bodies->arena, &record, &error))
        return dure_check_wrong(check, bodies->first, "%s", error.text);
    if (record.kind == DURE_REC_PRINCIPAL && record.commitment_length > 0)
        return compare(bodies, check, DURE_BODY_OF_PRINCIPAL, record.principal.v, record.commitment);
    if (record.kind != DURE_REC_SUBMIT)
        return true;
    bodies->jobs++;
    return record.submit.commitment_length == 0 ||
           compare(bodies, check, DURE_BODY_OF_JOB, bodies->jobs, record.submit.commitment);
}
