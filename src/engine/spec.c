#include "engine/attempt.h"

#include <string.h>

#include "base/hash.h"

/* magic (8) || { number (1), length (4, little-endian), bytes }* || hash of all before it (16). A number field is 8 bytes. */
static const char spec_magic[8] = {'d', 'u', 'r', 'e', 's', 'p', 'c', '1'};
enum { HASH_BYTES = 16, HEAD_BYTES = 5 };

struct field_row {
    uint8_t number;
    bool is_span;
    size_t offset;
};

static const struct field_row rows[] = {
#define X(name, number) {number, false, offsetof(struct dure_spec, name)},
    DURE_SPEC_NUMBERS(X)
#undef X
#define X(name, number) {number, true, offsetof(struct dure_spec, name)},
        DURE_SPEC_SPANS(X)
#undef X
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static void put_le(uint8_t *bytes, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static void hash_of(const void *bytes, size_t length, uint8_t out[HASH_BYTES])
{
    const struct dure_digest digest = dure_hash128(0x73706563u, bytes, length);
    put_le(out, digest.lane[0], 8);
    put_le(out + 8, digest.lane[1], 8);
}

void dure_spec_encode(const struct dure_spec *spec, struct dure_buf *buf)
{
    const size_t begin = buf->length;
    dure_buf_add(buf, spec_magic, sizeof spec_magic);
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        const void *field = (const char *)spec + rows[i].offset;
        uint8_t head[HEAD_BYTES] = {rows[i].number};
        if (rows[i].is_span) {
            const struct dure_span *span = field;
            put_le(head + 1, (uint64_t)span->length + 1, 4);
            dure_buf_add(buf, head, sizeof head);
            dure_buf_add(buf, span->data ? span->data : "", span->length);
            dure_buf_byte(buf, 0);
        } else {
            uint8_t value[8];
            put_le(head + 1, sizeof value, 4);
            put_le(value, *(const uint64_t *)field, sizeof value);
            dure_buf_add(buf, head, sizeof head);
            dure_buf_add(buf, value, sizeof value);
        }
    }
    if (buf->failed)
        return;
    uint8_t hash[HASH_BYTES];
    hash_of(buf->data + begin, buf->length - begin, hash);
    dure_buf_add(buf, hash, sizeof hash);
}

static bool items_terminated(struct dure_span span)
{
    return span.length == 0 || span.data[span.length - 1] == '\0';
}

static bool is_text(struct dure_span span)
{
    return memchr(span.data, '\0', span.length) == NULL;
}

/* What the minder indexes by or passes to the system must hold whatever the file says. */
static enum dure_err check_relations(const struct dure_spec *spec, struct dure_error *error)
{
    if (spec->tasks == 0 || spec->tasks > DURE_LOCAL_TASKS_MAX || spec->nodes == 0 || spec->nodes > spec->tasks)
        return dure_fail(error, DURE_E_LIMIT, "the spec asks for %llu tasks on %llu nodes; at most %d tasks",
                         (unsigned long long)spec->tasks, (unsigned long long)spec->nodes, DURE_LOCAL_TASKS_MAX);
    if (spec->layout.length != spec->tasks * sizeof(struct dure_spec_task))
        return dure_fail(error, DURE_E_CORRUPT, "the spec's layout does not match its tasks");
    if (spec->groups.length % sizeof(uint32_t) || spec->groups.length > DURE_LOCAL_GROUPS_MAX * sizeof(uint32_t))
        return dure_fail(error, DURE_E_CORRUPT, "the spec's groups are malformed");
    for (uint32_t i = 0; i < spec->tasks; i++)
        if (dure_spec_task_at(spec, i).node >= spec->nodes)
            return dure_fail(error, DURE_E_CORRUPT, "the spec places task %u on a node that it does not name", i);
    if (!items_terminated(spec->command) || !items_terminated(spec->environment) ||
        !items_terminated(spec->node_names) || !items_terminated(spec->gpu_uuids))
        return dure_fail(error, DURE_E_CORRUPT, "a list in the spec does not end");
    const struct dure_span texts[] = {spec->token,    spec->login,   spec->home,     spec->shell,    spec->tenant,
                                      spec->job_name, spec->workdir, spec->out_name, spec->err_name, spec->nodelist,
                                      spec->fleet,    spec->cgroup,  spec->nvml};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_text(texts[i]) || texts[i].length >= DURE_LOCAL_PATH_MAX * 16)
            return dure_fail(error, DURE_E_CORRUPT, "a text in the spec is malformed");
    if (spec->command.length == 0 && spec->script.length == 0)
        return dure_fail(error, DURE_E_INVALID, "the job has neither a command nor a script");
    if (spec->workdir.length == 0 || spec->workdir.data[0] != '/' || spec->workdir.length >= DURE_LOCAL_PATH_MAX)
        return dure_fail(error, DURE_E_INVALID, "the working directory is not an absolute path under %d bytes",
                         DURE_LOCAL_PATH_MAX);
    return DURE_OK;
}

