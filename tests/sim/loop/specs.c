#include "specs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "tap.h"

static const char fleet_yaml[] = "kind: Fleet\nversion: 1\nname: sim\nzone: Asia/Seoul\n"
                                 "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]\n"
                                 "owners: [{name: state}, {name: firm}]\n"
                                 "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated},\n"
                                 "        {name: two, region: b, latitude: 35.0, longitude: 128.0, engine: emulated}]\n"
                                 "groups:\n"
                                 "  - {name: st, owner: state, site: one, model: b200, nodes: 'st-[01-08]', cpus: 64, "
                                 "memory: 512GiB, disk: 1TiB, power: 10kW,\n"
                                 "     levels: [{name: rack, holds: 4}, {name: node, holds: 4}], status: installed}\n"
                                 "  - {name: fi, owner: firm, site: two, model: b200, nodes: 'fi-[01-05]', cpus: 64, "
                                 "memory: 512GiB, disk: 1TiB, power: 10kW,\n"
                                 "     levels: [{name: rack, holds: 2}, {name: node, holds: 4}], status: installed}\n";
static const char tenants_yaml[] = "kind: Tenants\nversion: 1\n"
                                   "tenants:\n"
                                   "  - {name: state, owner: state, tenants: [{name: a}, {name: b}]}\n"
                                   "  - {name: firm, owner: firm, tenants: [{name: c}]}\n"
                                   "allotments:\n"
                                   "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
                                   "  - {name: rb, tenant: state/b, group: st, level: node, count: 3}\n"
                                   "  - {name: rc, tenant: firm/c, group: fi, level: rack, count: 1}\n"
                                   "lending:\n"
                                   "  - {owner: state, notice: 10m, to: all}\n"
                                   "  - {owner: firm, notice: 1m, to: all}\n";

static const char data_json[] =
    "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"open\",\"sites\":[\"one\"]},"
    "{\"name\":\"alone\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}},"
    "{\"name\":\"rival\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"state/b\",\"firm\"]}},"
    "{\"name\":\"keep\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"firm/c\"]}}]}";

struct dure_fleet *specs_fleet;
struct dure_tenants *specs_tenants;
struct dure_data *specs_data;

static void parse_specs(void)
{
    struct dure_arena *arena = dure_arena_new(1 << 24);
    struct dure_problems problems = {.file = "sim"};
    struct dure_tree *tree;
    struct dure_buf text;

    dure_buf_init(&text, 1 << 16);
    if (dure_tree_from_yaml(arena, fleet_yaml, strlen(fleet_yaml), &tree, &problems) != DURE_OK ||
        dure_fleet_parse(tree, &specs_fleet, &problems) != DURE_OK ||
        dure_tree_from_yaml(arena, tenants_yaml, strlen(tenants_yaml), &tree, &problems) != DURE_OK ||
        dure_tenants_parse(tree, specs_fleet, &specs_tenants, &problems) != DURE_OK) {
        dure_problems_print(&problems, &text);
        tap_bail("%s", text.data != NULL ? text.data : "specs");
    }
    struct dure_error error;
    if (dure_data_from_json(data_json, sizeof data_json - 1, specs_fleet, &specs_data, &error) != DURE_OK)
        tap_bail("datasets: %s", error.text);
    dure_buf_release(&text);
    dure_arena_free(arena);
}

void specs_load(struct world *world)
{
    struct dure_record record;
    if (specs_fleet == NULL)
        parse_specs();
    dure_record_init(&record, DURE_REC_FLEET, 0, 0);
    record.text = specs_fleet->spec_json;
    record.text_length = specs_fleet->spec_json_length;
    world_input(world, &record);
    dure_record_init(&record, DURE_REC_TENANTS, 0, 0);
    record.text = specs_tenants->spec_json;
    record.text_length = specs_tenants->spec_json_length;
    world_input(world, &record);
    dure_record_init(&record, DURE_REC_DATA, 0, 0);
    record.text = data_json;
    record.text_length = sizeof data_json - 1;
    world_input(world, &record);
    while (!world_quiet(world) && world->fatal == DURE_OK)
        world_turn(world);
}

