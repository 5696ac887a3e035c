/* The experiment's tasks and its figure, on small traces. */
#include <stdlib.h>
#include <string.h>

#include "sim/paper/packing.h"
#include "tap.h"

static const char nodes_text[] =
    "sn,cpu_milli,memory_mib,gpu,model\na,64000,100000,8,A\nb,64000,100000,8,A\nc,64000,100000,4,B\n";

static void load(struct dure_openb *trace, struct dure_packing *packing, const char *pods)
{
    struct dure_error error = {0};
    if (dure_openb_parse_nodes(trace, "n", nodes_text, strlen(nodes_text), &error) ||
        dure_openb_parse_pods(trace, "p", pods, strlen(pods), &error) || dure_packing_init(packing, trace, &error))
        tap_bail("%s", error.text);
}

static int64_t asked(const struct dure_packing *packing, const uint32_t *tasks, uint32_t count)
{
    int64_t sum = 0;
    for (uint32_t t = 0; t < count; t++)
        sum += (int64_t)packing->work.shapes[tasks[t]].task.gpus * packing->work.shapes[tasks[t]].task.gpu_milli;
    return sum;
}

/* Few pods are drawn again up to 1.3 · 20 GPUs; many are taken away down to it. */
static void load_of_tasks(void)
{
    struct dure_openb *trace = calloc(1, sizeof *trace);
    struct dure_packing packing;
    DURE_ASSERT(trace);
    load(trace, &packing, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\nb,1,1,1,700\na,1,1,2,1000\nc,1,1,0,0\n");
    TAP_EQ_UINT(packing.work.count, 3, "three shapes");
    TAP_EQ_INT(packing.work.shapes[packing.pod_shapes[0]].task.gpus, 2, "pods by name");
    uint32_t *tasks, *again, count, count_again;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        TAP_EQ_INT(dure_packing_tasks(&packing, seed, &tasks, &count), DURE_OK, "drawn");
        TAP_OK(asked(&packing, tasks, count) <= 26000 && asked(&packing, tasks, count) > 24000, "just under 26 GPUs");
        TAP_EQ_INT(dure_packing_tasks(&packing, seed, &again, &count_again), DURE_OK, "again");
        TAP_OK(count == count_again && memcmp(tasks, again, count * sizeof *tasks) == 0,
               "the same seed, the same tasks");
        free(tasks);
        free(again);
    }
    dure_packing_release(&packing);
    dure_openb_release(trace);
    DURE_CLEANUP_BUF struct dure_buf pods = {0};
    dure_buf_init(&pods, 1 << 16);
    dure_buf_str(&pods, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n");
    for (int i = 0; i < 40; i++)
        dure_buf_printf(&pods, "p%02d,1,1,1,1000\n", i);
    memset(trace, 0, sizeof *trace);
    load(trace, &packing, pods.data);
    TAP_EQ_INT(dure_packing_tasks(&packing, 5, &tasks, &count), DURE_OK, "taken away");
    TAP_EQ_UINT(count, 26, "26 of 40 are left");
    free(tasks);
    dure_packing_release(&packing);
    dure_openb_release(trace);
    free(trace);
}

/* Whole GPUs fill the fleet by any policy but the last of tasks that do not fit: 20 of 20 GPUs when 20 have arrived. */
static void figure(void)
{
    struct dure_openb *trace = calloc(1, sizeof *trace);
    struct dure_packing packing;
    DURE_ASSERT(trace);
    load(trace, &packing, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1000\n");
    for (unsigned p = 0; dure_place_policies[p]; p++) {
        struct dure_packing_run run = {.policy = dure_place_policies[p], .seed = 4, .rank_seed = 4}, again = run;
        TAP_EQ_INT(dure_packing_play(&packing, &run), DURE_OK, "%s plays", run.policy->name);
        TAP_OK(run.percent == 100, "%s fills all: %.3f", run.policy->name, run.percent);
        TAP_EQ_UINT(run.dropped, 6, "%s drops what is beyond", run.policy->name);
        TAP_OK(dure_packing_play(&packing, &again) == DURE_OK && again.digest == run.digest,
               "%s decides the same again", run.policy->name);
    }
    dure_packing_release(&packing);
    dure_openb_release(trace);
    memset(trace, 0, sizeof *trace);
    /* Eight-GPU tasks leave the node of 4 empty: 16 of 20. */
    load(trace, &packing, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,8,1000\nb,1,1,4,1000\n");
    struct dure_packing_study study = {.policy = dure_place_find("dure"), .seed_first = 1, .seed_last = 5};
    TAP_EQ_INT(dure_packing_study(&packing, &study), DURE_OK, "a study");
    TAP_EQ_UINT(study.runs, 5, "of five seeds");
    TAP_OK(study.mean_percent <= 100 && study.mean_percent >= 60, "with a mean, %.3f", study.mean_percent);
    dure_packing_release(&packing);
    dure_openb_release(trace);
    free(trace);
}

static void refusals(void)
{
    struct dure_openb *trace = calloc(1, sizeof *trace);
    struct dure_packing packing;
    struct dure_error error = {0};
    static const char none[] = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,0,0\n";
    DURE_ASSERT(trace);
    DURE_ASSERT(dure_openb_parse_nodes(trace, "n.csv", nodes_text, strlen(nodes_text), &error) == DURE_OK);
    DURE_ASSERT(dure_openb_parse_pods(trace, "p.csv", none, strlen(none), &error) == DURE_OK);
    TAP_EQ_INT(dure_packing_init(&packing, trace, &error), DURE_E_INVALID, "no GPU is asked for");
    TAP_HAS(error.text, "p.csv: num_gpu: found no pod that asks for a GPU", "which is said");
    dure_openb_release(trace);
    memset(trace, 0, sizeof *trace);
    static const char bare[] = "sn,cpu_milli,memory_mib,gpu,model\na,1,1,0,\n";
    DURE_ASSERT(dure_openb_parse_nodes(trace, "n.csv", bare, strlen(bare), &error) == DURE_OK);
    DURE_ASSERT(dure_openb_parse_pods(trace, "p.csv", none, strlen(none), &error) == DURE_OK);
    TAP_EQ_INT(dure_packing_init(&packing, trace, &error), DURE_E_INVALID, "there is no GPU");
    TAP_HAS(error.text, "n.csv: gpu: found no GPU in any node", "which is said");
    dure_openb_release(trace);
    free(trace);
}

int main(void)
{
    load_of_tasks();
    figure();
    refusals();
    return tap_done();
}
