#include "base/utf8.h"

#include <string.h>

/* How many bytes a sequence with this first byte has (0: none begins so), and what its second byte may be. */
static size_t lead(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if ((first & 0xf0) == 0xe0) {
        if (first == 0xe0)
            *low = 0xa0;
        else if (first == 0xed)
            *high = 0x9f;
        return 3;
    }
    if (first < 0xf0 || first > 0xf4)
        return 0;
    if (first == 0xf0)
        *low = 0x90;
    else if (first == 0xf4)
        *high = 0x8f;
    return 4;
}

size_t dure_utf8_next(const char *text, size_t length, size_t *ret_bad)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned char low, high;
    *ret_bad = 1;
    if (length == 0)
        return 0;
    const size_t wanted = lead(at[0], &low, &high);
    for (size_t i = 1; i < wanted; i++) {
        if (i == length || at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return wanted;
}

bool dure_utf8_valid(const char *text, size_t length)
{
    while (length > 0) {
        size_t bad;
        const size_t step = dure_utf8_next(text, length, &bad);
        if (step == 0)
            return false;
        text += step;
        length -= step;
    }
    return true;
}

void dure_utf8_mend(char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        size_t bad;
        size_t step = dure_utf8_next(text, length, &bad);
        if (step == 0) {
            memset(text, '?', bad);
            step = bad;
        }
        text += step;
        length -= step;
    }
}
