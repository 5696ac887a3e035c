/* In order of cost, the cheapest first: what only the scheduler minds (length, nearness, packing), what the job was offered beyond its need (CPU,
 * memory), how it is stopped (grace), which GPUs it gets (model, their memory), where its data may go (not the submitter's to change), what it is promised (class), how much it is (tasks). */
#include "core/why/changes.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/decide/aside.h"
#include "core/decide/decide.h"
#include "core/gate/fence.h"
#include "core/place/even.h"
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"

enum { SPREADS_NEAR = 16 };

struct trial {
    struct dure_core *core;
    const struct request *ask;
    const struct job *job; /* NULL: not submitted yet */
    struct dure_arena *arena;
    struct dure_why *why;
};

static bool would_start(const struct trial *t, const struct request *ask)
{
    struct plan plan = {0};
    if (ceiling_stops(t->core, ask).kind)
        return false;
    const bool fits = decide_would_start(t->core, ask, t->job, &plan);
    plan_release(&plan);
    return fits;
}

/* `value` and `text` may be NULL where memory ran out: then the change is not told. */
static void add(const struct trial *t, const char *field, const char *value, const char *text)
{
    if (value && text && t->why->change_count < DURE_WHY_CHANGES_MAX)
        t->why->changes[t->why->change_count++] = (struct dure_why_change){field, value, text};
}

static uint32_t leaves_at(const struct dure_chain *chain, unsigned level)
{
    return level > chain->level_count ? chain->leaf_count : level ? dure_chain_leaves_at(chain, level) : 0;
}

/* GPUs of the smallest of its cells that is larger than one of the job's own level there; 0: none is. */
static uint32_t wider(const struct dure_fleet *fleet, const char *own, const char *name)
{
    uint32_t least = 0;
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        const uint32_t was = leaves_at(chain, dure_fleet_level(fleet, chain, own)),
                       is = leaves_at(chain, dure_fleet_level(fleet, chain, name));
        if (was && is > was && (!least || is < least))
            least = is;
    }
    return least;
}

/* The level that is next in size after what was tried: so many leaves, or as many and declared later. False: none is. */
static bool next_level(const struct dure_fleet *fleet, const char *own, uint32_t *leaves, uint32_t *index)
{
    uint32_t best = 0, at = 0;
    for (uint32_t i = 0; i < fleet->level_name_count; i++) {
        const uint32_t is = wider(fleet, own, fleet->level_names[i]);
        if (!is || is < *leaves || (is == *leaves && i <= *index) || (best && is >= best))
            continue;
        best = is;
        at = i;
    }
    *leaves = best;
    *index = at;
    return best > 0;
}

/* Another level that still keeps it together, the nearest first; else none. */
static void try_level(const struct trial *t)
{
    const struct dure_fleet *fleet = t->core->fleet;
    struct request ask = *t->ask;
    const char *own = ask.level ? fleet->level_names[ask.level - 1] : "";
    if (!ask.level_required)
        return;
    for (uint32_t leaves = 0, i = 0; next_level(fleet, own, &leaves, &i);) {
        ask.level = (uint16_t)(i + 1);
        if (!would_start(t, &ask))
            continue;
        add(t, "level", dure_arena_printf(t->arena, "%s", fleet->level_names[i]),
            dure_arena_printf(t->arena, "level: %s instead of %s", fleet->level_names[i], own));
        return;
    }
    ask.level = t->ask->level;
    ask.level_required = 0;
    if (would_start(t, &ask))
        add(t, "level", dure_arena_printf(t->arena, "{preferred: %s}", own), "level: preferred instead of required");
}

/* The least spread that works, and any nodes. More in one cell mostly fit no worse, but may where several rights carry them: so the next are
 * tried one by one; beyond, doubling finds some that works, and halving the least.
 * Above its tasks it limits nothing, but fewer cells more are bound for it then. */
