/* The core under measurement: its specs, its steps, and the log of what it decides. */
#include "bench/world.h"
#include "base/huge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/timefmt.h"
#include "model/power.h"
#include "model/tenants.h"

enum { PLANT_AT = 100, LOG_FLUSH_WORDS = 1 << 14 };

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *grown(struct bench_world *world, void *list, size_t *room, size_t want, size_t each)
{
    size_t next = *room == 0 ? 4096 : *room;
    while (next <= want)
        next *= 2;
    if (next == *room)
        return list;
    char *more = realloc(list, next * each);
    if (more == NULL) {
        world->no_memory = true;
        return list;
    }
    memset(more + *room * each, 0, (next - *room) * each);
    *room = next;
    return more;
}

void bench_log(struct bench_world *world, const uint32_t *words, size_t count)
{
    if (world->log_count + count >= world->log_room)
        world->log = grown(world, world->log, &world->log_room, world->log_count + count, sizeof *words);
    if (world->no_memory)
        return;
    for (size_t i = 0; i < count; i++) /* a few: a call costs more */
        world->log[world->log_count++] = words[i];
}

/* Late enough, and a place like the one before, whose work still runs: only the GPUs would be wrong. */
static bool may_plant(const struct bench_world *world, const uint32_t *words)
{
    const uint32_t *last = world->last_place;
    return world->starts >= PLANT_AT && world->attempts[world->last_attempt].running && words[1] == last[1] &&
           words[3] == last[3] && __builtin_popcount(words[2]) == __builtin_popcount(last[2]);
}

void bench_log_places(struct bench_world *world, uint32_t kind, const struct dure_record *r)
{
    const uint32_t attempt = kind == RECOUNT_START ? (uint32_t)r->attempt.v : 0;
    bench_log(world, (uint32_t[]){kind, (uint32_t)r->job.v, attempt, r->place_count, r->binding_count}, 5);
    for (uint32_t i = 0; i < r->place_count; i++) {
        const struct dure_place *p = &r->places[i];
        uint32_t words[4] = {p->node_first, p->node_count, (uint32_t)p->gpu_mask, p->tasks};
        if (kind == RECOUNT_START && world->plant != 0 && may_plant(world, words)) {
            memcpy(words, world->last_place, sizeof words);
            world->plant = 0;
        }
        if (kind == RECOUNT_START) {
            memcpy(world->last_place, words, sizeof words);
            world->last_attempt = attempt;
        }
        bench_log(world, words, 4);
    }
    for (uint32_t i = 0; i < r->binding_count; i++) {
        const struct dure_binding *b = &r->bindings[i];
        bench_log(world, (uint32_t[]){b->allot.v, b->virtual_index, b->cell_index, b->is_new}, 4);
    }
}

bool bench_log_attempt(struct bench_world *world, uint32_t attempt)
{
    world->attempts = grown(world, world->attempts, &world->attempt_room, attempt, sizeof *world->attempts);
    return !world->no_memory;
}

static void started(struct bench_world *world, uint32_t id, uint32_t attempt)
{
    struct bench_job *job = &world->jobs[id];
    struct bench_pool *pool = &world->pools[job->pool];
    world->starts++;
    bench_log_attempt(world, attempt);
    pool->running = grown(world, pool->running, &pool->running_room, pool->running_count, sizeof *pool->running);
    if (world->no_memory)
        return;
    world->attempts[attempt] =
        (struct bench_attempt){.job = id, .index = (uint32_t)pool->running_count, .running = true};
    pool->running[pool->running_count++] = attempt;
    pool->used += job->gpus;
    job->started = true;
}

static void heard(void *context, const struct dure_record *r)
{
    struct bench_world *world = context;
    const uint32_t attempt = (uint32_t)r->attempt.v;
    switch (r->kind) {
    case DURE_REC_START:
        bench_log_places(world, RECOUNT_START, r);
        started(world, (uint32_t)r->job.v, attempt);
        break;
    case DURE_REC_RESERVE: bench_log_places(world, RECOUNT_RESERVE, r); break;
    case DURE_REC_UNBIND: bench_log(world, (uint32_t[]){RECOUNT_UNBIND, r->allot.v, (uint32_t)r->number}, 3); break;
    case DURE_REC_NOTICE:
    case DURE_REC_STOP:
        world->notices++;
        if (world->attempts[attempt].leaving)
            break;
        world->attempts[attempt].leaving = true;
        world->leaving =
            grown(world, world->leaving, &world->leaving_room, world->leaving_count, sizeof *world->leaving);
        if (!world->no_memory)
            world->leaving[world->leaving_count++] = attempt;
        break;
    default: break;
    }
}

