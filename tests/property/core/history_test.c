/* Random histories on a small fleet. After every step: the digest is that of the state, a follower that only applies agrees, and the naive model
 * finds no GPU held twice, no gang in parts, no fraction beside another tenant's, no notice longer than the grace. At times the core is saved,
 * loaded and goes on in the place of the old one, beside it: both must say the same from there on. A third core forgets every verdict at once and
 * tries every class in every pass: it must decide the same, so that what wakes a need leaves nothing out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/jobs.h"
#include "core/state/mutants.h"
#include "core/state/planned.h"
#include "core/state/state.h"
#include "model.h"
#include "naive_why.h"
#include "specs.h"
#include "tap.h"

static uint64_t seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static struct dure_job random_job(struct rig *rig)
{
    static const char *const paths[] = {"state/a", "state/a/x", "state/a/y", "state/b", "firm/c", "guest", "state"};
    struct dure_job job = rig_job(rig, paths[below(7)], 1, 1, below(2));
    if (below(4) == 0) {
        job.task_gpu_milli = 100 + below(9) * 100;
        job.tasks = 1 + below(5);
    } else {
        job.tasks = below(3) ? 1 : 1 + below(8);
        job.task_gpus = 1 + below(4);
        job.tasks_per_node = below(6) ? 0 : 1;
    }
    if (below(4) == 0) {
        job.level = below(2) ? "rack" : "node";
        job.level_required = below(2);
    }
    if (below(6) == 0) {
        job.spread_level = below(2) ? "rack" : "node";
        job.spread_max = 1 + below(3);
    }
    if (below(8) == 0) {
        static struct dure_node_run run[2];
        run[0] = (struct dure_node_run){below(6), 1 + below(6)};
        run[1] = (struct dure_node_run){below(12), 1};
        job.include = (struct dure_node_runs){run, below(2)};
        job.exclude = (struct dure_node_runs){run + 1, below(2)};
    }
    if (below(8) == 0) {
        job.model_mask = 3;
        job.model_order = below(2) ? 0x0201 : 0x0102;
    }
    if (below(4) == 0) {
        job.array_count = 1 + below(6);
        job.array_first = below(3);
        job.array_step = 1 + below(2);
        job.array_limit = below(2) ? 0 : 1 + below(3);
    }
    job.data_mask = below(5) ? 0 : 1 + below(7);
    job.principal.v = below(3);
    job.walltime_us = (1 + below(100)) * DURE_MINUTE_US;
    job.grace_us = below(3) * 40 * DURE_SECOND_US;
    job.priority = below(3) ? 0 : (int32_t)below(5) - 2;
    job.begin_us = below(5) ? INT64_MIN : rig->now_us + below(600) * DURE_SECOND_US;
    job.requeue = below(3);
    job.hold = !below(10);
    if (!below(6))
        job.deadline_us = rig->now_us + job.walltime_us + below(900) * DURE_SECOND_US;
    job.task_memory_mib = below(6) ? 0 : below(200) * 1024;
    const uint64_t next = dure_core_next_job(rig->core).v;
    job.dep_count = next > 3 && !below(6) ? 1 + below(2) : 0;
    for (uint32_t i = 0; i < job.dep_count; i++)
        job.deps[i] = (struct dure_dep){{next - 1 - below(3)}, (enum dure_dep_kind)below(3)};
    return job;
}

static void submit(struct rig *rig, struct model *model)
{
    const struct dure_job job = random_job(rig);
    const uint64_t id = dure_core_next_job(rig->core).v;
    model->jobs[id] = job;
    const enum dure_err err = rig_submit(rig, &job);
    if (err != DURE_OK && err != DURE_E_NEVER && err != DURE_E_NOT_FOUND && err != DURE_E_LIMIT)
        TAP_FAIL("a submission is refused for a reason: %s", rig->error.text);
}

static uint64_t some_attempt(struct rig *rig)
{
    struct dure_job_view view;
    uint64_t cursor = 0, chosen = 0;
    for (uint32_t seen = 1; dure_core_attempt_next(rig->core, &cursor, &view); seen++)
        if (!below(seen))
            chosen = view.attempt.v;
    return chosen;
}

static void report(struct rig *rig, struct model *model)
{
    const uint64_t attempt = some_attempt(rig);
    if (!attempt)
        return;
    const uint32_t what = below(10);
    const enum dure_report kind = what < 2    ? DURE_REPORT_STARTED
                                  : what < 8  ? DURE_REPORT_ENDED
                                  : what == 8 ? DURE_REPORT_LOST
                                              : DURE_REPORT_REFUSED;
    model->given_up = kind == DURE_REPORT_LOST ? attempt : 0;
    if (rig_report(rig, attempt, kind, (int)below(2)) != DURE_OK)
        TAP_FAIL("a report of a live attempt is taken: %s", rig->error.text);
    model->given_up = 0;
}

static void modify(struct rig *rig, struct model *model)
{
    struct dure_record r = rig_record(rig, DURE_REC_MODIFY);
    struct dure_job_view view;
    r.job.v = 1 + below((uint32_t)dure_core_next_job(rig->core).v);
    r.number = below(3) ? (int64_t)1 << below(22) : (int64_t)below(1 << 22);
    r.submit = random_job(rig);
    r.submit.hold = !below(4);
    if (!below(3))
        r.submit.deadline_us = 0;
    if (!dure_core_job_view(rig->core, r.job, DURE_NONE32, &view)) {
        if (rig_step(rig, &r) == DURE_OK)
            TAP_FAIL("a job that is not there is not changed");
        return;
    }
    const struct dure_job was = model->jobs[r.job.v];
    dure_job_change(&model->jobs[r.job.v], &r.submit,
                    (uint64_t)r.number); /* what follows of it is heard in the same step */
    if (rig_step(rig, &r) != DURE_OK)
        model->jobs[r.job.v] = was;
}

