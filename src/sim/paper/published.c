#include "sim/paper/published.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

enum { TRACE, POLICY, FIRST, SECOND, THIRD };

static const struct dure_trace_column packing_columns[] = {
    {"trace", DURE_TRACE_TEXT, false, 0, 0},
    {"policy", DURE_TRACE_TEXT, false, 0, 0},
    {"mean_percent_at_100", DURE_TRACE_DECIMAL, false, 0, 100},
};
static const struct dure_trace_column turns_columns[] = {
    {"trace", DURE_TRACE_TEXT, false, 0, 0},
    {"policy", DURE_TRACE_TEXT, false, 0, 0},
    {"avg_jct_s", DURE_TRACE_DECIMAL, false, 0, (int64_t)1 << 48},
    {"makespan_s", DURE_TRACE_DECIMAL, false, 0, (int64_t)1 << 48},
    {"p99_jct_s", DURE_TRACE_DECIMAL, false, 0, (int64_t)1 << 48},
};

struct taking {
    DURE_VEC(struct dure_published) rows;
    bool turns;
};

static enum dure_err take_row(void *context, const struct dure_trace_value *values, uint32_t line,
                              struct dure_trace_report *report)
{
    struct taking *taking = context;
    struct dure_published row = {0};
    if (strchr(values[TRACE].text, '/')) /* it becomes a file's name */
        return dure_trace_refuse(report, line, &values[TRACE], "trace", "a name without '/'");
    if (!dure_text_copy(row.trace, sizeof row.trace, values[TRACE].text))
        return dure_trace_refuse(report, line, &values[TRACE], "trace", "at most 63 bytes");
    if (!dure_text_copy(row.policy, sizeof row.policy, values[POLICY].text))
        return dure_trace_refuse(report, line, &values[POLICY], "policy", "at most 63 bytes");
    if (taking->turns) {
        row.avg_jct_s = values[FIRST].decimal;
        row.makespan_s = values[SECOND].decimal;
        row.p99_jct_s = values[THIRD].decimal;
    } else {
        row.mean_percent = values[FIRST].decimal;
    }
    return DURE_VEC_PUSH(&taking->rows, row, DURE_PUBLISHED_ROWS_MAX) ? DURE_OK : DURE_E_LIMIT;
}

static enum dure_err read_table(const char *path, bool turns, struct dure_published **ret_rows, uint32_t *ret_count,
                                struct dure_error *error)
{
    struct taking taking = {.turns = turns};
    struct dure_trace_report *report = calloc(1, sizeof *report);
    if (!report)
        return dure_fail(error, DURE_E_MEMORY, "%s: out of memory", path);
    report->strict = true; /* a published table with a hole in it would hide a failure */
    enum dure_err err =
        dure_trace_read(path, turns ? turns_columns : packing_columns, turns ? 5 : 3, take_row, &taking, report, error);
    free(report);
    if (!err && taking.rows.count == 0)
        err = dure_fail(error, DURE_E_INVALID, "%s: found no row, expected the published table", path);
    if (err) {
        DURE_VEC_FREE(&taking.rows);
        return err;
    }
    *ret_rows = taking.rows.at;
    *ret_count = (uint32_t)taking.rows.count;
    return DURE_OK;
}

enum dure_err dure_published_packing(const char *path, struct dure_published **ret_rows, uint32_t *ret_count,
                                     struct dure_error *error)
{
    return read_table(path, false, ret_rows, ret_count, error);
}

enum dure_err dure_published_turns(const char *path, struct dure_published **ret_rows, uint32_t *ret_count,
                                   struct dure_error *error)
{
    return read_table(path, true, ret_rows, ret_count, error);
}

double dure_published_tolerance_points(const char *policy)
{
    return strcmp(policy, "FGD") == 0 || strcmp(policy, "BestFit") == 0 ? 0.35 : 0.6;
}
