/* GET /v1/jobs/{job}/logs: bytes of a task's output, read off the loop's thread (a file system may hang). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "api/row.h"
#include "engine/slurm/fetch.h"

enum { LOG_LIMIT_DEFAULT = 65536, LOG_LIMIT_MAX = 1 << 20, ENTRY_BYTES = 16384, FETCH_US = 20 * 1000 * 1000 };

struct log {
    uv_work_t work;
    struct call *call;
    struct dure_job_id job;
    uint32_t element;
    uint64_t task, offset, limit;
    bool is_stderr;
    bool ended;
    struct dure_attempt_id attempt;
    uid_t owner;
    const char *slurm; /* the site on whose cluster it was written; NULL: on this machine */
    char path[PATH_MAX];
    const void *summary;
    size_t summary_length;
    uint64_t size;
    size_t got;
    char *bytes;
    enum dure_err err;
    struct dure_error error;
};

/* A cluster writes to its own storage, which this machine may not see. */
static bool folder_is_here(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat status;

    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return stat(folder[0] != '\0' ? folder : "/", &status) == 0;
}

static void not_here(struct log *log)
{
    if (log->slurm != NULL && (log->ended || !folder_is_here(log->path)))
        log->err = dure_fail(
            &log->error, DURE_E_NOT_FOUND,
            "the output is not on this machine: it was written as %s on the cluster of site %s; let this "
            "machine see that folder at the same path, let the site's slurm block say how it is fetched (fetch: [ssh, "
            "login1, sh]), or read it there: srun -N1 cat %s",
            log->path, log->slurm, log->path);
    else if (log->ended)
        log->err = dure_fail(&log->error, DURE_E_NOT_FOUND,
                             "the output is gone: there is no file %s any more, or the task never made one", log->path);
}

/* The file is where the submitter said. The daemon may be root: only a plain file of the submitter's own is read for anyone. */
static void read_file(uv_work_t *work)
{
    struct log *log = work->data;
    struct stat status;
    ssize_t got;
    int fd = open(log->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        if (errno != ENOENT)
            log->err = dure_fail(&log->error, DURE_E_IO, "its output cannot be opened: %s", strerror(errno));
        else
            not_here(log);
        return; /* of one that runs: nothing was written yet */
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != log->owner) {
        log->err = dure_fail(&log->error, DURE_E_PERMISSION, "its output is not a plain file of the job's own user");
        close(fd);
        return;
    }
    log->size = (uint64_t)status.st_size;
    while (log->offset < log->size && log->got < log->limit) {
        got = pread(fd, log->bytes + log->got, log->limit - log->got, (off_t)(log->offset + log->got));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            log->err = dure_fail(&log->error, DURE_E_IO, "its output cannot be read: %s", strerror(errno));
        if (got <= 0)
            break;
        log->got += (size_t)got;
    }
    close(fd);
}

static void answer_log(uv_work_t *work, int status)
{
    struct log *log = work->data;
    struct call *call = log->call;
    char number[32];

    if (status != 0)
        log->err = dure_fail(&log->error, DURE_E_IO, "its output was not read: %s", uv_strerror(status));
    if (log->err != DURE_OK) {
        free(log->bytes);
        call_fail_error(call, log->err, &log->error);
        return;
    }
    snprintf(number, sizeof number, "%llu", (unsigned long long)log->offset);
    dure_http_header_add(call->request, "Dure-Offset", number);
    snprintf(number, sizeof number, "%llu", (unsigned long long)log->size);
    dure_http_header_add(call->request, "Dure-Size", number);
    dure_http_header_add(call->request, "Dure-Ended", log->ended ? "true" : "false");
    dure_buf_add(&call->out, log->bytes, log->got);
    free(log->bytes);
    call_answer_as(call, 200, "application/octet-stream");
}

static void on_fetched(void *context, const struct dure_fetched *fetched)
{
    struct log *log = context;

    if (fetched->err == DURE_E_NOT_FOUND && log->ended)
        log->err = dure_fail(&log->error, DURE_E_NOT_FOUND,
                             "the output is gone: there is no file %s on the cluster of site %s any more, or the task "
                             "never made one",
                             log->path, log->slurm);
    else if (fetched->err != DURE_OK && fetched->err != DURE_E_NOT_FOUND)
        log->err = dure_fail(&log->error, fetched->err, "its output on the cluster of site %s was not fetched: %s",
                             log->slurm, fetched->text);
    log->size = fetched->size;
    log->got = fetched->length < log->limit ? fetched->length : log->limit;
    if (log->got > 0)
        memcpy(log->bytes, fetched->bytes, log->got);
    answer_log(&log->work, 0);
}

