/* A given workload, released at once on an empty fleet: every job is submitted to begin at one instant; from then until the last launch message is with the
 * nodes' stand-in. All stay.
 *
 * The file: a line of heads with job_id, user, account, nodes, gpus_per_node and duration_s among them, then a job a line. Accounts go to the six owners
 * in turn, an account's users to its owner's teams in turn. Three tenths are borrowed by lot, and what a team asks for beyond its right is. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "bench/node.h"
#include "bench/world.h"
#include "client/load.h"

enum {
    ROWS_MAX = 1000000,
    COLUMNS_MAX = 32,
    NAME_BYTES = 64,
    SUBMITS_A_SECOND = 4000,
    START_WAIT_US = 120 * 1000000,
    CLIENTS = 64
};

enum column { USER, ACCOUNT, NODES, GPUS, DURATION, COLUMNS };
static const char *const heads[COLUMNS] = {"user", "account", "nodes", "gpus_per_node", "duration_s"};

struct row {
    uint32_t nodes, gpus, seconds, account, user;
};

struct workload {
    struct bench_world *world;
    const char *file;
    unsigned line;
    struct row *rows;
    size_t count, next;
    char (*accounts)[NAME_BYTES];
    char (*users)[NAME_BYTES];
    size_t account_count, user_count;
    uint64_t asked[BENCH_OWNERS * (1 + BENCH_TEAMS)]; /* by place: GPUs asked for as guaranteed */
    char begin[DURE_TIME_TEXT_MAX];
    struct dure_buf body;
};

/* The names' numbers in the order in which they come. */
static uint32_t number_of(char (*names)[NAME_BYTES], size_t *count, const char *name)
{
    size_t i = 0;
    while (i < *count && strcmp(names[i], name) != 0)
        i++;
    if (i == *count)
        dure_text_copy(names[(*count)++], NAME_BYTES, name);
    return (uint32_t)i;
}

static size_t split(char *line, char *cells[COLUMNS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at != NULL && count < COLUMNS_MAX; count++)
        cells[count] = strsep(&at, ",");
    return count;
}

static enum dure_err bad(const struct workload *work, const char *field, const char *found, const char *expected,
                         struct dure_error *error)
{
    return dure_fail(error, DURE_E_INVALID, "%s:%u: %s: found '%s', expected %s", work->file, work->line, field, found,
                     expected);
}

static enum dure_err read_heads(struct workload *work, char *line, size_t where[COLUMNS], struct dure_error *error)
{
    char *cells[COLUMNS_MAX];
    const size_t count = split(line, cells);
    for (unsigned c = 0; c < COLUMNS; c++) {
        where[c] = 0;
        while (where[c] < count && strcmp(cells[where[c]], heads[c]) != 0)
            where[c]++;
        if (where[c] == count)
            return dure_fail(
                error, DURE_E_INVALID,
                "%s:1: found no column '%s', expected job_id,submit_s,user,account,nodes,gpus_per_node,duration_s",
                work->file, heads[c]);
    }
    return DURE_OK;
}

static bool read_number(const char *text, uint32_t most, uint32_t *ret)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || value == 0 || value > most || (*end != '\0' && *end != '.'))
        return false;
    *ret = (uint32_t)value;
    return *end == '\0' || (end[1] != '\0' && end[1 + strspn(end + 1, "0123456789")] == '\0');
}

