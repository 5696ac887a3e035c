/* How good estimated starts are: the Philly trace of 2017 replayed through the core on a virtual clock. Each job that does not start at once is asked, when it
 * is submitted, when it will; what it does is compared.
 *
 * The trace tells no walltimes. They are made as people choose them: the duration times one, one and a half, two, three or five (by a hash of the
 * job's line), rounded up to a step of a fixed ladder. The fleet is smaller than the one of the trace, so that jobs wait. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "bench/world.h"
#include "core/why.h"
#include "model/tenants.h"

enum { LINE_BYTES = 256, GROUPS_MAX = 64, NODE_GPUS = 8, ARENA_MAX = 16 << 20 };

struct traced {
    int64_t at_us, lasts_us, walltime_us;
    uint32_t gpus, group;
    int64_t earliest_us, likely_us, latest_us; /* 0: not asked, or nothing said */
    int64_t started_us;
    bool asked;
};

struct end {
    int64_t at_us;
    uint64_t attempt;
};

struct replay {
    struct dure_core *core;
    struct traced *jobs; /* by time; the core's job i + 1 */
    size_t count;
    char groups[GROUPS_MAX][16];
    uint32_t tenants[GROUPS_MAX];
    size_t group_count;
    struct end *ends; /* a heap */
    size_t end_count, end_room;
    int64_t now_us;
};

static int64_t walltime_of(int64_t lasts_us, uint64_t line)
{
    static const int64_t ladder_minutes[] = {10,   30,   60,   120,   240,   480,   720,  1440,
                                             2880, 4320, 7200, 10080, 20160, 43200, 86400};
    static const int64_t tenths[] = {10, 15, 20, 30, 50};
    uint64_t hash = line * UINT64_C(0x9E3779B97F4A7C15);
    const int64_t wished = lasts_us / 10 * tenths[(hash ^ hash >> 32) % 5];
    for (size_t i = 0; i < sizeof ladder_minutes / sizeof ladder_minutes[0]; i++)
        if (ladder_minutes[i] * DURE_MINUTE_US >= wished)
            return ladder_minutes[i] * DURE_MINUTE_US;
    return 366 * DURE_DAY_US;
}

static int by_time(const void *a, const void *b)
{
    const struct traced *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->gpus != y->gpus ? (x->gpus > y->gpus) - (x->gpus < y->gpus)
                              : (x->lasts_us > y->lasts_us) - (x->lasts_us < y->lasts_us);
}

static bool read_line(struct replay *replay, char *line, uint64_t number, uint32_t gpus_max, struct traced *ret)
{
    char *cells[5], time[40];
    size_t count = 0, group = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at != NULL && count < 5; count++)
        cells[count] = strsep(&at, ",");
    if (count < 5 || strlen(cells[0]) != 19)
        return false;
    snprintf(time, sizeof time, "%.10sT%.8sZ", cells[0], cells[0] + 11);
    *ret = (struct traced){.lasts_us = (int64_t)(strtod(cells[1], NULL) * 1e6),
                           .gpus = (uint32_t)strtoul(cells[2], NULL, 10)};
    if (!dure_time_parse(time, NULL, &ret->at_us) || ret->lasts_us <= 0 || ret->gpus == 0 || ret->gpus > gpus_max ||
        ret->lasts_us > 100 * DURE_DAY_US)
        return false;
    while (group < replay->group_count && strcmp(replay->groups[group], cells[4]) != 0)
        group++;
    if (group == GROUPS_MAX || strlen(cells[4]) > 15)
        return false;
    if (group == replay->group_count)
        dure_text_copy(replay->groups[replay->group_count++], sizeof replay->groups[0], cells[4]);
    ret->group = (uint32_t)group;
    ret->walltime_us = walltime_of(ret->lasts_us, number);
    return true;
}