static void book(struct rig *rig, struct model *model)
{
    struct dure_record r = rig_record(rig, below(3) ? DURE_REC_BOOK : DURE_REC_UNBOOK);
    const uint32_t chain = below(rig->fleet->chain_count), nodes = rig->fleet->chains[chain].node_count;
    struct dure_place run = {.node_first = rig->fleet->chains[chain].node_first + below(nodes)};
    run.node_count = 1 + below(rig->fleet->chains[chain].node_first + nodes - run.node_first);
    if (r.kind == DURE_REC_UNBOOK) {
        r.number = 1 + below(model->booked + 1);
    } else {
        r.places = &run;
        r.place_count = 1;
        r.number = rig->now_us + ((int64_t)below(60) - 5) * DURE_MINUTE_US;
        r.deadline_us = r.number + (1 + below(30)) * DURE_MINUTE_US;
    }
    const bool taken = rig_step(rig, &r) == DURE_OK;
    model->booked += taken && r.kind == DURE_REC_BOOK;
    struct dure_buf text;
    dure_buf_init(&text, 65536);
    r.kind = DURE_REC_BOOK;
    const struct dure_digest before = dure_core_digest(rig->core);
    if (r.places && dure_core_booking_preview(rig->core, &r, &text, &rig->error) == DURE_OK && !text.length)
        TAP_FAIL("a preview says something");
    const struct dure_digest after = dure_core_digest(rig->core);
    if (memcmp(&before, &after, sizeof before))
        TAP_FAIL("a preview changes nothing");
    dure_buf_release(&text);
}

static void requeue(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_REQUEUE_JOB);
    r.job.v = 1 + below((uint32_t)dure_core_next_job(rig->core).v);
    r.element = below(2) ? DURE_NONE32 : below(4);
    r.number = !below(4);
    (void)!rig_step(rig, &r);
}

static void node(struct rig *rig)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_DRAIN, DURE_REC_RESUME, DURE_REC_NODE_REPORT,
                                                  DURE_REC_RESUME};
    (void)!rig_node(rig, kinds[below(4)], below(rig->fleet->node_count), below(DURE_NODE_REPORTS_END));
}

/* Work outside dure comes to some GPUs of a node, and leaves them. */
static void foreign(struct rig *rig, struct model *model)
{
    struct dure_record r = rig_record(rig, DURE_REC_FOREIGN);
    r.node.v = below(rig->fleet->node_count);
    r.mask = below(3) ? below(1u << dure_fleet_chain_of(rig->fleet, r.node, NULL)->node_gpus) : 0;
    snprintf(r.reason, sizeof r.reason, "%s", below(2) ? "job 17 of another" : "");
    const uint64_t was = model->foreign[r.node.v];
    model->foreign[r.node.v] = r.mask; /* what follows of it is heard in the same step */
    if ((rig_step(rig, &r) == DURE_OK) != (r.mask != was))
        TAP_FAIL("GPUs are taken from outside where they were not yet: %s", rig->error.text);
}

