#include "engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNALS = 64 };

/* As the same user: the address space is shared until the program begins, so that the cost does not grow with the daemon. */
static int set(const struct dure_spawn *what, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    const short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;
    int code = 0;
    sigfillset(&all);
    sigemptyset(&none);
    for (unsigned i = 0; i < what->fd_count && !code; i++)
        code = posix_spawn_file_actions_adddup2(actions, what->fds[i], (int)i);
    if (!code && what->directory)
        code = posix_spawn_file_actions_addchdir_np(actions, what->directory);
    if (!code)
        code = posix_spawnattr_setflags(attributes, what->session ? flags | POSIX_SPAWN_SETSID : flags);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setsigmask(attributes, &none);
    return code;
}

static int begin_same(const struct dure_spawn *what, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (!code) {
        code = set(what, &actions, &attributes);
        if (!code)
            code = (what->search ? posix_spawnp : posix_spawn)(ret_pid, what->file, &actions, &attributes,
                                                               what->arguments, what->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* In the child, which shares nothing but may take no lock: calls of the system alone. What failed goes into `told_fd`. */
static void become(const struct dure_spawn *what, int told_fd)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i <= SIGNALS; i++)
        (void)sigaction(i, &standard, NULL);
    sigemptyset(&none);
    bool ok = (!what->directory || chdir(what->directory) == 0) && (!what->session || setsid() >= 0);
    for (unsigned i = 0; i < what->fd_count; i++)
        ok = ok && dup2(what->fds[i], (int)i) == (int)i;
    if (ok && setgroups(0, NULL) == 0 && setgid(what->gid) == 0 && setuid(what->uid) == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execve(what->file, what->arguments, what->environment);
    const int code = errno;
    (void)!write(told_fd, &code, sizeof code);
    _exit(127);
}

static int begin_other(const struct dure_spawn *what, pid_t *ret_pid)
{
    int told[2], code = 0;
    sigset_t all, before;
    if (pipe2(told, O_CLOEXEC) != 0)
        return errno;
    sigfillset(&all); /* none of our handlers may run in the child */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0)
        become(what, told[1]);
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

int dure_spawn(const struct dure_spawn *what, pid_t *ret_pid)
{
    return what->other_user ? begin_other(what, ret_pid) : begin_same(what, ret_pid);
}

int dure_spawn_piped(const struct dure_spawn *what, int input_fd, struct dure_child *ret_child)
{
    struct dure_spawn piped = *what;
    int out[2] = {-1, -1}, err[2] = {-1, -1}, code = 0;
    const int null_fd = input_fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    const int in = input_fd < 0 ? null_fd : input_fd;
    pid_t pid = 0;
    if (in < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        code = errno;
    const int fds[] = {in, out[1], err[1]};
    piped.fds = fds;
    piped.fd_count = 3;
    piped.directory = "/";
    if (!code)
        code = dure_spawn(&piped, &pid);
    const int ours[] = {null_fd, out[1], err[1], code ? out[0] : -1, code ? err[0] : -1};
    for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
        if (ours[i] >= 0)
            close(ours[i]);
    if (!code)
        *ret_child = (struct dure_child){.pid = pid, .out_fd = out[0], .err_fd = err[0]};
    return code;
}
