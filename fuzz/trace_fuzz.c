/* Trace files: any bytes as nodes, pods and jobs. Rows are good or bad and none is lost; what is taken keeps the limits; strict and lenient reading agree on
 * whether there is a bad row. */
#include <stdlib.h>
#include <string.h>

#include "sim/trace/muri.h"
#include "sim/trace/openb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_report(const struct dure_trace_report *report, uint64_t taken)
{
    struct dure_buf buf;
    DURE_ASSERT(report->rows == taken && report->bad_rows <= report->problems.total);
    for (uint64_t i = 1; i < report->bad_rows && i < DURE_TRACE_BAD_LINES_MAX; i++)
        DURE_ASSERT(report->bad_lines[i] > report->bad_lines[i - 1]);
    dure_buf_init(&buf, 1 << 20);
    dure_trace_report_print(report, &buf);
    DURE_ASSERT(!buf.failed);
    dure_buf_release(&buf);
}

static void openb(const char *text, size_t size, bool pods)
{
    struct dure_openb *trace = calloc(1, sizeof *trace), *strict = calloc(1, sizeof *strict);
    struct dure_error error = {0};
    DURE_ASSERT(trace && strict);
    strict->node_report.strict = strict->pod_report.strict = true;
    const enum dure_err err = pods ? dure_openb_parse_pods(trace, "fuzz", text, size, &error)
                                   : dure_openb_parse_nodes(trace, "fuzz", text, size, &error);
    const enum dure_err hard = pods ? dure_openb_parse_pods(strict, "fuzz", text, size, NULL)
                                    : dure_openb_parse_nodes(strict, "fuzz", text, size, NULL);
    const struct dure_trace_report *report = pods ? &trace->pod_report : &trace->node_report;
    DURE_ASSERT(!err || *error.text);
    if (!err)
        DURE_ASSERT((hard == DURE_OK) == (report->bad_rows == 0));
    check_report(report, pods ? trace->pod_count : trace->node_count);
    for (uint32_t p = 0; p < trace->pod_count; p++) {
        const struct dure_openb_pod *pod = &trace->pods[p];
        DURE_ASSERT(pod->gpus <= DURE_OPENB_GPUS_MAX && pod->gpu_milli <= 1000 &&
                    (pod->gpus == 0) == (pod->gpu_milli == 0));
        DURE_ASSERT(pod->cpu_milli >= 0 && pod->memory_mib >= 0 && pod->name);
    }
    for (uint32_t n = 0; n < trace->node_count; n++)
        DURE_ASSERT(trace->nodes[n].gpus == 0 || trace->nodes[n].model < trace->model_count);
    dure_openb_release(trace);
    dure_openb_release(strict);
    free(trace);
    free(strict);
}

static void muri(const char *text, size_t size)
{
    struct dure_muri *trace = calloc(1, sizeof *trace);
    struct dure_error error = {0};
    DURE_ASSERT(trace);
    const enum dure_err err = dure_muri_parse(trace, "fuzz", text, size, &error);
    DURE_ASSERT(!err || *error.text);
    check_report(&trace->report, trace->count);
    for (uint32_t j = 0; j < trace->count; j++)
        DURE_ASSERT(trace->jobs[j].gpus > 0 && trace->jobs[j].iterations > 0 && trace->jobs[j].iteration_ms > 0);
    dure_muri_release(trace);
    free(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    openb((const char *)data, size, false);
    openb((const char *)data, size, true);
    muri((const char *)data, size);
    return 0;
}
