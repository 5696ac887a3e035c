#include "loop/summary.h"

#include <string.h>

#include "model/cbor.h"

enum { SUMMARY_ITEMS = 13, SUMMARY_PART_MAX = 1 << 24 };

static bool add_part(struct dure_buf *buf, struct dure_buf *part, const struct dure_record *record)
{
    dure_buf_clear(part);
    if (!dure_record_encode(record, part))
        return false;
    dure_cbor_bytes(buf, part->data, part->length);
    return !buf->failed;
}

bool dure_summary_encode(const struct dure_job_view *view, const struct dure_record *end,
                         const struct dure_usage *usage, const char *reason, struct dure_buf *buf)
{
    struct dure_buf part DURE_CLEANUP_BUF = {0};
    struct dure_record submit;
    struct dure_record start;

    dure_buf_init(&part, SUMMARY_PART_MAX);
    dure_record_init(&submit, DURE_REC_SUBMIT, end->term, view->submitted_us);
    submit.submit = *view->job;
    dure_record_init(&start, DURE_REC_START, end->term, view->started_us);
    start.job = view->id;
    start.element = view->element;
    start.attempt = view->attempt;
    start.places = view->places;
    start.place_count = view->place_count;

    dure_cbor_head(buf, DURE_CBOR_ARRAY, SUMMARY_ITEMS);
    dure_cbor_uint(buf, view->requeues);
    dure_cbor_uint(buf, view->element_count > 0 ? view->element_count : 1);
    dure_cbor_uint(buf, view->source_owner.v);
    dure_cbor_uint(buf, view->source_allot.v);
    dure_cbor_uint(buf, usage->cpu_us);
    dure_cbor_uint(buf, usage->memory_peak_mib);
    dure_cbor_uint(buf, usage->gpu_busy_us);
    dure_cbor_uint(buf, usage->gpu_memory_peak_mib);
    dure_cbor_uint(buf, usage->energy_mj);
    if (!add_part(buf, &part, &submit) || !add_part(buf, &part, &start) || !add_part(buf, &part, end))
        return false;
    dure_cbor_text(buf, reason, strlen(reason));
    return !buf->failed;
}

static bool read_part(struct dure_cbor_reader *reader, struct dure_arena *arena, enum dure_record_kind kind,
                      struct dure_record *record, struct dure_error *error)
{
    size_t length;
    const void *bytes = dure_cbor_read_string(reader, DURE_CBOR_BYTES, SUMMARY_PART_MAX, &length);
    return !reader->failed && dure_record_decode(bytes, length, arena, record, error) == DURE_OK &&
           record->kind == kind;
}

enum dure_err dure_summary_decode(const void *bytes, size_t length, struct dure_arena *arena,
                                  struct dure_summary *ret_summary, struct dure_error *error)
{
    struct dure_cbor_reader reader;
    struct dure_summary summary = {0};
    const void *reason;
    size_t reason_length = 0;

    dure_cbor_read(&reader, bytes, length);
    if (dure_cbor_read_head(&reader, DURE_CBOR_ARRAY) != SUMMARY_ITEMS)
        return dure_fail(error, DURE_E_CORRUPT, "a finished job's row is malformed");
    summary.requeues = (uint32_t)dure_cbor_read_uint(&reader, UINT32_MAX);
    summary.element_count = (uint32_t)dure_cbor_read_uint(&reader, UINT32_MAX);
    summary.source_owner.v = (uint32_t)dure_cbor_read_uint(&reader, UINT32_MAX);
    summary.source_allot.v = (uint32_t)dure_cbor_read_uint(&reader, UINT32_MAX);
    summary.usage.cpu_us = dure_cbor_read_uint(&reader, UINT64_MAX);
    summary.usage.memory_peak_mib = dure_cbor_read_uint(&reader, UINT64_MAX);
    summary.usage.gpu_busy_us = dure_cbor_read_uint(&reader, UINT64_MAX);
    summary.usage.gpu_memory_peak_mib = dure_cbor_read_uint(&reader, UINT64_MAX);
    summary.usage.energy_mj = dure_cbor_read_uint(&reader, UINT64_MAX);
    if (!read_part(&reader, arena, DURE_REC_SUBMIT, &summary.submit, error) ||
        !read_part(&reader, arena, DURE_REC_START, &summary.start, error) ||
        !read_part(&reader, arena, DURE_REC_END, &summary.end, error))
        return dure_fail(error, DURE_E_CORRUPT, "a finished job's row is malformed");
    reason = dure_cbor_read_string(&reader, DURE_CBOR_TEXT, DURE_REASON_MAX, &reason_length);
    if (reader.failed || !dure_cbor_read_done(&reader))
        return dure_fail(error, DURE_E_CORRUPT, "a finished job's row is malformed");
    memcpy(summary.reason, reason, reason_length);
    *ret_summary = summary;
    return DURE_OK;
}
