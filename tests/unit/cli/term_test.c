/* Columns on a terminal: wide, combining, broken and hostile text. */
#include <string.h>

#include "cli/screen.h"
#include "tap.h"

static void widths(void)
{
    TAP_EQ_INT(dure_term_width(""), 0, "nothing");
    TAP_EQ_INT(dure_term_width("abc"), 3, "ASCII");
    TAP_EQ_INT(dure_term_width("정부"), 4, "Hangul is wide");
    TAP_EQ_INT(dure_term_width("é"), 1, "one letter");
    TAP_EQ_INT(dure_term_width("e\xCC\x81"), 1, "a combining accent takes no column");
    TAP_EQ_INT(dure_term_width("\xff\xfe"), 2, "bytes that are no UTF-8 take one each");
    TAP_EQ_INT(dure_term_width("a\033[31m"), 6, "an escape is counted as what is shown for it");
}

static void fits(const char *text, size_t width, bool utf8, const char *want, size_t columns)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    const size_t used = dure_term_fit(&buf, text, width, utf8);
    TAP_EQ_STR(buf.data ? buf.data : "", want, "'%s' in %zu", text, width);
    TAP_EQ_UINT(used, columns, "columns of it");
    dure_buf_release(&buf);
}

static void wraps(const char *text, size_t indent, size_t width, const char *want)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    dure_term_wrap(&buf, text, 0, indent, width);
    TAP_EQ_STR(buf.data, want, "wrapped at %zu", width);
    dure_buf_release(&buf);
}

int main(void)
{
    widths();
    fits("abc", 5, true, "abc", 3);
    fits("abcdef", 4, true, "abc…", 4);
    fits("abcdef", 4, false, "abc+", 4);
    fits("abcd", 4, true, "abcd", 4);
    fits("정부클라우드", 6, true, "정부…", 5);
    fits("정부클라우드", 5, false, "정부+", 5);
    fits("a\033[31mb", 20, true, "a?[31mb", 7);
    fits("a\nb\tc", 20, true, "a?b?c", 5);
    fits("safe\xE2\x80\xAE"
         "exe",
         20, true, "safe?exe", 8);
    fits("\xC2\x9b"
         "x",
         20, true, "?x", 2);
    fits("abc", 0, true, "", 0);
    wraps("one two three", 0, 8, "one two\nthree\n");
    wraps("one two three", 2, 8, "one two\n  three\n");
    wraps("  one \n two ", 0, 80, "one two\n");
    wraps("unbreakablyлong", 0, 4, "unbreakablyлong\n");
    return tap_done();
}
