#pragma once
/* Writing JSON into a buffer: commas take care of themselves (one is put unless something was just opened). */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void json_open(struct dure_buf *buf, const char *key, char bracket); /* key NULL: in a list or at the top; '{' or '[' */
void json_close(struct dure_buf *buf, char bracket);                 /* '}' or ']' */
void json_str(struct dure_buf *buf, const char *key, const char *value); /* NULL value: null */
void json_int(struct dure_buf *buf, const char *key, int64_t value);
void json_uint(struct dure_buf *buf, const char *key, uint64_t value);
void json_bool(struct dure_buf *buf, const char *key, bool value);
void json_time(struct dure_buf *buf, const char *key,
               int64_t us); /* RFC 3339; null for 0, INT64_MIN and DURE_NEVER_US */
void json_none(struct dure_buf *buf, const char *key);
void json_raw(struct dure_buf *buf, const char *key, const char *json); /* already JSON */
