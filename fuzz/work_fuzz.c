/* Traces of work: any bytes as each format. Rows are good, left out or bad, and none is lost; what is taken keeps the limits and stands in order; strict and lenient
 * reading agree on whether there is a bad row. */
#include <stdlib.h>
#include <string.h>

#include "sim/trace/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dure_work *work)
{
    struct dure_buf buf;
    DURE_ASSERT(work->count + work->without_gpus == work->report.rows);
    for (size_t i = 0; i < work->count; i++) {
        const struct dure_work_job *job = &work->jobs[i];
        DURE_ASSERT(job->lasts_us > 0 && job->gpus >= 1 && job->gpus <= DURE_WORK_GPUS_MAX &&
                    job->group < work->group_count && job->line > 0);
        DURE_ASSERT(job->walltime_us >= 0 && job->checkpoint_us >= 0 && job->grace_us >= 0);
        DURE_ASSERT(job->task_gpus == 0 || job->gpus % job->task_gpus == 0);
    }
    dure_buf_init(&buf, 1 << 20);
    dure_trace_report_print(&work->report, &buf);
    DURE_ASSERT(!buf.failed);
    dure_buf_release(&buf);
}

static void read_as(enum dure_work_format format, const char *text, size_t size)
{
    struct dure_work *work = calloc(1, sizeof *work), *strict = calloc(1, sizeof *strict);
    struct dure_error error = {0};
    DURE_ASSERT(work && strict);
    strict->report.strict = true;
    const enum dure_err err = dure_work_parse(work, "fuzz", text, size, format, "Asia/Seoul", &error);
    const enum dure_err hard = dure_work_parse(strict, "fuzz", text, size, format, "Asia/Seoul", NULL);
    DURE_ASSERT(!err || *error.text);
    if (!err) {
        check(work);
        DURE_ASSERT((hard == DURE_OK) == (work->report.bad_rows == 0));
        for (size_t i = 1; i < work->count; i++)
            DURE_ASSERT(
                work->jobs[i].at_us > work->jobs[i - 1].at_us ||
                (work->jobs[i].at_us == work->jobs[i - 1].at_us && work->jobs[i].line > work->jobs[i - 1].line));
    }
    dure_work_release(work);
    dure_work_release(strict);
    free(work);
    free(strict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dure_work_format formats[] = {DURE_WORK_AUTO, DURE_WORK_CSV, DURE_WORK_PHILLY, DURE_WORK_SWF,
                                                    DURE_WORK_SACCT};
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++)
        read_as(formats[i], (const char *)data, size);
    return 0;
}
