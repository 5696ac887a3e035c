#pragma once
/* A trace file as typed rows: columns found by their heading, numbers read and held to their range, bad rows counted and listed.
 *
 * A bad row is left out and costs only itself; a strict reader stops at the first. Files are read whole, up to DURE_TRACE_BYTES_MAX.
 * Quoting and line ends are model/csv.h's. */
#include "base/err.h"
#include "model/csv.h"

#define DURE_TRACE_BYTES_MAX ((size_t)1 << 30)
enum { DURE_TRACE_COLUMNS_MAX = DURE_CSV_COLUMNS_MAX, DURE_TRACE_BAD_LINES_MAX = 1000 };

enum dure_trace_kind {
    DURE_TRACE_TEXT,
    DURE_TRACE_WHOLE,   /* "8000", and "8000.0" as some programs write it */
    DURE_TRACE_DECIMAL, /* "0.5", at most 15 digits */
};

struct dure_trace_column {
    const char *name; /* as in the heading */
    enum dure_trace_kind kind;
    bool optional; /* the column may be missing altogether: 0 or "" */
    int64_t least, most;
};

struct dure_trace_value {
    const char *text; /* lives until the row's end */
    int64_t whole;
    double decimal;
    uint32_t column; /* where it stands in the line */
};

/* What reading left out. */
struct dure_trace_report {
    bool strict;   /* set by the caller: stop at the first bad row */
    uint64_t rows; /* good ones */
    uint64_t bad_rows;
    uint32_t bad_lines[DURE_TRACE_BAD_LINES_MAX]; /* of the first ones */
    struct dure_problems problems; /* the first ones in words: file, line, column, field, found, expected */
};

/* A row of one trace: `values` stand as the columns do. What it says against a row goes into the report by dure_trace_refuse, and E_INVALID
 * comes back; any other error ends the reading. */
typedef enum dure_err dure_trace_row_fn(void *context, const struct dure_trace_value *values, uint32_t line,
                                        struct dure_trace_report *report);

/* E_INVALID: a bad row and `strict`, no heading, or a column that is not there; E_LIMIT: too large; E_NOT_FOUND, E_IO, E_MEMORY. `error` has the text. */
DURE_NODISCARD enum dure_err dure_trace_read(const char *path, const struct dure_trace_column *columns, uint32_t count,
                                             dure_trace_row_fn *row, void *context, struct dure_trace_report *report,
                                             struct dure_error *error);
/* The same on text in memory. `file` is its name in messages. */
DURE_NODISCARD enum dure_err dure_trace_parse(const char *file, const char *text, size_t length,
                                              const struct dure_trace_column *columns, uint32_t count,
                                              dure_trace_row_fn *row, void *context, struct dure_trace_report *report,
                                              struct dure_error *error);
/* "the row is bad": adds the problem; E_INVALID. */
DURE_NODISCARD enum dure_err dure_trace_refuse(struct dure_trace_report *report, uint32_t line,
                                               const struct dure_trace_value *value, const char *field,
                                               const char *expected);
/* "trace.csv:7:3: num_gpu: found 'x', expected ..." a line each, then how many bad rows there were in all. Nothing when there were none. */
void dure_trace_report_print(const struct dure_trace_report *report, struct dure_buf *buf);
