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
    return dure_job_changes_parse(tree, NULL, job, mask, &problems);
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
}

int main(void)
{
    arena = dure_arena_new(1u << 20);
    test_taken();
    test_refused();
    dure_arena_free(arena);
    return tap_done();
}
