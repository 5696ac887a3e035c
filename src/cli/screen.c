#include "cli/screen.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static unsigned width_of(FILE *stream, bool tty)
{
    struct winsize size;
    if (tty && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= DURE_SCREEN_WIDTH_MIN)
        return size.ws_col > DURE_SCREEN_WIDTH_MAX ? DURE_SCREEN_WIDTH_MAX : size.ws_col;
    const char *columns = getenv("COLUMNS");
    const long value = columns ? strtol(columns, NULL, 10) : 0;
    if (value >= DURE_SCREEN_WIDTH_MIN && value <= DURE_SCREEN_WIDTH_MAX)
        return (unsigned)value;
    return DURE_SCREEN_WIDTH_DEFAULT;
}

void dure_screen_detect(struct dure_screen *screen, const char *colour)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    memset(screen, 0, sizeof *screen);
    screen->out = stdout;
    screen->err = stderr;
    screen->out_tty = isatty(STDOUT_FILENO) == 1;
    screen->err_tty = isatty(STDERR_FILENO) == 1;
    screen->width = width_of(stdout, screen->out_tty);
    screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (strcmp(colour, "always") == 0)
        screen->colour = true;
    else if (strcmp(colour, "auto") == 0)
        screen->colour = screen->out_tty && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

int64_t dure_screen_now_us(const struct dure_screen *screen)
{
    struct timespec now;
    if (screen->now_us)
        return screen->now_us;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const char *dure_screen_style_on(const struct dure_screen *screen, enum dure_style style)
{
    static const char *const codes[] = {
        [DURE_STYLE_NONE] = "",         [DURE_STYLE_BOLD] = "\033[1m",  [DURE_STYLE_DIM] = "\033[2m",
        [DURE_STYLE_GOOD] = "\033[32m", [DURE_STYLE_WARN] = "\033[33m", [DURE_STYLE_BAD] = "\033[31m",
    };
    return screen->colour ? codes[style] : "";
}

const char *dure_screen_style_off(const struct dure_screen *screen, enum dure_style style)
{
    return screen->colour && style != DURE_STYLE_NONE ? "\033[0m" : "";
}
