/* `dure allot import`: a CSV file of awards becomes allotments, all checked before the first is granted. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cli/allot.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "model/csv.h"
#include "cli/handlers.h"
#include "cli/node.h"

static const char *const fields[] = {"name",  "tenant", "group", "chain", "owner", "model",
                                     "level", "count",  "gpus",  "from",  "until", "after"};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

struct heading {
    int field[DURE_CSV_COLUMNS_MAX]; /* index into `fields` */
    uint32_t count;
};

static void problem(struct dure_problems *problems, const struct dure_csv_cell *cell, const char *field,
                    const char *expected)
{
    const struct dure_tree at = {
        .kind = DURE_TREE_SCALAR, .key = field, .text = cell->text, .line = cell->line, .column = cell->column};
    const struct dure_tree root = {.kind = DURE_TREE_MAP};
    struct dure_tree placed = at;
    placed.parent = (struct dure_tree *)&root;
    dure_problem_add(problems, &placed, NULL, "%s", expected);
}

static int field_index(const char *text)
{
    if (strcasecmp(text, "cells") == 0)
        text = "count";
    for (int f = 0; f < FIELD_COUNT; f++)
        if (strcasecmp(text, fields[f]) == 0)
            return f;
    return -1;
}

static bool read_heading(const struct dure_csv_row *row, struct heading *heading, struct dure_problems *problems)
{
    bool seen[FIELD_COUNT] = {false};
    heading->count = row->count;
    for (uint32_t c = 0; c < row->count; c++) {
        heading->field[c] = field_index(row->cells[c].text);
        if (heading->field[c] < 0)
            problem(problems, &row->cells[c], "heading",
                    "a column: name, tenant, group, chain, owner, model, level, count, gpus, from, until, after");
        else if (seen[heading->field[c]])
            problem(problems, &row->cells[c], "heading", "each column once");
        else
            seen[heading->field[c]] = true;
    }
    for (int f = 0; f < 2; f++)
        if (!seen[f])
            problem(problems, &(struct dure_csv_cell){.text = "no such column", .line = row->line, .column = 1},
                    fields[f], "a column of this name");
    return problems->total == 0;
}

static bool whole_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 9 && !text[digits] && (text[0] != '0' || digits == 1);
}

static struct dure_tree *read_row(struct dure_cli *cli, const struct dure_csv_row *row, const struct heading *heading,
                                  struct dure_problems *problems)
{
    struct dure_tree *map = dure_node_map(cli->arena, row->line, 1);
    if (row->count != heading->count) {
        problem(problems, &row->cells[row->count - 1], "line", "as many cells as the heading has columns");
        return map;
    }
    for (uint32_t c = 0; map && c < row->count; c++) {
        const struct dure_csv_cell *cell = &row->cells[c];
        const char *field = fields[heading->field[c]];
        const bool number = strcmp(field, "count") == 0 || strcmp(field, "gpus") == 0;
        if (!*cell->text && (strcmp(field, "name") == 0 || strcmp(field, "tenant") == 0))
            problem(problems, cell, field, "a name");
        else if (number && *cell->text && !whole_number(cell->text))
            problem(problems, cell, field, "a whole number");
        else if (*cell->text && !dure_node_text(cli->arena, map, field, cell->text, !number, cell->line, cell->column))
            return NULL;
    }
    return map;
}

static int all_rows(struct dure_cli *cli, const struct dure_csv *csv, struct dure_tree **trees, json_t *seen,
                    struct dure_problems *problems)
{
    struct heading heading;
    if (csv->count < 2) {
        problem(problems, &(struct dure_csv_cell){.text = "", .line = 1, .column = 1}, "heading",
                "a heading and at least one allotment");
        return dure_cli_problems(cli, problems);
    }
    if (!read_heading(&csv->rows[0], &heading, problems))
        return dure_cli_problems(cli, problems);
    for (uint32_t i = 1; i < csv->count; i++) {
        trees[i] = read_row(cli, &csv->rows[i], &heading, problems);
        if (!trees[i])
            return dure_cli_memory(cli);
        const struct dure_tree *name = dure_tree_get(trees[i], "name");
        if (name && json_object_get(seen, name->text))
            problem(problems, &(struct dure_csv_cell){.text = name->text, .line = name->line, .column = name->column},
                    "name", "a name that no line above has");
        else if (name)
            json_object_set_new(seen, name->text, json_true());
    }
    return problems->total ? dure_cli_problems(cli, problems) : DURE_EXIT_OK;
}

