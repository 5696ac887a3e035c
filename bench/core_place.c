/* How fast the core decides: submissions, starts and ends of one-GPU jobs on 260,000 GPUs, through dure_core_step alone.
 *
 *     core_place [jobs] [pending]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/timefmt.h"
#include "core/core.h"
#include "core/view.h"
#include "model/fleet.h"
#include "model/tenants.h"

static const char fleet_yaml[] = "kind: Fleet\nversion: 1\nname: bench\nzone: Asia/Seoul\n"
                                 "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]\n"
                                 "owners: [{name: state}]\n"
                                 "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\n"
                                 "groups:\n"
                                 "  - {name: g, owner: state, site: one, model: b200, nodes: 'g-[00001-32500]', cpus: "
                                 "128, memory: 2TiB, disk: 1TiB, power: 10kW,\n"
                                 "     levels: [{name: rack, holds: 4}, {name: node, holds: 8}], status: assumed}\n";
static const char tenants_yaml[] = "kind: Tenants\nversion: 1\n"
                                   "tenants:\n"
                                   "  - {name: state, owner: state, tenants: [{name: a}, {name: b}, {name: c}]}\n"
                                   "allotments:\n"
                                   "  - {name: ra, tenant: state/a, group: g, level: rack, count: 4000}\n"
                                   "  - {name: rb, tenant: state/b, group: g, level: node, count: 8000}\n"
                                   "lending:\n"
                                   "  - {owner: state, notice: 10m, to: all}\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t decisions, starts;

static void heard(void *context, const struct dure_record *decision)
{
    (void)context;
    decisions++;
    starts += decision->kind == DURE_REC_START;
}

static void step(struct dure_core *core, struct dure_record *record)
{
    struct dure_error error;
    if (dure_core_step(core, record, heard, NULL, &error) != DURE_OK) {
        fprintf(stderr, "core_place: %s\n", error.text);
        exit(1);
    }
}

static const struct dure_tree *tree_of(struct dure_arena *arena, const char *yaml)
{
    struct dure_problems problems = {.file = "bench"};
    struct dure_tree *tree = NULL;
    if (dure_tree_from_yaml(arena, yaml, strlen(yaml), &tree, &problems) != DURE_OK)
        exit(1);
    return tree;
}

static void specs(struct dure_core *core)
{
    struct dure_arena *arena = dure_arena_new(64u << 20);
    struct dure_problems problems = {.file = "bench"};
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_record r;
    if (dure_fleet_parse(tree_of(arena, fleet_yaml), &fleet, &problems) != DURE_OK)
        exit(1);
    dure_record_init(&r, DURE_REC_FLEET, 1, 1);
    r.text = fleet->spec_json;
    r.text_length = fleet->spec_json_length;
    step(core, &r);
    if (dure_tenants_parse(tree_of(arena, tenants_yaml), fleet, &tenants, &problems) != DURE_OK)
        exit(1);
    dure_record_init(&r, DURE_REC_TENANTS, 1, 1);
    r.text = tenants->spec_json;
    r.text_length = tenants->spec_json_length;
    step(core, &r);
    dure_fleet_free(fleet);
    dure_tenants_free(tenants);
    dure_arena_free(arena);
}

static void submit(struct dure_core *core, uint32_t tenant, bool borrowed, uint32_t gpus)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_SUBMIT, 1, 2);
    r.submit = (struct dure_job){.tenant = {tenant},
                                 .job_class = borrowed ? DURE_BORROWED : DURE_GUARANTEED,
                                 .tasks = 1,
                                 .task_gpus = gpus,
                                 .task_gpu_milli = 1000,
                                 .level = "",
                                 .walltime_us = DURE_HOUR_US,
                                 .grace_us = DURE_SECOND_US,
                                 .begin_us = INT64_MIN,
                                 .requeue = true};
    step(core, &r);
}

static void pass(struct dure_core *core)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_PASS, 1, 2);
    r.number = DURE_PASS_STARTS_MAX;
    while (dure_core_wants_pass(core))
        step(core, &r);
}

static void ends(struct dure_core *core, uint64_t first, uint64_t count)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_ATTEMPT_REPORT, 1, 2);
    r.report = DURE_REPORT_ENDED;
    for (uint64_t i = 0; i < count; i++) {
        r.attempt.v = first + i;
        step(core, &r);
    }
}

static void report(const char *what, uint64_t count, double seconds)
{
    printf("{\"bench\": \"core\", \"what\": \"%s\", \"count\": %llu, \"seconds\": %.3f, \"per_s\": %.0f}\n", what,
           (unsigned long long)count, seconds, (double)count / seconds);
}

static long rss_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    const uint64_t jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const uint64_t pending = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    struct dure_core *core;
    if (dure_core_new(&core) != DURE_OK)
        return 1;
    double t = now();
    specs(core);
    report("fleet and tenants", 1, now() - t);
    for (unsigned round = 0; round < 3; round++) { /* guaranteed by racks, guaranteed by nodes, borrowed */
        static const char *const what[] = {"submit+start, rights to racks", "submit+start, rights to nodes",
                                           "submit+start, borrowed"};
        const uint64_t before = starts, most = round == 1 && jobs > 64000 ? 64000 : jobs;
        t = now();
        for (uint64_t i = 0; i < most; i++) {
            submit(core, 1 + round, round == 2, 1);
            if (i % 64 == 63)
                pass(core);
        }
        pass(core);
        report(what[round], starts - before, now() - t);
        t = now();
        ends(core, before + 1, starts - before);
        pass(core);
        report("ends", starts - before, now() - t);
    }
    const long rss = rss_kib();
    t = now();
    for (uint64_t i = 0; i < pending; i++)
        submit(core, 1, false, 8); /* far more than the rights carry */
    pass(core);
    report("submit, pending", pending, now() - t);
    printf("{\"bench\": \"core\", \"what\": \"memory of pending jobs\", \"bytes_each\": %.0f}\n",
           (double)(rss_kib() - rss) * 1024 / (double)pending);
    const uint64_t before = starts;
    t = now();
    for (uint64_t i = 0; i < 100000; i++) { /* one ends, one starts, a million wait */
        ends(core, before - 1000 + i, 1);
        pass(core);
    }
    report("end+start under a full queue", starts - before, now() - t);
    dure_core_free(core);
    return 0;
}
