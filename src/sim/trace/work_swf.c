/* The Standard Workload Format (Feitelson; version 2.2): a line of 18 whole numbers a job, -1 where nothing is known, comments after a semicolon. One processor
 * counts as one GPU. Jobs that never ran are left out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/trace/work_inner.h"

enum {
    FIELDS = 18,
    SUBMIT = 1,
    RUN = 3,
    ALLOCATED = 4,
    ASKED = 7,
    TIME = 8,
    GROUP = 12,
    QUEUE = 14,
    SECONDS_MAX = 2000000000
};

static const char *const names[FIELDS] = {"job",
                                          "submit",
                                          "wait",
                                          "run_time",
                                          "processors",
                                          "cpu_time",
                                          "memory",
                                          "requested_processors",
                                          "requested_time",
                                          "requested_memory",
                                          "status",
                                          "user",
                                          "group",
                                          "executable",
                                          "queue",
                                          "partition",
                                          "preceding_job",
                                          "think_time"};

struct taking {
    struct dure_work *work;
    int64_t start_us; /* UnixStartTime of the heading */
};

static void read_comment(struct taking *taking, const char *line)
{
    const char *found = strstr(line, "UnixStartTime:");
    int64_t start;
    char text[32] = "";
    if (!found)
        return;
    found += strlen("UnixStartTime:");
    found += strspn(found, " \t");
    const size_t width = strspn(found, "0123456789");
    if (width && width < sizeof text) {
        memcpy(text, found, width);
        if (work_seconds(text, &start))
            taking->start_us = start;
    }
}

static bool read_number(const char *text, int64_t *ret)
{
    const bool minus = *text == '-';
    int64_t us;
    if (!work_seconds(text + minus, &us))
        return false;
    *ret = (minus ? -us : us) / 1000000;
    return true;
}

static enum dure_err read_fields(char *line, uint32_t number, struct dure_trace_report *report, int64_t values[FIELDS])
{
    unsigned count = 0;
    for (char *at = line + strspn(line, " \t"); *at; count++) {
        const size_t width = strcspn(at, " \t");
        const bool last = at[width] == '\0';
        const struct dure_trace_value value = {.text = at, .column = (uint32_t)(at - line) + 1};
        at[width] = '\0';
        if (count < FIELDS && !read_number(at, &values[count]))
            return dure_trace_refuse(report, number, &value, names[count], "a number, or -1");
        at += width + (last ? 0 : 1);
        at += strspn(at, " \t");
    }
    if (count == FIELDS)
        return DURE_OK;
    char found[32];
    snprintf(found, sizeof found, "%u fields", count);
    dure_problem_at(&report->problems, number, 1, "row", found, "18, as the Standard Workload Format has");
    return DURE_E_INVALID;
}

static enum dure_err bad(struct dure_trace_report *report, uint32_t line, unsigned field, int64_t found,
                         const char *expected)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, found);
    const struct dure_trace_value value = {.text = text, .column = 1};
    return dure_trace_refuse(report, line, &value, names[field], expected);
}

static enum dure_err take(void *context, char *line, uint32_t number, struct dure_trace_report *report)
{
    struct taking *taking = context;
    int64_t v[FIELDS];
    char group[48];
    if (line[strspn(line, " \t")] == ';') {
        read_comment(taking, line);
        return DURE_OK;
    }
    if (line[strspn(line, " \t")] == '\0')
        return DURE_OK;
    enum dure_err err = read_fields(line, number, report, v);
    if (err)
        return err;
    if (v[SUBMIT] < 0 || v[SUBMIT] > SECONDS_MAX)
        return bad(report, number, SUBMIT, v[SUBMIT], "seconds since the beginning, 0 or more");
    const int64_t gpus = v[ALLOCATED] > 0 ? v[ALLOCATED] : v[ASKED];
    if (gpus > DURE_WORK_GPUS_MAX)
        return bad(report, number, v[ALLOCATED] > 0 ? ALLOCATED : ASKED, gpus, "at most 1000000");
    report->rows++;
    if (gpus <= 0 || v[RUN] <= 0) {
        taking->work->without_gpus++;
        return DURE_OK;
    }
    snprintf(group, sizeof group, v[GROUP] >= 0 ? "group-%" PRId64 : "queue-%" PRId64,
             v[GROUP] >= 0 ? v[GROUP] : v[QUEUE]);
    const struct dure_work_job job = {.at_us = taking->start_us + v[SUBMIT] * 1000000,
                                      .lasts_us = v[RUN] * 1000000,
                                      .walltime_us = v[TIME] > 0 ? v[TIME] * 1000000 : 0,
                                      .gpus = (uint32_t)gpus,
                                      .group = work_group(taking->work, group),
                                      .line = number};
    return job.group == DURE_NONE32 ? DURE_E_LIMIT : work_take(taking->work, &job);
}

enum dure_err work_swf(struct dure_work *work, const char *file, const char *text, size_t length,
                       struct dure_error *error)
{
    struct taking taking = {.work = work};
    return work_lines(file, text, length, take, &taking, &work->report, error);
}
