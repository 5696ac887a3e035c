/* By Slurm's commands: a process for each request, with an environment of its own and no shell. sbatch runs as whom the job shall belong to,
 * with the job's environment and nothing else; its script is a file in memory on its standard input, since an option would need a file. */
#include "engine/slurm/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1200, WORDS = 12, READ_BYTES = 64 * 1024, PASSWD_BYTES = 64 * 1024 };

struct command {
    struct slurm_request *request;
    uv_process_t process;
    uv_pipe_t out, err;
    unsigned open; /* of the three, those whose end has not come */
    int script_fd;
    bool other_user;
    uv_uid_t uid;
    uv_gid_t gid;
    uv_work_t work;
    const char *refusal; /* of the preparation */
    char **arguments, **environment;
    char bytes[READ_BYTES];
};

static void closed(uv_handle_t *handle)
{
    struct command *command = handle->data;
    struct slurm_request *request = command->request;
    slurm_unref(request);
    if (--command->open == 0) {
        if (request->own == command) /* else it is asked again already, otherwise */
            request->own = NULL;
        free(command);
        slurm_unref(request);
    }
}

/* Of the process and its two pipes one has come to its end; with the last the answer is whole. */
static void ended(struct command *command, uv_handle_t *handle)
{
    if (uv_is_closing(handle))
        return;
    const bool last = uv_is_closing((uv_handle_t *)&command->process) + uv_is_closing((uv_handle_t *)&command->out) +
                          uv_is_closing((uv_handle_t *)&command->err) ==
                      2;
    uv_close(handle, closed);
    if (last)
        slurm_answered(command->request, true);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct command *command = process->data;
    command->request->status = signal ? -1 : (int)status;
    ended(command, (uv_handle_t *)process);
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
        ended(command, (uv_handle_t *)stream);
        return;
    }
    if (request->delivered)
        return;
    if (to == &request->err && request->err.length + (size_t)count >= request->err.max)
        return; /* enough was said */
    dure_buf_add(to, buf->base, (size_t)count);
    if (to->failed) { /* more than is taken: nobody reads on */
        uv_process_kill(&command->process, SIGKILL);
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

/* The words of a command; the first is its name. NULL: no memory. */
static char **arguments(struct slurm_request *request)
{
    struct dure_arena *arena = request->arena;
    const char *id = dure_arena_printf(arena, "%u", request->job_id);
    if (!id)
        return NULL;
    switch (request->kind) {
    case SLURM_SUBMIT: return slurm_submit_arguments(&request->submit, &request->slurm->site, arena);
    case SLURM_JOBS: return words(arena, (const char *const[]){"squeue", "--json", NULL});
    case SLURM_STATES:
        return words(arena, (const char *const[]){"squeue", "--all", "--states=all", "--sort=i", "-O",
                                                  slurm_states_columns(), NULL});
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

static void open_pipe(struct command *command, uv_pipe_t *pipe, uv_stdio_container_t *stdio)
{
    DURE_ASSERT(uv_pipe_init(command->request->slurm->loop, pipe, 0) == 0);
    pipe->data = command;
    slurm_ref(command->request);
    stdio->flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
    stdio->data.stream = (uv_stream_t *)pipe;
}

static void spawn(struct command *command)
{
    struct slurm_request *request = command->request;
    struct dure_slurm *slurm = request->slurm;
    char file[PATH_BYTES_MAX];
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
    snprintf(file, sizeof file, "%s/%s", slurm->site.path, command->arguments[0]);
    if (command->script_fd >= 0) {
        stdio[0].flags = UV_INHERIT_FD;
        stdio[0].data.fd = command->script_fd;
    }
    open_pipe(command, &command->out, &stdio[1]);
    open_pipe(command, &command->err, &stdio[2]);
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = file,
                                    .args = command->arguments,
                                    .env = command->environment,
                                    .cwd = "/",
                                    .stdio = stdio,
                                    .stdio_count = 3,
                                    .uid = command->uid,
                                    .gid = command->gid};
    if (command->other_user)
        options.flags = UV_PROCESS_SETUID | UV_PROCESS_SETGID;
    command->process.data = command;
    slurm_ref(request);
    const int code = uv_spawn(slurm->loop, &command->process, &options);
    if (command->script_fd >= 0)
        close(command->script_fd);
    command->script_fd = -1;
    command->open = 3;
    if (code) {
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "%s cannot be started: %s", file, uv_strerror(code));
        uv_close((uv_handle_t *)&command->out, closed);
        uv_close((uv_handle_t *)&command->err, closed);
        uv_close((uv_handle_t *)&command->process, closed);
        return;
    }
    uv_read_start((uv_stream_t *)&command->out, on_room, on_bytes);
    uv_read_start((uv_stream_t *)&command->err, on_room, on_bytes);
}

/* On a worker: names of users may be asked of a network. */
static void find_user(struct command *command, const char *login)
{
    struct passwd entry, *found = NULL;
    char *bytes = malloc(PASSWD_BYTES);
    if (!bytes || getpwnam_r(login, &entry, bytes, PASSWD_BYTES, &found) != 0 || !found)
        command->refusal = "no such user on this machine";
    else if (found->pw_uid != geteuid()) {
        command->other_user = true;
        command->uid = found->pw_uid;
        command->gid = found->pw_gid;
        if (geteuid() != 0)
            command->refusal = "only root submits as another user";
    }
    free(bytes);
}

static void prepare(uv_work_t *work)
{
    struct command *command = work->data;
    const struct dure_slurm_submit *submit = &command->request->submit;
    size_t done = 0;
    if (submit->user)
        find_user(command, submit->user);
    command->script_fd = memfd_create("script", MFD_CLOEXEC);
    while (command->script_fd >= 0 && done < submit->script_length) {
        const ssize_t put = write(command->script_fd, submit->script + done, submit->script_length - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put < 0 ? 0 : (size_t)put;
    }
    if (done < submit->script_length || lseek(command->script_fd, 0, SEEK_SET) != 0)
        command->refusal = "no memory for its script";
}

static void give_up(struct command *command)
{
    struct slurm_request *request = command->request;
    if (command->script_fd >= 0)
        close(command->script_fd);
    request->own = NULL;
    free(command);
    slurm_unref(request);
}

static void prepared(uv_work_t *work, int status)
{
    struct command *command = work->data;
    struct slurm_request *request = command->request;
    const char *login = request->submit.user ? request->submit.user : "";
    (void)status;
    slurm_ref(request);
    if (request->delivered)
        give_up(command);
    else if (command->refusal) {
        slurm_failed(request, DURE_SLURM_DENIED, true, "user '%s': %s", login, command->refusal);
        give_up(command);
    } else
        spawn(command);
    slurm_unref(request); /* of this function */
    slurm_unref(request); /* of the work */
}

static void commands_begin(struct slurm_request *request)
{
    struct command *command = calloc(1, sizeof *command);
    if (command)
        command->script_fd = -1;
    if (!command || !(command->arguments = arguments(request)) || !(command->environment = environment(request))) {
        free(command);
        slurm_failed(request, DURE_SLURM_NO_ANSWER, true, "out of memory");
        return;
    }
    command->request = request;
    request->own = command;
    slurm_ref(request); /* of the command */
    if (request->kind != SLURM_SUBMIT) {
        spawn(command);
        return;
    }
    command->work.data = command;
    slurm_ref(request);
    DURE_ASSERT(uv_queue_work(request->slurm->loop, &command->work, prepare, prepared) == 0);
}

static void close_pipe(uv_pipe_t *pipe)
{
    if (!uv_is_closing((uv_handle_t *)pipe))
        uv_close((uv_handle_t *)pipe, closed);
}

/* What was asked may have arrived. The process is still waited for, so that it is no zombie; its pipes are not, since what it began may hold
 * them open. */
static void commands_abort(struct slurm_request *request)
{
    struct command *command = request->own;
    if (!command || !command->open)
        return;
    if (!uv_is_closing((uv_handle_t *)&command->process))
        uv_process_kill(&command->process, SIGKILL);
    close_pipe(&command->out);
    close_pipe(&command->err);
}

static void commands_free(struct dure_slurm *slurm)
{
    (void)slurm;
}

const struct slurm_way slurm_commands = {commands_begin, commands_abort, commands_free};
