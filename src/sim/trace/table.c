#include "sim/trace/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 15, ROW_BYTES_MAX = 4 << 20 };

struct reading {
    const struct dure_trace_column *columns;
    uint32_t count;
    int32_t at[DURE_TRACE_COLUMNS_MAX]; /* where the column stands in a row, or -1 */
    uint32_t cells;                     /* of the heading */
    struct dure_trace_report *report;
};

/* Digits with at most one point: the number without the point, and how many digits stand after it. */
static bool read_digits(const char *text, int64_t *ret_mantissa, unsigned *ret_after)
{
    int64_t mantissa = 0;
    unsigned digits = 0, after = 0;
    bool point = false;
    for (; *text; text++) {
        if (*text == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || digits == DIGITS_MAX)
            return false;
        mantissa = mantissa * 10 + (*text - '0');
        digits++;
        after += point;
    }
    *ret_mantissa = mantissa;
    *ret_after = after;
    return digits > 0 && (!point || after > 0);
}

static bool read_value(const struct dure_trace_column *column, struct dure_trace_value *value)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int64_t mantissa, whole;
    unsigned after;
    if (column->kind == DURE_TRACE_TEXT)
        return true;
    if (!read_digits(value->text, &mantissa, &after))
        return false;
    whole = mantissa;
    for (unsigned i = 0; i < after; i++) {
        if (column->kind == DURE_TRACE_WHOLE && whole % 10 != 0)
            return false;
        whole /= 10;
    }
    value->whole = whole;
    value->decimal = (double)mantissa / tens[after]; /* both exact: correctly rounded, on every machine */
    return whole >= column->least && whole <= column->most;
}

static void describe(const struct dure_trace_column *column, char *text, size_t size)
{
    snprintf(text, size, "%s from %" PRId64 " to %" PRId64,
             column->kind == DURE_TRACE_WHOLE ? "a whole number" : "a number", column->least, column->most);
}

static enum dure_err find_columns(struct reading *reading, const struct dure_csv_row *heading)
{
    char expected[200];
    enum dure_err err = DURE_OK;
    reading->cells = heading->count;
    for (uint32_t c = 0; c < reading->count; c++) {
        reading->at[c] = -1;
        for (uint32_t i = 0; i < heading->count; i++)
            if (strcmp(heading->cells[i].text, reading->columns[c].name) == 0)
                reading->at[c] = (int32_t)i;
        if (reading->at[c] >= 0 || reading->columns[c].optional)
            continue;
        snprintf(expected, sizeof expected, "a column '%s' in the heading", reading->columns[c].name);
        dure_problem_at(&reading->report->problems, heading->line, 1, "heading", "no such column", "%s", expected);
        err = DURE_E_INVALID;
    }
    return err;
}

static enum dure_err read_values(const struct reading *reading, const struct dure_csv_row *row,
                                 struct dure_trace_value *values)
{
    char expected[200], found[96];
    if (row->count != reading->cells) {
        snprintf(found, sizeof found, "%" PRIu32 " cells", row->count);
        dure_problem_at(&reading->report->problems, row->line, 1, "row", found, "%" PRIu32 ", as the heading has",
                        reading->cells);
        return DURE_E_INVALID;
    }
    for (uint32_t c = 0; c < reading->count; c++) {
        values[c] = (struct dure_trace_value){.text = "", .column = 1};
        if (reading->at[c] < 0)
            continue;
        values[c].text = row->cells[reading->at[c]].text;
        values[c].column = row->cells[reading->at[c]].column;
        if (!read_value(&reading->columns[c], &values[c])) {
            describe(&reading->columns[c], expected, sizeof expected);
            return dure_trace_refuse(reading->report, row->line, &values[c], reading->columns[c].name, expected);
        }
    }
    return DURE_OK;
}

static enum dure_err stop(const struct dure_trace_report *report, struct dure_error *error)
{
    return dure_problems_fail(&report->problems, error);
}

/* The heading is known; all that follows. */
static enum dure_err read_rows(struct reading *reading, struct dure_csv_reader *csv, dure_trace_row_fn *take,
                               void *context, struct dure_error *error)
{
    struct dure_trace_report *report = reading->report;
    struct dure_trace_value values[DURE_TRACE_COLUMNS_MAX];
    for (;;) {
        struct dure_csv_row row = {0};
        const uint32_t line = csv->line;
        dure_arena_reset(csv->arena);
        enum dure_err err = dure_csv_next(csv, &row);
        if (!err && row.count == 0)
            return DURE_OK;
        if (!err)
            err = read_values(reading, &row, values);
        if (!err)
            err = take(context, values, row.line, report);
        if (err == DURE_E_INVALID) {
            if (report->bad_rows < DURE_TRACE_BAD_LINES_MAX)
                report->bad_lines[report->bad_rows] = row.count ? row.line : line;
            report->bad_rows++;
            if (report->strict)
                return stop(report, error);
        } else if (err) {
            return dure_fail(error, err, "%s:%" PRIu32 ": %s", report->problems.file, line, dure_err_sentence(err));
        } else {
            report->rows++;
        }
    }
}