enum dure_err dure_spec_decode(const void *bytes, size_t length, struct dure_spec *ret_spec, struct dure_error *error)
{
    const uint8_t *at = bytes;
    if (length > DURE_ATTEMPT_BYTES_MAX)
        return dure_fail(error, DURE_E_LIMIT, "the spec is %zu bytes; at most %d", length, DURE_ATTEMPT_BYTES_MAX);
    if (length < sizeof spec_magic + HASH_BYTES)
        return dure_fail(error, DURE_E_CORRUPT, "the spec is cut short");
    if (memcmp(at, spec_magic, sizeof spec_magic - 1) == 0 && at[7] != '1')
        return dure_fail(error, DURE_E_VERSION, "the spec is of another version");
    uint8_t hash[HASH_BYTES];
    hash_of(at, length - HASH_BYTES, hash);
    if (memcmp(at, spec_magic, sizeof spec_magic) != 0 || memcmp(hash, at + length - HASH_BYTES, HASH_BYTES) != 0)
        return dure_fail(error, DURE_E_CORRUPT, "the spec is damaged");
    const uint8_t *end = at + length - HASH_BYTES;
    at += sizeof spec_magic;
    struct dure_spec spec = {0};
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (end - at < HEAD_BYTES || at[0] != rows[i].number)
            return dure_fail(error, DURE_E_CORRUPT, "the spec lacks field %u", rows[i].number);
        const uint64_t size = get_le(at + 1, 4);
        at += HEAD_BYTES;
        if ((uint64_t)(end - at) < size || size == 0)
            return dure_fail(error, DURE_E_CORRUPT, "field %u of the spec is cut short", rows[i].number);
        void *field = (char *)&spec + rows[i].offset;
        if (rows[i].is_span) {
            if (at[size - 1] != 0)
                return dure_fail(error, DURE_E_CORRUPT, "field %u of the spec does not end", rows[i].number);
            *(struct dure_span *)field = (struct dure_span){(const char *)at, (uint32_t)(size - 1)};
        } else if (size == 8) {
            *(uint64_t *)field = get_le(at, 8);
        } else {
            return dure_fail(error, DURE_E_CORRUPT, "field %u of the spec is not a number", rows[i].number);
        }
        at += size;
    }
    if (at != end)
        return dure_fail(error, DURE_E_CORRUPT, "the spec has bytes after its last field");
    const enum dure_err err = check_relations(&spec, error);
    if (err)
        return err;
    *ret_spec = spec;
    return DURE_OK;
}

struct dure_spec_task dure_spec_task_at(const struct dure_spec *spec, uint32_t task)
{
    struct dure_spec_task row;
    memcpy(&row, spec->layout.data + (size_t)task * sizeof row, sizeof row);
    return row;
}

const char *dure_span_item(struct dure_span list, uint32_t index)
{
    const char *at = list.data, *end = list.data + list.length;
    for (; at < end; at += strlen(at) + 1)
        if (index-- == 0)
            return at;
    return "";
}
