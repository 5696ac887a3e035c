/* What is offered, found by trying everything: each kind of change in the order of its cost, each value of it, one after the other. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/allot/allots.h"
#include "core/decide/aside.h"
#include "core/decide/decide.h"
#include "core/place/plan.h"
#include "core/queue/ceilings.h"
#include "core/state/jobs.h"
#include "naive_why.h"
#include "tap.h"

enum { VALUE_MAX = 64 };

struct offers {
    struct dure_core *core;
    const struct request *ask;
    const struct job *job;
    const struct dure_why *why;
    uint32_t count; /* of those told, found so far */
    bool differs;
};

static bool starts(const struct offers *o, const struct request *ask)
{
    struct plan plan = {0};
    const bool fits = !ceiling_stops(o->core, ask).kind && decide_would_start(o->core, ask, o->job, &plan);
    plan_release(&plan);
    return fits;
}

/* The next that is told has to be this one. */
static void expect(struct offers *o, const char *field, const char *value)
{
    const struct dure_why_change *c = o->count < o->why->change_count ? &o->why->changes[o->count] : NULL;
    if (!o->differs && o->count < DURE_WHY_CHANGES_MAX && (!c || strcmp(c->field, field) || strcmp(c->value, value))) {
        tap_diag("change %u is %s: '%s', and should be %s: '%s'", o->count, c ? c->field : "none", c ? c->value : "",
                 field, value);
        o->differs = true;
    }
    o->count++;
}

static void expect_number(struct offers *o, const char *field, uint64_t value, const char *unit)
{
    char text[VALUE_MAX];
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)value, unit);
    expect(o, field, text);
}

static void expect_time(struct offers *o, const char *field, int64_t us)
{
    char text[DURE_TIME_TEXT_MAX];
    expect(o, field, dure_duration_format(us, text));
}

/* ---- what only the scheduler minds ---- */

/* The longest in whole minutes. */
static void walltime(struct offers *o)
{
    struct request ask = *o->ask;
    for (int64_t minutes = (o->ask->walltime_us - 1) / DURE_MINUTE_US; minutes > 0; minutes--) {
        ask.walltime_us = minutes * DURE_MINUTE_US;
        if (starts(o, &ask)) {
            expect_time(o, "walltime", ask.walltime_us);
            return;
        }
    }
}

static uint32_t leaves_at(const struct dure_chain *chain, unsigned level)
{
    return level > chain->level_count ? chain->leaf_count : level ? dure_chain_leaves_at(chain, level) : 0;
}

/* Of the levels with which it starts the one whose smallest cell that is wider than its own has fewest GPUs. */
static void level(struct offers *o)
{
    const struct dure_fleet *fleet = o->core->fleet;
    struct request ask = *o->ask;
    const char *best = NULL, *own = ask.level ? fleet->level_names[ask.level - 1] : "";
    uint32_t least = UINT32_MAX;
    char text[VALUE_MAX];
    if (!ask.level_required)
        return;
    for (uint32_t i = 0; i < fleet->level_name_count; i++) {
        ask.level = (uint16_t)(i + 1);
        const bool fits = starts(o, &ask);
        for (uint32_t c = 0; c < fleet->chain_count && fits; c++) {
            const struct dure_chain *chain = &fleet->chains[c];
            const uint32_t was = leaves_at(chain, dure_fleet_level(fleet, chain, own)),
                           is = leaves_at(chain, dure_fleet_level(fleet, chain, fleet->level_names[i]));
            if (!was || is <= was || is >= least)
                continue;
            least = is;
            best = fleet->level_names[i];
        }
    }
    if (best) {
        expect(o, "level", best);
        return;
    }
    ask = *o->ask;
    ask.level_required = 0;
    snprintf(text, sizeof text, "{preferred: %s}", own);
    if (starts(o, &ask))
        expect(o, "level", text);
}

static void limits(struct offers *o)
{
    struct request ask = *o->ask;
    for (uint32_t most = ask.spread_max; most && most < 2 * o->ask->tasks;) {
        ask.spread_max = (uint16_t)++most;
        if (!starts(o, &ask))
            continue;
        expect_number(o, "spread", most, "");
        break;
    }
    ask = *o->ask;
    ask.lists = 0;
    if (o->ask->lists && starts(o, &ask))
        expect(o, "nodes,exclude", "");
}

