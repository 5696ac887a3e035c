#include "cli/progress.h"

#include <inttypes.h>
#include <time.h>

#include "base/timefmt.h"

enum { BAR = 20, AGAIN_US = 100000 };

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void dure_progress_begin(struct dure_progress *progress, const struct dure_screen *screen, uint64_t all)
{
    const int64_t now = now_us();
    *progress = (struct dure_progress){.screen = screen, .all = all ? all : 1, .began_us = now, .shown_us = now};
}

/* At most ten times a second, and never the first time that it is asked: what is over at once needs no bar. */
static bool is_due(struct dure_progress *progress, int64_t now)
{
    if (!progress->screen->err_tty || now - progress->shown_us < AGAIN_US)
        return false;
    progress->shown_us = now;
    return true;
}

static void draw(const struct dure_progress *progress, uint64_t done, uint64_t all, const char *count, const char *what)
{
    DURE_CLEANUP_BUF struct dure_buf line = {0}, cut = {0};
    char left[DURE_TIME_TEXT_MAX];
    dure_buf_init(&line, 4096);
    dure_buf_init(&cut, 4096);
    dure_buf_str(&line, "[");
    for (uint64_t i = 0; i < BAR; i++)
        dure_buf_str(&line, i < done * BAR / all ? "#" : ".");
    dure_buf_printf(&line, "] %s", count);
    const int64_t passed_s = (progress->shown_us - progress->began_us) / DURE_SECOND_US;
    if (done > 0 && done < all)
        dure_buf_printf(&line, ", %s left",
                        dure_duration_format(passed_s * (int64_t)(all - done) / (int64_t)done * DURE_SECOND_US, left));
    dure_buf_printf(&line, ": %s", what);
    dure_term_fit(&cut, line.data ? line.data : "", progress->screen->width - 1, progress->screen->utf8);
    fprintf(progress->screen->err, "\r\033[K%s", cut.data ? cut.data : "");
    fflush(progress->screen->err);
}

void dure_progress_step(struct dure_progress *progress, const char *what)
{
    char count[64];
    const uint64_t done = progress->done++;
    if (!is_due(progress, now_us()))
        return;
    snprintf(count, sizeof count, "%" PRIu64 "/%" PRIu64, done, progress->all);
    draw(progress, done, progress->all, count, what);
}

void dure_progress_at(struct dure_progress *progress, uint32_t permille, const char *what)
{
    char count[64];
    if (!is_due(progress, now_us()))
        return;
    snprintf(count, sizeof count, "%" PRIu32 " %%", permille / 10);
    draw(progress, permille < 1000 ? permille : 1000, 1000, count, what);
}

int64_t dure_progress_passed_us(const struct dure_progress *progress)
{
    return now_us() - progress->began_us;
}

void dure_progress_end(struct dure_progress *progress)
{
    if (progress->shown_us > progress->began_us)
        fputs("\r\033[K", progress->screen->err);
    fflush(progress->screen->err);
}
