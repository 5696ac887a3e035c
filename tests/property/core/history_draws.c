/* What happens in a random life: work that comes, ends and is changed; nodes, rights and terms that come and go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/apply/apply.h"
#include "history.h"
#include "naive_why.h"
#include "specs.h"

bool history_is_rich, history_is_even;

/* The one fleet that all know; its first model can be partitioned, its first site run by a Slurm. */
char *history_fleet(void)
{
    static const char slurm[] = "slurm, slurm: {commands: {}}", engine[] = "emulated";
    static const char profiles[] =
        ", mig: [{name: 1g.23gb, slices: 1, memory_slices: 1, memory: 22GiB, starts: [0, 1, 2, 3, 4, 5, 6]}, "
        "{name: 2g.45gb, slices: 2, memory_slices: 2, memory: 44GiB, starts: [0, 2, 4]}, "
        "{name: 3g.90gb, slices: 3, memory_slices: 4, memory: 89GiB, starts: [0, 4]}, "
        "{name: 7g.180gb, slices: 7, memory_slices: 8, memory: 179GiB, starts: [0]}]";
    const size_t size = sizeof specs_fleet + sizeof profiles + sizeof slurm;
    const char *model = strchr(specs_fleet, '}'), *site = strstr(model, engine),
               *rest = history_is_even ? site + sizeof engine - 1 : site;
    char *fleet = malloc(size);
    snprintf(fleet, size, "%.*s%s%.*s%s%s", (int)(model - specs_fleet), specs_fleet, history_is_rich ? profiles : "",
             (int)(site - model), model, history_is_even ? slurm : "", rest);
    return fleet;
}

/* Work by right, limits, and instances, more often than they are drawn otherwise. */
static void enrich(struct dure_job *job)
{
    static const char *const profiles[] = {"1g.23gb", "2g.45gb", "3g.90gb", "7g.180gb"};
    static struct dure_node_run run[2];
    if (!below_later(3))
        job->job_class = DURE_GUARANTEED;
    if (!below_later(3)) {
        job->spread_level = below_later(2) ? "rack" : "node";
        job->spread_max = (uint16_t)(1 + below_later(3));
    }
    if (!below_later(4)) {
        run[0] = (struct dure_node_run){below_later(6), 1 + below_later(6)};
        run[1] = (struct dure_node_run){below_later(12), 1};
        job->include = (struct dure_node_runs){run, below_later(2)};
        job->exclude = (struct dure_node_runs){run + 1, below_later(2)};
    }
    if (below_later(5))
        return;
    job->mig = profiles[below_later(4)];
    job->tasks = 1 + below_later(6);
    job->task_gpus = 1;
    job->task_gpu_milli = 1000;
    job->tasks_per_node = 0;
    job->data_mask &= below_later(2) ? job->data_mask : 0;
}

/* A gang by right, as it may not lie on parts of nodes that a Slurm runs. */
static void divide(struct dure_job *job)
{
    job->job_class = DURE_GUARANTEED;
    job->mig = NULL;
    job->tasks = 2 + below_later(3);
    job->task_gpus = 1;
    job->task_gpu_milli = 1000;
    job->tasks_per_node = 0;
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
    if (history_is_rich)
        enrich(&job);
    if (history_is_even && !below_later(4))
        divide(&job);
    return job;
}

/* Refused for ever is who no place could ever carry, and nobody else; the proof counts every GPU. */
static void check_never(struct rig *rig, bool never, const struct request *ask, enum dure_err err)
{
    const bool is_never = err == DURE_E_NEVER && strstr(rig->error.text, "no place for it: ");
    if ((err == DURE_OK || is_never) && is_never != never)
        TAP_FAIL("who can never run is refused: %u x %u GPUs, class %u, priority %d: %s", ask->tasks, ask->task_gpus,
                 ask->job_class, (int)ask->priority, err == DURE_OK ? "taken" : rig->error.text);
    if (is_never && !naive_proof_adds_up(rig->core, rig->error.text))
        TAP_FAIL("the proof names every GPU of the fleet once: %s", rig->error.text);
}

static void submit(struct rig *rig, struct model *model)
{
    const struct dure_job job = random_job(rig);
    const uint64_t id = dure_core_next_job(rig->core).v;
    struct job_made made;
    const bool packs = job_pack(rig->core, &job, &made, NULL) == DURE_OK,
               never = packs && naive_is_never(rig->core, &made.ask);
    model->jobs[id] = job;
    const enum dure_err err = rig_submit(rig, &job);
    if (err != DURE_OK && err != DURE_E_NEVER && err != DURE_E_NOT_FOUND && err != DURE_E_LIMIT)
        TAP_FAIL("a submission is refused for a reason: %s", rig->error.text);
    if (packs)
        check_never(rig, never, &made.ask, err);
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
    for (uint32_t i = 0, worth = 0; i < DURE_HOLES; i++) {
        worth += i && !below(4) ? below(40000) : 0;
        of.hole_ugpu[i] = worth < DURE_HOLE_UGPU_MAX ? worth : DURE_HOLE_UGPU_MAX;
    }
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
    if (history_is_even && below_later(2)) { /* several parts of nodes that a Slurm runs */
        chain = "st";
        level = 1;
        count = 2 + below_later(3);
    }
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

void history_step(struct rig *rig, struct model *model)
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
