#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/local_inner.h"

enum { LAUNCHES_MAX = 5 };

static void refuse(struct local_visit *visit, const char *reason)
{
    visit->outcome = LOCAL_REFUSED;
    visit->status = (struct dure_status){.report = DURE_REPORT_REFUSED};
    snprintf(visit->status.reason, sizeof visit->status.reason, "%.*s", DURE_REASON_MAX, reason);
}

static void refuse_or_again(struct local_visit *visit, const struct dure_error *error)
{
    if (error->code == DURE_E_BUSY)
        visit->outcome = LOCAL_AGAIN;
    else
        refuse(visit, error->text);
}

/* A spec that is there and whole stays: another minder may already be reading it. */
static bool spec_is_there(int folder_fd)
{
    char *bytes;
    size_t length;
    struct dure_spec spec;
    if (local_read(folder_fd, "spec", DURE_ATTEMPT_BYTES_MAX, &bytes, &length) != DURE_OK)
        return false;
    const bool whole = dure_spec_decode(bytes, length, &spec, NULL) == DURE_OK;
    free(bytes);
    return whole;
}

static enum dure_err write_spec(struct local_visit *visit, int folder_fd, struct dure_error *error)
{
    if (spec_is_there(folder_fd))
        return DURE_OK;
    if (!visit->plan)
        return dure_fail(error, DURE_E_STATE, "the attempt has no order");
    enum dure_err err = local_plan_complete(visit->plan, visit->place, error);
    if (err)
        return err;
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, DURE_ATTEMPT_BYTES_MAX);
    dure_spec_encode(&visit->plan->spec, &buf);
    struct dure_spec check;
    if (buf.failed)
        return dure_fail(error, DURE_E_LIMIT, "script, command and environment together pass %d bytes",
                         DURE_ATTEMPT_BYTES_MAX);
    err = dure_spec_decode(buf.data, buf.length, &check, error);
    if (!err)
        err = local_write(folder_fd, "spec", buf.data, buf.length, false, error);
    return err;
}

static void begin_now(struct local_visit *visit, int folder_fd)
{
    struct dure_error error;
    if (visit->recovering && visit->launches == 0 && local_boot_earlier(visit->place, visit->attempt)) {
        snprintf(visit->lost_reason, sizeof visit->lost_reason,
                 "the machine went down; whether it had begun is not known");
        visit->outcome = LOCAL_LOST;
        return;
    }
    if (visit->launches >= LAUNCHES_MAX) {
        refuse(visit, "dure-minder ends each time before it can claim the attempt");
        return;
    }
    if (local_boot_store(visit->place, &error) || write_spec(visit, folder_fd, &error) ||
        local_minder_start(visit->place, visit->attempt, &visit->fd, &visit->pid, &error)) {
        refuse_or_again(visit, &error);
        return;
    }
    visit->peer = visit->pid;
    visit->outcome = LOCAL_CHANNEL;
}

static void begin(struct local_visit *visit, int folder_fd)
{
    visit->outcome = LOCAL_NEVER;
    if (!visit->may_begin)
        return;
    switch (local_leaving_turn(visit->place, visit->attempt, visit->plan ? &visit->plan->spec : NULL, folder_fd)) {
    case LOCAL_TURN_NEVER: break;
    case LOCAL_TURN_LATER: visit->outcome = LOCAL_AGAIN; break;
    case LOCAL_TURN_NOW:
        begin_now(visit, folder_fd);
        local_leaving_begun(visit->place, visit->attempt);
        break;
    }
}

static void attach(struct local_visit *visit)
{
    visit->fd = local_minder_connect(visit->place, visit->attempt, &visit->peer);
    visit->outcome = visit->fd >= 0 ? LOCAL_CHANNEL : LOCAL_AGAIN;
}

static void settle(struct local_visit *visit, int folder_fd)
{
    if (!local_leftovers_kill(folder_fd)) {
        visit->outcome = LOCAL_AGAIN; /* something cannot be killed yet: its GPUs are still in use */
        return;
    }
    snprintf(visit->lost_reason, sizeof visit->lost_reason,
             "its minder ended without leaving a status (killed, or the machine went down)");
    visit->outcome = LOCAL_LOST;
}

void local_visit_run(struct local_visit *visit)
{
    char name[24], text[160];
    snprintf(name, sizeof name, "%" PRIu64, visit->attempt);
    visit->fd = -1;
    const bool made = mkdirat(visit->place->dir_fd, name, 0700) == 0;
    const int code = made ? 0 : errno;
    const int folder_fd = local_folder_open(visit->place, visit->attempt);
    if (folder_fd < 0) {
        const int reason = made || code == EEXIST ? errno : code;
        snprintf(text, sizeof text, "the attempt's folder cannot be made: %s", strerror(reason));
        if (reason == EMFILE || reason == ENFILE)
            visit->outcome = LOCAL_AGAIN;
        else
            refuse(visit, text);
        return;
    }
    switch (local_look(folder_fd, &visit->status)) {
    case LOCAL_FOUND_NOTHING: begin(visit, folder_fd); break;
    case LOCAL_FOUND_STATUS: visit->outcome = LOCAL_STATUS; break;
    case LOCAL_FOUND_ALIVE: attach(visit); break;
    case LOCAL_FOUND_DEAD: settle(visit, folder_fd); break;
    case LOCAL_FOUND_UNREADABLE: visit->outcome = LOCAL_AGAIN; break;
    }
    close(folder_fd);
}

bool local_end_by_force(const struct local_place *place, uint64_t attempt)
{
    struct dure_status status;
    pid_t peer = 0;
    const int folder_fd = local_folder_open(place, attempt);
    if (folder_fd < 0)
        return errno == ENOENT;
    /* Claimed by us, it can be begun by no minder that is still on its way. */
    const int claim_fd = openat(folder_fd, "claimed", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (claim_fd >= 0)
        close(claim_fd);
    const enum local_found found = local_look(folder_fd, &status);
    if (claim_fd >= 0 || found == LOCAL_FOUND_STATUS) {
        close(folder_fd); /* nothing ever began; or it ended: a status is written when nothing is left */
        return true;
    }
    if (found == LOCAL_FOUND_ALIVE) {
        const int fd = local_minder_connect(place, attempt, &peer);
        if (fd >= 0) {
            kill(peer, SIGKILL);
            close(fd);
        }
    }
    const bool clear =
        (found != LOCAL_FOUND_ALIVE || peer > 0) && found != LOCAL_FOUND_UNREADABLE && local_leftovers_kill(folder_fd);
    close(folder_fd);
    return clear;
}