static enum dure_err read_row(struct workload *work, char *line, const size_t where[COLUMNS], struct dure_error *error)
{
    char *cells[COLUMNS_MAX], expected[64];
    const uint32_t nodes_max = work->world->node_count;
    struct row row;
    const size_t count = split(line, cells);
    for (unsigned c = 0; c < COLUMNS; c++)
        if (where[c] >= count)
            return bad(work, heads[c], "the end of the line", "a value", error);
    snprintf(expected, sizeof expected, "a whole number from 1 to %" PRIu32, nodes_max);
    if (!read_number(cells[where[NODES]], nodes_max, &row.nodes) || strchr(cells[where[NODES]], '.') != NULL)
        return bad(work, heads[NODES], cells[where[NODES]], expected, error);
    if (!read_number(cells[where[GPUS]], RECOUNT_NODE_GPUS, &row.gpus) || strchr(cells[where[GPUS]], '.') != NULL)
        return bad(work, heads[GPUS], cells[where[GPUS]], "a whole number from 1 to 8", error);
    if (!read_number(cells[where[DURATION]], 31536000, &row.seconds))
        return bad(work, heads[DURATION], cells[where[DURATION]], "seconds from 1 to 31536000", error);
    for (unsigned c = USER; c <= ACCOUNT; c++)
        if (cells[where[c]][0] == '\0' || strlen(cells[where[c]]) >= NAME_BYTES)
            return bad(work, heads[c], cells[where[c]], "a name of 1 to 63 bytes", error);
    row.account = number_of(work->accounts, &work->account_count, cells[where[ACCOUNT]]);
    row.user = number_of(work->users, &work->user_count, cells[where[USER]]);
    work->rows[work->count++] = row;
    return DURE_OK;
}

static enum dure_err read_file(struct workload *work, struct dure_error *error)
{
    struct dure_buf text = {0};
    size_t where[COLUMNS], lines = 1;
    enum dure_err err = bench_read_file(work->file, &text, error);
    if (err != DURE_OK)
        return err;
    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    work->rows = calloc(lines, sizeof *work->rows);
    work->accounts = calloc(lines, NAME_BYTES);
    work->users = calloc(lines, NAME_BYTES);
    if (work->rows == NULL || work->accounts == NULL || work->users == NULL)
        err = DURE_E_MEMORY;
    else if (lines > ROWS_MAX)
        err = dure_fail(error, DURE_E_LIMIT, "%s: more than %d lines", work->file, ROWS_MAX);
    char *at = text.data;
    for (char *line; err == DURE_OK && at != NULL && (line = strsep(&at, "\n")) != NULL;) {
        work->line++;
        if (work->line == 1)
            err = read_heads(work, line, where, error);
        else if (line[0] != '\0' && line[0] != '\r')
            err = read_row(work, line, where, error);
    }
    dure_buf_release(&text);
    if (err == DURE_OK && work->count == 0)
        err = dure_fail(error, DURE_E_INVALID, "%s: found no job, expected one a line after the heads", work->file);
    return err;
}

/* A team's right holds so many GPUs; a block stays unasked for, since gangs leave gaps. Teams of a small fleet share their owner's. */
static bool beyond_right(struct workload *work, uint32_t place, uint64_t gpus)
{
    const struct bench_world *world = work->world;
    for (uint32_t i = 0; i < world->fleet.right_count; i++) {
        const struct recount_right *right = &world->fleet.rights[i];
        const bool own = right->tenant == world->tenants[place];
        if (!own && right->tenant != world->tenants[place - place % (1 + BENCH_TEAMS)])
            continue;
        const uint32_t holder = own ? place : place - place % (1 + BENCH_TEAMS);
        const uint64_t room = (uint64_t)(right->count - 1) * right->cell_nodes * RECOUNT_NODE_GPUS;
        if (work->asked[holder] + gpus > room)
            return true;
        work->asked[holder] += gpus;
        return false;
    }
    return true;
}

static bool next(void *context, const char **ret_body, size_t *ret_length)
{
    struct workload *work = context;
    char path[32];
    if (work->next == work->count)
        return false;
    const struct row *row = &work->rows[work->next++];
    const uint32_t place = row->account % BENCH_OWNERS * (1 + BENCH_TEAMS) + 1 + row->user % BENCH_TEAMS;
    const bool borrowed =
        bench_below(work->world, 10) < 3 || beyond_right(work, place, (uint64_t)row->nodes * row->gpus);
    bench_tenant_path(place, path);
    dure_buf_clear(&work->body);
    dure_buf_printf(
        &work->body,
        "{\"kind\":\"Job\",\"version\":1,\"name\":\"work\",\"project\":\"%s\",\"class\":\"%s\",\"tasks\":%" PRIu32
        ",\"gpus\":%" PRIu32 ",\"walltime\":\"30d\",\"grace\":\"1s\",\"runs_for\":\"%" PRIu32
        "s\",\"begin\":\"%s\",\"command\":[\"/bin/true\"]}",
        path, borrowed ? "borrowed" : "guaranteed", row->nodes, row->gpus, row->seconds + 3600, work->begin);
    *ret_body = work->body.data;
    *ret_length = work->body.length;
    return !work->body.failed;
}

