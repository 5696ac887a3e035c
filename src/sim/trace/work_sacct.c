/* What `sacct --parsable2 -a -X -o JobID,Submit,ElapsedRaw,Timelimit,AllocTRES,ReqTRES,Account,State` prints: fields parted by '|', named by the first line, in any
 * order. Submit, one of ElapsedRaw and Elapsed, and one of AllocTRES and ReqTRES must be there. Steps (12.batch) and jobs without GPUs or that never ran are left out. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/trace/work_inner.h"

#define HEADS(X)                                                                                                       \
    X(JOB, "JobID")                                                                                                    \
    X(SUBMIT, "Submit") X(RAW, "ElapsedRaw") X(ELAPSED, "Elapsed") X(LIMIT_RAW, "TimelimitRaw") X(LIMIT, "Timelimit")  \
        X(ALLOC, "AllocTRES") X(REQ, "ReqTRES") X(ACCOUNT, "Account") X(PARTITION, "Partition")

enum head {
#define X(name, text) HEAD_##name,
    HEADS(X)
#undef X
        HEAD_COUNT,
    CELLS_MAX = 256
};

static const char *const heads[HEAD_COUNT] = {
#define X(name, text) [HEAD_##name] = text,
    HEADS(X)
#undef X
};

struct taking {
    struct dure_work *work;
    const char *zone;
    int at[HEAD_COUNT]; /* -1: not there */
    unsigned cells;     /* of the heading; 0: not yet read */
};

static unsigned split(char *line, struct dure_trace_value cells[CELLS_MAX])
{
    unsigned count = 0;
    for (char *at = line; at && count < CELLS_MAX; count++) {
        char *bar = strchr(at, '|');
        if (bar)
            *bar++ = '\0';
        cells[count] = (struct dure_trace_value){.text = at, .column = (uint32_t)(at - line) + 1};
        at = bar;
    }
    return count;
}

static enum dure_err lacks(struct dure_trace_report *report, uint32_t number, const char *expected)
{
    dure_problem_at(&report->problems, number, 1, "heading", "no such column", "%s", expected);
    return DURE_E_UNSUPPORTED; /* no row can be read */
}

static enum dure_err read_heading(struct taking *taking, const struct dure_trace_value *cells, unsigned count,
                                  uint32_t number, struct dure_trace_report *report)
{
    for (unsigned h = 0; h < HEAD_COUNT; h++) {
        taking->at[h] = -1;
        for (unsigned i = 0; i < count; i++)
            if (strcmp(cells[i].text, heads[h]) == 0)
                taking->at[h] = (int)i;
    }
    if (taking->at[HEAD_SUBMIT] < 0)
        return lacks(report, number, "a column 'Submit'");
    if (taking->at[HEAD_RAW] < 0 && taking->at[HEAD_ELAPSED] < 0)
        return lacks(report, number, "a column 'ElapsedRaw' or 'Elapsed'");
    if (taking->at[HEAD_ALLOC] < 0 && taking->at[HEAD_REQ] < 0)
        return lacks(report, number, "a column 'AllocTRES' or 'ReqTRES'");
    taking->cells = count;
    return DURE_OK;
}

static const struct dure_trace_value *cell(const struct taking *taking, const struct dure_trace_value *cells,
                                           enum head head)
{
    static const struct dure_trace_value none = {.text = "", .column = 1};
    return taking->at[head] < 0 ? &none : &cells[taking->at[head]];
}

/* "cpu=4,gres/gpu=8,gres/gpu:a100=8,mem=1T": the plain count, or the sum of the typed ones. */
static bool gpus_of(const char *tres, int64_t *ret_gpus)
{
    int64_t plain = -1, typed = 0;
    for (const char *at = strstr(tres, "gres/gpu"); at; at = strstr(at + 1, "gres/gpu")) {
        const char *equals = at + strcspn(at, "=,");
        char number[24] = "";
        int64_t us;
        if (*equals != '=')
            return false;
        const size_t width = strcspn(equals + 1, ",");
        if (width == 0 || width >= sizeof number)
            return false;
        memcpy(number, equals + 1, width);
        if (!work_seconds(number, &us) || us % 1000000 != 0)
            return false;
        if (at[8] == '=')
            plain = us / 1000000;
        else if (at[8] == ':')
            typed += us / 1000000;
    }
    *ret_gpus = plain >= 0 ? plain : typed;
    return *ret_gpus <= DURE_WORK_GPUS_MAX;
}