static bool row_key(const struct dure_tree *tree, char key[64])
{
    DURE_CLEANUP_BUF struct dure_buf json;
    dure_buf_init(&json, 1 << 20);
    dure_tree_to_json(tree, &json);
    if (json.failed)
        return false;
    const struct dure_digest digest = dure_hash128(1, json.data, json.length);
    snprintf(key, 64, "csv-%016" PRIx64 "%016" PRIx64, digest.lane[0], digest.lane[1]);
    return true;
}

/* A preview goes on to name what else is wrong, up to as many lines as of any other input; the daemon's silence or a refused role ends it. */
static bool goes_on(int code, bool preview, unsigned refused)
{
    return preview && refused < DURE_PROBLEMS_MAX &&
           (code == DURE_EXIT_USAGE || code == DURE_EXIT_NO || code == DURE_EXIT_NOT_FOUND);
}

/* Each row alone, against the state as it is: later ones may still fail for what earlier ones took, and then the line is named. A row whose
 * allotment is there already is not previewed: its key gives the first answer again, if it is the same row. */
static int post_rows(struct dure_cli *cli, const struct dure_csv *csv, struct dure_tree *const *trees, bool preview,
                     const json_t *there, json_t *answers)
{
    unsigned refused = 0;
    int worst = DURE_EXIT_OK;
    for (uint32_t i = 1; i < csv->count; i++) {
        char key[64];
        json_t *answer = NULL;
        if (preview && json_object_get(there, dure_tree_get(trees[i], "name")->text))
            continue;
        if (!row_key(trees[i], key))
            return dure_cli_memory(cli);
        const int code = dure_allot_post(cli, trees[i], cli->argv[0], preview, preview ? NULL : key, &answer);
        if (code && preview) {
            dure_cli_note(cli, "%s:%" PRIu32 ": this line was refused; nothing was granted", cli->argv[0],
                          csv->rows[i].line);
        } else if (code) {
            dure_cli_note(cli,
                          "%s:%" PRIu32 ": this line was refused; the %" PRIu32
                          " above it are granted. Mend it and import the file again",
                          cli->argv[0], csv->rows[i].line, i - 1);
        } else if (answers) {
            json_array_append(answers, answer);
        }
        json_decref(answer);
        if (code && worst == DURE_EXIT_OK)
            worst = code;
        if (code && !goes_on(code, preview, ++refused))
            break;
    }
    return worst;
}

static int there_already(struct dure_cli *cli, json_t *there)
{
    json_t *answer = NULL;
    const int code = dure_cli_get(cli, "/v1/allotments", NULL, &answer);
    const json_t *rows = json_object_get(answer, "allotments");
    for (size_t i = 0; !code && i < json_array_size(rows); i++)
        json_object_set_new(there, dure_json_text(json_array_get(rows, i), "name", ""), json_true());
    json_decref(answer);
    return code;
}

static int grant_all(struct dure_cli *cli, const struct dure_csv *csv, struct dure_tree *const *trees)
{
    const bool preview = dure_cli_flag(cli, "preview");
    json_t *there = json_object(), *answers = json_array();
    int code = there && answers ? there_already(cli, there) : dure_cli_memory(cli);
    if (!code)
        code = post_rows(cli, csv, trees, true, there, preview ? answers : NULL);
    if (!code && !preview)
        code = post_rows(cli, csv, trees, false, there, answers);
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answers);
    else if (!code && preview)
        fprintf(cli->screen.out, "%" PRIu32 " allotments could be granted, each by itself; nothing was changed.\n",
                csv->count - 1);
    else if (!code)
        fprintf(cli->screen.out, "%" PRIu32 " allotments are granted.\n", csv->count - 1);
    json_decref(there);
    json_decref(answers);
    return code;
}

int dure_cmd_allot_import(struct dure_cli *cli)
{
    size_t length;
    struct dure_csv csv;
    const char *text = dure_cli_read(cli, cli->argv[0], (size_t)8 << 20, &length);
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    if (!text)
        return DURE_EXIT_USAGE;
    if (!problems)
        return dure_cli_memory(cli);
    problems->file = cli->argv[0];
    if (dure_csv_parse(cli->arena, text, length, &csv, problems))
        return problems->total ? dure_cli_problems(cli, problems) : dure_cli_memory(cli);
    struct dure_tree **trees = DURE_ARENA_NEW(cli->arena, struct dure_tree *, csv.count + 1);
    json_t *seen = json_object();
    int code = trees && seen ? all_rows(cli, &csv, trees, seen, problems) : dure_cli_memory(cli);
    json_decref(seen);
    return code ? code : grant_all(cli, &csv, trees);
}
