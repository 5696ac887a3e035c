/* What if, answered: both sides in figures, tenant by tenant, and the starts that move. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/grid.h"
#include "cli/whatif.h"

enum { SHOWN = 20, TENANT_COLUMNS = 13 };

#define UNHEEDED                                                                                                       \
    "knows no rights, power limits, data rules, lists of nodes, spreads, dependencies or holds: it was played "        \
    "without them"

/* The scheduler of --policy, where it is not the core. */
static bool other_rules(struct dure_cli *cli, const struct dure_whatif_side *side, char name[DURE_RIVAL_NAME_MAX])
{
    struct dure_rival rival;
    const char *text = dure_cli_text(cli, "policy");
    return side->result.no_rights && text && dure_rival_parse(text, strlen(text), &rival, name, NULL) == DURE_OK;
}

static int say(struct dure_cli *cli, const char *assumed, const char *policy)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, 4096);
    dure_buf_printf(&text, "Assumed: %s.", assumed);
    if (policy)
        dure_buf_printf(&text, " %s " UNHEEDED ".", policy);
    fputc('\n', cli->screen.out);
    dure_cli_say(cli, text.data ? text.data : "");
    return DURE_EXIT_OK;
}

/* ---- tenant by tenant ---- */

static const char *const tenant_headings[TENANT_COLUMNS] = {"tenant",  "GPU-h as it is",
                                                            "changed", "starts as it is",
                                                            "changed", "mean wait by right as it is",
                                                            "changed", "mean wait borrowed as it is",
                                                            "changed", "late as it is",
                                                            "changed", "taken back as it is",
                                                            "changed"};

static bool moves(const struct dure_sim_tenant *t)
{
    return t->submitted + t->ended + t->started[0] + t->started[1] + t->gpu_ms[0] + t->gpu_ms[1] > 0;
}

static const char *cell(struct dure_cli *cli, uint64_t value, bool is_wait, bool absent)
{
    char text[DURE_TIME_TEXT_MAX > 32 ? DURE_TIME_TEXT_MAX : 32];
    if (absent)
        return "-";
    if (is_wait)
        dure_duration_format((int64_t)value / 1000 * 1000000, text);
    else
        dure_text_grouped((int64_t)value, text);
    return dure_arena_strdup(cli->arena, text);
}

/* NULL: no memory. */
static const char **by_tenant(struct dure_cli *cli, const struct dure_whatif_side sides[2],
                              struct dure_report_extra *extra)
{
    const struct dure_sim_result *r[2] = {&sides[0].result, &sides[1].result};
    const uint32_t count = r[0]->tenant_count;
    const char **cells = dure_arena_alloc(cli->arena, (size_t)(count + 1) * TENANT_COLUMNS * sizeof *cells);
    uint32_t rows = 0;
    if (!cells)
        return NULL;
    memcpy(cells, tenant_headings, sizeof tenant_headings);
    for (uint32_t i = 0; i < count && i < r[1]->tenant_count; i++) {
        const struct dure_sim_tenant *t[2] = {&r[0]->tenants[i], &r[1]->tenants[i]};
        if (!moves(t[0]) && !moves(t[1]))
            continue;
        const char **at = &cells[(size_t)++rows * TENANT_COLUMNS];
        *at++ = sides[0].changes.tenants->tenants[i].path;
        for (unsigned k = 0; k < 2; k++)
            at[k] = cell(cli, (t[k]->gpu_ms[0] + t[k]->gpu_ms[1]) / 3600000, false, false);
        for (unsigned k = 0; k < 2; k++)
            at[2 + k] = cell(cli, t[k]->started[0] + t[k]->started[1], false, false);
        for (unsigned c = 0; c < 2; c++)
            for (unsigned k = 0; k < 2; k++)
                at[4 + 2 * c + k] =
                    cell(cli, t[k]->started[c] ? t[k]->wait_ms[c] / t[k]->started[c] : 0, true, !t[k]->started[c]);
        for (unsigned k = 0; k < 2; k++)
            at[8 + k] = cell(cli, t[k]->late, false, r[k]->no_rights);
        for (unsigned k = 0; k < 2; k++)
            at[10 + k] = cell(cli, t[k]->evicted, false, r[k]->no_rights);
        for (unsigned k = 0; k < TENANT_COLUMNS - 1; k++)
            if (!at[k])
                return NULL;
    }
    *extra = (struct dure_report_extra){
        .name = "by_tenant",
        .title = "Tenant by tenant",
        .text = "Starts and waits are those from now on. Late: rights served later than the notice allows.",
        .columns = TENANT_COLUMNS,
        .rows = rows,
        .cells = cells};
    return cells;
}

