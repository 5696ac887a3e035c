/* CSV: cells with their places, and faults with theirs. */
#include <stdlib.h>
#include <string.h>

#include "model/csv.h"
#include "tap.h"

static void good(void)
{
    static const char text[] = "\xEF\xBB\xBFname, tenant ,cells\r\n\r\n\"a \"\"b\"\"\nc\",x,3\nlast,,\n";
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_csv csv = {0};
    struct dure_problems problems = {.file = "f"};
    TAP_EQ_INT(dure_csv_parse(arena, text, strlen(text), &csv, &problems), DURE_OK, "parsed");
    TAP_EQ_UINT(csv.count, 3, "three rows, the empty line left out");
    TAP_EQ_STR(csv.rows[0].cells[0].text, "name", "no byte order mark");
    TAP_EQ_STR(csv.rows[0].cells[1].text, "tenant", "trimmed");
    TAP_EQ_UINT(csv.rows[0].cells[1].column, 7, "where it stands");
    TAP_EQ_STR(csv.rows[1].cells[0].text, "a \"b\"\nc", "quotes doubled, a newline inside");
    TAP_EQ_UINT(csv.rows[1].cells[0].line, 3, "its line");
    TAP_EQ_UINT(csv.rows[1].cells[2].line, 4, "the line of what follows it");
    TAP_EQ_UINT(csv.rows[2].count, 3, "empty cells count");
    TAP_EQ_STR(csv.rows[2].cells[2].text, "", "and are empty");
    dure_arena_free(arena);
}

static void bad(const char *text, size_t length, const char *want)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_csv csv = {0};
    struct dure_problems problems = {.file = "f.csv"};
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    TAP_EQ_INT(dure_csv_parse(arena, text, length, &csv, &problems), DURE_E_INVALID, "refused");
    dure_problems_print(&problems, &buf);
    TAP_EQ_STR(buf.data, want, "and says where");
    dure_buf_release(&buf);
    dure_arena_free(arena);
}

int main(void)
{
    good();
    bad("a,b\n\"open,1\n", 11, "f.csv:2:1: found an open quote, expected a closing quote\n");
    bad("a,b\nx\"y,1\n", 10,
        "f.csv:2:2: found a quote inside a cell, expected a cell quoted as a whole, with quotes doubled\n");
    bad("a,b\n\"x\"y,1\n", 11,
        "f.csv:2:4: found text after a closing quote, expected a comma or the end of the line\n");
    bad("a\0b\n", 4, "f.csv:1:1: found a NUL byte, expected text in UTF-8\n");
    return tap_done();
}
