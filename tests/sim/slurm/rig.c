#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "model/job.h"
#include "tap.h"

struct rig rig;
static uv_loop_t loop;
static struct dure_fleet *fleet;
static struct {
    void (*fire)(void *context, uint64_t key);
    void *context;
    uint64_t key;
    int64_t at_us;
} timer = {.at_us = DURE_NEVER_US};

static const char fleet_json[] =
    "{\"kind\":\"Fleet\",\"version\":1,\"name\":\"sim\",\"zone\":\"Asia/"
    "Seoul\",\"models\":[{\"name\":\"b200\",\"memory\":\"180GiB\","
    "\"power\":\"1000W\",\"nvlink\":\"node\"}],\"owners\":[{\"name\":\"state\"}],\"sites\":[{\"name\":\"here\","
    "\"region\":\"a\","
    "\"engine\":\"slurm\",\"slurm\":{\"commands\":{},\"node_prefix\":\"x-\"}}],\"groups\":[{\"name\":\"g\",\"owner\":"
    "\"state\",\"site\":\"here\","
    "\"model\":\"b200\",\"nodes\":\"x-n[1-4]\",\"cpus\":64,\"memory\":\"512GiB\",\"disk\":\"1TiB\",\"power\":\"10kW\","
    "\"levels\":[{\"name\":\"rack\",\"holds\":4},{\"name\":\"node\",\"holds\":4}],\"status\":\"installed\"}]}";

static int64_t now_us(void *context)
{
    (void)context;
    return fake.now_us;
}

static void set_timer(void *context, uint64_t key, int64_t at_us, void (*fire)(void *fire_context, uint64_t key),
                      void *fire_context)
{
    (void)context;
    timer.fire = fire;
    timer.context = fire_context;
    timer.key = key;
    timer.at_us = at_us;
}

static const struct dure_fleet *fleet_now(void *context)
{
    (void)context;
    return fleet;
}

static void observe(void *context, const struct dure_observation *observation)
{
    struct rig_attempt *attempt = &rig.attempts[observation->attempt.v];
    (void)context;
    if (observation->report == DURE_REPORT_STARTED) {
        attempt->started = true;
        return;
    }
    attempt->reports++;
    attempt->over = true;
    attempt->report = observation->report;
    attempt->exit_code = observation->exit_code;
    attempt->exit_signal = observation->exit_signal;
    attempt->cancelled = observation->cancelled;
    dure_text_copy(attempt->reason, sizeof attempt->reason, observation->reason);
    if (rig.forgets) {
        attempt->forgotten = true;
        rig.engine->forget(rig.engine->state, observation->attempt);
    }
}

static void observe_node(void *context, const struct dure_node_observation *seen)
{
    (void)context;
    rig.nodes[seen->node.v] = *seen;
    rig.sights++;
}

void rig_begin(void)
{
    static unsigned number;
    struct dure_error error = {0};
    const char *base = tap_tempdir();
    fake_begin();
    rig = (struct rig){.forgets = true};
    snprintf(rig.directory, sizeof rig.directory, "%.200s/%u", base, number++);
    if (!fleet && dure_fleet_from_json(fleet_json, sizeof fleet_json - 1, &fleet, &error) != DURE_OK)
        tap_bail("%s", error.text);
    if (uv_loop_init(&loop) != 0)
        tap_bail("no loop");
    rig_engine();
}

