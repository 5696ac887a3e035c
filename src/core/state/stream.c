#include "core/state/stream.h"

#include <string.h>

#include "base/hash.h"

enum { BLOCK = 1 << 20, DOMAIN_BLOCK = 0x5eed };

static void flush(struct stream_out *out)
{
    if (out->block.failed)
        out->failed = true;
    const uint32_t length = (uint32_t)out->block.length;
    const struct dure_digest hash = dure_hash128(DOMAIN_BLOCK, out->block.data, out->block.length);
    if (!out->failed && (!out->write(out->context, &length, sizeof length) ||
                         (length && !out->write(out->context, out->block.data, length)) ||
                         !out->write(out->context, &hash, sizeof hash)))
        out->failed = true;
    dure_buf_clear(&out->block);
}

void stream_put(struct stream_out *out, const void *bytes, size_t length)
{
    dure_buf_add(&out->block, bytes, length);
}

void stream_put_u64(struct stream_out *out, uint64_t value)
{
    stream_put(out, &value, sizeof value);
}

void stream_put_text(struct stream_out *out, const char *text, size_t length)
{
    stream_put_u64(out, length);
    stream_put(out, text, length);
}

void stream_entry(struct stream_out *out)
{
    if (out->block.length >= BLOCK)
        flush(out);
}

void stream_end(struct stream_out *out)
{
    if (out->block.length)
        flush(out);
    flush(out);
}

/* The next block's bytes; false: no sound block here. */
static bool next_block(const uint8_t **at, const uint8_t *end, const uint8_t **ret_bytes, uint32_t *ret_length)
{
    uint32_t length;
    struct dure_digest stored;
    if ((size_t)(end - *at) < sizeof length + sizeof stored)
        return false;
    memcpy(&length, *at, sizeof length);
    if ((size_t)(end - *at) - sizeof length - sizeof stored < length)
        return false;
    memcpy(&stored, *at + sizeof length + length, sizeof stored);
    *ret_bytes = *at + sizeof length;
    *ret_length = length;
    *at += sizeof length + length + sizeof stored;
    const struct dure_digest found = dure_hash128(DOMAIN_BLOCK, *ret_bytes, length);
    return !memcmp(&found, &stored, sizeof found);
}

bool stream_sound(const void *bytes, size_t length)
{
    const uint8_t *at = bytes, *end = at + length, *block;
    uint32_t size;
    do {
        if (!next_block(&at, end, &block, &size))
            return false;
    } while (size);
    return at == end;
}

const void *stream_get(struct stream_in *in, size_t length)
{
    if (!in->failed && in->block_at == in->block_end) {
        uint32_t size = 0;
        if (!next_block(&in->at, in->end, &in->block_at, &size))
            in->failed = true;
        in->block_end = in->block_at + size;
    }
    if (in->failed || (size_t)(in->block_end - in->block_at) < length) {
        in->failed = true;
        return NULL;
    }
    const void *found = in->block_at;
    in->block_at += length;
    return found;
}

void stream_read(struct stream_in *in, void *into, size_t length)
{
    const void *found = length ? stream_get(in, length) : NULL;
    if (found)
        memcpy(into, found, length);
    else
        memset(into, 0, length);
}

uint64_t stream_get_u64(struct stream_in *in)
{
    uint64_t value;
    stream_read(in, &value, sizeof value);
    return value;
}

const char *stream_get_text(struct stream_in *in, size_t *ret_length)
{
    const uint64_t length = stream_get_u64(in);
    *ret_length = in->failed ? 0 : (size_t)length;
    return length ? stream_get(in, *ret_length) : "";
}
