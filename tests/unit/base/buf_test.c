#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tap.h"

static void writes_past_the_ceiling_are_dropped(void)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 8);
    dure_buf_str(&buf, "12345678");
    TAP_EQ_STR(buf.data, "12345678", "exactly full");
    TAP_OK(!buf.failed, "full is not failed");
    dure_buf_byte(&buf, '9');
    TAP_OK(buf.failed, "one more fails");
    TAP_EQ_STR(buf.data, "12345678", "and is dropped");
    dure_buf_str(&buf, "");
    TAP_OK(dure_buf_take(&buf) == NULL, "nothing can be taken from a failed buffer");
    dure_buf_clear(&buf);
    TAP_OK(!buf.failed, "clear forgives");
    dure_buf_add(&buf, "ab\0cd", 5);
    TAP_EQ_INT(buf.length, 5, "bytes may hold a NUL");
    TAP_EQ_MEM(buf.data, "ab\0cd", 6, "and end with one");
    dure_buf_str(&buf, "efgh");
    TAP_EQ_INT(buf.length, 5, "a write that does not fit whole is not cut in half");
    dure_buf_release(&buf);
}

static void printf_knows_the_ceiling(void)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 100);
    dure_buf_printf(&buf, "%099d", 5);
    TAP_EQ_INT(buf.length, 99, "longer than the first block");
    dure_buf_printf(&buf, "%c", 'x');
    TAP_EQ_INT(buf.length, 100, "up to the ceiling");
    dure_buf_printf(&buf, "%s", "");
    TAP_OK(!buf.failed, "an empty print into a full buffer is fine");
    dure_buf_printf(&buf, "%s", "y");
    TAP_OK(buf.failed, "past it fails");
    TAP_EQ_INT(strlen(buf.data), 100, "and leaves no tail");
    dure_buf_release(&buf);

    dure_buf_init(&buf, 0);
    dure_buf_str(&buf, "");
    TAP_EQ_STR(buf.data, "", "a ceiling of nothing holds the empty string");
    dure_buf_printf(&buf, "%d", 1);
    TAP_OK(buf.failed && buf.length == 0, "and nothing else");
    dure_buf_release(&buf);
    dure_buf_init(&buf, SIZE_MAX);
    dure_buf_str(&buf, "x");
    TAP_EQ_STR(buf.data, "x", "the largest ceiling does not wrap");
    dure_buf_release(&buf);
}

static void take_gives_the_memory_away(void)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1000);
    char *nothing = dure_buf_take(&buf);
    TAP_EQ_STR(nothing, "", "an unwritten buffer is the empty string");
    free(nothing);
    dure_buf_str(&buf, "mine");
    char *mine = dure_buf_take(&buf);
    TAP_EQ_STR(mine, "mine", "the text");
    TAP_OK(buf.length == 0 && buf.max == 1000, "the buffer is empty with its ceiling kept");
    dure_buf_str(&buf, "yours");
    TAP_EQ_STR(mine, "mine", "later writes do not touch what was taken");
    free(mine);
}

static void json_strings_are_escaped(void)
{
    static const struct {
        const char *text, *want, *name;
    } cases[] = {
        {"", "\"\"", "empty"},
        {"plain", "\"plain\"", "plain"},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\"", "quote and backslash"},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", "short escapes"},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"", "control characters"},
        {"두레 \xf0\x9f\x8c\xbe", "\"두레 \xf0\x9f\x8c\xbe\"", "Hangul and a four-byte sequence stay"},
        {"a\x80z", "\"a\xef\xbf\xbdz\"", "a lone continuation byte"},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong slash"},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "a surrogate"},
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "above U+10FFFF"},
        {"\xe2\x82", "\"\xef\xbf\xbd\"", "cut at the end: one mark"},
        {"\xe2\x82\"", "\"\xef\xbf\xbd\\\"\"", "cut by a quote: the quote is still escaped"},
        {"\xf0\x9f\x98\x0a", "\"\xef\xbf\xbd\\n\"", "cut by a newline"},
        {"\xff\xfe", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "bytes that never occur"},
        {"\xe0\x9f\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong three-byte sequence"},
        {"\xf0\x8f\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong four-byte sequence"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        DURE_CLEANUP_BUF struct dure_buf buf;
        dure_buf_init(&buf, 1000);
        dure_buf_json(&buf, cases[i].text);
        TAP_EQ_STR(buf.data, cases[i].want, "%s", cases[i].name);
    }
    DURE_CLEANUP_BUF struct dure_buf small;
    dure_buf_init(&small, 4);
    dure_buf_json(&small, "abc");
    TAP_OK(small.failed, "a string over the ceiling fails");
}

int main(void)
{
    writes_past_the_ceiling_are_dropped();
    printf_knows_the_ceiling();
    take_gives_the_memory_away();
    json_strings_are_escaped();
    return tap_done();
}