static void prices(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_PRICES);
    struct dure_prices of;
    struct dure_buf text;
    for (uint32_t i = 0, worth = 0; i < DURE_HOLES; i++)
        of.hole_ugpu[i] = worth += i && !below(4) ? below(40000) : 0;
    dure_buf_init(&text, 4096);
    dure_prices_write(&of, &text);
    r.text = text.data;
    r.text_length = text.length;
    if (rig_step(rig, &r) != DURE_OK)
        TAP_FAIL("prices are taken: %s", rig->error.text);
    dure_buf_release(&text);
}

static void grant(struct rig *rig, struct dure_record *r, char *text, size_t size)
{
    static const char *const names[] = {"g1", "g2", "g3", "g4", "ra", "rb", "rc"};
    static const char *const tenants[] = {"state/a", "state/b", "firm/c"};
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    const char *tenant = tenants[below(3)], *chain = below(2) ? "st" : "fi", *after = "";
    uint32_t level = 1 + below(3), count = 1 + below(3);
    int64_t from_us = rig->now_us + ((int64_t)below(60) - 30) * DURE_MINUTE_US;
    struct dure_allot_view view;
    if (below(2) &&
        dure_core_allot_view(rig->core, (struct dure_allot_id){below(dure_core_allot_count(rig->core))}, &view) &&
        view.spec->until_us != DURE_NEVER_US) { /* a successor */
        after = view.spec->name;
        chain = rig->fleet->chains[view.spec->chain.v].name;
        level = view.spec->level;
        count = 1 + below(view.spec->count);
        from_us = view.spec->until_us;
        tenant = below(2) ? rig->tenants->tenants[view.spec->tenant.v].path : tenant;
    }
    dure_time_format_utc(from_us, from);
    dure_time_format_utc(from_us + (10 + below(60)) * DURE_MINUTE_US, until);
    snprintf(text, size,
             "[{\"after\":\"%s\",\"chain\":\"%s\",\"count\":%u,\"from\":\"%s\",\"level\":%u,\"name\":\"%s\",\"tenant\":"
             "\"%s\",\"until\":\"%s\"}]",
             after, chain, count, from, level, names[below(7)], tenant, until);
    r->text = text;
    r->text_length = strlen(text);
}

static void allot(struct rig *rig, struct model *model)
{
    struct dure_record r = rig_record(rig, below(3) ? DURE_REC_GRANT : below(2) ? DURE_REC_SHRINK : DURE_REC_END_ALLOT);
    char text[512];
    if (r.kind == DURE_REC_GRANT) {
        grant(rig, &r, text, sizeof text);
    } else {
        r.allot.v = below(1 + dure_core_allot_count(rig->core));
        r.count = 1 + below(2);
    }
    model->grants += rig_step(rig, &r) == DURE_OK;
}

/* "{name: a, ceilings: {...}", or without. */
static void put_tenant(struct dure_buf *yaml, struct model *model, const char *name)
{
    struct dure_tenant_id id = {0};
    for (uint32_t i = 0; i < model->rig->tenants->tenant_count; i++)
        if (!strcmp(model->rig->tenants->tenants[i].name, name))
            id.v = i;
    struct dure_ceilings c = DURE_CEILINGS_NONE;
    if (!below(3))
        c.milli = (4 + below(30)) * 1000 + below(2) * 500;
    if (!below(3))
        c.jobs = 1 + below(8);
    if (!below(5))
        c.pending = below(40);
    if (!below(3))
        c.user_milli = (2 + below(16)) * 1000;
    if (!below(3))
        c.user_jobs = 1 + below(5);
    if (below(4))
        c = (struct dure_ceilings)DURE_CEILINGS_NONE;
    model->ceilings_next[id.v] = c;
    dure_buf_printf(yaml, "{name: %s", name);
    if (dure_ceilings_any(&c)) {
        dure_buf_str(yaml, ", ceilings: ");
        dure_ceilings_to_json(&c, yaml);
    }
}

