#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

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
    const char *at = text;
    const char *end = text + strlen(text);
    const char *run = at; /* copied as it is, in one piece */
    dure_buf_byte(buf, '"');
    while (at < end) {
        const unsigned char byte = (unsigned char)*at;
        size_t bad = 1;
        if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
            at++;
            continue;
        }
        const size_t length = byte < 0x80 ? 0 : dure_utf8_next(at, (size_t)(end - at), &bad);
        if (length) {
            at += length;
            continue;
        }
        dure_buf_add(buf, run, (size_t)(at - run));
        if (byte < 0x80)
            json_escape(buf, byte);
        else
            dure_buf_str(buf, "\xef\xbf\xbd");
        at += bad;
        run = at;
    }
    dure_buf_add(buf, run, (size_t)(at - run));
    dure_buf_byte(buf, '"');
}