enum dure_err bench_log_flush(struct bench_world *world, struct dure_error *error)
{
    const size_t count = world->log_count;
    world->log_count = 0;
    if (world->no_memory)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (count > 0 && fwrite(world->log, sizeof *world->log, count, world->file) != count)
        return dure_fail(error, DURE_E_IO, "the log of decisions: %s", strerror(errno));
    return DURE_OK;
}

static void end_record(struct bench_world *world, uint32_t id, struct dure_record *r)
{
    dure_record_init(r, DURE_REC_ATTEMPT_REPORT, 1, world->time_us);
    r->report = DURE_REPORT_ENDED;
    r->attempt.v = id;
}

static enum dure_err step(struct bench_world *world, struct dure_record *record, struct dure_error *error)
{
    const uint64_t began = bench_now_ns();
    for (unsigned i = 0; i < DURE_CORE_EXPECTED; i++)
        if (world->coming[i].attempt.v != 0)
            dure_core_expect(world->core, &world->coming[i], i + 1);
    enum dure_err err = dure_core_step(world->core, record, heard, world, error);
    world->elapsed_ns += bench_now_ns() - began;
    for (unsigned i = 0; i < DURE_CORE_EXPECTED; i++)
        world->coming[i].attempt.v = 0;
    /* Seldom: the kernel's copy takes the core's caches. */
    enum dure_err flushed = world->log_count < LOG_FLUSH_WORDS ? DURE_OK : bench_log_flush(world, error);
    return err != DURE_OK ? err : flushed;
}

void bench_tenant_path(uint32_t place, char path[32])
{
    const uint32_t team = place % (1 + BENCH_TEAMS);
    const int length = snprintf(path, 32, "o%" PRIu32, place / (1 + BENCH_TEAMS));
    if (team > 0)
        snprintf(path + length, 32 - (size_t)length, "/t%" PRIu32, team);
}

uint32_t bench_block_nodes(const struct bench_world *world, const char *level)
{
    return strcmp(level, "block") == 0 ? BENCH_BLOCK_NODES : strcmp(level, "site") == 0 ? world->site_nodes : 0;
}

enum dure_err bench_read_specs(const struct dure_buf *fleet_text, const struct dure_buf *tenants_text,
                               struct dure_fleet **ret_fleet, struct dure_tenants **ret_tenants,
                               struct dure_error *error)
{
    struct dure_problems problems = {.file = "bench"};
    struct dure_arena *arena = dure_arena_new(64u << 20);
    struct dure_tree *tree;
    enum dure_err err = arena == NULL
                            ? DURE_E_MEMORY
                            : dure_tree_from_yaml(arena, fleet_text->data, fleet_text->length, &tree, &problems);
    if (err == DURE_OK)
        err = dure_fleet_parse(tree, ret_fleet, &problems);
    if (err == DURE_OK)
        err = dure_tree_from_yaml(arena, tenants_text->data, tenants_text->length, &tree, &problems);
    if (err == DURE_OK)
        err = dure_tenants_parse(tree, *ret_fleet, ret_tenants, &problems);
    if (err != DURE_OK) {
        struct dure_buf words DURE_CLEANUP_BUF = {0};
        dure_buf_init(&words, 1 << 16);
        dure_problems_print(&problems, &words);
        dure_fail(error, err, "%s", words.data != NULL ? words.data : dure_err_sentence(err));
    }
    dure_arena_free(arena);
    return err;
}

