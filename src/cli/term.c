#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wchar.h>

#include "cli/screen.h"

enum { TAB_COLUMNS = 1 };

/* One code point; bytes that are no UTF-8 come out one by one as U+FFFD. */
static size_t decode(const char *text, uint32_t *ret_point)
{
    const uint8_t *at = (const uint8_t *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : (at[0] >> 5) == 6 ? 2 : (at[0] >> 4) == 14 ? 3 : (at[0] >> 3) == 30 ? 4 : 0;
    *ret_point = 0xFFFD;
    if (length == 0)
        return 1;
    if (length == 1) {
        *ret_point = at[0];
        return 1;
    }
    uint32_t point = at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 1;
        point = point << 6 | (at[i] & 0x3F);
    }
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        return 1;
    *ret_point = point;
    return length;
}

static locale_t wide_locale;

static void wide_locale_make(void)
{
    wide_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* wcwidth knows wide characters only in a UTF-8 locale; C.UTF-8 is always there on Debian. */
static size_t point_width(uint32_t point)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (point < 0x7F)
        return 1;
    pthread_once(&once, wide_locale_make);
    if (wide_locale == (locale_t)0)
        return 1;
    const locale_t before = uselocale(wide_locale);
    const int width = wcwidth((wchar_t)point);
    uselocale(before);
    return width < 0 ? 1 : (size_t)width;
}

/* C0, DEL and C1 controls, and the marks that reorder text: a name must not be able to drive or disguise the terminal. */
static bool harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x202A && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

size_t dure_term_width(const char *text)
{
    size_t width = 0;
    for (uint32_t point; *text;) {
        text += decode(text, &point);
        width += harmful(point) ? TAB_COLUMNS : point_width(point);
    }
    return width;
}

static void add_point(struct dure_buf *buf, const char *text, size_t length, uint32_t point)
{
    if (harmful(point))
        dure_buf_byte(buf, '?');
    else if (point == 0xFFFD)
        dure_buf_str(buf, "\xEF\xBF\xBD");
    else
        dure_buf_add(buf, text, length);
}

size_t dure_term_fit(struct dure_buf *buf, const char *text, size_t width, bool utf8)
{
    const bool cut = dure_term_width(text) > width;
    const size_t room = cut && width > 0 ? width - 1 : width;
    size_t used = 0;
    for (uint32_t point; *text;) {
        const size_t length = decode(text, &point);
        const size_t columns = harmful(point) ? TAB_COLUMNS : point_width(point);
        if (used + columns > room)
            break;
        add_point(buf, text, length, point);
        used += columns;
        text += length;
    }
    if (cut && width > 0) {
        dure_buf_str(buf, utf8 ? "…" : "+");
        used++;
    }
    return used;
}

void dure_term_clean(struct dure_buf *buf, const char *text)
{
    for (uint32_t point; *text;) {
        const size_t length = decode(text, &point);
        add_point(buf, text, length, point);
        text += length;
    }
}

void dure_term_wrap(struct dure_buf *buf, const char *text, size_t column, size_t indent, size_t width)
{
    bool fresh = column <= indent;
    while (*text) {
        text += strspn(text, " \n\t");
        const size_t length = strcspn(text, " \n\t");
        if (length == 0)
            break;
        char word[512];
        const size_t kept = length < sizeof word ? length : sizeof word - 1;
        memcpy(word, text, kept);
        word[kept] = 0;
        text += kept;
        const size_t columns = dure_term_width(word);
        if (!fresh && column + 1 + columns > width) {
            dure_buf_printf(buf, "\n%*s", (int)indent, "");
            column = indent;
            fresh = true;
        }
        if (!fresh) {
            dure_buf_byte(buf, ' ');
            column++;
        }
        dure_term_clean(buf, word);
        column += columns;
        fresh = false;
    }
    dure_buf_byte(buf, '\n');
}
