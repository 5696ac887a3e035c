/* Each policy of order on cases small enough to work out by hand. An iteration of 1,000 ms takes 1.015 s; a model that is not known
 * costs 10 s at every event at which it runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/paper/turns.h"
#include "tap.h"

static struct dure_turns_result play(const struct dure_muri_job *jobs, uint32_t count, uint32_t nodes, uint32_t gpus,
                                     const char *policy)
{
    struct dure_turns_result result = {0};
    struct dure_muri *trace = calloc(1, sizeof *trace);
    struct dure_error error = {0};
    DURE_ASSERT(trace && dure_turn_find(policy));
    trace->jobs = (struct dure_muri_job *)jobs;
    trace->count = count;
    if (dure_turns_play(trace, nodes, gpus, dure_turn_find(policy), &result, &error))
        TAP_FAIL("%s: %s", policy, error.text);
    free(trace);
    return result;
}

static void near(double got, double want, const char *what)
{
    TAP_OK(fabs(got - want) < 1e-6, "%s: %.6f, wanted %.6f", what, got, want);
}

/* A long job of a whole node, and a short one 100 s later. */
static const struct dure_muri_job two[] = {{.submit_s = 0, .iterations = 1000, .iteration_ms = 1000, .gpus = 8},
                                           {.submit_s = 100, .iterations = 100, .iteration_ms = 1000, .gpus = 8}};

static void srtf(void)
{
    const struct dure_turns_result result = play(two, 2, 1, 8, "srtf");
    /* At 100 s the first has worked 90 and has 925 left; the second ends at 201.5, and the first at 1126.5. */
    near(result.avg_jct_s, (101.5 + 1126.5) / 2, "srtf: the shorter first, and a start cost");
    near(result.makespan_s, 1126.5, "srtf: all done");
    near(result.p99_jct_s, 1126.5, "srtf: the slowest of two");
    TAP_EQ_UINT(result.preemptions, 1, "srtf: one was stopped");
    TAP_EQ_UINT(result.events, 4, "srtf: two arrivals, two ends");
}

static void fifo_and_sjf(void)
{
    struct dure_turns_result result = play(two, 2, 1, 8, "fifo");
    near(result.avg_jct_s, (1015 + 1016.5) / 2, "fifo: in turn, at no cost");
    TAP_EQ_UINT(result.preemptions, 0, "fifo: nobody is stopped");
    static const struct dure_muri_job three[] = {{.submit_s = 0, .iterations = 1000, .iteration_ms = 1000, .gpus = 8},
                                                 {.submit_s = 1, .iterations = 500, .iteration_ms = 1000, .gpus = 8},
                                                 {.submit_s = 2, .iterations = 100, .iteration_ms = 1000, .gpus = 8}};
    result = play(three, 3, 1, 8, "sjf");
    near(result.avg_jct_s, (1015 + (1015 + 101.5 - 2) + (1015 + 101.5 + 507.5 - 1)) / 3,
         "sjf: the shortest that waits");
}

static void srsf(void)
{
    static const struct dure_muri_job jobs[] = {{.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 8},
                                                {.submit_s = 0, .iterations = 300, .iteration_ms = 1000, .gpus = 1}};
    /* By time alone the first goes first; by time and GPUs the second does, and leaves 7 GPUs idle. */
    near(play(jobs, 2, 1, 8, "srtf").makespan_s, 101.5 + 304.5, "srtf: the shorter first");
    near(play(jobs, 2, 1, 8, "srsf").avg_jct_s, (304.5 + 304.5 + 101.5) / 2, "srsf: the smaller first");
}

static void easy(void)
{
    static const struct dure_muri_job jobs[] = {{.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 6},
                                                {.submit_s = 1, .iterations = 100, .iteration_ms = 1000, .gpus = 8},
                                                {.submit_s = 2, .iterations = 200, .iteration_ms = 1000, .gpus = 2},
                                                {.submit_s = 3, .iterations = 50, .iteration_ms = 1000, .gpus = 2}};
    /* The second waits until 101.5 for the whole node. The third would end at 205 and may not start; the fourth ends at 53.75 and may. */
    const struct dure_turns_result result = play(jobs, 4, 1, 8, "easy");
    near(result.avg_jct_s, (101.5 + (203 - 1) + (203 + 203 - 2) + 50.75) / 4, "easy: backfill delays nobody");
    near(play(jobs, 4, 1, 8, "fifo").avg_jct_s, (101.5 + (203 - 1) + (406 - 2) + (203 + 50.75 - 3)) / 4,
         "fifo: nobody overtakes");
}

