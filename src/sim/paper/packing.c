#include "sim/paper/packing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/vec.h"
#include "sim/make/draw.h"

enum { LOAD_PERCENT = 130, TASKS_MAX = DURE_PACKING_TASKS_MAX };

static int by_name(const void *a, const void *b)
{
    const struct dure_openb_pod *const *x = a, *const *y = b;
    const int order = strcmp((*x)->name, (*y)->name);
    return order ? order : (*x > *y) - (*x < *y);
}

static struct dure_score_task task_of(const struct dure_openb_pod *pod)
{
    return (struct dure_score_task){.cpu_milli = pod->cpu_milli,
                                    .memory_mib = pod->memory_mib,
                                    .gpus = pod->gpus,
                                    .gpu_milli = pod->gpu_milli,
                                    .models = pod->models};
}

static enum dure_err take_nodes(struct dure_packing *packing, const struct dure_openb *trace, struct dure_error *error)
{
    uint32_t classes = 0;
    packing->nodes = calloc(trace->node_count, sizeof *packing->nodes);
    if (!packing->nodes)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    packing->node_count = trace->node_count;
    for (uint32_t n = 0; n < trace->node_count; n++) {
        const struct dure_openb_node *from = &trace->nodes[n];
        struct dure_score_node *node = &packing->nodes[n];
        node->cpu_milli = from->cpu_milli;
        node->memory_mib = from->memory_mib;
        node->gpus = (uint8_t)from->gpus;
        node->model = (uint8_t)(from->gpus ? from->model : 0);
        for (uint32_t g = 0; g < from->gpus; g++)
            node->gpu_milli[g] = 1000;
        packing->gpu_milli += (int64_t)from->gpus * 1000;
        uint32_t like = 0; /* nodes of one class are near each other in these files: looking back finds it soon */
        for (like = n; like > 0; like--) {
            const struct dure_openb_node *other = &trace->nodes[like - 1];
            if (other->model == from->model && other->gpus == from->gpus && other->cpu_milli == from->cpu_milli)
                break;
        }
        if (like == 0 && classes == DURE_SCORE_CLASSES_MAX)
            return dure_fail(error, DURE_E_LIMIT, "%s: found over %d kinds of nodes, expected fewer",
                             trace->node_report.problems.file, DURE_SCORE_CLASSES_MAX);
        node->class_index = (uint16_t)(like == 0 ? classes++ : packing->nodes[like - 1].class_index);
    }
    return DURE_OK;
}

static enum dure_err take_pods(struct dure_packing *packing, const struct dure_openb *trace)
{
    const struct dure_openb_pod **sorted = calloc(trace->pod_count, sizeof *sorted);
    packing->shapes = calloc(trace->pod_count, sizeof *packing->shapes);
    packing->pod_shapes = calloc(trace->pod_count, sizeof *packing->pod_shapes);
    if (!sorted || !packing->shapes || !packing->pod_shapes) {
        free(sorted);
        return DURE_E_MEMORY;
    }
    for (uint32_t p = 0; p < trace->pod_count; p++) {
        sorted[p] = &trace->pods[p];
        packing->shapes[p] = (struct dure_score_shape){.task = task_of(&trace->pods[p]), .weight = 1};
    }
    qsort(sorted, trace->pod_count, sizeof *sorted, by_name);
    packing->work.count = dure_work_merge(packing->shapes, trace->pod_count);
    packing->work.shapes = packing->shapes;
    packing->pod_count = trace->pod_count;
    for (uint32_t p = 0; p < trace->pod_count; p++) {
        const struct dure_score_task task = task_of(sorted[p]);
        packing->pod_shapes[p] = dure_work_find(&packing->work, &task);
    }
    free(sorted);
    return DURE_OK;
}

int64_t dure_packing_gpu_milli(const struct dure_packing *packing, uint32_t shape)
{
    const struct dure_score_task *task = &packing->work.shapes[shape].task;
    return (int64_t)task->gpus * task->gpu_milli;
}