enum dure_err dure_trace_parse(const char *file, const char *text, size_t length,
                               const struct dure_trace_column *columns, uint32_t count, dure_trace_row_fn *row,
                               void *context, struct dure_trace_report *report, struct dure_error *error)
{
    struct reading reading = {.columns = columns, .count = count, .report = report};
    struct dure_csv_reader csv;
    struct dure_csv_row heading = {0};
    struct dure_arena *arena = dure_arena_new(ROW_BYTES_MAX);
    enum dure_err err = DURE_E_MEMORY;
    DURE_ASSERT(count <= DURE_TRACE_COLUMNS_MAX);
    report->problems.file = file;
    if (!arena)
        return dure_fail(error, err, "%s: out of memory", file);
    dure_csv_begin(&csv, arena, text, length, &report->problems);
    err = dure_csv_next(&csv, &heading);
    if (!err && heading.count == 0) {
        dure_problem_at(&report->problems, 1, 1, "heading", "nothing", "a line that names the columns");
        err = DURE_E_INVALID;
    }
    if (!err)
        err = find_columns(&reading, &heading);
    if (err == DURE_E_INVALID)
        stop(report, error);
    else if (err)
        dure_fail(error, err, "%s: %s", file, dure_err_sentence(err));
    else
        err = read_rows(&reading, &csv, row, context, error);
    dure_arena_free(arena);
    return err;
}

static enum dure_err slurp(FILE *file, const char *path, char **ret_text, size_t *ret_length, struct dure_error *error)
{
    struct dure_buf buf;
    size_t got;
    enum { STEP = 1 << 16 };
    char *step = malloc(STEP);
    dure_buf_init(&buf, DURE_TRACE_BYTES_MAX);
    while (step && !buf.failed && (got = fread(step, 1, STEP, file)) > 0)
        dure_buf_add(&buf, step, got);
    const bool memory = !step, failed = buf.failed, broken = ferror(file) != 0;
    const int code = errno;
    free(step);
    if (!memory && !failed && !broken) {
        *ret_length = buf.length;
        *ret_text = buf.length ? dure_buf_take(&buf) : calloc(1, 1);
        dure_buf_release(&buf);
        return *ret_text ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "%s: out of memory", path);
    }
    dure_buf_release(&buf);
    if (broken)
        return dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(code));
    return dure_fail(error, memory ? DURE_E_MEMORY : DURE_E_LIMIT,
                     "%s: found more than fits, expected a trace of at most 1 GiB; split it, or take a part", path);
}

enum dure_err dure_trace_read(const char *path, const struct dure_trace_column *columns, uint32_t count,
                              dure_trace_row_fn *row, void *context, struct dure_trace_report *report,
                              struct dure_error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return dure_fail(error, errno == ENOENT || errno == ENOTDIR ? DURE_E_NOT_FOUND : DURE_E_IO, "%s: %s", path,
                         strerror(errno));
    enum dure_err err = slurp(file, path, &text, &length, error);
    fclose(file);
    if (!err)
        err = dure_trace_parse(path, text, length, columns, count, row, context, report, error);
    free(text);
    return err;
}

enum dure_err dure_trace_refuse(struct dure_trace_report *report, uint32_t line, const struct dure_trace_value *value,
                                const char *field, const char *expected)
{
    char found[96];
    dure_problem_quote(found, sizeof found, value->text);
    dure_problem_at(&report->problems, line, value->column, field, *value->text ? found : "nothing", "%s", expected);
    return DURE_E_INVALID;
}

void dure_trace_report_print(const struct dure_trace_report *report, struct dure_buf *buf)
{
    if (report->bad_rows == 0)
        return;
    dure_problems_print(&report->problems, buf);
    dure_buf_printf(buf, "%s: %" PRIu64 " bad %s left out, %" PRIu64 " taken\n", report->problems.file,
                    report->bad_rows, report->bad_rows == 1 ? "row" : "rows", report->rows);
}
