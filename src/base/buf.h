#pragma once
/* A growing byte buffer created with its ceiling. Writes past the ceiling (or out of memory) set `failed` and are dropped, so
 * that a chain of writes is checked once at the end. `data` is NUL-terminated after every write (the NUL is not counted). */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dure_buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t max;
    bool failed;
};

void dure_buf_init(struct dure_buf *buf, size_t max);
void dure_buf_release(struct dure_buf *buf); /* frees; the struct may be initialised again */
void dure_buf_clear(struct dure_buf *buf);   /* keeps the memory, clears `failed` */
void dure_buf_add(struct dure_buf *buf, const void *bytes, size_t length);
void dure_buf_byte(struct dure_buf *buf, uint8_t byte);
void dure_buf_str(struct dure_buf *buf, const char *text);
void dure_buf_printf(struct dure_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dure_buf_vprintf(struct dure_buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void dure_buf_json(struct dure_buf *buf,
                   const char *text);      /* a quoted, escaped JSON string; bad UTF-8 becomes U+FFFD */
char *dure_buf_take(struct dure_buf *buf); /* the caller frees; the buffer is empty again; NULL if failed */
#define DURE_CLEANUP_BUF __attribute__((cleanup(dure_buf_release)))
