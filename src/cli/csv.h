#pragma once
/* RFC 4180: commas, double quotes, CRLF or LF. Every cell knows its line and column. Lives in the arena. Limits: 8 MiB, 32 columns, 100,000 rows. */
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

/* E_INVALID with one problem; E_MEMORY. A leading byte order mark is skipped. */
DURE_NODISCARD enum dure_err dure_csv_parse(struct dure_arena *arena, const char *text, size_t length,
                                            struct dure_csv *ret_csv, struct dure_problems *problems);
