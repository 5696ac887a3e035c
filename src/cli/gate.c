/* Limits of power and datasets: declaring them, and what they do now. */
#include <string.h>

#include "base/timefmt.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/render.h"
#include "model/data.h"
#include "model/power.h"
#include "model/units.h"

/* The same validator as the daemon's, for problems with line and column. Without a daemon's fleet the daemon checks alone. */
static int check(struct dure_cli *cli, const struct dure_tree *tree, const char *file, bool power)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_fleet *fleet = dure_apply_fleet(cli);
    struct dure_power *limits = NULL;
    struct dure_data *data = NULL;
    int code = DURE_EXIT_OK;
    if (!fleet)
        return DURE_EXIT_OK;
    if (!problems) {
        dure_fleet_free(fleet);
        return dure_cli_memory(cli);
    }
    *problems = (struct dure_problems){.file = file};
    const enum dure_err err =
        power ? dure_power_parse(tree, fleet, &limits, problems) : dure_data_parse(tree, fleet, NULL, &data, problems);
    if (err && problems->count > 0)
        code = dure_cli_problems(cli, problems);
    dure_power_free(limits);
    dure_data_free(data);
    dure_fleet_free(fleet);
    return code;
}

static int apply(struct dure_cli *cli, const char *path, bool power)
{
    struct dure_problems problems;
    json_t *answer = NULL;
    const bool preview = dure_cli_flag(cli, "preview");
    struct dure_tree *tree = dure_cli_spec(cli, cli->argv[0], &problems);
    if (!tree)
        return DURE_EXIT_USAGE;
    int code = check(cli, tree, cli->argv[0], power);
    if (!code)
        code = dure_apply_put(cli, path, preview ? "preview=true" : NULL, tree, cli->argv[0], &answer);
    if (!code)
        code = dure_apply_say(cli, answer,
                              preview ? "Well formed; it may be applied, and nothing was changed." : "Declared.");
    json_decref(answer);
    return code;
}

int dure_cmd_power_apply(struct dure_cli *cli)
{
    return apply(cli, "/v1/power", true);
}

int dure_cmd_data_apply(struct dure_cli *cli)
{
    return apply(cli, "/v1/data", false);
}

static void put_power(struct dure_grid *grid, const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    char text[DURE_UNITS_TEXT_MAX];
    if (!json_is_integer(value))
        dure_grid_cell(grid, DURE_STYLE_DIM, "-");
    else
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       dure_units_power_format((uint64_t)json_integer_value(value) * 1000, text));
}

enum dure_err dure_render_power(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"DOMAIN", false, 24},  {"LIMIT", true, 0}, {"KEPT TO", true, 0},
                                                      {"PROMISED", true, 0},  {"FED", true, 0},   {"IN USE", true, 0},
                                                      {"DARK GPUS", true, 0}, {"NEXT", false, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const int64_t dark = dure_json_int(row, "dark", 0);
        char next[DURE_TIME_TEXT_MAX];
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "domain", "-"));
        put_power(grid, row, "limit_w");
        put_power(grid, row, "kept_w");
        put_power(grid, row, "promised_w");
        put_power(grid, row, "fed_w");
        put_power(grid, row, "used_w");
        dure_grid_cell(grid, dark ? DURE_STYLE_WARN : DURE_STYLE_DIM, "%lld", (long long)dark);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_time(row, "next", next));
    }
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static void add_list(struct dure_buf *buf, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        dure_buf_printf(buf, "%s%s", i ? "," : "", json_string_value(json_array_get(list, i)));
}

static enum dure_err render_data(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"DATASET", false, 10},   {"CLASS", false, 0},
                                                      {"SITES", false, 10},     {"ALONE IN", false, 0},
                                                      {"NOT BESIDE", false, 8}, {"JOBS", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *forbidden = json_object_get(row, "forbidden");
        const char *alone = dure_json_text(row, "alone_in", "-");
        DURE_CLEANUP_BUF struct dure_buf sites, tenants;
        dure_buf_init(&sites, 1 << 20);
        dure_buf_init(&tenants, 1 << 20);
        add_list(&sites, json_object_get(row, "sites"));
        add_list(&tenants, forbidden);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "name", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "class", "-"));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       dure_json_true(row, "everywhere") ? "all"
                       : sites.data                      ? sites.data
                                                         : "-");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", alone);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       json_array_size(forbidden) ? tenants.data
                       : strcmp(alone, "-") == 0  ? "-"
                                                  : "others");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%lld", (long long)dure_json_int(row, "jobs", 0));
    }
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

static int show(struct dure_cli *cli, const char *path, const char *list,
                enum dure_err (*render)(const struct dure_screen *screen, const json_t *rows))
{
    json_t *answer = NULL;
    char spec_path[32];
    const bool spec = dure_cli_flag(cli, "spec");
    snprintf(spec_path, sizeof spec_path, "%s/spec", path);
    int code = dure_cli_get(cli, spec ? spec_path : path, NULL, &answer);
    if (code)
        return code;
    if (spec)
        code = dure_spec_print(cli, answer);
    else if (dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (render(&cli->screen, json_object_get(answer, list)) != DURE_OK)
        code = dure_cli_memory(cli);
    json_decref(answer);
    return code;
}

int dure_cmd_power_show(struct dure_cli *cli)
{
    return show(cli, "/v1/power", "domains", dure_render_power);
}

int dure_cmd_data_show(struct dure_cli *cli)
{
    return show(cli, "/v1/data", "datasets", render_data);
}