enum dure_err dure_packing_init(struct dure_packing *packing, const struct dure_openb *trace, struct dure_error *error)
{
    *packing = (struct dure_packing){0};
    enum dure_err err = take_nodes(packing, trace, error);
    if (!err && (err = take_pods(packing, trace)))
        dure_fail(error, err, "out of memory");
    int64_t asked = 0;
    for (uint32_t p = 0; !err && p < packing->pod_count; p++)
        asked += dure_packing_gpu_milli(packing, packing->pod_shapes[p]);
    if (!err && packing->gpu_milli == 0)
        err = dure_fail(error, DURE_E_INVALID, "%s: gpu: found no GPU in any node, expected some",
                        trace->node_report.problems.file);
    if (!err && asked == 0)
        err = dure_fail(error, DURE_E_INVALID, "%s: num_gpu: found no pod that asks for a GPU, expected some",
                        trace->pod_report.problems.file);
    if (err)
        dure_packing_release(packing);
    return err;
}

void dure_packing_release(struct dure_packing *packing)
{
    free(packing->nodes);
    free(packing->shapes);
    free(packing->pod_shapes);
    *packing = (struct dure_packing){0};
}

uint64_t dure_packing_stream(uint64_t seed, uint64_t number)
{
    uint64_t state = seed * UINT64_C(0xD1342543DE82EF95) + number;
    return dure_draw(&state);
}

static void shuffle(uint32_t *items, uint32_t count, uint64_t *random)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t j = (uint32_t)dure_draw_below(random, i);
        const uint32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

enum dure_err dure_packing_tasks(const struct dure_packing *packing, uint64_t seed, uint32_t **ret_tasks,
                                 uint32_t *ret_count)
{
    uint64_t random = dure_packing_stream(seed, DURE_PACKING_TASKS);
    const int64_t wanted = packing->gpu_milli / 100 * LOAD_PERCENT;
    DURE_VEC(uint32_t) tasks = {0};
    int64_t asked = 0;
    for (uint32_t p = 0; p < packing->pod_count; p++) {
        if (!DURE_VEC_PUSH(&tasks, packing->pod_shapes[p], TASKS_MAX))
            goto memory;
        asked += dure_packing_gpu_milli(packing, packing->pod_shapes[p]);
    }
    shuffle(tasks.at, (uint32_t)tasks.count, &random);
    if (asked < wanted) {
        for (;;) {
            const uint32_t shape = packing->pod_shapes[dure_draw_below(&random, packing->pod_count)];
            if (asked + dure_packing_gpu_milli(packing, shape) > wanted)
                break;
            if (!DURE_VEC_PUSH(&tasks, shape, TASKS_MAX))
                goto memory;
            asked += dure_packing_gpu_milli(packing, shape);
        }
    }
    while (asked > wanted) {
        const uint32_t gone = (uint32_t)dure_draw_below(&random, tasks.count);
        asked -= dure_packing_gpu_milli(packing, tasks.at[gone]);
        memmove(&tasks.at[gone], &tasks.at[gone + 1], (tasks.count - gone - 1) * sizeof *tasks.at);
        tasks.count--;
    }
    *ret_tasks = tasks.at;
    *ret_count = (uint32_t)tasks.count;
    return DURE_OK;
memory:
    DURE_VEC_FREE(&tasks);
    return DURE_E_MEMORY;
}

