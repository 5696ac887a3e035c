#include "model/record.h"

#include <stddef.h>
#include <string.h>

#include "base/utf8.h"
#include "model/cbor.h"
#include "model/record_fields.h"

enum { RECORD_FORM = 1, SUBMIT_KEY = 21 };

static void ids_none(struct dure_record *record)
{
    record->job.v = record->attempt.v = DURE_NONE64;
    record->element = record->node.v = record->allot.v = record->principal.v = DURE_NONE32;
}

void dure_record_init(struct dure_record *record, enum dure_record_kind kind, uint64_t term, int64_t time_us)
{
    /* What the core decides has no large members but a reason, which is empty; what comes from outside is cleared whole. */
    memset(record, 0, dure_record_is_input(kind) ? sizeof *record : offsetof(struct dure_record, reason) + 1);
    record->kind = kind;
    record->term = term;
    record->time_us = time_us;
    ids_none(record);
}

/* The value of a scalar member, widened; absent values compare in this form. */
static int64_t scalar(const struct dure_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    switch ((enum dure_field_type)field->type) {
    case DURE_FIELD_U32:
        return field->absent == -1 && *(const uint32_t *)at == DURE_NONE32 ? -1 : (int64_t) * (const uint32_t *)at;
    case DURE_FIELD_I32: return *(const int32_t *)at;
    case DURE_FIELD_U64:
    case DURE_FIELD_I64: return *(const int64_t *)at;
    case DURE_FIELD_BOOL: return *(const bool *)at;
    default: DURE_ASSERT(false); return 0;
    }
}

static bool usage_is_zero(const struct dure_usage *usage)
{
    static const struct dure_usage zero;
    return memcmp(usage, &zero, sizeof zero) == 0;
}

static bool no_starts(const struct dure_record *record)
{
    uint32_t starts = 0;
    for (uint32_t i = 0; i < record->place_count; i++)
        starts |= record->places[i].starts;
    return !starts;
}

bool dure_record_field_absent(const struct dure_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    switch ((enum dure_field_type)field->type) {
    case DURE_FIELD_HASH: return *(const uint32_t *)(at - 4) == 0;
    case DURE_FIELD_WORDS: return *at == '\0';
    case DURE_FIELD_LEVEL: return *(const char *const *)at == NULL || **(const char *const *)at == '\0';
    case DURE_FIELD_TEXT: return ((const struct dure_record *)base)->text_length == 0;
    case DURE_FIELD_USAGE: return usage_is_zero((const struct dure_usage *)at);
    case DURE_FIELD_PLACES: return ((const struct dure_record *)base)->place_count == 0;
    case DURE_FIELD_BINDINGS: return ((const struct dure_record *)base)->binding_count == 0;
    case DURE_FIELD_DEPS: return ((const struct dure_job *)base)->dep_count == 0;
    case DURE_FIELD_NODES: return ((const struct dure_node_runs *)at)->count == 0;
    case DURE_FIELD_STARTS: return no_starts(base);
    case DURE_FIELD_SUBMIT: return false;
    default: return scalar(field, base) == field->absent;
    }
}

static void write_map(struct dure_buf *buf, const struct dure_field *table, unsigned count, uint64_t keys,
                      const void *base);

