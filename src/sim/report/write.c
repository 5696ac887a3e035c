/* A report's files. Each is written beside its name, synced and renamed, so that a disk that fills leaves none that looks whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/report/page.h"

enum { PATH_ROOM = 4096 };
#define BYTES_MAX ((size_t)1 << 30)

static enum dure_err failed(struct dure_error *error, const char *path, int code)
{
    const enum dure_err err = code == ENOSPC || code == EDQUOT  ? DURE_E_FULL
                              : code == EACCES || code == EPERM ? DURE_E_PERMISSION
                                                                : DURE_E_IO;
    return dure_fail(error, err, "%s: %s; no part of this file was left", path, strerror(code));
}

static enum dure_err write_file(const char *folder, const char *name, const struct dure_buf *buf,
                                struct dure_error *error)
{
    char path[PATH_ROOM], beside[PATH_ROOM + 8];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return dure_fail(error, DURE_E_INVALID, "%s: the path is too long", folder);
    if (buf->failed)
        return dure_fail(error, DURE_E_LIMIT,
                         "%s: found more than 1 GiB, expected less: simulate fewer tenants or chains", path);
    snprintf(beside, sizeof beside, "%s.new", path);
    const int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        return failed(error, path, errno);
    int code = 0;
    for (size_t at = 0; at < buf->length && !code;) {
        const ssize_t wrote = write(file, buf->data + at, buf->length - at);
        if (wrote < 0 && errno != EINTR)
            code = errno;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    if (!code && fsync(file) != 0)
        code = errno;
    if (close(file) != 0 && !code)
        code = errno;
    if (!code && rename(beside, path) != 0)
        code = errno;
    if (code)
        unlink(beside);
    return code ? failed(error, path, code) : DURE_OK;
}

unsigned dure_report_table_count(const struct dure_document *report)
{
    return DURE_TABLE_COUNT - !(report->run_count && report->runs[0].seeds) + (report->extra != NULL);
}

static enum dure_err write_tables(const struct dure_document *report, const char *folder, struct dure_buf *buf,
                                  struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    char name[64];
    for (unsigned t = 0; t < DURE_TABLE_COUNT && !err; t++) {
        if (t == DURE_TABLE_SEEDS && !(report->run_count && report->runs[0].seeds))
            continue;
        dure_buf_clear(buf);
        dure_report_csv(report, (enum dure_report_table)t, buf);
        snprintf(name, sizeof name, "%s.csv", dure_report_table_name((enum dure_report_table)t));
        err = write_file(folder, name, buf, error);
    }
    if (!err && report->extra) {
        dure_buf_clear(buf);
        report_extra_csv(report->extra, buf);
        snprintf(name, sizeof name, "%s.csv", report->extra->name);
        err = write_file(folder, name, buf, error);
    }
    return err;
}

enum dure_err dure_report_write(const struct dure_document *report, const char *folder, struct dure_error *error)
{
    struct dure_buf buf DURE_CLEANUP_BUF = {0};
    dure_buf_init(&buf, BYTES_MAX);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return failed(error, folder, errno);
    dure_report_html(report, &buf);
    enum dure_err err = write_file(folder, "report.html", &buf, error);
    dure_buf_clear(&buf);
    if (!err) {
        dure_report_json(report, true, &buf);
        err = write_file(folder, "report.json", &buf, error);
    }
    return err ? err : write_tables(report, folder, &buf, error);
}
