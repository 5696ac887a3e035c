#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

bool dure_text_copy(char *to, size_t size, const char *from)
{
    DURE_ASSERT(size > 0);
    size_t length = strnlen(from, size);
    const bool whole = length < size;
    if (!whole) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--;
    }
    memmove(to, from, length);
    to[length] = '\0';
    return whole;
}

bool dure_text_uint(const char *text, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!text || !*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

char *dure_text_grouped(int64_t value, char text[32])
{
    char plain[24];
    snprintf(plain, sizeof plain, "%" PRId64, value);
    const char *at = plain;
    char *out = text;
    if (*at == '-')
        *out++ = *at++;
    for (size_t left = strlen(at); left > 0; left--) {
        *out++ = *at++;
        if (left > 1 && left % 3 == 1)
            *out++ = ',';
    }
    *out = 0;
    return text;
}
