/* What each rule costs, added up over the queue. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"

static void put_row(struct dure_grid *grid, const json_t *row)
{
    char jobs[32], gpus[32];
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "rule", ""));
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(dure_json_int(row, "jobs", 0), jobs));
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(dure_json_int(row, "gpus", 0), gpus));
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "gpu_hours", ""));
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(row, "text", ""));
}

enum dure_err dure_render_toll(const struct dure_screen *screen, const json_t *toll)
{
    static const struct dure_grid_column columns[] = {
        {"RULE", false, 0}, {"JOBS", true, 0}, {"GPUS", true, 0}, {"GPU-HOURS", true, 0}, {"WHAT IT IS", false, 16}};
    const json_t *rules = json_object_get(toll, "rules");
    char jobs[32], gpus[32], requests[32];
    fprintf(screen->out, "Waiting jobs: %s (%s requests), %s GPUs, %s GPU-hours.\n\n",
            dure_text_grouped(dure_json_int(toll, "jobs", 0), jobs),
            dure_text_grouped(dure_json_int(toll, "requests", 0), requests),
            dure_text_grouped(dure_json_int(toll, "gpus", 0), gpus), dure_json_text(toll, "gpu_hours", "0"));
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(rules); i++)
        put_row(grid, json_array_get(rules, i));
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}
