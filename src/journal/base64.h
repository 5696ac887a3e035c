#pragma once
/* RFC 4648 §4, strict: padded, canonical, nothing but the alphabet. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void dure_base64_add(struct dure_buf *buf, const void *bytes, size_t length);
/* Decodes into at most `bytes_max` bytes. False: not base64, or longer. */
bool dure_base64_decode(const char *text, size_t text_length, uint8_t *ret_bytes, size_t bytes_max, size_t *ret_length);
