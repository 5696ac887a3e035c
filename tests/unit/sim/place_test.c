/* Each placement policy on fields small enough to work out by hand. */
#include <stdlib.h>
#include <string.h>

#include "sim/policy/place.h"
#include "tap.h"

static struct dure_score_node node(int64_t cpu, unsigned gpus)
{
    struct dure_score_node made = {.cpu_milli = cpu, .memory_mib = 1000, .gpus = (uint8_t)gpus};
    for (unsigned g = 0; g < gpus; g++)
        made.gpu_milli[g] = 1000;
    return made;
}

static struct dure_score_task task(int64_t cpu, uint32_t gpus, uint32_t milli)
{
    return (struct dure_score_task){
        .cpu_milli = cpu, .memory_mib = 1, .gpus = gpus, .gpu_milli = milli, .models = ~(uint64_t)0};
}

/* A field in which tasks stand where they are put, and a policy to ask. */
struct rig {
    struct dure_field field;
    struct dure_score_shape shapes[16];
    struct dure_work work;
    struct dure_placer placer;
};

static void begin(struct rig *rig, const char *policy, const struct dure_score_node *nodes, uint32_t count)
{
    const struct dure_place_policy *found = dure_place_find(policy);
    memset(rig, 0, sizeof *rig);
    DURE_ASSERT(found);
    DURE_ASSERT(dure_field_init(&rig->field, nodes, count, found->keeps_kinds, found->keeps_order) == DURE_OK);
    rig->work.shapes = rig->shapes;
}

static void expect(struct rig *rig, struct dure_score_task shape, uint32_t weight)
{
    rig->shapes[rig->work.count++] = (struct dure_score_shape){.task = shape, .weight = weight};
    rig->work.count = dure_work_merge(rig->shapes, rig->work.count);
}

static void put(struct rig *rig, uint32_t n, struct dure_score_task what, uint32_t gpu)
{
    struct dure_field_place place;
    dure_field_take(&rig->field, n, &what, gpu, &place);
}

/* -1: nowhere. */
static int ask(struct rig *rig, const char *policy, enum dure_tie tie, struct dure_score_task what, uint32_t *ret_gpu)
{
    uint32_t n = 0, gpu = 0;
    const uint64_t random = 1;
    DURE_ASSERT(dure_placer_init(&rig->placer, dure_place_find(policy), &rig->field, &rig->work, tie, random) ==
                DURE_OK);
    const bool found = dure_placer_choose(&rig->placer, &rig->field, dure_work_find(&rig->work, &what), &n, &gpu);
    if (ret_gpu)
        *ret_gpu = gpu;
    dure_placer_release(&rig->placer);
    return found ? (int)n : -1;
}

static void end(struct rig *rig)
{
    dure_field_release(&rig->field);
}

static void bestfit(void)
{
    struct rig rig;
    const struct dure_score_node nodes[] = {node(64000, 8), node(64000, 2), node(64000, 4)};
    begin(&rig, "BestFit", nodes, 3);
    expect(&rig, task(4000, 1, 500), 1);
    expect(&rig, task(4000, 4, 1000), 1);
    TAP_EQ_INT(ask(&rig, "BestFit", DURE_TIE_RANK, task(4000, 1, 500), NULL), 1, "BestFit: where least is left");
    TAP_EQ_INT(ask(&rig, "BestFit", DURE_TIE_RANK, task(4000, 4, 1000), NULL), 2, "BestFit: ... that is enough");
    put(&rig, 0, task(60000, 0, 0), 0);
    /* After it: no CPU and 4 GPUs in node 0, int(100 (1 - 64000 / 256000)) = 75; 60 CPUs and no GPU in node 2, int(100 (1 - 60000 / 256000)) = 76. */
    TAP_EQ_INT(ask(&rig, "BestFit", DURE_TIE_RANK, task(4000, 4, 1000), NULL), 2, "BestFit: CPU and GPU count alike");
    end(&rig);
}