/* Two 5-GPU jobs do not fit into two nodes of 8 beside a 6-GPU one, though 16 GPUs hold them. */
static void gangs(void)
{
    static const struct dure_muri_job jobs[] = {{.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 12},
                                                {.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 5},
                                                {.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 4}};
    /* 12 GPUs are a free node and 4 of another; 5 do not fit there, 4 do. */
    near(play(jobs, 3, 2, 8, "srtf").makespan_s, 203, "a gang takes whole nodes and one for the rest");
    near(play(jobs, 2, 2, 8, "tiresias-l").makespan_s, 203,
         "more GPUs than there are wait even where they are counted");
    static const struct dure_muri_job fives[] = {{.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 5},
                                                 {.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 5},
                                                 {.submit_s = 0, .iterations = 100, .iteration_ms = 1000, .gpus = 5}};
    near(play(fives, 3, 2, 8, "srtf").makespan_s, 203, "three fives need three nodes");
    TAP_OK(play(fives, 3, 2, 8, "tiresias-l").events > 0 && play(fives, 3, 2, 8, "tiresias-l").makespan_s < 203,
           "unless GPUs are only counted");
}

static void tiresias(void)
{
    /* 8 GPUs reach 3,250 GPU-seconds in 406.25 s: at 407 the first is demoted, and the second, which waits since 1 s, starts. The first has lost a second to
     * the event at 1 s and 10 to the one at 407; and it loses 10 more when it is demoted again, after 900 s. */
    static const struct dure_muri_job jobs[] = {{.submit_s = 0, .iterations = 1000, .iteration_ms = 1000, .gpus = 8},
                                                {.submit_s = 1, .iterations = 100, .iteration_ms = 1000, .gpus = 8}};
    const struct dure_turns_result result = play(jobs, 2, 1, 8, "tiresias-l");
    const double second_end = 407 + 101.5, first_left = 1015 - (407 - 1 - 10);
    near(result.avg_jct_s, ((second_end - 1) + (second_end + first_left + 10)) / 2, "tiresias-l: demoted at 407 s");
    TAP_EQ_UINT(result.preemptions, 1, "tiresias-l: and stopped");
}

static void refusals(void)
{
    static struct dure_turns_result result;
    struct dure_muri *trace = calloc(1, sizeof *trace);
    struct dure_error error = {0};
    DURE_ASSERT(trace);
    trace->jobs = (struct dure_muri_job *)two;
    trace->count = 2;
    trace->report.problems.file = "t.csv";
    TAP_EQ_INT(dure_turns_play(trace, 1, 4, dure_turn_find("srtf"), &result, &error), DURE_E_NEVER, "too large");
    TAP_HAS(error.text, "t.csv: num_gpu: found a job of 8 GPUs, expected at most the cluster's 4", "which is said");
    TAP_OK(!dure_turn_find("SRTF") && !dure_turn_find(""), "no such policy");
    free(trace);
}

static void costs(void)
{
    near(dure_turns_overhead_s(DURE_MURI_VGG16, 16), 9, "vgg16 on 16");
    near(dure_turns_overhead_s(DURE_MURI_VGG19, 16), 10, "vgg19 on 16");
    near(dure_turns_overhead_s(DURE_MURI_A2C, 1), 38, "a2c on one");
    near(dure_turns_overhead_s(DURE_MURI_DQN, 64), 8, "more than 32 as 32");
    near(dure_turns_overhead_s(DURE_MURI_OTHER, 2), 10, "any other");
}

int main(void)
{
    srtf();
    fifo_and_sjf();
    srsf();
    easy();
    gangs();
    tiresias();
    refusals();
    costs();
    return tap_done();
}
