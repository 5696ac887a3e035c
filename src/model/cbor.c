#include "model/cbor.h"

#include <string.h>

void dure_cbor_head(struct dure_buf *buf, enum dure_cbor_major major, uint64_t value)
{
    uint8_t bytes[9];
    unsigned extra = value < 24 ? 0 : value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    static const uint8_t code[9] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};

    bytes[0] = (uint8_t)((unsigned)major << 5 | (extra == 0 ? (unsigned)value : code[extra]));
    for (unsigned i = 0; i < extra; i++)
        bytes[1 + i] = (uint8_t)(value >> (8 * (extra - 1 - i)));
    dure_buf_add(buf, bytes, 1 + extra);
}

void dure_cbor_uint(struct dure_buf *buf, uint64_t value)
{
    dure_cbor_head(buf, DURE_CBOR_UINT, value);
}

void dure_cbor_int(struct dure_buf *buf, int64_t value)
{
    if (value >= 0)
        dure_cbor_head(buf, DURE_CBOR_UINT, (uint64_t)value);
    else
        dure_cbor_head(buf, DURE_CBOR_NINT, ~(uint64_t)value);
}

void dure_cbor_bool(struct dure_buf *buf, bool value)
{
    dure_cbor_head(buf, DURE_CBOR_SIMPLE, value ? 21 : 20);
}

void dure_cbor_bytes(struct dure_buf *buf, const void *bytes, size_t length)
{
    dure_cbor_head(buf, DURE_CBOR_BYTES, length);
    dure_buf_add(buf, bytes, length);
}

void dure_cbor_text(struct dure_buf *buf, const char *text, size_t length)
{
    dure_cbor_head(buf, DURE_CBOR_TEXT, length);
    dure_buf_add(buf, text, length);
}

void dure_cbor_read(struct dure_cbor_reader *reader, const void *bytes, size_t length)
{
    reader->at = bytes;
    reader->end = reader->at + length;
    reader->failed = false;
}

int dure_cbor_peek(const struct dure_cbor_reader *reader)
{
    return reader->failed || reader->at >= reader->end ? -1 : *reader->at >> 5;
}

static uint64_t fail(struct dure_cbor_reader *reader)
{
    reader->failed = true;
    return 0;
}

uint64_t dure_cbor_read_head(struct dure_cbor_reader *reader, enum dure_cbor_major major)
{
    if (dure_cbor_peek(reader) != (int)major)
        return fail(reader);
    unsigned info = *reader->at & 31;
    if (info < 24) {
        reader->at++;
        return info;
    }
    if (info > 27)
        return fail(reader);
    unsigned extra = 1u << (info - 24);
    if ((size_t)(reader->end - reader->at) < 1 + extra)
        return fail(reader);
    uint64_t value = 0;
    for (unsigned i = 0; i < extra; i++)
        value = value << 8 | reader->at[1 + i];
    /* Only the shortest form: the same record must have one encoding. */
    static const uint64_t least[4] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    if (value < least[info - 24])
        return fail(reader);
    reader->at += 1 + extra;
    return value;
}

uint64_t dure_cbor_read_uint(struct dure_cbor_reader *reader, uint64_t max)
{
    uint64_t value = dure_cbor_read_head(reader, DURE_CBOR_UINT);
    return value > max ? fail(reader) : value;
}

int64_t dure_cbor_read_int(struct dure_cbor_reader *reader, int64_t min, int64_t max)
{
    bool negative = dure_cbor_peek(reader) == DURE_CBOR_NINT;
    uint64_t head = dure_cbor_read_head(reader, negative ? DURE_CBOR_NINT : DURE_CBOR_UINT);
    if (head > INT64_MAX)
        return (int64_t)fail(reader);
    int64_t value = negative ? (int64_t)~head : (int64_t)head;
    return value < min || value > max ? (int64_t)fail(reader) : value;
}

bool dure_cbor_read_bool(struct dure_cbor_reader *reader)
{
    uint64_t value = dure_cbor_read_head(reader, DURE_CBOR_SIMPLE);
    if (value != 20 && value != 21)
        return fail(reader) != 0;
    return value == 21;
}

const void *dure_cbor_read_string(struct dure_cbor_reader *reader, enum dure_cbor_major major, size_t max,
                                  size_t *ret_length)
{
    uint64_t length = dure_cbor_read_head(reader, major);
    *ret_length = 0;
    if (reader->failed || length > max || length > (size_t)(reader->end - reader->at)) {
        fail(reader);
        return "";
    }
    const void *bytes = reader->at;
    reader->at += length;
    *ret_length = (size_t)length;
    return bytes;
}

bool dure_cbor_read_done(const struct dure_cbor_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}