/* From storage that this machine does not see. */
static void fetch(struct call *call, struct log *log, const struct dure_slurm_site *site, const char *login)
{
    const struct dure_fetch wanted = {.words = site->fetch,
                                      .word_count = site->fetch_count,
                                      .path = log->path,
                                      .login = site->as_daemon ? "" : login,
                                      .offset = log->offset,
                                      .limit = log->limit,
                                      .timeout_us = FETCH_US};
    struct dure_error error = {0};
    enum dure_err err = DURE_OK;

    log->work.data = log;
    log->bytes = malloc(log->limit > 0 ? log->limit : 1);
    if (log->bytes == NULL)
        err = dure_fail(&error, DURE_E_MEMORY, "out of memory");
    else if (call->api->stopping)
        err = dure_fail(&error, DURE_E_STATE, "the daemon is stopping");
    else if (call->api->fetcher == NULL && dure_fetcher_new(call->api->uv, &call->api->fetcher) != DURE_OK)
        err = dure_fail(&error, DURE_E_MEMORY, "out of memory");
    if (err == DURE_OK)
        err = dure_fetcher_fetch(call->api->fetcher, &wanted, on_fetched, log, &error);
    if (err == DURE_OK)
        return;
    free(log->bytes);
    call_fail_error(call, err, &error);
}

static bool uid_of_login(const char *login, uid_t *ret_uid)
{
    struct passwd entry, *found = NULL;
    char bytes[ENTRY_BYTES];

    if (strncmp(login, "uid:", 4) == 0) {
        *ret_uid = (uid_t)strtoul(login + 4, NULL, 10);
        return true;
    }
    if (getpwnam_r(login, &entry, bytes, sizeof bytes, &found) != 0 || found == NULL)
        return false;
    *ret_uid = found->pw_uid;
    return true;
}

/* Is one output meant? Else says what there is to choose from. */
static bool names_one(struct call *call, const struct log *log, const struct dure_job *job)
{
    const uint32_t step = job->array_step > 0 ? job->array_step : 1;

    if (job->array_count > 0 && log->element == DURE_NONE32) {
        char every[24] = "";
        if (step > 1)
            snprintf(every, sizeof every, ":%u", step);
        call_fail(call, DURE_E_INVALID,
                  "job %llu is an array of %u elements, %u-%u%s, each with an output of its own: name one, such as "
                  "%llu_%u",
                  (unsigned long long)log->job.v, job->array_count, job->array_first,
                  job->array_first + (job->array_count - 1) * step, every, (unsigned long long)log->job.v,
                  job->array_first);
        return false;
    }
    if (log->task < job->tasks)
        return true;
    if (job->tasks == 1)
        call_fail(call, DURE_E_INVALID, "job %s has one task, number 0: there is no task %llu", call->part[0],
                  (unsigned long long)log->task);
    else
        call_fail(call, DURE_E_INVALID, "job %s has %u tasks, numbered from 0 to %u: there is no task %llu",
                  call->part[0], job->tasks, job->tasks - 1, (unsigned long long)log->task);
    return false;
}

static const struct dure_site *site_of(struct call *call, const struct row *row)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_chain *chain = NULL;

    if (fleet != NULL && row->place_count > 0 && row->places[0].node_first < fleet->node_count)
        chain = dure_fleet_chain_of(fleet, (struct dure_node_id){row->places[0].node_first}, NULL);
    return chain != NULL ? &fleet->sites[chain->site.v] : NULL;
}

/* Its name, if its engine is Slurm; the fleet may be declared anew meanwhile. */
static const char *slurm_name(struct call *call, const struct dure_site *site)
{
    char *copy = site != NULL && site->slurm != NULL ? call_alloc(call, strlen(site->name) + 1) : NULL;

    return copy != NULL ? memcpy(copy, site->name, strlen(site->name) + 1) : NULL;
}