void specs_random_power(struct world *world)
{
    static const char *const places[] = {"\"site\":\"one\"", "\"site\":\"two\"",
                                         "\"group\":\"st\",\"level\":\"rack\",\"cells\":\"[1-2]\"",
                                         "\"node\":\"st-[01-03]\""};
    static const uint32_t most_kw[] = {80, 50, 40, 10};
    DURE_CLEANUP_BUF struct dure_buf text;
    struct dure_record record;

    dure_buf_init(&text, 1 << 16);
    dure_buf_str(&text, "{\"kind\":\"Power\",\"version\":1,\"lead\":\"5m\",\"limits\":[");
    for (uint64_t rows = tap_random_below(&world->seed, 4), i = 0; i < rows; i++) {
        const uint64_t which = tap_random_below(&world->seed, 4);
        const int64_t from_us = world->wall_us + (int64_t)tap_random_below(&world->seed, 1800) * DURE_SECOND_US,
                      until_us = from_us + (int64_t)(1 + tap_random_below(&world->seed, 1800)) * DURE_SECOND_US;
        char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
        dure_buf_printf(&text, "%s{%s,\"limit\":\"%ukW\",\"until\":\"%s\"", i ? "," : "", places[which],
                        (unsigned)tap_random_below(&world->seed, most_kw[which]),
                        dure_time_format_utc(until_us, until));
        if (tap_random_below(&world->seed, 3))
            dure_buf_printf(&text, ",\"from\":\"%s\"", dure_time_format_utc(from_us, from));
        dure_buf_str(&text, "}");
    }
    dure_buf_str(&text, "]}");
    dure_record_init(&record, DURE_REC_POWER, 0, 0);
    record.principal.v = 0;
    record.text = text.data;
    record.text_length = text.length;
    world_input(world, &record);
}

void specs_random_submit(struct world *world)
{
    static const char *const paths[] = {"state/a", "state/b", "firm/c"};
    struct dure_job job = {.job_class = tap_random_below(&world->seed, 3) == 0 ? DURE_BORROWED : DURE_GUARANTEED,
                           .task_gpu_milli = 1000,
                           .level = "",
                           .requeue = true};
    char key[32];

    if (!dure_tenants_find(specs_tenants, paths[tap_random_below(&world->seed, 3)], &job.tenant))
        tap_bail("no such tenant");
    job.principal.v = 0;
    job.tasks = 1 + (uint32_t)tap_random_below(&world->seed, 3);
    job.task_gpus = 1 + (uint32_t)tap_random_below(&world->seed, 4);
    if (tap_random_below(&world->seed, 4) == 0) {
        job.task_gpus = 1;
        job.task_gpu_milli = 100 * (1 + (uint32_t)tap_random_below(&world->seed, 7));
    }
    job.walltime_us = (int64_t)(1 + tap_random_below(&world->seed, 120)) * DURE_MINUTE_US;
    job.grace_us = (int64_t)tap_random_below(&world->seed, 60) * DURE_SECOND_US;
    /* Some outlive their walltime and must be stopped. */
    job.emulated_us = job.walltime_us / 2 + (int64_t)tap_random_below(&world->seed, (uint64_t)job.walltime_us);
    job.data_mask = tap_random_below(&world->seed, 4) == 0 ? 1 + tap_random_below(&world->seed, 15) : 0;
    job.begin_us = INT64_MIN;
    job.priority = (int32_t)tap_random_below(&world->seed, 3);
    if (tap_random_below(&world->seed, 8) == 0) {
        job.array_count = 1 + (uint32_t)tap_random_below(&world->seed, 5);
        job.array_step = 1;
    }
    snprintf(key, sizeof key, "k%" PRIu64, tap_random_below(&world->seed, 500));
    world_submit(world, &job, tap_random_below(&world->seed, 4) == 0 ? key : NULL);
}

void specs_free(void)
{
    dure_data_free(specs_data);
    dure_tenants_free(specs_tenants);
    dure_fleet_free(specs_fleet);
}
