/* While a run goes on: where it is, how fast, how long still. And the end by Ctrl-C, which leaves what there is. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/sim.h"

enum { BAR = 24, TELL_MS = 200 };

static volatile sig_atomic_t interrupted;

static struct {
    struct dure_cli *cli;
    const char *what;
    int64_t began_ms, told_ms;
    bool told;
    struct sigaction before;
} watch;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void draw(const struct dure_sim_progress *p, int64_t spent_ms)
{
    char date[DURE_TIME_TEXT_MAX], left[DURE_TIME_TEXT_MAX] = "", bar[BAR + 1];
    const int64_t done_us = p->now_us - p->from_us, days_per_s = done_us / (86400 * INT64_C(1000)) / (spent_ms + 1);
    memset(bar, '.', BAR);
    bar[BAR] = '\0';
    if (p->until_us != DURE_NEVER_US && p->until_us > p->from_us) {
        const int64_t share = done_us / ((p->until_us - p->from_us) / 1000 + 1);
        memset(bar, '#', (size_t)(share * BAR / 1000));
        if (share > 0)
            dure_duration_format(spent_ms * (1000 - share) / share / 1000 * 1000000, left);
    }
    fprintf(watch.cli->screen.err, "\r\033[K%s [%s] %.10s, %" PRId64 " days/s, %" PRIu64 " jobs, %" PRIu64 " wait%s%s",
            watch.what, bar, dure_time_format_utc(p->now_us, date), days_per_s, p->jobs, p->pending,
            *left ? ", left " : "", left);
    fflush(watch.cli->screen.err);
    watch.told = true;
}

static bool tell(void *context, const struct dure_sim_progress *progress)
{
    (void)context;
    const int64_t now = now_ms();
    if (watch.cli->screen.err_tty && now - watch.told_ms >= TELL_MS) {
        watch.told_ms = now;
        draw(progress, now - watch.began_ms);
    }
    return !interrupted;
}

void dure_sim_watch_begin(struct dure_cli *cli, const char *what, struct dure_sim_options *options)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    watch.cli = cli;
    watch.what = what;
    watch.began_ms = watch.told_ms = now_ms();
    watch.told = false;
    sigaction(SIGINT, &action, &watch.before);
    options->progress = tell;
}

void dure_sim_watch_end(struct dure_cli *cli)
{
    if (watch.told)
        fputs("\r\033[K", cli->screen.err);
    sigaction(SIGINT, &watch.before, NULL);
}

bool dure_sim_interrupted(void)
{
    return interrupted;
}
