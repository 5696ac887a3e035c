#pragma once
/* Snapshot bytes: blocks of [u32 length][bytes][16 bytes of hash], so that damage is found before a byte is believed. An entry never crosses
 * a block; a block of length 0 ends the stream. */
#include "base/buf.h"
#include "base/err.h"

struct stream_out {
    struct dure_buf block;
    bool (*write)(void *context, const void *bytes, size_t length);
    void *context;
    bool failed;
};
void stream_put(struct stream_out *out, const void *bytes, size_t length);
void stream_put_u64(struct stream_out *out, uint64_t value);
void stream_put_text(struct stream_out *out, const char *text, size_t length);
void stream_entry(struct stream_out *out); /* an entry is complete: the block may be cut here */
void stream_end(struct stream_out *out);

struct stream_in {
    const uint8_t *at, *end; /* of the whole */
    const uint8_t *block_at, *block_end;
    bool failed;
};
/* Checks every block. */
bool stream_sound(const void *bytes, size_t length);
/* A view into the stream; NULL and failed when there are not so many bytes. Not aligned. */
const void *stream_get(struct stream_in *in, size_t length);
void stream_read(struct stream_in *in, void *into, size_t length);
uint64_t stream_get_u64(struct stream_in *in);
const char *stream_get_text(struct stream_in *in, size_t *ret_length);
