#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err_row {
    enum dure_err code;
    int http;
    const char *wire;
    const char *sentence;
};

static const struct err_row rows[] = {
#define X(name, code, wire, http, sentence) {DURE_##name, http, wire, sentence},
    DURE_ERRORS(X)
#undef X
};

static const struct err_row *row_of(enum dure_err err)
{
    /* The table is dense: row i holds code -i. A foreign value finds nothing. */
    const long index = -(long)err;
    if (index < 0 || index >= (long)(sizeof rows / sizeof rows[0]))
        return NULL;
    return &rows[index];
}

const char *dure_err_wire(enum dure_err err)
{
    const struct err_row *row = row_of(err);
    return row ? row->wire : "unknown";
}

const char *dure_err_sentence(enum dure_err err)
{
    const struct err_row *row = row_of(err);
    return row ? row->sentence : "an error this version does not know";
}

int dure_err_http(enum dure_err err)
{
    const struct err_row *row = row_of(err);
    return row ? row->http : 500;
}

enum dure_err dure_err_from_wire(const char *wire)
{
    for (size_t i = 0; wire && i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].wire, wire) == 0)
            return rows[i].code;
    return DURE_E_INVALID;
}

/* The arguments may point into the text that is replaced, so the new one is made beside it. */
static size_t format_beside(char text[DURE_ERROR_TEXT_MAX], const char *format, va_list args)
{
    if (vsnprintf(text, DURE_ERROR_TEXT_MAX, format, args) < 0)
        text[0] = '\0';
    return strlen(text);
}

enum dure_err dure_fail(struct dure_error *error, enum dure_err code, const char *format, ...)
{
    if (!error)
        return code;
    char text[DURE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    const size_t length = format_beside(text, format, args);
    va_end(args);
    error->code = code;
    memcpy(error->text, text, length + 1);
    return code;
}

enum dure_err dure_fail_prefix(struct dure_error *error, enum dure_err code, const char *format, ...)
{
    if (!error)
        return code;
    char text[DURE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    const size_t head = format_beside(text, format, args);
    va_end(args);
    size_t tail = strlen(error->text);
    if (tail > sizeof text - 1 - head)
        tail = sizeof text - 1 - head;
    memcpy(text + head, error->text, tail);
    text[head + tail] = '\0';
    error->code = code;
    memcpy(error->text, text, head + tail + 1);
    return code;
}

void dure_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
    fflush(stderr);
    abort();
}
