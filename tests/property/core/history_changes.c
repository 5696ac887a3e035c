/* Each change that is offered was tried: here it is tried again, on a copy of the core in which all others stand back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"
#include "history.h"

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
    struct dure_core *core = rig_reload(rig);
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

void history_try_change(struct rig *rig, struct dure_job_id asked, struct dure_job job,
                        const struct dure_why_change *change)
{
    job.array_count = job.dep_count = 0;
    job.hold = false;
    job.begin_us = INT64_MIN;
    if (!starts_changed(rig, asked, job, change, false) && !starts_changed(rig, asked, job, change, true))
        TAP_FAIL("the changed job has a place at once: %s", change->text);
}
