/* While a run goes on: where it is, how fast, how long still. And the end by Ctrl-C, which leaves what there is. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "cli/progress.h"
#include "cli/sim.h"

static volatile sig_atomic_t interrupted;

static struct {
    const char *what;
    struct dure_progress progress;
    struct sigaction before;
} watch;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static uint32_t permille_of(const struct dure_sim_progress *p)
{
    if (p->until_us == DURE_NEVER_US || p->until_us <= p->from_us)
        return 0;
    return (uint32_t)((p->now_us - p->from_us) / ((p->until_us - p->from_us) / 1000 + 1));
}

static bool tell(void *context, const struct dure_sim_progress *p)
{
    (void)context;
    char date[DURE_TIME_TEXT_MAX], text[256];
    const double passed_s = (double)dure_progress_passed_us(&watch.progress) / DURE_SECOND_US;
    const double days = (double)(p->now_us - p->from_us) / DURE_DAY_US;
    snprintf(text, sizeof text, "%s, %.10s, %.0f days/s, %" PRIu64 " jobs, %" PRIu64 " wait", watch.what,
             dure_time_format_utc(p->now_us, date), passed_s > 0 ? days / passed_s : 0, p->jobs, p->pending);
    dure_progress_at(&watch.progress, permille_of(p), text);
    return !interrupted;
}

void dure_sim_watch_begin(struct dure_cli *cli, const char *what, struct dure_sim_options *options)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    watch.what = what;
    dure_progress_begin(&watch.progress, &cli->screen, 1);
    sigaction(SIGINT, &action, &watch.before);
    options->progress = tell;
}

void dure_sim_watch_end(void)
{
    dure_progress_end(&watch.progress);
    sigaction(SIGINT, &watch.before, NULL);
}

bool dure_sim_interrupted(void)
{
    return interrupted;
}