static void try_limits(const struct trial *t)
{
    struct request ask = *t->ask;
    uint32_t fails = ask.spread_max, fits = 0;
    const uint32_t near = fails + SPREADS_NEAR;
    for (uint32_t max = fails; max && !fits && max < 2 * ask.tasks && max < DURE_SPREAD_MAX;) {
        max = max < near ? max + 1 : max * 2;
        max = max < DURE_SPREAD_MAX ? max : DURE_SPREAD_MAX;
        ask.spread_max = (uint16_t)max;
        *(would_start(t, &ask) ? &fits : &fails) = max;
    }
    while (fits && fits - fails > 1) {
        const uint32_t tried = fails + (fits - fails) / 2;
        ask.spread_max = (uint16_t)tried;
        *(would_start(t, &ask) ? &fits : &fails) = tried;
    }
    if (fits)
        add(t, "spread", dure_arena_printf(t->arena, "%u", fits),
            dure_arena_printf(t->arena, "spread: at most %u", fits));
    ask = *t->ask;
    ask.lists = 0;
    if (t->ask->lists && would_start(t, &ask))
        add(t, "nodes,exclude", "", "nodes: any");
}

/* The longest that still ends before booked maintenance begins, or before the planned start of another on the same GPUs; in minutes. */
static void try_walltime(const struct trial *t)
{
    struct request ask = *t->ask;
    int64_t fails = (ask.walltime_us + DURE_MINUTE_US - 1) / DURE_MINUTE_US;
    ask.walltime_us = DURE_MINUTE_US;
    if (t->ask->walltime_us <= DURE_MINUTE_US)
        return;
    if (!would_start(t, &ask))
        return; /* its length is not what stands in the way */
    int64_t fits = 1;
    while (fails - fits > 1) {
        const int64_t tried = fits + (fails - fits) / 2;
        ask.walltime_us = tried * DURE_MINUTE_US;
        if (would_start(t, &ask))
            fits = tried;
        else
            fails = tried;
    }
    char text[DURE_TIME_TEXT_MAX];
    dure_duration_format(fits * DURE_MINUTE_US, text);
    add(t, "walltime", dure_arena_strdup(t->arena, text), dure_arena_printf(t->arena, "walltime: %s", text));
}

/* One more site for one dataset, whose neighbours stay as they are. Tried by letting it go everywhere: the place found names the site. */
static void try_data(const struct trial *t)
{
    struct dure_data *data = t->core->data;
    for (uint32_t i = 0; t->ask->data_mask && data && i < data->dataset_count; i++) {
        struct dure_dataset *dataset = &data->datasets[i];
        struct plan plan = {0};
        if (!(t->ask->data_mask >> i & 1) || dataset->everywhere)
            continue;
        dataset->everywhere = true;
        t->core->lenders_stamp++; /* who lends where is kept by request */
        const bool fits = decide_would_start(t->core, t->ask, t->job, &plan) && plan.place_count;
        dataset->everywhere = false;
        t->core->lenders_stamp++;
        const uint32_t site = fits ? t->core->fleet->chains[plan.chain].site.v : 0;
        plan_release(&plan);
        if (!fits)
            continue;
        add(t, "datasets.sites", dure_arena_printf(t->arena, "%s", t->core->fleet->sites[site].name),
            dure_arena_printf(t->arena, "dataset '%s': at site %s as well", dataset->name,
                              t->core->fleet->sites[site].name));
    }
}

/* Without the list of one dataset, its own or of what stands there. Whom `others` keeps away is no list's business. */
static void try_neighbours(const struct trial *t)
{
    const struct dure_data *data = t->core->data;
    const bool by_right = t->ask->job_class != DURE_BORROWED;
    for (uint32_t i = 0; data && i < data->dataset_count && fence_touches(t->core, t->ask, by_right); i++) {
        if (!data->datasets[i].forbidden_count)
            continue;
        t->core->fences.lifted = UINT64_C(1) << i;
        const bool fits = would_start(t, t->ask);
        t->core->fences.lifted = 0;
        if (fits)
            add(t, "datasets.neighbours", dure_arena_printf(t->arena, "%s", data->datasets[i].name),
                dure_arena_printf(t->arena, "dataset '%s': beside anybody", data->datasets[i].name));
    }
}

