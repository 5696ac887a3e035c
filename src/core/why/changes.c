#include "core/why/changes.h"

#include "core/allot/allots.h"
#include "core/place/plan.h"
#include "core/place/rules.h"

static bool would_start(struct dure_core *core, const struct request *ask)
{
    struct plan plan = {0};
    core->round++; /* nobody's head stands in the way of a trial */
    const bool fits =
        ask->job_class == DURE_GUARANTEED ? plan_guaranteed(core, ask, &plan) : plan_borrowed(core, ask, &plan);
    plan_release(&plan);
    return fits;
}

static void add(struct dure_why *why, const char *text)
{
    if (text && why->change_count < sizeof why->changes / sizeof why->changes[0])
        why->changes[why->change_count++] = text;
}

static void try_class(struct dure_core *core, struct request ask, struct dure_why *why)
{
    ask.job_class = ask.job_class == DURE_GUARANTEED ? DURE_BORROWED : DURE_GUARANTEED;
    if (would_start(core, &ask))
        add(why, ask.job_class == DURE_BORROWED ? "class: borrowed" : "class: guaranteed");
}

static void try_grace(struct dure_core *core, struct request ask, struct dure_arena *arena, struct dure_why *why)
{
    if (ask.job_class != DURE_BORROWED)
        return;
    int64_t most = -1;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        int64_t notice;
        if (lend_terms(core, i, ask.tenant, false, &notice) && notice < ask.grace_us && notice > most)
            most = notice;
    }
    if (most < 0)
        return;
    ask.grace_us = most;
    char text[DURE_TIME_TEXT_MAX];
    if (would_start(core, &ask))
        add(why, dure_arena_printf(arena, "grace: %s", dure_duration_format(most, text)));
}

/* The most tasks that would start now. Fewer tasks never fit worse, so halving finds it. */
static void try_tasks(struct dure_core *core, struct request ask, struct dure_arena *arena, struct dure_why *why)
{
    uint32_t fits = 0, fails = ask.tasks;
    while (fails - fits > 1) {
        ask.tasks = fits + (fails - fits) / 2;
        if (would_start(core, &ask))
            fits = ask.tasks;
        else
            fails = ask.tasks;
    }
    if (fits)
        add(why, dure_arena_printf(arena, "tasks: %u", fits));
}

void changes_try(struct dure_core *core, const struct request *ask, struct dure_arena *arena, struct dure_why *why)
{
    struct request changed = *ask;
    if (would_start(core, ask)) {
        if (why->ahead) /* only its turn is not there yet */
            try_class(core, *ask, why);
        return;
    }
    if (ask->level_required) {
        changed.level_required = 0;
        if (would_start(core, &changed))
            add(why, "level: preferred instead of required");
    }
    changed = *ask;
    if (ask->model_mask) {
        changed.model_mask = 0;
        if (would_start(core, &changed))
            add(why, "model: any");
    }
    changed = *ask;
    if (ask->tasks_per_node) {
        changed.tasks_per_node = 0;
        if (would_start(core, &changed))
            add(why, "tasks per node: any number");
    }
    changed = *ask;
    if (ask->task_cpu_milli || ask->task_memory_mib) {
        changed.task_cpu_milli = changed.task_memory_mib = 0;
        if (would_start(core, &changed))
            add(why, "CPU and memory: the GPUs' share");
    }
    changed = *ask;
    if (ask->gpu_memory_mib) {
        changed.gpu_memory_mib = 0;
        if (would_start(core, &changed))
            add(why, "GPU memory: any");
    }
    try_class(core, *ask, why);
    try_grace(core, *ask, arena, why);
    try_tasks(core, *ask, arena, why);
}