static void order(uint64_t id, bool recovering)
{
    struct rig_attempt *attempt = &rig.attempts[id];
    struct dure_body *body = dure_body_new();
    const struct dure_job job = {.tasks = attempt->nodes,
                                 .task_gpus = (uint32_t)__builtin_popcountll(attempt->mask),
                                 .task_gpu_milli = 1000,
                                 .level = "",
                                 .spread_level = "",
                                 .mig = "",
                                 .walltime_us = attempt->walltime_us ? attempt->walltime_us : DURE_HOUR_US,
                                 .grace_us = 30 * DURE_SECOND_US,
                                 .requeue = attempt->requeue};
    const uint32_t firsts = attempt->more ? 1 : attempt->nodes;
    const struct dure_place places[] = {{.node_first = attempt->node,
                                         .node_count = firsts,
                                         .gpu_mask = attempt->mask | attempt->more,
                                         .tasks = 1,
                                         .gpu_milli = 1000},
                                        {.node_first = attempt->node + firsts,
                                         .node_count = attempt->nodes - firsts,
                                         .gpu_mask = attempt->mask,
                                         .tasks = 1,
                                         .gpu_milli = 1000}};
    if (!body || dure_body_set(body, DURE_BODY_COMMAND, "true", 5) != DURE_OK ||
        dure_body_set(body, DURE_BODY_WORKDIR, "/tmp", 4) != DURE_OK)
        tap_bail("out of memory");
    const struct dure_order given = {.term = 1,
                                     .ref = {{attempt->job ? attempt->job : id}, 0},
                                     .attempt = {id},
                                     .job = &job,
                                     .body = body,
                                     .login = geteuid() == 0 ? "root" : "",
                                     .tenant_path = "t",
                                     .fleet = fleet,
                                     .places = places,
                                     .place_count = attempt->nodes > firsts ? 2 : 1,
                                     .started_us = attempt->decided_us,
                                     .begun = recovering && attempt->started};
    rig.engine->start(rig.engine->state, &given, recovering);
    dure_body_free(body);
}

void rig_block(const char *partition)
{
    struct dure_slurm_site *site = (struct dure_slurm_site *)(uintptr_t)fleet->sites[0].slurm;
    site->partition = partition;
}

void rig_engine(void)
{
    struct dure_slurm_engine_options options = {.loop = &loop,
                                                .clock = {.now_us = now_us, .timer = set_timer},
                                                .steady_us = now_us,
                                                .directory = rig.directory,
                                                .instance = 0x1a2b3c4d,
                                                .site = {0},
                                                .fleet = fleet_now,
                                                .observe_node = observe_node};
    struct dure_error error = {0};
    if (dure_engine_slurm_new(&options, observe, NULL, &rig.engine, &error) != DURE_OK)
        tap_bail("%s", error.text);
    if (!rig.slow)
        rig_recover();
}

void rig_recover(void)
{
    for (uint64_t id = 1; id <= RIG_ATTEMPTS; id++)
        if (rig.attempts[id].ordered && !rig.attempts[id].over)
            order(id, true);
    dure_engine_slurm_sweep(rig.engine);
}

/* Workers are real: they have done what they were given before time moves on. */
static void settle_workers(void)
{
    while (uv_loop_alive(&loop) && uv_run(&loop, UV_RUN_ONCE))
        ;
}

void rig_crash(void)
{
    settle_workers();
    dure_engine_free(rig.engine);
    rig.engine = NULL;
    settle_workers();
    timer.at_us = DURE_NEVER_US;
}

void rig_end(void)
{
    if (rig.engine)
        rig_crash();
    uv_loop_close(&loop);
    fake_free();
}

void rig_start(uint64_t id, uint32_t node, uint32_t nodes, uint64_t mask)
{
    rig.attempts[id] = (struct rig_attempt){.ordered = true,
                                            .job = rig.job,
                                            .node = node,
                                            .nodes = nodes,
                                            .mask = mask,
                                            .more = rig.more,
                                            .requeue = true,
                                            .decided_us = fake.now_us};
    order(id, false);
}

static bool step(int64_t until_us)
{
    settle_workers();
    int64_t next = fake_next_us();
    if (rig.engine && timer.at_us < next)
        next = timer.at_us;
    if (next > until_us)
        return false;
    if (next > fake.now_us)
        fake.now_us = next;
    fake_jobs_move();
    fake_replies_move();
    if (rig.engine && timer.at_us <= fake.now_us) {
        timer.at_us = DURE_NEVER_US;
        timer.fire(timer.context, timer.key);
    }
    return true;
}

void rig_run(int64_t us)
{
    const int64_t until_us = fake.now_us + us;
    while (step(until_us))
        ;
    settle_workers();
    fake.now_us = until_us;
    fake_jobs_move();
}

bool rig_until(bool (*is)(void), int64_t most_us)
{
    const int64_t until_us = fake.now_us + most_us;
    while (!is())
        if (!step(until_us))
            break;
    return is();
}
