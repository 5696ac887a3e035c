/* Booked maintenance: list, book, cancel. */
#include <inttypes.h>
#include <string.h>

#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/render.h"

enum dure_err dure_render_maintenance(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"ID", true, 0},         {"STATE", false, 0}, {"FROM", false, 0},
                                                      {"UNTIL", false, 0},     {"NODES", true, 0},  {"GPUS", true, 0},
                                                      {"NODELIST", false, 12}, {"REASON", false, 8}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    char text[DURE_TIME_TEXT_MAX];
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64, dure_json_int(row, "maintenance", 0));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "state", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_time(row, "from", text));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_time(row, "until", text));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64, dure_json_int(row, "node_count", 0));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64, dure_json_int(row, "gpus", 0));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "nodes", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "reason", ""));
    }
    enum dure_err err = DURE_OK;
    if (dure_grid_rows(grid))
        err = dure_grid_print(grid, screen, 0, false);
    else
        fputs("No maintenance is booked; `dure maintenance book` books some.\n", screen->out);
    dure_grid_free(grid);
    return err;
}

int dure_cmd_maintenance(struct dure_cli *cli)
{
    json_t *answer = NULL;
    int code = dure_cli_get(cli, "/v1/maintenance", NULL, &answer);
    if (code)
        return code;
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (dure_render_maintenance(&cli->screen, json_object_get(answer, "maintenance")))
        code = dure_cli_memory(cli);
    json_decref(answer);
    return code;
}

static bool write_body(struct dure_cli *cli, struct dure_buf *body)
{
    static const char *const fields[] = {"nodes", "site", "group", "from", "until", "reason"};
    const char *between = "{";
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!dure_cli_given(cli, fields[i]))
            continue;
        dure_buf_printf(body, "%s\"%s\":", between, fields[i]);
        dure_buf_json(body, dure_cli_text(cli, fields[i]));
        between = ",";
    }
    dure_buf_str(body, "}");
    return !body->failed;
}

int dure_cmd_maintenance_book(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    json_t *answer = NULL;
    char said[160];
    const bool sure = dure_cli_flag(cli, "yes");
    dure_buf_init(&body, 1 << 20);
    if (dure_cli_given(cli, "nodes") + dure_cli_given(cli, "site") + dure_cli_given(cli, "group") != 1)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "which nodes? expected one of --nodes, --site and --group");
    if (!dure_cli_given(cli, "from") || !dure_cli_given(cli, "until") || !dure_cli_given(cli, "reason"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "when and why? --from, --until and --reason are wanted");
    if (!write_body(cli, &body))
        return dure_cli_memory(cli);
    int code = dure_cli_call(cli,
                             &(struct dure_cli_call){.method = "POST",
                                                     .path = "/v1/maintenance",
                                                     .query = sure ? NULL : "preview=true",
                                                     .body = body.data,
                                                     .body_length = body.length},
                             &answer);
    snprintf(said, sizeof said, "Maintenance %" PRId64 " is booked.", dure_json_int(answer, "maintenance", 0));
    if (!code)
        code = dure_apply_say(cli, answer, said);
    if (!code && !sure)
        dure_cli_note(cli, "nothing is booked yet; add --yes to book it");
    json_decref(answer);
    return code;
}

int dure_cmd_maintenance_cancel(struct dure_cli *cli)
{
    int first = DURE_EXIT_OK;
    for (int i = 0; i < cli->argc; i++) {
        DURE_CLEANUP_BUF struct dure_buf path;
        json_t *answer = NULL;
        dure_buf_init(&path, 1 << 16);
        dure_buf_str(&path, "/v1/maintenance/");
        dure_client_escape(cli->argv[i], &path);
        dure_buf_str(&path, "/cancel");
        const int code =
            path.failed
                ? dure_cli_memory(cli)
                : dure_cli_call(
                      cli, &(struct dure_cli_call){.method = "POST", .path = path.data, .body = "{}", .body_length = 2},
                      &answer);
        if (!code && dure_cli_json(cli))
            dure_cli_print_json(cli, answer);
        else if (!code)
            fprintf(cli->screen.out, "Maintenance %s is cancelled.\n", cli->argv[i]);
        json_decref(answer);
        if (code && !first)
            first = code;
        if (code == DURE_EXIT_NO_DAEMON)
            break;
    }
    return first;
}
