#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "minder/minder.h"

/* What runs: argv, and the script in memory if there is one. */
static char **arguments(const struct minder *minder, char *script_path)
{
    const struct dure_span command = minder->spec.command;
    uint32_t count = 0;
    for (uint32_t i = 0; i < command.length; i++)
        count += command.data[i] == '\0';
    char **argv = calloc((size_t)count + 2, sizeof *argv);
    uint32_t at = 0;
    if (argv && minder->spec.script.length)
        argv[at++] = script_path;
    for (uint32_t i = 0; argv && i < count; i++)
        argv[at++] = (char *)(uintptr_t)dure_span_item(command, i);
    return argv;
}

static void limits(const struct minder *minder)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &minder->files_before);
}

static void run(const struct minder *minder, char **argv, char **env)
{
    environ = env;
    if (minder->spec.script.length == 0) {
        execvp(argv[0], argv);
        return;
    }
    fcntl(minder->script_fd, F_SETFD, 0); /* the interpreter opens it by its number */
    execve(argv[0], argv, env);
    if (errno != ENOEXEC)
        return;
    /* No "#!" line: the shell's. */
    uint32_t count = 0;
    while (argv[count])
        count++;
    char **shell = calloc((size_t)count + 2, sizeof *shell);
    if (!shell)
        return;
    shell[0] = (char *)(uintptr_t) "/bin/sh";
    memcpy(shell + 1, argv, (size_t)count * sizeof *argv);
    execve(shell[0], shell, env);
}

/* After fork, in the task's own process. What fails here is said in the job's own output and to the minder; exit codes as a shell's. */
static _Noreturn void become_task(const struct minder *minder, uint32_t index, int report_fd, pid_t parent, char **argv,
                                  char **env)
{
    const struct minder_task *task = &minder->tasks[index];
    sigset_t none;
    setpgid(0, 0);
    dup2(minder->null_fd, STDIN_FILENO);
    dup2(task->out_fd, STDOUT_FILENO);
    dup2(task->err_fd, STDERR_FILENO);
    limits(minder);
    umask(022);
    sigemptyset(&none);
    if (minder_user_become(minder) && fchdir(minder->workdir_fd) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
        if (getppid() != parent)
            _exit(128 + SIGKILL); /* the minder died before it could take us with it */
        sigprocmask(SIG_SETMASK, &none, NULL);
        run(minder, argv, env);
    }
    const struct minder_exec_failure failure = {index, errno};
    dprintf(STDERR_FILENO, "dure: cannot run %s: %s\n", minder->spec.script.length ? "the job's script" : argv[0],
            strerror(failure.error));
    (void)!write(report_fd, &failure, sizeof failure);
    _exit(failure.error == ENOENT ? 127 : 126);
}

/* Born in its control group where the kernel can: moving a process there later waits for every processor. */
static pid_t fork_into(int leaf_fd)
{
    struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)leaf_fd};
    if (leaf_fd < 0)
        return fork();
    const long born = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (born >= 0 || errno == EAGAIN || errno == ENOMEM)
        return (pid_t)born;
    const pid_t pid = fork();
    if (pid == 0) {
        const int fd = openat(leaf_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
            (void)!write(fd, "0", 1);
    }
    return pid;
}

static enum dure_err start_one(struct minder *minder, uint32_t index, int report_fd, char **argv,
                               struct dure_error *error)
{
    enum { ENVIRONMENT_MAX = 1024 * 1024 };
    DURE_CLEANUP_BUF struct dure_buf strings;
    dure_buf_init(&strings, ENVIRONMENT_MAX);
    char **env = minder_environment(minder, index, &strings);
    if (!env)
        return dure_fail(error, DURE_E_LIMIT, "the environment is larger than %d bytes", ENVIRONMENT_MAX);
    const pid_t parent = getpid();
    const pid_t pid = fork_into(minder->leaf_fd);
    if (pid == 0)
        become_task(minder, index, report_fd, parent, argv, env);
    free(env);
    if (pid < 0)
        return dure_fail(error, DURE_E_BUSY, "no process for task %u: %s", index, strerror(errno));
    setpgid(pid, pid);
    minder->tasks[index].pid = pid;
    minder->tasks[index].running = true;
    minder->running++;
    return DURE_OK;
}

static void close_outputs(struct minder *minder)
{
    for (uint32_t i = (uint32_t)minder->spec.tasks; i-- > 0;) {
        const struct minder_task *task = &minder->tasks[i];
        const bool shared_out = i > 0 && task->out_fd == minder->tasks[0].out_fd;
        const bool shared_err = task->err_fd == task->out_fd || (i > 0 && task->err_fd == minder->tasks[0].err_fd);
        if (!shared_err)
            close(task->err_fd);
        if (!shared_out)
            close(task->out_fd);
    }
}

enum dure_err minder_tasks_start(struct minder *minder, struct dure_error *error)
{
    int pipe_fds[2];
    char script_path[32];
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return dure_fail(error, DURE_E_IO, "no pipe: %s", strerror(errno));
    minder->exec_fd = pipe_fds[0];
    snprintf(script_path, sizeof script_path, "/dev/fd/%d", minder->script_fd);
    char **argv = arguments(minder, script_path);
    enum dure_err err = argv ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "out of memory");
    minder->begun_us = minder->sampled_us = minder_now_us();
    for (uint32_t i = 0; !err && i < minder->spec.tasks; i++)
        err = start_one(minder, i, pipe_fds[1], argv, error);
    free(argv);
    close(pipe_fds[1]);
    close_outputs(minder);
    return err;
}

/* The write ends close one by one as the programs begin: the end of the stream means that all have begun or failed. */
void minder_exec_read(struct minder *minder)
{
    struct minder_exec_failure failure;
    ssize_t got;
    while ((got = read(minder->exec_fd, &failure, sizeof failure)) == (ssize_t)sizeof failure)
        if (!minder->status.reason[0])
            snprintf(minder->status.reason, sizeof minder->status.reason, "cannot run the job's %s: %s",
                     minder->spec.script.length ? "script" : "command", strerror(failure.error));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close(minder->exec_fd);
    minder->exec_fd = -1;
    if (!minder->status.reason[0] && !minder->refused) {
        minder->started_said = true;
        minder_say(minder, "started", 7);
    }
}
