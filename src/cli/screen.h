#pragma once
/* Where output goes and what it can show: width, UTF-8, colour. Real programs detect it; tests set it by hand.
 *
 * Colour never carries meaning alone: every coloured word also says what it means. NO_COLOR (non-empty) and a stream that is no
 * terminal switch it off. Control characters in what people named are shown as '?', so that a name cannot drive the terminal. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum { DURE_SCREEN_WIDTH_DEFAULT = 80, DURE_SCREEN_WIDTH_MIN = 40, DURE_SCREEN_WIDTH_MAX = 400 };

enum dure_style { DURE_STYLE_NONE, DURE_STYLE_BOLD, DURE_STYLE_DIM, DURE_STYLE_GOOD, DURE_STYLE_WARN, DURE_STYLE_BAD };

struct dure_screen {
    FILE *out;
    FILE *err;
    unsigned width;
    bool out_tty;
    bool err_tty;
    bool utf8;
    bool colour;
    int64_t now_us; /* 0: ask the clock; tests fix it */
};

/* stdout and stderr of this process; `colour`: "auto", "always" or "never". Call after setlocale(LC_ALL, ""). */
void dure_screen_detect(struct dure_screen *screen, const char *colour);
int64_t dure_screen_now_us(const struct dure_screen *screen);

const char *dure_screen_style_on(const struct dure_screen *screen, enum dure_style style); /* "" without colour */
const char *dure_screen_style_off(const struct dure_screen *screen, enum dure_style style);

/* Columns that UTF-8 text takes on a terminal (East Asian wide characters two, combining marks none), whatever the locale is. */
size_t dure_term_width(const char *text);
/* Appends at most `width` columns of the text, control characters made harmless; what is cut ends in "…" ("+" without UTF-8).
 * Returns the columns written. */
size_t dure_term_fit(struct dure_buf *buf, const char *text, size_t width, bool utf8);
void dure_term_clean(struct dure_buf *buf, const char *text);
/* Words broken at `width` columns, every line after the first begun with `indent` spaces; ends in a newline. `column`: where the
 * first line stands already. */
void dure_term_wrap(struct dure_buf *buf, const char *text, size_t column, size_t indent, size_t width);