static void put_tenants(struct dure_buf *yaml, struct model *model)
{
    static const char *const parts[][2] = {{"state", ", owner: state, tenants: ["},
                                           {"a", ", tenants: ["},
                                           {"x", "}, "},
                                           {"y", ", weight: 2}]}, "},
                                           {"b", "}]}\n  - "},
                                           {"firm", ", owner: firm, tenants: ["},
                                           {"c", "}]}\n  - "},
                                           {"guest", "}\n"}};
    dure_buf_str(yaml, "kind: Tenants\nversion: 1\ntenants:\n  - ");
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        put_tenant(yaml, model, parts[i][0]);
        dure_buf_str(yaml, parts[i][1]);
    }
}

/* Terms of lending and ceilings come and go. */
static void lend(struct rig *rig, struct model *model)
{
    static const char *const terms[] = {
        "[]", "[{owner: state, notice: 10m, to: all}]", "[{owner: state, notice: 10s, to: [firm]}]",
        "[{owner: state, notice: 10m, to: all, except: [guest]}, {owner: firm, notice: 1h, to: all}]"};
    struct dure_buf yaml;
    dure_buf_init(&yaml, 1 << 16);
    put_tenants(&yaml, model);
    dure_buf_printf(&yaml, "lending: %s\n", terms[below(4)]);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_problems problems = {.file = "terms"};
    struct dure_tree *tree = NULL;
    struct dure_tenants *tenants = NULL;
    if (dure_tree_from_yaml(arena, yaml.data, yaml.length, &tree, &problems) != DURE_OK ||
        dure_tenants_parse(tree, rig->fleet, &tenants, &problems) != DURE_OK)
        tap_bail("terms do not parse: %s", problems.at[0].expected);
    struct dure_record r = rig_record(rig, DURE_REC_TENANTS);
    r.text = tenants->spec_json;
    r.text_length = tenants->spec_json_length;
    if (rig_step(rig, &r) != DURE_OK)
        TAP_FAIL("new terms are taken: %s", rig->error.text);
    memcpy(model->ceilings, model->ceilings_next, sizeof model->ceilings);
    dure_buf_release(&yaml);
    dure_tenants_free(tenants);
    dure_arena_free(arena);
}

static bool append(void *context, const void *bytes, size_t length)
{
    dure_buf_add(context, bytes, length);
    return true;
}

/* The core as it comes back from a snapshot. */
static struct dure_core *reload(struct rig *rig)
{
    struct dure_buf first, second;
    dure_buf_init(&first, 64u << 20);
    dure_buf_init(&second, 64u << 20);
    struct dure_core *loaded = NULL;
    struct dure_error error = {.code = DURE_OK};
    if (dure_core_save(rig->core, append, &first) != DURE_OK ||
        dure_core_load(first.data, first.length, &loaded, &error) != DURE_OK ||
        dure_core_save(loaded, append, &second) != DURE_OK)
        tap_bail("save and load: %s", error.text);
    if (first.length != second.length || memcmp(first.data, second.data, first.length))
        TAP_FAIL("a loaded core saves the same bytes");
    dure_buf_release(&first);
    dure_buf_release(&second);
    return loaded;
}

static void one_step(struct rig *rig, struct model *model)
{
    const uint64_t next = dure_core_next_job(rig->core).v;
    const uint32_t what = below(111);
    if (what >= 108)
        foreign(rig, model);
    else if (what == 107)
        prices(rig);
    else if (what == 106)
        book(rig, model);
    else if (what >= 103)
        requeue(rig);
    else if (what >= 100)
        modify(rig, model);
    else if (what < 27)
        submit(rig, model);
    else if (what < 47)
        (void)!rig_pass(rig);
    else if (what < 65)
        report(rig, model);
    else if (what < 77)
        (void)!rig_tick(rig, rig->now_us + below(300) * DURE_SECOND_US);
    else if (what < 81)
        rig_reap(rig);
    else if (what < 85)
        (void)!rig_simple(rig, DURE_REC_CANCEL, 1 + below((uint32_t)next), below(2) ? DURE_NONE32 : below(4));
    else if (what < 89)
        (void)!rig_simple(rig, below(2) ? DURE_REC_HOLD : DURE_REC_RELEASE, 1 + below((uint32_t)next), DURE_NONE32);
    else if (what < 94)
        node(rig);
    else if (what < 99)
        allot(rig, model);
    else
        lend(rig, model);
}

/* ---- each change that is offered does let the job start ---- */