static void dotprod(void)
{
    struct rig rig;
    const struct dure_score_node nodes[] = {node(128000, 2), node(8000, 8)};
    begin(&rig, "DotProd", nodes, 2);
    expect(&rig, task(64000, 0, 0), 1);
    expect(&rig, task(4000, 2, 1000), 1);
    expect(&rig, task(4000, 1, 1000), 1);
    /* GPUs: node 0: (1 · 1/32 + 1/4 · 1/4) / 2; node 1: (1/16 · 1/32 + 1 · 1/4) / 2 */
    TAP_EQ_INT(ask(&rig, "DotProd", DURE_TIE_RANK, task(4000, 2, 1000), NULL), 0, "DotProd: the smaller product");
    TAP_EQ_INT(ask(&rig, "DotProd", DURE_TIE_RANK, task(64000, 0, 0), NULL), 0, "DotProd: the only one with CPU");
    put(&rig, 0, task(126000, 0, 0), 0);
    TAP_EQ_INT(ask(&rig, "DotProd", DURE_TIE_RANK, task(64000, 0, 0), NULL), -1, "nowhere");
    end(&rig);
}

static void packing(void)
{
    struct rig rig;
    uint32_t gpu = 9;
    const struct dure_score_node nodes[] = {node(64000, 8), node(64000, 2), node(64000, 8), node(64000, 8)};
    begin(&rig, "GpuPacking", nodes, 4);
    expect(&rig, task(1000, 1, 300), 1);
    expect(&rig, task(1000, 2, 1000), 1);
    expect(&rig, task(1000, 1, 900), 1);
    TAP_EQ_INT(ask(&rig, "GpuPacking", DURE_TIE_RANK, task(1000, 1, 300), NULL), 1,
               "GpuPacking: all free: the smaller node, 31 of 100");
    put(&rig, 2, task(1000, 1, 900), 0);
    put(&rig, 3, task(1000, 1, 600), 0);
    TAP_EQ_INT(ask(&rig, "GpuPacking", DURE_TIE_RANK, task(1000, 1, 300), &gpu), 3,
               "GpuPacking: no GPU is opened where one in use has room");
    TAP_EQ_UINT(rig.field.states[rig.field.nodes[3].state].node.gpu_milli[gpu], 400, "GpuPacking: that one");
    TAP_EQ_INT(ask(&rig, "GpuPacking", DURE_TIE_RANK, task(1000, 2, 1000), NULL), 2,
               "GpuPacking: else in a node in use, 48 of 100");
    TAP_EQ_INT(ask(&rig, "GpuPacking", DURE_TIE_RANK, task(1000, 1, 900), NULL), 2,
               "GpuPacking: the lower rank of two that open one");
    TAP_EQ_INT(ask(&rig, "GpuPacking", DURE_TIE_REVERSE, task(1000, 1, 900), NULL), 3, "GpuPacking: the higher");
    end(&rig);
}

static void clustering(void)
{
    struct rig rig;
    const struct dure_score_node nodes[] = {node(64000, 8), node(64000, 8), node(64000, 8), node(64000, 8)};
    begin(&rig, "GpuClustering", nodes, 4);
    expect(&rig, task(1000, 1, 300), 1);
    expect(&rig, task(1000, 2, 1000), 1);
    expect(&rig, task(1000, 4, 1000), 1);
    put(&rig, 1, task(1000, 1, 300), 0);
    put(&rig, 2, task(1000, 1, 300), 0);
    put(&rig, 2, task(1000, 2, 1000), 0);
    TAP_EQ_INT(ask(&rig, "GpuClustering", DURE_TIE_RANK, task(1000, 1, 300), NULL), 1, "GpuClustering: only its kind");
    TAP_EQ_INT(ask(&rig, "GpuClustering", DURE_TIE_RANK, task(1000, 2, 1000), NULL), 2,
               "GpuClustering: then its kind among others");
    TAP_EQ_INT(ask(&rig, "GpuClustering", DURE_TIE_RANK, task(1000, 4, 1000), NULL), 0,
               "GpuClustering: then an empty node");
    end(&rig);
}

static void fgd(void)
{
    struct rig rig;
    uint32_t gpu = 9;
    const struct dure_score_node nodes[] = {node(64000, 2), node(64000, 2)};
    begin(&rig, "FGD", nodes, 2);
    expect(&rig, task(1000, 1, 1000), 50);
    expect(&rig, task(1000, 1, 500), 50);
    put(&rig, 1, task(1000, 1, 500), 0);
    /* In node 0 the half that is left would be of no use to every second task; in node 1 a half of that kind goes away. */
    TAP_EQ_INT(ask(&rig, "FGD", DURE_TIE_RANK, task(1000, 1, 500), &gpu), 1, "FGD: where fragmentation grows least");
    TAP_EQ_UINT(rig.field.states[rig.field.nodes[1].state].node.gpu_milli[gpu], 500, "FGD: onto that GPU");
    end(&rig);
}