/* Reads both, and finds the tenants' ids. */
static enum dure_err parse(struct bench_world *world, const struct dure_buf *fleet_text,
                           const struct dure_buf *tenants_text, struct dure_fleet **ret_fleet,
                           struct dure_tenants **ret_tenants, struct dure_error *error)
{
    const enum dure_err err = bench_read_specs(fleet_text, tenants_text, ret_fleet, ret_tenants, error);
    for (uint32_t i = 0; err == DURE_OK && i < BENCH_OWNERS * (1 + BENCH_TEAMS); i++) {
        char path[32];
        struct dure_tenant_id id;
        bench_tenant_path(i, path);
        DURE_ASSERT(dure_tenants_find(*ret_tenants, path, &id));
        world->tenants[i] = id.v;
    }
    for (uint32_t i = 0; i < world->fleet.right_count; i++)
        world->fleet.rights[i].tenant = world->tenants[world->fleet.rights[i].tenant];
    return err;
}

static enum dure_err limit_power(struct bench_world *world, const struct dure_fleet *fleet, struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_power *power = NULL;
    struct dure_record r;
    dure_buf_init(&text, 1 << 16);
    bench_world_power(world, &text);
    enum dure_err err = dure_power_from_json(text.data, text.length, fleet, &power, error);
    if (err == DURE_OK) {
        dure_record_init(&r, DURE_REC_POWER, 1, world->time_us);
        r.text = power->spec_json;
        r.text_length = power->spec_json_length;
        err = step(world, &r, error);
    }
    dure_power_free(power);
    return err;
}

static enum dure_err specs(struct bench_world *world, const struct dure_fleet *fleet,
                           const struct dure_tenants *tenants, struct dure_error *error)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_FLEET, 1, world->time_us);
    r.text = fleet->spec_json;
    r.text_length = fleet->spec_json_length;
    enum dure_err err = step(world, &r, error);
    if (err != DURE_OK)
        return err;
    dure_record_init(&r, DURE_REC_TENANTS, 1, world->time_us);
    r.text = tenants->spec_json;
    r.text_length = tenants->spec_json_length;
    err = step(world, &r, error);
    return err != DURE_OK ? err : limit_power(world, fleet, error);
}

static void add_right(struct bench_world *world, struct dure_buf *text, uint32_t group, uint32_t team,
                      const char *level, uint32_t cell_nodes, uint32_t count)
{
    struct bench_pool *pool = &world->pools[world->pool_count++];
    char path[32];
    bench_tenant_path(group * (1 + BENCH_TEAMS) + team, path);
    dure_buf_printf(text, "  - {name: r%" PRIu32 ", tenant: %s, group: g%" PRIu32 ", level: %s, count: %" PRIu32 "}\n",
                    world->fleet.right_count, path, group, level, count);
    /* Tenants by place here; parse() gives the ids. */
    world->fleet.rights[world->fleet.right_count++] =
        (struct recount_right){group, cell_nodes, count, group * (1 + BENCH_TEAMS) + team};
    pool->gpus = (uint64_t)count * cell_nodes * RECOUNT_NODE_GPUS;
    pool->tenant_count = team > 0 ? 1 : BENCH_TEAMS;
    for (uint32_t i = 0; i < pool->tenant_count; i++)
        pool->tenants[i] = group * (1 + BENCH_TEAMS) + (team > 0 ? team : 1 + i);
}

static void write_rights(struct bench_world *world, struct dure_buf *text)
{
    uint64_t promised = 0;
    for (uint32_t g = 0; g < BENCH_OWNERS; g++) {
        const uint32_t blocks = world->fleet.groups[g].node_count / BENCH_BLOCK_NODES, share = blocks * 7 / 10;
        if (world->site_nodes > 0)
            add_right(world, text, g, 0, "site", world->site_nodes, 1);
        else if (share < BENCH_TEAMS)
            add_right(world, text, g, 0, "block", BENCH_BLOCK_NODES, share);
        for (uint32_t t = 0; world->site_nodes == 0 && share >= BENCH_TEAMS && t < BENCH_TEAMS; t++)
            add_right(world, text, g, 1 + t, "block", BENCH_BLOCK_NODES,
                      share / BENCH_TEAMS + (t < share % BENCH_TEAMS));
    }
    for (uint32_t i = 0; i < world->pool_count; i++)
        promised += world->pools[i].gpus;
    uint64_t carried = 0;
    for (uint32_t g = 0; g < BENCH_OWNERS; g++)
        carried += world->fleet.groups[g].limit_mw / BENCH_GPU_MW;
    world->pools[world->pool_count++].gpus = carried - promised;
}