static enum dure_err read_times(const struct taking *taking, const struct dure_trace_value *cells, uint32_t number,
                                struct dure_trace_report *report, struct dure_work_job *job)
{
    const struct dure_trace_value *submit = cell(taking, cells, HEAD_SUBMIT), *raw = cell(taking, cells, HEAD_RAW);
    const struct dure_trace_value *elapsed = cell(taking, cells, HEAD_ELAPSED),
                                  *limit = cell(taking, cells, HEAD_LIMIT),
                                  *limit_raw = cell(taking, cells, HEAD_LIMIT_RAW);
    if (!work_time(submit->text, taking->zone, &job->at_us))
        return dure_trace_refuse(report, number, submit, "Submit", "a time such as 2026-03-01T09:00:00");
    if (*raw->text ? !work_seconds(raw->text, &job->lasts_us)
                   : !dure_duration_parse(elapsed->text, true, &job->lasts_us))
        return *raw->text ? dure_trace_refuse(report, number, raw, "ElapsedRaw", "seconds")
                          : dure_trace_refuse(report, number, elapsed, "Elapsed", "a time such as 1-02:03:04");
    if (*limit_raw->text && work_seconds(limit_raw->text, &job->walltime_us))
        job->walltime_us *= 60;
    else if (strchr(limit->text, ':') && !dure_duration_parse(limit->text, true, &job->walltime_us))
        return dure_trace_refuse(report, number, limit, "Timelimit",
                                 "a time such as 1-02:03:04, UNLIMITED or Partition_Limit");
    return DURE_OK;
}

static enum dure_err take(void *context, char *line, uint32_t number, struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_trace_value cells[CELLS_MAX];
    struct dure_work_job job = {.line = number};
    int64_t gpus = 0;
    const unsigned count = split(line, cells);
    if (!taking->cells)
        return read_heading(taking, cells, count, number, report);
    if (count != taking->cells) {
        char found[32];
        snprintf(found, sizeof found, "%u fields", count);
        dure_problem_at(&report->problems, number, 1, "row", found, "%u, as the heading has", taking->cells);
        return DURE_E_INVALID;
    }
    if (strchr(cell(taking, cells, HEAD_JOB)->text, '.'))
        return DURE_OK; /* a step */
    enum dure_err err = read_times(taking, cells, number, report, &job);
    if (err)
        return err;
    const struct dure_trace_value *tres =
        cell(taking, cells, *cell(taking, cells, HEAD_ALLOC)->text ? HEAD_ALLOC : HEAD_REQ);
    if (!gpus_of(tres->text, &gpus))
        return dure_trace_refuse(report, number, tres, "AllocTRES", "a list such as cpu=4,gres/gpu=8");
    report->rows++;
    if (gpus == 0 || job.lasts_us <= 0) {
        taking->work->without_gpus++;
        return DURE_OK;
    }
    const char *account = cell(taking, cells, HEAD_ACCOUNT)->text,
               *partition = cell(taking, cells, HEAD_PARTITION)->text;
    job.gpus = (uint32_t)gpus;
    job.group = work_group(taking->work, *account ? account : *partition ? partition : "all");
    return job.group == DURE_NONE32 ? DURE_E_LIMIT : work_take(taking->work, &job);
}

enum dure_err work_sacct(struct dure_work *work, const char *file, const char *text, size_t length, const char *zone,
                         struct dure_error *error)
{
    struct taking taking = {.work = work, .zone = zone};
    enum dure_err err = work_lines(file, text, length, take, &taking, &work->report, error);
    return err == DURE_E_UNSUPPORTED ? dure_problems_fail(&work->report.problems, error) : err;
}
