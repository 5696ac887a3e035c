#pragma once
/* Deterministic CBOR (RFC 8949 §4.2), the few types records use: integers, byte and text strings, arrays, maps, booleans. Written by hand because
 * every record passes here once when stored and once when replayed; checked against libcbor in the tests. The reader is strict: only
 * shortest forms, definite lengths, no tags, no floats. Pure; no allocation. */
#include "base/buf.h"

enum dure_cbor_major {
    DURE_CBOR_UINT = 0,
    DURE_CBOR_NINT = 1,
    DURE_CBOR_BYTES = 2,
    DURE_CBOR_TEXT = 3,
    DURE_CBOR_ARRAY = 4,
    DURE_CBOR_MAP = 5,
    DURE_CBOR_SIMPLE = 7
};

void dure_cbor_head(struct dure_buf *buf, enum dure_cbor_major major, uint64_t value);
void dure_cbor_uint(struct dure_buf *buf, uint64_t value);
void dure_cbor_int(struct dure_buf *buf, int64_t value);
void dure_cbor_bool(struct dure_buf *buf, bool value);
void dure_cbor_bytes(struct dure_buf *buf, const void *bytes, size_t length);
void dure_cbor_text(struct dure_buf *buf, const char *text, size_t length);

/* A reader over a span. The first fault sets `failed` (and what follows reads as zero), so that a chain of reads is checked once. */
struct dure_cbor_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

void dure_cbor_read(struct dure_cbor_reader *reader, const void *bytes, size_t length);
/* Next item's major type without consuming; −1 at the end or on failure. */
int dure_cbor_peek(const struct dure_cbor_reader *reader);
uint64_t dure_cbor_read_head(struct dure_cbor_reader *reader,
                             enum dure_cbor_major major); /* fails on another major type */
uint64_t dure_cbor_read_uint(struct dure_cbor_reader *reader, uint64_t max);
int64_t dure_cbor_read_int(struct dure_cbor_reader *reader, int64_t min, int64_t max);
bool dure_cbor_read_bool(struct dure_cbor_reader *reader);
/* Points into the span. */
const void *dure_cbor_read_string(struct dure_cbor_reader *reader, enum dure_cbor_major major, size_t max,
                                  size_t *ret_length);
bool dure_cbor_read_done(const struct dure_cbor_reader *reader); /* all consumed, nothing failed */
