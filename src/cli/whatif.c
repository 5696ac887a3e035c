/* `dure whatif`: the live state twice into the simulator, as it is and with the changes, side by side. */
#include "cli/whatif.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/sim.h"
#include "sim/change/change.h"

enum { STARTS_MAX = 10000000, SHOWN = 20 };

struct started {
    uint64_t job;
    uint32_t element;
    int64_t at_us;
};

/* First starts in the order of time. */
struct starts {
    DURE_VEC(struct started) list;
};

struct side {
    struct dure_changes changes;
    struct dure_sim_result result;
    struct starts starts;
    struct dure_body *bodies[DURE_VERB_OPTIONS_MAX]; /* of --submit: node lists live in them */
    unsigned body_count;
    bool made;
};

static void heard(void *context, const struct dure_record *r)
{
    struct starts *starts = context;
    const struct started started = {r->job.v, r->element, r->time_us};
    if (r->kind == DURE_REC_START)
        (void)DURE_VEC_PUSH(&starts->list, started, STARTS_MAX);
}

static int by_job(const void *a, const void *b)
{
    const struct started *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    if (x->element != y->element)
        return x->element < y->element ? -1 : 1;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

static void first_starts(struct starts *starts)
{
    size_t kept = 0;
    if (starts->list.count)
        qsort(starts->list.at, starts->list.count, sizeof *starts->list.at, by_job);
    for (size_t i = 0; i < starts->list.count; i++)
        if (!kept || starts->list.at[kept - 1].job != starts->list.at[i].job ||
            starts->list.at[kept - 1].element != starts->list.at[i].element)
            starts->list.at[kept++] = starts->list.at[i];
    starts->list.count = kept;
}

static bool no_more(void *context, struct dure_sim_job *ret_job)
{
    (void)context;
    (void)ret_job;
    return false; /* what is there now, and nothing after it */
}

/* The job of --submit, judged against what will be there. */
static int add_job(struct dure_cli *cli, struct side *side, const char *path)
{
    struct dure_changes *changes = &side->changes;
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_job *job = dure_arena_alloc(cli->arena, sizeof *job);
    struct dure_body *body = NULL;
    struct dure_error error = {0};
    struct dure_tree *tree = problems && job ? dure_cli_spec(cli, path, problems) : NULL;
    if (!tree)
        return DURE_EXIT_USAGE;
    *problems = (struct dure_problems){.file = path};
    enum dure_err err = dure_job_parse(tree, changes->fleet, changes->tenants, job, &body, problems);
    if (body)
        side->bodies[side->body_count++] = body;
    if (!err)
        dure_job_read_data(tree, changes->data, job, problems);
    if (!err && job->tenant.v == DURE_NONE32)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: project: found nothing, expected the path of a tenant", path);
    if (!err && !problems->total)
        err = dure_change_submit(changes, job, &error);
    if (problems->total)
        return dure_cli_problems(cli, problems);
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

static int add_changes(struct dure_cli *cli, struct side *side)
{
    struct dure_changes *changes = &side->changes;
    static const struct {
        const char *option;
        enum dure_err (*add)(struct dure_changes *changes, const char *text, struct dure_error *error);
    } kinds[] = {{"add-nodes", dure_change_add_nodes},
                 {"allot", dure_change_allot},
                 {"power", dure_change_power},
                 {"data", dure_change_data},
                 {"fail", dure_change_fail}};
    struct dure_error error = {0};
    int code = DURE_EXIT_OK;
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (unsigned i = 0; i < cli->value_count && !code; i++) {
            if (strcmp(cli->values[i].option->name, kinds[k].option) != 0)
                continue;
            const enum dure_err err = kinds[k].add(changes, cli->values[i].text, &error);
            code = err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
        }
    for (unsigned i = 0; i < cli->value_count && !code; i++)
        if (strcmp(cli->values[i].option->name, "submit") == 0)
            code = add_job(cli, side, cli->values[i].text);
    if (!code && changes->count == 0)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "what if what? expected --add-nodes, --fail, --allot, --power, --data or --submit");
    return code;
}

static int play(struct dure_cli *cli, uint64_t size, bool changed, int64_t now_us, struct side *side)
{
    struct dure_core *core = NULL;
    struct dure_error error = {0};
    int code = dure_whatif_state(cli, size, &core);
    if (code)
        return code;
    enum dure_err err = dure_changes_begin(&side->changes, core, &error);
    code = err ? dure_cli_fail_err(cli, err, &error, NULL) : changed ? add_changes(cli, side) : DURE_EXIT_OK;
    if (code) {
        dure_core_free(core);
        return code;
    }
    struct dure_sim_options options = {.core = core,
                                       .leaves = size,
                                       .changes = side->changes.records,
                                       .change_count = side->changes.count,
                                       .fleet = side->changes.fleet,
                                       .tenants = side->changes.tenants,
                                       .next = no_more,
                                       .from_us = now_us > dure_core_time_us(core) ? now_us : dure_core_time_us(core),
                                       .leaves_us = 20 * DURE_SECOND_US,
                                       .heard = heard,
                                       .heard_context = &side->starts};
    options.until_us = options.from_us + dure_cli_count(cli, "until");
    dure_sim_watch_begin(cli, changed ? "with the change" : "as it is", &options);
    err = dure_sim_run(&options, &side->result, &error);
    dure_sim_watch_end(cli);
    if (err)
        return dure_cli_fail_err(cli, err, &error, changed ? "the daemon would refuse it in the same words" : NULL);
    side->made = true;
    first_starts(&side->starts);
    return DURE_EXIT_OK;
}

/* Both lists stand in the order of jobs: those that start at another time, earlier, or on one side only. */
static void compare(const struct side *was, const struct side *is,
                    void (*row)(void *context, const struct started *a, const struct started *b), void *context)
{
    const struct starts *a = &was->starts, *b = &is->starts;
    for (size_t i = 0, k = 0; i < a->list.count || k < b->list.count;) {
        const struct started *x = i < a->list.count ? &a->list.at[i] : NULL,
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

static void put_time(struct dure_grid *grid, const struct started *started)
{
    char text[DURE_TIME_TEXT_MAX];
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                   started ? dure_time_format_local(started->at_us, text) : "not in this time");
}

static void tell(void *context, const struct started *a, const struct started *b)
{
    struct telling *telling = context;
    const struct started *any = a ? a : b;
    char text[DURE_TIME_TEXT_MAX];
    if (telling->rows++ >= SHOWN)
        return;
    dure_grid_cell(telling->grid, DURE_STYLE_NONE,
                   any->element && any->element != DURE_NONE32 ? "%" PRIu64 "_%" PRIu32 : "%" PRIu64, any->job,
                   any->element);
    put_time(telling->grid, a);
    put_time(telling->grid, b);
    const int64_t by = a && b ? b->at_us - a->at_us : 0;
    dure_grid_cell(telling->grid, DURE_STYLE_NONE, "%s%s",
                   !a   ? "starts"
                   : !b ? "no start"
                        : dure_duration_format(by < 0 ? -by : by, text),
                   by > 0   ? " later"
                   : by < 0 ? " earlier"
                            : "");
}

static int show_starts(struct dure_cli *cli, const struct side *was, const struct side *is)
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

static void add_row(void *context, const struct started *a, const struct started *b)
{
    json_t *row = json_object();
    const struct started *any = a ? a : b;
    char text[DURE_TIME_TEXT_MAX];
    json_object_set_new(row, "job", json_integer((json_int_t)any->job));
    if (any->element != DURE_NONE32)
        json_object_set_new(row, "element", json_integer(any->element));
    json_object_set_new(row, "as_it_is", a ? json_string(dure_time_format_utc(a->at_us, text)) : json_null());
    json_object_set_new(row, "with_the_change", b ? json_string(dure_time_format_utc(b->at_us, text)) : json_null());
    json_array_append_new(context, row);
}

static int show(struct dure_cli *cli, struct side sides[2])
{
    struct dure_document report = {
        .title = "What if", .fleet = sides[1].changes.fleet, .tenants = sides[1].changes.tenants, .run_count = 2};
    report.runs[0] = (struct dure_document_run){"as it is", &sides[0].result};
    report.runs[1] = (struct dure_document_run){"with the change", &sides[1].result};
    for (unsigned i = 0; i < cli->value_count && report.note_count < DURE_REPORT_NOTES_MAX; i++) {
        report.notes[report.note_count][0] = cli->values[i].option->name;
        report.notes[report.note_count++][1] = cli->values[i].text ? cli->values[i].text : "";
    }
    if (!dure_cli_json(cli)) {
        const int code = dure_sim_show(cli, &report);
        return code ? code : show_starts(cli, &sides[0], &sides[1]);
    }
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, (size_t)256 << 20);
    dure_report_json(&report, false, &text);
    json_t *json = text.failed ? NULL : json_loadb(text.data, text.length, 0, NULL), *rows = json_array();
    compare(&sides[0], &sides[1], add_row, rows);
    json_object_set_new(json, "starts_that_move", rows);
    if (json)
        dure_cli_print_json(cli, json);
    json_decref(json);
    return json ? DURE_EXIT_OK : dure_cli_memory(cli);
}

int dure_cmd_whatif(struct dure_cli *cli)
{
    struct side *sides = dure_arena_alloc(cli->arena, 2 * sizeof *sides);
    const int64_t now_us = dure_screen_now_us(&cli->screen);
    uint64_t size = 0;
    int code = sides ? dure_whatif_size(cli, &size) : dure_cli_memory(cli);
    for (unsigned i = 0; i < 2 && !code; i++)
        code = play(cli, size, i == 1, now_us, &sides[i]);
    if (!code)
        code = show(cli, sides);
    for (unsigned i = 0; sides && i < 2; i++) {
        if (sides[i].made)
            dure_sim_result_release(&sides[i].result);
        for (unsigned k = 0; k < sides[i].body_count; k++)
            dure_body_free(sides[i].bodies[k]);
        DURE_VEC_FREE(&sides[i].starts.list);
        dure_changes_release(&sides[i].changes);
    }
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
