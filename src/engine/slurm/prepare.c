/* Before an attempt is handed over: whose it is, and a folder that says where its output will lie and that it may have been handed over. Both may
 * wait for other machines, so a worker does it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/slurm/engine_inner.h"

struct preparation {
    uv_work_t work;
    struct slurm *slurm;
    uint64_t attempt;
    struct slurm_plan *plan; /* NULL: only the folder is looked at */
    bool as_daemon, noted, failed;
    struct dure_error error;
};

/* Where all jobs belong to the daemon, they would all be the superuser's: only his own may be. */
static enum dure_err find_user(struct preparation *p)
{
    struct dure_spec *spec = &p->plan->order->spec;
    if (p->as_daemon && geteuid() != 0)
        spec->login = (struct dure_span){"", 0};
    const enum dure_err err = local_plan_user(p->plan->order, &p->error);
    if (!err && p->as_daemon && geteuid() == 0 && spec->uid != 0)
        return dure_fail(
            &p->error, DURE_E_DENIED,
            "on this site jobs belong to the daemon, which is root here: submit_as: user, or a daemon that "
            "is not root");
    return err;
}

static enum dure_err write_folder(struct preparation *p, int folder_fd)
{
    struct dure_spec spec = p->plan->order->spec;
    struct dure_buf buf DURE_CLEANUP_BUF;
    const struct dure_span none = {"", 0};
    dure_buf_init(&buf, DURE_ATTEMPT_BYTES_MAX);
    spec.groups = spec.gpu_uuids = spec.token = spec.cgroup = spec.nvml = none;
    dure_spec_encode(&spec, &buf);
    struct dure_spec check;
    if (buf.failed)
        return dure_fail(&p->error, DURE_E_LIMIT, "script, command and environment together pass %d bytes",
                         DURE_ATTEMPT_BYTES_MAX);
    const enum dure_err err = dure_spec_decode(buf.data, buf.length, &check, &p->error);
    return err ? err : local_write(folder_fd, "spec", buf.data, buf.length, false, &p->error);
}

static void on_work(uv_work_t *work)
{
    struct preparation *p = work->data;
    char name[24], path[40];
    struct stat info;
    snprintf(name, sizeof name, "%" PRIu64, p->attempt);
    snprintf(path, sizeof path, "%s/spec", name);
    p->noted = fstatat(p->slurm->place.dir_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (!p->plan)
        return;
    enum dure_err err = find_user(p);
    if (p->noted) { /* by a daemon before this one; it says the same */
        p->failed = err != DURE_OK;
        return;
    }
    if (!err && mkdirat(p->slurm->place.dir_fd, name, 0700) != 0 && errno != EEXIST)
        err = dure_fail(&p->error, errno == ENOSPC ? DURE_E_FULL : DURE_E_IO, "the attempt's folder cannot be made: %s",
                        strerror(errno));
    const int folder_fd = err ? -1 : local_folder_open(&p->slurm->place, p->attempt);
    if (!err && folder_fd < 0)
        err = dure_fail(&p->error, DURE_E_IO, "the attempt's folder cannot be opened: %s", strerror(errno));
    if (!err)
        err = write_folder(p, folder_fd);
    if (folder_fd >= 0)
        close(folder_fd);
    p->failed = err != DURE_OK;
}

static void on_prepared(uv_work_t *work, int status)
{
    struct preparation *p = work->data;
    struct slurm *slurm = p->slurm;
    struct slurm_attempt *attempt = slurm->closing ? NULL : slurm_find(slurm, p->attempt);
    (void)status;
    slurm->preparing--;
    if (!attempt || attempt->state != SLURM_PREPARING) {
        slurm_plan_free(p->plan);
    } else {
        attempt->plan = p->plan;
        attempt->noted = p->noted;
        if (attempt->forget_wanted) {
            slurm_drop(attempt);
        } else if (attempt->recovering) {
            slurm_unsure(attempt); /* it may run, whatever became of its user meanwhile */
            if (p->failed) {
                slurm_plan_free(attempt->plan);
                attempt->plan = NULL;
            }
        } else if (p->failed) {
            slurm_tell(attempt, DURE_REPORT_REFUSED, p->error.text);
        } else {
            slurm_ready(attempt);
        }
    }
    free(p);
    slurm_engine_unref(slurm);
}

void slurm_prepare(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    struct preparation *p = calloc(1, sizeof *p);
    if (!p) {
        slurm_tell(attempt, DURE_REPORT_REFUSED, "out of memory");
        return;
    }
    p->work.data = p;
    p->slurm = slurm;
    p->attempt = attempt->id;
    p->plan = attempt->plan;
    p->as_daemon = slurm->site.as_daemon;
    attempt->plan = NULL;
    attempt->state = SLURM_PREPARING;
    slurm->preparing++;
    DURE_ASSERT(uv_queue_work(slurm->options.loop, &p->work, on_work, on_prepared) == 0);
}

/* ---- what is left of it when it has ended: where its output lies ---- */

struct dropping {
    uv_work_t work;
    struct slurm *slurm;
    uint64_t attempt;
};

static void on_drop(uv_work_t *work)
{
    struct dropping *dropping = work->data;
    local_forget(&dropping->slurm->place, dropping->attempt);
}

static void on_dropped(uv_work_t *work, int status)
{
    struct dropping *dropping = work->data;
    struct slurm *slurm = dropping->slurm;
    (void)status;
    free(dropping);
    slurm->preparing--;
    slurm_engine_unref(slurm);
}

void slurm_folder_drop(struct slurm *slurm, uint64_t attempt)
{
    struct dropping *dropping = calloc(1, sizeof *dropping);
    if (!dropping)
        return; /* the folder stays for the next sweep */
    *dropping = (struct dropping){.slurm = slurm, .attempt = attempt};
    dropping->work.data = dropping;
    slurm->preparing++;
    DURE_ASSERT(uv_queue_work(slurm->options.loop, &dropping->work, on_drop, on_dropped) == 0);
}