int64_t dure_packing_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* what others do on the machine does not count */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void play(const struct dure_packing *packing, struct dure_packing_run *run, struct dure_field *field,
                 struct dure_placer *placer, const uint32_t *tasks, uint32_t count)
{
    int64_t arrived = 0, allocated_sum = 0;
    uint32_t events = 0;
    run->tasks = count;
    run->dropped = 0;
    run->digest = 0;
    const int64_t began = dure_packing_clock_ns();
    for (uint32_t t = 0; t < count; t++) {
        const struct dure_score_task *task = &packing->work.shapes[tasks[t]].task;
        uint32_t node, gpu;
        struct dure_field_place place = {.node = UINT32_MAX};
        arrived += (int64_t)task->gpus * task->gpu_milli;
        if (dure_placer_choose(placer, field, tasks[t], &node, &gpu))
            dure_field_take(field, node, task, gpu, &place);
        else
            run->dropped++;
        run->digest = dure_hash64(run->digest ^ ((uint64_t)place.node << 16 | place.gpus));
        const bool rounds = arrived * 1000 >= packing->gpu_milli * 995 && arrived * 1000 < packing->gpu_milli * 1005;
        if (rounds || (events == 0 && arrived * 1000 >= packing->gpu_milli * 1005)) {
            allocated_sum += field->gpu_milli_used;
            events++;
        }
    }
    run->us_per_decision = (double)(dure_packing_clock_ns() - began) / 1000 / (count ? count : 1);
    run->percent = events ? (double)allocated_sum / events / (double)packing->gpu_milli * 100 : 0;
}

enum dure_err dure_packing_rank(const struct dure_packing *packing, struct dure_field *field, uint64_t seed)
{
    uint64_t draws = dure_packing_stream(seed, DURE_PACKING_RANKS);
    uint32_t *ranks = calloc(packing->node_count, sizeof *ranks);
    if (!ranks)
        return DURE_E_MEMORY;
    for (uint32_t n = 0; n < packing->node_count; n++)
        ranks[n] = n;
    shuffle(ranks, packing->node_count, &draws);
    dure_field_reset(field, ranks);
    free(ranks);
    return DURE_OK;
}

enum dure_err dure_packing_play(const struct dure_packing *packing, struct dure_packing_run *run)
{
    struct dure_field field = {0};
    struct dure_placer placer = {0};
    uint32_t *tasks = NULL, count = 0;
    enum dure_err err = dure_field_init(&field, packing->nodes, packing->node_count, run->policy->keeps_kinds,
                                        run->policy->keeps_order);
    if (!err)
        err = dure_packing_rank(packing, &field, run->rank_seed);
    if (!err)
        err = dure_packing_tasks(packing, run->seed, &tasks, &count);
    if (!err)
        err = dure_placer_init(&placer, run->policy, &field, &packing->work, run->tie,
                               dure_packing_stream(run->seed, DURE_PACKING_POLICY));
    if (!err)
        play(packing, run, &field, &placer, tasks, count);
    dure_placer_release(&placer);
    dure_field_release(&field);
    free(tasks);
    return err;
}

enum dure_err dure_packing_study(const struct dure_packing *packing, struct dure_packing_study *study)
{
    double sum = 0, squares = 0, us = 0;
    uint64_t tasks = 0, dropped = 0;
    study->runs = 0;
    for (uint64_t seed = study->seed_first; seed <= study->seed_last; seed++) {
        struct dure_packing_run run = {.policy = study->policy, .tie = study->tie, .seed = seed, .rank_seed = seed};
        if (study->told && !study->told(study->context, seed))
            break;
        const enum dure_err err = dure_packing_play(packing, &run);
        if (err)
            return err;
        const double before = study->runs ? sum / study->runs : 0;
        study->runs++;
        sum += run.percent;
        squares += (run.percent - before) * (run.percent - sum / study->runs); /* Welford */
        us += run.us_per_decision;
        tasks += run.tasks;
        dropped += run.dropped;
    }
    if (study->runs > 0) {
        study->mean_percent = sum / study->runs;
        study->sd_percent = study->runs > 1 ? sqrt(squares / (study->runs - 1)) : 0;
        study->us_per_decision = us / study->runs;
        study->tasks = (uint32_t)(tasks / study->runs);
        study->dropped = (uint32_t)(dropped / study->runs);
    }
    return DURE_OK;
}
