#include "sim/policy/order.h"

#include <math.h>
#include <string.h>

const struct dure_turn_policy *const dure_turn_policies[] = {
    &dure_turn_fifo, &dure_turn_easy, &dure_turn_sjf, &dure_turn_srtf, &dure_turn_srsf, &dure_turn_tiresias_l, NULL};

const struct dure_turn_policy *dure_turn_find(const char *name)
{
    for (unsigned i = 0; dure_turn_policies[i]; i++)
        if (strcmp(dure_turn_policies[i]->name, name) == 0)
            return dure_turn_policies[i];
    return NULL;
}

static struct dure_turn_key by_submission(const struct dure_turn_job *job)
{
    return (struct dure_turn_key){job->submit_s, 0};
}

static struct dure_turn_key by_service(const struct dure_turn_job *job)
{
    return (struct dure_turn_key){job->service_s, 0};
}

static struct dure_turn_key by_remaining(const struct dure_turn_job *job)
{
    return (struct dure_turn_key){job->remaining_s, 0};
}

static struct dure_turn_key by_remaining_gpus(const struct dure_turn_job *job)
{
    return (struct dure_turn_key){job->remaining_s * job->gpus, 0};
}

/* Tiresias-L (NSDI 2019) as Muri's authors ran it: three queues by attained GPU-seconds, first come first served in each; who runs stands before
 * who waits. */
enum { LEVELS = 3 };
static const double level_ends_gpu_s[LEVELS - 1] = {3250, 7200};

static struct dure_turn_key by_level(const struct dure_turn_job *job)
{
    return (struct dure_turn_key){job->level, job->position};
}

static void to_end(struct dure_turn_job *job, uint64_t *counter)
{
    job->position = ++*counter;
}

/* Sums of times are off in their last digits: a job that lacks no more than this would else be due for ever at this very instant. */
#define NEARLY_S 0.001

static void attain(struct dure_turn_job *job, uint64_t *counter)
{
    if (job->position == 0)
        to_end(job, counter);
    if (job->level < LEVELS - 1 && (job->attained_s + NEARLY_S) * job->gpus >= level_ends_gpu_s[job->level]) {
        job->level++;
        to_end(job, counter);
    }
}

/* Whole seconds, as they did. */
static double demoted_in(const struct dure_turn_job *job)
{
    if (job->level >= LEVELS - 1)
        return INFINITY;
    return ceil(level_ends_gpu_s[job->level] / job->gpus) - job->attained_s;
}

const struct dure_turn_policy dure_turn_fifo = {.name = "fifo", .fit = DURE_TURN_BLOCKS, .key = by_submission};
const struct dure_turn_policy dure_turn_easy = {.name = "easy", .fit = DURE_TURN_BACKFILLS, .key = by_submission};
const struct dure_turn_policy dure_turn_sjf = {.name = "sjf", .fit = DURE_TURN_BLOCKS, .key = by_service};
const struct dure_turn_policy dure_turn_srtf = {.name = "srtf", .preempts = true, .key = by_remaining};
const struct dure_turn_policy dure_turn_srsf = {.name = "srsf", .preempts = true, .key = by_remaining_gpus};
const struct dure_turn_policy dure_turn_tiresias_l = {.name = "tiresias-l",
                                                      .preempts = true,
                                                      .counts = true,
                                                      .key = by_level,
                                                      .ran = attain,
                                                      .passed = to_end,
                                                      .changes_in = demoted_in};
