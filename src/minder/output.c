#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/outname.h"
#include "minder/minder.h"

/* What is said here goes into the record for ever: it names no path and no login. The job's own fields have them, as long as they are kept.
 *
 * As the user. A FIFO that nobody reads must not hold the attempt up, so the file is opened without waiting and made blocking after. */
static int open_output(const struct minder *minder, const char *what, const char *path, struct dure_error *error)
{
    const int truncate = minder->spec.restarts == 0 ? O_TRUNC : 0;
    const int fd = openat(minder->workdir_fd, path,
                          O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | truncate, 0644);
    if (fd < 0) {
        (void)dure_fail(error, DURE_E_PERMISSION, "the %s file cannot be opened: %s", what, strerror(errno));
        return -1;
    }
    if (fcntl(fd, F_SETFL, O_APPEND) != 0) {
        (void)dure_fail(error, DURE_E_IO, "the %s file cannot be used: %s", what, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static enum dure_err open_task(struct minder *minder, uint32_t index, bool out_differs, bool err_differs,
                               struct dure_error *error)
{
    struct minder_task *task = &minder->tasks[index];
    char out[DURE_LOCAL_PATH_MAX], err[DURE_LOCAL_PATH_MAX];
    enum dure_err code = dure_out_name(&minder->spec, index, false, out, sizeof out, error);
    if (!code)
        code = dure_out_name(&minder->spec, index, true, err, sizeof err, error);
    if (code)
        return code;
    task->out_fd = index > 0 && !out_differs ? minder->tasks[0].out_fd : open_output(minder, "output", out, error);
    if (task->out_fd < 0)
        return DURE_E_PERMISSION;
    if (strcmp(out, err) == 0)
        task->err_fd = task->out_fd;
    else if (index > 0 && !err_differs)
        task->err_fd = minder->tasks[0].err_fd;
    else
        task->err_fd = open_output(minder, "error", err, error);
    return task->err_fd < 0 ? DURE_E_PERMISSION : DURE_OK;
}

static enum dure_err open_as_user(struct minder *minder, struct dure_error *error)
{
    minder->workdir_fd = open(minder->spec.workdir.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (minder->workdir_fd < 0 || faccessat(minder->workdir_fd, ".", X_OK, AT_EACCESS) != 0)
        return dure_fail(error, DURE_E_PERMISSION, "the working directory cannot be entered: %s", strerror(errno));
    const bool out_differs = dure_out_name_per_task(&minder->spec, false),
               err_differs = dure_out_name_per_task(&minder->spec, true);
    for (uint32_t i = 0; i < minder->spec.tasks; i++) {
        const enum dure_err err = open_task(minder, i, out_differs, err_differs, error);
        if (err)
            return err;
    }
    return DURE_OK;
}

/* The script lives in memory: no file that another user could change between now and its start. Interpreters get it as /dev/fd/N. */
static enum dure_err hold_script(struct minder *minder, struct dure_error *error)
{
    const struct dure_span script = minder->spec.script;
    if (script.length == 0)
        return DURE_OK;
    const int fd = memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return dure_fail(error, DURE_E_MEMORY, "no room for the script: %s", strerror(errno));
    minder->script_fd = fd;
    for (size_t done = 0; done < script.length;) {
        const ssize_t put = write(fd, script.data + done, script.length - done);
        if (put < 0 && errno != EINTR)
            return dure_fail(error, DURE_E_MEMORY, "no room for the script: %s", strerror(errno));
        done += put > 0 ? (size_t)put : 0;
    }
    if (fchmod(fd, 0555) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        return dure_fail(error, DURE_E_IO, "the script cannot be sealed: %s", strerror(errno));
    return DURE_OK;
}

static enum dure_err raise_file_limit(struct minder *minder, struct dure_error *error)
{
    struct rlimit limit;
    const rlim_t want = (rlim_t)minder->spec.tasks * 2 + 64;
    DURE_ASSERT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    minder->files_before = limit;
    if (limit.rlim_cur >= want)
        return DURE_OK;
    if (limit.rlim_max < want)
        return dure_fail(error, DURE_E_LIMIT, "%u tasks need %u open files; this machine permits %u",
                         (unsigned)minder->spec.tasks, (unsigned)want, (unsigned)limit.rlim_max);
    limit.rlim_cur = want;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0
               ? DURE_OK
               : dure_fail(error, DURE_E_LIMIT, "%u open files: %s", (unsigned)want, strerror(errno));
}

enum dure_err minder_files_open(struct minder *minder, struct dure_error *error)
{
    enum dure_err err = raise_file_limit(minder, error);
    if (!err)
        err = hold_script(minder, error);
    if (err)
        return err;
    minder->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (minder->null_fd < 0)
        return dure_fail(error, DURE_E_IO, "/dev/null: %s", strerror(errno));
    if (!minder_user_enter(minder))
        return dure_fail(error, DURE_E_PERMISSION, "cannot take the user's rights: %s", strerror(errno));
    umask(022);
    err = open_as_user(minder, error);
    minder_user_leave(minder);
    umask(077);
    return err;
}
