#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "model/units.h"
#include "sim/trace/work_inner.h"

#ifdef DURE_ZLIB
#include <zlib.h>
#endif

enum { ARENA_MAX = 64 << 20, SECONDS_MAX = 2000000000 };

const char *dure_work_format_name(enum dure_work_format format)
{
    static const char *const names[] = {
#define X(name, text) [DURE_WORK_##name] = text,
        DURE_WORK_FORMATS(X)
#undef X
    };
    return names[format];
}

bool dure_work_format_find(const char *text, enum dure_work_format *ret_format)
{
    for (enum dure_work_format i = 0; i < DURE_WORK_FORMAT_COUNT; i++)
        if (strcmp(dure_work_format_name(i), text) == 0) {
            *ret_format = i;
            return true;
        }
    return false;
}

enum dure_err work_take(struct dure_work *work, const struct dure_work_job *job)
{
    if (work->count == DURE_WORK_JOBS_MAX)
        return DURE_E_LIMIT;
    if (work->count == work->capacity) {
        const size_t capacity = work->capacity ? work->capacity * 2 : 4096;
        struct dure_work_job *more = realloc(work->jobs, capacity * sizeof *more);
        if (!more)
            return DURE_E_MEMORY;
        work->jobs = more;
        work->capacity = capacity;
    }
    work->jobs[work->count++] = *job;
    return DURE_OK;
}

uint32_t work_group(struct dure_work *work, const char *name)
{
    if (work->group_count && strcmp(work->groups[work->group_count - 1], name) == 0)
        return work->group_count - 1;
    for (uint32_t i = 0; i < work->group_count; i++)
        if (strcmp(work->groups[i], name) == 0)
            return i;
    char *copy = dure_arena_strdup(work->arena, name);
    if (work->group_count == DURE_WORK_GROUPS_MAX || !copy)
        return DURE_NONE32;
    work->groups[work->group_count] = copy;
    return work->group_count++;
}

bool work_seconds(const char *text, int64_t *ret_us)
{
    uint64_t us;
    if (!dure_units_decimal(text, 6, (uint64_t)SECONDS_MAX * 1000000, &us))
        return false;
    *ret_us = (int64_t)us;
    return true;
}

bool work_time(const char *text, const char *zone, int64_t *ret_us)
{
    char iso[DURE_TIME_TEXT_MAX], date[16];
    const size_t length = strlen(text);
    int64_t midnight, clock;
    if (work_seconds(text, ret_us))
        return true;
    if (length < 10 || length > 40)
        return false;
    memcpy(iso, text, length + 1);
    if (length > 10 && iso[10] == ' ')
        iso[10] = 'T';
    if (length != 19)
        return dure_time_parse(iso, zone, ret_us);
    /* Without an offset: the day begins in the zone, the clock goes on from there (a change of summer time shifts the rest of its day). */
    memcpy(date, iso, 10);
    date[10] = '\0';
    memcpy(iso, "1970-01-01", 10);
    iso[19] = 'Z';
    iso[20] = '\0';
    if (!dure_time_parse(date, zone, &midnight) || !dure_time_parse(iso, NULL, &clock))
        return false;
    *ret_us = midnight + clock;
    return true;
}

static enum dure_err take_line(char *line, uint32_t number, work_line_fn *take, void *context,
                               struct dure_trace_report *report, struct dure_error *error)
{
    const uint64_t bad = report->bad_rows;
    enum dure_err err = take(context, line, number, report);
    if (err == DURE_E_INVALID) {
        if (bad < DURE_TRACE_BAD_LINES_MAX)
            report->bad_lines[bad] = number;
        report->bad_rows++;
        return report->strict ? dure_problems_fail(&report->problems, error) : DURE_OK;
    }
    return err ? dure_fail(error, err, "%s:%" PRIu32 ": %s", report->problems.file, number, dure_err_sentence(err))
               : DURE_OK;
}

enum dure_err work_lines(const char *file, const char *text, size_t length, work_line_fn *take, void *context,
                         struct dure_trace_report *report, struct dure_error *error)
{
    struct dure_buf line DURE_CLEANUP_BUF = {0};
    enum dure_err err = DURE_OK;
    uint32_t number = 1;
    dure_buf_init(&line, 1 << 20);
    report->problems.file = file;
    for (size_t at = 0; at < length && !err; number++) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t width = end ? (size_t)(end - (text + at)) : length - at;
        const size_t step = width + 1;
        if (width && text[at + width - 1] == '\r')
            width--;
        dure_buf_clear(&line);
        dure_buf_add(&line, text + at, width);
        if (line.failed || memchr(text + at, 0, width)) {
            const uint64_t bad = report->bad_rows++;
            if (bad < DURE_TRACE_BAD_LINES_MAX)
                report->bad_lines[bad] = number;
            dure_problem_at(&report->problems, number, 1, "row", "other bytes, or too many",
                            "text, of at most 1 MiB a line");
            err = report->strict ? dure_problems_fail(&report->problems, error) : DURE_OK;
        } else if (width) {
            err = take_line(line.data, number, take, context, report, error);
        }
        at += step;
    }
    return err;
}

