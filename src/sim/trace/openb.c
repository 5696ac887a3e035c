#include "sim/trace/openb.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { NODE_CPU, NODE_MEMORY, NODE_GPUS, NODE_MODEL, NODE_COLUMNS };
enum { POD_NAME, POD_CPU, POD_MEMORY, POD_GPUS, POD_MILLI, POD_SPEC, POD_COLUMNS };

#define AMOUNT_MAX ((int64_t)1 << 40)
#define TEXT_BYTES_MAX ((size_t)4 << 30)

static const struct dure_trace_column node_columns[NODE_COLUMNS] = {
    {"cpu_milli", DURE_TRACE_WHOLE, false, 0, AMOUNT_MAX},
    {"memory_mib", DURE_TRACE_WHOLE, false, 0, AMOUNT_MAX},
    {"gpu", DURE_TRACE_WHOLE, false, 0, DURE_OPENB_GPUS_MAX},
    {"model", DURE_TRACE_TEXT, true, 0, 0},
};
static const struct dure_trace_column pod_columns[POD_COLUMNS] = {
    {"name", DURE_TRACE_TEXT, false, 0, 0},
    {"cpu_milli", DURE_TRACE_WHOLE, false, 0, AMOUNT_MAX},
    {"memory_mib", DURE_TRACE_WHOLE, false, 0, AMOUNT_MAX},
    {"num_gpu", DURE_TRACE_WHOLE, false, 0, DURE_OPENB_GPUS_MAX},
    {"gpu_milli", DURE_TRACE_WHOLE, false, 0, 1000},
    {"gpu_spec", DURE_TRACE_TEXT, true, 0, 0},
};

struct taking {
    struct dure_openb *trace;
    DURE_VEC(struct dure_openb_node) nodes;
    DURE_VEC(struct dure_openb_pod) pods;
};

static uint32_t find_model(const struct dure_openb *trace, const char *name, size_t length)
{
    for (uint32_t m = 0; m < trace->model_count; m++)
        if (strlen(trace->models[m]) == length && strncmp(trace->models[m], name, length) == 0)
            return m;
    return DURE_OPENB_MODELS_MAX;
}

static enum dure_err take_node(void *context, const struct dure_trace_value *values, uint32_t line,
                               struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_openb *trace = taking->trace;
    const char *model = values[NODE_MODEL].text;
    struct dure_openb_node node = {.cpu_milli = values[NODE_CPU].whole,
                                   .memory_mib = values[NODE_MEMORY].whole,
                                   .gpus = (uint32_t)values[NODE_GPUS].whole,
                                   .model = DURE_OPENB_MODELS_MAX};
    if (node.gpus > 0) {
        node.model = find_model(trace, model, strlen(model));
        if (node.model == DURE_OPENB_MODELS_MAX && trace->model_count == DURE_OPENB_MODELS_MAX)
            return dure_trace_refuse(report, line, &values[NODE_MODEL], "model", "at most 64 different models");
        if (node.model == DURE_OPENB_MODELS_MAX) {
            const char *name = dure_arena_strdup(trace->arena, model);
            if (!name)
                return DURE_E_MEMORY;
            node.model = trace->model_count;
            trace->models[trace->model_count++] = name;
        }
    }
    return DURE_VEC_PUSH(&taking->nodes, node, DURE_OPENB_NODES_MAX) ? DURE_OK : DURE_E_LIMIT;
}

/* "V100M16|V100M32" */
static uint64_t accepted(const struct dure_openb *trace, const char *spec)
{
    uint64_t models = 0;
    if (!*spec)
        return ~(uint64_t)0;
    while (*spec) {
        const size_t length = strcspn(spec, "|");
        const uint32_t model = find_model(trace, spec, length);
        if (model < DURE_OPENB_MODELS_MAX)
            models |= (uint64_t)1 << model;
        spec += length + (spec[length] == '|');
    }
    return models;
}