static void write_rows(struct dure_buf *buf, const struct dure_field *field, const void *base)
{
    const struct dure_record *record = base;
    const struct dure_job *job = base;

    if (field->type == DURE_FIELD_PLACES) {
        dure_cbor_head(buf, DURE_CBOR_ARRAY, (uint64_t)record->place_count * 5);
        for (uint32_t i = 0; i < record->place_count; i++) {
            const struct dure_place *place = &record->places[i];
            dure_cbor_uint(buf, place->node_first);
            dure_cbor_uint(buf, place->node_count);
            dure_cbor_uint(buf, place->gpu_mask);
            dure_cbor_uint(buf, place->tasks);
            dure_cbor_uint(buf, place->gpu_milli);
        }
    } else if (field->type == DURE_FIELD_BINDINGS) {
        dure_cbor_head(buf, DURE_CBOR_ARRAY, (uint64_t)record->binding_count * 4);
        for (uint32_t i = 0; i < record->binding_count; i++) {
            const struct dure_binding *binding = &record->bindings[i];
            dure_cbor_uint(buf, binding->allot.v);
            dure_cbor_uint(buf, binding->virtual_index);
            dure_cbor_uint(buf, binding->cell_index);
            dure_cbor_uint(buf, binding->is_new);
        }
    } else if (field->type == DURE_FIELD_STARTS) {
        dure_cbor_head(buf, DURE_CBOR_ARRAY, record->place_count);
        for (uint32_t i = 0; i < record->place_count; i++)
            dure_cbor_uint(buf, record->places[i].starts);
    } else if (field->type == DURE_FIELD_NODES) {
        const struct dure_node_runs *runs = (const struct dure_node_runs *)((const char *)base + field->offset);
        dure_cbor_head(buf, DURE_CBOR_ARRAY, (uint64_t)runs->count * 2);
        for (uint32_t i = 0; i < runs->count; i++) {
            dure_cbor_uint(buf, runs->at[i].first);
            dure_cbor_uint(buf, runs->at[i].count);
        }
    } else {
        dure_cbor_head(buf, DURE_CBOR_ARRAY, (uint64_t)job->dep_count * 2);
        for (uint32_t i = 0; i < job->dep_count; i++) {
            dure_cbor_uint(buf, job->deps[i].job.v);
            dure_cbor_uint(buf, job->deps[i].kind);
        }
    }
}

static void write_value(struct dure_buf *buf, const struct dure_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    switch ((enum dure_field_type)field->type) {
    case DURE_FIELD_U32:
    case DURE_FIELD_I32:
    case DURE_FIELD_I64: dure_cbor_int(buf, scalar(field, base)); break;
    case DURE_FIELD_U64: dure_cbor_uint(buf, *(const uint64_t *)at); break;
    case DURE_FIELD_BOOL: dure_cbor_bool(buf, *(const bool *)at); break;
    case DURE_FIELD_HASH: dure_cbor_bytes(buf, at, 32); break;
    case DURE_FIELD_WORDS: dure_cbor_text(buf, at, strnlen(at, DURE_REASON_MAX)); break;
    case DURE_FIELD_LEVEL: dure_cbor_text(buf, *(const char *const *)at, strlen(*(const char *const *)at)); break;
    case DURE_FIELD_TEXT:
        dure_cbor_text(buf, ((const struct dure_record *)base)->text, ((const struct dure_record *)base)->text_length);
        break;
    case DURE_FIELD_USAGE: {
        const struct dure_usage *usage = (const struct dure_usage *)at;
        dure_cbor_head(buf, DURE_CBOR_ARRAY, 5);
        dure_cbor_uint(buf, usage->cpu_us);
        dure_cbor_uint(buf, usage->memory_peak_mib);
        dure_cbor_uint(buf, usage->gpu_busy_us);
        dure_cbor_uint(buf, usage->gpu_memory_peak_mib);
        dure_cbor_uint(buf, usage->energy_mj);
        break;
    }
    case DURE_FIELD_PLACES:
    case DURE_FIELD_BINDINGS:
    case DURE_FIELD_STARTS:
    case DURE_FIELD_NODES:
    case DURE_FIELD_DEPS: write_rows(buf, field, base); break;
    case DURE_FIELD_SUBMIT: write_map(buf, dure_job_field_table, dure_job_field_count, UINT64_MAX, at); break;
    }
}

static void write_map(struct dure_buf *buf, const struct dure_field *table, unsigned count, uint64_t keys,
                      const void *base)
{
    uint64_t present = 0;
    for (unsigned i = 0; i < count; i++)
        if ((keys & DURE_KEY(table[i].key)) != 0 && !dure_record_field_absent(&table[i], base))
            present |= DURE_KEY(table[i].key);
    dure_cbor_head(buf, DURE_CBOR_MAP, (uint64_t)__builtin_popcountll(present));
    for (unsigned i = 0; i < count; i++) {
        if ((present & DURE_KEY(table[i].key)) == 0)
            continue;
        dure_cbor_uint(buf, table[i].key);
        write_value(buf, &table[i], base);
    }
}

