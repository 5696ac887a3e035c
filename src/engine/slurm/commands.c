/* By Slurm's commands: a process for each request, with an environment of its own and no shell. sbatch runs as whom the job shall belong to,
 * with the job's environment and nothing else; its script is a file in memory on its standard input, since an option would need a file. A worker begins
 * the process and waits for its end; what it prints is read on the loop. */
#include "engine/child.h"
#include "engine/slurm/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1200, WORDS = 12, READ_BYTES = 64 * 1024, PASSWD_BYTES = 64 * 1024, LOOK_NICER = 8 };

struct command {
    struct slurm_request *request;
    uv_pipe_t out, err;
    unsigned open; /* of the process and its two pipes, those whose end has not come */
    struct dure_spawn what;
    struct dure_child child;
    int input_fd;         /* -1: none */
    int code;             /* why it did not begin */
    bool waited_for;      /* by a worker */
    atomic_bool unwanted; /* nobody waits for it any more, and if it has not begun, it does not */
    uv_work_t work;
    const char *refusal; /* of the preparation */
    char file[PATH_BYTES_MAX], bytes[READ_BYTES];
};

static void one_less(struct command *command)
{
    struct slurm_request *request = command->request;
    slurm_unref(request);
    if (--command->open == 0) {
        if (request->own == command) /* else it is asked again already, otherwise */
            request->own = NULL;
        free(command);
        slurm_unref(request);
    }
}

static void closed(uv_handle_t *handle)
{
    one_less(handle->data);
}

