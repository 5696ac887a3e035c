#include "cli/progress.h"

#include <inttypes.h>
#include <time.h>

enum { BAR = 20, AGAIN_US = 100000 };

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void dure_progress_begin(struct dure_progress *progress, const struct dure_screen *screen, uint64_t all)
{
    *progress = (struct dure_progress){.screen = screen, .all = all ? all : 1, .began_us = now_us()};
}

void dure_progress_step(struct dure_progress *progress, const char *what)
{
    DURE_CLEANUP_BUF struct dure_buf line = {0};
    const uint64_t done = progress->done++;
    const int64_t now = now_us(), passed_us = now - progress->began_us;
    if (!progress->screen->err_tty || (progress->shown_us && now - progress->shown_us < AGAIN_US))
        return;
    progress->shown_us = now;
    dure_buf_init(&line, 4096);
    dure_buf_str(&line, "[");
    for (uint64_t i = 0; i < BAR; i++)
        dure_buf_str(&line, i < done * BAR / progress->all ? "#" : ".");
    dure_buf_printf(&line, "] %" PRIu64 "/%" PRIu64, done, progress->all);
    if (done > 0)
        dure_buf_printf(&line, ", %" PRId64 " s left",
                        passed_us / 1000000 * (int64_t)(progress->all - done) / (int64_t)done);
    dure_buf_printf(&line, ": %s", what);
    fputs("\r\033[K", progress->screen->err);
    DURE_CLEANUP_BUF struct dure_buf cut = {0};
    dure_buf_init(&cut, 4096);
    dure_term_fit(&cut, line.data ? line.data : "", progress->screen->width - 1, progress->screen->utf8);
    fputs(cut.data ? cut.data : "", progress->screen->err);
    fflush(progress->screen->err);
}

void dure_progress_end(struct dure_progress *progress)
{
    if (progress->shown_us)
        fputs("\r\033[K", progress->screen->err);
    fflush(progress->screen->err);
}
