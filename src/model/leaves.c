/* Cutting a record into leaves of bounded size, and joining them again. */
#include <string.h>

#include "model/cbor.h"
#include "model/record.h"

enum {
    LEAF_FORM = 1,
    LEAF_HEAD = 0, /* where a record has its kind: not a kind */
    LEAF_CHUNK = 255,
    CHUNK_BYTES = DURE_LEAF_MAX - 32,
    RECORD_BYTES_MAX = 64 << 20,
};

bool dure_leaves_cut(const void *bytes, size_t length, dure_leaf_fn leaf, void *context)
{
    if (length <= DURE_LEAF_MAX)
        return leaf(context, bytes, length);

    uint64_t chunks = (length + CHUNK_BYTES - 1) / CHUNK_BYTES;
    struct dure_buf buf DURE_CLEANUP_BUF = {0};
    dure_buf_init(&buf, DURE_LEAF_MAX);
    dure_cbor_head(&buf, DURE_CBOR_ARRAY, 4);
    dure_cbor_uint(&buf, LEAF_FORM);
    dure_cbor_uint(&buf, LEAF_HEAD);
    dure_cbor_uint(&buf, length);
    dure_cbor_uint(&buf, chunks);
    if (buf.failed || !leaf(context, buf.data, buf.length))
        return false;
    for (uint64_t i = 0; i < chunks; i++) {
        size_t from = (size_t)i * CHUNK_BYTES;
        size_t size = length - from < CHUNK_BYTES ? length - from : CHUNK_BYTES;
        dure_buf_clear(&buf);
        dure_cbor_head(&buf, DURE_CBOR_ARRAY, 4);
        dure_cbor_uint(&buf, LEAF_FORM);
        dure_cbor_uint(&buf, LEAF_CHUNK);
        dure_cbor_uint(&buf, i);
        dure_cbor_bytes(&buf, (const char *)bytes + from, size);
        if (buf.failed || !leaf(context, buf.data, buf.length))
            return false;
    }
    return true;
}

/* A leaf's second item without decoding the rest: what kind of leaf this is. −1: not a leaf. */
static int leaf_kind(const void *leaf, size_t length, struct dure_cbor_reader *reader, uint64_t *ret_items)
{
    dure_cbor_read(reader, leaf, length);
    *ret_items = dure_cbor_read_head(reader, DURE_CBOR_ARRAY);
    uint64_t form = dure_cbor_read_uint(reader, UINT64_MAX);
    uint64_t kind = dure_cbor_read_uint(reader, 255);
    return reader->failed || form != LEAF_FORM ? -1 : (int)kind;
}

static int begin(struct dure_leaves_join *join, struct dure_cbor_reader *reader, struct dure_error *error)
{
    uint64_t bytes = dure_cbor_read_uint(reader, RECORD_BYTES_MAX);
    uint64_t chunks = dure_cbor_read_uint(reader, UINT32_MAX);
    if (!dure_cbor_read_done(reader) || bytes <= DURE_LEAF_MAX || chunks != (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES)
        return dure_fail(error, DURE_E_CORRUPT, "the head of a long record is malformed");
    if (join->whole.max == 0)
        dure_buf_init(&join->whole, RECORD_BYTES_MAX + 1);
    dure_buf_clear(&join->whole);
    join->expected_bytes = bytes;
    join->expected_chunks = (uint32_t)chunks;
    join->seen_chunks = 0;
    return 0;
}

static int add_chunk(struct dure_leaves_join *join, struct dure_cbor_reader *reader, const void **ret_bytes,
                     size_t *ret_length, struct dure_error *error)
{
    size_t length;
    uint64_t index = dure_cbor_read_uint(reader, UINT32_MAX);
    const void *bytes = dure_cbor_read_string(reader, DURE_CBOR_BYTES, CHUNK_BYTES, &length);
    if (!dure_cbor_read_done(reader) || index != join->seen_chunks)
        return dure_fail(error, DURE_E_CORRUPT, "chunk %u of a long record is malformed or out of order",
                         join->seen_chunks);
    dure_buf_add(&join->whole, bytes, length);
    if (join->whole.failed)
        return dure_fail(error, DURE_E_MEMORY, "out of memory for a record of %llu bytes",
                         (unsigned long long)join->expected_bytes);
    if (++join->seen_chunks < join->expected_chunks)
        return 0;
    join->expected_chunks = 0;
    if (join->whole.length != join->expected_bytes)
        return dure_fail(error, DURE_E_CORRUPT, "a long record has %zu bytes, its head says %llu", join->whole.length,
                         (unsigned long long)join->expected_bytes);
    *ret_bytes = join->whole.data;
    *ret_length = join->whole.length;
    return 1;
}

int dure_leaves_join_next(struct dure_leaves_join *join, const void *leaf, size_t length, const void **ret_bytes,
                          size_t *ret_length, struct dure_error *error)
{
    struct dure_cbor_reader reader;
    uint64_t items;
    int kind = leaf_kind(leaf, length, &reader, &items);

    if (kind < 0 || length > DURE_LEAF_MAX)
        return dure_fail(error, DURE_E_CORRUPT, "not a leaf of form %d", LEAF_FORM);
    if (join->expected_chunks > 0)
        return kind == LEAF_CHUNK && items == 4
                   ? add_chunk(join, &reader, ret_bytes, ret_length, error)
                   : dure_fail(error, DURE_E_CORRUPT, "a long record ends before its last chunk");
    if (kind == LEAF_CHUNK)
        return dure_fail(error, DURE_E_CORRUPT, "a chunk stands without its head");
    if (kind == LEAF_HEAD)
        return items == 4 ? begin(join, &reader, error)
                          : dure_fail(error, DURE_E_CORRUPT, "the head of a long record is malformed");
    *ret_bytes = leaf;
    *ret_length = length;
    return 1;
}