bool dure_record_encode(const struct dure_record *record, struct dure_buf *buf)
{
    DURE_ASSERT(dure_record_kind_known(record->kind));
    dure_cbor_head(buf, DURE_CBOR_ARRAY, 5);
    dure_cbor_uint(buf, RECORD_FORM);
    dure_cbor_uint(buf, (uint64_t)record->kind);
    dure_cbor_uint(buf, record->term);
    dure_cbor_int(buf, record->time_us);
    write_map(buf, dure_record_field_table, dure_record_field_count, dure_record_keys(record->kind), record);
    return !buf->failed;
}

/* Reading. A fault anywhere sets reader->failed; the caller looks once. */
struct decoding {
    struct dure_cbor_reader reader;
    struct dure_arena *arena;
};

static void *read_rows(struct decoding *d, unsigned per_row, size_t row_size, uint32_t *ret_count)
{
    uint64_t items = dure_cbor_read_head(&d->reader, DURE_CBOR_ARRAY);
    *ret_count = 0;
    /* Every item takes at least a byte: a count beyond that is a lie, refused before memory is taken for it. */
    if (d->reader.failed || items == 0 || items % per_row != 0 || items > (size_t)(d->reader.end - d->reader.at))
        return d->reader.failed = true, NULL;
    void *rows = dure_arena_alloc(d->arena, (size_t)(items / per_row) * row_size);
    if (rows == NULL)
        return d->reader.failed = true, NULL;
    *ret_count = (uint32_t)(items / per_row);
    return rows;
}

static void read_places(struct decoding *d, struct dure_record *record)
{
    struct dure_place *places = read_rows(d, 5, sizeof *places, &record->place_count);
    for (uint32_t i = 0; i < record->place_count; i++) {
        places[i].node_first = (uint32_t)dure_cbor_read_uint(&d->reader, DURE_NODES_MAX);
        places[i].node_count = (uint32_t)dure_cbor_read_uint(&d->reader, DURE_NODES_MAX);
        places[i].gpu_mask = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        places[i].tasks = (uint32_t)dure_cbor_read_uint(&d->reader, DURE_JOB_TASKS_MAX);
        places[i].gpu_milli = (uint16_t)dure_cbor_read_uint(&d->reader, 1000);
        places[i].starts = 0;
    }
    record->places = places;
}

static void read_bindings(struct decoding *d, struct dure_record *record)
{
    struct dure_binding *bindings = read_rows(d, 4, sizeof *bindings, &record->binding_count);
    for (uint32_t i = 0; i < record->binding_count; i++) {
        bindings[i].allot.v = (uint32_t)dure_cbor_read_uint(&d->reader, UINT32_MAX - 1);
        bindings[i].virtual_index = (uint32_t)dure_cbor_read_uint(&d->reader, UINT32_MAX);
        bindings[i].cell_index = (uint32_t)dure_cbor_read_uint(&d->reader, UINT32_MAX);
        bindings[i].is_new = (uint32_t)dure_cbor_read_uint(&d->reader, 1);
    }
    record->bindings = bindings;
}

static void read_deps(struct decoding *d, struct dure_job *job)
{
    uint64_t items = dure_cbor_read_head(&d->reader, DURE_CBOR_ARRAY);
    if (d->reader.failed || items == 0 || items % 2 != 0 || items / 2 > DURE_JOB_DEPS_MAX) {
        d->reader.failed = true;
        return;
    }
    job->dep_count = (uint32_t)(items / 2);
    for (uint32_t i = 0; i < job->dep_count; i++) {
        job->deps[i].job.v = dure_cbor_read_uint(&d->reader, UINT64_MAX - 1);
        job->deps[i].kind = (enum dure_dep_kind)dure_cbor_read_uint(&d->reader, DURE_DEP_FAILED);
    }
}