static bool change_job(const struct rig *rig, const struct dure_why_change *change, struct dure_job *job)
{
    static char level[64];
    int64_t us = 0;
    if (!strcmp(change->field, "tasks"))
        job->tasks = (uint32_t)strtoul(change->value, NULL, 10);
    else if (!strcmp(change->field, "tasks_per_node"))
        job->tasks_per_node = (uint32_t)strtoul(change->value, NULL, 10); /* "" takes it out */
    else if (!strcmp(change->field, "class"))
        job->job_class = strcmp(change->value, "borrowed") ? DURE_GUARANTEED : DURE_BORROWED;
    else if (!strcmp(change->field, "level") && change->value[0] == '{')
        job->level_required = false;
    else if (!strcmp(change->field, "level"))
        job->level = (snprintf(level, sizeof level, "%s", change->value), level);
    else if (!strcmp(change->field, "grace") && dure_duration_parse(change->value, false, &us))
        job->grace_us = us;
    else if (!strcmp(change->field, "walltime") && dure_duration_parse(change->value, false, &us))
        job->walltime_us = us;
    else if (!strcmp(change->field, "nodes,exclude") && !*change->value)
        job->include = job->exclude = (struct dure_node_runs){0};
    else if (!strcmp(change->field, "spread"))
        job->spread_max = (uint16_t)strtoul(change->value, NULL, 10);
    else if (!strcmp(change->field, "cpus") && !*change->value)
        job->task_cpu_milli = 0;
    else if (!strcmp(change->field, "memory") && !*change->value)
        job->task_memory_mib = 0;
    else if (!strcmp(change->field, "cpus,memory") && !*change->value)
        job->task_cpu_milli = job->task_memory_mib = 0;
    else if (!strcmp(change->field, "model")) {
        for (uint32_t i = 0; i < rig->fleet->model_count; i++)
            job->model_mask = strcmp(rig->fleet->models[i].name, change->value) ? job->model_mask : UINT64_C(1) << i;
    } else if (!strcmp(change->field, "gpu_memory"))
        job->gpu_memory_mib = (uint32_t)strtoul(change->value, NULL, 10);
    else
        return false;
    return true;
}

/* Who was given a place. */
struct heard {
    uint64_t job; /* the one that is listened for */
    bool it, another;
};

static void hear(void *context, const struct dure_record *decision)
{
    struct heard *heard = context;
    const bool is_place = decision->kind == DURE_REC_START || decision->kind == DURE_REC_RESERVE;
    heard->it |= is_place && decision->job.v == heard->job;
    heard->another |= is_place && decision->job.v != heard->job;
}

/* Are cells kept bound for its planned start? */
static bool keeps_cells(const struct dure_core *core, const struct job *job)
{
    const struct planned *planned = job->planned == NONE ? NULL : planned_at(core, job->planned);
    for (uint32_t i = 0; planned && planned->bindings && i < planned->d.place_count; i++)
        if (planned_holds_cell(core, planned->bindings[i].allot.v, planned->bindings[i].virtual_index))
            return true;
    return false;
}

/* It wants to start no more, but keeps the places that it has reserved: they are part of what the change was offered for. */
static void stand_back(struct rig *rig, struct dure_core *core, struct dure_job_id id)
{
    const struct job_data *data = &job_at(core, job_find(core, id.v))->d;
    struct dure_record r = rig_record(rig, data->claims ? DURE_REC_CANCEL : DURE_REC_HOLD);
    struct dure_job_view view;
    r.job = id;
    r.element = DURE_NONE32;
    if (!data->claims)
        (void)!dure_core_step(core, &r, NULL, NULL, NULL);
    for (uint32_t i = 0; data->claims && i < data->array_count; i++) {
        r.element = data->array_first + i * data->array_step;
        if (dure_core_job_view(core, id, r.element, &view) && view.state == DURE_JOB_PENDING &&
            view.wait != DURE_WAIT_PREEMPTING)
            (void)!dure_core_step(core, &r, NULL, NULL, NULL);
    }
}

/* A dataset lets anybody beside it. (A record could not say so while jobs use it.) */
static bool lift_list(struct dure_core *core, const struct dure_why_change *change)
{
    uint32_t dataset;
    if (strcmp(change->field, "datasets.neighbours") != 0 || !dure_data_find(core->data, change->value, &dataset))
        return false;
    core->fences.lifted = UINT64_C(1) << dataset;
    return true;
}

/* Does the changed job start, where all others stand back? Those whose cells are kept for a planned start give them up then, so that other rights may be
 * short, or a damaged cell serve no right any more: with `keeping` they stay. */