static int show_tenants(struct dure_cli *cli, const struct dure_report_extra *extra)
{
    static const char *const names[TENANT_COLUMNS] = {"TENANT",  "GPU-H AS IS",         "CHANGED", "STARTS AS IS",
                                                      "CHANGED", "WAIT BY RIGHT AS IS", "CHANGED", "BORROWED AS IS",
                                                      "CHANGED", "LATE AS IS",          "CHANGED", "TAKEN BACK AS IS",
                                                      "CHANGED"};
    struct dure_grid_column columns[TENANT_COLUMNS];
    for (unsigned k = 0; k < TENANT_COLUMNS; k++)
        columns[k] = (struct dure_grid_column){names[k], k > 0, k ? 0 : 10};
    struct dure_grid *grid = extra->rows ? dure_grid_new(columns, TENANT_COLUMNS) : NULL;
    for (size_t i = TENANT_COLUMNS; grid && i < (size_t)(extra->rows + 1) * TENANT_COLUMNS; i++)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", extra->cells[i]);
    fputs(grid ? "\n" : "", cli->screen.out);
    const enum dure_err err = grid          ? dure_grid_print(grid, &cli->screen, 0, false)
                              : extra->rows ? DURE_E_MEMORY
                                            : DURE_OK;
    dure_grid_free(grid);
    return err ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

static json_t *tenants_json(const struct dure_report_extra *extra)
{
    static const char *const keys[TENANT_COLUMNS] = {
        "tenant", "gpu_hours", NULL, "starts",     NULL, "mean_wait_by_right", NULL, "mean_wait_borrowed",
        NULL,     "late",      NULL, "taken_back", NULL};
    json_t *list = json_array();
    for (uint32_t i = 1; i <= extra->rows; i++) {
        const char *const *at = &extra->cells[(size_t)i * TENANT_COLUMNS];
        json_t *row = json_pack("{s:s}", "tenant", at[0]);
        for (unsigned k = 1; k < TENANT_COLUMNS; k += 2)
            json_object_set_new(row, keys[k], json_pack("{s:s, s:s}", "as_it_is", at[k], "with_the_change", at[k + 1]));
        json_array_append_new(list, row);
    }
    return list;
}

/* ---- starts ---- */

/* Both lists stand in the order of jobs: those that start at another time, earlier, or on one side only. */
static void compare(const struct dure_whatif_side *was, const struct dure_whatif_side *is,
                    void (*row)(void *context, const struct dure_whatif_started *a,
                                const struct dure_whatif_started *b),
                    void *context)
{
    const struct dure_whatif_starts *a = &was->starts, *b = &is->starts;
    for (size_t i = 0, k = 0; i < a->list.count || k < b->list.count;) {
        const struct dure_whatif_started *x = i < a->list.count ? &a->list.at[i] : NULL,
                                         *y = k < b->list.count ? &b->list.at[k] : NULL;
        const bool left = x && (!y || x->job < y->job || (x->job == y->job && x->element < y->element));
        const bool right = y && (!x || y->job < x->job || (x->job == y->job && y->element < x->element));
        if (left || right || x->at_us != y->at_us)
            row(context, right ? NULL : x, left ? NULL : y);
        i += !right;
        k += !left;
    }
}

struct telling {
    struct dure_grid *grid;
    uint64_t rows;
};

static void put_time(struct dure_grid *grid, const struct dure_whatif_started *started, bool ran)
{
    char text[DURE_TIME_TEXT_MAX];
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                   started ? dure_time_format_local(started->at_us, text)
                   : ran   ? "runs on"
                           : "not in this time");
}

static void tell(void *context, const struct dure_whatif_started *a, const struct dure_whatif_started *b)
{
    struct telling *telling = context;
    const struct dure_whatif_started *any = a ? a : b;
    char text[DURE_TIME_TEXT_MAX];
    if (telling->rows++ >= SHOWN)
        return;
    dure_grid_cell(telling->grid, DURE_STYLE_NONE, any->element != DURE_NONE32 ? "%" PRIu64 "_%" PRIu32 : "%" PRIu64,
                   any->job, any->element);
    put_time(telling->grid, a, any->ran);
    put_time(telling->grid, b, any->ran);
    const int64_t by = a && b ? b->at_us - a->at_us : 0;
    dure_grid_cell(telling->grid, DURE_STYLE_NONE, "%s%s",
                   any->ran && (!a || !b) ? (a ? "runs on" : "starts again")
                   : !a                   ? "starts"
                   : !b                   ? "no start"
                                          : dure_duration_format(by < 0 ? -by : by, text),
                   by > 0   ? " later"
                   : by < 0 ? " earlier"
                            : "");
}