static void read_nodes(struct decoding *d, struct dure_node_runs *ret_runs)
{
    uint32_t count;
    struct dure_node_run *runs = read_rows(d, 2, sizeof *runs, &count);
    for (uint32_t i = 0; i < count; i++) {
        runs[i].first = (uint32_t)dure_cbor_read_uint(&d->reader, DURE_NODES_MAX);
        runs[i].count = (uint32_t)dure_cbor_read_uint(&d->reader, DURE_NODES_MAX);
    }
    if (d->reader.failed || !dure_node_runs_valid(runs, count))
        d->reader.failed = true;
    else
        *ret_runs = (struct dure_node_runs){runs, count};
}

/* After the places, whose key is lower. */
static void read_starts(struct decoding *d, struct dure_record *record)
{
    if (dure_cbor_read_head(&d->reader, DURE_CBOR_ARRAY) != record->place_count)
        d->reader.failed = true;
    for (uint32_t i = 0; !d->reader.failed && i < record->place_count; i++)
        ((struct dure_place *)record->places)[i].starts = (uint16_t)dure_cbor_read_uint(&d->reader, UINT16_MAX);
}

static uint64_t read_map(struct decoding *d, const struct dure_field *table, unsigned count, uint64_t keys, void *base);

static void read_strings(struct decoding *d, const struct dure_field *field, void *base)
{
    char *at = (char *)base + field->offset;
    size_t length;
    if (field->type == DURE_FIELD_HASH) {
        const void *bytes = dure_cbor_read_string(&d->reader, DURE_CBOR_BYTES, 32, &length);
        if (length != 32) {
            d->reader.failed = true;
            return;
        }
        memcpy(at, bytes, 32);
        *(uint32_t *)(at - 4) = 32;
        return;
    }
    size_t max = field->type == DURE_FIELD_WORDS   ? DURE_REASON_MAX
                 : field->type == DURE_FIELD_LEVEL ? DURE_NAME_MAX
                                                   : SIZE_MAX;
    const char *text = dure_cbor_read_string(&d->reader, DURE_CBOR_TEXT, max, &length);
    if (d->reader.failed || memchr(text, '\0', length) || !dure_utf8_valid(text, length)) {
        /* A C string could not hold the one nor give it back; RFC 8949 has no text with the other. */
        d->reader.failed = true;
        return;
    }
    if (field->type == DURE_FIELD_WORDS) {
        memcpy(at, text, length);
        at[length] = '\0';
        return;
    }
    char *copy = d->reader.failed ? NULL : dure_arena_strndup(d->arena, text, length);
    if (copy == NULL) {
        d->reader.failed = true;
    } else if (field->type == DURE_FIELD_LEVEL) {
        *(const char **)at = copy;
    } else {
        ((struct dure_record *)base)->text = copy;
        ((struct dure_record *)base)->text_length = length;
    }
}

static void read_value(struct decoding *d, const struct dure_field *field, void *base)
{
    char *at = (char *)base + field->offset;
    switch ((enum dure_field_type)field->type) {
    case DURE_FIELD_U32: *(uint32_t *)at = (uint32_t)dure_cbor_read_uint(&d->reader, UINT32_MAX); break;
    case DURE_FIELD_U64: *(uint64_t *)at = dure_cbor_read_uint(&d->reader, UINT64_MAX); break;
    case DURE_FIELD_I32: *(int32_t *)at = (int32_t)dure_cbor_read_int(&d->reader, INT32_MIN, INT32_MAX); break;
    case DURE_FIELD_I64: *(int64_t *)at = dure_cbor_read_int(&d->reader, INT64_MIN, INT64_MAX); break;
    case DURE_FIELD_BOOL: *(bool *)at = dure_cbor_read_bool(&d->reader); break;
    case DURE_FIELD_HASH:
    case DURE_FIELD_WORDS:
    case DURE_FIELD_LEVEL:
    case DURE_FIELD_TEXT: read_strings(d, field, base); break;
    case DURE_FIELD_USAGE: {
        struct dure_usage *usage = (struct dure_usage *)at;
        if (dure_cbor_read_head(&d->reader, DURE_CBOR_ARRAY) != 5)
            d->reader.failed = true;
        usage->cpu_us = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        usage->memory_peak_mib = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        usage->gpu_busy_us = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        usage->gpu_memory_peak_mib = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        usage->energy_mj = dure_cbor_read_uint(&d->reader, UINT64_MAX);
        break;
    }
    case DURE_FIELD_PLACES: read_places(d, base); break;
    case DURE_FIELD_BINDINGS: read_bindings(d, base); break;
    case DURE_FIELD_DEPS: read_deps(d, base); break;
    case DURE_FIELD_NODES: read_nodes(d, (struct dure_node_runs *)at); break;
    case DURE_FIELD_STARTS: read_starts(d, base); break;
    case DURE_FIELD_SUBMIT: read_map(d, dure_job_field_table, dure_job_field_count, UINT64_MAX, at); break;
    }
    /* A value that should have been left out has a second encoding: refuse it. */
    if (!d->reader.failed && dure_record_field_absent(field, base))
        d->reader.failed = true;
}

