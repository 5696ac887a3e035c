/* Snapshots, written by a forked child so that the owner goes on: the child has the state as it was at the fork. That state may be ahead of the disk;
 * the child may put its file in place only once told, through a pipe, that all its leaves are durable. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/view.h"
#include "dured/daemon.h"

enum { NICE = 10, JOBS_PER_LEAF = 4 };

static enum dure_err write_state(struct daemon *daemon, uint64_t sequence, struct dure_snapshot_writer **ret_writer,
                                 struct dure_error *error)
{
    enum dure_err err;

    err = dure_snapshot_begin(daemon->options.state, sequence, dure_core_digest(daemon->core), DURE_CORE_VERSION,
                              ret_writer, error);
    if (err != DURE_OK)
        return err;
    err = dure_core_save(daemon->core, dure_snapshot_write, *ret_writer);
    if (err == DURE_OK)
        return DURE_OK;
    dure_snapshot_abort(*ret_writer);
    return dure_fail(error, err, "the state could not be written");
}

static void close_others(int keep)
{
    if (keep > 3)
        close_range(3, (unsigned)keep - 1, 0);
    close_range((unsigned)keep + 1, ~0u, 0);
}

/* Only this thread exists here, and nothing that the parent shares is touched: no socket, no journal. */
_Noreturn static void child_main(struct daemon *daemon, uint64_t sequence, int pipe_fd)
{
    struct dure_snapshot_writer *writer;
    struct dure_error error = {0};
    sigset_t none;
    char byte;
    ssize_t got;

    close_others(pipe_fd);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    if (write_state(daemon, sequence, &writer, &error) != DURE_OK) {
        log_line(LOG_LEVEL_WARNING, "snapshot: %s", error.text);
        _exit(1);
    }
    do
        got = read(pipe_fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1) {
        dure_snapshot_abort(writer);
        _exit(2);
    }
    if (dure_snapshot_commit(writer, &error) != DURE_OK) {
        log_line(LOG_LEVEL_WARNING, "snapshot: %s", error.text);
        _exit(1);
    }
    _exit(0);
}

static void begin(struct daemon *daemon)
{
    int ends[2];
    pid_t child;
    int64_t before = real_us();

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    daemon->snapshot_sequence = dure_loop_stepped(daemon->loop);
    child = fork();
    if (child == 0) {
        close(ends[1]);
        child_main(daemon, daemon->snapshot_sequence, ends[0]);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        log_line(LOG_LEVEL_WARNING, "snapshot: cannot fork: %s", strerror(errno));
        return;
    }
    daemon->snapshot_child = child;
    daemon->snapshot_pipe = ends[1];
    daemon->snapshot_wanted = false;
    daemon->snapshot_begun_us = before;
    log_line(LOG_LEVEL_DEBUG, "snapshot of %llu leaves begun; the owner paused %lld us",
             (unsigned long long)daemon->snapshot_sequence, (long long)(real_us() - before));
    snapshot_durable(daemon);
}

void snapshot_durable(struct daemon *daemon)
{
    if (daemon->snapshot_child == 0 || daemon->snapshot_pipe < 0 ||
        dure_loop_durable(daemon->loop) < daemon->snapshot_sequence)
        return;
    if (write(daemon->snapshot_pipe, "d", 1) != 1)
        log_line(LOG_LEVEL_DEBUG, "snapshot: its writer is gone");
    close(daemon->snapshot_pipe);
    daemon->snapshot_pipe = -1;
}

/* When the tail to be replayed is worth a snapshot: a large state is written less often, so that writing stays a small part of the work. */
void snapshot_consider(struct daemon *daemon)
{
    uint64_t leaves = dure_loop_stepped(daemon->loop) - daemon->snapshot_last;
    struct dure_core_counts counts = dure_core_counts(daemon->core);
    uint64_t enough = (counts.jobs_pending + counts.jobs_running) / JOBS_PER_LEAF;
    bool old = real_us() - daemon->snapshot_last_us >= SNAPSHOT_SECONDS * INT64_C(1000000);

    if (enough < daemon->options.snapshot_leaves)
        enough = daemon->options.snapshot_leaves;
    if (daemon->snapshot_child != 0)
        return;
    if (leaves >= enough || (old && leaves >= SNAPSHOT_IDLE_LEAVES) || daemon->snapshot_wanted)
        begin(daemon);
}

static void on_child(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    int status;

    (void)number;
    if (daemon->snapshot_child == 0 || waitpid(daemon->snapshot_child, &status, WNOHANG) != daemon->snapshot_child)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_line(LOG_LEVEL_INFO, "snapshot of %llu leaves written in %lld ms",
                 (unsigned long long)daemon->snapshot_sequence,
                 (long long)(real_us() - daemon->snapshot_begun_us) / 1000);
        daemon->snapshot_last = daemon->snapshot_sequence;
    }
    daemon->snapshot_last_us = real_us();
    daemon->snapshot_child = 0;
    if (daemon->snapshot_pipe >= 0)
        close(daemon->snapshot_pipe);
    daemon->snapshot_pipe = -1;
}

void snapshot_start(struct daemon *daemon)
{
    daemon->snapshot_pipe = -1;
    daemon->snapshot_last_us = real_us();
    uv_signal_init(&daemon->uv, &daemon->signal_child);
    daemon->signal_child.data = daemon;
    uv_signal_start(&daemon->signal_child, on_child, SIGCHLD);
}

void snapshot_cancel(struct daemon *daemon)
{
    int status;

    if (daemon->snapshot_child == 0)
        return;
    kill(daemon->snapshot_child, SIGKILL);
    while (waitpid(daemon->snapshot_child, &status, 0) < 0 && errno == EINTR)
        ;
    daemon->snapshot_child = 0;
    if (daemon->snapshot_pipe >= 0)
        close(daemon->snapshot_pipe);
    daemon->snapshot_pipe = -1;
}

void snapshot_now(struct daemon *daemon)
{
    struct dure_snapshot_writer *writer;
    struct dure_error error = {0};
    enum dure_err err;

    snapshot_cancel(daemon);
    if (daemon->snapshot_last == dure_loop_stepped(daemon->loop) ||
        dure_loop_durable(daemon->loop) != dure_loop_stepped(daemon->loop))
        return;
    err = write_state(daemon, dure_loop_durable(daemon->loop), &writer, &error);
    if (err == DURE_OK)
        err = dure_snapshot_commit(writer, &error);
    if (err != DURE_OK)
        log_line(LOG_LEVEL_WARNING, "snapshot: %s", error.text);
}