static int by_time(const void *a, const void *b)
{
    const struct dure_work_job *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static enum dure_err finish(struct dure_work *work, enum dure_err err, const char *file, struct dure_error *error)
{
    if (err)
        return err;
    if (work->count) {
        qsort(work->jobs, work->count, sizeof *work->jobs, by_time);
        return DURE_OK;
    }
    if (work->report.bad_rows)
        return dure_problems_fail(&work->report.problems, error);
    return dure_fail(error, DURE_E_INVALID,
                     "%s: found no job with GPUs (%" PRIu64 " rows without), expected at least one", file,
                     work->without_gpus);
}

/* A heading that only one format has; digits and semicolons are SWF's. An empty file has no text at all. */
static enum dure_work_format guess(const char *text, size_t length)
{
    if (!text)
        return DURE_WORK_SWF;
    const char *end = memchr(text, '\n', length);
    const size_t width = end ? (size_t)(end - text) : length;
    if (memchr(text, '|', width))
        return DURE_WORK_SACCT;
    if (width > 9 && memmem(text, width, "gpu_time", 8) && memmem(text, width, "timestamp", 9))
        return DURE_WORK_PHILLY;
    return memchr(text, ',', width) ? DURE_WORK_CSV : DURE_WORK_SWF;
}

static enum dure_err begin(struct dure_work *work, const char *file, struct dure_error *error)
{
    work->report.problems.file = file;
    work->arena = dure_arena_new(ARENA_MAX);
    work->groups = calloc(DURE_WORK_GROUPS_MAX, sizeof *work->groups);
    return work->arena && work->groups ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "%s: out of memory", file);
}

enum dure_err dure_work_parse(struct dure_work *work, const char *file, const char *text, size_t length,
                              enum dure_work_format format, const char *zone, struct dure_error *error)
{
    enum dure_err err = begin(work, file, error);
    if (err)
        return err;
    switch (format == DURE_WORK_AUTO ? guess(text, length) : format) {
    case DURE_WORK_PHILLY: err = work_philly(work, file, text, length, error); break;
    case DURE_WORK_SWF: err = work_swf(work, file, text, length, error); break;
    case DURE_WORK_SACCT: err = work_sacct(work, file, text, length, zone, error); break;
    default: err = work_csv(work, file, text, length, zone, error); break;
    }
    return finish(work, err, file, error);
}

#ifdef DURE_ZLIB
static enum dure_err slurp(const char *path, struct dure_buf *buf, struct dure_error *error)
{
    enum { STEP = 1 << 16 };
    gzFile file = gzopen(path, "re"); /* a file that is not compressed is read as it is */
    char *step = malloc(STEP);
    int got = 0, code;
    if (!file || !step) {
        free(step);
        if (file)
            gzclose(file);
        return dure_fail(error, errno == ENOENT || errno == ENOTDIR ? DURE_E_NOT_FOUND : DURE_E_IO, "%s: %s", path,
                         strerror(errno));
    }
    while (!buf->failed && (got = gzread(file, step, STEP)) > 0)
        dure_buf_add(buf, step, (size_t)got);
    free(step);
    const char *words = got < 0 ? gzerror(file, &code) : "";
    if (got < 0) {
        dure_fail(error, DURE_E_IO, "%s: %s", path, code == Z_ERRNO ? strerror(errno) : words);
        gzclose(file);
        return DURE_E_IO;
    }
    gzclose(file);
    return DURE_OK;
}
#else
static enum dure_err slurp(const char *path, struct dure_buf *buf, struct dure_error *error)
{
    enum { STEP = 1 << 16 };
    FILE *file = fopen(path, "re");
    char *step = malloc(STEP);
    size_t got;
    if (!file || !step) {
        free(step);
        if (file)
            fclose(file);
        return dure_fail(error, errno == ENOENT || errno == ENOTDIR ? DURE_E_NOT_FOUND : DURE_E_IO, "%s: %s", path,
                         strerror(errno));
    }
    while (!buf->failed && (got = fread(step, 1, STEP, file)) > 0)
        dure_buf_add(buf, step, got);
    const bool broken = ferror(file) != 0;
    const int code = errno;
    free(step);
    fclose(file);
    if (broken)
        return dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(code));
    return buf->length < 2 || memcmp(buf->data, "\x1f\x8b", 2) != 0
               ? DURE_OK
               : dure_fail(error, DURE_E_UNSUPPORTED,
                           "%s: found a gzip file, expected plain text: this build has no zlib; unpack it with gunzip",
                           path);
}
#endif

enum dure_err dure_work_read(struct dure_work *work, const char *path, enum dure_work_format format, const char *zone,
                             struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct stat status = {0};
    const bool there = stat(path, &status) == 0;
    dure_buf_init(&text, DURE_TRACE_BYTES_MAX);
    if (format == DURE_WORK_AUTO && there && S_ISDIR(status.st_mode))
        format = DURE_WORK_JOURNAL;
    if (format == DURE_WORK_JOURNAL) {
        enum dure_err begun = begin(work, path, error);
        return begun ? begun : finish(work, work_journal(work, path, error), path, error);
    }
    const bool enormous = there && S_ISREG(status.st_mode) && (uint64_t)status.st_size > DURE_TRACE_BYTES_MAX;
    enum dure_err err =
        enormous ? DURE_OK : slurp(path, &text, error); /* a small file may grow past it as it is unpacked */
    if (!err && (enormous || text.failed))
        err = dure_fail(error, DURE_E_LIMIT,
                        "%s: found more than fits, expected a trace of at most 1 GiB; split it, or take a part", path);
    return err ? err : dure_work_parse(work, path, text.data ? text.data : "", text.length, format, zone, error);
}

void dure_work_release(struct dure_work *work)
{
    free(work->jobs);
    free(work->groups);
    dure_arena_free(work->arena);
    *work = (struct dure_work){0};
}