/* On a worker. It stays a zombie, so that its number is nobody else's before the loop knows. */
static void await(uv_work_t *work)
{
    const struct command *command = work->data;
    siginfo_t info;
    while (waitid(P_PID, (id_t)command->child.pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
}

static void awaited(uv_work_t *work, int code)
{
    struct command *command = work->data;
    int status = 0;
    (void)code;
    const bool known = waitpid(command->child.pid, &status, 0) == command->child.pid;
    command->child.pid = 0;
    command->request->status = known && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    slurm_answered(command->request, true);
    one_less(command);
}

/* It has closed both pipes, or nobody reads them any more: it ends now. */
static void expect_end(struct command *command)
{
    if (command->waited_for)
        return;
    command->waited_for = true;
    command->work.data = command;
    DURE_ASSERT(uv_queue_work(command->request->slurm->loop, &command->work, await, awaited) == 0);
}

static void close_pipe(uv_pipe_t *pipe)
{
    if (!uv_is_closing((uv_handle_t *)pipe))
        uv_close((uv_handle_t *)pipe, closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct command *command = handle->data;
    (void)suggested;
    *buf = uv_buf_init(command->bytes, sizeof command->bytes);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct command *command = stream->data;
    struct slurm_request *request = command->request;
    struct dure_buf *to = stream == (uv_stream_t *)&command->out ? &request->out : &request->err;
    if (count < 0) {
        close_pipe((uv_pipe_t *)stream);
        if (uv_is_closing((uv_handle_t *)&command->out) && uv_is_closing((uv_handle_t *)&command->err))
            expect_end(command);
        return;
    }
    if (request->delivered)
        return;
    if (to == &request->err && request->err.length + (size_t)count >= request->err.max)
        return; /* enough was said */
    dure_buf_add(to, buf->base, (size_t)count);
    if (to->failed) { /* more than is taken: nobody reads on */
        kill(command->child.pid, SIGKILL);
        slurm_failed(request, DURE_SLURM_MALFORMED, false, SLURM_TOO_LARGE, DURE_SLURM_ANSWER_MAX >> 20);
    }
}

static char **environment(struct slurm_request *request)
{
    struct dure_arena *arena = request->arena;
    const struct dure_slurm_submit *submit = &request->submit;
    const uint32_t own = request->kind == SLURM_SUBMIT ? submit->environment_count : 0;
    char **list = DURE_ARENA_NEW(arena, char *, (size_t)own + 5);
    uint32_t count = 0;
    bool path = false;
    if (!list)
        return NULL;
    for (uint32_t i = 0; i < own; i++) {
        path |= strncmp(submit->environment[i], "PATH=", 5) == 0;
        list[count++] = (char *)(uintptr_t)submit->environment[i];
    }
    if (!path)
        list[count++] = dure_arena_strdup(arena, "PATH=/usr/local/bin:/usr/bin:/bin");
    if (*request->slurm->site.conf)
        list[count++] = dure_arena_printf(arena, "SLURM_CONF=%s", request->slurm->site.conf);
    if (request->kind == SLURM_STATES)
        list[count++] = dure_arena_strdup(arena, "SLURM_TIME_FORMAT=%s");
    for (uint32_t i = 0; i < count; i++)
        if (!list[i])
            return NULL;
    return list;
}

/* Up to NULL. */
static char **words(struct dure_arena *arena, const char *const *from)
{
    char **list = DURE_ARENA_NEW(arena, char *, WORDS);
    for (unsigned i = 0; list && from[i] && i + 1 < WORDS; i++)
        list[i] = (char *)(uintptr_t)from[i];
    return list;
}

static char **deed_words(struct slurm_request *request, const char *id)
{
    struct dure_arena *arena = request->arena;
    if (request->deed == SLURM_DEED_RELEASE)
        return words(arena, (const char *const[]){"scontrol", "release", id, NULL});
    if (request->deed == SLURM_DEED_EXTEND) {
        const char *job = dure_arena_printf(arena, "JobId=%u", request->job_id);
        const char *limit =
            dure_arena_printf(arena, "TimeLimit=%" PRId64, (request->walltime_us + 59999999) / 60000000);
        return job && limit ? words(arena, (const char *const[]){"scontrol", "update", job, limit, NULL}) : NULL;
    }
    const char *signal = dure_arena_printf(arena, "--signal=%s", slurm_signal_name(request->signal));
    if (!signal)
        return NULL;
    if (request->scope == DURE_SLURM_STEPS)
        return words(arena, (const char *const[]){"scancel", signal, id, NULL});
    const char *scope = request->scope == DURE_SLURM_ALL ? "--full" : "--batch";
    return words(arena, (const char *const[]){"scancel", signal, scope, id, NULL});
}

static char **states_words(struct slurm_request *request)
{
    struct dure_buf ids DURE_CLEANUP_BUF;
    dure_buf_init(&ids, 12 * DURE_SLURM_JOB_IDS_MAX);
    for (uint32_t i = 0; i < request->filter.job_id_count; i++)
        dure_buf_printf(&ids, ",%" PRIu32, request->filter.job_ids[i]);
    char *few = request->filter.job_id_count && !ids.failed
                    ? dure_arena_printf(request->arena, "--jobs=%s", ids.data + 1)
                    : NULL;
    if (request->filter.job_id_count && !few)
        return NULL;
    return words(request->arena, (const char *const[]){"squeue", "--all", "--states=all", "--sort=i", "-O",
                                                       slurm_states_columns(), few, NULL});
}

/* The words of a command; the first is its name. NULL: no memory. */
static char **arguments(struct slurm_request *request)
{
    struct dure_arena *arena = request->arena;
    const char *id = dure_arena_printf(arena, "%u", request->job_id);
    if (!id)
        return NULL;
    switch (request->kind) {
    case SLURM_SUBMIT: return slurm_submit_arguments(&request->submit, &request->slurm->site, arena);
    case SLURM_JOBS: /* newer ones leave out what has ended unless they are asked for it */
        return words(arena, (const char *const[]){"squeue", "--json", "--all", "--states=all", NULL});
    case SLURM_STATES: return states_words(request);
    case SLURM_NODES:
        return request->slurm->newer ? words(arena, (const char *const[]){"scontrol", "--json", "show", "nodes", NULL})
                                     : words(arena, (const char *const[]){"sinfo", "--json", NULL});
    case SLURM_PARTITIONS: return words(arena, (const char *const[]){"scontrol", "-o", "show", "partition", NULL});
    case SLURM_PING: return words(arena, (const char *const[]){"scontrol", "ping", NULL});
    case SLURM_CONFIG: return words(arena, (const char *const[]){"scontrol", "show", "config", NULL});
    case SLURM_TOPOLOGY: return words(arena, (const char *const[]){"scontrol", "-o", "show", "topology", NULL});
    case SLURM_CANCEL: return words(arena, (const char *const[]){"scancel", id, NULL});
    default: return deed_words(request, id);
    }
}

static void open_pipe(struct command *command, uv_pipe_t *pipe, int fd)
{
    DURE_ASSERT(uv_pipe_init(command->request->slurm->loop, pipe, 0) == 0);
    pipe->data = command;
    slurm_ref(command->request);
    DURE_ASSERT(uv_pipe_open(pipe, fd) == 0);
    uv_read_start((uv_stream_t *)pipe, on_room, on_bytes);
}

/* On a worker: names of users may be asked of a network. */
static void find_user(struct command *command, const char *login)
{
    struct passwd entry, *found = NULL;
    char *bytes = malloc(PASSWD_BYTES);
    if (!bytes || getpwnam_r(login, &entry, bytes, PASSWD_BYTES, &found) != 0 || !found)
        command->refusal = "no such user on this machine";
    else if (found->pw_uid != geteuid()) {
        command->what.other_user = true;
        command->what.uid = found->pw_uid;
        command->what.gid = found->pw_gid;
        if (geteuid() != 0)
            command->refusal = "only root submits as another user";
    }
    free(bytes);
}

static void write_script(struct command *command)
{
    const struct dure_slurm_submit *submit = &command->request->submit;
    size_t done = 0;
    const int fd = memfd_create("script", MFD_CLOEXEC);
    while (fd >= 0 && done < submit->script_length) {
        const ssize_t put = write(fd, submit->script + done, submit->script_length - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put < 0 ? 0 : (size_t)put;
    }
    if (done < submit->script_length || lseek(fd, 0, SEEK_SET) != 0)
        command->refusal = "no memory for its script";
    command->input_fd = fd;
}

/* A look is short, and everything waits for it: on a busy machine it goes before others, where we may say so. Among sessions the kernel divides by
 * these, if at all, and not by processes. */
static void go_first(pid_t pid)
{
    char path[64], text[16];
    const int nice = getpriority(PRIO_PROCESS, 0) - LOOK_NICER;
    (void)setpriority(PRIO_PROCESS, (id_t)pid, nice);
    snprintf(path, sizeof path, "/proc/%d/autogroup", (int)pid);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, text, (size_t)snprintf(text, sizeof text, "%d", nice));
    close(fd);
}

static void prepare(uv_work_t *work)
{
    struct command *command = work->data;
    const struct slurm_request *request = command->request;
    if (request->kind == SLURM_SUBMIT) {
        if (request->submit.user)
            find_user(command, request->submit.user);
        write_script(command);
    }
    if (!command->refusal && !atomic_load(&command->unwanted))
        command->code = dure_spawn_piped(&command->what, command->input_fd, &command->child);
    if (command->child.pid && request->kind == SLURM_STATES)
        go_first(command->child.pid);
    if (command->input_fd >= 0)
        close(command->input_fd);
}

static void give_up(struct command *command)
{
    struct slurm_request *request = command->request;
    request->own = NULL;
    free(command);
    slurm_unref(request);
}

static void commands_abort(struct slurm_request *request);

static void prepared(uv_work_t *work, int status)
{
    struct command *command = work->data;
    struct slurm_request *request = command->request;
    const char *login = request->submit.user ? request->submit.user : "";
    (void)status;
    if (command->child.pid) {
        command->open = 3;
        open_pipe(command, &command->out, command->child.out_fd);
        open_pipe(command, &command->err, command->child.err_fd);
        if (request->delivered)
            commands_abort(request);
        return; /* the work's reference is the process's now */
    }
    if (command->refusal)
        slurm_failed(request, DURE_SLURM_DENIED, true, "user '%s': %s", login, command->refusal);
    else
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "%s cannot be started: %s", command->file,
                     strerror(command->code));
    give_up(command);
    slurm_unref(request);
}

static void commands_begin(struct slurm_request *request)
{
    struct command *command = calloc(1, sizeof *command);
    if (!command || !(command->what.arguments = arguments(request)) ||
        !(command->what.environment = environment(request))) {
        free(command);
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "out of memory");
        return;
    }
    snprintf(command->file, sizeof command->file, "%s/%s", request->slurm->site.path, command->what.arguments[0]);
    command->what.file = command->file;
    command->what.session = true; /* no key at a terminal interrupts what was begun */
    command->input_fd = -1;
    command->request = request;
    request->own = command;
    slurm_ref(request); /* of the command */
    command->work.data = command;
    slurm_ref(request);
    DURE_ASSERT(uv_queue_work(request->slurm->loop, &command->work, prepare, prepared) == 0);
}

/* What was asked may have arrived. The process is still waited for, so that it is no zombie; its pipes are not, since what it began may hold
 * them open. */
static void commands_abort(struct slurm_request *request)
{
    struct command *command = request->own;
    if (!command)
        return;
    atomic_store(&command->unwanted, true);
    if (!command->open)
        return;
    if (command->child.pid)
        kill(command->child.pid, SIGKILL);
    close_pipe(&command->out);
    close_pipe(&command->err);
    expect_end(command);
}

static void commands_free(struct dure_slurm *slurm)
{
    (void)slurm;
}

const struct slurm_way slurm_commands = {commands_begin, commands_abort, commands_free};