static void write_fleet(struct bench_world *world, bool by_site, struct dure_buf *text)
{
    const uint32_t each = world->node_count / BENCH_OWNERS;
    uint32_t first = 0;
    dure_buf_str(text, "kind: Fleet\nversion: 1\nname: bench\nzone: Asia/Seoul\nmodels: [{name: b200, memory: 180GiB, "
                       "power: 1000W, nvlink: node}]\nowners:\n");
    for (uint32_t g = 0; g < BENCH_OWNERS; g++)
        dure_buf_printf(text, "  - {name: o%" PRIu32 "}\n", g);
    dure_buf_str(text, "sites:\n");
    for (uint32_t g = 0; g < BENCH_OWNERS; g++)
        dure_buf_printf(text,
                        "  - {name: s%" PRIu32 ", region: a, latitude: 37.0, longitude: 127.0, engine: emulated}\n", g);
    dure_buf_str(text, "groups:\n");
    if (by_site)
        world->site_nodes = each / BENCH_BLOCK_NODES * BENCH_BLOCK_NODES;
    for (uint32_t g = 0; g < BENCH_OWNERS; g++) {
        const uint32_t nodes = each + (g < world->node_count % BENCH_OWNERS);
        /* A site that is promised whole has something dark only beside it. */
        const uint32_t gpus = nodes * RECOUNT_NODE_GPUS,
                       dark = by_site ? (nodes - world->site_nodes) * RECOUNT_NODE_GPUS / 2 : gpus / 50;
        world->fleet.groups[world->fleet.group_count++] =
            (struct recount_group){first, nodes, (uint64_t)(gpus - dark) * BENCH_GPU_MW, BENCH_GPU_MW};
        first += nodes;
        dure_buf_printf(text,
                        "  - {name: g%" PRIu32 ", owner: o%" PRIu32 ", site: s%" PRIu32
                        ", model: b200, nodes: 'g%" PRIu32 "-[000001-%06" PRIu32 "]', cpus: 128, ",
                        g, g, g, g, nodes);
        dure_buf_str(text, "memory: 2TiB, disk: 1TiB, power: 10kW,\n     levels: [");
        if (by_site)
            dure_buf_printf(text, "{name: site, holds: %" PRIu32 "}, ", world->site_nodes / BENCH_BLOCK_NODES);
        dure_buf_str(text,
                     "{name: block, holds: 16}, {name: rack, holds: 4}, {name: node, holds: 8}], status: assumed}\n");
    }
}

void bench_world_power(const struct bench_world *world, struct dure_buf *power)
{
    dure_buf_str(power, "{\"kind\":\"Power\",\"version\":1,\"limits\":[");
    for (uint32_t g = 0; g < BENCH_OWNERS; g++)
        dure_buf_printf(power, "%s{\"site\":\"s%" PRIu32 "\",\"limit\":\"%" PRIu64 "W\"}", g > 0 ? "," : "", g,
                        world->fleet.groups[g].limit_mw / 1000);
    dure_buf_str(power, "]}");
}

static void write_tenants(struct bench_world *world, struct dure_buf *text)
{
    dure_buf_str(text, "kind: Tenants\nversion: 1\ntenants:\n");
    for (uint32_t g = 0; g < BENCH_OWNERS; g++) {
        dure_buf_printf(text, "  - {name: o%" PRIu32 ", owner: o%" PRIu32 ", tenants: [", g, g);
        for (uint32_t t = 1; t <= BENCH_TEAMS; t++)
            dure_buf_printf(text, "%s{name: t%" PRIu32 "}", t > 1 ? ", " : "", t);
        dure_buf_str(text, "]}\n");
    }
    dure_buf_str(text, "allotments:\n");
    write_rights(world, text);
    dure_buf_str(text, "lending:\n");
    for (uint32_t g = 0; g < BENCH_OWNERS; g++)
        dure_buf_printf(text, "  - {owner: o%" PRIu32 ", notice: 10m, to: all}\n", g);
}

