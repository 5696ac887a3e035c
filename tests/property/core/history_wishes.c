/* Jobs that are only asked about, each with many wishes: what stands in the way of all of them together, and of each alone. */
#include "base/timefmt.h"
#include "core/apply/apply.h"
#include "history.h"
#include "naive_why.h"

static void draw_limits(struct dure_job *job)
{
    static struct dure_node_run run;
    if (!below_wishes(3)) {
        job->level = below_wishes(2) ? "rack" : "node";
        job->level_required = below_wishes(3);
    }
    if (!below_wishes(3)) {
        job->spread_level = below_wishes(2) ? "rack" : "node";
        job->spread_max = (uint16_t)(1 + below_wishes(3));
    }
    if (!below_wishes(3)) {
        run = (struct dure_node_run){below_wishes(12), 1};
        *(below_wishes(3) ? &job->include : &job->exclude) = (struct dure_node_runs){&run, 1};
    }
}

static void draw_part(struct dure_job *job)
{
    static const char *const profiles[] = {"1g.23gb", "2g.45gb", "3g.90gb", "7g.180gb"};
    if (below_wishes(4))
        return;
    job->task_gpus = 1;
    if (history_is_rich && below_wishes(2)) {
        job->mig = profiles[below_wishes(4)];
        job->tasks_per_node = 0;
    } else {
        job->task_gpu_milli = (uint16_t)(100 + below_wishes(9) * 100); /* which lie anywhere, whatever it asks for */
    }
}

static struct dure_job wishful(const struct rig *rig)
{
    static const char *const paths[] = {"state/a", "state/a/x", "state/b", "firm/c", "guest"};
    struct dure_job job = rig_job(rig, paths[below_wishes(5)], 1 + below_wishes(below_wishes(2) ? 8 : 30),
                                  1 + below_wishes(5), below_wishes(2));
    job.tasks_per_node = below_wishes(3) ? 0 : 1 + below_wishes(3);
    job.tasks *= job.tasks_per_node ? job.tasks_per_node : 1; /* which divides them, always */
    draw_part(&job);
    draw_limits(&job);
    job.model_mask = below_wishes(4) ? 0 : 1 + below_wishes(2);
    job.gpu_memory_mib = below_wishes(4) ? 0 : below_wishes(190) * 1024;
    job.task_cpu_milli = below_wishes(4) ? 0 : below_wishes(80) * 1000;
    job.task_memory_mib = below_wishes(4) ? 0 : below_wishes(600) * 1024;
    job.container = !below_wishes(8);
    job.data_mask = below_wishes(3) ? 0 : 1 + below_wishes(7);
    job.walltime_us = (1 + below_wishes(100)) * DURE_MINUTE_US;
    job.grace_us = below_wishes(4) * 4 * DURE_MINUTE_US;
    return job;
}

void history_ask_wishes(struct rig *rig)
{
    const struct dure_job job = wishful(rig);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct job_made made;
    struct dure_why why;
    bool never = false;
    if (job_pack(rig->core, &job, &made, NULL) == DURE_OK &&
        dure_core_why_not(rig->core, &job, arena, &why, &never, &rig->error) == DURE_OK &&
        (!naive_why_sums(rig->core, &why) || !naive_why_opens(rig->core, &made.ask, &why) ||
         !naive_why_crosses(rig->core, &made.ask, &why) || !naive_cross_agrees(rig->core, &made.ask, &why)))
        TAP_FAIL("what stands in the way of %u x %u GPUs, %s, %s: opening by %s, %u rules cross", job.tasks,
                 job.task_gpus, job.job_class == DURE_BORROWED ? "borrowed" : "by right",
                 never ? "which can never run" : "which can run", dure_rule_wire(why.opening.rule), why.crossing_count);
    dure_arena_free(arena);
}