static enum dure_err read_trace(struct replay *replay, const char *path, uint64_t jobs, uint32_t gpus_max,
                                struct dure_error *error)
{
    char line[LINE_BYTES];
    size_t room = 100000;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return dure_fail(error, DURE_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    replay->jobs = malloc(room * sizeof *replay->jobs);
    for (uint64_t number = 0; replay->jobs != NULL && replay->count < room && fgets(line, sizeof line, file) != NULL;
         number++)
        replay->count += read_line(replay, line, number, gpus_max, &replay->jobs[replay->count]);
    fclose(file);
    if (replay->jobs == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (replay->count == 0)
        return dure_fail(error, DURE_E_INVALID,
                         "%s: found no job, expected lines of timestamp,duration,num_gpus,gpu_time,cluster", path);
    qsort(replay->jobs, replay->count, sizeof *replay->jobs, by_time);
    replay->count = replay->count < jobs ? replay->count : jobs;
    return DURE_OK;
}

static void heard(void *context, const struct dure_record *r)
{
    struct replay *replay = context;
    if (r->kind != DURE_REC_START)
        return;
    struct traced *job = &replay->jobs[r->job.v - 1];
    job->started_us = r->time_us;
    if (replay->end_count == replay->end_room) {
        replay->end_room = replay->end_room ? replay->end_room * 2 : 1024;
        struct end *more = realloc(replay->ends, replay->end_room * sizeof *more);
        DURE_ASSERT(more != NULL);
        replay->ends = more;
    }
    const int64_t lasts = job->lasts_us < job->walltime_us ? job->lasts_us : job->walltime_us;
    const struct end end = {r->time_us + lasts, r->attempt.v};
    size_t at = replay->end_count++;
    for (; at && end.at_us < replay->ends[(at - 1) / 2].at_us; at = (at - 1) / 2)
        replay->ends[at] = replay->ends[(at - 1) / 2];
    replay->ends[at] = end;
}

static struct end first_end(struct replay *replay)
{
    const struct end first = replay->ends[0], last = replay->ends[--replay->end_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < replay->end_count) {
        child += child + 1 < replay->end_count && replay->ends[child + 1].at_us < replay->ends[child].at_us;
        if (last.at_us <= replay->ends[child].at_us)
            break;
        replay->ends[at] = replay->ends[child];
        at = child;
    }
    replay->ends[at] = last;
    return first;
}

static enum dure_err step(struct replay *replay, enum dure_record_kind kind, struct dure_record *r,
                          struct dure_error *error)
{
    r->kind = kind;
    r->term = 1;
    r->time_us = replay->now_us;
    return dure_core_step(replay->core, r, heard, replay, error);
}

static enum dure_err settle(struct replay *replay, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    struct dure_record r;
    if (dure_core_next_deadline_us(replay->core) <= replay->now_us) {
        dure_record_init(&r, DURE_REC_TICK, 1, replay->now_us);
        err = step(replay, DURE_REC_TICK, &r, error);
    }
    while (err == DURE_OK && dure_core_wants_pass(replay->core)) {
        dure_record_init(&r, DURE_REC_PASS, 1, replay->now_us);
        r.number = DURE_PASS_STARTS_MAX;
        err = step(replay, DURE_REC_PASS, &r, error);
    }
    return err;
}

static enum dure_err end_until(struct replay *replay, int64_t at_us, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    while (err == DURE_OK && replay->end_count && replay->ends[0].at_us <= at_us) {
        const struct end end = first_end(replay);
        struct dure_record r;
        replay->now_us = end.at_us > replay->now_us ? end.at_us : replay->now_us;
        dure_record_init(&r, DURE_REC_ATTEMPT_REPORT, 1, replay->now_us);
        r.report = DURE_REPORT_ENDED;
        r.attempt.v = end.attempt;
        err = step(replay, DURE_REC_ATTEMPT_REPORT, &r, error);
        if (err == DURE_OK)
            err = settle(replay, error);
    }
    return err;
}

static enum dure_err ask(struct replay *replay, size_t index, struct dure_error *error)
{
    struct traced *job = &replay->jobs[index];
    struct dure_why why;
    struct dure_arena *arena = dure_arena_new(ARENA_MAX);
    if (arena == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const enum dure_err err =
        dure_core_why(replay->core, (struct dure_job_id){index + 1}, DURE_NONE32, arena, &why, error);
    job->asked = true;
    if (err == DURE_OK) {
        job->earliest_us = why.estimate.earliest_us;
        job->likely_us = why.estimate.likely_us;
        job->latest_us = why.estimate.latest_us;
    }
    dure_arena_free(arena);
    return err;
}

static enum dure_err submit(struct replay *replay, size_t index, struct dure_error *error)
{
    struct traced *job = &replay->jobs[index];
    struct dure_record r;
    replay->now_us = job->at_us > replay->now_us ? job->at_us : replay->now_us;
    dure_record_init(&r, DURE_REC_SUBMIT, 1, replay->now_us);
    r.submit = (struct dure_job){.tenant = {replay->tenants[job->group]},
                                 .job_class = DURE_GUARANTEED,
                                 .tasks = job->gpus > NODE_GPUS ? (job->gpus + NODE_GPUS - 1) / NODE_GPUS : 1,
                                 .task_gpus = job->gpus > NODE_GPUS ? NODE_GPUS : job->gpus,
                                 .task_gpu_milli = 1000,
                                 .level = "",
                                 .walltime_us = job->walltime_us,
                                 .grace_us = DURE_SECOND_US,
                                 .begin_us = INT64_MIN};
    enum dure_err err = step(replay, DURE_REC_SUBMIT, &r, error);
    if (err == DURE_OK)
        err = settle(replay, error);
    return err == DURE_OK && !job->started_us ? ask(replay, index, error) : err;
}

static enum dure_err declare(struct replay *replay, uint32_t nodes, struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0}, people DURE_CLEANUP_BUF = {0};
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *tenants = NULL;
    struct dure_record r;
    dure_buf_init(&text, 1 << 16);
    dure_buf_init(&people, 1 << 16);
    dure_buf_printf(
        &text,
        "kind: Fleet\nversion: 1\nname: philly\nzone: UTC\nmodels: [{name: p, memory: 24GiB, power: 300W, nvlink: "
        "node}]\nowners: [{name: o}]\n"
        "sites: [{name: s, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\ngroups:\n  - {name: g, "
        "owner: o, site: s, model: p, nodes: 'n[0001-%04u]', "
        "cpus: 64, memory: 512GiB, disk: 1TiB, power: 3kW, levels: [{name: node, holds: 8}], status: assumed}\n",
        nodes);
    dure_buf_str(&people, "kind: Tenants\nversion: 1\ntenants:\n  - {name: o, owner: o, tenants: [");
    for (size_t i = 0; i < replay->group_count; i++)
        dure_buf_printf(&people, "%s{name: v%s}", i ? ", " : "", replay->groups[i]);
    dure_buf_printf(&people, "]}\nallotments: [{name: all, tenant: o, group: g, level: node, count: %u}]\n", nodes);
    enum dure_err err = bench_read_specs(&text, &people, &fleet, &tenants, error);
    for (int kind = 0; err == DURE_OK && kind < 2; kind++) {
        dure_record_init(&r, kind ? DURE_REC_TENANTS : DURE_REC_FLEET, 1, replay->now_us);
        r.text = kind ? tenants->spec_json : fleet->spec_json;
        r.text_length = kind ? tenants->spec_json_length : fleet->spec_json_length;
        err = step(replay, kind ? DURE_REC_TENANTS : DURE_REC_FLEET, &r, error);
    }
    for (size_t i = 0; err == DURE_OK && i < replay->group_count; i++) {
        char path[32];
        struct dure_tenant_id id;
        snprintf(path, sizeof path, "o/v%s", replay->groups[i]);
        DURE_ASSERT(dure_tenants_find(tenants, path, &id));
        replay->tenants[i] = id.v;
    }
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    return err;
}

static void tell(const struct replay *replay, struct dure_buf *json, struct dure_buf *words)
{
    uint64_t waited = 0, said = 0, inside = 0, early = 0, late = 0, *errors[3], *waits;
    for (unsigned i = 0; i < 3; i++)
        errors[i] = calloc(replay->count + 1, sizeof *errors[i]);
    waits = calloc(replay->count + 1, sizeof *waits);
    for (size_t i = 0;
         i < replay->count && waits != NULL && errors[0] != NULL && errors[1] != NULL && errors[2] != NULL; i++) {
        const struct traced *job = &replay->jobs[i];
        if (!job->asked || !job->started_us)
            continue;
        waits[waited++] = (uint64_t)(job->started_us - job->at_us);
        if (!job->latest_us)
            continue;
        const int64_t guesses[3] = {job->earliest_us, job->likely_us, job->latest_us};
        for (unsigned k = 0; k < 3; k++)
            errors[k][said] = (uint64_t)llabs(guesses[k] - job->started_us);
        said++;
        early += job->started_us < job->earliest_us;
        late += job->started_us > job->latest_us;
        inside += job->started_us >= job->earliest_us && job->started_us <= job->latest_us;
    }
    const double share = said ? 100.0 / (double)said : 0;
    const double minutes[5] = {
        (double)bench_quantile(waits, waited, 500) / 6e7, (double)bench_quantile(errors[1], said, 500) / 6e7,
        (double)bench_quantile(errors[1], said, 900) / 6e7, (double)bench_quantile(errors[2], said, 500) / 6e7,
        (double)bench_quantile(errors[0], said, 500) / 6e7};
    dure_buf_printf(json,
                    "\"jobs\":%zu,\"waited\":%" PRIu64 ",\"said\":%" PRIu64
                    ",\"coverage_percent\":%.1f,\"before_percent\":%.1f,\"after_percent\":%.1f,\"wait_p50_min\":%.1f,"
                    "\"likely_error_p50_min\":%.1f,\"likely_error_p90_min\":%.1f,\"latest_error_p50_min\":%.1f,"
                    "\"earliest_error_p50_min\":%.1f",
                    replay->count, waited, said, (double)inside * share, (double)early * share, (double)late * share,
                    minutes[0], minutes[1], minutes[2], minutes[3], minutes[4]);
    dure_buf_printf(words,
                    "%zu jobs of the Philly trace, %" PRIu64
                    " waited (p50 %.0f min): %.1f %% started inside their interval, %.1f %% before, %.1f %% after; the "
                    "likely start was "
                    "off by %.0f min at p50, %.0f at p90 (by walltimes alone %.0f at p50)",
                    replay->count, waited, minutes[0], (double)inside * share, (double)early * share,
                    (double)late * share, minutes[1], minutes[2], minutes[3]);
    for (unsigned i = 0; i < 3; i++)
        free(errors[i]);
    free(waits);
}

enum dure_err bench_estimate(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                             struct dure_error *error)
{
    char path[4096];
    const char *folder = getenv("DURE_TRACES");
    struct replay replay = {.now_us = 1};
    snprintf(path, sizeof path, "%s/philly/philly.csv", folder != NULL ? folder : "../shared/data");
    enum dure_err err = read_trace(&replay, path, options->jobs, options->nodes * NODE_GPUS / 2, error);
    if (err == DURE_E_NOT_FOUND) {
        dure_buf_printf(json, "\"skipped\":\"no file %s; DURE_TRACES names the folder of traces\"", path);
        dure_buf_printf(words, "skipped: no file %s; DURE_TRACES names the folder of traces", path);
        return DURE_OK;
    }
    if (err == DURE_OK)
        err = dure_core_new(&replay.core);
    if (err == DURE_OK)
        err = declare(&replay, options->nodes, error);
    for (size_t i = 0; err == DURE_OK && i < replay.count; i++) {
        err = end_until(&replay, replay.jobs[i].at_us, error);
        if (err == DURE_OK)
            err = submit(&replay, i, error);
    }
    if (err == DURE_OK)
        err = end_until(&replay, INT64_MAX, error);
    if (err == DURE_OK)
        tell(&replay, json, words);
    dure_core_free(replay.core);
    free(replay.jobs);
    free(replay.ends);
    return err;
}
