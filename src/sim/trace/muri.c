#include "sim/trace/muri.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { GPUS, SUBMIT, ITERATIONS, MODEL, ITERATION_TIME, COLUMNS };

#define AMOUNT_MAX ((int64_t)1 << 48)

static const struct dure_trace_column columns[COLUMNS] = {
    {"num_gpu", DURE_TRACE_WHOLE, false, 1, 1000000},
    {"submit_time", DURE_TRACE_DECIMAL, false, 0, AMOUNT_MAX},
    {"iterations", DURE_TRACE_DECIMAL, false, 0, AMOUNT_MAX},
    {"model_name", DURE_TRACE_TEXT, false, 0, 0},
    {"iteration_time", DURE_TRACE_DECIMAL, false, 0, AMOUNT_MAX},
};

static enum dure_muri_model model_of(const char *name)
{
    static const char *const names[DURE_MURI_MODELS] = {"",     "vgg16", "vgg19", "resnet18", "shufflenet_v2_x1_0",
                                                        "bert", "gpt2",  "a2c",   "dqn"};
    for (unsigned m = 1; m < DURE_MURI_MODELS; m++)
        if (strcmp(name, names[m]) == 0)
            return (enum dure_muri_model)m;
    return DURE_MURI_OTHER;
}

struct taking {
    DURE_VEC(struct dure_muri_job) jobs;
};

static enum dure_err take_job(void *context, const struct dure_trace_value *values, uint32_t line,
                              struct dure_trace_report *report)
{
    struct taking *taking = context;
    if (values[ITERATIONS].decimal <= 0)
        return dure_trace_refuse(report, line, &values[ITERATIONS], "iterations", "more than 0");
    if (values[ITERATION_TIME].decimal <= 0)
        return dure_trace_refuse(report, line, &values[ITERATION_TIME], "iteration_time", "more than 0");
    const struct dure_muri_job job = {.submit_s = values[SUBMIT].decimal / 1000,
                                      .iterations = values[ITERATIONS].decimal,
                                      .iteration_ms = values[ITERATION_TIME].decimal,
                                      .gpus = (uint32_t)values[GPUS].whole,
                                      .model = model_of(values[MODEL].text)};
    return DURE_VEC_PUSH(&taking->jobs, job, DURE_MURI_JOBS_MAX) ? DURE_OK : DURE_E_LIMIT;
}

static enum dure_err finish(struct dure_muri *trace, const struct taking *taking, enum dure_err err, const char *file,
                            struct dure_error *error)
{
    trace->jobs = taking->jobs.at;
    trace->count = (uint32_t)taking->jobs.count;
    if (err || trace->count > 0)
        return err;
    if (trace->report.bad_rows > 0)
        return dure_problems_fail(&trace->report.problems, error);
    return dure_fail(error, DURE_E_INVALID, "%s: found no row, expected at least one job", file);
}

enum dure_err dure_muri_read(struct dure_muri *trace, const char *path, struct dure_error *error)
{
    struct taking taking = {0};
    const enum dure_err err = dure_trace_read(path, columns, COLUMNS, take_job, &taking, &trace->report, error);
    return finish(trace, &taking, err, path, error);
}

enum dure_err dure_muri_parse(struct dure_muri *trace, const char *file, const char *text, size_t length,
                              struct dure_error *error)
{
    struct taking taking = {0};
    const enum dure_err err =
        dure_trace_parse(file, text, length, columns, COLUMNS, take_job, &taking, &trace->report, error);
    return finish(trace, &taking, err, file, error);
}

void dure_muri_release(struct dure_muri *trace)
{
    free(trace->jobs);
    trace->jobs = NULL;
    trace->count = 0;
}