static enum dure_err plan(uint32_t nodes, bool by_site, struct bench_world *world, struct dure_buf *fleet,
                          struct dure_buf *tenants, struct dure_error *error)
{
    const char *plant = getenv("DURE_BENCH_PLANT");
    *world = (struct bench_world){
        .node_count = nodes, .random = 20260101, .time_us = 1, .plant = plant != NULL && strcmp(plant, "double") == 0};
    world->file = tmpfile();
    for (unsigned i = 0; i < DURE_CORE_EXPECTED; i++)
        end_record(world, 0, &world->coming[i]);
    if (world->file == NULL)
        return dure_fail(error, DURE_E_IO, "a temporary file: %s", strerror(errno));
    write_fleet(world, by_site, fleet);
    write_tenants(world, tenants);
    return DURE_OK;
}

enum dure_err bench_world_plan(uint32_t nodes, bool by_site, struct bench_world *world, struct dure_buf *fleet,
                               struct dure_buf *tenants, struct dure_error *error)
{
    struct dure_fleet *parsed = NULL;
    struct dure_tenants *people = NULL;
    enum dure_err err = plan(nodes, by_site, world, fleet, tenants, error);
    if (err == DURE_OK)
        err = parse(world, fleet, tenants, &parsed, &people, error);
    dure_tenants_free(people);
    dure_fleet_free(parsed);
    if (err != DURE_OK)
        bench_world_release(world);
    return err;
}

enum dure_err bench_world_make(uint32_t nodes, bool by_site, struct bench_world *world, struct dure_error *error)
{
    struct dure_buf fleet DURE_CLEANUP_BUF = {0};
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    struct dure_fleet *parsed = NULL;
    struct dure_tenants *people = NULL;
    dure_buf_init(&fleet, 1 << 20);
    dure_buf_init(&tenants, 1 << 20);
    enum dure_err err = plan(nodes, by_site, world, &fleet, &tenants, error);
    if (err == DURE_OK)
        err = dure_core_new(&world->core);
    if (err == DURE_OK)
        err = parse(world, &fleet, &tenants, &parsed, &people, error);
    if (err == DURE_OK)
        err = specs(world, parsed, people, error);
    dure_tenants_free(people);
    dure_fleet_free(parsed);
    world->elapsed_ns = 0;
    dure_huge_more(dure_core_room(world->core)); /* once a second in the daemon */
    if (err != DURE_OK)
        bench_world_release(world);
    return err;
}

void bench_world_release(struct bench_world *world)
{
    dure_core_free(world->core);
    for (uint32_t i = 0; i < world->pool_count; i++)
        free(world->pools[i].running);
    free(world->jobs);
    free(world->attempts);
    free(world->leaving);
    free(world->log);
    if (world->file != NULL)
        fclose(world->file);
    *world = (struct bench_world){0};
}

uint32_t bench_asker(struct bench_world *world, const struct bench_ask *ask)
{
    const struct bench_pool *pool = &world->pools[ask->pool];
    return ask->pool == world->pool_count - 1 ? (uint32_t)bench_below(world, BENCH_OWNERS) * (1 + BENCH_TEAMS) + 1 +
                                                    (uint32_t)bench_below(world, BENCH_TEAMS)
                                              : pool->tenants[bench_below(world, pool->tenant_count)];
}

