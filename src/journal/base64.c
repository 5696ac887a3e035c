#include "journal/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void dure_base64_add(struct dure_buf *buf, const void *bytes, size_t length)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < length; i += 3) {
        const size_t left = length - i;
        const uint32_t word =
            (uint32_t)in[i] << 16 | (uint32_t)(left > 1 ? in[i + 1] : 0) << 8 | (left > 2 ? in[i + 2] : 0);
        const char four[4] = {alphabet[word >> 18], alphabet[word >> 12 & 63],
                              left > 1 ? alphabet[word >> 6 & 63] : '=', left > 2 ? alphabet[word & 63] : '='};
        dure_buf_add(buf, four, sizeof four);
    }
}

static int value_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool dure_base64_decode(const char *text, size_t text_length, uint8_t *ret_bytes, size_t bytes_max, size_t *ret_length)
{
    if (text_length % 4)
        return false;
    size_t pad = 0;
    while (pad < 2 && pad < text_length && text[text_length - 1 - pad] == '=')
        pad++;
    const size_t length = text_length / 4 * 3 - pad;
    if (length > bytes_max)
        return false;
    for (size_t i = 0; i < text_length; i++)
        if (i < text_length - pad && value_of(text[i]) < 0)
            return false;
    for (size_t i = 0, out = 0; i < text_length; i += 4) {
        uint32_t word = 0;
        for (size_t k = 0; k < 4; k++)
            word = word << 6 | (i + k < text_length - pad ? (uint32_t)value_of(text[i + k]) : 0);
        /* Bits that no byte takes up must be zero, or two texts would mean the same bytes. */
        if (i + 4 == text_length && pad && word & (pad == 1 ? 0xffu : 0xffffu))
            return false;
        for (size_t k = 0; k < 3 && out < length; k++)
            ret_bytes[out++] = (uint8_t)(word >> (16 - 8 * k));
    }
    *ret_length = length;
    return true;
}
