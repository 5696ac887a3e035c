#include "api/json.h"

#include <string.h>

#include "base/timefmt.h"

/* Keys are ours and need no escaping. */
static void begin(struct dure_buf *buf, const char *key)
{
    char last = buf->length > 0 ? buf->data[buf->length - 1] : '{';

    if (last != '{' && last != '[')
        dure_buf_byte(buf, ',');
    if (key == NULL)
        return;
    dure_buf_byte(buf, '"');
    dure_buf_str(buf, key);
    dure_buf_add(buf, "\":", 2);
}

void json_open(struct dure_buf *buf, const char *key, char bracket)
{
    begin(buf, key);
    dure_buf_byte(buf, (uint8_t)bracket);
}

void json_close(struct dure_buf *buf, char bracket)
{
    dure_buf_byte(buf, (uint8_t)bracket);
}

void json_str(struct dure_buf *buf, const char *key, const char *value)
{
    begin(buf, key);
    if (value == NULL)
        dure_buf_str(buf, "null");
    else
        dure_buf_json(buf, value);
}

void json_uint(struct dure_buf *buf, const char *key, uint64_t value)
{
    char digits[24];
    size_t at = sizeof digits;

    begin(buf, key);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    dure_buf_add(buf, digits + at, sizeof digits - at);
}

void json_int(struct dure_buf *buf, const char *key, int64_t value)
{
    if (value >= 0) {
        json_uint(buf, key, (uint64_t)value);
        return;
    }
    begin(buf, key);
    dure_buf_printf(buf, "%lld", (long long)value);
}

void json_bool(struct dure_buf *buf, const char *key, bool value)
{
    begin(buf, key);
    dure_buf_str(buf, value ? "true" : "false");
}

void json_none(struct dure_buf *buf, const char *key)
{
    begin(buf, key);
    dure_buf_str(buf, "null");
}

void json_time(struct dure_buf *buf, const char *key, int64_t us)
{
    char text[DURE_TIME_TEXT_MAX];

    if (us <= 0 || us == DURE_NEVER_US)
        json_none(buf, key);
    else
        json_str(buf, key, dure_time_format_utc(us, text));
}

void json_raw(struct dure_buf *buf, const char *key, const char *json)
{
    begin(buf, key);
    dure_buf_str(buf, json);
}