static void per_node(struct offers *o)
{
    struct request ask = *o->ask;
    ask.tasks_per_node = 0;
    if (!o->ask->tasks_per_node || !starts(o, &ask))
        return;
    for (uint32_t each = o->ask->tasks_per_node; --each > 0;) {
        ask.tasks_per_node = each;
        if (ask.tasks % each == 0 && starts(o, &ask)) {
            expect_number(o, "tasks_per_node", each, "");
            return;
        }
    }
    expect(o, "tasks_per_node", "");
}

/* ---- what it is given beside its GPUs, how it is stopped, which GPUs ---- */

static void share(struct offers *o)
{
    struct request cpu = *o->ask, memory = *o->ask, both = *o->ask;
    cpu.task_cpu_milli = both.task_cpu_milli = 0;
    memory.task_memory_mib = both.task_memory_mib = 0;
    if (o->ask->task_cpu_milli && starts(o, &cpu))
        expect(o, "cpus", "");
    else if (o->ask->task_memory_mib && starts(o, &memory))
        expect(o, "memory", "");
    else if (o->ask->task_cpu_milli && o->ask->task_memory_mib && starts(o, &both))
        expect(o, "cpus,memory", "");
}

static void grace(struct offers *o)
{
    struct request ask = *o->ask;
    int64_t most = -1;
    for (uint32_t i = 0; ask.job_class == DURE_BORROWED && i < o->core->fleet->chain_count; i++) {
        int64_t notice;
        if (!lend_terms(o->core, i, ask.tenant, false, &notice) || notice >= o->ask->grace_us)
            continue;
        ask.grace_us = notice;
        most = notice > most && starts(o, &ask) ? notice : most;
    }
    if (most >= 0)
        expect_time(o, "grace", most);
}

static void models(struct offers *o)
{
    struct request ask = *o->ask;
    uint32_t most = 0;
    for (uint32_t i = 0; o->ask->model_mask && i < o->core->fleet->model_count; i++) {
        ask.model_mask = UINT64_C(1) << i;
        if ((o->ask->model_mask & ask.model_mask) || !starts(o, &ask))
            continue;
        expect(o, "model", o->core->fleet->models[i].name);
        break;
    }
    ask = *o->ask;
    for (uint32_t i = 0; ask.gpu_memory_mib && ask.task_gpu_milli == 1000 && i < o->core->fleet->model_count; i++) {
        ask.gpu_memory_mib = o->core->fleet->models[i].memory_mib;
        if (ask.gpu_memory_mib < o->ask->gpu_memory_mib && ask.gpu_memory_mib > most && starts(o, &ask))
            most = ask.gpu_memory_mib;
    }
    if (most)
        expect_number(o, "gpu_memory", most, "MiB");
}

/* ---- where its data may go, what it is promised, how much it is ---- */

/* A place at some other site, with this dataset there as well. */
static void data(struct offers *o)
{
    struct dure_data *all = o->core->data;
    for (uint32_t i = 0; all && i < all->dataset_count; i++) {
        struct plan plan = {0};
        if (!(o->ask->data_mask >> i & 1) || all->datasets[i].everywhere)
            continue;
        all->datasets[i].everywhere = true;
        o->core->lenders_stamp++;
        if (!ceiling_stops(o->core, o->ask).kind && decide_would_start(o->core, o->ask, o->job, &plan))
            expect(o, "datasets.sites", o->core->fleet->sites[o->core->fleet->chains[plan.chain].site.v].name);
        all->datasets[i].everywhere = false;
        o->core->lenders_stamp++;
        plan_release(&plan);
    }
    for (uint32_t i = 0; all && i < all->dataset_count; i++) {
        o->core->fences.lifted = UINT64_C(1) << i;
        if (all->datasets[i].forbidden_count && starts(o, o->ask))
            expect(o, "datasets.neighbours", all->datasets[i].name);
        o->core->fences.lifted = 0;
    }
}

static void class(struct offers *o)
{
    struct request ask = *o->ask;
    ask.job_class = ask.job_class == DURE_BORROWED ? DURE_GUARANTEED : DURE_BORROWED;
    if (starts(o, &ask))
        expect(o, "class", ask.job_class == DURE_BORROWED ? "borrowed" : "guaranteed");
}

static void tasks(struct offers *o)
{
    struct request ask = *o->ask;
    for (uint32_t count = o->ask->tasks; --count > 0;) {
        ask.tasks = count;
        if ((!ask.tasks_per_node || count % ask.tasks_per_node == 0) && starts(o, &ask)) {
            expect_number(o, "tasks", count, "");
            return;
        }
    }
}

