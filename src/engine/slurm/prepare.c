/* Before an attempt is handed over: whose it is, and a folder that says where its output will lie and that it may have been handed over. Both may
 * wait for other machines, so a worker does it.
 *
 * Folders that have served are kept for those to come, up to 64: ext4 looks long for the number of a new file where many were removed just now, for
 * all who make files there, and a thousand short jobs spend more on that than on anything else dure does for them. */
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
    unsigned spare; /* SPARE_NONE: a new folder */
    bool spare_tried;
    struct dure_error error;
};

enum { SPARES = 64, SPARE_NONE = SPARES };

/* One that is there, or, to keep one, a number that is not; busy until it is given back. */
static unsigned spare_take(struct slurm *slurm, bool is_there)
{
    const uint64_t among = is_there ? slurm->spares_free : ~(slurm->spares_free | slurm->spares_busy);
    if (!among)
        return SPARE_NONE;
    const unsigned number = (unsigned)__builtin_ctzll(among);
    slurm->spares_free &= ~(UINT64_C(1) << number);
    slurm->spares_busy |= UINT64_C(1) << number;
    return number;
}

static void spare_give(struct slurm *slurm, unsigned number, bool is_there)
{
    if (number == SPARE_NONE)
        return;
    slurm->spares_busy &= ~(UINT64_C(1) << number);
    slurm->spares_free |= (uint64_t)is_there << number;
}

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

void slurm_spares_find(struct slurm *slurm)
{
    struct stat info;
    char name[24];
    for (unsigned i = 0; i < SPARES; i++) {
        local_spare_name(i, name);
        if (fstatat(slurm->place.dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
            slurm->spares_free |= UINT64_C(1) << i;
    }
}

static enum dure_err encode(struct preparation *p, struct dure_buf *buf)
{
    struct dure_spec spec = p->plan->order->spec, check;
    const struct dure_span none = {"", 0};
    spec.groups = spec.gpu_uuids = spec.token = spec.cgroup = spec.nvml = none;
    dure_spec_encode(&spec, buf);
    if (buf->failed)
        return dure_fail(&p->error, DURE_E_LIMIT, "script, command and environment together pass %d bytes",
                         DURE_ATTEMPT_BYTES_MAX);
    return dure_spec_decode(buf->data, buf->length, &check, &p->error);
}

static enum dure_err make_folder(struct preparation *p, const char *name, const struct dure_buf *spec)
{
    if (mkdirat(p->slurm->place.dir_fd, name, 0700) != 0 && errno != EEXIST)
        return dure_fail(&p->error, errno == ENOSPC ? DURE_E_FULL : DURE_E_IO,
                         "the attempt's folder cannot be made: %s", strerror(errno));
    const int folder_fd = local_folder_open(&p->slurm->place, p->attempt);
    if (folder_fd < 0)
        return dure_fail(&p->error, DURE_E_IO, "the attempt's folder cannot be opened: %s", strerror(errno));
    const enum dure_err err = local_write(folder_fd, "spec", spec->data, spec->length, false, &p->error);
    close(folder_fd);
    return err;
}

static void on_work(uv_work_t *work)
{
    struct preparation *p = work->data;
    struct dure_buf spec DURE_CLEANUP_BUF;
    char name[24], path[40];
    dure_buf_init(&spec, DURE_ATTEMPT_BYTES_MAX);
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
    if (!err)
        err = encode(p, &spec);
    p->spare_tried = !err && p->spare != SPARE_NONE;
    if (!err && !(p->spare_tried && local_spare_use(&p->slurm->place, p->spare, p->attempt, spec.data, spec.length)))
        err = make_folder(p, name, &spec);
    p->failed = err != DURE_OK;
}

static void on_prepared(uv_work_t *work, int status)
{
    struct preparation *p = work->data;
    struct slurm *slurm = p->slurm;
    struct slurm_attempt *attempt = slurm->closing ? NULL : slurm_find(slurm, p->attempt);
    (void)status;
    slurm->preparing--;
    spare_give(slurm, p->spare, !p->spare_tried);
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
    p->spare = attempt->plan && !attempt->recovering ? spare_take(slurm, true) : SPARE_NONE;
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
    unsigned spare;
    bool kept;
};

static void on_drop(uv_work_t *work)
{
    struct dropping *dropping = work->data;
    dropping->kept = dropping->spare != SPARE_NONE &&
                     local_forget_spare(&dropping->slurm->place, dropping->attempt, dropping->spare);
    if (!dropping->kept)
        local_forget(&dropping->slurm->place, dropping->attempt);
}

static void on_dropped(uv_work_t *work, int status)
{
    struct dropping *dropping = work->data;
    struct slurm *slurm = dropping->slurm;
    (void)status;
    spare_give(slurm, dropping->spare, dropping->kept);
    free(dropping);
    slurm->preparing--;
    slurm_engine_unref(slurm);
}

void slurm_folder_drop(struct slurm *slurm, uint64_t attempt)
{
    struct dropping *dropping = calloc(1, sizeof *dropping);
    if (!dropping)
        return; /* the folder stays for the next sweep */
    *dropping = (struct dropping){.slurm = slurm, .attempt = attempt, .spare = spare_take(slurm, false)};
    dropping->work.data = dropping;
    slurm->preparing++;
    DURE_ASSERT(uv_queue_work(slurm->options.loop, &dropping->work, on_drop, on_dropped) == 0);
}
