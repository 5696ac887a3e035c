/* All jobs of a run before its time begins: policies may know what shapes of work there will be, as in the papers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/make/draw.h"
#include "sim/rival/inner.h"

static bool room(struct rival *r)
{
    if (r->job_count < r->job_capacity)
        return true;
    if (r->job_count == DURE_RIVAL_JOBS_MAX) {
        rival_fail(r, DURE_E_LIMIT,
                   "found over 4,000,000 jobs, expected fewer: give fewer --days, or --policy dure alone");
        return false;
    }
    const uint32_t capacity = r->job_capacity ? r->job_capacity * 2 : 4096;
    struct entry *more = realloc(r->jobs, capacity * sizeof *more);
    if (!more) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for the jobs");
        return false;
    }
    r->jobs = more;
    r->job_capacity = capacity;
    return true;
}

static uint64_t models_of(const struct rival *r, const struct dure_job *job)
{
    const struct dure_fleet *fleet = r->sim.options.fleet;
    uint64_t kinds = 0;
    for (uint32_t m = 0; m < fleet->model_count; m++)
        if ((!job->model_mask || job->model_mask >> m & 1) && fleet->models[m].memory_mib >= job->gpu_memory_mib)
            kinds |= r->kind_models[m];
    return job->tenant.v < r->sim.result->tenant_count ? kinds & r->access[job->tenant.v] : 0;
}

static bool shape_of(struct rival *r, const struct dure_score_task *task, uint32_t *ret_shape)
{
    const uint64_t words[] = {(uint64_t)task->cpu_milli, (uint64_t)task->memory_mib,
                              (uint64_t)task->gpus << 32 | task->gpu_milli, task->models};
    uint64_t key = dure_hash_words(1, words, 4).lane[0] >> 1, at;
    for (; dure_map_get(&r->shape_of, key, &at); key = (key + 1) >> 1)
        if (dure_work_order(&r->shapes[at].task, task) == 0) {
            *ret_shape = (uint32_t)at;
            r->shapes[at].weight++;
            return true;
        }
    if ((r->work.count & (r->work.count - 1)) == 0) {
        struct dure_score_shape *more = realloc(r->shapes, (r->work.count ? r->work.count * 2u : 1u) * sizeof *more);
        if (!more)
            return false;
        r->shapes = more;
    }
    r->shapes[r->work.count] = (struct dure_score_shape){.task = *task, .weight = 1};
    *ret_shape = r->work.count;
    return dure_map_put(&r->shape_of, key, r->work.count++);
}

/* As the core's engine draws it, from the job's number: the same under other rules. */
static int64_t lasts(const struct rival *r, uint32_t number, int64_t work_us, uint8_t *ret_fails)
{
    uint64_t state = r->sim.options.seed ^ dure_hash64((number + UINT64_C(1)) * UINT64_C(0x100000001b3) + DURE_NONE32);
    *ret_fails = dure_draw_below(&state, 1000) < r->sim.options.job_fails_per_mille;
    return *ret_fails ? work_us / 1000 * (int64_t)dure_draw_below(&state, 1000) + 1 : work_us;
}

static struct entry entry_of(const struct rival *r, const struct dure_job *job, int64_t at_us, uint32_t number)
{
    struct entry entry = {.at_us = at_us,
                          .walltime_us = job->walltime_us,
                          .grace_us = job->grace_us,
                          .checkpoint_us = job->checkpoint_us,
                          .tenant = job->tenant.v,
                          .holder = DURE_NONE32,
                          .priority = job->priority,
                          .borrowed = job->job_class == DURE_BORROWED};
    if (r->holder_of && !entry.borrowed && job->tenant.v < r->sim.result->tenant_count)
        entry.holder = r->holder_of[job->tenant.v];
    const int64_t work_us = job->emulated_us > 0 ? job->emulated_us : job->walltime_us;
    const uint64_t milli = (uint64_t)job->tasks * job->task_gpus * job->task_gpu_milli;
    entry.left_us = lasts(r, number, work_us, &entry.fails);
    if (entry.left_us >= job->walltime_us) {
        entry.left_us = job->walltime_us;
        entry.fails = false;
        entry.overdue = true;
    }
    entry.size = (uint8_t)dure_sim_size_of(milli);
    entry.turn = (struct dure_turn_job){.submit_s = (double)(at_us - r->sim.options.from_us) / 1000000,
                                        .service_s = (double)entry.left_us / 1000000,
                                        .remaining_s = (double)entry.left_us / 1000000,
                                        .gpus = (uint32_t)((milli + 999) / 1000)};
    return entry;
}

bool rival_take(struct rival *r, const struct dure_job *job, int64_t at_us, uint32_t *ret_job)
{
    if (!room(r))
        return false;
    const struct dure_score_task task = {.cpu_milli = job->task_cpu_milli,
                                         .memory_mib = job->task_memory_mib,
                                         .gpus = job->task_gpus,
                                         .gpu_milli = job->task_gpu_milli,
                                         .models = models_of(r, job)};
    struct need need = {.models = task.models,
                        .milli = (uint64_t)job->tasks * job->task_gpus * job->task_gpu_milli,
                        .level = job->tasks > 1 ? job->level : "",
                        .tasks = job->tasks,
                        .required = job->tasks > 1 && job->level_required};
    struct entry *entry = &r->jobs[r->job_count];
    *entry = entry_of(r, job, at_us, r->job_count);
    if (r->policy.order->fit == DURE_TURN_BACKFILLS && !r->policy.quotas)
        need.walltime_us = job->walltime_us;
    if (!shape_of(r, &task, &need.shape) || (entry->need = rival_need_of(r, &need)) == DURE_NONE32) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for the jobs");
        return false;
    }
    *ret_job = r->job_count++;
    return true;
}

/* Shapes are put in order once all are known. */
static bool settle_shapes(struct rival *r)
{
    const uint32_t count = r->work.count;
    struct dure_score_shape *raw = malloc((count + 1) * sizeof *raw);
    if (!raw)
        return false;
    if (count)
        memcpy(raw, r->shapes, count * sizeof *raw);
    r->work.count = dure_work_merge(r->shapes, count);
    r->work.shapes = r->shapes;
    for (uint32_t n = 0; n < r->need_count; n++)
        r->needs[n].shape = dure_work_find(&r->work, &raw[r->needs[n].shape].task);
    free(raw);
    return true;
}

bool rival_jobs(struct rival *r)
{
    struct dure_sim_job job;
    uint32_t number;
    if (r->sim.options.core && !rival_core(r))
        return false;
    while (r->sim.options.next(r->sim.options.context, &job))
        if (!rival_take(r, &job.job, job.at_us, &number))
            return false;
    if (!settle_shapes(r)) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for the jobs");
        return false;
    }
    return true;
}

void rival_jobs_release(struct rival *r)
{
    for (uint32_t i = 0; i < r->job_count; i++)
        if (r->jobs[i].run) {
            if (r->jobs[i].run->place_count > 1)
                free(r->jobs[i].run->more);
            free(r->jobs[i].run);
        }
    for (uint32_t n = 0; n < r->need_count; n++)
        free(r->needs[n].jobs);
    free(r->needs);
    free(r->jobs);
    free(r->shapes);
    dure_map_release(&r->shape_of);
    dure_map_release(&r->need_of);
}