static void set_absent(const struct dure_field *field, void *base)
{
    char *at = (char *)base + field->offset;
    if (field->type == DURE_FIELD_U32 || field->type == DURE_FIELD_I32)
        *(uint32_t *)at = (uint32_t)field->absent;
    else if (field->type == DURE_FIELD_U64 || field->type == DURE_FIELD_I64)
        *(int64_t *)at = field->absent;
    else if (field->type == DURE_FIELD_BOOL)
        *(bool *)at = field->absent != 0;
    else if (field->type == DURE_FIELD_LEVEL)
        *(const char **)at = "";
}

/* Gives the keys that were there. */
static uint64_t read_map(struct decoding *d, const struct dure_field *table, unsigned count, uint64_t keys, void *base)
{
    uint64_t pairs = dure_cbor_read_head(&d->reader, DURE_CBOR_MAP);
    unsigned next = 0;
    uint64_t seen = 0;

    for (unsigned i = 0; i < count; i++)
        set_absent(&table[i], base);
    for (uint64_t pair = 0; pair < pairs && !d->reader.failed; pair++) {
        uint64_t key = dure_cbor_read_uint(&d->reader, 63);
        while (next < count && table[next].key < key)
            next++;
        if (d->reader.failed || next == count || table[next].key != key || (keys & DURE_KEY(key)) == 0) {
            d->reader.failed = true;
            return seen;
        }
        seen |= DURE_KEY(key);
        read_value(d, &table[next++], base);
    }
    return seen;
}

enum dure_err dure_record_decode(const void *bytes, size_t length, struct dure_arena *arena,
                                 struct dure_record *ret_record, struct dure_error *error)
{
    struct decoding d = {.arena = arena};
    struct dure_record record;

    dure_cbor_read(&d.reader, bytes, length);
    if (dure_cbor_read_head(&d.reader, DURE_CBOR_ARRAY) != 5 ||
        dure_cbor_read_uint(&d.reader, RECORD_FORM) != RECORD_FORM)
        return dure_fail(error, DURE_E_CORRUPT, "not a record of form %d", RECORD_FORM);
    uint64_t kind = dure_cbor_read_uint(&d.reader, 254);
    if (d.reader.failed || !dure_record_kind_known((enum dure_record_kind)kind))
        return dure_fail(error, DURE_E_CORRUPT, "record kind %u is not known", (unsigned)kind);
    dure_record_init(&record, (enum dure_record_kind)kind, 0, 0);
    record.term = dure_cbor_read_uint(&d.reader, UINT64_MAX);
    record.time_us = dure_cbor_read_int(&d.reader, INT64_MIN, INT64_MAX);
    uint64_t seen =
        read_map(&d, dure_record_field_table, dure_record_field_count, dure_record_keys(record.kind), &record);
    bool complete = (record.kind != DURE_REC_SUBMIT && record.kind != DURE_REC_MODIFY) || (seen & DURE_KEY(SUBMIT_KEY)) != 0;
    if (!complete || !dure_cbor_read_done(&d.reader))
        return dure_fail(error, DURE_E_CORRUPT, "a %s record is malformed at byte %zu of %zu",
                         dure_record_kind_name(record.kind), (size_t)(d.reader.at - (const uint8_t *)bytes), length);
    *ret_record = record;
    return DURE_OK;
}