enum dure_err bench_submit_ask(struct bench_world *world, const struct bench_ask *ask, uint32_t *ret_job,
                               struct dure_error *error)
{
    const bool borrowed = ask->pool == world->pool_count - 1;
    const uint32_t place = bench_asker(world, ask);
    const uint32_t id = (uint32_t)dure_core_next_job(world->core).v;
    const uint32_t level = bench_block_nodes(world, ask->level);
    struct dure_record r;
    world->jobs = grown(world, world->jobs, &world->job_room, id, sizeof *world->jobs);
    if (world->no_memory)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    world->jobs[id] = (struct bench_job){.pool = ask->pool, .gpus = ask->tasks * ask->gpus};
    dure_record_init(&r, DURE_REC_SUBMIT, 1, ++world->time_us);
    r.submit = (struct dure_job){.tenant = {world->tenants[place]},
                                 .job_class = borrowed ? DURE_BORROWED : DURE_GUARANTEED,
                                 .tasks = ask->tasks,
                                 .task_gpus = ask->gpus,
                                 .task_gpu_milli = 1000,
                                 .task_memory_mib = ask->memory_mib,
                                 .level = ask->level,
                                 .level_required = ask->level[0] != '\0',
                                 .walltime_us = DURE_HOUR_US,
                                 .grace_us = DURE_SECOND_US,
                                 .begin_us = INT64_MIN,
                                 .requeue = true};
    enum dure_err err = step(world, &r, error);
    if (err != DURE_OK)
        return err;
    bench_log(world,
              (uint32_t[]){RECOUNT_JOB, id, world->tenants[place], world->tenants[place - place % (1 + BENCH_TEAMS)],
                           !borrowed, ask->tasks, ask->gpus, level},
              8);
    *ret_job = id;
    return DURE_OK;
}

enum dure_err bench_pass(struct bench_world *world, struct dure_error *error)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_PASS, 1, world->time_us);
    r.number = DURE_PASS_STARTS_MAX;
    return step(world, &r, error);
}

void bench_take_out(struct bench_world *world, uint32_t id)
{
    struct bench_attempt *attempt = &world->attempts[id];
    struct bench_job *job = &world->jobs[attempt->job];
    struct bench_pool *pool = &world->pools[job->pool];
    DURE_ASSERT(attempt->running);
    attempt->running = false;
    pool->used -= job->gpus;
    pool->running[attempt->index] = pool->running[--pool->running_count];
    world->attempts[pool->running[attempt->index]].index = attempt->index;
}

void bench_expect(struct bench_world *world, const uint32_t *ids, uint32_t count, unsigned after)
{
    for (unsigned i = 0; i < count && after + i <= DURE_CORE_EXPECTED; i++)
        world->coming[after + i - 1].attempt.v = ids[i];
}

enum dure_err bench_end(struct bench_world *world, uint32_t id, struct dure_error *error)
{
    struct dure_record r;
    if (world->attempts[id].gone)
        return DURE_OK;
    if (world->attempts[id].running)
        bench_take_out(world, id);
    world->attempts[id].gone = true;
    bench_log(world, (uint32_t[]){RECOUNT_GONE, id}, 2);
    end_record(world, id, &r);
    return step(world, &r, error);
}

enum dure_err bench_cancel(struct bench_world *world, uint32_t job, struct dure_error *error)
{
    struct dure_record r;
    dure_record_init(&r, DURE_REC_CANCEL, 1, world->time_us);
    r.job.v = job;
    r.element = DURE_NONE32;
    return step(world, &r, error);
}

enum dure_err bench_settle(struct bench_world *world, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    while (err == DURE_OK && (world->leaving_count > 0 || dure_core_wants_pass(world->core))) {
        while (err == DURE_OK && world->leaving_count > 0) {
            const uint32_t id = world->leaving[--world->leaving_count];
            err = bench_end(world, id, error);
        }
        if (err == DURE_OK && dure_core_wants_pass(world->core))
            err = bench_pass(world, error);
    }
    const uint64_t began = bench_now_ns();
    world->digest = dure_core_digest(world->core); /* as a daemon takes it with each batch */
    world->elapsed_ns += bench_now_ns() - began;
    return err;
}

enum dure_err bench_world_recount(struct bench_world *world, struct dure_error *error)
{
    char text[256];
    struct recount_sums sums;
    enum dure_err err = bench_log_flush(world, error);
    if (err != DURE_OK)
        return err;
    if (fflush(world->file) != 0 || fseek(world->file, 0, SEEK_SET) != 0)
        return dure_fail(error, DURE_E_IO, "the log of decisions: %s", strerror(errno));
    if (!recount(&world->fleet, world->file, &sums, text, sizeof text))
        return dure_fail(error, DURE_E_CORRUPT, "the recount of the decisions: %s", text);
    if (sums.starts != world->starts)
        return dure_fail(error, DURE_E_CORRUPT, "the recount of the decisions: %" PRIu64 " starts, not %" PRIu64,
                         sums.starts, world->starts);
    return DURE_OK;
}