static void by_chance(void)
{
    struct rig rig;
    uint32_t met[3] = {0}, halves[2] = {0};
    const struct dure_score_node nodes[] = {node(64000, 2), node(64000, 2), node(500, 2)};
    const struct dure_score_task half = task(1000, 1, 500);
    begin(&rig, "Random", nodes, 3);
    expect(&rig, half, 1);
    put(&rig, 1, half, 0);
    DURE_ASSERT(dure_placer_init(&rig.placer, dure_place_find("Random"), &rig.field, &rig.work, DURE_TIE_RANK, 7) ==
                DURE_OK);
    for (int i = 0; i < 1000; i++) {
        uint32_t n = 0, gpu = 0;
        DURE_ASSERT(dure_placer_choose(&rig.placer, &rig.field, 0, &n, &gpu));
        met[n]++;
        if (n == 1)
            halves[rig.field.states[rig.field.nodes[1].state].node.gpu_milli[gpu] == 500]++;
    }
    dure_placer_release(&rig.placer);
    TAP_EQ_UINT(met[2], 0, "Random: never where it does not fit");
    TAP_OK(met[0] > 420 && met[1] > 420, "Random: any node that fits, %u and %u times", met[0], met[1]);
    TAP_OK(halves[0] > 180 && halves[1] > 180, "Random: any GPU that fits, %u and %u times", halves[0], halves[1]);
    end(&rig);
}

/* What is taken and given back leaves the field as it was, whatever the order. */
static void take_and_give(void)
{
    enum { NODES = 12, TASKS = 200 };
    struct dure_score_node nodes[NODES];
    struct dure_score_task tasks[TASKS];
    struct dure_field_place places[TASKS];
    struct dure_field field;
    uint64_t seed = tap_seed(3);
    uint32_t count = 0, wrong = 0;
    for (uint32_t n = 0; n < NODES; n++)
        nodes[n] = node(64000, n % 3 ? 4 : 2);
    DURE_ASSERT(dure_field_init(&field, nodes, NODES, true, false) == DURE_OK);
    for (int round = 0; round < 20000; round++) {
        const uint32_t n = (uint32_t)tap_random_below(&seed, NODES);
        struct dure_score_task next = task(1000, 1 + (uint32_t)tap_random_below(&seed, 2), 1000);
        if (next.gpus == 1)
            next.gpu_milli = 1 + (uint32_t)tap_random_below(&seed, 1000);
        const struct dure_score_node *left = &field.states[field.nodes[n].state].node;
        if (count < TASKS && tap_random_below(&seed, 2) && dure_score_fits(left, &next)) {
            tasks[count] = next;
            dure_field_take(&field, n, &next, next.gpus == 1 ? dure_score_tightest(left, next.gpu_milli) : 0,
                            &places[count++]);
        } else if (count > 0) {
            const uint32_t gone = (uint32_t)tap_random_below(&seed, count);
            dure_field_give(&field, &places[gone], &tasks[gone]);
            tasks[gone] = tasks[--count];
            places[gone] = places[count];
        }
    }
    while (count > 0) {
        count--;
        dure_field_give(&field, &places[count], &tasks[count]);
    }
    for (uint32_t n = 0; n < NODES; n++)
        wrong += memcmp(&field.nodes[n].left, &nodes[n], sizeof nodes[n]) != 0;
    uint32_t states = 0, members = 0;
    for (uint32_t s = 0; s < field.state_count; s++) {
        states += field.states[s].members > 0;
        members += field.states[s].members;
    }
    TAP_EQ_UINT(wrong, 0, "every node is as it was");
    TAP_EQ_UINT(states, 2, "in two states");
    TAP_EQ_UINT(members, NODES, "with all nodes");
    TAP_EQ_INT(field.gpu_milli_used, 0, "and nothing in use");
    dure_field_release(&field);
}

int main(void)
{
    bestfit();
    dotprod();
    packing();
    clustering();
    fgd();
    by_chance();
    take_and_give();
    TAP_OK(!dure_place_find("fgd") && !dure_place_find(""), "no such policy");
    return tap_done();
}
