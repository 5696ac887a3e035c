/* What people see, from canned answers of the daemon: 80 columns, Korean time, a fixed now. DURE_GOLDEN_UPDATE=1 writes the files anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render.h"
#include "tap.h"

static const int64_t NOW_US = INT64_C(1795403105000000); /* 2026-11-23 12:05:05 KST */

enum what { JOBS, JOB, WHY, TOLL, BOARD, TENANTS, ALLOTMENTS, IDLE, POWER, MAINTENANCE, NODES, NODE, OWNER };

static const struct {
    const char *name, *data, *list, *option;
    enum what what;
    unsigned width;
    bool utf8, colour, bare;
} cases[] = {
    {"jobs", "jobs.json", "jobs", NULL, JOBS, 80, true, false, false},
    {"jobs-narrow-ascii", "jobs.json", "jobs", NULL, JOBS, 64, false, false, false},
    {"jobs-colour", "jobs.json", "jobs", "jobid,st,state", JOBS, 80, true, true, false},
    {"jobs-letters", "jobs.json", "jobs", "%.8i %9P %.8j %T %l %L %V %R", JOBS, 120, true, false, false},
    {"jobs-ended", "jobs.json", "jobs", "jobid,name,state,exit,time,cpu,memory,gpus,cause,requeues", JOBS, 120, true,
     false, true},
    {"job", "job.json", NULL, NULL, JOB, 80, true, false, false},
    {"why-pending", "why-pending.json", NULL, NULL, WHY, 80, true, false, false},
    {"why-busy", "why-busy.json", NULL, NULL, WHY, 80, true, false, false},
    {"toll", "toll.json", NULL, NULL, TOLL, 80, true, false, false},
    {"why-waits", "why-waits.json", NULL, NULL, WHY, 64, true, false, false},
    {"why-running", "why-running.json", NULL, NULL, WHY, 80, true, false, false},
    {"why-ended", "why-ended.json", NULL, NULL, WHY, 80, true, false, false},
    {"board", "board.json", NULL, "all", BOARD, 80, true, false, false},
    {"board-ascii", "board.json", NULL, "owner", BOARD, 80, false, false, false},
    {"board-wide-colour", "board.json", NULL, "model", BOARD, 120, true, true, false},
    {"tenants", "tenants.json", "tenants", NULL, TENANTS, 80, true, false, false},
    {"allotments", "allotments.json", "allotments", NULL, ALLOTMENTS, 80, true, false, false},
    {"idle", "idle.json", "allotments", NULL, IDLE, 80, true, false, false},
    {"idle-none", "none.json", "allotments", NULL, IDLE, 80, true, false, false},
    {"power", "power.json", "domains", NULL, POWER, 100, true, false, false},
    {"maintenance", "maintenance.json", "maintenance", NULL, MAINTENANCE, 100, true, false, false},
    {"maintenance-none", "none.json", "allotments", NULL, MAINTENANCE, 80, true, false, false},
    {"nodes", "nodes.json", "nodes", NULL, NODES, 80, true, false, false},
    {"node", "node.json", NULL, NULL, NODE, 80, true, false, false},
    {"owner", "owner.json", NULL, NULL, OWNER, 100, true, false, false},
    {"owner-narrow-ascii", "owner.json", NULL, NULL, OWNER, 80, false, false, false},
    {"none", "none.json", "allotments", NULL, ALLOTMENTS, 80, true, false, false},
};

static enum dure_err render(size_t i, const struct dure_screen *screen, const json_t *json)
{
    struct dure_error error;
    switch (cases[i].what) {
    case JOBS: return dure_render_jobs(screen, json, cases[i].option, cases[i].bare, &error);
    case JOB: return dure_render_job(screen, json);
    case WHY: return dure_render_why(screen, json);
    case TOLL: return dure_render_toll(screen, json);
    case BOARD: return dure_render_board(screen, json, cases[i].option);
    case TENANTS: return dure_render_tenants(screen, json);
    case ALLOTMENTS: return dure_render_allotments(screen, json);
    case IDLE: return dure_render_idle(screen, json);
    case POWER: return dure_render_power(screen, json);
    case MAINTENANCE: return dure_render_maintenance(screen, json);
    case NODES: return dure_render_nodes(screen, json);
    case OWNER: return dure_render_owner(screen, json);
    case NODE: return dure_render_node(screen, json);
    }
    return DURE_E_INVALID;
}

static char *whole_file(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "re");
    if (file) {
        text[fread(text, 1, (1 << 20) - 1, file)] = 0;
        fclose(file);
    }
    return text;
}

static void one(const char *folder, size_t i)
{
    char path[4096], *text = NULL;
    size_t length;
    json_error_t wrong;
    snprintf(path, sizeof path, "%s/%s", folder, cases[i].data);
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    if (!json)
        tap_bail("%s: %s (line %d)", path, wrong.text, wrong.line);
    struct dure_screen screen = {
        .width = cases[i].width, .utf8 = cases[i].utf8, .colour = cases[i].colour, .now_us = NOW_US};
    screen.out = open_memstream(&text, &length);
    TAP_EQ_INT(render(i, &screen, cases[i].list ? json_object_get(json, cases[i].list) : json), DURE_OK, "%s is drawn",
               cases[i].name);
    fclose(screen.out);
    json_decref(json);
    snprintf(path, sizeof path, "%s/%s.txt", folder, cases[i].name);
    if (getenv("DURE_GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "we");
        if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0)
            tap_bail("%s cannot be written", path);
    }
    char *want = whole_file(path);
    TAP_EQ_STR(text, want, "%s is as it was", cases[i].name);
    size_t widest = 0;
    for (char *line = text; !cases[i].colour && line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        widest = dure_term_width(line) > widest ? dure_term_width(line) : widest;
        line = end ? end + 1 : NULL;
    }
    TAP_OK(widest <= cases[i].width, "%s fits %u columns (%zu)", cases[i].name, cases[i].width, widest);
    free(want);
    free(text);
}

static void formats(void)
{
    static const char *const bad[][2] = {{"jobid,bogus", "--format: no column 'bogus'; `dure help jobs` lists them"},
                                         {"%i %z", "--format: no column '%z'; `dure help jobs` lists them"},
                                         {"%i %", "--format: no column '% '; `dure help jobs` lists them"},
                                         {"", "--format: no column ''; `dure help jobs` lists them"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dure_error error = {0};
        TAP_EQ_INT(dure_render_jobs_check(bad[i][0], &error), DURE_E_INVALID, "'%s' is no format", bad[i][0]);
        TAP_EQ_STR(error.text, bad[i][1], "and says why");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        tap_bail("usage: test-cli-golden FOLDER");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        one(argv[1], i);
    formats();
    return tap_done();
}
