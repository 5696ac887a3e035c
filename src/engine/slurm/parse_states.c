/* What squeue prints of all jobs in columns of our choice: a tenth of what its JSON costs both sides, and all of it but who has which GPUs.
 *
 * Names, comments and reasons are others' words and may hold anything, ends of lines too. So a line is told by its length and never by what
 * stands in it: squeue cuts and pads each column to just as many bytes as were asked for. */
#include "engine/slurm/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS(X)                                                                                                     \
    X(JOB, "JobID", 12)                                                                                                \
    X(STATE, "State", 16)                                                                                              \
    X(RESTARTS, "RestartCnt", 8)                                                                                       \
    X(EXIT, "exit_code", 8)                                                                                            \
    X(START, "StartTime", 14)                                                                                          \
    X(END, "EndTime", 14)                                                                                              \
    X(LIMIT, "TimeLimit", 16)                                                                                          \
    X(PRIORITY, "PriorityLong", 12)                                                                                    \
    X(NAME, "Name", 100)                                                                                               \
    X(REASON, "Reason", 64)                                                                                            \
    X(COMMENT, "Comment", 100)                                                                                         \
    X(NODES, "NodeList", 160)

enum column {
#define X(name, word, width) COLUMN_##name,
    COLUMNS(X)
#undef X
        COLUMN_COUNT
};

static const struct {
    uint32_t at, width;
} columns[] = {
#define X(name, word, width) [COLUMN_##name] = {0, width},
    COLUMNS(X)
#undef X
};

#define X(name, word, width) "," word ":" #width
static const char all_columns[] = COLUMNS(X);
#undef X
#define X(name, word, width) +width
enum { LINE_BYTES = 0 COLUMNS(X) };
#undef X

const char *slurm_states_columns(void)
{
    return all_columns + 1;
}

/* Of a line, the column without the blanks at its end. */
static const char *cell(const char *line, enum column column, uint32_t *ret_length)
{
    for (unsigned i = 0; i < (unsigned)column; i++)
        line += columns[i].width;
    uint32_t length = columns[column].width;
    while (length && line[length - 1] == ' ')
        length--;
    *ret_length = length;
    return line;
}

static const char *text_of(const char *line, enum column column, struct dure_arena *arena)
{
    uint32_t length;
    const char *begin = cell(line, column, &length);
    if (length == 6 && memcmp(begin, "(null)", 6) == 0)
        return "";
    return length ? dure_arena_strndup(arena, begin, length) : "";
}