static enum dure_err take_pod(void *context, const struct dure_trace_value *values, uint32_t line,
                              struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_openb_pod pod = {.cpu_milli = values[POD_CPU].whole,
                                 .memory_mib = values[POD_MEMORY].whole,
                                 .gpus = (uint32_t)values[POD_GPUS].whole,
                                 .gpu_milli = (uint32_t)values[POD_MILLI].whole,
                                 .models = accepted(taking->trace, values[POD_SPEC].text)};
    if (pod.gpus > 0 && pod.gpu_milli == 0)
        return dure_trace_refuse(report, line, &values[POD_MILLI], "gpu_milli", "1 to 1000 where num_gpu is not 0");
    if (pod.gpus > 1 && pod.gpu_milli != 1000)
        return dure_trace_refuse(report, line, &values[POD_MILLI], "gpu_milli", "1000 where num_gpu is more than 1");
    if (pod.gpus == 0)
        pod.gpu_milli = 0;
    pod.name = dure_arena_strdup(taking->trace->arena, values[POD_NAME].text);
    if (!pod.name)
        return DURE_E_MEMORY;
    return DURE_VEC_PUSH(&taking->pods, pod, DURE_OPENB_PODS_MAX) ? DURE_OK : DURE_E_LIMIT;
}

/* `text` NULL: from the file of that name. */
static enum dure_err take(struct dure_openb *trace, bool pods, const char *file, const char *text, size_t length,
                          struct dure_error *error)
{
    struct taking taking = {.trace = trace};
    const struct dure_trace_column *columns = pods ? pod_columns : node_columns;
    const uint32_t count = pods ? POD_COLUMNS : NODE_COLUMNS;
    dure_trace_row_fn *row = pods ? take_pod : take_node;
    struct dure_trace_report *report = pods ? &trace->pod_report : &trace->node_report;
    if (!trace->arena)
        trace->arena = dure_arena_new(TEXT_BYTES_MAX);
    if (!trace->arena)
        return dure_fail(error, DURE_E_MEMORY, "%s: out of memory", file);
    enum dure_err err = text ? dure_trace_parse(file, text, length, columns, count, row, &taking, report, error)
                             : dure_trace_read(file, columns, count, row, &taking, report, error);
    if (!err && report->rows == 0) {
        err = report->bad_rows ? dure_problems_fail(&report->problems, error)
                               : dure_fail(error, DURE_E_INVALID, "%s: found no row, expected at least one %s", file,
                                           pods ? "pod" : "node");
    }
    free(trace->pods && pods ? trace->pods : NULL);
    free(trace->nodes && !pods ? trace->nodes : NULL);
    if (pods) {
        trace->pods = taking.pods.at;
        trace->pod_count = (uint32_t)taking.pods.count;
    } else {
        trace->nodes = taking.nodes.at;
        trace->node_count = (uint32_t)taking.nodes.count;
    }
    return err;
}

enum dure_err dure_openb_parse_nodes(struct dure_openb *trace, const char *file, const char *text, size_t length,
                                     struct dure_error *error)
{
    return take(trace, false, file, text, length, error);
}

enum dure_err dure_openb_parse_pods(struct dure_openb *trace, const char *file, const char *text, size_t length,
                                    struct dure_error *error)
{
    return take(trace, true, file, text, length, error);
}

enum dure_err dure_openb_read(struct dure_openb *trace, const char *nodes, const char *pods, struct dure_error *error)
{
    const enum dure_err err = take(trace, false, nodes, NULL, 0, error);
    return err ? err : take(trace, true, pods, NULL, 0, error);
}

void dure_openb_release(struct dure_openb *trace)
{
    dure_arena_free(trace->arena);
    free(trace->nodes);
    free(trace->pods);
    trace->arena = NULL;
    trace->nodes = NULL;
    trace->pods = NULL;
    trace->node_count = trace->pod_count = 0;
}