/* Where a Slurm runs some nodes, and it does not say how many lie on each: up to one more node full. */
static void more_tasks(struct offers *o)
{
    struct request ask = *o->ask;
    uint32_t most = 0;
    for (uint32_t i = 0; i < o->core->fleet->chain_count; i++) {
        const struct dure_chain *c = &o->core->fleet->chains[i];
        const uint32_t here = c->node_gpus / ask.task_gpus;
        if (o->core->fleet->sites[c->site.v].engine == DURE_ENGINE_SLURM && here > most)
            most = here;
    }
    if (ask.tasks == 1 || ask.tasks_per_node || ask.task_gpu_milli < 1000)
        return;
    while (most-- > 0) {
        ask.tasks++;
        if (starts(o, &ask)) {
            expect_number(o, "tasks", ask.tasks, "");
            return;
        }
    }
}

static void tell_nobody(void *context, const struct dure_record *decision)
{
    (void)context;
    (void)decision;
}

/* The job gives its planned start up, as one does that is changed: on a copy of the core. */
static void give_plan_up(struct rig *rig, struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    struct dure_record r = rig_record(rig, DURE_REC_MODIFY);
    r.job.v = job->d.id;
    r.number = DURE_CHANGE_PRIORITY;
    r.submit.priority = job_ask(core, job)->priority;
    if (job->d.claims) { /* what of it has a place keeps that */
        core->emit = tell_nobody;
        decide_unplan(core, slot, DURE_CAUSE_CANCELLED);
        decide_follow(core);
        core->emit = NULL;
    } else if (dure_core_step(core, &r, NULL, NULL, &rig->error) != DURE_OK) {
        TAP_FAIL("a job that waits can be changed: %s", rig->error.text);
    }
    if (job->planned != NONE)
        TAP_FAIL("a job that is changed gives its plan up");
}

/* What is laid aside for the time of a trial is what a change takes: of the cells, the rights and all plans. And it leaves no trace. */
static bool is_laid_aside_so(struct dure_core *core, const struct job *job, const struct dure_core *changed)
{
    const struct dure_digest before = dure_core_digest_full(core);
    struct aside aside;
    bool same = true;
    aside_lay(core, job, &aside);
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        const struct dure_digest tried = dure_cells_digest_full(core->chains[i].cells),
                                 is = dure_cells_digest_full(changed->chains[i].cells);
        same &= !memcmp(&tried, &is, sizeof is);
    }
    for (uint32_t i = 0; i < core->s.allot_count; i++)
        same &= core->allots[i]->state == changed->allots[i]->state &&
                core->allots[i]->slots.idle_total == changed->allots[i]->slots.idle_total;
    for (uint32_t i = 0; i < core->tenants->tenant_count + 2; i++)
        same &= (core->queues[i].planned == NONE) == (changed->queues[i].planned == NONE);
    aside_take_up(core, &aside);
    const struct dure_digest after = dure_core_digest_full(core);
    return same && !memcmp(&before, &after, sizeof after);
}

static void try_everything(struct offers *o)
{
    walltime(o);
    level(o);
    limits(o);
    per_node(o);
    share(o);
    grace(o);
    models(o);
    data(o);
    class(o);
    tasks(o);
    more_tasks(o);
}

bool naive_changes_agree(struct rig *rig, struct dure_job_id id, const struct dure_why *why)
{
    const struct job *job = job_at(rig->core, job_find(rig->core, id.v));
    struct offers o = {.core = rig->core, .ask = job_ask(rig->core, job), .job = job, .why = why};
    const bool asked =
        why->wait != DURE_WAIT_HELD && why->wait != DURE_WAIT_DEPENDENCY && why->wait != DURE_WAIT_PREEMPTING;
    const bool is_now = asked && starts(&o, o.ask);
    if (asked && job->planned != NONE) {
        o.core = rig_reload(rig);
        const uint32_t slot = job_find(o.core, id.v);
        give_plan_up(rig, o.core, slot);
        if (!is_laid_aside_so(rig->core, job, o.core))
            TAP_FAIL("a plan is laid aside as a change gives it up");
        o.job = job_at(o.core, slot);
        o.ask = job_ask(o.core, o.job);
    }
    if (is_now && why->ahead) /* only its turn is not there yet */
        class(&o);
    else if (asked && !is_now && !starts(&o, o.ask)) /* else only its plan is in its way */
        try_everything(&o);
    if (!o.differs && o.count < why->change_count) {
        tap_diag("change %u, %s: '%s', is one too many", o.count, why->changes[o.count].field,
                 why->changes[o.count].value);
        o.differs = true;
    }
    if (o.core != rig->core)
        dure_core_free(o.core);
    return !o.differs;
}
