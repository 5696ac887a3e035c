/* `dure whatif`: the live state twice into the simulator, as it is and with the changes, side by side. */
#include "cli/whatif.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/handlers.h"

enum { STARTS_MAX = 10000000 };

static uint64_t key_of(uint64_t job, uint32_t element)
{
    return (dure_hash64(job) ^ (element == DURE_NONE32 ? 0 : (uint64_t)element << 1)) & INT64_MAX;
}

static bool what_runs(const struct dure_core *core, struct dure_whatif_starts *starts)
{
    uint64_t cursor = 0;
    struct dure_job_view view;
    while (dure_core_attempt_next(core, &cursor, &view))
        if (!dure_map_put(&starts->ran, key_of(view.id.v, view.element), 1))
            return false;
    return true;
}

static void heard(void *context, const struct dure_record *r)
{
    struct dure_whatif_starts *starts = context;
    const struct dure_whatif_started started = {.job = r->job.v, .element = r->element, .at_us = r->time_us};
    if (r->kind == DURE_REC_START && r->job.v < starts->below)
        (void)DURE_VEC_PUSH(&starts->list, started, STARTS_MAX);
}

static int by_job(const void *a, const void *b)
{
    const struct dure_whatif_started *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    if (x->element != y->element)
        return x->element < y->element ? -1 : 1;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

static void first_starts(struct dure_whatif_starts *starts)
{
    size_t kept = 0;
    if (starts->list.count)
        qsort(starts->list.at, starts->list.count, sizeof *starts->list.at, by_job);
    for (size_t i = 0; i < starts->list.count; i++)
        if (!kept || starts->list.at[kept - 1].job != starts->list.at[i].job ||
            starts->list.at[kept - 1].element != starts->list.at[i].element)
            starts->list.at[kept++] = starts->list.at[i];
    starts->list.count = kept;
    for (size_t i = 0; i < kept; i++) {
        uint64_t one;
        struct dure_whatif_started *s = &starts->list.at[i];
        s->ran = dure_map_get(&starts->ran, key_of(s->job, s->element), &one);
    }
}

/* The job of --submit, judged against what will be there. */
static int add_job(struct dure_cli *cli, struct dure_whatif_side *side, const char *path)
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

static int add_changes(struct dure_cli *cli, struct dure_whatif_side *side)
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
    if (!code && changes->count == 0 && !dure_cli_text(cli, "policy"))
        return dure_cli_fail(
            cli, DURE_EXIT_USAGE,
            "what if what? expected --add-nodes, --fail, --allot, --power, --data, --policy or --submit");
    return code;
}

/* The scheduler of --policy; the core where there is none. */
static int read_policy(struct dure_cli *cli, struct dure_rival *rival)
{
    char name[DURE_RIVAL_NAME_MAX];
    struct dure_error error = {0};
    const char *text = dure_cli_text(cli, "policy");
    *rival = (struct dure_rival){0};
    if (!text || dure_rival_parse(text, strlen(text), rival, name, &error) == DURE_OK)
        return DURE_EXIT_OK;
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "--policy: %s", error.text);
}

static unsigned submits(const struct dure_changes *changes)
{
    unsigned count = 0;
    for (size_t i = 0; i < changes->count; i++)
        count += changes->records[i].kind == DURE_REC_SUBMIT;
    return count;
}

static int play(struct dure_cli *cli, uint64_t size, bool changed, int64_t now_us,
                struct dure_whatif_arrivals *arrivals, struct dure_whatif_side *side)
{
    struct dure_rival rival = {0};
    struct dure_core *core = NULL;
    struct dure_error error = {0};
    int code = dure_whatif_state(cli, size, &core);
    if (code)
        return code;
    enum dure_err err = dure_changes_begin(&side->changes, core, &error);
    code = err ? dure_cli_fail_err(cli, err, &error, NULL) : changed ? add_changes(cli, side) : DURE_EXIT_OK;
    code = !code && changed ? read_policy(cli, &rival) : code;
    arrivals->from_us = now_us > dure_core_time_us(core) ? now_us : dure_core_time_us(core);
    if (!code && !arrivals->read)
        code = dure_whatif_arrivals_read(cli, size, core, arrivals);
    if (code) {
        dure_core_free(core);
        return code;
    }
    if (!what_runs(core, &side->starts)) {
        dure_core_free(core);
        return dure_cli_memory(cli);
    }
    side->starts.below = dure_core_next_job(core).v + submits(&side->changes);
    struct dure_sim_options options = {.core = core,
                                       .leaves = size,
                                       .changes = side->changes.records,
                                       .change_count = side->changes.count,
                                       .fleet = side->changes.fleet,
                                       .tenants = side->changes.tenants,
                                       .from_us = arrivals->from_us,
                                       .leaves_us = 20 * DURE_SECOND_US,
                                       .heard = heard,
                                       .heard_context = &side->starts};
    options.until_us = options.from_us + dure_cli_count(cli, "until");
    code = dure_whatif_arrivals_begin(cli, &side->changes, arrivals, &options);
    if (code) {
        dure_core_free(core);
        return code;
    }
    dure_sim_watch_begin(cli, changed ? "with the change" : "as it is", &options);
    err = rival.order ? dure_rival_run(&rival, &options, &side->result, &error)
                      : dure_sim_run(&options, &side->result, &error);
    dure_sim_watch_end();
    if (err)
        return dure_cli_fail_err(cli, err, &error, changed ? "the daemon would refuse it in the same words" : NULL);
    side->made = true;
    first_starts(&side->starts);
    return DURE_EXIT_OK;
}

int dure_cmd_whatif(struct dure_cli *cli)
{
    struct dure_whatif_side *sides = dure_arena_alloc(cli->arena, 2 * sizeof *sides);
    struct dure_whatif_arrivals arrivals = {0};
    struct dure_rival rival;
    const int64_t now_us = dure_screen_now_us(&cli->screen);
    uint64_t size = 0;
    int code = sides ? read_policy(cli, &rival) : dure_cli_memory(cli);
    code = code ? code : dure_whatif_size(cli, &size);
    for (unsigned i = 0; i < 2 && !code; i++)
        code = play(cli, size, i == 1, now_us, &arrivals, &sides[i]);
    if (!code)
        code = dure_whatif_show(cli, sides, arrivals.words);
    dure_whatif_arrivals_release(&arrivals);
    for (unsigned i = 0; sides && i < 2; i++) {
        if (sides[i].made)
            dure_sim_result_release(&sides[i].result);
        for (unsigned k = 0; k < sides[i].body_count; k++)
            dure_body_free(sides[i].bodies[k]);
        DURE_VEC_FREE(&sides[i].starts.list);
        dure_map_release(&sides[i].starts.ran);
        dure_changes_release(&sides[i].changes);
    }
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
