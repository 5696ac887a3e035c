/* A report's files. Each is written beside its name, synced and renamed, so that a disk that fills leaves none that looks whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/report/report.h"

enum { PATH_ROOM = 4096, FILES = 2 + DURE_TABLE_COUNT };
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

enum dure_err dure_report_write(const struct dure_document *report, const char *folder, struct dure_error *error)
{
    struct dure_buf buf DURE_CLEANUP_BUF = {0};
    enum dure_err err = DURE_OK;
    dure_buf_init(&buf, BYTES_MAX);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return failed(error, folder, errno);
    for (unsigned i = 0; i < FILES && !err; i++) {
        char name[32];
        dure_buf_clear(&buf);
        if (i == 0)
            dure_report_html(report, &buf);
        else if (i == 1)
            dure_report_json(report, true, &buf);
        else
            dure_report_csv(report, (enum dure_report_table)(i - 2), &buf);
        snprintf(name, sizeof name, "%s.%s", i < 2 ? "report" : dure_report_table_name((enum dure_report_table)(i - 2)),
                 i == 0   ? "html"
                 : i == 1 ? "json"
                          : "csv");
        err = write_file(folder, name, &buf, error);
    }
    return err;
}
