/* A process begun from a worker's thread, so that who owns the state need not wait until it has been scheduled and has found its program: on a busy
 * machine that takes milliseconds, and a burst of submissions begins dozens. */
#include "engine/slurm/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNALS = 64 };

/* As the same user: the address space is not copied. */
static int begin_same(const struct slurm_spawn *what, const int fds[3], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    for (int i = 0; i < 3 && !code; i++)
        code = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (!code)
        code = posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (!code)
        code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!code)
        code = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!code)
        code = posix_spawnattr_setsigmask(&attributes, &none);
    if (!code)
        code = posix_spawn(ret_pid, what->file, &actions, &attributes, what->arguments, what->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* In the child, which shares nothing but may take no lock: calls of the system alone. What failed goes into `told_fd`. */
static void become(const struct slurm_spawn *what, const int fds[3], int told_fd)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i <= SIGNALS; i++)
        (void)sigaction(i, &standard, NULL);
    sigemptyset(&none);
    bool ok = chdir("/") == 0;
    for (int i = 0; i < 3; i++)
        ok = ok && dup2(fds[i], i) == i;
    if (ok && setgroups(0, NULL) == 0 && setgid(what->gid) == 0 && setuid(what->uid) == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execve(what->file, what->arguments, what->environment);
    const int code = errno;
    (void)!write(told_fd, &code, sizeof code);
    _exit(127);
}

static int begin_other(const struct slurm_spawn *what, const int fds[3], pid_t *ret_pid)
{
    int told[2], code = 0;
    sigset_t all, before;
    if (pipe2(told, O_CLOEXEC) != 0)
        return errno;
    sigfillset(&all); /* none of our handlers may run in the child */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0)
        become(what, fds, told[1]);
    const int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(told[1]);
    ssize_t got = 0;
    while (pid > 0 && (got = read(told[0], &code, sizeof code)) < 0 && errno == EINTR)
        continue;
    close(told[0]);
    if (pid < 0)
        return failed;
    if (got == (ssize_t)sizeof code) {
        waitpid(pid, NULL, 0);
        return code ? code : EIO;
    }
    *ret_pid = pid;
    return 0;
}

int slurm_spawn(const struct slurm_spawn *what, struct slurm_child *ret_child)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, code = 0;
    const int null_fd = what->input_fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    const int fds0 = what->input_fd < 0 ? null_fd : what->input_fd;
    pid_t pid = 0;
    if (fds0 < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        code = errno;
    const int fds[3] = {fds0, out[1], err[1]};
    if (!code)
        code = what->other_user ? begin_other(what, fds, &pid) : begin_same(what, fds, &pid);
    const int ours[] = {null_fd, out[1], err[1], code ? out[0] : -1, code ? err[0] : -1};
    for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
        if (ours[i] >= 0)
            close(ours[i]);
    if (!code)
        *ret_child = (struct slurm_child){.pid = pid, .out_fd = out[0], .err_fd = err[0]};
    return code;
}