static bool starts_changed(struct rig *rig, struct dure_job_id asked, struct dure_job job,
                           const struct dure_why_change *change, bool keeping)
{
    struct dure_core *core = reload(rig);
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    struct heard heard = {0};
    while (dure_core_job_next(rig->core, &cursor, &view)) /* its turn apart */
        if (!keeping || view.id.v == asked.v || !keeps_cells(core, job_at(core, job_find(core, view.id.v))))
            stand_back(rig, core, view.id);
    if (!lift_list(core, change) && !change_job(rig, change, &job))
        TAP_FAIL("a change says what to change: %s: '%s'", change->field, change->value);
    struct dure_record r = rig_record(rig, DURE_REC_SUBMIT);
    r.submit = job;
    heard.job = dure_core_next_job(core).v;
    if (dure_core_step(core, &r, hear, &heard, &rig->error) != DURE_OK) {
        heard.it = strstr(rig->error.text, "its ceiling (pending)") != NULL; /* all that wait are still there */
        if (!heard.it)
            TAP_FAIL("the changed job is taken: %s: %s", change->text, rig->error.text);
    }
    r = rig_record(rig, DURE_REC_PASS);
    r.number = DURE_PASS_STARTS_MAX;
    (void)!dure_core_step(core, &r, hear, &heard, NULL);
    dure_core_free(core);
    return heard.it || (keeping && heard.another); /* who keeps cells comes first */
}

static void try_change(struct rig *rig, struct dure_job_id asked, struct dure_job job,
                       const struct dure_why_change *change)
{
    job.array_count = job.dep_count = 0;
    job.hold = false;
    job.begin_us = INT64_MIN;
    if (!starts_changed(rig, asked, job, change, false) && !starts_changed(rig, asked, job, change, true))
        TAP_FAIL("the changed job has a place at once: %s", change->text);
}

/* Whose start is planned is told when, at the latest; and what is told is an interval. */
static bool is_estimate_sound(const struct dure_why *why)
{
    const struct dure_why_estimate *e = &why->estimate;
    const bool by_room = why->wait == DURE_WAIT_RESOURCES || why->wait == DURE_WAIT_RIGHTS ||
                         why->wait == DURE_WAIT_SUSPENDED || why->wait == DURE_WAIT_PRIORITY;
    if (e->earliest_us > e->likely_us || e->likely_us > e->latest_us)
        return false;
    return !by_room || !why->job.planned_us || (e->earliest_us && why->start_estimate_us == e->likely_us);
}

static void ask_why(struct rig *rig)
{
    const uint64_t next = dure_core_next_job(rig->core).v;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_why why;
    struct dure_error error;
    const struct dure_digest before = dure_core_digest(rig->core);
    const struct dure_job_id job = {1 + below((uint32_t)next)};
    const enum dure_err err = dure_core_why(rig->core, job, DURE_NONE32, arena, &why, &error);
    if (err == DURE_OK && (!why.sentence || !*why.sentence || why.row_count < rig->fleet->chain_count))
        TAP_FAIL("why has an answer");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING && !is_estimate_sound(&why))
        TAP_FAIL("a planned start is told, in order");
    const struct dure_job *asked = err == DURE_OK ? why.job.job : NULL;
    const bool listed = asked && (asked->include.count || asked->exclude.count),
               limited = asked && (asked->spread_max || (listed && asked->job_class != DURE_BORROWED));
    if (asked && !limited && why.job.state == DURE_JOB_PENDING && !naive_why_agrees(rig, job, &why))
        TAP_FAIL("every GPU is in the group of the first rule that refuses it");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING) {
        const struct dure_job now = *why.job.job; /* it may have been modified; a view does not outlast the next ones */
        for (uint32_t i = 0; !below(3) && i < why.change_count; i++)
            try_change(rig, job, now, &why.changes[i]);
    }
    const struct dure_digest after = dure_core_digest(rig->core);
    if (memcmp(&before, &after, sizeof before))
        TAP_FAIL("asking why changes nothing");
    dure_arena_free(arena);
}

