#pragma once
/* RFC 4180: commas, double quotes, CRLF or LF. Every cell knows its line and column; all lives in the arena. A small file is taken whole (the
 * specs people write); a trace of any length row by row, where a bad row costs only itself. At most 32 columns. A leading byte order mark is skipped. */
#include "base/arena.h"
#include "model/tree.h"

enum { DURE_CSV_COLUMNS_MAX = 32, DURE_CSV_ROWS_MAX = 100000 };

struct dure_csv_cell {
    const char *text; /* without quotes, trimmed of blanks around an unquoted cell */
    uint32_t line, column;
};
struct dure_csv_row {
    struct dure_csv_cell *cells;
    uint32_t count;
    uint32_t line;
};
struct dure_csv {
    struct dure_csv_row *rows; /* the heading first; lines without anything are left out */
    uint32_t count;
};

/* Reads the file whole. Limits: 8 MiB, 100,000 rows. E_INVALID with one problem; E_MEMORY. */
DURE_NODISCARD enum dure_err dure_csv_parse(struct dure_arena *arena, const char *text, size_t length,
                                            struct dure_csv *ret_csv, struct dure_problems *problems);

struct dure_csv_reader {
    struct dure_arena *arena; /* the caller may reset it between rows */
    const char *at, *end;
    uint32_t line, column;
    struct dure_problems *problems;
};

/* `text` must outlive the reader and hold no NUL byte (a row with one is a bad row). */
void dure_csv_begin(struct dure_csv_reader *reader, struct dure_arena *arena, const char *text, size_t length,
                    struct dure_problems *problems);
/* The next row that holds anything; `ret_row->count` 0: the end. E_INVALID: a bad row, added to the problems; the reader stands at the line
 * after the one on which the row began. E_MEMORY. */
DURE_NODISCARD enum dure_err dure_csv_next(struct dure_csv_reader *reader, struct dure_csv_row *ret_row);
