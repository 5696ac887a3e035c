/* Traces in CSV: our own, and Philly's. */
#include <string.h>

#include "base/timefmt.h"
#include "sim/trace/work_inner.h"

struct taking {
    struct dure_work *work;
    const char *zone;
};

enum { SUBMIT, DURATION, GPUS, TENANT, CLASS, WALLTIME, CHECKPOINT, GRACE, TASK_GPUS, PRIORITY, OWN_COLUMNS };

static const struct dure_trace_column own[OWN_COLUMNS] = {
    {"submit", DURE_TRACE_TEXT, false, 0, 0},
    {"duration_s", DURE_TRACE_TEXT, false, 0, 0},
    {"gpus", DURE_TRACE_WHOLE, false, 1, DURE_WORK_GPUS_MAX},
    {"tenant", DURE_TRACE_TEXT, true, 0, 0},
    {"class", DURE_TRACE_TEXT, true, 0, 0},
    {"walltime_s", DURE_TRACE_TEXT, true, 0, 0},
    {"checkpoint_s", DURE_TRACE_TEXT, true, 0, 0},
    {"grace_s", DURE_TRACE_TEXT, true, 0, 0},
    {"gpus_per_task", DURE_TRACE_TEXT, true, 0, 0},
    {"priority", DURE_TRACE_TEXT, true, 0, 0},
};

static bool whole(const char *text, int64_t least, int64_t most, int64_t *ret)
{
    int64_t us;
    const bool minus = *text == '-';
    if (!work_seconds(text + minus, &us) || us % 1000000 != 0)
        return false;
    *ret = (minus ? -us : us) / 1000000;
    return *ret >= least && *ret <= most;
}

/* A cell that may be empty: 0 then. */
static enum dure_err seconds(const struct dure_trace_value *value, unsigned column, uint32_t line,
                             struct dure_trace_report *report, int64_t *ret_us)
{
    if (!*value->text || (work_seconds(value->text, ret_us) && *ret_us >= 0))
        return DURE_OK;
    return dure_trace_refuse(report, line, value, own[column].name, "seconds, with six decimals at most");
}

static enum dure_err class_of(const struct dure_trace_value *value, uint32_t line, struct dure_trace_report *report,
                              uint8_t *ret_class)
{
    if (!*value->text)
        return DURE_OK;
    *ret_class = strcmp(value->text, "guaranteed") == 0 ? DURE_WORK_GUARANTEED : DURE_WORK_BORROWED;
    return *ret_class == DURE_WORK_GUARANTEED || strcmp(value->text, "borrowed") == 0
               ? DURE_OK
               : dure_trace_refuse(report, line, value, "class", "guaranteed, borrowed or nothing");
}

static enum dure_err take_own(void *context, const struct dure_trace_value *v, uint32_t line,
                              struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_work_job job = {.line = line, .gpus = (uint32_t)v[GPUS].whole};
    int64_t number = 0;
    enum dure_err err;
    if (!work_time(v[SUBMIT].text, taking->zone, &job.at_us))
        return dure_trace_refuse(report, line, &v[SUBMIT], "submit",
                                 "a time such as 2026-03-01T09:00:00+09:00, or seconds");
    if (!work_seconds(v[DURATION].text, &job.lasts_us) || job.lasts_us <= 0)
        return dure_trace_refuse(report, line, &v[DURATION], "duration_s", "seconds, more than 0");
    if ((err = seconds(&v[WALLTIME], WALLTIME, line, report, &job.walltime_us)) ||
        (err = seconds(&v[CHECKPOINT], CHECKPOINT, line, report, &job.checkpoint_us)) ||
        (err = seconds(&v[GRACE], GRACE, line, report, &job.grace_us)) ||
        (err = class_of(&v[CLASS], line, report, &job.job_class)))
        return err;
    if (*v[TASK_GPUS].text && (!whole(v[TASK_GPUS].text, 1, job.gpus, &number) || job.gpus % (uint32_t)number != 0))
        return dure_trace_refuse(report, line, &v[TASK_GPUS], "gpus_per_task", "a whole number that divides gpus");
    job.task_gpus = (uint32_t)number;
    number = 0;
    if (*v[PRIORITY].text && !whole(v[PRIORITY].text, -DURE_PRIORITY_MAX, DURE_PRIORITY_MAX, &number))
        return dure_trace_refuse(report, line, &v[PRIORITY], "priority", "a whole number from -1000000 to 1000000");
    job.priority = (int32_t)number;
    job.group = work_group(taking->work, *v[TENANT].text ? v[TENANT].text : "all");
    return job.group == DURE_NONE32 ? DURE_E_LIMIT : work_take(taking->work, &job);
}

enum dure_err work_csv(struct dure_work *work, const char *file, const char *text, size_t length, const char *zone,
                       struct dure_error *error)
{
    struct taking taking = {work, zone};
    return dure_trace_parse(file, text, length, own, OWN_COLUMNS, take_own, &taking, &work->report, error);
}

enum { PHILLY_TIME, PHILLY_DURATION, PHILLY_GPUS, PHILLY_CLUSTER, PHILLY_COLUMNS };

static const struct dure_trace_column philly[PHILLY_COLUMNS] = {
    {"timestamp", DURE_TRACE_TEXT, false, 0, 0},
    {"duration", DURE_TRACE_TEXT, false, 0, 0},
    {"num_gpus", DURE_TRACE_WHOLE, false, 0, DURE_WORK_GPUS_MAX},
    {"cluster", DURE_TRACE_TEXT, false, 0, 0},
};

static enum dure_err take_philly(void *context, const struct dure_trace_value *v, uint32_t line,
                                 struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_work_job job = {.line = line, .gpus = (uint32_t)v[PHILLY_GPUS].whole};
    if (!work_time(v[PHILLY_TIME].text, NULL, &job.at_us) || strlen(v[PHILLY_TIME].text) < 10)
        return dure_trace_refuse(report, line, &v[PHILLY_TIME], "timestamp", "a time such as 2017-10-09 07:01:55");
    if (!work_seconds(v[PHILLY_DURATION].text, &job.lasts_us))
        return dure_trace_refuse(report, line, &v[PHILLY_DURATION], "duration", "seconds, 0 or more");
    job.group = work_group(taking->work, v[PHILLY_CLUSTER].text);
    if (job.group == DURE_NONE32)
        return DURE_E_LIMIT;
    if (job.gpus == 0 || job.lasts_us == 0) {
        taking->work->without_gpus++;
        return DURE_OK;
    }
    return work_take(taking->work, &job);
}

enum dure_err work_philly(struct dure_work *work, const char *file, const char *text, size_t length,
                          struct dure_error *error)
{
    struct taking taking = {work, NULL};
    return dure_trace_parse(file, text, length, philly, PHILLY_COLUMNS, take_philly, &taking, &work->report, error);
}