/* Submits everything to begin at one instant, late enough; waits for the launches. */
static enum dure_err run(struct workload *work, struct bench_daemon *daemon, struct bench_node *node, int64_t *ret_us,
                         struct dure_error *error)
{
    struct dure_load_result result = {0};
    const struct dure_load_options load = {
        .socket_path = daemon->socket, .clients = CLIENTS, .path = "/v1/jobs", .next = next, .context = work};
    const int64_t wait_us = (3 + (int64_t)work->count / SUBMITS_A_SECOND) * DURE_SECOND_US;
    const int64_t begin_us = (bench_wall_us() + wait_us) / DURE_SECOND_US * DURE_SECOND_US;
    dure_time_format_utc(begin_us, work->begin);
    enum dure_err err = dure_load_run(&load, &result, error);
    if (err == DURE_OK && result.answered != work->count)
        err = dure_fail(error, DURE_E_INVALID, "%" PRIu64 " of %zu submissions were accepted: status %d: %s",
                        result.answered, work->count, result.first_refusal_status, result.first_refusal);
    const int64_t released = bench_now_us() + (begin_us - bench_wall_us());
    if (err == DURE_OK && (bench_now_us() > released || bench_node_messages(node) > 0))
        err = dure_fail(error, DURE_E_TIMEOUT,
                        "%zu submissions took longer than %lld s: they were not there when they were released",
                        work->count, (long long)(wait_us / DURE_SECOND_US));
    while (err == DURE_OK && bench_node_messages(node) < work->count && bench_now_us() - released < START_WAIT_US)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    *ret_us = bench_node_last_us(node) - released;
    return err;
}

static enum dure_err measure(struct workload *work, struct bench_daemon *daemon, struct bench_node *node,
                             struct dure_buf *json, struct dure_buf *words, struct dure_error *error)
{
    int64_t us = 0;
    enum dure_err err = run(work, daemon, node, &us, error);
    const uint64_t rss = bench_rss_peak_mib(daemon->pid);
    bench_daemon_kill(daemon, SIGTERM);
    if (err == DURE_OK)
        err = bench_world_replay(work->world, daemon->state, error);
    if (err == DURE_OK)
        err = bench_world_recount(work->world, error);
    const uint64_t started = work->world->starts;
    if (err == DURE_OK && bench_node_messages(node) != started)
        err = dure_fail(error, DURE_E_STATE, "%" PRIu64 " starts, but %" PRIu64 " launch messages", started,
                        bench_node_messages(node));
    if (err != DURE_OK)
        return err;
    dure_buf_printf(json, "\"started\":%" PRIu64 ",\"seconds\":%.3f,\"per_s\":%.1f,\"jobs\":%zu,\"rss_mib\":%" PRIu64,
                    started, (double)us / 1e6, (double)started * 1e6 / (double)us, work->count, rss);
    dure_buf_printf(
        words,
        "%" PRIu32 " nodes: %" PRIu64 " of %zu jobs released at once started in %.3f s, %.0f a second; %" PRIu64 " MiB",
        work->world->node_count, started, work->count, (double)us / 1e6, (double)started * 1e6 / (double)us, rss);
    return DURE_OK;
}

enum dure_err bench_workload(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                             struct dure_error *error)
{
    struct bench_world world;
    struct bench_daemon daemon = {0};
    struct bench_node node = {.socket = -1};
    struct workload work = {.world = &world, .file = options->file};
    dure_buf_init(&work.body, 4096);
    enum dure_err err = bench_launching_make(options->nodes, &world, &daemon, &node, error);
    if (err == DURE_OK) {
        err = read_file(&work, error);
        if (err == DURE_OK)
            err = measure(&work, &daemon, &node, json, words, error);
        bench_launching_release(&world, &daemon, &node);
    }
    dure_buf_release(&work.body);
    free(work.rows);
    free(work.accounts);
    free(work.users);
    return err;
}
