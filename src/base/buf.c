#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FIRST = 64 };

void dure_buf_init(struct dure_buf *buf, size_t max)
{
    *buf = (struct dure_buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void dure_buf_release(struct dure_buf *buf)
{
    free(buf->data);
    dure_buf_init(buf, buf->max);
}

void dure_buf_clear(struct dure_buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. Sets `failed` and returns false when there is none. */
static bool reserve(struct dure_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->max || buf->length > buf->max - more) {
        buf->failed = true;
        return false;
    }
    const size_t need = buf->length + more + 1;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity > SIZE_MAX / 2 ? SIZE_MAX : buf->capacity * 2;
    if (capacity < FIRST)
        capacity = FIRST;
    if (capacity < need)
        capacity = need;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    char *grown = realloc(buf->data, capacity);
    if (!grown) {
        buf->failed = true;
        return false;
    }
    buf->data = grown;
    buf->capacity = capacity;
    return true;
}

void dure_buf_add(struct dure_buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void dure_buf_byte(struct dure_buf *buf, uint8_t byte)
{
    dure_buf_add(buf, &byte, 1);
}

void dure_buf_str(struct dure_buf *buf, const char *text)
{
    dure_buf_add(buf, text, strlen(text));
}

void dure_buf_vprintf(struct dure_buf *buf, const char *format, va_list args)
{
    if (!reserve(buf, 0))
        return;
    va_list again;
    va_copy(again, args);
    const size_t room = buf->capacity - buf->length;
    const int length = vsnprintf(buf->data + buf->length, room, format, args);
    if (length < 0) {
        buf->failed = true;
    } else if ((size_t)length < room) {
        buf->length += (size_t)length;
    } else if (reserve(buf, (size_t)length)) {
        (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    buf->data[buf->length] = '\0'; /* a dropped write leaves no tail behind */
    va_end(again);
}

void dure_buf_printf(struct dure_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dure_buf_vprintf(buf, format, args);
    va_end(args);
}

char *dure_buf_take(struct dure_buf *buf)
{
    if (!reserve(buf, 0))
        return NULL;
    char *data = buf->data;
    data[buf->length] = '\0';
    dure_buf_init(buf, buf->max);
    return data;
}

/* The length of the well-formed UTF-8 sequence at `at` (Unicode table 3-7), or 0; then *ret_bad is how many bytes one U+FFFD
 * stands for (the longest prefix that could have begun a sequence). A NUL is never a continuation byte, so it ends the scan. */
static size_t utf8_length(const unsigned char *at, size_t *ret_bad)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length;
    *ret_bad = 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        length = 2;
    else if ((at[0] & 0xf0) == 0xe0)
        length = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < length; i++) {
        if (at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static void json_escape(struct dure_buf *buf, unsigned char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *found = strchr(plain, byte);
    if (found) {
        const char pair[2] = {'\\', letter[found - plain]};
        dure_buf_add(buf, pair, 2);
    } else {
        dure_buf_printf(buf, "\\u%04x", (unsigned)byte);
    }
}

void dure_buf_json(struct dure_buf *buf, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *run = at; /* copied as it is, in one piece */
    dure_buf_byte(buf, '"');
    while (*at) {
        size_t bad = 1;
        if (*at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') {
            at++;
            continue;
        }
        const size_t length = *at < 0x80 ? 0 : utf8_length(at, &bad);
        if (length) {
            at += length;
            continue;
        }
        dure_buf_add(buf, run, (size_t)(at - run));
        if (*at < 0x80)
            json_escape(buf, *at);
        else
            dure_buf_str(buf, "\xef\xbf\xbd");
        at += bad;
        run = at;
    }
    dure_buf_add(buf, run, (size_t)(at - run));
    dure_buf_byte(buf, '"');
}