/* A number of at most 18 digits, and nothing else. */
static bool number_of(const char *line, enum column column, int64_t *ret_number)
{
    uint32_t length;
    int64_t number = 0;
    const char *begin = cell(line, column, &length);
    if (length == 0 || length > 18)
        return false;
    for (uint32_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)begin[i]))
            return false;
        number = number * 10 + (begin[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* Seconds since 1970; what is no number (N/A, NONE) is none. */
static int64_t moment_of(const char *line, enum column column)
{
    int64_t seconds;
    return number_of(line, column, &seconds) && seconds < INT64_C(1) << 40 ? seconds * 1000000 : 0;
}

/* What waitpid says; newer ones say "code:signal". */
static bool read_exit(const char *line, struct dure_slurm_job *job)
{
    int64_t status;
    uint32_t length;
    int code, signal, end = 0;
    char text[16];
    if (number_of(line, COLUMN_EXIT, &status)) {
        slurm_exit_status(status, &job->exit_code, &job->exit_signal);
        return true;
    }
    const char *begin = cell(line, COLUMN_EXIT, &length);
    snprintf(text, sizeof text, "%.*s", (int)length, begin);
    if (!isdigit((unsigned char)text[0]) || sscanf(text, "%d:%d%n", &code, &signal, &end) != 2 || text[end] ||
        signal < 0)
        return false;
    job->exit_code = code;
    job->exit_signal = signal;
    return true;
}

static bool read_nodes(const char *line, struct dure_arena *arena, struct dure_slurm_job *job)
{
    const char **names = NULL;
    uint32_t length;
    (void)cell(line, COLUMN_NODES, &length);
    job->nodes_text = text_of(line, COLUMN_NODES, arena);
    if (!job->nodes_text)
        return false;
    if (length == columns[COLUMN_NODES].width) {
        job->flags |= DURE_SLURM_JOB_CUT;
        return true;
    }
    if (!length || !*job->nodes_text)
        return true;
    const int count = slurm_hostlist(job->nodes_text, DURE_SLURM_JOB_NODES_MAX, arena, &names);
    job->nodes = count > 0 ? DURE_ARENA_NEW(arena, struct dure_slurm_job_node, count) : NULL;
    if (!job->nodes)
        return false;
    job->node_count = (uint32_t)count;
    for (uint32_t i = 0; i < job->node_count; i++)
        job->nodes[i] = (struct dure_slurm_job_node){.name = names[i]};
    return true;
}

static void read_state(const char *line, const char *name, struct dure_slurm_job *job)
{
    int64_t priority;
    job->state = slurm_state_named(name);
    if (job->state == DURE_SLURM_STATE_COMPLETING)
        job->flags |= DURE_SLURM_JOB_COMPLETING;
    else if (job->state == DURE_SLURM_STATE_CONFIGURING)
        job->flags |= DURE_SLURM_JOB_CONFIGURING;
    else if (job->state == DURE_SLURM_STATE_REQUEUED)
        job->flags |= DURE_SLURM_JOB_REQUEUED;
    if (strcmp(job->reason, "JobHeldUser") == 0 || strcmp(job->reason, "JobHeldAdmin") == 0 ||
        (job->state == DURE_SLURM_STATE_PENDING && number_of(line, COLUMN_PRIORITY, &priority) && priority == 0))
        job->flags |= DURE_SLURM_JOB_HELD;
}

static bool read_line(const char *line, struct dure_arena *arena, struct dure_slurm_job *job)
{
    int64_t id, restarts;
    *job = dure_slurm_no_job;
    job->name = text_of(line, COLUMN_NAME, arena);
    job->comment = text_of(line, COLUMN_COMMENT, arena);
    job->reason = text_of(line, COLUMN_REASON, arena);
    const char *state = text_of(line, COLUMN_STATE, arena), *limit = text_of(line, COLUMN_LIMIT, arena);
    if (!number_of(line, COLUMN_JOB, &id) || id == 0 || id > UINT32_MAX ||
        !number_of(line, COLUMN_RESTARTS, &restarts) || !read_exit(line, job) || !job->name ||
        !job->comment || !job->reason || !state || !*state || !limit)
        return false;
    if (strcmp(job->reason, "None") == 0)
        job->reason = "";
    const int64_t limit_us = slurm_span_us(limit);
    job->job_id = (uint32_t)id;
    job->restarts = (uint32_t)restarts;
    job->start_us = moment_of(line, COLUMN_START);
    job->end_us = moment_of(line, COLUMN_END);
    job->walltime_us = limit_us == INT64_MAX ? 0 : limit_us;
    read_state(line, state, job);
    return read_nodes(line, arena, job);
}

static bool wanted(const struct dure_slurm_filter *filter, const struct dure_slurm_job *job)
{
    return !filter || ((!filter->job_id || filter->job_id == job->job_id) &&
                       (!filter->name || strcmp(filter->name, job->name) == 0) &&
                       (!filter->name_head || strncmp(job->name, filter->name_head, strlen(filter->name_head)) == 0) &&
                       (!filter->comment || strcmp(filter->comment, job->comment) == 0));
}

void slurm_parse_states(const char *text, size_t length, const struct dure_slurm_filter *filter,
                        struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    static const char head[] = "JOBID ";
    const size_t count = length / (LINE_BYTES + 1);
    /* The heads of the columns say that it is a list, though there be nothing in it. */
    if (count == 0 || count * (LINE_BYTES + 1) != length || memcmp(text, head, sizeof head - 1) != 0) {
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "a list whose columns are not those that were asked for");
        return;
    }
    struct dure_slurm_job *jobs =
        count - 1 <= DURE_SLURM_JOBS_MAX ? DURE_ARENA_NEW(arena, struct dure_slurm_job, count) : NULL;
    uint32_t taken = 0;
    for (size_t i = 1; jobs && i < count; i++) {
        const char *line = text + i * (LINE_BYTES + 1);
        if (line[LINE_BYTES] != '\n' || memchr(line, '\0', LINE_BYTES) || !read_line(line, arena, &jobs[taken])) {
            slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "a line of squeue that cannot be read");
            return;
        }
        taken += wanted(filter, &jobs[taken]);
    }
    if (!jobs) {
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "more entries than are taken" SLURM_FEWER);
        return;
    }
    reply->jobs = jobs;
    reply->job_count = taken;
    reply->states_only = true;
}