static int show_starts(struct dure_cli *cli, const struct dure_whatif_side *was, const struct dure_whatif_side *is)
{
    static const struct dure_grid_column columns[] = {
        {"JOB", false, 0}, {"STARTS AS IT IS", false, 0}, {"WITH THE CHANGE", false, 0}, {"DIFFERENCE", false, 0}};
    struct telling telling = {.grid = dure_grid_new(columns, sizeof columns / sizeof *columns)};
    if (!telling.grid)
        return dure_cli_memory(cli);
    compare(was, is, tell, &telling);
    enum dure_err err = DURE_OK;
    fputc('\n', cli->screen.out);
    if (telling.rows)
        err = dure_grid_print(telling.grid, &cli->screen, 0, false);
    else
        dure_cli_say(cli, "Every job starts when it would have started.");
    dure_grid_free(telling.grid);
    if (telling.rows > SHOWN)
        fprintf(cli->screen.out, "and %" PRIu64 " more; --json has all\n", telling.rows - SHOWN);
    return err ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

static void add_row(void *context, const struct dure_whatif_started *a, const struct dure_whatif_started *b)
{
    json_t *row = json_object();
    const struct dure_whatif_started *any = a ? a : b;
    char text[DURE_TIME_TEXT_MAX];
    json_object_set_new(row, "job", json_integer((json_int_t)any->job));
    if (any->element != DURE_NONE32)
        json_object_set_new(row, "element", json_integer(any->element));
    json_object_set_new(row, "as_it_is", a ? json_string(dure_time_format_utc(a->at_us, text)) : json_null());
    json_object_set_new(row, "with_the_change", b ? json_string(dure_time_format_utc(b->at_us, text)) : json_null());
    if (any->ran)
        json_object_set_new(row, "runs_now", json_true());
    json_array_append_new(context, row);
}

int dure_whatif_show(struct dure_cli *cli, struct dure_whatif_side sides[2], const char *assumed)
{
    struct dure_document report = {
        .title = "What if", .fleet = sides[1].changes.fleet, .tenants = sides[1].changes.tenants, .run_count = 2};
    report.runs[0] = (struct dure_document_run){"as it is", &sides[0].result};
    report.runs[1] = (struct dure_document_run){"with the change", &sides[1].result};
    struct dure_report_extra extra;
    const char **cells = by_tenant(cli, sides, &extra);
    char name[DURE_RIVAL_NAME_MAX];
    if (!cells)
        return dure_cli_memory(cli);
    report.extra = &extra;
    report.notes[report.note_count][0] = "assumed:";
    report.notes[report.note_count++][1] = assumed;
    if (other_rules(cli, &sides[1], name)) {
        report.notes[report.note_count][0] = name;
        report.notes[report.note_count++][1] = UNHEEDED;
    }
    for (unsigned i = 0; i < cli->value_count && report.note_count < DURE_REPORT_NOTES_MAX; i++) {
        report.notes[report.note_count][0] = cli->values[i].option->name;
        report.notes[report.note_count++][1] = cli->values[i].text ? cli->values[i].text : "";
    }
    if (!dure_cli_json(cli)) {
        int code = dure_sim_show(cli, &report);
        code = code ? code : show_tenants(cli, &extra);
        code = code ? code : show_starts(cli, &sides[0], &sides[1]);
        return code ? code : say(cli, assumed, other_rules(cli, &sides[1], name) ? name : NULL);
    }
    const int code = dure_sim_write(cli, &report);
    if (code)
        return code;
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, (size_t)256 << 20);
    dure_report_json(&report, false, &text);
    json_t *json = text.failed ? NULL : json_loadb(text.data, text.length, 0, NULL), *rows = json_array();
    compare(&sides[0], &sides[1], add_row, rows);
    json_object_set_new(json, "starts_that_move", rows);
    json_object_set_new(json, "assumed", json_string(assumed));
    json_object_set_new(json, "by_tenant", tenants_json(&extra));
    if (json)
        dure_cli_print_json(cli, json);
    json_decref(json);
    return json ? DURE_EXIT_OK : dure_cli_memory(cli);
}