static void try_per_node(const struct trial *t)
{
    struct request ask = *t->ask;
    if (!ask.tasks_per_node)
        return;
    ask.tasks_per_node = 0;
    if (!would_start(t, &ask))
        return;
    for (uint32_t each = t->ask->tasks_per_node - 1; each >= 1; each--) { /* the most that still works says most */
        if (ask.tasks % each)
            continue;
        ask.tasks_per_node = each;
        if (would_start(t, &ask)) {
            add(t, "tasks_per_node", dure_arena_printf(t->arena, "%u", each),
                dure_arena_printf(t->arena, "tasks per node: %u", each));
            return;
        }
    }
    add(t, "tasks_per_node", "", "tasks per node: any number");
}

static void try_share(const struct trial *t)
{
    struct request ask = *t->ask;
    if (!ask.task_cpu_milli && !ask.task_memory_mib)
        return;
    ask.task_cpu_milli = 0;
    if (t->ask->task_cpu_milli && would_start(t, &ask)) {
        add(t, "cpus", "", "CPUs: the GPUs' share");
        return;
    }
    ask.task_cpu_milli = t->ask->task_cpu_milli;
    ask.task_memory_mib = 0;
    if (t->ask->task_memory_mib && would_start(t, &ask)) {
        add(t, "memory", "", "memory: the GPUs' share");
        return;
    }
    ask.task_cpu_milli = 0;
    if (t->ask->task_cpu_milli && t->ask->task_memory_mib && would_start(t, &ask))
        add(t, "cpus,memory", "", "CPU and memory: the GPUs' share");
}

/* The longest notice of those who lend to it that is shorter than its grace, and with which it would start. */
static void try_grace(const struct trial *t)
{
    struct request ask = *t->ask;
    char text[DURE_TIME_TEXT_MAX];
    for (int64_t below = ask.grace_us; ask.job_class == DURE_BORROWED;) {
        int64_t most = -1;
        for (uint32_t i = 0; i < t->core->fleet->chain_count; i++) {
            int64_t notice;
            if (lend_terms(t->core, i, ask.tenant, false, &notice) && notice < below && notice > most)
                most = notice;
        }
        if (most < 0)
            return;
        ask.grace_us = below = most;
        if (!would_start(t, &ask))
            continue;
        dure_duration_format(most, text);
        add(t, "grace", dure_arena_strdup(t->arena, text), dure_arena_printf(t->arena, "grace: %s", text));
        return;
    }
}

static void try_model(const struct trial *t)
{
    struct request ask = *t->ask;
    ask.model_mask = 0;
    if (!t->ask->model_mask || !would_start(t, &ask))
        return;
    for (uint32_t i = 0; i < t->core->fleet->model_count; i++) {
        const char *name = t->core->fleet->models[i].name;
        ask.model_mask = UINT64_C(1) << i;
        if (t->ask->model_mask >> i & 1 || !would_start(t, &ask))
            continue;
        add(t, "model", dure_arena_printf(t->arena, "%s", name), dure_arena_printf(t->arena, "model: %s", name));
        return;
    }
}

/* The largest memory among models on which it would start. */
static void try_gpu_memory(const struct trial *t)
{
    struct request ask = *t->ask;
    uint32_t best = 0;
    for (uint32_t i = 0; ask.gpu_memory_mib && ask.task_gpu_milli == 1000 && i < t->core->fleet->model_count; i++) {
        ask.gpu_memory_mib = t->core->fleet->models[i].memory_mib;
        if (ask.gpu_memory_mib < t->ask->gpu_memory_mib && ask.gpu_memory_mib > best && would_start(t, &ask))
            best = ask.gpu_memory_mib;
    }
    if (best)
        add(t, "gpu_memory", dure_arena_printf(t->arena, "%uMiB", best),
            dure_arena_printf(t->arena, "GPU memory: %u MiB", best));
}

