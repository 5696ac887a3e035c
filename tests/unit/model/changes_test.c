/* Changes of a job: which fields may be named, what "none" takes away, and what is refused. */
#include <string.h>

#include "base/timefmt.h"
#include "model/job.h"
#include "tap.h"

static struct dure_arena *arena;
static struct dure_problems problems;

static enum dure_err change(const char *json, struct dure_job *job, uint64_t *mask)
{
    struct dure_tree *tree = NULL;
    problems = (struct dure_problems){.file = "changes"};
    if (dure_tree_from_json(arena, json, strlen(json), &tree, &problems) != DURE_OK)
        tap_bail("no JSON: %s", json);
    return dure_job_changes_parse(tree, NULL, arena, job, mask, &problems);
}

static struct dure_job before(void)
{
    struct dure_job job = dure_job_blank();
    job.walltime_us = DURE_HOUR_US;
    job.tasks = 4;
    job.priority = 7;
    job.begin_us = 5 * DURE_DAY_US;
    job.deadline_us = 9 * DURE_DAY_US;
    job.model_mask = 3;
    job.model_order = 0x102; /* the second first */
    job.level = "rack";
    job.level_required = true;
    return job;
}

static void refused(const char *json, const char *field)
{
    struct dure_job job = before();
    const struct dure_job was = job;
    uint64_t mask = 99;
    TAP_EQ_INT(change(json, &job, &mask), DURE_E_INVALID, "refused: %s", json);
    TAP_EQ_STR(problems.count ? problems.at[0].field : "", field, "it names the field: %s", json);
    TAP_OK(memcmp(&job, &was, sizeof job) == 0 && mask == 99, "and leaves all as it was");
}

static void test_taken(void)
{
    struct dure_job job = before(), to = dure_job_blank();
    uint64_t mask = 0;
    TAP_EQ_INT(change("{\"walltime\":\"2h\",\"tasks_per_node\":2}", &job, &mask), DURE_OK, "two fields");
    TAP_EQ_UINT(mask, DURE_CHANGE_WALLTIME | DURE_CHANGE_TASKS_PER_NODE, "those two are named");
    TAP_EQ_INT(job.walltime_us, 2 * DURE_HOUR_US, "the walltime is the new one");
    dure_job_change(&to, &job, mask);
    TAP_OK(to.walltime_us == 2 * DURE_HOUR_US && to.tasks_per_node == 2 && to.tasks == 1 && to.priority == 0,
           "only what is named is taken over");
    TAP_EQ_INT(change("{\"begin\":\"none\",\"deadline\":\"none\",\"level\":\"any\",\"models\":\"any\"}", &job, &mask),
               DURE_OK, "none takes away");
    TAP_OK(job.begin_us == INT64_MIN && !job.deadline_us && !*job.level && !job.level_required && !job.model_mask &&
               !job.model_order,
           "all four are gone");
    TAP_EQ_UINT(mask, DURE_CHANGE_BEGIN | DURE_CHANGE_DEADLINE | DURE_CHANGE_LEVEL | DURE_CHANGE_MODELS, "and named");
    TAP_EQ_INT(change("{\"deadline\":\"1970-01-20T00:00:00Z\",\"priority\":-3,\"hold\":true,\"class\":\"borrowed\"}",
                      &job, &mask),
               DURE_OK, "a deadline, a priority, a hold and a class");
    TAP_OK(job.deadline_us == 19 * DURE_DAY_US && job.priority == -3 && job.hold && job.job_class == DURE_BORROWED,
           "all four are taken");
    TAP_EQ_INT(change("{\"spread\":{\"level\":\"rack\",\"max\":2},\"nodes\":\"n[1-4]\",\"exclude\":[\"n2\"],"
                      "\"checkpoint\":\"10m\"}",
                      &job, &mask),
               DURE_OK, "where it may stand");
    TAP_EQ_UINT(mask, DURE_CHANGE_SPREAD | DURE_CHANGE_NODES | DURE_CHANGE_EXCLUDE | DURE_CHANGE_CHECKPOINT,
                "all named");
    TAP_OK(strcmp(job.spread_level, "rack") == 0 && job.spread_max == 2 && job.checkpoint_us == 10 * DURE_MINUTE_US,
           "all taken");
    static const struct dure_node_run run = {3, 2};
    job.include = job.exclude = (struct dure_node_runs){&run, 1};
    TAP_EQ_INT(
        change("{\"spread\":\"none\",\"nodes\":\"any\",\"exclude\":\"none\",\"checkpoint\":\"none\"}", &job, &mask),
        DURE_OK, "and taken away");
    TAP_OK(!*job.spread_level && !job.spread_max && !job.include.count && !job.exclude.count && !job.checkpoint_us,
           "all four are gone");
    job.include = (struct dure_node_runs){&run, 1};
    TAP_EQ_INT(change("{\"spread\":{\"level\":\"rack\",\"max\":1}}", &job, &mask), DURE_OK, "one of them alone");
    TAP_OK(job.include.at == &run && mask == DURE_CHANGE_SPREAD, "leaves the others");
    job.task_gpus = 4;
    TAP_EQ_INT(change("{\"mig\":\"1g.10gb\"}", &job, &mask), DURE_OK, "an instance instead of GPUs");
    TAP_OK(strcmp(job.mig, "1g.10gb") == 0 && job.task_gpus == 1, "of which each task has one");
    TAP_EQ_INT(change("{\"gpus\":2}", &job, &mask), DURE_E_INVALID, "GPUs beside it are refused");
    TAP_EQ_INT(change("{\"gpus\":2,\"mig\":\"none\"}", &job, &mask), DURE_OK, "and taken instead of it");
    TAP_OK(!*job.mig && job.task_gpus == 2 && mask == (DURE_CHANGE_MIG | DURE_CHANGE_GPUS), "both named");
    job.array_count = 10;
    TAP_EQ_INT(change("{\"array_limit\":0}", &job, &mask), DURE_OK, "an array's limit may be taken away");
}

static void test_refused(void)
{
    refused("{}", "");
    refused("{\"walltime\":\"0s\"}", "walltime");
    refused("{\"walltime\":\"400d\"}", "walltime");
    refused("{\"deadline\":\"tomorrow\"}", "deadline");
    refused("{\"deadline\":\"1970-01-01\"}", "deadline");
    refused("{\"priority\":1000001}", "priority");
    refused("{\"tasks_per_node\":3}", "tasks_per_node");
    refused("{\"array_limit\":2}", "array_limit");
    refused("{\"gpus\":0}", "gpus");
    refused("{\"hold\":\"maybe\"}", "hold");
    refused("{\"name\":\"other\"}", "name");
    refused("{\"project\":\"a/b\"}", "project");
    refused("{\"timelimit\":\"1h\"}", "timelimit");
    refused("{\"walltime\":\"none\"}", "walltime");
    refused("{\"spread\":{\"level\":\"gpu\",\"max\":1}}", "spread.level");
    refused("{\"mig\":\"1g.10gb\",\"gpus\":1}", "gpus");
}

int main(void)
{
    arena = dure_arena_new(1u << 20);
    test_taken();
    test_refused();
    dure_arena_free(arena);
    return tap_done();
}
