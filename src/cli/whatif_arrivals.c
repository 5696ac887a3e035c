/* What comes while a live state is played on: the work of the recent past once more, a trace, or nothing; and the words that say what is assumed. */
#include <inttypes.h>
#include <string.h>

#include "cli/whatif.h"

enum { PAST_DAYS = 7 };

static enum dure_err take(void *context, const struct dure_record *record)
{
    const struct dure_whatif_arrivals *arrivals = context;
    return dure_past_take(arrivals->past, record, arrivals->since_us);
}

static int read_past(struct dure_cli *cli, uint64_t size, const struct dure_core *core, struct dure_whatif_arrivals *a)
{
    struct dure_past_sum sum;
    char from[DURE_TIME_TEXT_MAX], span[DURE_TIME_TEXT_MAX];
    a->since_us = a->from_us - PAST_DAYS * DURE_DAY_US;
    if (dure_past_new(&a->past) != DURE_OK)
        return dure_cli_memory(cli);
    const int code = dure_whatif_records(cli, size, a->since_us, take, a);
    if (code)
        return code;
    const enum dure_err err =
        dure_past_close(a->past, dure_core_next_job(core), a->from_us, PAST_DAYS * DURE_DAY_US, &sum);
    if (err)
        return dure_cli_fail_err(cli, err, NULL, NULL);
    dure_duration_format(sum.span_us, span);
    if (sum.jobs == 0)
        snprintf(a->words, sizeof a->words, "no further jobs come, as none came in the last %s", span);
    else
        snprintf(a->words, sizeof a->words,
                 "the %zu jobs submitted since %s come again %s later each, over and over, as long as they worked then "
                 "(%zu that have not ended: as long as they say, or all of their walltime)",
                 sum.jobs, dure_time_format_local(sum.from_us, from), span, sum.unended);
    return DURE_EXIT_OK;
}

static int read_trace(struct dure_cli *cli, const char *path, const struct dure_fleet *fleet,
                      struct dure_whatif_arrivals *a)
{
    struct dure_error error = {0};
    DURE_CLEANUP_BUF struct dure_buf bad = {0};
    a->work = dure_arena_alloc(cli->arena, sizeof *a->work);
    if (!a->work)
        return dure_cli_memory(cli);
    const enum dure_err err = dure_work_read(a->work, path, DURE_WORK_AUTO, fleet->zone, &error);
    if (err)
        return dure_cli_fail(cli, dure_exit_of(err), "--arrivals: %s", error.text);
    dure_buf_init(&bad, 1 << 20);
    dure_trace_report_print(&a->work->report, &bad);
    if (bad.length)
        fwrite(bad.data, 1, bad.length, cli->screen.err);
    snprintf(a->words, sizeof a->words, "the %zu jobs of %.200s come, the first of them now, each as it is there",
             a->work->count, path);
    return DURE_EXIT_OK;
}

int dure_whatif_arrivals_read(struct dure_cli *cli, uint64_t size, const struct dure_core *core,
                              struct dure_whatif_arrivals *a)
{
    const char *text = dure_cli_given(cli, "arrivals") ? dure_cli_text(cli, "arrivals") : "recent";
    a->read = true;
    if (strcmp(text, "recent") == 0)
        return read_past(cli, size, core, a);
    if (strcmp(text, "none") != 0)
        return read_trace(cli, text, dure_core_fleet(core), a);
    snprintf(a->words, sizeof a->words, "no further jobs come");
    return DURE_EXIT_OK;
}

static bool nothing(void *context, struct dure_sim_job *ret_job)
{
    (void)context;
    (void)ret_job;
    return false;
}

static bool from_trace(void *context, struct dure_sim_job *ret_job)
{
    const struct dure_whatif_arrivals *a = context;
    if (!dure_work_next(a->player, ret_job))
        return false;
    ret_job->at_us += a->from_us - a->work->jobs[0].at_us;
    return ret_job->at_us < a->until_us;
}

int dure_whatif_arrivals_begin(struct dure_cli *cli, const struct dure_changes *changes, struct dure_whatif_arrivals *a,
                               struct dure_sim_options *options)
{
    struct dure_error error = {0};
    const struct dure_work_play_options play = {.work = a->work, .fleet = changes->fleet, .tenants = changes->tenants};
    options->next = nothing;
    a->until_us = options->until_us;
    if (a->past) {
        a->again = (struct dure_past_player){.past = a->past, .until_us = options->until_us};
        options->next = dure_past_next;
        options->context = &a->again;
    }
    if (!a->work)
        return DURE_EXIT_OK;
    dure_work_player_free(a->player);
    a->player = NULL;
    const enum dure_err err = dure_work_player_new(&play, &a->player, &error);
    options->next = from_trace;
    options->context = a;
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

void dure_whatif_arrivals_release(struct dure_whatif_arrivals *a)
{
    dure_past_free(a->past);
    dure_work_player_free(a->player);
    if (a->work)
        dure_work_release(a->work);
    *a = (struct dure_whatif_arrivals){0};
}
