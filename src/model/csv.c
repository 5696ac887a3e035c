#include "model/csv.h"

#include <string.h>

static enum dure_err bad(struct dure_csv_reader *reader, uint32_t line, uint32_t column, const char *found,
                         const char *expected)
{
    const struct dure_tree at = {.kind = DURE_TREE_SCALAR, .text = "", .line = line, .column = column};
    dure_problem_add(reader->problems, &at, found, "%s", expected);
    return DURE_E_INVALID;
}

static char step(struct dure_csv_reader *reader)
{
    const char c = *reader->at++;
    if (c == '\n') {
        reader->line++;
        reader->column = 1;
    } else if ((c & 0xC0) != 0x80) {
        reader->column++; /* characters, not bytes, as editors count */
    }
    return c;
}

static bool at_row_end(const struct dure_csv_reader *reader)
{
    return reader->at == reader->end || *reader->at == '\n' ||
           (*reader->at == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n');
}

static void skip_row_end(struct dure_csv_reader *reader)
{
    if (reader->at < reader->end && *reader->at == '\r')
        step(reader);
    if (reader->at < reader->end)
        step(reader);
}

/* Bytes enough for a quoted cell's text: up to its closing quote. */
static size_t quoted_size(const struct dure_csv_reader *reader)
{
    const char *at = reader->at + 1;
    while (at < reader->end && (*at != '"' || (at + 1 < reader->end && at[1] == '"')))
        at += *at == '"' ? 2 : 1;
    return (size_t)(at - reader->at) + 1;
}

static enum dure_err quoted(struct dure_csv_reader *reader, struct dure_csv_cell *cell)
{
    const uint32_t line = reader->line, column = reader->column;
    char *text = dure_arena_alloc(reader->arena, quoted_size(reader)), *out = text;
    if (!text)
        return DURE_E_MEMORY;
    step(reader);
    for (;;) {
        if (reader->at == reader->end)
            return bad(reader, line, column, "an open quote", "a closing quote");
        const char c = step(reader);
        if (c == '"' && (reader->at == reader->end || *reader->at != '"'))
            break;
        if (c == '"')
            step(reader);
        if (c == 0)
            return bad(reader, reader->line, reader->column, "a NUL byte", "text in UTF-8");
        *out++ = c;
    }
    *out = 0;
    cell->text = text;
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
        step(reader);
    if (!at_row_end(reader) && *reader->at != ',')
        return bad(reader, reader->line, reader->column, "text after a closing quote",
                   "a comma or the end of the line");
    return DURE_OK;
}

static enum dure_err plain(struct dure_csv_reader *reader, struct dure_csv_cell *cell)
{
    const char *begin = reader->at;
    while (!at_row_end(reader) && *reader->at != ',') {
        if (*reader->at == '"')
            return bad(reader, reader->line, reader->column, "a quote inside a cell",
                       "a cell quoted as a whole, with quotes doubled");
        step(reader);
    }
    if (memchr(begin, 0, (size_t)(reader->at - begin)))
        return bad(reader, reader->line, reader->column, "a NUL byte", "text in UTF-8");
    const char *last = reader->at;
    while (last > begin && (last[-1] == ' ' || last[-1] == '\t'))
        last--;
    cell->text = dure_arena_strndup(reader->arena, begin, (size_t)(last - begin));
    return cell->text ? DURE_OK : DURE_E_MEMORY;
}

static enum dure_err read_row(struct dure_csv_reader *reader, struct dure_csv_row *row)
{
    struct dure_csv_cell cells[DURE_CSV_COLUMNS_MAX];
    uint32_t count = 0;
    row->line = reader->line;
    for (;;) {
        while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
            step(reader);
        if (count == DURE_CSV_COLUMNS_MAX)
            return bad(reader, reader->line, reader->column, "more cells", "at most 32 in a line");
        struct dure_csv_cell *cell = &cells[count++];
        *cell = (struct dure_csv_cell){.line = reader->line, .column = reader->column};
        const enum dure_err err =
            reader->at < reader->end && *reader->at == '"' ? quoted(reader, cell) : plain(reader, cell);
        if (err)
            return err;
        if (at_row_end(reader))
            break;
        step(reader); /* the comma */
    }
    skip_row_end(reader);
    row->cells = DURE_ARENA_NEW(reader->arena, struct dure_csv_cell, count);
    if (!row->cells)
        return DURE_E_MEMORY;
    memcpy(row->cells, cells, count * sizeof *cells);
    row->count = count;
    return DURE_OK;
}

void dure_csv_begin(struct dure_csv_reader *reader, struct dure_arena *arena, const char *text, size_t length,
                    struct dure_problems *problems)
{
    *reader = (struct dure_csv_reader){
        .arena = arena, .at = text, .end = text + length, .line = 1, .column = 1, .problems = problems};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        reader->at += 3;
}

enum dure_err dure_csv_next(struct dure_csv_reader *reader, struct dure_csv_row *ret_row)
{
    while (reader->at < reader->end) {
        const struct dure_csv_reader begin = *reader;
        struct dure_csv_row row;
        const enum dure_err err = read_row(reader, &row);
        if (err == DURE_E_INVALID) {
            const char *newline = memchr(begin.at, '\n', (size_t)(begin.end - begin.at));
            *reader = begin;
            reader->at = newline ? newline + 1 : begin.end;
            reader->line++;
            reader->column = 1;
        }
        if (err)
            return err;
        if (row.count > 1 || *row.cells[0].text) {
            *ret_row = row;
            return DURE_OK;
        }
    }
    *ret_row = (struct dure_csv_row){.line = reader->line};
    return DURE_OK;
}

enum dure_err dure_csv_parse(struct dure_arena *arena, const char *text, size_t length, struct dure_csv *ret_csv,
                             struct dure_problems *problems)
{
    struct dure_csv_reader reader;
    struct dure_csv csv = {0};
    uint32_t lines = 1;
    dure_csv_begin(&reader, arena, text, length, problems);
    if (memchr(text, 0, length))
        return bad(&reader, 1, 1, "a NUL byte", "text in UTF-8");
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines > DURE_CSV_ROWS_MAX)
        return bad(&reader, DURE_CSV_ROWS_MAX, 1, "more lines", "at most 100,000 lines");
    csv.rows = DURE_ARENA_NEW(arena, struct dure_csv_row, lines);
    if (!csv.rows)
        return DURE_E_MEMORY;
    for (;;) {
        const enum dure_err err = dure_csv_next(&reader, &csv.rows[csv.count]);
        if (err)
            return err;
        if (csv.rows[csv.count].count == 0)
            break;
        csv.count++;
    }
    *ret_csv = csv;
    return DURE_OK;
}