/* Nothing stays bound that is neither used nor held for a planned start. */
static void check_bound(struct rig *rig)
{
    struct dure_allot_view view;
    for (uint32_t i = 0; i < dure_core_allot_count(rig->core); i++) {
        uint32_t held = 0;
        const struct allot *allot = rig->core->allots[i];
        for (uint32_t k = 0; k < allot->slots.count / allot->cell_slots; k++)
            held += planned_holds_cell(rig->core, i, k);
        if (dure_core_allot_view(rig->core, (struct dure_allot_id){i}, &view) &&
            (view.cells_bound > view.gpus_used + held || view.gpus_used > view.gpus))
            TAP_FAIL("allotment %s has %u cells bound and %u GPUs used", view.spec->name, view.cells_bound,
                     view.gpus_used);
    }
}

/* Nothing waits that can no longer end in time; at the last moment itself, until a pass has looked at it. */
static void check_deadlines(struct rig *rig, bool passed)
{
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    while (dure_core_job_next(rig->core, &cursor, &view))
        if (view.state == DURE_JOB_PENDING && view.job->deadline_us &&
            view.job->deadline_us - view.job->walltime_us < rig->now_us + passed)
            TAP_FAIL("job %llu waits although it cannot meet its deadline", (unsigned long long)view.id.v);
}

static void begin_history(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_FLEET);
    const uint32_t none = 0;
    rig->own_log = true;
    dure_buf_add(&rig->log, &none, sizeof none);
    r.text = rig->fleet->spec_json;
    r.text_length = rig->fleet->spec_json_length;
    rig_keep(rig, &r);
    r = rig_record(rig, DURE_REC_TENANTS);
    r.text = rig->tenants->spec_json;
    r.text_length = rig->tenants->spec_json_length;
    rig_keep(rig, &r);
}

/* For digests.sh: every record of this history at the end of the file, a length of 0 before the first. */
static void keep_history(const struct rig *rig)
{
    FILE *file = fopen(getenv("DURE_HISTORY"), "ae");
    if (file == NULL || fwrite(rig->log.data, 1, rig->log.length, file) != rig->log.length || fclose(file) != 0)
        tap_bail("the history cannot be written to $DURE_HISTORY");
}

/* Datasets whose lists keep tenants apart in a node or a rack. */
static void declare_data(struct rig *rig)
{
    static const char datasets[] =
        "{\"kind\":\"Data\",\"version\":1,\"datasets\":["
        "{\"name\":\"rival\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"firm/c\",\"guest\"]}},"
        "{\"name\":\"keep\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"state/b\"]}},"
        "{\"name\":\"kin\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"state/a/x\"]}}]}";
    struct dure_record r = rig_record(rig, DURE_REC_DATA);
    r.text = datasets;
    r.text_length = sizeof datasets - 1;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("datasets: %s", rig->error.text);
}

static void history(uint32_t steps)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    if (getenv("DURE_HISTORY") != NULL)
        begin_history(&rig);
    struct model *model = model_new(&rig);
    rig.follower = reload(&rig);
    rig.shadow = reload(&rig);
    rig.shadow->forgetful = true;
    declare_data(&rig);
    for (uint32_t i = 0; i < steps && dure_core_next_job(rig.core).v < MODEL_JOBS; i++) {
        const uint64_t passes = dure_core_counts(rig.core).passes;
        one_step(&rig, model);
        check_bound(&rig);
        check_deadlines(&rig, dure_core_counts(rig.core).passes != passes);
        if (!below(8))
            ask_why(&rig);
        if (!below(50)) { /* what was loaded decides from here; the old one only follows */
            struct dure_core *loaded = reload(&rig);
            dure_core_free(rig.follower);
            rig.follower = rig.core;
            rig.core = loaded;
        }
    }
    TAP_EQ_UINT(model->faults, 0, "the model finds no fault");
    tap_diag("%llu grants, shrinks and ends;", (unsigned long long)model->grants);
    tap_diag("%llu starts, %llu ends, %llu requeues, %llu notices, %llu reservations (%llu given up), %llu "
             "suspensions, %llu restorations, %llu starts planned (%llu given up)",
             (unsigned long long)model->starts, (unsigned long long)model->ends, (unsigned long long)model->requeues,
             (unsigned long long)model->notices, (unsigned long long)model->reserves,
             (unsigned long long)model->unreserves, (unsigned long long)model->suspends,
             (unsigned long long)model->restores, (unsigned long long)model->plans, (unsigned long long)model->unplans);
    if (rig.own_log)
        keep_history(&rig);
    model_free(model);
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    seed = tap_seed(20260301);
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 30;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = (int)rounds;
    rounds = 4;
#endif
    for (uint32_t i = 0; i < rounds; i++)
        history(1500);
    return tap_done();
}