static void try_class(const struct trial *t)
{
    struct request ask = *t->ask;
    ask.job_class = ask.job_class == DURE_GUARANTEED ? DURE_BORROWED : DURE_GUARANTEED;
    const char *name = ask.job_class == DURE_BORROWED ? "borrowed" : "guaranteed";
    if (would_start(t, &ask))
        add(t, "class", name, dure_arena_printf(t->arena, "class: %s", name));
}

/* The most tasks that a node holds where the core has to lay them evenly; 0: nowhere. */
static uint32_t most_evenly(const struct trial *t)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < t->core->fleet->chain_count; i++) {
        const uint32_t here = t->core->fleet->chains[i].node_gpus / t->ask->task_gpus;
        most = here > most && even_chooses(t->core, t->ask, i) ? here : most;
    }
    return most;
}

/* May fewer tasks fit worse? Where they have to lie evenly: fewer may not divide as well. And by right, among booked maintenance: the first place
 * found for the fewer may be one that it is booked for, with no second to be had, where more find another place first. */
static bool may_fit_worse(const struct trial *t)
{
    const int64_t reach_us = window_reach(t->core, t->ask);
    if (most_evenly(t))
        return true;
    for (uint32_t i = 0; t->ask->job_class == DURE_GUARANTEED && i < t->core->fleet->chain_count; i++)
        if (t->core->chains[i].window_us < reach_us)
            return true;
    return false;
}

enum { TASKS_FEW = 16 }; /* tried one by one where fewer may fit worse */

/* The most tasks that would start now. Mostly fewer never fit worse, and halving finds it; where they may, the next few
 * are tried one by one as well. */
static void try_tasks(const struct trial *t)
{
    struct request ask = *t->ask;
    const uint32_t step = ask.tasks_per_node ? ask.tasks_per_node : 1; /* divides them */
    const uint32_t all = ask.tasks / step, few = may_fit_worse(t) ? TASKS_FEW : 0;
    uint32_t fits = 0, fails = all;
    while (fails - fits > 1) {
        const uint32_t tried = fits + (fails - fits) / 2;
        ask.tasks = tried * step;
        if (would_start(t, &ask))
            fits = tried;
        else
            fails = tried;
    }
    for (uint32_t above = all; above > fits + 1 && all - above < few; above--) {
        ask.tasks = (above - 1) * step;
        fits = would_start(t, &ask) ? above - 1 : fits;
    }
    if (fits)
        add(t, "tasks", dure_arena_printf(t->arena, "%u", fits * step),
            dure_arena_printf(t->arena, "tasks: %u", fits * step));
}

/* Where they have to lie evenly: a few more, up to what fills one more node, may divide better. */
static void try_more_tasks(const struct trial *t)
{
    struct request ask = *t->ask;
    const uint32_t most = most_evenly(t);
    for (uint32_t more = 1; more <= most && t->ask->tasks + more <= DURE_JOB_TASKS_MAX; more++) {
        ask.tasks = t->ask->tasks + more;
        if (!would_start(t, &ask))
            continue;
        add(t, "tasks", dure_arena_printf(t->arena, "%u", ask.tasks),
            dure_arena_printf(t->arena, "tasks: %u", ask.tasks));
        return;
    }
}

static void try_all(const struct trial *t)
{
    try_walltime(t);
    try_level(t);
    try_limits(t);
    try_per_node(t);
    try_share(t);
    try_grace(t);
    try_model(t);
    try_gpu_memory(t);
    try_data(t);
    try_neighbours(t);
    try_class(t);
    try_tasks(t);
    try_more_tasks(t);
}

void changes_try(struct dure_core *core, const struct request *ask, const struct job *job, struct dure_arena *arena,
                 struct dure_why *why)
{
    const struct trial t = {core, ask, job, arena, why};
    const bool starts = would_start(&t, ask);
    struct aside aside;
    if (starts && !why->ahead)
        return;
    aside_lay(core, job, &aside); /* a change costs its job the plan that it has */
    if (starts)
        try_class(&t);                                     /* only its turn is not there yet */
    else if (aside.chain == NONE || !would_start(&t, ask)) /* else nothing that it asks for is in its way */
        try_all(&t);
    aside_take_up(core, &aside);
}