static void begin(struct call *call, struct log *log, const struct row *row)
{
    const struct dure_job *job = row->spec;
    const struct dure_api_host *host = &call->api->host;
    const char *login = dure_loop_login(call->api->loop, job->principal);
    const struct dure_site *site = site_of(call, row);
    const bool fetched = site != NULL && site->slurm != NULL && site->slurm->fetch_count > 0;
    enum dure_err err;

    if (!names_one(call, log, job))
        return;
    if (log->attempt.v == DURE_NONE64 || log->attempt.v == 0) {
        call_fail(call, DURE_E_STATE, "job %s has not started%s", call->part[0],
                  log->ended ? " before it ended" : " yet");
        return;
    }
    log->owner = host->uid;
    if (!fetched && host->uid == 0 && !uid_of_login(login, &log->owner)) {
        call_fail(call, DURE_E_NOT_FOUND, "the user that job %s ran as is not known here any more", call->part[0]);
        return;
    }
    err = host->log_path(host->context, log->attempt, (uint32_t)log->task, log->is_stderr, log->path, sizeof log->path);
    if (err != DURE_OK) {
        call_fail(call, err, "job %s left no output on this machine (an emulated site runs no process)", call->part[0]);
        return;
    }
    log->slurm = slurm_name(call, site);
    if (fetched && log->slurm != NULL) {
        fetch(call, log, site->slurm, login);
        return;
    }
    log->bytes = malloc(log->limit > 0 ? log->limit : 1);
    log->work.data = log;
    if (log->bytes == NULL || uv_queue_work(call->api->uv, &log->work, read_file, answer_log) != 0) {
        free(log->bytes);
        call_fail(call, DURE_E_MEMORY, "out of memory");
    }
}

static bool take(void *context, const struct dure_history_row *row)
{
    struct call *call = context;
    struct log *log = call->data;
    void *copy;

    if (row->job != log->job.v)
        return false;
    copy = call_alloc(call, row->summary.length + 1);
    if (copy == NULL) {
        log->err = DURE_E_MEMORY;
        return false;
    }
    memcpy(copy, row->summary.data, row->summary.length);
    log->summary = copy;
    log->summary_length = row->summary.length;
    return false;
}

static void read_history(struct call *call, struct dure_journal *journal)
{
    struct log *log = call->data;
    struct dure_history_query query = {.before_job = log->job.v + 1, .principal = DURE_NONE32, .limit = 1};

    if (log->element != DURE_NONE32) {
        query.before_job = log->job.v;
        query.before_element = log->element + 1;
    }
    log->err = dure_journal_history(journal, &query, take, call, &log->error);
}

static void answer_ended(struct call *call)
{
    struct log *log = call->data;
    struct dure_summary summary;
    struct row row;

    if (log->err == DURE_OK && log->summary == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no job %s", call->part[0]);
        return;
    }
    if (log->err == DURE_OK)
        log->err = dure_summary_decode(log->summary, log->summary_length, call->arena, &summary, &log->error);
    if (log->err != DURE_OK) {
        call_fail_error(call, log->err, &log->error);
        return;
    }
    row_of_summary(&summary, log->job.v, log->element, &row);
    if (!row_visible(call, &row)) {
        call_fail(call, DURE_E_DENIED, "the output of job %s is for members of its tenant", call->part[0]);
        return;
    }
    log->ended = true;
    log->attempt = row.attempt;
    begin(call, log, &row);
}

static bool read_params(struct call *call, struct log *log)
{
    const char *stream;

    log->limit = LOG_LIMIT_DEFAULT;
    if (!part_job(call, &log->job, &log->element) || !param_text(call, "stream", &stream))
        return false;
    if (!param_uint(call, "task", DURE_JOB_TASKS_MAX - 1, &log->task) ||
        !param_uint(call, "offset", INT64_MAX, &log->offset) || !param_uint(call, "limit", LOG_LIMIT_MAX, &log->limit))
        return false;
    log->is_stderr = stream != NULL && strcmp(stream, "stderr") == 0;
    if (stream == NULL || log->is_stderr || strcmp(stream, "stdout") == 0)
        return true;
    call_fail(call, DURE_E_INVALID, "query parameter 'stream': found '%.64s', expected stdout or stderr", stream);
    return false;
}

void handle_logs(struct call *call)
{
    struct log *log = call_alloc(call, sizeof *log);
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    struct row row;
    bool live;

    if (log == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    log->call = call;
    call->data = log;
    if (!read_params(call, log))
        return;
    cursor.job = log->job.v;
    live = log->element != DURE_NONE32 ? dure_core_job_view(call->api->core, log->job, log->element, &view)
                                       : dure_core_job_next(call->api->core, &cursor, &view) && view.id.v == log->job.v;
    if (!live) {
        call_durable_read(call, read_history, answer_ended);
        return;
    }
    row_of_view(&view, &row);
    if (!row_visible(call, &row)) {
        call_fail(call, DURE_E_DENIED, "the output of job %s is for members of its tenant", call->part[0]);
        return;
    }
    log->attempt = view.attempt;
    begin(call, log, &row);
}
