/* A live state that is taken over: what runs goes on where it is, what waits is placed anew. */
#include <stdlib.h>
#include <string.h>

#include "sim/rival/inner.h"

static void nobody(void *context, const struct dure_record *decision)
{
    (void)context;
    (void)decision;
}

/* The changes are brought by the core itself, so that what it would refuse is refused. */
bool rival_changes(struct rival *r)
{
    const struct dure_sim_options *o = &r->sim.options;
    for (size_t i = 0; i < o->change_count && o->core; i++) {
        struct dure_record record = o->changes[i];
        struct dure_error error = {0};
        record.time_us = r->sim.now_us;
        record.term = dure_core_term(o->core);
        const enum dure_err err = dure_core_step(o->core, &record, nobody, NULL, &error);
        if (err) {
            rival_fail(r, err, error.text);
            return false;
        }
    }
    return true;
}

static bool take(struct rival *r, const struct dure_job_view *view, int64_t at_us, uint32_t *ret_job)
{
    const struct dure_job *job = view->job;
    if (!rival_take(r, job, at_us, ret_job))
        return false;
    struct entry *entry = &r->jobs[*ret_job];
    const int64_t worked = view->started_us ? r->sim.now_us - view->started_us : 0;
    if (!view->started_us)
        return true;
    entry->left_us = entry->left_us > worked ? entry->left_us - worked : 1;
    return true;
}

/* In the order of ids; the rest of an array as so many jobs. Those that run are kept with their places for later. */
bool rival_core(struct rival *r)
{
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    while (dure_core_job_next(r->sim.options.core, &cursor, &view)) {
        const bool runs = view.place_count > 0;
        const uint32_t copies = runs || !view.element_count ? 1 : view.element_count;
        for (uint32_t i = 0; i < copies; i++) {
            uint32_t job;
            if (!take(r, &view, view.submitted_us, &job))
                return false;
            if (!runs)
                continue;
            struct resumed *more = realloc(r->resumed, (r->resumed_count + 1u) * sizeof *more);
            if (!more) {
                rival_fail(r, DURE_E_MEMORY, "out of memory for what runs");
                return false;
            }
            r->resumed = more;
            r->resumed[r->resumed_count++] = (struct resumed){view.id.v, job, view.element, view.started_us};
        }
    }
    r->taken_over = r->job_count;
    return true;
}

/* Places of the core, one for each task; false: more or fewer than it has tasks. */
static bool unfold(struct rival *r, const struct dure_job_view *view, const struct need *need)
{
    uint32_t at = 0;
    const uint32_t gpus = need_task(r, need)->gpus;
    for (uint32_t p = 0; p < view->place_count; p++)
        for (uint32_t n = 0; n < view->places[p].node_count; n++) {
            uint64_t mask = view->places[p].gpu_mask;
            for (uint32_t t = 0; t < view->places[p].tasks; t++) {
                struct dure_place one = {.node_first = view->places[p].node_first + n,
                                         .node_count = 1,
                                         .tasks = 1,
                                         .gpu_milli = view->places[p].gpu_milli};
                for (uint32_t g = 0; g < gpus && mask; g++) {
                    one.gpu_mask |= mask & -mask;
                    if (view->places[p].gpu_milli == 1000)
                        mask &= mask - 1;
                }
                if (at == need->tasks)
                    return false;
                r->places[at++] = one;
            }
        }
    return at == need->tasks;
}

void rival_core_resume(struct rival *r)
{
    for (uint32_t i = 0; i < r->resumed_count && !r->sim.failed; i++) {
        const struct resumed *resumed = &r->resumed[i];
        const struct entry *entry = &r->jobs[resumed->job];
        const struct need *need = &r->needs[entry->need];
        struct dure_job_view view;
        if (dure_core_job_view(r->sim.options.core, (struct dure_job_id){resumed->id}, resumed->element, &view) &&
            rival_places_room(r, need->tasks) && unfold(r, &view, need) && rival_retake(r, need, r->places))
            (void)rival_resume(r, resumed->job, r->nodes[r->places[0].node_first].model, resumed->started_us);
    }
    for (uint32_t j = 0; j < r->taken_over && !r->sim.failed;
         j++) /* what waits, and what has no place by our reckoning */
        if (r->jobs[j].state == ENTRY_COMES) {
            r->next_job = j;
            rival_arrives(r, j);
        }
    r->next_job = r->taken_over;
}

void rival_core_release(struct rival *r)
{
    free(r->resumed);
    r->resumed = NULL;
}
